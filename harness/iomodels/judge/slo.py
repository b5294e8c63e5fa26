"""A latency objective (SLO), and whether a trial met it: judged from the trial's record alone."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum

from iomodels.base import words
from iomodels.data.records import Record
from iomodels.judge import stats
from iomodels.judge.stats import Histogram
from iomodels.plan.suite import Suite

TIMELY = 0.99
"""Share of timely sends below which a trial above the limit is about the load generator."""
SENT = 0.99  # share of the planned requests that must have been sent, however late
UNITS_NS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
LEAST_RATE = 100


@dataclass(frozen=True)
class Slo:
    """The objective: this percentile of the response times is at most `limit_ns`."""

    percent: float
    limit_ns: int

    def __str__(self) -> str:
        return f"p{self.percent:g} ≤ {words.tick(self.limit_ns)}"


def parse_slo(text: str) -> Slo:
    """ "p99=5ms", "p99.9=500us". Raises ValueError with what is allowed."""
    found = re.fullmatch(r"p(\d{1,2}(?:\.\d{1,3})?)=(\d{1,6}(?:\.\d{1,3})?)(us|ms|s)", text)
    if not found or not 0 < float(found[1]) < 100 or float(found[2]) <= 0:
        raise ValueError("must be a percentile and a time as p99=5ms, p50=200us or p99.9=1s")
    return Slo(float(found[1]), round(float(found[2]) * UNITS_NS[found[3]]))


class Word(Enum):
    """What a trial shows. UNJUDGED: the load generator may have caused the miss."""

    MET = "met"
    MISSED = "missed"
    UNJUDGED = "unjudged"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What a trial shows, the percentile of its response times, and the reason unless it met."""

    word: Word
    value_ns: int | None
    reason: str | None


def judge(record: Record, slo: Slo) -> Outcome:
    """Return whether the server met the objective at the offered rate.

    A request's response time counts from the moment when it was due. It therefore includes the
    load generator's own lateness. A late load generator makes latencies longer, never shorter: a
    trial within the limit is met all the same.
    """
    if not record.ok or not record.loadgen:
        return Outcome(Word.FAILED, None, record.reason or "no reason recorded")
    result = record.loadgen["result"]
    counts = stats.histogram(result["response"]["histogram"]["counts"])
    value = stats.percentile(counts, slo.percent)
    planned, unsent = result["audit"]["due"], result["unsent"]
    if planned and planned - unsent < SENT * planned:
        reason = f"only {planned - unsent} of {planned} planned requests could be sent"
    elif value is None or not stats.supported(stats.samples(counts), slo.percent):
        reason = f"{stats.samples(counts)} replies are too few for p{slo.percent:g}"
        return Outcome(Word.UNJUDGED, value, reason)
    elif value <= slo.limit_ns:
        return Outcome(Word.MET, value, None)
    else:
        reason = f"p{slo.percent:g} was {words.time(value)}"
    late = _late(result["audit"]["timely_share"], counts, unsent, slo)
    return Outcome(Word.UNJUDGED if late else Word.MISSED, value, late or reason)


def _late(timely: float | None, counts: Histogram, unsent: int, slo: Slo) -> str | None:
    """Return why the load generator may have caused a miss; None if the server did.

    The miss must remain if no late send counts: with p99, more than 1 % of the requests are above
    the limit besides as many as were late.
    """
    if timely is None:
        return "the load generator recorded no share of timely sends"
    above = sum(count for value, count in counts if value > slo.limit_ns) + unsent
    share, most = above / (stats.samples(counts) + unsent), 1 - slo.percent / 100
    if timely == 1 or (timely >= TIMELY and share - (1 - timely) > most):
        return None
    return f"the load generator was late: {words.percent(timely, 2)} of the sends were timely"


def least_rate(suite: Suite, slo: Slo) -> int:
    """Return the lowest rate whose window has enough replies for the percentile.

    It has a fifth more, because Poisson arrivals vary.
    """
    needed = stats.SAMPLES_BEYOND / (1 - slo.percent / 100)
    return max(LEAST_RATE, math.ceil(1.2 * needed * 1000 / suite.duration_ms - 1e-6))
