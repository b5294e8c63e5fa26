"""The table of counters in a record: the cost of a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Entry = dict[str, Any]
"""A row: value, unit, source, optionally per_request and note; or value None, unit, reason."""
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
"""Counted since a process started: a row has the window's difference. Others are its last value."""
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


class Watch(Protocol):
    """The counters of a process as seen from outside, or the reason why there are none."""

    @property
    def values(self) -> Mapping[str, int]: ...

    @property
    def reason(self) -> str | None: ...

    @property
    def sources(self) -> Mapping[str, str]: ...


def table(
    server: Mapping[str, Any],
    watches: Mapping[str, Watch],
    family: str | None = None,
    answered: int = 0,
) -> dict[str, Entry]:
    """Return the counters of one measurement, from the server's events and from outside.

    The events are ready, begin and end. The server's own counters win: they belong to the same
    instant as its count of requests. `family` is the model's. Only completion models have
    overlapped operations, which may complete inline. `answered`: the requests that the load
    generator counted, for a server that counts none itself.
    """
    ready, begin, end = server["ready"], server["begin"], server["end"]
    silent = end.get("reason") if end["counters"] is None else None
    requests = answered if silent else end["counters"]["requests"] - begin["counters"]["requests"]
    rows: dict[str, Entry] = {}
    for name in UNITS:
        inside = (
            _unknown(UNITS[name], silent)
            if silent
            else _inside(name, ready, begin["process"], end["process"])
        )
        outside = _outside(name, watches.get("server"))
        rows[f"server.{name}"] = (
            inside if outside is None or inside["value"] is not None else outside
        )
    if rows["server.cpu_ns"]["value"] is None:
        rows["server.cpu_ns"] = _sum(rows["server.cpu_user_ns"], rows["server.cpu_kernel_ns"])
    rows |= _none_of_stats(silent) if silent else _of_stats(begin["counters"], end["counters"])
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
    """Return a counter as the server's process reports it."""
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
    """Return a counter from /proc; None if there is no /proc or it lacks the counter."""
    if watch is None or name not in watch.sources:
        return None
    if watch.reason is not None:
        return _unknown(UNITS[name], watch.reason)
    if name not in watch.values:
        return _unknown(UNITS[name], f"this system has no {watch.sources[name]}")
    row = _known(name, watch.values[name], watch.sources[name])
    return (
        _noted(row, watch.values.get("threads_ended", 0))
        if name.startswith("context_switches")
        else row
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


STATS = {
    "events_per_wait": "events/wait",
    "partial_sends": "sends",
    "inline_completions": "completions",
}


def _none_of_stats(reason: str) -> dict[str, Entry]:
    return {f"server.{name}": _unknown(unit, reason) for name, unit in STATS.items()}


def _of_stats(begin: Mapping[str, int], end: Mapping[str, int]) -> dict[str, Entry]:
    """Return the counters of the kit itself."""
    grown = {name: value - begin.get(name, 0) for name, value in end.items()}
    rows: dict[str, Entry] = {}
    if grown.get("waits"):
        rows["events_per_wait"] = _known(
            "", grown["events"] / grown["waits"], "server: events / waits", "events/wait"
        )
    else:
        rows["events_per_wait"] = _unknown("events/wait", "the model made no wait that it counts")
    for name in ("partial_sends", "inline_completions"):
        unit = STATS[name]
        known = name in grown
        rows[name] = (
            _known("", grown[name], "server", unit)
            if known
            else _unknown(unit, "the server does not count them")
        )
    return {f"server.{name}": row for name, row in rows.items()}
