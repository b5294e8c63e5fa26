"""Statistics of the reports: pure functions on numbers.

Nothing here knows what a server is. What was not measured is None and stays None. An interval of
fewer than two values is None too, never one without width. Every random draw comes from a fixed
seed: the same numbers give the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from operator import ge
from typing import Any

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
    """A value with its 95 % bootstrap interval; the ends are None with fewer than two values."""

    value: float
    low: float | None
    high: float | None

    @property
    def spans_one(self) -> bool:
        """Whether a ratio could as well be 1; without an interval nothing rules it out."""
        return self.low is None or self.high is None or self.low <= 1.0 <= self.high


@dataclass(frozen=True)
class Measure:
    """A value with its 95 % interval where it has one, or None and the reason why there is none."""

    value: float | None
    reason: str | None = None
    low: float | None = None
    high: float | None = None

    def over(self, divisor: float) -> Measure:
        """Return it in a unit that is `divisor` times as large."""
        parts = (self.value, self.low, self.high)
        value, low, high = (None if part is None else part / divisor for part in parts)
        return Measure(value, self.reason, low, high)


class Finding(Enum):
    """What two sets of repeats show of their difference; the value is its mark in a table."""

    SHOWN = ""
    NOT_SHOWN = "~"
    TOO_FEW = "?"

    @property
    def words(self) -> str:
        """The finding in words: of tables, JSON and CSV."""
        named = ("difference", "no difference shown", "too few repeats")
        return named[list(Finding).index(self)]


@dataclass(frozen=True)
class Difference:
    """One set of repeats over another.

    ratio: of the medians.
    shift: the Hodges–Lehmann estimate of the ratio, the median of all ratios of one value to one
        other. A single stray repeat moves it less.
    delta: Cliff's delta, −1 … 1: how much more often a value of the first is the greater one.
    p: Mann–Whitney's, Holm-corrected over its table; None with too few repeats for a test.
    """

    ratio: Estimate | None
    shift: float | None
    delta: float | None
    p: float | None
    finding: Finding


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
    return Estimate(centre, *_interval([values], np.median, seed))


def ratio_estimate(
    numerator: Sequence[float], denominator: Sequence[float], seed: int = SEED
) -> Estimate | None:
    """Median of `numerator` over median of `denominator`, both sides resampled independently.

    None when a side is empty or a value is not positive: such a ratio has no meaning.
    """
    above, below = median(numerator), median(denominator)
    if above is None or below is None or min(*numerator, *denominator) <= 0:
        return None
    if min(len(numerator), len(denominator)) < 2:
        return Estimate(above / below, None, None)
    return Estimate(above / below, *_interval([numerator, denominator], _ratio_of_medians, seed))


def _ratio_of_medians(above: NDArray[np.float64], below: NDArray[np.float64], axis: int) -> Any:
    return np.median(above, axis=axis) / np.median(below, axis=axis)


def _interval(
    sides: Sequence[Sequence[float]], statistic: Callable[..., Any], seed: int
) -> tuple[float, float]:
    """Return the percentile bootstrap's interval; each side is resampled independently.

    Equal values have an interval without width.
    """
    return _resampled(tuple(tuple(side) for side in sides), statistic, seed)


@lru_cache(maxsize=4096)  # tables, sentences and figures ask for the same interval
def _resampled(
    sides: tuple[tuple[float, ...], ...], statistic: Callable[..., Any], seed: int
) -> tuple[float, float]:
    data = [np.asarray(side, dtype=np.float64) for side in sides]
    found = scipy_stats.bootstrap(
        data,
        statistic,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        vectorized=True,
        axis=-1,
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def rank_test(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Two-sided Mann–Whitney p; None when a side has fewer than REPEATS_FOR_A_CLAIM values."""
    if min(len(left), len(right)) < REPEATS_FOR_A_CLAIM:
        return None
    tied = len({*left, *right}) < len(left) + len(right)
    method = "asymptotic" if tied else "exact"  # exact knows no ties; asymptotic is 17 × too large
    test = scipy_stats.mannwhitneyu(left, right, alternative="two-sided", method=method)
    return float(test.pvalue)


