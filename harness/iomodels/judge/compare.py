"""`iomodels compare A B`: one run over another, cell by cell, and what else differs between them.

Two runs have their own conditions, perhaps on two machines, and those are part of every ratio. So
runs of different platforms, machines, placements, builds or loads are rejected unless --despite
accepts the difference. All differences are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from iomodels.base import words
from iomodels.data.records import Run
from iomodels.judge import stats
from iomodels.judge.cells import Cell
from iomodels.judge.summary import Summary, summarise

GROUPS: dict[str, str] = {
    "platform": "what the servers ran on",
    "machine": "hardware, system and its settings",
    "placement": "which CPUs the programs had",
    "build": "compilers and flags",
    "load": "how the load was made and for how long",
    "programs": "the programs themselves: what is compared, hence never refused",
}
REFUSED = tuple(name for name in GROUPS if name != "programs")
MOVING = (
    "load_average",
    "busy",
    "memory_available_bytes",
    "time_wait",
    "sleep_1ms_us",
    "booted_utc",
    "cpu_mhz",
)
"""Facts of the environment that are never twice the same: no condition of a run."""
PLACES = {
    "launcher.placement": "placement",
    "compilers": "build",
    "binaries": "programs",
    "harness": "programs",
}
"""To which group the facts below a name belong; all others are the machine's."""
LISTED = 3
"""Differences of a group that a refusal shows; an accepted comparison lists all."""
WIDEST = 30
"""Characters of a value in that list."""
LOAD = ("depth", "warmup_ms", "duration_ms", "loadgen_threads", "load", "rate_percents")


@dataclass(frozen=True)
class Differing:
    """A condition in which two runs differ; None: it is not recorded there."""

    group: str
    name: str
    a: Any
    b: Any


@dataclass(frozen=True)
class ComparedCells:
    """A cell of run B over the same cell of run A; `reason` says why there is no ratio."""

    cell: Cell
    baseline: Cell
    difference: stats.Difference
    reason: str | None

    @property
    def ratio(self) -> stats.Estimate | None:
        return self.difference.ratio

    @property
    def finding(self) -> stats.Finding:
        return self.difference.finding


@dataclass(frozen=True)
class ComparedRuns:
    """B over A, cell by cell; `only` are the cells that one of them alone has, with its letter."""

    a: Summary
    b: Summary
    differing: tuple[Differing, ...]
    comparisons: tuple[ComparedCells, ...]
    only: tuple[tuple[str, str], ...]


def differing(a: Run, b: Run) -> tuple[Differing, ...]:
    """Everything besides the results in which two runs differ."""
    facts_a, facts_b = _facts(a.manifest), _facts(b.manifest)
    return tuple(
        Differing(*key, facts_a.get(key), facts_b.get(key))
        for key in dict.fromkeys([*facts_a, *facts_b])
        if facts_a.get(key) != facts_b.get(key)
    )


def compare_runs(a: Run, b: Run) -> ComparedRuns:
    """The cells that both runs have, B over A; the p-values are corrected over all of them."""
    first, second = summarise(a), summarise(b)
    cells_a = {cell.condition: cell for cell in first.cells}
    cells_b = {cell.condition: cell for cell in second.cells}
    pairs = [
        (cell, cells_a[condition]) for condition, cell in cells_b.items() if condition in cells_a
    ]
    only = [("A", str(condition)) for condition in cells_a if condition not in cells_b]
    only += [("B", str(condition)) for condition in cells_b if condition not in cells_a]
    return ComparedRuns(first, second, differing(a, b), _compare(pairs), tuple(only))


def _compare(pairs: Sequence[tuple[Cell, Cell]]) -> tuple[ComparedCells, ...]:
    """One table; its p-values are corrected together. Two runs share no rounds to be paired by."""
    sides = [
        (cell.values, other.values) if cell.verdict.valid and other.verdict.valid else ((), ())
        for cell, other in pairs
    ]
    return tuple(
        ComparedCells(cell, other, difference, None if difference.ratio else _why_not(cell, other))
        for (cell, other), difference in zip(pairs, stats.differences(sides))
    )


