"""The clock of the cluster: how far each machine's clock is from the client's, and how sure.

The programs count from the start of their machine, each by its own clock. A question and its answer
enclose the moment at which the other machine read its clock. The shortest round trip gives the best
estimate, and half of it bounds the error.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Offset:
    """What to subtract from the times of a machine, and the largest error of that, in ns."""

    ns: int
    error_ns: int


def now_ns() -> int:
    """Return the time of the programs' clock (common/clock.c)."""
    raw = getattr(time, "CLOCK_MONOTONIC_RAW", None)
    return time.perf_counter_ns() if raw is None else time.clock_gettime_ns(raw)


def offset(trips: Iterable[tuple[int, int, int]]) -> Offset:
    """Return the offset from trips of (asked, their time, answered), each in ns."""
    asked, there, answered = min(trips, key=lambda trip: trip[2] - trip[0])
    return Offset(there - (asked + answered) // 2, (answered - asked + 1) // 2)