def welch_freedom(squares: Sequence[float], freedoms: Sequence[int]) -> float:
    """Return Welch's degrees of freedom of a sum of independent means.

    `squares` are the variances of the means, and `freedoms` their degrees of freedom.
    """
    below = sum(square**2 / freedom for square, freedom in zip(squares, freedoms))
    return sum(squares) ** 2 / below if below else float(min(freedoms))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's step-down correction over one table of tests; None, not tested, stays None."""
    tested = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, index) in enumerate(tested):
        highest = max(highest, min(1.0, p * (len(tested) - rank)))
        adjusted[index] = highest
    return adjusted


def cliffs_delta(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Return P(left > right) − P(left < right) over pairs; 1 if all left values are greater."""
    if not left or not right:
        return None
    return float(
        np.sign(np.subtract.outer(np.asarray(left, float), np.asarray(right, float))).mean()
    )


def shift_ratio(numerator: Sequence[float], denominator: Sequence[float]) -> float | None:
    """Return the median of all pairwise ratios (Hodges–Lehmann); None if one has no meaning."""
    if not numerator or not denominator or min(*numerator, *denominator) <= 0:
        return None
    return float(np.exp(np.median(np.subtract.outer(np.log(numerator), np.log(denominator)))))


def differences(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[Difference]:
    """Return one table of comparisons, left over right; its p-values are corrected together."""
    corrected = holm([rank_test(left, right) for left, right in pairs])
    found = []
    for (left, right), p in zip(pairs, corrected):
        ratio = ratio_estimate(left, right)
        found.append(
            Difference(
                ratio, shift_ratio(left, right), cliffs_delta(left, right), p, finding(p, ratio)
            )
        )
    return found


def finding(adjusted_p: float | None, ratio: Estimate | None) -> Finding:
    """Return SHOWN only if the corrected test and the interval of the ratio agree on it."""
    if adjusted_p is None or ratio is None:
        return Finding.TOO_FEW
    return (
        Finding.SHOWN if adjusted_p < 1 - CONFIDENCE and not ratio.spans_one else Finding.NOT_SHOWN
    )


def spread(values: Sequence[float]) -> float | None:
    """Return the robust coefficient of variation: the quartiles' normal deviation over the median.

    One stray value does not move it, many do. None with fewer than two values or a median of 0.
    """
    if len(values) < 2 or not np.median(values):
        return None
    return float(scipy_stats.iqr(values, scale="normal") / abs(np.median(values)))


def drift(values: Sequence[float]) -> float | None:
    """Return the change from the first value to the last by the Theil–Sen line, over the median.

    0 if the slope's 95 % interval holds 0. None with fewer than three values or a median of 0.
    """
    if len(values) < 3 or not np.median(values):
        return None
    slope, _, low, high = scipy_stats.theilslopes(values, alpha=CONFIDENCE)
    return 0.0 if low <= 0 <= high else float(slope * (len(values) - 1) / np.median(values))


def histogram(counts: Iterable[Sequence[int]]) -> Histogram:
    """Return the histogram of a record's [[value, count], …].

    Raises ValueError unless values ascend and counts are positive.
    """
    pairs = tuple([(int(value), int(count)) for value, count in counts])
    values = [value for value, _ in pairs]
    if min([count for _, count in pairs], default=1) <= 0 or any(map(ge, values, values[1:])):
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
    return sum([count for _, count in counts])


def percentile(counts: Histogram, percent: float) -> int | None:
    """Return the value at a percentile, 0 < percent ≤ 100; None for an empty histogram.

    It is the value in whose bucket sample number percent/100 × n lies, rounded half up and at
    least 1. Source: hdr_value_at_percentile.
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
    """Whether SAMPLES_BEYOND of `count` samples lie beyond this percentile, so that it is shown."""
    return count * (100 - percent) / 100 >= SAMPLES_BEYOND * (1 - 1e-9)


def scarce(count: int) -> str:
    """Why a percentile is not shown."""
    return f"fewer than {SAMPLES_BEYOND} of {count:,} samples lie beyond it"


def percentiles_us(counts: Histogram, percents: Sequence[float]) -> Mapping[float, Measure]:
    """Percentiles of a histogram of ns, in µs; those that too few samples support are None."""
    count = samples(counts)
    reasons = {
        percent: "no valid repeat"
        if not count
        else None
        if supported(count, percent)
        else scarce(count)
        for percent in percents
    }
    return {
        percent: Measure(None, reasons[percent])
        if value is None or reasons[percent]
        else Measure(value / 1e3)
        for percent, value in zip(percents, percentiles(counts, percents))
    }
