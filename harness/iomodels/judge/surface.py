"""Which setting to measure next, and what the measured ones allow to say: pure functions on scores, of which more is better.

A coarse grid comes first, powers of two on every axis; then what lies between the best setting and its measured neighbours,
again and again; then more repeats for those that the noise leaves tied with the best. Nothing is kept between calls: the
scores decide, so a search that was interrupted goes on where it was.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, variance

Setting = tuple[int, ...]
"""One value an axis."""
Scores = Mapping[Setting, Sequence[float | None]]
"""What each repeat of a setting scored; None: it failed, or broke the promise that was asked for."""


@dataclass(frozen=True)
class Space:
    """The axes (name, lowest, highest); `fit` turns a setting that makes no sense into the one that it comes to; `also` are
    measured in any case."""

    axes: tuple[tuple[str, int, int], ...]
    fit: Callable[[Setting], Setting] = lambda setting: setting
    also: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class Effort:
    """How much may be spent: repeats of every setting, of those that are tied, and settings in all."""

    first: int = 2
    most: int = 5
    settings: int = 60


ENOUGH_SIGMA = 2.0
"""Two medians further apart than this many standard errors differ."""
NO_MATTER = 0.02
"""Two medians nearer than this are equal for whoever has to choose."""


def powers(low: int, high: int) -> tuple[int, ...]:
    """low, the powers of two above it, high."""
    between = (
        [2**k for k in range(low.bit_length(), high.bit_length()) if low < 2**k < high]
        if high > low
        else []
    )
    return tuple(sorted({low, *between, high}))


def coarse(space: Space) -> tuple[Setting, ...]:
    grid = itertools.product(*(powers(low, high) for _, low, high in space.axes))
    return tuple(dict.fromkeys(map(space.fit, (*grid, *space.also))))


def centre(values: Sequence[float | None]) -> float | None:
    """Median of the repeats that count, if those are more than half; else the setting is out."""
    good = [value for value in values if value is not None]
    return median(good) if 2 * len(good) > len(values) else None


def best(scores: Scores) -> Setting | None:
    """The highest median; of equals the smallest setting."""
    valid = [
        (-value, setting)
        for setting, values in scores.items()
        if (value := centre(values)) is not None
    ]
    return min(valid)[1] if valid else None


def noise(scores: Scores) -> float | None:
    """Relative standard deviation of one measurement, pooled over all settings; None while none was repeated."""
    squares, freedom = 0.0, 0
    for values in scores.values():
        logs = [math.log(value) for value in values if value is not None and value > 0]
        if len(logs) >= 2:
            squares += variance(logs) * (len(logs) - 1)
            freedom += len(logs) - 1
    return math.sqrt(squares / freedom) if freedom else None


def tied(scores: Scores, one: Setting, other: Setting, sigma: float) -> bool:
    """Whether the medians of two settings lie no further apart than noise explains, or than matters. Both must be valid."""
    first, second = centre(scores[one]), centre(scores[other])
    assert first and second
    apart = abs(math.log(first / second))
    counts = [sum(value is not None for value in scores[setting]) for setting in (one, other)]
    error = (
        math.sqrt(math.pi / 2) * sigma * math.sqrt(1 / counts[0] + 1 / counts[1])
    )  # of medians of few
    return apart <= max(NO_MATTER, ENOUGH_SIGMA * error)


def flat(scores: Scores) -> tuple[Setting, ...]:
    """The settings that cannot be told from the best, the best among them; empty when none is valid."""
    top = best(scores)
    if top is None:
        return ()
    sigma = noise(scores) or 0.0
    return tuple(
        sorted(
            setting
            for setting, values in scores.items()
            if centre(values) is not None and tied(scores, top, setting, sigma)
        )
    )


def recommended(scores: Scores) -> Setting | None:
    """Of the flat region the smallest: of equals the one that needs least (fewest workers first)."""
    return min(flat(scores), default=None)


def neighbours(space: Space, scores: Scores, setting: Setting) -> tuple[Setting, ...]:
    """On each axis half-way to the next measured value on either side: to the next in its own row, and to the next in any."""
    found = []
    for place, (_, low, high) in enumerate(space.axes):
        before, here, after = setting[:place], setting[place], setting[place + 1 :]
        row = {
            each[place] for each in scores if (each[:place], each[place + 1 :]) == (before, after)
        }
        for others in (row, {each[place] for each in scores}):
            below = max((value for value in others if value < here), default=low)
            above = min((value for value in others if value > here), default=high)
            between = {(below + here) // 2, (here + above + 1) // 2} - {below, here, above}
            found += [space.fit((*before, value, *after)) for value in sorted(between)]
    return tuple(each for each in dict.fromkeys(found) if each not in scores)


def next_batch(space: Space, scores: Scores, effort: Effort = Effort()) -> tuple[Setting, ...]:
    """The settings to measure once more each; empty when the search is over."""
    wanted = [*coarse(space), *(setting for setting in scores if setting not in coarse(space))]
    lacking = tuple(setting for setting in wanted if len(scores.get(setting, ())) < effort.first)
    if lacking:
        return lacking
    top = best(scores)
    if top is None:
        return ()
    near = neighbours(space, scores, top)[: max(0, effort.settings - len(scores))]
    if near:
        return near
    return tuple(setting for setting in flat(scores) if len(scores[setting]) < effort.most)
