"""The answer of a run in plain sentences, made from its summary. Nothing is said that the repeats do not carry."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from iomodels.base import words
from iomodels.base.words import count, listed
from iomodels.data.records import Panel
from iomodels.judge import stats
from iomodels.judge.classes import Share
from iomodels.judge.summary import Comparison, Summary
from iomodels.judge.verdict import Kind

MOST_TOLD = 5
"""So many differences of a pair a sentence can name one by one and stay readable."""
MOST_TOLD_OF_MANY = 2
"""The same where there are so many series that their sentences fill the page."""
MANY = 4
MOST_SENTENCES = 6
"""With more pairs of a server and a panel than this, a server has one sentence for all its loads: the rest is in figures and tables."""


def answer(summary: Summary) -> list[str]:
    """First what was found, then what limits it."""
    if not any(cell.verdict.valid for cell in summary.cells):
        return [
            f"On {summary.platform} there is no valid measurement, so there is no answer.",
            *_gaps(summary),
        ]
    others = [label for label in summary.labels[1:] if label not in summary.controls]
    if len(others) * len(summary.panels) > MOST_SENTENCES:
        found = [_overview(summary, label) for label in others]
    else:
        found = [_comparison(summary, label, load) for label in others for load in summary.panels]
    found += [_control(summary, label) for label in summary.controls]
    if len(summary.labels) == 1:
        found = [f"Only {summary.baseline} was measured, so there is nothing to compare it with."]
    return [
        *found,
        *(_classes(summary) if summary.suite.load.classes else _latency(summary)),
        *_certainty(summary),
        *_gaps(summary),
    ]


def times(ratio: stats.Estimate) -> str:
    """'1.80× [1.60, 2.00]'."""
    return words.ratio(ratio.value, ratio.low, ratio.high)


def figure_words(load: Panel) -> str:
    """What a ratio in a panel is a ratio of."""
    return "CPU time a request" if load[-1] else "requests per second"


def _comparison(summary: Summary, label: str, load: Panel) -> str:
    """One sentence a pair and message size: the differences from the highest load down, then where there is none."""
    rows = [
        row
        for row in summary.comparisons
        if row.cell.condition.label == label and row.cell.condition.panel == load
    ]
    rows.sort(key=lambda row: row.cell.condition.connections)
    different, same, few = (
        [row for row in rows if row.ratio and row.finding is kind]
        for kind in (stats.Finding.SHOWN, stats.Finding.NOT_SHOWN, stats.Finding.TOO_FEW)
    )
    most = MOST_TOLD if len(summary.labels) < MANY else MOST_TOLD_OF_MANY
    parts = _differences(different, most)
    parts += [f"no difference shown {_where(same, rows)}"] if same else []
    parts += [f"too few repeats to tell: {', '.join(_differences(few, most))}"] if few else []
    parts += [f"no comparison at {_at(row)}, where {row.reason}" for row in rows if row.reason]
    return f"On {summary.platform}, {label} over {summary.baseline} in {figure_words(load)}, {load.words}: {'; '.join(parts)}."


def _overview(summary: Summary, label: str) -> str:
    """One sentence a pair over all loads: at how many it is higher, lower, not told apart, and by how much at most."""
    parts = []
    for fixed in (False, True):
        rows = [
            row
            for row in summary.comparisons
            if row.cell.condition.label == label and bool(row.cell.condition.rate_percent) is fixed
        ]
        if rows:
            parts.append(
                f"in {figure_words(rows[0].cell.condition.panel)}{' at an offered rate' * fixed}: {', '.join(_tally(rows))}"
            )
    return f"On {summary.platform}, {label} over {summary.baseline} {'; '.join(parts)}."


def _tally(rows: Sequence[Comparison]) -> list[str]:
    """'higher at 3 of 10 loads, most at 64 connections × 64 B (1.80× [1.60, 2.00])', and so on for every finding that there is."""
    ratios = [(ratio, row) for row in rows if (ratio := row.ratio) is not None]
    shown = [(ratio, row) for ratio, row in ratios if row.finding is stats.Finding.SHOWN]
    parts = []
    for word, found in (
        ("higher", [each for each in shown if each[0].value > 1]),
        ("lower", [each for each in shown if each[0].value < 1]),
    ):
        if found:
            ratio, row = max(found, key=lambda each: abs(math.log(each[0].value)))
            parts.append(
                f"{word} at {_of(found, rows)}, most at {_at(row)} × {row.cell.condition.panel.words} ({times(ratio)})"
            )
    same = [each for each in ratios if each[1].finding is stats.Finding.NOT_SHOWN]
    few = [ratio.value for ratio, row in ratios if row.finding is stats.Finding.TOO_FEW]
    parts += [f"no difference shown at {_of(same, rows)}"] if same else []
    parts += (
        [
            f"too few repeats to tell at {_of(few, rows)} (ratios {words.factor(min(few))}× to {words.factor(max(few))}×)"
        ]
        if few
        else []
    )
    without = [row for row in rows if row.ratio is None]
    return parts + ([f"no comparison at {_of(without, rows)}"] if without else [])


def _of(some: Sequence[object], rows: Sequence[Comparison]) -> str:
    return (
        f"{'all' if len(some) == len(rows) > 1 else f'{len(some)} of'} {count(len(rows), 'load')}"
    )


def _control(summary: Summary, label: str) -> str:
    """What the baseline's double says of the method: a difference between the two is one that no model makes."""
    rows = [row for row in summary.comparisons if row.cell.condition.label == label]
    ratios = [(row.ratio, row) for row in rows if row.ratio]
    differing = [(ratio, row) for ratio, row in ratios if row.finding is stats.Finding.SHOWN]
    told = f"Control: {label} is {summary.baseline} once more, on {summary.platform}"
    if not any(row.finding is not stats.Finding.TOO_FEW for _, row in ratios):
        return f"{told}; without {stats.REPEATS_FOR_A_CLAIM} valid repeats of both it says nothing."
    if not differing:
        return f"{told}: no difference shown at {count(len(ratios), 'load')}, as it must be."
    ratio, row = max(differing, key=lambda each: abs(math.log(each[0].value)))
    return (
        f"{told}; yet it differs at {len(differing)} of {count(len(ratios), 'load')}, most at {_at(row)} × "
        f"{row.cell.condition.panel.words}: {times(ratio)}. No model is the cause of that: do not believe differences of this "
        "size in this run."
    )


