"""Turn a rule of claims.toml and a run into contrasts: one number per round.

A number is the logarithm of a ratio of two servers, of one server at two loads, or of a value. Or
it is the rank correlation of two metrics over the servers. Pure functions of records.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from scipy.stats import spearmanr

from iomodels.base import words
from iomodels.data.records import Condition, Record, Run
from iomodels.judge.claim_metrics import metric
from iomodels.judge.costs import by_cycles
from iomodels.judge.loads import JudgedLoad
from iomodels.judge.over_runs import mean_of
from iomodels.judge.summary import Summary
from iomodels.judge.verdict import left_out
from iomodels.plan.claims import ALL, Rule
from iomodels.plan.order import LoadKey

LEAST_ROUNDS = 8
LEAST_COUNTS = 3
"""A count has no noise; it must only be the same again."""
SERVERS_TO_RANK = 4
NO_LOAD = "the run has no such load"

Values = dict[int, float]
"""A value per round."""
Part = tuple[JudgedLoad, str, str, int]
"""A server's metric at a load, and the sign of its logarithm in the contrast."""


@dataclass(frozen=True)
class Contrast:
    """One number per round, by session. rank: a correlation and not the logarithm of a ratio.

    count: of things, which has no noise. floor: how far, as a logarithm, a control that disagrees
    reaches. reason: why there is no number.
    """

    servers: str
    load: str
    by_session: tuple[tuple[float, ...], ...] = ()
    floor: float = 0.0
    rank: bool = False
    count: bool = False
    reason: str | None = None

    @property
    def rounds(self) -> int:
        return sum(map(len, self.by_session))


def contrasts(rule: Rule, summary: Summary) -> Iterator[Contrast]:
    """Yield the contrasts that a rule asks of a run."""
    loads = [load for load in summary.loads if _asked(rule, load)]
    if not loads:
        yield Contrast("", "", reason=NO_LOAD)
    elif rule.kind == "growth":
        yield from _growth(rule, summary, loads)
    elif rule.kind == "order":
        yield from (_order(rule, summary, load) for load in loads)
    else:
        for load in loads:
            for name in rule.metrics if rule.kind == "both_win" else rule.metrics[:1]:
                yield from _at_one_load(rule, summary, load, name)


def _asked(rule: Rule, load: JudgedLoad) -> bool:
    key, at = load.key, rule.at
    return (
        key.connections in at.get("connections", (key.connections,))
        and key.size in at.get("sizes", (key.size,))
        and key.rate_percent in at.get("percent", (0,))
    )


def _at_one_load(rule: Rule, summary: Summary, load: JudgedLoad, name: str) -> Iterator[Contrast]:
    where = f"at {_load_words(summary, load)}"
    if rule.kind == "bound":
        for server in rule.of:
            yield _contrast(summary, server, where, [(load, server, name, 1)])
        return
    if rule.kind == "both_win":
        one, other = rule.of
        sign = -1 if metric(name).less else 1
        ends = [(load, one, name, sign), (load, other, name, -sign)]
        yield _contrast(summary, name, where, ends)
        return
    pairs = (
        list(combinations(_ranked(summary, load), 2))
        if rule.kind == "differ"
        else [(of, over) for of in rule.of for over in _others(rule, summary, load, of)]
    )
    for of, over in pairs:
        parts = [(load, of, name, 1), (load, over, name, -1)]
        yield _contrast(summary, f"{of} over {over}", where, parts)


def _others(rule: Rule, summary: Summary, load: JudgedLoad, of: str) -> list[str]:
    if rule.over != (ALL,):
        return list(rule.over)
    return [label for label in _ranked(summary, load) if label != of]


def _ranked(summary: Summary, load: JudgedLoad) -> list[str]:
    """Return the servers that ran at this load, without controls and what the platform lacks."""
    out = {each.label for each in load.unable if each.limit}
    return [label for label in summary.ranked if label not in out]


def _growth(rule: Rule, summary: Summary, loads: Sequence[JudgedLoad]) -> Iterator[Contrast]:
    """The ratio of a metric at many connections to that at few, of the same server and rounds."""
    assert rule.between
    name = rule.metrics[0]
    few, many = rule.between
    by_panel: dict[object, dict[int, JudgedLoad]] = {}
    for load in loads:
        by_panel.setdefault(load.key.panel, {})[load.key.connections] = load
    panels = [there for there in by_panel.values() if {few, many} <= there.keys()]
    if not panels:
        yield Contrast("", "", reason=NO_LOAD)
    for there in panels:
        where = f"from {few} to {_load_words(summary, there[many])}"
        for of in rule.of:
            parts = [(there[many], of, name, 1), (there[few], of, name, -1)]
            if not rule.over:
                yield _contrast(summary, of, where, parts)
            for over in rule.over:
                further = [(there[many], over, name, -1), (there[few], over, name, 1)]
                yield _contrast(summary, f"{of} over {over}", where, [*parts, *further])


