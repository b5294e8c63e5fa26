"""A wheel that carries the programs measures in an empty folder, without a compiler or a clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from rig import ROOT, Rig, windows_path

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, rig: Rig) -> Path:
    """Built from a copy of the sources, as `pip wheel --no-deps .` does."""
    folder = tmp_path_factory.mktemp("wheel")
    programs = ROOT / "build" / "mingw" / "bin"
    environ = {**os.environ, "IOMODELS_WHEEL_PROGRAMS": str(programs)}
    argv = [sys.executable, "-c", BUILD, str(folder)]
    done = subprocess.run(argv, cwd=rig.tree, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [made] = folder.glob("*.whl")
    return made


def test_it_carries_what_a_run_starts_and_the_licences(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-win_amd64.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = archive.namelist()
        about = archive.read(next(name for name in held if name.endswith("/WHEEL"))).decode()
    own = {name.removeprefix("iomodels/programs/") for name in held if "/programs/" in name}
    models = {f"bin/{name}.exe" for name in ("apc", "events", "iocp", "select", "threads", "tpio")}
    assert models | {"bin/loadgen.exe", "bin/laws/one_core.exe"} <= own
    assert {"HdrHistogram_c-COPYING.txt", "HdrHistogram_c-LICENSE.txt"} <= own
    assert not [name for name in own if "test_" in name or "fixtures" in name]
    assert "Root-Is-Purelib: false" in about


def test_its_first_run_in_an_empty_folder(rig: Rig, wheel: Path, tmp_path: Path) -> None:
    """Its libraries are those of the rig; pip takes the wheel itself from a folder."""
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    pip = ("-m", "pip", "install", "--no-deps", "--target", windows_path(installed))
    done = rig.run(rig.python, *pip, windows_path(wheel), folder=empty)
    assert done.returncode == 0, done.stdout
    environ = {"PYTHONPATH": windows_path(installed)}
    words = ("-m", "iomodels", "run", "select-vs-iocp", "--quick")
    done = rig.run(rig.python, *words, folder=empty, environ=environ)
    assert done.returncode == 0, done.stdout[-3000:]
    [folder] = (path.parent for path in (empty / "results").glob("*/run.json"))
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert manifest["status"] == "complete"
    assert set(manifest["environment"]["binaries"]) >= {"bin/iocp.exe", "bin/loadgen.exe"}
    assert (folder / "report.html").is_file()
