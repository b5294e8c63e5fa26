"""Loads at a fixed rate below saturation: the cost of a request if all servers do equal work.

At their peaks servers do different amounts of work, and equal code varies by 10 to 15 %. CPU time
per request at an equal rate repeats within about 2 %. The rate offered to all servers is a share of
the slowest server's peak in a closed loop, in the same run. No server is then near its limit. The
manifest keeps the rate, so that a resumed run uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from iomodels.data.records import Condition, Record
from iomodels.judge import stats
from iomodels.judge.verdict import left_out

Load = tuple[int, int]
"""Connections and payload bytes."""


def lowest_peaks(records: Iterable[Record]) -> dict[Load, float]:
    """Return per load the lowest of the servers' median rates in a closed loop.

    A server without a repeat that counts has none.
    """
    rates: dict[Condition, list[float]] = {}
    for record in records:
        if not record.condition.rate_percent and not left_out(record) and record.loadgen:
            rates.setdefault(record.condition, []).append(
                float(record.loadgen["result"]["requests_per_second"])
            )
    peaks: dict[Load, float] = {}
    for condition, values in rates.items():
        load = condition.connections, condition.size
        peaks[load] = min(peaks.get(load, float("inf")), stats.median(values) or 0.0)
    return peaks


def to_json(peaks: Mapping[Load, float]) -> list[dict[str, Any]]:
    return [
        {"connections": connections, "size": size, "requests_per_second": rate}
        for (connections, size), rate in sorted(peaks.items())
    ]


def offered_rate(manifest: Mapping[str, Any], condition: Condition) -> int | None:
    """Return the requests per second to offer in a cell, over all connections.

    Returns None if no server had a peak at its load.
    """
    for peak in manifest["peaks"]:
        if (peak["connections"], peak["size"]) == (condition.connections, condition.size):
            return max(1, round(float(peak["requests_per_second"]) * condition.rate_percent / 100))
    return None
