"""The search as a command: what it measures, keeps, prints, and resumes with. The programs are
fakes with a known capacity."""

from __future__ import annotations

import json
import os
import shutil
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
from iomodels.plan.server import Server
from iomodels.plan.suite import Suite
from stage import Stage

P99_5MS = Slo(99.0, 5_000_000)


@pytest.fixture
def one(suite: Suite) -> Suite:
    """A suite as the command makes it; its window has room for a percentile, and takes no time."""
    return replace(
        suite,
        name="slo-one",
        servers=(Server("one"),),
        connections=(64,),
        duration_ms=3000,
        rounds=1,
    )


@pytest.fixture
def both(one: Suite) -> Suite:
    return replace(one, name="slo-one-two", servers=(Server("one"), Server("two")))


def search(stage: Stage, suite: Suite, capacity: str, **changes: Any) -> int:
    stage.launcher.behaviour = lambda number: ("normal", capacity)
    return searched(stage, suite, **changes)


def searched(stage: Stage, suite: Suite, **changes: Any) -> int:
    options = {"low": 400, "high": 4000, "most": 30, "slo": P99_5MS, **changes}
    slo = options.pop("slo")
    return finishing.slo(
        stage.setting.console, start_slo(stage.setting, suite, slo, out=stage.out, **options)
    )


def only_answer(stage: Stage) -> dict[str, Any]:
    (found,) = load_slo(stage.folder)["answers"]
    return dict(found)


def records(stage: Stage) -> list[dict[str, Any]]:
    text = (stage.folder / "records.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p99=5ms", P99_5MS),
        ("p50=200us", Slo(50.0, 200_000)),
        ("p99.9=1s", Slo(99.9, 10**9)),
        ("p99=0.5ms", Slo(99.0, 500_000)),
    ],
)
def test_objectives(text: str, expected: Slo) -> None:
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
def test_no_objectives(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="as p99=5ms"):
        parse_slo(text)
    with pytest.raises(SystemExit) as ended:
        main(["slo", "iocp", "--slo", text])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"iomodels: --slo {text}: must be")


# ---- what one trial shows ----


@pytest.fixture
def trial(stage: Stage, one: Suite) -> dict[str, Any]:
    """The record of a trial that was met: 10,000 replies of 1 ms."""
    search(stage, one, "holds 9999", most=10)
    return records(stage)[0]


def outcome(
    trial: dict[str, Any], slo: Slo = P99_5MS, *, unsent: int = 0, **audit: Any
) -> tuple[str, str | None]:
    changed = json.loads(json.dumps(trial))
    changed["loadgen"]["result"]["unsent"] = unsent
    changed["loadgen"]["result"]["audit"].update(audit)
    found = judge(record_from_json(changed), slo)
    return found.word.value, found.reason


def replies(trial: dict[str, Any], *counts: tuple[int, int]) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(trial))
    changed["loadgen"]["result"]["response"]["histogram"]["counts"] = [
        list(each) for each in counts
    ]
    return changed


MS = 1_000_000


def test_an_untimely_trial_within_the_limit_is_met(trial: dict[str, Any]) -> None:
    """Response times count from the due moment, so lateness only makes them longer."""
    assert outcome(trial) == ("met", None)
    assert outcome(trial, timely_share=0.5) == ("met", None)


def test_above_the_limit_and_timely_is_missed(trial: dict[str, Any]) -> None:
    slow = replies(trial, (MS, 9000), (50 * MS, 1000))
    assert outcome(slow) == ("missed", "p99 was 50.0 ms")
    assert outcome(slow, timely_share=0.995) == ("missed", "p99 was 50.0 ms")


def test_above_the_limit_and_late_is_unjudged(trial: dict[str, Any]) -> None:
    slow = replies(trial, (MS, 9000), (50 * MS, 1000))
    late = "the load generator was late: 98.90 % of the sends were timely"
    assert outcome(slow, timely_share=0.989) == ("unjudged", late)
    assert outcome(slow, timely_share=None)[0] == "unjudged"


def test_late_sends_that_may_have_made_the_miss_are_no_miss(trial: dict[str, Any]) -> None:
    """1.5 % are above the limit; without the 0.6 % that were late, p99 may be within it."""
    slow = replies(trial, (MS, 9850), (50 * MS, 150))
    assert outcome(slow, timely_share=0.994)[0] == "unjudged"
    assert outcome(slow, timely_share=0.996)[0] == "missed"
    assert outcome(slow, timely_share=1.0)[0] == "missed"


