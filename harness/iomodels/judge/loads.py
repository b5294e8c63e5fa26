"""All servers under one load: the differences between them, and how sure these are.

The comparisons of one load are the family for Holm's correction (paired.py). There are two
families: every server over the chosen baseline, and all pairs, from which the fastest is named.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import geometric_mean
from types import MappingProxyType
from typing import Any

from iomodels.judge import paired
from iomodels.judge.cells import Cell
from iomodels.judge.paired import Comparison, Fastest
from iomodels.judge.rule import FIXED, FIXED_FASTEST, Lead, Rule, Word
from iomodels.judge.verdict import Kind
from iomodels.plan.order import LIMIT, LoadKey, is_limit

OLD, NEW = "@old", "@new"
"""End of the name of a series in a comparison of two builds: MODEL@old and MODEL@new."""


@dataclass(frozen=True)
class Rules:
    """The rules of a run: for comparisons with the baseline, and for the fastest of all."""

    baseline: Rule = FIXED
    fastest: Rule = FIXED_FASTEST

    def with_margin(self, margin: float) -> Rules:
        return Rules(
            replace(self.baseline, margin=margin),
            replace(self.fastest, margin=margin),
        )

    def to_json(self) -> dict[str, Any]:
        return {"baseline": self.baseline.to_json(), "fastest": self.fastest.to_json()}

    @staticmethod
    def of(manifest: Mapping[str, Any]) -> Rules:
        """Return the rules that a run was made with; a run without them had a fixed plan."""
        found = manifest.get("statistics")
        if found is None:
            return Rules()
        return Rules(Rule.from_json(found["baseline"]), Rule.from_json(found["fastest"]))


@dataclass(frozen=True)
class Unable:
    """A server without a figure at this load. `limit`: it cannot carry the load, which is a result.

    `at_least`: requests per second that a client-bound server reached; it can do more.
    """

    label: str
    reason: str
    limit: bool
    at_least: float | None = None


@dataclass(frozen=True)
class Control:
    """A server's own program under another name, judged against that server, its twin.

    comparison: the control over its twin; None with a reason where one of them has no figure.
    """

    label: str
    twin: str
    comparison: Comparison | None
    reason: str = ""

    @property
    def disagrees(self) -> bool:
        """Whether the rule calls the two different."""
        one = self.comparison
        return one is not None and one.word in (Word.FASTER, Word.SLOWER)

    @property
    def floor(self) -> float:
        """The far end of its interval as a ratio of at least 1.

        Where the control disagrees, the run claims nothing within this ratio at the load.
        """
        one = self.comparison
        ends = [end for end in (one.low, one.high) if end is not None] if one else []
        return max([1.0, *(max(end, 1 / end if end else math.inf) for end in ends)])


@dataclass(frozen=True)
class JudgedLoad:
    """One load: its cells in the suite's order, and their comparisons.

    baseline: the chosen one; if that has no result, the fastest; None without any result.
    over_baseline: each other server over it, without the controls, which make no claim. fastest: of
    all servers but the controls; None if no server has a result. unable: servers without a figure.

    Of two builds, each new one is over the old one of its model; no baseline, no fastest.
    sessions: the session of each round, where the run was spread over several. hidden: cells that a
    view of some servers leaves out, and which still count in the corrections.
    """

    key: LoadKey
    cells: tuple[Cell, ...]
    baseline: str | None
    chosen: str
    over_baseline: tuple[Comparison, ...]
    fastest: Fastest | None
    controls: tuple[Control, ...]
    unable: tuple[Unable, ...]
    rounds: int
    sessions: tuple[int, ...] | None = None
    hidden: tuple[Cell, ...] = ()

    def cell(self, label: str) -> Cell:
        return next(cell for cell in self.cells if cell.condition.label == label)

    def comparison(self, label: str) -> Comparison | None:
        """Return the server over the baseline, or a control over its twin; None without one."""
        for control in self.controls:
            if control.label == label:
                return control.comparison
        return next((each for each in self.over_baseline if each.label == label), None)

    def figure(self, label: str) -> float | None:
        """Return requests per second, or at an offered rate the CPU time per request in µs.

        The leader's is the geometric mean over its rounds. That of another server is the leader's
        times their paired ratio, and that of a control is its twin's times theirs. So the figures,
        their order and the ratios agree. None without a comparison.
        """
        value = self._value(label)
        return 1e6 / value if value and self.offered else value

    def _value(self, label: str) -> float | None:
        for control in self.controls:
            if control.label == label:
                twin = self._value(control.twin)
                return control.comparison.ratio * twin if control.comparison and twin else None
        if self.fastest is None:
            return None
        led = next((one for one in self.fastest.comparisons if one.other == label), None)
        if led is None and label != self.fastest.leader:
            return None
        value = geometric_mean(self.cell(self.fastest.leader).values)
        return value / led.ratio if led else value

    @property
    def beating(self) -> tuple[str, ...]:
        """The client-bound servers that reached more than the leader of the others."""
        leader = (self.figure(self.fastest.leader) if self.fastest else None) or math.inf
        return tuple(each.label for each in self.unable if (each.at_least or 0.0) > leader)

    @property
    def offered(self) -> bool:
        """Whether the servers are compared by CPU time per request, at an offered rate."""
        return self.cells[0].offered

    @property
    def lead(self) -> Lead | None:
        """How sure the leader is. Nothing is decided while a client-bound server may beat it."""
        return Lead.NOT_DECIDED if self.beating else self.fastest.lead if self.fastest else None

    @property
    def disagreeing(self) -> Control | None:
        """The control that disagrees most."""
        found = [control for control in self.controls if control.disagrees]
        return max(found, key=lambda control: control.floor) if found else None


def judge_load(
    cells: Sequence[Cell],
    chosen: str,
    rules: Rules = Rules(),
    twins: Mapping[str, str] = MappingProxyType({}),
    sessions: Sequence[int] | None = None,
    shown: Collection[str] | None = None,
) -> JudgedLoad:
    """Judge the cells of one load. `chosen` is the baseline, `twins` has each control's twin.

    `sessions` gives the session of each round, where the run was spread over several. `shown`: the
    servers of the result (default: all). The corrections and the controls cover all cells, so a
    choice of servers claims no more than the whole.
    """
    shown = {cell.condition.label for cell in cells} if shown is None else shown
    rounds, values = _values(cells)
    if sessions is not None:
        sessions = sessions[:rounds]
    ranked = {label: each for label, each in values.items() if label not in twins}
    fastest = paired.fastest(ranked, rules.fastest, sessions, shown) if ranked else None
    baseline = chosen if chosen in values else fastest.leader if fastest else None
    without = {
        cell.condition.label: _unable(cell) for cell in cells if cell.condition.label not in values
    }
    controls = tuple(
        _control(label, twin, _over(values, twin, rules, sessions), without)
        for label, twin in twins.items()
    )
    floor = _floor(controls)
    return JudgedLoad(
        LoadKey.of(cells[0].condition),
        tuple(cell for cell in cells if cell.condition.label in shown),
        baseline,
        chosen,
        tuple(
            _beyond(each, floor)
            for each in _over(ranked, baseline, rules, sessions)
            if each.label in shown
        ),
        _fastest_beyond(fastest, floor),
        tuple(each for each in controls if each.label in shown or each.disagrees),
        tuple(each for label, each in without.items() if label in shown and label not in twins),
        rounds,
        None if sessions is None else tuple(sessions),
        tuple(each for each in cells if each.condition.label not in {*shown, *twins}),
    )


def over(load: JudgedLoad, baseline: str, rules: Rules) -> tuple[Comparison, ...]:
    """Return what `over_baseline` would be with another baseline; nothing if that has no figure."""
    controls = {control.label for control in load.controls}
    _, values = _values((*load.cells, *load.hidden))
    ranked = {label: each for label, each in values.items() if label not in controls}
    floor = _floor(load.controls)
    shown = {cell.condition.label for cell in load.cells}
    found = _over(ranked, baseline, rules, load.sessions)
    return tuple(_beyond(each, floor) for each in found if each.label in shown)


def _floor(controls: Sequence[Control]) -> float:
    """Return the ratio within which a load claims nothing, since a control disagrees; else 1."""
    return max([1.0, *(control.floor for control in controls if control.disagrees)])


def judge_builds(cells: Sequence[Cell], chosen: str, rules: Rules) -> JudgedLoad:
    """Judge each model's new build over its old one; these comparisons are one family."""
    rounds, values = _values(cells)
    news = [label for label in values if label.endswith(NEW)]
    pairs = [(new, new.removesuffix(NEW) + OLD) for new in news]
    found = paired.judge_pairs(
        values, [each for each in pairs if each[1] in values], rules.baseline
    )
    without = [_unable(cell) for cell in cells if cell.condition.label not in values]
    key = LoadKey.of(cells[0].condition)
    over = tuple(found)
    return JudgedLoad(key, tuple(cells), None, chosen, over, None, (), tuple(without), rounds)


