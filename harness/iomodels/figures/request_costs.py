"""What does a request cost in context switches and CPU time?

Columns: the server's process and, under Wine, the wineserver, which does the kernel's part. Two
rows of panels per load; x = connections (log2), y (log) = context switches and CPU time per
request, as median of the valid repeats with its 95 % bootstrap interval. Loads at an offered rate
have their own rows: there every server does the same work, so costs compare best. Lines at one and
two switches: a server that sleeps and wakes once, and twice, per request.
"""

from __future__ import annotations

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

NAME = "request_costs"
QUESTION = "What does a request cost in context switches and CPU time?"
TITLE = "Context switches and CPU time of a request"
NOTE = (
    "Per request in the measuring window: median of the valid repeats with its 95 % bootstrap "
    "interval. Hollow: not valid, or a lower bound (threads ended meanwhile)."
)
COLUMNS = (
    *select.CELL,
    "process",
    "cost",
    "unit",
    "median",
    *select.INTERVAL,
    "repeats",
    "source",
    "reason",
    "note",
    "verdict",
)
PROCESSES = ("server", "wineserver")
LEVELS = (1, 2)


@dataclass(frozen=True)
class Cost:
    """A counter; `scale` turns the record's unit into that of the axis."""

    counter: str
    words: str
    unit: str
    scale: float


COSTS = (
    Cost("context_switches", "context switches per request", "switches", 1.0),
    Cost("cpu_ns", "CPU time per request, µs", "µs", 1e-3),
)


@dataclass(frozen=True)
class Point:
    """A cost of a cell."""

    condition: Condition
    process: str
    cost: Cost
    found: select.Counted
    valid: bool

    @property
    def values(self) -> tuple[float, ...]:
        return self.found.values


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure if no counter was recorded."""
    records = select.chosen(run, connections, sizes)
    found = points(run, records)
    processes = [
        process
        for process in PROCESSES
        if any(point.values and point.process == process for point in found)
    ]
    if not processes:
        raise Failure(f"{run.path}: no counter of switches or CPU time is recorded")
    found = [point for point in found if point.process in processes]
    rows = [
        (load, cost)
        for load in select.panels(record.condition for record in records)
        for cost in COSTS
    ]
    with palette.rc():
        figure, axes = sheet.sheet(
            run, records, (TITLE, NOTE), len(processes), len(rows), panel_height=1.95, share_y="row"
        )
        looks = palette.looks(record.condition for record in records)
        for i, (load, cost) in enumerate(rows):
            for j, process in enumerate(processes):
                inside = [
                    point
                    for point in found
                    if (point.condition.panel, point.cost, point.process) == (load, cost, process)
                ]
                _panel(axes[i, j], inside, looks)
                axes[i, j].set_title(f"{load.words}: {process}")
            values = [
                value
                for point in found
                if (point.condition.panel, point.cost) == (load, cost)
                for value in point.values
            ]
            sheet.plain_log(
                axes[i, 0], [*values, *LEVELS] if cost is COSTS[0] and values else values
            )
            axes[i, 0].set_ylabel(cost.words, fontsize=7)
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
            process,
            cost,
            select.counted(repeats, f"{process}.{cost.counter}/request", cost.scale),
            verdicts[cell].valid,
        )
        for cell, repeats in select.counting(records).items()
        for cost in COSTS
        for process in PROCESSES
    ]


def _panel(axis: Any, found: Sequence[Point], looks: Mapping[str, palette.Look]) -> None:
    for label, look in looks.items():
        own = [point for point in found if point.condition.label == label]
        sheet.median_line(
            axis,
            look,
            [
                (point.condition.connections, point.values, point.valid and not point.found.note)
                for point in own
            ],
        )
    if found and found[0].cost is COSTS[0]:
        for level in LEVELS:
            axis.axhline(level, color=palette.MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
    if not any(point.values for point in found):
        sheet.note_in(axis, "unavailable here")


def _rows(run: Run, found: Sequence[Point]) -> Rows:
    verdicts = judge_run(run)
    rows = []
    for point in found:
        c, middle = point.condition, stats.median_estimate(point.values)
        rows.append(
            (
                *select.head(run, c),
                point.process,
                point.cost.counter,
                point.cost.unit,
                *select.ends(middle),
                len(point.values),
                point.found.source,
                point.found.reason,
                point.found.note,
                verdicts[c].kind.value,
            )
        )
    return tuple(rows)


def _alt(run: Run, found: Sequence[Point]) -> str:
    """In words: every series at the most connections, by process and cost."""
    told = []
    most = max((point.condition.connections for point in found), default=0)
    for load in select.panels(point.condition for point in found):
        for cost in COSTS:
            for process in PROCESSES:
                values = [
                    f"{point.condition.label} {words.number(stats.median(point.values) or 0)}"
                    for point in found
                    if point.values
                    and (
                        point.condition.connections,
                        point.condition.panel,
                        point.cost,
                        point.process,
                    )
                    == (most, load, cost, process)
                ]
                told += (
                    [f"{load.words}, {process}, {cost.words}: {', '.join(values)}."]
                    if values
                    else []
                )
    what = f"what a request costs, at {most:,} connections"
    return f"Line charts on {run.platform}: {what}. {' '.join(told)}"