def _why_not(cell: Cell, other: Cell) -> str:
    """Why two cells have no ratio."""
    reasons = [
        f"run {letter}: {cell.verdict}"
        for letter, cell in (("A", other), ("B", cell))
        if not cell.verdict.valid
    ]
    return "; ".join(reasons) or "the CPU time per request is unavailable"


def refusals(found: Iterable[Differing], despite: Sequence[str]) -> list[str]:
    """Return why two runs are not compared: a line, then the differences of each group.

    It lists the groups of conditions that differ and were not named with --despite.
    """
    groups: dict[str, list[Differing]] = {}
    for each in found:
        if each.group in REFUSED and each.group not in despite and "all" not in despite:
            groups.setdefault(each.group, []).append(each)
    if not groups:
        return []
    despite_all = ",".join([*despite, *groups])
    lines = [
        f"the runs differ in {words.listed(list(groups))}; "
        f"if that is meant: --despite {despite_all}"
    ]
    for group, members in groups.items():
        shown = members[:LISTED] if len(members) > LISTED + 1 else members
        lines += [f"  {_line(each)}" for each in shown]
        if len(members) > len(shown):
            lines.append(f"  {group}: {len(members) - len(shown)} more")
    return lines


def to_json(found: ComparedRuns) -> dict[str, Any]:
    """Everything as data; the same words as in the table."""
    return {
        "format": 1,
        "runs": {
            letter: {
                "run": each.run.manifest["run"],
                "platform": each.platform,
                "commit": each.run.manifest["git"]["commit"],
            }
            for letter, each in (("a", found.a), ("b", found.b))
        },
        "differing": [
            {"group": each.group, "name": each.name, "a": each.a, "b": each.b}
            for each in found.differing
        ],
        "comparisons": [_row(each) for each in found.comparisons],
        "only": [{"run": letter.lower(), "cell": cell} for letter, cell in found.only],
    }


def _row(row: ComparedCells) -> dict[str, Any]:
    condition, difference = row.cell.condition, row.difference
    ratio = difference.ratio
    return {
        "server": condition.label,
        "connections": condition.connections,
        "size": condition.size,
        "reply_size": condition.reply_size,
        "depth": condition.depth,
        "verdict_a": str(row.baseline.verdict),
        "verdict_b": str(row.cell.verdict),
        "repeats_a": row.baseline.n,
        "repeats_b": row.cell.n,
        "ratio": ratio and asdict(ratio),
        "hodges_lehmann_ratio": difference.shift,
        "cliffs_delta": difference.delta,
        "p_holm": difference.p,
        "finding": row.finding.words if ratio else None,
        "reason": row.reason,
    }


def _facts(manifest: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """(group, name) → value, of everything that should be equal."""
    facts: dict[tuple[str, str], Any] = {("platform", "platform"): manifest["platform"]}
    facts |= {
        ("load", name): manifest["suite"][name] for name in LOAD if manifest["suite"].get(name)
    }
    environment = {
        name: value
        for name, value in manifest["environment"].items()
        if name not in ("reasons", "workers")  # of a cluster: two of them stand for all
    }
    for name, value in _flat(environment):
        fact = name.removeprefix("load_generator.")  # of two machines
        if fact.split(".")[0] in MOVING:
            continue
        group = next(
            (
                group
                for place, group in PLACES.items()
                if fact == place or fact.startswith(f"{place}.")
            ),
            "machine",
        )
        facts[group, name] = value
    if "wine" in manifest["versions"]:
        facts["machine", "versions.wine"] = manifest["versions"]["wine"]
    facts |= {("programs", f"git.{name}"): manifest["git"][name] for name in ("commit", "dirty")}
    return facts


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def _line(each: Differing) -> str:
    """'machine: cpu: AMD EPYC / Intel Xeon': a difference in one short line."""
    missing = "none" if each.group == "load" else "not recorded"
    a, b = (_word(value, missing) for value in (each.a, each.b))
    name = f"{each.group}: {each.name}" if each.name != each.group else each.group
    return f"{name}: {a} / {b}"


def _word(value: Any, missing: str) -> str:
    """Return a value in at most WIDEST characters; `missing` stands for None."""
    text = missing if value is None else " ".join(str(value).split())
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
