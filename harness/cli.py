"""The command line of iomodels: what it understands, and who does it. A bad input is one line on stderr and exit code 2."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import harness
from harness import claims, launch, laws, micro, run
from harness.files import ROOT
from harness.launch import LaunchError
from harness.load import Load
from harness.micro_records import MANIFEST as MICRO_MANIFEST, is_micro_run
from harness.placement import Placement, parse_affinity
from harness.progress import Progress
from harness.records import MANIFEST, RunError, load_run
from harness.submission import complaints
from harness.suite import BOUNDS, Server, Suite, SuiteError, find_suite, hint, load_file, load_suite, suite_files

if TYPE_CHECKING:
    from harness.slo import Slo

RESULTS = ROOT / "results"
MAX_RATE = 100_000_000
LAW_S = 0.5  # of one law, for the first estimate
TUNED = ("iocp", "tpio", "events", "apc")
OBJECTIVES = ("throughput", "p99", "efficiency")
TUNE_DEFAULTS: dict[str, Any] = {
    "connections": (64,), "cpu_us": (100,), "block_percent": (0, 50), "objective": "throughput", "slo": 0, "threads_max": 16,
    "size": 64, "repeats": 5, "warmup_ms": 300, "duration_ms": 1000, "seed": 1,
}  # fmt: skip

EXAMPLES = """examples:
  iomodels run select-vs-iocp                        measure, about nine minutes; then the report
  iomodels run select-vs-iocp --quick                the shape of the answer in under a minute
  iomodels run select-vs-iocp --connections 1,64 --repeats 10
  iomodels run --resume latest                       go on with a run that was interrupted
  iomodels tune iocp --quick                         how many threads, under which cap, for a load
  iomodels run claims                                what this platform shows of each claim: docs/claims.md
  iomodels report latest                             write the report of the newest run again
  iomodels slo iocp --slo p99=5ms                    the highest rate whose p99 is at most 5 ms
  iomodels compare RUN_A RUN_B                       one run over another

exit codes: 0 fine, 1 failed, 2 usage, 77 not supported on this platform, 130 interrupted"""

RUN_EXAMPLES = """examples:
  iomodels run select-vs-iocp --quick
  iomodels run select-vs-iocp --models iocp --connections 1,64,1024 --sizes 64 --repeats 5
  iomodels run my-suite.toml --dry-run               the plan, in order; nothing is measured
  iomodels run --resume latest --retry-failed        what is missing, and what failed once more

Ctrl-C keeps what was measured and prints the command that goes on with it."""

SLO_EXAMPLES = """examples:
  iomodels slo iocp --slo p99=5ms
  iomodels slo iocp --slo p99.9=20ms --connections 256 --options threads=4 --load my-load.toml --duration-ms 10000
  iomodels slo --resume latest                       go on with a search that was interrupted

--load names a TOML file whose [load] section has the words of a suite's (docs/loadgen.md); a suite's own file will do."""


COMPARE_NOTES = """Runs of different platforms, machines, placements, builds or loads are refused (exit code 2), unless --despite names what may differ.
A ratio with ~ shows no difference; one with ? has fewer than nine repeats on a side, too few to tell. Exit code 0 whatever the ratios say."""


CHECK_NOTES = """It looks for about two seconds and changes nothing. Exit code 0: nothing disturbs; 1: something does; 2: usage.
What could not be looked at is listed as not checked, and does not change the exit code."""


MICRO_EXAMPLES = """examples:
  iomodels micro --quick                             the shape, in about a minute
  iomodels micro --filter 'completion_port|event'    some families with full repetitions
  iomodels compare BEFORE AFTER                      two such runs, benchmark by benchmark"""


TUNE_EXAMPLES = """examples:
  iomodels tune iocp                                 64 clients, handlers of 100 µs that do not block, and that block half of their time
  iomodels tune iocp --connections 256 --cpu-us 50 --block-percent 80 --threads-max 64
  iomodels tune tpio --slo 5000                      the most throughput whose 99th percentile stays within 5 ms
  iomodels tune --resume latest                      go on with a tuning that was interrupted"""


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one line: "iomodels: --repeats 0: must be 1 … 1000"."""

    def error(self, message: str) -> NoReturn:
        message = re.sub(r"^argument (\S+): (?=expected|not allowed)", r"\1: ", message)
        _fail([re.sub(r"^argument (\S+): ", r"\1 ", message)])


