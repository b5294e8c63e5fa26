"""What a measurement may be used for: every rule, its limit and where the limit comes from, in this one place.

A rule looks at records and launches nothing. It returns None if it finds no fault, or why there is one; what it needs and the record
does not have raises NotRecorded, and the verdict says so under `not_judged`: a rule that could not be applied is never one that passed.

A repeat counts or is left out (failed, invalid); a cell is judged from the repeats that count, by their medians. The first word that
applies is the cell's verdict: failed, invalid, client-bound, network-bound (two machines), unsteady, underpowered, else rate-bound (open loop: the offered rate was
met, nothing was at its limit) or server-bound (closed loop: the load generator had room, so what limits is the server, its kernel or
the way between them). docs/decisions/0021-verdicts.md argues the limits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from iomodels.data.records import Condition, Record, Run
from iomodels.judge import stats
from iomodels.judge.ceiling import ceiling_rate

LOADGEN_CPU_MOST = 0.90
"""Of one CPU, the busiest thread of the load generator: beyond it the client is what is measured (locust warns at the same share)."""
TIMELY_LEAST = 0.999
"""Share of requests sent when they were due: below it latencies are the sender's (Microsoft labench: look at latency only from 99.9 %)."""
CEILING_SHARE_MOST = 0.80
"""Of what the load generator reaches against a server that does nothing: claims within 20 % of it are claims about the generator."""
LINK_SHARE_MOST = 0.80
"""Of the speed of the network between two machines, in payload and frame headers alone; Ethernet, IP and TCP have the rest to themselves."""
ACHIEVED_LEAST = 0.99
"""Of the offered rate (open loop): below it a queue grows, and latency and costs depend on how long one looks."""
LITTLES_GAP_MOST = 0.05
"""Between the requests outstanding and rate × mean latency (Little's law), beside what the ends of the window blur."""
SPREAD_MOST = 0.10
"""Robust coefficient of variation of the repeats: pyperf's limit for an unstable benchmark; equal code at saturation varies 10–15 %."""
DRIFT_MOST = 0.05
"""Change from the first repeat to the last by a slope that is not 0 with 95 % confidence."""


class Kind(Enum):
    SERVER_BOUND = "server-bound"
    RATE_BOUND = "rate-bound"
    UNDERPOWERED = "underpowered"
    UNSTEADY = "unsteady"
    NETWORK_BOUND = "network-bound"
    CLIENT_BOUND = "client-bound"
    INVALID = "invalid"
    FAILED = "failed"


VALID = frozenset({Kind.SERVER_BOUND, Kind.RATE_BOUND, Kind.UNDERPOWERED})
"""Figures of these are figures of the server; those of the others are in no summary, and charts draw them hollow. An underpowered
cell is one of too few repeats: its figures stand, with their interval, but no difference is claimed from them."""


@dataclass(frozen=True)
class Verdict:
    """`reasons` say why it is this word, `not_judged` which rules could not be applied for want of what they need."""

    kind: Kind
    reasons: tuple[str, ...] = ()
    not_judged: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        return self.kind in VALID

    def __str__(self) -> str:
        """ "invalid (63 of 64 connections stood)"; what is valid needs no reason."""
        return (
            self.kind.value
            if self.valid or not self.reasons
            else f"{self.kind.value} ({'; '.join(self.reasons)})"
        )


class NotRecorded(Exception):
    """What a rule needs and the record does not have."""


Result = Mapping[str, Any]
"""A load generator's `result` event (docs/interface.md)."""
Rules = Sequence[tuple[str, Callable[[], str | None]]]
"""Each with the name that `not_judged` gives it."""


# ---- one repeat ----


def refusal(result: Result) -> str | None:
    """Why a measurement that came to its end is a failed one: something went wrong that the load generator saw itself."""
    errors = ", ".join(f"{name} {count}" for name, count in result["errors"].items() if count)
    if errors:
        return f"load generator: errors: {errors}"
    if result["unanswered"]:
        return f"load generator: {result['unanswered']} requests were never answered"
    if not result["requests"]:
        return "no reply was complete inside the measuring window"
    return established(result)


def established(result: Result) -> str | None:
    requested, stood = result["connections"]["requested"], result["connections"]["established"]
    return (
        None if stood == requested else f"load generator: {stood} of {requested} connections stood"
    )


def all_replies_checked(result: Result) -> str | None:
    checked = _audited(result, "replies_checked", result.get("replies_checked"))
    return (
        None
        if checked >= result["requests"]
        else f"{checked} replies were checked, {result['requests']} were counted"
    )


