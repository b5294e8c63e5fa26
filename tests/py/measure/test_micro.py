"""Micro runs: what is counted, compared, fitted and drawn, on made-up figures; and the whole way with a made-up program."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from matplotlib.text import Text
from rich.console import Console

from iomodels.base.errors import Failure
from iomodels.base.words import WINE
from iomodels.cli import finishing
from iomodels.data.micro import MicroRun, load_micro_run, short_name
from iomodels.figures import output
from iomodels.figures.micro import cost_ladder, primitive_costs, readiness_by_sockets
from iomodels.figures.micro.shared import NothingToDraw
from iomodels.judge import stats
from iomodels.launch.process import Program
from iomodels.measure import micro
from iomodels.measure.session import Setting
from iomodels.report import micro as report
from made_micro import RUN, TIMES, google_json, make_run


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert [one.name for one in run.benchmarks] == list(TIMES)
    event, clock = run.benchmarks[0], run.benchmarks[1]
    assert event.times_ns == pytest.approx([1500 * (1 + 0.01 * r) for r in range(10)])
    assert (clock.context_switches, clock.wineserver_cpu_ns, clock.reason) == (0.0, 1.5, None)
    assert event.context_switches is None and event.reason == "not counted in this run"
    last = run.benchmarks[-1]
    assert (last.series, last.parameter) == ("readiness/select/last", 4096)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("a/b/sockets:4/real_time", "a/b/sockets:4"),
        ("accept/accept/iterations:256/real_time", "accept/accept"),
        ("pool/work/manual_time", "pool/work"),
    ],
)
def test_what_the_library_appends_to_a_name_goes(name: str, short: str) -> None:
    assert short_name(name) == short


def test_another_platform_in_the_figures_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run.path / "benchmark.json").write_text(
        json.dumps(google_json(TIMES, platform="windows-11-26100"))
    )
    with pytest.raises(Failure, match="must not be mixed"):
        load_micro_run(run.path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"context": {"platform": "wine-8.0"}, "benchmarks": [{"run_type": "iteration"}]}',
    ],
)
def test_a_damaged_file_is_one_line(text: str, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run.path / "benchmark.json").write_text(text)
    with pytest.raises(Failure) as caught:
        load_micro_run(run.path)
    assert "\n" not in str(caught.value) and "benchmark.json" in str(caught.value)


def counted(
    readings: Sequence[tuple[str, int, int]], iterations: int = 10, counters: bool = True
) -> dict[str, Any]:
    """What _Counting makes of readings (event, context switches, wineserver ns) behind a calibration of 2 switches and 300 ns each."""
    counting = micro._Counting()
    for begin in (0, 10, 20):
        counting.read("begin", micro.Reading(begin, begin))
        counting.read("end", micro.Reading(begin + 2, begin + 300))
    counting.restart({"event": "calibrated"})
    counting.restart({"event": "run", "counters": counters})
    for event, switches, cpu in readings:
        counting.read(event, micro.Reading(switches, cpu))
    counting.finish("it", iterations)
    return counting.results["it"]


def test_counters_are_per_operation_without_what_reading_costs() -> None:
    result = counted(
        [("begin", 100, 1000), ("end", 122, 6300), ("begin", 200, 7000), ("end", 222, 12300)]
    )
    assert result == {
        "iterations": 10,
        "context_switches": 4.0,
        "wineserver_cpu_ns": 1000.0,
        "reason": None,
    }


def test_counters_never_go_below_nothing() -> None:
    assert counted([("begin", 100, 1000), ("end", 101, 1100)])["context_switches"] == 0.0


def test_threads_that_end_leave_no_context_switches() -> None:
    result = counted([("begin", 100, 1000), ("end", 122, 6300)], counters=False)
    assert (
        result["context_switches"] is None
        and "threads that end" in result["reason"]
        and result["wineserver_cpu_ns"] == 500.0
    )


def output_of(before: MicroRun, after: MicroRun) -> str:
    stream = io.StringIO()
    report.compare_micro(before.path, after.path, Console(file=stream, width=160))
    return stream.getvalue()


def test_a_difference_is_shown_and_none_is_not(tmp_path: Path) -> None:
    one, same = make_run(tmp_path / "1"), make_run(tmp_path / "2")
    slower = make_run(tmp_path / "3", {**TIMES, "clock/read": 50.0})
    assert all(
        each.difference.finding is stats.Finding.NOT_SHOWN for each in report.differences(one, same)
    )
    (shown,) = [
        each
        for each in report.differences(one, slower)
        if each.difference.finding is stats.Finding.SHOWN
    ]
    assert (
        shown.name == "clock/read"
        and shown.difference.ratio
        and shown.difference.ratio.value == pytest.approx(2.0)
    )
    assert "1 of 7 show a difference" in output_of(one, slower)


def test_too_few_repetitions_claim_nothing(tmp_path: Path) -> None:
    one, two = (
        make_run(tmp_path / "1", repetitions=3),
        make_run(tmp_path / "2", {name: 9 * time for name, time in TIMES.items()}, 3),
    )
    assert {each.difference.finding for each in report.differences(one, two)} == {
        stats.Finding.TOO_FEW
    }
    assert "3 repetitions are too few to show a difference" in output_of(one, two)


def test_runs_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    one, linux = make_run(tmp_path / "1"), make_run(tmp_path / "2", platform="linux-6.1")
    other = make_run(tmp_path / "3", {"apc/queue_then_sleep": 1.0})
    with pytest.raises(Failure, match="the platforms differ"):
        report.compare_micro(one.path, linux.path, Console(quiet=True))
    with pytest.raises(Failure, match="share no benchmark"):
        report.compare_micro(one.path, other.path, Console(quiet=True))


def test_the_slope_is_the_lines_and_only_a_line_has_one() -> None:
    n = (1, 4, 16, 64, 256, 1024, 4096)
    line = readiness_by_sockets.fit(n, [3000 + 12.5 * each for each in n])
    assert line and line.slope == pytest.approx(12.5) and "12.5 ns per socket" in line.words
    square = readiness_by_sockets.fit(n, [3000 + 0.5 * each**2 for each in n])
    assert square and square.slope is None and "n^2.0" in square.words
    flat = readiness_by_sockets.fit(n, [3000 + 0.001 * each for each in n])
    assert flat and flat.slope is None
    assert readiness_by_sockets.fit((1, 2), (1.0, 2.0)) is None


@pytest.mark.parametrize(
    "draw", [primitive_costs.draw, readiness_by_sockets.draw, cost_ladder.draw]
)
def test_figures_carry_their_conditions_and_are_the_same_twice(draw: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    one, two = draw(run), draw(run)
    assert output.svg_text(one) == output.svg_text(two) and output.csv_text(one) == output.csv_text(
        two
    )
    shown = "\n".join(text.get_text() for text in one.figure.findobj(Text))
    for words in ("wine-8.0", "n = 10 repetitions", RUN, WINE):
        assert words in shown
    assert one.command == f"iomodels plot {one.name} {RUN}" and str(
        tmp_path
    ) not in output.svg_text(one)
    native = "\n".join(
        text.get_text()
        for text in draw(make_run(tmp_path / "n", platform="linux-6.1")).figure.findobj(Text)
    )
    assert WINE not in native


def test_a_figure_whose_benchmarks_were_filtered_out_is_left_out(tmp_path: Path) -> None:
    run = make_run(
        tmp_path, {"apc/queue_then_sleep": 1000.0, "completion_port/get_ex/batch:1": 500.0}
    )
    with pytest.raises(NothingToDraw):
        readiness_by_sockets.draw(run)
    page = report.write_micro_report(run).read_text(encoding="utf-8")
    assert re.findall(r'href="figures/(\w+)\.svg"', page) == ["primitive_costs", "cost_ladder"]
    assert (run.path / "figures" / "primitive_costs.csv").read_text().count("\n") == 3


PROGRAM = """
import json, sys
def say(**line): print(json.dumps(dict(format=1, **line)), flush=True)
name, options = "clock/read/real_time", dict(o.lstrip("-").split("=", 1) for o in sys.argv[2:] if "=" in o)
fails = sys.argv[1]
if "benchmark_list_tests" in options:
    if options.get("benchmark_filter") != "nothing": say(event="names", names=[name])
    say(event="finished", benchmarks=1, failures=0); sys.exit(0)
