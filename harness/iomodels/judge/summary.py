"""Turn the records of a run into the content of its report: its cells, and each load judged.

The baseline is the first server of the suite, unless another is chosen. Missing values are None
with a reason.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from iomodels.base import words
from iomodels.base.errors import USAGE, Failure
from iomodels.data.busy import note_of_others
from iomodels.data.records import Condition, Hidden, Record, Run
from iomodels.judge.cells import Cell, cell_of
from iomodels.judge.costs import by_cycles
from iomodels.judge.loads import JudgedLoad, Rules, judge_builds, judge_load
from iomodels.judge.paired import Comparison
from iomodels.judge.verdict import SPREAD_MOST, judge, surroundings_of
from iomodels.plan.order import LoadKey
from iomodels.plan.order import cells as cells_of
from iomodels.plan.suite import Suite, suite_from


@dataclass(frozen=True)
class Summary:
    """A run, summed up.

    labels: the series in the suite's order. loads: closed loops first, by size, then connections.
    spread: the pooled standard deviation of the logarithm of the rates within cells; None if no
        cell has two repeats.
    """

    run: Run
    suite: Suite
    rules: Rules
    baseline: str
    labels: tuple[str, ...]
    loads: tuple[JudgedLoad, ...]
    spread: float | None

    @property
    def platform(self) -> str:
        return str(self.run.manifest["platform"])

    @property
    def emulated(self) -> bool:
        """Whether the numbers come from Wine, which does not show the speed of Windows."""
        return words.emulated(self.platform)

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(cell for load in self.loads for cell in load.cells)

    @property
    def twins(self) -> Mapping[str, str]:
        """Of each control the series that it is a second time."""
        return twins_of(self.suite)

    @property
    def ranked(self) -> tuple[str, ...]:
        """The series that are no controls."""
        return tuple(label for label in self.labels if label not in self.twins)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for a reader of the results."""
        others = note_of_others(self.run.manifest["environment"])
        notes = [*self.run.warnings, *([others] if others else [])]
        if self.spread is not None and self.spread > SPREAD_MOST:
            notes.append(
                "the machine was noisy: repeats of one cell vary by "
                f"{words.past(self.spread, SPREAD_MOST)} (above {words.percent(SPREAD_MOST)}); "
                "intervals are wide, not wrong"
            )
        return tuple(notes)

    def load_of(self, condition: Condition) -> JudgedLoad:
        key = LoadKey.of(condition)
        return next(load for load in self.loads if load.key == key)

    def comparison(self, cell: Cell) -> Comparison | None:
        """Return the cell over the baseline, or a control over its twin; None without one."""
        return self.load_of(cell.condition).comparison(cell.condition.label)


def twins_of(suite: Suite) -> dict[str, str]:
    """Return of each control its twin: the first server with the same program and options."""
    first: dict[tuple[str, tuple[tuple[str, int], ...]], str] = {}
    twins = {}
    for each in suite.servers:
        twin = first.setdefault((each.model, tuple(sorted(each.options))), each.label)
        if twin != each.label:
            twins[each.label] = twin
    return twins


def viewed(run: Run, baseline: str | None, margin: float | None, only: Sequence[str] = ()) -> Run:
    """Return the run with another baseline or margin, or with `only` some servers.

    None keeps the run's own. All its tables, sentences and charts then agree. A server brings its
    controls. Raises Failure for a baseline or server that is unknown or a control, which makes no
    claim.
    """
    manifest = dict(run.manifest)
    suite = suite_from(manifest["suite"]["name"], manifest["suite"])
    twins = twins_of(suite)
    allowed = [each.label for each in suite.servers if each.label not in twins]
    for option, given in (("--baseline", [baseline] if baseline else []), ("--only", only)):
        if given and is_ab(manifest):
            raise Failure(
                f"{option} {','.join(given)}: must be omitted; the run compares each model's new "
                "build with its old one",
                exit_code=USAGE,
            )
        among = [each for each in allowed if option == "--only" or not only or each in only]
        for label in given:
            if label not in among:
                raise Failure(
                    f"{option} {label}: must be one of: {', '.join(among)}", exit_code=USAGE
                )
    if only and baseline is None and (manifest.get("baseline") or allowed[0]) not in only:
        baseline = next(label for label in allowed if label in only)
    if baseline is not None:
        manifest["baseline"] = baseline
    if margin is not None:
        manifest["statistics"] = Rules.of(manifest).with_margin(margin).to_json()
    shown = {label for label in labels_of(suite) if twins.get(label, label) in only}
    found = replace(run, manifest=manifest)
    return _with_only(shown, found, suite) if shown and set(allowed) - shown else found


