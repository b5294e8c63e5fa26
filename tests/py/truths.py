"""Hold the sentences of a load against its raw rounds, by a computation of its own.

`check` reads each sentence, and recomputes from the rates of the rounds what it says. A sentence
that it does not know is an error: whoever adds one adds its truth here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import geometric_mean

import numpy as np
from scipy import stats

from iomodels.judge.loads import JudgedLoad, Rules
from iomodels.report.answer import Rank

Sessions = Sequence[Hashable]
Said = Mapping[str, str]
"""The named parts of a sentence."""
CLOCK = 1e-9
"""A window of a second is timed in ns. A smaller difference of two rates is none."""


@dataclass(frozen=True)
class Pair:
    """One server over another in the rounds of both; more is faster. One round has no interval."""

    rounds: int
    ratio: float
    low: float | None
    high: float | None

    @property
    def near(self) -> float:
        """The end of the interval that is nearer to 1, as a ratio; below 1 where it contains 1."""
        return max(self.low or 0.0, 1 / self.high if self.high else 0.0)


class Load:
    """The rounds of one load, and what they say of two servers."""

    def __init__(self, load: JudgedLoad, rules: Rules, sessions: Sessions | None = None) -> None:
        self.load, self.rules, self.sessions = load, rules, sessions
        self.cpu = load.offered
        self.rounds = {
            cell.condition.label: dict(zip(cell.rounds, cell.values))
            for cell in load.cells
            if cell.verdict.valid and len(cell.values) == len(cell.rounds) > 0
        }
        self.labels = {cell.condition.label for cell in load.cells}
        self.controls = {each.label: each.twin for each in load.controls}
        self.ranked = [label for label in self.rounds if label not in self.controls]

    def pair(self, label: str, other: str, confidence: float | None = None) -> Pair | None:
        shared = sorted(set(self.rounds[label]) & set(self.rounds[other]))
        if not shared:
            return None
        logs = {at: math.log(self.rounds[label][at] / self.rounds[other][at]) for at in shared}
        logs = {at: log if abs(log) >= CLOCK else 0.0 for at, log in logs.items()}
        units = list(logs.values())
        if self.sessions is not None and len(set(self.sessions)) > 1:
            of: dict[Hashable, list[float]] = {}
            for at, log in logs.items():
                of.setdefault(self.sessions[at], []).append(log)
            units = [float(np.mean(each)) for each in of.values()]
        mean = float(np.mean(units))
        if len(units) < 2:
            return Pair(len(shared), math.exp(mean), None, None)
        level = confidence or self.rules.fastest.confidence
        error = float(np.std(units, ddof=1)) / math.sqrt(len(units))
        half = error * float(stats.t.ppf((1 + level) / 2, len(units) - 1))
        return Pair(len(shared), math.exp(mean), *(math.exp(mean + end) for end in (-half, half)))

    def over(self, label: str, other: str) -> Pair:
        found = self.pair(label, other)
        assert found, f"{label} and {other} share no round"
        return found

    def led(self, other: str) -> Pair:
        """The leader over another server."""
        assert self.load.fastest
        return self.over(self.load.fastest.leader, other)

    @property
    def floor(self) -> float:
        """The far end of the worst control that the judge calls different from its twin."""
        floors = [1.0]
        for each in self.load.controls:
            if each.disagrees:
                one = self.pair(each.label, each.twin, self.rules.baseline.confidence)
                assert one and one.low and one.high and one.near > 1
                floors.append(max(one.high, 1 / one.low))
        return max(floors)


# ---- printed numbers ----


def number(text: str) -> float:
    return float(text.replace(",", ""))


def step(text: str) -> float:
    """How far apart neighbours of a printed number are: '14' has 1, '1.5' and '6' have 0.1."""
    value = number(text)
    return 1.0 if value >= 10 else 10.0 ** (math.floor(math.log10(value)) - 1)


def is_value(text: str, value: float | None) -> None:
    assert value is not None and abs(number(text) / value - 1) <= 0.00501, (text, value)


def is_by(text: str, ratio: float, low: float = -0.5, high: float = 0.5) -> None:
    """'14 %' or '2.03×' is the ratio, off by `low` to `high` steps of its last digit."""
    shown = text.removesuffix("×").removesuffix(" %")
    if text.endswith("×"):
        off = (number(shown) - ratio) * 10 ** len(shown.partition(".")[2])
    else:
        assert number(shown) > 0, f"'{text}' says nothing of {ratio}"
        off = (number(shown) - 100 * (ratio - 1)) / step(shown)
    assert low - 1e-6 <= off <= high + 1e-6, (text, ratio)


def listed(of: Load, text: str) -> list[str]:
    """Return the labels of a list; a label may contain a comma or "and" itself."""
    known = "|".join(re.escape(label) for label in sorted(of.labels, key=len, reverse=True))
    found = re.findall(known, text)
    assert re.fullmatch(r"(, | and | or )*", re.sub(known, "", text)), (text, found)
    return found


def ends(rounds: str) -> tuple[int, int]:
    """'5 to 10' → (5, 10); '10' → (10, 10)."""
    found = [int(each) for each in re.findall(r"\d+", rounds)]
    return found[0], found[-1]


# ---- sentences ----

Truth = Callable[[Load, Said], None]
KNOWN: list[tuple[re.Pattern[str], Truth]] = []
NAMES = r"(?P<names>.+?)"
LEADER = r"(?P<leader>.+?)"
VALUE = r"(?P<value>[\d,.]+) (?:requests/s|µs of CPU time per request)"
LEVEL = r"\((?P<level>\d+) % interval: (?P<low>\S+)( %)? to (?P<high>\S+)( %)?\)"
BY = r"(?P<by>[\d,.]+( %|×))"
MARGIN = r"(?P<margin>[\d.]+) %"


def truth_of(*parts: str) -> Callable[[Truth], Truth]:
    """Register what a sentence says; a sentence ends at a full stop and a blank."""

    def register(truth: Truth) -> Truth:
        KNOWN.append((re.compile(rf"{''.join(parts)}\.(?: |$)"), truth))
        return truth

    return register


@truth_of(
    rf"{LEADER} is fastest with {VALUE}, {BY} (more than|as many as) ",
    rf"(?P<other>.+?)(, the next)? {LEVEL}",
)
@truth_of(
    rf"{LEADER} is cheapest with {VALUE}; (?P<other>.+?)(, the next,)? ",
    rf"needs {BY} (more|as much) {LEVEL}",
)
def is_fastest(of: Load, said: Said) -> None:
    leader, other = said["leader"], said["other"]
    is_value(said["value"], of.load.figure(leader))
    one = of.over(leader, other)
    for each in of.ranked:
        pair = of.pair(leader, each) if each != leader else None
        assert pair is None or (pair.low and pair.low > of.floor)
        assert pair is None or pair.ratio >= one.ratio * (1 - 1e-12), "the next is the nearest"
    is_by(said["by"], one.ratio)
    share = said["by"].endswith("%")
    for end, value in (("low", one.low), ("high", one.high)):
        is_by(f"{said[end]} %" if share else said[end], value or 0.0)
    assert number(said["level"]) == 100 * of.rules.fastest.stated
    assert not of.load.beating


@truth_of(
    rf"{LEADER} is likely (fastest|cheapest) with {VALUE}\. ",
    rf"Its lead over {NAMES} could still be chance",
)
def is_likely_fastest(of: Load, said: Said) -> None:
    is_value(said["value"], of.load.figure(said["leader"]))
    names = listed(of, said["names"])
    assert all(of.over(said["leader"], other).near > of.floor for other in names)


def is_within(of: Load, other: str, margin: str) -> None:
    one, most = of.led(other), 1 + of.rules.fastest.margin
    assert number(margin) == 100 * of.rules.fastest.margin and of.floor == 1.0
    assert one.low and one.high
    assert 1 / most <= one.low * (1 + 1e-9) and one.high <= most * (1 + 1e-9)


@truth_of(rf"{NAMES} are equally (fast|cheap), within {MARGIN}(?P<of> of .+?)? \(about {VALUE}\)")
def are_equal(of: Load, said: Said) -> None:
    leader, *others = listed(of, said["names"])
    is_value(said["value"], of.load.figure(leader))
    for other in others:
        is_within(of, other, said["margin"])
    assert said["of"] == (None if len(others) == 1 else f" of {leader}")


@truth_of(
    rf"{LEADER} came out (fastest|cheapest) \({VALUE}\)(, but ",
    r"((?P<rounds>[\d to]+) rounds? do(es)? not separate it from (?P<by_rounds>.+?))?( and )?",
    r"(the control leaves open whether it is ahead of (?P<by_control>.+?))?)?",
)
def came_out(of: Load, said: Said) -> None:
    is_value(said["value"], of.load.figure(said["leader"]))
    if said["by_rounds"]:
        pairs = [of.over(said["leader"], other) for other in listed(of, said["by_rounds"])]
        assert all(one.near <= 1 for one in pairs), "the rounds separate them"
        rounds = [one.rounds for one in pairs]
        assert ends(said["rounds"]) == (min(rounds), max(rounds))
    for other in listed(of, said["by_control"]) if said["by_control"] else ():
        assert of.over(said["leader"], other).near <= of.floor and of.floor > 1


@truth_of(
    rf"{LEADER} was (fastest|cheapest) so far \({VALUE}\)(, but only| in) ",
    rf"(?P<rounds>[\d to]+) rounds?( compares? it with {NAMES})?",
    r"\. A claim needs (?P<needs>.+?)",
)
def was_fastest_so_far(of: Load, said: Said) -> None:
    leader = said["leader"]
    is_value(said["value"], of.load.figure(leader))
    every = [each for each in of.ranked if each != leader and of.pair(leader, each)]
    pairs = [
        of.over(leader, other)
        for other in (listed(of, said["names"] or "") if said["names"] else every)
    ]
    rounds = [one.rounds for one in pairs]
    assert ends(said["rounds"]) == (min(rounds), max(rounds))
    least = of.rules.fastest.least_rounds
    if said["needs"] == "two sessions":
        assert min(rounds) >= least and all(one.low is None for one in pairs)
    else:
        assert int(said["needs"]) == least > min(rounds)


@truth_of(rf"{NAMES} (is|are) (slower|costlier) by at least {BY}")
def are_behind(of: Load, said: Said) -> None:
    least = min(of.led(other).low or 0.0 for other in listed(of, said["names"]))
    assert least > of.floor
    is_by(said["by"], least if of.cpu else 2 - 1 / least, -1.0, 0.0)


@truth_of(rf"{NAMES} (is|are) likely (slower|costlier)")
def are_likely_behind(of: Load, said: Said) -> None:
    assert all((of.led(other).low or 0.0) > of.floor for other in listed(of, said["names"]))


@truth_of(rf"{NAMES} (is|are) equal to it within {MARGIN}")
def are_equal_to_it(of: Load, said: Said) -> None:
    for other in listed(of, said["names"]):
        is_within(of, other, said["margin"])


@truth_of(rf"{NAMES} (is|are) ahead of it in the rounds of both")
def are_ahead(of: Load, said: Said) -> None:
    assert all((of.led(other).high or math.inf) < 1 for other in listed(of, said["names"]))


@truth_of(
    r"The control disagrees: (?P<label>.+?) and (?P<twin>.+?) are the same program, yet they ",
    rf"differ by {BY}\. So this load claims no difference below ",
    r"(?P<more>[\d.,]+( % more|×)) or (?P<less>[\d.]+ %) less",
)
def control_disagrees(of: Load, said: Said) -> None:
    assert of.controls[said["label"]] == said["twin"] and of.floor > 1
    ratio = of.over(said["label"], said["twin"]).ratio
    is_by(said["by"], max(ratio, 1 / ratio))
    is_by(said["more"].removesuffix(" more"), of.floor, -1.0, 0.0)
    is_by(said["less"], 2 - 1 / of.floor, -1.0, 0.0)


@truth_of(rf"Only {LEADER} has a figure: {VALUE}")
def is_alone(of: Load, said: Said) -> None:
    assert of.ranked == [said["leader"]]
    value = geometric_mean(of.rounds[said["leader"]].values())
    is_value(said["value"], 1e6 / value if of.cpu else value)


@truth_of(rf"{LEADER} has {VALUE}, but no comparison")
def has_no_comparison(of: Load, said: Said) -> None:
    others = [each for each in of.ranked if each != said["leader"]]
    assert others and not any(of.pair(said["leader"], each) for each in others)


@truth_of(r"No server has a figure at this load")
def is_empty(of: Load, said: Said) -> None:
    assert of.ranked == [] and not any(each.at_least for each in of.load.unable)


@truth_of(rf"(?P<label>.+?) shares no round with {LEADER}")
def shares_no_round(of: Load, said: Said) -> None:
    assert of.pair(said["label"], said["leader"]) is None


@truth_of(rf"{NAMES} (has|have) no valid figure")
def have_no_figure(of: Load, said: Said) -> None:
    assert not set(listed(of, said["names"])) & {*of.rounds, *of.controls}
    assert of.ranked or any(each.at_least for each in of.load.unable), "said twice"


@truth_of(
    rf"(No winner can be named\. )?{NAMES} reached the limit of the load generator, ",
    r"so (it|each) serves at least (?P<least>[\d.,]+) requests/s",
)
def reached_at_least(of: Load, said: Said) -> None:
    names = listed(of, said["names"])
    least = min(each.at_least or 0.0 for each in of.load.unable if each.label in names)
    assert 0.99 * least <= number(said["least"]) <= least * (1 + 1e-12)


@truth_of(rf"Of the others, {LEADER} is first with {VALUE}")
def is_first_of_the_others(of: Load, said: Said) -> None:
    assert of.load.fastest and of.load.beating
    is_value(said["value"], of.load.figure(said["leader"]))


@truth_of(r"(?P<label>.+?) is not on this platform \((?P<platform>[^)]+)\)(; it needs [^.]+)?")
def is_not_on_this_platform(of: Load, said: Said) -> None:
    assert said["label"] in of.labels and said["label"] not in of.rounds


@truth_of(r"(?P<label>.+?) cannot hold [\d,]+ connections: it stopped at [\d,]+")
def cannot_hold(of: Load, said: Said) -> None:
    assert said["label"] not in of.rounds


def check_verdict(of: Load, verdict: str) -> None:
    """Read every sentence of a verdict, and hold it against the rounds."""
    rest = verdict
    while rest:
        for pattern, truth in KNOWN:
            found = pattern.match(rest)
            parts = found.groupdict() if found else {}
            if found and not any(re.search(r"\. \S", part or "") for part in parts.values()):
                truth(of, parts)
                rest = rest[found.end() :]
                break
        else:
            raise AssertionError(f"no truth is known of: {rest}")


# ---- the ranked list ----

ROW = re.compile(
    r"(?P<word>[a-z ]+?(?: within [\d.]+ %)?)(?P<withheld>, since the control disagrees)?: "
    r"(?P<ratio>[\d.]+)×(?: \[(?P<low>[\d.e+-]+|inf), (?P<high>[\d.e+-]+|inf)\])?"
    r"(?P<both> in the \d+ rounds? of both)?"
)


def check_ranking(of: Load, ranks: Sequence[Rank]) -> None:
    """List, order and ratios agree, no word points the other way, and no control is ranked."""
    rows = [rank for rank in ranks if rank.value is not None and not rank.control]
    for above, below in pairwise(rows[1:]):
        assert is_better(of, above, below)
    for row in rows[1:]:
        check_row(of, rows[0], row)
    for rank in ranks:
        assert rank.control is (rank.label in of.controls)
        if rank.control and rank.value is not None:
            twin = of.load.figure(of.controls[rank.label])
            ratio = re.match(r"control: ([\d.]+)×", rank.words)
            assert ratio and twin and abs(float(ratio[1]) - rank.value / twin) <= 0.00501


def is_better(of: Load, one: Rank, other: Rank) -> bool:
    assert one.value and other.value
    ratio = other.value / one.value if of.cpu else one.value / other.value
    return ratio >= 1 - 1e-12


def check_row(of: Load, first: Rank, row: Rank) -> None:
    found = ROW.fullmatch(row.words)
    assert found and first.value and row.value and first.words == "first", row.words
    assert abs(float(found["ratio"]) - row.value / first.value) <= 0.00501, row.words
    assert is_better(of, first, row) or found["both"], "a row above the first says why"
    word = found["word"]
    numbers = [float(found[name]) for name in ("ratio", "low", "high") if found[name]]
    if word.endswith(("faster", "costlier")):
        assert min(numbers) > 1, row.words
    if word.endswith(("slower", "cheaper")):
        assert max(numbers) < 1, row.words
    if word.endswith(("faster", "slower", "cheaper", "costlier")):
        assert of.led(row.label).near > of.floor
    if word.startswith("equal"):
        is_within(of, row.label, word.split()[-2])
    assert bool(found["withheld"]) <= (of.floor > 1)


def check(
    load: JudgedLoad,
    rules: Rules,
    verdict: str,
    ranks: Sequence[Rank],
    sessions: Sessions | None = None,
) -> None:
    """Raise AssertionError where a sentence or a row is not true of the rounds of its load."""
    of = Load(load, rules, sessions)
    for text in (verdict, *(rank.words for rank in ranks)):
        assert not re.search(r"(?<![\d.])0 %|\b1 of 1\b|None|nan|  ", text), text
    check_verdict(of, verdict)
    check_ranking(of, ranks)
