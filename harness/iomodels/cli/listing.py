"""`iomodels runs`: list the runs, open their pages, remove what is empty."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from iomodels.base import words
from iomodels.base.console import (
    confirmed,
    has_terminal,
    make_console,
    open_page,
    print_object,
    say,
    shell_word,
)
from iomodels.base.errors import FAILED, Failure
from iomodels.cli import folders
from iomodels.cli.command import fail
from iomodels.cli.folders import find_run
from iomodels.data.library import MICRO, RUN, SLO, TUNE, kind_of
from iomodels.report.index_page import PAGE, write_index
from iomodels.report.overview import EMPTY, INTERRUPTED, PAGES, Row, overview, to_json

COMMIT = 10
"""Characters of a commit that a list shows."""


def runs(arguments: argparse.Namespace, console: Console, typed: Sequence[str]) -> int:
    action = arguments.action or "list"
    for option, needs in (("yes", "prune"), ("interrupted", "prune"), ("json", "list")):
        if getattr(arguments, option) and action != needs:
            fail(f"--{option}: must be omitted with runs {action}")
    if arguments.run is not None and action != "open":
        fail(f"{arguments.run}: must be omitted with runs {action}")
    if action == "open":
        return _open(arguments.run, console)
    rows = _rows()
    if action == "prune":
        return _prune(rows, arguments, console)
    if arguments.json:
        print_object(to_json(rows))
        return 0
    if not rows:
        say(
            console,
            f"{folders.RESULTS} has no run yet; make one: iomodels run select-vs-iocp --quick",
        )
        return 0
    _list(rows, console)
    say(console, f"page: {folders.RESULTS / PAGE}")
    return 0


def _rows() -> list[Row]:
    """Return all runs. Their list on disk is renewed if this user may write it."""
    try:
        return write_index(folders.RESULTS)
    except OSError as error:
        note = f"note: {folders.RESULTS / PAGE} is not renewed: {error.strerror}"
        say(make_console(stderr=True), note)
        return overview(folders.RESULTS, keep=False)


def _list(rows: Sequence[Row], console: Console) -> None:
    """Print two lines per run: the facts in columns, and the answer."""
    facts = [
        (
            row.name,
            row.suite or words.NOTHING,
            row.platform or words.NOTHING,
            row.status,
            row.progress,
            (row.commit or words.NOTHING)[:COMMIT],
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*facts)]
    for row, each in zip(rows, facts):
        say(console, "  ".join(text.ljust(width) for text, width in zip(each, widths)).rstrip())
        say(console, f"    {row.answer}")


def _open(name: str | None, console: Console) -> int:
    """Open the page of a run, or the list of all runs."""
    if name is None:
        write_index(folders.RESULTS)
        page = folders.RESULTS / PAGE
        if not page.is_file():
            raise Failure(f"{folders.RESULTS}: has no run yet")
        return show_page(page, console)
    folder = find_run(name, RUN, SLO, TUNE, MICRO)
    kind = kind_of(folder)
    page = folder / PAGES[kind] if kind else folder
    if not page.is_file():
        again = f"iomodels report {shell_word(name)}"
        raise Failure(f"{folder.name}: has no page yet; write it: {again}")
    return show_page(page, console)


def show_page(page: Path, console: Console) -> int:
    """Open a page in the browser. Without one, print its path; the exit code is then 1."""
    if open_page(page):
        say(console, f"opened: {page}")
        return 0
    say(console, f"no browser could be started; open this file: {page}")
    return FAILED


def _prune(rows: Sequence[Row], arguments: argparse.Namespace, console: Console) -> int:
    """Remove runs after a confirmation. Packed and contributed ones are never among them."""
    statuses = (EMPTY, INTERRUPTED) if arguments.interrupted else (EMPTY,)
    found = [row for row in rows if row.status in statuses and not row.contributed]
    if not found:
        say(console, f"no run is {words.listed(statuses, 'or')}; nothing to remove")
        return 0
    for row in found:
        say(console, f"{row.name}: {row.status}, {row.progress} measured")
    if not arguments.yes and not _confirmed(len(found)):
        say(console, "nothing was removed")
        return 0
    for row in found:
        shutil.rmtree(folders.RESULTS / row.folder)
    write_index(folders.RESULTS)
    say(console, f"removed {words.count(len(found), 'run')}")
    return 0


def _confirmed(number: int) -> bool:
    if not has_terminal():
        fail("--yes: must be given, since no terminal can confirm the removal")
    return confirmed(f"remove {words.count(number, 'run')}?")
