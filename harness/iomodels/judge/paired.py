"""Compare the servers of one load, paired within rounds: pure functions on numbers.

All servers of a load run next to each other in a round, so the machine affects all of them alike.
The ratio of two servers within a round is free of that. The mean logarithm of those ratios gives
the ratio, Student's t its interval and its p. Holm's correction covers all comparisons of the load.
docs/decisions/0090-paired-comparisons.md gives the reasons, and docs/statistics.md simulates the
error rates.

Values are rates: more is faster. A cost is compared by its reciprocal.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations
from statistics import fmean

from scipy.special import ndtri, stdtr, stdtrit

from iomodels.judge.rule import FIXED, FIXED_FASTEST, Family, Lead, Rule, Word
from iomodels.judge.stats import holm

Values = Mapping[str, Sequence[float | None]]
"""One load: per server the rate of each round, None where that round has no valid measurement."""
Sessions = Sequence[Hashable]
"""The session of each round. Rounds of one session share the state of the machine."""
Logs = list[float | None]
"""Of each round the natural logarithm of a rate."""
RATES = (1e-100, 1e100)  # their ratios fit into a float
RESOLUTION = 1e-9
"""A window of a second is timed in ns. A smaller difference of two rates is none."""


@dataclass(frozen=True)
class Comparison:
    """Server `label` over server `other`, within the rounds that have both.

    `ratio` is above 1 where `label` is faster. `half_width` is a share: 0.05 is ± 5 %. Interval,
    half-width and p are None where one round, or one session of several, gives no spread.
    `rounds_needed` estimates the rounds that would decide; None where the word decides, or where a
    control withheld it (loads.py).
    """

    label: str
    other: str
    rounds: int
    ratio: float
    low: float | None
    high: float | None
    half_width: float | None
    p: float | None
    p_holm: float | None
    word: Word
    rounds_needed: int | None
    withheld: bool = False


@dataclass(frozen=True)
class Judged:
    """The comparisons of one load, and per server without any the reason."""

    comparisons: tuple[Comparison, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fastest:
    """The server with the highest rate, over each other one, the nearest first.

    `tied` are the servers that the rounds do not separate from it. Lead.EQUAL: all of those are
    equally fast within the margin. Lead.ALONE: no other server can be compared with it.
    """

    leader: str
    lead: Lead
    comparisons: tuple[Comparison, ...]
    tied: tuple[str, ...]
    left_out: Mapping[str, str]


def against(
    values: Values, baseline: str, rule: Rule = FIXED, sessions: Sessions | None = None
) -> Judged:
    """Judge every other server over `baseline`, in the order of `values`.

    A rule of all pairs covers all of them. Raises ValueError for impossible input.
    """
    if baseline not in values:
        raise ValueError(f"baseline {baseline} is not among the servers {', '.join(values)}")
    if rule.family is Family.ALL_PAIRS:
        pairs = [_towards(pair, baseline) for pair in combinations(values, 2)]
    else:
        pairs = [(label, baseline) for label in values if label != baseline]
    comparisons = [
        one for one in judge_pairs(values, pairs, rule, sessions) if one.other == baseline
    ]
    return Judged(tuple(comparisons), _left_out(values, comparisons, baseline))


def all_pairs(
    values: Values, rule: Rule = FIXED_FASTEST, sessions: Sessions | None = None
) -> Judged:
    """Judge each server over each later one of `values`. Raises ValueError as against() does."""
    if rule.family is not Family.ALL_PAIRS:
        raise ValueError(f"all pairs need a rule that covers them, not one of {rule.family.value}")
    comparisons = judge_pairs(values, list(combinations(values, 2)), rule, sessions)
    return Judged(tuple(comparisons), _left_out(values, comparisons, None))


def judge_pairs(
    values: Values,
    pairs: Sequence[tuple[str, str]],
    rule: Rule = FIXED,
    sessions: Sessions | None = None,
) -> list[Comparison]:
    """Judge each pair (server, other) as one family. A pair without a common round is excluded."""
    logs = _logarithms(values, sessions)
    estimates = [_estimate(logs[label], logs[other], sessions) for label, other in pairs]
    found = [(pair, each) for pair, each in zip(pairs, estimates) if each is not None]
    corrected = holm([each.p for _, each in found])
    return [
        _comparison(*pair, each, p_holm, rule, len(found))
        for (pair, each), p_holm in zip(found, corrected)
    ]


def fastest(
    values: Values,
    rule: Rule = FIXED_FASTEST,
    sessions: Sessions | None = None,
    among: Collection[str] | None = None,
) -> Fastest | None:
    """Return the fastest server and how sure that is; None if no server has a valid round.

    The leader is ahead of every other; where missing rounds leave none, the mean of its logarithms
    is highest. The same rounds chose it, so the rule must cover all pairs. `among`: the servers to
    name (default: all); the correction still covers all pairs of `values`. Raises ValueError as
    against() does.
    """
    judged = all_pairs(values, rule, sessions)
    values = {label: rates for label, rates in values.items() if among is None or label in among}
    compared = [one for one in judged.comparisons if {one.label, one.other} <= values.keys()]
    ahead: dict[str, list[float]] = {label: [] for label in values if _any_valid(values[label])}
    for one in compared:
        ahead[one.label].append(math.log(one.ratio))
        ahead[one.other].append(-math.log(one.ratio))
    if not ahead:
        return None
    leader = max(ahead, key=lambda label: _standing(ahead[label]))
    led = [turned(one, leader) for one in compared if leader in (one.label, one.other)]
    led.sort(key=lambda one: one.ratio)
    tied = tuple(one.other for one in led if one.word is not Word.FASTER)
    left_out = _left_out(values, led, leader)
    return Fastest(leader, _lead([one.word for one in led]), tuple(led), tied, left_out)


def _standing(ahead: Sequence[float]) -> tuple[bool, bool, float]:
    return bool(ahead), min(ahead, default=0.0) >= 0, fmean(ahead or [0.0])


def with_words(fastest: Fastest, comparisons: Sequence[Comparison]) -> Fastest:
    """Return the same leader with other words, changed by something besides the rounds."""
    tied = tuple(one.other for one in comparisons if one.word is not Word.FASTER)
    lead = _lead([one.word for one in comparisons])
    return replace(fastest, lead=lead, comparisons=tuple(comparisons), tied=tied)


def decided(comparisons: Iterable[Comparison], rule: Rule) -> bool:
    """Whether a load may stop: each comparison is decided, or known to ± the margin.

    A load without comparisons has nothing that more rounds could decide.
    """
    return all(
        one.word.decides
        or (one.word is not Word.PROVISIONAL and (one.half_width or 0.0) <= rule.margin)
        for one in comparisons
    )


# ---- one pair ----


@dataclass(frozen=True)
class _Estimate:
    """The mean logarithm of a ratio. The unit is the round, or the session where there are several.

    `spread` is the standard deviation of a unit; None of a single one.
    """

    mean: float
    spread: float | None
    units: int
    rounds: int

    def half_width(self, outside: float) -> float | None:
        return None if self.spread is None else _half_width(self.spread, self.units, outside)

    @property
    def p(self) -> float | None:
        """Two-sided Student's t against a ratio of 1."""
        if self.spread is None:
            return None
        if self.spread == 0.0:
            return 0.0 if self.mean else 1.0
        t = abs(self.mean) / self.spread * math.sqrt(self.units)
        return float(2.0 * stdtr(self.units - 1, -t))


