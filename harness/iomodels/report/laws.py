"""The table of the laws."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from iomodels.data.laws import VERDICTS, Laws


def show(laws: Laws, console: Console) -> None:
    """The table for a terminal."""
    table = Table(
        box=SIMPLE_HEAD,
        title=f"Laws of completion ports, pools and handles on {laws.platform}",
        title_justify="left",
        pad_edge=False,
    )
    for heading in ("law", "claims", "here", "what decided"):
        table.add_column(heading, overflow="fold")
    before = ""
    for each in laws.judged:
        table.add_row(
            "" if each.law == before else each.law,
            " ".join(each.claims),
            each.words,
            each.figure or "–",
        )
        before = each.law
    console.print(table, markup=False, highlight=False)
    console.print(counted(laws), highlight=False)


def counted(laws: Laws) -> str:
    """'30 × holds, 2 × does not hold'."""
    counts = {verdict: sum(each.verdict == verdict for each in laws.judged) for verdict in VERDICTS}
    return ", ".join(f"{count} × {verdict}" for verdict, count in counts.items())