def _fail(lines: Iterable[str], code: int = run.USAGE) -> NoReturn:
    for line in lines:
        print(f"iomodels: {line}", file=sys.stderr)
    raise SystemExit(code)


def _number(key: str) -> Callable[[str], int]:
    low, high = BOUNDS[key]

    def parse(text: str) -> int:
        if not (re.fullmatch(r"[0-9]{1,12}", text) and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text}: must be {low} … {high}")
        return int(text)

    return parse


def _numbers(key: str) -> Callable[[str], tuple[int, ...]]:
    low, high = BOUNDS[key]

    def parse(text: str) -> tuple[int, ...]:
        words = text.split(",")
        if not all(re.fullmatch(r"[0-9]{1,12}", word) and low <= int(word) <= high for word in words):
            raise argparse.ArgumentTypeError(f"{text}: must be numbers {low} … {high} with commas between them")
        values = tuple(int(word) for word in words)
        if len(set(values)) < len(values):
            raise argparse.ArgumentTypeError(f"{text}: names a value twice")
        return values

    return parse


def _rate(text: str) -> int:
    if not (re.fullmatch(r"[0-9]{1,9}", text) and 1 <= int(text) <= MAX_RATE):
        raise argparse.ArgumentTypeError(f"{text}: must be 1 … {MAX_RATE} requests per second")
    return int(text)


