"""Which model is fastest at which load?

One tile per number of connections (columns) and message size (rows). If the repeats show a
difference, it has the fastest model's colour and its lead over the next one; else it is grey and
names all models tied with the fastest.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.patches import Rectangle

from iomodels.base.errors import Failure
from iomodels.data.records import Condition, Panel, Run
from iomodels.figures import palette, select, sheet
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge import stats

NAME = "winner_map"
QUESTION = "Which model is fastest at which load?"
TITLE = "Fastest model by connections and message size"
NOTE = (
    "Colour: the fastest by median requests per second, and its lead over the next, where the "
    "corrected rank test shows one. Grey: no lead shown; all models tied with the fastest are "
    "named. Cells that are not valid have no part in it."
)
COLUMNS = (
    "run",
    "platform",
    "connections",
    "size",
    "reply_size",
    "depth",
    "outcome",
    "fastest",
    "next",
    "lead",
    *select.INTERVAL,
    "p_holm",
    "tied",
)
TIE = "tie"


@dataclass(frozen=True)
class Tile:
    """The outcome at one load: "lead", "tie" or "too few repeats"; `tied` begins with the
    fastest."""

    connections: int
    load: Panel
    outcome: str
    tied: tuple[str, ...]
    following: str | None
    lead: stats.Estimate | None
    p: float | None


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure without a valid repeat."""
    records = select.closed_loops(run, connections, sizes)
    found = tiles(select.comparable(run, records))
    if not found:
        raise Failure(f"{run.path}: no valid repeat, so no model leads anywhere")
    loads = sorted({tile.load for tile in found})
    counts = sorted({tile.connections for tile in found})
    with palette.rc():
        figure, axes = sheet.sheet(
            run, records, (TITLE, NOTE), 1, 1, panel_height=0.75 + 0.62 * len(loads)
        )
        axis = axes[0, 0]
        looks = palette.looks(record.condition for record in records)
        for tile in found:
            _tile(axis, tile, counts.index(tile.connections), loads.index(tile.load), looks)
        axis.set_xlim(-0.5, len(counts) - 0.5)
        axis.set_ylim(-0.5, len(loads) - 0.5)
        axis.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
        axis.set_yticks(range(len(loads)), [load.words for load in loads])
        axis.set_xlabel("connections")
        axis.set_ylabel("message size")
        axis.grid(False)
        axis.tick_params(length=0)
    return Plot(
        NAME,
        QUESTION,
        _alt(run, found),
        figure,
        COLUMNS,
        _rows(run, found),
        command(NAME, run, connections, sizes),
    )


def tiles(cells: Mapping[Condition, Sequence[float]]) -> list[Tile]:
    """Return a tile per load: the fastest against every other model at its load.

    The p-values are corrected over all of them.
    """
    groups: dict[tuple[Panel, int], dict[str, Sequence[float]]] = {}
    for condition, values in cells.items():
        groups.setdefault((condition.panel, condition.connections), {})[condition.label] = values
    ranked = {
        load: sorted(group, key=lambda label: -(stats.median(group[label]) or 0))
        for load, group in groups.items()
    }
    pairs = [(load, label) for load, order in ranked.items() for label in order[1:]]
    found = dict(
        zip(
            pairs,
            stats.differences(
                [(groups[load][ranked[load][0]], groups[load][label]) for load, label in pairs]
            ),
        )
    )
    return [
        _outcome(load, order, {label: found[load, label] for label in order[1:]})
        for load, order in ranked.items()
    ]


def _outcome(
    load: tuple[Panel, int], order: Sequence[str], leads: Mapping[str, stats.Difference]
) -> Tile:
    following = order[1] if len(order) > 1 else None
    tied = (
        order[0],
        *(label for label in order[1:] if leads[label].finding is not stats.Finding.SHOWN),
    )
    few = any(lead.finding is stats.Finding.TOO_FEW for lead in leads.values())
    return Tile(
        load[1],
        load[0],
        "lead" if len(tied) == 1 else "too few repeats" if few else TIE,
        tied,
        following,
        leads[following].ratio if following else None,
        leads[following].p if following else None,
    )


def _tile(axis: Any, tile: Tile, column: int, row: int, looks: dict[str, palette.Look]) -> None:
    shown = tile.outcome == "lead"
    colour = looks[tile.tied[0]].colour if shown else palette.GRID
    axis.add_patch(
        Rectangle(
            (column - 0.48, row - 0.46),
            0.96,
            0.92,
            facecolor=colour,
            edgecolor="none",
            alpha=0.24 if shown else 0.6,
        )
    )
    if shown:
        axis.plot(
            column - 0.4,
            row + 0.34,
            **(looks[tile.tied[0]].line | {"linestyle": "none", "markersize": 4}),
        )
    words = (
        f"{tile.tied[0]}\n{tile.lead.value:.2f} ×"
        if shown and tile.lead
        else tile.tied[0]
        if shown
        else _tied_words(tile)
    )
    axis.text(
        column,
        row,
        words,
        ha="center",
        va="center",
        fontsize=6.5 if shown else 6,
        fontweight="bold" if shown else "normal",
        color=palette.INK if shown else palette.MUTED,
    )


def _tied_words(tile: Tile) -> str:
    named = (
        " ≈ ".join(tile.tied)
        if len(tile.tied) <= 3
        else f"{' ≈ '.join(tile.tied[:2])} ≈ {len(tile.tied) - 2} more"
    )
    return "\n".join(textwrap.wrap(named, 14)) + ("" if tile.outcome == TIE else "\n(few repeats)")


def _rows(run: Run, found: Sequence[Tile]) -> Rows:
    rows = []
    for tile in sorted(found, key=lambda each: (each.load, each.connections)):
        rows.append(
            (
                run.manifest["run"],
                run.platform,
                tile.connections,
                *tile.load[:3],
                tile.outcome,
                tile.tied[0],
                tile.following,
                *select.ends(tile.lead),
                tile.p,
                " ".join(tile.tied),
            )
        )
    return tuple(rows)


def _alt(run: Run, found: Sequence[Tile]) -> str:
    told = []
    for tile in sorted(found, key=lambda each: (each.load, each.connections)):
        at = f"{tile.connections:,} × {tile.load.words}"
        told.append(
            f"{at}: {tile.tied[0]} leads" + (f" {tile.lead.value:.2f} ×" if tile.lead else "")
            if tile.outcome == "lead"
            else f"{at}: no lead shown"
        )
    return f"Map of the fastest model by connections and size on {run.platform}. {'; '.join(told)}."
