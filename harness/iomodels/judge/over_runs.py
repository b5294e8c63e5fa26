"""Two servers that never shared a round, compared over their runs: pure functions on numbers.

The unit is the run. The rounds of a run share the state of its machine, so their spread does not
show how much another run would differ. docs/decisions/0121-two-kernels-are-joined-by-runs.md has
the simulated coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import NamedTuple

from scipy.special import stdtr, stdtrit

from iomodels.judge.stats import welch_freedom

Logs = Sequence[float]
"""Of one server at one load in one run: the natural logarithm of each round's result."""


@dataclass(frozen=True)
class Difference:
    """Mean logarithm of one side less that of the other. None: not enough numbers for a spread."""

    mean: float
    half: float | None
    p: float | None
    over_runs: bool

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """The interval of the ratio."""
        if self.half is None:
            return None, None
        return _exp(self.mean - self.half), _exp(self.mean + self.half)


class _Side(NamedTuple):
    """The mean logarithm of a server, and the variances that add up to its own, with their degrees
    of freedom; none without a spread."""

    mean: float
    squares: list[float]
    freedoms: list[int]


def difference(one: Sequence[Logs], other: Sequence[Logs], confidence: float) -> Difference:
    """Compare two servers by the logarithms of each of their runs.

    With two runs or more of both, the values are the means of the runs. Welch's formula then gives
    the degrees of freedom, if both have equally many. Else it may be too high, and the server with
    fewer runs gives them.
    """
    over_runs = min(len(one), len(other)) > 1
    above, below = (_side(each, over_runs) for each in (one, other))
    mean = above.mean - below.mean
    if not above.squares or not below.squares:
        return Difference(mean, None, None, over_runs)
    squares, freedoms = above.squares + below.squares, above.freedoms + below.freedoms
    freedom = welch_freedom(squares, freedoms)
    if over_runs and len(one) != len(other):
        freedom = float(min(freedoms))
    error = math.sqrt(sum(squares))
    p = float(2 * stdtr(freedom, -abs(mean) / error)) if error else float(not mean)
    return Difference(mean, _half(error, freedom, confidence), p, over_runs)


def _side(logs: Sequence[Logs], over_runs: bool) -> _Side:
    """Each run has the same weight. Without `over_runs` the variances are those within the runs."""
    means = [fmean(each) for each in logs]
    if over_runs:
        return _Side(fmean(means), [variance(means) / len(means)], [len(means) - 1])
    if min(map(len, logs)) < 2:
        return _Side(fmean(means), [], [])
    squares = [variance(each) / len(each) / len(logs) ** 2 for each in logs]
    return _Side(fmean(means), squares, [len(each) - 1 for each in logs])


def mean_of(logs: Sequence[Logs], confidence: float) -> tuple[float, float | None, float | None]:
    """Return the geometric mean over the runs, and its interval; None without a spread.

    The interval is over the runs, or with one run over its rounds.
    """
    mean, squares, freedoms = _side(logs, len(logs) > 1)
    if not squares:
        return math.exp(mean), None, None
    half = _half(math.sqrt(sum(squares)), welch_freedom(squares, freedoms), confidence)
    return math.exp(mean), _exp(mean - half), _exp(mean + half)


def _half(error: float, freedom: float, confidence: float) -> float:
    return -float(stdtrit(freedom, (1 - confidence) / 2)) * error


def _exp(log: float) -> float:
    try:
        return math.exp(log)
    except OverflowError:
        return math.inf
