"""Write and read a run.

A run is a folder: `run.json` (the manifest: suite, seed, environment, progress) and
`records.jsonl`, one line per measurement. Both are checked against results/schema on writing and on
reading.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import pairwise
from operator import and_
from pathlib import Path
from typing import Any

from iomodels.base.errors import Failure
from iomodels.base.files import naming, write_whole
from iomodels.data import hdr
from iomodels.data.belonging import Belonging
from iomodels.data.contained import MOST_PLAIN_BYTES, read_contained, refuse_links, unpacked
from iomodels.data.records import FORMAT, Condition, Record, Run
from iomodels.data.renamed import with_rounds
from iomodels.data.schema import as_input, check_against, parse, read_object

TIMES = ("response", "service", "connect")
SIGNIFICANT = 3
SAME = {"same_as": "response"}
RATE_ERROR_MOST = 0.01
MOST = 2**63 - 1
MANIFEST = "run.json"
RECORDS = "records.jsonl"
PACKED = "records.jsonl.xz"
"""The same lines, compressed, of a packed run (report/pack.py). No command writes to it."""


Part = dict[str, Any]


def record_to_json(record: Record, *, packed: bool = True) -> dict[str, Any]:
    """Return the line of a record; without `packed`, with histograms as the programs print them."""
    # asdict would copy each pair of a histogram, which takes longer than to write the line.
    data = {field.name: getattr(record, field.name) for field in fields(record)}
    condition = asdict(record.condition)
    data["condition"] = {**condition, "options": dict(record.condition.options)}
    if not record.condition.alias:
        del data["condition"]["alias"]
    if not record.condition.rate_percent:
        del data["condition"]["rate_percent"]
    if record.counters is None:
        del data["counters"]
    if record.mood is None:
        del data["mood"]
    if not record.session:
        del data["session"]
    if data["loadgen"] and data["loadgen"].get("result"):
        result = _stored(data["loadgen"]["result"])
        # The schema leaves open what a failed record holds, so only a complete one is packed.
        packs = packed and record.ok
        data["loadgen"] = {**data["loadgen"], "result": _compact(result) if packs else result}
    return data


def record_from_json(data: Mapping[str, Any]) -> Record:
    """Return the record of a line that _check_record has accepted."""
    condition = dict(data["condition"])
    condition["options"] = tuple(condition["options"].items())
    fields: dict[str, Any] = {**data, "condition": Condition(**condition)}
    if data["loadgen"] and data["loadgen"].get("result"):
        result = data["loadgen"]["result"]
        plain = _each_histogram(result, _plain_histogram) if data["status"] == "ok" else result
        fields["loadgen"] = {**data["loadgen"], "result": _read(plain)}
    return Record(**fields)


def _stored(result: Part) -> Part:
    """Return the result with equal times stored once, as in every closed loop."""
    response = result.get("response")
    same = response and result.get("service") == _without(response, "intended")
    return {**result, "service": SAME} if same else result


def _read(result: Part) -> Part:
    """Return the result with its `service` in full."""
    same = result.get("service") == SAME
    return {**result, "service": _without(result["response"], "intended")} if same else result


def _each_histogram(result: Part, change: Callable[[Part], Part]) -> Part:
    """Return the result with its histograms changed by the function."""
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
    """Round to the digits of a histogram: further digits would fill most of a packed run."""
    return None if value is None else int(float(f"{value:.{SIGNIFICANT - 1}e}"))


def _compact_histogram(histogram: Part) -> Part:
    """Return the histogram with its counts by bucket.

    It stays unchanged if a value is not the highest of its bucket, since that value would be lost.
    """
    layout = _layout(histogram)
    buckets = hdr.listed(histogram["counts"], layout)
    if hdr.pairs(buckets, layout) != [tuple(pair) for pair in histogram["counts"]]:
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


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write run.json. Raises Failure if it does not follow the schema."""
    path = folder / MANIFEST
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    check_against("run", json.loads(text), str(path))
    write_whole(path, f"{text}\n")


def check_record(record: Record, what: str) -> None:
    """Check a record as the programs printed it. Raises Failure, beginning with `what`."""
    _check_record(record_to_json(record, packed=False), what)


