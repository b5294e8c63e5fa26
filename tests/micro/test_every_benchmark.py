"""Every benchmark runs once, with one iteration: for Windows under Wine, and natively if portable.

A benchmark checks outside its timed loop that it did what its name says. Here all must have done
so, and one that cannot do it must be noticed. Time plays no part.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from iomodels.base.files import ROOT
from iomodels.data.micro import short_name
from iomodels.launch.process import Program
from iomodels.machine.preflight import raise_open_files_limit
from iomodels.measure import micro

ONCE = "--benchmark_min_time=1e-9"
STEP_S = 120.0
FAMILIES = {
    "accept",
    "apc",
    "cancel",
    "clock",
    "completion_port",
    "context",
    "event",
    "extension",
    "file_read",
    "histogram",
    "memory",
    "readiness",
    "receive",
    "send",
    "session",
    "switch",
    "thread",
    "thread_pool",
}
PORTABLE = {"clock", "context", "histogram", "memory", "session"}


@pytest.fixture(
    scope="module",
    params=[
        "windows",
        pytest.param(
            "native",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="there it is the same"),
        ),
    ],
)
def start(request: pytest.FixtureRequest) -> Iterator[tuple[bool, micro.Start]]:
    """Whether it is the native program, and what starts it."""
    raise_open_files_limit()
    native = request.param == "native"
    with micro._starter(
        ROOT / "build", micro.Options(native=native), Console(quiet=True)
    ) as starter:
        yield native, starter


def events_until_finished(program: Program) -> Iterator[dict[str, Any]]:
    """Everything the program says; whatever it waits for it gets."""
    while True:
        event = program.expect_any(
            ("run", "begin", "end", "calibrated", "benchmark", "finished"), STEP_S
        )
        yield event
        if event["event"] == "finished":
            return
        if event["event"] in ("begin", "end"):
            program.send("go on")


def test_every_benchmark_does_what_it_says(start: tuple[bool, micro.Start], tmp_path: Path) -> None:
    native, starter = start
    out = tmp_path / "benchmark.json"
    drive = "" if native or sys.platform == "win32" else "Z:"
    with starter(["--events", ONCE, f"--benchmark_out={drive}{out}"]) as program:
        events = list(events_until_finished(program))
        assert program.wait(30.0) == 0, program.stderr_text()
    benchmarks = [event for event in events if event["event"] == "benchmark"]
    assert [event["failure"] for event in benchmarks if event["failure"]] == []
    assert {event["name"].split("/")[0] for event in benchmarks} == (
        PORTABLE if native else FAMILIES
    )
    google = json.loads(out.read_text(encoding="utf-8"))
    assert google["context"]["platform"].startswith("linux-" if native else ("windows-", "wine-"))
    assert len(google["benchmarks"]) == len(benchmarks) == events[-1]["benchmarks"]
    if not native:
        batches = {
            short_name(run["name"]): run for run in google["benchmarks"] if "get_ex" in run["name"]
        }
        assert (
            all(
                1 <= run["completions_per_wait"] <= int(name.rsplit(":", 1)[1])
                for name, run in batches.items()
            )
            and len(batches) == 5
        )


@pytest.mark.skipif(sys.platform == "win32", reason="the limit is a Linux process's")
def test_a_benchmark_that_cannot_do_its_work_fails_the_run(start: tuple[bool, micro.Start]) -> None:
    """256 connections, but too few files for the wineserver: one line and exit code 1."""
    import resource

    with start[1](
        ["--sampled", ONCE, "--benchmark_filter=readiness/select/first/sockets:256|clock"]
    ) as program:
        if program.wineserver_pid is None:
            pytest.skip("no native benchmark needs more than memory")
        events = events_until_finished(program)
        assert next(events)["event"] == "begin"  # it waits for an answer now
        open_files = len(list(Path(f"/proc/{program.wineserver_pid}/fd").iterdir()))
        soft, hard = resource.prlimit(program.wineserver_pid, resource.RLIMIT_NOFILE)
        resource.prlimit(program.wineserver_pid, resource.RLIMIT_NOFILE, (open_files + 200, hard))
        try:
            failures = {
                short_name(event["name"]): event["failure"]
                for event in events
                if event["event"] == "benchmark"
            }
            assert program.wait(30.0) == 1
        finally:
            resource.prlimit(program.wineserver_pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert "256 connections" in failures["readiness/select/first/sockets:256"]
    assert failures["clock/read"] is None


def test_a_sampled_run_stops_at_both_ends_of_each_stretch(start: tuple[bool, micro.Start]) -> None:
    """It continues only after an answer; the end of the harness ends the program."""
    _, starter = start
    with starter(["--sampled", ONCE, "--benchmark_filter=histogram/record"]) as program:
        names = [event["event"] for event in events_until_finished(program)]
        assert program.wait(30.0) == 0
    calibration = names.index("calibrated")
    assert names[:calibration] == ["begin", "end"] * 20
    assert names[calibration + 1 :] == ["run", "begin", "end", "benchmark", "finished"]
    with starter(["--sampled", ONCE]) as program:
        program.expect("begin", STEP_S)
        program.close_stdin()
        assert program.wait(30.0) == 1


def test_a_filter_that_matches_nothing_is_told_from_success(
    start: tuple[bool, micro.Start],
) -> None:
    _, starter = start
    with starter(["--events", "--benchmark_filter=no_such_benchmark"]) as program:
        assert program.expect("finished", STEP_S)["benchmarks"] == 0
        assert program.wait(30.0) == 2