def _order(rule: Rule, summary: Summary, load: JudgedLoad) -> Contrast:
    """Spearman's rank correlation of two metrics over the servers, within each round."""
    where = f"at {_load_words(summary, load)}"
    tables = []
    for name in rule.metrics:
        found = [_values(summary, load, label, name) for label in _ranked(summary, load)]
        tables.append([each for each in found if isinstance(each, dict)])
    if min(map(len, tables)) < SERVERS_TO_RANK or len(set(map(len, tables))) > 1:
        return Contrast("", where, reason="fewer than four servers have both values")
    common = set.intersection(*[set(each) for table in tables for each in table])
    rounds = {
        number: float(spearmanr(*[[each[number] for each in table] for table in tables]).statistic)
        for number in common
    }
    servers = f"{len(tables[0])} servers"
    return Contrast(servers, where, _sessions(load, rounds), rank=True)


def _contrast(summary: Summary, servers: str, where: str, parts: Sequence[Part]) -> Contrast:
    """Add up the logarithms of the parts in each round that has all of them."""
    total: Values | None = None
    for load, label, name, sign in parts:
        found = _values(summary, load, label, name)
        if isinstance(found, str):
            return Contrast(servers, where, reason=f"{label}: {found}")
        logs = {number: sign * math.log(value) for number, value in found.items()}
        total = logs if total is None else _added(total, logs)
    floors = {load.key: _floor(summary, load, name) for load, _, name, _ in parts}
    sessions = _sessions(parts[0][0], total or {})
    count = all(metric(name).count for _, _, name, _ in parts)
    return Contrast(servers, where, sessions, sum(floors.values()), count=count)


def _added(one: Values, other: Values) -> Values:
    return {number: one[number] + other[number] for number in one if number in other}


def _values(summary: Summary, load: JudgedLoad, label: str, name: str) -> Values | str:
    """Return the metric of a server per round, or why it has none."""
    if label not in summary.labels:
        return "not in the run"
    unable = next((each for each in load.unable if each.label == label), None)
    cell = load.cell(label)
    if not cell.verdict.valid and not metric(name).failed:
        return unable.reason if unable else str(cell.verdict)
    return _of_records(summary.run, cell.condition, name)


@lru_cache(maxsize=4096)
def _of_records(run: Run, condition: Condition, name: str) -> Values | str:
    found: Values = {}
    for record in _records(run).get(condition, ()):
        if left_out(record) is not None and not metric(name).failed:
            continue
        measure = metric(name).value(record)
        if measure.value is None:
            return measure.reason or "not recorded"
        if measure.value <= 0:
            return "is 0 in a round, so it has no ratio"
        found[record.repeat] = measure.value
    return found


@lru_cache(maxsize=8)
def _records(run: Run) -> dict[Condition, list[Record]]:
    """Return the records of each cell, with CPU times as the report has them."""
    by_load: dict[LoadKey, list[Record]] = {}
    for record in run.records:
        by_load.setdefault(LoadKey.of(record.condition), []).append(record)
    by_cell: dict[Condition, list[Record]] = {}
    for records in by_load.values():
        for record in by_cycles(records):
            by_cell.setdefault(record.condition, []).append(record)
    return by_cell


def _floor(summary: Summary, load: JudgedLoad, name: str) -> float:
    """Return how far a control that differs from its twin reaches, as a logarithm; else 0."""
    reach = 0.0
    for label, twin in summary.twins.items():
        above, below = (_values(summary, load, each, name) for each in (label, twin))
        if isinstance(above, str) or isinstance(below, str):
            continue
        rounds = {
            number: math.log(above[number] / below[number]) for number in above if number in below
        }
        sessions = _sessions(load, rounds)
        if sum(map(len, sessions)) < LEAST_ROUNDS:
            continue
        _, low, high = mean_of(sessions, summary.rules.baseline.confidence)
        if low is not None and high is not None and not low <= 1.0 <= high:
            reach = max(reach, math.log(max(high, 1 / low)))
    return reach


def _sessions(load: JudgedLoad, rounds: Mapping[int, float]) -> tuple[tuple[float, ...], ...]:
    """Group the values of rounds by session."""
    by_session: dict[int, list[float]] = {}
    for number in sorted(rounds):
        session = load.sessions[number] if load.sessions else 0
        by_session.setdefault(session, []).append(rounds[number])
    return tuple(map(tuple, by_session.values()))


def _load_words(summary: Summary, load: JudgedLoad) -> str:
    """'64 connections', '1,024 connections (64 active), 4,096 B, 50 % of the lowest peak'."""
    key = load.key
    active = dict(zip(summary.suite.connections, summary.suite.active)).get(key.connections)
    text = words.count(key.connections, "connection")
    if active is not None and active < key.connections:
        text += f" ({active} active)"
    if len(summary.suite.sizes) > 1:
        text += f", {words.size(key.size, key.reply_size)}"
    if key.rate_percent:
        text += f", {key.rate_percent} % of the lowest peak"
    return text
