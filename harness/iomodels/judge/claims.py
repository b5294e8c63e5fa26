"""Judge published claims by measured runs: pure functions of records.

Each question to a run is a contrast: one number per round, such as the logarithm of the ratio of
two servers. The limit of the rule divides the line in two. A place (a server under a load) shows
the claim if the whole interval is beyond the limit, and refutes it if the whole interval is on the
other side. An interval that holds the limit decides nothing. All intervals of a claim are right
together with 95 % (Bonferroni). docs/decisions/0125-claims-judged-from-runs.md gives the reasons.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from statistics import median

from iomodels.base import words
from iomodels.data.laws import VERDICTS
from iomodels.data.records import Run
from iomodels.judge.claim_contrasts import LEAST_COUNTS, LEAST_ROUNDS, Contrast, contrasts
from iomodels.judge.over_runs import mean_of
from iomodels.judge.summary import Summary, summarise
from iomodels.plan.claims import ALL, Rule

HOLDS, HOLDS_WHEN, DOES_NOT_HOLD, NOT_TESTABLE = VERDICTS
MARGIN = 1.05
"""Servers within 5 % of each other are equal: the margin of all comparisons of the project."""
SHOWN_MOST = 4  # places in one sentence

Group = tuple[str, str]
"""Servers and load of one place, or of several that count as one."""


class State(Enum):
    SHOWN = "shown"
    REFUTED = "refuted"
    OPEN = "open"


@dataclass(frozen=True)
class Place:
    """One contrast, judged. `value` is a ratio, a value or a rank correlation.

    low, high: its interval; None, with a reason, if there is none. count: of things.
    """

    servers: str
    load: str
    value: float | None
    low: float | None
    high: float | None
    state: State
    reason: str | None = None
    count: bool = False

    @property
    def words(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return f"{self.where}: {self.reason}" if self.where else str(self.reason)
        if self.count:
            ends = f" to {self.high:,.0f}" if self.high > self.low else ""
            return f"{self.where} {self.low:,.0f}{ends}"
        value, low, high = map(words.number, (self.value, self.low, self.high))
        return f"{self.where} {value} [{low}, {high}]"

    @property
    def where(self) -> str:
        return f"{self.servers} {self.load}".strip()


@dataclass(frozen=True)
class Finding:
    """What one rule found. places: in the order of the run."""

    verdict: str
    because: str | None
    figure: str
    places: tuple[Place, ...] = ()


def judge(questions: Sequence[tuple[Rule, Run | str]]) -> tuple[Finding, ...]:
    """Judge the rules of one claim, each with its run or with the reason why there is none."""
    asked = [
        (rule, None if isinstance(run, str) else summarise(run), run) for rule, run in questions
    ]
    found = [
        list(contrasts(rule, summary)) if summary else [Contrast("", "", reason=str(reason))]
        for rule, summary, reason in asked
    ]
    family = sum(contrast.reason is None for each in found for contrast in each)
    return tuple(
        _finding(rule, [_placed(each, _outside(summary) / max(1, family)) for each in contrasts_])
        for (rule, summary, _), contrasts_ in zip(asked, found)
    )


def together(findings: Sequence[Finding]) -> Finding:
    """Return the verdict of a claim that has several parts: it holds if all of them hold."""
    for verdict in (DOES_NOT_HOLD, NOT_TESTABLE, HOLDS_WHEN):
        parts = [each for each in findings if each.verdict == verdict]
        if parts:
            because = [each.because for each in parts if each.because]
            break
    else:
        verdict, because = HOLDS, []
    figure = "; ".join(dict.fromkeys(each.figure for each in findings if each.figure))
    places = tuple(place for each in findings for place in each.places)
    return Finding(verdict, "; ".join(dict.fromkeys(because)) or None, figure, places)


def _outside(summary: Summary | None) -> float:
    """Return the share of false intervals that a claim may have; a plan with looks has less."""
    return 1.0 - (summary.rules.baseline.confidence if summary else 0.95)


def _placed(contrast: Contrast, outside: float) -> Place:
    """Give a contrast its interval, widened by what a control shows; no state yet."""
    place = Place(contrast.servers, contrast.load, None, None, None, State.OPEN, contrast.reason)
    if contrast.reason:
        return place
    least = LEAST_COUNTS if contrast.count else LEAST_ROUNDS
    if contrast.rounds < least:
        few = words.count(contrast.rounds, "round")
        return replace(place, reason=f"{few}; {least} are needed")
    value, low, high = mean_of(contrast.by_session, 1.0 - outside)
    if contrast.count:
        found = [math.exp(each) for session in contrast.by_session for each in session]
        ends = min(found), max(found)
        return replace(place, value=median(found), low=ends[0], high=ends[1], count=True)
    assert low is not None and high is not None
    widen = math.exp(contrast.floor)
    low, high = low / widen, high * widen
    if contrast.rank:
        value, low, high = math.log(value), max(-1.0, math.log(low)), min(1.0, math.log(high))
    return replace(place, value=value, low=low, high=high)


def state_of(place: Place, rule: Rule) -> State:
    """Compare the interval with the limit of the rule."""
    if place.low is None or place.high is None:
        return State.OPEN
    if rule.more_than is not None:
        return _beyond(place.low > rule.more_than, place.high < rule.more_than)
    assert rule.less_than is not None
    return _beyond(place.high < rule.less_than, place.low > rule.less_than)


def _beyond(shown: bool, refuted: bool) -> State:
    return State.SHOWN if shown else State.REFUTED if refuted else State.OPEN


def _finding(rule: Rule, places: list[Place]) -> Finding:
    figure = f"{' and '.join(rule.metrics)}{_limit(rule)}: "
    if rule.kind == "both_win":
        return _both_win(rule, places)
    if rule.kind == "differ":
        return _differ(places, figure)
    judged = tuple(replace(each, state=state_of(each, rule)) for each in places)
    shown, refuted, open_ = (_in(judged, state) for state in State)
    figure += _some([*shown[:2], *refuted[:2], *open_[:1]])
    if len(judged) > SHOWN_MOST:
        figure += f"; of {len(judged)} such, {len(shown)} show it and {len(refuted)} refute it"
    found = _by_groups(_groups(rule, judged), open_, rule.everywhere)
    return replace(found, figure=figure, places=judged)


def _limit(rule: Rule) -> str:
    """' (claim: > 1.05)': what the claim predicts of each value in a sentence."""
    if rule.more_than is not None:
        return f" (claim: > {rule.more_than:g})"
    return "" if rule.less_than is None else f" (claim: < {rule.less_than:g})"


def _groups(rule: Rule, places: Sequence[Place]) -> dict[Group, State]:
    """Return the places; those of a server that must be ahead of several are one per load."""
    if len(rule.over) < 2 and rule.over != (ALL,):
        return {(each.servers, each.load): each.state for each in places}
    groups: dict[Group, set[State]] = {}
    for each in places:
        server = each.servers.partition(" over ")[0]
        groups.setdefault((server, each.load), set()).add(each.state)
    return {
        where: next(state for state in (State.REFUTED, State.OPEN, State.SHOWN) if state in states)
        for where, states in groups.items()
    }


def _by_groups(
    groups: Mapping[Group, State], open_places: Sequence[Place], everywhere: bool
) -> Finding:
    """Return the verdict of all places, without a figure."""
    shown, refuted, open_ = (
        [where for where, each in groups.items() if each is state] for state in State
    )
    if shown and not refuted and not open_:
        return Finding(HOLDS, None, "")
    if shown:
        against = f"; not for {_places(refuted)}" if refuted else ""
        unclear = f"; unclear for {_places(open_)}" if open_ else ""
        return Finding(HOLDS_WHEN, f"asked of {_places(shown)}{against}{unclear}", "")
    if refuted and (everywhere or not open_):
        return Finding(DOES_NOT_HOLD, f"not for {_places(refuted)}", "")
    more = f"; it does not hold for {_places(refuted)}" if refuted else ""
    return Finding(NOT_TESTABLE, _why_open(open_places) + more, "")


def _both_win(rule: Rule, places: Sequence[Place]) -> Finding:
    """Each of the two servers must be better than the other somewhere."""
    one, other = rule.of
    ahead = [state_of(each, replace(rule, more_than=MARGIN)) for each in places]
    behind = [state_of(each, replace(rule, less_than=1 / MARGIN)) for each in places]
    wins = {
        name: [place for place, state in zip(places, states) if state is State.SHOWN]
        for name, states in ((one, ahead), (other, behind))
    }
    figure = "; ".join(
        f"{name} is better: {_some(found[:2]) if found else 'nowhere'}"
        for name, found in wins.items()
    )
    states = tuple(
        replace(each, state=State.SHOWN if State.SHOWN in pair else State.OPEN)
        for each, pair in zip(places, zip(ahead, behind))
    )
    if all(wins.values()):
        return Finding(HOLDS, None, figure, states)
    for name, found in ((one, ahead), (other, behind)):
        if set(found) == {State.REFUTED}:
            return Finding(DOES_NOT_HOLD, f"{name} is better nowhere", figure, states)
    return Finding(NOT_TESTABLE, _why_open(_in(states, State.OPEN)), figure, states)


def _differ(places: Sequence[Place], figure: str) -> Finding:
    """At least one pair of servers must differ by more than the margin."""
    judged = tuple(replace(each, state=_apart(each)) for each in places)
    shown, refuted, open_ = (_in(judged, state) for state in State)
    figure += _some(shown[:2] or refuted[:2] or open_[:2])
    figure += f"; {len(shown)} of {len(judged)} pairs differ"
    if shown:
        return Finding(HOLDS, None, figure, judged)
    if not open_ and refuted:
        return Finding(DOES_NOT_HOLD, "all are equal", figure, judged)
    return Finding(NOT_TESTABLE, _why_open(open_), figure, judged)


def _apart(place: Place) -> State:
    if place.low is None or place.high is None:
        return State.OPEN
    inside = place.low > 1 / MARGIN and place.high < MARGIN
    return _beyond(place.low > MARGIN or place.high < 1 / MARGIN, inside)


def _in(places: Iterable[Place], state: State) -> list[Place]:
    return [each for each in places if each.state is state]


def _some(places: Sequence[Place]) -> str:
    return ", ".join(each.words for each in places[:SHOWN_MOST])


def _places(found: Sequence[Group]) -> str:
    """'iocp over select at 64 connections; at 256 connections and 3 more'."""
    by_servers: dict[str, list[str]] = {}
    for servers, load in found[:SHOWN_MOST]:
        by_servers.setdefault(servers, []).append(load)
    text = "; ".join(
        f"{servers} {'; '.join(loads)}".strip() for servers, loads in by_servers.items()
    )
    return text + (f" and {len(found) - SHOWN_MOST} more" if len(found) > SHOWN_MOST else "")


def _why_open(places: Sequence[Place]) -> str:
    if not places:
        return "fewer than two servers can be compared"
    reasons = [each.reason for each in places if each.reason]
    if len(reasons) < len(places):
        return "an interval holds the limit: the rounds vary too much to tell"
    return "; ".join(list(dict.fromkeys(reasons))[:2])
