"""From the records of a run to what its report says: one summary a cell, and each server against the baseline.

The baseline is the first server of the suite. Only valid repeats count; the others are kept with their reasons, and so is
every planned repeat that was never measured. A cell that is not valid (harness/iomodels/judge/verdict.py) is compared with nothing.
What was not measured is None with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any

from iomodels.base.words import emulated
from iomodels.data.busy import note_of_others
from iomodels.data.records import Condition, Panel, Record, Run, counter
from iomodels.judge import stats, verdict
from iomodels.judge.classes import Churn, Share, churn_of, shares_of
from iomodels.judge.stats import Measure
from iomodels.judge.verdict import Verdict
from iomodels.plan.order import cells as cells_of
from iomodels.plan.suite import Suite, suite_from

PERCENTS = (50.0, 99.0, 99.9)
COSTS = ("cpu_us", "receives", "sends", "waits", "events")
"""What a request costs the server process: CPU time in µs (user and kernel), and calls or events by its own counters."""


PROCESS_COSTS = {
    "server switches": ("server.context_switches", 1.0),
    "voluntary": ("server.context_switches_voluntary", 1.0),
    "server CPU µs": ("server.cpu_ns", 1e-3),
    "user": ("server.cpu_user_ns", 1e-3),
    "kernel": ("server.cpu_kernel_ns", 1e-3),
    "wineserver switches": ("wineserver.context_switches", 1.0),
    "wineserver CPU µs": ("wineserver.cpu_ns", 1e-3),
    "ended at once": ("server.inline_completions", 1.0),
}
"""What a request costs the processes, in the order of the tables: the counter of the record, and its unit in the table's."""


@dataclass(frozen=True)
class Failure:
    """A repeat that is left out, failed or invalid."""

    repeat: int
    kind: verdict.Kind
    reason: str
    stderr: str | None


@dataclass(frozen=True)
class Cell:
    """All repeats of one condition. `rates` are the requests per second of the valid ones, in order of repeat, `sittings` the sitting
    of each: 0, and one more for each time that the run was gone on with, `cpu_us` the CPU time a request (with the
    wineserver's where it is recorded) if every repeat has one. `shares`: of the classes that the suite's load has, then of all
    connections together; of a load without classes that one alone. `churn`: None where no connection comes and goes."""

    condition: Condition
    planned: int
    verdict: Verdict
    rates: tuple[float, ...]
    sittings: tuple[int, ...]
    rate: stats.Estimate | None
    counts: stats.Histogram
    latency_us: Mapping[float, Measure]
    costs: Mapping[str, Measure]
    cpu_us: tuple[float, ...]
    failures: tuple[Failure, ...]
    shares: tuple[Share, ...]
    churn: Churn | None

    @property
    def n(self) -> int:
        """Valid repeats."""
        return len(self.rates)

    @property
    def values(self) -> tuple[float, ...]:
        """What is compared: requests per second; at a fixed rate, where those are equal by design, the CPU time a request."""
        return self.cpu_us if self.condition.rate_percent else self.rates

    @property
    def missing(self) -> int:
        """Planned repeats without a record."""
        return max(0, self.planned - self.n - len(self.failures))