def littles_law(result: Result, outstanding: int) -> str | None:
    """The load generator's own sum, which knows of churn and open loops. A record without its audit has a closed loop, where
    `outstanding` (connections × depth) is what each of them keeps up. Requests that began before the window or were under way at its
    end count with the wrong length, by up to one latency each: the law holds to mean latency ÷ window and no better."""
    audit, mean_ns = _audit(result), result["response"]["mean"]
    gap = audit.get("littles_gap")
    if mean_ns is None or (
        gap is None and ("littles_gap" in audit or result.get("loop") != "closed")
    ):
        raise NotRecorded(audit.get("littles_reason") or "audit.littles_gap not recorded")
    if gap is None:
        gap = 1 - result["requests_per_second"] * mean_ns / 1e9 / outstanding
    most = LITTLES_GAP_MOST + mean_ns / result["window_ns"]
    return (
        None
        if abs(gap) <= most
        else (
            f"rate × mean latency is {abs(gap):.0%} off the requests outstanding (Little's law; at most {most:.0%} in such a window)"
        )
    )


def offered_rate_met(result: Result) -> str | None:
    if result.get("loop") == "closed":
        return None
    target, achieved = _audited(result, "target_rate"), _audited(result, "achieved_rate")
    return (
        None
        if achieved >= ACHIEVED_LEAST * target
        else f"{achieved:,.0f} of {target:,.0f} requests/s offered were achieved"
    )


def left_out(record: Record) -> Verdict | None:
    """Why a repeat does not count; None when it does."""
    if not record.ok or record.loadgen is None:
        return Verdict(Kind.FAILED, (record.reason or "no reason recorded",))
    refused = refusal(record.loadgen["result"])
    if refused:
        return Verdict(Kind.FAILED, (refused,))
    faults, not_judged = _apply(_repeat_rules(record))
    return Verdict(Kind.INVALID, faults, not_judged) if faults else None


def _repeat_rules(record: Record) -> Rules:
    assert record.loadgen
    result, outstanding = (
        record.loadgen["result"],
        record.condition.connections * record.condition.depth,
    )
    return [
        ("replies checked", lambda: all_replies_checked(result)),
        ("Little's law", lambda: littles_law(result, outstanding)),
        ("offered rate", lambda: offered_rate_met(result)),
    ]


# ---- a cell: the repeats that count ----


def client_cpu(results: Sequence[Result]) -> str | None:
    """Of closed loops: in an open one waking for each send takes a CPU long before a send is late, and timely_sends() asks that."""
    if any(result.get("loop", "closed") != "closed" for result in results):
        return None
    share = _middle(_cpu_share(result) for result in results)
    return (
        None
        if share <= LOADGEN_CPU_MOST
        else f"the load generator's busiest thread used {share:.0%} of a CPU"
    )


def timely_sends(results: Sequence[Result]) -> str | None:
    """Only an open loop has a time at which a request is due."""
    if all(result.get("loop") == "closed" for result in results):
        return None
    share = _middle(_audited(result, "timely_share") for result in results)
    return None if share >= TIMELY_LEAST else f"only {share:.2%} of the requests were sent when due"


def below_ceiling(rates: Sequence[float], ceiling: float | None) -> str | None:
    """`ceiling`: requests per second of the load generator against a server that does nothing, at the same load."""
    if ceiling is None:
        raise NotRecorded("no calibration of such a load recorded")
    share = _middle(rates) / ceiling
    return (
        None
        if share <= CEILING_SHARE_MOST
        else f"at {share:.0%} of what the load generator can do ({ceiling:,.0f} requests/s)"
    )


def below_link(results: Sequence[Result], link: Mapping[str, Any] | None) -> str | None:
    """`link`: the load generator's way to a server on another machine; None where there is no such way. Either direction may be the full one."""
    if link is None:
        return None
    if link["mbps"] is None:
        raise NotRecorded("the speed of the network is not known")
    share = (
        _middle(
            max(result["bytes_sent"], result["bytes_received"]) * 8e3 / result["window_ns"]
            for result in results
        )
        / link["mbps"]
    )
    return (
        None
        if share <= LINK_SHARE_MOST
        else f"{share:.0%} of the network's {link['mbps']:,} Mbit/s are payload"
    )


def small_spread(rates: Sequence[float]) -> str | None:
    spread = stats.spread(_enough(rates))
    return (
        f"the repeats spread by {spread:.0%}"
        if spread is not None and spread > SPREAD_MOST
        else None
    )


def no_drift(rates: Sequence[float]) -> str | None:
    """`rates` in the order of their measuring."""
    drift = stats.drift(_enough(rates))
    return (
        f"the repeats drift by {drift:+.0%} from first to last"
        if drift is not None and abs(drift) > DRIFT_MOST
        else None
    )


def enough_repeats(count: int) -> str | None:
    return (
        None
        if count >= stats.REPEATS_FOR_A_CLAIM
        else f"{count} of the {stats.REPEATS_FOR_A_CLAIM} repeats that a claim needs"
    )


