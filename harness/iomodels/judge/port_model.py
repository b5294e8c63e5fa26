"""A model of a completion port for machines with more cores. Its results are always called "model".

It simulates discrete events. Packets queue first in, first out; waiting workers wake last in,
first out. No more than `cap` workers run concurrently. `cores` processors serve the running ones,
each until it blocks or finishes. A handler computes, then blocks, then asks for the next packet.
Blocking frees its place under the cap, and its core. Taking a queued packet costs no switch. A
worker that waited or blocked costs one. All times are µs.

The model omits interrupts, the network, other programs, caches, and the ends of time slices. It
shows how queues behave, not how fast a machine is: `switch_us` and the handler's times are inputs.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Times = Callable[[random.Random], float]
"""Draws a time in µs."""


def constant(us: float) -> Times:
    return lambda rng: us


def exponential(mean_us: float) -> Times:
    return lambda rng: rng.expovariate(1 / mean_us)


@dataclass(frozen=True)
class Port:
    """The parameters of the model. Closed loop: `connections` clients, each sending its next
    request `think_us` after its reply. Open loop: `arrival` is the time between requests;
    `connections` is ignored."""

    cores: int
    workers: int
    cap: int
    cpu: Times
    block: Times = field(default_factory=lambda: constant(0))
    switch_us: float = 0.0
    connections: int = 1
    arrival: Times | None = None


@dataclass(frozen=True)
class Outcome:
    """Results of the requests after the warm-up.

    `wait_us`: mean time in the queue; `latency_us`: each request's time in the system.
    """

    requests: int
    span_us: float
    wait_us: float
    latency_us: tuple[float, ...]
    switches: int
    most_running: int
    workers_used: int

    @property
    def per_second(self) -> float:
        return self.requests / self.span_us * 1e6

    @property
    def mean_us(self) -> float:
        return sum(self.latency_us) / len(self.latency_us)

    def percentile_us(self, percent: float) -> float:
        ordered = sorted(self.latency_us)
        return ordered[min(len(ordered) - 1, math.ceil(percent / 100 * len(ordered)) - 1)]


@dataclass(eq=False)
class _Packet:
    arrived: float
    began: float = 0.0


@dataclass
class _Simulation:
    """The state at `now`. A worker waits, is ready (wants a core), is on a core, or is blocked."""

    port: Port
    rng: random.Random
    warmup: int
    requests: int
    now: float = 0.0
    events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    serial: int = 0
    queue: deque[_Packet] = field(default_factory=deque)  # packets without a worker
    waiting: list[int] = field(default_factory=list)  # a stack: the newest waiter is last
    ready: deque[Callable[[], None]] = field(default_factory=deque)
    running: int = 0  # workers that count against the cap
    on_core: int = 0
    done: int = 0
    span_from: float = 0.0
    waited: float = 0.0
    switches: int = 0
    most_running: int = 0
    used: set[int] = field(default_factory=set)
    latencies: list[float] = field(default_factory=list)

    def at(self, time: float, what: Callable[[], None]) -> None:
        self.serial += 1  # events of the same time happen in the order of their creation
        heapq.heappush(self.events, (time, self.serial, what))

    def run(self) -> Outcome:
        self.waiting = list(range(self.port.workers))
        if self.port.arrival:
            self.at(self.port.arrival(self.rng), self.next_arrival)
        else:
            for _ in range(self.port.connections):
                self.at(0.0, self.arrive)
        while len(self.latencies) < self.requests:
            self.now, _, what = heapq.heappop(self.events)
            what()
        return Outcome(
            self.requests,
            self.now - self.span_from,
            self.waited / self.requests,
            tuple(self.latencies),
            self.switches,
            self.most_running,
            len(self.used),
        )

    def next_arrival(self) -> None:
        assert self.port.arrival
        self.at(self.now + self.port.arrival(self.rng), self.next_arrival)
        self.arrive()

    def arrive(self) -> None:
        self.queue.append(_Packet(self.now))
        self.release()

    def release(self) -> None:
        """Wake the newest waiter, if there is a packet and the cap allows one more to run."""
        while self.queue and self.waiting and self.running < self.port.cap:
            self.runs(+1)
            self.take(self.waiting.pop(), switched=True)

    def runs(self, more: int) -> None:
        self.running += more
        self.most_running = max(self.most_running, self.running)

    def take(self, worker: int, switched: bool) -> None:
        """Let a running worker take the next packet."""
        packet = self.queue.popleft()
        self.used.add(worker)

        def began() -> None:
            packet.began = self.now

        self.compute(switched, self.port.cpu(self.rng), began, lambda: self.handled(worker, packet))

    def compute(
        self, switched: bool, cpu_us: float, began: Callable[[], None], then: Callable[[], None]
    ) -> None:
        """Use a core as soon as one is free. A worker with a previous packet kept its core: it goes
        first."""

        def begin() -> None:
            self.on_core += 1
            self.switches += switched
            began()
            self.at(self.now + cpu_us + (self.port.switch_us if switched else 0.0), end)

        def end() -> None:
            self.on_core -= 1
            then()
            self.dispatch()

        if switched:
            self.ready.append(begin)
        else:
            self.ready.appendleft(begin)
        self.dispatch()

    def dispatch(self) -> None:
        while self.ready and self.on_core < self.port.cores:
            self.ready.popleft()()

    def handled(self, worker: int, packet: _Packet) -> None:
        block_us = self.port.block(self.rng)
        if block_us <= 0:
            self.reply(worker, packet)
            return
        self.runs(-1)  # blocked: its place under the cap is free for a waiter
        self.at(self.now + block_us, lambda: self.unblock(worker, packet))
        self.release()

    def unblock(self, worker: int, packet: _Packet) -> None:
        """Continue after blocking, regardless of the cap.

        The cap limits only workers that ask the port, and may be exceeded for a while.
        """
        self.runs(+1)
        self.compute(True, 0.0, lambda: None, lambda: self.reply(worker, packet))

    def reply(self, worker: int, packet: _Packet) -> None:
        self.done += 1
        if self.done == self.warmup:
            self.span_from = self.now
        elif self.done > self.warmup:
            self.latencies.append(self.now - packet.arrived)
            self.waited += packet.began - packet.arrived
        if not self.port.arrival:
            self.at(self.now, self.arrive)
        if self.queue and self.running <= self.port.cap:
            self.take(worker, switched=False)
        else:
            self.runs(-1)
            self.waiting.append(worker)
            self.release()


def simulate(port: Port, *, requests: int, warmup: int = 1000, seed: int = 1) -> Outcome:
    """Simulate `requests` requests after `warmup` others. The same seed gives the same outcome.

    Raises ValueError for an impossible port.
    """
    if min(port.cores, port.workers, port.cap, requests, warmup) < 1 or (
        port.arrival is None and port.connections < 1
    ):
        raise ValueError(
            f"cores, workers, cap, connections, requests and warm-up must be at least 1: {port}"
        )
    return _Simulation(port, random.Random(seed), warmup, requests).run()
