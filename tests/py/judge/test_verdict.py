"""Each rule of the verdicts over made-up records: what it finds, what it leaves alone, and what it cannot judge."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iomodels.data.records import Condition, Record
from iomodels.data.store import load_run
from iomodels.figures import select
from iomodels.judge import verdict
from iomodels.judge.limits import NotRecorded
from iomodels.judge.summary import summarise
from iomodels.judge.verdict import Kind, Surroundings, Verdict, judge
from iomodels.plan.order import Measurement
from made_run import WINDOW_NS, make_record, make_run, suite_of

SHARES = st.lists(st.integers(0, 2000).map(lambda each: each / 2000), min_size=1, max_size=12)
few = settings(max_examples=40)
CONDITION = Condition("iocp", 64, 64, 64, 1)
OPEN = {"loop": "open"}
AUDIT = {"timely_share": 1.0, "target_rate": 1000.0, "achieved_rate": 1000.0}
"""Of an open loop that met its rate."""
KNOWN = Surroundings(10_000.0, None, 2)
"""A ceiling that is far, no network, two CPUs."""


BASE = make_record(Measurement(0, 0, CONDITION), "wine-8.0", 1000.0)


def record(
    index: int = 0,
    rate: float = 1000.0,
    *,
    audit: dict[str, Any] | None = None,
    busy: float | None = 0.5,
    **changes: Any,
) -> Record:
    """A valid repeat of a server of one thread that used `busy` CPUs (None: not recorded).

    `changes` replace fields of the result, `audit` those of its audit.
    """
    assert BASE.loadgen
    result = BASE.loadgen["result"]
    own = {**result, "requests_per_second": rate, **changes}
    own["audit"] = {**result["audit"], **(audit or {})}
    cpu = {"value": (busy or 0.0) * WINDOW_NS, "unit": "ns", "source": "made up"}
    counters = None if busy is None else {"server.cpu_ns": cpu}
    loadgen = {**BASE.loadgen, "result": own}
    return replace(BASE, index=index, repeat=index, loadgen=loadgen, counters=counters)


def result(**changes: Any) -> dict[str, Any]:
    loadgen = record(**changes).loadgen
    assert loadgen
    found: dict[str, Any] = loadgen["result"]
    return found


def cell(count: int = 9, **changes: Any) -> list[Record]:
    """Repeats that differ by little, in no order."""
    return [record(index, 1000.0 + 4 * index % 9, **changes) for index in range(count)]


def kind_of(known: Surroundings = KNOWN, **changes: Any) -> Kind:
    return judge(cell(**changes), known).kind


def test_each_load_generator_of_a_cluster_is_judged_by_its_own_latency() -> None:
    """A distant machine has long latencies; few of its requests are among all of them."""

    def repeat(gap: float) -> Verdict | None:
        near, away = result(audit={"littles_gap": 0.01}), result(audit={"littles_gap": gap})
        away["response"] = {**away["response"], "mean": away["window_ns"] / 10}
        parts = [{"worker": f"load-{n}", "result": each} for n, each in enumerate((near, away), 1)]
        cluster = {"pair": 1, "server": "server", "overlap": 1.0, "parts": parts}
        return verdict.left_out(record(audit={"littles_gap": gap}, cluster=cluster))

    assert repeat(0.14) is None
    beyond = repeat(0.16)
    assert beyond and beyond.reasons[0].startswith("load-2: rate × mean latency is 16 % off")


def test_a_full_network_is_found_next_to_one_of_unknown_speed() -> None:
    full = round(0.9 * 1000 * WINDOW_NS / 8e3)
    parts = [{"worker": f"load-{n}", "result": result(bytes_sent=full)} for n in (1, 2)]
    cluster = {"pair": 1, "server": "server", "overlap": 1.0, "parts": parts}
    links = {"server": {"mbps": 10_000}, "load-1": {"mbps": None}, "load-2": {"mbps": 1000}}
    found = judge(cell(cluster=cluster), replace(KNOWN, links=links))
    assert found.kind is Kind.NETWORK_BOUND and "network of load-2" in found.reasons[0]
    quiet = judge(
        cell(cluster=cluster), replace(KNOWN, links={**links, "load-2": {"mbps": 10_000}})
    )
    assert quiet.kind is not Kind.NETWORK_BOUND
    assert any("the speed of the network of load-1" in each for each in quiet.not_judged)


# ---- every limit: at, just inside, just outside ----


def timely(share: float) -> bool:
    return kind_of(audit={**AUDIT, "timely_share": share}, **OPEN) is Kind.RATE_BOUND


def achieved(share: float) -> bool:
    return kind_of(audit={**AUDIT, "achieved_rate": 1000.0 * share}, **OPEN) is Kind.RATE_BOUND


def below_link(share: float, direction: str) -> bool:
    """Of a network of 1,000 Mbit/s."""
    full = round(share * 1000 * WINDOW_NS / 8e3)
    known = replace(KNOWN, link={"mbps": 1000})
    other = {"bytes_sent": 0, "bytes_received": 0}
    return kind_of(known, **{**other, direction: full}) is not Kind.NETWORK_BOUND


def lawful(gap: float, mean_of_window: float = 0.0) -> bool:
    response = {**result()["response"], "mean": mean_of_window * WINDOW_NS}
    return kind_of(audit={"littles_gap": gap}, response=response) is not Kind.INVALID


def steady(spread: float, count: int = 9) -> bool:
    """Rates at equal distances: their quartiles are half of the range apart."""
    step = spread * 1.3489795 * 100 * 2 / (count - 1)
    rates = [100 + step * (place - (count - 1) / 2) for place in range(count)]
    return verdict.small_spread(rates) is None


def level(drift: float, count: int = 9) -> bool:
    rates = [100 * (1 + drift * (place / (count - 1) - 0.5)) for place in range(count)]
    return verdict.no_drift(rates) is None


LIMITS: list[tuple[str, Callable[[float], bool], float, float, float]] = [
    (
        "the load generator's CPU",
        lambda share: kind_of(audit={"cpu_share_max": share}) is not Kind.CLIENT_BOUND,
        *(0.90, 0.8999, 0.9001),
    ),
    ("timely sends", timely, 0.999, 0.9991, 0.9989),
    ("sent over the network", lambda share: below_link(share, "bytes_sent"), 0.80, 0.7999, 0.8001),
    (
        "received from the network",
        lambda share: below_link(share, "bytes_received"),
        *(0.80, 0.7999, 0.8001),
    ),
    ("offered rate", achieved, 0.99, 0.9901, 0.9899),
    ("Little's law", lawful, 0.05, 0.0499, 0.0501),
    ("Little's law below", lawful, -0.05, -0.0499, -0.0501),
    (
        "Little's law in a short window",
        lambda gap: lawful(gap, mean_of_window=0.02),
        *(0.07, 0.0699, 0.0701),
    ),
    ("spread", steady, 0.0999999, 0.0999, 0.1001),
    ("drift", level, 0.0499999, 0.0499, 0.0501),
    ("drift down", level, -0.0499999, -0.0499, -0.0501),
    (
        "a ceiling that is reached",
        lambda share: not judge(cell(), Surroundings(1004.0 / share)).notes,
        *(1.0, 0.9999, 1.0001),
    ),
    (
        "a server at its CPUs",
        lambda share: kind_of(busy=share) is Kind.SERVER_BOUND,
        *(0.90, 0.9001, 0.8999),
    ),
    (
        "rounds for a note of spread",
        lambda count: not steady(0.5, count=round(count)),
        *(8, 9, 7),
    ),
    (
        "rounds for a note of drift",
        lambda count: not level(0.5, count=round(count)),
        *(8, 9, 7),
    ),
]


@pytest.mark.parametrize(
    ("holds", "at", "inside", "outside"),
    [row[1:] for row in LIMITS],
    ids=[row[0] for row in LIMITS],
)
def test_every_limit_holds_at_it_and_just_inside_and_not_just_outside(
    holds: Callable[[float], bool], at: float, inside: float, outside: float
) -> None:
    assert (holds(at), holds(inside), holds(outside)) == (True, True, False)


# ---- one repeat ----


@few
@given(st.integers(1, 100), st.integers(0, 100))
def test_a_repeat_counts_only_if_every_connection_was_established(asked: int, found: int) -> None:
    connections = {"requested": asked, "established": found, "alive": found}
    out = verdict.left_out(record(connections=connections))
    assert (out is None) is (found == asked)
    assert out is None or (
        out.kind is Kind.FAILED
        and out.reasons == (f"load generator: established {found} of {asked} connections",)
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
@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_every_counted_reply_must_have_been_checked(requests: int, checked: int) -> None:
    made = result(requests=requests, audit={"replies_checked": checked})
    assert (verdict.all_replies_checked(made) is None) is (checked >= requests)


def test_what_the_load_generator_could_not_sum_up_is_not_judged() -> None:
    made = result(audit={"littles_gap": None, "littles_reason": "connections come and go"})
    with pytest.raises(NotRecorded, match="connections come and go"):
        verdict.littles_law(made)


def test_a_closed_loop_has_no_rate_to_meet_and_no_send_to_be_late_with() -> None:
    late = {"timely_share": 0.1, "target_rate": 1000.0, "achieved_rate": 1.0}
    assert verdict.offered_rate_met(result(audit=late)) is None
    assert verdict.timely_sends([result(audit=late)]) is None


def test_an_invalid_repeat_is_left_out_with_every_reason() -> None:
    out = verdict.left_out(record(audit={"replies_checked": 1, "littles_gap": 0.5}))
    assert out and out.kind is Kind.INVALID and len(out.reasons) == 2
    assert str(out).startswith(
        "invalid (the load generator checked 1 of 2000 replies; rate × mean latency is 50 % off "
        "the requests outstanding (Little's law; limit "
    )


# ---- a cell ----


@few
@given(SHARES)
def test_the_busiest_thread_of_the_load_generator_decides(shares: list[float]) -> None:
    found = verdict.client_cpu([result(audit={"cpu_share_max": share}) for share in shares])
    assert (found is None) is (statistics.median(shares) <= 0.90)


def test_a_busy_load_generator_is_judged_by_its_sends_in_an_open_loop() -> None:
    assert kind_of(audit={**AUDIT, "cpu_share_max": 1.0}, **OPEN) is Kind.RATE_BOUND
    assert kind_of(audit={"cpu_share_max": 1.0}) is Kind.CLIENT_BOUND


@few
@given(SHARES)
def test_late_sends_are_the_clients(shares: list[float]) -> None:
    results = [result(loop="open", audit={"timely_share": share}) for share in shares]
    assert (verdict.timely_sends(results) is None) is (statistics.median(shares) >= 0.999)


FAULTS: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.CLIENT_BOUND, {"audit": {"cpu_share_max": 0.95}}),
    (Kind.CLIENT_BOUND, {"audit": {**AUDIT, "timely_share": 0.99}, **OPEN}),
    (Kind.NETWORK_BOUND, {"bytes_sent": WINDOW_NS}),
    (Kind.INVALID, {"audit": {"littles_gap": 0.10}}),
    (Kind.INVALID, {"audit": {"replies_checked": 1}}),
    (Kind.INVALID, {"audit": {**AUDIT, "achieved_rate": 500.0}, **OPEN}),
    (Kind.FAILED, {"errors": {"reset": 1}}),
]


@pytest.mark.parametrize(("kind", "changes"), FAULTS)
def test_each_fault_gives_its_word_whatever_the_number_of_repeats(
    kind: Kind, changes: dict[str, Any]
) -> None:
    known = replace(KNOWN, link={"mbps": 1000})
    for count in (1, 9):
        judged = judge(cell(count, **changes), known)
        assert judged.kind is kind and not judged.valid and judged.reasons
        assert str(judged).startswith(f"{kind.value} (")


def test_the_words_of_valid_cells() -> None:
    one = "server used 95 % of 1 CPU (limit 90 %)"
    assert judge(cell(busy=0.95), KNOWN) == Verdict(Kind.SERVER_BOUND, (one,))
    assert judge(cell(busy=0.5), KNOWN) == Verdict(Kind.LATENCY_BOUND)
    assert judge(cell(audit=AUDIT, **OPEN), KNOWN) == Verdict(Kind.RATE_BOUND)
    unknown = "what limits: server.cpu_ns: not recorded"
    assert judge(cell(busy=None), KNOWN) == Verdict(Kind.MEASURED, not_judged=(unknown,))
    for judged in (judge(cell(busy=busy), KNOWN) for busy in (0.95, 0.5, None)):
        assert judged.valid and str(judged) == judged.kind.value, "what is valid needs no reason"


def test_one_repeat_has_its_word_too_and_no_notes() -> None:
    for count in (1, 3, 7):
        judged = judge(cell(count, busy=0.95), KNOWN)
        assert (judged.kind, judged.notes) == (Kind.SERVER_BOUND, ())


def test_without_the_cpus_that_are_allowed_nothing_says_what_limited_a_cell() -> None:
    judged = judge(cell(busy=0.95), replace(KNOWN, cpus=None))
    assert judged.kind is Kind.MEASURED and judged.valid
    assert judged.not_judged == ("what limits: the CPUs that the server may use are not recorded",)


def test_payload_fills_a_network_in_either_direction_and_loopback_is_none() -> None:
    fast = {"bytes_sent": 10_000, "bytes_received": WINDOW_NS * 101 // 1000}  # 808 Mbit/s one way
    judged = judge(cell(**fast), replace(KNOWN, link={"mbps": 1000}))
    assert judged.reasons == ("payload uses 81 % of the network's 1,000 Mbit/s (limit 80 %)",)
    assert judge(cell(**fast), KNOWN).not_judged == ()
    unknown = judge(cell(**fast), replace(KNOWN, link={"mbps": None}))
    assert unknown.kind is Kind.LATENCY_BOUND
    assert unknown.not_judged == ("share of the network: the speed of the network is unavailable",)


# ---- notes: never a reason to leave a cell out ----


@pytest.mark.parametrize("ceiling", [1.0, 500.0, 999.0])
def test_a_ceiling_below_the_rate_condemns_no_cell_and_is_refuted_by_it(ceiling: float) -> None:
    judged = judge(cell(), replace(KNOWN, ceiling=ceiling))
    assert judged.kind is Kind.LATENCY_BOUND and judged.valid
    assert judged.notes == (
        f"the load generator's ceiling ({ceiling:,.0f} requests/s) is too low: "
        "this cell reached 1,004",
    )


def test_a_near_ceiling_is_no_fault_and_no_note() -> None:
    assert judge(cell(), replace(KNOWN, ceiling=1010.0)) == Verdict(Kind.LATENCY_BOUND)


def test_two_camps_and_a_slope_are_notes_of_a_cell_that_counts() -> None:
    camps = judge([record(index, 1000.0 * (1 + index % 2 / 2)) for index in range(9)], KNOWN)
    assert camps.kind is Kind.LATENCY_BOUND and camps.notes == ("the repeats spread by 37 %",)
    slope = judge([record(index, 1000.0 + 20 * index) for index in range(9)], KNOWN)
    assert slope.notes == ("the repeats drift by +15 % from first to last",)
    assert slope.valid and slope.reasons == ()
    down = judge([record(index, 1000.0 - 20 * index) for index in range(9)], KNOWN)
    assert down.notes == ("the repeats drift by −17 % from first to last",)


@few
@given(
    st.lists(st.integers(100, 200).map(float), min_size=9, max_size=15),
    st.floats(0.01, 1000),
    st.randoms(use_true_random=False),
)
def test_spread_is_of_no_unit_and_no_order(rates: list[float], factor: float, random: Any) -> None:
    found = verdict.small_spread(rates)
    shuffled = [rate * factor for rate in rates]
    random.shuffle(shuffled)
    assert (verdict.small_spread(shuffled) is None) is (found is None)


@few
@given(st.integers(9, 15), st.integers(0, 8), st.floats(1, 1e6))
def test_one_stray_repeat_is_no_spread(count: int, place: int, stray: float) -> None:
    rates = [100.0] * count
    rates[place] = stray
    assert verdict.small_spread(rates) is None


# ---- what is not recorded, and what does not count ----


def test_what_is_not_recorded_is_not_judged_and_never_passed_in_silence() -> None:
    nothing = dict.fromkeys(("replies_checked", "littles_gap", "timely_share", "target_rate"))
    judged = judge(cell(3, audit=nothing, **OPEN))
    assert judged.kind is Kind.RATE_BOUND
    assert judged.not_judged == (
        "replies checked: audit.replies_checked not recorded",
        "Little's law: audit.littles_gap not recorded",
        "offered rate: audit.target_rate not recorded",
        "timely sends: audit.timely_share not recorded",
        "ceiling: no calibration of such a load recorded",
    )
    closed = judge(cell(3, busy=None, audit={"cpu_share_max": None}), KNOWN)
    assert closed.not_judged == (
        "load generator's CPU: audit.cpu_share_max not recorded",
        "what limits: server.cpu_ns: not recorded",
    )
    assert judge(cell(), KNOWN).not_judged == ()
    assert judge(cell(audit=AUDIT, **OPEN), KNOWN).not_judged == ()


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
    judged = judge(records, KNOWN)
    if good:
        assert judged == judge(good, KNOWN)
    else:
        assert judged.kind is (Kind.INVALID if "invalid" in fates else Kind.FAILED)


def test_a_reason_that_several_repeats_share_is_told_once() -> None:
    failed = [record(index, unanswered=1) for index in range(2)]
    other = record(2, errors={"reset": 3})
    assert str(judge([*failed, other])) == (
        "failed (load generator: 1 request was never answered, in 2 repeats; "
        "load generator: errors: reset 3)"
    )


def test_judging_changes_no_record_and_a_cell_without_records_was_never_measured() -> None:
    records = cell()
    before = copy.deepcopy(records)
    judge(records)
    assert records == before
    assert str(judge([])) == "failed (never measured)"


# ---- a run ----


def two_machines(folder: Path, mbps: float | None) -> Path:
    """iocp and select at 64 and 4,096 B over a network; a reply takes 64 B × 10,000/s = 5.1 Mbit/s."""
    environment = {
        "reasons": {},
        "cpus_usable": [0],
        "load_generator": {"link": {"mbps": mbps}},
    }
    suite = suite_of(connections=(64,), sizes=(64,))
    return make_run(folder, suite, rate=lambda _: 1e4, manifest={"environment": environment})


@pytest.mark.parametrize(("mbps", "bound"), [(6, True), (7, False), (None, False)])
def test_tables_and_figures_judge_a_network_alike(
    tmp_path: Path, mbps: float | None, bound: bool
) -> None:
    run = load_run(two_machines(tmp_path, mbps))
    of_tables = {cell.condition: cell.verdict for cell in summarise(run).cells}
    of_charts = {condition: cell.verdict for condition, cell in select.cells(run).items()}
    assert of_tables == of_charts
    assert {each.kind is Kind.NETWORK_BOUND for each in of_tables.values()} == {bound}


def test_a_run_knows_the_ceiling_and_the_cpus_of_a_cell(tmp_path: Path) -> None:
    point = {"connections": 64, "size": 64, "depth": 1, "threads": 1, "rate": 5000.0}
    calibration = {"platform": "linux-6.1", "points": [point]}
    suite = suite_of(connections=(64, 256), sizes=(64,))
    run = load_run(make_run(tmp_path, suite, manifest={"calibration": calibration}))
    known = {
        condition.connections: verdict.surroundings_of(run.manifest, condition)
        for condition in {record.condition for record in run.records}
    }
    assert known == {64: Surroundings(5000.0, None, 1), 256: Surroundings(None, None, 1)}
    notes = {
        (cell.condition.model, cell.condition.connections): cell.verdict.notes
        for cell in summarise(run).cells
    }
    assert [len(notes["iocp", connections]) for connections in (64, 256)] == [1, 0]
