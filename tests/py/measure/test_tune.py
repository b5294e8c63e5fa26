"""A whole tuning with fake programs, and what is computed from records whose numbers are known."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from iomodels.base.errors import Failure, Stopped
from iomodels.cli import finishing
from iomodels.cli import main as cli
from iomodels.data.laws import Laws
from iomodels.data.records import Condition, Record
from iomodels.data.searches import load_tune, search_records
from iomodels.figures import output as figure_files
from iomodels.figures import tuning_surface
from iomodels.judge import tuning
from iomodels.judge.tuning import Knobs, Load, Plan
from iomodels.judge.tuning_surface import analyse
from iomodels.measure import tune
from iomodels.measure.session import Setting
from iomodels.report import tuning as tune_report
from stage import SHORT, FakeLauncher, Stage

PLAN = Plan(
    "one",
    (Load(64, 100, 0), Load(64, 100, 300)),
    "throughput",
    0,
    threads_max=4,
    size=64,
    rounds=2,
    warmup_ms=0,
    duration_ms=1,
    seed=1,
    loadgen_threads=1,
)
KNOBS = Knobs(("threads", "concurrency"), 16, 2)


def setting_of(stage: Stage) -> tuple[Setting, io.StringIO]:
    output = io.StringIO()
    console = Console(file=output, width=300)
    return Setting(
        stage.build,
        console,
        ("iomodels", "tune", "one"),
        "iomodels tune --resume",
        stage.out,
        deadlines=SHORT,
    ), output


def test_a_whole_tuning(stage: Stage, launcher: FakeLauncher) -> None:
    setting, output = setting_of(stage)
    assert finishing.tune(setting.console, tune.start_tune(setting, PLAN, out=stage.out)) == 0
    records = search_records(stage.folder)
    assert {record.condition.alias for record in records} == {
        "64c 100+0us",
        "64c 100+300us",
    } and all(record.ok for record in records)
    assert {dict(record.condition.options)["threads"] for record in records} >= {1, 2, 4}
    works = {
        (record.condition.alias, tuple(words[words.index("--cpu-us") :][:4]))
        for record in records
        if record.loadgen
        for words in [record.loadgen["argv"]]
    }
    assert works == {
        ("64c 100+0us", ("--cpu-us", "100", "--block-us", "0")),
        ("64c 100+300us", ("--cpu-us", "100", "--block-us", "300")),
    }
    data = json.loads((stage.folder / tune_report.SURFACE).read_text(encoding="utf-8"))
    for load in data[
        "loads"
    ]:  # every fake server is as good: all settings are tied, the smallest is recommended
        assert load["recommended"]["setting"] == {"threads": 1} and all(
            cell["flat"] and cell["n"] == 2 for cell in load["cells"]
        )
    text = (stage.folder / "tune.md").read_text(encoding="utf-8")
    assert (
        "iomodels tune one" in text
        and "**Model**, not measured" in text
        and (stage.folder / "figures" / "tuning_surface.svg").exists()
    )
    svg = (stage.folder / "figures" / "tuning_surface.svg").read_bytes()
    again = figure_files.write(tuning_surface.draw(data), stage.folder / "again")[
        0
    ]  # from surface.json alone, the same bytes
    assert again.read_bytes() == svg
    rows = again.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    assert sum(",measured," in row for row in rows) == sum(
        len(load["cells"]) for load in data["loads"]
    ) and any(",model," in row for row in rows)
    before = (stage.folder / "tune.md").read_bytes()
    (stage.folder / "tune.md").unlink()
    assert (
        cli.main(["report", str(stage.folder)]) == 0
        and (stage.folder / "tune.md").read_bytes() == before
    )
    assert (
        "threads 1 gives 10,000 [10,000, 10,000] requests per second (n = 2)" in output.getvalue()
    )


@pytest.mark.parametrize("at", [0, 5])
def test_interrupted_and_gone_on_with_to_the_same_end(
    stage: Stage, launcher: FakeLauncher, tmp_path: Path, at: int
) -> None:
    setting, output = setting_of(stage)
    plan = replace(PLAN, threads_max=2)
    launcher.behaviour = lambda number: ("normal", "SIGINT" if number == at else "normal")
    with pytest.raises(Stopped) as stopped:
        tune.start_tune(setting, plan, out=stage.out)
    assert stopped.value.exit_code == 130
    assert (
        len(search_records(stage.folder)) == at
        and load_tune(stage.folder)["status"] == "interrupted"
    )
    assert f"resume with: iomodels tune --resume {stage.folder.name}\n" in output.getvalue()
    with (stage.folder / "records.jsonl").open("a") as file:
        file.write('{"cut sho')
    assert tune.resume_tune(setting, stage.folder) == stage.folder
    assert load_tune(stage.folder)["status"] == "complete"
    whole = tmp_path / "whole"
    tune.start_tune(setting, plan, out=whole)
    ends = [
        sorted(str((record.condition, record.repeat)) for record in search_records(folder))
        for folder in (stage.folder, *whole.iterdir())
    ]
    assert ends[0] == ends[1]


def test_a_setting_that_fails_is_out_and_the_rest_goes_on(
    stage: Stage, launcher: FakeLauncher
) -> None:
    setting, _ = setting_of(stage)
    launcher.behaviour = lambda number: (
        "dies before ready" if launcher.started[number].get("threads") == 1 else "normal",
        "normal",
    )
    folder = tune.start_tune(setting, replace(PLAN, loads=PLAN.loads[:1]), out=stage.out)
    assert finishing.tune(setting.console, folder) == 0
    (load,) = json.loads((stage.folder / tune_report.SURFACE).read_text(encoding="utf-8"))["loads"]
    assert load["recommended"]["setting"] == {"threads": 2} and load["model"] == {
        "reason": "one worker was not measured, or did not meet the SLO"
    }
    dead = load["cells"][0]
    assert (dead["setting"], dead["n"], dead["value"], dead["left_out"]) == (
        {"threads": 1},
        0,
        None,
        2,
    ) and "cannot listen" in dead["reasons"][0]


def test_a_run_of_other_programs_or_of_nothing_is_refused(
    stage: Stage, launcher: FakeLauncher, tmp_path: Path
) -> None:
    setting, _ = setting_of(stage)
    launcher.behaviour = lambda number: ("normal", "SIGINT")
    with pytest.raises(Stopped):
        tune.start_tune(setting, PLAN, out=stage.out)
    (stage.build / "mingw" / "bin" / "one.exe").write_text("another program")
    with pytest.raises(Failure, match=r"one.exe changed since the run started"):
        tune.resume_tune(setting, stage.folder)
    with pytest.raises(Failure, match="not a tuning"):
        tune.resume_tune(setting, tmp_path)
    with pytest.raises(Failure, match="tune three: must be a model that was built"):
        tune.start_tune(setting, replace(PLAN, model="three"), out=stage.out)
    with pytest.raises(Failure, match="--threads-max 65: must be at most 64 for one"):
        tune.start_tune(setting, replace(PLAN, threads_max=65), out=stage.out)


def record_of(
    index: int,
    threads: int,
    concurrency: int,
    rate: float,
    p99_us: int = 1000,
    load: Load = PLAN.loads[0],
    cpu_ns: int = 10**9,
) -> Record:
    condition = Condition(
        "one",
        load.connections,
        64,
        64,
        1,
        (("threads", threads), ("concurrency", concurrency)),
        str(load),
    )
    window = [
        {"counters": {"requests": count}, "process": {"cpu_user_ns": used, "cpu_kernel_ns": used}}
        for count, used in ((100, 0), (2100, cpu_ns // 2))
    ]
    loadgen = {"result": {"requests_per_second": rate, "response": {"p99": p99_us * 1000}}}
    return Record(
        1,
        "run",
        index,
        0,
        condition,
        "wine-8.0",
        "2025-01-01T00:00:00Z",
        "ok",
        None,
        None,
        {"begin": window[0], "end": window[1]},
        loadgen,
    )


def test_objectives_have_their_own_units() -> None:
    record = record_of(0, 2, 2, 5000.0, p99_us=700)
    assert [
        tuning.value_of(record, objective) for objective in ("throughput", "p99", "efficiency")
    ] == [5000.0, 700.0, 2000.0]
    assert tuning.score_of(record, replace(PLAN, objective="p99")) == pytest.approx(1 / 700)
    assert (
        tuning.score_of(record, replace(PLAN, slo_us=700)) == 5000.0
        and tuning.score_of(record, replace(PLAN, slo_us=699)) is None
    )
    unknown = record_of(0, 2, 2, 5000.0)
    assert unknown.server
    unknown.server["end"]["process"]["cpu_user_ns"] = None
    assert tuning.value_of(unknown, "efficiency") is None


def analysed(records: list[Record], **changes: Any) -> dict[str, Any]:
    plan = replace(PLAN, loads=PLAN.loads[:1], **changes)
    manifest = {
        "plan": asdict(plan),
        "knobs": asdict(KNOBS),
        "run": "r",
        "platform": "wine-8.0",
        "command": ["iomodels"],
        "status": "complete",
    }
    (load,) = analyse(manifest, records)["loads"]
    assert isinstance(load, dict)
    return load


def test_what_rules_of_thumb_cost() -> None:
    rates = {(1, 1): 2000.0, (2, 2): 4000.0, (4, 2): 5000.0, (6, 2): 4500.0}
    records = [
        record_of(0, *setting, rate * (1 + repeat / 1000))
        for setting, rate in rates.items()
        for repeat in (-1, 0, 1)
    ]
    load = analysed(records)
    assert {
        name: (rule["setting"]["threads"], rule["ratio"]) for name, rule in load["rules"].items()
    } == {
        "cores": (2, pytest.approx(0.8)),
        "2 × cores": (4, 1.0),
        "3 × cores": (6, pytest.approx(0.9)),
        "cores × (1 + block / cpu)": (2, pytest.approx(0.8)),
    }
    assert (
        load["recommended"]["setting"] == {"threads": 4, "concurrency": 2}
        and load["recommended"]["low"] < 5000 < load["recommended"]["high"]
    )
    assert [cell["flat"] for cell in load["cells"]] == [False, False, True, False]
    assert load["model"]["line"][0] == {"threads": 1, "value": pytest.approx(2000.0, rel=0.01)}
    assert (
        load["model"]["line"][1]["value"]
        == pytest.approx(4000.0, rel=0.01)
        == load["model"]["line"][-1]["value"]
    )  # two cores
    assert [each["cores"] for each in load["model"]["larger"]] == [4, 16, 64]


def test_of_a_latency_less_is_better() -> None:
    records = [
        record_of(0, threads, 2, 1000.0, p99_us)
        for threads, p99_us in ((2, 500), (4, 400), (6, 800))
        for _ in range(3)
    ]
    load = analysed(records, objective="p99")
    assert load["recommended"]["setting"]["threads"] == 4 and load["rules"]["3 × cores"][
        "ratio"
    ] == pytest.approx(0.5)


def test_a_promise_that_no_setting_keeps() -> None:
    load = analysed(
        [record_of(0, threads, 2, 1000.0, p99_us=900) for threads in (2, 4) for _ in range(3)],
        slo_us=800,
    )
    assert load["recommended"] is None and [cell["left_out"] for cell in load["cells"]] == [3, 3]


@pytest.mark.parametrize(("verdict", "noted"), [("does not hold", True), ("holds", False)])
def test_a_platform_without_a_cap_is_named(tmp_path: Path, verdict: str, noted: bool) -> None:
    law = {
        "event": "law",
        "format": 1,
        "law": "concurrency_cap",
        "sentence": "",
        "platform": "wine-8.0",
        "seen": {"n": 1},
        "claims": ["B1"],
        "verdict": verdict,
        "because": None,
        "figure": "cap 1: 2 at once",
        "also": [],
    }
    seen = Laws({"laws": [law], "failed": []})
    note = tune_report._cap_note(seen)
    assert (note is not None) == noted and tune_report._cap_note(None) is None
    assert note is None or "cap 1: 2 at once" in note


def test_knobs_make_sense() -> None:
    load = Load(64, 100, 300)
    assert KNOBS.rules(load) == {
        "cores": (2, 2),
        "2 × cores": (4, 2),
        "3 × cores": (6, 2),
        "cores × (1 + block / cpu)": (8, 2),
    }
    assert KNOBS.space(load).fit((2, 16)) == (2, 2)
    assert Knobs((), 16, 2).rules(load) == {} and Knobs((), 16, 2).space(load).axes == ()
    assert tuning.loads_of((1,), (100,), (0, 50, 75)) == (
        Load(1, 100, 0),
        Load(1, 100, 100),
        Load(1, 100, 300),
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tune"], "tune: no model given; available models: iocp, tpio, events, apc"),
        (["tune", "select"], "MODEL select: must be one of: iocp, tpio, events, apc"),
        (
            ["tune", "iocp", "--slo", "p50=1ms"],
            "--slo p50=1ms: must be a limit of p99, such as p99=5ms",
        ),
        (
            ["tune", "iocp", "--objective", "speed"],
            "--objective speed: must be one of: throughput, p99, efficiency",
        ),
        (
            ["tune", "iocp", "--block-percent", "100"],
            "--block-percent 100: must be comma-separated whole numbers from 0 to 99 percent",
        ),
        (
            ["tune", "iocp", "--cpu-us", "0"],
            "--block-percent 50: must be 0 with --cpu-us 0; use --block-us",
        ),
        (
            ["tune", "iocp", "--cpu-us", "250000", "--block-percent", "90"],
            "--block-percent 90: must not exceed 250000 µs of blocking; "
            "with --cpu-us 250000 it is 2250000 µs",
        ),
        (
            ["tune", "iocp", "--block-us", "5", "--block-percent", "90"],
            "--block-us: must be omitted with --block-percent; both set the blocking time",
        ),
        (
            ["tune", "--resume", "latest", "--seed", "2"],
            "--seed: must be omitted with --resume; a tuning keeps its own plan",
        ),
        (
            ["claims", "--rounds", "2"],
            "--rounds: no such option of claims; see: iomodels claims --help",
        ),
        (["run", "claims"], "run claims: is a command of its own; use: iomodels claims"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 2 and capsys.readouterr().err == f"iomodels: {message}\n"
