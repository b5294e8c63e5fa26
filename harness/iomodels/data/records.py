"""The data of a run: what one measurement leaves behind, and how it is written and read.

A run is a folder: `run.json` (the manifest: suite, seed, environment, how far it came) and `records.jsonl`,
one line a measurement. Both are described by `results/schema/*.json` and checked against them on writing and
on reading. All times are nanoseconds and all sizes bytes unless a name says otherwise.

Format 2 (a load generator that knows open loops) has `response` and `service` in a load generator's result where format 1 has one
`latency`. A record of format 1, which only knew closed loops, reads as if both were that. Format 3 is half as long: a histogram
lists its counts in the order of its buckets (harness/iomodels/data/hdr.py), which is exact, and an interval's times have the histogram's digits and no more.
"""

from __future__ import annotations

import json
import lzma
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.base.files import SCHEMAS, naming, write_whole
from iomodels.data import hdr

FORMAT = 3
OLDEST = 1  # a format is read for as long as what it lacks can be said to be missing; results/README.md lists them
TIMES = ("latency", "response", "service", "connect")
SIGNIFICANT = 3
SAME = {"same_as": "response"}
MANIFEST = "run.json"
RECORDS = "records.jsonl"
PACKED = "records.jsonl.xz"
"""The same lines, compressed: a run that is kept with the sources (harness/iomodels/report/pack.py). It is read, never written to again."""


class Panel(NamedTuple):
    """What the cells of one panel of a figure, or of one table, share. Sizes are bytes;
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
    """What is compared: the key of a cell. `options` are the server options that the suite sets, `alias` is the name that it
    gives the series, "" if none: with it one and the same server can be listed twice."""

    model: str
    connections: int
    size: int
    reply_size: int
    depth: int
    options: tuple[tuple[str, int], ...] = ()
    alias: str = ""
    rate_percent: int = 0
    """Of the lowest peak at this load: the rate that is offered. 0: a closed loop, which asks for as much as there is."""

    @property
    def label(self) -> str:
        """Name of the series: its alias, else "iocp", or "iocp threads=4" when the suite sets options."""
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
    counters: what the measuring window cost (harness/iomodels/data/counters.py); None in failed and in older records. See counter().
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

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def result(self) -> dict[str, Any] | None:
        """The load generator's `result` event, also of a failed repeat if there is one."""
        found = self.loadgen.get("result") if self.loadgen else None
        return found if isinstance(found, dict) else None


@dataclass(frozen=True)
class Figure:
    """A counter of a record: its value and where it is from, or None and the reason. A note says what the value leaves out."""

    value: float | None
    unit: str
    source: str | None
    reason: str | None
    note: str | None = None


def counter(record: Record, name: str) -> Figure:
    """A counter of the measuring window: "server.cpu_ns", or "wineserver.context_switches/request" for each request."""
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


@dataclass(frozen=True, eq=False)
class Run:
    """A loaded run, itself and no other: two that were loaded are two. Of several tries of one measurement `records` has the last."""

    path: Path
    manifest: dict[str, Any]
    records: tuple[Record, ...]
    warnings: tuple[str, ...]

    @property
    def platform(self) -> str:
        """The one platform of a run: no record may come from another."""
        return str(self.manifest["platform"])


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def record_to_json(record: Record) -> dict[str, Any]:
    data = asdict(record)
    data["condition"]["options"] = dict(record.condition.options)
    if not record.condition.alias:
        del data["condition"]["alias"]
    if not record.condition.rate_percent:
        del data["condition"]["rate_percent"]
    if record.counters is None:
        del data["counters"]
    if data["loadgen"] and data["loadgen"].get("result"):
        result = _stored(data["loadgen"]["result"], record.format)
        compact = (
            record.ok and record.format >= 3
        )  # the schema says nothing of what a failed one holds
        data["loadgen"]["result"] = _compact(result) if compact else result
    return data


def record_from_json(data: Mapping[str, Any]) -> Record:
    """A record from a checked line; raises KeyError or TypeError only if the line was not checked."""
    condition = dict(data["condition"])
    condition["options"] = tuple(condition["options"].items())
    fields: dict[str, Any] = {**data, "condition": Condition(**condition)}
    if data["loadgen"] and data["loadgen"].get("result"):
        result = data["loadgen"]["result"]
        plain = _each_histogram(result, _plain_histogram) if data["status"] == "ok" else result
        fields["loadgen"] = {**data["loadgen"], "result": _read(plain)}
    return Record(**fields)


def _stored(result: dict[str, Any], format_: int) -> dict[str, Any]:
    """A result as a record keeps it: in a closed loop both times are the same, and their histogram is stored once."""
    if format_ == 1:
        return {key: value for key, value in result.items() if key not in ("response", "service")}
    kept = {key: value for key, value in result.items() if key != "latency"}
    if "response" in kept and kept.get("service") == _without(kept["response"], "intended"):
        kept["service"] = SAME
    return kept


