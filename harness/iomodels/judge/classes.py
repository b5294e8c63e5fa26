"""The share of each class of connections (`[load.class.NAME]` of a suite), its evenness, and churn.

A record keeps no histogram of a class, only its percentiles. The median of the repeats'
percentiles, with its interval, therefore represents the cell. A whole cell merges its repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iomodels.judge import stats
from iomodels.judge.stats import Measure

Result = Mapping[str, Any]
"""A load generator's `result` event (docs/interface.md)."""
TOGETHER = "all together"
PERCENTS = (50.0, 99.0)


@dataclass(frozen=True)
class Share:
    """The replies to the connections of a class, over the valid repeats.

    `target_rate`: requests per second of its open loop; None for a closed one. `rate`: replies per
    second; `share`: of all replies of the cell; `latency_us`: response time. `jain` is Jain's index
    over its connections: 1 if all got the same number of replies, 1/n if one got all.
    """

    name: str
    connections: int
    target_rate: float | None
    rate: Measure
    share: Measure
    latency_us: Mapping[float, Measure]
    jain: Measure


@dataclass(frozen=True)
class Churn:
    """Replaced connections: number per second of the window, and the time of a connect.

    The connects include those before the window.
    """

    rate: Measure
    latency_us: Mapping[float, Measure]


def shares_of(results: Sequence[Result], names: Sequence[str]) -> tuple[Share, ...]:
    """Return one share per class, in the suite's order, and one of all connections together.

    `results` are those of the valid repeats.
    """
    classes = [
        _share(name, [_class_of(result, name) for result in results], results) for name in names
    ]
    return (*classes, _share(TOGETHER, results, results))


def churn_of(results: Sequence[Result]) -> Churn:
    rates = [
        None if result.get("connects") is None else result["connects"] * 1e9 / result["window_ns"]
        for result in results
    ]
    counts = stats.merge(
        stats.histogram(result["connect"]["histogram"]["counts"])
        for result in results
        if "connect" in result
    )
    return Churn(_typical(rates, "not recorded"), stats.percentiles_us(counts, PERCENTS))


def _class_of(result: Result, name: str) -> Result:
    return next((each for each in result.get("classes", ()) if each["name"] == name), {})


def _share(name: str, parts: Sequence[Result], wholes: Sequence[Result]) -> Share:
    first = parts[0] if parts else {}
    connections = first.get("connections", 0)
    shares = [
        part["requests"] / whole["requests"] if part and whole["requests"] else None
        for part, whole in zip(parts, wholes)
    ]
    return Share(
        name,
        connections["requested"] if isinstance(connections, Mapping) else connections,
        first.get("target_rate"),
        _typical([part.get("requests_per_second") for part in parts], "not recorded"),
        _typical(shares, "not recorded"),
        {
            percent: _percentile_us([part.get("response", {}) for part in parts], percent)
            for percent in PERCENTS
        },
        _typical(
            [part.get("jain_index") for part in parts], "no reply in the window, or not recorded"
        ),
    )


def _percentile_us(latencies: Sequence[Mapping[str, Any]], percent: float) -> Measure:
    least = min((latency.get("count", 0) for latency in latencies), default=0)
    if not stats.supported(least, percent):
        return Measure(
            None, f"{stats.scarce(least)} in a repeat" if latencies else "no valid repeat"
        )
    times = [latency.get(f"p{percent:g}") for latency in latencies]
    return _typical([None if ns is None else ns / 1e3 for ns in times], "not recorded")


def _typical(values: Sequence[float | None], reason: str) -> Measure:
    """Return the median with its interval; one missing value makes it missing."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return Measure(None, reason if values else "no valid repeat")
    estimate = stats.median_estimate(known)
    assert estimate
    return Measure(estimate.value, None, estimate.low, estimate.high)
