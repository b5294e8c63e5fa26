"""HdrHistogram's forms, read back by readers that were written from its published format and share nothing with the writer."""

from __future__ import annotations

import base64
import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.cli.main import main
from iomodels.data.hdr import Layout
from iomodels.data.store import load_run
from iomodels.judge.stats import Histogram, merge, percentile, samples
from iomodels.report.hdr_export import encode, export_run, interval_log, percentile_distribution
from made_run import make_run, suite_of

OURS = Layout(1, 60_000_000_000, 3)


@dataclass(frozen=True)
class Decoded:
    digits: int
    lowest: int
    highest: int
    counts: dict[int, int]  # by the lowest value of the bucket


def integer(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big", signed=True)


def decoded(text: str) -> Decoded:
    """A compressed V2 histogram, as AbstractHistogram.decodeFromCompressedByteBuffer reads it."""
    outer = base64.b64decode(text, validate=True)
    assert integer(outer, 0, 4) & ~0xF0 == 0x1C849304
    assert integer(outer, 4, 4) == len(outer) - 8
    data = zlib.decompress(outer[8:])
    assert integer(data, 0, 4) & ~0xF0 == 0x1C849303
    length, offset, digits = integer(data, 4, 4), integer(data, 8, 4), integer(data, 12, 4)
    lowest, highest = integer(data, 16, 8), integer(data, 24, 8)
    assert offset == 0 and data[32:40] == bytes.fromhex("3ff0000000000000"), "no shift, ratio 1.0"
    payload = data[40:]
    assert len(payload) == length
    counts: dict[int, int] = {}
    index = at = 0
    while at < len(payload):
        raw = shift = 0
        while True:
            byte = payload[at]
            at += 1
            if shift == 56:  # the ninth byte has all eight bits
                raw |= byte << shift
                break
            raw |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        number = (raw >> 1) ^ -(raw & 1)
        if number < 0:
            index += -number
        else:
            counts[value_from_index(index, lowest, digits)] = number
            index += 1
    return Decoded(digits, lowest, highest, counts)


def value_from_index(index: int, lowest: int, digits: int) -> int:
    """AbstractHistogram.valueFromIndex."""
    unit_magnitude = math.floor(math.log2(lowest))
    sub_bucket_half_magnitude = math.ceil(math.log2(2 * 10**digits)) - 1
    half = 1 << sub_bucket_half_magnitude
    bucket = (index >> sub_bucket_half_magnitude) - 1
    sub = (index & (half - 1)) + half
    if bucket < 0:
        sub, bucket = sub - half, 0
    return sub << (bucket + unit_magnitude)


def lowest_equivalent(value: int) -> int:
    shift = max(0, value.bit_length() - 11)
    return value >> shift << shift


values = st.one_of(st.integers(1, 3000), st.integers(1, 60_000_000_000))
histograms = st.dictionaries(
    values.map(lambda value: lowest_equivalent(value) + (1 << max(0, value.bit_length() - 11)) - 1),
    st.integers(1, 2**62),
    max_size=40,
).map(lambda counts: tuple(sorted(counts.items())))


@given(histograms)
def test_a_histogram_is_read_as_it_was_written(counts: Histogram) -> None:
    read = decoded(encode(counts, OURS))
    assert (read.digits, read.lowest, read.highest) == (3, 1, 60_000_000_000)
    assert read.counts == {lowest_equivalent(value): count for value, count in counts}


def test_bytes_are_those_of_the_format() -> None:
    """One sample of value 1 and 300 of value 3: zigzag of one zero, of 1, of one zero, and of 300 in two bytes."""
    data = zlib.decompress(base64.b64decode(encode(((1, 1), (3, 300)), OURS))[8:])
    assert (
        data.hex() == "1c849313"
        "00000005"
        "00000000"
        "00000003"
        "0000000000000001"
        "0000000df8475800"
        "3ff0000000000000"
        "0102"
        "01d804"
    )


@given(st.lists(st.lists(values, max_size=30), max_size=5))
def test_merging_is_the_union(parts: list[list[int]]) -> None:
    """The merge of histograms holds every bucket count of the histogram of all values: no percentile is averaged."""

    def of(these: list[int]) -> Histogram:
        counts: dict[int, int] = {}
        for value in these:
            counts[lowest_equivalent(value)] = counts.get(lowest_equivalent(value), 0) + 1
        return tuple(sorted(counts.items()))

    assert merge(of(part) for part in parts) == of([value for part in parts for value in part])


ROW = re.compile(r"^ *(\d+\.\d{3}) ([01]\.\d{12}) +(\d+)(?: +(\d+\.\d{2}))?$")


@given(histograms.filter(bool))
def test_percentiles_of_a_distribution(counts: Histogram) -> None:
    lines = percentile_distribution(counts, OURS).splitlines()
    assert (
        lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
        and lines[1] == ""
    )
    rows = [ROW.match(line) for line in lines[2:] if not line.startswith("#")]
    assert all(rows)
    shares = [float(row[2]) for row in rows if row]
    assert shares[0] == 0
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert [row[4] is None for row in rows if row] == [False] * (len(rows) - 1) + [True], (
        "the last has no 1/(1 - p)"
    )
    for row in rows:
        assert row
        reached = sum(count for value, count in counts if value / 1e6 <= float(row[1]) + 0.0006)
        assert int(row[3]) <= reached and int(row[3]) / samples(counts) >= float(row[2]) - 1e-9
    total = re.search(r"Total count    = +(\d+)\]", lines[-2])
    assert total and int(total[1]) == samples(counts)


def test_a_known_distribution() -> None:
    """1 ms … 100 ms, one of each: half of them are at or below 50 ms."""
    counts = tuple(
        (
            lowest_equivalent(ms * 1_000_000)
            + (1 << max(0, (ms * 1_000_000).bit_length() - 11))
            - 1,
            1,
        )
        for ms in range(1, 101)
    )
    lines = percentile_distribution(counts, OURS).splitlines()
    row = next(line.split() for line in lines if " 0.500000000000 " in line)
    assert float(row[0]) == pytest.approx(50, rel=0.001) and row[2:] == ["50", "2.00"]
    assert lines[-4].split()[1:] == ["1.000000000000", "100"]
    mean, spread = re.findall(r"= +([0-9.]+)", lines[-3])
    assert float(mean) == pytest.approx(50.5, rel=0.001) and float(spread) == pytest.approx(
        28.866, rel=0.001
    )
    assert lines[-1] == "#[Buckets =           26, SubBuckets     =         2048]"


def test_a_log_has_a_line_for_each_repeat() -> None:
    first, second = ((1_000_000, 5),), ((2_000_000, 7), (4_000_000, 1))
    lines = interval_log([(1000.5, 2.0, second), (990.0, 2.0, first)], OURS).splitlines()
    assert lines[:2] == [
        "#[Histogram log format version 1.3]",
        "#[StartTime: 990.000 (seconds since epoch)]",
    ]
    assert (
        lines[2]
        == '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
    )
    assert [line.split(",")[:3] for line in lines[3:]] == [
        ["0.000", "2.000", "1.000"],
        ["10.500", "2.000", "4.000"],
    ]
    assert decoded(lines[4].split(",")[3]).counts == {
        lowest_equivalent(value): count for value, count in second
    }


def test_a_run_is_exported(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path, suite_of(connections=(1, 64), sizes=(64,))))
    files = export_run(run, tmp_path / "hdr")
    assert sorted(path.name for path in files) == sorted(
        f"{model}-{connections}x64.{time}.{form}"
        for model in ("select", "iocp")
        for connections in (1, 64)
        for time in ("response", "service")
        for form in ("hgrm", "hlog")
    )
    records = [
        record
        for record in run.records
        if (record.condition.model, record.condition.connections) == ("iocp", 64)
    ]
    lines = (
        (tmp_path / "hdr" / "iocp-64x64.response.hlog").read_text(encoding="utf-8").splitlines()[3:]
    )
    assert len(lines) == len(records) == 3
    union: dict[int, int] = {}
    for line in lines:
        for value, count in decoded(line.split(",")[3]).counts.items():
            union[value] = union.get(value, 0) + count
    merged = merge(
        tuple(map(tuple, record.loadgen["result"]["response"]["histogram"]["counts"]))
        for record in records
        if record.loadgen
    )  # type: ignore[misc]
    assert union == {lowest_equivalent(value): count for value, count in merged}
    text = (tmp_path / "hdr" / "iocp-64x64.response.hgrm").read_text(encoding="utf-8")
    median = next(line.split()[0] for line in text.splitlines() if " 0.500000000000 " in line)
    assert float(median) == pytest.approx((percentile(merged, 50) or 0) / 1e6, abs=0.0006)


def test_export_is_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path, suite_of(connections=(1,), sizes=(64,), rounds=1))
    assert main(["export", str(folder)]) == 0
    assert "8 files" in capsys.readouterr().out
    assert len(list((folder / "hdr").iterdir())) == 8
    assert main(["export", str(folder), "--out", str(tmp_path / "else where")]) == 0
    assert len(list((tmp_path / "else where").iterdir())) == 8