def _differences(rows: Sequence[Comparison], most: int) -> list[str]:
    """Each ratio with its interval from the highest load down; of many the highest load's, and the range of the others."""
    ratios = [(row, row.ratio) for row in reversed(rows) if row.ratio is not None]
    told = [f"{times(ratio)} at {_at(row)}" for row, ratio in ratios]
    if len(told) <= most:
        return told
    values = sorted(ratio.value for _, ratio in ratios[1:])
    return [
        told[0],
        f"{words.factor(values[0])}× to {words.factor(values[-1])}× at {len(values)} lower loads ({rows[0].cell.condition.connections:,} "
        f"to {_at(rows[-2])})",
    ]


def _at(row: Comparison) -> str:
    return count(row.cell.condition.connections, "connection")


def _where(some: Sequence[Comparison], rows: Sequence[Comparison]) -> str:
    """'up to 64 connections' when they are the lowest loads, 'from 64 connections up' the highest, else each by its number."""
    numbers = [row.cell.condition.connections for row in some]
    if len(some) == len(rows) > 1:
        return f"at any load from {numbers[0]:,} to {numbers[-1]:,} connections"
    if len(some) > 1 and list(some) == list(rows[: len(some)]):
        return f"up to {numbers[-1]:,} connections"
    if len(some) > 1 and list(some) == list(rows[-len(some) :]):
        return f"from {numbers[0]:,} connections up"
    return (
        f"at {listed([f'{each:,}' for each in numbers])} connection{'' if numbers == [1] else 's'}"
    )


def _latency(summary: Summary) -> list[str]:
    """Median and p99 of every series at the highest load that has any, one sentence a message size; of many sizes the first."""
    sentences = []
    panels = summary.panels
    if (len(summary.labels) - 1) * len(panels) > MOST_SENTENCES:
        panels = panels[:1]  # one of many is an example, the rest is in figures and tables
    for load in panels:
        cells = [
            cell for cell in summary.cells if cell.condition.panel == load and cell.verdict.valid
        ]
        most = max((cell.condition.connections for cell in cells), default=0)
        heavy = [cell for cell in cells if cell.condition.connections == most]
        told = [
            f"{cell.condition.label} {_time(cell.latency_us[50.0])} (p99 {_time(cell.latency_us[99.0])})"
            for cell in heavy
        ]
        if told:
            sentences.append(
                f"Median latency at {count(most, 'connection')} × {load.words}: {listed(told)}."
            )
    return sentences