def _half_width(spread: float, units: int, outside: float) -> float:
    """Return an interval that excludes a share `outside`, half of it at each end."""
    return _quantile(units - 1, outside) * spread / math.sqrt(units)


@lru_cache(maxsize=4096)
def _quantile(freedom: int, outside: float) -> float:
    """How far Student's t goes with the probability 1 - `outside`."""
    return -float(stdtrit(freedom, outside / 2.0))


def _estimate(label: Logs, other: Logs, sessions: Sessions | None) -> _Estimate | None:
    """Return the estimate of a pair; None if no round has both servers.

    With several sessions the unit is the mean of a session. Their spread holds differences between
    sessions and between rounds, each with its right weight (Kalibera, Jones 2013).
    """
    ratios = {
        place: above - below if abs(above - below) >= RESOLUTION else 0.0
        for place, (above, below) in enumerate(zip(label, other))
        if above is not None and below is not None
    }
    if not ratios:
        return None
    found = list(ratios.values())
    if sessions is not None and len(set(sessions)) > 1:
        of_session: dict[Hashable, list[float]] = {}
        for place, ratio in ratios.items():
            of_session.setdefault(sessions[place], []).append(ratio)
        found = [fmean(each) for each in of_session.values()]
    return _Estimate(fmean(found), _standard_deviation(found), len(found), len(ratios))


