"""Measure the cost of each primitive: run the Google Benchmark program, count, keep its JSON.

The program runs twice. In the first run, each benchmark runs once. It waits at both ends of every
timed section until this process has read the program's counters (`microbench/bench.h`). The cost of
a reading is measured and subtracted. The second run makes all repetitions in random order without
interruption; only its times are kept.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from iomodels.base.console import say
from iomodels.base.errors import USAGE, Failure
from iomodels.base.interrupts import Interrupts
from iomodels.base.progress import Progress
from iomodels.data.micro import FORMAT, failures_of, short_name, write_micro_run
from iomodels.data.records import utc_now
from iomodels.launch import platform as launch
from iomodels.launch.marks import temporary_folder
from iomodels.launch.process import Program
from iomodels.machine import environment
from iomodels.machine.placement import default_placement, pinned
from iomodels.machine.preflight import raise_open_files_limit
from iomodels.measure.alone import alone
from iomodels.measure.session import Setting, new_folder

START_S = 30.0
STEP_S = 120.0
"""Longest wait for a sign of life: one benchmark, with preparation, on a loaded machine."""
OVERHEAD_S = 0.15  # per benchmark; only for the first estimate of the time left


@dataclass(frozen=True)
class Options:
    filter: str | None = None
    quick: bool = False
    native: bool = False
    repetitions: int | None = None

    @property
    def times(self) -> int:
        return self.repetitions or (3 if self.quick else 10)

    @property
    def min_time_s(self) -> float:
        return 0.02 if self.quick else 0.05


@dataclass(frozen=True)
class Reading:
    """Counters of the program and of its kernel at one moment; None if unavailable."""

    context_switches: int | None
    wineserver_cpu_ns: int | None

    def minus(self, other: Reading) -> Reading:
        return Reading(
            _difference(self.context_switches, other.context_switches),
            _difference(self.wineserver_cpu_ns, other.wineserver_cpu_ns),
        )


def _difference(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left - right


def read_counters(pid: int, wineserver_pid: int | None) -> Reading:
    """Context switches of all present threads, and CPU time of the wineserver.

    The wineserver has one thread, so one file is enough.
    """
    return Reading(
        _context_switches(pid), None if wineserver_pid is None else _cpu_ns(wineserver_pid)
    )


def _context_switches(pid: int) -> int | None:
    if sys.platform == "win32":
        import psutil

        return int(
            psutil.Process(pid).num_ctx_switches().voluntary
        )  # Windows has one number for both kinds
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            text = (task / "status").read_text(encoding="ascii", errors="replace")
        except OSError:  # a thread that is just ending
            continue
        total += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", text)))
    return total


def _cpu_ns(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):  # a kernel without it
        return None


def run_micro(setting: Setting, options: Options, out: Path) -> Path:
    """Measure into a new folder below `out`. Returns the folder."""
    started = utc_now()
    raise_open_files_limit()
    build, console, command = setting.build, setting.console, setting.command
    with (
        alone(setting),
        Interrupts() as interrupts,
        _starter(build, options, console) as start,
        interrupts.allowed(),  # nothing is written before the end: an interruption leaves nothing
    ):
        names = _names(start, options)
        say(
            console,
            f"{len(names)} benchmarks, {options.times} repetitions each, "
            f"at least {options.min_time_s * 1e3:g} ms per repetition",
        )
        setting.confirm(len(names) * (options.times + 1) * (options.min_time_s + OVERHEAD_S))
        counters, runs = _count(start, options, console, len(names))
        google = _measure(start, options, console, runs + (options.times - 1) * len(names))
    failures = failures_of(google)
    if failures:
        raise Failure(*[f"{name}: {message}" for name, message in failures.items()])
    manifest = _manifest(build, command, options, started, google, counters)
    folder = new_folder(out, manifest)
    write_micro_run(folder, manifest, google)
    return folder


Start = Callable[[Sequence[str]], Program]


@contextmanager
def _starter(build: Path, options: Options, console: Console) -> Iterator[Start]:
    """Return how to start the program with some arguments, in the environment of a server."""
    if options.native:
        executable = build.resolve() / "micro-host" / "bin" / "microbench"
        cpus = default_placement().server_cpus
        yield lambda arguments: Program(
            [*pinned(cpus), str(executable), *arguments], name="microbench"
        )
        return
    with launch.open_launcher(build, say=partial(say, console)) as launcher:
        folder = next(
            (
                path
                for path in (
                    build.resolve() / name / "bin" for name in ("micro-msvc", "micro-mingw")
                )
                if (path / "microbench.exe").is_file()
            ),
            build.resolve() / "micro-mingw" / "bin",
        )
        yield lambda arguments: launcher.program(folder / "microbench.exe", *arguments)


def _arguments(options: Options, *more: str) -> list[str]:
    return [
        *more,
        *([f"--benchmark_filter={options.filter}"] if options.filter else []),
        f"--benchmark_min_time={options.min_time_s:g}",
    ]


def _names(start: Start, options: Options) -> list[str]:
    """Return the names that match the filter. Raises Failure if there is none."""
    with start(_arguments(options, "--events", "--benchmark_list_tests=true")) as program:
        event = program.expect_any(("names", "finished"), START_S)
    if event["event"] == "finished":
        raise Failure(
            f"--filter {options.filter}: must be a regular expression that matches a benchmark; "
            f"families: {_hint(start)}",
            exit_code=USAGE,
        )
    return [short_name(str(name)) for name in event["names"]]


def _hint(start: Start) -> str:
    with start(["--events", "--benchmark_list_tests=true"]) as program:
        return ", ".join(
            dict.fromkeys(
                str(name).split("/")[0] for name in program.expect("names", START_S)["names"]
            )
        )


def _count(
    start: Start, options: Options, console: Console, total: int
) -> tuple[dict[str, dict[str, Any]], int]:
    """Return counters per operation by benchmark, and how often each benchmark function ran.

    The library repeats a function until the run is long enough.
    """
    counting = _Counting()
    with (
        start(_arguments(options, "--sampled")) as program,
        Progress(console, total, options.min_time_s + OVERHEAD_S) as progress,
    ):
        progress.begin("counting")
        while (
            event := program.expect_any(
                ("run", "begin", "end", "calibrated", "benchmark", "finished"), STEP_S
            )
        )["event"] != "finished":
            if event["event"] in ("begin", "end"):
                counting.read(event["event"], read_counters(program.pid, program.wineserver_pid))
                program.send("go on")
            elif event["event"] == "benchmark":
                if event["failure"] is not None:
                    raise Failure(f"{short_name(event['name'])}: {event['failure']}")
                counting.finish(short_name(event["name"]), int(event["iterations"]))
                progress.end()
                progress.begin(f"counting: {short_name(event['name'])}")
            else:
                counting.restart(event)
        program.wait(START_S)
    return counting.results, counting.runs


class _Counting:
    """Adds up the counters over the timed sections of a benchmark's last run."""

    def __init__(self) -> None:
        self.results: dict[str, dict[str, Any]] = {}
        self.runs = 0
        self._begin: Reading | None = None
        self._stretches: list[Reading] = []
        self._cost = Reading(0, 0)
        self._threads_stay = True

    def read(self, event: str, reading: Reading) -> None:
        if event == "begin":
            self._begin = reading
        elif self._begin:
            self._stretches.append(reading.minus(self._begin))

    def restart(self, event: Mapping[str, Any]) -> None:
        """Start a benchmark. After calibration the sections so far were empty: they cost one
        reading."""
        if event["event"] == "calibrated":
            self._cost = Reading(
                *(
                    _median([getattr(one, name) for one in self._stretches])
                    for name in ("context_switches", "wineserver_cpu_ns")
                )
            )
        else:
            self.runs += 1
            self._threads_stay = bool(event["counters"])
        self._stretches = []

    def finish(self, name: str, iterations: int) -> None:
        self.results[name] = {
            "iterations": iterations,
            "context_switches": self._per_operation("context_switches", iterations)
            if self._threads_stay
            else None,
            "wineserver_cpu_ns": self._per_operation("wineserver_cpu_ns", iterations),
        }
        missing = {
            "context_switches": "threads that end lose their counters"
            if not self._threads_stay
            else "the platform does not report it",
            "wineserver_cpu_ns": "there is no wineserver",
        }
        reasons = [
            f"{key}: {why}" for key, why in missing.items() if self.results[name][key] is None
        ]
        self.results[name]["reason"] = "; ".join(reasons) or None

    def _per_operation(self, counter: str, iterations: int) -> float | None:
        """Subtract the cost of the readings; never below 0, since a reading may cost less this
        time."""
        values = [getattr(stretch, counter) for stretch in self._stretches]
        cost = getattr(self._cost, counter)
        if not values or cost is None or None in values:
            return None
        return float(max(0.0, (sum(values) - cost * len(values)) / iterations))


