"""Mark every process that this program starts, so that none outlives it (Linux).

The mark is a variable of the environment, which the children of a process inherit, too. A guard is
a process of its own: it waits for the end of this program, whatever the cause, and then ends what
has the mark. Windows has jobs for that (launch/windows.py).

The guard is this file as a script, so it uses the standard library only.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

OWNER = "IOMODELS_OWNER"
"""Number and start of the process that started the marked one: "4711-88012"."""
GRACE_S = 3.0
"""A server ends by itself at the end of its stdin; so long it may take."""
END_S = 5.0
LOOK_S = 0.02
_guards: dict[int, subprocess.Popen[bytes]] = {}


def owner() -> str:
    """Return the mark of what this process starts."""
    return mark_of(os.getpid())


def mark_of(pid: int) -> str:
    """Return the mark of what a process starts. Raises OSError if it has ended."""
    return f"{pid}-{_started(pid)}"


def marked(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment with the mark, once the guard of this process runs."""
    _guard()
    return {**(os.environ if environment is None else environment), OWNER: owner()}


def also_remove(folder: Path) -> None:
    """Let the guard remove a folder if this program does not."""
    stdin = _guard().stdin
    assert stdin
    with suppress(OSError):  # the guard was killed: `iomodels doctor` is left
        stdin.write(os.fsencode(folder) + b"\n")
        stdin.flush()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that is removed in the end; on Linux also if this program is killed."""
    with tempfile.TemporaryDirectory(prefix="iomodels-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if sys.platform == "linux":
            also_remove(folder)
        yield folder


def processes_with(name: str, value: str) -> list[int]:
    """Return the processes that have this variable, without this one."""
    return [pid for pid, found in _environments(name) if found == value and pid != os.getpid()]


def end_all(name: str, value: str, timeout_s: float = END_S) -> list[int]:
    """Kill every process that has this variable, and those that they start meanwhile.

    Returns what was killed.
    """
    killed: dict[int, None] = {}
    deadline = time.monotonic() + timeout_s
    while (found := processes_with(name, value)) and time.monotonic() < deadline:
        for pid in found:
            killed[pid] = None
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(LOOK_S)
    return list(killed)


def left_behind() -> dict[str, list[int]]:
    """Return the marked processes whose owner has ended, by mark."""
    found: dict[str, list[int]] = {}
    for pid, mark in _environments(OWNER):
        if not _lives(mark):
            found.setdefault(mark, []).append(pid)
    return found


def name_of(pid: int) -> str:
    """Return the command of a process, shortened; "?" if it has ended."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        return words.decode("utf-8", "replace").strip()[:120] or "?"
    return "?"


def _environments(name: str) -> Iterator[tuple[int, str]]:
    """Yield the value of a variable in each process that has it and that we may ask."""
    prefix = f"{name}=".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended, or it is another user's
            for entry in (folder / "environ").read_bytes().split(b"\0"):
                if entry.startswith(prefix):
                    yield int(folder.name), os.fsdecode(entry[len(prefix) :])


def _started(pid: int) -> str:
    """Return the start of a process in ticks since boot: a number is used again, both are not."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()[19]


def _lives(mark: str) -> bool:
    pid, _, started = mark.partition("-")
    try:
        return pid.isdigit() and _started(int(pid)) == started
    except OSError:
        return False


def _guard() -> subprocess.Popen[bytes]:
    """Return the guard of this process; the first call starts it."""
    if os.getpid() not in _guards:
        _guards.clear()  # those of a process that was forked are its own
        null = subprocess.DEVNULL
        _guards[os.getpid()] = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, owner()],
            stdin=subprocess.PIPE,
            stdout=null,
            stderr=null,
            cwd="/",
            start_new_session=True,
        )
    return _guards[os.getpid()]


def _watch(mark: str) -> None:
    """Wait for the end of the owner, then end and remove what it left."""
    folders = [Path(os.fsdecode(line.rstrip(b"\n"))) for line in sys.stdin.buffer]
    deadline = time.monotonic() + GRACE_S
    while processes_with(OWNER, mark) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    end_all(OWNER, mark)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _watch(sys.argv[1])
