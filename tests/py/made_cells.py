"""Cells made up for the tests of loads, sentences and remarks: rates by round, known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iomodels.data.records import Condition
from iomodels.judge import stats
from iomodels.judge.cells import Cell, Failure, Latency
from iomodels.judge.costs import COSTS, WHOLE_CPU
from iomodels.judge.stats import Measure
from iomodels.judge.verdict import Kind, Verdict

NO_LATENCY = Latency(True, {}, Measure(0.0), Measure(None, "none"))


def cell(
    label: str,
    rates: Sequence[float | None] = (),
    *,
    kind: Kind = Kind.SERVER_BOUND,
    reasons: Sequence[str] = (),
    held: int | None = None,
    connections: int = 64,
    cpu_us: Sequence[float] = (),
    rate_percent: int = 0,
    costs: Mapping[str, float] | None = None,
    latency: Latency = NO_LATENCY,
) -> Cell:
    """A cell with one rate per round, None where the round has no valid repeat."""
    known = [(number, rate) for number, rate in enumerate(rates) if rate is not None]
    found = tuple(rate for _, rate in known)
    model = label.split()[0]
    typical = {name: Measure(None, "not made up") for name in COSTS}
    typical |= {name: Measure(value) for name, value in (costs or {}).items()}
    if cpu_us:
        typical[WHOLE_CPU] = Measure(sorted(cpu_us)[len(cpu_us) // 2])
    failing = kind in (Kind.FAILED, Kind.INVALID)
    failures = tuple(
        Failure(number, kind, "; ".join(reasons), None, held) for number in range(3 * failing)
    )
    return Cell(
        Condition(model, connections, 64, 64, 1, (), label if label != model else "", rate_percent),
        bool(rate_percent),
        max(len(rates), 3),
        Verdict(kind, tuple(reasons)),
        tuple(number for number, _ in known),
        found,
        stats.median_estimate(found),
        latency,
        typical,
        tuple(cpu_us),
        failures,
        (),
        None,
    )


def noisy(base: float, rounds: int, spread: float, seed: int = 1) -> list[float]:
    """Rates around `base` whose logarithms have about the standard deviation `spread`."""
    import numpy as np

    draws = np.random.default_rng(seed).normal(size=rounds)
    return [float(each) for each in base * np.exp(spread * (draws - draws.mean()))]
