"""results/index.html: one page with every run, its answer and a link to its report.

It needs no network and no JavaScript. A script adds boxes that choose runs to compare.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from iomodels.base import words
from iomodels.base.console import shell_word
from iomodels.base.files import write_whole
from iomodels.data.library import RUN
from iomodels.report.overview import DAMAGED, EMPTY, NAMES, Row, overview
from iomodels.report.page import template

PAGE = "index.html"


def write_index(results: Path, again: Path | None = None) -> list[Row]:
    """Write index.html and index.json into the results folder; return the runs, newest first.

    `again`: a folder to read again, though its files are the same.
    """
    rows = overview(results, again)
    if results.is_dir():
        write_whole(results / PAGE, index_page(rows), durable=False)
    return rows


def index_page(rows: list[Row]) -> str:
    """Return the page. Each platform has a section of its own: results of two never mix."""
    by_platform = sorted(rows, key=lambda row: row.platform or "~")  # stable: the newest stay first
    platforms = [
        (platform, list(each))
        for platform, each in groupby(by_platform, key=lambda row: row.platform)
    ]
    page = template("index.html.j2", html=True)
    return page.render(
        warning=None,  # each platform has its own
        count=words.count(len(rows), "run"),
        platforms=platforms,
        comparable=_comparable(rows),
        wine=None,
    )


def _comparable(rows: list[Row]) -> dict[str, str]:
    """Return what names each run with measurements on the command line, by folder."""
    named = [row.name for row in rows]
    return {
        row.folder: shell_word(row.name if named.count(row.name) == 1 else f"results/{row.folder}")
        for row in rows
        if row.kind == NAMES[RUN] and row.status not in (EMPTY, DAMAGED)
    }
