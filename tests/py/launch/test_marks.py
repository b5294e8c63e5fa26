"""Whatever dies first, no process is left: a guard ends what has our mark."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iomodels.base.files import ROOT
from iomodels.cli.main import main
from iomodels.launch import marks

STUBBORN = """
import signal, sys, time
for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, signal.SIG_IGN)
print('{"event":"ready","format":1}', flush=True)
while True:
    time.sleep(1)
"""
"""A server that ignores its stdin and every signal that can be ignored."""

HARNESS = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from iomodels.launch import marks
from iomodels.launch.process import Program
marks.also_remove(Path(sys.argv[3]))
program = Program([sys.executable, "-c", sys.argv[2]])
program.expect("ready", 20)
print(program.pid, marks._guard().pid, flush=True)
time.sleep(600)
"""
FORKS = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from iomodels.launch import marks
marks.also_remove(Path(sys.argv[2]))
if os.fork():
    os._exit(0)
marks.marked()
print(os.getpid(), flush=True)
time.sleep(600)
"""
LEAVES_NOTHING_S = 10.0


def comes(condition: Callable[[], bool], within_s: float = LEAVES_NOTHING_S) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_gone(pid: int) -> bool:
    """Return whether the process ended. A zombie has, though no one has asked for its code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """A process with a stubborn server: the process, the server's pid and the guard's."""
    (tmp_path / "live").mkdir()
    argv = [sys.executable, "-c", HARNESS, str(ROOT / "harness"), STUBBORN, str(tmp_path / "live")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        server, guard = map(int, process.stdout.readline().split())
        yield process, server, guard
        process.kill()
    assert comes(lambda: is_gone(server) and is_gone(guard)), "the guard cleans up after each test"


def test_a_killed_harness_leaves_no_process_and_no_folder(
    harness: tuple[subprocess.Popen[bytes], int, int], tmp_path: Path
) -> None:
    process, server, guard = harness
    assert not is_gone(server) and (tmp_path / "live").is_dir()
    process.kill()
    assert comes(lambda: is_gone(server) and is_gone(guard))
    assert not (tmp_path / "live").exists()


def test_a_fork_that_lives_on_does_not_keep_the_guard_of_its_parent_waiting(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    argv = [sys.executable, "-c", FORKS, str(ROOT / "harness"), str(tmp_path / "live")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout
        fork = int(process.stdout.readline())
        try:
            assert comes(lambda: not (tmp_path / "live").exists()) and not is_gone(fork)
        finally:
            os.kill(fork, 9)


TEMPORARY = """
import sys, time
sys.path.insert(0, sys.argv[1])
from iomodels.launch.marks import temporary_folder
with temporary_folder() as folder:
    print(folder, flush=True)
    input()
"""


@pytest.mark.parametrize("killed", [True, False])
def test_a_temporary_folder_goes_however_the_program_ends(killed: bool) -> None:
    argv = [sys.executable, "-c", TEMPORARY, str(ROOT / "harness")]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir() and folder.name.startswith("iomodels-")
        if killed:
            process.kill()
        process.communicate("\n")
    assert comes(lambda: not folder.exists())


def test_doctor_ends_what_a_harness_left_that_was_killed_with_its_guard(
    harness: tuple[subprocess.Popen[bytes], int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    process, server, guard = harness
    os.kill(guard, 9)
    process.kill()
    process.wait()
    assert comes(lambda: is_gone(guard)) and not is_gone(server)
    assert main(["doctor", "--dry-run"]) == 0
    found = capsys.readouterr().out
    assert f"process {server}: {sys.executable}" in found and "would be ended" in found
    assert f"started by process {process.pid}, which was killed" in found
    assert not is_gone(server)
    assert main(["doctor"]) == 0
    assert "ended now" in capsys.readouterr().out
    assert comes(lambda: is_gone(server))


def test_the_mark_is_that_of_this_process_and_its_children_inherit_it() -> None:
    words = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(words, env=marks.marked()) as child:
        assert comes(lambda: child.pid in marks.processes_with(marks.OWNER, marks.owner()))
        assert os.getpid() not in marks.processes_with(marks.OWNER, marks.owner())
        assert marks.owner() not in marks.left_behind(), "this process lives"
        assert child.pid in marks.end_all(marks.OWNER, marks.owner())
    assert marks.name_of(child.pid) == "?"
