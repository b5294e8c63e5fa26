"""Find the rate at which half of the trials keep an SLO. No launching, no clock.

A trial at `rate` keeps the SLO with the probability (1 − lapses) · expit((c − ln rate) / w). The
answer is exp(c). `w` is how wide the chance falls off, and `lapses` are misses of no particular
rate. The search keeps the probability of every c, w and lapses on a grid, and each judged trial
multiplies it (QUEST: Watson and Pelli 1983; Kontsevich and Tyler 1999). It asks at the middle of c,
then to both sides of it, where the trials show the width. docs/slo.md simulates what that reaches,
and docs/decisions/0101-an-slo-search-fits-a-curve.md gives the reasons.

A search is a function of its trials, so a resumed search just gets the kept ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]

MOST = 60
"""Trials of a search, unless a command asks for another number."""
LEAST = 25  # trials before an interval may end a search
LEAST_AT_AN_END = 8  # trials before an end of the range may
NARROW = 0.10  # width of the interval that ends a search, in logarithms: ± 5 %
OUTSIDE = 0.03
"""Share outside the interval at a look. As the search stops by it, it covers about 95 %."""
WIDTHS = (0.01, 0.02, 0.04, 0.08, 0.15, 0.28)
LAPSES = (0.01, 0.03, 0.08)
LUCK = 1e-3  # least chance to keep the SLO, however high the rate: no trial excludes a c for good
STEP = 0.01  # of the grid of c
BEYOND = 0.2  # how far the grid reaches beyond the range, in logarithms
LEAST_SIDE = 0.02  # distance of the sides from the middle, in logarithms
UNJUDGED = 8
"""Unjudged trials from a rate on that end the range below it. At most one in nine may be judged."""
NINE_OF_TEN = math.log(9)  # expit(ln 9) = 0.9
SAFE = 0.03
"""Chance that nine of ten keep the SLO only below `safe`: at the stop some 5 %, as of OUTSIDE."""
CONFIDENCE = 0.95  # that no two equal servers are called different


@dataclass(frozen=True)
class Range:
    """The rates that a search may ask for, in requests per second."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high < math.inf:
            raise ValueError(f"a search needs 0 < low <= high, not {self}")


@dataclass(frozen=True)
class Trial:
    """One trial. `met` is None if the trial shows nothing of the server."""

    rate: float
    met: bool | None


class Kind(Enum):
    """Where the answer lies: in the range, above it or below it; or the trials do not show that."""

    INSIDE = "inside"
    AT_LEAST = "at least"
    BELOW = "below"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """The rate that half of the trials keep, in requests per second; None unless inside.

    low, high: the ends of its interval; None for an end that the range does not show.
    safe: nine of ten trials keep the SLO at this rate at least, with 95 % confidence.
    width: how wide the chance falls off, in logarithms.
    trials, judged: all of them, and those that count.
    more: how many further trials may narrow the interval to ± 5 %; 0 if it is that narrow.
    late_from: from this rate on the trials were unjudged; None without such a rate.
    """

    kind: Kind
    rate: float | None
    low: float | None
    high: float | None
    safe: float | None
    width: float
    trials: int
    judged: int
    more: int
    late_from: float | None


@dataclass(frozen=True)
class Ratio:
    """The rate of one server over another's, with its simultaneous interval."""

    value: float
    low: float
    high: float
    separated: bool


