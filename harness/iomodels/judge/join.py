"""`iomodels join`: servers of Linux over those of Windows, from runs on both.

The two kernels never share a round, so nothing can be paired, and the unit of an interval is the
run (over_runs.py). With one run of a platform, the spread between its runs is unknown. The interval
then comes from the rounds, and no word is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from iomodels.data.records import Run
from iomodels.judge.cells import Cell
from iomodels.judge.loads import JudgedLoad
from iomodels.judge.over_runs import Difference, Logs, difference, mean_of
from iomodels.judge.paired import word_of
from iomodels.judge.rule import FIXED, Rule, Word
from iomodels.judge.stats import holm
from iomodels.judge.summary import Summary, summarise
from iomodels.judge.verdict import Kind
from iomodels.plan.order import LoadKey

RULE = replace(FIXED, least_rounds=2)
"""Its rounds are runs here: two of a platform show a spread."""
OF_THE_BEST = 0.99
"""Level of the interval between the best servers, so that 95 % remain after the choice of both."""


class Scale(Enum):
    """What is compared. The value is its unit."""

    RATE = "requests/s"
    COST = "CPU µs per request"

    def text(self, word: Word, margin: float) -> str:
        """Return the word of a ratio as a page prints it."""
        if self is Scale.COST:
            for speed, cost in (("faster", "less CPU time"), ("slower", "more CPU time")):
                if word.value.endswith(speed):
                    return word.value.replace(speed, cost)
        return word.text(margin)


@dataclass(frozen=True)
class Side:
    """The runs of one platform, in the order given. `labels`: its servers without the controls."""

    platform: str
    summaries: tuple[Summary, ...]
    labels: tuple[str, ...]

    @property
    def system(self) -> str:
        """'Windows' or 'Linux'."""
        return self.platform.partition("-")[0].capitalize()


@dataclass(frozen=True)
class Entry:
    """One server at one load, over the runs of its side.

    value, low, high: geometric mean with its interval; None where there is none. logs: of each run
    with a result. reasons: why a run has none. sources: the clocks of the CPU time.
    """

    label: str
    value: float | None
    low: float | None
    high: float | None
    logs: tuple[Logs, ...]
    reasons: tuple[str, ...]
    sources: tuple[str, ...] = ()

    @property
    def runs(self) -> int:
        return len(self.logs)

    @property
    def rounds(self) -> int:
        return sum(map(len, self.logs))


@dataclass(frozen=True)
class Ratio:
    """A Linux server over a Windows server at one load.

    over_runs: the interval holds the spread between runs; else only that within them, and the word
    is PROVISIONAL. withheld: a control of one of the runs disagrees by as much.
    """

    label: str
    other: str
    ratio: float
    low: float | None
    high: float | None
    p_holm: float | None
    word: Word
    runs: tuple[int, int]
    over_runs: bool
    withheld: bool = False


@dataclass(frozen=True)
class Compared:
    """One load on one scale. `best` is the best Linux server over the best Windows server."""

    scale: Scale
    windows: tuple[Entry, ...]
    linux: tuple[Entry, ...]
    baseline: str
    ratios: tuple[Ratio, ...]
    best: Ratio | None


@dataclass(frozen=True)
class JoinedLoad:
    key: LoadKey
    scales: tuple[Compared, ...]

    def on(self, scale: Scale) -> Compared | None:
        return next((each for each in self.scales if each.scale is scale), None)


@dataclass(frozen=True)
class Joined:
    """Runs of two platforms. `missing`: what is not joined, one line each."""

    windows: Side
    linux: Side
    baseline: str
    rule: Rule
    loads: tuple[JoinedLoad, ...]
    missing: tuple[str, ...]

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.windows, self.linux

    @property
    def over_runs(self) -> bool:
        """Whether both platforms have the runs that show their spread."""
        return all(len(side.summaries) >= RULE.least_rounds for side in self.sides)


def join(
    windows: Sequence[Run],
    linux: Sequence[Run],
    baseline: str | None = None,
    margin: float = RULE.margin,
) -> Joined:
    """Join runs that join_conditions.py accepted.

    `baseline` is a Windows server (default: that of the first run). Raises ValueError for another.
    """
    sides = _side(windows), _side(linux)
    chosen = baseline or sides[0].summaries[0].baseline
    if chosen not in sides[0].labels:
        raise ValueError(f"must be one of: {', '.join(sides[0].labels)}")
    rule = replace(RULE, margin=margin)
    shared, missing = shared_loads([*windows, *linux])
    loads = [
        JoinedLoad(key, tuple(_compare(key, scale, sides, chosen, rule) for scale in scales))
        for key in shared
        if (scales := _scales(key, sides))
    ]
    return Joined(*sides, chosen, rule, tuple(loads), missing)


def shared_loads(runs: Sequence[Run]) -> tuple[list[LoadKey], tuple[str, ...]]:
    """Return the loads that all runs have, and lines about the others.

    A rate that is a part of a run's own lowest peak is another load in each run.
    """
    keys = [{load.key for load in summarise(run).loads} for run in runs]
    everywhere = set.intersection(*keys)
    missing = [
        f"{_load_words(key)}: not in run {run.manifest['run']}"
        for key in sorted(set.union(*keys) - everywhere)
        for run, own in zip(runs, keys)
        if key not in own and not key.rate_percent
    ]
    if any(key.rate_percent for own in keys for key in own):
        missing.append("rates in percent of the lowest peak: each run has peaks of its own")
    return sorted(key for key in everywhere if not key.rate_percent), tuple(missing)


def _load_words(key: LoadKey) -> str:
    return f"{key.connections:,} × {key.panel.words}"


def _side(runs: Sequence[Run]) -> Side:
    summaries = tuple(summarise(run) for run in runs)
    labels = dict.fromkeys(label for each in summaries for label in each.ranked)
    return Side(runs[0].platform, summaries, tuple(labels))


def _scales(key: LoadKey, sides: tuple[Side, Side]) -> list[Scale]:
    """All requests of an open loop come at one rate, so only their costs are compared."""
    load = _loads(sides[0], key)[0]
    return [Scale.COST] if load.offered else [Scale.RATE, Scale.COST]


def _loads(side: Side, key: LoadKey) -> list[JudgedLoad]:
    return [next(load for load in each.loads if load.key == key) for each in side.summaries]


# ---- one load on one scale ----


def _compare(
    key: LoadKey, scale: Scale, sides: tuple[Side, Side], baseline: str, rule: Rule
) -> Compared:
    windows, linux = (
        tuple(_entry(side, _loads(side, key), label, scale) for label in side.labels)
        for side in sides
    )
    floor = _floor([load for side in sides for load in _loads(side, key)])
    divisor = next(each for each in windows if each.label == baseline)
    pairs = [(each, divisor) for each in linux if each.logs and divisor.logs]
    found = [difference(one.logs, other.logs, rule.confidence) for one, other in pairs]
    corrected = holm([each.p if each.over_runs else None for each in found])
    ratios = [
        _ratio(pair, each, p_holm, scale, rule, floor)
        for pair, each, p_holm in zip(pairs, found, corrected)
    ]
    best = _best(windows, linux, scale, rule, floor)
    return Compared(scale, windows, linux, baseline, tuple(ratios), best)


def _best(
    windows: Sequence[Entry], linux: Sequence[Entry], scale: Scale, rule: Rule, floor: float
) -> Ratio | None:
    """The same runs choose both servers, so the interval is wider: OF_THE_BEST."""
    sides = [[each for each in side if each.value is not None] for side in (linux, windows)]
    if not all(sides):
        return None
    choose: Callable[..., Entry] = max if scale is Scale.RATE else min
    one, other = (choose(side, key=lambda each: each.value) for side in sides)
    strict = replace(rule, confidence=OF_THE_BEST, alpha=1 - OF_THE_BEST)
    found = difference(one.logs, other.logs, OF_THE_BEST)
    return _ratio((one, other), found, found.p, scale, strict, floor)


def _ratio(
    pair: tuple[Entry, Entry],
    found: Difference,
    p: float | None,
    scale: Scale,
    rule: Rule,
    floor: float,
) -> Ratio:
    one, other = pair
    runs = (one.runs, other.runs)
    better = found.mean if scale is Scale.RATE else -found.mean
    known = found.half if found.over_runs else None
    word = word_of(better, known, p, min(runs), rule)
    low, high = found.ends
    withheld = floor > 1.0 and word.decides and not _beyond(word, low, high, floor)
    if withheld:
        word = Word.NOT_DECIDED
    return Ratio(
        one.label,
        other.label,
        math.exp(found.mean),
        low,
        high,
        p if found.over_runs else None,
        word,
        runs,
        found.over_runs,
        withheld,
    )


def _beyond(word: Word, low: float | None, high: float | None, floor: float) -> bool:
    """Whether an interval is beyond what a disagreeing control shows. Nothing equal is."""
    if word is Word.EQUAL or low is None or high is None:
        return False
    return max(low, 1 / high if high else math.inf) > floor


def _floor(loads: Sequence[JudgedLoad]) -> float:
    """Return the ratio within which the controls of these runs allow no claim; 1 if all agree."""
    controls = [load.disagreeing for load in loads]
    return max([1.0, *(control.floor for control in controls if control)])


def _entry(side: Side, loads: Sequence[JudgedLoad], label: str, scale: Scale) -> Entry:
    logs: list[Logs] = []
    reasons: list[str] = []
    sources: list[str] = []
    for summary, load in zip(side.summaries, loads):
        run = summary.run.manifest["run"]
        cell = next((each for each in load.cells if each.condition.label == label), None)
        found, reason = ([], "is not in its suite") if cell is None else logs_of(cell, scale)
        if found:
            logs.append(found)
            sources += _sources(summary.run, label) if scale is Scale.COST else []
        else:
            reasons.append(f"{label} in run {run}: {reason}")
    ends = mean_of(logs, RULE.confidence) if logs else (None, None, None)
    return Entry(label, *ends, tuple(logs), tuple(reasons), tuple(dict.fromkeys(sources)))


def logs_of(cell: Cell, scale: Scale) -> tuple[list[float], str]:
    """Return the logarithms of a cell's rounds, or none and the reason.

    At the limit of the network both kernels carry the same bytes. That says nothing of their rates,
    and makes their costs comparable.
    """
    kind = cell.verdict.kind
    if not cell.verdict.valid and not (scale is Scale.COST and kind is Kind.NETWORK_BOUND):
        return [], str(cell.verdict)
    values = cell.rates if scale is Scale.RATE else cell.cpu_us
    if not values or min(values) <= 0:
        return [], "its CPU time per request is unavailable"
    return [math.log(value) for value in values], ""


def _sources(run: Run, label: str) -> list[str]:
    """The clocks of the CPU time of a server, as its records name them."""
    rows = [
        (record.counters or {}).get("server.cpu_ns", {}).get("source")
        for record in run.records
        if record.condition.label == label
    ]
    return [str(source) for source in dict.fromkeys(rows) if source]
