"""The commands of iomodels: what each does with its options (harness/iomodels/cli/options.py). A bad input is one line on stderr and exit code 2."""

from __future__ import annotations

import argparse
import difflib
import io
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from iomodels.base.console import say, shell_word
from iomodels.base.errors import FAILED, INTERRUPTED, USAGE, Failure, hint
from iomodels.base.files import ROOT
from iomodels.base.interrupts import Interrupts
from iomodels.base.progress import Progress
from iomodels.cli.options import TUNE_DEFAULTS, TUNED, fail, parsers
from iomodels.data.laws import Laws, write
from iomodels.data.micro import MANIFEST as MICRO_MANIFEST
from iomodels.data.micro import is_micro_run, load_micro_run
from iomodels.data.store import MANIFEST, load_run
from iomodels.launch import platform as launch
from iomodels.launch.channel import ServerHost
from iomodels.machine.placement import server_alone
from iomodels.machine.preflight import raise_open_files_limit
from iomodels.machine.rules import RULES
from iomodels.measure import agent, laws, micro, run
from iomodels.plan.load import Load
from iomodels.plan.suite import (
    BOUNDS,
    Server,
    Suite,
    find_suite,
    load_file,
    load_suite,
    suite_files,
)
from iomodels.report import claims
from iomodels.report.laws import show
from iomodels.report.submission import complaints

RESULTS = ROOT / "results"
TOKEN = "IOMODELS_SERVER_TOKEN"
CONTRIBUTED = RESULTS / "contributed"
LAW_S = 0.5  # of one law, for the first estimate


def main(argv: Sequence[str] | None = None) -> int:
    for stream in (
        sys.stdout,
        sys.stderr,
    ):  # a code page of Windows lacks signs that we use: better one less than no report
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if argv is None else argv)
    top, known = parsers()
    if not words:
        top.print_help(sys.stderr)
        return USAGE
    if not words[0].startswith("-") and words[0] not in known:
        fail([f"{words[0]}: no such command; {hint(words[0], known)}"])
    arguments, rest = top.parse_known_args(words)
    if rest:
        options = [
            option
            for action in known[arguments.command]._actions
            for option in action.option_strings
        ]
        unknown = next((word for word in rest if word.startswith("-")), None)
        if unknown:
            near = difflib.get_close_matches(unknown.split("=")[0], options, n=1)
            advice = (
                f"did you mean {near[0]}?" if near else f"see: iomodels {arguments.command} --help"
            )
            fail([f"{unknown}: no such option of {arguments.command}; {advice}"])
        fail([f"{' '.join(rest)}: {arguments.command} does not take that"])
    commands = {
        "run": _run,
        "report": _report,
        "slo": _slo,
        "export": _export,
        "compare": _compare,
        "check": _check,
        "validate": _validate,
        "pack": _pack,
        "models": _models,
        "suites": _suites,
        "micro": _micro,
        "laws": _laws,
        "tune": _tune,
        "serve": _serve,
        "plot": _plot,
    }
    console = Console(highlight=False)
    try:
        return commands[arguments.command](arguments, console, words)
    except Failure as error:
        fail(error.lines, error.exit_code)
    except KeyboardInterrupt:  # outside the measuring, which has its own
        fail(["interrupted"], INTERRUPTED)
    except (
        BrokenPipeError
    ):  # whoever read our output has gone; nothing more may be written, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:  # a full disk, a folder without permission: it names its file
        fail([f"{error.filename}: {error.strerror}" if error.filename else str(error)], FAILED)


