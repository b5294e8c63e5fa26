"""What a request cost, for the terminal: switches and CPU time of the server and, under Wine, of the wineserver."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from iomodels.base import words
from iomodels.data.records import Run
from iomodels.judge.summary import summarise

COLUMNS = ("server switches", "server CPU µs", "wineserver switches", "wineserver CPU µs")


def cost_table(run: Run, console: Console) -> None:
    """Prints a table that is readable in 80 columns; nothing for a run that has no counters."""
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
        title="a request costs, in the measuring window",
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
