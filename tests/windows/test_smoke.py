"""The Windows half measures and reports, by a CPython for Windows under Wine: for the gate."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from commands import manifest_of, newest, records_of, said
from rig import ROOT, Rig

SUITE = """
title = "A short run"
question = "Does the Windows half measure?"
connections = [8]
sizes = [64]
depth = 1
rounds = 8
warmup_ms = 200
duration_ms = 500
[[servers]]
model = "select"
[[servers]]
model = "iocp"
[quick]
rounds = 1
"""


def test_a_short_run_and_its_report(rig: Rig) -> None:
    rig.fill_environment()
    (rig.tree / "short.toml").write_text(SUITE, encoding="utf-8")
    text = said(rig, "run", "short.toml", "--quick", programs="short")
    assert "making a Python environment" not in text and "iocp" in text
    folder = newest(rig.tree / "results")
    manifest = manifest_of(folder)
    assert (manifest["status"], manifest["quick"]) == ("complete", True)
    assert manifest["environment"]["launcher"]["priority_class"] == "normal"
    records = records_of(folder)
    assert [record["status"] for record in records] == ["ok"] * 2, records
    assert {record["condition"]["model"] for record in records} == {"select", "iocp"}
    assert (folder / "report.html").stat().st_size > 50_000


def test_what_only_windows_can_show(rig: Rig) -> None:
    """Ctrl-Break, processors, and the job that ends a server with its harness."""
    rig.fill_environment()
    words = ("tests/py/launch/test_windows.py", "-k", "on_windows")
    done = rig.pytest(*words, preset="short")
    assert done.returncode == 0 and "3 passed" in done.stdout, done.stdout[-3000:]


def test_a_server_built_by_zig_answers() -> None:
    """The compiler that `iomodels.cmd` installs where there is none builds working programs."""
    if not (ROOT / "build" / "compiler" / "iomodels.stamp").is_file():
        pytest.skip("zig is not installed: python3 cmake/wheels.py --programs select")
    for argv in (
        (sys.executable, "cmake/wheels.py", "--programs", "select"),
        (sys.executable, *["-m", "pytest", "-q", "tests/servers/test_echo.py", "-k", "select-"]),
    ):
        done = subprocess.run(
            argv,
            cwd=ROOT,
            env={**os.environ, "IOMODELS_PRESET": "zig"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-3000:]
