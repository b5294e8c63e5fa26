"""What a user types first on Windows, word by word, by a CPython for Windows under Wine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rig import Rig

SMOKE = (
    "tests/py/launch/test_windows.py",
    "tests/py/launch/test_launch.py",
    "tests/servers/test_echo.py",
)
WHOLE_TIMEOUT_S = 3600.0


def said(rig: Rig, *words: str, code: int = 0) -> str:
    done = rig.iomodels(*words)
    assert done.returncode == code, done.stdout[-3000:]
    assert "Traceback" not in done.stdout, done.stdout[-3000:]
    return done.stdout


def test_help_and_wrong_words(rig: Rig) -> None:
    assert "iomodels setup" in said(rig, "help")
    assert "iomodels setup" in said(rig, code=2)
    assert "setup takes no arguments, but got: now" in said(rig, "setup", "now", code=2)


def test_setup_makes_the_environment_once(rig: Rig) -> None:
    assert said(rig, "setup").endswith("iomodels: ready\n")
    assert said(rig, "setup") == "iomodels: ready\n"
    assert "nonsense: no such command" in said(rig, "nonsense", code=2)


def test_models_and_suites_are_listed(rig: Rig) -> None:
    models = said(rig, "models")
    assert all(name in models for name in ("select", "threads", "events", "apc", "iocp", "tpio"))
    assert "select-vs-iocp" in said(rig, "suites")


def test_check_gives_remedies_of_windows(rig: Rig) -> None:
    done = rig.iomodels("check")
    assert done.returncode in (0, 1) and "checks found a problem" in done.stdout, done.stdout
    assert not any(word in done.stdout for word in ("sudo", "/dev/", "\\dev\\", "ulimit"))


def test_the_first_run_ends_with_an_answer_and_a_report(rig: Rig) -> None:
    said(rig, "run", "select-vs-iocp", "--quick")
    folder = newest(rig.tree / "results")
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert manifest["status"] == "complete"
    lines = (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert {record["status"] for record in records} == {"ok"}
    (folder / "report.html").unlink()
    said(rig, "report", "latest")
    assert (folder / "report.html").stat().st_size > 50_000


def newest(results: Path) -> Path:
    return max(path.parent for path in results.glob("*/run.json"))


def test_some_tests_run_there(rig: Rig, pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("whole"):
        pytest.skip("--whole runs all of them")
    done = rig.pytest(*SMOKE)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-6000:]


def test_every_test_of_windows_runs_there(rig: Rig, pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("whole"):
        pytest.skip("takes 20 minutes: ./iomodels test windows -- --whole")
    done = rig.iomodels("test", "py", "servers", "--", "-n", "2", timeout_s=WHOLE_TIMEOUT_S)
    (rig.folder / "whole.log").write_text(done.stdout, encoding="utf-8")
    assert done.returncode == 0, done.stdout[-6000:]
