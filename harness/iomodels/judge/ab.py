"""Two builds of the same models, interleaved in one run: what the new one changed.

A series is MODEL@old or MODEL@new (measure/ab.py). The comparisons of one load are one family.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from iomodels.judge import paired
from iomodels.judge.loads import JudgedLoad, Rules
from iomodels.judge.paired import Comparison
from iomodels.judge.summary import Summary, sessions_of
from iomodels.plan.order import LoadKey

OLD, NEW = "@old", "@new"


@dataclass(frozen=True)
class Change:
    """One model under one load. `comparison` is new over old, None with a reason where one fails."""

    key: LoadKey
    model: str
    old: float | None
    new: float | None
    comparison: Comparison | None
    reason: str | None


def changes_of(summary: Summary) -> tuple[Change, ...]:
    """Return the change of every model under every load, in the order of the loads."""
    sessions = sessions_of(summary.run.records)
    return tuple(
        change
        for load in summary.loads
        for change in changes_of_load(load, summary.rules, sessions)
    )


def changes_of_load(
    load: JudgedLoad, rules: Rules, sessions: Sequence[int] | None = None
) -> list[Change]:
    """Return the change of every model under one load."""
    models = [
        cell.condition.label.removesuffix(OLD)
        for cell in load.cells
        if _is_old(cell.condition.label)
    ]
    values = {
        cell.condition.label: cell.by_round(load.rounds)
        for cell in load.cells
        if cell.verdict.valid and cell.n
    }
    pairs = [
        (model + NEW, model + OLD)
        for model in models
        if model + NEW in values and model + OLD in values
    ]
    found = {
        one.label.removesuffix(NEW): one
        for one in paired.judge_pairs(values, pairs, rules.baseline, _first(sessions, load.rounds))
    }
    return [_change(load, model, found.get(model)) for model in models]


def _change(load: JudgedLoad, model: str, comparison: Comparison | None) -> Change:
    old, new = (load.cell(model + side) for side in (OLD, NEW))
    failing = [
        f"{cell.condition.label}: {cell.verdict}" for cell in (old, new) if not cell.verdict.valid
    ]
    reason = "; ".join(failing) or "no round has both"
    return Change(
        load.key,
        model,
        old.rate.value if old.rate else None,
        new.rate.value if new.rate else None,
        comparison,
        None if comparison else reason,
    )


def geometric_mean(summary: Summary) -> Comparison | None:
    """Return new over old over all models and loads that have every round of both.

    The mean of the logarithms in a round is that round's value; the rounds give the interval.
    None where no model has a figure for both builds.
    """
    logs: list[list[float | None]] = []
    for load in summary.loads:
        for cell in load.cells:
            label = cell.condition.label
            if _is_old(label) and cell.verdict.valid:
                other = load.cell(label.removesuffix(OLD) + NEW)
                if other.verdict.valid:
                    logs.append(_ratios(other.by_round(load.rounds), cell.by_round(load.rounds)))
    rounds = min((len(each) for each in logs), default=0)
    means = [_mean([each[number] for each in logs]) for number in range(rounds)]
    values = {
        "new": [None if mean is None else math.exp(mean) for mean in means],
        "old": [None if mean is None else 1.0 for mean in means],
    }
    found = paired.judge_pairs(values, [("new", "old")], summary.rules.baseline) if rounds else []
    return found[0] if found else None


def settled(load: JudgedLoad, rules: Rules) -> bool:
    """Whether more rounds of this load would change no word about a change."""
    found = [each.comparison for each in changes_of_load(load, rules) if each.comparison]
    return paired.decided(found, rules.baseline)


def _ratios(above: Sequence[float | None], below: Sequence[float | None]) -> list[float | None]:
    return [
        None if one is None or other is None else math.log(one / other)
        for one, other in zip(above, below)
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _is_old(label: str) -> bool:
    return label.endswith(OLD)


def _first(sessions: Sequence[int] | None, rounds: int) -> Sequence[int] | None:
    return None if sessions is None else sessions[:rounds]
