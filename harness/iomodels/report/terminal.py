"""The tables of a run and of a comparison for a terminal of 80 columns, without colour."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from iomodels.base import words
from iomodels.data.records import Run
from iomodels.judge.compare import ComparedRuns
from iomodels.judge.summary import Cell, summarise
from iomodels.report.answer import answer
from iomodels.report.context import MARKS, commit_words, marked, row_of

CAVEAT = (
    "Each run has its own conditions: what changed on the machine between the runs is part of "
    "every ratio. Only repeats that are interleaved in one run can separate it from the programs."
)
COLUMNS = ("server switches", "server CPU µs", "wineserver switches", "wineserver CPU µs")


def _table(title: str, *headings: str) -> Table:
    """Return an empty table of connections, server and results."""
    table = Table(
        box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, collapse_padding=True
    )
    table.add_column("conn.", justify="right", no_wrap=True)
    table.add_column("server", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _rate(cell: Cell) -> str:
    return words.number(cell.rate.value if cell.rate else None)


def terminal_table(run: Run, console: Console) -> None:
    """Print the results: one table per panel, then the answer."""
    summary = summarise(run)
    if summary.emulated:
        console.print(words.WINE, style="bold", highlight=False)
    for load in summary.panels:
        of = (
            f"CPU × {summary.baseline} [CI]"
            if load.rate_percent
            else f"× {summary.baseline} [95 % CI]"
        )
        title = f"{load.words} · {summary.platform}"
        table = _table(title, "requests/s", of, "p50", "p99", "n")
        connections = None
        for cell in (cell for cell in summary.cells if cell.condition.panel == load):
            row = row_of(summary, cell)
            if len(summary.labels) > 2 and connections not in (None, row.connections):
                table.add_row()  # an empty row separates groups of many rows
            connections = row.connections
            table.add_row(
                *(row.connections, row.server, _rate(cell), row.ratio.replace("×", "")),
                *row.latencies[:2],
                row.n if cell.n == cell.planned else f"{row.n} of {cell.planned}",
                style=None if cell.verdict.valid else "dim",
            )
        console.print(table, highlight=False)
    if summary.comparisons:
        console.print(MARKS, highlight=False)
    for sentence in answer(summary):
        console.print(f"• {sentence}", highlight=False, markup=False)


def cost_table(run: Run, console: Console) -> None:
    """Print what a request cost the processes; nothing for a run without counters."""
    rows = summarise(run).process_costs(COLUMNS)
    if not rows:
        return
    known = [
        place
        for place in range(len(COLUMNS))
        if any(costs[place].value is not None for _, costs in rows)
    ]
    table = Table(
        box=SIMPLE_HEAD,
        title="costs per request, in the measuring window",
        title_justify="left",
        pad_edge=False,
    )
    table.add_column("conn.", justify="right", no_wrap=True)
    table.add_column("load", overflow="fold")
    table.add_column("server", overflow="fold")
    for place in known:
        table.add_column(COLUMNS[place], justify="right")
    for cell, costs in rows:
        values = [costs[place].value for place in known]
        table.add_row(
            f"{cell.condition.connections:,}",
            cell.condition.panel.words,
            cell.condition.label,
            *(words.number(value) for value in values),
        )
    console.print(table, highlight=False)


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
                marked(row).replace("×", ""),
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
