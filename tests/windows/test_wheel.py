"""The wheels that carry programs, by the documented command, each in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from commands import manifest_of
from rig import ROOT, Rig, windows_path

pytestmark = pytest.mark.whole
BUILD_TIMEOUT_S = 1800.0
MODELS = ("apc", "events", "iocp", "select", "threads", "tpio")
LICENCES = {
    "HdrHistogram_c-COPYING.txt": "CC0",
    "HdrHistogram_c-LICENSE.txt": "Redistribution and use",
    "zig-LICENSE.txt": "The MIT License",
    "MinGW-w64-COPYING.txt": "Zope Public License",
    "MinGW-w64-notices.txt": "Permission is hereby granted",
}
"""Each licence in a wheel, and words of it."""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels by platform, as cmake/wheels.py builds them."""
    folder = tmp_path_factory.mktemp("wheels")
    argv = [sys.executable, ROOT / "cmake" / "wheels.py", folder]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
    assert done.returncode == 0, done.stderr[-3000:]
    found = sorted(folder.glob("*.whl"))
    assert [str(path) for path in found] == done.stdout.splitlines()[-3:]
    return {re.sub(r"\d+", "N", path.stem.partition("-none-")[2]): path for path in found}


def test_there_is_one_for_each_platform(wheels: dict[str, Path]) -> None:
    assert set(wheels) == {"win_amdN", "win_armN", "manylinux_N_N_xN_N"}


@pytest.mark.parametrize("platform", ["win_amdN", "win_armN", "manylinux_N_N_xN_N"])
def test_it_carries_what_a_run_starts_and_the_licences(
    wheels: dict[str, Path], platform: str
) -> None:
    with zipfile.ZipFile(wheels[platform]) as archive:
        names = archive.namelist()
        about = archive.read(next(name for name in names if name.endswith("/WHEEL"))).decode()
        inside = "iomodels/programs/licences/"
        texts = {
            name.removeprefix(inside): archive.read(name).decode()
            for name in names
            if name.startswith(inside)
        }
    held = {name.removeprefix("iomodels/programs/") for name in names if "/programs/" in name}
    programs = {f"bin/{name}.exe" for name in (*MODELS, "loadgen", "laws/one_core")}
    assert programs <= held
    assert ("host/bin/loadgen" in held) is platform.startswith("manylinux")
    assert not [name for name in held if "test_" in name or "fixtures" in name]
    assert "Root-Is-Purelib: false" in about
    assert set(texts) == set(LICENCES)
    assert [name for name, words in LICENCES.items() if words not in texts[name]] == []


def test_its_first_run_on_windows(rig: Rig, wheels: dict[str, Path], tmp_path: Path) -> None:
    """Its libraries are those of the rig; pip takes the wheel itself from a folder.

    It prints in the code page of Windows, as for a user who set no variable of Python.
    """
    rig.fill_environment()
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    python = rig.folder / "python" / "python.exe"
    pip = ("-m", "pip", "install", "--no-deps", "--target", windows_path(installed))
    done = rig.run(python, *pip, windows_path(wheels["win_amdN"]), folder=empty)
    assert done.returncode == 0, done.stdout
    environ = {"PYTHONPATH": windows_path(installed), "PYTHONUTF8": "0"}
    words = ("-m", "iomodels", "run", "select-vs-iocp", "--quick")
    done = rig.run(rig.python, *words, folder=empty, environ=environ)
    assert done.returncode == 0, done.stdout[-3000:]
    _check_run(empty, "bin/loadgen.exe")


def test_its_first_run_on_linux(wheels: dict[str, Path], tmp_path: Path) -> None:
    """Its libraries are those of these tests; the servers run under Wine."""
    environment, empty = tmp_path / "environment", tmp_path / "empty"
    empty.mkdir()
    venv.create(environment, with_pip=True, system_site_packages=True)
    python = environment / "bin" / "python"
    wheel = wheels["manylinux_N_N_xN_N"]
    pip = [python, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", wheel]
    subprocess.run(pip, cwd=empty, check=True)
    environ = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    words = [environment / "bin" / "iomodels", "run", "select-vs-iocp", "--quick"]
    done = subprocess.run(words, cwd=empty, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    _check_run(empty, "host/bin/loadgen")
    assert list((tmp_path / "cache" / "iomodels" / "wine").glob("prefix-*"))


def _check_run(folder: Path, loadgen: str) -> None:
    [run] = (path.parent for path in (folder / "results").glob("*/run.json"))
    manifest = manifest_of(run)
    assert manifest["status"] == "complete"
    assert set(manifest["environment"]["binaries"]) >= {"bin/iocp.exe", loadgen}
    assert (run / "report.html").is_file()