def _with_only(labels: Collection[str], run: Run, suite: Suite) -> Run:
    """Return the run with these servers; the others are hidden, yet still judged."""
    servers = list(zip(suite.servers, run.manifest["suite"]["servers"], strict=True))
    kept = [data for server, data in servers if server.label in labels]
    left = [data for server, data in servers if server.label not in labels]
    records = tuple(each for each in run.records if each.condition.label in labels)
    others = tuple(each for each in run.records if each.condition.label not in labels)
    note = (
        f"shown: {words.listed([each for each in labels_of(suite) if each in labels])} of "
        f"{words.count(len(servers), 'server')}; words and intervals cover all of them"
    )
    return replace(
        run,
        manifest={**run.manifest, "suite": {**run.manifest["suite"], "servers": kept}},
        records=records,
        warnings=(*run.warnings, note),
        hidden=Hidden(tuple(left), others),
    )


def labels_of(suite: Suite) -> tuple[str, ...]:
    """Return the series in the suite's order."""
    return tuple(dict.fromkeys(condition.label for condition in cells_of(suite)))


@lru_cache(maxsize=2)  # tables, sentences and charts of one run share it
def summarise(run: Run) -> Summary:
    """Return the summary of a run, complete or not."""
    suite = suite_from(run.manifest["suite"]["name"], run.manifest["suite"])
    labels = labels_of(suite)
    chosen = run.manifest.get("baseline") or labels[0]
    rules = Rules.of(run.manifest)
    whole, records = suite, run.records
    if run.hidden:
        servers = [*run.manifest["suite"]["servers"], *run.hidden.servers]
        whole = suite_from(suite.name, {**run.manifest["suite"], "servers": servers})
        records = (*records, *run.hidden.records)
    by_load: dict[LoadKey, list[Record]] = {LoadKey.of(cell): [] for cell in cells_of(suite)}
    for record in records:
        by_load.setdefault(LoadKey.of(record.condition), []).append(record)
    loads = tuple(
        judge_records(run.manifest, whole, key, by_load[key], rules, chosen, labels)
        for key in sorted(by_load)
    )
    return Summary(run, suite, rules, chosen, labels, loads, pooled_spread(loads))


def judge_records(
    manifest: Mapping[str, Any],
    suite: Suite,
    key: LoadKey,
    records: Sequence[Record],
    rules: Rules,
    baseline: str,
    shown: Collection[str] | None = None,
) -> JudgedLoad:
    """Judge one load of a run from its records: for stopping it and for a report.

    `shown`: the servers of the result; all are judged.
    """
    by_cell: dict[Condition, list[Record]] = {
        cell: [] for cell in cells_of(suite) if LoadKey.of(cell) == key
    }
    for record in by_cycles(records):
        by_cell.setdefault(record.condition, []).append(record)
    rounds = planned_rounds(manifest, suite, key)
    cells = [
        cell_of(
            condition,
            max(rounds, len(found)),
            found,
            judge(found, surroundings_of(manifest, condition)),
            suite.load,
        )
        for condition, found in by_cell.items()
    ]
    if is_ab(manifest):
        return judge_builds(cells, baseline, rules)
    return judge_load(cells, baseline, rules, twins_of(suite), sessions_of(records), shown)


def is_ab(manifest: Mapping[str, Any]) -> bool:
    """Return whether a run compares two builds of the same models."""
    return "ab" in manifest


def planned_rounds(manifest: Mapping[str, Any], suite: Suite, key: LoadKey) -> int:
    """Return how many rounds a load has, up to where the run stopped it."""
    for each in manifest.get("stopped") or ():
        if LoadKey(**each["load"]) == key:
            return int(each["rounds"])
    return suite.rounds


def sessions_of(records: Sequence[Record]) -> list[int] | None:
    """Return the session of each round; None for a run of one session."""
    found = {record.repeat: record.session for record in records}
    if len(set(found.values())) < 2:
        return None
    return [found.get(number, 0) for number in range(max(found) + 1)]


def pooled_spread(loads: Sequence[JudgedLoad]) -> float | None:
    """Return the standard deviation of the logarithm of the rates, pooled over the valid cells."""
    squares, freedom = 0.0, 0
    for cell in (cell for load in loads for cell in load.cells if cell.verdict.valid):
        if cell.n > 1 and not cell.offered:
            logs = np.log(cell.rates)
            squares += float(((logs - logs.mean()) ** 2).sum())
            freedom += cell.n - 1
    return math.sqrt(squares / freedom) if freedom else None
