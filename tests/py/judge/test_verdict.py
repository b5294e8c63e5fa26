"""Each rule of the verdicts over made-up records: what it finds, what it leaves alone, and what it cannot judge."""

from __future__ import annotations

import copy
import statistics
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iomodels.data.records import Condition, Record
from iomodels.judge import verdict
from iomodels.judge.verdict import Kind, NotRecorded
from iomodels.plan.order import Measurement
from made_run import make_record

SHARES = st.lists(st.integers(0, 2000).map(lambda each: each / 2000), min_size=1, max_size=12)
RATES = st.lists(st.integers(100, 200).map(float), min_size=9, max_size=15)
few = settings(max_examples=40)
CONDITION = Condition("iocp", 64, 64, 64, 1)
AUDIT = {
    "timely_share": 1.0,
    "target_rate": 1000.0,
    "achieved_rate": 999.0,
    "cpu_share_max": 0.5,
    "littles_gap": 0.01,
    "replies_checked": 10**9,
}


BASE = make_record(Measurement(0, 0, CONDITION), "wine-8.0", 1000.0)


def record(index: int = 0, rate: float = 1000.0, **changes: Any) -> Record:
    """A valid repeat, with the result's fields changed."""
    assert BASE.loadgen
    result = {key: value for key, value in BASE.loadgen["result"].items() if key != "audit"}
    latency = {**result["response"], "mean": result["response"]["mean"] * 1000.0 / rate}
    own = {**result, "requests_per_second": rate, "response": latency, **changes}
    return replace(BASE, index=index, repeat=index, loadgen={**BASE.loadgen, "result": own})


def result(**changes: Any) -> dict[str, Any]:
    loadgen = record(**changes).loadgen
    assert loadgen
    found: dict[str, Any] = loadgen["result"]
    return found


def cell(count: int = 9, **changes: Any) -> list[Record]:
    """Repeats that differ by little, in no order."""
    return [record(index, 1000.0 + 4 * index % 9, **changes) for index in range(count)]


# ---- one repeat ----


@few
@given(st.integers(1, 100), st.integers(0, 100))
def test_a_repeat_counts_only_if_every_connection_stood(requested: int, stood: int) -> None:
    connections = {"requested": requested, "established": stood, "alive": stood}
    out = verdict.left_out(record(connections=connections))
    assert (out is None) is (stood == requested)
    assert out is None or (
        out.kind is Kind.FAILED and f"{stood} of {requested} connections stood" in out.reasons[0]
    )


