"""How much load does each model bear before requests have to wait?

The "hockey stick": x = the achieved rate (never the offered one), y (log) = p50, p99 and p99.9 of
the response time, one column each. A row is a number of connections and a message size. A line
goes from the lowest offered rate of a series to its highest; a point is all valid repeats
together. A percentile is drawn only if ten samples lie beyond it. A tick on the x axis marks the
peak of the closed loop at the same load.
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
from iomodels.judge.verdict import judge_run, left_out

NAME = "latency_by_rate"
QUESTION = "How much load does each model bear before requests have to wait?"
TITLE = "Response time by achieved rate"
NOTE = (
    "Line: from the lowest offered rate to the highest, all valid repeats together. "
    "Hollow: not valid. Tick on the x axis: peak of the closed loop."
)
SERVICE_NOTE = " Dotted: service time, from when a request was sent."
COLUMNS = (
    *select.CELL,
    "offered_per_second",
    "achieved_per_second",
    "time",
    "percentile",
    "latency_us",
    "samples",
    "repeats",
    "verdict",
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
    valid: bool


Place = tuple[Panel, int]
"""A load without its rate, and connections: a row of the figure."""


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure without FEWEST_RATES offered rates."""
    records = select.chosen(run, connections, sizes)
    found = [point for point in points(run, records) if point.repeats]
    rates: dict[Place, set[int]] = {}
    for point in found:
        rates.setdefault(place_of(point.condition), set()).add(point.condition.rate_percent)
    places = sorted(place for place, each in rates.items() if len(each) >= FEWEST_RATES)
    if not places:
        raise Failure(f"{run.path}: no load was offered at {FEWEST_RATES} or more rates")
    found = [point for point in found if place_of(point.condition) in places]
    peaks = _peaks(records)
    note = NOTE + SERVICE_NOTE * any(point.us["service"] != point.us["response"] for point in found)
    with palette.rc():
        figure, axes = sheet.sheet(
            run,
            [record for record in records if record.condition.rate_percent],
            (TITLE, note),
            len(PERCENTS),
            len(places),
            panel_height=2.4,
        )
        looks = palette.looks(record.condition for record in records)
        for i, place in enumerate(places):
            for j, percent in enumerate(PERCENTS):
                _panel(
                    axes[i, j],
                    [point for point in found if place_of(point.condition) == place],
                    j,
                    looks,
                    peaks.get(place, {}),
                )
                axes[i, j].set_title(f"p{percent:g}, {place[1]:,} × {place[0].words}")
        _axes(axes)
    return Plot(
        NAME,
        QUESTION,
        _alt(run, found),
        figure,
        COLUMNS,
        _rows(run, found),
        command(NAME, run, connections, sizes),
    )


def place_of(condition: Condition) -> Place:
    return condition.panel._replace(rate_percent=0), condition.connections


def points(run: Run, records: Sequence[Record]) -> list[Point]:
    """The cells at an offered rate, in order of series and rate."""
    verdicts = judge_run(run)
    cells: dict[Condition, list[Record]] = {}
    for record in records:
        if record.condition.rate_percent:
            cells.setdefault(record.condition, []).extend([] if left_out(record) else [record])
    ordered = sorted(cells, key=lambda c: (place_of(c), c.label, c.rate_percent))
    return [_point(cell, cells[cell], verdicts[cell].valid) for cell in ordered]


def _point(cell: Condition, records: Sequence[Record], valid: bool) -> Point:
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
        valid,
    )


def _peaks(records: Sequence[Record]) -> dict[Place, dict[str, float]]:
    """Median rate of the closed loops, by place and series."""
    rates: dict[tuple[Place, str], list[float]] = {}
    for record in records:
        result = record.result
        if result and not record.condition.rate_percent and not left_out(record):
            rates.setdefault((place_of(record.condition), record.condition.label), []).append(
                float(result["requests_per_second"])
            )
    peaks: dict[Place, dict[str, float]] = {}
    for (place, label), values in rates.items():
        peaks.setdefault(place, {})[label] = stats.median(values) or 0.0
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
            (point.achieved, point.us["response"][column], point.us["service"][column], point.valid)
            for point in found
            if point.condition.label == label
        ]
        drawn = [each for each in own if each[1] is not None]
        axis.plot(
            [each[0] for each in drawn],
            [each[1] for each in drawn],
            **look.line,
            zorder=3,
        )
        axis.plot(
            [each[0] for each in drawn],
            [each[2] for each in drawn],
            **look.second_line,
            zorder=2,
        )
        for at, value, _, valid in drawn:
            if value is not None and not valid:
                sheet.hollow(axis, look, at, value)
    if not any(point.us["response"][column] is not None for point in found):
        sheet.note_in(axis, "too few samples beyond")
    for label, look in looks.items():
        if label in peaks:
            axis.plot(
                peaks[label],
                0.03,
                "|",
                color=look.colour,
                markersize=8,
                markeredgewidth=1.6,
                transform=axis.get_xaxis_transform(),
            )


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
    verdicts = judge_run(run)
    rows: list[tuple[object, ...]] = []
    for point in found:
        c = point.condition
        head = (
            *select.head(run, c),
            point.offered,
            point.achieved,
        )
        rows += [
            (*head, time, percent, value, point.samples, point.repeats, verdicts[c].kind.value)
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