def judge(
    records: Iterable[Record], ceiling: float | None = None, link: Mapping[str, Any] | None = None
) -> Verdict:
    """The verdict of one cell from all its records; `ceiling` from the run's calibration, None if it has none; `link` of two machines."""
    ordered = sorted(records, key=lambda record: record.index)
    out = {record.index: verdict for record in ordered if (verdict := left_out(record))}
    if len(out) == len(ordered):
        return _nothing_counts(list(out.values()))
    counting = [record for record in ordered if record.index not in out]
    results = [record.loadgen["result"] for record in counting if record.loadgen]
    rates = [float(result["requests_per_second"]) for result in results]
    _, unjudged = _apply([rule for record in counting for rule in _repeat_rules(record)])
    client, unjudged_client = _apply(
        [
            ("load generator's CPU", lambda: client_cpu(results)),
            ("timely sends", lambda: timely_sends(results)),
            ("distance to the ceiling", lambda: below_ceiling(rates, ceiling)),
        ]
    )
    network, unjudged_network = _apply(
        [("share of the network", lambda: below_link(results, link))]
    )
    unsteady, unjudged_steadiness = _apply(
        [("spread", lambda: small_spread(rates)), ("slope", lambda: no_drift(rates))]
    )
    not_judged = tuple(
        dict.fromkeys([*unjudged, *unjudged_client, *unjudged_network, *unjudged_steadiness])
    )
    if client:
        return Verdict(Kind.CLIENT_BOUND, client, not_judged)
    if network:
        return Verdict(Kind.NETWORK_BOUND, network, not_judged)
    if unsteady:
        return Verdict(Kind.UNSTEADY, unsteady, not_judged)
    few = enough_repeats(len(rates))
    if few:
        return Verdict(Kind.UNDERPOWERED, (few,), not_judged)
    closed = all(result.get("loop", "closed") == "closed" for result in results)
    return Verdict(Kind.SERVER_BOUND if closed else Kind.RATE_BOUND, (), not_judged)


@lru_cache(maxsize=1)  # every figure of a report asks
def judge_run(run: Run) -> dict[Condition, Verdict]:
    """The verdict of every cell that has a record."""
    cells: dict[Condition, list[Record]] = {}
    for record in run.records:
        cells.setdefault(record.condition, []).append(record)
    link = (run.manifest["environment"].get("load_generator") or {}).get("link")
    return {
        condition: judge(records, ceiling_of(run.manifest, condition), link)
        for condition, records in cells.items()
    }


def ceiling_of(manifest: Mapping[str, Any], condition: Condition) -> float | None:
    """What the load generator reached under this load when it was calibrated for the run; None if it was not."""
    calibration = manifest.get("calibration")
    if not calibration:
        return None
    found = ceiling_rate(calibration, condition.connections, condition.size, condition.depth)
    return None if found is None else float(found)


def _nothing_counts(verdicts: Sequence[Verdict]) -> Verdict:
    """No repeat is left: invalid if any came to a figure, each reason once with its count."""
    if not verdicts:
        return Verdict(Kind.FAILED, ("never measured",))
    counts = Counter(reason for verdict in verdicts for reason in verdict.reasons)
    reasons = tuple(
        reason if count == 1 else f"{count} × {reason}" for reason, count in counts.most_common()
    )
    return Verdict(
        Kind.INVALID if any(verdict.kind is Kind.INVALID for verdict in verdicts) else Kind.FAILED,
        reasons,
    )


def _apply(rules: Rules) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what the rules find, what they could not judge)."""
    faults, not_judged = [], []
    for name, rule in rules:
        try:
            fault = rule()
        except NotRecorded as missing:
            not_judged.append(f"{name}: {missing}")
        else:
            faults += [fault] if fault else []
    return tuple(faults), tuple(not_judged)


def _audit(result: Result) -> Mapping[str, Any]:
    audit = result.get("audit")
    return audit if isinstance(audit, Mapping) else {}


def _audited(result: Result, name: str, otherwise: Any = None) -> Any:
    value = _audit(result).get(name)
    found = otherwise if value is None else value
    if found is None:
        raise NotRecorded(f"audit.{name} not recorded")
    return found


def _cpu_share(result: Result) -> float:
    """Of the busiest thread; records without the audit have only the sum over the threads, whose mean share is the least it can be."""
    share = _audit(result).get("cpu_share_max")
    if share is not None:
        return float(share)
    threads = (result.get("settings") or {}).get("threads")
    if result.get("cpu_ns") is None or not threads:
        raise NotRecorded("audit.cpu_share_max not recorded")
    return float(result["cpu_ns"]) / float(result["window_ns"]) / int(threads)


def _middle(values: Iterable[float]) -> float:
    found = stats.median(list(values))
    assert found is not None, "a cell is judged from at least one repeat"
    return found


def _enough(rates: Sequence[float]) -> Sequence[float]:
    """A spread or slope of a few repeats is chance: the standard error of a spread of three is half of it."""
    if len(rates) < stats.REPEATS_FOR_A_CLAIM:
        raise NotRecorded(f"{len(rates)} of {stats.REPEATS_FOR_A_CLAIM} repeats")
    return rates
