"""Statistics of the reports: pure functions on numbers.

Nothing here knows what a server is. What was not measured is None and stays None; an interval that cannot be had (one value,
no value) is None too, never a zero-width one. Every random draw comes from a fixed seed: the same numbers give the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy import stats as scipy_stats

CONFIDENCE = 0.95
RESAMPLES = 9999
SEED = 1
REPEATS_FOR_A_CLAIM = 9
"""A rank test on fewer repeats a side has too little power to be worth a claim."""
SAMPLES_BEYOND = 10
"""A quantile is shown only if this many samples are expected beyond it."""

Histogram = tuple[tuple[int, int], ...]
"""Sparse histogram: (value, count), ascending by value, every count positive."""


@dataclass(frozen=True)
class Estimate:
    """A point estimate with its 95 % bootstrap interval; `low` and `high` are None where there are fewer than two values."""

    value: float
    low: float | None
    high: float | None

    @property
    def spans_one(self) -> bool:
        """Whether a ratio could as well be 1; without an interval nothing rules it out."""
        return self.low is None or self.high is None or self.low <= 1.0 <= self.high


class Verdict(Enum):
    """What two sets of repeats allow to be said about their difference."""

    SHOWN = "difference shown"
    NOT_SHOWN = "no difference shown"
    TOO_FEW = "too few repeats to claim a difference"


def median(values: Sequence[float]) -> float | None:
    """Median, or None of nothing."""
    return float(np.median(values)) if len(values) > 0 else None


def median_estimate(values: Sequence[float], seed: int = SEED) -> Estimate | None:
    """Median with its 95 % percentile-bootstrap interval; None of nothing."""
    centre = median(values)
    if centre is None:
        return None
    if len(values) < 2:
        return Estimate(centre, None, None)
    return Estimate(centre, *_interval(_resampled_medians(values, np.random.default_rng(seed))))


def ratio_estimate(numerator: Sequence[float], denominator: Sequence[float], seed: int = SEED) -> Estimate | None:
    """Median of `numerator` over median of `denominator`, both sides resampled independently.

    None when a side is empty or a value is not positive: such a ratio has no meaning.
    """
    above, below = median(numerator), median(denominator)
    if above is None or below is None or min(*numerator, *denominator) <= 0:
        return None
    if min(len(numerator), len(denominator)) < 2:
        return Estimate(above / below, None, None)
    random = np.random.default_rng(seed)
    ratios = _resampled_medians(numerator, random) / _resampled_medians(denominator, random)
    return Estimate(above / below, *_interval(ratios))


def _resampled_medians(values: Sequence[float], random: np.random.Generator) -> NDArray[np.float64]:
    """Medians of RESAMPLES samples drawn with replacement; shape (RESAMPLES,)."""
    data = np.asarray(values, dtype=np.float64)
    picks = random.integers(0, len(data), size=(RESAMPLES, len(data)))
    medians: NDArray[np.float64] = np.median(data[picks], axis=1)
    return medians


def _interval(estimates: NDArray[np.float64]) -> tuple[float, float]:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(estimates, [tail, 100 - tail])
    return float(low), float(high)


def range_coverage(count: int) -> float:
    """How often the range of `count` independent repeats holds the true median: no interval made of them can do better."""
    return max(0.0, 1.0 - 0.5 ** (count - 1)) if count > 0 else 0.0


def rank_test(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Two-sided Mann–Whitney p; None when a side has fewer than REPEATS_FOR_A_CLAIM values."""
    if min(len(left), len(right)) < REPEATS_FOR_A_CLAIM:
        return None
    return float(scipy_stats.mannwhitneyu(left, right, alternative="two-sided").pvalue)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction over one table of tests; None (not tested) stays None and does not count."""
    tested = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, index) in enumerate(tested):
        highest = max(highest, min(1.0, p * (len(tested) - rank)))
        adjusted[index] = highest
    return adjusted


def verdict(adjusted_p: float | None, ratio: Estimate | None) -> Verdict:
    """A difference is shown only if the corrected test and the interval of the ratio agree on it."""
    if adjusted_p is None or ratio is None:
        return Verdict.TOO_FEW
    return Verdict.SHOWN if adjusted_p < 1 - CONFIDENCE and not ratio.spans_one else Verdict.NOT_SHOWN


def histogram(counts: Iterable[Sequence[int]]) -> Histogram:
    """Checks [[value, count], …] as it stands in a record: ascending values, positive counts. ValueError otherwise."""
    pairs = tuple((int(value), int(count)) for value, count in counts)
    if any(count <= 0 for _, count in pairs) or any(a[0] >= b[0] for a, b in zip(pairs, pairs[1:])):
        raise ValueError("a sparse histogram needs ascending values with positive counts")
    return pairs


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """The histogram of all samples together: exact, as all have the same buckets."""
    total: dict[int, int] = {}
    for one in histograms:
        for value, count in one:
            total[value] = total.get(value, 0) + count
    return tuple(sorted(total.items()))


def samples(counts: Histogram) -> int:
    """Number of samples in a histogram."""
    return sum(count for _, count in counts)


def percentile(counts: Histogram, percent: float) -> int | None:
    """Value at a percentile, 0 < percent ≤ 100, by HdrHistogram's own rule (hdr_value_at_percentile); None of an empty histogram.

    The rule takes the sample number percent/100 × n rounded half up (at least the first one), and the value of its bucket.
    """
    return percentiles(counts, (percent,))[0]


def percentiles(counts: Histogram, percents: Sequence[float]) -> list[int | None]:
    """`percentile` of many, with one pass over the histogram's sums."""
    if any(not 0 < percent <= 100 for percent in percents):
        raise ValueError(f"percentiles lie above 0 and up to 100, not {list(percents)}")
    if not counts:
        return [None] * len(percents)
    reached = np.cumsum([count for _, count in counts])
    total = int(reached[-1])
    ranks = [max(1, int((percent / 100) * total + 0.5)) for percent in percents]
    return [counts[int(np.searchsorted(reached, rank))][0] for rank in ranks]


def supported(count: int, percent: float) -> bool:
    """Whether `count` samples are enough to show this percentile: SAMPLES_BEYOND of them must lie beyond it."""
    return count * (100 - percent) / 100 >= SAMPLES_BEYOND * (1 - 1e-9)
