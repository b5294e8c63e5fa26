"""What the commands that read results do."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from iomodels.base.console import print_object, say, shell_word
from iomodels.base.errors import FAILED, USAGE, Failure, hint
from iomodels.cli import finishing, folders
from iomodels.cli.command import complain, fail
from iomodels.cli.folders import KINDS, find_run
from iomodels.cli.listing import show_page
from iomodels.data.library import MICRO, RUN, SLO, TUNE, kind_of
from iomodels.data.micro import load_micro_run
from iomodels.data.searches import load_slo
from iomodels.data.store import load_run
from iomodels.report.overview import PAGES


def report(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    _check_outputs(arguments)
    folder = find_run(arguments.run, RUN, SLO, TUNE, MICRO)
    kind = kind_of(folder)
    if kind in (SLO, TUNE, MICRO):
        return _report_other(arguments, console, folder, kind)
    # only here: matplotlib takes a second to load
    from iomodels.judge.summary import summarise, viewed
    from iomodels.report.as_data import print_json
    from iomodels.report.html import write_report
    from iomodels.report.publish import table_of, write_docs

    charts = _charts(arguments.charts)
    view = viewed(load_run(folder), arguments.baseline, arguments.margin, arguments.only or ())
    summary = summarise(view)
    if arguments.json:
        print_json(summary)
        return 0
    if arguments.table:
        print(table_of(summary, arguments.table), end="")
        return 0
    if arguments.docs:
        say(console, f"report: {write_docs(summary, arguments.docs, charts)}")
        return 0
    finishing.show(summary, console)
    page = write_report(summary)
    say(console, f"report: {page}")
    finishing.renew_index(console, folder)
    if arguments.open:
        show_page(page, console)
    return 0


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse two outputs together, and what belongs to another one."""
    chosen = [each for each in ("docs", "json", "table", "open") if getattr(arguments, each)]
    if len(chosen) > 1:
        fail(f"--{chosen[1]}: must be omitted with --{chosen[0]}")
    if arguments.charts and not arguments.docs:
        fail("--charts: must be used with --docs")


def _charts(wanted: Sequence[str] | None) -> Sequence[str] | None:
    from iomodels.figures import catalogue

    allowed = [chart.NAME for chart in catalogue.OF_RUNS]
    for name in wanted or ():
        if name not in allowed:
            fail(f"--charts {name}: no such chart; {hint(name, allowed)}")
    return wanted


WHY = {
    "docs": "; its folder has its charts and data",
    "baseline": ", which has no baseline to choose",
    "margin": ", which has no margin to choose",
    "only": ", which is always shown whole",
    "table": "; micro.html has its table",
}
"""Why an option of `report` is for the run of a suite only."""


def _report_other(arguments: argparse.Namespace, console: Console, folder: Path, kind: str) -> int:
    """The report of an SLO search, a tuning or a micro run."""
    if arguments.json:
        print_object(_data_of(kind, folder))
        return 0
    for option in ("docs", "baseline", "margin", "only", "table"):
        if getattr(arguments, option) and not (option == "table" and kind in (SLO, TUNE)):
            fail(f"--{option}: must be omitted; {arguments.run} is {KINDS[kind]}{WHY[option]}")
    if arguments.table:
        print(_table_of(kind, folder, arguments.table), end="")
        return 0
    {SLO: finishing.slo, TUNE: finishing.tune, MICRO: finishing.micro}[kind](console, folder)
    if arguments.open:
        show_page(folder / PAGES[kind], console)
    return 0


def _table_of(kind: str, folder: Path, form: str) -> str:
    """Return the table of a search or a tuning as Markdown or CSV."""
    from iomodels.report.search_tables import slo_table, tuning_table

    return (slo_table if kind == SLO else tuning_table)(_data_of(kind, folder), form)


def _data_of(kind: str, folder: Path) -> dict[str, Any]:
    """Return the answer of a search, a tuning or a micro run as data."""
    if kind == SLO:
        from iomodels.report.slo_page import slo_report_data

        return slo_report_data(load_slo(folder))
    if kind == MICRO:
        from iomodels.report.micro import micro_data

        return micro_data(load_micro_run(folder))
    from iomodels.report.tuning import tuning_data

    return tuning_data(folder)


