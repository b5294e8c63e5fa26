"""How much load does each model bear before requests have to wait?

The "hockey stick": x = the achieved rate (never the offered one), y (log) = p50, p99 and p99.9 of
the response time, one column for each with enough samples. A row is a number of connections and a
message size. A line goes from the lowest offered rate of a series to its highest; a point is all
valid repeats together. A percentile is drawn only if ten samples lie beyond it. A tick on the x
axis marks the peak of the closed loop at the same load.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import LogLocator, StrMethodFormatter

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.data.records import Condition, Panel, Record, Run
from iomodels.figures import palette, select, sheet
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge import stats
from iomodels.judge.verdict import Verdict

NAME = "latency_by_rate"
QUESTION = "How much load does each model bear before requests have to wait?"
TITLE = "Response time by achieved rate"
NOTE = (
    "Line: from the lowest offered rate to the highest, all valid repeats together. "
    "Hollow: not valid. Tick on the x axis: peak of the closed loop."
)
SERVICE_NOTE = " Dotted: service time, from when a request was sent."
COLUMNS = (
    *(*select.CELL, "offered_per_second", "achieved_per_second"),
    *("time", "percentile", "latency_us", "samples", "repeats", "verdict"),
)
PERCENTS = (50.0, 99.0, 99.9)
FEWEST_RATES = 2


@dataclass(frozen=True)
class Point:
    """A cell at an offered rate. `us`: response and service time at PERCENTS, None where too few
    samples lie beyond."""

    condition: Condition
    offered: float
    achieved: float
    us: Mapping[str, tuple[float | None, ...]]
    samples: int
    repeats: int
    verdict: Verdict


Place = tuple[Panel, int]
"""A load without its rate, and connections: a row of the figure."""


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure without FEWEST_RATES offered rates."""
    records = select.chosen(run, connections, sizes)
    found = points(run, records)
    rates: dict[Place, set[int]] = {}
    for point in found:
        rates.setdefault(place_of(point.condition), set()).add(point.condition.rate_percent)
    places = sorted(place for place, each in rates.items() if len(each) >= FEWEST_RATES)
    if not places:
        raise Failure(f"{run.path}: no load was offered at {FEWEST_RATES} or more rates")
    found = [point for point in found if place_of(point.condition) in places]
    peaks = _peaks(run, records)
    columns = [  # a percentile that no load has enough samples for would be an empty plot
        column
        for column in range(len(PERCENTS))
        if any(point.us["response"][column] is not None for point in found)
    ] or [0]
    note = NOTE + SERVICE_NOTE * any(point.us["service"] != point.us["response"] for point in found)
    with palette.rc():
        offered = [record for record in records if record.condition.rate_percent]
        figure, axes = sheet.sheet(
            run, offered, (TITLE, note), len(columns), len(places), panel_height=2.4
        )
        looks = palette.looks(record.condition for record in records)
        for i, place in enumerate(places):
            for j, column in enumerate(columns):
                own = [point for point in found if place_of(point.condition) == place]
                _panel(axes[i, j], own, column, looks, peaks.get(place, {}))
                axes[i, j].set_title(f"p{PERCENTS[column]:g}, {place[1]:,} × {place[0].words}")
        _axes(axes)
    again = command(NAME, run, connections, sizes)
    return Plot(NAME, QUESTION, _alt(run, found), figure, COLUMNS, _rows(run, found), again)


def place_of(condition: Condition) -> Place:
    return condition.panel._replace(rate_percent=0), condition.connections


def points(run: Run, records: Sequence[Record]) -> list[Point]:
    """Return the cells at an offered rate with repeats that count, by series and rate."""
    cells = select.counting(record for record in records if record.condition.rate_percent)
    ordered = sorted(cells, key=lambda c: (place_of(c), c.label, c.rate_percent))
    return [_point(cell, cells[cell], select.cells(run)[cell].verdict) for cell in ordered]