class Search:
    """Some trials at rates of `range_`, and what they make of every c, w and lapses.

    probabilities: of each c, w and lapses, in this order of the axes; they add up to 1.
    """

    def __init__(self, range_: Range, trials: Iterable[Trial] = ()) -> None:
        self.range = range_
        self.trials = tuple(trials)
        shape = (len(_grid(range_)), len(WIDTHS), len(LAPSES))
        self.probabilities: Array = np.full(shape, 1 / math.prod(shape))
        for trial in self.trials:
            self.probabilities = _updated(self.probabilities, range_, trial)

    def plus(self, trial: Trial) -> Search:
        """Return the search with one more trial."""
        longer = Search(self.range)
        longer.trials = (*self.trials, trial)
        longer.probabilities = _updated(self.probabilities, self.range, trial)
        if self._cautious is not self and longer._late_from is not None:
            longer._cautious = self._cautious.plus(_counted(trial))
        return longer

    def ask(self, most: int = MOST) -> float | None:
        """Return the next rate in requests per second; None if the search is complete."""
        if self._cautious is not self:
            return self._cautious.ask(most)
        if len(self.trials) >= most or self._enough():
            return None
        side = (0.0, 1.0, -1.0)[self.judged % 3] * max(self.width, LEAST_SIDE)
        rate = math.exp(self._points(0.5)[0] + side)
        return min(max(rate, self.range.low), self.range.high)

    def _enough(self) -> bool:
        low, high = self._interval
        at_an_end = low >= math.log(self.range.high) or high <= math.log(self.range.low)
        if at_an_end and len(self.trials) >= LEAST_AT_AN_END:
            return True
        return len(self.trials) >= LEAST and high - low <= NARROW

    @property
    def judged(self) -> int:
        return sum(trial.met is not None for trial in self.trials)

    @cached_property
    def _late_from(self) -> float | None:
        """Return the logarithm of the lowest rate from which on trials are unjudged."""
        unjudged = judged = 0
        found: float | None = None
        for trial in sorted(self.trials, key=lambda each: -each.rate):
            if trial.met is not None:
                judged += 1
                continue
            unjudged += 1
            if unjudged >= UNJUDGED and judged <= unjudged / UNJUDGED:
                found = math.log(trial.rate)
        return found

    @cached_property
    def _cautious(self) -> Search:
        """Return the search for the lower end of an answer.

        A late load generator judges no miss, but every lucky trial. From the rate on at which it is
        always late, only lucky trials would count. So then each unjudged trial counts as missed.
        """
        if self._late_from is None:
            return self
        return Search(self.range, map(_counted, self.trials))

    # ---- what the probabilities say ----

    @cached_property
    def _without_lapses(self) -> Array:
        """The probability of each c and w."""
        found: Array = self.probabilities @ np.ones(len(LAPSES))
        return found

    @cached_property
    def middle(self) -> Array:
        """The probability of each c of the grid."""
        found: Array = self._without_lapses.sum(axis=1)
        return found

    @cached_property
    def width(self) -> float:
        """The geometric mean of w."""
        return math.exp(float(self._without_lapses.sum(axis=0) @ np.log(WIDTHS)))

    @cached_property
    def _interval(self) -> tuple[float, float]:
        low, high = self._points(OUTSIDE / 2, 1 - OUTSIDE / 2)
        return low, high

    def _points(self, *shares: float) -> Sequence[float]:
        return _quantiles(_grid(self.range), self.middle, shares)

    def answer(self) -> Answer:
        """Return what the trials so far say."""
        high, late, cautious = self._interval[1], self._late_from, self._cautious
        low, begin = cautious._interval[0], math.log(self.range.low)
        top = math.log(self.range.high) if late is None else late
        kind = self._kind(low <= begin, high >= top)
        inside = kind is Kind.INSIDE
        at_least = inside or kind is Kind.AT_LEAST
        more = math.ceil(len(self.trials) * ((high - low) / NARROW) ** 2) - len(self.trials)
        return Answer(
            kind,
            math.exp(max(low, self._points(0.5)[0])) if inside else None,
            math.exp(min(low, top)) if at_least else None,
            math.exp(max(high, begin)) if inside or kind is Kind.BELOW else None,
            cautious._safe(top) if at_least else None,
            self.width,
            len(self.trials),
            self.judged,
            max(0, more) if inside else 0,
            None if late is None else math.exp(late),
        )

    def _kind(self, open_below: bool, open_above: bool) -> Kind:
        """Return where the interval lies: an end is open if the interval reaches it."""
        if open_below:
            unknown = open_above or self._late_from is not None
            return Kind.UNKNOWN if unknown else Kind.BELOW
        return Kind.AT_LEAST if open_above else Kind.INSIDE

    def _safe(self, top: float) -> float | None:
        """Return the rate of nine of ten trials; None below the range."""
        values = np.subtract.outer(_grid(self.range), NINE_OF_TEN * np.array(WIDTHS)).ravel()
        shares = self._without_lapses.ravel()
        order = np.argsort(values)
        at = int(np.searchsorted(np.cumsum(shares[order]), SAFE))
        safe = min(float(values[order][at]), top)
        return math.exp(safe) if safe >= math.log(self.range.low) else None

    def chance(self, rates: Sequence[float]) -> list[float]:
        """Return the fitted chance that a trial at each rate keeps the SLO, 0 … 1."""
        return [
            float((self.probabilities * _chance(self.range, math.log(rate))).sum())
            for rate in rates
        ]


