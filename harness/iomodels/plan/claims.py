"""The published claims, and what answers each: a law, a rule on measured runs, a count, or a need.

claims.toml holds them. Its reader is strict, so a wrong key never makes a claim silently
unanswered. judge/claims.py carries the rules out; docs/decisions/0125-claims-judged-from-runs.md
has the reasons.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from iomodels.base.files import PACKAGE

CLAIMS = PACKAGE / "claims.toml"
KINDS = ("compare", "growth", "bound", "order", "both_win", "differ")
ALL = "all"
"""In `over`: every other server of the run."""
OWN_SUITE = "claims-"
"""How the suites begin that `iomodels claims` measures itself."""
_RULE_KEYS: dict[str, set[str]] = {
    "compare": {"of", "over"},
    "growth": {"of", "between"},
    "bound": {"of"},
    "order": {"with"},
    "both_win": {"metrics"},
    "differ": set(),
}
"""Of each kind of rule the keys that it must have, besides the common ones."""
_COMMON = {"suites", "at", "everywhere", "linux"}
_LIMITS = {"more_than", "less_than"}
_AT = {"connections", "sizes", "percent"}


@dataclass(frozen=True)
class Rule:
    """One question to a measured run; claims.toml explains each kind.

    metrics: names of judge/claim_metrics.py. more_than, less_than: the limit that the result must
    be beyond; exactly one of them, but none for `both_win` and `differ`. at: connections, sizes
    and percent of the lowest peak of the loads to judge (default: all). everywhere: the claim is
    wrong if one place refutes it and none shows it.
    """

    kind: str
    metrics: tuple[str, ...]
    suites: tuple[str, ...]
    of: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    between: tuple[int, int] | None = None
    more_than: float | None = None
    less_than: float | None = None
    at: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    everywhere: bool = False
    linux: bool = False

    @property
    def measured(self) -> str | None:
        """The suite that `iomodels claims` measures if no run is kept; None if it measures none."""
        return self.suites[-1] if self.suites[-1].startswith(OWN_SUITE) else None


@dataclass(frozen=True)
class Count:
    """One model has `more` in its source than each of the others, in all that is counted."""

    more: str
    than: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """laws: programs of laws/ and laws/costs/. needs: what only another machine can answer.

    costs: programs of laws/costs/ that measure what belongs to the claim; they do not decide it.
    """

    id: str
    sentence: str
    source: str
    laws: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    count: Count | None = None
    needs: str | None = None
    costs: tuple[str, ...] = ()

    @property
    def programs(self) -> tuple[str, ...]:
        return (*self.laws, *self.costs)

    @property
    def answered(self) -> bool:
        return bool(self.laws or self.rules or self.count or self.needs)


@dataclass(frozen=True)
class Side:
    """What one of the sources says, and the claims that say so."""

    says: str
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Contradiction:
    question: str
    sides: tuple[Side, ...]


@cache
def all_claims() -> tuple[Claim, ...]:
    """Return every claim, in the order of the list."""
    return claims_of(_data())


@cache
def contradictions() -> tuple[Contradiction, ...]:
    """Return the questions on which the sources contradict each other."""
    return tuple(
        Contradiction(
            each["question"],
            tuple(Side(side["says"], tuple(side["claims"])) for side in each["sides"]),
        )
        for each in _data()["contradictions"]
    )


def _data() -> dict[str, Any]:
    return tomllib.loads(CLAIMS.read_text(encoding="utf-8"))


def claims_of(data: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Read the claims. Raises ValueError for a missing, unknown or contradictory key."""
    return tuple(_claim(each, data["sources"]) for each in data["claims"])


def _claim(data: Mapping[str, Any], sources: Mapping[str, str]) -> Claim:
    where = f"claim {data.get('id')}"
    _check_keys(data, {"id", "sentence"}, {"laws", "costs", "rules", "count", "needs"}, where)
    count = data.get("count")
    if count is not None:
        _check_keys(count, {"more", "than"}, set(), f"{where}: count")
    return Claim(
        data["id"],
        data["sentence"],
        sources[data["id"][0]],
        tuple(data.get("laws", ())),
        tuple(_rule(each, where) for each in data.get("rules", ())),
        None if count is None else Count(count["more"], tuple(count["than"])),
        data.get("needs"),
        tuple(data.get("costs", ())),
    )


def _rule(data: Mapping[str, Any], where: str) -> Rule:
    kinds = [kind for kind in KINDS if kind in data]
    if len(kinds) != 1:
        raise ValueError(f"{where}: a rule is one of {', '.join(KINDS)}; not {kinds or list(data)}")
    kind = kinds[0]
    where = f"{where}: {kind}"
    may = _COMMON | {"over"} if kind == "growth" else _COMMON
    must = _RULE_KEYS[kind] | {kind, "suites"}
    limits = set(data) & _LIMITS
    if (len(limits) != 1) if kind not in ("both_win", "differ") else limits:
        raise ValueError(
            f"{where}: needs one of {', '.join(sorted(_LIMITS))}; has {sorted(limits)}"
        )
    _check_keys({key: data[key] for key in data if key not in _LIMITS}, must, may, where)
    at = data.get("at", {})
    _check_keys(at, set(), _AT, f"{where}: at")
    between = data.get("between")
    if between is not None and not (len(between) == 2 and between[0] < between[1]):
        raise ValueError(f"{where}: between = {between}: must be two ascending connections")
    both = kind == "both_win"
    return Rule(
        kind,
        tuple(data["metrics"]) if both else (data[kind], *_listed(data, "with")),
        tuple(data["suites"]),
        tuple(data[kind]) if both else tuple(data.get("of", ())),
        tuple(data.get("over", ())),
        None if between is None else (between[0], between[1]),
        data.get("more_than"),
        data.get("less_than"),
        {key: tuple(values) for key, values in at.items()},
        data.get("everywhere", False),
        data.get("linux", False),
    )


def _listed(data: Mapping[str, Any], key: str) -> list[str]:
    return [data[key]] if key in data else []


def _check_keys(data: Mapping[str, Any], must: set[str], may: set[str], where: str) -> None:
    missing, unknown = must - set(data), set(data) - must - may
    if missing or unknown:
        wrong = [f"{key}: missing" for key in sorted(missing)]
        wrong += [f"{key}: no such key" for key in sorted(unknown)]
        raise ValueError(f"{where}: {'; '.join(wrong)}")
