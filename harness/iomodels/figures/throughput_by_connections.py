"""How does throughput change with the number of connections?

One panel per message size, x = connections (log2), y = requests per second. The line is the median
of the valid repeats with its 95 % bootstrap band; every repeat is a faint dot. A run of one number
of connections has sorted bars instead. Many series have a
bar each, side by side, because bands would cover each other. Hollow: a cell that is not valid, and
a repeat that is left out (on the axis if it has no number at all).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iomodels.base import words
from iomodels.data.records import Condition, Record, Run
from iomodels.figures import palette, select, sheet
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge.cells import Cell
from iomodels.judge.verdict import left_out

NAME = "throughput_by_connections"
QUESTION = "How does throughput change with the number of connections?"
TITLE = "Requests per second by number of connections"
NOTE = "Line: median of the valid repeats. Band: its 95 % bootstrap interval. Dots: single repeats."
MANY_NOTE = (
    "Line: median of the valid repeats. Bar: its 95 % bootstrap interval. "
    "Dots: single repeats. Series side by side."
)
BARS_NOTE = "Bar: median of the valid repeats. Black line: its 95 % bootstrap interval."
HOLLOW_NOTE = (
    " Hollow: not valid, left out of every comparison (a repeat on the axis came to no number)."
)
ASIDE, FARTHEST = 1.045, 1.2
"""Factors of connections: between series side by side, so that their bars do not coincide, and
from the middle to the outermost one, so that all stay inside the axis."""
COLUMNS = (
    *(*select.CELL[:-1], "repeat", "status", "requests_per_second"),
    *("median", *select.INTERVAL, "repeats_ok", "verdict"),
)


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure if there is nothing to draw."""
    records = select.closed_loops(run, connections, sizes)
    panels = select.panels(record.condition for record in records)
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    many = len(palette.looks(record.condition for record in records)) > palette.MOST_BANDS
    judged = select.cells(run)
    hollow = any(left_out(each) or not judged[each.condition].verdict.valid for each in records)
    note = (MANY_NOTE if many else NOTE) + HOLLOW_NOTE * hollow
    if len({record.condition.connections for record in records}) == 1:
        return _bars(run, records, (connections, sizes))
    with palette.rc():
        figure, axes = sheet.sheet(
            run, records, (TITLE, note), columns, rows, panel_height=2.75, panels=len(panels)
        )
        for axis, load in zip(axes.flat, panels):
            _panel(axis, [record for record in records if record.condition.panel == load], judged)
        axes[0, 0].set_ylim(bottom=0)
        sheet.connections_axis(axes.flat, records)
        for axis in axes[:, 0]:
            axis.set_ylabel("requests per second")
    again = command(NAME, run, connections, sizes)
    return Plot(NAME, QUESTION, _alt(run, records), figure, COLUMNS, _rows(run, records), again)


def _bars(
    run: Run, records: Sequence[Record], levels: tuple[select.Numbers, select.Numbers]
) -> Plot:
    """Return the figure of one number of connections: a row of sorted bars per message size."""
    panels = select.panels(record.condition for record in records)
    looks = palette.looks(record.condition for record in records)
    number = words.count(records[0].condition.connections, "connection")
    hollow = not all(select.cells(run)[each.condition].verdict.valid for each in records)
    note = BARS_NOTE + " Hollow: not valid, left out of every comparison." * hollow
    with palette.rc():
        figure, axes = sheet.sheet(
            run,
            records,
            (f"Requests per second at {number}", note),
            1,
            len(panels),
            panel_height=0.55 + 0.21 * len(looks),
            share_y="row",
            listed=(),
        )
        for axis, panel in zip(axes[:, 0], panels):
            cells = {r.condition for r in records if r.condition.panel == panel}
            judged = [select.cells(run)[cell] for cell in cells]
            judged.sort(
                key=lambda cell: (cell.rate is None, -(cell.rate.value if cell.rate else 0))
            )
            sheet.bars(
                axis,
                [
                    (
                        each.condition.label,
                        looks[each.condition.label],
                        each.rate,
                        each.verdict.valid,
                    )
                    for each in judged
                ],
            )
            axis.set_title(panel.words)
        axes[-1, 0].set_xlabel("requests per second")
    again = command(NAME, run, *levels)
    return Plot(NAME, QUESTION, _alt(run, records), figure, COLUMNS, _rows(run, records), again)


def _aside(place: int, series: int) -> float:
    """Return the factor by which a series stands aside of its connections."""
    if series <= palette.MOST_BANDS:
        return 1.0
    middle = (series - 1) / 2
    return float(min(ASIDE, FARTHEST ** (1 / middle)) ** (place - middle))


