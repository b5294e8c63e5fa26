"""The knee of a latency curve: on curves whose knee is known, with and without noise."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from iomodels.data.records import Condition, Record
from iomodels.judge.knee import Curve, Knee, knee, knees, of_round
from iomodels.plan.order import Measurement
from made_run import make_record

PERCENTS = (10, 25, 40, 55, 70, 80, 90, 95)
PEAK = 10_000.0
TRUTH = 0.85 * PEAK
"""Where (1 − 0.25) / (1 − load) is 5: a queue's latency is service time ÷ (1 − load)."""
NEAR = 0.015
"""What the interpolation between 80 and 90 % costs."""


def queue(noise: float = 0.0, seed: int = 0, percents: tuple[int, ...] = PERCENTS) -> Curve:
    rng = random.Random(seed)
    return {
        each: (PEAK * each / 100, 1e6 / (1 - each / 100) * math.exp(rng.gauss(0, noise)))
        for each in percents
    }


def test_the_knee_of_a_queue() -> None:
    assert of_round(queue()) == pytest.approx(TRUTH, rel=NEAR)


def test_a_flat_curve_has_no_knee() -> None:
    flat = {each: (100.0 * each, 1e6) for each in PERCENTS}
    assert of_round(flat) == math.inf
    found = knee([flat] * 8)
    assert isinstance(found, Knee) and found.rate == math.inf and found.highest == 9500


def test_a_spike_below_the_knee_is_none() -> None:
    spiked = dict(queue())
    spiked[40] = (4000.0, 50e6)
    assert of_round(spiked) == pytest.approx(TRUTH, rel=NEAR)


def test_the_lowest_rates_do_not_count() -> None:
    slow_start = dict(queue())
    slow_start[10] = (1000.0, 900e6)
    assert of_round(slow_start) == pytest.approx(TRUTH, rel=NEAR)


def test_the_interval_holds_the_truth_in_most_runs() -> None:
    held = 0
    for run in range(200):
        found = knee([queue(0.15, 100 * run + number) for number in range(8)])
        assert isinstance(found, Knee) and found.low and found.high
        assert found.low <= found.rate <= found.high
        held += found.low <= TRUTH * 1.01 and found.high >= TRUTH * 0.99
    assert held >= 180


def test_few_rounds_have_no_interval() -> None:
    found = knee([queue(0.1, number) for number in range(5)])
    assert isinstance(found, Knee) and found.low is found.high is None and found.rounds == 5


def test_without_the_low_rate_there_is_no_knee() -> None:
    assert knee([queue(percents=(40, 70, 95))]) == (
        "no round has a p99 at 25 % of the peak and at a higher rate"
    )
    assert isinstance(knee([]), str)


def test_a_round_that_lacks_several_rates_does_not_count() -> None:
    found = knee([queue()] * 6 + [queue(percents=(25, 95))])
    assert isinstance(found, Knee) and found.rounds == 6


# ---- from records ----


def record(percent: int, repeat: int = 0, **audit: Any) -> Record:
    condition = Condition("iocp", 64, 64, 64, 1, rate_percent=percent)
    found = make_record(Measurement(0, repeat, condition), "wine-8.0", PEAK * percent / 100)
    assert found.loadgen
    value = int(1e6 / (1 - percent / 100))
    response = found.loadgen["result"]["response"]
    result = {
        **found.loadgen["result"],
        "response": {**response, "histogram": {**response["histogram"], "counts": [[value, 5000]]}},
        "audit": {**found.loadgen["result"]["audit"], **audit},
    }
    return replace(found, loadgen={**found.loadgen, "result": result})


def test_records_of_offered_rates_make_curves() -> None:
    records = [record(each, repeat) for each in PERCENTS for repeat in range(6)]
    (found,) = knees(records).values()
    assert isinstance(found, Knee) and found.rate == pytest.approx(TRUTH, rel=NEAR)
    assert found.low is not None and found.rounds == 6


def test_a_late_load_generator_makes_no_knee() -> None:
    """Its p99 says nothing of the server, so the rate is missing in that round."""
    records = [record(each) for each in PERCENTS[:-1]] + [record(95, timely_share=0.9)]
    (found,) = knees(records).values()
    assert isinstance(found, Knee) and found.highest == 9000


def test_three_rates_are_no_curve() -> None:
    assert knees([record(each) for each in (25, 50, 75)]) == {}