def _run(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    server_host = _server_host(arguments)
    setting = run.Setting(
        build=_build(),
        console=Console(highlight=False, stderr=True) if arguments.json else console,
        json=arguments.json,
        command=("iomodels", *_without_token(words)),
        resume_command=f"{_program()} run {f'--server-host {server_host} ' if server_host else ''}--resume",
        results=RESULTS,
        report=not arguments.no_report,
        placement=arguments.affinity,
        server_host=server_host,
    )
    if arguments.suite == "claims":
        return _claims(arguments, console)
    if arguments.resume is not None:
        _check_resume(arguments)
        folder = find_run(arguments.resume)
        return run.resume_run(setting, folder, retry_failed=arguments.retry_failed)
    if arguments.retry_failed:
        fail(["--retry-failed: only with --resume RUN"])
    if arguments.suite is None:
        fail([f"run: no suite given; available: {', '.join(suite_files())}"])
    suite = _overridden(load_suite(find_suite(arguments.suite), quick=arguments.quick), arguments)
    out = arguments.out or RESULTS
    if out.exists() and not out.is_dir():
        fail([f"--out {out}: must be a folder"])
    return run.start_run(setting, suite, quick=arguments.quick, out=out, dry_run=arguments.dry_run)


def _server_host(arguments: argparse.Namespace) -> ServerHost | None:
    token = arguments.server_token or os.environ.get(TOKEN)
    if arguments.server_host is None:
        if arguments.server_token:
            fail(["--server-token: only with --server-host"])
        return None
    host, port = arguments.server_host
    where = ServerHost(host, port, token or "")
    if not token:
        fail(
            [
                f"--server-host {where}: needs --server-token (or {TOKEN}): what 'iomodels serve' printed there"
            ]
        )
    if arguments.affinity and (
        arguments.affinity.server_cpus or arguments.affinity.wineserver_cpus
    ):
        fail(
            [
                "--affinity: with --server-host only of the load generator; for the server give it to 'iomodels serve' there"
            ]
        )
    return where


def _without_token(words: Sequence[str]) -> list[str]:
    """A record is for everybody to read; the token is not."""
    kept = [re.sub(r"^--server-token=.*", "--server-token=…", word) for word in words]
    return ["…" if before == "--server-token" else word for before, word in zip(["", *kept], kept)]


def _serve(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    if arguments.affinity and arguments.affinity.loadgen_cpus:
        fail(
            [
                "--affinity: here only of server and wineserver; the load generator is on the other machine"
            ]
        )
    try:
        token = agent.token_from(os.environ.get(TOKEN))
    except ValueError as error:
        fail([f"{TOKEN}: {error}"])

    tell = partial(say, console)
    raise_open_files_limit()
    with (
        Interrupts() as interrupts,
        launch.open_launcher(_build(), arguments.affinity or server_alone(), tell) as launcher,
    ):
        names, platform = list(launcher.models()), launcher.platform
        serving = agent.Agent(
            launcher, _build(), RESULTS, arguments.host, arguments.port, token, tell
        )
        tell(
            f"serving {', '.join(names)} on {platform}: listens on {arguments.host}:{arguments.port}, its servers on ports {serving.ports[0]} to {serving.ports[-1]}"
        )
        tell(
            f"on the other machine: iomodels run SUITE --server-host {arguments.host}:{arguments.port} --server-token {token}"
        )
        tell("Ctrl-C ends it")
        serving.serve(interrupts)
    return 0


def _slo(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.measure import slo

    setting = run.Setting(
        build=_build(),
        console=console,
        command=("iomodels", *words),
        resume_command=f"{_program()} slo --resume",
        results=RESULTS,
    )
    if arguments.resume is not None:
        others = [
            word for word in words[1:] if word.startswith("-") and not word.startswith("--resume")
        ] or [arguments.model] * bool(arguments.model)
        if others:
            fail([f"{', '.join(others)}: not with --resume: a search goes on as it was asked for"])
        return slo.resume_slo(setting, find_run(arguments.resume, slo.MANIFEST))
    if arguments.model is None or arguments.slo is None:
        fail(["slo: needs a model and a promise, as: iomodels slo iocp --slo p99=5ms"])
    suite = Suite(
        f"slo-{arguments.model}",
        f"{arguments.slo}",
        "Which is the highest rate?",
        (Server(arguments.model, arguments.options),),
        (arguments.connections,),
        (arguments.size,),
        arguments.depth,
        1,
        arguments.warmup_ms,
        arguments.duration_ms,
        arguments.seed,
        arguments.loadgen_threads,
        load=load_file(arguments.load) if arguments.load else Load(),
        load_file=str(arguments.load or ""),
    )
    if suite.load.classes or "rate" in dict(suite.load.options):
        fail(
            [
                f"--load {arguments.load}: must have no rate and no [load.class.NAME]: the search sets one rate, of all connections, and judges all of them together"
            ]
        )
    return slo.start_slo(
        setting,
        suite,
        arguments.slo,
        out=arguments.out or RESULTS,
        low=arguments.rate_from,
        high=arguments.rate_to,
        step=arguments.step_percent,
    )


def _overridden(suite: Suite, arguments: argparse.Namespace) -> Suite:
    """The suite with what the command line says instead."""
    if arguments.models:
        suite = suite.only_models(arguments.models)
    given = {key: getattr(arguments, key, None) for key in BOUNDS}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    return replace(suite, **changes)


def _check_resume(arguments: argparse.Namespace) -> None:
    """A run goes on with its own plan: options that would change it are refused, not ignored."""
    changing = (
        "quick",
        "models",
        "connections",
        "sizes",
        "repeats",
        "duration_ms",
        "warmup_ms",
        "seed",
        "affinity",
        "out",
        "dry_run",
    )
    values = {name: getattr(arguments, name) for name in changing}
    given = [
        f"--{name.replace('_', '-')}"
        for name, value in values.items()
        if value is not None and value is not False
    ]
    if given:
        fail([f"{', '.join(given)}: not with --resume: a run goes on with its own plan"])
    if arguments.suite is not None:
        run_suite = load_run(find_run(arguments.resume)).manifest["suite"]["name"]
        if Path(arguments.suite).stem != run_suite:
            fail(
                [f"--resume {arguments.resume}: is a run of {run_suite}, not of {arguments.suite}"]
            )


def _report(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    tuning = next(
        (
            path
            for path in (Path(arguments.run), RESULTS / arguments.run)
            if (path / "tune.json").is_file()
        ),
        None,
    )
    if tuning:
        from iomodels.report.tuning import write_tune_report

        answer, path = write_tune_report(tuning)
        console.print(f"{answer}\nreport: {path}", markup=False, soft_wrap=True)
        return 0
    if arguments.json and arguments.docs:
        fail(["--json: not with --docs"])
    folder = find_run(arguments.run)
    loaded = load_run(folder)
    # only here: matplotlib takes a second to load
    from iomodels.report.html import write_report
    from iomodels.report.publish import write_docs
    from iomodels.report.terminal import cost_table, terminal_table

    if arguments.json:
        from iomodels.judge.summary import summarise
        from iomodels.report.publish import print_json

        print_json(summarise(loaded))
        return 0
    if arguments.docs:
        console.print(f"report: {write_docs(loaded, arguments.docs)}", markup=False, soft_wrap=True)
        return 0

    for warning in loaded.warnings:
        console.print(f"note: {warning}", markup=False)
    terminal_table(loaded, console)
    cost_table(loaded, console)
    console.print(f"report: {write_report(loaded)}", markup=False, soft_wrap=True)
    return 0


def _compare(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.judge import compare  # only here: scipy takes a second to load

    allowed = [*compare.REFUSED, "all"]
    for word in arguments.despite:
        if word not in allowed:
            fail([f"--despite {word}: not known; {hint(word, allowed)}"])
    folders = [find_run(name, MANIFEST, MICRO_MANIFEST) for name in (arguments.a, arguments.b)]
    if any(is_micro_run(folder) for folder in folders):
        return _compare_micro(folders, arguments, console)
    a, b = (load_run(folder) for folder in folders)
    refused = compare.refusals(compare.differing(a, b), arguments.despite)
    if refused:
        raise Failure(*refused, exit_code=USAGE)
    found = compare.compare_runs(a, b)
    if arguments.json:
        print(json.dumps(compare.to_json(found), indent=2, ensure_ascii=False))
        return 0
    from iomodels.report.terminal import comparison_table

    comparison_table(found, console)
    return 0


def _check(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.machine import check

    disturbing, unchecked, found = check.examine()
    if arguments.json:
        print(json.dumps(check.to_json(disturbing, unchecked, found), indent=2, ensure_ascii=False))
        return FAILED if disturbing else 0
    for each in disturbing:
        console.print(f"{each.name}: {each.found}: {each.effect}", markup=False, soft_wrap=True)
        console.print(f"    mend: {each.mend or 'nothing here can'}", markup=False, soft_wrap=True)
    for rule, reason in unchecked.items():
        console.print(
            f"not checked: {rule.replace('_', ' ')}: {reason}", markup=False, soft_wrap=True
        )
    console.print(
        f"{len(disturbing)} of {len(RULES)} things that are looked at disturb figures here"
    )
    return FAILED if disturbing else 0


def _validate(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    folder = find_run(arguments.run)
    found = complaints(folder)
    for line in found:
        print(f"iomodels: {folder}: {line}", file=sys.stderr)
    if not found:
        console.print(f"{folder}: can be handed in", markup=False, soft_wrap=True)
    return FAILED if found else 0


def _pack(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.report.pack import pack_run

    loaded = load_run(find_run(arguments.run))
    target = arguments.out or CONTRIBUTED / loaded.manifest["platform"] / loaded.manifest["run"]
    bytes_ = pack_run(loaded, target)
    console.print(f"packed: {target} ({bytes_ / 1e6:.2f} MB)", markup=False, soft_wrap=True)
    for line in complaints(target):
        console.print(f"note: it cannot be handed in: {line}", markup=False, soft_wrap=True)
    return 0


def _compare_micro(folders: Sequence[Path], arguments: argparse.Namespace, console: Console) -> int:
    for folder in folders:
        if not is_micro_run(folder):
            raise Failure(f"{folder}: not a micro run: it has no {MICRO_MANIFEST}", exit_code=USAGE)
    if arguments.json or arguments.despite:
        fail([f"{'--json' if arguments.json else '--despite'}: not for micro runs"])
    return micro.compare_micro(folders[0], folders[1], console)


def _micro(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    out = arguments.out or RESULTS
    if out.exists() and not out.is_dir():
        fail([f"--out {out}: must be a folder"])
    options = micro.Options(
        arguments.filter, arguments.quick, arguments.native, arguments.repetitions
    )
    return micro.run_micro(_build(), console, ("iomodels", *words), options, out)


def _export(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    folder = find_run(arguments.run)
    from iomodels.report.hdr_export import export_run  # only here: scipy takes a second to load

    out = arguments.out or folder / "hdr"
    written = export_run(load_run(folder), out)
    console.print(f"{len(written)} files in {out}", markup=False, soft_wrap=True)
    return 0


def _plot(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.figures import catalogue, output  # only here: matplotlib takes a second to load

    figures = {figure.NAME: figure for figure in (*catalogue.OF_RUNS, *catalogue.OF_MICRO_RUNS)}
    if arguments.name not in figures:
        fail([f"plot {arguments.name}: no such figure; {hint(arguments.name, figures)}"])
    figure = figures[arguments.name]
    folder = find_run(arguments.run, MANIFEST, MICRO_MANIFEST)
    if figure in catalogue.OF_MICRO_RUNS:
        if arguments.connections or arguments.sizes:
            fail([f"plot {arguments.name}: takes no --connections and no --sizes"])
        drawn = figure.draw(load_micro_run(folder))
    else:
        drawn = figure.draw(load_run(folder), arguments.connections, arguments.sizes)
    for path in output.write(drawn, arguments.out or folder / "figures"):
        console.print(str(path), markup=False, soft_wrap=True)
    return 0


def _models(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    with launch.open_launcher(_build(), say=console.print) as launcher:
        models, platform = launcher.models(), launcher.platform
    table = Table(
        "model",
        "family",
        "here",
        "connections",
        "what it is",
        title=f"models on {platform}",
        title_justify="left",
    )
    for name, described in sorted(models.items()):
        limit = (
            "no limit of its own"
            if described["max_conns"] is None
            else f"at most {described['max_conns']}"
        )
        what = described["summary"].rstrip(".") + (
            f"; {described['limit']}" if described.get("limit") else ""
        )
        table.add_row(
            name,
            described["family"],
            "yes" if described["supported"] else "not supported",
            limit,
            what,
        )
    console.print(table, markup=False)
    return 0


def _tune(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.measure import tune  # only here: scipy takes a second to load

    given = {
        name: value
        for name, value in vars(arguments).items()
        if value not in (None, False) and name != "command"
    }
    setting = run.Setting(
        _build(), console, ("iomodels", *words), f"{_program()} tune --resume", RESULTS
    )
    if arguments.resume is not None:
        others = [
            name if name == "model" else f"--{name.replace('_', '-')}"
            for name in given
            if name != "resume"
        ]
        if others:
            fail([f"{', '.join(others)}: not with --resume: a tuning goes on with its own plan"])
        return tune.resume_tune(setting, find_run(arguments.resume, tune.MANIFEST))
    if arguments.model is None:
        fail([f"tune: which model? one of: {', '.join(TUNED)}"])
    defaults = (
        {"threads_max": 8, "repeats": 3, "duration_ms": 400, "warmup_ms": 200}
        if arguments.quick
        else {}
    )
    chosen = {**TUNE_DEFAULTS, **defaults, **given}
    try:
        loads = tune.loads_of(chosen["connections"], chosen["cpu_us"], chosen["block_percent"])
    except ValueError as error:
        fail([str(error)])
    plan = tune.Plan(
        arguments.model,
        loads,
        chosen["objective"],
        chosen["slo"].limit_ns // 1000 if chosen["slo"] else 0,
        chosen["threads_max"],
        chosen["size"],
        chosen["repeats"],
        chosen["warmup_ms"],
        chosen["duration_ms"],
        chosen["seed"],
        loadgen_threads=1,
    )
    out = arguments.out or RESULTS
    if out.exists() and not out.is_dir():
        fail([f"--out {out}: must be a folder"])
    return tune.start_tune(setting, plan, out=out)


def _laws(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    seen = _observe_laws(console)
    show(seen, console)
    console.print(
        f"laws: {write(seen, RESULTS / 'laws' / seen.platform)}", markup=False, soft_wrap=True
    )
    return FAILED if seen.data["failed"] else 0


def _observe_laws(console: Console) -> Laws:
    """Every law anew, with progress."""
    count = len(laws.programs(_build()))
    with (
        launch.open_launcher(_build(), laws.NOT_PINNED, say=console.print) as launcher,
        Progress(console, count, LAW_S) as progress,
    ):
        seen = laws.observe(launcher, _build(), progress.step)
        progress.end()
    return seen


def _claims(arguments: argparse.Namespace, console: Console) -> int:
    """`run claims`: every experiment that decides a claim, then the page."""
    given = [
        name
        for name, value in vars(arguments).items()
        if value not in (None, False) and name not in ("command", "suite")
    ]
    if given:
        fail(
            [f"--{given[0].replace('_', '-')}: not with the claims, which have no loads to choose"]
        )
    seen = _observe_laws(console)
    write(seen, RESULTS / "laws" / seen.platform)
    console.print(f"claims: {claims.write_page(seen)}", markup=False, soft_wrap=True)
    return FAILED if seen.data["failed"] else 0


def _suites(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    for name, path in suite_files().items():
        whole, quick = load_suite(path), load_suite(path, quick=True)
        console.print(f"[bold]{name}[/bold]: {escape(whole.question)}", soft_wrap=True)
        console.print(
            f"    {run.expected_text(whole)}; with --quick {run.expected_text(quick)}",
            soft_wrap=True,
        )
    return 0


def find_run(name: str, *manifests: str) -> Path:
    """A run's folder from its name, its path, or "latest"; a run has one of `manifests` (default: a suite's). Raises Failure."""
    if Path(name).is_dir():
        return Path(name)
    runs = sorted(
        path.parent.name
        for manifest in manifests or (MANIFEST,)
        for path in RESULTS.glob(f"*/{manifest}")
    )
    if name == "latest" and runs:
        return RESULTS / runs[-1]
    if name in runs:
        return RESULTS / name
    kept = next(
        (
            path.parent
            for manifest in manifests or (MANIFEST,)
            for path in CONTRIBUTED.glob(f"*/{name}/{manifest}")
        ),
        None,
    )
    if kept:
        return kept
    if not runs:
        raise Failure(f"{name}: no such run; {RESULTS} has none yet", exit_code=USAGE)
    raise Failure(f"{name}: no such run; {hint(name, runs[-5:])}", exit_code=USAGE)


def _build() -> Path:
    return Path(os.environ.get("IOMODELS_BUILD") or ROOT / "build")


def _program() -> str:
    """What to type to get this program again, from this folder."""
    script = ROOT / ("iomodels.cmd" if os.name == "nt" else "iomodels")
    if not script.is_file():
        return f"{shell_word(sys.executable)} -m iomodels"
    return shell_word(f".{os.sep}{script.name}" if Path.cwd() == ROOT else str(script))
