"""All servers under one load: the differences between them, and how sure these are.

The comparisons of one load are the family for Holm's correction (paired.py). There are two
families: every server over the chosen baseline, and all pairs, from which the fastest is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from iomodels.judge import paired
from iomodels.judge.cells import Cell
from iomodels.judge.paired import Comparison, Fastest
from iomodels.judge.rule import (
    FIXED,
    FIXED_FASTEST,
    Lead,
    Rule,
    Word,
)
from iomodels.judge.verdict import Kind
from iomodels.plan.order import LoadKey, is_limit


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
    """The baseline's own server under another name.

    `disagrees`: the rule calls the two different. The run then makes no claim at this load within
    `floor`, a ratio above 1: the far end of the control's interval.
    """

    comparison: Comparison
    disagrees: bool
    floor: float


@dataclass(frozen=True)
class JudgedLoad:
    """One load: its cells in the suite's order, and their comparisons.

    baseline: the chosen one; if that has no result, the fastest; None without any result.
    over_baseline: each other server over it, without the controls, which make no claim. fastest: of
    all servers but the controls; None if no server has a result.
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

    def cell(self, label: str) -> Cell:
        return next(cell for cell in self.cells if cell.condition.label == label)

    def comparison(self, label: str) -> Comparison | None:
        """Return the server over the baseline; None for the baseline, or without a figure."""
        return next((each for each in self.over_baseline if each.label == label), None)

    @property
    def offered(self) -> bool:
        """Whether the servers are compared by CPU time per request, at an offered rate."""
        return self.cells[0].offered

    @property
    def lead(self) -> Lead | None:
        return self.fastest.lead if self.fastest else None

    @property
    def disagreeing(self) -> Control | None:
        """The control that disagrees most."""
        found = [control for control in self.controls if control.disagrees]
        return max(found, key=lambda control: control.floor) if found else None


def judge_load(
    cells: Sequence[Cell],
    chosen: str,
    rules: Rules = Rules(),
    controls: Sequence[str] = (),
    sessions: Sequence[int] | None = None,
) -> JudgedLoad:
    """Judge the cells of one load. `chosen` is the baseline, `controls` are its own server again.

    `sessions` gives the session of each round, where the run was spread over several.
    """
    rounds = max((number + 1 for cell in cells for number in cell.rounds), default=0)
    values = {
        cell.condition.label: cell.by_round(rounds)
        for cell in cells
        if cell.verdict.valid and any(value is not None for value in cell.by_round(rounds))
    }
    if sessions is not None:
        sessions = sessions[:rounds]
    ranked = {label: each for label, each in values.items() if label not in controls}
    fastest = paired.fastest(ranked, rules.fastest, sessions) if ranked else None
    baseline = chosen if chosen in values else fastest.leader if fastest else None
    over = _over(ranked, baseline, rules, sessions)
    found = tuple(
        _control(each)
        for each in (_over(values, baseline, rules, sessions) if baseline == chosen else ())
        if each.label in controls
    )
    floor = max([1.0, *(control.floor for control in found if control.disagrees)])
    return JudgedLoad(
        LoadKey.of(cells[0].condition),
        tuple(cells),
        baseline,
        chosen,
        tuple(_beyond(each, floor) for each in over),
        _fastest_beyond(fastest, floor),
        found,
        tuple(_unable(cell) for cell in cells if cell.condition.label not in values),
        rounds,
    )


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


def _control(comparison: Comparison) -> Control:
    """Return the end of its interval that is farther from 1."""
    ends = [end for end in (comparison.low, comparison.high) if end is not None]
    floor = max([1.0, *(max(end, 1 / end) for end in ends)])
    return Control(comparison, comparison.word in (Word.FASTER, Word.SLOWER), floor)


def _beyond(comparison: Comparison, floor: float) -> Comparison:
    """Return the claim that a disagreeing control leaves: no claim is smaller than the floor."""
    size = max(comparison.ratio, 1 / comparison.ratio)
    if floor == 1.0 or not comparison.word.decides:
        return comparison
    if comparison.word is not Word.EQUAL and size > floor:
        return comparison
    return replace(comparison, word=Word.NOT_DECIDED)


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
    limit = bool(cell.failures) and all(is_limit(failure.reason) for failure in cell.failures)
    held = _connections_held(cell)
    if held is not None:
        asked = cell.condition.connections
        return Unable(label, f"cannot hold {asked:,} connections: stopped at {held:,}", True)
    return Unable(label, "; ".join(verdict.reasons) or "never measured", limit)


def _connections_held(cell: Cell) -> int | None:
    """Return how many connections were established; None if the failure has another reason."""
    held = [failure.held for failure in cell.failures if failure.held is not None]
    if not held or len(held) < len(cell.failures) or cell.n:
        return None
    return max(held)
