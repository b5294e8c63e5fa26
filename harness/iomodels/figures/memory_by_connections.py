"""What does a connection cost in memory and threads?

One row per load, x = connections (log2): private memory of the server's process, on Windows its
part of the non-paged pool, and its threads, at the end of the measuring window. Each is the median
of the valid repeats with its 95 % bootstrap interval. The text in a panel of memory is the slope
between the fewest and the most connections: what one more connection takes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.data.records import Run
from iomodels.figures import counters, palette, select, sheet
from iomodels.figures.counters import Point, Quantity
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge import stats
from iomodels.judge.summary import summarise

NAME = "memory_by_connections"
QUESTION = "What does a connection cost in memory and threads?"
TITLE = "Memory and threads of the server by connections"
NOTE = (
    "At the end of the measuring window; median of the valid repeats with its 95 % bootstrap "
    "interval. Hollow: not valid."
)
COLUMNS = (
    *(*select.CELL, "gauge", "median", *select.INTERVAL),
    *("repeats", "per_connection", "source", "reason", "verdict"),
)
KIB, MIB = 1 / 1024, 1 / 1024**2
GAUGES = (
    Quantity("private_bytes", "private memory, MiB", MIB),
    Quantity("nonpaged_pool_bytes", "non-paged pool, KiB", KIB),
    Quantity("threads", "threads", 1.0),
)
KIB_PER_UNIT = {"private_bytes": 1024, "nonpaged_pool_bytes": 1}
"""Of the gauges of memory, whose slope is what one connection takes."""


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure if no gauge was recorded."""
    records = select.chosen(run, connections, sizes)
    found = counters.points(run, records, GAUGES)
    gauges = [gauge for gauge in GAUGES if any(p.values and p.quantity == gauge for p in found)]
    if not gauges:
        raise Failure(f"{run.path}: no memory and no threads are recorded")
    found = [point for point in found if point.quantity in gauges]
    loads, bars = counters.drawn_panels(records)
    looks = palette.looks(record.condition for record in records)
    twins = summarise(run).twins
    with palette.rc():
        figure, axes = sheet.sheet(
            run,
            records,
            (TITLE, NOTE),
            len(gauges),
            len(loads),
            panel_height=0.5 + 0.2 * len(looks) if bars else 2.3,
            share_y="row" if bars else "col",
            listed=() if bars else None,
            share_x=not bars,
        )
        for j, gauge in enumerate(gauges):
            of_gauge = [point for point in found if point.quantity == gauge]
            if bars:
                for i, load in enumerate(loads):
                    counters.draw_bars(axes[i, j], counters.of(found, load, gauge), looks)
                    axes[i, j].set_title(f"{load.words}: {gauge.words}")
                continue
            sheet.plain_log(axes[0, j], [value for point in of_gauge for value in point.values])
            for i, load in enumerate(loads):
                shown = [
                    each
                    for each in counters.of(found, load, gauge)
                    if each.condition.label not in twins
                ]
                counters.draw(axes[i, j], counters.of(found, load, gauge), looks)
                _slopes(axes[i, j], shown, looks)
                axes[i, j].set_title(f"{load.words}: {gauge.words}")
                axes[i, j].set_ylabel("log scale")
        if not bars:
            sheet.connections_axis(axes[-1], records, plain_y=False)
    again = command(NAME, run, connections, sizes)
    alt = counters.alt(run, found, "memory and threads of the server")
    return Plot(NAME, QUESTION, alt, figure, COLUMNS, _rows(run, found), again)


def slope(found: Sequence[Point], like: Point) -> float | None:
    """Return what one more connection takes, in the gauge's unit; None with one load.

    The slope lies between the fewest and the most connections of the series.
    """
    own = [
        point
        for point in counters.of(found, like.condition.panel, like.quantity)
        if point.values and point.condition.label == like.condition.label
    ]
    if len(own) < 2:
        return None
    first, last = own[0], own[-1]  # the points are in order of their connections
    more = last.condition.connections - first.condition.connections
    return (last.median - first.median) / more


def _slopes(axis: Any, found: Sequence[Point], looks: Mapping[str, palette.Look]) -> None:
    """Write what a connection takes, without the controls, which repeat a server."""
    told = []
    for label in looks:
        own = [point for point in found if point.condition.label == label]
        part = slope(found, own[0]) if own else None
        factor = KIB_PER_UNIT.get(own[0].quantity.counter) if own else None
        if part is not None and factor is not None:
            told.append(f"{label} {words.number(part * factor)}".replace(" ", "\N{NO-BREAK SPACE}"))
    if told:
        text = "\n".join(textwrap.wrap(f"KiB per connection: {', '.join(told)}", 44))
        style = {"fontsize": 6.5, "va": "top", "color": palette.MUTED}
        axis.text(0.02, 0.98, text, transform=axis.transAxes, **style)


def _rows(run: Run, found: Sequence[Point]) -> Rows:
    return tuple(
        (
            *(*select.head(run, point.condition), point.quantity.words),
            *select.ends(stats.median_estimate(point.values)),
            *(len(point.values), slope(found, point), point.source, point.reason, point.verdict),
        )
        for point in found
    )