def _values(cells: Sequence[Cell]) -> tuple[int, dict[str, list[float | None]]]:
    """The rounds of a load, and per series with a figure its value of each round."""
    rounds = max((number + 1 for cell in cells for number in cell.rounds), default=0)
    return rounds, {
        cell.condition.label: cell.by_round(rounds)
        for cell in cells
        if cell.verdict.valid and any(value is not None for value in cell.by_round(rounds))
    }


def _over(
    values: paired.Values, baseline: str | None, rules: Rules, sessions: paired.Sessions | None
) -> tuple[Comparison, ...]:
    if baseline is None or baseline not in values:
        return ()
    return paired.against(values, baseline, rules.baseline, sessions).comparisons


def settled(load: JudgedLoad, rules: Rules) -> bool:
    """Whether more rounds of this load would change no word.

    Late sends at an offered rate are the machine's, not the server's: the median over more rounds
    may well be timely. Then the server has a figure.
    """
    if any(cell.offered and cell.verdict.kind is Kind.CLIENT_BOUND for cell in load.cells):
        return False
    leads = load.fastest.comparisons if load.fastest else ()
    return paired.decided(load.over_baseline, rules.baseline) and paired.decided(
        leads, rules.fastest
    )


def _control(
    label: str, twin: str, over: Sequence[Comparison], without: Mapping[str, Unable]
) -> Control:
    """`over` are the comparisons with the twin, `without` the servers that have no figure."""
    one = next((each for each in over if each.label == label), None)
    if one is not None:
        return Control(label, twin, one)
    if label in without:
        return Control(label, twin, None, without[label].reason)
    why = "has no figure" if twin in without else "shares no round with it"
    return Control(label, twin, None, f"{twin} {why}")


