"""A latency objective (SLO), and whether a trial met it: judged from the trial's record alone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iomodels.base import words
from iomodels.data.records import Record
from iomodels.judge import stats
from iomodels.judge.search import Answer
from iomodels.plan.suite import Suite

TIMELY = 0.999
"""Share of timely sends below which a trial is about the load generator only (labench's rule)."""
SENT = 0.99  # share of the requests due in the window that must have been sent in it
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


@dataclass(frozen=True)
class Outcome:
    """Whether a trial met the objective. `client`: the load generator caused the miss."""

    met: bool
    value_ns: int | None
    reason: str | None
    client: bool = False


def judge(record: Record, slo: Slo) -> Outcome:
    """Whether the server met the objective at the offered rate."""
    if not record.ok or not record.loadgen:
        return Outcome(False, None, record.reason or "no reason recorded")
    result = record.loadgen["result"]
    audit, counts = result["audit"], stats.histogram(result["response"]["histogram"]["counts"])
    value = stats.percentile(counts, slo.percent)
    timely, due, sent = audit["timely_share"], audit["due"], audit["sent"]
    if timely is not None and timely < TIMELY:
        reason = f"client-bound: only {words.percent(timely, 2)} of the sends were timely"
        return Outcome(False, value, reason, client=True)
    if value is None or not stats.supported(stats.samples(counts), slo.percent):
        reason = f"{stats.samples(counts)} replies are too few for p{slo.percent:g}"
        return Outcome(False, value, reason)
    if due and sent < SENT * due:
        return Outcome(False, value, f"only {sent} of {due} due requests could be sent")
    if value > slo.limit_ns:
        return Outcome(False, value, f"p{slo.percent:g} was {words.time(value)}")
    return Outcome(True, value, None)


def least_rate(suite: Suite, slo: Slo) -> int:
    """Return the lowest rate whose window has enough replies for the percentile.

    It has a fifth more, because Poisson arrivals vary.
    """
    needed = stats.SAMPLES_BEYOND / (1 - slo.percent / 100)
    return max(LEAST_RATE, math.ceil(1.2 * needed * 1000 / suite.duration_ms - 1e-6))


def answer_of(manifest: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """The answer, the median percentile of its trials, and why the next higher rate missed."""
    at = [trial for trial in manifest["trials"] if trial["k"] == answer.k and trial["met"]]
    above = [
        trial
        for trial in manifest["trials"]
        if answer.k is not None and trial["k"] == answer.k + 1 and not trial["met"]
    ]
    lowest = [trial for trial in manifest["trials"] if answer.k is None]
    return {
        "rate": at[0]["rate"] if at else None,
        "value_ns": stats.median([trial["value_ns"] for trial in at]) if at else None,
        "open": answer.open or any(trials[-1]["client"] for trials in (above, lowest) if trials),
        "above": {"rate": above[-1]["rate"], "reason": above[-1]["reason"]} if above else None,
        "reason": lowest[-1]["reason"] if lowest else None,
    }