def _check_record(data: dict[str, Any], what: str) -> None:
    """Check the schema, and the lists and sums that a schema cannot check. Raises Failure."""
    check_against("record", data, what)
    if data["status"] != "ok":
        return
    result = data["loadgen"]["result"]
    _check_rate(result, what)
    for name in TIMES:
        if name in result and result[name] != SAME:
            _check_histogram(result[name], f"{what}: {name}")
    _check_intervals(result.get("intervals", {}), what)


def _check_rate(result: Mapping[str, Any], what: str) -> None:
    """The rate is requests ÷ window; a test's or a program's own rounding may take one request."""
    expected = result["requests_per_second"] * result["window_ns"] / 1e9
    if abs(expected - result["requests"]) > 1 + RATE_ERROR_MOST * result["requests"]:
        raise Failure(
            f"{what}: requests_per_second {result['requests_per_second']:g} contradicts "
            f"{result['requests']} requests in {result['window_ns'] / 1e9:g} s"
        )


def _check_intervals(intervals: Mapping[str, Any], what: str) -> None:
    lists = [each for each in intervals.values() if isinstance(each, list)]
    if len({len(each) for each in lists}) > 1:
        raise Failure(f"{what}: intervals: the lists must have the same length")
    if not all(value is None or _is_amount(value) for each in lists for value in each):
        raise Failure(f"{what}: intervals: the lists must hold numbers from 0, or null")


