"""What a measurement cost: the counters of the server's process and, under Wine, of the wineserver that plays its kernel.

A server reports what the system counts inside its process (servers/kit/process_counters.h). Wine answers several of these
calls with zeros, so there the rest is read from Linux' /proc, from outside. Both meet in one table for the record, in which
every counter has its value and source, or null and the reason.

The window is the load generator's: one reading when it begins, one when it is over. /proc adds up CPU time and page faults
over all threads, ended ones too; context switches it keeps for each thread and forgets with it. So threads that end inside
the window are noticed, and their switches missing is said beside the figure. A thread that both starts and ends between the
two readings leaves no trace there.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

PROC = Path("/proc")
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0
CHUNK = 1 << 16

Entry = dict[str, Any]
"""A row of the table: value, unit, source, and where they apply per_request and note; or value None, unit and reason."""

UNITS = {
    "context_switches": "switches",
    "context_switches_voluntary": "switches",
    "context_switches_involuntary": "switches",
    "cpu_ns": "ns",
    "cpu_user_ns": "ns",
    "cpu_kernel_ns": "ns",
    "cycles": "cycles",
    "page_faults": "faults",
    "threads_ended": "threads",
    "threads": "threads",
    "threads_peak": "threads",
    "handles": "handles",
    "open_files": "files",
    "working_set_bytes": "bytes",
    "peak_working_set_bytes": "bytes",
    "private_bytes": "bytes",
    "paged_pool_bytes": "bytes",
    "nonpaged_pool_bytes": "bytes",
}
"""The counters of a process, in the order of the table."""
PER_REQUEST = tuple(UNITS)[:8]
GROWING = tuple(UNITS)[:9]
"""Counted since the start of a process: what happened in the window is the difference of its ends. The others are as at its end."""


class ProcessWatch:
    """Reads one Unix process at both ends of a window. Never raises for a process that is gone: `reason` then says so.

    The files of its threads are kept open in between: Linux ties them to the thread, so one that has ended is noticed
    even if its number is in use again. A reading costs some 20 to 40 µs a thread.
    """

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
        except FileNotFoundError:  # it ended meanwhile
            return None

    def _add_switches(self) -> None:
        """Of threads that were there all along, what came in between; of new ones, all."""
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
        """Of the whole process since its start, threads that have ended included (proc(5): /proc/PID/stat, counted from 1)."""
        fields = (
            (self._folder / "stat").read_bytes().rpartition(b")")[2].split()
        )  # a name may hold spaces; field 3 is the first here
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
        """After the window, as adding up the private pages holds up the process."""
        status = _kilobytes(self._folder / "status")
        self.values |= {
            "working_set_bytes": status["VmRSS"],
            "peak_working_set_bytes": status["VmHWM"],
        }
        self.values["open_files"] = sum(1 for _ in (self._folder / "fd").iterdir())
        if (self._folder / "smaps_rollup").exists():  # Linux 4.14
            pages = _kilobytes(self._folder / "smaps_rollup")
            self.values["private_bytes"] = pages["Private_Clean"] + pages["Private_Dirty"]


SOURCES = {
    "context_switches": "/proc/PID/task/*/status",
    "context_switches_voluntary": "/proc/PID/task/*/status",
    "context_switches_involuntary": "/proc/PID/task/*/status",
    "threads": "/proc/PID/task",
    "threads_ended": "/proc/PID/task",
    "threads_peak": "/proc/PID/task, the larger of both ends of the window",
    "cpu_ns": "CPU clock of the process",
    "cpu_user_ns": "/proc/PID/stat",
    "cpu_kernel_ns": "/proc/PID/stat",
    "page_faults": "/proc/PID/stat",
    "open_files": "/proc/PID/fd",
    "working_set_bytes": "/proc/PID/status",
    "peak_working_set_bytes": "/proc/PID/status",
    "private_bytes": "/proc/PID/smaps_rollup",
}


def process_cpu_ns(pid: int) -> int | None:
    """CPU time of all threads of a process, ended ones too, to the nanosecond; None where the system has no such clock.

    The clock's number is what clock_getcpuclockid(3) computes; Python wraps that function for threads only.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except (AttributeError, OSError):
        return None


def _switches(file: int) -> tuple[int, int] | None:
    """Voluntary and involuntary from a thread's status; None for a thread that has ended."""
    try:
        text = os.pread(file, CHUNK, 0)
    except ProcessLookupError:
        return None
    found = re.findall(rb"^(?:non)?voluntary_ctxt_switches:\s*(\d+)$", text, re.MULTILINE)
    if len(found) != 2:
        raise ValueError("a thread's status has no context switches")
    return int(found[0]), int(found[1])


def _kilobytes(path: Path) -> dict[str, int]:
    """The lines "VmRSS:  1604 kB" of a file of /proc, in bytes."""
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


class Watch(Protocol):
    """What was seen of a process from outside: its counters, or the reason why there are none."""

    @property
    def values(self) -> Mapping[str, int]: ...

    @property
    def reason(self) -> str | None: ...


