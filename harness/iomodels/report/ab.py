"""The answer of `iomodels ab`: what the new build changes, as sentences and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from iomodels.base import words
from iomodels.data.records import Panel
from iomodels.judge.ab import Change, Mean, changes_of, changes_of_load, means_of
from iomodels.judge.loads import NEW, OLD, JudgedLoad
from iomodels.judge.paired import Comparison, turned
from iomodels.judge.rule import Word
from iomodels.judge.summary import Summary
from iomodels.report import remarks
from iomodels.report.next_step import next_step
from iomodels.report.sentences import load_words
from iomodels.report.shape import Answer, ChangeRow, Changes, ChangeTable, LoadAnswer, Rank

RATE, COST = "requests/s", "CPU time per request"
COST_UNIT = "µs of CPU time per request"
CHANGED = (
    "old and new: geometric means over the rounds of both builds. p: with Holm's correction over "
    "the changes of a load."
)
"""What the columns of the tables are."""


def answer(summary: Summary) -> Answer:
    """Return the answer of a run that compares two builds, complete or not."""
    changes = changes_of(summary)
    means = tuple(means_of(summary))
    loads = tuple(_load_answer(summary, load) for load in summary.loads)
    shown = next((place for place, load in enumerate(loads) if load.next), 0)
    return Answer(
        _headline(summary, changes, means),
        loads[shown],
        loads,
        tuple(remarks.all_remarks(summary, summary.loads[shown])),
        Changes(
            tuple(_tables(summary, changes)),
            tuple(_mean_words(each, summary) for each in means),
            tuple(
                f"{each.model} at {load_words(each.key)}: {each.reason}"
                for each in changes
                if each.reason
            ),
            changes,
            means,
        ),
    )


def _headline(summary: Summary, changes: Sequence[Change], means: Sequence[Mean]) -> str:
    """The geometric mean where there is one, and how many changes have each word."""
    found = [(each, each.comparison) for each in changes if each.comparison]
    start = f"On {summary.platform}, new over old"
    if not found:
        return f"{start}: no model has a figure for both builds."
    if len(found) == 1:
        [(change, one)] = found
        said = f"{change.model} at {load_words(change.key)}, {_change_of(change.offered, one)}"
        return f"{start}: {said}: {word_of(one, change.offered, summary)}."
    told = []
    for offered in (False, True):
        of_scale = [one for change, one in found if change.offered is offered]
        counts = Counter(word_of(one, offered, summary) for one in of_scale)
        numbers = ", ".join(f"{number} {word}" for word, number in counts.most_common())
        mean = next((each for each in means if each.offered is offered), None)
        if mean:
            told.append(f"{_mean_words(mean, summary)}: {numbers}")
        elif of_scale:
            told.append(f"{COST if offered else RATE}: {numbers}")
    return f"{start}: {'; '.join(told)}."


def _mean_words(mean: Mean, summary: Summary) -> str:
    """'requests/s +5.3 % [+1.2, +9.4], faster, in the geometric mean of 4 changes'."""
    one = mean.comparison
    word = word_of(one, mean.offered, summary)
    return (
        f"{_change_of(mean.offered, one)}, {word}, in the geometric mean of "
        f"{words.count(mean.changes, 'change')}"
    )


def _change_of(offered: bool, one: Comparison) -> str:
    return f"{COST if offered else RATE} {change_words(one, offered)}"


def _load_answer(summary: Summary, load: JudgedLoad) -> LoadAnswer:
    changes = changes_of_load(load)
    found = [each.comparison for each in changes if each.comparison]
    said = [
        f"{each.model}: {each.reason}"
        if each.comparison is None
        else f"{each.model}: {_change_of(each.offered, each.comparison)}, "
        f"{word_of(each.comparison, each.offered, summary)}"
        for each in changes
    ]
    return LoadAnswer(
        load.key,
        load.offered,
        load_words(load.key),
        _badge([one.word for one in found]),
        None,
        f"{'; '.join(said)}.",
        next_step(summary, load, found),
        tuple(rank for change in changes for rank in _ranks(change, changes, summary)),
    )


def _badge(found: Sequence[Word]) -> str:
    """How sure the least sure change of a load is."""
    likely = (Word.LIKELY_FASTER, Word.LIKELY_SLOWER)
    if not found:
        return "no figure"
    for badge, open_ in (
        ("provisional", (Word.PROVISIONAL,)),
        ("not decided", (Word.NOT_DECIDED,)),
        ("likely", likely),
    ):
        if any(word in open_ for word in found):
            return badge
    return "equal" if set(found) == {Word.EQUAL} else "clear"


def _ranks(change: Change, changes: Sequence[Change], summary: Summary) -> list[Rank]:
    """Old and new of a model, with bars as long as they are good."""
    figures = [each for one in changes for each in (one.old, one.new) if each]

    def share(value: float | None) -> float:
        if not value:
            return 0.0
        return min(figures) / value if change.offered else value / max(figures)

    one = change.comparison
    said = (
        change.reason or ""
        if one is None
        else f"{word_of(one, change.offered, summary)}: {change_words(one, change.offered)}"
    )
    return [
        Rank(change.model + OLD, change.old, share(change.old), None, "old"),
        Rank(change.model + NEW, change.new, share(change.new), None, said),
    ]


# ---- the tables ----


def _tables(summary: Summary, changes: Sequence[Change]) -> list[ChangeTable]:
    """One table per panel: its rows have one unit."""
    return [
        ChangeTable(
            _panel_words(panel, summary),
            COST_UNIT if of_panel[0].offered else RATE,
            tuple(_row(each, summary) for each in of_panel),
        )
        for panel in dict.fromkeys(each.key.panel for each in changes)
        if (of_panel := [each for each in changes if each.key.panel == panel])
    ]


def _panel_words(panel: Panel, summary: Summary) -> str:
    """'64 B', '64 B, at 2,000 requests/s'."""
    rate = summary.suite.load.rate
    return f"{panel.words}, at {rate:,} requests/s" if rate else panel.words


def _row(change: Change, summary: Summary) -> ChangeRow:
    one = change.comparison
    compared = (words.NOTHING, words.NOTHING, "no figure")
    if one:
        word = word_of(one, change.offered, summary)
        compared = (change_words(one, change.offered), _p(one.p_holm), word)
    figures = (words.number(change.old), words.number(change.new))
    return ChangeRow(change.model, f"{change.key.connections:,}", *figures, *compared)


def _p(value: float | None) -> str:
    """'0.012', '<0.0001': more digits are no evidence."""
    if value is None:
        return words.NOTHING
    return "<0.0001" if value < 1e-4 else f"{value:.2g}"


def word_of(one: Comparison, offered: bool, summary: Summary) -> str:
    """'faster', 'likely less CPU time'."""
    word = one.word.text(summary.rules.baseline.margin)
    if not offered:
        return word
    return word.replace("faster", "less CPU time").replace("slower", "more CPU time")


def change_words(one: Comparison, offered: bool) -> str:
    """'+5.3 % [+1.2, +9.4]': of the rate, or at an offered rate of the CPU time."""
    if offered:
        one = turned(one, one.other)
    differs = one.word not in (Word.EQUAL, Word.NOT_DECIDED, Word.PROVISIONAL)
    ends = [end for end in (one.low, one.high) if end is not None]
    brackets = ", ".join(_signed(end, differs) for end in ends)
    return f"{_signed(one.ratio, differs)} %{f' [{brackets}]' if len(ends) == 2 else ''}"


def _signed(ratio: float, differs: bool) -> str:
    """'+5.3' for 1.053. differs: the ratio is shown not to be 1, so nothing rounds to 0."""
    percent = 100 * (ratio - 1)
    if percent == float("inf"):
        return "+∞"
    decimals = 1 if abs(percent) < 1000 else 0
    while differs and percent and decimals < 9 and not float(f"{percent:.{decimals}f}"):
        decimals += 1
    return f"{percent:+,.{decimals}f}".replace("-", words.MINUS)
