"""The model of a port against queueing theory, where that has closed forms, and against the laws of a port on Windows."""

from __future__ import annotations

import heapq
import math
import random

import pytest

from iomodels.judge.port_model import Port, constant, exponential, simulate

LAWS = Port(cores=2, workers=8, cap=2, cpu=constant(100), connections=16)


def erlang_wait(servers: int, load: float, service_us: float) -> float:
    """Mean time in the queue of M/M/c; `load` is in servers (Erlang C; Kleinrock, Queueing Systems I, 3.5)."""
    busy = load**servers / math.factorial(servers) * servers / (servers - load)
    wait = busy / (sum(load**k / math.factorial(k) for k in range(servers)) + busy)
    return wait * service_us / (servers - load)


@pytest.mark.parametrize("servers", [1, 3])
def test_mmc(servers: int) -> None:
    load, service_us = 0.6 * servers, 100.0
    port = Port(
        servers, servers, servers, exponential(service_us), arrival=exponential(service_us / load)
    )
    seen = simulate(port, requests=150_000, seed=1)
    expected = erlang_wait(servers, load, service_us)
    assert seen.wait_us == pytest.approx(expected, rel=0.02)
    assert seen.mean_us == pytest.approx(expected + service_us, rel=0.02)
    assert seen.per_second == pytest.approx(load / service_us * 1e6, rel=0.02)


@pytest.mark.parametrize("servers", [1, 2, 5])
def test_each_wait_is_that_of_the_recursion(servers: int) -> None:
    """Kiefer and Wolfowitz: of c servers in order of arrival, the next request begins when the first of them is free. Same draws, same waits."""
    arrivals, services = random.Random(1), random.Random(2)
    port = Port(
        servers,
        servers,
        servers,
        lambda rng: services.expovariate(1 / 100),
        arrival=lambda rng: arrivals.expovariate(0.9 * servers / 100),
    )
    seen = simulate(port, requests=3000, warmup=1, seed=1)
    arrivals, services = random.Random(1), random.Random(2)
    free, now = [0.0] * servers, 0.0
    ends: list[tuple[float, float]] = []
    for _ in range(3001 + 10 * servers):
        now += arrivals.expovariate(0.9 * servers / 100)
        end = max(now, heapq.heappop(free)) + services.expovariate(1 / 100)
        heapq.heappush(free, end)
        ends.append((end, end - now))
    latencies = [latency for _, latency in sorted(ends)][
        1:3001
    ]  # in the order in which they were done
    assert seen.latency_us == pytest.approx(latencies)


def test_md1() -> None:
    """Pollaczek–Khinchine: the mean wait with a constant service time is half of M/M/1's."""
    load, service_us = 0.6, 100.0
    seen = simulate(
        Port(1, 1, 1, constant(service_us), arrival=exponential(service_us / load)),
        requests=150_000,
        seed=1,
    )
    assert seen.wait_us == pytest.approx(load * service_us / (2 * (1 - load)), rel=0.02)


def test_a_closed_loop_with_thinking_is_the_repairman() -> None:
    """Blocking as long as you like with a worker for everybody: M/M/1 with 4 customers, each away for a mean of 200 µs."""
    service_us, away_us, customers = 100.0, 200.0, 4
    port = Port(
        1, customers, 1, exponential(service_us), block=exponential(away_us), connections=customers
    )
    ratio = service_us / away_us
    terms = [
        math.factorial(customers) / math.factorial(customers - k) * ratio**k
        for k in range(customers + 1)
    ]
    expected = (1 - 1 / sum(terms)) / service_us * 1e6
    assert simulate(port, requests=60_000, seed=1).per_second == pytest.approx(expected, rel=0.02)


def test_no_more_run_at_once_than_the_cap_and_the_cores_are_used() -> None:
    for cap in (1, 2, 4):
        seen = simulate(Port(4, 8, cap, constant(100), connections=16), requests=2000)
        assert seen.most_running == cap
        assert seen.per_second == pytest.approx(cap * 10_000, rel=0.01)


def test_a_blocked_handler_frees_its_place() -> None:
    blocking = Port(1, 4, 1, constant(100), block=constant(300), connections=16)
    assert simulate(blocking, requests=2000).per_second == pytest.approx(
        10_000, rel=0.01
    )  # 4 workers keep one core busy
    few = Port(1, 2, 1, constant(100), block=constant(300), connections=16)
    assert simulate(few, requests=2000).per_second == pytest.approx(5_000, rel=0.01)


def test_the_newest_waiter_is_woken() -> None:
    spaced = Port(2, 8, 2, constant(100), arrival=constant(1000))
    assert simulate(spaced, requests=500).workers_used == 1


def test_a_running_worker_takes_the_next_packet_without_a_switch() -> None:
    saturated = Port(2, 8, 2, constant(100), switch_us=5, connections=16)
    assert simulate(saturated, requests=2000).switches <= 4
    assert (
        simulate(Port(2, 8, 2, constant(100), switch_us=5, connections=1), requests=2000).switches
        > 1900
    )


def test_packets_leave_in_the_order_of_their_coming() -> None:
    seen = simulate(LAWS, requests=2000)
    assert max(seen.latency_us) == pytest.approx(
        16 / 2 * 100, rel=0.02
    )  # nobody is overtaken, so nobody waits longer


def test_a_switch_costs_what_it_costs() -> None:
    one = Port(1, 2, 1, constant(100), switch_us=25, connections=1)
    assert simulate(one, requests=1000).mean_us == pytest.approx(125)


def test_the_same_seed_gives_the_same_and_nonsense_is_refused() -> None:
    port = Port(2, 4, 2, exponential(100), connections=8)
    assert (
        simulate(port, requests=500, seed=3)
        == simulate(port, requests=500, seed=3)
        != simulate(port, requests=500, seed=4)
    )
    with pytest.raises(ValueError, match="at least 1"):
        simulate(Port(0, 1, 1, constant(1)), requests=10)


def test_percentiles_are_values_of_the_sample() -> None:
    seen = simulate(Port(1, 1, 1, exponential(100), connections=2), requests=1000)
    ordered = sorted(seen.latency_us)
    assert [seen.percentile_us(percent) for percent in (50, 99, 100)] == [
        ordered[499],
        ordered[989],
        ordered[999],
    ]
