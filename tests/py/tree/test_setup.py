"""`./iomodels` before anything is built: errors and progress, on a system of fake programs."""

from __future__ import annotations

import contextlib
import hashlib
import os
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
        f"""case "$*" in *-s* | *--assume-no*) exit 0 ;; esac
        echo pmstatus:wine:47.5:Unpacking >&3
        for try in 0 1 2 3 4 5 6 7 8 9; do [ -e '{seen}' ] || sleep 1; done
        if [ -e '{seen}' ]; then echo 'E: that is all'; else echo 'E: nobody saw it'; fi
        exit 100""",
    )
    with start(checkout(tmp_path / "tree"), system, "setup") as started:
        assert started.stderr
        assert started.stderr.readline() == "iomodels: these packages are missing: cmake wine\n"
        assert (
            started.stderr.readline() == "iomodels: installing them with apt-get "
            "(Ctrl-C stops, --no-install never installs)\n"
        )
        assert started.stderr.readline() == "iomodels:   installing 40 %\n"
        seen.touch()
        assert started.wait(DEADLINE_S) == 1
        assert "installing failed: that is all (whole log: " in started.stderr.read()


def test_set_up_takes_one_option(tmp_path: Path, system: Path) -> None:
    assert said(checkout(tmp_path / "tree"), system, "setup", "--frameworks") == (
        2,
        "iomodels: setup takes --references and --yes only, but got: --frameworks\n",
    )


def test_sudo_is_named_before_it_is_used(tmp_path: Path, system: Path) -> None:
    program(system / "sudo", "exit 1")
    program(system / "apt-get", "exit 0")
    code, text = said(checkout(tmp_path / "tree"), system, "setup")
    lines = text.splitlines()
    assert code == 1 and lines[0] == "iomodels: these packages are missing: cmake wine"
    assert lines[1].startswith("iomodels: installing them with sudo apt-get (Ctrl-C")


def test_what_apt_would_do_is_said_before_it_does_it(tmp_path: Path, system: Path) -> None:
    program(
        system / "apt-get",
        """case "$*" in
        *-s*) echo Inst cmake; echo Inst wine; echo Inst libwine; exit 0 ;;
        *--assume-no*) echo 'Need to get 12.5 MB/312 MB of archives.'; exit 1 ;;
        esac
        exit 100""",
    )
    program(system / "sudo", "exit 1")
    _, text = said(checkout(tmp_path / "tree"), system, "setup")
    assert text.splitlines()[0] == (
        "iomodels: these packages are missing: cmake wine "
        "(3 with those that they need; 12.5 MB of downloads)"
    )


def on_terminal(script: Path, system: Path, answer: str, *words: str) -> tuple[int, str]:
    """Return the exit code and what a user saw who typed `answer` at a terminal."""
    import pty  # Linux and macOS only

    master, slave = pty.openpty()
    with subprocess.Popen(
        [script, *words], env={"PATH": str(system)}, stdin=slave, stdout=slave, stderr=slave
    ) as started:
        os.close(slave)
        os.write(master, answer.encode())
        code, seen = started.wait(DEADLINE_S), b""
        with contextlib.suppress(OSError):  # the end of a terminal's output on Linux
            while some := os.read(master, 4096):
                seen += some
    os.close(master)
    return code, seen.decode().replace("\r", "")


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04", "maybe\n"])
def test_no_to_sudo_installs_nothing(answer: str, tmp_path: Path, system: Path) -> None:
    program(system / "sudo", f": >{tmp_path}/used")
    program(system / "apt-get", "exit 0")
    code, seen = on_terminal(checkout(tmp_path / "tree"), system, answer, "suites")
    assert code == 1 and "install them with sudo? [y/N] " in seen
    assert seen.splitlines()[-1].endswith(  # the answer was typed before the question
        "iomodels: nothing was installed; without a question: ./iomodels setup --yes, "
        "or as root: apt-get install --no-install-recommends cmake wine"
    )
    assert not (tmp_path / "used").exists()


@pytest.mark.parametrize(
    ("answer", "words"), [("y\n", ["setup"]), ("", ["setup", "--yes"]), ("", ["setup", "-y"])]
)
def test_sudo_is_used_after_a_yes(
    answer: str, words: list[str], tmp_path: Path, system: Path
) -> None:
    program(system / "sudo", f": >{tmp_path}/used; exit 1")
    program(system / "apt-get", "exit 0")
    code, seen = on_terminal(checkout(tmp_path / "tree"), system, answer, *words)
    assert code == 1 and ("[y/N]" in seen) is bool(answer)
    assert (tmp_path / "used").exists() and "installing failed" in seen


# ---- the sources of a dependency ----

HDR = ("hdr_histogram.h", "hdr_histogram.c", "hdr_atomic.h", "hdr_tests.h")
HDR_TEXTS = ("LICENSE.txt", "COPYING.txt")
HELPER = Path("/usr/lib/apt/apt-helper")


@pytest.mark.skipif(not HELPER.exists(), reason="no apt here")
@pytest.mark.parametrize("right", [True, False])
def test_the_archive_of_an_incomplete_source_package_serves_alone(
    right: bool, tmp_path: Path
) -> None:
    """As when the archive of a distribution lacks another file of the package."""
    source = tmp_path / "redis-7.0.15" / "deps" / "hdr_histogram"
    source.mkdir(parents=True)
    for name in (*HDR, *HDR_TEXTS):
        (source / name).write_text(name, encoding="utf-8")
    archive = tmp_path / "redis_7.0.15.orig.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", tmp_path, "redis-7.0.15"], check=True)
    digest = hashlib.sha256(archive.read_bytes() if right else b"").hexdigest()
    tree, fakes = tmp_path / "tree", tmp_path / "fakes"
    fakes.mkdir()
    program(
        fakes / "apt-get",
        f"""case "$*" in
        *--print-uris*)
            echo "'copy:/none/redis_7.0.15.dsc' redis_7.0.15.dsc 1 SHA256:0"
            echo "'copy:{archive}' {archive.name} {archive.stat().st_size} SHA256:{digest}" ;;
        *source*) echo 'E: Failed to fetch some archives.' >&2; exit 100 ;;
        esac""",
    )
    shutil.copytree(ROOT / "cmake", tree / "cmake")
    done = subprocess.run(
        [tree / "cmake" / "fetch-sources.sh", "hdr-histogram", tree / "build" / "deps" / "hdr"],
        env={**os.environ, "PATH": f"{fakes}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    made = tree / "build" / "deps" / "hdr"
    if right:
        assert done.returncode == 0, done.stderr
        assert (made / "src" / "hdr_histogram.c").read_text("utf-8") == "hdr_histogram.c"
        assert "package redis 7.0.15, sha256" in (made / "ORIGIN").read_text("utf-8")
        assert "its archive alone serves" in done.stderr
    else:
        assert done.returncode == 1 and not made.exists(), "its hash is another one"
        assert "apt-get source redis: Failed to fetch some archives." in done.stderr
