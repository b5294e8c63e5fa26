"""The ranking of a load while its run lasts, for the live view on a terminal."""

from __future__ import annotations

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from iomodels.base import words
from iomodels.base.bars import bar
from iomodels.judge.loads import JudgedLoad
from iomodels.plan.suite import Suite


def standing(load: JudgedLoad, suite: Suite, console: Console) -> Group | None:
    """Return the servers of a load by their figures so far; None without a figure.

    It is provisional whatever the rounds show: the run may change it until its end.
    """
    if load.fastest is None:
        return None
    order = [load.fastest.leader, *(one.other for one in load.fastest.comparisons)]
    figures = [(label, value) for label in order if (value := load.figure(label))]
    best = figures[0][1]
    table = Table(box=None, pad_edge=False, show_header=False)
    for label, value in figures:
        share = best / value if load.offered else value / best
        table.add_row(f"  {label}", words.number(value), bar(min(1.0, share), console.encoding))
    return Group(Text(_title(load, suite), no_wrap=True, overflow="ellipsis"), table)


def _title(load: JudgedLoad, suite: Suite) -> str:
    """'3 of 10 rounds at 64 connections × 64 B, provisional; requests/s:'"""
    of = f"at most {suite.rounds}" if suite.minutes else f"{suite.rounds}"
    where = f"{words.count(load.key.connections, 'connection')} × {load.key.panel.words}"
    unit = "µs of CPU per request" if load.offered else "requests/s"
    return f"{load.rounds} of {of} rounds at {where}, provisional; {unit}:"
