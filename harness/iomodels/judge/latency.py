"""Latency percentiles that reveal a stall: pure functions on histograms.

A closed loop sends nothing while it waits. A stall is therefore one slow request, however long it
lasts, and a percentile of requests hardly shows it (coordinated omission). Weights of time show it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from scipy.stats import binom

from iomodels.judge import stats
from iomodels.judge.stats import Histogram, Measure

LONG = 10.0
"""A request is long from this multiple of the median on."""
ROUNDS_BEYOND = 3
"""Rounds that need samples beyond a percentile: with fewer it shows one round's accident."""


def time_weighted_percentile(histogram: Histogram, percent: float) -> int | None:
    """Return the percentile of latencies that are weighted by time.

    A request's weight is its length. The percentile is thus that of requests outstanding at
    random moments. None if there is no time. Raises ValueError for a percent outside 0 < percent
    ≤ 100.
    """
    if not 0 < percent <= 100:
        raise ValueError(f"percentile {percent} must be above 0 and at most 100")
    reached = list(accumulate(value * count for value, count in histogram))
    if not reached or not reached[-1]:
        return None
    place = bisect_left(reached, percent / 100 * reached[-1])
    return histogram[min(place, len(histogram) - 1)][0]


def share_of_time_beyond(histogram: Histogram, factor: float = LONG) -> float | None:
    """Return the share of the time that requests longer than `factor` × p50 take, 0 … 1.

    None where there is no time. Raises ValueError for a factor that is not positive and finite.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise ValueError(f"factor {factor} must be positive and finite")
    middle = stats.percentile(histogram, 50)
    total = sum(value * count for value, count in histogram)
    if middle is None or not total:
        return None
    limit = factor * middle
    return sum(value * count for value, count in histogram if value > limit) / total


def median_over_rounds(rounds: Sequence[Histogram], percent: float) -> Measure:
    """Return the median over rounds of each round's percentile, with a distribution-free interval.

    The interval has two of the rounds' own values as ends (the sign test's). It assumes no
    distribution and contains the median of rounds in at least 95 % of all runs. A percentile is
    shown if at least ROUNDS_BEYOND rounds have samples beyond it and enough samples of all rounds
    are expected there (stats.supported). Raises ValueError as time_weighted_percentile().
    """
    found = [value for one in rounds if (value := stats.percentile(one, percent)) is not None]
    if not found:
        return Measure(None, "no valid round")
    middle = float(np.median(found))
    beyond = sum(bool(one) and one[-1][0] > middle for one in rounds)
    if beyond < ROUNDS_BEYOND:
        have = "round has" if beyond == 1 else "rounds have"
        reason = f"{beyond} {have} samples beyond it, of the {ROUNDS_BEYOND} that it takes"
        return Measure(None, reason)
    samples = sum(stats.samples(one) for one in rounds)
    if not stats.supported(samples, percent):
        return Measure(None, stats.scarce(samples))
    return Measure(middle, None, *median_interval(found))


def curve(rounds: Sequence[Histogram], percents: Sequence[float]) -> list[float]:
    """Return the median over rounds of ascending percentiles, each as median_over_rounds() has it.

    The list ends before the first percentile that is not shown.
    """
    known = [one for one in rounds if one]
    each = np.array([stats.percentiles(one, percents) for one in known], dtype=np.float64)
    total, shown = sum(stats.samples(one) for one in known), []
    for percent, middle in zip(percents, np.median(each, axis=0) if known else ()):
        beyond = sum(one[-1][0] > middle for one in known)
        if beyond < ROUNDS_BEYOND or not stats.supported(total, percent):
            break
        shown.append(float(middle))
    return shown


def median_interval(
    values: Sequence[float], confidence: float = 0.95
) -> tuple[float, float] | tuple[None, None]:
    """Return the sign test's interval of a median: two of the values, equally far from the ends.

    Fewer than six values have none at 95 %.
    """
    ordered = sorted(values)
    below = int(binom.ppf((1 - confidence) / 2, len(ordered), 0.5)) if ordered else 0
    return (float(ordered[below - 1]), float(ordered[-below])) if below else (None, None)
