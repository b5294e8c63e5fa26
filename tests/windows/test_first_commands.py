"""What a user types on Windows, word by word, by a CPython for Windows under Wine."""

from __future__ import annotations

import re
import shutil
import time

import pytest

from commands import manifest_of, newest, records_of, said
from rig import Rig

pytestmark = pytest.mark.whole
FOLDERS = tuple(
    f"tests/{name}"
    for name in (
        *("py/base", "py/cli", "py/data", "py/figures", "py/judge", "py/launch", "py/machine"),
        *("py/measure", "py/plan", "py/report", "py/tree", "servers", "loadgen"),
    )
)
FOLDER_TIMEOUT_S = 3600.0


def test_setup_makes_the_environment_once(rig: Rig) -> None:
    shutil.rmtree(rig.tree / "build" / "venv", ignore_errors=True)
    assert "iomodels setup" in said(rig, "help")
    assert "iomodels setup" in said(rig, code=2)
    assert said(rig, "setup").endswith("iomodels: ready\n")
    assert said(rig, "setup") == "iomodels: ready\n"
    wrong = said(rig, "setup", "now", code=2)
    assert "iomodels: setup takes --references only, but got: now" in wrong
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
    assert manifest_of(folder)["status"] == "complete"
    assert {record["status"] for record in records_of(folder)} == {"ok"}
    (folder / "report.html").unlink()
    said(rig, "report", "latest")
    assert (folder / "report.html").stat().st_size > 50_000


def test_a_whole_run_with_the_programs_of_zig(rig: Rig) -> None:
    if not (rig.tree / "build" / "zig" / "bin" / "iocp.exe").exists():
        pytest.skip("the preset zig is not built: python3 cmake/wheels.py")
    started = time.monotonic()
    text = said(rig, "run", "select-vs-iocp", programs="zig", timeout_s=1800.0)
    print(f"{time.monotonic() - started:.0f} s\n{text}")  # shown by pytest -rP
    folder = newest(rig.tree / "results")
    assert manifest_of(folder)["status"] == "complete"
    assert {record["status"] for record in records_of(folder)} == {"ok"}
    assert (folder / "report.html").is_file()


def test_a_tuning_and_its_report(rig: Rig) -> None:
    words = ("select", "iocp", "--minutes", "1", "--threads-max", "2", "--connections", "8")
    text = said(rig, "tune", *words, timeout_s=600.0)
    folder = newest(rig.tree / "results", "tune.json")
    assert manifest_of(folder, "tune.json")["status"] == "complete"
    assert {record["status"] for record in records_of(folder)} == {"ok"}
    assert re.search(r"(select|iocp)[^\n]*: [\d,]+ \[[\d,]+, [\d,]+\] requests/s", text), text
    assert "nothing is missing" in said(rig, "tune", "--resume", folder.name)


def test_an_slo_search_and_its_report(rig: Rig) -> None:
    words = ("--slo", "p90=50ms", "--trials", "10", "--duration-ms", "500", "--warmup-ms", "200")
    said(rig, "slo", "iocp", *words, "--rate-from", "400", "--rate-to", "4000", timeout_s=600.0)
    folder = newest(rig.tree / "results", "slo.json")
    manifest = manifest_of(folder, "slo.json")
    assert manifest["status"] == "complete" and manifest["answers"]
    assert len(manifest["trials"]) >= 10
    assert "nothing is missing" in said(rig, "slo", "--resume", folder.name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda name: name[6:].replace("/", "-"))
def test_every_test_of_windows_runs_there(rig: Rig, folder: str) -> None:
    """The output of each folder stays in the rig, with the count and the reasons of all skips."""
    done = rig.pytest("-n", "2", folder, timeout_s=FOLDER_TIMEOUT_S)
    log = rig.folder / "whole" / f"{folder.replace('/', '-')}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text(done.stdout, encoding="utf-8")
    assert done.returncode == 0, done.stdout[-6000:]