def _classes(summary: Summary) -> list[str]:
    """What each class of connections got in the first panel at its highest load: of many classes and panels one is an example."""
    load = summary.panels[0]
    cells = [cell for cell in summary.cells if cell.condition.panel == load and cell.verdict.valid]
    most = max((cell.condition.connections for cell in cells), default=0)
    heavy = [cell for cell in cells if cell.condition.connections == most]
    sentences = []
    for place, (name, _) in enumerate(summary.suite.load.classes if heavy else ()):
        told = [
            f"{cell.condition.label} {_time(cell.shares[place].latency_us[50.0])} (p99 {_time(cell.shares[place].latency_us[99.0])}, "
            f"{_percent(cell.shares[place])} of the replies)"
            for cell in heavy
        ]
        sentences.append(
            f"Median response of class {name}, {heavy[0].shares[place].connections:,} of {count(most, 'connection')}: {listed(told)}."
        )
    return sentences


def _percent(share: Share) -> str:
    return "an unknown share" if share.share.value is None else words.percent(share.share.value)


def _time(measure: stats.Measure) -> str:
    value = measure.value
    return "not shown: too few samples" if value is None else words.time(1e3 * value)


def _certainty(summary: Summary) -> list[str]:
    """What the number of repeats allows to claim."""
    if not summary.comparisons:
        return []
    numbers = sorted({cell.n for cell in summary.cells if cell.verdict.valid})
    repeats = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}"
    brackets = "Brackets are 95 % bootstrap intervals of the ratio of medians."
    few = next((each for each in numbers if each > 1), 1)
    if numbers == [1]:
        return ["n = 1 repeat a cell: there are no intervals, and no difference is claimed."]
    if few < stats.REPEATS_FOR_A_CLAIM:
        told = (
            f"n = {repeats} repeats a cell, fewer than the {stats.REPEATS_FOR_A_CLAIM} a side that a rank test needs: no statistical "
            f"significance is claimed{' where there are fewer' if numbers[-1] >= stats.REPEATS_FOR_A_CLAIM else ''}. {brackets}"
        )
        covered = stats.range_coverage(few)
        return [
            told
            if covered >= stats.CONFIDENCE
            else f"{told} They show how far the repeats lie apart; made of so few they promise too much: even the whole range of "
            f"{count(few, 'repeat')} holds the true median only {words.percent(covered)} of the time."
        ]
    return [
        f"n = {repeats} repeats a cell. {brackets} A difference is named only where the interval leaves out 1 and the Mann–Whitney "
        "test, Holm-corrected over the whole table, gives p < 0.05."
    ]


def _gaps(summary: Summary) -> list[str]:
    """What is not in the answer: cells that are not valid, failed repeats and repeats that were never measured."""
    planned = sum(cell.planned for cell in summary.cells)
    failed, invalid = (
        sum(failure.kind is kind for cell in summary.cells for failure in cell.failures)
        for kind in (Kind.FAILED, Kind.INVALID)
    )
    missing = sum(cell.missing for cell in summary.cells)
    bad = Counter(cell.verdict.kind.value for cell in summary.cells if not cell.verdict.valid)
    kinds = ", ".join(f"{number} {kind}" for kind, number in bad.most_common())
    gaps: list[tuple[int, Callable[[int], str]]] = [
        (
            bad.total(),
            lambda n: (
                f"{n} of {count(len(summary.cells), 'cell')} {'is' if n == 1 else 'are'} not valid and left out: {kinds} "
                "(the report says why)."
            ),
        ),
        (
            failed,
            lambda n: (
                f"{n} of {count(planned, 'repeat')} failed and {'is' if n == 1 else 'are'} left out (the report lists the reasons)."
            ),
        ),
        (
            invalid,
            lambda n: (
                f"{n} of {count(planned, 'repeat')} {'is' if n == 1 else 'are'} invalid and left out (the report lists the reasons)."
            ),
        ),
        (
            missing,
            lambda n: (
                f"The run is not complete: {n} of {count(planned, 'planned repeat')} {'is' if n == 1 else 'are'} missing."
            ),
        ),
    ]
    return [tell(n) for n, tell in gaps if n]
