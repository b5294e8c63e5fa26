"""How a measurement may be used: every rule, its limit and the source of the limit.

A rule looks at records. It returns None if it finds no fault, else the reason. A rule raises
NotRecorded if the record lacks its data, and the verdict lists it under `not_judged`. A rule that
could not be applied thus never counts as passed.

Only faults exclude. A repeat counts, or it is excluded (failed, invalid). A cell is judged from the
repeats that count, by their medians: failed, invalid, client-bound or network-bound cells are in no
comparison. All others are valid, however much their repeats vary: an interval already reflects
that.

A valid cell is rate-bound if an open loop met its offered rate. In a closed loop it is server-bound
or latency-bound (limits.py). It is measured if the record does not show what limited it.
docs/decisions/0091-only-faults-exclude.md argues the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median
from typing import Any

from iomodels.base import words
from iomodels.data.records import Condition, Record
from iomodels.judge import stats
from iomodels.judge.ceiling import ceiling_rate
from iomodels.judge.limits import NotRecorded, cpus_allowed, server_at_its_limit
from iomodels.judge.network import below_link, links_of

LOADGEN_CPU_MOST = 0.90
"""Of one CPU, the busiest thread of the load generator. Beyond it the client limits the rate
(locust warns at the same share)."""
TIMELY_LEAST = 0.999
"""Share of requests sent at their due time. Below it latencies are the sender's (Microsoft labench:
trust latency only from 99.9 %)."""
OVERLAP_LEAST = 0.95
"""Of the longest window of several load generators, the part that all have in common. Outside of it
some did not load the server while others measured it."""
ACHIEVED_LEAST = 0.99
"""Of the offered rate (open loop). Below it a queue grows, and latency and costs depend on the
length of the window."""
LITTLES_GAP_MOST = 0.05
"""Between the requests outstanding and rate × mean latency (Little's law), besides the blur at
the ends of the window."""
SPREAD_MOST = 0.10
"""Robust coefficient of variation of the repeats (pyperf's limit). Beyond it a note says so."""
DRIFT_MOST = 0.05
"""Change from the first repeat to the last. Beyond it, and not 0 with 95 %, a note says so."""
TURNS_LEAST = 10
"""Replies per connection in a window: half of what the load generator aims at."""
REPEATS_FOR_A_NOTE = 8
"""A spread or a slope of fewer repeats is chance: the standard error of a spread of three is half
of it."""


class Kind(Enum):
    SERVER_BOUND = "server-bound"
    LATENCY_BOUND = "latency-bound"
    RATE_BOUND = "rate-bound"
    MEASURED = "measured"
    NETWORK_BOUND = "network-bound"
    CLIENT_BOUND = "client-bound"
    INVALID = "invalid"
    FAILED = "failed"


VALID = frozenset({Kind.SERVER_BOUND, Kind.LATENCY_BOUND, Kind.RATE_BOUND, Kind.MEASURED})
"""Results of these describe the server. The others are in no comparison, and charts draw them
hollow."""


@dataclass(frozen=True)
class Verdict:
    """`reasons` explain the word; `notes` are for the reader of a cell that counts.

    `not_judged` lists the rules that could not be applied, since the record lacks their data.
    """

    kind: Kind
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    not_judged: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        return self.kind in VALID

    def __str__(self) -> str:
        """ "invalid (63 of 64 connections established)"; what is valid needs no reason."""
        if self.valid or not self.reasons:
            return self.kind.value
        return f"{self.kind.value} ({'; '.join(self.reasons)})"


@dataclass(frozen=True)
class Surroundings:
    """Facts of a cell besides its records; None if not recorded.

    ceiling: requests per second of the load generator with a server that does nothing. link: the
    network to a server on another machine; None if there is none. links: those of a cluster, by
    worker. cpus: how many CPUs the server and the wineserver may use together.
    """

    ceiling: float | None = None
    link: Mapping[str, Any] | None = None
    cpus: int | None = None
    links: Mapping[str, Mapping[str, Any] | None] | None = None


Result = Mapping[str, Any]
"""A load generator's `result` event (docs/interface.md)."""
Rules = Sequence[tuple[str, Callable[[], str | None]]]
"""Each with the name that `not_judged` gives it."""


# ---- one repeat ----


def refusal(result: Result) -> str | None:
    """Return why a completed measurement failed all the same: the load generator saw an error."""
    errors = ", ".join(f"{name} {count}" for name, count in result["errors"].items() if count)
    if errors:
        return f"load generator: errors: {errors}"
    if result["unanswered"]:
        one = result["unanswered"] == 1
        number = words.count(result["unanswered"], "request")
        return f"load generator: {number} {'was' if one else 'were'} never answered"
    if not result["requests"]:
        return "no reply was complete inside the measuring window"
    return established(result)


def established(result: Result) -> str | None:
    requested, found = result["connections"]["requested"], result["connections"]["established"]
    if found == requested:
        return None
    return f"load generator: established {found} of {requested} connections"


def all_replies_checked(result: Result) -> str | None:
    checked = _audited(result, "replies_checked")
    if checked >= result["requests"]:
        return None
    return f"the load generator checked {checked} of {result['requests']} replies"


def littles_law(result: Result) -> str | None:
    """The load generator's own sum, which includes churn and open loops.

    Requests that overlap an end of the window count with a wrong length, by up to one latency
    each. The law therefore holds to mean latency ÷ window.
    """
    audit, mean_ns = _audit(result), result["response"]["mean"]
    gap = audit.get("littles_gap")
    if mean_ns is None or gap is None:
        raise NotRecorded(audit.get("littles_reason") or "audit.littles_gap not recorded")
    most = LITTLES_GAP_MOST + mean_ns / result["window_ns"]
    if abs(gap) <= most:
        return None
    return (
        f"rate × mean latency is {_percent(abs(gap))} off the requests outstanding "
        f"(Little's law; limit {_percent(most)} in such a window)"
    )


def windows_overlap(result: Result) -> str | None:
    """Of several load generators: all must load the server while one measures it."""
    if "cluster" not in result:
        return None
    overlap = float(result["cluster"]["overlap"])
    if overlap >= OVERLAP_LEAST:
        return None
    return (
        f"the windows of the load generators overlap by {words.past(overlap, OVERLAP_LEAST)} at "
        f"least (limit {_percent(OVERLAP_LEAST)}); a longer window overlaps more"
    )


def _of_each(rule: Callable[[Result], str | None], result: Result) -> str | None:
    """Judge each load generator of a cluster by its own numbers; return the first fault."""
    parts = (result.get("cluster") or {}).get("parts") or []
    if len(parts) < 2:
        return rule(result)
    faults = ((part["worker"], rule(part["result"])) for part in parts)
    return next((f"{worker}: {fault}" for worker, fault in faults if fault), None)


def offered_rate_met(result: Result) -> str | None:
    if result["loop"] == "closed":
        return None
    target, achieved = _audited(result, "target_rate"), _audited(result, "achieved_rate")
    if achieved >= ACHIEVED_LEAST * target:
        return None
    return f"{achieved:,.0f} of {target:,.0f} requests/s offered were achieved"


def left_out(record: Record) -> Verdict | None:
    """Why a repeat does not count; None when it does."""
    if not record.ok or record.loadgen is None:
        return Verdict(Kind.FAILED, (record.reason or "no reason recorded",))
    if refused := refusal(record.loadgen["result"]):
        return Verdict(Kind.FAILED, (refused,))
    faults, not_judged = _apply(_repeat_rules(record.loadgen["result"]))
    return Verdict(Kind.INVALID, faults, not_judged=not_judged) if faults else None


def _repeat_rules(result: Result) -> Rules:
    return [
        ("replies checked", lambda: _of_each(all_replies_checked, result)),
        ("Little's law", lambda: _of_each(littles_law, result)),
        ("offered rate", lambda: offered_rate_met(result)),
        ("windows", lambda: windows_overlap(result)),
    ]


# ---- a cell: the repeats that count ----


def client_cpu(results: Sequence[Result]) -> str | None:
    """Of closed loops. In an open loop, waking for each send fills a CPU long before sends are
    late; timely_sends() judges that."""
    if any(result["loop"] != "closed" for result in results):
        return None
    share = median(float(_audited(result, "cpu_share_max")) for result in results)
    if share <= LOADGEN_CPU_MOST:
        return None
    return (
        f"the load generator's busiest thread used {words.past(share, LOADGEN_CPU_MOST)} of a CPU "
        f"(limit {_percent(LOADGEN_CPU_MOST)})"
    )


def timely_sends(results: Sequence[Result]) -> str | None:
    """Only an open loop has a time at which a request is due."""
    if all(result["loop"] == "closed" for result in results):
        return None
    share = median(float(_audited(result, "timely_share")) for result in results)
    if share >= TIMELY_LEAST:
        return None
    return (
        f"the load generator sent {words.past(share, TIMELY_LEAST, 2)} of the requests when they "
        f"were due (limit {100 * TIMELY_LEAST:g} %)"
    )


# ---- notes: what a reader should know of a cell that counts ----


def right_ceiling(rates: Sequence[float], ceiling: float | None) -> str | None:
    """A rate above the ceiling never condemns the cell: it refutes the ceiling."""
    if ceiling is None:
        raise NotRecorded("no calibration of such a load recorded")
    rate = median(rates)
    if rate <= ceiling:
        return None
    return (
        f"the load generator's ceiling ({ceiling:,.0f} requests/s) is too low: "
        f"this cell reached {rate:,.0f}"
    )


def warm(results: Sequence[Result]) -> str | None:
    """Whether every connection had replies before the window began."""
    cold = [result for result in results if _audit(result).get("warm") is False]
    if not cold:
        return None
    reason = _audit(cold[0]).get("warm_reason") or "not every connection had two replies"
    return f"{len(cold)} of {len(results)} windows began before the load was warm: {reason}"


def enough_turns(results: Sequence[Result]) -> str | None:
    """Whether each connection of a closed loop had its turns in the window. Few of them let the
    ends of the window weigh."""
    turns = [turn for result in results if (turn := _audit(result).get("turns")) is not None]
    if not turns or median(turns) >= TURNS_LEAST:
        return None
    return f"a connection had {median(turns):.0f} turns in a window (wanted {TURNS_LEAST})"


def small_spread(rates: Sequence[float]) -> str | None:
    spread = stats.spread(rates) if len(rates) >= REPEATS_FOR_A_NOTE else None
    if spread is None or spread <= SPREAD_MOST:
        return None
    return f"the repeats spread by {_percent(spread)}"


def no_drift(rates: Sequence[float]) -> str | None:
    """`rates` in the order in which they were measured."""
    drift = stats.drift(rates) if len(rates) >= REPEATS_FOR_A_NOTE else None
    if drift is None or abs(drift) <= DRIFT_MOST:
        return None
    size = f"{'+' if drift > 0 else '−'}{_percent(abs(drift))}"
    return f"the repeats drift by {size} from first to last"


# ---- the verdict ----


def judge(records: Iterable[Record], known: Surroundings = Surroundings()) -> Verdict:
    """Return the verdict of one cell from all its records."""
    ordered = sorted(records, key=lambda record: record.index)
    out = {record.index: verdict for record in ordered if (verdict := left_out(record))}
    counting = [record for record in ordered if record.index not in out]
    if not counting:
        return _nothing_counts(list(out.values()))
    results = [record.loadgen["result"] for record in counting if record.loadgen]
    rates = [float(result["requests_per_second"]) for result in results]
    _, unjudged_repeats = _apply([rule for result in results for rule in _repeat_rules(result)])
    client, unjudged_client = _apply(
        [
            ("load generator's CPU", lambda: client_cpu(results)),
            ("timely sends", lambda: timely_sends(results)),
        ]
    )
    network, unjudged_network = _apply(
        [("share of the network", lambda: below_link(results, known.link, known.links))]
    )
    notes, unjudged_notes = _apply(
        [
            ("ceiling", lambda: right_ceiling(rates, known.ceiling)),
            ("warm-up", lambda: warm(results)),
            ("turns", lambda: enough_turns(results)),
            ("spread", lambda: small_spread(rates)),
            ("slope", lambda: no_drift(rates)),
        ]
    )
    not_judged = [*unjudged_repeats, *unjudged_client, *unjudged_network, *unjudged_notes]
    if client or network:
        kind, reasons = (Kind.CLIENT_BOUND, client) if client else (Kind.NETWORK_BOUND, network)
    else:
        kind, reasons, unjudged = _limit(counting, results, known.cpus)
        not_judged += unjudged
    return Verdict(kind, reasons, notes, tuple(dict.fromkeys(not_judged)))


def _limit(
    records: Sequence[Record], results: Sequence[Result], cpus: int | None
) -> tuple[Kind, tuple[str, ...], tuple[str, ...]]:
    """What limited a valid cell, the evidence for it, and what could not be judged."""
    if any(result["loop"] != "closed" for result in results):
        return Kind.RATE_BOUND, (), ()
    evidence, unjudged = _apply([("what limits", lambda: server_at_its_limit(records, cpus))])
    if unjudged:
        return Kind.MEASURED, (), unjudged
    return (Kind.SERVER_BOUND if evidence else Kind.LATENCY_BOUND), evidence, ()


def surroundings_of(manifest: Mapping[str, Any], condition: Condition) -> Surroundings:
    """Return the manifest's facts of a cell."""
    environment = manifest["environment"]
    ceiling = ceiling_rate(
        manifest.get("calibration"), condition.connections, condition.size, condition.depth
    )
    link = (environment.get("load_generator") or {}).get("link")
    return Surroundings(ceiling, link, cpus_allowed(environment), links_of(environment))


def _nothing_counts(verdicts: Sequence[Verdict]) -> Verdict:
    """Without a valid repeat: invalid if any gave a result, each reason once with its count."""
    if not verdicts:
        return Verdict(Kind.FAILED, ("never measured",))
    counts = Counter(reason for verdict in verdicts for reason in verdict.reasons)
    reasons = tuple(
        reason if count == 1 else f"{reason}, in {count} repeats"
        for reason, count in counts.most_common()
    )
    invalid = any(verdict.kind is Kind.INVALID for verdict in verdicts)
    return Verdict(Kind.INVALID if invalid else Kind.FAILED, reasons)


def _apply(rules: Rules) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what the rules find, what they could not judge)."""
    found, not_judged = [], []
    for name, rule in rules:
        try:
            fault = rule()
        except NotRecorded as missing:
            not_judged.append(f"{name}: {missing}")
        else:
            found += [fault] if fault else []
    return tuple(found), tuple(not_judged)


def _audit(result: Result) -> Mapping[str, Any]:
    audit = result.get("audit")
    return audit if isinstance(audit, Mapping) else {}


def _audited(result: Result, name: str) -> Any:
    found = _audit(result).get(name)
    if found is None:
        raise NotRecorded(f"audit.{name} not recorded")
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
