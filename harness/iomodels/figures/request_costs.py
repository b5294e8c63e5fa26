"""What does a request cost in context switches and CPU time?

Columns: the server's process and, under Wine, the wineserver, which does the kernel's part. Two
rows of panels per load; x = connections (log2), y (log) = context switches and CPU time per
request, as median of the valid repeats with its 95 % bootstrap interval. Loads at an offered rate
have their own rows: there every server does the same work, so costs compare best. Lines at one and
two switches: a server that sleeps and wakes once, and twice, per request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iomodels.base.errors import Failure
from iomodels.data.records import Run
from iomodels.figures import counters, palette, select, sheet
from iomodels.figures.counters import Point, Quantity
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge import stats

NAME = "request_costs"
QUESTION = "What does a request cost in context switches and CPU time?"
TITLE = "Context switches and CPU time of a request"
NOTE = (
    "Per request in the measuring window: median of the valid repeats with its 95 % bootstrap "
    "interval. Hollow: not valid, or a lower bound (threads ended meanwhile)."
)
BARS_NOTE = NOTE.replace("interval.", "interval (black line).")
COLUMNS = (
    *(*select.CELL, "process", "cost", "unit", "median", *select.INTERVAL),
    *("repeats", "source", "reason", "note", "verdict"),
)
PROCESSES = ("server", "wineserver")
SWITCHES = tuple(
    Quantity("context_switches", "context switches per request", 1.0, process, True, "switches")
    for process in PROCESSES
)
CPU = tuple(
    Quantity("cpu_ns", "CPU time per request, µs", 1e-3, process, True, "µs")
    for process in PROCESSES
)
LEVELS = (1, 2)


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure if no counter was recorded."""
    records = select.chosen(run, connections, sizes)
    found = counters.points(run, records, (*SWITCHES, *CPU))
    known = {point.quantity.process for point in found if point.values}
    if not known:
        raise Failure(f"{run.path}: no counter of switches or CPU time is recorded")
    found = [point for point in found if point.quantity.process in known]
    loads, bars = counters.drawn_panels(records)
    rows = [(load, costs) for load in loads for costs in (SWITCHES, CPU)]
    columns = [place for place, process in enumerate(PROCESSES) if process in known]
    looks = palette.looks(record.condition for record in records)
    with palette.rc():
        figure, axes = sheet.sheet(
            run,
            records,
            (TITLE, BARS_NOTE if bars else NOTE),
            len(columns),
            len(rows),
            panel_height=0.5 + 0.2 * len(looks) if bars else 1.95,
            share_y="row",
            listed=() if bars else None,
            share_x=not bars,
        )
        for i, (load, costs) in enumerate(rows):
            for j, place in enumerate(columns):
                own = counters.of(found, load, costs[place])
                if bars or costs is SWITCHES:  # the row of CPU times belongs to the row above
                    axes[i, j].set_title(f"{load.words}: {PROCESSES[place]}")
                if bars:
                    counters.draw_bars(axes[i, j], own, looks)
                    axes[i, j].set_xlabel(costs[0].words, fontsize=7)
                else:
                    counters.draw(axes[i, j], own, looks)
                    _panel(axes[i, j], own)
            if bars:
                continue
            values = [value for point in counters.of(found, load, *costs) for value in point.values]
            levels = LEVELS if costs is SWITCHES and values else ()
            sheet.plain_log(axes[i, 0], [*values, *levels])
            axes[i, 0].set_ylabel(costs[0].words, fontsize=7)
        if not bars:
            sheet.connections_axis(axes[-1], records, plain_y=False)
    again = command(NAME, run, connections, sizes)
    alt = counters.alt(run, found, "what a request costs")
    return Plot(NAME, QUESTION, alt, figure, COLUMNS, _rows(run, found), again)


def _panel(axis: Any, found: Sequence[Point]) -> None:
    if found and found[0].quantity in SWITCHES:
        for level in LEVELS:
            axis.axhline(level, color=palette.MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
    if not any(point.values for point in found):
        sheet.note_in(axis, "unavailable here")


def _rows(run: Run, found: Sequence[Point]) -> Rows:
    return tuple(
        (
            *select.head(run, point.condition),
            *(point.quantity.process, point.quantity.counter, point.quantity.unit),
            *select.ends(stats.median_estimate(point.values)),
            *(len(point.values), point.source, point.reason, point.note, point.verdict),
        )
        for point in found
    )
