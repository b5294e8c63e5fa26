"""The cells of the page's data (page_data.py): values, rounds, latencies, costs, histograms.

The fields of a cell:

    ok      whether it is in comparisons; else `why` says why not
    v, note the verdict, and notes on a cell that counts
    n, of   valid repeats and planned ones
    y, t    the median: value, low and high; and as text. Requests per second, or at an offered rate
            µs of CPU time per request
    x       the same of each round, null without a valid repeat
    p99     p99 in µs: value, low and high
    q       µs at each of PERCENTS, as far as they are shown
    p       p50, p99 and p99.9 as text
    c       per request: CPU time of the server and of the wineserver in µs, context switches of
            both; null where unavailable
    w       costs as text: CPU time and switches, both together
    h       of each valid repeat the latencies: number of the first bin, then counts; -n stands
            for n empty bins. Bin b holds latencies from 2^(b/8) µs on
    hr      the round of each of `h`
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from iomodels.base import words
from iomodels.data.records import Condition, Record
from iomodels.figures import select
from iomodels.judge import latency, stats
from iomodels.judge.cells import PERCENTS as IN_TABLES
from iomodels.judge.cells import Cell
from iomodels.judge.costs import SWITCHES, WHOLE_CPU
from iomodels.judge.loads import JudgedLoad
from iomodels.judge.stats import Estimate, Histogram, Measure
from iomodels.judge.summary import Summary

BINS_A_DOUBLING = 8
PERCENTS = [
    *(1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 85),
    *(90, 92, 94, 95, 96, 97, 98, 99, 99.2, 99.4, 99.5, 99.6, 99.7, 99.8),
    *(99.9, 99.92, 99.94, 99.95, 99.96, 99.97, 99.98, 99.99, 99.995, 99.999),
]
PARTS = ("server CPU µs", "wineserver CPU µs", "server switches", "wineserver switches")


def cells_by_load(summary: Summary, series: Sequence[str]) -> list[list[dict[str, Any] | None]]:
    """Return of each load the cell of each series."""
    valid = select.counting(summary.run.records)
    return [
        [
            None if cell is None else _cell(load, cell, valid)
            for label in series
            for cell in [_find(load, label)]
        ]
        for load in summary.loads
    ]


def rounded(value: float | None) -> float | None:
    """Return a number in four significant digits: a page shows three. None for infinity."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.4g}")


def _find(load: JudgedLoad, label: str) -> Cell | None:
    return next((cell for cell in load.cells if cell.condition.label == label), None)


def _cell(load: JudgedLoad, cell: Cell, valid: dict[Condition, list[Record]]) -> dict[str, Any]:
    records = sorted(valid.get(cell.condition, ()), key=lambda record: record.repeat)
    histograms = [select.histogram(record) for record in records]
    middle = _middle(cell)
    values = cell.by_round(load.rounds)
    rate = [None if each is None else 1e6 / each if cell.offered else each for each in values]
    return {
        "ok": cell.verdict.valid,
        "why": "" if cell.verdict.valid else str(cell.verdict),
        "v": cell.verdict.kind.value,
        "note": "; ".join(cell.verdict.notes),
        "n": cell.n,
        "of": cell.planned,
        "y": _ends(middle),
        "t": words.estimate(middle.value, middle.low, middle.high) if middle else words.NOTHING,
        "x": [rounded(each) for each in rate],
        "p99": _ends(cell.latency.percentiles[99.0]),
        "q": [rounded(each / 1e3) for each in latency.curve(histograms, PERCENTS)],
        "p": [time_text(cell.latency.percentiles[percent]) for percent in IN_TABLES],
        "c": [rounded(cell.costs[name].value) for name in PARTS],
        "w": [words.number(cell.costs[name].value) for name in (WHOLE_CPU, SWITCHES)],
        "h": [bins(each) for each in histograms if each],
        "hr": [record.repeat for record, each in zip(records, histograms) if each],
    }


def _middle(cell: Cell) -> Estimate | None:
    return stats.median_estimate(cell.cpu_us) if cell.offered else cell.rate


def _ends(of: Estimate | Measure | None) -> list[float | None] | None:
    if of is None or of.value is None:
        return None
    return [rounded(of.value), rounded(of.low), rounded(of.high)]


def time_text(of: Measure) -> str:
    """Return a time of so many µs with its interval if it has one."""
    if of.value is None:
        return words.NOTHING
    low, high = (None if end is None else 1e3 * end for end in (of.low, of.high))
    return words.time_estimate(1e3 * of.value, low, high)


def bins(histogram: Histogram) -> list[int]:
    """Return a histogram of ns as the first bin's number and counts, without empty ends."""
    values = np.array([value for value, _ in histogram], dtype=np.float64)
    counts = np.array([count for _, count in histogram])
    places = np.floor(BINS_A_DOUBLING * np.log2(np.maximum(values, 1.0) / 1e3)).astype(int)
    first = int(places.min())
    found, empty = [first], 0
    for count in np.bincount(places - first, weights=counts).astype(int).tolist():
        if count:
            found += [-empty] * bool(empty) + [count]
            empty = 0
        else:
            empty += 1
    return found
