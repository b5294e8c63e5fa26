"""What the commands that read results do."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from iomodels.base.console import say
from iomodels.base.errors import FAILED, USAGE, Failure, hint
from iomodels.cli import finishing, folders
from iomodels.cli.command import fail
from iomodels.cli.folders import KINDS, MICRO, RUN, SLO, TUNE, find_run, kind_of
from iomodels.data.micro import load_micro_run
from iomodels.data.searches import load_slo
from iomodels.data.store import load_run


def report(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    if arguments.json and arguments.docs:
        fail("--json: must be omitted with --docs")
    folder = find_run(arguments.run, RUN, SLO, TUNE, MICRO)
    kind = kind_of(folder)
    if kind in (SLO, TUNE, MICRO):
        return _report_other(arguments, console, folder, kind)
    # only here: matplotlib takes a second to load
    from iomodels.judge.summary import summarise, viewed
    from iomodels.report.as_data import print_json
    from iomodels.report.html import write_report
    from iomodels.report.publish import write_docs

    summary = summarise(viewed(load_run(folder), arguments.baseline, arguments.margin))
    if arguments.json:
        print_json(summary)
        return 0
    if arguments.docs:
        say(console, f"report: {write_docs(summary, arguments.docs)}")
        return 0
    finishing.show(summary, console)
    say(console, f"report: {write_report(summary)}")
    finishing.renew_index(console, folder)
    return 0


def _report_other(arguments: argparse.Namespace, console: Console, folder: Path, kind: str) -> int:
    """The report of an SLO search, a tuning or a micro run."""
    if arguments.json and not arguments.docs and kind in (SLO, TUNE):
        print(json.dumps(_data_of(kind, folder), indent=2, ensure_ascii=False))
        return 0
    for option in ("json", "docs", "baseline", "margin"):
        if getattr(arguments, option):
            fail(f"--{option}: must be omitted; {arguments.run} is {KINDS[kind]}")
    {SLO: finishing.slo, TUNE: finishing.tune, MICRO: finishing.micro}[kind](console, folder)
    return 0


def _data_of(kind: str, folder: Path) -> dict[str, Any]:
    """Return the answer of a search or a tuning as data."""
    if kind == SLO:
        from iomodels.report.slo_page import slo_report_data

        return slo_report_data(load_slo(folder))
    from iomodels.report.tuning import tuning_data

    return tuning_data(folder)


def compare(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.judge import compare as judge  # only here: scipy takes a second to load

    despite, allowed = arguments.despite or (), [*judge.REFUSED, "all"]
    for word in despite:
        if word not in allowed:
            fail(f"--despite {word}: not known; {hint(word, allowed)}")
    found = [find_run(name, RUN, MICRO) for name in (arguments.a, arguments.b)]
    if any(kind_of(folder) == MICRO for folder in found):
        return _compare_micro(found, arguments, console)
    a, b = (load_run(folder) for folder in found)
    refused = judge.refusals(judge.differing(a, b), despite)
    if refused:
        raise Failure(*refused, exit_code=USAGE)
    compared = judge.compare_runs(a, b)
    if arguments.json:
        print(json.dumps(judge.to_json(compared), indent=2, ensure_ascii=False))
        return 0
    from iomodels.report.terminal import comparison_table

    comparison_table(compared, console)
    return 0


def _compare_micro(found: Sequence[Path], arguments: argparse.Namespace, console: Console) -> int:
    from iomodels.report.micro import compare_micro

    for name, folder in zip((arguments.a, arguments.b), found):
        if kind_of(folder) != MICRO:
            raise Failure(f"{name}: must be a micro run to be compared with one", exit_code=USAGE)
    for option in ("json", "despite"):
        if getattr(arguments, option):
            fail(f"--{option}: must be omitted for micro runs")
    compare_micro(found[0], found[1], console)
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
    for line in found:
        print(f"iomodels: {folder}: {line}", file=sys.stderr)
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