def test_p999_needs_more_timely_sends(trial: dict[str, Any]) -> None:
    slow = replies(trial, (MS, 9980), (50 * MS, 20))
    assert outcome(slow, Slo(99.9, 5 * MS), timely_share=0.998)[0] == "unjudged"
    assert outcome(slow, Slo(99.9, 5 * MS), timely_share=0.9995)[0] == "missed"


def test_requests_that_could_not_be_sent_are_a_miss(trial: dict[str, Any]) -> None:
    """Sent late counts as sent: only 'unsent' does not."""
    assert outcome(trial, due=10_000, sent=5_000, unsent=100)[0] == "met"
    missed = ("missed", "only 9899 of 10000 planned requests could be sent")
    assert outcome(trial, due=10_000, sent=5_000, unsent=101) == missed
    assert outcome(trial, due=10_000, unsent=101, timely_share=0.5)[0] == "unjudged"


def test_too_few_replies_show_no_percentile(trial: dict[str, Any]) -> None:
    few = replies(trial, (MS, 999))
    assert outcome(few) == ("unjudged", "999 replies are too few for p99")


def test_a_failed_trial_is_no_miss(trial: dict[str, Any]) -> None:
    failed = {**trial, "status": "failed", "reason": "the server died", "loadgen": None}
    assert outcome_of(failed) == ("failed", "the server died")


def outcome_of(record: dict[str, Any]) -> tuple[str, str | None]:
    found = judge(record_from_json(record), P99_5MS)
    return found.word.value, found.reason


# ---- a search ----


def test_finds_the_capacity(stage: Stage, one: Suite) -> None:
    assert search(stage, one, "holds 1234") == 0
    manifest, answer = load_slo(stage.folder), only_answer(stage)
    assert answer["kind"] == "inside" and answer["low"] <= 1234 <= answer["high"]
    assert abs(answer["rate"] / 1234 - 1) < 0.03 and answer["value_ns"] == MS
    assert manifest["status"] == "complete"
    assert answer["counts"]["met"] + answer["counts"]["missed"] == len(manifest["trials"])
    assert [record["index"] for record in records(stage)] == list(range(len(manifest["trials"])))
    for record, each in zip(records(stage), manifest["trials"]):
        assert f"--rate {each['rate']} " in " ".join(record["loadgen"]["argv"]) + " "
        assert outcome_of(record)[0] == each["outcome"]
    assert "one: p99 ≤ 5 ms: half of the trials keep it at 1,2" in stage.text
    assert "nine of ten at" in stage.text and f"{answer['trials']} trials." in stage.text
    assert "[1, at most 30] one: 1,265 requests/s: missed: p99 was 50.0 ms" in stage.text


def test_not_even_the_lowest(stage: Stage, one: Suite) -> None:
    assert search(stage, one, "holds 1") == 1
    answer = only_answer(stage)
    assert answer["kind"] == "below" and answer["rate"] is answer["low"] is None
    assert answer["high"] == pytest.approx(400)
    assert "keep it only below 400/s" in stage.text and "p99 was 50.0 ms" in stage.text


def test_the_highest_rate_is_no_answer_but_a_bound(stage: Stage, one: Suite) -> None:
    """64 connections were calibrated at 64,000 requests per second: 80 % of it is the most."""
    assert search(stage, one, "holds 99999", high=None, low=40_000) == 0
    assert load_slo(stage.folder)["range"]["high"] == 51_200
    assert only_answer(stage)["kind"] == "at least"
    assert "keep it at 51,200/s at least" in stage.text
    assert "the range ends at 51,200/s (80 % of the load generator's ceiling)" in stage.text


def test_a_starved_load_generator_is_not_the_server(stage: Stage, one: Suite) -> None:
    assert search(stage, one, "holds 1234, then starves", most=60) == 0
    answer = only_answer(stage)
    assert answer["kind"] == "at least" and answer["counts"]["missed"] == 0
    assert 1100 < answer["low"] <= 1234 < answer["late_from"]
    assert "on no trial could be judged (the load generator was late: 50.00 %" in stage.text


