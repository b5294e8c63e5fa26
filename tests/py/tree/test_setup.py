"""`./iomodels` before anything is built: errors and progress, on a system of fake programs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from iomodels.base.files import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
TOOLS = [
    "sh",
    "env",
    "awk",
    "sed",
    "sort",
    "comm",
    "tr",
    "cat",
    "mkdir",
    "flock",
    "uname",
    "dirname",
    "readlink",
    "grep",
    "tail",
    "sleep",
]
DEADLINE_S = 60.0


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """The only folder on PATH: apt, an ordinary user, no sudo, two packages missing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (folder / tool).symlink_to(found)
    program(
        folder / "dpkg-query",
        "shift 3; for name; do "
        'case $name in wine | cmake) ;; *) echo "$name installed" ;; esac; done',
    )
    program(folder / "apt-get", "exit 100")
    program(folder / "id", "echo 1000")
    return folder


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def checkout(folder: Path) -> Path:
    for name in ("iomodels", "cmake/setup.sh", "cmake/packages.debian"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder / "iomodels"


def start(script: Path, system: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [script, *words],
        env={"PATH": str(system)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(script: Path, system: Path, *words: str) -> tuple[int, str]:
    with start(script, system, *words) as started:
        return started.wait(DEADLINE_S), started.stderr.read() if started.stderr else ""


def test_what_is_missing_is_named_and_never_installed_unasked(tmp_path: Path, system: Path) -> None:
    script = checkout(tmp_path / "ä [1] $x (b)")
    assert said(script, system, "suites", "--no-install") == (
        1,
        "iomodels: packages are missing: cmake wine; omit --no-install to install them\n",
    )
    assert said(script, system, "suites") == (
        1,
        "iomodels: packages are missing and sudo is not installed; "
        "run as root: apt-get install --no-install-recommends cmake wine\n",
    )


@pytest.mark.parametrize("character", ";|\\\":*?<>'&`^")
def test_a_path_that_the_tools_cannot_take_is_refused_before_anything_is_installed(
    character: str, tmp_path: Path, system: Path
) -> None:
    code, text = said(checkout(tmp_path / f"a{character}b"), system, "setup")
    assert (
        code == 1
        and text.startswith("iomodels: move this checkout: its path has one of")
        and text.count("\n") == 1
    )
    assert (
        text.rstrip().endswith(f"a{character}b")
        and not (tmp_path / f"a{character}b" / "build").exists()
    )


def test_the_progress_of_apt_is_shown_while_it_works(tmp_path: Path, system: Path) -> None:
    """The one of this test waits until its line was seen, ten seconds at most."""
    seen = tmp_path / "seen"
    program(system / "id", "echo 0")
    program(
        system / "apt-get",
        f"""case "$*" in *-s*) exit 0 ;; esac
        echo pmstatus:wine:47.5:Unpacking >&3
        for try in 0 1 2 3 4 5 6 7 8 9; do [ -e '{seen}' ] || sleep 1; done
        if [ -e '{seen}' ]; then echo 'E: that is all'; else echo 'E: nobody saw it'; fi
        exit 100""",
    )
    with start(checkout(tmp_path / "tree"), system, "setup") as started:
        assert started.stderr
        assert (
            started.stderr.readline() == "iomodels: installing packages with apt-get "
            "(Ctrl-C stops, --no-install never installs): cmake wine\n"
        )
        assert started.stderr.readline() == "iomodels:   installing 40 %\n"
        seen.touch()
        assert started.wait(DEADLINE_S) == 1
        assert "installing failed: that is all (whole log: " in started.stderr.read()


def test_set_up_takes_one_option(tmp_path: Path, system: Path) -> None:
    assert said(checkout(tmp_path / "tree"), system, "setup", "--frameworks") == (
        2,
        "iomodels: setup takes --references only, but got: --frameworks\n",
    )


def test_sudo_is_named_before_it_is_used(tmp_path: Path, system: Path) -> None:
    program(system / "sudo", "exit 1")
    program(system / "apt-get", "exit 0")
    code, text = said(checkout(tmp_path / "tree"), system, "setup")
    assert code == 1 and text.startswith("iomodels: installing packages with sudo apt-get (Ctrl-C")
