"""The types of a run, down to the record of one measurement.

Times are nanoseconds and sizes are bytes unless a name says otherwise. data/store.py writes and
reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from iomodels.base import words

FORMAT = 3
"""The format of run.json and of each record; no other is read. A histogram lists its counts by
bucket."""


class Panel(NamedTuple):
    """The common part of all cells in one panel of a chart or in one table. Sizes are bytes;
    `rate_percent` is the offered rate over the lowest peak, 0 for a closed loop."""

    size: int
    reply_size: int
    depth: int
    rate_percent: int

    @property
    def words(self) -> str:
        """'64 B', '64 B → 4,096 B, depth 4, at 50 % of the lowest peak'."""
        depth = "" if self.depth == 1 else f", depth {self.depth}"
        rate = f", at {self.rate_percent} % of the lowest peak" if self.rate_percent else ""
        return f"{words.size(self.size, self.reply_size)}{depth}{rate}"

    @property
    def order(self) -> tuple[bool, Panel]:
        """A key for sorting: closed loops before offered rates."""
        return self.rate_percent > 0, self


@dataclass(frozen=True)
class Condition:
    """The key of a cell: a server under one load. Sizes are bytes, `depth` requests.

    `options` are the server options that the suite sets. `alias` is the suite's name for the
    series, or "". With aliases a suite can list the same server twice.
    """

    model: str
    connections: int
    size: int
    reply_size: int
    depth: int
    options: tuple[tuple[str, int], ...] = ()
    alias: str = ""
    rate_percent: int = 0
    """The offered rate in percent of the lowest peak at this load; 0: a closed loop."""

    @property
    def label(self) -> str:
        """Return the name of the series: its alias, or "iocp", or "iocp threads=4" with options."""
        return self.alias or " ".join(
            [self.model, *(f"{name}={value}" for name, value in self.options)]
        )

    @property
    def panel(self) -> Panel:
        return Panel(self.size, self.reply_size, self.depth, self.rate_percent)

    def __str__(self) -> str:
        plural = "" if self.connections == 1 else "s"
        offered = f", at {self.rate_percent} % of the lowest peak" if self.rate_percent else ""
        return f"{self.label}, {self.connections} connection{plural}, {self.size} B{offered}"


@dataclass(frozen=True)
class Record:
    """One repeat of one cell. `server` and `loadgen` hold the events as the programs printed them.

    server:  {"argv": [...], "ready", "begin", "end", "summary"}; begin and end are `sample` events
    loadgen: {"argv": [...], "ready", "measuring", "measured", "result"}
    An event that never came is None, which only a failed record may have.
    counters: the table of data/counters.py; None in a failed record. See counter().
    mood: how fast the machine was (measure/mood.py); None in a failed or older record.
    """

    format: int
    run: str
    index: int
    repeat: int
    condition: Condition
    platform: str
    started_utc: str
    status: str
    reason: str | None
    stderr: str | None
    server: dict[str, Any] | None
    loadgen: dict[str, Any] | None
    counters: dict[str, dict[str, Any]] | None = None
    mood: dict[str, Any] | None = None
    session: int = 0
    """Session of a run with several sessions."""

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def result(self) -> dict[str, Any] | None:
        """The load generator's `result` event; a failed repeat may have one, too."""
        found = self.loadgen.get("result") if self.loadgen else None
        return found if isinstance(found, dict) else None


@dataclass(frozen=True)
class Figure:
    """A counter: value and source, or None and the reason. `note`: what the value omits."""

    value: float | None
    unit: str
    source: str | None
    reason: str | None
    note: str | None = None


def counter(record: Record, name: str) -> Figure:
    """Return a counter of the measuring window: "server.cpu_ns", or "server.cpu_ns/request"."""
    plain, slash, _ = name.partition("/")
    row = (record.counters or {}).get(plain)
    if row is None:
        return Figure(None, "", None, "not recorded")
    unit = row["unit"] + ("/request" if slash else "")
    value = row.get("per_request") if slash else row["value"]
    if value is None:
        return Figure(
            None,
            unit,
            None,
            row.get("reason") or "not a matter of requests, or there was none in the window",
        )
    return Figure(value, unit, row["source"], None, row.get("note"))


@dataclass(frozen=True)
class Hidden:
    """What a view of some servers leaves out: the suite's other servers, and their records."""

    servers: tuple[dict[str, Any], ...]
    records: tuple[Record, ...]


@dataclass(frozen=True, eq=False)
class Run:
    """A loaded run, equal only to itself. `records` has the last repeat of each measurement.

    hidden: what judging still needs in a view of some servers; None for the whole run.
    """

    path: Path
    manifest: dict[str, Any]
    records: tuple[Record, ...]
    warnings: tuple[str, ...]
    hidden: Hidden | None = None

    @property
    def platform(self) -> str:
        """The only platform of a run: every record must come from it."""
        return str(self.manifest["platform"])


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
