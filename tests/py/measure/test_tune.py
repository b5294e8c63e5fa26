"""A whole tuning with fake programs: plan, race, failures, stopping and resuming."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from iomodels.base.errors import Failure, Stopped
from iomodels.cli import finishing
from iomodels.cli import main as cli
from iomodels.data.laws import Laws
from iomodels.data.records import Record
from iomodels.data.searches import load_tune, search_records
from iomodels.measure import tune
from iomodels.measure.session import Setting
from iomodels.measure.tune import Asked
from iomodels.plan.load import Load
from iomodels.plan.suite import Suite
from made_run import make_record
from stage import SHORT, FakeLauncher, Stage, described

SUITE = Suite(
    name="tune",
    title="Tuning",
    question="?",
    servers=(),
    connections=(64,),
    sizes=(64,),
    depth=1,
    rounds=1,
    warmup_ms=0,
    duration_ms=1,
    seed=1,
    loadgen_threads=1,
)
ASKED = Asked((), SUITE, "throughput", minutes=1, threads_max=2, options={})


class FixedPace(tune.Pace):
    """Every trial takes 4 s, so that the clock decides nothing: a minute has 15 trials."""

    TRIAL_S = 4.0

    def __init__(self, manifest: Mapping[str, Any], each_s: float) -> None:
        super().__init__(manifest, each_s)
        self._spent_s = float(manifest["measured_s"])

    def count(self) -> None:
        self._spent_s += self.TRIAL_S

    @property
    def spent_s(self) -> float:
        return self._spent_s

    @property
    def each_s(self) -> float:
        return self.TRIAL_S


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "Pace", FixedPace)


def setting_of(stage: Stage) -> tuple[Setting, io.StringIO]:
    output = io.StringIO()
    console = Console(file=output, width=300)
    return Setting(
        stage.build,
        console,
        ("iomodels", "tune"),
        "iomodels tune --resume",
        stage.out,
        deadlines=SHORT,
    ), output


def rated(monkeypatch: pytest.MonkeyPatch, rates: Mapping[str, float | None]) -> list[Record]:
    """Measure without programs: each setting has its rate; None: it fails. Returns the records."""
    made: list[Record] = []

    def measure(launcher: Any, suite: Suite, run: str, item: Any, **others: Any) -> Record:
        rate = rates[item.condition.label]
        wave = 1 + 0.002 * (item.repeat % 3)
        record = make_record(item, "fake-1.0", None if rate is None else rate * wave)
        made.append(record)
        return record

    monkeypatch.setattr(tune, "measure", measure)
    return made


def data_of(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "tuning.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_a_whole_tuning(
    stage: Stage, launcher: FakeLauncher, capsys: pytest.CaptureFixture[str]
) -> None:
    setting, output = setting_of(stage)
    setting = replace(setting, verbose=True)
    folder = tune.start_tune(setting, ASKED, out=stage.out)
    assert finishing.tune(setting.console, folder, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == data_of(folder)
    assert output.getvalue().count("\nmeasured: ") == 40
    manifest, records = load_tune(stage.folder), search_records(stage.folder)
    assert manifest["status"] == "complete" and all(record.ok for record in records)
    labels = {record.condition.label for record in records}
    assert labels == {"one threads=1", "one threads=2", "two threads=1", "two threads=2"}
    assert [(len(stage["settings"]), stage["rounds"], stage["closing"])
            for stage in manifest["stages"]] == [
        (4, 1, False), (4, 2, False), (2, 14, True)]  # fmt: skip
    assert len(records) == 4 + 8 + 28
    assert {record.index for record in records} == set(range(40))
    answer = data_of(stage.folder)["answer"]  # every fake server is as good: the simplest wins
    assert (answer["workers"], answer["shown"], answer["loses_at_most"]) == (1, True, 0.0)
    text = output.getvalue()
    assert "tuning one and two on fake-1.0 for throughput: 64 connections, 64 B" in text
    assert "4 of 4 settings in the race, 2 rounds" in text and "closing: 14 rounds of" in text
    assert "report: " in text and (stage.folder / "tune.html").exists()


def test_the_race_drops_the_slow_and_finds_the_best(
    stage: Stage, launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher.described["two"] = described("two", options=[])
    rates = {f"one threads={2**k}": 1000.0 * (k + 1) for k in range(7)} | {"two": 5000.0}
    rated(monkeypatch, rates)
    setting, output = setting_of(stage)
    folder = tune.start_tune(setting, replace(ASKED, minutes=3, threads_max=64), out=stage.out)
    assert finishing.tune(setting.console, folder) == 0
    data = data_of(folder)
    assert data["answer"]["label"] == "one threads=64" and data["half"]["workers"] == 32
    assert data["next_model"]["model"] == "two"
    assert data["stages"] == [8, 4]
    assert (
        "4 of 8 settings in the race, 5 rounds: one (threads 16, 32, 64); two" in output.getvalue()
    )


@pytest.mark.parametrize("at", [0, 5, 10])
def test_interrupted_and_resumed_to_the_same_end(
    stage: Stage, launcher: FakeLauncher, tmp_path: Path, at: int
) -> None:
    setting, output = setting_of(stage)
    asked = replace(ASKED, models=("one",))
    launcher.behaviour = lambda number: ("normal", "SIGINT" if number == at else "normal")
    with pytest.raises(Stopped) as stopped:
        tune.start_tune(setting, asked, out=stage.out)
    assert stopped.value.exit_code == 130
    assert len(search_records(stage.folder)) == at
    assert load_tune(stage.folder)["status"] == "interrupted"
    assert f"resume with: iomodels tune --resume {stage.folder.name}\n" in output.getvalue()
    with (stage.folder / "records.jsonl").open("a") as file:
        file.write('{"cut sho')
    assert tune.resume_tune(setting, stage.folder, None) == stage.folder
    assert load_tune(stage.folder)["status"] == "complete"
    whole = tmp_path / "whole"
    tune.start_tune(setting, asked, out=whole)
    ends = [
        [(str(record.condition), record.repeat) for record in search_records(folder)]
        for folder in (stage.folder, *whole.iterdir())
    ]
    assert ends[0] == ends[1]


def test_a_damaged_line_costs_that_trial_which_resuming_measures_again(
    stage: Stage, launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    rated(monkeypatch, {"one threads=1": 1000.0, "one threads=2": 1500.0})
    setting, output = setting_of(stage)
    folder = tune.start_tune(setting, replace(ASKED, models=("one",)), out=stage.out)
    path = folder / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0][:-9] + b"\n", *lines[1:]]))
    assert finishing.tune(setting.console, folder) == 0
    assert "note: records.jsonl: line 1: not a JSON object" in output.getvalue()
    tune.resume_tune(setting, folder, None)
    records = search_records(folder)
    assert len(records) == len(lines) == len({record.index for record in records})
    assert (folder / "records.damaged").read_bytes() == lines[0][:-9] + b"\n"
    assert "1 damaged line of records.jsonl moved to records.damaged" in output.getvalue()
    assert load_tune(folder)["status"] == "complete"


def test_a_complete_tuning_races_on_for_more_minutes(
    stage: Stage, launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    rated(monkeypatch, {"one threads=1": 1000.0, "one threads=2": 1500.0})
    setting, output = setting_of(stage)
    folder = tune.start_tune(setting, replace(ASKED, models=("one",)), out=stage.out)
    before = len(search_records(folder))
    tune.resume_tune(setting, folder, None)
    assert len(search_records(folder)) == before
    assert "nothing is missing; --minutes continues the race" in output.getvalue()
    tune.resume_tune(setting, folder, 1)
    stages = load_tune(folder)["stages"]
    assert [stage["closing"] for stage in stages] == [False, False, True, False, True]
    assert stages[3] == {"settings": [0, 1], "rounds": 7, "closing": False}
    assert load_tune(folder)["status"] == "complete"


def test_a_setting_that_fails_leaves_and_the_rest_races_on(
    stage: Stage, launcher: FakeLauncher
) -> None:
    setting, output = setting_of(stage)
    launcher.behaviour = lambda number: (
        "dies before ready" if launcher.started[number].get("threads") == 1 else "normal",
        "normal",
    )
    folder = tune.start_tune(setting, replace(ASKED, models=("one",)), out=stage.out)
    assert finishing.tune(setting.console, folder) == 0
    data = data_of(folder)
    assert data["answer"]["label"] == "one threads=2" and data["absent"] == []
    assert "cannot listen" in data["settings"][0]["failed"]
    assert output.getvalue().count("failed: one threads=1: fake-server: ") == 2
    assert "; it leaves the race" in output.getvalue()


def test_if_every_setting_fails_there_is_no_answer(stage: Stage, launcher: FakeLauncher) -> None:
    setting, output = setting_of(stage)
    launcher.behaviour = lambda number: ("dies before ready", "normal")
    folder = tune.start_tune(setting, ASKED, out=stage.out)
    assert finishing.tune(setting.console, folder) == 1
    assert "No setting has a result, so there is no answer." in output.getvalue()
    assert "Could not run: one (fake-server: " in output.getvalue()
    assert len(search_records(folder)) == 8


# ---- the plan ----


def law(verdict: str) -> Laws:
    entry = {
        "event": "law", "format": 1, "law": "concurrency_cap", "sentence": "",
        "platform": "fake-1.0", "seen": {"n": 1}, "claims": ["B1"], "verdict": verdict,
        "because": None, "figure": "cap 1: 2 concurrent", "also": [],
    }  # fmt: skip
    return Laws({"laws": [entry], "failed": []})


@pytest.mark.parametrize(("verdict", "dropped"), [("does not hold", True), ("holds", False)])
def test_a_cap_that_does_nothing_is_not_varied(verdict: str, dropped: bool) -> None:
    found = tune._dropped(law(verdict), {})
    assert (found != {}) == dropped
    assert not dropped or "cap 1: 2 concurrent" in found["concurrency"]
    assert tune._dropped(law(verdict), {"concurrency": (1,)}) == {}, "the user asks for it"
    assert tune._dropped(None, {}) == {}


def test_a_model_that_cannot_run_the_load_is_named_not_raced(
    stage: Stage, launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher.described["two"] = described("two", max_conns=63, limit="63 clients")
    rated(monkeypatch, {"one threads=1": 1000.0, "one threads=2": 1020.0})
    setting, output = setting_of(stage)
    folder = tune.start_tune(setting, ASKED, out=stage.out)
    absent = [{"model": "two", "reason": "two takes at most 63 connections (63 clients)"}]
    assert load_tune(folder)["absent"] == absent
    assert "not in the race: two: two takes at most 63 connections" in output.getvalue()
    with pytest.raises(Failure, match="cannot measure anything: two takes at most 63") as failed:
        tune.start_tune(setting, replace(ASKED, models=("two",)), out=stage.out)
    assert failed.value.exit_code == 2


def test_a_budget_that_is_too_small_names_one_that_would_do(
    stage: Stage, launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    rated(monkeypatch, {f"one threads={2**k}": 1000.0 for k in range(7)})
    setting, output = setting_of(stage)
    asked = replace(ASKED, models=("one",), threads_max=64)
    tune.start_tune(setting, asked, out=stage.out)
    assert (
        "note: about 15 trials of 4.0 s fit into 1 min; 7 settings need 28 for a good answer; "
        "--minutes 2 would do" in output.getvalue()
    )


def test_what_would_surely_fail_is_refused(
    stage: Stage, launcher: FakeLauncher, tmp_path: Path
) -> None:
    setting, _ = setting_of(stage)
    launcher.behaviour = lambda number: ("normal", "SIGINT")
    with pytest.raises(Stopped):
        tune.start_tune(setting, ASKED, out=stage.out)
    (stage.build / "mingw" / "bin" / "one.exe").write_text("another program")
    with pytest.raises(Failure, match=r"one.exe changed since the run started"):
        tune.resume_tune(setting, stage.folder, None)
    with pytest.raises(Failure, match="not a tuning"):
        tune.resume_tune(setting, tmp_path, None)
    with pytest.raises(Failure, match="tune three: no such model was built; available: one, two"):
        tune.start_tune(setting, replace(ASKED, models=("three",)), out=stage.out)
    with pytest.raises(Failure, match="--options speed: no option of one, two; available: "):
        tune.start_tune(setting, replace(ASKED, options={"speed": (1,)}), out=stage.out)
    assert len(list(stage.out.iterdir())) == 1


def test_the_load_generator_checks_the_load(stage: Stage, launcher: FakeLauncher) -> None:
    launcher.asked = "refuses its load"
    setting, _ = setting_of(stage)
    suite = replace(SUITE, load=Load((("cpu-us", "abc"),)), load_options=("cpu-us",))
    with pytest.raises(Failure, match="--cpu-us abc: must be less") as failed:
        tune.start_tune(setting, replace(ASKED, suite=suite), out=stage.out)
    assert failed.value.exit_code == 2 and not stage.out.exists()


# ---- the command line ----


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--objective", "speed"],
            "--objective speed: must be one of: throughput, p99, cpu, threads",
        ),
        (["--objective", "p99"], "--objective p99: must have --rate, the requests/s to serve"),
        (
            ["--objective", "threads"],
            "--objective threads: must have --rate, the requests/s to serve",
        ),
        (
            ["--objective", "throughput", "--rate", "500"],
            "--objective throughput: must be p99, cpu or threads with a rate, which fixes it",
        ),
        (
            ["--options", "threads=8:8"],
            "--options threads=8:8: must not repeat an option or a value",
        ),
        (
            ["--options", "threads=8-16"],
            "--options threads=8-16: must be server options with their values, "
            "such as threads=8:16,concurrency=0:4",
        ),
        (
            ["--threads-max", "0"],
            "--threads-max 0: must be a whole number from 1 to 4096 threads",
        ),
        (["--minutes", "0"], "--minutes 0: must be a whole number from 1 to 1440"),
        (
            ["--resume", "latest", "--seed", "2"],
            "--seed: must be omitted with --resume; a tuning keeps its own plan",
        ),
        (
            ["iocp", "--resume", "latest"],
            "iocp: must be omitted with --resume; a tuning keeps its own plan",
        ),
        (["--load", "missing.toml"], "missing.toml: cannot be read: No such file or directory"),
        (["--block-percent", "50"], "--block-percent: no such option of tune; see: "),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = cli.main(["tune", *words])
    except SystemExit as caught:
        code = int(caught.code or 0)
    error = capsys.readouterr().err
    assert code == 2 and error.startswith(f"iomodels: {message}") and error.count("\n") == 1
