"""The command that would settle an open load: the run's own, at this load, with more of it.

The command line of a run names its suite and everything that changes it. So the proposal keeps its
words, and replaces only those that choose the loads and how long they are measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from iomodels.base import words
from iomodels.base.console import shell_word
from iomodels.base.files import ROOT
from iomodels.judge.loads import JudgedLoad
from iomodels.judge.paired import Comparison
from iomodels.judge.rule import FIXED
from iomodels.judge.summary import Summary
from iomodels.plan.order import SESSIONS, plan_size
from iomodels.plan.suite import BOUNDS, LOOKS, Suite

COMMANDS = ("run", "ab")
"""The commands whose runs have loads that can be open."""
REPLACED = (
    *("--connections", "--size", "--rounds", "--repeats", "--minutes", "--sessions", "--margin"),
    "--seed",
)
"""Options with a value that the proposal replaces or omits: a new run draws a new order. --repeats
is the former name of --rounds."""
SHORT = 12
"""Digits of a commit that name it."""
OMITTED = ("--json", "--no-report", "--quiet", "--verbose", "--yes", "--wait")
"""Flags that change only what a run prints, or when it starts."""


@dataclass(frozen=True)
class NextStep:
    """The command that would settle a load, and an estimate: 'about 31 rounds, 3 min 20 s'."""

    command: str
    takes: str


def next_step(
    summary: Summary, load: JudgedLoad, comparisons: Sequence[Comparison]
) -> NextStep | None:
    """Return how to settle `comparisons`, those of an open load.

    None if they are decided, if more rounds would not decide them, or if no plan has so many. None
    in a view of some servers: the command would measure all.
    """
    found = [one.rounds_needed for one in comparisons if one.rounds_needed is not None]
    command = summary.run.manifest["command"]
    if not found or summary.run.hidden or tuple(command[1:2]) not in [(each,) for each in COMMANDS]:
        return None
    if summary.run.manifest["status"] != "complete":
        return NextStep(_resume(summary), "the run is not complete")
    needed = max(found)
    suite = _at(summary.suite, load)
    plan = (
        _longer(summary, suite, needed)
        if suite.minutes and load.rounds < LOOKS[-1]
        else _rounds(summary, suite, needed)
    )
    if plan is None:
        return None
    options, takes = plan
    at = ["--connections", str(load.key.connections), "--size", str(load.key.size)]
    margin = summary.rules.baseline.margin
    if margin != FIXED.margin:
        options += ["--margin", f"{100 * margin:g}"]
    kept = _same_builds(_kept(command[1:]), summary)
    return NextStep(_line(["iomodels", *kept, *at, *options]), takes)


def _resume(summary: Summary) -> str:
    """The run by its name, or by its folder where that is not among the results."""
    command = summary.run.manifest["command"]
    cluster = _value(command, "--cluster")
    where = ["--cluster", cluster] if cluster else []
    path = summary.run.path
    among = path.resolve().parent == (ROOT / "results").resolve()
    return _line(["iomodels", "run", *where, "--resume", path.name if among else str(path)])


def _rounds(summary: Summary, suite: Suite, needed: int) -> tuple[list[str], str] | None:
    """A fixed plan. More sessions of the same length make several narrower, as `needed` assumes."""
    sessions = int(summary.run.manifest.get("sessions") or 1)
    if sessions > 1:
        of_each = suite.rounds // sessions
        sessions = max(sessions, math.ceil(needed / of_each))
        needed = sessions * of_each
    if needed > BOUNDS["rounds"][1] or sessions > SESSIONS[1]:
        return None
    options = ["--sessions", str(sessions)] if sessions > 1 else []
    return ["--rounds", str(needed), *options], _takes(summary, suite, needed, needed)


def _longer(summary: Summary, suite: Suite, needed: int) -> tuple[list[str], str] | None:
    """A plan that stops when the load is decided, with more time than the run had."""
    rounds = min(needed, LOOKS[-1])
    seconds = _seconds(summary, suite, rounds)
    minutes = max(suite.minutes + 1, math.ceil((seconds or 0.0) / 60))
    if minutes > BOUNDS["minutes"][1]:
        return None
    return ["--minutes", str(minutes)], _takes(summary, suite, rounds, needed)


def _takes(summary: Summary, suite: Suite, rounds: int, needed: int) -> str:
    seconds = _seconds(summary, suite, rounds)
    time = "" if seconds is None else f", {words.duration(seconds)}"
    most = f"; a plan of minutes ends at {rounds}" if rounds < needed else ""
    return f"about {words.count(needed, 'round')}{time}{most}"


def _seconds(summary: Summary, suite: Suite, rounds: int) -> float | None:
    """The time of so many rounds, by the time that a measurement of the run took; None unknown."""
    measured_s = float(summary.run.manifest.get("measured_s") or 0)
    if not measured_s or not summary.run.records:
        return None
    return plan_size(replace(suite, rounds=rounds)) * measured_s / len(summary.run.records)


def _at(suite: Suite, load: JudgedLoad) -> Suite:
    """The suite at the connections and the size of this load."""
    return replace(suite, connections=(load.key.connections,), sizes=(load.key.size,), active=())


def _same_builds(command: Sequence[str], summary: Summary) -> list[str]:
    """The command with the commits that were compared: HEAD may be another one by now."""
    builds, found = summary.run.manifest.get("ab") or {}, list(command)
    for side, commit in (builds.get("commits") or {}).items():
        if commit and builds[side] in found:
            found[found.index(builds[side])] = commit[:SHORT]
    return found


def _line(command: Sequence[str]) -> str:
    return " ".join(map(shell_word, command))


def _kept(command: Sequence[str]) -> list[str]:
    """The words of a command line without those that the proposal replaces or omits."""
    kept, value_of = [], ""
    for word in command:
        name = word.partition("=")[0]
        if not value_of and name not in (*REPLACED, *OMITTED):
            kept.append(word)
        value_of = name if name in REPLACED and "=" not in word and not value_of else ""
    return kept


def _value(command: Sequence[str], name: str) -> str | None:
    for word, next_word in zip(command, [*command[1:], ""]):
        if word == name:
            return next_word
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None
