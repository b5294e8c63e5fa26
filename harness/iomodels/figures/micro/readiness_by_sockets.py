"""How does asking which socket is ready grow with their number?

x = sockets (log2), y = time of one call (log) while one socket is ready: the median with its 95 %
bootstrap interval. select and WSAPoll have a line each with the first and with the last socket
ready. A straight line a + b·n is fitted, and its slope b named, only if growth is linear: if the
local exponent at the many-sockets end is near 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.ticker import NullLocator

from iomodels.base import words
from iomodels.base.words import time
from iomodels.data.micro import Benchmark, MicroRun
from iomodels.figures import palette, sheet
from iomodels.figures.micro import shared
from iomodels.figures.output import Plot, Rows

NAME = "readiness_by_sockets"
QUESTION = "How does asking which socket is ready grow with their number?"
TITLE = "select and WSAPoll by number of sockets, one ready"
NOTE = (
    "Line: median time of a call. Bar: its 95 % bootstrap interval. "
    "Slope: least relative squares of a + b·n, where growth is linear."
)
COLUMNS = (
    *("run", "platform", "series", "sockets", *shared.ESTIMATE),
    *("exponent", "slope_ns_per_socket"),
)
FAMILY = "readiness/"
LINEAR = (0.5, 1.2)
"""Exponents that a straight line may have at its far end. Below, the constant part still
dominates; above, growth is faster."""
FAR_POINTS = 3


@dataclass(frozen=True)
class Fit:
    """`exponent`: k of time ~ n^k over the last FAR_POINTS numbers. `slope`: ns per socket, None
    if no straight line fits."""

    exponent: float
    slope: float | None

    @property
    def words(self) -> str:
        if self.slope is not None:
            return f"{words.number(self.slope)} ns per socket"
        return f"no line: grows like n^{self.exponent:.1f} at the end"


def fit(sockets: Sequence[int], times_ns: Sequence[float]) -> Fit | None:
    """None with fewer than FAR_POINTS numbers."""
    if len(sockets) < FAR_POINTS:
        return None
    n, t = np.asarray(sockets, dtype=np.float64), np.asarray(times_ns, dtype=np.float64)
    exponent = float(np.polyfit(np.log(n[-FAR_POINTS:]), np.log(t[-FAR_POINTS:]), 1)[0])
    if not LINEAR[0] <= exponent <= LINEAR[1]:
        return Fit(exponent, None)
    slope = float(np.polyfit(n, t, 1, w=1 / t)[0])
    return Fit(exponent, slope)


def draw(run: MicroRun) -> Plot:
    """Return the figure of a micro run. Raises NothingToDraw without the family."""
    series: dict[str, list[Benchmark]] = {}
    for one in shared.measured(run):
        if one.name.startswith(FAMILY) and one.parameter is not None:
            series.setdefault(one.series.removeprefix(FAMILY), []).append(one)
    if not series:
        raise shared.NothingToDraw(f"{run.path}: holds no benchmark {FAMILY}…")
    for each in series.values():
        each.sort(key=lambda one: one.parameter or 0)
    fits = {
        label: fit(
            [one.parameter or 0 for one in each], [shared.estimate(one).value for one in each]
        )
        for label, each in series.items()
    }
    with palette.rc():
        figure, axis = shared.sheet(run, TITLE, NOTE, 3.6)
        for label, each in series.items():
            _line(axis, label, each, fits[label])
        counts = sorted({one.parameter or 0 for each in series.values() for one in each})
        axis.set_xscale("log", base=2)
        axis.set_xticks(counts, [f"{count:,}" for count in counts])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_yscale("log")
        sheet.time_axis(axis.yaxis, ns_per_unit=1)
        axis.set_xlabel("sockets (log scale)")
        axis.set_ylabel("time of one call (log scale)")
        axis.legend(loc="upper left", handlelength=3.6)
    again = shared.command(NAME, run)
    return Plot(
        NAME, QUESTION, _alt(run, series, fits), figure, COLUMNS, _rows(run, series, fits), again
    )


def _line(axis: Any, label: str, each: list[Benchmark], found: Fit | None) -> None:
    model, _, which = label.partition("/")
    look = palette.look(model.lower(), 0 if which == "first" else 1)
    x = [one.parameter for one in each]
    points = [shared.estimate(one) for one in each]
    words = f"{model}, the {which} is ready" + (f": {found.words}" if found else "")
    axis.plot(x, [point.value for point in points], **look.line, label=words, zorder=3)
    bars = [(at, point.low, point.high) for at, point in zip(x, points) if point.low is not None]
    if bars:
        axis.vlines(*zip(*bars), color=look.colour, alpha=0.55, linewidth=1.1, zorder=2)


def _rows(run: MicroRun, series: dict[str, list[Benchmark]], fits: dict[str, Fit | None]) -> Rows:
    start = (run.manifest["run"], run.platform)
    lines = {
        label: (fit.exponent, fit.slope) if fit else (None, None) for label, fit in fits.items()
    }
    return tuple(
        (*start, label, one.parameter, *shared.estimated(one), *lines[label])
        for label, each in series.items()
        for one in each
    )


def _alt(run: MicroRun, series: dict[str, list[Benchmark]], fits: dict[str, Fit | None]) -> str:
    words = []
    for label, each in series.items():
        last, found = each[-1], fits[label]
        shown = time(shared.estimate(last).value)
        words.append(
            f"{label}: {shown} at {last.parameter:,} sockets{f' ({found.words})' if found else ''}."
        )
    what = "time of one call by number of sockets, both logarithmic"
    return f"Line chart on {run.platform}: {what}. {' '.join(words)}"
