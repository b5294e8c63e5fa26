"""Which model is fastest at which load?

One tile per number of connections (columns) and message size (rows): the fastest model in its
colour with its lead over the next one, where the rounds show it; else grey, with the names of all
that may be the fastest. A model without a valid figure is named below.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.patches import Rectangle

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.data.records import Panel, Run
from iomodels.figures import palette, select, sheet
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge.loads import JudgedLoad
from iomodels.judge.paired import Comparison, Fastest
from iomodels.judge.rule import Lead
from iomodels.judge.summary import is_ab

NAME = "winner_map"
QUESTION = "Which model is fastest at which load?"
TITLE = "Fastest model by connections and message size"
NOTE = (
    "Colour: the fastest model and its lead over the next one. Grey: not decided; listed are all "
    "that may be the fastest. Hatched edge: some models have no figure here."
)
COLUMNS = (
    *("run", "platform", "connections", "size", "reply_size", "depth", "lead", "fastest", "next"),
    *("ratio", *select.INTERVAL, "p_holm", "tied", "without_figure"),
)
UNBROKEN = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Tile:
    """The fastest at one load."""

    load: JudgedLoad
    fastest: Fastest
    lead: Lead

    @property
    def panel(self) -> Panel:
        return self.load.key.panel

    @property
    def connections(self) -> int:
        return self.load.key.connections

    @property
    def clear(self) -> bool:
        return self.lead is Lead.CLEAR

    @property
    def candidates(self) -> tuple[str, ...]:
        """All that may be the fastest."""
        return (self.fastest.leader, *self.fastest.tied, *self.load.beating)

    @property
    def next(self) -> Comparison | None:
        return self.fastest.comparisons[0] if self.fastest.comparisons else None

    @property
    def at(self) -> str:
        return f"{self.connections:,} × {self.panel.words}"


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure where it would have fewer than two tiles."""
    if is_ab(run.manifest):
        raise Failure(f"{run.path}: compares two builds of each model, not the models")
    records = select.closed_loops(run, connections, sizes)
    loads = select.loads(run, records)
    found = [Tile(load, load.fastest, load.lead) for load in loads if load.fastest and load.lead]
    if len(found) < 2:
        raise Failure(
            f"{run.path}: a map needs two loads with a valid figure, and has {len(found)}"
        )
    panels = sorted({tile.panel for tile in found})
    counts = sorted({tile.connections for tile in found})
    with palette.rc():
        figure, axes = sheet.sheet(
            run, records, (TITLE, NOTE), 1, 1, panel_height=0.6 + 0.62 * len(panels), listed=()
        )
        axis = axes[0, 0]
        looks = palette.looks(record.condition for record in records)
        for tile in found:
            _tile(axis, tile, counts.index(tile.connections), panels.index(tile.panel), looks)
        axis.set_xlim(-0.5, len(counts) - 0.5)
        axis.set_ylim(-0.5, len(panels) - 0.5)
        axis.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
        axis.set_yticks(range(len(panels)), [panel.words for panel in panels])
        axis.set_xlabel("connections")
        axis.set_ylabel("message size")
        axis.grid(False)
        axis.tick_params(length=0)
    again = command(NAME, run, connections, sizes)
    return Plot(NAME, QUESTION, _alt(run, found), figure, COLUMNS, _rows(run, found), again)


def _tile(axis: Any, tile: Tile, column: int, row: int, looks: Mapping[str, palette.Look]) -> None:
    look = looks[tile.fastest.leader]
    axis.add_patch(
        Rectangle(
            (column - 0.48, row - 0.46),
            0.96,
            0.92,
            facecolor=look.colour if tile.clear else palette.GRID,
            edgecolor="none",
            alpha=0.24 if tile.clear else 0.6,
        )
    )
    if tile.load.unable:  # beside the words, which a hatch would make hard to read
        edge = {"facecolor": "none", "edgecolor": palette.MUTED, "hatch": "/////", "linewidth": 0}
        axis.add_patch(Rectangle((column + 0.43, row - 0.46), 0.05, 0.92, **edge))
    if tile.clear:
        mark = look.line | {"linestyle": "none", "markersize": 4}
        axis.plot(column - 0.4, row + 0.34, **mark)
    style: dict[str, Any] = {"fontsize": 6.5, "color": palette.INK}
    if tile.clear:
        style = {"fontsize": 7, "fontweight": "bold", "color": palette.INK}
    axis.text(column, row, _words(tile), ha="center", va="center", **style)


def _words(tile: Tile) -> str:
    judged = len(tile.fastest.comparisons) + 1
    all_ = judged + len(tile.load.unable)
    of = f"\n{judged} of {all_} have a figure" if tile.load.unable else ""
    if tile.clear and tile.next:
        return f"{tile.fastest.leader}\n{_ratio(tile.next)}{of}"
    named = tile.candidates
    shown = named if len(named) <= 3 else [*named[:2], f"{len(named) - 2} more"]
    first, *others = [name.replace(" ", UNBROKEN) for name in shown]
    joined = " ".join([first, *(f"≈{UNBROKEN}{name}" for name in others)])
    few = "\n(few rounds)" if tile.lead is Lead.PROVISIONAL else ""
    return "\n".join(textwrap.wrap(joined, 16)) + few + of


def _ratio(one: Comparison) -> str:
    return words.ratio(one.ratio, differs=True)


def _rows(run: Run, found: Sequence[Tile]) -> Rows:
    rows = []
    for tile in found:
        one = tile.next
        rows.append(
            (
                *(run.manifest["run"], run.platform, tile.connections, *tile.panel[:3]),
                *(tile.lead.value, tile.fastest.leader),
                *((one.other, one.ratio, one.low, one.high, one.p_holm) if one else (None,) * 5),
                " ".join(tile.candidates[1:]),
                " ".join(each.label for each in tile.load.unable),
            )
        )
    return tuple(rows)


def _alt(run: Run, found: Sequence[Tile]) -> str:
    told = [
        f"{tile.at}: {tile.fastest.leader} is fastest, {_ratio(tile.next)} the next"
        if tile.clear and tile.next
        else f"{tile.at}: {tile.lead.value}"
        for tile in found
    ]
    return f"Map of the fastest model by connections and size on {run.platform}. {'; '.join(told)}."