def _standard_deviation(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    middle = fmean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


# ---- one family ----


def _comparison(
    label: str, other: str, found: _Estimate, p_holm: float | None, rule: Rule, family: int
) -> Comparison:
    half = found.half_width(1.0 - rule.confidence)
    word = word_of(found.mean, half, p_holm, found.rounds, rule)
    return Comparison(
        label,
        other,
        found.rounds,
        math.exp(found.mean),
        None if half is None else _exp(found.mean - half),
        None if half is None else _exp(found.mean + half),
        None if half is None else _exp(half) - 1.0,
        found.p,
        p_holm,
        word,
        None if word.decides else _rounds_needed(found, half, rule, family),
    )


def _exp(log: float) -> float:
    """Return infinity beyond a float: two rounds that disagree have very wide intervals."""
    try:
        return math.exp(log)
    except OverflowError:
        return math.inf


def word_of(mean: float, half: float | None, p: float | None, rounds: int, rule: Rule) -> Word:
    """Return the word of a mean logarithm, of its interval's half-width, and of its corrected p."""
    if half is None or p is None or rounds < rule.least_rounds:
        return Word.PROVISIONAL
    leaves_out_1 = abs(mean) > half
    if leaves_out_1 and p < rule.alpha:
        return Word.FASTER if mean > 0 else Word.SLOWER
    if abs(mean) + half <= math.log1p(rule.margin):
        return Word.EQUAL
    if leaves_out_1:
        return Word.LIKELY_FASTER if mean > 0 else Word.LIKELY_SLOWER
    return Word.NOT_DECIDED


def _rounds_needed(found: _Estimate, half: float | None, rule: Rule, family: int) -> int:
    """Return the rounds until the interval is ± the margin if the spread stays.

    If the interval is that narrow already, the ratio must stay, too. The result is then the first
    round at which the interval excludes 1 by Holm's strictest step, or is inside the margin.
    """
    if half is None or found.spread is None:
        return max(rule.least_rounds, found.rounds + 1)
    margin, outside = math.log1p(rule.margin), 1.0 - rule.confidence
    if half > margin:
        units = _units_needed(found.spread, outside, margin)
    else:
        strictest = min(outside, rule.alpha / family)
        aims = ((strictest, abs(found.mean)), (outside, margin - abs(found.mean)))
        near = [each for each in aims if each[1] > margin / 4]  # the other one takes far longer
        units = min(_units_needed(found.spread, *each) for each in near)
    rounds = math.ceil(units * found.rounds / found.units)
    return max(rule.least_rounds, found.rounds + 1, rounds)


def _units_needed(spread: float, outside: float, aim: float) -> int:
    """Return the least number of units whose interval has a half-width of at most `aim`."""
    units = max(2, math.ceil((float(ndtri(outside / 2.0)) * spread / aim) ** 2))
    while _half_width(spread, units, outside) > aim:
        units += 1
    return units


def _lead(words: Sequence[Word]) -> Lead:
    """From the words of the leader over each other server."""
    open_words = {word for word in words if word is not Word.FASTER}
    if not words:
        return Lead.ALONE
    if Word.PROVISIONAL in open_words:
        return Lead.PROVISIONAL
    if not open_words:
        return Lead.CLEAR
    if open_words == {Word.LIKELY_FASTER}:
        return Lead.LIKELY
    return Lead.EQUAL if open_words == {Word.EQUAL} else Lead.NOT_DECIDED


# ---- what goes in ----


def _logarithms(values: Values, sessions: Sessions | None) -> dict[str, Logs]:
    """Raises ValueError for rounds that do not match and for impossible rates."""
    lengths = {label: len(rates) for label, rates in values.items()}
    if len(set(lengths.values())) > 1:
        given = ", ".join(f"{label} {length}" for label, length in lengths.items())
        raise ValueError(f"the servers of one load must have the same rounds, not {given}")
    rounds = max(lengths.values(), default=0)
    if sessions is not None and len(sessions) != rounds:
        raise ValueError(f"each of {rounds} rounds needs a session, but {len(sessions)} are given")
    return {
        label: [_logarithm(label, place, rate) for place, rate in enumerate(rates)]
        for label, rates in values.items()
    }


def _logarithm(label: str, place: int, rate: float | None) -> float | None:
    if rate is None:
        return None
    if not RATES[0] < rate < RATES[1]:
        raise ValueError(f"{label}, round {place + 1}: {rate} must be a positive, finite rate")
    return math.log(rate)


def _left_out(
    values: Values, comparisons: Sequence[Comparison], anchor: str | None
) -> dict[str, str]:
    """Return why a server is in no comparison; all others are compared with the anchor."""
    compared = {label for one in comparisons for label in (one.label, one.other)}
    return {
        label: f"no round has both it and {anchor or 'another server'}"
        if _any_valid(rates)
        else "no valid round"
        for label, rates in values.items()
        if label not in compared and (label != anchor or not _any_valid(rates))
    }


def _any_valid(rates: Sequence[float | None]) -> bool:
    return any(rate is not None for rate in rates)


def _towards(pair: tuple[str, str], baseline: str) -> tuple[str, str]:
    """The pair with the baseline, if it has it, as the one divided by."""
    return (pair[1], pair[0]) if pair[0] == baseline else pair


def turned(one: Comparison, label: str) -> Comparison:
    """The same comparison, with `label` as the first server."""
    if one.label == label:
        return one
    return replace(
        one,
        label=one.other,
        other=one.label,
        ratio=1.0 / one.ratio,
        low=None if one.high is None else 1.0 / one.high,
        high=None if one.low is None else 1.0 / one.low if one.low else math.inf,
        word=one.word.turned,
    )
