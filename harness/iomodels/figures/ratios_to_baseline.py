"""How far is each model from the baseline, and how sure is that?

A forest: one line per model and load, its requests per second over those of the baseline. The line
is the interval of the rule that chose the word, so what is drawn agrees with what is said. Grey:
not decided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.data.records import Panel, Record, Run
from iomodels.figures import palette, select, sheet
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge.paired import Comparison
from iomodels.judge.rule import Rule
from iomodels.judge.summary import is_ab, summarise

NAME = "ratios_to_baseline"
QUESTION = "How far is each model from the baseline, and how sure is that?"
OF_BUILDS = "How far is each new build from the old one, and how sure is that?"
TITLE = "Requests per second over the baseline's"
NOTE = (
    "Ratio paired within rounds, with its {level} interval. Band: equal within {margin}. "
    "Grey and ~: not decided. Cells without a valid figure have no line."
)
COLUMNS = (
    *("run", "platform", "server", "baseline", "connections", "size", "reply_size", "depth"),
    *("ratio", *select.INTERVAL, "p_holm", "rounds", "word"),
)
RATIOS = (
    (0.01, 0.1, 1.0, 10.0, 100.0),
    (0.02, 0.05, 0.2, 0.5, 2.0, 5.0, 20.0, 50.0),
    (0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.4, 1.6, 2.5, 3.0, 4.0, 7.0),
)
"""Ticks of an axis of ratios: the later ones where the earlier ones leave room."""


@dataclass(frozen=True)
class Line:
    """One server over the baseline at one load."""

    panel: Panel
    connections: int
    comparison: Comparison

    @property
    def shown(self) -> bool:
        return self.comparison.word.decides

    @property
    def ends(self) -> tuple[float, ...]:
        """The ratio and the finite ends of its interval."""
        one = self.comparison
        found = (one.ratio, one.low, one.high)
        return tuple(end for end in found if end and math.isfinite(end))


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure if there is nothing to compare."""
    records = select.closed_loops(run, connections, sizes)
    rule = summarise(run).rules.baseline
    found = [
        Line(load.key.panel, load.key.connections, one)
        for load in select.loads(run, records)
        for one in load.over_baseline
    ]
    if not found:
        raise Failure(f"{run.path}: no load has a valid figure of two servers")
    panels = sorted({line.panel for line in found})
    rows = list(dict.fromkeys((line.connections, line.comparison.label) for line in found))
    order = list(palette.looks(record.condition for record in records))
    rows.sort(key=lambda row: (row[0], order.index(row[1])))
    note = NOTE.format(level=words.given(rule.stated), margin=words.given(rule.margin))
    with palette.rc():
        figure, axes = sheet.sheet(
            run,
            records,
            (TITLE, note),
            len(panels),
            1,
            panel_height=0.7 + 0.135 * len(rows),
            share_y="row",
            listed={line.comparison.label for line in found},
        )
        for axis, panel in zip(axes[0], panels):
            of_panel = [line for line in found if line.panel == panel]
            _panel(axis, of_panel, records, rule, rows)
            axis.set_title(panel.words)
            axis.set_xlabel(f"over {_baseline(of_panel)} (log scale)")
        axes[0, 0].set_ylabel("connections, server")
        ends = [end for line in found for end in line.ends]
        ticks = ratio_ticks(min(ends), max(ends), 4 if len(panels) > 2 else 7)
        axes[0, 0].xaxis.set_major_locator(FixedLocator(ticks))
        axes[0, 0].xaxis.set_minor_locator(NullLocator())
    question = OF_BUILDS if is_ab(run.manifest) else QUESTION
    again, alt = command(NAME, run, connections, sizes), _alt(run, found, rule)
    return Plot(NAME, question, alt, figure, COLUMNS, _rows(run, found, rule), again)


def _baseline(found: Sequence[Line]) -> str:
    return " or ".join(sorted({line.comparison.other for line in found}))


def ratio_ticks(low: float, high: float, most: int) -> list[float]:
    """Return plain ratios from `low` to `high` for a log axis: 1 and those with room around it."""
    wide = math.log(max(high, 1.0) / min(low, 1.0)) or 1.0
    chosen: list[float] = []
    near = [sorted(each, key=lambda ratio: (abs(math.log(ratio)), ratio)) for each in RATIOS]
    for ratio in chain.from_iterable(near):
        room = all(abs(math.log(ratio / each)) >= wide / most for each in chosen)
        if room and min(low, 1.0) <= ratio <= max(high, 1.0):
            chosen.append(ratio)
    return sorted(chosen)


def _panel(
    axis: Any,
    found: Sequence[Line],
    records: Sequence[Record],
    rule: Rule,
    rows: Sequence[tuple[int, str]],
) -> None:
    looks = palette.looks(record.condition for record in records)
    axis.axvspan(1 / (1 + rule.margin), 1 + rule.margin, color=palette.GRID, alpha=0.5, zorder=0)
    axis.axvline(1.0, color=palette.MUTED, linewidth=0.9, zorder=1)
    for line in found:
        one, look = line.comparison, looks[line.comparison.label]
        place = rows.index((line.connections, one.label))
        colour = look.colour if line.shown else palette.MUTED
        if one.low is not None and one.high is not None:
            style = {"linewidth": 1.3, "alpha": 0.9 if line.shown else 0.45, "zorder": 2}
            axis.hlines(place, one.low, one.high, color=colour, **style)
        edge = {"markeredgecolor": palette.PAPER, "markeredgewidth": 0.4, "linestyle": ""}
        mark = {"marker": look.mark, "color": colour, "markersize": 4.5}
        axis.plot(one.ratio, place, **mark, **edge, zorder=3)
        if not line.shown:
            text = {"xytext": (3, 0), "textcoords": "offset points", "va": "center"}
            axis.annotate("~", (max(line.ends), place), **text, fontsize=7, color=palette.MUTED)
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
    axis.xaxis.set_minor_locator(NullLocator())


def _rows(run: Run, found: Sequence[Line], rule: Rule) -> Rows:
    return tuple(
        (
            *(run.manifest["run"], run.platform, one.label, one.other),
            *(line.connections, *line.panel[:3]),
            *(one.ratio, one.low, one.high, one.p_holm, one.rounds, one.word.text(rule.margin)),
        )
        for line in found
        for one in [line.comparison]
    )


def _alt(run: Run, found: Sequence[Line], rule: Rule) -> str:
    told = [
        f"{line.comparison.label} at {line.connections:,} × {line.panel.words}: "
        f"{words.ratio(line.comparison.ratio)}, {line.comparison.word.text(rule.margin)}"
        for line in found
    ]
    return (
        f"Forest plot on {run.platform}: requests per second over those of "
        f"{_baseline(found)}. {'; '.join(told)}."
    )
