"""Several runs of one platform over the first of them, as a page of tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from iomodels.base import words
from iomodels.base.files import write_whole
from iomodels.data.records import Condition, Panel
from iomodels.judge.compare import ComparedCells, ComparedRuns
from iomodels.judge.stats import Finding
from iomodels.judge.summary import Summary
from iomodels.report.conditions import commit_words
from iomodels.report.tables_page import Page, Table, html
from iomodels.report.terminal import CAVEAT, MARKS, marked

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""The names of the runs in a comparison; A is the baseline."""


def write_comparison(found: Sequence[ComparedRuns], path: Path, command: str) -> Path:
    """Write the page of comparisons that share their run A."""
    write_whole(path, html(comparison_page(found, command)))
    return path


def comparison_page(found: Sequence[ComparedRuns], command: str) -> Page:
    first = found[0].a
    runs = [first, *(each.b for each in found)]
    panels = sorted({row.cell.condition.panel for each in found for row in each.comparisons})
    return Page(
        f"{words.count(len(runs), 'run')} compared",
        f"{first.platform} · {first.run.manifest['suite']['title']}",
        first.platform,
        " ".join(_verdict(letter, each) for letter, each in zip(LETTERS[1:], found)),
        (
            Table(
                "Runs",
                ("", "run", "platform", "started", "commit"),
                [_run(letter, each) for letter, each in zip(LETTERS, runs)],
                (0, 1, 2, 3, 4),
            ),
            *(_results(panel, found) for panel in panels),
            *_differences(found),
        ),
        command,
        (CAVEAT, *_reasons(found)),
    )


def _verdict(letter: str, found: ComparedRuns) -> str:
    """'B over A: 3 of 10 cells differ (2 higher, 1 lower).'"""
    shown = [row for row in found.comparisons if row.finding is Finding.SHOWN and row.ratio]
    more = sum(row.ratio is not None and row.ratio.value > 1 for row in shown)
    number = words.part(len(shown), len(found.comparisons), "cell")
    how = f" ({more} higher, {len(shown) - more} lower)" if shown else ""
    differ = "differs" if len(shown) == 1 else "differ"
    return f"{letter} over A: {number} {differ}{how}."


def _run(letter: str, summary: Summary) -> tuple[str, ...]:
    manifest = summary.run.manifest
    commit = commit_words(manifest["git"])
    return letter, manifest["run"], summary.platform, manifest["started_utc"], commit


def _results(panel: Panel, found: Sequence[ComparedRuns]) -> Table:
    """The cells of a panel: requests per second of each run, and its ratio to A."""
    by_cell: list[dict[Condition, ComparedCells]] = [
        {row.cell.condition: row for row in each.comparisons} for each in found
    ]
    cells = sorted(
        {cell for each in by_cell for cell in each if cell.panel == panel},
        key=lambda cell: (cell.connections, cell.label),
    )
    heads = ["connections", "server", "A"]
    for letter in LETTERS[1 : len(found) + 1]:
        heads += [letter, f"{letter} ÷ A [95 %]", f"n, A and {letter}"]
    rows = []
    for cell in cells:
        baseline = next(each[cell].baseline for each in by_cell if cell in each)
        row = [f"{cell.connections:,}", cell.label, _rate(baseline.rate)]
        for each in by_cell:
            row += _compared(each[cell]) if cell in each else [words.NOTHING] * 3
        rows.append(row)
    note = f"Requests per second, medians of the valid repeats. {MARKS}."
    return Table(f"{panel.words}: over A", tuple(heads), rows, (1,), note)


def _compared(row: ComparedCells) -> list[str]:
    return [_rate(row.cell.rate), marked(row), f"{row.baseline.n}, {row.cell.n}"]


def _rate(rate: object) -> str:
    return words.number(getattr(rate, "value", None))


def _differences(found: Sequence[ComparedRuns]) -> list[Table]:
    rows = [
        (letter, each.group, each.name, _text(each.a), _text(each.b))
        for letter, one in zip(LETTERS[1:], found)
        for each in one.differing
    ]
    heads = ("run", "group", "what differs", "A", "the run")
    return [Table("What else differs", heads, rows, (0, 1, 2, 3, 4))] if rows else []


def _text(value: object) -> str:
    return "not recorded" if value is None else str(value)


def _reasons(found: Sequence[ComparedRuns]) -> list[str]:
    """Why a cell has no ratio, and which cells one run alone has."""
    lines = []
    for letter, each in zip(LETTERS[1:], found):
        lines += [
            f"{letter}: no comparison of {row.cell.condition}: {row.reason}."
            for row in each.comparisons
            if row.reason
        ]
        lines += [
            f"Only run {'A' if side == 'A' else letter} has {cell}." for side, cell in each.only
        ]
    return list(dict.fromkeys(lines))
