"""The search as a command: what it measures, keeps, prints, and goes on with. The programs are fakes with a known capacity."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iomodels.base.errors import Failure, Stopped
from iomodels.cli import finishing
from iomodels.cli.main import main
from iomodels.data import searches
from iomodels.data.searches import load_slo
from iomodels.data.store import record_from_json
from iomodels.judge.slo import Slo, judge, least_rate, parse_slo
from iomodels.measure.slo import resume_slo, start_slo
from iomodels.plan.suite import Server, Suite
from stage import Stage

P99_5MS = Slo(99.0, 5_000_000)


@pytest.fixture
def one(suite: Suite) -> Suite:
    """A suite as the command makes it: one cell; its window has room for a percentile though it takes no time."""
    return replace(
        suite,
        name="slo-one",
        servers=(Server("one"),),
        connections=(64,),
        duration_ms=3000,
        rounds=1,
    )


def search(stage: Stage, suite: Suite, capacity: str, **changes: Any) -> int:
    stage.launcher.behaviour = lambda number: ("normal", capacity)
    folder = start_slo(
        stage.setting,
        suite,
        changes.pop("slo", P99_5MS),
        out=stage.out,
        **{"low": 400, "high": 4000, "step": 1.1, **changes},
    )
    return finishing.slo(stage.setting.console, folder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p99=5ms", P99_5MS),
        ("p50=200us", Slo(50.0, 200_000)),
        ("p99.9=1s", Slo(99.9, 10**9)),
        ("p99=0.5ms", Slo(99.0, 500_000)),
    ],
)
def test_promises(text: str, expected: Slo) -> None:
    assert parse_slo(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "p99",
        "99=5ms",
        "p100=5ms",
        "p0=5ms",
        "p99=5",
        "p99=0ms",
        "p99=-5ms",
        "p99 = 5ms",
        "mean=5ms",
    ],
)
def test_no_promises(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="as p99=5ms"):
        parse_slo(text)
    with pytest.raises(SystemExit) as ended:
        main(["slo", "iocp", "--slo", text])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"iomodels: --slo {text}: must be")


def test_finds_the_capacity(stage: Stage, one: Suite) -> None:
    assert search(stage, one, "holds 1234") == 0
    manifest = load_slo(stage.folder)
    answer = manifest["answer"]
    assert (
        1234 / 1.1 < answer["rate"] <= 1234 < answer["above"]["rate"]
        and answer["value_ns"] == 1_000_000
    )
    assert not answer["open"] and manifest["status"] == "complete"
    records = [
        json.loads(line)
        for line in (stage.folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [record["index"] for record in records] == list(range(len(manifest["trials"])))
    for record, trial in zip(records, manifest["trials"]):
        assert f"--rate {trial['rate']} " in " ".join(record["loadgen"]["argv"]) + " "
        assert judge(record_from_json(record), P99_5MS).met == trial["met"]
    assert f"{answer['rate']:,} requests/s meet p99 ≤ 5 ms (there 1.00 ms)" in stage.text
    assert f"{answer['above']['rate']:,} do not: p99 was 50.0 ms" in stage.text
    assert "[1; about" in stage.text, "progress"


def test_not_even_the_lowest(stage: Stage, one: Suite) -> None:
    assert search(stage, one, "holds 1") == 1
    assert load_slo(stage.folder)["answer"] == {
        "rate": None,
        "value_ns": None,
        "open": False,
        "above": None,
        "reason": "p99 was 50.0 ms",
    }
    assert "does not meet p99 ≤ 5 ms even at 400 requests/s: p99 was 50.0 ms" in stage.text


def test_the_highest_rate_is_no_answer_but_a_bound(stage: Stage, one: Suite) -> None:
    """64 connections were calibrated at 64,000 requests a second: no more than 80 % of it is asked for."""
    assert search(stage, one, "holds 99999", high=None, low=40_000) == 0
    manifest = load_slo(stage.folder)
    assert manifest["range"]["high"] == 51_200 and manifest["answer"]["open"]
    assert "at least" in stage.text and "80 % of the load generator's ceiling" in stage.text


def test_a_starved_load_generator_is_not_the_server(stage: Stage, one: Suite) -> None:
    search(stage, one, "holds 1234, then starves")
    answer = load_slo(stage.folder)["answer"]
    assert (
        answer["open"]
        and "client-bound: only 50.00 % of the sends were timely" in answer["above"]["reason"]
    )
    assert "at least" in stage.text


def test_nothing_is_said_of_a_server_that_was_not_measured(stage: Stage, one: Suite) -> None:
    assert search(stage, one, "holds 1, then starves") == 1
    answer = load_slo(stage.folder)["answer"]
    assert answer["rate"] is None and answer["open"]
    assert "cannot judge p99 ≤ 5 ms even at 400 requests/s: client-bound" in stage.text


def test_what_could_not_be_sent_is_a_miss(stage: Stage, one: Suite) -> None:
    search(stage, one, "holds 1234, then drops", slo=Slo(99.0, 10**9))
    assert (
        load_slo(stage.folder)["answer"]["above"]["reason"]
        == "only 900 of 1000 due requests could be sent"
    )


def test_a_failed_trial_is_a_miss(stage: Stage, one: Suite) -> None:
    assert search(stage, one, "unanswered") == 1
    assert "5 requests were never answered" in load_slo(stage.folder)["answer"]["reason"]


def test_too_few_answers_prove_no_percentile(stage: Stage, one: Suite) -> None:
    search(stage, one, "holds 9999")
    stored = json.loads(
        (stage.folder / "records.jsonl").read_text(encoding="utf-8").splitlines()[0]
    )
    stored["loadgen"]["result"]["response"]["histogram"]["counts"] = [[1, 999]]
    outcome = judge(record_from_json(stored), P99_5MS)
    assert not outcome.met and outcome.reason == "999 replies are too few for p99"


def test_rates_that_cannot_prove_the_percentile_are_refused(stage: Stage, one: Suite) -> None:
    """3 s at 300 requests a second have nine answers beyond p99; ten are needed."""
    assert least_rate(one, P99_5MS) == 400
    with pytest.raises(
        Failure, match=r"--rate-from 300: must be at least 400 requests/s for p99 in 3000 ms"
    ):
        search(stage, one, "holds 1234", low=300)
    with pytest.raises(
        Failure, match=r"--rate-to 399 \(--rate-to\): must be at least the lowest rate, 400"
    ):
        search(stage, one, "holds 1234", high=399)
    assert not stage.out.exists()


def test_without_calibration_the_highest_rate_must_be_said(stage: Stage, one: Suite) -> None:
    stage.launcher.asked = "cannot calibrate"
    one = replace(one, load=one.load)
    with pytest.raises(Failure, match=r"--rate-to: must be given; .* out of memory"):
        search(stage, one, "holds 1234", high=None)


def test_unknown_models_and_options_are_refused(stage: Stage, one: Suite) -> None:
    with pytest.raises(Failure, match="did you mean one"):
        search(stage, replace(one, servers=(Server("ones"),)), "holds 1234")
    with pytest.raises(Failure, match="option threads = 99: must be 1 … 64"):
        search(stage, replace(one, servers=(Server("one", (("threads", 99),)),)), "holds 1234")


def test_interrupted_and_gone_on_with(stage: Stage, one: Suite) -> None:
    """The trials of both parts are those of a search without a break."""
    search(stage, one, "holds 1234")
    whole = load_slo(stage.folder)
    for path in stage.folder.iterdir():
        path.unlink()
    stage.folder.rmdir()
    behaviours = stage.launcher
    count = len(behaviours.started)
    behaviours.behaviour = lambda number: (
        "normal",
        "SIGINT" if number == count + 3 else "holds 1234",
    )
    with pytest.raises(Stopped) as stopped:
        start_slo(stage.setting, one, P99_5MS, out=stage.out, low=400, high=4000, step=1.1)
    assert stopped.value.exit_code == 128 + signal.SIGINT
    assert "3 trials are kept" in stage.text and load_slo(stage.folder)["status"] == "interrupted"
    behaviours.behaviour = lambda number: ("normal", "holds 1234")
    assert resume_slo(stage.setting, stage.folder) == stage.folder
    again = load_slo(stage.folder)
    assert [trial["k"] for trial in again["trials"]] == [trial["k"] for trial in whole["trials"]]
    assert again["answer"] == whole["answer"]
    before = len(behaviours.started)
    assert resume_slo(stage.setting, stage.folder) == stage.folder
    assert len(behaviours.started) == before and "nothing is missing" in stage.text


def test_another_build_is_refused(stage: Stage, one: Suite) -> None:
    search(stage, one, "holds 1234")
    manifest = load_slo(stage.folder) | {"answer": None, "status": "interrupted"}
    (stage.folder / searches.SLO).write_text(json.dumps(manifest), encoding="utf-8")
    (stage.build / "mingw/bin/one.exe").write_text("changed", encoding="utf-8")
    with pytest.raises(Failure, match=r"one.exe changed since the run started"):
        resume_slo(stage.setting, stage.folder)


def test_a_damaged_search_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"not an SLO search: it has no slo.json"):
        load_slo(tmp_path)
    (tmp_path / searches.SLO).write_text("{", encoding="utf-8")
    with pytest.raises(Failure, match=r"slo.json: cannot be read"):
        load_slo(tmp_path)
    (tmp_path / searches.SLO).write_text("{}", encoding="utf-8")
    with pytest.raises(
        Failure, match=r"slo.json: at the top level: 'format' is a required property"
    ):
        load_slo(tmp_path)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["slo"], "slo: needs a model and an SLO"),
        (["slo", "iocp"], "slo: needs a model and an SLO"),
        (
            ["slo", "iocp", "--slo", "p99=5ms", "--rate-to", "0"],
            "--rate-to 0: must be a whole number from 1 to 100000000 requests/s",
        ),
        (
            ["slo", "iocp", "--slo", "p99=5ms", "--step-percent", "0.1"],
            "--step-percent 0.1: must be from 0.5 to 100 percent",
        ),
        (
            ["slo", "iocp", "--slo", "p99=5ms", "--options", "threads"],
            "--options threads: must be server options such as",
        ),
        (
            ["slo", "iocp", "--slo", "p99=5ms", "--load", "nowhere.toml"],
            "nowhere.toml: cannot be read",
        ),
        (["slo", "--resume", "x", "--size", "5"], "--size: must be omitted with --resume"),
        (
            ["slo", "iocp", "--slo", "p99=5ms", "--rate-from", "100", "--rate-to", "10"],
            "--rate-from 100: must be at most --rate-to 10",
        ),
        (["slo", "iocp", "--resume", "x"], "iocp: must be omitted with --resume"),
    ],
)
def test_usage(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"iomodels: {expected}")


@pytest.mark.parametrize("text", ["[load]\nrate = 5", "[load.class.a]\nconnections = 1"])
def test_the_search_alone_sets_the_rate(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "load.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["slo", "iocp", "--slo", "p99=5ms", "--load", os.fspath(path)])
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and line.startswith(
        f"iomodels: --load {path}: must have no rate and no [load.class.NAME]"
    )