def _is_amount(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MOST


def _check_histogram(latency: Mapping[str, Any], what: str) -> None:
    histogram = latency["histogram"]
    if "buckets" in histogram:
        counts = _bucket_counts(histogram, what)
    else:
        pairs = histogram["counts"]
        if not all(
            isinstance(pair, (list, tuple))
            and len(pair) == 2
            and type(pair[0]) is type(pair[1]) is int
            for pair in pairs
        ):
            raise Failure(f"{what}: the histogram must be pairs of whole numbers")
        if any(low[0] >= high[0] for low, high in pairwise(pairs)) or any(
            pair[0] < 0 or pair[1] < 1 for pair in pairs
        ):
            raise Failure(f"{what}: the histogram's values must ascend and its counts be positive")
        counts = [count for _, count in pairs]
    if max(counts, default=0) > MOST:
        raise Failure(f"{what}: the histogram's counts must be at most {MOST}")
    if sum(counts) != latency["count"]:
        raise Failure(
            f"{what}: the histogram holds {sum(counts)} latencies; its count is {latency['count']}"
        )


def _bucket_counts(histogram: Mapping[str, Any], what: str) -> list[int]:
    """Return the counts above 0. Raises Failure for an ambiguous list."""
    buckets = histogram["buckets"]
    if not set(map(type, buckets)) <= {int} or 0 in buckets:
        raise Failure(f"{what}: the histogram must be whole numbers other than 0")
    empty = [each < 0 for each in buckets]
    if any(map(and_, empty, [*empty[1:], True])):
        raise Failure(f"{what}: a number of empty buckets must be followed by a count")
    counts = [each for each in buckets if each > 0]
    reached = len(counts) + sum(counts) - sum(buckets)
    if reached > _layout(histogram).places:
        raise Failure(
            f"{what}: the histogram lists {reached} of {_layout(histogram).places} buckets"
        )
    return counts


def append_record(folder: Path, record: Record) -> None:
    """Add one line. It is on disk on return, so a crash loses only the current measurement."""
    path = folder / RECORDS
    check_record(record, f"{path}: record {record.index}")
    data = record_to_json(record)
    _check_record(data, f"{path}: record {record.index}")
    line = json.dumps(data, separators=(",", ":"), ensure_ascii=False) + "\n"
    with naming(path), path.open("ab") as stream:
        stream.write(line.encode("utf-8"))
        stream.flush()
        os.fsync(stream.fileno())


@as_input()
def load_run(path: Path, *, checked: bool = True) -> Run:
    """Read a run's folder. An incomplete last line becomes a warning. Raises Failure.

    `checked`: compare each record with the schema, which takes three quarters of the time.
    """
    manifest = _load_manifest(path)
    warnings: list[str] = []
    damaged: list[str] = []
    records: dict[int, Record] = {}
    belonging = Belonging(manifest, str(path / MANIFEST))
    tried_again = 0
    source, content = stored_records(path)
    for number, line in _lines(source.name, content, warnings):
        what = f"{source}: line {number}"
        try:
            record = record_of_line(line, what, checked=checked)
        except Damaged as error:
            damaged.append(str(error).removeprefix(f"{source}: "))
            continue
        belonging.check(record, what)
        tried_again += record.index in records
        records[record.index] = record
    warnings += of_damaged(source, damaged)
    if tried_again:
        warnings.append(
            f"{tried_again} failed measurement(s) were repeated; the last repeat counts"
        )
    if manifest["status"] != "complete":
        warnings.append(
            f"the run is not complete: {len(records)} of {manifest['planned']} measurements"
        )
    elif (expected := _expected(manifest)) > len(records):
        warnings.append(
            f"{expected - len(records)} of {expected} measurements are missing in {source.name}; "
            f"{_remedy(source)}"
        )
    return Run(path, manifest, tuple(records[index] for index in sorted(records)), tuple(warnings))


class Damaged(Failure):
    """A line of the records is no record. It costs that line, and no other."""


def of_damaged(source: Path, damaged: Sequence[str], command: str = "run") -> list[str]:
    """Return the warning that names the first damaged line, its fault and the remedy.

    `command` is the one that resumes the measuring.
    """
    if not damaged:
        return []
    more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
    return [f"{source.name}: {damaged[0]}{more}; excluded; {_remedy(source, command)}"]


def _remedy(source: Path, command: str = "run") -> str:
    if source.name == PACKED:
        return "pack the run again"
    return f"measure again what is missing: iomodels {command} --resume {source.parent.name}"


def _expected(manifest: Mapping[str, Any]) -> int:
    """Return how many measurements a complete run has: each load stops at a round of its own."""
    stopped = manifest.get("stopped")
    if stopped is None:
        return int(manifest["planned"])
    return sum(int(stop["rounds"]) for stop in stopped) * len(manifest["suite"]["servers"])


def record_of_line(line: bytes, what: str, *, checked: bool = True) -> Record:
    """Return the record of a line, checked if wanted.

    Raises Damaged, beginning with `what`, and Failure for a record of another format.
    """
    data = _parse(line)
    if data is None:
        raise Damaged(f"{what}: not a JSON object; the file was changed or damaged")
    if checked:
        try:
            _check_record(data, what)
        except Failure as error:
            if data.get("format") in (FORMAT, None):
                raise Damaged(*error.lines) from None
            raise
    return record_from_json(data)


def _load_manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise Failure(f"{path}: no such folder")
    if not (path / MANIFEST).exists():
        raise Failure(f"{path}: not a run: it has no {MANIFEST}")
    refuse_links(path)
    manifest = read_object(path / MANIFEST)
    check_against("run", manifest, str(path / MANIFEST))
    return with_rounds(manifest)


def stored_records(folder: Path) -> tuple[Path, bytes]:
    """Return the file with the records of a run, and its bytes. Raises Failure.

    There are no bytes if the run was interrupted before its first measurement ended.
    """
    plain, packed = folder / RECORDS, folder / PACKED
    there = [path for path in (plain, packed) if os.path.lexists(path)]
    if len(there) > 1:
        raise Failure(f"{folder}: has {RECORDS} and {PACKED}; remove one of them")
    if there == [packed]:
        return packed, unpacked(packed)
    return plain, read_contained(plain, MOST_PLAIN_BYTES) if there else b""


def _lines(name: str, content: bytes, warnings: list[str]) -> list[tuple[int, bytes]]:
    """Return the numbered lines of a records file; a warning names an incomplete last line."""
    lines = content.split(b"\n")
    last = lines.pop()
    if last and _parse(last) is None:
        warnings.append(f"{name}: line {len(lines) + 1} is incomplete and was excluded")
    elif last:
        lines.append(last)
    return list(enumerate(lines, start=1))


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        data = parse(line)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None