def _median(values: Sequence[int | None]) -> int | None:
    known = sorted(value for value in values if value is not None)
    return known[len(known) // 2] if known else None


def _measure(start: Start, options: Options, console: Console, runs: int) -> dict[str, Any]:
    """Run all repetitions in random order.

    Returns Google Benchmark's JSON without the names of the machine and of its folders.
    """
    with temporary_folder() as folder:
        out = folder / "benchmark.json"
        windows_under_wine = sys.platform != "win32" and not options.native
        git = environment.git_state()
        arguments = _arguments(
            options,
            "--events",
            f"--benchmark_repetitions={options.times}",
            "--benchmark_enable_random_interleaving=true",
            f"--benchmark_out={'Z:' if windows_under_wine else ''}{out}",
            "--benchmark_out_format=json",
            f"--benchmark_context=commit={git['commit'] or 'unknown'}",
        )
        with (
            start(arguments) as program,
            Progress(console, runs, options.min_time_s + OVERHEAD_S) as progress,
        ):
            done = 0
            while (event := program.expect_any(("run", "benchmark", "finished"), STEP_S))[
                "event"
            ] != "finished":
                if (
                    event["event"] == "run" and done < runs
                ):  # the library's search for a length takes a varying number of runs
                    progress.begin("measuring")
                    progress.end()
                    done += 1
            program.wait(START_S)
        try:
            google: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Failure(f"microbench: left no readable JSON: {error}") from None
    google["context"].update(host_name=None, executable="microbench")
    return google


def _manifest(
    build: Path,
    command: Sequence[str],
    options: Options,
    started: str,
    google: Mapping[str, Any],
    counters: Mapping[str, Any],
) -> dict[str, Any]:
    name = "-".join(["micro", *["native"] * options.native, *["quick"] * options.quick])
    placement = default_placement()
    return {
        "format": FORMAT,
        "run": f"{datetime.now().strftime('%Y%m%d-%H%M%S')}-{name}",
        "platform": google["context"]["platform"],
        "native": options.native,
        "quick": options.quick,
        "filter": options.filter,
        "repetitions": options.times,
        "min_time_s": options.min_time_s,
        "command": list(command),
        "environment": environment.capture(
            build, (), {"cpus": list(placement.server_cpus), "note": placement.note}
        ),
        "versions": environment.versions(),
        "git": environment.git_state(),
        "started_utc": started,
        "finished_utc": utc_now(),
        "counters": dict(counters),
    }
