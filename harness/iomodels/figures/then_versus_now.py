"""Does the order of the models that was once published still hold?

One panel per message size, x = connections (log), y = throughput over that of the completion port
at the same load. Ratios replace absolute numbers, which machines twenty years apart do not share.
Grey: published, with the year, hollow if the value was not verified. Colour: this run, median and
95 % bootstrap interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from iomodels.base.errors import Failure
from iomodels.data.records import Condition, Run
from iomodels.figures import literature, palette, select, sheet
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge import stats
from iomodels.judge.summary import summarise

NAME = "then_versus_now"
QUESTION = "Does the order of the models that was once published still hold?"
TITLE = "Throughput over a completion port's: published and now"
NOTE = (
    "Grey: published, with its year (’02 …); hollow: not verified. "
    "Colour: this run, median ratio and 95 % interval. "
    "Only the shape compares: machines, sizes and pacing differ."
)
COLUMNS = (
    *("source", "year", "platform", "server", "connections", "size", "reply_size", "depth"),
    *("ratio", *select.INTERVAL, "verified"),
)
ASIDE = 1.06

Cells = Mapping[Condition, Sequence[float]]
"""Requests per second of the repeats of each cell that may be compared."""


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run.

    Raises Failure if it has no completion port to compare with, or a load of its own.
    """
    if run.manifest["suite"].get("load"):
        raise Failure(f"{run.path}: its load is not the plain one of published numbers")
    records = select.closed_loops(run, connections, sizes)
    shown, judged = {record.condition for record in records}, select.cells(run)
    valid = {c: judged[c].rates for c in shown if judged[c].verdict.valid}
    cells = {c: rates for c, rates in valid.items() if rates}
    if not any(condition.label == literature.BASELINE for condition in cells):
        reason = f"compares with {literature.BASELINE}, of which the run has no valid repeat"
        raise Failure(f"{run.path}: this figure {reason}")
    published = literature.ratios()
    panels = select.panels(record.condition for record in records)
    columns = min(2, len(panels))
    twins = summarise(run).twins
    cells = {c: rates for c, rates in cells.items() if c.label not in twins}
    left = {literature.BASELINE, *twins}
    others = [record for record in records if record.condition.label not in left]
    with palette.rc():
        figure, axes = sheet.sheet(
            run,
            others or records,
            (TITLE, NOTE),
            columns,
            -(-len(panels) // columns),
            panel_height=2.9,
            further=_legend(published),
            panels=len(panels),
        )
        for axis, load in zip(axes.flat, panels):
            axis.set_title(load.words)
            _published(axis, published)
            _measured(axis, {c: values for c, values in cells.items() if c.panel == load})
        counts = [record.condition.connections for record in records]
        _axes(axes, [*counts, *(each.connections for each in published)])
        for axis in axes[:, 0]:
            axis.set_ylabel("throughput over iocp's")
    rows = _rows(run, cells, published)
    again = command(NAME, run, connections, sizes)
    return Plot(NAME, QUESTION, _alt(run, rows), figure, COLUMNS, rows, again)


def _published(axis: Any, published: Sequence[literature.Published]) -> None:
    axis.axhline(1.0, color=palette.MUTED, linewidth=0.8, zorder=0)
    named: list[literature.Published] = []
    for each in published:
        at, marker = (each.connections, each.ratio), palette.look(each.model).mark
        style = {"color": palette.MUTED, "markersize": 6, "clip_on": False, "linestyle": ""}
        filled = palette.MUTED if each.verified else "none"
        axis.plot(*at, marker=marker, markerfacecolor=filled, **style, zorder=2)
        if any(_close(each, other) for other in named):
            continue  # a label would cover that of the same year next to it
        named.append(each)
        year = f"’{each.year % 100:02}" if each.year else ""
        style = {"fontsize": 5.5, "color": palette.MUTED, "ha": "center"}
        axis.annotate(year, at, xytext=(0, 5), textcoords="offset points", **style)


def _close(one: literature.Published, other: literature.Published) -> bool:
    """Whether two values of one year are so near that a label serves both."""
    ratio = one.connections / other.connections
    near = max(ratio, 1 / ratio) < 2 and abs(one.ratio - other.ratio) < 0.15
    return near and one.year == other.year


def _legend(published: Sequence[literature.Published]) -> list[Line2D]:
    models = sorted({each.model for each in published}, key=list(palette.MODELS).index)
    style = {"color": palette.MUTED, "linestyle": ""}
    return [
        Line2D([], [], **style, marker=palette.look(model).mark, label=f"{model}, published")
        for model in models
    ]


def _axes(axes: Any, counts: Sequence[int]) -> None:
    """Put connections in decades: no published load is a power of two."""
    axes[0, 0].set_ylim(bottom=0)
    for axis in axes.flat:
        axis.set_xscale("log")
        axis.set_xlim(min(counts) / 1.5, max(counts) * 1.8)
        axis.xaxis.set_major_locator(LogLocator(10))
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_xlabel("connections (log scale)")


def _measured(axis: Any, cells: Cells) -> None:
    looks = {
        label: look for label, look in palette.looks(cells).items() if label != literature.BASELINE
    }
    for place, (label, look) in enumerate(looks.items()):
        points = _ratios(cells, label)
        x = [count * ASIDE ** (place - (len(looks) - 1) / 2) for count, _ in points]
        axis.plot(x, [ratio.value for _, ratio in points], **look.line, zorder=4)
        for at, (_, ratio) in zip(x, points):
            sheet.bar(axis, look, at, ratio)


def _ratios(cells: Cells, label: str) -> list[tuple[int, stats.Estimate]]:
    """Return (connections, ratio to the completion port) of a series within one panel."""
    ports = {c.connections: values for c, values in cells.items() if c.label == literature.BASELINE}
    own = sorted(
        (c for c in cells if c.label == label and c.connections in ports),
        key=lambda c: c.connections,
    )
    found = [(c.connections, stats.ratio_estimate(cells[c], ports[c.connections])) for c in own]
    return [(count, ratio) for count, ratio in found if ratio]


def _rows(run: Run, cells: Cells, published: Sequence[literature.Published]) -> Rows:
    rows: list[tuple[object, ...]] = [
        (
            *(each.source, each.year, "published", each.model, each.connections),
            *(None, None, None, round(each.ratio, 4), None, None, each.verified),
        )
        for each in published
    ]
    for panel in select.panels(condition for condition in cells):
        inside = {c: values for c, values in cells.items() if c.panel == panel}
        for label in palette.looks(inside):
            for count, ratio in _ratios(inside, label) if label != literature.BASELINE else ():
                start = (f"run {run.manifest['run']}", None, run.platform, label, count)
                rows.append((*start, *panel[:3], *select.ends(ratio), True))
    return tuple(rows)


def _alt(run: Run, rows: Sequence[tuple[object, ...]]) -> str:
    told = [
        f"{row[3]} at {row[4]:,} connections {row[8]:.2f} ({row[1]})"
        for row in rows
        if row[2] == "published" and row[1] and row[11] and isinstance(row[8], float)
    ]
    return (
        "Scatter of throughput over that of a completion port by connections, "
        f"published and measured on {run.platform}. "
        f"Published and verified: {', '.join(told)}."
    )
