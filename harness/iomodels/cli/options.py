"""What the command line understands: its words, their values, and what they are refused for. A bad one is one line, exit code 2."""

from __future__ import annotations

import argparse
import ipaddress
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import iomodels
from iomodels.base.errors import USAGE
from iomodels.launch.channel import DEFAULT_PORT, PORTS, parse_host
from iomodels.machine.placement import Placement, parse_affinity
from iomodels.plan.suite import BOUNDS

if TYPE_CHECKING:
    from iomodels.measure.slo import Slo
MAX_RATE = 100_000_000
TUNED = ("iocp", "tpio", "events", "apc")
OBJECTIVES = ("throughput", "p99", "efficiency")
TUNE_DEFAULTS: dict[str, Any] = {
    "connections": (64,),
    "cpu_us": (100,),
    "block_percent": (0, 50),
    "objective": "throughput",
    "slo": None,
    "threads_max": 16,
    "size": 64,
    "repeats": 5,
    "warmup_ms": 300,
    "duration_ms": 1000,
    "seed": 1,
}

EXAMPLES = """examples:
  iomodels run select-vs-iocp                        measure, under six minutes; then the report
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

SERVE_NOTES = """On the other machine: iomodels run SUITE --server-host ADDRESS --server-token TOKEN, with the same version of iomodels.
It serves one client at a time, until Ctrl-C. IOMODELS_SERVER_TOKEN, if it is set, is the token. The firewall has to let in the port
and the 16 after it, from that machine alone: docs/windows.md."""

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
  iomodels tune tpio --slo p99=5ms                   the most throughput whose 99th percentile stays within 5 ms
  iomodels tune --resume latest                      go on with a tuning that was interrupted"""


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line: "iomodels: --repeats 0: must be 1 … 1000"."""

    def error(self, message: str) -> NoReturn:
        message = re.sub(r"^argument (\S+): (?=expected|not allowed)", r"\1: ", message)
        fail([re.sub(r"^argument (\S+): ", r"\1 ", message)])


def fail(lines: Iterable[str], code: int = USAGE) -> NoReturn:
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
        if not all(
            re.fullmatch(r"[0-9]{1,12}", word) and low <= int(word) <= high for word in words
        ):
            raise argparse.ArgumentTypeError(
                f"{text}: must be numbers {low} … {high} with commas between them"
            )
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
    from iomodels.measure import slo  # only here: scipy takes a second to load

    try:
        return slo.parse_slo(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None


def _promise_of_p99(text: str) -> Slo:
    promise = _promise(text)
    if promise.percent != 99:
        raise argparse.ArgumentTypeError(f"{text}: a tuning looks at p99 only, as in p99=5ms")
    return promise


def _settings(text: str) -> tuple[tuple[str, int], ...]:
    pairs = [word.partition("=") for word in text.split(",")]
    if not all(name and re.fullmatch(r"[0-9]{1,10}", value) for name, _, value in pairs):
        raise argparse.ArgumentTypeError(
            f"{text}: must be options of the server as threads=4,concurrency=2"
        )
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


def _server_host(text: str) -> tuple[str, int]:
    try:
        return parse_host(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text}: must be an IPv4 address of this machine, as in 192.0.2.10"
        ) from None


def parsers() -> tuple[Parser, dict[str, Parser]]:
    raw = argparse.RawDescriptionHelpFormatter
    top = Parser(
        prog="iomodels",
        description="Measures and compares the ways a Windows program can wait for network I/O.",
        epilog=EXAMPLES,
        formatter_class=raw,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"iomodels {iomodels.__version__}")
    commands = top.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    words: dict[str, Parser] = {}

    def add(name: str, text: str, epilog: str | None = None) -> Parser:
        words[name] = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=epilog,
            formatter_class=raw,
            allow_abbrev=False,
        )
        return words[name]

    _add_run_options(
        add("run", "measure a suite into results/<run>/ and write its report", RUN_EXAMPLES)
    )
    _add_slo_options(
        add(
            "slo",
            "search the highest rate at which a model keeps a promise of latency",
            SLO_EXAMPLES,
        )
    )
    report = add("report", "write the report of a run again, from its records alone")
    report.add_argument("run", metavar="RUN", help="a run's name, its folder, or: latest")
    report.add_argument(
        "--docs",
        type=Path,
        metavar="DIR",
        help="a folder for a documentation site instead: Markdown, figures for light and dark pages, CSV",
    )
    report.add_argument(
        "--json",
        action="store_true",
        help="one JSON object instead, and no files (results/schema/report.schema.json)",
    )
    compared = add(
        "compare",
        "one run over another, cell by cell, with what else differs between them",
        COMPARE_NOTES,
    )
    compared.add_argument(
        "a", metavar="A", help="the run that is the measure: a name, a folder, or: latest"
    )
    compared.add_argument("b", metavar="B", help="the run that is held against it")
    compared.add_argument(
        "--despite",
        type=_names,
        metavar="WHAT,…",
        default=(),
        help="compare though these differ: platform, machine, placement, build, load, or all",
    )
    compared.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    checked = add(
        "check", "what on this machine disturbs figures, and the command that mends it", CHECK_NOTES
    )
    checked.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    validate = add(
        "validate", "whether a run can be handed in: complete, as its schemas say, reproducible"
    )
    validate.add_argument("run", metavar="RUN", help="a run's name, its folder, or: latest")
    pack = add(
        "pack",
        "write a run into results/contributed/ in the form that is kept with the sources: records compressed, the report one page",
    )
    pack.add_argument("run", metavar="RUN", help="a run's name, its folder, or: latest")
    pack.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="the new folder (default: results/contributed/PLATFORM/RUN)",
    )
    _add_micro_options(
        add(
            "micro",
            "measure what each primitive costs into results/<run>/ and draw it",
            MICRO_EXAMPLES,
        )
    )
    export = add(
        "export",
        "write the histograms of a run as HdrHistogram's .hgrm and .hlog files, for its plotters",
    )
    export.add_argument("run", metavar="RUN", help="a run's name, its folder, or: latest")
    export.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="the folder that gets them (default: hdr/ in the run's)",
    )
    plot = add("plot", "draw one figure of a run: SVG, PNG and CSV")
    plot.add_argument(
        "name", metavar="NAME", help="a figure's name, as the report shows it below each figure"
    )
    plot.add_argument("run", metavar="RUN", help="a run's name, its folder, or: latest")
    for level in ("connections", "sizes"):
        plot.add_argument(
            f"--{level}",
            type=_numbers(level),
            default=(),
            metavar="N,N",
            help=f"only these {level}",
        )
    plot.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="the folder that gets the files (default: figures/ in the run's)",
    )
    add("models", "the models that were built, and what they can do on this platform")
    _add_tune_options(
        add("tune", "search how many threads a model wants for a load", TUNE_EXAMPLES)
    )
    add("suites", "the suites, and what each asks")
    _add_serve_options(
        add("serve", "start servers here for a load generator on another machine", SERVE_NOTES)
    )
    add("laws", "let this platform answer the laws of ports, pools and handles; writes laws.json")
    return top, words


def _add_run_options(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "suite", metavar="SUITE", nargs="?", help="a suite's name (iomodels suites), or a TOML file"
    )
    add(
        "--quick",
        action="store_true",
        help="the suite's short form: the shape of the answer, not its figures",
    )
    add("--models", type=_names, metavar="A,B", help="only these models of the suite")
    add(
        "--connections",
        type=_numbers("connections"),
        metavar="N,N",
        help="these numbers of connections instead",
    )
    add(
        "--sizes", type=_numbers("sizes"), metavar="N,N", help="these payload sizes instead (bytes)"
    )
    add("--repeats", type=_number("repeats"), metavar="N", help="how often each cell is measured")
    add(
        "--duration-ms",
        type=_number("duration_ms"),
        metavar="N",
        help="length of the measuring window",
    )
    add(
        "--warmup-ms",
        type=_number("warmup_ms"),
        metavar="N",
        help="load before the window, not counted",
    )
    add(
        "--seed",
        type=_number("seed"),
        metavar="N",
        help="decides the order; the same seed, the same order",
    )
    add(
        "--affinity",
        type=_affinity,
        metavar="ROLE=CPUS",
        help="which CPUs run what: server=0,wineserver=0,loadgen=1-3 (no wineserver on Windows); none: not pinned",
    )
    add(
        "--server-host",
        type=_server_host,
        metavar="HOST[:PORT]",
        help="the servers run there, where 'iomodels serve' was started; the load generator here",
    )
    add(
        "--server-token",
        metavar="TOKEN",
        help="what 'iomodels serve' printed (default: IOMODELS_SERVER_TOKEN)",
    )
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="the folder that gets the run's folder (default: results)",
    )
    add("--dry-run", action="store_true", help="print the plan and measure nothing")
    add(
        "--resume",
        metavar="RUN",
        help="go on with a run, by its own plan: a name, a folder, or: latest",
    )
    add(
        "--retry-failed",
        action="store_true",
        help="with --resume: failed and invalid measurements once more",
    )
    add("--no-report", action="store_true", help="only the records and the table")
    add(
        "--json",
        action="store_true",
        help="the result as one JSON object on stdout, everything for people on stderr",
    )


def _add_serve_options(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--host",
        type=_address,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="this machine's address on the network between the two (default: %(default)s)",
    )
    add(
        "--port",
        type=_whole(1024, 65535 - PORTS, ""),
        default=DEFAULT_PORT,
        metavar="N",
        help=f"to listen on; the servers get the {PORTS} after it (default: %(default)s)",
    )
    add(
        "--affinity",
        type=_affinity,
        metavar="ROLE=CPUS",
        help="which CPUs run what: server=0,wineserver=0; none: not pinned",
    )


def _add_slo_options(parser: Parser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", nargs="?", help="one of: iomodels models")
    add(
        "--slo",
        type=_promise,
        metavar="pQ=TIME",
        help="the promise: a percentile of the response times, as p99=5ms",
    )
    add(
        "--connections",
        type=_number("connections"),
        default=64,
        metavar="N",
        help="they share the rate (default: %(default)s)",
    )
    add(
        "--size",
        type=_number("sizes"),
        default=64,
        metavar="N",
        help="payload bytes of a request and its reply (default: %(default)s)",
    )
    add(
        "--depth",
        type=_number("depth"),
        default=1,
        metavar="N",
        help="requests outstanding on a connection at most (default: %(default)s)",
    )
    add("--options", type=_settings, default=(), metavar="NAME=N,…", help="options of the server")
    add(
        "--load",
        type=Path,
        metavar="FILE",
        help="a TOML file with a [load] section: arrivals, work, …",
    )
    add(
        "--rate-from",
        type=_rate,
        metavar="N",
        help="the lowest rate tried (default: what the percentile needs)",
    )
    add(
        "--rate-to",
        type=_rate,
        metavar="N",
        help="the highest (default: 80 %% of what the load generator itself reaches)",
    )
    add(
        "--step-percent",
        type=_step,
        default=1.05,
        metavar="P",
        help="how exact the answer is (default: 5)",
    )
    add(
        "--duration-ms",
        type=_number("duration_ms"),
        default=3000,
        metavar="N",
        help="window of a trial (default: %(default)s)",
    )
    add(
        "--warmup-ms",
        type=_number("warmup_ms"),
        default=500,
        metavar="N",
        help="load before it (default: %(default)s)",
    )
    add(
        "--loadgen-threads",
        type=_number("loadgen_threads"),
        default=1,
        metavar="N",
        help="of the load generator (default: %(default)s)",
    )
    add(
        "--seed",
        type=_number("seed"),
        default=1,
        metavar="N",
        help="of payloads and arrivals (default: %(default)s)",
    )
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="the folder that gets the search's folder (default: results)",
    )
    add(
        "--resume",
        metavar="RUN",
        help="go on with a search, as it was asked for: a name, a folder, or: latest",
    )


def _add_micro_options(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "--filter",
        metavar="REGEX",
        help="only benchmarks whose name it matches, e.g. completion_port",
    )
    add("--quick", action="store_true", help="3 short repetitions: the shape, not the figures")
    add(
        "--repetitions",
        type=_number("repeats"),
        metavar="N",
        help="how often each is measured (default 10; comparing takes 9)",
    )
    add(
        "--native",
        action="store_true",
        help="the portable ones as a program of this system instead of the Windows program",
    )
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="the folder that gets the run's folder (default: results)",
    )


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


def _add_tune_options(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "model", metavar="MODEL", nargs="?", type=_one_of(TUNED), help=f"one of: {', '.join(TUNED)}"
    )
    add(
        "--connections",
        type=_numbers("connections"),
        metavar="N,N",
        help="loads: numbers of clients (default: 64)",
    )
    add(
        "--cpu-us",
        type=_several(0, 250_000, "µs"),
        metavar="N,N",
        help="loads: CPU time of the handler (default: 100)",
    )
    add(
        "--block-percent",
        type=_several(0, 99, "percent"),
        metavar="N,N",
        help="loads: share of its time that it blocks (default: 0,50)",
    )
    add(
        "--objective",
        type=_one_of(OBJECTIVES),
        metavar="WHAT",
        help=f"what is to be best: {', '.join(OBJECTIVES)} (default: throughput)",
    )
    add(
        "--slo",
        type=_promise_of_p99,
        metavar="p99=TIME",
        help="only settings that keep this promise",
    )
    add(
        "--threads-max",
        type=_whole(1, 4096, "threads"),
        metavar="N",
        help="the most workers tried (default: 16)",
    )
    add(
        "--size",
        type=_number("sizes"),
        metavar="N",
        help="payload bytes of a request and its reply (default: 64)",
    )
    add(
        "--repeats",
        type=_number("repeats"),
        metavar="N",
        help="of settings that are tied with the best (default: 5)",
    )
    add(
        "--duration-ms",
        type=_number("duration_ms"),
        metavar="N",
        help="length of a measuring window (default: 1000)",
    )
    add("--warmup-ms", type=_number("warmup_ms"), metavar="N", help="load before it (default: 300)")
    add("--seed", type=_number("seed"), metavar="N", help="decides the order (default: 1)")
    add(
        "--quick",
        action="store_true",
        help="the shape of the answer: at most 8 workers, 3 repeats, 400 ms each",
    )
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="the folder that gets the tuning's folder (default: results)",
    )
    add(
        "--resume",
        metavar="RUN",
        help="go on with a tuning, by its own plan: a name, a folder, or: latest",
    )
