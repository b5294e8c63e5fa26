"""Two builds of the same models, interleaved in one run: what the new one changed.

judge/loads.py compares each model's new build with its old one. At an offered rate the builds serve
equal rates, so their CPU time per request is compared; such loads have a mean of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, geometric_mean, variance

from scipy.special import stdtr, stdtrit

from iomodels.judge import paired
from iomodels.judge.loads import NEW, OLD, JudgedLoad
from iomodels.judge.paired import Comparison
from iomodels.judge.rule import Rule
from iomodels.judge.stats import welch_freedom
from iomodels.judge.summary import Summary
from iomodels.plan.order import LoadKey

Logs = list[float]
"""Of each round with both builds the logarithm of new over old."""


@dataclass(frozen=True)
class Change:
    """One model under one load. `comparison` is new over old, None with a reason where one fails.

    offered: old and new are CPU time per request in µs, else requests per second. They are
    geometric means over the rounds of both, so that their ratio is that of the comparison.
    """

    key: LoadKey
    model: str
    offered: bool
    old: float | None
    new: float | None
    comparison: Comparison | None
    reason: str | None


@dataclass(frozen=True)
class Mean:
    """New over old as the geometric mean of so many changes, all of rates or all of costs."""

    offered: bool
    changes: int
    comparison: Comparison


def changes_of(summary: Summary) -> tuple[Change, ...]:
    """Return the change of every model under every load, in the order of the loads."""
    return tuple(change for load in summary.loads for change in changes_of_load(load))


def changes_of_load(load: JudgedLoad) -> list[Change]:
    """Return the change of every model under one load."""
    labels = [cell.condition.label for cell in load.cells]
    return [_change(load, each.removesuffix(OLD)) for each in labels if each.endswith(OLD)]


def means_of(summary: Summary) -> list[Mean]:
    """Return the mean of the rates and that of the costs, each if two or more changes have one."""
    found = []
    for offered in (False, True):
        logs = [
            _logs(load, change.model)
            for load in summary.loads
            if load.offered is offered
            for change in changes_of_load(load)
            if change.comparison
        ]
        if len(logs) > 1:
            found.append(Mean(offered, len(logs), mean_of(logs, summary.rules.baseline)))
    return found


def mean_of(logs: Sequence[Logs], rule: Rule) -> Comparison:
    """Return the geometric mean of several changes, each with the same weight.

    The noise of one change says nothing of another's, as they have different programs or loads. So
    the variances of their means add up, and Welch's formula gives the degrees of freedom.
    """
    number, rounds = len(logs), min(map(len, logs))
    mean = fmean(fmean(each) for each in logs)
    half = p = None
    if rounds > 1:
        squares = [variance(each) / len(each) / number**2 for each in logs]
        freedom = welch_freedom(squares, [len(each) - 1 for each in logs])
        error = math.sqrt(sum(squares))
        half = -float(stdtrit(freedom, (1 - rule.confidence) / 2)) * error
        p = float(2 * stdtr(freedom, -abs(mean) / error)) if error else float(not mean)
    low, high = (None if half is None else _exp(mean + end) for end in (-(half or 0), half or 0))
    width = None if half is None else _exp(half) - 1
    word = paired.word_of(mean, half, p, rounds, rule)
    return Comparison("new", "old", rounds, math.exp(mean), low, high, width, p, p, word, None)


def _exp(log: float) -> float:
    try:
        return math.exp(log)
    except OverflowError:
        return math.inf


# ---- one change ----


def _change(load: JudgedLoad, model: str) -> Change:
    comparison = load.comparison(model + NEW)
    old, new = _values(load, model)
    if comparison:
        both = [(one, other) for one, other in zip(old, new) if None not in (one, other)]
        old, new = ([pair[side] for pair in both] for side in (0, 1))
    return Change(
        load.key,
        model,
        load.offered,
        _figure(load, old),
        _figure(load, new),
        comparison,
        None if comparison else _why_not(load, model),
    )


def _values(load: JudgedLoad, model: str) -> list[list[float | None]]:
    """The compared values of both builds by round, the old build's first; [] without a figure."""
    cells = [load.cell(model + side) for side in (OLD, NEW)]
    return [cell.by_round(load.rounds) if cell.verdict.valid else [] for cell in cells]


def _logs(load: JudgedLoad, model: str) -> Logs:
    old, new = _values(load, model)
    return [math.log(other / one) for one, other in zip(old, new) if one and other]


def _figure(load: JudgedLoad, values: Sequence[float | None]) -> float | None:
    """Requests per second, or at an offered rate CPU time per request in µs."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    mean = geometric_mean(known)
    return 1e6 / mean if load.offered else mean


def _why_not(load: JudgedLoad, model: str) -> str:
    cells = [load.cell(model + side) for side in (OLD, NEW)]
    reasons = [
        f"{each.condition.label}: {each.verdict}" for each in cells if not each.verdict.valid
    ]
    named = [model + side for side in (OLD, NEW)]
    if not reasons:
        reasons = [f"{each.label}: {each.reason}" for each in load.unable if each.label in named]
    return "; ".join(reasons) or "no round has both"
