"""How long do requests take, out to the rare slow ones?

The classic HDR figure: x = percentile, stretched as −log10(1 − q), so that every further nine
is equally wide; y = latency (log). The line is the merged histogram of all valid repeats. Up to
four series have a band from the lowest to the highest repeat; more bands would hide each other.
Both end where fewer than ten samples lie beyond the percentile. One panel per number of connections
(columns) and message size (rows). In an open loop the line is the response time, from when a
request was due; the dotted line is the service time, from when it was sent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import LogLocator

from iomodels.base import words
from iomodels.data.records import Condition, Record, Run
from iomodels.figures import palette, select, sheet
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge import stats

NAME = "latency_by_percentile"
QUESTION = "How long do requests take, out to the rare slow ones?"
TITLE = "Latency by percentile"
SERVICE_NOTE = (
    " Line with markers: response time, from when a request was due. "
    "Dotted: service time, from when it was sent."
)
NOTE = "Line: all valid repeats together. Cut where fewer than 10 samples lie beyond."
BAND_NOTE = " Band: lowest to highest repeat."
HOLLOW_NOTE = " Hollow marks: not valid."
COLUMNS = (
    *(*select.CELL, "time", "percentile", "latency_us", "lowest_repeat_us", "highest_repeat_us"),
    *("samples", "repeats_ok"),
)
STEPS_A_NINE = 10
"""Points of the line for each further nine; whole nines are always among them."""
MOST_COLUMNS = 3

Point = tuple[float, float, float | None, float | None]
"""Percentile; latency of all repeats together, of the lowest and of the highest repeat, in µs."""


@dataclass(frozen=True)
class Curve:
    """One cell. `merged`: latencies of its repeats that count. `service`: the points of the
    service time if it differs, else empty. `valid`: whether its verdict is."""

    points: tuple[Point, ...]
    service: tuple[Point, ...]
    merged: stats.Histogram
    repeats: int
    valid: bool


Curves = dict[Condition, Curve]


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run; without `connections` the fewest, the middle and the most.

    Raises Failure if there is nothing to draw.
    """
    known = sorted({record.condition.connections for record in run.records})
    shown = connections or tuple(
        known if len(known) <= MOST_COLUMNS else (known[0], known[len(known) // 2], known[-1])
    )
    records = select.chosen(run, shown, sizes)
    columns = sorted({record.condition.connections for record in records})
    rows = select.panels(record.condition for record in records)
    curves = _curves(run, records)
    looks = palette.looks(record.condition for record in records)
    banded = len(looks) <= palette.MOST_BANDS
    note = (
        NOTE
        + BAND_NOTE * banded
        + SERVICE_NOTE * any(curve.service for curve in curves.values())
        + HOLLOW_NOTE * (not all(curve.valid for curve in curves.values()))
    )
    with palette.rc():
        figure, axes = sheet.sheet(
            run, records, (TITLE, note), len(columns), len(rows), panel_height=2.4, share_y="col"
        )
        for i, panel in enumerate(rows):
            for j, count in enumerate(columns):
                inside = {
                    label: curve
                    for label in looks
                    for c, curve in curves.items()
                    if (c.label, c.panel, c.connections) == (label, panel, count)
                }
                if not inside:  # an open loop at some of the connections only
                    axes[i, j].set_visible(False)
                    continue
                _panel(axes[i, j], inside, looks)
                axes[i, j].set_title(
                    f"{count:,} conn. × {panel.words.removesuffix(' of the lowest peak')}"
                )
        ends = [curve.points[-1][0] for curve in curves.values() if curve.points]
        _axes(axes, max(ends, default=90.0))
    again = command(NAME, run, connections, sizes)
    return Plot(NAME, QUESTION, _alt(run, curves), figure, COLUMNS, _rows(run, curves), again)


def _grid(samples: int) -> list[float]:
    """Return the percentiles that so many samples support, evenly spaced on the stretched axis."""
    nines = math.log10(samples / stats.SAMPLES_BEYOND) if samples > stats.SAMPLES_BEYOND else 0.0
    grid = [
        100 * (1 - 10 ** (-step / STEPS_A_NINE))
        for step in range(1, math.floor(nines * STEPS_A_NINE + 1e-9) + 1)
    ]
    return [percent for percent in sorted({*grid, 50.0}) if stats.supported(samples, percent)]


def _curves(run: Run, records: Sequence[Record]) -> Curves:
    """The cells, panel by panel, from their valid repeats."""
    cells = {record.condition for record in records}
    valid = select.counting(records)
    return {
        cell: _cell(valid.get(cell, []), select.cells(run)[cell].verdict.valid)
        for cell in sorted(cells, key=lambda c: (c.panel, c.connections, c.label))
    }


def _cell(records: Sequence[Record], valid: bool) -> Curve:
    response, service = (
        [counts for record in records if (counts := select.histogram(record, time))]
        for time in select.TIMES
    )
    points, merged = _curve(response)
    return Curve(
        points, _curve(service)[0] if service != response else (), merged, len(response), valid
    )


def _curve(histograms: Sequence[stats.Histogram]) -> tuple[tuple[Point, ...], stats.Histogram]:
    """The points, and the histogram of all together."""
    merged = stats.merge(histograms)
    grid = _grid(stats.samples(merged))
    middle = stats.percentiles(merged, grid)
    each = [(stats.samples(one), stats.percentiles(one, grid)) for one in histograms]
    points: list[Point] = []
    for place, percent in enumerate(grid):
        values = [
            found
            for count, one in each
            if stats.supported(count, percent) and (found := one[place]) is not None
        ]
        low, high = (
            (min(values) / 1e3, max(values) / 1e3)
            if 1 < len(values) == len(histograms)
            else (None, None)
        )
        value = middle[place]
        if value is not None:
            points.append((percent, value / 1e3, low, high))
    return tuple(points), merged


def position(percent: float) -> float:
    """Where a percentile lies on the stretched axis: 0 % at 0, 90 % at 1, 99 % at 2 …"""
    return -math.log10(1 - percent / 100)


def _panel(axis: Any, curves: dict[str, Curve], looks: dict[str, palette.Look]) -> None:
    for place, (label, curve) in enumerate(curves.items()):
        x = [position(point[0]) for point in curve.points]
        line = looks[label].line | {"markevery": (1 + 3 * place, STEPS_A_NINE)}
        if not curve.valid:
            line |= looks[label].hollow | {"markersize": palette.RC["lines.markersize"]}
        if curve.points:
            axis.plot(x, [point[1] for point in curve.points], **line, zorder=3)
        if curve.service:
            axis.plot(
                [position(point[0]) for point in curve.service],
                [point[1] for point in curve.service],
                **looks[label].second_line,
                zorder=2,
            )
        band = [
            (at, point[2], point[3]) for at, point in zip(x, curve.points) if point[2] is not None
        ]
        if band and len(looks) <= palette.MOST_BANDS:
            axis.fill_between(
                *zip(*band), color=looks[label].colour, alpha=0.16, linewidth=0, zorder=1
            )
    if not any(curve.points for curve in curves.values()):
        sheet.note_in(axis, "no valid repeat")


def _axes(axes: Any, highest: float) -> None:
    """Scales and ticks: 50, 90, 99, 99.9 … as far as any line goes."""
    nines = [100 * (1 - 10.0**-n) for n in range(1, 10)]
    ticks = [50.0, *(percent for percent in nines if position(percent) <= position(highest) + 1e-6)]
    for column in axes.T:  # its panels share their y axis
        column[0].set_yscale("log")
        if not any(axis.lines for axis in column):
            column[0].set_ylim(1.0, 10.0)
        low, high = column[0].get_ylim()
        for axis in column:
            axis.set_xlim(0, max(1.0, position(highest)) * 1.03)
            axis.set_xticks(
                [position(percent) for percent in ticks], [f"{percent:.10g}" for percent in ticks]
            )
            axis.set_ylim(low, high)
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
            sheet.time_axis(axis.yaxis)
        lowest = [axis for axis in column if axis.get_visible()][-1]
        lowest.set_xlabel("percentile")
        lowest.tick_params(labelbottom=True)
    for row in axes:
        next(axis for axis in row if axis.get_visible()).set_ylabel("latency (log scale)")


def _rows(run: Run, curves: Curves) -> Rows:
    rows: list[tuple[object, ...]] = []
    for cell, curve in curves.items():
        head = select.head(run, cell)
        tail = (stats.samples(curve.merged), curve.repeats)
        for time, points in zip(select.TIMES, (curve.points, curve.service)):
            rows += [(*head, time, f"{point[0]:.10g}", *point[1:], *tail) for point in points]
    return tuple(rows)


def _alt(run: Run, curves: Curves) -> str:
    """What the figure shows, in words: the medians and p99 of every panel."""
    sentences = []
    for cell, curve in curves.items():
        if curve.merged:
            p50, p99 = map(words.time, stats.percentiles(curve.merged, (50, 99)))
            sentences.append(
                f"{cell.label}, {cell.connections:,} × {cell.panel.words}: p50 {p50}, p99 {p99}."
            )
    shown = " ".join(sentences) or "No valid repeat."
    return f"Line chart on {run.platform}: latency by percentile, logarithmic. {shown}"
