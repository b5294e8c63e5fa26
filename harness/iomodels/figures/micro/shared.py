"""What the figures of micro runs share."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from iomodels.base.errors import Failure
from iomodels.data.micro import Benchmark, MicroRun
from iomodels.figures.sheet import page
from iomodels.judge import stats

ESTIMATE = ("median_ns", "ci95_low_ns", "ci95_high_ns", "repetitions")
"""The columns of the values of estimated()."""


class NothingToDraw(Failure):
    """The run's filter left out what this figure is about."""


def sheet(run: MicroRun, title: str, note: str, height: float) -> tuple[Figure, Any]:
    """Return a figure of one panel, `height` inches high, below its head."""
    repetitions = f"n = {run.manifest['repetitions']} repetitions, random order"
    conditions = f"{run.platform} · {repetitions} · run {run.manifest['run']}"
    figure = page(title, (conditions, note), run.platform, height)
    return figure, figure.subplots()


def estimate(one: Benchmark) -> stats.Estimate:
    """Return median and interval of a benchmark that has times."""
    found = stats.median_estimate(one.times_ns)
    assert found
    return found


def estimated(one: Benchmark) -> tuple[object, ...]:
    """Return the values of ESTIMATE."""
    point = estimate(one)
    return point.value, point.low, point.high, len(one.times_ns)


def measured(run: MicroRun) -> list[Benchmark]:
    return [one for one in run.benchmarks if one.times_ns]


def command(name: str, run: MicroRun) -> str:
    """Return the command that draws this figure again."""
    return f"iomodels plot {name} {run.path.resolve().name}"
