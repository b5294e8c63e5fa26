"""What limited a closed loop, on records of machines that this one is not."""

from __future__ import annotations

from typing import Any

import pytest

from iomodels.data.records import Condition, Record
from iomodels.judge.limits import (
    NotRecorded,
    busy_of,
    cpus_allowed,
    server_at_its_limit,
    threads_of,
)

WINDOW_NS = 1_000_000_000


def record(
    server: float | None, wineserver: float | str | None = "none", threads: int | None = 4
) -> Record:
    """A record of one second whose server used so many CPUs; "none": there is no wineserver."""
    counters: dict[str, dict[str, Any]] = {"server.cpu_ns": _row(server)}
    if wineserver != "none":
        assert wineserver is None or isinstance(wineserver, float)
        counters["wineserver.cpu_ns"] = _row(wineserver)
    counters["server.threads"] = {"value": 20, "unit": "threads", "source": "test"}
    settings = {} if threads is None else {"threads": threads}
    return Record(
        3,
        "run",
        0,
        0,
        Condition("iocp", 64, 64, 64, 1),
        "windows-11",
        "2026-01-01T00:00:00Z",
        "ok",
        None,
        None,
        {"ready": {"settings": settings}},
        {"result": {"window_ns": WINDOW_NS}},
        counters,
    )


def _row(cpus: float | None) -> dict[str, Any]:
    if cpus is None:
        return {"value": None, "unit": "ns", "reason": "the system has none"}
    return {"value": cpus * WINDOW_NS, "unit": "ns", "source": "test"}


@pytest.mark.parametrize(
    ("server", "threads", "cpus", "evidence"),
    [
        (3.59, 4, 8, None),  # 4 threads may use 4 of 8 CPUs: 90 % of them is 3.6
        (3.60, 4, 8, "server used 90 % of 4 CPUs (limit 90 %)"),
        (7.19, 64, 8, None),  # more threads than CPUs: all 8 count
        (7.20, 64, 8, "server used 90 % of 8 CPUs (limit 90 %)"),
        (0.89, 1, 8, None),  # one thread on 8 CPUs: it is the limit, not the CPUs
        (0.90, 1, 8, "server used 90 % of 1 CPU (limit 90 %)"),
    ],
)
def test_eight_cpus_are_full_only_where_the_threads_can_fill_them(
    server: float, threads: int, cpus: int, evidence: str | None
) -> None:
    assert server_at_its_limit([record(server, threads=threads)] * 3, cpus) == evidence


def test_the_wineserver_is_a_thread_of_its_own_and_counts() -> None:
    both = server_at_its_limit([record(0.5, 0.45, 1)], 1)
    assert both == "server and wineserver used 95 % of 1 CPU (limit 90 %)"
    assert server_at_its_limit([record(0.5, 0.45, 1)], 8) is None, "each has a CPU of its own"


def test_a_busy_wineserver_limits_all_servers_however_many_cpus_there_are() -> None:
    found = server_at_its_limit([record(2.0, 0.95, 4)], 8)
    assert found is not None and "wineserver, one thread that serves all connections" in found
    assert server_at_its_limit([record(2.0, 0.89, 4)], 8) is None


def test_one_serving_thread_is_a_limit_beside_a_wineserver_that_is_idle() -> None:
    found = server_at_its_limit([record(0.93, 0.1, 1)], 8)
    assert found is not None and "one thread was busy for 93 %" in found


def test_the_median_of_the_repeats_decides() -> None:
    assert server_at_its_limit([record(0.99, threads=1), *[record(0.5, threads=1)] * 2], 4) is None


def test_a_model_without_a_thread_setting_has_those_that_the_system_counts() -> None:
    assert threads_of(record(1.0, threads=None)) == 20
    assert busy_of(record(1.0, threads=None), 8).most == 8


@pytest.mark.parametrize(
    ("made", "cpus", "missing"),
    [
        (record(None), 8, "server.cpu_ns: the system has none"),
        (record(1.0, None), 8, "wineserver.cpu_ns: the system has none"),
        (record(1.0), None, "CPUs that the server may use"),
    ],
)
def test_what_is_not_recorded_is_no_evidence_either_way(
    made: Record, cpus: int | None, missing: str
) -> None:
    with pytest.raises(NotRecorded, match=missing):
        server_at_its_limit([made], cpus)


@pytest.mark.parametrize(
    ("placement", "cpus"),
    [
        ({"server_cpus": [0], "wineserver_cpus": [0], "loadgen_cpus": [1]}, 1),
        ({"server_cpus": [0, 1, 2], "wineserver_cpus": [3]}, 4),
        ({}, 8),
    ],
)
def test_the_cpus_allowed_are_those_of_server_and_wineserver(
    placement: dict[str, Any], cpus: int
) -> None:
    environment = {"launcher": {"placement": placement}, "cpus_usable": list(range(8))}
    assert cpus_allowed(environment) == cpus
    assert cpus_allowed({}) is None
