"""Read the counters of a server's process from outside, and of the wineserver, its kernel.

A server reports the counters of its own process (servers/kit/process_counters.h). Wine answers
several of these calls with zeros, so the harness reads Linux' /proc. One table in the record has
every counter, with value and source, or null and the reason.

The window is the load generator's: one reading at its begin, one at its end. /proc adds CPU time
and page faults over all threads, including those that ended. It forgets the context switches of a
thread that ended. Threads that end inside the window are noticed, and a note reports their missing
switches. A thread that starts and ends between both readings leaves no trace.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from iomodels.data.counters import SOURCES, Watch

PROC = Path("/proc")
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0
CHUNK = 1 << 16


class ProcessWatch:
    """Reads one Unix process at both ends of a window.

    It never raises for a process that has gone; `reason` then explains it. The files of threads
    stay open in between: Linux ties them to the thread. An ended thread is thus noticed even if
    its number is in use again. A reading costs 20 to 40 µs per thread.
    """

    sources: Mapping[str, str] = SOURCES

    def __init__(
        self, pid: int, proc: Path = PROC, cpu_clock: Callable[[int], int | None] | None = None
    ) -> None:
        self.values: dict[str, int] = {}
        self.reason: str | None = "the measuring window was not over"
        self._pid = pid
        self._folder = proc / str(pid)
        self._cpu_clock = cpu_clock or process_cpu_ns
        self._threads: dict[
            str, tuple[int, tuple[int, int]]
        ] = {}  # number: (its open file, switches when the window began)
        self._totals: dict[str, int] = {}

    def begin(self) -> None:
        if sys.platform != "linux":
            self.reason = "only Linux has /proc"
            return
        try:
            for thread in (self._folder / "task").iterdir():
                number = thread.name
                file = self._open(number)
                switches = None if file is None else _switches(file)
                if file is not None and switches is not None:
                    self._threads[number] = file, switches
            self._totals = self._read_totals()
        except (OSError, ValueError) as error:
            self.reason = _why(error)

    def end(self) -> None:
        if not self._totals:
            return
        try:
            totals = self._read_totals()
            self.values = {
                name: totals[name] - first for name, first in self._totals.items() if name in totals
            }
            self._add_switches()
            self._add_gauges()
            self.reason = None
        except (OSError, ValueError) as error:
            self.reason = _why(error)

    def close(self) -> None:
        for file, _ in self._threads.values():
            os.close(file)
        self._threads.clear()

    def _open(self, number: str) -> int | None:
        try:
            return os.open(self._folder / "task" / number / "status", os.O_RDONLY)
        except FileNotFoundError:  # the thread ended meanwhile
            return None

    def _add_switches(self) -> None:
        """Sum the switches of present threads: the increase of old ones, all of new ones."""
        present = {thread.name for thread in (self._folder / "task").iterdir()}
        before = len(self._threads)
        found: list[tuple[int, int]] = []
        ended = 0
        for number, (file, first) in self._threads.items():
            last = _switches(file) if number in present else None
            if last is None:
                ended += 1
                continue
            present.discard(number)
            found.append((last[0] - first[0], last[1] - first[1]))
        for number in present:
            new = self._open(number)
            if new is not None:
                found.append(_switches(new) or (0, 0))
                os.close(new)
        voluntary, involuntary = (sum(pair[kind] for pair in found) for kind in (0, 1))
        self.values |= {
            "context_switches": voluntary + involuntary,
            "context_switches_voluntary": voluntary,
            "context_switches_involuntary": involuntary,
            "threads_ended": ended,
            "threads": len(found),
            "threads_peak": max(before, len(found)),
        }

    def _read_totals(self) -> dict[str, int]:
        """Return counters of the whole process since its start, including ended threads.

        Source: proc(5), /proc/PID/stat, where fields count from 1.
        """
        fields = (
            (self._folder / "stat").read_bytes().rpartition(b")")[2].split()
        )  # a name may contain spaces, so fields start after it
        if len(fields) < 13:
            raise ValueError("stat is cut short")
        minor, major, user, kernel = (int(fields[number - 3]) for number in (10, 12, 14, 15))
        totals = {
            "page_faults": minor + major,
            "cpu_user_ns": user * TICK_NS,
            "cpu_kernel_ns": kernel * TICK_NS,
        }
        cpu_ns = self._cpu_clock(self._pid)
        return totals if cpu_ns is None else {**totals, "cpu_ns": cpu_ns}

    def _add_gauges(self) -> None:
        """Read the memory after the window, as adding up the private pages delays the process."""
        status = _kilobytes(self._folder / "status")
        self.values |= {
            "working_set_bytes": status["VmRSS"],
            "peak_working_set_bytes": status["VmHWM"],
        }
        self.values["open_files"] = sum(1 for _ in (self._folder / "fd").iterdir())
        if (self._folder / "smaps_rollup").exists():  # Linux 4.14
            pages = _kilobytes(self._folder / "smaps_rollup")
            self.values["private_bytes"] = pages["Private_Clean"] + pages["Private_Dirty"]


def process_cpu_ns(pid: int) -> int | None:
    """Return the CPU time of all threads in ns, including ended ones; None without such a clock.

    The clock's number is that of clock_getcpuclockid(3). Python wraps that function for threads
    only.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except (AttributeError, OSError):
        return None


def _switches(file: int) -> tuple[int, int] | None:
    """Return voluntary and involuntary switches of a thread; None if it ended."""
    try:
        text = os.pread(file, CHUNK, 0)
    except ProcessLookupError:
        return None
    found = re.findall(rb"^(?:non)?voluntary_ctxt_switches:\s*(\d+)$", text, re.MULTILINE)
    if len(found) != 2:
        raise ValueError("a thread's status has no context switches")
    return int(found[0]), int(found[1])


def _kilobytes(path: Path) -> dict[str, int]:
    """Return the lines "VmRSS:  1604 kB" of a file of /proc, in bytes."""
    found = re.findall(
        r"^(\w+):\s+(\d+) kB$", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE
    )
    if not found:
        raise ValueError(f"{path.name} holds no sizes")
    return {name: int(number) * 1024 for name, number in found}


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, (FileNotFoundError, ProcessLookupError)):
        return "the process had ended"
    return f"/proc: {error.strerror if isinstance(error, OSError) else error}"


class Watching(AbstractContextManager[Any], Protocol):
    """The processes behind a server, watched on their machine: by Watches here, or by an agent."""

    @property
    def roles(self) -> Mapping[str, Watch]: ...

    def begin(self) -> None: ...

    def end(self) -> None: ...


class OneWatch(Watch, Protocol):
    """What a role of Watches needs: ProcessWatch, or all processes of a stranger (tree.py)."""

    def begin(self) -> None: ...

    def end(self) -> None: ...

    def close(self) -> None: ...


class Watches:
    """The processes behind a server by role: "server", "wineserver". Empty without /proc."""

    def __init__(
        self,
        pids: Mapping[str, int],
        proc: Path = PROC,
        more: Mapping[str, OneWatch] | None = None,
    ) -> None:
        self.roles: dict[str, OneWatch] = {
            **{role: ProcessWatch(pid, proc) for role, pid in pids.items()},
            **(more or {}),
        }

    def begin(self) -> None:
        for watch in self.roles.values():
            watch.begin()

    def end(self) -> None:
        for watch in self.roles.values():
            watch.end()

    def __enter__(self) -> Watches:
        return self

    def __exit__(self, *_: object) -> None:
        for watch in self.roles.values():
            watch.close()
