"""Which records of a run a figure shows, and what it reads from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from iomodels.base.errors import Failure
from iomodels.data.records import Condition, Panel, Record, Run
from iomodels.figures import palette
from iomodels.judge import stats
from iomodels.judge.cells import Cell
from iomodels.judge.loads import JudgedLoad
from iomodels.judge.summary import summarise
from iomodels.judge.verdict import left_out

Numbers = tuple[int, ...]
"""Of connections or bytes; none means all."""
CELL = ("run", "platform", "server", "connections", "size", "reply_size", "depth", "rate_percent")
"""The first columns of a figure's data."""
INTERVAL = ("ci95_low", "ci95_high")
TIMES = ("response", "service")
"""A latency runs from when a request was due, or from when it was sent."""


def chosen(run: Run, connections: Numbers, sizes: Numbers) -> tuple[Record, ...]:
    """Return the records with these connections and message sizes.

    Raises Failure for a number that the run does not have, and for a run without records.
    """
    for name, wanted, known in (
        ("connections", connections, {r.condition.connections for r in run.records}),
        ("size", sizes, {r.condition.size for r in run.records}),
    ):
        for value in wanted:
            if value not in known:
                has = ", ".join(map(str, sorted(known))) or "none"
                raise Failure(f"--{name} {value}: not in this run, which has {has}")
    found = tuple(
        record
        for record in run.records
        if (not connections or record.condition.connections in connections)
        and (not sizes or record.condition.size in sizes)
    )
    if not found:
        raise Failure(f"{run.path}: no repeat is recorded yet, so there is nothing to draw")
    return found


def closed_loops(run: Run, connections: Numbers, sizes: Numbers) -> tuple[Record, ...]:
    """Return the chosen records without an offered rate, at which all servers serve alike.

    Raises Failure if there is none.
    """
    found = tuple(r for r in chosen(run, connections, sizes) if not r.condition.rate_percent)
    if not found:
        raise Failure(f"{run.path}: every load has an offered rate, which all servers reach alike")
    return found


@lru_cache(maxsize=4)  # every point of a figure asks
def cells(run: Run) -> Mapping[Condition, Cell]:
    """Return the judged cells of a run, with verdict, valid repeats and their median."""
    return {cell.condition: cell for cell in summarise(run).cells}


def loads(run: Run, records: Iterable[Record]) -> list[JudgedLoad]:
    """Return the judged loads of these records."""
    shown = {(record.condition.panel, record.condition.connections) for record in records}
    found = summarise(run).loads
    return [load for load in found if (load.key.panel, load.key.connections) in shown]


def panels(conditions: Iterable[Condition]) -> list[Panel]:
    """Return the panels of these cells: closed loops first, then by size."""
    return sorted({condition.panel for condition in conditions}, key=lambda each: each.order)


def counting(records: Iterable[Record]) -> dict[Condition, list[Record]]:
    """Return the repeats that count, by cell, in order of panel, connections and series."""
    found: dict[Condition, list[Record]] = {}
    for record in records:
        if not left_out(record):
            found.setdefault(record.condition, []).append(record)
    ordered = sorted(found, key=lambda cell: (cell.panel.order, cell.connections, cell.label))
    return {cell: found[cell] for cell in ordered}


def histogram(record: Record, time: str = "response") -> stats.Histogram:
    """Return the latencies (ns) of a repeat, one of TIMES; empty if it has none."""
    result = record.result or {}
    latency = result.get(time) or {}
    return stats.histogram((latency.get("histogram") or {}).get("counts") or ())


def rate(record: Record) -> float | None:
    """Return requests per second of a repeat; None if it has none."""
    value = (record.result or {}).get("requests_per_second")
    return None if value is None else float(value)


def head(run: Run, condition: Condition) -> tuple[object, ...]:
    """Return the values of CELL."""
    where = (condition.label, condition.connections, *condition.panel)
    return (run.manifest["run"], run.platform, *where)


def ends(estimate: stats.Estimate | None) -> tuple[float | None, float | None, float | None]:
    """Return value, low and high for a row of data."""
    return (estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)


def limits(records: Sequence[Record]) -> list[tuple[int, str]]:
    """Return the limits of the models that are drawn, if loads on both sides were measured."""
    counts = {record.condition.connections for record in records}
    models = sorted({record.condition.model for record in records} & set(palette.LIMITS))
    found = [palette.LIMITS[model] for model in models]
    return [(limit, text) for limit, text in found if min(counts) < limit < max(counts)]