if "--sampled" in sys.argv:
    for end in ["calibrated", "run"]:
        for event in ["begin", "end"] if end == "calibrated" else []:
            say(event=event, iterations=0, counters=True); sys.stdin.readline()
        say(event=end, iterations=5, counters=True)
    for event in ["begin", "end"]:
        say(event=event, iterations=5, counters=True); sys.stdin.readline()
    say(event="benchmark", name=name, iterations=5, failure="no clock" if fails == "first" else None)
else:
    run = dict(name=name, run_name=name, run_type="iteration", family_index=0, per_family_instance_index=0, repetitions=2, threads=1,
               iterations=5, real_time=25.0, cpu_time=25.0, time_unit="ns")
    if fails == "then": run.update(error_occurred=True, error_message="the clock went back")
    runs = [dict(run, repetition_index=i) for i in range(int(options["benchmark_repetitions"]))]
    with open(options["benchmark_out"].removeprefix("Z:"), "w") as out:
        json.dump(dict(context=dict(platform="wine-8.0", host_name="secret", executable="/secret/x"), benchmarks=runs), out)
    for _ in runs: say(event="run", iterations=5, counters=True)
say(event="finished", benchmarks=1, failures=0)
"""


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """run_micro with PROGRAM for the benchmarks; returns (exit code or refusal, what was printed, the folders it left)."""

    def run(fails: str = "never", **options: Any) -> tuple[int | Failure, str, list[Path]]:
        @contextmanager
        def starter(*_: object) -> Iterator[micro.Start]:
            yield lambda arguments: Program(
                [sys.executable, "-c", PROGRAM, fails, *arguments], name="microbench"
            )

        monkeypatch.setattr(micro, "_starter", starter)
        stream = io.StringIO()
        outcome: int | Failure
        try:
            console = Console(file=stream, width=200)
            asked = micro.Options(**options)
            setting = Setting(tmp_path, console, ("iomodels", "micro"), "", tmp_path)
            folder = micro.run_micro(setting, asked, tmp_path / "out")
            outcome = finishing.micro(console, folder)
        except Failure as refusal:
            outcome = refusal
        return outcome, stream.getvalue(), list((tmp_path / "out").glob("*"))

    return run


def test_a_run_keeps_the_librarys_json_without_the_machines_names(made_up: Any) -> None:
    outcome, printed, (folder,) = made_up(repetitions=2)
    assert outcome == 0 and folder.name in printed and "clock/read" in printed
    run = load_micro_run(folder)
    assert run.benchmarks[0].times_ns == (25.0, 25.0) and run.platform == "wine-8.0"
    assert run.benchmarks[0].context_switches is not None
    assert "secret" not in "".join(path.read_text() for path in folder.glob("*.json"))
    assert (folder / "figures" / "cost_ladder.svg").is_file()


@pytest.mark.parametrize(
    ("fails", "message"),
    [("first", "clock/read: no clock"), ("then", "clock/read: the clock went back")],
)
def test_a_benchmark_that_fails_fails_the_run(made_up: Any, fails: str, message: str) -> None:
    outcome, _, folders = made_up(fails)
    assert isinstance(outcome, Failure) and outcome.lines == (message,) and outcome.exit_code == 1
    assert folders == []


def test_a_filter_that_matches_nothing_names_the_families(made_up: Any) -> None:
    outcome, _, folders = made_up(filter="nothing")
    assert isinstance(outcome, Failure) and outcome.exit_code == 2 and folders == []
    assert "--filter nothing:" in outcome.lines[0] and outcome.lines[0].endswith("families: clock")
