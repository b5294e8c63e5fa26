"""The search on made-up servers: those that follow a law exactly, noisy ones, and those at the ends of the range."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.judge.search import CONFIRM, Answer, Next, Range, Trial, advise

RANGE = Range(100.0, 50_000.0, 1.05)
MADE_UP = 500  # trials; far more than any search may take

Server = Callable[[float], bool]
"""Whether the target is met at a rate."""


def search(server: Server, range_: Range = RANGE) -> tuple[Answer, list[Trial]]:
    trials: list[Trial] = []
    while len(trials) < MADE_UP:
        step = advise(trials, range_)
        if isinstance(step, Answer):
            return step, trials
        assert 0 <= step.k <= range_.top and step.left >= 1
        trials.append(Trial(step.k, server(range_.rate(step.k))))
    raise AssertionError("the search does not end")


@given(st.floats(100.0, 60_000.0), st.sampled_from([1.01, 1.05, 1.5, 3.0]))
def test_a_monotone_server_is_found_to_the_step(capacity: float, step: float) -> None:
    range_ = Range(100.0, 50_000.0, step)
    answer, trials = search(lambda rate: rate <= capacity, range_)
    assert answer.k is not None
    assert range_.rate(answer.k) <= capacity
    assert answer.open == (answer.k == range_.top)
    assert answer.open or capacity < range_.rate(answer.k + 1)
    assert len(trials) <= 30


def test_what_is_answered_was_confirmed() -> None:
    answer, trials = search(lambda rate: rate <= 7000)
    tried = Counter(trials)
    assert answer.k is not None
    assert tried[Trial(answer.k, True)] >= 2 and tried[Trial(answer.k + 1, False)] >= 2


def test_never_meets() -> None:
    answer, trials = search(lambda rate: False)
    assert answer == Answer(None, open=False)
    assert trials == [Trial(0, False)] * 2, (
        "the lowest rate is asked until the miss is confirmed, and no other"
    )


def test_always_meets() -> None:
    answer, trials = search(lambda rate: True)
    assert answer == Answer(RANGE.top, open=True)
    assert trials[-2:] == [Trial(RANGE.top, True)] * 2 and len(trials) <= 10


def test_one_rate_only() -> None:
    alone = Range(100.0, 104.0, 1.05)
    assert alone.top == 0
    assert search(lambda rate: True, alone)[0] == Answer(0, open=True)
    assert search(lambda rate: False, alone)[0] == Answer(None, open=False)


@pytest.mark.parametrize("wrong", range(12))
def test_one_wrong_trial_changes_nothing(wrong: int) -> None:
    """Whichever trial it is, and whatever it says: the answer is what it would have been."""
    count = 0

    def server(rate: float) -> bool:
        nonlocal count
        count += 1
        return (rate <= 3000) != (count - 1 == wrong)

    honest, _ = search(lambda rate: rate <= 3000)
    assert search(server)[0] == honest


def noisy(capacity: float, random_: random.Random) -> Server:
    """Sure 10 % away from its capacity, and ever less sure near it."""
    return lambda rate: (
        random_.random() < min(1.0, max(0.0, 0.5 + (capacity - rate) / (0.2 * capacity)))
    )


def test_a_noisy_server_is_found_where_it_is_unsure() -> None:
    for seed in range(200):
        answer, trials = search(noisy(4000.0, random.Random(seed)))
        assert answer.k is not None
        assert 0.85 * 4000 <= RANGE.rate(answer.k) <= 1.1 * 4000, seed
        assert len(trials) <= 40, seed
        assert max(Counter(trial.k for trial in trials).values()) <= CONFIRM, (
            "three trials settle a rate"
        )


@given(st.randoms(use_true_random=False))
def test_a_random_server_ends_too(random_: random.Random) -> None:
    answer, trials = search(lambda rate: random_.random() < 0.5)
    if answer.k is not None:
        assert sum(trial == Trial(answer.k, True) for trial in trials) >= 2
    assert max(Counter(trial.k for trial in trials).values()) <= CONFIRM


@given(st.integers(0, 40))
def test_going_on_is_replaying(cut: int) -> None:
    """An interrupted search advises what it would have advised: it knows nothing but its trials."""
    _, whole = search(noisy(4000.0, random.Random(1)))
    trials = whole[: cut % len(whole)]
    step = advise(trials, RANGE)
    assert isinstance(step, Next) and step.k == whole[len(trials)].k


@pytest.mark.parametrize(
    "wrong", [(0.0, 1.0, 2.0), (2.0, 1.0, 2.0), (1.0, 2.0, 1.0), (1.0, float("inf"), 2.0)]
)
def test_a_range_that_is_none(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError):
        Range(*wrong)