def _beyond(comparison: Comparison, floor: float) -> Comparison:
    """Withhold a claim whose interval reaches into what a disagreeing control shows."""
    one = comparison
    claims = one.word not in (Word.NOT_DECIDED, Word.PROVISIONAL)
    if floor == 1.0 or not claims or one.low is None or one.high is None:
        return one
    if one.word is not Word.EQUAL and max(one.low, 1 / one.high) > floor:
        return one
    return replace(one, word=Word.NOT_DECIDED, rounds_needed=None, withheld=True)


def _fastest_beyond(fastest: Fastest | None, floor: float) -> Fastest | None:
    if fastest is None or floor == 1.0:
        return fastest
    return paired.with_words(fastest, [_beyond(each, floor) for each in fastest.comparisons])


def _unable(cell: Cell) -> Unable:
    label, verdict = cell.condition.label, cell.verdict
    if verdict.kind is Kind.CLIENT_BOUND and cell.rate is not None and not cell.offered:
        return Unable(label, "; ".join(verdict.reasons), False, cell.rate.value)
    if verdict.valid:
        return Unable(label, "its CPU time per request is unavailable", False)
    held = _connections_held(cell)
    if held is not None:
        asked = cell.condition.connections
        return Unable(label, f"cannot hold {asked:,} connections: it stopped at {held:,}", True)
    if cell.failures and all(is_limit(failure.reason) for failure in cell.failures):
        said = cell.failures[0].reason.removeprefix(LIMIT).strip()
        return Unable(label, said.removeprefix(f"{cell.condition.model} "), True)
    return Unable(label, "; ".join(verdict.reasons) or "never measured", False)


def _connections_held(cell: Cell) -> int | None:
    """Return how many connections were established; None if the failure has another reason."""
    held = [failure.held for failure in cell.failures if failure.held is not None]
    if not held or len(held) < len(cell.failures) or cell.n:
        return None
    return max(held)
