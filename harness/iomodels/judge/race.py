"""Find the simplest setting that is good enough, by a race: pure functions of scores.

Sequential halving (Karnin, Koren, Somekh 2013): all settings get a few rounds, the better half
stays, and so on until four finalists share the rest of the budget. Then a simultaneous bound in the
manner of multiple comparisons with the best (Hsu 1996) says how much each finalist loses at most.
docs/decisions/0097-a-tuning-is-a-race.md argues the method, docs/tuning-statistics.md proves it.

A setting is its place in a list of entrants. In a round every setting of a stage runs once, so all
comparisons are paired within rounds. Scores are natural logarithms, and higher is better. Nothing
is kept between calls: stages and scores decide.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Logs = NDArray[np.float64]
"""Logarithms of scores, shape (rounds, settings); NaN: not measured, or failed."""

FINALISTS = 4
CONFIDENCE = 0.95
MARGIN = 0.05
GOOD_ENOUGH = math.log(1 / (1 - MARGIN))
"""The largest loss of a recommended setting, as a logarithm."""
TRIALS_PER_SETTING = 4
"""Fewer trials per setting miss good settings too often, at a spread of 3 %."""
FEW = 2.5
"""With fewer trials per setting, a third stays instead of half."""
CLOSING_ROUNDS = 14
MOST_CLOSING = 2
MOST_FAILURES = 2
"""A setting that fails so often leaves the race."""


@dataclass(frozen=True)
class Entrant:
    """One setting: its model, its number of workers (None: not an option), and how simple it is."""

    model: str
    workers: int | None
    simplicity: tuple[int, ...]
    """Less is simpler."""


@dataclass(frozen=True)
class Stage:
    """Each of `settings` runs once in each of `rounds`. Closing rounds follow the race."""

    settings: tuple[int, ...]
    rounds: int
    closing: bool = False


@dataclass(frozen=True)
class Difference:
    """The logarithm of one setting's score over another's, with its 95 % interval.

    The interval is infinite with a single round.
    """

    mean: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True)
class Answer:
    """The chosen setting. `bound`: logarithm of the most that it loses to the best finalist.

    `shown`: that is at most 5 %. If not, the setting is the best one seen, and `rounds_needed`
    estimates the rounds of the finalists that would show it.
    """

    setting: int
    bound: float
    shown: bool
    finalists: tuple[int, ...]
    rounds: int
    rounds_needed: int | None


# ---- what comes next ----


def sizes_of(settings: int, trials: float) -> tuple[int, ...]:
    """Return how many settings each stage has, for a budget of trials; the last is the final."""
    share = 3 if trials < FEW * settings else 2
    sizes = [settings]
    while sizes[-1] > FINALISTS:
        sizes.append(max(FINALISTS, math.ceil(sizes[-1] / share)))
    return tuple(sizes)


def next_stage(
    sizes: Sequence[int],
    stages: Sequence[Stage],
    logs: Logs,
    out: Collection[int],
    trials_left: float,
) -> Stage | None:
    """Return the stage after `stages`, which are complete; None at the end of the race.

    `out`: settings that failed too often. The first round is a part of its own: it shows how long a
    trial takes. The final may have several parts, because more budget continues it. Each stage has
    at least one round, so a tiny budget is exceeded.
    """
    raced = [stage for stage in stages if not stage.closing]
    if not raced:
        alive = [place for place in range(sizes[0]) if place not in out]
        return _stage(alive, 1)
    stay = best(logs, [place for place in raced[-1].settings if place not in out])
    left = len(sizes) - _stages_done(sizes, raced)  # with the final
    if len(raced) == 1 and left == len(sizes) - 1 > 0:
        more = round((trials_left + len(stay)) / len(sizes) / max(1, len(stay))) - 1
        if more > 0:
            return _stage(stay, more)
    alive = stay[: sizes[-left]] if left > 0 else stay
    rounds = trials_left / max(1, len(alive))
    if left > 1:
        return _stage(alive, max(1, round(rounds / left)))
    return _stage(alive, max(int(rounds), left))


def _stages_done(sizes: Sequence[int], raced: Sequence[Stage]) -> int:
    """Return how many stages of the plan are complete; the first one may have two parts."""
    two_parts = len(sizes) > 1 and len(raced) > 1 and len(raced[1].settings) > sizes[1]
    return min(len(raced) - two_parts, len(sizes))


def _stage(settings: Sequence[int], rounds: int) -> Stage | None:
    return Stage(tuple(sorted(settings)), rounds) if settings and rounds > 0 else None


def best(logs: Logs, settings: Sequence[int]) -> list[int]:
    """Return the settings in the order of their mean over the rounds that all of them share."""
    rows = logs[:, list(settings)]
    shared = rows[~np.isnan(rows).any(axis=1)]
    if not len(shared):
        return list(settings)
    means = shared.mean(axis=0)
    return [settings[place] for place in np.argsort(-means, kind="stable")]


def ranking(stages: Sequence[Stage], logs: Logs, out: Collection[int]) -> list[int]:
    """Return all settings that are not out: who stayed longer first, then by the mean."""
    order: list[int] = []
    for stage in reversed([stage for stage in stages if not stage.closing]):
        stay = [place for place in stage.settings if place not in out]
        order += [place for place in best(logs, stay) if place not in order]
    return order


def closing_stage(
    entrants: Sequence[Entrant],
    stages: Sequence[Stage],
    logs: Logs,
    out: Collection[int],
    found: Answer,
) -> Stage | None:
    """Return the rounds of the answer next to its two neighbours; None if there are enough.

    The neighbours are the best setting of the same model with half as many workers or fewer, and
    the best setting of another model. The answer may change, so two closing stages may follow each
    other.
    """
    closed = list(takewhile(lambda stage: stage.closing, reversed(stages)))
    ranked = ranking(stages, logs, out)
    neighbours = (half(entrants, found.setting, ranked), rival(entrants, found.setting, ranked))
    settings = (found.setting, *(place for place in neighbours if place is not None))
    stage = Stage(tuple(sorted(settings)), CLOSING_ROUNDS, closing=True)
    done = stage in closed or len(closed) == MOST_CLOSING
    return None if done or len(settings) == 1 else stage


def half(entrants: Sequence[Entrant], setting: int, ranked: Sequence[int]) -> int | None:
    """Return the best setting of the same model with half as many workers, or the next fewer."""
    own = entrants[setting]
    if own.workers is None:
        return None
    fewer = [
        (workers, place)
        for place in ranked
        if entrants[place].model == own.model
        and (workers := entrants[place].workers) is not None
        and 2 * workers <= own.workers
    ]
    most = max((workers for workers, _ in fewer), default=0)
    return next((place for workers, place in fewer if workers == most), None)


def rival(entrants: Sequence[Entrant], setting: int, ranked: Sequence[int]) -> int | None:
    """Return the best setting of another model."""
    own = entrants[setting].model
    return next((place for place in ranked if entrants[place].model != own), None)


# ---- what it showed ----


def difference(logs: Logs, one: int, other: int) -> Difference | None:
    """Compare two settings over the rounds that they share; None if they share none."""
    pairs = logs[:, one] - logs[:, other]
    pairs = pairs[~np.isnan(pairs)]
    if not len(pairs):
        return None
    mean = float(pairs.mean())
    error = _error(pairs)
    width = math.inf if error is None else error * _quantile((1 + CONFIDENCE) / 2, len(pairs) - 1)
    return Difference(mean, mean - width, mean + width, len(pairs))


def bounds(logs: Logs, settings: Sequence[int]) -> dict[int, float]:
    """Return per setting the most that it loses to the best of `settings`, as a logarithm.

    All bounds hold together with 95 % confidence: Student's t of the differences within rounds,
    each at the level that Bonferroni's correction gives. A pair without two common rounds has no
    bound, so it is infinite.
    """
    found = dict.fromkeys(settings, 0.0)
    level = 1 - (1 - CONFIDENCE) / max(1, len(settings) - 1)
    for one in settings:
        for other in settings:
            if one != other:
                found[one] = max(found[one], _most(logs[:, other] - logs[:, one], level))
    return found


def answer(entrants: Sequence[Entrant], logs: Logs, finalists: Sequence[int]) -> Answer:
    """Choose the simplest finalist that is shown to lose at most 5 %, else the best one seen.

    There must be a finalist.
    """
    found = bounds(logs, finalists)
    good = [place for place in finalists if found[place] <= GOOD_ENOUGH]
    if good:
        chosen = min(good, key=lambda place: entrants[place].simplicity)
    else:
        chosen = best(logs, finalists)[0]
    rows = logs[:, list(finalists)]
    rounds = int((~np.isnan(rows).any(axis=1)).sum())
    needed = None
    if not good:
        needed = _rounds_needed(rounds, found[chosen])
    return Answer(chosen, found[chosen], bool(good), tuple(finalists), rounds, needed)


def spread(logs: Logs, settings: Sequence[int]) -> float | None:
    """Return the standard deviation of one trial: that of the paired differences over √2."""
    pairs = [
        logs[:, one] - logs[:, other]
        for place, one in enumerate(settings)
        for other in settings[place + 1 :]
    ]
    known = [pair[~np.isnan(pair)] for pair in pairs]
    variances = [float(np.var(pair, ddof=1)) for pair in known if len(pair) > 1]
    return math.sqrt(float(np.mean(variances)) / 2) if variances else None


def _rounds_needed(rounds: int, bound: float) -> int | None:
    """Estimate the rounds that bring the bound of the best setting to 5 %."""
    if not math.isfinite(bound):
        return None
    return max(rounds + 1, math.ceil(rounds * (bound / GOOD_ENOUGH) ** 2))


def _most(pairs: Logs, level: float) -> float:
    """Return the one-sided upper bound of the mean."""
    pairs = pairs[~np.isnan(pairs)]
    error = _error(pairs)
    if error is None:
        return math.inf
    return float(pairs.mean()) + _quantile(level, len(pairs) - 1) * error


def _error(pairs: Logs) -> float | None:
    """Return the standard error of the mean; None of fewer than two values."""
    if len(pairs) < 2:
        return None
    return float(pairs.std(ddof=1)) / math.sqrt(len(pairs))


@lru_cache(maxsize=4096)
def _quantile(level: float, freedom: int) -> float:
    """Return how far Student's t goes with the probability `level`."""
    return float(stdtrit(freedom, level))