def ratios(searches: Sequence[Search]) -> dict[tuple[int, int], Ratio]:
    """Return the ratio of each pair (place, later place), one family for Bonferroni's correction.

    All searches have one range. An end that the range does not show separates no servers.
    """
    pairs = list(combinations(range(len(searches)), 2))
    outside = (1 - CONFIDENCE) / max(1, len(pairs))
    return {(one, other): _ratio(searches[one], searches[other], outside) for one, other in pairs}


def _ratio(above: Search, below: Search, outside: float) -> Ratio:
    grid = _grid(above.range)
    if above.range != below.range:
        raise ValueError(f"searches over {above.range} and {below.range} cannot be compared")
    differences = np.convolve(above.middle, below.middle[::-1])
    steps = (np.arange(len(differences)) - len(grid) + 1) * (grid[1] - grid[0])
    low, middle, high = _quantiles(steps, differences, (outside / 2, 0.5, 1 - outside / 2))
    kinds = above.answer().kind, below.answer().kind
    shown = (low > 0 and _shows(*kinds)) or (high < 0 and _shows(*reversed(kinds)))
    return Ratio(math.exp(middle), math.exp(low), math.exp(high), shown)


def _shows(faster: Kind, slower: Kind) -> bool:
    """Whether the ranges show the lower end of the faster and the upper end of the slower one."""
    return faster in (Kind.INSIDE, Kind.AT_LEAST) and slower in (Kind.INSIDE, Kind.BELOW)


@lru_cache(maxsize=16)
def _grid(range_: Range) -> Array:
    """Return the logarithms of the rates that may be the answer."""
    low, high = math.log(range_.low) - BEYOND, math.log(range_.high) + BEYOND
    return np.linspace(low, high, math.ceil((high - low) / STEP) + 1)


def _chance(range_: Range, log_rate: float) -> Array:
    """Return the chance to keep the SLO at a rate under each c, w and lapses."""
    falling = expit((_grid(range_)[:, None] - log_rate) / np.array(WIDTHS))
    found: Array = falling[:, :, None] * (1 - np.array(LAPSES))
    return found


def _counted(trial: Trial) -> Trial:
    """Return the trial, missed if it was unjudged."""
    return Trial(trial.rate, bool(trial.met))


def _updated(probabilities: Array, range_: Range, trial: Trial) -> Array:
    """Return the probabilities after a trial; an unjudged one changes nothing."""
    if trial.met is None:
        return probabilities
    chance = _chance(range_, math.log(trial.rate))
    found: Array = probabilities * (np.maximum(chance, LUCK) if trial.met else 1 - chance)
    found /= found.sum()
    return found


def _quantiles(values: Array, shares: Array, points: Sequence[float]) -> list[float]:
    """Return the values below which the shares add up to each point, between the grid's values."""
    edges = np.cumsum(shares) - shares / 2
    return [float(value) for value in np.interp(points, edges, values)]
