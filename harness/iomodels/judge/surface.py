"""Choose the next setting to measure, and rate the measured ones: pure functions on scores.

A higher score is better. A coarse grid comes first: powers of two on every axis. Then come the
settings between the best one and its measured neighbours, repeatedly. Finally the settings that
noise leaves tied with the best get more repeats. Nothing is kept between calls. The scores decide,
so an interrupted search resumes from them.
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
"""The score of each repeat of a setting; None: it failed, or missed the latency limit."""


@dataclass(frozen=True)
class Space:
    """The axes (name, lowest, highest).

    `fit` replaces a senseless setting by its equivalent. `also` are measured in any case.
    """

    axes: tuple[tuple[str, int, int], ...]
    fit: Callable[[Setting], Setting] = lambda setting: setting
    also: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class Effort:
    """The budget: repeats per setting, repeats per tied setting, and settings in all."""

    first: int = 2
    most: int = 5
    settings: int = 60


ENOUGH_SIGMA = 2.0
"""Two medians differ if more than this many standard errors separate them."""
NO_MATTER = 0.02
"""Two medians nearer than this are equal for any decision."""


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
    """Return the median of the repeats that count if those are more than half; else exclude it."""
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
    """Return the relative standard deviation of one measurement, pooled over all settings.

    Returns None if no setting has a repeat.
    """
    squares, freedom = 0.0, 0
    for values in scores.values():
        logs = [math.log(value) for value in values if value is not None and value > 0]
        if len(logs) >= 2:
            squares += variance(logs) * (len(logs) - 1)
            freedom += len(logs) - 1
    return math.sqrt(squares / freedom) if freedom else None


def tied(scores: Scores, one: Setting, other: Setting, sigma: float) -> bool:
    """Return whether the medians of two valid settings differ by no more than noise, or than
    matters."""
    first, second = centre(scores[one]), centre(scores[other])
    assert first and second
    apart = abs(math.log(first / second))
    counts = [sum(value is not None for value in scores[setting]) for setting in (one, other)]
    of_medians = math.sqrt(math.pi / 2)  # of few values, over the error of their mean
    error = of_medians * sigma * math.sqrt(1 / counts[0] + 1 / counts[1])
    return apart <= max(NO_MATTER, ENOUGH_SIGMA * error)


def flat(scores: Scores) -> tuple[Setting, ...]:
    """Return the settings tied with the best, and the best; empty if none is valid."""
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
    """Return the smallest setting of the flat region: of equals the one with the fewest workers."""
    return min(flat(scores), default=None)


def neighbours(space: Space, scores: Scores, setting: Setting) -> tuple[Setting, ...]:
    """Return the settings half-way to the next measured values, on each axis and side.

    They are the next value in the setting's own row, and the next in any row.
    """
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
    """Return the settings to measure once more each; empty at the end of the search."""
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
