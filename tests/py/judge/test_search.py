"""The search on made-up servers: sharp and wide ones, those at the ends, and a late generator.

test_searches_proof.py holds the search to its simulated error rates.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iomodels.judge.search import (
    LEAST,
    MOST,
    NARROW,
    UNJUDGED,
    Answer,
    Kind,
    Range,
    Search,
    Trial,
    ratios,
)

RANGE = Range(400.0, 50_000.0)
Server = Callable[[float], bool | None]
"""What a trial at a rate shows."""


def search(server: Server, range_: Range = RANGE, most: int = MOST) -> Search:
    found = Search(range_)
    while (rate := found.ask(most)) is not None:
        assert range_.low * (1 - 1e-9) <= rate <= range_.high * (1 + 1e-9)
        found = found.plus(Trial(rate, server(rate)))
    return found


def noisy(capacity: float, width: float, seed: int) -> Server:
    """Keeps the SLO with a chance that falls off around its capacity, besides 3 % of lapses."""
    rng = random.Random(seed)

    def server(rate: float) -> bool:
        chance = 0.97 / (1 + math.exp((math.log(rate) - math.log(capacity)) / width))
        return rng.random() < chance

    return server


def answer(server: Server, range_: Range = RANGE) -> Answer:
    return search(server, range_).answer()


def test_before_a_trial_every_place_is_equally_likely() -> None:
    found = Search(RANGE)
    assert found.probabilities.sum() == pytest.approx(1.0)
    assert found.probabilities.min() == found.probabilities.max()
    first = found.ask()
    assert first is not None and first == pytest.approx(math.sqrt(400 * 50_000), rel=0.02)


@settings(max_examples=30, deadline=None)
@given(st.floats(500.0, 45_000.0))
def test_a_sharp_server_is_found(capacity: float) -> None:
    found = answer(lambda rate: rate <= capacity)
    assert found.kind is Kind.INSIDE and found.rate and found.low and found.high
    assert found.low <= found.rate <= found.high
    assert abs(math.log(found.rate / capacity)) <= 0.03
    assert found.trials <= LEAST + 5 and found.more == 0
    assert found.safe and found.safe < capacity


def test_a_wide_server_says_how_wide_and_asks_for_more() -> None:
    found = answer(noisy(4000.0, 0.2, 1))
    assert found.kind is Kind.INSIDE and found.rate and found.low and found.high
    assert found.trials == MOST
    assert math.log(found.high / found.low) > NARROW and found.more > MOST
    assert found.low <= 4000 <= found.high


def test_more_trials_narrow_a_wide_answer() -> None:
    few = search(noisy(4000.0, 0.2, 1), most=60).answer()
    many = search(noisy(4000.0, 0.2, 1), most=240).answer()
    assert few.low and few.high and many.low and many.high
    assert few.trials == 60 < many.trials
    assert many.high / many.low < few.high / few.low


def test_never_meets() -> None:
    found = search(lambda rate: False)
    assert found.answer().kind is Kind.BELOW and found.answer().high == pytest.approx(RANGE.low)
    assert found.answer().rate is None and len(found.trials) <= 15
    assert found.trials[-1].rate == pytest.approx(RANGE.low)


def test_always_meets() -> None:
    found = search(lambda rate: True)
    assert found.answer().kind is Kind.AT_LEAST
    assert found.answer().low == pytest.approx(RANGE.high)
    assert found.answer().rate is None and len(found.trials) <= 15


@pytest.mark.parametrize(
    ("met", "kind"), [(True, Kind.AT_LEAST), (False, Kind.BELOW)], ids=["met", "missed"]
)
def test_one_rate_only(met: bool, kind: Kind) -> None:
    found = answer(lambda rate: met, Range(1000.0, 1000.0))
    assert found.kind is kind and found.trials <= 15


def test_a_rate_kept_every_other_time_is_on_neither_side() -> None:
    toss = iter([True, False] * MOST)
    found = answer(lambda rate: next(toss), Range(1000.0, 1000.0))
    assert found.kind is Kind.UNKNOWN and found.rate is found.low is found.high is None


def test_a_late_load_generator_is_no_miss() -> None:
    """Above 9,000 requests/s nothing is judged; the server would keep 20,000."""
    found = search(lambda rate: None if rate > 9000 else True)
    said = found.answer()
    assert said.kind is Kind.AT_LEAST and said.low and said.late_from
    assert 8400 <= said.low <= 9000 < said.late_from < 9600
    assert len(found.trials) <= 40


def test_a_server_below_a_late_load_generator_is_found() -> None:
    found = answer(lambda rate: None if rate > 9000 else rate <= 3000)
    assert found.kind is Kind.INSIDE and found.rate
    assert abs(math.log(found.rate / 3000)) <= 0.05


def test_nothing_can_be_judged() -> None:
    found = search(lambda rate: None)
    assert found.answer().kind is Kind.UNKNOWN and found.answer().judged == 0
    assert len(found.trials) < MOST
    assert found.trials[-1].rate == pytest.approx(RANGE.low), "the lowest rate was asked, too"


def test_an_unjudged_trial_is_repeated_and_moves_nothing() -> None:
    before = search(noisy(4000.0, 0.05, 3), most=10)
    asked = before.ask()
    assert asked is not None
    after = before.plus(Trial(asked, None))
    assert after.ask() == asked
    assert (after.probabilities == before.probabilities).all()
    assert after.answer().trials == 11 and after.answer().judged == 10


def test_single_unjudged_trials_end_no_range() -> None:
    """One of three trials is unjudged, at any rate."""
    rng = random.Random(4)
    server = noisy(4000.0, 0.05, 4)
    found = search(lambda rate: None if rng.random() < 1 / 3 else server(rate))
    assert found.answer().late_from is None and found.answer().kind is Kind.INSIDE
    assert found.answer().judged < len(found.trials) - UNJUDGED


@pytest.mark.parametrize("wrong", range(12))
def test_one_wrong_trial_changes_little(wrong: int) -> None:
    """The spike that once sent a search from 12,482 to 1,200 requests/s."""
    count = 0

    def server(rate: float) -> bool:
        nonlocal count
        count += 1
        return (rate <= 3000) != (count - 1 == wrong)

    found = answer(server)
    assert found.rate and abs(math.log(found.rate / 3000)) <= 0.05


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_a_random_server_ends_too(rng: random.Random) -> None:
    found = search(lambda rate: rng.choice((True, False, None)))
    assert len(found.trials) <= MOST
    said = found.answer()
    assert said.low is None or said.high is None or said.low <= said.high, "never upside down"


def test_resuming_is_replaying() -> None:
    """A search knows nothing but its trials."""
    whole = search(noisy(4000.0, 0.05, 5))
    for cut in (0, 1, 7, 30):
        again = Search(RANGE, whole.trials[:cut])
        rate = again.ask()
        assert rate is not None and rate == pytest.approx(whole.trials[cut].rate, rel=1e-9)
    assert Search(RANGE, whole.trials).answer().rate == pytest.approx(whole.answer().rate)


def test_the_fitted_chance_falls_through_one_half_at_the_answer() -> None:
    found = search(noisy(4000.0, 0.05, 6))
    rate = found.answer().rate
    assert rate
    far_below, at, far_above = found.chance([rate / 2, rate, 2 * rate])
    assert 0.4 < at < 0.52 and far_below > 0.9 and far_above < 0.1


# ---- several servers ----


def test_servers_are_separated_where_their_intervals_are() -> None:
    found = [search(noisy(each, 0.03, 7)) for each in (8000.0, 4000.0, 3950.0)]
    judged = ratios(found)
    assert judged[0, 1].separated and judged[0, 2].separated and not judged[1, 2].separated
    assert judged[0, 1].low <= 2.0 <= judged[0, 1].high
    assert judged[1, 2].low <= 1.0 <= judged[1, 2].high


def test_turning_a_pair_turns_its_ratio() -> None:
    found = [search(noisy(each, 0.03, 7)) for each in (8000.0, 4000.0)]
    over, under = ratios(found)[0, 1], ratios(found[::-1])[0, 1]
    assert over.separated and under.separated
    for one, other in ((over.low, under.high), (over.high, under.low)):
        assert one * other == pytest.approx(1.0, rel=0.05)


def test_two_servers_above_the_range_are_not_separated() -> None:
    found = [search(lambda rate: True), search(lambda rate: True), search(noisy(4000.0, 0.03, 8))]
    judged = ratios(found)
    assert not judged[0, 1].separated
    assert judged[0, 2].separated, "the lower end of one is above the interval of the other"


def test_a_server_that_nothing_bounds_is_not_called_slower() -> None:
    """Its load generator was late from 3,000 requests/s on, so it may keep more."""
    bound = search(lambda rate: None if rate > 3000 else True)
    assert not ratios([search(noisy(20_000.0, 0.03, 9)), bound])[0, 1].separated


def test_other_ranges_are_not_compared() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        ratios([Search(RANGE), Search(Range(1.0, 2.0))])


@pytest.mark.parametrize("wrong", [(0.0, 1.0), (2.0, 1.0), (1.0, math.inf), (-1.0, 5.0)])
def test_a_range_that_is_none(wrong: tuple[float, float]) -> None:
    with pytest.raises(ValueError):
        Range(*wrong)
