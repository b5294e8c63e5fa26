"""From the records of a run to what its report says: one summary a cell, and each server against the baseline.

The baseline is the first server of the suite. Only valid repeats count; the others are kept with their reasons, and so is
every planned repeat that was never measured. What was not measured is None with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from harness import stats
from harness.plan import cells as cells_of
from harness.records import Condition, Record, Run
from harness.suite import suite_from

PERCENTS = (50.0, 99.0, 99.9)
COSTS = ("cpu_us", "receives", "sends", "waits", "events")
"""What a request costs the server process: CPU time in µs (user and kernel), and calls or events by its own counters."""


@dataclass(frozen=True)
class Measure:
    """A value, or None and the reason why there is none."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Failure:
    """A repeat that is left out."""

    repeat: int
    reason: str
    stderr: str | None


@dataclass(frozen=True)
class Cell:
    """All repeats of one condition. `rates` are the requests per second of the valid ones, in order of repeat."""

    condition: Condition
    planned: int
    rates: tuple[float, ...]
    rate: stats.Estimate | None
    counts: stats.Histogram
    latency_us: Mapping[float, Measure]
    costs: Mapping[str, Measure]
    failures: tuple[Failure, ...]

    @property
    def n(self) -> int:
        """Valid repeats."""
        return len(self.rates)

    @property
    def missing(self) -> int:
        """Planned repeats without a record."""
        return max(0, self.planned - self.n - len(self.failures))


@dataclass(frozen=True)
class Comparison:
    """One cell over the baseline's cell of the same load, by requests per second."""

    cell: Cell
    baseline: Cell
    ratio: stats.Estimate | None
    p: float | None
    verdict: stats.Verdict


@dataclass(frozen=True)
class Summary:
    """A run, summed up: `labels` are the series in the suite's order (the first is the baseline), cells by size, connections, series."""

    run: Run
    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def platform(self) -> str:
        return str(self.run.manifest["platform"])

    @property
    def emulated(self) -> bool:
        """Whether the numbers come from Wine, which says nothing about the speed of Windows."""
        return self.platform.startswith("wine")

    @property
    def baseline(self) -> str:
        return self.labels[0]

    @property
    def controls(self) -> tuple[str, ...]:
        """The series that are the baseline's own server under another name: between them no difference should show."""
        servers = {cell.condition.label: (cell.condition.model, sorted(cell.condition.options)) for cell in self.cells}
        return tuple(label for label in self.labels[1:] if servers[label] == servers[self.baseline])

    @property
    def panels(self) -> tuple[tuple[int, int, int], ...]:
        """The (size, reply size, depth) of the run, ascending."""
        return tuple(sorted({panel(cell.condition) for cell in self.cells}))

    def comparison(self, cell: Cell) -> Comparison | None:
        """The row of a cell; None for the baseline's own."""
        return next((each for each in self.comparisons if each.cell is cell), None)


def panel(condition: Condition) -> tuple[int, int, int]:
    """What must be equal for two cells to stand in one table: message size, reply size, depth."""
    return condition.size, condition.reply_size, condition.depth


def summarise(run: Run) -> Summary:
    """The summary of a run, complete or not."""
    suite = suite_from(run.manifest["suite"]["name"], run.manifest["suite"])
    planned = sorted(cells_of(suite), key=lambda cell: (panel(cell), cell.connections))  # stable: servers keep the suite's order
    by_condition: dict[Condition, list[Record]] = {condition: [] for condition in planned}
    for record in run.records:
        by_condition.setdefault(record.condition, []).append(record)
    cells = tuple(_cell(condition, records, suite.repeats) for condition, records in by_condition.items())
    labels = tuple(dict.fromkeys(cell.condition.label for cell in cells))
    return Summary(run, labels, cells, _compare(cells, labels[0]))


def _cell(condition: Condition, records: Sequence[Record], repeats: int) -> Cell:
    ordered = sorted(records, key=lambda record: record.repeat)
    valid = [(record.server, record.loadgen["result"]) for record in ordered if record.ok and record.server and record.loadgen]
    rates = tuple(float(result["requests_per_second"]) for _, result in valid)
    counts = stats.merge(stats.histogram(result["latency"]["histogram"]["counts"]) for _, result in valid)
    costs = [_costs(server) for server, _ in valid]
    failures = tuple(Failure(record.repeat, record.reason or "no reason recorded", record.stderr) for record in ordered if not record.ok)
    return Cell(condition, max(repeats, len(ordered)), rates, stats.median_estimate(rates), counts, _latency_us(counts),
                {name: _typical([cost[name] for cost in costs]) for name in COSTS}, failures)


def _latency_us(counts: stats.Histogram) -> dict[float, Measure]:
    """Percentiles of the merged repeats; those that too few samples support are None."""
    samples = stats.samples(counts)
    found = {percent: stats.percentile(counts, percent) for percent in PERCENTS}
    scarce = f"fewer than {stats.SAMPLES_BEYOND} of {samples:,} samples lie beyond it"
    return {percent: Measure(None, "no valid repeat" if value is None else scarce)
            if value is None or not stats.supported(samples, percent) else Measure(value / 1e3) for percent, value in found.items()}


def _costs(server: Mapping[str, Any]) -> dict[str, Measure]:
    """Costs per request between the begin and end samples of one repeat."""
    begin, end = server["begin"], server["end"]
    requests = end["counters"]["requests"] - begin["counters"]["requests"]
    if requests <= 0:
        return {name: Measure(None, "the server counted no request in the window") for name in COSTS}
    cpu = [_difference(begin["process"], end["process"], name) for name in ("cpu_user_ns", "cpu_kernel_ns")]
    costs = {name: _difference(begin["counters"], end["counters"], name) for name in COSTS[1:]}
    costs["cpu_us"] = next((part for part in cpu if part.value is None), Measure(sum(part.value or 0 for part in cpu) / 1e3))
    return {name: cost if cost.value is None else Measure(cost.value / requests) for name, cost in costs.items()}


def _difference(begin: Mapping[str, float | None], end: Mapping[str, float | None], name: str) -> Measure:
    first, last = begin.get(name), end.get(name)
    if first is None or last is None:
        return Measure(None, f"{name} cannot be had on this platform")
    return Measure(last - first)


def _typical(measures: Sequence[Measure]) -> Measure:
    """Median over the repeats; one missing value makes the median missing."""
    absent = next((measure for measure in measures if measure.value is None), None)
    if absent is not None:
        return absent
    values = [measure.value for measure in measures if measure.value is not None]
    return Measure(median(values)) if values else Measure(None, "no valid repeat")


def _compare(cells: Sequence[Cell], baseline: str) -> tuple[Comparison, ...]:
    """Every cell of another series against the baseline's; the p-values are corrected over the whole table."""
    base = {(panel(cell.condition), cell.condition.connections): cell for cell in cells if cell.condition.label == baseline}
    pairs = [(cell, other) for cell in cells if cell.condition.label != baseline
             for other in [base.get((panel(cell.condition), cell.condition.connections))] if other is not None]
    corrected = stats.holm([stats.rank_test(cell.rates, other.rates) for cell, other in pairs])
    ratios = [stats.ratio_estimate(cell.rates, other.rates) for cell, other in pairs]
    return tuple(Comparison(cell, other, ratio, p, stats.verdict(p, ratio)) for (cell, other), ratio, p in zip(pairs, ratios, corrected))
