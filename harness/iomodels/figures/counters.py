"""Counters of a run's processes by cell: what the figures of costs and of memory are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iomodels.base import words
from iomodels.data.records import Condition, Panel, Record, Run, counter
from iomodels.figures import palette, select, sheet
from iomodels.judge import stats


@dataclass(frozen=True)
class Quantity:
    """One counter; `scale` turns the record's unit into that of the axis, which `words` names."""

    counter: str
    words: str
    scale: float
    process: str = "server"
    per_request: bool = False
    unit: str = ""

    @property
    def name(self) -> str:
        """Its name for iomodels.data.records.counter."""
        return f"{self.process}.{self.counter}{'/request' * self.per_request}"


@dataclass(frozen=True)
class Point:
    """A quantity of a cell: a value for each repeat, or none and the reason.

    `note`: what the values leave out. `verdict` is the cell's, `valid` whether it is in figures.
    """

    condition: Condition
    quantity: Quantity
    values: tuple[float, ...]
    source: str | None
    reason: str | None
    note: str | None
    valid: bool
    verdict: str

    @property
    def median(self) -> float:
        return stats.median(self.values) or 0.0


def points(run: Run, records: Sequence[Record], quantities: Sequence[Quantity]) -> list[Point]:
    """Return every quantity of every cell, in order of panel, connections and series."""
    cells = select.counting(records)
    return [_point(run, cell, cells[cell], each) for cell in cells for each in quantities]


def _point(run: Run, cell: Condition, records: Sequence[Record], quantity: Quantity) -> Point:
    """If one record has no value, the cell has none."""
    figures = [counter(record, quantity.name) for record in records]
    known = tuple(each.value * quantity.scale for each in figures if each.value is not None)
    missing = [each.reason for each in figures if each.value is None]
    return Point(
        cell,
        quantity,
        () if missing else known,
        figures[0].source,
        missing[0] if missing else None,
        next((each.note for each in figures if each.note), None),
        select.cells(run)[cell].verdict.valid,
        select.cells(run)[cell].verdict.kind.value,
    )


def of(found: Sequence[Point], panel: Panel, *quantities: Quantity) -> list[Point]:
    """Return the points of one panel that have one of the quantities."""
    return [
        point for point in found if point.condition.panel == panel and point.quantity in quantities
    ]


def drawn_panels(records: Sequence[Record]) -> tuple[list[Panel], bool]:
    """Return the panels to draw, and whether as bars: if the run has one number of connections.

    Else a panel of one number would be an almost empty plot, so it is left out; its data are in the
    CSV and in the tables.
    """
    counts: dict[Panel, set[int]] = {}
    for record in records:
        counts.setdefault(record.condition.panel, set()).add(record.condition.connections)
    panels = select.panels(record.condition for record in records)
    several = [panel for panel in panels if len(counts[panel]) > 1]
    return several or panels, not several


def draw_bars(axis: Any, found: Sequence[Point], looks: Mapping[str, palette.Look]) -> None:
    """Draw a bar per series; one that is not valid, or leaves something out, is hollow."""
    by_label = {point.condition.label: point for point in found}
    shown = [(label, look, by_label[label]) for label, look in looks.items() if label in by_label]
    rows = [
        (label, look, stats.median_estimate(point.values), point.valid and not point.note)
        for label, look, point in shown
    ]
    sheet.bars(axis, rows)


def draw(axis: Any, found: Sequence[Point], looks: Mapping[str, palette.Look]) -> None:
    """Draw a line per series; a point that is not valid, or leaves something out, is hollow."""
    for label, look in looks.items():
        own = [point for point in found if point.condition.label == label]
        line = [
            (point.condition.connections, point.values, point.valid and not point.note)
            for point in own
        ]
        sheet.median_line(axis, look, line)


def alt(run: Run, found: Sequence[Point], what: str) -> str:
    """Return in words every series at the most connections, by panel and quantity."""
    most = max((point.condition.connections for point in found), default=0)
    told = []
    for panel in select.panels(point.condition for point in found):
        for quantity in dict.fromkeys(point.quantity for point in found):
            values = [
                f"{point.condition.label} {words.number(point.median)}"
                for point in of(found, panel, quantity)
                if point.values and point.condition.connections == most
            ]
            process = f"{quantity.process}, " * quantity.per_request
            shown = f"{panel.words}, {process}{quantity.words}: {', '.join(values)}."
            told += [shown] * bool(values)
    what = f"{what}, at {most:,} connections"
    return f"Line charts on {run.platform}: {what}. {' '.join(told)}"
