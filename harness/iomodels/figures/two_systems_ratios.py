"""How far is each Linux server from the Windows baseline, and how sure is that?

One row per load and server, one panel per message size. The bar is the interval over the runs of
both platforms. Grey: not decided, or no claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.figures import palette, sheet
from iomodels.figures.output import Plot
from iomodels.figures.ratios_to_baseline import ratio_ticks
from iomodels.figures.two_systems import looks_of, notes
from iomodels.judge.join import Joined, JoinedLoad, Ratio, Scale

NAMES = {Scale.RATE: "two_systems_rate_ratios", Scale.COST: "two_systems_cost_ratios"}
COLUMNS = (
    *("platform", "server", "over_platform", "over", "connections", "size", "reply_size", "depth"),
    *("ratio", "ci95_low", "ci95_high", "p_holm", "word", "scale"),
)

Line = tuple[JoinedLoad, Ratio]


def draw(joined: Joined, scale: Scale, command: str) -> Plot:
    """Return the figure on one scale. Raises Failure if no load has a ratio on it."""
    lines = [
        (load, ratio)
        for load in joined.loads
        if (found := load.on(scale))
        for ratio in found.ratios
    ]
    if not lines:
        raise Failure(f"no load has a ratio in {scale.value}")
    looks = looks_of(joined)
    panels = list(dict.fromkeys(load.key.panel for load, _ in lines))
    rows = list(dict.fromkeys((load.key.connections, ratio.label) for load, ratio in lines))
    rows.sort(key=lambda row: (row[0], joined.linux.labels.index(row[1])))
    labels = [label for label in looks if any(label == one for _, one in rows)]
    handles = [Line2D([], [], **looks[label].line, label=label) for label in labels]
    title = (
        f"{scale.value} on {joined.linux.platform} over {joined.baseline} "
        f"on {joined.windows.platform}"
    )
    with palette.rc():
        figure = sheet.page(
            title, notes(joined), joined.windows.platform, 0.7 + 0.135 * len(rows), handles
        )
        axes: Any = figure.subplots(1, len(panels), squeeze=False, sharex="all", sharey="row")
        for axis, panel in zip(axes[0], panels):
            of_panel = [line for line in lines if line[0].key.panel == panel]
            _panel(axis, of_panel, rows, looks, joined)
            axis.set_title(panel.words)
            axis.set_xlabel(f"over {joined.baseline} (log scale)")
        ends = [end for _, ratio in lines for end in _ends(ratio)]
        ticks = ratio_ticks(min(ends), max(ends), 3 if len(panels) > 2 else 7)
        axes[0, 0].xaxis.set_major_locator(FixedLocator(ticks))
        axes[0, 0].xaxis.set_minor_locator(NullLocator())
    question = f"How far is each Linux server from the Windows baseline in {scale.value}?"
    data = tuple(_row(joined, scale, *line) for line in lines)
    return Plot(NAMES[scale], question, _alt(joined, scale, lines), figure, COLUMNS, data, command)


def _ends(ratio: Ratio) -> tuple[float, ...]:
    return tuple(end for end in (ratio.ratio, ratio.low, ratio.high) if end is not None)


def _panel(
    axis: Any,
    lines: Sequence[Line],
    rows: Sequence[tuple[int, str]],
    looks: dict[str, palette.Look],
    joined: Joined,
) -> None:
    margin = joined.rule.margin
    axis.axvspan(1 / (1 + margin), 1 + margin, color=palette.GRID, alpha=0.5, zorder=0)
    axis.axvline(1.0, color=palette.MUTED, linewidth=0.9, zorder=1)
    for load, one in lines:
        place, look = rows.index((load.key.connections, one.label)), looks[one.label]
        colour = look.colour if one.word.decides else palette.MUTED
        if one.low is not None and one.high is not None:
            axis.hlines(place, one.low, one.high, color=colour, linewidth=1.3, zorder=2)
        axis.plot(one.ratio, place, look.marker, color=colour, markersize=4.5, zorder=3)
    starts = [place for place, row in enumerate(rows) if place == 0 or row[0] != rows[place - 1][0]]
    names = [
        f"{row[0]:,}   {row[1]}" if place in starts else row[1] for place, row in enumerate(rows)
    ]
    axis.set_yticks(range(len(rows)), names, fontsize=6.5)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    for place in starts[1:]:
        axis.axhline(place - 0.5, color=palette.GRID, linewidth=0.8, zorder=0)
    axis.grid(axis="y", visible=False)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _row(joined: Joined, scale: Scale, load: JoinedLoad, one: Ratio) -> tuple[object, ...]:
    panel = load.key.panel
    return (
        *(joined.linux.platform, one.label, joined.windows.platform, one.other),
        *(load.key.connections, panel.size, panel.reply_size, panel.depth),
        *(one.ratio, one.low, one.high, one.p_holm),
        *(scale.text(one.word, joined.rule.margin), scale.value),
    )


def _alt(joined: Joined, scale: Scale, lines: Sequence[Line]) -> str:
    told = [
        f"{one.label} at {load.key.connections:,} × {load.key.panel.words}: "
        f"{words.ratio(one.ratio)}, {scale.text(one.word, joined.rule.margin)}"
        for load, one in lines
    ]
    return (
        f"Forest plot of {scale.value} on {joined.linux.platform} over {joined.baseline} on "
        f"{joined.windows.platform}. {'; '.join(told)}."
    )
