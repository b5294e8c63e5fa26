"""Choose the next rate of a search for the highest one that meets a target. No launching, no clock.

The rates are low · step^k, k = 0 … top, so neighbours differ by the requested resolution.
`advise` is a function of the trials so far only. A resumed search therefore just gets the kept
trials.

1. Bracket: from the lowest rate in ever longer strides, until one misses or the highest is met.

2. Narrow: halve, until a met rate and a missed one are neighbours.

3. Confirm: repeat the met rate until most of CONFIRM trials agree. One lucky or unlucky trial
decides nothing. A rate that is voted down counts as missed, and the search continues below it. A
miss right above the answer is confirmed, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CONFIRM = 3  # trials of a rate whose majority decides
MAJORITY = CONFIRM // 2 + 1
FIRST_STRIDE = 8  # steps; doubled while the target is met


@dataclass(frozen=True)
class Range:
    """The rates of a search: `low` · `step`^k, up to `high` (requests per second, `step` > 1)."""

    low: float
    high: float
    step: float

    def __post_init__(self) -> None:
        if not (0 < self.low <= self.high < math.inf and self.step > 1):
            raise ValueError(f"a search needs 0 < low <= high and step > 1, not {self}")

    @property
    def top(self) -> int:
        return math.floor(math.log(self.high / self.low) / math.log(self.step) + 1e-9)

    def rate(self, k: int) -> float:
        return self.low * self.step**k


@dataclass(frozen=True)
class Trial:
    """The outcome of one measurement at rate k."""

    k: int
    met: bool


@dataclass(frozen=True)
class Next:
    """Try rate k, because of `why`: bracket, narrow or confirm.

    At most about `left` more trials follow, including this one.
    """

    k: int
    why: str
    left: int


@dataclass(frozen=True)
class Answer:
    """The answer. `k` is the highest rate that meets the target, None if not even the lowest does.

    `open`: the highest rate of the range was met, so the true answer may be above it.
    """

    k: int | None
    open: bool


def advise(trials: Sequence[Trial], range_: Range) -> Next | Answer:
    """Return the next rate to try, or the answer."""
    met, missed = _votes(trials)
    ceiling = min(missed, default=range_.top + 1)  # all above the lowest miss count as missed
    floor = max((k for k in met if k < ceiling), default=None)
    if ceiling == 0:
        return _confirmed(trials, 0, range_, met_there=False)
    if floor is None:
        return Next(0, "bracket", _left(range_.top + 1))
    if ceiling > range_.top:
        if floor == range_.top:
            return _confirmed(trials, floor, range_, met_there=True)
        strides = sum(1 for k in met if k > 0)
        stride = FIRST_STRIDE * 2**strides
        return Next(min(range_.top, floor + stride), "bracket", _left(range_.top + 1 - floor))
    if ceiling - floor > 1:
        return Next((floor + ceiling) // 2, "narrow", _left(ceiling - floor))
    return _confirmed(trials, floor, range_, met_there=True)


def _confirmed(trials: Sequence[Trial], k: int, range_: Range, *, met_there: bool) -> Next | Answer:
    """Return the answer if the rate and the miss above it have majorities, else one more trial."""
    doubtful = [k] if not met_there or k == range_.top else [k, k + 1]
    for each in doubtful:
        wanted = met_there if each == k else False
        if sum(trial.k == each and trial.met == wanted for trial in trials) < MAJORITY:
            return Next(each, "confirm", MAJORITY * len(doubtful))
    if not met_there:
        return Answer(None, open=False)
    return Answer(k, open=k == range_.top)


def _votes(trials: Iterable[Trial]) -> tuple[set[int], set[int]]:
    """Return the met and the missed rates. A tie counts as the last trial, the surprise, and is
    repeated."""
    met: set[int] = set()
    missed: set[int] = set()
    balance: dict[int, int] = {}
    for trial in trials:
        balance[trial.k] = balance.get(trial.k, 0) + (1 if trial.met else -1)
        vote = balance[trial.k] or (1 if trial.met else -1)
        (met if vote > 0 else missed).add(trial.k)
        (missed if vote > 0 else met).discard(trial.k)
    return met, missed


def _left(width: int) -> int:
    """Estimate the trials that narrow `width` steps down to one and confirm both sides of it."""
    return math.ceil(math.log2(max(2, width))) + 2 * (MAJORITY - 1) + 1