def _read(result: dict[str, Any]) -> dict[str, Any]:
    """The result with `response` and `service`, of whatever format; `latency` is another name of the response time."""
    response = result.get("response") or result.get("latency")
    if response is None:  # of a failed record
        return result
    service = result.get("service", SAME)
    service = _without(response, "intended") if service == SAME else service
    return {**result, "response": response, "service": service, "latency": response}


Part = dict[str, Any]


def _each_histogram(result: Part, change: Callable[[Part], Part]) -> Part:
    """The result with its histograms as the function leaves them."""
    changed = dict(result)
    for time in TIMES:
        if "histogram" in (result.get(time) or {}):
            changed[time] = {**result[time], "histogram": change(result[time]["histogram"])}
    return changed


def _compact(result: Part) -> Part:
    changed = _each_histogram(result, _compact_histogram)
    if "intervals" in result:
        times = {
            name: [_significant(ns) for ns in result["intervals"][name]]
            for name in ("mean_ns", "max_ns")
        }
        changed["intervals"] = {**result["intervals"], **times}
    return changed


def _significant(value: float | None) -> int | None:
    """To as many digits as a histogram has; more of them, of the few replies of 10 ms, would be most of a packed run."""
    return None if value is None else int(float(f"{value:.{SIGNIFICANT - 1}e}"))


def _compact_histogram(histogram: Part) -> Part:
    """Its counts by bucket; values that are not the highest of their bucket, which no HdrHistogram has, would be lost and stay."""
    layout = _layout(histogram)
    buckets = hdr.listed(histogram["counts"], layout)
    if hdr.pairs(buckets, layout) != [list(pair) for pair in histogram["counts"]]:
        return histogram
    return {**_without(histogram, "counts"), "buckets": buckets}


def _plain_histogram(histogram: Part) -> Part:
    if "buckets" not in histogram:
        return histogram
    return {
        **_without(histogram, "buckets"),
        "counts": hdr.pairs(histogram["buckets"], _layout(histogram)),
    }


def _layout(histogram: Mapping[str, Any]) -> hdr.Layout:
    return hdr.Layout(histogram["lowest"], histogram["highest"], histogram["significant_figures"])


def _without(part: Mapping[str, Any], name: str) -> Part:
    return {key: value for key, value in part.items() if key != name}


