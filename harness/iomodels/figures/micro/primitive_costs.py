"""What does each primitive cost?

One bar per benchmark, up to its median (log), with the 95 % bootstrap interval, grouped by family.
A benchmark with a parameter shows its least and greatest value; the CSV has all.
"""

from __future__ import annotations

import math
from itertools import groupby

from iomodels.base.words import time
from iomodels.data.micro import Benchmark, MicroRun
from iomodels.figures import palette, sheet
from iomodels.figures.micro import shared
from iomodels.figures.output import Plot, Rows

NAME = "primitive_costs"
QUESTION = "What does each primitive cost?"
TITLE = "Cost of each primitive"
NOTE = (
    "Bar: median time per operation (log scale). Whisker: its 95 % bootstrap interval. "
    "Least and greatest parameter only."
)
COLUMNS = (
    *("run", "platform", "benchmark", *shared.ESTIMATE),
    *("context_switches", "wineserver_cpu_ns", "completions_per_wait"),
)
COLOURS = palette.GROUPS[:6]
BAR_INCHES = 0.142


def draw(run: MicroRun) -> Plot:
    """Return the figure of a micro run. Raises NothingToDraw if no benchmark has a time."""
    shown = chosen(run)
    if not shown:
        raise shared.NothingToDraw(f"{run.path}: no benchmark has a time")
    families = list(dict.fromkeys(_family(one) for one in shown))
    places = [place + 0.7 * families.index(_family(one)) for place, one in enumerate(shown)]
    found = [shared.estimate(one) for one in shown]
    with palette.rc():
        figure, axis = shared.sheet(run, TITLE, NOTE, 0.7 + BAR_INCHES * (places[-1] + 1))
        floor = 10 ** math.floor(math.log10(min(each.low or each.value for each in found)) - 0.05)
        for one, place, each in zip(shown, places, found):
            colour = COLOURS[families.index(_family(one)) % len(COLOURS)]
            style = {"left": floor, "height": 0.74, "color": colour, "alpha": 0.75, "linewidth": 0}
            axis.barh(place, each.value - floor, **style)
            if each.low is not None and each.high is not None:
                axis.hlines(place, each.low, each.high, color=palette.INK, linewidth=1.0)
        axis.set_xscale("log")
        axis.set_xlim(left=floor)
        axis.set_yticks(places, [one.name for one in shown])
        axis.tick_params(axis="y", labelsize=6.0, length=0)
        axis.set_ylim(places[-1] + 0.8, -0.8)
        axis.grid(False, axis="y")
        axis.set_xlabel("time per operation (log scale)")
        sheet.time_axis(axis.xaxis, ns_per_unit=1)
        sheet.few_decades(axis)
    again = shared.command(NAME, run)
    return Plot(NAME, QUESTION, _alt(run, shown), figure, COLUMNS, _rows(run), again)


def chosen(run: MicroRun) -> list[Benchmark]:
    """Return the least and the greatest parameter of each series, families together."""
    measured = shared.measured(run)
    order = list(dict.fromkeys(_family(one) for one in measured))
    by_family = sorted(measured, key=lambda one: order.index(_family(one)))
    shown: list[Benchmark] = []
    for _, group in groupby(by_family, key=lambda one: one.series):
        series = list(group)
        shown += [series[0], series[-1]] if len(series) > 1 else series
    return shown


def _family(one: Benchmark) -> str:
    return one.name.split("/")[0]


def _rows(run: MicroRun) -> Rows:
    start = (run.manifest["run"], run.platform)
    return tuple(
        (
            *(*start, one.name, *shared.estimated(one), one.context_switches),
            *(one.wineserver_cpu_ns, dict(one.values).get("completions_per_wait")),
        )
        for one in shared.measured(run)
    )


def _alt(run: MicroRun, shown: list[Benchmark]) -> str:
    ranked = sorted(shown, key=lambda one: shared.estimate(one).value)
    ends = [f"{one.name} {time(shared.estimate(one).value)}" for one in (ranked[0], ranked[-1])]
    what = f"time per operation of {len(shown)} primitives"
    return f"Bar chart on {run.platform}: {what}, from {ends[0]} to {ends[1]}."
