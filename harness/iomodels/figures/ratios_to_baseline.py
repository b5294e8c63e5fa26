"""How far is each model from the baseline, and how sure is that?

A forest: one line per model and load, its requests per second over those of the baseline. The line
is the interval of the rule that chose the word, so what is drawn agrees with what is said. Grey:
not decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

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


@dataclass(frozen=True)
class Line:
    """One server over the baseline at one load."""

    panel: Panel
    connections: int
    comparison: Comparison

    @property
    def shown(self) -> bool:
        return self.comparison.word.decides


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
    longest = max(sum(line.panel == panel for line in found) for panel in panels)
    note = NOTE.format(level=words.given(rule.stated), margin=words.given(rule.margin))
    with palette.rc():
        figure, axes = sheet.sheet(
            run,
            records,
            (TITLE, note),
            len(panels),
            1,
            panel_height=0.7 + 0.135 * longest,
            share_y="col",
        )
        for axis, panel in zip(axes[0], panels):
            of_panel = [line for line in found if line.panel == panel]
            _panel(axis, of_panel, records, rule)
            axis.set_title(panel.words)
            axis.set_xlabel(f"over {_baseline(of_panel)} (log scale)")
    question = OF_BUILDS if is_ab(run.manifest) else QUESTION
    again, alt = command(NAME, run, connections, sizes), _alt(run, found, rule)
    return Plot(NAME, question, alt, figure, COLUMNS, _rows(run, found, rule), again)


def _baseline(found: Sequence[Line]) -> str:
    return " or ".join(sorted({line.comparison.other for line in found}))


def _panel(axis: Any, found: Sequence[Line], records: Sequence[Record], rule: Rule) -> None:
    looks = palette.looks(record.condition for record in records)
    axis.axvspan(1 / (1 + rule.margin), 1 + rule.margin, color=palette.GRID, alpha=0.5, zorder=0)
    axis.axvline(1.0, color=palette.MUTED, linewidth=0.9, zorder=1)
    for place, line in enumerate(found):
        one, look = line.comparison, looks[line.comparison.label]
        colour = look.colour if line.shown else palette.MUTED
        if one.low is not None and one.high is not None:
            style = {"linewidth": 1.3, "alpha": 0.9 if line.shown else 0.45, "zorder": 2}
            axis.hlines(place, one.low, one.high, color=colour, **style)
        edge = {"markeredgecolor": palette.PAPER, "markeredgewidth": 0.4}
        axis.plot(one.ratio, place, look.marker, color=colour, markersize=4.5, zorder=3, **edge)
    names = [
        f"{line.comparison.label} at {line.connections:,}{'' if line.shown else ' ~'}"
        for line in found
    ]
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
