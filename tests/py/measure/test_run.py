"""Whole runs with fake programs: what is on disk afterwards, whatever happens in between."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from iomodels.base.console import shell_word
from iomodels.base.errors import Failure
from iomodels.base.interrupts import Interrupted
from iomodels.data.records import Record
from iomodels.data.schema import check_against
from iomodels.data.store import load_run
from iomodels.judge.summary import summarise
from iomodels.launch import platform as launch
from iomodels.machine import check as machine_check
from iomodels.machine import environment, preflight
from iomodels.machine.placement import Placement
from iomodels.measure import run
from iomodels.plan.order import make_plan
from iomodels.plan.server import Server
from iomodels.plan.suite import AUTOMATIC, Suite
from iomodels.report.as_data import to_json
from stage import LOADGEN, FakeLauncher, Stage, described


def stop_at(launcher: FakeLauncher, *numbers: int, how: str = "SIGINT") -> None:
    launcher.behaviour = lambda number: ("normal", how if number in numbers else "normal")


def indexes(folder: Path) -> list[int]:
    lines = (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["index"] for line in lines]


def change_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "run.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8"
    )


def test_a_whole_run(stage: Stage, suite: Suite) -> None:
    assert stage.start(suite) == 0
    loaded = load_run(stage.folder)
    assert loaded.warnings == ()
    assert re.fullmatch(r"\d{8}-\d{6}-small", stage.folder.name)
    assert [(record.index, record.repeat, record.condition) for record in loaded.records] == [
        (item.index, item.repeat, item.condition) for item in make_plan(suite)
    ]
    assert all(record.ok for record in loaded.records)
    assert stage.reported == [stage.folder]
    assert "table of 8" in stage.text and "in the order of seed 5" in stage.text


def test_the_manifest_says_what_was_done(stage: Stage, suite: Suite) -> None:
    stage.start(suite, quick=True)
    manifest = load_run(stage.folder).manifest
    assert manifest["run"] == stage.folder.name and manifest["run"].endswith("-small-quick")
    assert (manifest["status"], manifest["planned"], manifest["seed"], manifest["rounds"]) == (
        "complete",
        8,
        5,
        2,
    )
    assert (manifest["platform"], manifest["quick"]) == ("fake-1.0", True)
    assert manifest["suite"] == suite.to_json()
    assert manifest["finished_utc"] >= manifest["started_utc"]
    assert manifest["command"] == ["iomodels", "run", "small"]
    assert manifest["versions"]["numpy"]


@pytest.mark.parametrize(
    ("placement", "given", "threads"),
    [
        (None, AUTOMATIC, [1, 1]),
        (Placement((0,), (1,)), AUTOMATIC, [1, 1]),
        (Placement((0,), (1, 2, 3)), AUTOMATIC, [1, 3]),  # at 1 and at 8 connections
        (Placement(tuple(range(32)), tuple(range(32, 64))), AUTOMATIC, [1, 8]),
        (Placement((0,), (1, 2, 3)), 2, [1, 2]),
    ],
)
def test_the_load_generator_has_a_thread_per_cpu_of_its_own(
    stage: Stage,
    launcher: FakeLauncher,
    suite: Suite,
    monkeypatch: pytest.MonkeyPatch,
    placement: Placement | None,
    given: int,
    threads: list[int],
) -> None:
    made = asdict(placement) if placement else None
    monkeypatch.setattr(launcher, "environment", lambda: {"placement": made})
    stage.start(replace(suite, loadgen_threads=given, rounds=1))
    loaded = load_run(stage.folder)
    used = {
        record.condition.connections: argv_value(record, "--threads") for record in loaded.records
    }
    assert [used[1], used[8]] == threads
    cpus = len(placement.loadgen_cpus) if placement else 0
    assert loaded.manifest["suite"]["loadgen_threads"] == (given or max(1, min(cpus, 16)))
    assert ("the load generator has" in stage.text) is (cpus > 1 and not given)


def argv_value(record: Record, option: str) -> int:
    assert record.loadgen
    argv = record.loadgen["argv"]
    return int(argv[argv.index(option) + 1])


def test_what_cannot_be_had_is_null_with_a_reason(stage: Stage, suite: Suite) -> None:
    stage.start(suite)
    manifest = load_run(stage.folder).manifest
    facts = manifest["environment"]
    assert {name for name, value in facts.items() if value is None} == set(facts["reasons"])
    assert (
        facts["compilers"] is None
        and facts["reasons"]["compilers"] == "no CMakeCache.txt in the build directory"
    )
    assert set(facts["binaries"]) == {LOADGEN} | {
        f"mingw/bin/{name}.exe" for name in ("one", "two")
    }
    git = manifest["git"]
    assert (git["reason"] is None) == (git["commit"] is not None) == (git["dirty"] is not None)


def test_git_may_be_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.git_state() == {
        "commit": None,
        "dirty": None,
        "reason": "git is not installed",
    }


def test_two_runs_of_one_second_have_two_folders(
    stage: Stage, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = replace(suite, servers=suite.servers[:1], connections=(1,), rounds=1)
    stage.start(short)
    first = stage.folder.name
    made = run.new_folder(stage.out, manifest := {"run": first})
    assert made.name == manifest["run"] == f"{first}-2"


@pytest.mark.parametrize(("how", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_interrupted_and_gone_on_with(
    stage: Stage, launcher: FakeLauncher, suite: Suite, how: str, code: int
) -> None:
    stop_at(launcher, 3, how=how)
    assert stage.start(suite) == code
    folder = stage.folder
    loaded = load_run(folder)
    assert indexes(folder) == [0, 1, 2]
    assert (loaded.manifest["status"], loaded.manifest["finished_utc"]) == ("interrupted", None)
    assert "interrupted; 3 of 8 measurements are kept" in stage.text
    assert f"resume with: iomodels run --resume {folder.name}\n" in stage.text
    assert stage.reported == []

    stop_at(launcher, 3 + 1 + 2, how=how)  # again, two measurements later
    assert stage.resume() == code
    assert indexes(folder) == [0, 1, 2, 3, 4]
    launcher.behaviour = lambda number: ("normal", "normal")
    assert stage.resume() == 0
    loaded = load_run(folder)
    assert Counter(indexes(folder)) == Counter(range(8))
    assert [record.condition for record in loaded.records] == [
        item.condition for item in make_plan(suite)
    ]
    assert loaded.manifest["status"] == "complete" and len(loaded.manifest["resumed_utc"]) == 2
    assert stage.reported == [folder]


def test_a_signal_after_the_last_measurement_names_the_complete_run(
    stage: Stage, launcher: FakeLauncher, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "close", lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(Interrupted) as interrupted:
        stage.start(suite)
    assert interrupted.value.complete == stage.folder
    assert load_run(stage.folder).manifest["status"] == "complete"


def test_a_run_elsewhere_is_named_by_its_path(
    stage: Stage, launcher: FakeLauncher, suite: Suite, tmp_path: Path
) -> None:
    stop_at(launcher, 0)
    stage.start(suite, out=tmp_path / "else where")
    (folder,) = (tmp_path / "else where").iterdir()
    assert f"resume with: iomodels run --resume {shell_word(str(folder))}\n" in stage.text


def test_going_on_after_a_crash_in_mid_write(
    stage: Stage, launcher: FakeLauncher, suite: Suite
) -> None:
    stop_at(launcher, 3)
    stage.start(suite)
    folder = stage.folder
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-30])  # the third line was not written to its end
    change_manifest(folder, status="running")  # as SIGKILL leaves it
    launcher.behaviour = lambda number: ("normal", "normal")
    assert stage.resume() == 0
    assert Counter(indexes(folder)) == Counter(range(8))
    assert load_run(folder).warnings == ()


def test_a_run_killed_after_its_last_measurement_becomes_complete(
    stage: Stage, suite: Suite
) -> None:
    stage.start(suite)
    change_manifest(stage.folder, status="running", finished_utc=None)
    assert stage.resume() == 0
    assert load_run(stage.folder).manifest["status"] == "complete"
    assert sorted(indexes(stage.folder)) == list(range(8))


def test_invalid_measurements_are_tried_again_when_asked(
    stage: Stage, launcher: FakeLauncher, suite: Suite
) -> None:
    launcher.behaviour = lambda number: ("normal", "unchecked" if number == 2 else "normal")
    assert stage.start(suite) == 0
    assert stage.resume(retry_failed=False) == 0 and len(indexes(stage.folder)) == 8
    assert stage.resume(retry_failed=True) == 0
    assert indexes(stage.folder)[8:] == [2]


def test_known_limits_are_not_tried_again(
    stage: Stage, launcher: FakeLauncher, suite: Suite
) -> None:
    launcher.described["one"] = described("one", max_conns=7)
    stage.start(suite)
    assert stage.resume(retry_failed=True) == 0
    assert sorted(indexes(stage.folder)) == list(range(8))


def test_failures_do_not_end_a_run(stage: Stage, launcher: FakeLauncher, suite: Suite) -> None:
    launcher.behaviour = lambda number: (
        "dies before ready" if number == 2 else "normal",
        "errors" if number == 5 else "normal",
    )
    assert stage.start(suite) == 1
    failed = [record.index for record in load_run(stage.folder).records if not record.ok]
    assert failed == [2, 5]
    assert len(indexes(stage.folder)) == 8
    assert "failed: " in stage.text and "load generator: errors: reset 2, mismatch 1" in stage.text
    assert stage.reported == [stage.folder]


def test_failures_are_tried_again_only_when_asked(
    stage: Stage, launcher: FakeLauncher, suite: Suite
) -> None:
    launcher.behaviour = lambda number: ("normal", "errors" if number in (2, 5) else "normal")
    stage.start(suite)
    launcher.behaviour = lambda number: ("normal", "normal")
    started = len(launcher.started)
    assert stage.resume() == 1
    assert len(launcher.started) == started
    assert "nothing is missing; 2 failed: --retry-failed repeats them" in stage.text
    assert stage.resume(retry_failed=True) == 0
    assert len(launcher.started) == started + 2
    assert indexes(stage.folder) == [*range(8), 2, 5]
    loaded = load_run(stage.folder)
    assert all(record.ok for record in loaded.records) and len(loaded.records) == 8


def test_an_unexpected_error_keeps_what_is_measured(
    stage: Stage, launcher: FakeLauncher, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = run.append_record

    def full(folder: Path, record: Any) -> None:
        if record.index == 2:
            raise OSError(28, "No space left on device", str(folder))
        real(folder, record)

    monkeypatch.setattr(run, "append_record", full)
    with pytest.raises(OSError, match="No space left"):
        stage.start(suite)
    assert indexes(stage.folder) == [0, 1]
    assert load_run(stage.folder).manifest["status"] == "interrupted"
    assert "stopped by OSError; 2 of 8 measurements are kept" in stage.text


def test_who_measures_beside_others_is_told_and_so_is_the_reader(
    stage: Stage, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        machine_check, "busy", lambda watch_s: {"others_cpus": 0.75, "stolen_cpus": 0.0}
    )
    assert stage.start(suite) == 0
    note = "0.75 CPUs were busy while nothing was measured, just before the run: they take time from server and load generator"
    assert f"note: {note}" in stage.text
    assert summarise(load_run(stage.folder)).notes == (note,)


def test_a_full_disk_names_the_file_and_loses_nothing(
    stage: Stage, launcher: FakeLauncher, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, room = (
        os.fsync,
        iter(range(4)),
    )  # the manifest and three records; then neither a record nor a manifest has room

    def full(descriptor: int) -> None:
        if next(room, None) is None:
            raise OSError(28, "No space left on device")  # as a write says it: without a name
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError) as caught:
        stage.start(suite)
    assert Path(caught.value.filename).parent == stage.folder
    assert "measurements are kept" in stage.text and "resume with:" in stage.text
    assert not list(stage.folder.glob(".*.part"))
    monkeypatch.setattr(os, "fsync", sync)
    assert stage.resume() == 0 and indexes(stage.folder) == list(range(8))


def test_known_limits_are_said_and_recorded(
    stage: Stage, launcher: FakeLauncher, suite: Suite
) -> None:
    launcher.described["one"] = described("one", max_conns=7)
    assert stage.start(suite) == 0
    assert (
        "not measured, recorded as failed: limit: one takes at most 7 connections: one, 8 connections, 64 B"
        in stage.text
    )
    reasons = {
        str(record.condition): record.reason
        for record in load_run(stage.folder).records
        if not record.ok
    }
    assert reasons == {"one, 8 connections, 64 B": "limit: one takes at most 7 connections"}


def refused(stage: Stage, suite: Suite) -> tuple[str, int]:
    with pytest.raises(Failure) as caught:
        stage.start(suite)
    assert not stage.out.exists() and stage.launcher.programs == []
    return "\n".join(caught.value.lines), caught.value.exit_code


def test_nothing_to_measure(stage: Stage, launcher: FakeLauncher, suite: Suite) -> None:
    launcher.described = {model: described(model, supported=False) for model in ("one", "two")}
    text, code = refused(stage, suite)
    assert (
        "cannot measure anything: limit: one is not on this platform (fake-1.0); it needs Windows 8"
        in text
        and code == 77
    )


def test_unknown_model(stage: Stage, suite: Suite) -> None:
    text, code = refused(stage, replace(suite, servers=(Server("ones"),)))
    assert "model ones: no such server was built; did you mean one?" in text and code == 2


def test_file_limit_is_asked_before(
    stage: Stage, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (50, 107))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: None)
    text, code = refused(stage, suite)
    assert text.startswith(
        "8 connections need 108 open files per process; the limit (ulimit -Hn) is 107. Raise it"
    )
    assert code == 1
    assert preflight.preflight(8, "wine-8.0")[0].startswith("8 connections need 208 open files")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (50, 108))
    assert preflight.preflight(8, "fake-1.0") == []


def test_port_range_is_asked_before(
    stage: Stage, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "local_port_range", lambda: (1000, 1206))
    text, _ = refused(stage, suite)
    assert text.startswith(
        "8 connections need 208 local ports; the range 1000 … 1206 has 207. Widen it"
    )
    monkeypatch.setattr(preflight, "local_port_range", lambda: (1000, 1207))
    assert preflight.preflight(8, "fake-1.0") == []


def test_dry_run_measures_and_writes_nothing(
    stage: Stage, launcher: FakeLauncher, suite: Suite
) -> None:
    assert stage.start(suite, dry_run=True) == 0
    assert launcher.programs == [] and not stage.out.exists()
    shown = re.findall(r"^ *\d+  round (\d)  (.*)$", stage.text, re.MULTILINE)
    assert shown == [(str(item.repeat + 1), str(item.condition)) for item in make_plan(suite)]


class TestGoingOnIsRefused:
    @pytest.fixture(autouse=True)
    def interrupted(self, stage: Stage, launcher: FakeLauncher, suite: Suite) -> None:
        stop_at(launcher, 3)
        stage.start(suite)
        self.stage, self.launcher = stage, launcher
        launcher.behaviour = lambda number: ("normal", "normal")
        self.before = (
            (stage.folder / "run.json").read_bytes(),
            (stage.folder / "records.jsonl").read_bytes(),
        )

    def reason(self) -> str:
        with pytest.raises(Failure) as caught:
            self.stage.resume()
        folder = self.stage.folder
        assert self.before == (
            (folder / "run.json").read_bytes(),
            (folder / "records.jsonl").read_bytes(),
        )
        return "\n".join(caught.value.lines)

    def test_on_another_platform(self) -> None:
        self.launcher.platform = "fake-2.0"
        assert self.reason().endswith("it ran on fake-1.0; this is fake-2.0")

    def test_with_another_build(self) -> None:
        (self.stage.build / "mingw/bin/two.exe").write_text("changed", encoding="utf-8")
        assert self.reason().endswith(
            "mingw/bin/two.exe changed since the run started; rebuild the run's commit"
        )

    def test_with_a_missing_program(self) -> None:
        (self.stage.build / LOADGEN).unlink()
        assert self.reason().endswith(
            f"{LOADGEN} is missing from the build; rebuild the run's commit"
        )

    def test_with_another_plan(self) -> None:
        folder = self.stage.folder
        manifest = load_run(folder).manifest
        change_manifest(folder, suite={**manifest["suite"], "seed": 6})
        self.before = (folder / "run.json").read_bytes(), self.before[1]
        assert re.search(r"record \d is .*, the plan has ", self.reason())


def test_report_can_be_left_out(stage: Stage, suite: Suite) -> None:
    stage.without_report()
    assert stage.start(suite) == 0
    assert stage.reported == [] and "table of 8" in stage.text


def test_for_programs_a_run_prints_one_object_and_nothing_else(
    stage: Stage, suite: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.as_json = True
    assert stage.start(suite) == 0
    data = json.loads(capsys.readouterr().out)
    check_against("report", data, "stdout")
    assert data == json.loads(json.dumps(to_json(summarise(load_run(stage.folder)))))
    assert len(data["cells"]) == 4 and "table of 8" in stage.text


def test_progress_says_what_is_left(stage: Stage, suite: Suite) -> None:
    stage.start(suite)
    assert re.search(r"^\[0/8\] \d+ s left; round 1: (one|two)", stage.text, re.MULTILINE)
    assert re.search(r"^\[8/8\] measured in \d+ s$", stage.text, re.MULTILINE)


def test_a_terminal_shows_the_ranking_so_far(stage: Stage, suite: Suite) -> None:
    output = io.StringIO()
    console = Console(file=output, width=100, height=30, force_terminal=True)
    stage.setting = replace(stage.setting, console=console)
    stage.start(suite)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.getvalue())
    shown = re.findall(r"(\d) of (\d) rounds at (.*?), provisional; requests/s:", text)
    assert {(done, of) for done, of, _ in shown} == {("1", "2"), ("2", "2")}
    assert {where for _, _, where in shown} == {"1 connection × 64 B", "8 connections × 64 B"}
    after = text[text.index("provisional") :]
    assert re.search(r"  (one|two).*? +[\d,.]+ +█+", after)


def test_a_run_goes_on_where_it_was_begun(
    stage: Stage, suite: Suite, launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repeats of two placements would differ by the placement."""
    placements: list[Placement | None] = []

    def opened(build: Path, placement: Placement | None = None, say: object = None) -> FakeLauncher:
        placements.append(placement)
        return launcher

    monkeypatch.setattr(launch, "open_launcher", opened)
    wanted = Placement((min(os.sched_getaffinity(0)),), (), "as asked")
    monkeypatch.setattr(launcher, "environment", lambda: {"placement": asdict(wanted)})
    stage.setting = replace(stage.setting, placement=wanted)
    assert stage.start(suite) == 0
    records = stage.folder / "records.jsonl"
    for _ in range(2):
        records.write_bytes(b"".join(records.read_bytes().splitlines(keepends=True)[:-1]))
        stage.setting = replace(stage.setting, placement=None)
        assert stage.resume() == 0
    began, *went_on = placements
    assert began == wanted and went_on == [replace(wanted, wineserver_cpus=wanted.server_cpus)] * 2
    records.write_bytes(b"")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {4711})
    with pytest.raises(
        Failure, match=f"cannot resume .*: CPU {wanted.server_cpus[0]} is no longer available"
    ):
        stage.resume()
