"""The order of a run. Repeats are interleaved: each repeat is a block in which every cell comes once, in a seeded
random order, so that a drift of the machine (heat, neighbours, background work) falls on all models alike.
Loads at a fixed rate come after all closed loops, as their rates are parts of what those reach."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iomodels.data.records import Condition
from iomodels.plan.suite import Suite

LIMIT = "limit:"  # a reason that begins so was known before, and is no fault


@dataclass(frozen=True)
class Measurement:
    """One repeat of one cell; `index` is its place in the plan and the key of its record."""

    index: int
    repeat: int
    condition: Condition


def cells(suite: Suite) -> tuple[Condition, ...]:
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
        for percent in (0, *suite.rate_percents)
        for server in suite.servers
        for size in suite.sizes
        for connections in suite.connections
    )


def _reply_size(suite: Suite, size: int) -> int:
    """The load's, where it is one number; a distribution of sizes is named by the load alone."""
    given = dict(suite.load.options).get("reply-size", size)
    return given if isinstance(given, int) else size


def make_plan(suite: Suite) -> tuple[Measurement, ...]:
    """Every cell `rounds` times. The same suite and seed give the same plan, on every Python version:
    only Random.random() is promised to stay the same, so the order is made by sorting, not by shuffle()."""
    rng = random.Random(suite.seed)
    phases = [
        [cell for cell in cells(suite) if bool(cell.rate_percent) is fixed]
        for fixed in (False, True)
    ]
    order = [
        (repeat, condition)
        for phase in phases
        for repeat in range(suite.rounds)
        for _, _, condition in sorted(
            (rng.random(), place, cell) for place, cell in enumerate(phase)
        )
    ]
    return tuple(
        Measurement(index, repeat, condition) for index, (repeat, condition) in enumerate(order)
    )


def limit_of(condition: Condition, models: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Why a cell cannot be measured here though nothing is broken; None if it can.

    Such cells stay in the plan and become failed records: a model's limit is part of the answer.
    """
    describe = models[condition.model]
    if not describe["supported"]:
        return f"{LIMIT} {condition.model} is not supported on {describe['platform']}"
    most = describe["max_conns"]
    if most is not None and condition.connections > most:
        text = f" ({describe['limit']})" if describe.get("limit") else ""
        return f"{LIMIT} {condition.model} takes at most {most} connections{text}"
    return None


def is_limit(reason: str | None) -> bool:
    """Whether a failed record only says what was known before."""
    return reason is not None and reason.startswith(LIMIT)
