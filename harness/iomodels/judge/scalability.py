"""The Universal Scalability Law over worker threads (Gunther 1993): pure functions of rates.

X(n) = λ n / (1 + σ (n − 1) + κ n (n − 1)). σ is the share of the work that is serial, and κ the
cost of each pair of workers that must agree. With κ the rate has a peak at √((1 − σ) / κ).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeWarning, curve_fit

from iomodels.judge.stats import CONFIDENCE, Measure

Array = NDArray[np.float64]

LEAST_POINTS = 4
"""Numbers of workers, and cores of the server, that a fit needs: it has three unknowns."""
RESAMPLES = 400
SEED = 1
AT_MOST = (np.inf, 1.0, 10.0)  # of λ, σ and κ


@dataclass(frozen=True)
class Scalability:
    """λ in requests per second, σ and κ, each with its 95 % interval. `peak`: the workers with the
    highest rate; infinite without κ."""

    rate: Measure
    contention: Measure
    coherency: Measure
    peak: float


def fit(rates: Mapping[int, Sequence[float | None]], cores: int | None) -> Scalability | str:
    """Fit the law to the rates of each round, by number of workers; return why it cannot be.

    A bootstrap over rounds gives the intervals, so the machine's drift stays within a round.
    """
    if cores is None:
        return "the number of the server's cores is unavailable"
    if cores < LEAST_POINTS:
        return f"the server has {cores} of the {LEAST_POINTS} cores that it takes"
    workers = sorted(n for n, values in rates.items() if any(value for value in values))
    if len(workers) < LEAST_POINTS:
        return f"{len(workers)} of the {LEAST_POINTS} numbers of workers that it takes have rates"
    logs = np.array(
        [[math.log(value) if value else math.nan for value in rates[n]] for n in workers]
    )
    numbers = np.array(workers, dtype=np.float64)
    found = _fitted(numbers, np.nanmean(logs, axis=1))
    if found is None:
        return "the fit does not converge"
    rng, several = np.random.default_rng(SEED), []
    for _ in range(RESAMPLES):
        drawn = logs[:, rng.integers(0, logs.shape[1], logs.shape[1])]
        if np.isnan(drawn).all(axis=1).any():
            continue
        again = _fitted(numbers, np.nanmean(drawn, axis=1))
        if again is not None:
            several.append(again)
    if len(several) < RESAMPLES / 2:
        return "too few rounds have every number of workers"
    outside = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(np.array(several), (outside, 100 - outside), axis=0)
    rate, sigma, kappa = (
        Measure(float(found[place]), None, float(low[place]), float(high[place]))
        for place in range(3)
    )
    contention, coherency = float(found[1]), float(found[2])
    peak = math.sqrt((1 - contention) / coherency) if coherency > 0 else math.inf
    return Scalability(rate, sigma, kappa, peak)


def _law(n: Array, rate: float, contention: float, coherency: float) -> Array:
    """Return the logarithm of the rate at each number of workers."""
    found: Array = math.log(rate) + np.log(n / (1 + contention * (n - 1) + coherency * n * (n - 1)))
    return found


def _fitted(n: Array, logs: Array) -> Array | None:
    """Return λ, σ and κ; None if the fit does not converge."""
    start = (float(np.exp(logs[0]) / n[0]), 0.05, 1e-3)
    try:
        found, _ = curve_fit(_law, n, logs, p0=start, bounds=((1e-9, 0.0, 0.0), AT_MOST))
    except (RuntimeError, ValueError, OptimizeWarning):
        return None
    fitted: Array = found
    return fitted