def _point(cell: Condition, records: Sequence[Record], verdict: Verdict) -> Point:
    results = [result for record in records if (result := record.result)]
    audits = [result.get("audit") or {} for result in results]
    achieved = stats.median([float(result["requests_per_second"]) for result in results])
    offered = stats.median(
        [float(audit["target_rate"]) for audit in audits if audit.get("target_rate") is not None]
    )
    merged = {
        time: stats.merge(select.histogram(record, time) for record in records)
        for time in select.TIMES
    }
    us = {
        time: tuple(
            value / 1e3
            if value is not None and stats.supported(stats.samples(counts), percent)
            else None
            for percent, value in zip(PERCENTS, stats.percentiles(counts, PERCENTS))
        )
        for time, counts in merged.items()
    }
    return Point(
        cell,
        offered or math.nan,
        achieved or math.nan,
        us,
        stats.samples(merged["response"]),
        len(results),
        verdict,
    )


def _peaks(run: Run, records: Sequence[Record]) -> dict[Place, dict[str, float]]:
    """Median rate of the closed loops, by place and series."""
    peaks: dict[Place, dict[str, float]] = {}
    for cell in select.counting(records):
        rate = select.cells(run)[cell].rate
        if rate and not cell.rate_percent:
            peaks.setdefault(place_of(cell), {})[cell.label] = rate.value
    return peaks


def _panel(
    axis: Any,
    found: Sequence[Point],
    column: int,
    looks: Mapping[str, palette.Look],
    peaks: Mapping[str, float],
) -> None:
    for label, look in looks.items():
        own = [
            point
            for point in found
            if point.condition.label == label and point.us["response"][column] is not None
        ]
        x = [point.achieved for point in own]
        response, service = ([point.us[time][column] for point in own] for time in select.TIMES)
        axis.plot(x, response, **look.line, zorder=3)
        axis.plot(x, service, **look.second_line, zorder=2)
        for point, value in zip(own, response):
            if value is not None and not point.verdict.valid:
                sheet.hollow(axis, look, point.achieved, value)
    if not any(point.us["response"][column] is not None for point in found):
        sheet.note_in(axis, "too few samples beyond")
    for label, look in looks.items():
        if label in peaks:
            style = {"color": look.colour, "markersize": 8, "markeredgewidth": 1.6}
            axis.plot(peaks[label], 0.03, "|", transform=axis.get_xaxis_transform(), **style)


def _axes(axes: Any) -> None:
    for axis in axes.flat:
        axis.set_yscale("log")
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.xaxis.get_major_locator().set_params(nbins=4)
        axis.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
        sheet.time_axis(axis.yaxis)
    axes[0, 0].set_xlim(left=0)
    for axis in axes[-1]:
        axis.set_xlabel("achieved requests per second")
    for axis in axes[:, 0]:
        axis.set_ylabel("response time (log scale)")


def _rows(run: Run, found: Sequence[Point]) -> Rows:
    rows: list[tuple[object, ...]] = []
    for point in found:
        head = (*select.head(run, point.condition), point.offered, point.achieved)
        tail = (point.samples, point.repeats, point.verdict.kind.value)
        rows += [
            (*head, time, percent, value, *tail)
            for time in select.TIMES
            for percent, value in zip(PERCENTS, point.us[time])
        ]
    return tuple(rows)


def _alt(run: Run, found: Sequence[Point]) -> str:
    """In words: rate and p99 of every series at its highest offered rate."""
    highest = {
        (place_of(point.condition), point.condition.label): point for point in found
    }  # in order of rate: the last one stays
    told = []
    for (place, label), point in highest.items():
        load = f"{place[1]:,} × {place[0].words}"
        p99, rate = _words(point.us["response"][1]), words.number(point.achieved)
        told.append(f"{label}, {load}: p99 {p99} at {rate} per second")
    return (
        f"Line charts on {run.platform}: response time by achieved rate, logarithmic. "
        f"At the highest offered rate: {'; '.join(told)}."
    )


def _words(us: float | None) -> str:
    return "not shown" if us is None else words.time(1e3 * us)