@few
@given(
    st.dictionaries(st.sampled_from(["reset", "closed", "mismatch", "timeout"]), st.integers(0, 3)),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_a_repeat_with_an_error_an_unanswered_or_no_request_failed(
    errors: dict[str, int], unanswered: int, requests: int
) -> None:
    refused = verdict.refusal(result(errors=errors, unanswered=unanswered, requests=requests))
    assert (refused is None) is (not any(errors.values()) and not unanswered and requests > 0)


@few
@given(st.integers(1, 10**9), st.integers(0, 10**9), st.booleans())
def test_every_counted_reply_must_have_been_checked(
    requests: int, checked: int, audited: bool
) -> None:
    fields: dict[str, Any] = (
        {"replies_checked": checked}
        if not audited
        else {"replies_checked": 0, "audit": {"replies_checked": checked}}
    )
    assert (verdict.all_replies_checked(result(requests=requests, **fields)) is None) is (
        checked >= requests
    )


@few
@given(st.floats(1, 1e6), st.floats(1e3, 1e9), st.integers(1, 10_000))
def test_rate_times_latency_must_be_what_is_outstanding(
    rate: float, mean_ns: float, outstanding: int
) -> None:
    made = result(window_ns=10**12)
    found = verdict.littles_law(
        {**made, "requests_per_second": rate, "response": {**made["response"], "mean": mean_ns}},
        outstanding,
    )
    share, most = rate * mean_ns / 1e9 / outstanding, 0.05 + mean_ns / 1e12
    assert (found is None) is (1 - most <= share <= 1 + most) or abs(abs(share - 1) - most) < 1e-9


@few
@given(st.floats(-2, 2), st.floats(0, 0.2))
@example(0.06, 0.0)
@example(0.06, 0.02)
def test_the_load_generators_own_gap_goes_before_ours_and_the_windows_ends_blur_it(
    gap: float, blur: float
) -> None:
    made = result(audit={"littles_gap": gap})
    made = {**made, "response": {**made["response"], "mean": blur * made["window_ns"]}}
    assert (verdict.littles_law(made, 1) is None) is (abs(gap) <= 0.05 + blur) or abs(
        abs(gap) - 0.05 - blur
    ) < 1e-9


def test_what_the_load_generator_could_not_sum_up_is_not_judged() -> None:
    made = result(audit={"littles_gap": None, "littles_reason": "connections come and go"})
    with pytest.raises(NotRecorded, match="connections come and go"):
        verdict.littles_law(made, 64)


def test_a_busy_load_generator_is_judged_by_its_cpu_in_a_closed_loop_and_by_its_sends_in_an_open_one() -> (
    None
):
    assert verdict.client_cpu([result(loop="open", audit={"cpu_share_max": 1.0})]) is None
    assert verdict.client_cpu([result(audit={"cpu_share_max": 1.0})])


@few
@given(st.floats(1, 1e6), st.floats(0, 2))
def test_an_open_loop_must_achieve_what_it_offers(target: float, share: float) -> None:
    achieved = target * share
    made = result(loop="open", audit={"target_rate": target, "achieved_rate": achieved})
    assert (verdict.offered_rate_met(made) is None) is (achieved >= 0.99 * target)
    assert verdict.offered_rate_met({**made, "loop": "closed"}) is None


def test_an_invalid_repeat_is_left_out_with_every_reason() -> None:
    out = verdict.left_out(record(replies_checked=1, audit={"littles_gap": 0.5}))
    assert out and out.kind is Kind.INVALID and len(out.reasons) == 2
    assert str(out).startswith(
        "invalid (1 replies were checked, 2000 were counted; rate × mean latency is 50% off"
    )


# ---- a cell ----


@few
@given(SHARES)
def test_the_busiest_thread_of_the_load_generator_decides(shares: list[float]) -> None:
    found = verdict.client_cpu([result(audit={"cpu_share_max": share}) for share in shares])
    assert (found is None) is (statistics.median(shares) <= 0.90)


@few
@given(st.floats(0, 1), st.integers(1, 8))
def test_without_the_audit_the_mean_over_the_threads_decides(share: float, threads: int) -> None:
    made = result(settings={"threads": threads})
    found = verdict.client_cpu([{**made, "cpu_ns": share * threads * made["window_ns"]}])
    assert (found is None) is (share <= 0.90) or abs(share - 0.90) < 1e-9


@few
@given(SHARES)
@example([0.9985])
def test_late_sends_are_the_clients(shares: list[float]) -> None:
    results = [result(loop="open", audit={"timely_share": share}) for share in shares]
    assert (verdict.timely_sends(results) is None) is (statistics.median(shares) >= 0.999)
    assert verdict.timely_sends([{**each, "loop": "closed"} for each in results]) is None


@few
@given(RATES, st.floats(50, 1000))
def test_near_its_ceiling_the_load_generator_is_what_is_measured(
    rates: list[float], ceiling: float
) -> None:
    assert (verdict.below_ceiling(rates, ceiling) is None) is (
        statistics.median(rates) / ceiling <= 0.80
    )


@few
@given(RATES, st.floats(0.01, 1000), st.randoms(use_true_random=False))
def test_spread_is_of_no_unit_and_no_order(rates: list[float], factor: float, random: Any) -> None:
    found = verdict.small_spread(rates)
    shuffled = [rate * factor for rate in rates]
    random.shuffle(shuffled)
    assert (verdict.small_spread(shuffled) is None) is (found is None)


@few
@given(st.integers(9, 15), st.integers(0, 8), st.floats(1, 1e6))
def test_one_stray_repeat_makes_no_cell_unsteady_but_two_camps_do(
    count: int, place: int, stray: float
) -> None:
    rates = [100.0] * count
    rates[place] = stray
    assert verdict.small_spread(rates) is None
    assert verdict.small_spread([100.0, 150.0] * count) == "the repeats spread by 30%"


@few
@given(st.integers(9, 15), st.floats(-0.04, 0.04), st.floats(0.07, 0.5))
def test_a_drift_is_found_in_both_directions(count: int, small: float, large: float) -> None:
    def line(change: float) -> list[float]:
        return [100 * (1 + change * (place / (count - 1) - 0.5)) for place in range(count)]

    assert verdict.no_drift(line(small)) is None
    assert verdict.no_drift(line(large)) and verdict.no_drift(line(-large))


@few
@given(st.lists(st.floats(100, 200), max_size=8))
def test_steadiness_of_few_repeats_is_not_judged(rates: list[float]) -> None:
    for rule in (verdict.small_spread, verdict.no_drift):
        with pytest.raises(NotRecorded, match=f"{len(rates)} of 9 repeats"):
            rule(rates)


FAULTS: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.CLIENT_BOUND, {"audit": {"cpu_share_max": 0.95}}),
    (Kind.INVALID, {"audit": {"littles_gap": 0.10}}),
    (Kind.FAILED, {"errors": {"reset": 1}}),
]


