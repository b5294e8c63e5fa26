"""What `iomodels ab` prints: one line per model and load, and the geometric mean."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from iomodels.base import words
from iomodels.judge.ab import Change, changes_of, geometric_mean
from iomodels.judge.paired import Comparison
from iomodels.judge.summary import Summary
from iomodels.report.sentences import load_words


def print_changes(summary: Summary, console: Console) -> None:
    """Print old, new, change and p of every model under every load."""
    changes = changes_of(summary)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=_title(summary), title_justify="left")
    for heading in ("model", "load"):
        table.add_column(heading, no_wrap=True)
    for heading in ("old", "new", "change", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold", min_width=12)
    for change in changes:
        table.add_row(change.model, load_words(change.key), *_cells(change, summary))
    mean = geometric_mean(summary)
    if mean and len(changes) > 1:
        table.add_row("geometric mean", "", "", "", *_compared(mean, summary))
    console.print(table, highlight=False)


def _title(summary: Summary) -> str:
    rounds = max((load.rounds for load in summary.loads), default=0)
    level = words.percent(summary.rules.baseline.stated)
    return (
        f"new over old on {summary.platform}: requests/s, {words.count(rounds, 'round')}, "
        f"{level} intervals"
    )


def _cells(change: Change, summary: Summary) -> list[str]:
    figures = [words.number(change.old), words.number(change.new)]
    if change.comparison is None:
        return [*figures, words.NOTHING, words.NOTHING, change.reason or ""]
    return [*figures, *_compared(change.comparison, summary)]


def _compared(one: Comparison, summary: Summary) -> list[str]:
    p = words.NOTHING if one.p_holm is None else f"{one.p_holm:.2g}"
    return [change_words(one), p, one.word.text(summary.rules.baseline.margin)]


def change_words(one: Comparison) -> str:
    """'+5.3 % [+1.2, +9.4]'."""
    ends = [end for end in (one.low, one.high) if end is not None]
    brackets = f" [{', '.join(_signed(end) for end in ends)}]" if len(ends) == 2 else ""
    return f"{_signed(one.ratio)} %{brackets}"


def _signed(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f}".replace("-", words.MINUS)
