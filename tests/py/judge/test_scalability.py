"""The Universal Scalability Law: fitted to rates that follow it, with noise, and refused."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import pytest

from iomodels.judge.scalability import LEAST_POINTS, Scalability, fit

WORKERS = (1, 2, 4, 8, 16, 32)


def law(n: int, rate: float, contention: float, coherency: float) -> float:
    return rate * n / (1 + contention * (n - 1) + coherency * n * (n - 1))


def rates(
    contention: float, coherency: float, *, noise: float = 0.0, rounds: int = 10, seed: int = 1
) -> Mapping[int, list[float | None]]:
    """The machine's drift moves all workers of a round alike."""
    rng = random.Random(seed)
    drift = [math.exp(rng.gauss(0, 0.05)) for _ in range(rounds)]
    return {
        n: [
            each * law(n, 1000.0, contention, coherency) * math.exp(rng.gauss(0, noise))
            for each in drift
        ]
        for n in WORKERS
    }


def fitted(rates: Mapping[int, list[float | None]], cores: int = 8) -> Scalability:
    found = fit(rates, cores)
    assert isinstance(found, Scalability), found
    return found


@pytest.mark.parametrize(
    ("contention", "coherency"), [(0.05, 0.001), (0.2, 0.0005), (0.0, 0.01), (0.5, 0.0)]
)
def test_the_truth_is_found(contention: float, coherency: float) -> None:
    found = fitted(rates(contention, coherency))
    assert found.contention.value == pytest.approx(contention, abs=1e-3)
    assert found.coherency.value == pytest.approx(coherency, abs=1e-4)
    if coherency:
        peak = math.sqrt((1 - contention) / coherency)
        assert found.peak == pytest.approx(peak, rel=0.05)


@pytest.mark.thorough
def test_the_intervals_hold_the_truth() -> None:
    held = 0
    for seed in range(20):
        found = fitted(rates(0.05, 0.002, noise=0.03, seed=seed))
        for measure, truth in ((found.contention, 0.05), (found.coherency, 0.002)):
            assert measure.low is not None and measure.high is not None
            held += measure.low <= truth <= measure.high
    assert held >= 32, "of 40; a bootstrap of ten rounds covers a little less than 95 %"


def test_a_round_that_lacks_a_number_counts_for_the_others() -> None:
    gaps = {n: list(values) for n, values in rates(0.1, 0.001, noise=0.01).items()}
    gaps[4][0] = gaps[8][1] = None
    assert fitted(gaps).contention.value == pytest.approx(0.1, abs=0.03)


def test_the_same_data_give_the_same_intervals() -> None:
    given = rates(0.1, 0.001, noise=0.05)
    assert fit(given, 8) == fit(given, 8)


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_few_cores_are_refused(cores: int) -> None:
    assert fit(rates(0.1, 0.0), cores) == (
        f"the server has {cores} of the {LEAST_POINTS} cores that it takes"
    )


def test_unknown_cores_are_refused() -> None:
    assert fit(rates(0.1, 0.0), None) == "the number of the server's cores is unavailable"


def test_few_numbers_of_workers_are_refused() -> None:
    three = {n: values for n, values in rates(0.1, 0.0).items() if n < 8}
    assert fit({**three, 8: [None, None]}, 8) == (
        "3 of the 4 numbers of workers that it takes have rates"
    )
