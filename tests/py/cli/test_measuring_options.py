"""What measuring commands print, when they ask, and when they end early."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import made_micro
import made_slo
from iomodels.base.errors import Failure
from iomodels.cli import finishing, folders, settings
from iomodels.cli.main import main
from iomodels.cli.registry import parsers
from iomodels.launch import platform as launch
from iomodels.measure.session import FirstFailure, Setting
from iomodels.plan.suite import Suite, suite_files
from made_run import make_run
from stage import FakeLauncher, Stage


def setting(*words: str) -> Setting:
    return settings.setting_of(parsers().top.parse_args(words), words)


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err.strip()


# ---- quiet and verbose ----


def test_quiet_hides_notes_but_not_how_to_resume(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = setting("run", "models", "-q")
    quiet.say("a note")
    quiet.insist("resume with: this")
    assert capsys.readouterr() == ("", "resume with: this\n")
    usual = setting("run", "models")
    usual.say("a note")
    usual.insist("resume with: this")
    assert capsys.readouterr() == ("a note\nresume with: this\n", "")


def test_the_plan_of_a_dry_run_is_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    setting("run", "models", "-qn").say("0  round 1")
    assert capsys.readouterr().out == "0  round 1\n"
    said = refusal(capsys, "run", "models", "-nj")
    assert (
        said == "iomodels: --json: must be omitted with --dry-run, which prints the plan as lines"
    )


def test_quiet_and_verbose_contradict_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(capsys, "run", "models", "-qv")
    assert said == "iomodels: --quiet: must be omitted with --verbose"


def test_verbose_names_the_result_of_each_measurement(stage: Stage, suite: Suite) -> None:
    object.__setattr__(stage.setting, "verbose", True)
    assert stage.start(suite) == 0
    lines = [line for line in stage.text.splitlines() if line.startswith("measured: ")]
    assert len(lines) == 8
    assert all(" requests/s, p50 " in line and ", p99 " in line for line in lines)


# ---- the first failure ----


def test_a_run_ends_at_its_first_failure_and_continues_after_it(
    stage: Stage, launcher: FakeLauncher, suite: Suite
) -> None:
    launcher.behaviour = lambda number: ("normal", "errors" if number in (2, 4) else "normal")
    object.__setattr__(stage.setting, "fail_fast", True)
    with pytest.raises(FirstFailure, match=r"^--fail-fast: .* failed: .*mismatch") as ended:
        stage.start(suite)
    assert ended.value.exit_code == 1
    records = (stage.folder / "records.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["status"] for line in records] == ["ok", "ok", "failed"]
    assert "stopped at the first failure; 3 of 8 measurements are kept" in stage.text
    assert json.loads((stage.folder / "run.json").read_text("utf-8"))["status"] == "interrupted"
    with pytest.raises(FirstFailure):
        stage.resume()
    assert len((stage.folder / "records.jsonl").read_text("utf-8").splitlines()) == 5
    assert stage.resume() == 1, "two of its measurements failed"
    assert len((stage.folder / "records.jsonl").read_text("utf-8").splitlines()) == 8


def test_a_limit_of_a_model_is_no_failure(
    stage: Stage, launcher: FakeLauncher, suite: Suite
) -> None:
    launcher.described["one"]["max_conns"] = 7
    object.__setattr__(stage.setting, "fail_fast", True)
    assert stage.start(suite) == 0 and "measured: " not in stage.text


# ---- long plans ----


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Type something at a terminal; None: there is no terminal."""

    def type_(text: str | None) -> None:
        class Typed(io.StringIO):
            def isatty(self) -> bool:
                return text is not None

        monkeypatch.setattr(sys, "stdin", Typed(text or ""))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    return type_


LONG = ("run", "select-vs-iocp", "--rounds", "1000")


