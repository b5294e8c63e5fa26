"""Percentiles by time and over rounds, on histograms that can be counted by hand."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.judge.latency import (
    median_interval,
    median_over_rounds,
    share_of_time_beyond,
    time_weighted_percentile,
)
from iomodels.judge.stats import Histogram, percentile

STALLED: Histogram = ((10, 990), (5_000, 10))
"""990 requests of 10 µs and 10 stalls of 5 ms: 1 % of the requests, 83 % of the time."""

histograms = st.dictionaries(st.integers(1, 10**9), st.integers(1, 10**6), min_size=1, max_size=30)


def test_a_stall_is_seen_by_time_and_not_by_requests() -> None:
    assert percentile(STALLED, 99) == 10
    assert time_weighted_percentile(STALLED, 50) == 5_000
    assert share_of_time_beyond(STALLED) == pytest.approx(50_000 / 59_900)


def test_long_means_longer_than_the_factor_says() -> None:
    assert share_of_time_beyond(((10, 8), (100, 1), (101, 1))) == pytest.approx(101 / 281)
    assert share_of_time_beyond(((10, 8), (100, 1), (101, 1)), factor=9.9) == pytest.approx(
        201 / 281
    )
    assert share_of_time_beyond(((7, 100),)) == 0.0


@given(histograms, st.floats(0.01, 100))
def test_the_weighted_percentile_is_where_the_time_is(
    pairs: dict[int, int], percent: float
) -> None:
    counts = tuple(sorted(pairs.items()))
    value = time_weighted_percentile(counts, percent)
    assert value is not None
    total = sum(v * n for v, n in counts)
    assert sum(v * n for v, n in counts if v <= value) >= percent / 100 * total * (1 - 1e-12)
    assert sum(v * n for v, n in counts if v < value) <= percent / 100 * total * (1 + 1e-12)


def test_nothing_measured_is_none() -> None:
    assert time_weighted_percentile((), 50) is None
    assert time_weighted_percentile(((0, 5),), 50) is None
    assert share_of_time_beyond(()) is None
    assert median_over_rounds([], 99).reason == "no valid round"
    assert median_over_rounds([()], 99).reason == "no valid round"


@pytest.mark.parametrize("percent", [0, -1, 100.1, float("nan")])
def test_a_percent_that_cannot_be_is_named(percent: float) -> None:
    with pytest.raises(ValueError, match=r"percentile .* must be above 0"):
        time_weighted_percentile(STALLED, percent)
    with pytest.raises(ValueError, match="percentiles lie above 0"):
        median_over_rounds([STALLED], percent)


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_a_factor_that_cannot_be_is_named(factor: float) -> None:
    with pytest.raises(ValueError, match="factor"):
        share_of_time_beyond(STALLED, factor)


def _round(p99: int) -> Histogram:
    """2,000 samples whose 99th percentile is `p99`, with 20 beyond it."""
    return ((1, 1970), (p99, 10), (p99 + 1_000, 20))


def test_the_median_of_rounds_and_its_interval() -> None:
    found = median_over_rounds([_round(p99) for p99 in (10, 20, 30, 40, 50, 60)], 99)
    assert (found.value, found.low, found.high, found.reason) == (35.0, 10.0, 60.0, None)
    few = median_over_rounds([_round(p99) for p99 in (10, 20, 30, 40, 50)], 99)
    assert (few.value, few.low, few.high) == (30.0, None, None)


def test_one_round_with_all_the_long_requests_is_not_shown() -> None:
    quiet: Histogram = ((30, 2_000),)
    loud: Histogram = ((30, 1_784), (32_000, 216))
    found = median_over_rounds([quiet] * 9 + [loud], 99.9)
    assert found.value is None
    assert found.reason == "1 round has samples beyond it, of the 3 that it takes"


def test_too_few_samples_beyond_are_not_shown() -> None:
    rounds: list[Histogram] = [((1, 49), (100 + place, 1)) for place in range(10)]
    found = median_over_rounds(rounds, 99)
    assert found.value is None
    assert found.reason == "fewer than 10 of 500 samples lie beyond it"


@pytest.mark.parametrize("count", range(1, 13))
def test_the_interval_holds_the_median_by_counting(count: int) -> None:
    """Each value is above or below the median by the toss of a coin; all tosses are counted."""
    low, high = median_interval(list(range(count)))
    tosses = [sum(each) for each in product((0, 1), repeat=count)]  # how many values are below
    if low is None or high is None:
        assert 1 - 2 * 0.5**count < 0.95, "the widest interval would have been enough"
        return
    held = sum(low < below <= high for below in tosses) / len(tosses)
    narrower = sum(low + 1 < below <= high - 1 for below in tosses) / len(tosses)
    assert narrower < 0.95 <= held
