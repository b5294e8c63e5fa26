"""Histograms in HdrHistogram's own forms, which its plotters and log processors open.

    .hgrm   the percentile distribution as text, in milliseconds; five ticks for each halving of
            the distance to 100 %
    .hlog   the interval log, version 1.3: one line per repeat, with its histogram in the
            compressed V2 encoding (values in nanoseconds)

Sources: HdrHistogram's Histogram.outputPercentileDistribution, HistogramLogWriter,
AbstractHistogram (V2 encoding) and ZigZagEncoding.
"""

from __future__ import annotations

import base64
import math
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from iomodels.base.files import write_whole
from iomodels.data.hdr import Layout, listed
from iomodels.data.records import Condition, Record, Run
from iomodels.judge.stats import Histogram, histogram, merge, samples

NS_PER_MS = 1e6
TICKS_PER_HALF_DISTANCE = 5
FINEST_PERCENT = 100 - 1e-9  # eleven nines: a double has few steps beyond
V2_COOKIE = 0x1C849313
V2_COMPRESSED_COOKIE = 0x1C849314
TIMES = ("response", "service")


def export_run(run: Run, folder: Path) -> list[Path]:
    """Write both forms of every cell's response and service times below `folder`.

    Returns the files; a cell without a valid repeat has none.
    """
    cells: dict[Condition, list[Record]] = {}
    for record in run.records:
        if record.ok and record.loadgen:
            cells.setdefault(record.condition, []).append(record)
    folder.mkdir(parents=True, exist_ok=True)
    return [
        path
        for condition, records in cells.items()
        for time in TIMES
        for path in _export_cell(condition, records, time, folder)
    ]


def _export_cell(
    condition: Condition, records: Sequence[Record], time: str, folder: Path
) -> Iterator[Path]:
    results = [record.loadgen["result"] for record in records if record.loadgen]
    layout = _layout(results[0][time]["histogram"])
    counts = [histogram(result[time]["histogram"]["counts"]) for result in results]
    stem = (
        re.sub(r"[^\w.=-]+", "-", f"{condition.label}-{condition.connections}x{condition.size}")
        + f".{time}"
    )
    starts = [
        datetime.fromisoformat(record.started_utc.replace("Z", "+00:00")).timestamp()
        for record in records
    ]
    lengths = [result["window_ns"] / 1e9 for result in results]
    for suffix, text in (
        ("hgrm", percentile_distribution(merge(counts), layout)),
        ("hlog", interval_log(zip(starts, lengths, counts), layout)),
    ):
        path = folder / f"{stem}.{suffix}"
        write_whole(path, text)
        yield path


def _layout(stored: Mapping[str, Any]) -> Layout:
    return Layout(stored["lowest"], stored["highest"], stored["significant_figures"])


def percentile_distribution(counts: Histogram, layout: Layout) -> str:
    """Return the text of a .hgrm file."""
    total = samples(counts)
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    for percent, value, reached in _percentile_steps(counts):
        line = f"{value / NS_PER_MS:12.3f} {percent / 100:2.12f} {reached:10d}"
        lines.append(line if percent == 100 else f"{line} {1 / (1 - percent / 100):14.2f}")
    mean = sum(layout.middle(value) * count for value, count in counts) / total if total else 0.0
    spread = (
        math.sqrt(
            sum((layout.middle(value) - mean) ** 2 * count for value, count in counts) / total
        )
        if total
        else 0.0
    )
    largest = counts[-1][0] if counts else 0
    lines += [
        f"#[Mean    = {mean / NS_PER_MS:12.3f}, StdDeviation   = {spread / NS_PER_MS:12.3f}]",
        f"#[Max     = {largest / NS_PER_MS:12.3f}, Total count    = {total:12d}]",
        f"#[Buckets = {layout.buckets:12d}, SubBuckets     = {1 << layout.sub_bits:12d}]",
    ]
    return "\n".join(lines) + "\n"


def _percentile_steps(counts: Histogram) -> Iterator[tuple[float, int, int]]:
    """Yield (percent, value, samples up to it) in ever finer steps, then the last value at
    100 %."""
    total, reached, percent = samples(counts), 0, 0.0
    for value, count in counts:
        reached += count
        while percent <= 100 * reached / total and percent < FINEST_PERCENT:
            yield percent, value, reached
            if reached == total:  # one step in the last bucket, as HdrHistogram's iterator does
                break
            halvings = int(math.log2(100 / (100 - percent))) + 1
            percent += 100 / (TICKS_PER_HALF_DISTANCE * 2**halvings)
    if counts:
        yield 100.0, counts[-1][0], total


def interval_log(intervals: Iterable[tuple[float, float, Histogram]], layout: Layout) -> str:
    """Return the text of a .hlog file.

    An interval: start (seconds since 1970), length in seconds, histogram.
    """
    ordered = sorted(intervals, key=lambda interval: interval[0])
    start = ordered[0][0] if ordered else 0.0
    lines = [
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {start:.3f} (seconds since epoch)]",
    ]
    lines.append(
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
    )
    for begin, length, counts in ordered:
        largest = counts[-1][0] if counts else 0
        lines.append(
            f"{begin - start:.3f},{length:.3f},{largest / NS_PER_MS:.3f},{encode(counts, layout)}"
        )
    return "\n".join(lines) + "\n"


def encode(counts: Histogram, layout: Layout) -> str:
    """Return a histogram in the compressed V2 encoding, as base64.

    Numbers are big-endian, counts zigzag varints; a run of zeros is minus its length.
    """
    payload = b"".join(map(_zigzag, listed(counts, layout)))
    head = struct.pack(
        ">iiiiqqd", V2_COOKIE, len(payload), 0, layout.digits, layout.lowest, layout.highest, 1.0
    )
    packed = zlib.compress(head + payload)
    return base64.b64encode(struct.pack(">ii", V2_COMPRESSED_COOKIE, len(packed)) + packed).decode(
        "ascii"
    )


def _zigzag(number: int) -> bytes:
    """Return LEB128 of the zigzag number.

    A ninth byte holds eight bits (ZigZagEncoding's LEB128-64b9B).
    """
    rest = number << 1 ^ number >> 63 if number < 0 else number << 1
    rest &= 2**64 - 1
    encoded = bytearray()
    while rest > 0x7F and len(encoded) < 8:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)
