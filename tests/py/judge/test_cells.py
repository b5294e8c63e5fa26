"""One cell from its records: which repeats count, its latencies, and what is compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import pytest

from iomodels.data.records import Condition, Record
from iomodels.judge import stats
from iomodels.judge.cells import Cell, Latency, cell_of
from iomodels.judge.stats import Measure
from iomodels.judge.verdict import Kind, judge
from iomodels.plan.load import Load
from iomodels.plan.order import Measurement
from made_run import REPLIES, make_record, with_counters

SELECT = Condition("select", 64, 64, 64, 1)
PLAIN = Load()
PACED = replace(SELECT, rate_percent=50)


def records(
    rates: Sequence[float | None], condition: Condition = SELECT, **cpu_ns: float
) -> list[Record]:
    """One record per rate, with these counters per request."""
    counters = {f"{name}.cpu_ns": value for name, value in cpu_ns.items()}
    return [
        with_counters(
            make_record(Measurement(number, number, condition), "wine-8.0", rate), counters
        )
        for number, rate in enumerate(rates)
    ]


def cell(found: Sequence[Record], planned: int = 0, load: Load = PLAIN) -> Cell:
    condition = found[0].condition
    return cell_of(condition, planned or len(found), found, judge(found), load)


def responding(record: Record, counts: Sequence[tuple[int, int]]) -> Record:
    """The same record with this histogram of response times in ns."""
    assert record.loadgen
    result: dict[str, Any] = record.loadgen["result"]
    histogram = {**result["response"]["histogram"], "counts": [list(each) for each in counts]}
    response = {**result["response"], "histogram": histogram}
    return replace(record, loadgen={**record.loadgen, "result": {**result, "response": response}})


# ---- repeats ----


def test_only_valid_repeats_count_and_the_others_keep_their_reason() -> None:
    found = cell(records([300.0, None, 310.0]))
    assert (found.rates, found.rounds, found.n, found.missing) == ((300.0, 310.0), (0, 2), 2, 0)
    assert found.rate == stats.Estimate(305.0, 300.0, 310.0)
    [failure] = found.failures
    assert (failure.repeat, failure.kind) == (1, Kind.FAILED)
    assert failure.reason == "select: died with exit code 3 | before ready"
    assert "access denied" in (failure.stderr or "") and failure.held is None


def test_a_round_without_a_valid_repeat_is_a_gap_in_its_place() -> None:
    found = cell(records([300.0, None, 310.0]), planned=5)
    assert found.by_round(4) == [300.0, None, 310.0, None]
    assert found.missing == 2


def test_the_order_of_the_records_is_none() -> None:
    ordered = records([300.0, 310.0, 320.0])
    assert cell(ordered[::-1]) == cell(ordered)


@pytest.mark.parametrize(
    ("stderr", "held"),
    [
        ("loadgen: 148 of 10000 connections failed\n", 9852),
        ("select: full\nloadgen: 1 of 10000 connections failed: connect: refused\n", 9999),
        ("loadgen: 64 of 64 connections failed: reset\n", None),  # the server died: no capacity
        ("loadgen: connection 7617 to 127.0.0.1:4: no reply to its first request: timeout", 7616),
        ("loadgen: connection 1 to 127.0.0.1:4: refused", None),
        ("loadgen: cannot resolve the host\n", None),
        (None, None),
    ],
)
def test_a_repeat_says_how_many_connections_were_held(stderr: str | None, held: int | None) -> None:
    [failed] = records([None])
    [failure] = cell([replace(failed, stderr=stderr)]).failures
    assert failure.held == held


# ---- what is compared ----


def test_in_a_closed_loop_rates_are_compared() -> None:
    found = cell(records([300.0, 310.0], server=50_000.0))
    assert found.values == found.rates == (300.0, 310.0)


def test_at_an_offered_rate_requests_per_second_of_cpu_time_are_compared() -> None:
    found = cell(records([100.0, None, 100.0], PACED, server=30_000.0, wineserver=20_000.0))
    assert found.cpu_us == (50.0, 50.0) and found.values == pytest.approx((20_000.0, 20_000.0))
    assert found.by_round(3) == [pytest.approx(20_000), None, pytest.approx(20_000)]


def test_without_the_cpu_time_of_each_repeat_nothing_is_compared_at_an_offered_rate() -> None:
    half = [*records([100.0], PACED, server=30_000.0), *records([100.0, 100.0], PACED)[1:]]
    assert (cell(half).values, cell(half).by_round(2)) == ((), [None, None])


def test_a_cpu_time_of_zero_is_no_rate() -> None:
    found = cell(records([100.0, 100.0], PACED, server=0.0))
    assert found.by_round(2) == [None, None]


# ---- latency ----


def test_a_percentile_is_the_median_over_the_rounds_of_each_rounds_own() -> None:
    made = records([1000.0] * 5)
    rounds = [
        stats.histogram(record.loadgen["result"]["response"]["histogram"]["counts"])
        for record in made
        if record.loadgen
    ]
    percentiles = cell(made).latency.percentiles
    for percent in (50.0, 99.0, 99.9):
        own = [stats.percentile(each, percent) or 0 for each in rounds]
        assert len(set(own)) == 5 and percentiles[percent].value == median(own) / 1000
        assert percentiles[percent].low is None, "five rounds have no interval"
    six = cell(records([1000.0 + 10 * number for number in range(6)])).latency.percentiles[50.0]
    assert six.low is not None and six.high is not None and six.value is not None
    assert six.low < six.value < six.high


def test_a_percentile_with_too_few_samples_is_none_with_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert REPLIES > 500
    monkeypatch.setattr("made_run.REPLIES", 500)
    percentiles = cell(records([1000.0] * 8)).latency.percentiles
    assert percentiles[99.0].value is not None and percentiles[99.9].value is None
    assert "fewer than 10 of 4,000 samples" in (percentiles[99.9].reason or "")


def test_two_rounds_are_too_few_for_a_percentile() -> None:
    found = cell(records([1000.0, 1000.0])).latency.percentiles[50.0]
    assert (found.value, found.reason) == (
        None,
        "2 rounds have samples beyond it, of the 3 that it takes",
    )


def test_a_stall_weighs_as_much_as_it_lasts() -> None:
    """990 requests of 10 µs and 10 of 1 ms: 1 % of the requests, half of the time."""
    stalled = [responding(each, [(10_000, 990), (1_000_000, 10)]) for each in records([100.0] * 3)]
    latency = cell(stalled).latency
    assert latency.long_share.value == pytest.approx(10_000 / 19_900)
    assert latency.p99_of_time.value == 1000.0 and latency.percentiles[50.0].value == 10.0
    assert latency.stalls
    smooth = [responding(each, [(10_000, 990), (90_000, 10)]) for each in records([100.0] * 3)]
    assert cell(smooth).latency.long_share.value == 0.0 and not cell(smooth).latency.stalls


@pytest.mark.parametrize(("share", "stalls"), [(0.0499, False), (0.05, False), (0.0501, True)])
def test_a_twentieth_of_the_time_may_be_in_long_requests(share: float, stalls: bool) -> None:
    assert Latency(True, {}, Measure(share), Measure(1.0)).stalls is stalls


def test_a_loop_is_open_where_the_cell_or_the_load_has_a_rate() -> None:
    assert cell(records([100.0])).latency.closed
    assert not cell(records([100.0], PACED, server=1e3)).latency.closed
    assert not cell(records([100.0]), load=Load((("rate", 100),))).latency.closed


def test_a_cell_without_a_valid_repeat_has_nothing_but_reasons() -> None:
    found = cell(records([None, None]))
    assert (found.n, found.rate, found.values, found.cpu_us) == (0, None, (), ())
    assert found.latency.percentiles[50.0] == Measure(None, "no valid round")
    assert found.latency.long_share == found.latency.p99_of_time == Measure(None, "no valid repeat")
    assert {each.reason for each in found.costs.values()} == {"no valid repeat"}
    assert math.isclose(len(found.failures), 2)
