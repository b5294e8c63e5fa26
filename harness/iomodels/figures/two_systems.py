"""How do the servers of two operating systems compare as connections grow?

The only figure of two platforms. One column of panels per operating system, one row per message
size. Both panels of a row have one scale. A point is the geometric mean over the runs of its
platform, and its bar the interval over these runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator, StrMethodFormatter

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.data.records import Condition, Panel
from iomodels.figures import palette, sheet
from iomodels.figures.output import Plot, Rows
from iomodels.judge.join import Entry, Joined, JoinedLoad, Scale, Side
from iomodels.judge.stats import Estimate

NAMES = {Scale.RATE: "two_systems_rate", Scale.COST: "two_systems_cost"}
WHAT = {Scale.RATE: "Requests per second", Scale.COST: "CPU time per request (µs)"}
OVER_RUNS = "Geometric means over the runs of a platform; bars: 95 % intervals over these runs."
OVER_ROUNDS = (
    "Geometric means over the rounds; bars: 95 % intervals within a run. "
    "The spread between runs is unknown."
)
COLUMNS = (
    *("platform", "server", "connections", "size", "reply_size", "depth"),
    *("value", "ci95_low", "ci95_high", "runs", "rounds", "scale"),
)
ASIDE = 1.05


def draw(joined: Joined, scale: Scale, command: str) -> Plot:
    """Return the figure on one scale. Raises Failure if no load has a result on it."""
    loads = [load for load in joined.loads if (found := load.on(scale)) and _values(found)]
    if not loads:
        raise Failure(f"no load has a result in {scale.value}")
    looks = looks_of(joined)
    panels = list(dict.fromkeys(load.key.panel for load in loads))
    handles = [Line2D([], [], **look.line, label=label) for label, look in looks.items()]
    title = f"{WHAT[scale]}: {joined.windows.platform} and {joined.linux.platform}"
    with palette.rc():
        figure = sheet.page(
            title, notes(joined), joined.windows.platform, 2.3 * len(panels), handles
        )
        axes: Any = figure.subplots(len(panels), 2, squeeze=False, sharex="all", sharey="row")
        for row, panel in zip(axes, panels):
            of_panel = [load for load in loads if load.key.panel == panel]
            for axis, side in zip(row, joined.sides):
                _panel(axis, of_panel, scale, side, joined, looks)
                axis.set_title(f"{side.system}, {panel.words}")
            row[0].set_ylim(bottom=0)
            row[0].set_ylabel(scale.value)
        _connections(axes, loads)
    return Plot(
        NAMES[scale],
        _question(scale),
        _alt(joined, scale, loads),
        figure,
        COLUMNS,
        _rows(joined, scale, loads),
        command,
    )


def notes(joined: Joined) -> tuple[str, str]:
    """Return the conditions of a figure of two platforms, and how to read its intervals."""
    sides = [f"{side.platform}: {words.count(len(side.summaries), 'run')}" for side in joined.sides]
    what = "two kernels, with all that belongs to each of them"
    return " · ".join([*sides, what]), OVER_RUNS if joined.over_runs else OVER_ROUNDS


def looks_of(joined: Joined) -> dict[str, palette.Look]:
    """Return the look of each server of both platforms, without the controls."""
    found: set[Condition] = {
        cell.condition
        for side in joined.sides
        for summary in side.summaries
        for cell in summary.cells
        if cell.condition.label in side.labels
    }
    return palette.looks(found)


def _question(scale: Scale) -> str:
    what = "do the requests per second" if scale is Scale.RATE else "does the CPU time per request"
    return f"How {what} of two operating systems change with the connections?"


def _entries(joined: Joined, load: JoinedLoad, scale: Scale, side: Side) -> tuple[Entry, ...]:
    found = load.on(scale)
    assert found
    return found.windows if side is joined.windows else found.linux


def _values(found: Any) -> list[float]:
    return [each.value for each in (*found.windows, *found.linux) if each.value is not None]


def _panel(
    axis: Any,
    loads: Sequence[JoinedLoad],
    scale: Scale,
    side: Side,
    joined: Joined,
    looks: dict[str, palette.Look],
) -> None:
    for place, label in enumerate(side.labels):
        entries = [
            (load.key.connections, each)
            for load in loads
            for each in _entries(joined, load, scale, side)
            if each.label == label
        ]
        aside = ASIDE ** (place - (len(side.labels) - 1) / 2)
        values = [math.nan if each.value is None else each.value for _, each in entries]
        axis.plot([at * aside for at, _ in entries], values, **looks[label].line, zorder=3)
        for at, each in entries:
            if each.value is not None:
                estimate = Estimate(each.value, each.low, each.high)
                sheet.bar(axis, looks[label], at * aside, estimate)


def _connections(axes: Any, loads: Sequence[JoinedLoad]) -> None:
    counts = sorted({load.key.connections for load in loads})
    for axis in axes.flat:
        axis.set_xscale("log")
        axis.set_xlim(counts[0] / 1.35, counts[-1] * 1.35)
        axis.set_xticks(counts, [f"{count:,}" for count in counts])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))
    for axis in axes[-1]:
        axis.set_xlabel("connections (log scale)")


def _rows(joined: Joined, scale: Scale, loads: Sequence[JoinedLoad]) -> Rows:
    return tuple(
        (
            *(side.platform, each.label, load.key.connections, *_sizes(load.key.panel)),
            *(each.value, each.low, each.high, each.runs, each.rounds, scale.value),
        )
        for load in loads
        for side in joined.sides
        for each in _entries(joined, load, scale, side)
    )


def _sizes(panel: Panel) -> tuple[int, int, int]:
    return panel.size, panel.reply_size, panel.depth


def _alt(joined: Joined, scale: Scale, loads: Sequence[JoinedLoad]) -> str:
    """The values at the most connections of each panel, in words."""
    sentences = []
    for panel in dict.fromkeys(load.key.panel for load in loads):
        last = [load for load in loads if load.key.panel == panel][-1]
        told = [
            f"{each.label} {words.number(each.value)} on {side.platform}"
            for side in joined.sides
            for each in _entries(joined, last, scale, side)
            if each.value is not None
        ]
        sentences.append(
            f"{panel.words} at {last.key.connections:,} connections: {', '.join(told)}."
        )
    both = f"{joined.windows.platform} (left) and {joined.linux.platform} (right)"
    return f"Line charts of {WHAT[scale]} by connections on {both}. {' '.join(sentences)}"
