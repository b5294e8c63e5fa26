"""What a request cost: from counters and the server's own counts, each from one source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iomodels.data.records import Condition, Record
from iomodels.judge.costs import CALLS, COSTS, PARTS, TICKING, WHOLE, by_cycles, costs_of
from iomodels.judge.stats import Measure
from iomodels.plan.order import Measurement
from made_run import PER_REQUEST, make_record, with_counters

BASE = make_record(Measurement(0, 0, Condition("select", 64, 64, 64, 1)), "wine-8.0", 1000.0)


def counted(**per_request: float | None) -> Record:
    """server_cpu_ns=None: the counter is there and has no value."""
    named = {name.replace("_", ".", 1): value for name, value in per_request.items()}
    record = with_counters(BASE, {name: each for name, each in named.items() if each is not None})
    missing = {
        name: {"value": None, "unit": "ns", "reason": "the system has none"}
        for name, each in named.items()
        if each is None
    }
    return replace(record, counters={**(record.counters or {}), **missing})


def values(*records: Record) -> dict[str, float | None]:
    return {name: measure.value for name, measure in costs_of(records).typical.items()}


def test_cpu_time_and_switches_are_those_of_server_and_wineserver_together() -> None:
    found = values(with_counters(BASE, PER_REQUEST))
    assert (found["CPU µs"], found["switches"]) == (pytest.approx(80.0), pytest.approx(6.0))
    assert found["server CPU µs"] == pytest.approx(50.0)
    assert found["wineserver CPU µs"] == pytest.approx(30.0)
    assert (found["server switches"], found["wineserver switches"]) == (4.0, 2.0)
    assert found["CPU µs"] == pytest.approx(found["server CPU µs"] + found["wineserver CPU µs"])


def test_without_a_wineserver_the_server_is_the_whole() -> None:
    found = values(counted(server_cpu_ns=50_000.0, server_context_switches=4.0))
    assert (found["CPU µs"], found["switches"]) == (50.0, 4.0)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (BASE, "not recorded"),
        (counted(wineserver_cpu_ns=30_000.0), "not recorded"),
        (counted(server_cpu_ns=None), "the system has none"),
        (counted(server_cpu_ns=50_000.0, wineserver_cpu_ns=None), "the system has none"),
    ],
)
def test_a_part_that_is_missing_makes_the_whole_missing(record: Record, reason: str) -> None:
    """Half of a cost is never shown as all of it."""
    found = costs_of([record])
    assert found.cpu_us == () and found.typical["CPU µs"] == Measure(None, reason)


def test_the_median_over_the_repeats_is_typical_and_each_repeat_is_kept() -> None:
    repeats = [counted(server_cpu_ns=each * 1000.0) for each in (10.0, 90.0, 20.0)]
    found = costs_of(repeats)
    assert found.typical["CPU µs"].value == pytest.approx(20.0)
    assert found.cpu_us == pytest.approx((10.0, 90.0, 20.0))


def test_one_repeat_without_a_value_makes_the_cost_missing() -> None:
    found = costs_of([counted(server_cpu_ns=10_000.0), counted(server_cpu_ns=None)])
    assert found.typical["CPU µs"] == Measure(None, "the system has none") and found.cpu_us == ()


def test_calls_are_differences_over_the_requests_between_the_samples() -> None:
    assert [values(BASE)[name] for name in CALLS] == [2.0, 1.0, 3.0, 3.0]


def test_no_request_between_the_samples_is_no_division() -> None:
    assert BASE.server
    still = replace(BASE, server={**BASE.server, "end": BASE.server["begin"]})
    assert costs_of([still]).typical["sends"] == Measure(
        None, "the server counted no request in the window"
    )


def test_every_cost_of_the_tables_has_a_source() -> None:
    assert (*WHOLE, *PARTS, *CALLS) == COSTS
    counters: dict[str, Any] = dict.fromkeys((source for source, _ in PARTS.values()), 1000.0)
    found = values(with_counters(BASE, counters))
    assert set(found) == set(COSTS) and None not in found.values()
    assert [found[name] for name, (_, scale) in PARTS.items()] == pytest.approx(
        [1000.0 * scale for _, scale in PARTS.values()]
    )


def of_windows(cpu_ns: float, cycles: float | None) -> Record:
    """A record of Windows: CPU time in ticks of 15.6 ms, and exact cycles."""
    given = counted(server_cpu_ns=cpu_ns, server_cycles=cycles)
    counters = dict(given.counters or {})
    counters["server.cpu_ns"] = {**counters["server.cpu_ns"], "source": TICKING}
    return replace(given, counters=counters)


def test_on_windows_cpu_time_is_that_of_the_cycles() -> None:
    """At 2 GHz: the ticks see 47 and 63 µs, of requests that took 50 and 60 µs."""
    records = by_cycles([of_windows(47_000, 100_000), of_windows(63_000, 120_000)])
    first, second = costs_of(records).cpu_us
    assert (first, second) == (pytest.approx(50.0), pytest.approx(60.0))
    assert second / first == pytest.approx(1.2)
    assert costs_of(records).typical["cycles"].value == pytest.approx(110_000)
    row = (records[0].counters or {})["server.cpu_ns"]
    assert row["source"] == f"made up, scaled by {TICKING}"
    requests = BASE.loadgen["result"]["requests"] if BASE.loadgen else 0
    assert row["value"] == pytest.approx(50_000 * requests)


@pytest.mark.parametrize(
    "records",
    [
        [of_windows(47_000, 100_000), of_windows(63_000, None)],
        [of_windows(47_000, 0.0)],
        [counted(server_cpu_ns=47_000.0, server_cycles=100_000.0)],  # a clock in ns needs none
        [BASE],
        [],
    ],
)
def test_cpu_time_stays_as_it_is_without_cycles_or_with_a_finer_clock(
    records: list[Record],
) -> None:
    assert by_cycles(records) == records
