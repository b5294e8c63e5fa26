"""The knee of a latency curve: the offered rate at which p99 is five times that at a low rate.

Below the knee a request rarely waits for others. A round holds every offered rate, next to each
other in time, so each round has a knee of its own. The result is their median.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from iomodels.data.records import Condition, Record
from iomodels.judge import stats
from iomodels.judge.latency import median_interval
from iomodels.judge.slo import TIMELY
from iomodels.judge.verdict import refusal

LOW_PERCENT = 25
"""The rate, in percent of the peak, at which latency counts as that of an idle server."""
TIMES = 5.0
LEAST_RATES = 4
"""Offered rates that make a curve."""
LEAST_ROUNDS = 6
"""The interval of a median takes six rounds."""

Curve = Mapping[int, tuple[float, float]]
"""Of one round, by percent of the peak: offered requests per second, and p99 in any unit."""


@dataclass(frozen=True)
class Knee:
    """The median of the rounds' knees in requests per second, with its 95 % interval.

    `rate` is infinite where most rounds have no knee up to `highest`, the highest offered rate.
    """

    rate: float
    low: float | None
    high: float | None
    rounds: int
    highest: float


Place = tuple[str, int, int]
"""Series, connections and payload bytes."""


def knees(records: Iterable[Record]) -> dict[Place, Knee | str]:
    """Return the knee of every series at every load that was offered at enough rates."""
    rounds: dict[Place, dict[int, dict[int, tuple[float, float]]]] = {}
    rates: dict[Place, set[int]] = {}
    for record in records:
        percent = record.condition.rate_percent
        if not percent:
            continue
        place = _place(record.condition)
        rates.setdefault(place, set()).add(percent)
        curve = rounds.setdefault(place, {}).setdefault(record.repeat, {})
        point = _point(record)
        if point:
            curve[percent] = point
    return {
        place: knee(list(of_place.values()))
        for place, of_place in rounds.items()
        if len(rates[place]) >= LEAST_RATES
    }


def _place(condition: Condition) -> Place:
    return condition.label, condition.connections, condition.size


def _point(record: Record) -> tuple[float, float] | None:
    """Return offered rate and response p99 in ns.

    None without a result, with too few replies, or with a late load generator. A server that could
    not reach the rate counts: its response times hold that.
    """
    if not record.ok or not record.loadgen or refusal(record.loadgen["result"]):
        return None
    result = record.loadgen["result"]
    audit, counts = result["audit"], stats.histogram(result["response"]["histogram"]["counts"])
    timely, offered = audit["timely_share"], audit["target_rate"]
    p99 = stats.percentile(counts, 99)
    if not p99 or not offered or timely is None or timely < TIMELY:
        return None
    return (float(offered), float(p99)) if stats.supported(stats.samples(counts), 99) else None


def knee(rounds: Sequence[Curve]) -> Knee | str:
    """Return the knee of some rounds, or why there is none.

    A round counts if it lacks at most one of the rates that others have.
    """
    fullest = max(map(len, rounds), default=0)
    curves = [one for one in rounds if LOW_PERCENT in one and len(one) >= max(2, fullest - 1)]
    if not curves:
        return f"no round has a p99 at {LOW_PERCENT} % of the peak and at a higher rate"
    found = [of_round(one) for one in curves]
    highest = max(rate for one in curves for rate, _ in one.values())
    low, high = median_interval(found) if len(found) >= LEAST_ROUNDS else (None, None)
    return Knee(float(np.median(found)), low, high, len(found), highest)


def of_round(curve: Curve) -> float:
    """Return the rate from which on p99 stays above the limit; infinite if it never does.

    Between two offered rates the logarithm of p99 counts as linear.
    """
    above = [point for percent, point in sorted(curve.items()) if percent >= LOW_PERCENT]
    limit = math.log(TIMES * above[0][1])
    below = max(place for place, (_, p99) in enumerate(above) if math.log(p99) < limit)
    if below == len(above) - 1:
        return math.inf
    (rate, p99), (next_rate, next_p99) = above[below], above[below + 1]
    share = (limit - math.log(p99)) / (math.log(next_p99) - math.log(p99))
    return rate + share * (next_rate - rate)
