"""Tests that `iomodels.cmd test` runs on Windows, collected here without POSIX modules."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COLLECT = """
import importlib.abc, os, signal, sys
import numpy, scipy.stats, matplotlib.pyplot, psutil, jinja2, rich.console
import fastjsonschema, jsonschema
import hypothesis, pytest, subprocess, tempfile, multiprocessing, asyncio

class Posix(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource", "termios", "pwd", "grp"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Posix())
for name in ("fcntl", "resource", "termios", "pwd", "grp"):
    sys.modules.pop(name, None)
for name in (
    "sched_getaffinity", "sched_setaffinity", "killpg", "pread", "sysconf",
    "geteuid", "getuid", "mkfifo", "setsid", "fork",
):
    delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGSTOP", "SIGCONT", "SIGUSR1", "SIGALRM"):
    delattr(signal, name)
options = "-p no:cacheprovider -p no:xdist --collect-only -q -rs"
sys.exit(pytest.main([*options.split(), "tests/py", "tests/servers", "tests/loadgen"]))
"""

specification = importlib.util.spec_from_file_location(
    "tests_conftest", ROOT / "tests" / "conftest.py"
)
assert specification and specification.loader
conftest = importlib.util.module_from_spec(specification)
specification.loader.exec_module(conftest)


@pytest.fixture(scope="module")
def collected() -> str:
    environ = {**os.environ, "IOMODELS_TESTS_OF_WINDOWS": "1", "PYTHONPATH": str(ROOT / "harness")}
    done = subprocess.run(
        [sys.executable, "-c", COLLECT],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_every_other_test_can_be_loaded_there(collected: str) -> None:
    """Nothing that is not in the list needs a module or a name of POSIX to be imported."""
    files = set(re.findall(r"^(tests/[\w/]+/test_\w+\.py)::", collected, re.MULTILINE))
    every = {
        path.relative_to(ROOT).as_posix()
        for room in ("py", "servers", "loadgen")
        for path in (ROOT / "tests" / room).rglob("test_*.py")
    }
    left_out = {f"tests/{name}" for name in conftest.NOT_ON_WINDOWS if "::" not in name}
    assert left_out and files == every - left_out


def test_each_file_that_is_left_out_says_why(collected: str) -> None:
    for name, reason in conftest.NOT_ON_WINDOWS.items():
        if "::" not in name:
            assert re.search(
                rf"^SKIPPED .*: {re.escape(f'{name} not on Windows: {reason}')}$",
                collected,
                re.MULTILINE,
            ), name


def test_each_test_that_is_left_out_is_there(collected: str) -> None:
    for name in conftest.NOT_ON_WINDOWS:
        assert "::" not in name or f"tests/{name}" in collected, name


@pytest.mark.parametrize("as_windows", [True, False])
def test_one_that_is_left_out_is_skipped_with_its_reason(as_windows: bool) -> None:
    name = "py/measure/test_measure.py::test_load_generators_that_fail"
    environ = {
        key: value for key, value in os.environ.items() if key != "IOMODELS_TESTS_OF_WINDOWS"
    } | ({"IOMODELS_TESTS_OF_WINDOWS": "1"} if as_windows else {})
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-q",
        "-rs",
        f"tests/{name}",
        "-k",
        "unanswered or limits",
    ]
    done = subprocess.run(
        argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
    assert (
        "1 skipped" in done.stdout
        and f"not on Windows: {conftest.NOT_ON_WINDOWS[name]}" in done.stdout
    ) is as_windows
    assert ("1 passed" in done.stdout) is not as_windows
