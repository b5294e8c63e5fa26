"""One cell of a run: a server under one load, from its records to its figures.

Only valid repeats count. The others are kept with their reasons, and so is every round that the
plan has and that was never measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from iomodels.data.records import Condition, Record
from iomodels.judge import latency, stats
from iomodels.judge.classes import Churn, Share, churn_of, shares_of
from iomodels.judge.costs import costs_of
from iomodels.judge.stats import Measure
from iomodels.judge.verdict import Kind, Verdict, left_out
from iomodels.plan.load import Load

PERCENTS = (50.0, 99.0, 99.9)
FIRST_FAILED = re.compile(r"loadgen: connection (\d+) to \S+: ")
NOT_ALL = re.compile(r"loadgen: (\d+) of (\d+) connections failed")
LONG_TIME_MOST = 0.05
"""A closed loop's median hides a stall if long requests take more than this share of the time."""


@dataclass(frozen=True)
class Failure:
    """An excluded repeat, failed or invalid.

    held: the number of established connections if some failed; None if that did not end the repeat.
    """

    repeat: int
    kind: Kind
    reason: str
    stderr: str | None
    held: int | None


@dataclass(frozen=True)
class Latency:
    """Response times in µs: medians over the rounds of each round's percentile.

    closed: each reply triggers the next request. A latency is then connections ÷ rate, and not a
    user's wait. long_share: the share of the time, 0 … 1, in requests longer than 10 × p50.
    p99_of_time: p99 weighted by time, as seen at a random moment.
    """

    closed: bool
    percentiles: Mapping[float, Measure]
    long_share: Measure
    p99_of_time: Measure

    @property
    def stalls(self) -> bool:
        return self.long_share.value is not None and self.long_share.value > LONG_TIME_MOST


@dataclass(frozen=True)
class Cell:
    """All repeats of one condition.

    rounds, rates: of each valid repeat its round and its requests per second, by round.
    cpu_us: CPU time per request of each valid repeat, server and wineserver; () if unavailable.
    offered: all requests come at an offered rate, so requests per second say nothing of a server.
    planned: rounds that the plan has for this load, up to where it stopped.
    shares: of the classes of the suite's load, then of all connections together.
    churn: None where no connection is replaced.
    """

    condition: Condition
    offered: bool
    planned: int
    verdict: Verdict
    rounds: tuple[int, ...]
    rates: tuple[float, ...]
    rate: stats.Estimate | None
    latency: Latency
    costs: Mapping[str, Measure]
    cpu_us: tuple[float, ...]
    failures: tuple[Failure, ...]
    shares: tuple[Share, ...]
    churn: Churn | None

    @property
    def n(self) -> int:
        """Valid repeats."""
        return len(self.rates)

    @property
    def values(self) -> tuple[float, ...]:
        """The compared values, more is better: requests per second in a closed loop. At an offered
        rate, where those are equal by design: requests per second of CPU time; () if unavailable.
        """
        if self.offered:
            return tuple(1e6 / value for value in self.cpu_us if value > 0)
        return self.rates

    @property
    def missing(self) -> int:
        """Planned rounds without a record."""
        return max(0, self.planned - self.n - len(self.failures))

    def by_round(self, rounds: int) -> list[float | None]:
        """Return `values` per round, None where the cell has no valid repeat."""
        if len(self.values) != len(self.rounds):
            return [None] * rounds
        found = dict(zip(self.rounds, self.values))
        return [found.get(number) for number in range(rounds)]


def cell_of(
    condition: Condition, planned: int, records: Sequence[Record], verdict: Verdict, load: Load
) -> Cell:
    """Sum up the records of one condition."""
    ordered = sorted(records, key=lambda record: record.repeat)
    out = [(record, left_out(record)) for record in ordered]
    valid = [record for record, verdict_ in out if not verdict_]
    results = [record.loadgen["result"] for record in valid if record.loadgen]
    rates = tuple(float(result["requests_per_second"]) for result in results)
    costs = costs_of(valid)
    return Cell(
        condition,
        bool(condition.rate_percent) or load.open,
        planned,
        verdict,
        tuple(record.repeat for record in valid),
        rates,
        stats.median_estimate(rates),
        _latency(results, closed=not condition.rate_percent and not load.rate),
        costs.typical,
        costs.cpu_us,
        tuple(
            Failure(
                record.repeat,
                each.kind,
                "; ".join(each.reasons),
                record.stderr,
                connections_held(record),
            )
            for record, each in out
            if each
        ),
        shares_of(results, [name for name, _ in load.classes]),
        churn_of(results) if load.churns else None,
    )


def connections_held(record: Record) -> int | None:
    """Return the connections that were established where not all of them were.

    The load generator's last line names the first that failed, or how many were lost. Where none
    was left the server died, which says nothing about how many it can hold.
    """
    stderr = record.stderr or ""
    first = FIRST_FAILED.search(stderr)
    if first:
        return int(first[1]) - 1 or None
    lost = NOT_ALL.search(stderr)
    return int(lost[2]) - int(lost[1]) or None if lost else None


def _latency(results: Sequence[Mapping[str, object]], *, closed: bool) -> Latency:
    rounds = [_histogram(result) for result in results]
    shares = [latency.share_of_time_beyond(one) for one in rounds]
    weighted = [latency.time_weighted_percentile(one, 99) for one in rounds]
    return Latency(
        closed,
        {percent: latency.median_over_rounds(rounds, percent).over(1e3) for percent in PERCENTS},
        _median(shares),
        _median([None if ns is None else ns / 1e3 for ns in weighted]),
    )


def _histogram(result: Mapping[str, object]) -> stats.Histogram:
    response = result["response"]
    assert isinstance(response, Mapping)
    return stats.histogram(response["histogram"]["counts"])


def _median(values: Sequence[float | None]) -> Measure:
    known = [value for value in values if value is not None]
    middle = stats.median(known)
    return Measure(None, "no valid repeat") if middle is None else Measure(middle)