class Watching(AbstractContextManager[Any], Protocol):
    """The processes behind a server, looked at where they run: in /proc here (Watches), or by another machine's harness."""

    @property
    def roles(self) -> Mapping[str, Watch]: ...

    def begin(self) -> None: ...

    def end(self) -> None: ...


class Watches:
    """The processes behind a server, by their role: "server", "wineserver". Empty where there is no /proc."""

    def __init__(self, pids: Mapping[str, int], proc: Path = PROC) -> None:
        self.roles = {role: ProcessWatch(pid, proc) for role, pid in pids.items()}

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


def table(
    server: Mapping[str, Any], watches: Mapping[str, Watch], family: str | None = None
) -> dict[str, Entry]:
    """The counters of one measurement from the server's events (ready, begin, end) and what was watched from outside.

    A counter that the server itself has is taken from there: it belongs to the same instant as its count of requests. `family` is the model's:
    only completion models have overlapped operations that could end at once.
    """
    ready, begin, end = server["ready"], server["begin"], server["end"]
    requests = end["counters"]["requests"] - begin["counters"]["requests"]
    rows: dict[str, Entry] = {}
    for name in UNITS:
        inside = _inside(name, ready, begin["process"], end["process"])
        outside = _outside(name, watches.get("server"))
        rows[f"server.{name}"] = (
            inside if outside is None or inside["value"] is not None else outside
        )
    if rows["server.cpu_ns"]["value"] is None:
        rows["server.cpu_ns"] = _sum(rows["server.cpu_user_ns"], rows["server.cpu_kernel_ns"])
    rows |= _of_stats(begin["counters"], end["counters"])
    if family in ("blocking", "readiness"):
        rows["server.inline_completions"] = _unknown(
            "completions", f"a {family} model has no overlapped operations"
        )
    for role, watch in watches.items():
        if role != "server":
            rows |= {
                f"{role}.{name}": row
                for name in UNITS
                if (row := _outside(name, watch)) is not None
            }
    for name, row in rows.items():
        if (
            name.partition(".")[2] in (*PER_REQUEST, "partial_sends", "inline_completions")
            and row["value"] is not None
            and requests > 0
        ):
            row["per_request"] = float(f"{row['value'] / requests:.6g}")
    return rows


def _known(name: str, value: float, source: str, unit: str | None = None) -> Entry:
    return {"value": value, "unit": unit or UNITS[name], "source": source}


def _unknown(unit: str, reason: str) -> Entry:
    return {"value": None, "unit": unit, "reason": reason}


def _inside(
    name: str,
    ready: Mapping[str, Any],
    begin: Mapping[str, int | None],
    end: Mapping[str, int | None],
) -> Entry:
    """A counter as the server's process has it."""
    source = ready.get("process_sources", {}).get(name)
    first, last = begin.get(name), end.get(name)
    if name not in end:
        return _unknown(
            UNITS[name], "not counted inside the server, and there is no /proc to ask from outside"
        )
    if last is None or (first is None and name in GROWING):
        return _unknown(
            UNITS[name], ready.get("process_missing", {}).get(name) or "the system did not answer"
        )
    row = _known(name, last - (first or 0) if name in GROWING else last, source or "the server")
    ended = (end.get("threads_ended") or 0) - (begin.get("threads_ended") or 0)
    return _noted(row, ended) if name == "context_switches" else row


def _outside(name: str, watch: Watch | None) -> Entry | None:
    """A counter as /proc has it; None where there is no /proc, or no such counter in it."""
    if watch is None or name not in SOURCES:
        return None
    if watch.reason is not None:
        return _unknown(UNITS[name], watch.reason)
    if name not in watch.values:
        return _unknown(UNITS[name], f"this Linux has no {SOURCES[name]}")
    row = _known(name, watch.values[name], SOURCES[name])
    return (
        _noted(row, watch.values["threads_ended"]) if name.startswith("context_switches") else row
    )


def _noted(row: Entry, ended: int) -> Entry:
    if ended:
        plural = "thread" if ended == 1 else "threads"
        row["note"] = (
            f"lower bound: the switches of {ended} {plural} that ended in the window are not in it"
        )
    return row


def _sum(user: Entry, kernel: Entry) -> Entry:
    if user["value"] is None or kernel["value"] is None:
        return user if user["value"] is None else kernel
    return {**user, "value": user["value"] + kernel["value"]}


def _of_stats(begin: Mapping[str, int], end: Mapping[str, int]) -> dict[str, Entry]:
    """What the kit counts itself."""
    grown = {name: value - begin.get(name, 0) for name, value in end.items()}
    rows: dict[str, Entry] = {}
    if grown.get("waits"):
        rows["events_per_wait"] = _known(
            "", grown["events"] / grown["waits"], "server: events / waits", "events/wait"
        )
    else:
        rows["events_per_wait"] = _unknown("events/wait", "the model made no wait that it counts")
    for name, unit in (("partial_sends", "sends"), ("inline_completions", "completions")):
        known = name in grown
        rows[name] = (
            _known("", grown[name], "server", unit)
            if known
            else _unknown(unit, "the server does not count them")
        )
    return {f"server.{name}": row for name, row in rows.items()}