@cache
def _validator(name: str) -> Any:
    path = SCHEMAS / f"{name}.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check_against(name: str, data: Any, what: str) -> None:
    """Raise Failure naming the first place where `data` does not follow the schema of that name."""
    format_ = data.get("format") if isinstance(data, dict) else None
    if isinstance(format_, int) and format_ > FORMAT:
        raise Failure(
            f"{what}: format {format_} is newer than this program reads ({FORMAT}); use a newer iomodels"
        )
    if isinstance(format_, int) and format_ < OLDEST:
        raise Failure(
            f"{what}: format {format_} is older than this program reads ({OLDEST} to {FORMAT}); use the iomodels that wrote it"
        )
    error = next(iter(_validator(name).iter_errors(data)), None)
    if error is None:
        return
    if error.context:  # anyOf: say what is wrong inside the alternative that is meant
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    place = ".".join(str(step) for step in error.absolute_path) or "the top level"
    message = str(error.message)
    raise Failure(f"{what}: at {place}: {message if len(message) <= 200 else message[:200] + ' …'}")


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write run.json whole; raises Failure when it does not follow the schema."""
    path = folder / MANIFEST
    check_against("run", dict(manifest), str(path))
    write_whole(path, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def check_record(record: Record, what: str) -> None:
    """Raise Failure, beginning with `what`, when the record does not follow the schema: as the programs told it, before it is made shorter."""
    _check_record(record_to_json(replace(record, format=min(record.format, 2))), what)


def _check_record(data: dict[str, Any], what: str) -> None:
    """The schema, and what a schema cannot say or is slow to: a histogram has thousands of pairs."""
    check_against("record", data, what)
    if data["status"] != "ok":
        return
    result = data["loadgen"]["result"]
    for name in TIMES:
        if name in result and result[name] != SAME:
            _check_histogram(result[name], f"{what}: {name}")
    intervals = result.get("intervals", {})
    if len({len(each) for each in intervals.values() if isinstance(each, list)}) > 1:
        raise Failure(f"{what}: intervals: the lists must be of one length")


def _check_histogram(latency: Mapping[str, Any], what: str) -> None:
    histogram = latency["histogram"]
    if "buckets" in histogram:
        counts = _bucket_counts(histogram, what)
    else:
        pairs = histogram["counts"]
        if not all(
            isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is type(pair[1]) is int
            for pair in pairs
        ):
            raise Failure(f"{what}: the histogram must be pairs of whole numbers")
        if any(low[0] >= high[0] for low, high in pairwise(pairs)) or any(
            pair[0] < 0 or pair[1] < 1 for pair in pairs
        ):
            raise Failure(f"{what}: the histogram's values must ascend and its counts be positive")
        counts = [count for _, count in pairs]
    if sum(counts) != latency["count"]:
        raise Failure(
            f"{what}: the histogram holds {sum(counts)} latencies, its count says {latency['count']}"
        )


def _bucket_counts(histogram: Mapping[str, Any], what: str) -> list[int]:
    """The counts above 0. A list that decoding would read otherwise than it was written is refused."""
    buckets = histogram["buckets"]
    if not all(type(each) is int and each != 0 for each in buckets):
        raise Failure(f"{what}: the histogram must be whole numbers other than 0")
    if any(one < 0 and other < 0 for one, other in zip(buckets, [*buckets[1:], -1])):
        raise Failure(f"{what}: a number of empty buckets must be followed by a count")
    reached = sum(1 if each > 0 else -each for each in buckets)
    if reached > _layout(histogram).places:
        raise Failure(
            f"{what}: the histogram lists {reached} buckets, it has {_layout(histogram).places}"
        )
    return [each for each in buckets if each > 0]


def append_record(folder: Path, record: Record) -> None:
    """Add one line and have it on disk before returning: a crash loses at most the measurement under way."""
    path = folder / RECORDS
    check_record(record, f"{path}: record {record.index}")
    data = record_to_json(record)
    _check_record(data, f"{path}: record {record.index}")
    line = json.dumps(data, separators=(",", ":"), ensure_ascii=False) + "\n"
    with naming(path), path.open("ab") as stream:
        stream.write(line.encode("utf-8"))
        stream.flush()
        os.fsync(stream.fileno())


def mend_records(folder: Path) -> None:
    """Before going on with a run: cut a last line that was not written to its end, so that appending is safe."""
    path = folder / RECORDS
    if not path.exists():
        return
    data = path.read_bytes()
    whole, tail = data[: data.rfind(b"\n") + 1], data[data.rfind(b"\n") + 1 :]
    if not tail:
        return
    write_whole(path, whole if _parse(tail) is None else data + b"\n")


def load_run(path: Path) -> Run:
    """Read a run's folder. Raises Failure; a last line that was cut short becomes a warning."""
    manifest = _load_manifest(path)
    warnings: list[str] = []
    records: dict[int, Record] = {}
    tried_again = 0
    source, content = stored_records(path)
    for number, line in _lines(source.name, content, warnings):
        what = f"{source}: line {number}"
        data = _parse(line)
        if data is None:
            raise Failure(f"{what}: not a JSON object; the file was changed or damaged")
        _check_record(data, what)
        record = record_from_json(data)
        _check_belongs(record, manifest, what)
        tried_again += record.index in records
        records[record.index] = record
    if tried_again:
        warnings.append(
            f"{tried_again} failed measurement(s) were tried again; the last try counts"
        )
    if manifest["status"] != "complete":
        warnings.append(
            f"the run is not complete: {len(records)} of {manifest['planned']} measurements"
        )
    return Run(path, manifest, tuple(records[index] for index in sorted(records)), tuple(warnings))


def _load_manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise Failure(f"{path}: no such folder")
    if not (path / MANIFEST).exists():
        raise Failure(f"{path}: not a run: it has no {MANIFEST}")
    manifest = read_object(path / MANIFEST)
    check_against("run", manifest, str(path / MANIFEST))
    return manifest


def read_object(path: Path) -> dict[str, Any]:
    """A file that holds one JSON object. Raises Failure."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise Failure(f"{path}: at the top level: not a JSON object")
    return data


def stored_records(folder: Path) -> tuple[Path, bytes]:
    """The file that has the records of a run, and its lines; none if it was interrupted before the first measurement was over. Failure."""
    plain, packed = folder / RECORDS, folder / PACKED
    if plain.exists() and packed.exists():
        raise Failure(f"{folder}: has {RECORDS} and {PACKED}; one of them is too many")
    if not packed.exists():
        return plain, plain.read_bytes() if plain.exists() else b""
    try:
        return packed, lzma.decompress(packed.read_bytes(), lzma.FORMAT_XZ)
    except lzma.LZMAError as error:
        raise Failure(f"{packed}: damaged: {error}") from None


def _lines(name: str, content: bytes, warnings: list[str]) -> list[tuple[int, bytes]]:
    """The numbered lines of a records file; an unfinished last one is announced and left out."""
    lines = content.split(b"\n")
    last = lines.pop()
    if last and _parse(last) is None:
        warnings.append(f"{name}: line {len(lines) + 1} was cut short and is left out")
    elif last:
        lines.append(last)
    return list(enumerate(lines, start=1))


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _check_belongs(record: Record, manifest: Mapping[str, Any], what: str) -> None:
    if record.run != manifest["run"]:
        raise Failure(f"{what}: belongs to run {record.run}, not to {manifest['run']}")
    if record.platform != manifest["platform"]:
        raise Failure(
            f"{what}: measured on {record.platform}, the run on {manifest['platform']}; platforms are never mixed"
        )
    if record.index >= manifest["planned"]:
        raise Failure(
            f"{what}: index {record.index} is beyond the plan of {manifest['planned']} measurements"
        )