def _step(text: str) -> float:
    if not (re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", text) and 0.5 <= float(text) <= 100):
        raise argparse.ArgumentTypeError(f"{text}: must be 0.5 … 100 percent")
    return 1 + float(text) / 100


def _promise(text: str) -> Slo:
    from harness import slo  # only here: scipy takes a second to load

    try:
        return slo.parse_slo(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None


def _settings(text: str) -> tuple[tuple[str, int], ...]:
    pairs = [word.partition("=") for word in text.split(",")]
    if not all(name and re.fullmatch(r"[0-9]{1,10}", value) for name, _, value in pairs):
        raise argparse.ArgumentTypeError(f"{text}: must be options of the server as threads=4,concurrency=2")
    return tuple((name, int(value)) for name, _, value in pairs)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r}: must be names with commas between them")
    return names


def _affinity(text: str) -> Placement:
    try:
        return parse_affinity(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    raw = argparse.RawDescriptionHelpFormatter
    top = _Parser(
        prog="iomodels", description="Measures and compares the ways a Windows program can wait for network I/O.",
        epilog=EXAMPLES, formatter_class=raw, allow_abbrev=False,
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"iomodels {harness.__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    words: dict[str, _Parser] = {}

    def add(name: str, text: str, epilog: str | None = None) -> _Parser:
        words[name] = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", epilog=epilog, formatter_class=raw, allow_abbrev=False
        )
        return words[name]

    _add_run_options(add("run", "measure a suite into results/<run>/ and write its report", RUN_EXAMPLES))
    _add_slo_options(add("slo", "search the highest rate at which a model keeps a promise of latency", SLO_EXAMPLES))
    report = add("report", "write the report of a run again, from its records alone")
    report.add_argument("run", metavar="RUN", help="a run's name, its folder, or: latest")
    report.add_argument("--docs", type=Path, metavar="DIR", help="a folder for a documentation site instead: Markdown, figures for light and dark pages, CSV")
    report.add_argument("--json", action="store_true", help="one JSON object instead, and no files (results/schema/report.schema.json)")
    compared = add("compare", "one run over another, cell by cell, with what else differs between them", COMPARE_NOTES)
    compared.add_argument("a", metavar="A", help="the run that is the measure: a name, a folder, or: latest")
    compared.add_argument("b", metavar="B", help="the run that is held against it")
    compared.add_argument("--despite", type=_names, metavar="WHAT,…", default=(), help="compare though these differ: platform, machine, placement, build, load, or all")
    compared.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    checked = add("check", "what on this machine disturbs figures, and the command that mends it", CHECK_NOTES)
    checked.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    validate = add("validate", "whether a run can be handed in: complete, as its schemas say, reproducible")
    validate.add_argument("run", metavar="RUN", help="a run's name, its folder, or: latest")
    _add_micro_options(add("micro", "measure what each primitive costs into results/<run>/ and draw it", MICRO_EXAMPLES))
    export = add("export", "write the histograms of a run as HdrHistogram's .hgrm and .hlog files, for its plotters")
    export.add_argument("run", metavar="RUN", help="a run's name, its folder, or: latest")
    export.add_argument("--out", type=Path, metavar="DIR", help="the folder that gets them (default: hdr/ in the run's)")
    add("models", "the models that were built, and what they can do on this platform")
    _add_tune_options(add("tune", "search how many threads a model wants for a load", TUNE_EXAMPLES))
    add("suites", "the suites, and what each asks")
    add("laws", "let this platform answer the laws of ports, pools and handles; writes laws.json")
    return top, words


def _add_run_options(parser: _Parser) -> None:
    add = parser.add_argument
    add("suite", metavar="SUITE", nargs="?", help="a suite's name (iomodels suites), or a TOML file")
    add("--quick", action="store_true", help="the suite's short form: the shape of the answer, not its figures")
    add("--models", type=_names, metavar="A,B", help="only these models of the suite")
    add("--connections", type=_numbers("connections"), metavar="N,N", help="these numbers of connections instead")
    add("--sizes", type=_numbers("sizes"), metavar="N,N", help="these payload sizes instead (bytes)")
    add("--repeats", type=_number("repeats"), metavar="N", help="how often each cell is measured")
    add("--duration-ms", type=_number("duration_ms"), metavar="N", help="length of the measuring window")
    add("--warmup-ms", type=_number("warmup_ms"), metavar="N", help="load before the window, not counted")
    add("--seed", type=_number("seed"), metavar="N", help="decides the order; the same seed, the same order")
    add("--affinity", type=_affinity, metavar="ROLE=CPUS", help="which CPUs run what: server=0,wineserver=0,loadgen=1-3; none: not pinned")
    add("--out", type=Path, metavar="DIR", help="the folder that gets the run's folder (default: results)")
    add("--dry-run", action="store_true", help="print the plan and measure nothing")
    add("--resume", metavar="RUN", help="go on with a run, by its own plan: a name, a folder, or: latest")
    add("--retry-failed", action="store_true", help="with --resume: failed and invalid measurements once more")
    add("--no-report", action="store_true", help="only the records and the table")
    add("--json", action="store_true", help="the result as one JSON object on stdout, everything for people on stderr")


def _add_slo_options(parser: _Parser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", nargs="?", help="one of: iomodels models")
    add("--slo", type=_promise, metavar="pQ=TIME", help="the promise: a percentile of the response times, as p99=5ms")
    add("--connections", type=_number("connections"), default=64, metavar="N", help="they share the rate (default: %(default)s)")
    add("--size", type=_number("sizes"), default=64, metavar="N", help="payload bytes of a request and its reply (default: %(default)s)")
    add("--depth", type=_number("depth"), default=1, metavar="N", help="requests outstanding on a connection at most (default: %(default)s)")
    add("--options", type=_settings, default=(), metavar="NAME=N,…", help="options of the server")
    add("--load", type=Path, metavar="FILE", help="a TOML file with a [load] section: arrivals, work, …")
    add("--rate-from", type=_rate, metavar="N", help="the lowest rate tried (default: what the percentile needs)")
    add("--rate-to", type=_rate, metavar="N", help="the highest (default: 80 %% of what the load generator itself reaches)")
    add("--step-percent", type=_step, default=1.05, metavar="P", help="how exact the answer is (default: 5)")
    add("--duration-ms", type=_number("duration_ms"), default=3000, metavar="N", help="window of a trial (default: %(default)s)")
    add("--warmup-ms", type=_number("warmup_ms"), default=500, metavar="N", help="load before it (default: %(default)s)")
    add("--loadgen-threads", type=_number("loadgen_threads"), default=1, metavar="N", help="of the load generator (default: %(default)s)")
    add("--seed", type=_number("seed"), default=1, metavar="N", help="of payloads and arrivals (default: %(default)s)")
    add("--out", type=Path, default=RESULTS, metavar="DIR", help="the folder that gets the search's folder (default: results)")
    add("--resume", metavar="RUN", help="go on with a search, as it was asked for: a name, a folder, or: latest")


def _add_micro_options(parser: _Parser) -> None:
    add = parser.add_argument
    add("--filter", metavar="REGEX", help="only benchmarks whose name it matches, e.g. completion_port")
    add("--quick", action="store_true", help="3 short repetitions: the shape, not the figures")
    add("--repetitions", type=_number("repeats"), metavar="N", help="how often each is measured (default 10; comparing takes 9)")
    add("--native", action="store_true", help="the portable ones as a program of this system instead of the Windows program")
    add("--out", type=Path, metavar="DIR", help="the folder that gets the run's folder (default: results)")


def _whole(low: int, high: int, unit: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text}: must be {low} … {high} {unit}".rstrip())
        return int(text)

    return parse


def _one_of(words: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f"{text}: must be one of: {', '.join(words)}")
        return text

    return parse


def _several(low: int, high: int, unit: str) -> Callable[[str], tuple[int, ...]]:
    one = _whole(low, high, unit)
    return lambda text: tuple(dict.fromkeys(one(word) for word in text.split(",")))


def _add_tune_options(parser: _Parser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", nargs="?", type=_one_of(TUNED), help=f"one of: {', '.join(TUNED)}")
    add("--connections", type=_numbers("connections"), metavar="N,N", help="loads: numbers of clients (default: 64)")
    add("--cpu-us", type=_several(0, 250_000, "µs"), metavar="N,N", help="loads: CPU time of the handler (default: 100)")
    add("--block-percent", type=_several(0, 99, "percent"), metavar="N,N", help="loads: share of its time that it blocks (default: 0,50)")
    add("--objective", type=_one_of(OBJECTIVES), metavar="WHAT", help=f"what is to be best: {', '.join(OBJECTIVES)} (default: throughput)")
    add("--slo", type=_whole(1, 60_000_000, "µs"), metavar="P99_US", help="only settings whose 99th percentile is at most this")
    add("--threads-max", type=_whole(1, 4096, "threads"), metavar="N", help="the most workers tried (default: 16)")
    add("--size", type=_number("sizes"), metavar="N", help="payload bytes of a request and its reply (default: 64)")
    add("--repeats", type=_number("repeats"), metavar="N", help="of settings that are tied with the best (default: 5)")
    add("--duration-ms", type=_number("duration_ms"), metavar="N", help="length of a measuring window (default: 1000)")
    add("--warmup-ms", type=_number("warmup_ms"), metavar="N", help="load before it (default: 300)")
    add("--seed", type=_number("seed"), metavar="N", help="decides the order (default: 1)")
    add("--quick", action="store_true", help="the shape of the answer: at most 8 workers, 3 repeats, 400 ms each")
    add("--out", type=Path, metavar="DIR", help="the folder that gets the tuning's folder (default: results)")
    add("--resume", metavar="RUN", help="go on with a tuning, by its own plan: a name, a folder, or: latest")


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    top, parsers = _parsers()
    if not words:
        top.print_help(sys.stderr)
        return run.USAGE
    if not words[0].startswith("-") and words[0] not in parsers:
        _fail([f"{words[0]}: no such command; {hint(words[0], parsers)}"])
    arguments, rest = top.parse_known_args(words)
    if rest:
        options = [option for action in parsers[arguments.command]._actions for option in action.option_strings]
        unknown = next((word for word in rest if word.startswith("-")), None)
        if unknown:
            near = difflib.get_close_matches(unknown.split("=")[0], options, n=1)
            advice = f"did you mean {near[0]}?" if near else f"see: iomodels {arguments.command} --help"
            _fail([f"{unknown}: no such option of {arguments.command}; {advice}"])
        _fail([f"{' '.join(rest)}: {arguments.command} does not take that"])
    commands = {
        "run": _run, "report": _report, "slo": _slo, "export": _export, "compare": _compare, "check": _check, "validate": _validate, "models": _models,
        "suites": _suites, "micro": _micro, "laws": _laws, "tune": _tune,
    }  # fmt: skip
    console = Console(highlight=False)
    try:
        return commands[arguments.command](arguments, console, words)
    except (SuiteError, run.Refused) as error:
        _fail(error.lines, getattr(error, "exit_code", run.USAGE))
    except (LaunchError, RunError) as error:
        _fail([str(error)], run.FAILED)
    except KeyboardInterrupt:  # outside the measuring, which has its own
        _fail(["interrupted"], 130)
    except BrokenPipeError:  # whoever read our output has gone; nothing more may be written, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return run.FAILED
    except OSError as error:  # a full disk, a folder without permission: it names its file
        _fail([f"{error.filename}: {error.strerror}" if error.filename else str(error)], run.FAILED)


def _run(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    setting = run.Setting(
        build=_build(),
        console=Console(highlight=False, stderr=True) if arguments.json else console,
        json=arguments.json,
        command=("iomodels", *words),
        resume_command=f"{_program()} run --resume",
        results=RESULTS,
        report=not arguments.no_report,
        placement=arguments.affinity,
    )
    if arguments.suite == "claims":
        return _claims(arguments, console)
    if arguments.resume is not None:
        _check_resume(arguments)
        folder = find_run(arguments.resume)
        return run.resume_run(setting, folder, retry_failed=arguments.retry_failed)
    if arguments.retry_failed:
        _fail(["--retry-failed: only with --resume RUN"])
    if arguments.suite is None:
        _fail([f"run: which suite? there is: {', '.join(suite_files())}"])
    suite = _overridden(load_suite(find_suite(arguments.suite), quick=arguments.quick), arguments)
    out = arguments.out or RESULTS
    if out.exists() and not out.is_dir():
        _fail([f"--out {out}: must be a folder"])
    return run.start_run(setting, suite, quick=arguments.quick, out=out, dry_run=arguments.dry_run)


def _slo(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from harness import slo

    setting = run.Setting(
        build=_build(),
        console=console,
        command=("iomodels", *words),
        resume_command=f"{_program()} slo --resume",
        results=RESULTS,
    )
    if arguments.resume is not None:
        others = [word for word in words[1:] if word.startswith("-") and not word.startswith("--resume")] or [arguments.model] * bool(arguments.model)
        if others:
            _fail([f"{', '.join(others)}: not with --resume: a search goes on as it was asked for"])
        return slo.resume_slo(setting, find_run(arguments.resume, slo.MANIFEST))
    if arguments.model is None or arguments.slo is None:
        _fail(["slo: needs a model and a promise, as: iomodels slo iocp --slo p99=5ms"])
    suite = Suite(
        f"slo-{arguments.model}", f"{arguments.slo}", "Which is the highest rate?", (Server(arguments.model, arguments.options),),
        (arguments.connections,), (arguments.size,), arguments.depth, 1, arguments.warmup_ms, arguments.duration_ms, arguments.seed,
        arguments.loadgen_threads, load=load_file(arguments.load) if arguments.load else Load(),
    )  # fmt: skip
    if suite.load.classes or "rate" in dict(suite.load.options):
        _fail([f"--load {arguments.load}: no rate and no classes here: the search sets the rate of all connections"])
    return slo.start_slo(
        setting, suite, arguments.slo, out=arguments.out, low=arguments.rate_from, high=arguments.rate_to, step=arguments.step_percent
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
    changing = ("quick", "models", "connections", "sizes", "repeats", "duration_ms", "warmup_ms", "seed", "affinity", "out", "dry_run")
    values = {name: getattr(arguments, name) for name in changing}
    given = [f"--{name.replace('_', '-')}" for name, value in values.items() if value is not None and value is not False]
    if given:
        _fail([f"{', '.join(given)}: not with --resume: a run goes on with its own plan"])
    if arguments.suite is not None:
        run_suite = load_run(find_run(arguments.resume)).manifest["suite"]["name"]
        if Path(arguments.suite).stem != run_suite:
            _fail([f"--resume {arguments.resume}: is a run of {run_suite}, not of {arguments.suite}"])


def _report(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    tuning = next((path for path in (Path(arguments.run), RESULTS / arguments.run) if (path / "tune.json").is_file()), None)
    if tuning:
        from harness.tune_report import write_tune_report

        answer, path = write_tune_report(tuning)
        console.print(f"{answer}\nreport: {path}", markup=False, soft_wrap=True)
        return 0
    if arguments.json and arguments.docs:
        _fail(["--json: not with --docs"])
    folder = find_run(arguments.run)
    loaded = load_run(folder)
    from harness.costs import cost_table  # only here: matplotlib takes a second to load
    from harness.report import terminal_table, write_docs, write_report

    if arguments.json:
        from harness.publish import print_json
        from harness.summary import summarise

        print_json(summarise(loaded))
        return 0
    if arguments.docs:
        console.print(f"report: {write_docs(folder, arguments.docs)}", markup=False, soft_wrap=True)
        return 0

    for warning in loaded.warnings:
        console.print(f"note: {warning}", markup=False)
    terminal_table(loaded, console)
    cost_table(loaded, console)
    console.print(f"report: {write_report(folder)}", markup=False, soft_wrap=True)
    return 0


def _compare(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from harness import compare  # only here: scipy takes a second to load

    allowed = [*compare.REFUSED, "all"]
    for word in arguments.despite:
        if word not in allowed:
            _fail([f"--despite {word}: not known; {hint(word, allowed)}"])
    folders = [find_run(name, MANIFEST, MICRO_MANIFEST) for name in (arguments.a, arguments.b)]
    if any(is_micro_run(folder) for folder in folders):
        return _compare_micro(folders, arguments, console)
    a, b = (load_run(folder) for folder in folders)
    refused = compare.refusals(compare.differing(a, b), arguments.despite)
    if refused:
        raise run.Refused(refused)
    found = compare.compare_runs(a, b)
    if arguments.json:
        print(json.dumps(compare.to_json(found), indent=2, ensure_ascii=False))
        return 0
    from harness.report import comparison_table  # only here: matplotlib takes a second to load

    comparison_table(found, console)
    return 0


def _check(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from harness import check

    disturbing, unchecked, found = check.examine()
    if arguments.json:
        print(json.dumps(check.to_json(disturbing, unchecked, found), indent=2, ensure_ascii=False))
        return run.FAILED if disturbing else 0
    for each in disturbing:
        console.print(f"{each.name}: {each.found}: {each.effect}", markup=False, soft_wrap=True)
        console.print(f"    mend: {each.mend or 'nothing here can'}", markup=False, soft_wrap=True)
    for rule, reason in unchecked.items():
        console.print(f"not checked: {rule.replace('_', ' ')}: {reason}", markup=False, soft_wrap=True)
    console.print(f"{len(disturbing)} of {len(check.RULES)} things that are looked at disturb figures here")
    return run.FAILED if disturbing else 0


def _validate(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    folder = find_run(arguments.run)
    found = complaints(folder)
    for line in found:
        print(f"iomodels: {folder}: {line}", file=sys.stderr)
    if not found:
        console.print(f"{folder}: can be handed in", markup=False, soft_wrap=True)
    return run.FAILED if found else 0


def _compare_micro(folders: Sequence[Path], arguments: argparse.Namespace, console: Console) -> int:
    for folder in folders:
        if not is_micro_run(folder):
            raise run.Refused([f"{folder}: not a micro run: it has no {MICRO_MANIFEST}"])
    if arguments.json or arguments.despite:
        _fail([f"{'--json' if arguments.json else '--despite'}: not for micro runs"])
    return micro.compare_micro(folders[0], folders[1], console)


def _micro(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    out = arguments.out or RESULTS
    if out.exists() and not out.is_dir():
        _fail([f"--out {out}: must be a folder"])
    options = micro.Options(arguments.filter, arguments.quick, arguments.native, arguments.repetitions)
    return micro.run_micro(_build(), console, ("iomodels", *words), options, out)


def _export(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    folder = find_run(arguments.run)
    from harness.interchange import export_run  # only here: scipy takes a second to load

    out = arguments.out or folder / "hdr"
    written = export_run(load_run(folder), out)
    console.print(f"{len(written)} files in {out}", markup=False, soft_wrap=True)
    return 0


def _models(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    with launch.open_launcher(_build(), say=console.print) as launcher:
        models, platform = launcher.models(), launcher.platform
    table = Table("model", "family", "here", "connections", "what it is", title=f"models on {platform}", title_justify="left")
    for name, described in sorted(models.items()):
        limit = "no limit of its own" if described["max_conns"] is None else f"at most {described['max_conns']}"
        what = described["summary"].rstrip(".") + (f"; {described['limit']}" if described.get("limit") else "")
        table.add_row(name, described["family"], "yes" if described["supported"] else "not supported", limit, what)
    console.print(table, markup=False)
    return 0


def _tune(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from harness import tune  # only here: scipy takes a second to load

    given = {name: value for name, value in vars(arguments).items() if value not in (None, False) and name != "command"}
    setting = run.Setting(_build(), console, ("iomodels", *words), f"{_program()} tune --resume", RESULTS)
    if arguments.resume is not None:
        others = [name if name == "model" else f"--{name.replace('_', '-')}" for name in given if name != "resume"]
        if others:
            _fail([f"{', '.join(others)}: not with --resume: a tuning goes on with its own plan"])
        return tune.resume_tune(setting, find_run(arguments.resume, tune.MANIFEST))
    if arguments.model is None:
        _fail([f"tune: which model? one of: {', '.join(TUNED)}"])
    defaults = {"threads_max": 8, "repeats": 3, "duration_ms": 400, "warmup_ms": 200} if arguments.quick else {}
    chosen = {**TUNE_DEFAULTS, **defaults, **given}
    try:
        loads = tune.loads_of(chosen["connections"], chosen["cpu_us"], chosen["block_percent"])
    except ValueError as error:
        _fail([str(error)])
    plan = tune.Plan(
        arguments.model, loads, chosen["objective"], chosen["slo"], chosen["threads_max"], chosen["size"], chosen["repeats"],
        chosen["warmup_ms"], chosen["duration_ms"], chosen["seed"], loadgen_threads=1,
    )  # fmt: skip
    out = arguments.out or RESULTS
    if out.exists() and not out.is_dir():
        _fail([f"--out {out}: must be a folder"])
    return tune.start_tune(setting, plan, out=out)


def _laws(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    seen = _observe_laws(console)
    laws.show(seen, console)
    console.print(f"laws: {laws.write(seen, RESULTS / 'laws' / seen.platform)}", markup=False, soft_wrap=True)
    return run.FAILED if seen.data["failed"] else 0


def _observe_laws(console: Console) -> laws.Laws:
    """Every law anew, with progress."""
    count = len(laws.programs(_build()))
    with launch.open_launcher(_build(), laws.NOT_PINNED, say=console.print) as launcher, Progress(console, count, LAW_S) as progress:
        seen = laws.observe(launcher, _build(), progress.step)
        progress.end()
    return seen


def _claims(arguments: argparse.Namespace, console: Console) -> int:
    """`run claims`: every experiment that decides a claim, then the page."""
    given = [name for name, value in vars(arguments).items() if value not in (None, False) and name not in ("command", "suite")]
    if given:
        _fail([f"--{given[0].replace('_', '-')}: not with the claims, which have no loads to choose"])
    seen = _observe_laws(console)
    laws.write(seen, RESULTS / "laws" / seen.platform)
    console.print(f"claims: {claims.write_page(seen)}", markup=False, soft_wrap=True)
    return run.FAILED if seen.data["failed"] else 0


def _suites(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    for name, path in suite_files().items():
        whole, quick = load_suite(path), load_suite(path, quick=True)
        console.print(f"[bold]{name}[/bold]: {escape(whole.question)}", soft_wrap=True)
        console.print(f"    {run.expected_text(whole)}; with --quick {run.expected_text(quick)}", soft_wrap=True)
    return 0


def find_run(name: str, *manifests: str) -> Path:
    """A run's folder from its name, its path, or "latest"; a run has one of `manifests` (default: a suite's). Raises run.Refused."""
    if Path(name).is_dir():
        return Path(name)
    runs = sorted(path.parent.name for manifest in manifests or (MANIFEST,) for path in RESULTS.glob(f"*/{manifest}"))
    if name == "latest" and runs:
        return RESULTS / runs[-1]
    if name in runs:
        return RESULTS / name
    if not runs:
        raise run.Refused([f"{name}: no such run; {RESULTS} has none yet"])
    raise run.Refused([f"{name}: no such run; {hint(name, runs[-5:])}"])


def _build() -> Path:
    return Path(os.environ.get("IOMODELS_BUILD") or ROOT / "build")


def _program() -> str:
    """What to type to get this program again, from this folder."""
    script = ROOT / ("iomodels.cmd" if os.name == "nt" else "iomodels")
    if not script.is_file():
        return f"{run.shell_word(sys.executable)} -m harness"
    return run.shell_word(f".{os.sep}{script.name}" if Path.cwd() == ROOT else str(script))