def test_nothing_is_said_of_a_server_that_was_not_measured(stage: Stage, one: Suite) -> None:
    assert search(stage, one, "holds 1, then starves") == 1
    assert only_answer(stage)["kind"] == "unknown"
    assert "p99 ≤ 5 ms cannot be judged: the load generator was late" in stage.text


def test_three_failed_trials_end_a_search(stage: Stage, one: Suite) -> None:
    assert search(stage, one, "unanswered") == 1
    answer = only_answer(stage)
    assert answer["kind"] == "unknown" and answer["counts"]["failed"] == answer["trials"] == 3
    assert "cannot be judged: load generator: 5 requests were never answered" in stage.text


def test_a_server_that_dies_sometimes_is_still_found(stage: Stage, one: Suite) -> None:
    stage.launcher.behaviour = lambda number: (
        "dies in mid-window" if number % 7 == 3 else "normal",
        "its server dies" if number % 7 == 3 else "holds 1234",
    )
    assert searched(stage, one) == 0
    answer = only_answer(stage)
    assert answer["counts"]["failed"] >= 3 and answer["counts"]["failed"] < answer["trials"] / 5
    assert abs(answer["rate"] / 1234 - 1) < 0.03


def test_two_models_take_turns_and_are_ranked(stage: Stage, both: Suite) -> None:
    launcher = stage.launcher
    launcher.behaviour = lambda number: (
        "normal",
        "holds 2500" if launcher.started[-1:] and launcher.started[-1]["model"] == "two"
        else "holds 1234",
    )  # fmt: skip
    assert searched(stage, both) == 0
    manifest = load_slo(stage.folder)
    order = [trial["server"] for trial in manifest["trials"]]
    for place in range(2, 40, 2):
        assert sorted(order[:place]) == ["one"] * (place // 2) + ["two"] * (place // 2)
    assert [answer["server"] for answer in manifest["answers"]] == ["two", "one"]
    assert "two keeps p99 ≤ 5 ms at the highest rate, 2,5" in stage.text
    assert "the rate of one" in stage.text and "one: p99 ≤ 5 ms: half" in stage.text


def test_equal_models_are_not_separated(stage: Stage, both: Suite) -> None:
    assert search(stage, both, "holds 1234") == 0
    assert "but the trials do not separate it from" in stage.text


def test_a_model_that_cannot_carry_the_load_is_a_result(stage: Stage, both: Suite) -> None:
    stage.launcher.described["two"]["max_conns"] = 63
    assert search(stage, both, "holds 1234") == 0
    manifest = load_slo(stage.folder)
    assert {trial["server"] for trial in manifest["trials"]} == {"one"}
    assert "two is left out: limit: two takes at most 63 connections" in stage.text
    assert "only one is shown to keep p99 ≤ 5 ms" in stage.text


def test_a_load_that_no_model_can_carry_is_refused(stage: Stage, one: Suite) -> None:
    stage.launcher.described["one"]["max_conns"] = 63
    with pytest.raises(Failure, match="cannot measure anything: limit: one takes at most 63"):
        search(stage, one, "holds 1234")
    assert not stage.out.exists()


def test_a_wide_answer_asks_for_more_trials(stage: Stage, one: Suite) -> None:
    assert search(stage, one, "holds 1234", most=10) == 0
    assert only_answer(stage)["more"] > 0
    assert "one: the interval is ± " in stage.text and "may narrow it to ± 5 %" in stage.text
    assert f"to narrow it: iomodels slo --resume {stage.folder.resolve()} --trials " in stage.text
    assert resume_slo(stage.setting, stage.folder, 40) == stage.folder
    assert only_answer(stage)["trials"] > 10 and only_answer(stage)["more"] == 0


def test_rates_that_cannot_show_the_percentile_are_refused(stage: Stage, one: Suite) -> None:
    """3 s at 300 requests per second have nine replies beyond p99; ten are needed."""
    assert least_rate(one, P99_5MS) == 400
    with pytest.raises(
        Failure, match=r"--rate-from 300: must be at least 400 requests/s for p99 in 3000 ms"
    ):
        search(stage, one, "holds 1234", low=300)
    with pytest.raises(Failure, match=r"--rate-to 399: must be at least the lowest rate, 400"):
        search(stage, one, "holds 1234", high=399)
    assert not stage.out.exists()


def test_without_calibration_the_highest_rate_must_be_given(stage: Stage, one: Suite) -> None:
    stage.launcher.asked = "cannot calibrate"
    with pytest.raises(Failure, match=r"--rate-to: must be given; .* out of memory"):
        search(stage, one, "holds 1234", high=None)


def test_unknown_models_and_options_are_refused(stage: Stage, one: Suite) -> None:
    for server, expected in (
        (Server("ones"), "slo: model ones: no such server was built; did you mean one"),
        (Server("one", (("threads", 99),)), "slo: model one: option threads = 99: must be 1 … 64"),
        (Server("one", (("stack", 9),)), "slo: model one: option stack = 9: no such option"),
    ):
        with pytest.raises(Failure, match=expected) as failed:
            search(stage, replace(one, servers=(server,)), "holds 1234")
        assert failed.value.exit_code == 2


def test_interrupted_and_resumed(stage: Stage, one: Suite) -> None:
    """The trials of both parts are those of a search without a break."""
    search(stage, one, "holds 1234")
    whole = load_slo(stage.folder)
    shutil.rmtree(stage.folder)
    behaviours = stage.launcher
    count = len(behaviours.started)
    behaviours.behaviour = lambda number: (
        "normal",
        "SIGINT" if number == count + 3 else "holds 1234",
    )
    with pytest.raises(Stopped) as stopped:
        start_slo(stage.setting, one, P99_5MS, out=stage.out, low=400, high=4000, most=40)
    assert stopped.value.exit_code == 128 + signal.SIGINT
    assert "3 trials are kept" in stage.text and load_slo(stage.folder)["status"] == "interrupted"
    behaviours.behaviour = lambda number: ("normal", "holds 1234")
    assert resume_slo(stage.setting, stage.folder) == stage.folder
    again = load_slo(stage.folder)
    assert [trial["rate"] for trial in again["trials"]] == [
        trial["rate"] for trial in whole["trials"]
    ]
    assert again["answers"] == whole["answers"]
    before = len(behaviours.started)
    assert resume_slo(stage.setting, stage.folder) == stage.folder
    assert len(behaviours.started) == before and "nothing is missing" in stage.text


def test_killed_after_its_last_trial(stage: Stage, one: Suite) -> None:
    search(stage, one, "holds 1234")
    whole = load_slo(stage.folder)
    unfinished = whole | {"answers": None, "status": "running", "finished_utc": None}
    (stage.folder / searches.SLO).write_text(json.dumps(unfinished), encoding="utf-8")
    before = len(stage.launcher.started)
    resume_slo(stage.setting, stage.folder)
    assert load_slo(stage.folder)["answers"] == whole["answers"]
    assert len(stage.launcher.started) == before


def test_another_build_is_refused(stage: Stage, one: Suite) -> None:
    search(stage, one, "holds 1234", most=10)
    (stage.build / "mingw/bin/one.exe").write_text("changed", encoding="utf-8")
    with pytest.raises(Failure, match=r"one.exe changed since the run started"):
        resume_slo(stage.setting, stage.folder, 40)


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
    (tmp_path / searches.SLO).write_text('{"format": 2}', encoding="utf-8")
    with pytest.raises(Failure, match=r"slo.json: format 2 is not read"):
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
            ["slo", "iocp", "--slo", "p99=5ms", "--trials", "9"],
            "--trials 9: must be a whole number from 10 to 1000 trials",
        ),
        (["slo", "iocp,", "--slo", "p99=5ms"], "MODEL iocp,: must be comma-separated names"),
        (["slo", "iocp,iocp", "--slo", "p99=5ms"], "MODEL iocp,iocp: must not repeat a name"),
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
        (["slo", "iocp", "apc,iocp", "--slo", "p99=5ms"], "MODEL iocp: must not be repeated"),
        (["tune", "iocp", "apc,iocp"], "MODEL iocp: must not be repeated"),
        (["slo", "iocp,apc", "--resume", "x"], "iocp,apc: must be omitted with --resume"),
        (["tune", "apc", "iocp,tpio", "--resume", "x"], "apc iocp,tpio: must be omitted with"),
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
