"""The order of a run: rounds; in a round random loads; within a load all servers adjacent.

A drift of the machine lasts seconds. Adjacent servers meet the same machine, so the drift does not
affect their ratio within a round (docs/decisions/0092-rounds-and-looks.md). Loads at an offered
rate follow all closed loops, whose peaks determine the rates.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from iomodels.data.records import Condition, Panel
from iomodels.plan.suite import LOOKS, Suite

T = TypeVar("T")

LIMIT = "limit:"  # begins the reason of a known limit, which is no fault
MOST_MEASUREMENTS = 200_000
"""A plan of four days. A longer one is a mistake in a list."""
SESSIONS = (2, 20)
"""Fewest and most sessions of a run that has several."""


@dataclass(frozen=True, order=True)
class LoadKey:
    """One load: cells are comparable if it is equal. Closed loops sort first."""

    rate_percent: int
    size: int
    reply_size: int
    depth: int
    connections: int

    @staticmethod
    def of(condition: Condition) -> LoadKey:
        return LoadKey(
            condition.rate_percent,
            condition.size,
            condition.reply_size,
            condition.depth,
            condition.connections,
        )

    @property
    def panel(self) -> Panel:
        return Panel(self.size, self.reply_size, self.depth, self.rate_percent)


@dataclass(frozen=True)
class Measurement:
    """One repeat of one cell. `index` is its place in the plan and the key of its record."""

    index: int
    repeat: int
    condition: Condition

    @property
    def load(self) -> LoadKey:
        return LoadKey.of(self.condition)


@dataclass(frozen=True)
class Round:
    """One pass over the loads, in the order of their measuring. `fixed`: at an offered rate."""

    number: int
    fixed: bool
    items: tuple[Measurement, ...]

    @property
    def is_look(self) -> bool:
        """Whether a sequential plan decides after it which loads continue."""
        return self.number + 1 in LOOKS


def cells(suite: Suite) -> tuple[Condition, ...]:
    """Return every cell of the suite: closed loops, then each offered rate."""
    closed = [
        (0, server, size, connections)
        for server in suite.servers
        for size in suite.sizes
        for connections in suite.connections
    ]
    offered = [
        (percent, server, size, connections)
        for percent in suite.rate_percents
        for server in suite.servers
        for size in _offered_at(suite.rate_sizes, suite.sizes)
        for connections in _offered_at(suite.rate_connections, suite.connections)
    ]
    return tuple(
        Condition(
            server.model,
            connections,
            size,
            _reply_size(suite, size),
            suite.depth,
            server.options,
            server.alias,
            percent,
        )
        for percent, server, size, connections in closed + offered
    )


def _offered_at(chosen: tuple[int, ...], measured: tuple[int, ...]) -> tuple[int, ...]:
    """Where a rate is offered: it is a part of a peak, so only where one is measured."""
    return tuple(each for each in chosen if each in measured) if chosen else measured


def _reply_size(suite: Suite, size: int) -> int:
    """Return the reply size of the load if it is one number; only the load names a distribution."""
    given = dict(suite.load.options).get("reply-size", size)
    return given if isinstance(given, int) else size


def plan_size(suite: Suite) -> int:
    """Return how many measurements the plan has at most, without making it."""
    offered = len(suite.rate_percents) * len(_offered_at(suite.rate_sizes, suite.sizes))
    offered *= len(_offered_at(suite.rate_connections, suite.connections))
    loads = len(suite.sizes) * len(suite.connections) + offered
    return loads * len(suite.servers) * suite.rounds


def make_plan(suite: Suite) -> tuple[Measurement, ...]:
    """Return every cell `rounds` times.

    The same suite and seed give the same plan on every Python version. Only Random.random() is
    guaranteed to stay the same, so the order is made by sorting, not by shuffle().
    """
    rng = random.Random(suite.seed)
    order: list[tuple[int, Condition]] = []
    for fixed in (False, True):
        loads: dict[LoadKey, list[Condition]] = {}
        for cell in cells(suite):
            if bool(cell.rate_percent) is fixed:
                loads.setdefault(LoadKey.of(cell), []).append(cell)
        for number in range(suite.rounds):
            for load in _shuffled(list(loads.values()), rng):
                order += [(number, cell) for cell in _shuffled(load, rng)]
    return tuple(Measurement(index, *each) for index, each in enumerate(order))


def rounds_of(plan: tuple[Measurement, ...]) -> Iterator[Round]:
    """Return the rounds of a plan in the order of their measuring."""
    by_round = groupby(plan, key=lambda item: (bool(item.condition.rate_percent), item.repeat))
    for (fixed, number), items in by_round:
        yield Round(number, fixed, tuple(items))


def _shuffled(items: list[T], rng: random.Random) -> list[T]:
    keyed = sorted((rng.random(), place) for place in range(len(items)))
    return [items[place] for _, place in keyed]


def limit_of(condition: Condition, models: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return why a cell cannot be measured here though nothing is broken; None if it can.

    Such cells stay in the plan and become failed records: a model's limit is a result.
    """
    describe = models[condition.model]
    if not describe["supported"]:
        needs = f"; it needs {describe['since']}" if describe.get("since") else ""
        return f"{LIMIT} {condition.model} is not on this platform ({describe['platform']}){needs}"
    most = describe["max_conns"]
    if most is not None and condition.connections > most:
        text = f" ({describe['limit']})" if describe.get("limit") else ""
        return f"{LIMIT} {condition.model} takes at most {most} connections{text}"
    return None


def is_limit(reason: str | None) -> bool:
    """Return whether a failed record only repeats a known limit."""
    return reason is not None and reason.startswith(LIMIT)
