"""The answer of a run: one verdict, a ranked list, and what limits them.

Terminal, Markdown, HTML and JSON all show this one object. Nothing is said that the run's own data
do not support: each remark returns None where they do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from iomodels.base import words
from iomodels.judge.knee import LEAST_RATES
from iomodels.judge.loads import Control, JudgedLoad, Rules
from iomodels.judge.paired import Comparison, turned
from iomodels.judge.rule import Lead, Word
from iomodels.judge.summary import Summary, is_ab
from iomodels.report import ab, remarks, sentences
from iomodels.report.next_step import NextStep, next_step
from iomodels.report.sentences import load_words
from iomodels.report.shape import Answer, LoadAnswer, Rank


def answer(summary: Summary) -> Answer:
    """Return the answer of a run, complete or not."""
    if is_ab(summary.run.manifest):
        return ab.answer(summary)
    loads = tuple(_load_answer(summary, load) for load in summary.loads)
    asked = question_loads(summary)
    shown = _shown_first(summary, asked)
    headline = remarks.of_question(summary, shown) or _headline(summary, asked, shown)
    place = summary.loads.index(shown)
    return Answer(headline, loads[place], loads, tuple(remarks.all_remarks(summary, shown)))


def _shown_first(summary: Summary, asked: Sequence[JudgedLoad]) -> JudgedLoad:
    """Return the load to look at first: the largest crowd of idle connections, else the middle."""
    if summary.suite.active:
        return max(asked, key=lambda load: summary.suite.idle(load.key.connections))
    return sorted(asked, key=_by_connections)[(len(asked) - 1) // 2]


def _by_connections(load: JudgedLoad) -> tuple[int, int, int]:
    return load.key.connections, load.key.size, load.key.rate_percent


def question_loads(summary: Summary) -> Sequence[JudgedLoad]:
    """Return the loads that the suite's own question is about.

    A suite that offers a rate at each of its loads asks what a request costs, and with many rates
    where latency bends. Every other one asks for the rate; its open loop is there for the latency.
    """
    offered = [load for load in summary.loads if load.offered]
    everywhere = not (summary.suite.rate_connections or summary.suite.rate_sizes)
    curve = len(summary.suite.rate_percents) >= LEAST_RATES
    if everywhere and offered and (curve or any(load.fastest for load in offered)):
        return offered
    return [load for load in summary.loads if not load.offered] or summary.loads


def _headline(summary: Summary, asked: Sequence[JudgedLoad], shown: JudgedLoad) -> str:
    """One load: its verdict. Several: who leads at how many, and how many are open."""
    if len(asked) == 1:
        return f"{_platform(summary)}: {_inside(sentences.verdict(shown, summary.rules), summary)}"
    leads = [load.lead for load in asked]
    won = Counter(
        load.fastest.leader
        for load, lead in zip(asked, leads)
        if load.fastest and lead is Lead.CLEAR
    )
    best = sentences.scale_of(shown).best
    parts = [
        f"{label} is {best} at {number} of {words.count(len(asked), 'load')}"
        for label, number in won.most_common()
    ]
    counts = Counter(leads)
    for lead, text in (
        (Lead.EQUAL, "several are equal at {}"),
        (Lead.LIKELY, "a leader is likely at {}"),
        (Lead.NOT_DECIDED, "no leader is shown at {}"),
        (Lead.PROVISIONAL, "too few rounds at {}"),
        (Lead.ALONE, "only one server has a figure at {}"),
        (None, "no server has a figure at {}"),
    ):
        if counts[lead]:
            parts.append(text.format(words.count(counts[lead], "load")))
    behind = Counter(
        one.other
        for load in asked
        for one in (load.fastest.comparisons if load.fastest else ())
        if one.word is Word.FASTER
    )
    worse = sentences.scale_of(shown).worse
    parts += [
        f"{label} is {worse} than the leader at {words.count(number, 'load')}"
        for label, number in behind.most_common(1)
        if number > 1
    ]
    return f"{_platform(summary)}: {'; '.join(parts)}."


def _platform(summary: Summary) -> str:
    return f"On {summary.platform}"


def _inside(sentence: str, summary: Summary) -> str:
    """Return the sentence as it follows a colon; a server keeps its name."""
    named = sentence.startswith(summary.labels)
    return sentence if named else sentence[:1].lower() + sentence[1:]


def _load_answer(summary: Summary, load: JudgedLoad) -> LoadAnswer:
    connections = load.key.connections
    active = connections - summary.suite.idle(connections)
    crowd = f", {active:,} active" if active < connections else ""
    return LoadAnswer(
        load.key,
        load.offered,
        f"{load_words(load.key)}{crowd}",
        sentences.badge(load),
        load.fastest.leader if load.fastest else None,
        sentences.verdict(load, summary.rules),
        _next_step(summary, load),
        tuple(ranking(load, summary.rules)),
    )


def ranking(load: JudgedLoad, rules: Rules) -> list[Rank]:
    """The leader and the others by their ratio; those without a figure or ratio; the controls."""
    ranks: list[Rank] = []
    if load.fastest:
        leader = load.fastest.leader
        ranks.append(Rank(leader, load.figure(leader), 1.0, None, "first"))
        ranks += [
            Rank(
                one.other,
                load.figure(one.other),
                min(1.0, 1 / one.ratio),
                one,
                _rank_words(load, one, rules.fastest.margin),
            )
            for one in load.fastest.comparisons
        ]
        ranks += [
            Rank(label, None, 0.0, None, reason) for label, reason in load.fastest.left_out.items()
        ]
    for each in load.unable:
        least = each.at_least
        said = f"≥ {words.at_least(least)} requests/s: {each.reason}" if least else each.reason
        ranks.append(Rank(each.label, None, 0.0, None, said))
    for control in load.controls:
        said = _control_words(load, control)
        ranks.append(Rank(control.label, load.figure(control.label), 0.0, None, said, control=True))
    return ranks


def _rank_words(load: JudgedLoad, one: Comparison, margin: float) -> str:
    """The word of a row over the leader, and the ratio of their figures."""
    own, scale = turned(one, one.other), sentences.scale_of(load)
    word = own.word.text(margin)
    word = word.replace("faster", scale.better).replace("slower", scale.worse)
    why = ", since the control disagrees" if one.withheld else ""
    both = f" in the {words.count(one.rounds, 'round')} of both" if own.ratio > 1 else ""
    return f"{word}{why}: {_figures_ratio(load, own)}{both}"


def _control_words(load: JudgedLoad, control: Control) -> str:
    if control.comparison is None:
        return f"control of {control.twin}; {control.reason}"
    disagrees = "; it disagrees" if control.disagrees else ""
    return f"control: {_figures_ratio(load, control.comparison)} of {control.twin}{disagrees}"


def _figures_ratio(load: JudgedLoad, one: Comparison) -> str:
    """The first server's figure over the second's: of rates, or of CPU times at an offered rate."""
    if load.offered:
        one = turned(one, one.other)
    differs = one.word not in (Word.EQUAL, Word.NOT_DECIDED, Word.PROVISIONAL)
    return words.ratio(one.ratio, one.low, one.high, differs=differs)


def _next_step(summary: Summary, load: JudgedLoad) -> NextStep | None:
    if load.fastest is None or load.lead in (Lead.CLEAR, Lead.EQUAL):
        return None
    return next_step(summary, load, load.fastest.comparisons)