@pytest.mark.parametrize(("kind", "changes"), FAULTS)
def test_each_fault_gives_its_word_whatever_the_number_of_repeats(
    kind: Kind, changes: dict[str, Any]
) -> None:
    for count in (1, 9):
        judged = verdict.judge(cell(count, **changes), ceiling=10_000.0)
        assert judged.kind is kind and not judged.valid and judged.reasons


def test_the_words_of_valid_cells() -> None:
    assert verdict.judge(cell(), 10_000.0) == verdict.Verdict(Kind.SERVER_BOUND)
    assert verdict.judge(cell(8), 10_000.0).kind is Kind.UNDERPOWERED
    assert verdict.judge(cell(loop="open", audit=AUDIT), 10_000.0) == verdict.Verdict(
        Kind.RATE_BOUND
    )
    assert verdict.judge(cell(), 1100.0).kind is Kind.CLIENT_BOUND
    fast = {
        "bytes_sent": 10_000,
        "bytes_received": result()["window_ns"] * 101 // 1000,
    }  # 808 Mbit/s one way
    assert verdict.judge(cell(**fast), 10_000.0, {"mbps": 1000}).kind is Kind.NETWORK_BOUND
    assert verdict.judge(cell(**fast), 10_000.0, {"mbps": 1000}).reasons == (
        "81% of the network's 1,000 Mbit/s are payload",
    )
    assert verdict.judge(cell(**fast), 10_000.0, {"mbps": 1010}).kind is Kind.SERVER_BOUND
    assert verdict.judge(cell(**fast), 10_000.0, {"mbps": None}).not_judged == (
        "share of the network: the speed of the network is not known",
    )
    assert verdict.judge(cell(**fast), 10_000.0).not_judged == ()  # loopback is no network
    assert (
        verdict.judge([record(i, 1000.0 * (1 + i % 2 / 2)) for i in range(9)], 10_000.0).kind
        is Kind.UNSTEADY
    )
    assert verdict.judge([record(i, 1000.0 + 20 * i) for i in range(9)], 10_000.0).reasons == (
        "the repeats drift by +15% from first to last",
    )


def test_what_is_not_recorded_is_not_judged_and_never_passed_in_silence() -> None:
    judged = verdict.judge(cell(3, replies_checked=None, settings={}, loop="open"))
    assert judged.kind is Kind.UNDERPOWERED
    assert judged.not_judged == (
        "replies checked: audit.replies_checked not recorded",
        "Little's law: audit.littles_gap not recorded",
        "offered rate: audit.target_rate not recorded",
        "timely sends: audit.timely_share not recorded",
        "distance to the ceiling: no calibration of such a load recorded",
        "spread: 3 of 9 repeats",
        "slope: 3 of 9 repeats",
    )
    assert verdict.judge(cell(loop="open", audit=AUDIT), 10_000.0).not_judged == ()


@few
@given(st.lists(st.sampled_from(["good", "failed", "invalid"]), min_size=1, max_size=14))
def test_only_the_repeats_that_count_decide(fates: list[str]) -> None:
    changes: dict[str, dict[str, Any]] = {
        "good": {},
        "failed": {"unanswered": 1},
        "invalid": {"audit": {"littles_gap": -0.2}},
    }
    records = [
        record(index, 1000.0 + 4 * index % 9, **changes[fate]) for index, fate in enumerate(fates)
    ]
    good = [each for each, fate in zip(records, fates) if fate == "good"]
    judged = verdict.judge(records, 10_000.0)
    if good:
        assert judged == verdict.judge(good, 10_000.0)
    else:
        assert judged.kind is (Kind.INVALID if "invalid" in fates else Kind.FAILED)


def test_judging_changes_no_record_and_a_cell_without_records_was_never_measured() -> None:
    records = cell()
    before = copy.deepcopy(records)
    verdict.judge(records)
    assert records == before
    assert str(verdict.judge([])) == "failed (never measured)"
