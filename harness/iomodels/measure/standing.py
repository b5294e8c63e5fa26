"""What a user sees while a run lasts: the line of a measurement, and the ranking of a load."""

from __future__ import annotations

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from iomodels.base import words
from iomodels.base.bars import bar
from iomodels.data.records import Record
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


def line_of(record: Record, *, verbose: bool) -> str | None:
    """Return the line of a failed measurement; of another one only if `verbose`."""
    where = f"{record.condition}, round {record.repeat + 1}"
    if not record.ok:
        return f"failed: {where}: {record.reason}"
    if not verbose or record.result is None:
        return None
    response = record.result["response"]
    times = f"p50 {words.time(response['p50'])}, p99 {words.time(response['p99'])}"
    rate = words.number(record.result["requests_per_second"])
    return f"measured: {where}: {rate} requests/s, {times}"


def _title(load: JudgedLoad, suite: Suite) -> str:
    """'3 of 10 rounds at 64 connections × 64 B, provisional; requests/s:'"""
    of = f"at most {suite.rounds}" if suite.minutes else f"{suite.rounds}"
    where = f"{words.count(load.key.connections, 'connection')} × {load.key.panel.words}"
    unit = "µs of CPU per request" if load.offered else "requests/s"
    return f"{load.rounds} of {of} rounds at {where}, provisional; {unit}:"