@dataclass(frozen=True)
class Comparison:
    """One cell over the baseline's cell of the same load, by Cell.values; `reason` says why there is no ratio."""

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
class Summary:
    """A run, summed up: `labels` are the series in the suite's order (the first is the baseline), cells by size, connections, series."""

    run: Run
    suite: Suite
    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def platform(self) -> str:
        return str(self.run.manifest["platform"])

    @property
    def emulated(self) -> bool:
        """Whether the numbers come from Wine, which says nothing about the speed of Windows."""
        return emulated(self.platform)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know before the figures: flaws of the data, and who else was at work."""
        others = note_of_others(self.run.manifest["environment"])
        return (*self.run.warnings, *([others] if others else []))

    @property
    def baseline(self) -> str:
        return self.labels[0]

    @property
    def controls(self) -> tuple[str, ...]:
        """The series that are the baseline's own server under another name: between them no difference should show."""
        servers = {
            cell.condition.label: (cell.condition.model, sorted(cell.condition.options))
            for cell in self.cells
        }
        return tuple(label for label in self.labels[1:] if servers[label] == servers[self.baseline])

    @property
    def panels(self) -> tuple[Panel, ...]:
        """The panels of the run, ascending: closed loops first."""
        return tuple(
            sorted(
                {cell.condition.panel for cell in self.cells},
                key=lambda load: (load[-1] > 0, load),
            )
        )

    @property
    def cost_names(self) -> tuple[str, ...]:
        return tuple(PROCESS_COSTS)

    def process_costs(
        self, names: Sequence[str] = tuple(PROCESS_COSTS)
    ) -> list[tuple[Cell, list[Measure]]]:
        """For each valid cell that has any: what a request cost the server's process and the wineserver, the median of its repeats."""
        rows: list[tuple[Cell, list[Measure]]] = []
        for cell in (cell for cell in self.cells if cell.verdict.valid):
            valid = [
                record
                for record in self.run.records
                if record.condition == cell.condition and not verdict.left_out(record)
            ]
            costs = [
                _typical([_per_request(record, *PROCESS_COSTS[name]) for record in valid])
                for name in names
            ]
            if any(cost.value is not None for cost in costs):
                rows.append((cell, costs))
        return rows

    def comparison(self, cell: Cell) -> Comparison | None:
        """The row of a cell; None for the baseline's own."""
        return next((each for each in self.comparisons if each.cell is cell), None)


@lru_cache(maxsize=1)  # tables, sentences and costs of one run ask in turn
def summarise(run: Run) -> Summary:
    """The summary of a run, complete or not."""
    suite = suite_from(run.manifest["suite"]["name"], run.manifest["suite"])
    planned = sorted(
        cells_of(suite), key=lambda cell: (cell.panel, cell.connections)
    )  # stable: servers keep the suite's order
    by_condition: dict[Condition, list[Record]] = {condition: [] for condition in planned}
    for record in run.records:
        by_condition.setdefault(record.condition, []).append(record)
    cells = tuple(
        _cell(run.manifest, suite, condition, records)
        for condition, records in by_condition.items()
    )
    labels = tuple(dict.fromkeys(cell.condition.label for cell in cells))
    return Summary(run, suite, labels, cells, _compare(cells, labels[0]))


def _cell(
    manifest: Mapping[str, Any], suite: Suite, condition: Condition, records: Sequence[Record]
) -> Cell:
    ordered = sorted(records, key=lambda record: record.repeat)
    out = [(record, verdict.left_out(record)) for record in ordered]
    valid = [
        (record, record.server, record.loadgen["result"])
        for record, left_out in out
        if not left_out and record.server and record.loadgen
    ]
    rates = tuple(float(result["requests_per_second"]) for _, _, result in valid)
    counts = stats.merge(
        stats.histogram(result["response"]["histogram"]["counts"]) for _, _, result in valid
    )
    costs = [_costs(server) for _, server, _ in valid]
    whole = [
        _whole_cpu_us(record, cost["cpu_us"]).value for (record, _, _), cost in zip(valid, costs)
    ]
    cpu_us = tuple(value for value in whole if value is not None)
    failures = tuple(
        Failure(record.repeat, left_out.kind, "; ".join(left_out.reasons), record.stderr)
        for record, left_out in out
        if left_out
    )
    judged = verdict.judge(records, verdict.ceiling_of(manifest, condition))
    results = [result for _, _, result in valid]
    return Cell(
        condition,
        max(suite.rounds, len(ordered)),
        judged,
        rates,
        tuple(_sitting(manifest, record) for record, _, _ in valid),
        stats.median_estimate(rates),
        counts,
        stats.percentiles_us(counts, PERCENTS),
        {name: _typical([cost[name] for cost in costs]) for name in COSTS},
        cpu_us if len(cpu_us) == len(rates) else (),
        failures,
        shares_of(results, [name for name, _ in suite.load.classes]),
        churn_of(results) if suite.load.churns else None,
    )