def compare(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.judge import compare as judge  # only here: scipy takes a second to load

    despite, allowed = arguments.despite or (), [*judge.REFUSED, "all"]
    for word in despite:
        if word not in allowed:
            fail(f"--despite {word}: not known; {hint(word, allowed)}")
    if arguments.json and arguments.html:
        fail("--html: must be omitted with --json")
    names = (arguments.a, arguments.b, *arguments.more)
    folders_of = [find_run(name, RUN, MICRO) for name in names]
    if any(kind_of(folder) == MICRO for folder in folders_of):
        return _compare_micro(names, folders_of, arguments, console)
    first, *others = (load_run(folder) for folder in folders_of)
    refused = [
        line for other in others for line in judge.refusals(judge.differing(first, other), despite)
    ]
    if refused:
        raise Failure(*dict.fromkeys(refused), exit_code=USAGE)
    found = [judge.compare_runs(first, other) for other in others]
    if arguments.json:
        pairs = [judge.to_json(each) for each in found]
        data = pairs[0] if len(pairs) == 1 else {"format": 1, "pairs": pairs}
        print_object(data)
        return 0
    if arguments.html:
        from iomodels.report.compare_page import write_comparison

        command = " ".join(map(shell_word, ("iomodels", *words)))
        say(console, f"page: {write_comparison(found, arguments.html, command)}")
        return 0
    from iomodels.report.terminal import comparison_table

    for each in found:
        comparison_table(each, console)
    return 0


def _compare_micro(
    names: Sequence[str], found: Sequence[Path], arguments: argparse.Namespace, console: Console
) -> int:
    from iomodels.report.micro import compare_micro

    for name, folder in zip(names, found):
        if kind_of(folder) != MICRO:
            raise Failure(f"{name}: must be a micro run to be compared with one", exit_code=USAGE)
    for option in ("json", "despite", "html", "more"):
        if getattr(arguments, option):
            given = arguments.more[0] if option == "more" else f"--{option}"
            fail(f"{given}: must be omitted for micro runs")
    compare_micro(found[0], found[1], console)
    return 0


def join(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.judge import join as judge  # only here: scipy takes a second to load
    from iomodels.judge.join_conditions import conditions, sides_of
    from iomodels.report import join_page
    from iomodels.report.join_terminal import print_join

    if arguments.json and arguments.out:
        fail("--out: must be omitted with --json")
    names = (arguments.a, arguments.b, *arguments.more)
    windows, linux = sides_of([load_run(find_run(name)) for name in names])
    found = conditions(windows, linux)
    margin = arguments.margin or judge.RULE.margin
    try:
        joined = judge.join(windows, linux, arguments.baseline, margin)
    except ValueError as error:
        fail(f"--baseline {arguments.baseline}: {error}")
    if arguments.json:
        print_object(join_page.join_data(joined, found))
        return 0
    print_join(joined, found, console)
    if arguments.out:
        command = " ".join(map(shell_word, ("iomodels", *words)))
        for path in join_page.write_join(joined, found, arguments.out, command):
            say(console, f"page: {path}")
    return 0


def plot(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.figures import catalogue, output  # only here: matplotlib takes a second to load

    charts = {chart.NAME: chart for chart in (*catalogue.OF_RUNS, *catalogue.OF_MICRO_RUNS)}
    if arguments.chart not in charts:
        fail(f"plot {arguments.chart}: no such chart; {hint(arguments.chart, charts)}")
    chart = charts[arguments.chart]
    if chart in catalogue.OF_MICRO_RUNS:
        for option in ("connections", "size"):
            if getattr(arguments, option):
                fail(f"--{option}: must be omitted for {arguments.chart}")
        folder = find_run(arguments.run, MICRO)
        drawn = chart.draw(load_micro_run(folder))
    else:
        folder = find_run(arguments.run)
        levels = (arguments.connections or (), arguments.size or ())
        drawn = chart.draw(load_run(folder), *levels)
    for path in output.write(drawn, arguments.out or folder / "figures"):
        say(console, str(path))
    return 0


def export(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.report.hdr_export import export_run  # only here: scipy takes a second to load

    folder = find_run(arguments.run)
    out = arguments.out or folder / "hdr"
    written = export_run(load_run(folder), out)
    say(console, f"{len(written)} files in {out}")
    return 0


def validate(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.report.submission import complaints

    folder = find_run(arguments.run)
    found = complaints(folder)
    complain(*(f"{folder}: {line}" for line in found))
    if not found:
        say(console, f"{folder}: can be submitted")
    return FAILED if found else 0


def pack(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.report.pack import pack_run
    from iomodels.report.submission import complaints

    loaded = load_run(find_run(arguments.run))
    manifest = loaded.manifest
    kept = folders.RESULTS / "contributed" / manifest["platform"] / manifest["run"]
    target = arguments.out or kept
    size = pack_run(loaded, target)
    say(console, f"packed: {target} ({size / 1e6:.2f} MB)")
    finishing.renew_index(console, target)
    for line in complaints(target):
        say(console, f"note: cannot be submitted: {line}")
    return 0
