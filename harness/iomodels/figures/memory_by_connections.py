"""What does a connection cost in memory and threads?

One row per load, x = connections (log2): private memory of the server's process, on Windows its
part of the non-paged pool, and its threads, at the end of the measuring window. Each is the median
of the valid repeats with its 95 % bootstrap interval. The text in a panel of memory is the slope
between the fewest and the most connections: what one more connection takes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.data.records import Condition, Record, Run
from iomodels.figures import palette, select, sheet
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge import stats
from iomodels.judge.verdict import judge_run

NAME = "memory_by_connections"
QUESTION = "What does a connection cost in memory and threads?"
TITLE = "Memory and threads of the server by connections"
NOTE = (
    "At the end of the measuring window; median of the valid repeats with its 95 % bootstrap "
    "interval. Hollow: not valid."
)
COLUMNS = (
    *select.CELL,
    "gauge",
    "median",
    *select.INTERVAL,
    "repeats",
    "per_connection",
    "source",
    "reason",
    "verdict",
)


@dataclass(frozen=True)
class Gauge:
    counter: str
    words: str
    scale: float
    slope: tuple[float, str] | None
    """Factor and unit of what one connection takes."""


KIB, MIB = 1 / 1024, 1 / 1024**2
GAUGES = (
    Gauge("private_bytes", "private memory, MiB", MIB, (1024, "KiB")),
    Gauge("nonpaged_pool_bytes", "non-paged pool, KiB", KIB, (1, "KiB")),
    Gauge("threads", "threads", 1.0, None),
)


@dataclass(frozen=True)
class Point:
    condition: Condition
    gauge: Gauge
    found: select.Counted
    valid: bool

    @property
    def values(self) -> tuple[float, ...]:
        return self.found.values


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure if no gauge was recorded."""
    records = select.chosen(run, connections, sizes)
    found = points(run, records)
    gauges = [
        gauge for gauge in GAUGES if any(point.values and point.gauge is gauge for point in found)
    ]
    if not gauges:
        raise Failure(f"{run.path}: no memory and no threads are recorded")
    found = [point for point in found if point.gauge in gauges]
    loads = select.panels(record.condition for record in records)
    with palette.rc():
        figure, axes = sheet.sheet(
            run, records, (TITLE, NOTE), len(gauges), len(loads), panel_height=2.3, share_y="col"
        )
        looks = palette.looks(record.condition for record in records)
        for j, gauge in enumerate(gauges):
            sheet.plain_log(
                axes[0, j],
                [value for point in found if point.gauge is gauge for value in point.values],
            )
            for i, load in enumerate(loads):
                _panel(
                    axes[i, j],
                    [
                        point
                        for point in found
                        if (point.gauge, point.condition.panel) == (gauge, load)
                    ],
                    looks,
                )
                axes[i, j].set_title(load.words)
                axes[i, j].set_ylabel(f"{gauge.words} (log scale)")
        sheet.count_axis(
            axes[-1], sorted({record.condition.connections for record in records}), plain_y=False
        )
    return Plot(
        NAME,
        QUESTION,
        _alt(run, found),
        figure,
        COLUMNS,
        _rows(run, found),
        command(NAME, run, connections, sizes),
    )


def points(run: Run, records: Sequence[Record]) -> list[Point]:
    verdicts = judge_run(run)
    return [
        Point(
            cell,
            gauge,
            select.counted(repeats, f"server.{gauge.counter}", gauge.scale),
            verdicts[cell].valid,
        )
        for cell, repeats in select.counting(records).items()
        for gauge in GAUGES
    ]


def slope(found: Sequence[Point], like: Point) -> float | None:
    """Return what one more connection takes, in the gauge's unit; None with one load.

    The slope lies between the fewest and the most connections of the series.
    """
    wanted = like.gauge, like.condition.label, like.condition.panel
    own = [
        point
        for point in found
        if point.values and (point.gauge, point.condition.label, point.condition.panel) == wanted
    ]
    if len(own) < 2:
        return None
    ends = own[0], own[-1]  # the points are in order of their connections
    low, high = (stats.median(point.values) or 0.0 for point in ends)
    return (high - low) / (ends[1].condition.connections - ends[0].condition.connections)


def _panel(axis: Any, found: Sequence[Point], looks: Mapping[str, palette.Look]) -> None:
    told = []
    for label, look in looks.items():
        own = [point for point in found if point.condition.label == label]
        sheet.median_line(
            axis, look, [(point.condition.connections, point.values, point.valid) for point in own]
        )
        part = slope(found, own[0]) if own else None
        if part is not None and own[0].gauge.slope:
            factor, unit = own[0].gauge.slope
            told.append(f"{label} {words.number(part * factor)}")
    if told:
        text = f"{unit} per connection: {', '.join(told)}"
        axis.text(
            0.02,
            0.98,
            "\n".join(textwrap.wrap(text, 44)),
            transform=axis.transAxes,
            fontsize=6.5,
            va="top",
            color=palette.MUTED,
        )


def _rows(run: Run, found: Sequence[Point]) -> Rows:
    verdicts = judge_run(run)
    rows = []
    for point in found:
        c, middle = point.condition, stats.median_estimate(point.values)
        rows.append(
            (
                *select.head(run, c),
                point.gauge.words,
                *select.ends(middle),
                len(point.values),
                slope(found, point),
                point.found.source,
                point.found.reason,
                verdicts[c].kind.value,
            )
        )
    return tuple(rows)


def _alt(run: Run, found: Sequence[Point]) -> str:
    """In words: every series at the most connections."""
    told = []
    most = max((point.condition.connections for point in found), default=0)
    for load in select.panels(point.condition for point in found):
        for gauge in GAUGES:
            values = [
                f"{point.condition.label} {words.number(stats.median(point.values) or 0)}"
                for point in found
                if point.values
                and (point.condition.connections, point.condition.panel, point.gauge)
                == (most, load, gauge)
            ]
            told += [f"{load.words}, {gauge.words}: {', '.join(values)}."] if values else []
    what = f"memory and threads of the server, at {most:,} connections"
    return f"Line charts on {run.platform}: {what}. {' '.join(told)}"
