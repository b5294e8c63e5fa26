"""The bisection that an SLO search was: the highest rate that two of three trials met.

It strides up from the lowest rate until one misses, halves down to neighbours, and confirms both
sides. A rate that is voted down counts as missed, and so does every higher one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from iomodels.judge.search import Range, Trial

FIRST_STRIDE = 8
MAJORITY = 2


def answer(
    trial: Callable[[float], Trial], range_: Range, step: float
) -> tuple[float | None, float | None, int]:
    """Return the highest met rate, the rate above it, and the number of trials."""
    top = math.floor(math.log(range_.high / range_.low) / math.log(step))
    votes: dict[int, list[bool]] = {}

    def rate(k: int) -> float:
        return range_.low * step**k

    def ask(k: int) -> None:
        votes.setdefault(k, []).append(bool(trial(rate(k)).met))

    while True:
        met = {k for k, own in votes.items() if _voted(own)}
        ceiling = min((k for k in votes if k not in met), default=top + 1)
        floor = max((k for k in met if k < ceiling), default=None)
        if floor is None:
            if votes.get(0, []).count(False) >= MAJORITY:
                return None, rate(0), _count(votes)
            ask(0)
        elif ceiling > top and floor < top:
            strides = sum(k > 0 for k in met)
            ask(min(top, floor + FIRST_STRIDE * 2**strides))
        elif ceiling - floor > 1:
            ask((floor + ceiling) // 2)
        elif votes[floor].count(True) < MAJORITY:
            ask(floor)
        elif ceiling <= top and votes[ceiling].count(False) < MAJORITY:
            ask(ceiling)
        else:
            return rate(floor), rate(ceiling) if ceiling <= top else None, _count(votes)


def _voted(own: list[bool]) -> bool:
    """A tie counts as the last trial."""
    balance = 2 * own.count(True) - len(own)
    return balance > 0 or (balance == 0 and own[-1])


def _count(votes: dict[int, list[bool]]) -> int:
    return sum(map(len, votes.values()))
