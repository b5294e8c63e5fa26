"""What the figures of micro runs share: the head with its conditions, the look of a family."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.data.micro import Benchmark, MicroRun
from iomodels.figures import style
from iomodels.judge import stats

Draw = Callable[[MicroRun], style.Plot]


def time_words(ns: float) -> str:
    """'100 ns', '5 µs': a tick of a time axis."""
    for factor, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")):
        if ns >= 0.999 * factor:
            return f"{ns / factor:,.10g} {unit}"
    return f"{ns:.10g} ns"


def sheet(run: MicroRun, title: str, note: str, height: float) -> tuple[Figure, Any]:
    """A figure of one panel below its head: title, platform, repetitions, run, note on how to read it."""
    conditions = f"{run.platform} · n = {run.manifest['repetitions']} repetitions, random order · run {run.manifest['run']}"
    lines = [
        line
        for text in (conditions, note)
        for line in textwrap.wrap(text, width=int(style.WIDTH_INCHES * 16.5))
    ]
    warning = words.emulated(run.platform)
    head = 0.36 + 0.15 * len(lines) + 0.17 * warning
    figure = Figure(figsize=(style.WIDTH_INCHES, head + height), layout="constrained")
    FigureCanvasAgg(figure)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0.005, 0.005, 0.99, 1 - head / (head + height)), w_pad=0.06, h_pad=0.05)
    style.write_head(figure, [title, *lines], warning)
    return figure, figure.subplots()


def time_axis(axis: Any) -> None:
    """A logarithmic axis of times."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: time_words(value)))
    axis.set_minor_formatter(NullFormatter())


def estimate(one: Benchmark) -> stats.Estimate:
    """Median and interval of a benchmark that has times."""
    found = stats.median_estimate(one.times_ns)
    assert found
    return found


def measured(run: MicroRun) -> list[Benchmark]:
    return [one for one in run.benchmarks if one.times_ns]


def command(name: str, run: MicroRun) -> str:
    """The command that draws this figure again."""
    return f"iomodels plot {name} {run.path.resolve().name}"


class NothingToDraw(Failure):
    """The run's filter left out what this figure is about."""