def _sitting(manifest: Mapping[str, Any], record: Record) -> int:
    """In which sitting a repeat was made: what the machine did meanwhile is shared by all repeats of one."""
    return sum(resumed <= record.started_utc for resumed in manifest.get("resumed_utc", []))


def _costs(server: Mapping[str, Any]) -> dict[str, Measure]:
    """Costs per request between the begin and end samples of one repeat."""
    begin, end = server["begin"], server["end"]
    requests = end["counters"]["requests"] - begin["counters"]["requests"]
    if requests <= 0:
        return {
            name: Measure(None, "the server counted no request in the window") for name in COSTS
        }
    cpu = [
        _difference(begin["process"], end["process"], name)
        for name in ("cpu_user_ns", "cpu_kernel_ns")
    ]
    costs = {name: _difference(begin["counters"], end["counters"], name) for name in COSTS[1:]}
    costs["cpu_us"] = next(
        (part for part in cpu if part.value is None),
        Measure(sum(part.value or 0 for part in cpu) / 1e3),
    )
    return {
        name: cost if cost.value is None else Measure(cost.value / requests)
        for name, cost in costs.items()
    }


def _whole_cpu_us(record: Record, own: Measure) -> Measure:
    """CPU time a request with the wineserver's, which does the kernel's part under Wine, where both are recorded; else the server's own."""
    parts = [
        _per_request(record, name, 1e-3).value for name in ("server.cpu_ns", "wineserver.cpu_ns")
    ]
    return own if None in parts else Measure(sum(part for part in parts if part is not None))


def _difference(
    begin: Mapping[str, float | None], end: Mapping[str, float | None], name: str
) -> Measure:
    first, last = begin.get(name), end.get(name)
    if first is None or last is None:
        return Measure(None, f"{name} cannot be had on this platform")
    return Measure(last - first)


def _per_request(record: Record, name: str, scale: float) -> Measure:
    figure = counter(record, f"{name}/request")
    return Measure(None, figure.reason) if figure.value is None else Measure(figure.value * scale)


def _typical(measures: Sequence[Measure]) -> Measure:
    """Median over the repeats; one missing value makes the median missing."""
    absent = next((measure for measure in measures if measure.value is None), None)
    if absent is not None:
        return absent
    values = [measure.value for measure in measures if measure.value is not None]
    return Measure(median(values)) if values else Measure(None, "no valid repeat")


def _compare(cells: Sequence[Cell], baseline: str) -> tuple[Comparison, ...]:
    """Every cell of another series against the baseline's; the p-values are corrected over the whole table."""
    base = {
        (cell.condition.panel, cell.condition.connections): cell
        for cell in cells
        if cell.condition.label == baseline
    }
    pairs = [
        (cell, other)
        for cell in cells
        if cell.condition.label != baseline
        for other in [base.get((cell.condition.panel, cell.condition.connections))]
        if other is not None
    ]
    return compare(pairs, same_run=True)


def compare(pairs: Sequence[tuple[Cell, Cell]], *, same_run: bool) -> tuple[Comparison, ...]:
    """One table of comparisons. Repeats of one run (`same_run`) are aligned by sitting; two runs share none."""
    sides: list[tuple[list[float], list[float]]] = []
    for cell, other in pairs:
        if not (cell.verdict.valid and other.verdict.valid and cell.values and other.values):
            sides.append(([], []))
        elif same_run:
            sides.append(stats.aligned(cell.values, cell.sittings, other.values, other.sittings))
        else:
            sides.append((list(cell.values), list(other.values)))
    return tuple(
        Comparison(cell, other, difference, None if difference.ratio else _why_not(cell, other))
        for (cell, other), difference in zip(pairs, stats.differences(sides))
    )


def _why_not(cell: Cell, other: Cell) -> str:
    """Why two cells have no ratio."""
    bad = [each for each in (cell, other) if not each.verdict.valid]
    told = [
        f"{each.condition.label} {'has no valid repeat' if not each.n else f'is {each.verdict}'}"
        for each in bad
    ]
    if not bad and not (cell.values and other.values):
        return "the CPU time of a request cannot be had"
    return " and ".join(dict.fromkeys(told)) or "no sitting of the run has both"
