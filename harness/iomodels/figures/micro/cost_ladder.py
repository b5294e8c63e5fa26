"""What are the orders of magnitude, from a register to a context switch?

One dot per rung on a logarithmic axis of time, with its 95 % bootstrap interval. The rungs are a
fixed choice of the benchmarks, in the order of their cost in this run. Grey spans show a table
of 1996 (claim B10) for the rungs that it names: register 2–5 ns, cache 3–10 ns, memory
80–400 ns.
"""

from __future__ import annotations

from typing import Any

from iomodels.base.words import time
from iomodels.data.micro import Benchmark, MicroRun
from iomodels.figures import palette, sheet
from iomodels.figures.micro import shared
from iomodels.figures.output import Plot, Rows

NAME = "cost_ladder"
QUESTION = "What are the orders of magnitude, from a register to a context switch?"
TITLE = "The cost ladder"
NOTE = (
    "Dot: median (log scale). Whisker: its 95 % bootstrap interval. "
    "Grey: an often quoted table of 1996."
)
COLUMNS = (
    *("run", "platform", "rung", "benchmark", *shared.ESTIMATE),
    *("table_1996_low_ns", "table_1996_high_ns"),
)

RUNGS: dict[str, tuple[str, tuple[float, float] | None]] = {
    "memory/register_multiply_add": ("multiply and add in registers", (2.0, 5.0)),
    "memory/load/bytes:16384": ("load, 16 KiB in use", (3.0, 10.0)),
    "memory/load/bytes:262144": ("load, 256 KiB in use", (3.0, 10.0)),
    "memory/load/bytes:8388608": ("load, 8 MiB in use", None),
    "memory/load/bytes:134217728": ("load, 128 MiB in use", (80.0, 400.0)),
    "context/CONTAINING_RECORD/connections:1024": ("connection of a completion, by address", None),
    "context/unordered_map/connections:1024": ("connection of a completion, by hash map", None),
    "histogram/record": ("note a latency", None),
    "clock/read": ("read the clock", None),
    "session/echo/payload:64": ("protocol of a 64 B request", None),
    "event/set_then_wait": ("set an event and see it", None),
    "completion_port/post_then_get": ("packet through a port", None),
    "apc/queue_then_sleep": ("procedure call to oneself", None),
    "send/nonblocking": ("send 64 B", None),
    "receive/nonblocking": ("receive 64 B", None),
    "file_read/synchronous/bytes:4096": ("read 4 KiB from the file cache", None),
    "switch/threads_there_and_back": ("switch to a thread and back", None),
    "switch/processes_there_and_back": ("switch to a process and back", None),
    "thread_pool/work": ("work to its callback", None),
    "thread/create_and_exit": ("make a thread and see it end", None),
}
"""Benchmark → what the rung is called, and the span of the 1996 table in ns."""


def draw(run: MicroRun) -> Plot:
    """Return the figure of a micro run. Raises NothingToDraw without any of its rungs."""
    rungs = sorted(
        (one for one in shared.measured(run) if one.name in RUNGS),
        key=lambda one: shared.estimate(one).value,
    )
    if not rungs:
        raise shared.NothingToDraw(f"{run.path}: holds none of the ladder's benchmarks")
    with palette.rc():
        figure, axis = shared.sheet(run, TITLE, NOTE, 0.8 + 0.22 * len(rungs))
        for place, one in enumerate(rungs):
            _rung(axis, place, one)
        axis.set_xscale("log")
        axis.set_yticks(range(len(rungs)), [RUNGS[one.name][0] for one in rungs])
        axis.set_ylim(-0.6, len(rungs) - 0.4)
        axis.set_xlabel("time of one operation (log scale)")
        sheet.time_axis(axis.xaxis, ns_per_unit=1)
        axis.margins(x=0.14)
        sheet.few_decades(axis)
    again = shared.command(NAME, run)
    return Plot(NAME, QUESTION, _alt(run, rungs), figure, COLUMNS, _rows(run, rungs), again)


def _rung(axis: Any, place: int, one: Benchmark) -> None:
    point, span = shared.estimate(one), RUNGS[one.name][1]
    if span:
        axis.hlines(place, *span, color=palette.GRID, linewidth=9, zorder=1)
    axis.plot(point.value, place, "o", color=palette.GROUPS[0], zorder=3)
    if point.low is not None and point.high is not None:
        axis.hlines(place, point.low, point.high, color=palette.INK, linewidth=1.2, zorder=2)
    style = {"xytext": (7, 0), "textcoords": "offset points", "va": "center", "fontsize": 6.5}
    axis.annotate(time(point.value), (point.high or point.value, place), **style)


def _rows(run: MicroRun, rungs: list[Benchmark]) -> Rows:
    start = (run.manifest["run"], run.platform)
    return tuple(
        (*start, words, one.name, *shared.estimated(one), *(span or (None, None)))
        for one in rungs
        for words, span in [RUNGS[one.name]]
    )


def _alt(run: MicroRun, rungs: list[Benchmark]) -> str:
    words = [f"{RUNGS[one.name][0]} {time(shared.estimate(one).value)}" for one in rungs]
    what = "times on a logarithmic axis, from cheap to expensive"
    return f"Dot chart on {run.platform}, {what}: {'; '.join(words)}."
