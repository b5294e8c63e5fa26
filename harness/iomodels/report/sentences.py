"""The verdict of one load in a sentence. Each says only what its comparisons carry.

docs/statistics.md says what the words of a comparison are worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from iomodels.base import words
from iomodels.judge.loads import JudgedLoad, Rules, Unable
from iomodels.judge.paired import Comparison, Fastest
from iomodels.judge.rule import Lead, Rule, Word
from iomodels.plan.order import LoadKey


@dataclass(frozen=True)
class Scale:
    """What is compared: at an offered rate the CPU time per request, else requests per second.

    A ratio above 1 is good for its first server on either scale.
    """

    best: str
    better: str
    worse: str
    unit: str

    def value(self, load: JudgedLoad, label: str) -> str:
        """'7,690 requests/s', '17.1 µs of CPU time per request'."""
        return f"{words.number(load.figure(label))} {self.unit}"


RATE = Scale("fastest", "faster", "slower", "requests/s")
CPU = Scale("cheapest", "cheaper", "costlier", "µs of CPU time per request")


def scale_of(load: JudgedLoad) -> Scale:
    return CPU if load.offered else RATE


def load_words(key: LoadKey) -> str:
    """'64 connections × 64 B', '64 connections × 64 B at 50 % of the lowest peak'."""
    offered = f" at {key.rate_percent} % of the lowest peak" if key.rate_percent else ""
    depth = f", depth {key.depth}" if key.depth > 1 else ""
    size = words.size(key.size, key.reply_size)
    return f"{words.count(key.connections, 'connection')} × {size}{depth}{offered}"


def badge(load: JudgedLoad) -> str:
    """'clear', 'likely', 'equal', 'not decided', 'provisional', 'one server', 'no figure'."""
    if load.lead is None:
        return "no figure"
    return "one server" if load.lead is Lead.ALONE else str(load.lead.value)


def verdict(load: JudgedLoad, rules: Rules) -> str:
    """Return the verdict sentence, with what limits it."""
    bound = [each for each in load.unable if each.at_least is not None]
    if load.fastest is None:
        parts = [_bound_only(bound)] if bound else ["No server has a figure at this load."]
    else:
        lead = load.fastest.lead
        said = SENTENCES[lead](load, load.fastest, rules.fastest)
        parts = [_no_winner(load, bound)] if load.beating else [said]
        parts += [_bound_only(bound)] if bound and not load.beating else []
        parts += [
            f"{each} shares no round with {load.fastest.leader}." for each in load.fastest.left_out
        ]
    parts += [f"{each.label} {each.reason}." for each in load.unable if each.limit]
    faults = [each.label for each in load.unable if not each.limit and each not in bound]
    if faults and (load.fastest or bound):
        have = "have" if len(faults) > 1 else "has"
        parts.append(f"{words.listed(faults)} {have} no valid figure.")
    return " ".join([*parts, *_control(load)])


# ---- one sentence per lead ----


def _clear(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    scale, nearest = scale_of(load), fastest.comparisons[0]
    twice = nearest.ratio >= 2

    def by(ratio: float | None) -> str:
        if ratio is None:
            return words.NOTHING
        return words.ratio(ratio, differs=True) if twice else words.share(ratio - 1)

    next_ = ", the next" if len(fastest.comparisons) > 1 else ""
    level = words.given(rule.stated)
    interval = f"({level} interval: {by(nearest.low)} to {by(nearest.high)})"
    value, lead = scale.value(load, fastest.leader), by(nearest.ratio)
    if scale is CPU:
        needs = f"{lead} as much" if twice else f"{lead} more"
        than = f"{nearest.other}{next_ and next_ + ','} needs {needs} {interval}"
        return f"{fastest.leader} is cheapest with {value}; {than}."
    more = f"{lead} as many as" if twice else f"{lead} more than"
    return f"{fastest.leader} is fastest with {value}, {more} {nearest.other}{next_} {interval}."


def _likely(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    scale = scale_of(load)
    first = (
        f"{fastest.leader} is likely {scale.best} with {scale.value(load, fastest.leader)}. "
        f"Its lead over {words.listed(fastest.tied)} could still be chance."
    )
    return " ".join([first, *_behind(fastest, scale)])


def _equal(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    """The rounds compare each server with the leader, so the margin is from the leader."""
    scale, leader = scale_of(load), fastest.leader
    equal = words.listed([leader, *fastest.tied])
    word = "cheap" if scale is CPU else "fast"
    within = words.given(rule.margin) + (f" of {leader}" if len(fastest.tied) > 1 else "")
    first = f"{equal} are equally {word}, within {within} (about {scale.value(load, leader)})."
    return " ".join([first, *_behind(fastest, scale)])


def _not_decided(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    scale = scale_of(load)
    open_ = [one for one in fastest.comparisons if one.word is Word.NOT_DECIDED]
    by_rounds = [one for one in open_ if not one.withheld]
    by_control = [one.other for one in open_ if one.withheld]
    reasons = []
    if by_rounds:
        names = words.listed([one.other for one in by_rounds], "or")
        does = "does" if all(one.rounds == 1 for one in by_rounds) else "do"
        reasons.append(f"{_rounds(by_rounds)} {does} not separate it from {names}")
    if by_control:
        names = words.listed(by_control, "or")
        reasons.append(f"the control leaves open whether it is ahead of {names}")
    but = f", but {' and '.join(reasons)}" if reasons else ""
    first = f"{fastest.leader} came out {scale.best} ({scale.value(load, fastest.leader)}){but}."
    return " ".join([first, *_others(fastest, scale, rule)])


def _provisional(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    scale = scale_of(load)
    few = [one for one in fastest.comparisons if one.word is Word.PROVISIONAL]
    first = f"{fastest.leader} was {scale.best} so far ({scale.value(load, fastest.leader)})"
    if len(few) == len(fastest.comparisons):
        first += f" in {_rounds(few)}."
    else:
        names = words.listed([one.other for one in few], "or")
        compare = "compares" if all(one.rounds == 1 for one in few) else "compare"
        first += f", but only {_rounds(few)} {compare} it with {names}."
    one_session = all(one.rounds >= rule.least_rounds for one in few)
    needs = "two sessions" if one_session else f"{rule.least_rounds}"
    return " ".join([first, f"A claim needs {needs}.", *_others(fastest, scale, rule)])


def _alone(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    value = scale_of(load).value(load, fastest.leader)
    if fastest.left_out:
        return f"{fastest.leader} has {value}, but no comparison."
    return f"Only {fastest.leader} has a figure: {value}."


SENTENCES = {
    Lead.CLEAR: _clear,
    Lead.LIKELY: _likely,
    Lead.EQUAL: _equal,
    Lead.NOT_DECIDED: _not_decided,
    Lead.PROVISIONAL: _provisional,
    Lead.ALONE: _alone,
}


def _others(fastest: Fastest, scale: Scale, rule: Rule) -> list[str]:
    """What the rounds say of the servers that they do not leave open."""
    named = {word: [one.other for one in fastest.comparisons if one.word is word] for word in Word}
    parts = []
    if equal := named[Word.EQUAL]:
        parts.append(
            f"{words.listed(equal)} {_is(equal)} equal to it within {words.given(rule.margin)}."
        )
    if likely := named[Word.LIKELY_FASTER]:
        parts.append(f"{words.listed(likely)} {_is(likely)} likely {scale.worse}.")
    if ahead := [*named[Word.SLOWER], *named[Word.LIKELY_SLOWER]]:
        parts.append(f"{words.listed(ahead)} {_is(ahead)} ahead of it in the rounds of both.")
    return [*parts, *_behind(fastest, scale)]


def _behind(fastest: Fastest, scale: Scale) -> list[str]:
    """'D is slower by at least 18 %.', of the nearest server that is shown to be behind."""
    behind = [one for one in fastest.comparisons if one.word is Word.FASTER]
    if not behind:
        return []
    names = [one.other for one in behind]
    least = min(_less(one.low, scale) for one in behind if one.low is not None)
    at_least = words.share(least, math.floor)
    return [f"{words.listed(names)} {_is(names)} {scale.worse} by at least {at_least}."]


# ---- what limits it ----


def _no_winner(load: JudgedLoad, bound: Sequence[Unable]) -> str:
    assert load.fastest
    leader = load.fastest.leader
    return (
        f"No winner can be named. {_bound_only(bound)} Of the others, {leader} is first with "
        f"{scale_of(load).value(load, leader)}."
    )


def _bound_only(bound: Sequence[Unable]) -> str:
    names = [each.label for each in bound]
    least = min(each.at_least or 0.0 for each in bound)
    each_ = "each serves" if len(names) > 1 else "it serves"
    return (
        f"{words.listed(names)} reached the limit of the load generator, so {each_} at least "
        f"{words.at_least(least)} requests/s."
    )


def _control(load: JudgedLoad) -> list[str]:
    """No claim is inside the control's interval, as paired by loads.py."""
    worst = load.disagreeing
    if worst is None or worst.comparison is None:
        return []
    ratio = max(worst.comparison.ratio, 1 / worst.comparison.ratio)
    more, less = worst.floor, 1 - 1 / worst.floor
    above = (
        words.ratio(math.floor(100 * more) / 100)
        if more >= 2
        else f"{words.share(more - 1, math.floor)} more"
    )
    return [
        f"The control disagrees: {worst.label} and {worst.twin} are the same program, yet they "
        f"differ by {difference(ratio)}. So this load claims no difference below {above} or "
        f"{words.share(less, math.floor)} less."
    ]


# ---- words ----


def difference(ratio: float) -> str:
    """'14 %' for 1.14; from twice on '2.03×'."""
    return words.ratio(ratio) if ratio >= 2 else words.share(ratio - 1)


def _less(low: float, scale: Scale) -> float:
    """The least by which the second server is behind: its rate is lower, or its cost is higher."""
    return low - 1 if scale is CPU else 1 - 1 / low


def _rounds(comparisons: Sequence[Comparison]) -> str:
    """'10 rounds', '5 to 10 rounds'."""
    found = sorted({one.rounds for one in comparisons})
    last = words.count(found[-1], "round")
    return last if len(found) == 1 else f"{found[0]} to {last}"


def _is(names: Sequence[str]) -> str:
    return "are" if len(names) > 1 else "is"
