"""Decide what limited a valid closed loop: the CPUs of the server, or latency on the way.

Evidence for a limit of the server is one of two: its processors were busy, or its only thread was.
Without evidence the cell is latency-bound: each request waits for wake-ups and the network, and
more connections may still raise the rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from iomodels.data.records import Record, counter

BUSY_LEAST = 0.90
"""Share of what the server may use. The rest goes to interrupts and to the clock's own error."""


class NotRecorded(Exception):
    """The record lacks data that a rule needs."""


@dataclass(frozen=True)
class Busy:
    """CPUs that a server used in the window, and the most that it could use."""

    server: float
    wineserver: float | None
    cpus: int
    threads: int

    @property
    def used(self) -> float:
        return self.server + (self.wineserver or 0.0)

    @property
    def most(self) -> int:
        """The wineserver is a thread of its own."""
        return min(self.cpus, self.threads + (self.wineserver is not None))


def server_at_its_limit(records: Sequence[Record], cpus: int | None) -> str | None:
    """Return the evidence that the server limited the rate, or None where there is none.

    `cpus` are those that the server and the wineserver may use together. Judges the medians over
    the records of one cell. Raises NotRecorded.
    """
    found = [busy_of(record, cpus) for record in records]
    share = median(each.used / each.most for each in found)
    if share >= BUSY_LEAST:
        who = "server" if found[0].wineserver is None else "server and wineserver"
        return (
            f"{who} used {_percent(share)} of {_cpus(found[0].most)} (limit {_percent(BUSY_LEAST)})"
        )
    if all(each.threads == 1 for each in found):
        own = median(each.server for each in found)
        if own >= BUSY_LEAST:
            return f"the server's one thread was busy for {_percent(own)} of the window"
    kernel = [each.wineserver for each in found if each.wineserver is not None]
    if kernel and median(kernel) >= BUSY_LEAST:
        return (
            f"the wineserver, one thread that serves all connections, was busy for "
            f"{_percent(median(kernel))} of the window"
        )
    return None


def busy_of(record: Record, cpus: int | None) -> Busy:
    """Return what the server of one record used. Raises NotRecorded."""
    if cpus is None:
        raise NotRecorded("the CPUs that the server may use are not recorded")
    assert record.loadgen
    window_ns = float(record.loadgen["result"]["window_ns"])
    server = counter(record, "server.cpu_ns")
    if server.value is None:
        raise NotRecorded(f"server.cpu_ns: {server.reason}")
    wineserver = None
    if "wineserver.cpu_ns" in (record.counters or {}):
        kernel = counter(record, "wineserver.cpu_ns")
        if kernel.value is None:
            raise NotRecorded(f"wineserver.cpu_ns: {kernel.reason}")
        wineserver = kernel.value / window_ns
    return Busy(server.value / window_ns, wineserver, cpus, threads_of(record))


def threads_of(record: Record) -> int:
    """Return how many threads of the server may serve concurrently. Raises NotRecorded.

    A model says how many it starts (`settings.threads` of its `ready`). One without that setting
    has a thread per connection, which the system counts.
    """
    ready = (record.server or {}).get("ready") or {}
    threads = (ready.get("settings") or {}).get("threads")
    if threads:
        return int(threads)
    counted = counter(record, "server.threads")
    if counted.value is None:
        raise NotRecorded(f"server.threads: {counted.reason}")
    return max(1, int(counted.value))


def cpus_allowed(environment: Mapping[str, Any]) -> int | None:
    """Return how many CPUs the server and the wineserver may use, from a run's environment.

    None where it is not recorded. Without a placement they may use all.
    """
    placement = (environment.get("launcher") or {}).get("placement") or {}
    pinned = {*placement.get("server_cpus", ()), *placement.get("wineserver_cpus", ())}
    if pinned:
        return len(pinned)
    usable = environment.get("cpus_usable")
    return len(usable) if usable else None


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _cpus(number: int) -> str:
    return "1 CPU" if number == 1 else f"{number} CPUs"