def test_a_long_plan_is_confirmed_on_a_terminal_only(
    answers: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answers("y\n")
    settings.confirm(settings.LONG_S + 1, yes=False)
    assert capsys.readouterr().err == (
        "the plan takes about 3 h 00 min; Ctrl-C keeps finished measurements. Start it? [y/N] "
    )
    for no in ("n\n", "\n", ""):
        answers(no)
        with pytest.raises(Failure, match="nothing was measured"):
            settings.confirm(settings.LONG_S + 1, yes=False)
    capsys.readouterr()
    answers(None)
    settings.confirm(settings.LONG_S, yes=False)
    settings.confirm(settings.LONG_S + 1, yes=True)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "takes"),
    [
        (LONG, "8 h 30 min"),
        (("run", "models", "--minutes", "200"), "3 h 20 min"),
        (("ab", "HEAD", "HEAD", "--minutes", "200"), "3 h 20 min"),
        (("tune", "iocp", "--minutes", "181"), "3 h 01 min"),
        (("slo", "iocp", "--slo", "p99=5ms", "--trials", "1000", "--duration-ms", "20000"), "h "),
    ],
)
def test_without_a_terminal_a_long_plan_needs_yes(
    words: tuple[str, ...],
    takes: str,
    answers: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    answers(None)
    monkeypatch.setattr(folders, "RESULTS", tmp_path)
    monkeypatch.setattr("iomodels.cli.measuring.comparing_builds", lambda *_: Compared)
    said = refusal(capsys, *words)
    assert said.startswith("iomodels: --yes: must be given, since the plan takes about ")
    assert takes in said and said.endswith("and no terminal can confirm it")
    assert not list(tmp_path.iterdir())


class Compared:
    series = ("iocp@old", "iocp@new")


# ---- one object for programs ----


def test_models_as_one_object(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, launcher: FakeLauncher
) -> None:
    def opened(build: Path, placement: Any = None, say: Any = print) -> FakeLauncher:
        say("a note of the launcher")
        return launcher

    monkeypatch.setattr(launch, "open_launcher", opened)
    assert main(["models", "-j"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["format"], found["platform"]) == (1, "fake-1.0")
    assert [each["model"] for each in found["models"]] == ["one", "two"]
    assert found["models"][0]["options"][0]["name"] == "threads"
    assert err == "a note of the launcher\n"
    assert "--table: must be omitted with --json" in refusal(
        capsys, "models", "--json", "--table", "md"
    )


def test_suites_as_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suites", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == "" and found["format"] == 1
    assert [each["name"] for each in found["suites"]] == list(suite_files())
    one = next(each for each in found["suites"] if each["name"] == "select-vs-iocp")
    assert one["plan"] == {"measurements_per_round": 18, "rounds": 40, "seconds": 300.0}
    assert one["quick_plan"]["seconds"] < 60


def test_a_micro_run_as_one_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "RESULTS", tmp_path)
    run = made_micro.make_run(tmp_path)
    assert main(["report", run.path.name, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["format"], found["run"], found["platform"]) == (1, run.path.name, "wine-8.0")
    assert found["emulated"] is True and len(found["benchmarks"]) == len(run.benchmarks)
    first = found["benchmarks"][0]
    assert len(first["times_ns"]) == 10 and first["time_ns"]["low"] <= first["time_ns"]["value"]
    assert first["context_switches"] is None and first["reason"] == "not counted in this run"
    monkeypatch.setattr("iomodels.report.micro.write_micro_report", lambda run: run.path)
    text = io.StringIO()
    assert finishing.micro(Console(file=text, width=200), run.path, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == found and "clock/read" in text.getvalue()


def test_a_search_as_one_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "RESULTS", tmp_path)
    folder = made_slo.folder_of(made_slo.made({"iocp": 5000.0}), tmp_path)
    monkeypatch.setattr("iomodels.report.slo_page.write_slo_report", lambda folder: folder)
    text = io.StringIO()
    assert finishing.slo(Console(file=text, width=200), folder, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["format"], found["run"]) == (1, folder.name) and "iocp" in text.getvalue()


def test_an_interrupted_run_is_not_asked_about_again(
    tmp_path: Path, answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "RESULTS", tmp_path)
    folder = make_run(tmp_path, measured=1)
    seen: list[Path] = []
    monkeypatch.setattr(
        "iomodels.measure.run.resume_run",
        lambda setting, folder, **_: seen.append(folder) or folder,
    )
    monkeypatch.setattr("iomodels.cli.finishing.run", lambda *_, **__: 0)
    answers(None)
    assert main(["run", "-r", folder.name, "-q", "-x", "-y", "-j"]) == 0
    assert seen == [folder]
