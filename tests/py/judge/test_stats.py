"""The statistics against brute force and against cases worked out by hand."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.judge import stats

SAMPLES = st.lists(st.integers(0, 40), min_size=1, max_size=200)
POSITIVE = st.lists(st.floats(1, 1e6), min_size=2, max_size=12)


def histogram_of(samples: list[int]) -> stats.Histogram:
    return tuple(sorted(Counter(samples).items()))


def brute_percentile(samples: list[int], percent: float) -> int:
    """HdrHistogram's rule on the sorted samples themselves."""
    rank = max(1, int((percent / 100) * len(samples) + 0.5))
    return sorted(samples)[rank - 1]


@given(SAMPLES, st.floats(0.001, 100))
def test_percentile_is_that_of_the_samples(samples: list[int], percent: float) -> None:
    assert stats.percentile(histogram_of(samples), percent) == brute_percentile(samples, percent)


@pytest.mark.parametrize(
    ("percent", "value"),
    [(0.1, 10), (14, 10), (15, 10), (25, 20), (24.9, 10), (50, 20), (75, 40), (99, 40), (100, 40)],
)
def test_percentile_rounds_the_rank_half_up(percent: float, value: int) -> None:
    """10 samples; the rank is percent/10 rounded half up: 25 % is rank 3, 24.9 % rank 2."""
    assert stats.percentile(((10, 2), (20, 5), (40, 3)), percent) == value


def test_percentile_of_nothing_is_none() -> None:
    assert stats.percentile((), 50) is None


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_percentile_outside_its_range_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="percentiles lie above 0"):
        stats.percentile(((1, 1),), percent)


@given(st.lists(SAMPLES, max_size=5))
def test_merge_is_the_histogram_of_all_samples(parts: list[list[int]]) -> None:
    merged = stats.merge(histogram_of(part) for part in parts)
    assert merged == histogram_of([sample for part in parts for sample in part])
    assert stats.samples(merged) == sum(map(len, parts))


@pytest.mark.parametrize("counts", [[[2, 1], [1, 1]], [[1, 1], [1, 1]], [[1, 0]], [[1, -2]]])
def test_a_histogram_that_is_none_is_refused(counts: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="ascending values"):
        stats.histogram(counts)


@given(POSITIVE)
def test_the_interval_holds_the_median_within_the_range_and_repeats_exactly(
    values: list[float],
) -> None:
    found = stats.median_estimate(values)
    assert found is not None and found.low is not None and found.high is not None
    assert min(values) <= found.low <= found.high <= max(values)
    assert found.low <= found.value <= found.high
    assert found == stats.median_estimate(values)


def test_the_interval_covers_the_true_median_about_as_often_as_it_says() -> None:
    """200 seeded draws of 15 values with the true median 0: a 95 % interval may miss it some times, not often and not never."""
    import numpy as np

    draws = np.random.default_rng(5).normal(size=(200, 15))
    held = 0
    for draw in draws:
        found = stats.median_estimate(list(draw))
        assert found is not None and found.low is not None and found.high is not None
        held += found.low <= 0 <= found.high
    assert 176 <= held < 200


def test_one_value_has_no_interval_and_no_value_no_median() -> None:
    assert stats.median_estimate([3.0]) == stats.Estimate(3.0, None, None)
    assert stats.median_estimate([]) is None
    assert stats.median([]) is None
    assert stats.median([1, 2, 4, 100]) == 3.0


def test_ratio_of_medians() -> None:
    found = stats.ratio_estimate([20, 21, 22], [10, 10, 10])
    assert found is not None and found.value == pytest.approx(2.1)
    assert found.low == pytest.approx(2.0) and found.high == pytest.approx(2.2)
    assert not found.spans_one


@given(POSITIVE)
def test_a_ratio_to_itself_spans_one(values: list[float]) -> None:
    found = stats.ratio_estimate(values, values)
    assert found is not None and found.value == 1.0 and found.spans_one


def test_a_ratio_without_interval_rules_nothing_out() -> None:
    found = stats.ratio_estimate([30.0], [10.0, 11.0])
    assert found is not None and found.low is None and found.high is None and found.spans_one


@pytest.mark.parametrize(
    ("above", "below"), [([], [1.0]), ([1.0], []), ([1.0, 2.0], [0.0, 1.0]), ([0.0], [0.0])]
)
def test_a_ratio_without_meaning_is_none(above: list[float], below: list[float]) -> None:
    assert stats.ratio_estimate(above, below) is None


def test_fewer_than_nine_repeats_a_side_never_claim() -> None:
    apart = [1000.0 + i for i in range(9)], [1.0 + i for i in range(8)]
    assert stats.rank_test(*apart) is None
    assert (
        stats.finding(stats.rank_test(*apart), stats.ratio_estimate(*apart))
        is stats.Finding.TOO_FEW
    )


