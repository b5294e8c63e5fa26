"""Finish a measurement: tables, the report, the exit code. `iomodels report` shares it."""

from __future__ import annotations

from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING

from rich.console import Console

from iomodels.base.console import print_object, say
from iomodels.base.errors import FAILED, Stopped
from iomodels.cli import folders
from iomodels.data.micro import load_micro_run
from iomodels.data.searches import load_slo
from iomodels.data.store import load_run
from iomodels.plan.order import is_limit

if TYPE_CHECKING:  # at run time only when it is needed: scipy takes a second to load
    from iomodels.judge.summary import Summary


def run(console: Console, folder: Path, *, report: bool, as_json: bool) -> int:
    """Print the table and, unless unwanted, the report. Exit code 1 for unexpected failures.

    Raises Stopped for Ctrl-C, after naming the command that finishes the report.
    """
    try:
        return _run(console, folder, report=report, as_json=as_json)
    except KeyboardInterrupt as error:
        say(console, f"interrupted{folders.to_finish(folder)}")
        raise Stopped(getattr(error, "signal", SIGINT)) from None


def _run(console: Console, folder: Path, *, report: bool, as_json: bool) -> int:
    # only here: matplotlib takes a second to load
    from iomodels.judge.summary import summarise
    from iomodels.report.as_data import print_json
    from iomodels.report.html import write_report

    loaded = load_run(folder)
    summary = summarise(loaded)
    show(summary, console)
    say(console, f"measurements: {folder}")
    if report:
        say(console, f"report: {write_report(summary)}")
    renew_index(console, folder)
    if as_json:
        print_json(summary)
    failed = [record for record in loaded.records if not record.ok]
    if failed:
        planned = len(loaded.records)
        say(
            console,
            f"{len(failed)} of {planned} measurements failed; records.jsonl has the reasons",
        )
    return 0 if all(is_limit(record.reason) for record in failed) else FAILED


def renew_index(console: Console, folder: Path) -> None:
    """Write results/index.html again, if the run is among the results."""
    from iomodels.report.index_page import write_index

    if not folders.among_results(folder):
        return
    try:
        write_index(folders.RESULTS, again=folder)
    except OSError as error:  # the report is written; only the list of all runs is old
        say(console, f"note: {folders.RESULTS / 'index.html'} is not renewed: {error.strerror}")


def show(summary: Summary, console: Console) -> None:
    """Print the tables and the answer of a run; of two builds only what changed."""
    from iomodels.judge.summary import is_ab
    from iomodels.report.terminal import print_answer, print_tables

    if not is_ab(summary.run.manifest):
        print_tables(summary, console)
    print_answer(summary, console)


def slo(console: Console, folder: Path, *, as_json: bool = False) -> int:
    """The answer and the report. Exit code 1 if no rate is shown to meet the objective."""
    from iomodels.judge.search import Kind
    from iomodels.judge.slo_searches import SloSearches
    from iomodels.report.slo import answer_lines
    from iomodels.report.slo_page import slo_report_data, write_slo_report

    manifest = load_slo(folder)
    searches = SloSearches.of(manifest)
    own = folder.resolve().parent == folders.RESULTS.resolve()
    target = folder.name if own else str(folder.resolve())
    for line in answer_lines(manifest, searches, target):
        say(console, line)
    say(console, f"measurements: {folder}")
    say(console, f"report: {write_slo_report(folder)}")
    renew_index(console, folder)
    if as_json:
        print_object(slo_report_data(manifest))
    shown = (Kind.INSIDE, Kind.AT_LEAST)
    return 0 if any(found.answer.kind in shown for found in searches.found()) else FAILED


def tune(console: Console, folder: Path, *, as_json: bool = False) -> int:
    """The answer and the report. Exit code 1 if there is no answer."""
    from iomodels.report.tuning import tuning_data, write_tune_report

    report = write_tune_report(folder)
    say(console, report.text)
    say(console, f"report: {report.page}")
    renew_index(console, folder)
    if as_json:
        print_object(tuning_data(folder))
    return 0 if report.found else FAILED


def micro(console: Console, folder: Path, *, as_json: bool = False) -> int:
    """The table and the page with the charts."""
    from iomodels.report.micro import micro_data, print_table, write_micro_report

    loaded = load_micro_run(folder)
    print_table(loaded, console)
    say(console, f"measurements: {folder}")
    say(console, f"report: {write_micro_report(loaded)}")
    renew_index(console, folder)
    if as_json:
        print_object(micro_data(loaded))
    return 0
