"""How far is each model from the baseline, and is the difference shown?

A forest: one line per model and load, with requests per second over those of the suite's first
server at the same load, as median ratio and 95 % bootstrap interval (log x). A line is grey with
"~" if no difference is shown or there are too few repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from iomodels.base.errors import Failure
from iomodels.data.records import Condition, Panel, Record, Run
from iomodels.figures import palette, select, sheet
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge import stats

NAME = "ratios_to_baseline"
QUESTION = "How far is each model from the baseline, and is the difference shown?"
TITLE = "Requests per second over the baseline's"
NOTE = (
    "Median ratio and its 95 % bootstrap interval. Grey and ~: no difference shown (rank test, "
    "Holm-corrected over the figure, or fewer than 9 repeats). "
    "Cells that are not valid have no line."
)
COLUMNS = (
    "run",
    "platform",
    "server",
    "baseline",
    "connections",
    "size",
    "reply_size",
    "depth",
    "ratio",
    *select.INTERVAL,
    "p_holm",
    "shown",
)


@dataclass(frozen=True)
class Line:
    label: str
    connections: int
    load: Panel
    ratio: stats.Estimate
    p: float | None
    shown: bool


def baseline_of(run: Run) -> str:
    """The label of the suite's first server."""
    return next(
        record.condition.label
        for record in sorted(run.records, key=lambda each: each.index)
        if record.condition.model == run.manifest["suite"]["servers"][0]["model"]
    )


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure if there is nothing to compare."""
    records = select.closed_loops(run, connections, sizes)
    baseline = baseline_of(run)
    found = lines(select.comparable(run, records), baseline)
    if not found:
        raise Failure(
            f"{run.path}: no valid repeat of {baseline} and of another server at the same load, "
            "so there is nothing to compare"
        )
    loads = sorted({line.load for line in found})
    longest = max(sum(line.load == load for line in found) for load in loads)
    with palette.rc():
        figure, axes = sheet.sheet(
            run,
            records,
            (TITLE, NOTE),
            len(loads),
            1,
            panel_height=0.7 + 0.135 * longest,
            share_y="col",
        )
        for axis, load in zip(axes[0], loads):
            _panel(axis, [line for line in found if line.load == load], records)
            axis.set_title(load.words)
            axis.set_xlabel(f"over {baseline} (log scale)")
    return Plot(
        NAME,
        QUESTION,
        _alt(run, found, baseline),
        figure,
        COLUMNS,
        _rows(run, found, baseline),
        command(NAME, run, connections, sizes),
    )


def lines(cells: Mapping[Condition, Sequence[float]], baseline: str) -> list[Line]:
    """Return every series against the baseline at its load, from the top of the figure.

    The p-values are corrected over all of them.
    """
    order = list(palette.looks(cells))
    base = {(c.panel, c.connections): values for c, values in cells.items() if c.label == baseline}
    others = sorted(
        (c for c in cells if c.label != baseline and (c.panel, c.connections) in base),
        key=lambda c: (c.panel, c.connections, order.index(c.label)),
    )
    found = stats.differences([(cells[c], base[c.panel, c.connections]) for c in others])
    return [
        Line(
            c.label,
            c.connections,
            c.panel,
            each.ratio,
            each.p,
            each.finding is stats.Finding.SHOWN,
        )
        for c, each in zip(others, found)
        if each.ratio
    ]


def _panel(axis: Any, found: Sequence[Line], records: Sequence[Record]) -> None:
    looks = palette.looks(record.condition for record in records)
    axis.axvline(1.0, color=palette.MUTED, linewidth=0.9, zorder=1)
    for place, line in enumerate(found):
        look = looks[line.label]
        colour = look.colour if line.shown else palette.MUTED
        if line.ratio.low is not None and line.ratio.high is not None:
            axis.hlines(
                place,
                line.ratio.low,
                line.ratio.high,
                color=colour,
                linewidth=1.3,
                alpha=0.9 if line.shown else 0.45,
                zorder=2,
            )
        axis.plot(
            line.ratio.value,
            place,
            look.marker,
            color=colour,
            markersize=4.5,
            zorder=3,
            markeredgecolor=palette.PAPER,
            markeredgewidth=0.4,
        )
    names = [f"{line.label}, {line.connections:,}{'' if line.shown else ' ~'}" for line in found]
    axis.set_yticks(range(len(found)), names, fontsize=6.5)
    axis.set_ylim(len(found) - 0.4, -0.6)
    for place in range(1, len(found)):
        if found[place].connections != found[place - 1].connections:
            axis.axhline(place - 0.5, color=palette.GRID, linewidth=0.8, zorder=0)
    axis.grid(axis="y", visible=False)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _rows(run: Run, found: Sequence[Line], baseline: str) -> Rows:
    return tuple(
        (
            run.manifest["run"],
            run.platform,
            line.label,
            baseline,
            line.connections,
            *line.load[:3],
            line.ratio.value,
            line.ratio.low,
            line.ratio.high,
            line.p,
            line.shown,
        )
        for line in found
    )


def _alt(run: Run, found: Sequence[Line], baseline: str) -> str:
    told = [
        f"{line.label} at {line.connections:,} × {line.load.words}: {line.ratio.value:.2f}"
        + ("" if line.shown else " (no difference shown)")
        for line in found
    ]
    what = f"requests per second over those of {baseline}"
    return f"Forest plot on {run.platform}: {what}. {'; '.join(told)}."