def test_nine_repeats_far_apart_show_a_difference_and_equal_ones_none() -> None:
    high, low = [1000.0 + i for i in range(9)], [1.0 + i for i in range(9)]
    assert (
        stats.finding(stats.rank_test(high, low), stats.ratio_estimate(high, low))
        is stats.Finding.SHOWN
    )
    assert (
        stats.finding(stats.rank_test(low, low), stats.ratio_estimate(low, low))
        is stats.Finding.NOT_SHOWN
    )


def test_a_small_p_alone_is_not_enough() -> None:
    assert stats.finding(0.001, stats.Estimate(1.01, 0.99, 1.03)) is stats.Finding.NOT_SHOWN
    assert stats.finding(0.06, stats.Estimate(1.5, 1.4, 1.6)) is stats.Finding.NOT_SHOWN


def test_effect_sizes_by_hand() -> None:
    """Of the 6 pairs 4 are greater, 1 equal, 1 less; the ratios are 0.5, 1, 2, 2, 4, 8."""
    assert stats.cliffs_delta([1, 4], [2, 1, 0.5]) == pytest.approx((4 - 1) / 6)
    assert stats.shift_ratio([1, 4], [2, 1, 0.5]) == pytest.approx(2.0)
    assert stats.cliffs_delta([], [1.0]) is None and stats.shift_ratio([1.0], [0.0]) is None


@given(POSITIVE, POSITIVE)
def test_effect_sizes_turn_round_with_their_sides(left: list[float], right: list[float]) -> None:
    delta, back = stats.cliffs_delta(left, right), stats.cliffs_delta(right, left)
    assert (
        delta is not None
        and back is not None
        and -1 <= delta <= 1
        and delta == pytest.approx(-back)
    )
    assert (stats.shift_ratio(left, right) or 0) * (
        stats.shift_ratio(right, left) or 0
    ) == pytest.approx(1)


def test_a_table_of_differences_is_corrected_as_a_whole() -> None:
    high, low = [1000.0 + i for i in range(9)], [1.0 + i for i in range(9)]
    alone, first, second, few = (
        *stats.differences([(high, low)]),
        *stats.differences([(high, low), (low, low), (high[:3], low)]),
    )
    assert alone.p is not None and first.p == pytest.approx(2 * alone.p) and few.p is None
    assert [each.finding.value for each in (alone, second, few)] == ["", "~", "?"]
    assert few.ratio is not None and first.delta == 1.0 and second.shift == pytest.approx(1.0)


@pytest.mark.parametrize("shape", ["normal", "skewed", "two camps"])
def test_the_same_server_twice_comes_out_equal(shape: str) -> None:
    """The negative control, simulated: 100 comparisons of two sets of repeats from one distribution."""
    import numpy as np

    random = np.random.default_rng(20)
    draws = {
        "normal": lambda: random.normal(10_000, 300, 9),
        "skewed": lambda: 10_000 * random.lognormal(0, 0.2, 9),
        "two camps": lambda: (
            np.where(random.random(9) < 0.5, 8_000, 10_000) + random.normal(0, 200, 9)
        ),
    }
    findings = []
    for _ in range(100):
        left, right = list(draws[shape]()), list(draws[shape]())
        p = stats.rank_test(left, right)
        significant = (
            p is not None and p < 1 - stats.CONFIDENCE
        )  # the interval costs time, and can only take a finding back
        findings.append(
            stats.finding(
                p,
                stats.ratio_estimate(left, right) if significant else stats.Estimate(1.0, 0.9, 1.1),
            )
        )
    assert findings.count(stats.Finding.NOT_SHOWN) >= 95


def test_a_real_difference_is_shown() -> None:
    import numpy as np

    random = np.random.default_rng(21)
    pairs = [
        (list(random.normal(11_000, 300, 9)), list(random.normal(10_000, 300, 9)))
        for _ in range(20)
    ]
    assert [row.finding for row in stats.differences(pairs)].count(stats.Finding.SHOWN) == 20


def test_holm_by_hand() -> None:
    """0.01 × 3, 0.03 × 2, 0.04 × 1 but not below the one before; what was not tested does not count."""
    assert stats.holm([0.03, None, 0.01, 0.04]) == [
        pytest.approx(0.06),
        None,
        pytest.approx(0.03),
        pytest.approx(0.06),
    ]
    assert stats.holm([0.9, 0.8]) == [1.0, 1.0]
    assert stats.holm([]) == []


@pytest.mark.parametrize(
    ("count", "percent", "enough"),
    [(1000, 99, True), (999, 99, False), (10_000, 99.9, True), (20, 50, True), (19, 50, False)],
)
def test_ten_samples_must_lie_beyond(count: int, percent: float, enough: bool) -> None:
    assert stats.supported(count, percent) is enough
