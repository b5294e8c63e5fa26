"""The search for the best setting on made-up surfaces whose best is known, with and without noise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iomodels.judge import surface
from iomodels.judge.surface import Effort, Setting, Space

WORKERS = Space(
    (("threads", 1, 64), ("concurrency", 1, 64)), fit=lambda setting: (setting[0], min(setting))
)

EFFORT = Effort()


def peak(threads: int, width: float = 1.0) -> Callable[[Setting], float]:
    """Falls on both sides of so many threads, on a log scale; the second axis makes no difference."""
    return lambda setting: 1000 * math.exp(-((math.log2(setting[0] / threads) / width) ** 2))


def search(
    space: Space,
    truth: Callable[[Setting], float | None],
    sigma: float = 0.0,
    seed: int = 1,
    effort: Effort = EFFORT,
) -> dict[Setting, list[float | None]]:
    rng = random.Random(seed)
    scores: dict[Setting, list[float | None]] = {}
    while batch := surface.next_batch(space, scores, effort):
        for setting in batch:
            value = truth(setting)
            scores.setdefault(setting, []).append(
                None if value is None else value * math.exp(rng.gauss(0, sigma))
            )
        assert sum(map(len, scores.values())) <= effort.settings * effort.most
    return scores


@pytest.mark.parametrize("threads", [1, 3, 6, 11, 23, 47, 64])
def test_without_noise_the_peak_is_found_with_few_measurements(threads: int) -> None:
    scores = search(WORKERS, peak(threads, 0.7))
    top = surface.best(scores)
    assert top and abs(math.log2(top[0] / threads)) < 0.2
    assert len(scores) < 50  # of 2080


@pytest.mark.parametrize("seed", range(6))
def test_with_noise_the_recommended_setting_is_nearly_as_good_as_the_best(seed: int) -> None:
    truth = peak(6)
    scores = search(WORKERS, truth, sigma=0.05, seed=seed)
    chosen = surface.recommended(scores)
    assert chosen and truth(chosen) > 0.85 * 1000
    assert 0.03 < (surface.noise(scores) or 0) < 0.08
    assert len(scores[chosen]) >= 5


def test_a_plateau_is_flat_and_the_smallest_of_it_is_recommended() -> None:
    scores = search(WORKERS, lambda setting: min(setting[0], 8) * 100.0)
    assert surface.recommended(scores) == (8, 1)
    assert {setting[0] for setting in surface.flat(scores)} >= {8, 16, 32, 64}
    assert not any(setting[0] < 7 for setting in surface.flat(scores))


def test_more_noise_makes_a_larger_flat_region() -> None:
    quiet, loud = (search(WORKERS, peak(8), sigma=sigma) for sigma in (0.01, 0.2))
    shares = [len(surface.flat(scores)) / len(scores) for scores in (quiet, loud)]
    assert shares[0] < shares[1]


def test_settings_that_break_the_promise_are_out() -> None:
    scores = search(WORKERS, lambda setting: None if setting[0] > 10 else float(setting[0]))
    assert surface.best(scores) == (10, 1)
    assert all(setting[0] <= 10 for setting in surface.flat(scores))
    assert surface.centre([None, 5.0]) is None and surface.centre([None, 5.0, 7.0]) == 6.0


def test_when_nothing_works_the_search_ends_and_names_nothing() -> None:
    scores = search(WORKERS, lambda setting: None)
    assert (
        surface.best(scores) is surface.recommended(scores) is None and surface.flat(scores) == ()
    )
    assert set(scores) == set(surface.coarse(WORKERS)) and all(
        len(values) == 2 for values in scores.values()
    )


def test_rules_of_thumb_are_measured_and_nonsense_is_not() -> None:
    space = Space(WORKERS.axes, WORKERS.fit, also=((7, 3),))
    scores = search(space, peak(20))
    assert (7, 3) in scores and all(setting[1] <= setting[0] for setting in scores)


def test_one_value_is_a_space_too() -> None:
    assert search(Space((("threads", 2, 2),)), lambda setting: 5.0) == {(2,): [5.0] * 5}
    assert search(Space(()), lambda setting: 5.0) == {(): [5.0] * 5}
    assert (
        surface.powers(1, 1) == (1,)
        and surface.powers(1, 6) == (1, 2, 4, 6)
        and surface.powers(3, 9) == (3, 4, 8, 9)
    )


def test_an_interrupted_search_goes_on_to_the_same_end() -> None:
    whole = search(WORKERS, peak(6))
    half: dict[Setting, list[float | None]] = {
        setting: values[:1] for setting, values in list(whole.items())[:9]
    }
    while batch := surface.next_batch(WORKERS, half):
        for setting in batch:
            half.setdefault(setting, []).append(peak(6)(setting))
    assert half == whole


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.tuples(st.integers(1, 64), st.integers(1, 64)),
        st.lists(st.one_of(st.none(), st.floats(0.1, 1e6)), max_size=6),
        max_size=12,
    )
)
def test_any_scores_give_a_batch_of_allowed_settings(
    scores: dict[Setting, list[float | None]],
) -> None:
    known = {
        setting: values for setting, values in scores.items() if WORKERS.fit(setting) == setting
    }
    batch = surface.next_batch(WORKERS, known)
    assert len(set(batch)) == len(batch) and all(
        WORKERS.fit(setting) == setting and min(setting) >= 1 and max(setting) <= 64
        for setting in batch
    )