def _panel(axis: Any, records: Sequence[Record], judged: Mapping[Condition, Cell]) -> None:
    axis.set_title(records[0].condition.panel.words)
    looks = palette.looks(record.condition for record in records)
    for place, (label, look) in enumerate(looks.items()):
        own = [record for record in records if record.condition.label == label]
        cells = sorted(
            {record.condition for record in own}, key=lambda condition: condition.connections
        )
        points = [judged[cell].rate for cell in cells]
        x = [cell.connections for cell in cells]
        aside = _aside(place, len(looks))
        axis.plot(
            [at * aside for at in x],
            _values(point.value if point else None for point in points),
            **look.line,
            zorder=3,
        )
        for at, cell, point in zip(x, cells, points):
            if point and not judged[cell].verdict.valid:
                sheet.hollow(axis, look, at * aside, point.value)
        if len(looks) <= palette.MOST_BANDS:
            low = _values(point.low if point else None for point in points)
            high = _values(point.high if point else None for point in points)
            axis.fill_between(x, low, high, color=look.colour, alpha=0.16, linewidth=0, zorder=1)
        else:
            for at, point in zip(x, points):
                if point:
                    sheet.bar(axis, look, at * aside, point)
        _repeats(axis, own, look, aside)
    for limit, text in select.limits(records):
        axis.axvline(limit, color=palette.MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
        where: dict[str, Any] = {
            "xycoords": ("data", "axes fraction"),
            "xytext": (-3, 4),
            "ha": "right",
        }
        style: dict[str, Any] = {
            "rotation": 90,
            "va": "bottom",
            "fontsize": 6.5,
            "color": palette.MUTED,
        }
        axis.annotate(text, (limit, 0), textcoords="offset points", **where, **style)


def _values(numbers: Iterable[float | None]) -> list[float]:
    """Return NaN for None: matplotlib breaks a line there, at a cell without a valid repeat."""
    return [math.nan if number is None else number for number in numbers]


def _repeats(axis: Any, records: Sequence[Record], look: palette.Look, aside: float) -> None:
    """Draw the repeats of a series: faint dots if valid, else hollow.

    A repeat without a number lies on the axis.
    """
    places = [
        (left_out(record) is None, record.condition.connections * aside, select.rate(record))
        for record in records
    ]
    good = [(at, value) for valid, at, value in places if valid and value is not None]
    bad = [(at, value or 0.0) for valid, at, value in places if not valid or value is None]
    dot = {"color": look.colour, "alpha": 0.4, "markersize": 3.5, "markeredgewidth": 0}
    axis.plot([at for at, _ in good], [value for _, value in good], ".", **dot, zorder=2)
    if bad:  # matplotlib lays out an empty unclipped line as if it lay at the origin
        mark = look.hollow | {"markerfacecolor": "none", "clip_on": False, "linestyle": ""}
        places_ = ([at for at, _ in bad], [value for _, value in bad])
        axis.plot(*places_, marker=look.mark, **mark, zorder=4)


def _rows(run: Run, records: Sequence[Record]) -> Rows:
    def place(record: Record) -> tuple[object, ...]:
        cell = record.condition
        return cell.panel, cell.label, cell.connections, record.repeat

    return tuple(
        (
            *select.head(run, record.condition)[:-1],
            *(record.repeat, record.status, select.rate(record)),
            *select.ends(cell.rate),
            *(cell.n, cell.verdict.kind.value),
        )
        for record in sorted(records, key=place)
        for cell in [select.cells(run)[record.condition]]
    )


def _alt(run: Run, records: Sequence[Record]) -> str:
    """What the figure shows, in words: the medians at the most connections of every panel."""
    sentences = []
    for panel in select.panels(record.condition for record in records):
        inside = [record for record in records if record.condition.panel == panel]
        most = max(record.condition.connections for record in inside)
        cells = {
            record.condition.label: record.condition
            for record in inside
            if record.condition.connections == most
        }
        medians = {
            label: select.cells(run)[cells[label]].rate for label in palette.looks(cells.values())
        }
        values = [f"{label} {words.number(each.value)}" for label, each in medians.items() if each]
        sentences.append(
            f"{panel.words} at {most:,} connections: {', '.join(values) or 'no valid repeat'}."
        )
    what = "requests per second by connections, median with its 95 % interval"
    return f"Line chart on {run.platform}: {what}. {' '.join(sentences)}"
