"""The answer and the tables of a run, and of a comparison, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from iomodels.base import words
from iomodels.base.bars import bar
from iomodels.data.records import Panel
from iomodels.judge.cells import Cell
from iomodels.judge.compare import ComparedCells, ComparedRuns
from iomodels.judge.stats import Finding
from iomodels.judge.summary import Summary
from iomodels.report.ab import CHANGED
from iomodels.report.answer import answer
from iomodels.report.conditions import commit_words
from iomodels.report.context import MAIN_COSTS, offered, panels_of, row_of
from iomodels.report.shape import Answer, Changes, LoadAnswer

CAVEAT = (
    "Each run has its own conditions: what changed on the machine between the runs is part of "
    "every ratio. Only repeats that are interleaved in one run can separate it from the programs."
)
MARKS = "; ".join(f"{each.value} {each.words}" for each in Finding if each.value)
FIGURES = (
    "requests/s: medians of the valid repeats. Ratios: paired within rounds. Ranked list: the "
    "first figure is a geometric mean over the rounds, and the others follow from the ratios. "
    "Its intervals and the verdicts cover all pairs of servers, so they are wider."
)
OPEN = "~: not decided, only likely, or provisional."
WIDE, VERDICT = 100, len("provisional")
"""In a terminal below this width, words of a verdict are below each other."""


def _table(title: str, *headings: str) -> Table:
    """Return an empty table of connections, server and results."""
    table = Table(
        box=SIMPLE_HEAD,
        title=title,
        title_justify="left",
        pad_edge=False,
        collapse_padding=True,
        show_edge=False,
    )
    table.add_column("conn.", justify="right", no_wrap=True)
    table.add_column("server", overflow="fold", min_width=7)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _rate(cell: Cell) -> str:
    return words.number(cell.rate.value if cell.rate else None)


def print_answer(summary: Summary, console: Console) -> None:
    """Print the verdict, the ranked list of the load to look at first, and the remarks.

    Of two builds it prints what the new one changed in place of the list.
    """
    found = answer(summary)
    if warning := words.warning(summary.platform):
        console.print(warning, style="bold", highlight=False)
    console.print(found.headline, style="bold", highlight=False, markup=False)
    if found.changes:
        print_changes(found.changes, summary, console)
    else:
        _shown(found, console)
    _next_step(found, console)
    for sentence in (*found.remarks, *(f"Note: {note}" for note in summary.notes)):
        console.print(f"• {sentence}", highlight=False, markup=False)


def _shown(found: Answer, console: Console) -> None:
    shown = found.shown
    if len(found.loads) > 1:
        line = f"{shown.words} · {shown.badge} · {shown.verdict}"
        console.print(line, highlight=False, markup=False)
    _ranking(shown, console)


def print_changes(changes: Changes, summary: Summary, console: Console) -> None:
    """Print what a new build changed: a table per unit, and why a model has no change."""
    level = words.given(summary.rules.baseline.stated)
    for each in changes.tables:
        title = f"{each.panel} · {each.unit} · {summary.platform}"
        console.print(title, style="italic", highlight=False, markup=False)
        table = Table(
            box=SIMPLE_HEAD,
            pad_edge=False,
            collapse_padding=True,
            show_edge=False,
        )
        table.add_column("conn.", justify="right", no_wrap=True)
        table.add_column("model", overflow="fold")
        for heading in ("old", "new", f"change [{level}]", "p"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("verdict", width=VERDICT if console.width < WIDE else None)
        for row in each.rows:
            figures = (row.old, row.new, row.change, row.p, row.word)
            table.add_row(row.connections, row.model, *figures)
        console.print(table, highlight=False)
        console.print()
    for line in changes.missing:
        console.print(f"no figure: {line}", highlight=False, markup=False)
    console.print(CHANGED, highlight=False)


def _next_step(found: Answer, console: Console) -> None:
    shown = found.shown
    if shown.next:
        what = shown.words if found.changes and len(found.loads) > 1 else "it"
        line = f"to settle {what} ({shown.next.takes}):"
        console.print(line, highlight=False, markup=False)
        line = f"  {shown.next.command}"  # in one piece, however long, to be copied
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _ranking(shown: LoadAnswer, console: Console) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("server", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("bar", no_wrap=True)
    table.add_column("words", overflow="fold")
    for rank in shown.ranking:
        style = "dim" if rank.control or rank.value is None else None
        table.add_row(
            rank.label,
            words.number(rank.value),
            bar(rank.share, console.encoding),
            rank.words,
            style=style,
        )
    console.print(table, highlight=False)


def print_tables(summary: Summary, console: Console) -> None:
    """Print per panel a table of every cell's rate, ratio and costs, and each load's verdict."""
    loads = answer(summary).loads
    open_ = False
    for panel in panels_of(summary):
        over = f"CPU × {summary.baseline}" if offered(summary, panel) else f"× {summary.baseline}"
        interval = f"{over} [{words.given(summary.rules.baseline.stated)}]"
        title = f"{panel.words} · {summary.platform}"
        table = _table(title, "requests/s", interval, *MAIN_COSTS, "p99", "n")
        open_ |= _panel(summary, panel, table)
        console.print(table, highlight=False)
        for line in _other_divisors(summary, panel):
            console.print(line, highlight=False, markup=False)
        for load in loads if len(loads) > 1 else ():
            if load.key.panel == panel:
                line = f"{load.words} · {load.badge} · {load.verdict}"
                console.print(line, highlight=False, markup=False)
        console.print()
    console.print(f"{FIGURES}{f' {OPEN}' if open_ else ''}\n", highlight=False)


def _other_divisors(summary: Summary, panel: Panel) -> Iterator[str]:
    """Name the ratios of a panel that are not over the baseline of its heading."""
    of_panel = [load for load in summary.loads if load.key.panel == panel]
    for load in of_panel:
        if load.baseline not in (None, load.chosen):
            connections = words.count(load.key.connections, "connection")
            yield f"{connections}: {load.chosen} has no figure; ratios are over {load.baseline}"
    for label, twin in summary.twins.items():
        if twin != summary.baseline and any(load.comparison(label) for load in of_panel):
            yield f"{label}: a control; its ratios are over {twin}, the same program"


def _panel(summary: Summary, panel: Panel, table: Table) -> bool:
    """Add the rows of a panel. Return whether a ratio has the mark of OPEN."""
    open_ = False
    of_panel = [load for load in summary.loads if load.key.panel == panel]
    for load in of_panel:
        if len(load.cells) > 2 and load is not of_panel[0]:
            table.add_row()  # an empty row separates the groups
        for cell in load.cells:
            row = row_of(load, cell, summary)
            ratio = _ratio(row.ratio, row.word)
            open_ |= ratio.endswith("~")
            table.add_row(
                *(row.connections, row.server, _rate(cell), ratio),
                *row.main_costs,
                words.time(_ns(cell)),
                row.n if cell.n == cell.planned else f"{row.n}/{cell.planned}",
                style=None if cell.verdict.valid else "dim",
            )
    return open_


def _ns(cell: Cell) -> float | None:
    p99 = cell.latency.percentiles[99.0].value
    return None if p99 is None else 1e3 * p99


def _ratio(ratio: str, word: str) -> str:
    """'1.20 [1.10, 1.30]', with the mark of OPEN where it applies."""
    open_ = word.removeprefix("control: ").startswith(("not", "likely", "provisional"))
    return f"{ratio.replace('×', '')}{' ~' if open_ else ''}"


def marked(row: ComparedCells) -> str:
    """'1.80 [1.60, 2.00]', with the mark of its finding (MARKS)."""
    if row.ratio is None:
        return words.NOTHING
    ratio = words.ratio(row.ratio.value, row.ratio.low, row.ratio.high).replace("×", "")
    return f"{ratio} {row.finding.value}".strip()


def comparison_table(found: ComparedRuns, console: Console) -> None:
    """Print what differs between two runs, then B over A: one table per panel."""
    for letter, summary in (("A", found.a), ("B", found.b)):
        manifest = summary.run.manifest
        commit = commit_words(manifest["git"])
        line = f"{letter}: {manifest['run']} on {summary.platform}, commit {commit}"
        console.print(line, markup=False)
    for each in found.differing:
        console.print(
            f"differs in {each.group}: {each.name}: A {each.a}, B {each.b}",
            markup=False,
            soft_wrap=True,
        )
    for load in sorted({row.cell.condition.panel for row in found.comparisons}):
        headings = ("A requests/s", "B requests/s", "B ÷ A [95 % CI]", "δ", "n")
        table = _table(f"{load.words}: B over A", *headings)
        for row in (row for row in found.comparisons if row.cell.condition.panel == load):
            rates = [_rate(cell) for cell in (row.baseline, row.cell)]
            table.add_row(
                f"{row.cell.condition.connections:,}",
                row.cell.condition.label,
                *rates,
                marked(row),
                words.signed(row.difference.delta),
                words.span([row.baseline.n, row.cell.n]),
            )
        console.print(table, highlight=False)
    console.print(MARKS, highlight=False)
    for row in found.comparisons:
        if row.reason:
            console.print(f"no comparison: {row.cell.condition}: {row.reason}", markup=False)
    for letter, cell in found.only:
        console.print(f"only in {letter}: {cell}", markup=False)
    console.print(CAVEAT)
