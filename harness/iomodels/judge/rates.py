"""Loads at a fixed rate below saturation: what a request costs when every server has the same work to do.

At its peak each server does another amount of work, and equal code varies by 10 to 15 % there; CPU time a request at an equal rate
repeats within about 2 %. The rate offered to all servers is a part of what the slowest of them reached at that load in a closed loop,
found in the same run, so that none of them is near its limit. Once derived it is kept in the manifest, for going on with the run.
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
    """For each load the lowest of the servers' median rates in a closed loop; a server without a repeat that counts has none."""
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
    """Requests per second, over all connections, to offer in a cell; None where no server had a peak at its load."""
    for peak in manifest["peaks"]:
        if (peak["connections"], peak["size"]) == (condition.connections, condition.size):
            return max(1, round(float(peak["requests_per_second"]) * condition.rate_percent / 100))
    return None
