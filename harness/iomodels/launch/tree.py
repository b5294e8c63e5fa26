"""The processes of an external server, which may be a script that starts others.

A model counts its own costs. A stranger does not, so all of his processes are read from outside:
by /proc on Linux, by psutil elsewhere.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import psutil

from iomodels.data.counters import SOURCES, UNITS
from iomodels.launch.watches import ProcessWatch

GONE_S = 2.0
BY_PSUTIL = {
    "context_switches": "NtQuerySystemInformation",
    "cpu_user_ns": "GetProcessTimes",
    "cpu_kernel_ns": "GetProcessTimes",
    "page_faults": "GetProcessMemoryInfo",
    "threads": "NtQuerySystemInformation",
    "handles": "GetProcessHandleCount",
    "working_set_bytes": "GetProcessMemoryInfo",
    "peak_working_set_bytes": "GetProcessMemoryInfo",
    "private_bytes": "GetProcessMemoryInfo",
    "paged_pool_bytes": "GetProcessMemoryInfo",
    "nonpaged_pool_bytes": "GetProcessMemoryInfo",
}
"""The call of Windows behind each counter of psutil."""
GROWING = ("context_switches", "cpu_user_ns", "cpu_kernel_ns", "page_faults")
MEMORY = {
    "page_faults": "num_page_faults",
    "working_set_bytes": "wset",
    "peak_working_set_bytes": "peak_wset",
    "private_bytes": "private",
    "paged_pool_bytes": "paged_pool",
    "nonpaged_pool_bytes": "nonpaged_pool",
}


def tree_of(pid: int) -> list[psutil.Process]:
    """Return a process and all that it started, itself first; [] if it ended."""
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []


def end_all(processes: Sequence[psutil.Process]) -> None:
    """Kill those that still run. psutil knows a process that got the number of an ended one."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=GONE_S)


def end_group(pid: int) -> None:
    """Kill what outlived the first process of its group, such as a daemon. Windows has no groups.

    Linux gives the number of a group to no new process while the group has members.
    """
    if sys.platform != "win32":
        deadline = time.monotonic() + GONE_S
        with suppress(ProcessLookupError, PermissionError):  # no member is left
            while time.monotonic() < deadline:
                os.killpg(pid, signal.SIGKILL)
                time.sleep(0.01)


class Reading(Protocol):
    """The counters of one process between both ends of the window."""

    values: dict[str, int]
    reason: str | None

    def begin(self) -> None: ...

    def end(self) -> None: ...

    def close(self) -> None: ...


class PsutilWatch:
    """Reads one process where there is no /proc. It never raises; `reason` explains a failure."""

    def __init__(self, pid: int) -> None:
        self.values: dict[str, int] = {}
        self.reason: str | None = "the measuring window was not over"
        self._pid = pid
        self._first: dict[str, int] = {}

    def begin(self) -> None:
        self._first = self._read() or {}

    def end(self) -> None:
        last = self._read() if self._first else None
        if last is not None:
            self.values = {
                name: value - self._first[name] if name in GROWING else value
                for name, value in last.items()
            }
            self.reason = None

    def close(self) -> None: ...

    def _read(self) -> dict[str, int] | None:
        try:
            process = psutil.Process(self._pid)
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
                switches = process.num_ctx_switches()
                found = {
                    "context_switches": switches.voluntary + switches.involuntary,
                    "cpu_user_ns": round(times.user * 1e9),
                    "cpu_kernel_ns": round(times.system * 1e9),
                    "threads": process.num_threads(),
                }
                handles = getattr(process, "num_handles", None)
                found |= {"handles": handles()} if handles else {}
        except (psutil.Error, OSError) as error:
            self.reason = str(error) or type(error).__name__
            return None
        return found | {
            name: getattr(memory, field) for name, field in MEMORY.items() if hasattr(memory, field)
        }


class TreeWatch:
    """Reads all processes of a server as one. Without /proc `each` is a PsutilWatch."""

    def __init__(self, pid: int, each: Callable[[int], Reading] | None = None) -> None:
        on_linux = sys.platform == "linux"
        self.sources: Mapping[str, str] = SOURCES if on_linux else BY_PSUTIL
        self.values: dict[str, int] = {}
        self.reason: str | None = "the measuring window was not over"
        self._pid = pid
        self._each = each or (ProcessWatch if on_linux else PsutilWatch)
        self._readings: dict[int, Reading] = {}

    def begin(self) -> None:
        self._readings = {each.pid: self._each(each.pid) for each in tree_of(self._pid)}
        for reading in self._readings.values():
            reading.begin()

    def end(self) -> None:
        for reading in self._readings.values():
            reading.end()
        now = {each.pid for each in tree_of(self._pid)}
        if not self._readings:
            self.reason = "its process is not known"
        elif now != set(self._readings):
            self.reason = "a process of the server started or ended in the measuring window"
        else:
            self.reason = next(
                (each.reason for each in self._readings.values() if each.reason), None
            )
        if self.reason is None:
            self.values = self._sums()

    def _sums(self) -> dict[str, int]:
        """Return the sum of each counter that all processes have."""
        rows = [each.values for each in self._readings.values()]
        shared = [name for name in UNITS if all(name in row for row in rows)]
        return {name: sum(row[name] for row in rows) for name in shared}

    def close(self) -> None:
        for reading in self._readings.values():
            reading.close()
