"""A tuning as data: the race of its settings, as far as its records tell.

A record belongs to a setting by its condition and to a round by its repeat. A failed trial is
repeated in its round, so a round has no gap. Nothing else is kept.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from iomodels.base.errors import Failure
from iomodels.data.records import Condition, Record, counter
from iomodels.judge import race
from iomodels.judge.costs import WHOLE_CPU, costs_of
from iomodels.judge.race import Entrant, Stage
from iomodels.judge.verdict import left_out
from iomodels.plan.order import cells
from iomodels.plan.settings import CAP, LEAST, THREADS
from iomodels.plan.suite import Suite, suite_from


@dataclass(frozen=True)
class Objective:
    """What a tuning optimises.

    `worse` and `better` follow a percentage, as in "6 % slower". `at_a_rate`: only an open loop
    shows it.
    """

    name: str
    unit: str
    higher_is_better: bool
    worse: str
    better: str
    at_a_rate: bool = False

    def score(self, value: float) -> float:
        """Return the logarithm; higher is better."""
        return math.log(value) if self.higher_is_better else -math.log(value)

    def share(self, score: float) -> float:
        """Return how much a value changes: −0.06 for 6 % fewer requests, 0.06 for 6 % more time."""
        return math.expm1(score if self.higher_is_better else -score)


OBJECTIVES = {
    each.name: each
    for each in (
        Objective("throughput", "requests/s", True, "slower", "faster"),
        Objective("p99", "µs p99", False, "higher", "lower", at_a_rate=True),
        Objective("cpu", "µs CPU per request", False, "more CPU", "less CPU"),
        Objective("threads", "threads", False, "more threads", "fewer threads", at_a_rate=True),
    )
}


@dataclass(frozen=True)
class Trial:
    """The next measurement: a setting, by its place, in a round."""

    place: int
    round: int


@dataclass(frozen=True)
class Tuning:
    """A tuning so far; the servers of its suite are the settings, and it has one load."""

    suite: Suite
    objective: Objective
    sizes: tuple[int, ...]
    stages: tuple[Stage, ...]
    records: tuple[Record, ...]

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        return cells(self.suite)

    @cached_property
    def places(self) -> dict[Condition, int]:
        return {condition: place for place, condition in enumerate(self.conditions)}

    @cached_property
    def results(self) -> list[tuple[int, int, float | None]]:
        """Place, round and value of each record; None if it has no value."""
        return [
            (
                self.places[record.condition],
                record.repeat,
                value_or_reason(record, self.objective)[0],
            )
            for record in self.records
        ]

    @cached_property
    def logs(self) -> race.Logs:
        """The scores, shape (rounds, settings)."""
        rounds = 1 + max((record.repeat for record in self.records), default=-1)
        logs = np.full((rounds, len(self.conditions)), np.nan)
        for place, round_, value in self.results:
            if value is not None:
                logs[round_, place] = self.objective.score(value)
        return logs

    @cached_property
    def out(self) -> frozenset[int]:
        """The settings that failed too often."""
        failures = Counter(place for place, _, value in self.results if value is None)
        return frozenset(place for place, times in failures.items() if times >= race.MOST_FAILURES)

    def next_trial(self) -> Trial | None:
        """Return the next trial of the stages so far; None if all of them are complete."""
        tried = Counter((place, round_) for place, round_, _ in self.results)
        done = {(place, round_) for place, round_, value in self.results if value is not None}
        first = 0
        for stage in self.stages:
            for round_ in range(first, first + stage.rounds):
                missing = [
                    place
                    for place in _ordered(stage.settings, self.suite.seed, round_)
                    if place not in self.out and (place, round_) not in done
                ]
                if missing:  # what failed once comes last
                    return Trial(min(missing, key=lambda place: tried[place, round_]), round_)
            first += stage.rounds
        return None

    @property
    def trials_missing(self) -> int:
        """How many trials the stages so far still need, without failures."""
        done = {(place, round_) for place, round_, value in self.results if value is not None}
        first, missing = 0, 0
        for stage in self.stages:
            rounds = range(first, first + stage.rounds)
            alive = [place for place in stage.settings if place not in self.out]
            missing += sum((place, round_) not in done for place in alive for round_ in rounds)
            first += stage.rounds
        return missing

    def reason(self, record: Record) -> str:
        """Return why a trial has no value; empty if it has one."""
        return value_or_reason(record, self.objective)[1]

    def next_stage(self, trials_left: float) -> Stage | None:
        """Return the stage after a complete one: of the race, then of the closing rounds."""
        stage = race.next_stage(self.sizes, self.stages, self.logs, self.out, trials_left)
        if stage is not None:
            return stage
        found = self.answer
        if found is None:
            return None
        return race.closing_stage(self.entrants, self.stages, self.logs, self.out, found)

    @property
    def finalists(self) -> tuple[int, ...]:
        """The settings of the last stage of the race; empty if none is left."""
        raced = [stage for stage in self.stages if not stage.closing]
        last = raced[-1].settings if raced else ()
        return tuple(place for place in last if place not in self.out and self._measured(place))

    @property
    def answer(self) -> race.Answer | None:
        """Return the answer so far; None if no setting has a result."""
        if not self.finalists:
            return None
        return race.answer(self.entrants, self.logs, self.finalists)

    @cached_property
    def entrants(self) -> tuple[Entrant, ...]:
        threads = self._threads
        return tuple(
            _entrant(condition, threads.get(place))
            for place, condition in enumerate(self.conditions)
        )

    @cached_property
    def _threads(self) -> dict[int, int]:
        """Return the most threads that a server had; unknown if no record shows them."""
        found: dict[int, int] = {}
        for record in self.records:
            seen = counter(record, "server.threads_peak").value
            if seen is not None:
                place = self.places[record.condition]
                found[place] = max(found.get(place, 0), round(seen))
        return found

    def of(self, place: int) -> tuple[Record, ...]:
        """Return the records of a setting."""
        return tuple(record for record in self.records if self.places[record.condition] == place)

    def _measured(self, place: int) -> bool:
        return len(self.logs) > 0 and not bool(np.isnan(self.logs[:, place]).all())


def _ordered(settings: Sequence[int], seed: int, round_: int) -> list[int]:
    """Return the random order of a round; seed and round decide it."""
    rng = random.Random(f"{seed}, round {round_}")
    keyed = sorted((rng.random(), place) for place in settings)
    return [place for _, place in keyed]


def _entrant(condition: Condition, seen: int | None) -> Entrant:
    """Fewer threads are simpler, then fewer options.

    The threads of a model without that option are those that its server had. If they are unknown,
    they are as many as the clients.
    """
    options = dict(condition.options)
    workers = options.get(THREADS)
    threads = workers or seen or condition.connections
    others = (int(options.get(CAP, 0) > 0), int(options.get(LEAST, 0) > 0), len(options))
    return Entrant(condition.model, workers, (threads, *others))


def value_or_reason(record: Record, objective: Objective) -> tuple[float | None, str]:
    """Return the value of a trial in the objective's unit, or None and why it has none."""
    fault = left_out(record)
    if fault is not None:
        return None, "; ".join(fault.reasons)
    assert record.loadgen is not None
    result = record.loadgen["result"]
    value: float | None
    reason = "its value is 0"
    if objective.name == "throughput":
        value = float(result["requests_per_second"])
    elif objective.name == "p99":
        p99_ns = result["response"]["p99"]
        value, reason = p99_ns and p99_ns / 1e3, "too few replies for a p99"
    elif objective.name == "cpu":
        cost = costs_of([record]).typical[WHOLE_CPU]
        value, reason = cost.value, cost.reason or reason
    else:
        seen = counter(record, "server.threads_peak")
        value, reason = seen.value, seen.reason or reason
    return (value, "") if value else (None, reason)


def tuning_of(manifest: Mapping[str, Any], records: Sequence[Record]) -> Tuning:
    """Return the tuning of a checked tune.json. Raises Failure for records of another plan."""
    stages = tuple(
        Stage(tuple(stage["settings"]), stage["rounds"], stage["closing"])
        for stage in manifest["stages"]
    )
    found = Tuning(
        suite_from(manifest["suite"]["name"], manifest["suite"]),
        OBJECTIVES[manifest["objective"]],
        tuple(manifest["sizes"]),
        stages,
        tuple(records),
    )
    strange = [record for record in records if record.condition not in found.places]
    if strange:
        raise Failure(
            f"{manifest['run']}: record {strange[0].index} is {strange[0].condition}, "
            "which is no setting of this tuning"
        )
    return found
