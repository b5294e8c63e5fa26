"""Several load generators as one: the split of a load, and the exact merge of what they print.

Counts add up, histograms bucket by bucket. So the merged percentiles are those of one load
generator that made all requests. Times are those of the client's clock. What a rule judges has the
value of the worst generator; the parts are kept under `cluster`, without their histograms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any

import numpy as np

from iomodels.base.arguments import Option
from iomodels.base.errors import USAGE, Failure
from iomodels.cluster.clock import Offset
from iomodels.data.hdr import Layout

Event = dict[str, Any]
TIMES = ("response", "service", "connect")
SEED_STEP = 0x9E3779B1
"""Between the seeds of two generators, so that their arrivals and amounts differ."""
SUMS = (
    *("requests", "requests_per_second", "bytes_sent", "bytes_received", "connects"),
    *("replies_checked", "bytes_checked", "unanswered", "unsent", "cpu_ns"),
)
SETTINGS = ("connections", "idle", "rate", "threads")


@dataclass(frozen=True)
class Part:
    """What one generator printed, and the clock of its machine."""

    worker: str
    offset: Offset
    result: Event

    @property
    def window(self) -> tuple[int, int]:
        """Begin and end of its window on the client's clock, in ns."""
        window = self.result["window"]
        return window["begin_ns"] - self.offset.ns, window["end_ns"] - self.offset.ns


# ---- the split ----


def split(options: Mapping[str, Option], machines: int) -> list[dict[str, Option]]:
    """Return the options of each generator. There are no more of them than busy connections.

    Raises Failure for classes of connections, whose latencies have no histogram to merge.
    """
    if machines == 1:
        return [dict(options)]
    if "class" in options:
        raise Failure(
            "the load has classes, which only one load generator can make; "
            "start one worker of the role load",
            exit_code=USAGE,
        )
    if options.get("calibrate"):
        return _split_points(options, machines)
    connections, idle = _number(options, "connections"), _number(options, "idle")
    rate = _number(options, "rate")
    count = min(machines, connections - idle, rate or machines)
    found: list[dict[str, Option]] = []
    for index, (busy, rests) in enumerate(
        zip(shares(connections - idle, count), shares(idle, count))
    ):
        own: dict[str, Option] = {**options, "connections": busy + rests}
        own |= {"idle": rests} if "idle" in options else {}
        own |= {"rate": shares(rate, count)[index]} if rate else {}
        if "threads" in options:
            own["threads"] = min(_number(options, "threads"), busy + rests)
        if not rate:
            own["turns"] = 0  # windows of equal length, which overlap
        own["seed"] = (_number(options, "seed") + index * SEED_STEP) % 2**32
        found.append(own)
    return found


def shares(total: int, count: int) -> list[int]:
    """Return `total` in `count` parts that differ by one at most; the first are the larger ones."""
    each, more = divmod(total, count)
    return [each + (index < more) for index in range(count)]


def _split_points(options: Mapping[str, Option], machines: int) -> list[dict[str, Option]]:
    points = sorted(int(point) for point in str(options["points"]).split(","))
    parts = [shares(point, min(machines, point)) for point in points]
    columns = [[part[index] for part in parts if index < len(part)] for index in range(machines)]
    return [
        {
            **options,
            "points": ",".join(map(str, column)),
            "threads": min(_number(options, "threads"), *column),
        }
        for column in columns
        if column
    ]


def _number(options: Mapping[str, Option], name: str) -> int:
    return int(str(options.get(name, 0)))


# ---- the merge of an event ----


def ready(events: Sequence[Event]) -> Event:
    return {
        **events[0],
        "connections": sum(event["connections"] for event in events),
        "connect_ns": max(event["connect_ns"] for event in events),
        "settings": _settings(events),
    }


def moment(events: Sequence[Event], offsets: Sequence[Offset]) -> Event:
    """The last of the moments: only then do all generators measure, or have measured."""
    times = [event["time_ns"] - offset.ns for event, offset in zip(events, offsets)]
    return {**events[0], "time_ns": max(0, *times)}


def calibration(events: Sequence[Event]) -> Event:
    """Add the rates of each number of connections, which every generator has a share of."""
    points: list[Event] = []
    widest = max(len(event["points"]) for event in events)
    for place in range(widest):  # a small number has fewer generators, and comes first
        own = [
            event["points"][place - (widest - len(event["points"]))]
            for event in events
            if place >= widest - len(event["points"])
        ]
        sums = {
            name: _sum(point[name] for point in own)
            for name in ("connections", "rate", "ceiling")
            if name in own[0]
        }
        points.append({**own[0], **sums})
    return {**events[0], "points": points}


def result(parts: Sequence[Part]) -> Event:
    """Return the result of all generators together."""
    results = [part.result for part in parts]
    first = results[0]
    windows = [part.window for part in parts]
    merged: Event = {
        **{name: value for name, value in first.items() if name != "intervals"},
        **{name: _sum(each.get(name) for each in results) for name in SUMS if name in first},
        "settings": _settings(results),
        "connections": _sums([each["connections"] for each in results]),
        "errors": _sums([each["errors"] for each in results]),
        "jain_index": _jain(results),
        "audit": _audit([each["audit"] for each in results]),
        "cluster": {
            "overlap": overlap(windows, [part.offset.error_ns for part in parts]),
            "parts": [_kept(part) for part in parts],
        },
    }
    rate = merged["requests_per_second"]
    longest = max(each["window_ns"] for each in results)
    merged["window_ns"] = round(merged["requests"] / rate * 1e9) if rate else longest
    begin, end = max(begin for begin, _ in windows), min(end for _, end in windows)
    merged["window"] = {"begin_ns": max(0, begin), "end_ns": max(0, begin, end)}
    merged |= {name: latency([each[name] for each in results]) for name in TIMES if name in first}
    if "classes" in first and len(parts) > 1:
        merged["classes"] = [_class(first["classes"][0], merged)]
    together, why = _intervals([each.get("intervals") for each in results])
    if together:
        together["begin_ns"] = max(0, together["begin_ns"] - parts[0].offset.ns)
    merged |= {"intervals": together} if together else {}
    merged["cluster"]["intervals_reason"] = why
    return merged


def overlap(windows: Sequence[tuple[int, int]], errors_ns: Sequence[int]) -> float:
    """Return the share of the longest window that all have in common, at least.

    The clocks of two machines may be wrong by both of their errors.
    """
    common = min(end for _, end in windows) - max(begin for begin, _ in windows)
    unsure = sum(sorted(errors_ns)[-2:]) if len(windows) > 1 else 0
    longest = max(end - begin for begin, end in windows)
    return round(max(0, common - unsure) / longest, 4) if longest > 0 else 0.0


def latency(parts: Sequence[Event]) -> Event:
    """Merge latencies by the counts of their histograms."""
    shapes = {_shape(part["histogram"]) for part in parts}
    if len(shapes) > 1:
        raise Failure("the histograms of the load generators have different buckets")
    counts: dict[int, int] = {}
    for part in parts:
        for value, count in part["histogram"]["counts"]:
            counts[value] = counts.get(value, 0) + count
    pairs = sorted(counts.items())
    merged = {
        **parts[0],
        "count": sum(part["count"] for part in parts),
        "saturated": sum(part.get("saturated", 0) for part in parts),
        "min": min((part["min"] for part in parts if part["min"] is not None), default=None),
        "max": max((part["max"] for part in parts if part["max"] is not None), default=None),
        "histogram": {**parts[0]["histogram"], "counts": [list(pair) for pair in pairs]},
    }
    if len({part.get("intended") for part in parts}) > 1:
        merged["intended"] = "mixed"
    return merged | _statistics(pairs, Layout(*shapes.pop()), parts[0])


def _statistics(pairs: Sequence[tuple[int, int]], layout: Layout, names: Event) -> Event:
    """Return mean, deviation and percentiles as HdrHistogram computes them."""
    quantiles = [name for name in names if name[0] == "p" and name[1:].replace(".", "").isdigit()]
    wanted = [*quantiles, *(name for name in ("mean", "stddev") if name in names)]
    if not pairs:
        return dict.fromkeys(wanted)
    tops, counts = (np.array(column) for column in zip(*pairs))
    middles = np.array([float(layout.middle(int(top))) for top in tops])
    total, until = int(counts.sum()), np.cumsum(counts)
    mean = float((middles * counts).sum() / total)
    found: Event = {
        "mean": mean,
        "stddev": float(np.sqrt(((middles - mean) ** 2 * counts).sum() / total)),
    }
    for name in quantiles:
        rank = max(1, int(float(name[1:]) / 100 * total + 0.5))
        found[name] = int(tops[min(int(np.searchsorted(until, rank)), len(tops) - 1)])
    return {name: found[name] for name in wanted}


def _shape(histogram: Event) -> tuple[int, int, int]:
    return histogram["lowest"], histogram["highest"], histogram["significant_figures"]


def _class(first: Event, merged: Event) -> Event:
    """The one class of all connections has the numbers of the whole."""
    found = {
        name: merged.get(name, value) for name, value in first.items() if name != "connections"
    }
    for name in TIMES:
        if name in found:
            found[name] = {key: each for key, each in merged[name].items() if key != "histogram"}
    return {
        **found,
        "name": first["name"],
        "connections": merged["connections"]["requested"],
        "idle": merged["settings"].get("idle", 0),
        "target_rate": merged["audit"].get("target_rate"),
    }


def _intervals(parts: Sequence[Event | None]) -> tuple[Event | None, str | None]:
    """Add intervals of the same width. Returns None with the reason if they cannot be added."""
    known = [part for part in parts if part]
    if len(known) < len(parts):
        return None, "a load generator printed no intervals"
    widths = sorted({part["width_ns"] for part in known})
    if len(widths) > 1:
        between = " and ".join(f"{width / 1e6:g} ms" for width in (widths[0], widths[-1]))
        return None, f"the load generators have intervals of {between}, which cannot be added"
    if len({part["warmup"] for part in known}) > 1:
        return None, "the warm-ups of the load generators have different lengths"
    length = min(len(part["requests"]) for part in known)
    found: Event = {**known[0], "requests": [], "mean_ns": [], "max_ns": []}
    for place in range(length):
        own = [(p["requests"][place], p["mean_ns"][place], p["max_ns"][place]) for p in known]
        some = [each for each in own if each[1] is not None]
        total = sum(count for count, _, _ in some)
        found["requests"].append(sum(count for count, _, _ in own))
        found["mean_ns"].append(
            sum(count * mean for count, mean, _ in some) / total if total else None
        )
        found["max_ns"].append(max((most for _, _, most in some), default=None))
    return found, None


def _jain(results: Sequence[Event]) -> float | None:
    """Jain's index over all busy connections, from the sums of each part."""
    total = squares = 0.0
    busy = 0
    for each in results:
        own = each["connections"]["established"] - int(each["settings"].get("idle", 0) or 0)
        if not each.get("jain_index") or own <= 0:
            return None
        total += each["requests"]
        squares += each["requests"] ** 2 / (own * each["jain_index"])
        busy += own
    return total**2 / (busy * squares) if squares else None


# ---- the audit: sums, and the worst ----

_ADDED = (
    *("target_rate", "achieved_rate", "due", "sent", "connections_requested"),
    *("connections_established", "littles_n", "littles_lambda", "replies_checked", "bytes_checked"),
)
_WORST: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("send_delay_p50_ns", "send_delay_p99_ns", "cpu_share_max", "slack_ns"), max),
    **dict.fromkeys(("clock_resolution_ns", "clock_read_ns", "throttled"), max),
    **dict.fromkeys(("timely_share", "turns", "warm", "precedence"), min),
    "littles_gap": lambda gaps: max(gaps, key=abs),
}


def _audit(audits: Sequence[Event]) -> Event:
    """Return the audit of all: a rule that one generator breaks is broken."""
    merged = dict(audits[0])
    for name in audits[0]:
        values = [audit.get(name) for audit in audits]
        if name in _ADDED:
            merged[name] = _sum(values)
        elif name in _WORST:
            merged[name] = None if None in values else _WORST[name](values)
        elif name.endswith("_reason"):
            merged[name] = next((value for value in values if value), None)
        elif name == "behind_since_ns":
            merged[name] = min((value for value in values if value is not None), default=None)
    if "held_share" in merged:
        merged["held_share"] = _held_share(audits)
    merged["errors"] = _sums([audit.get("errors", {}) for audit in audits])
    if "cpu_threads" in merged:
        merged["cpu_threads"] = [share for audit in audits for share in audit["cpu_threads"]]
    if merged.get("littles_lambda") and merged.get("littles_n") is not None:
        merged["littles_w_ns"] = merged["littles_n"] / merged["littles_lambda"] * 1e9
    return merged


def _held_share(audits: Sequence[Event]) -> float | None:
    """Return the share of all sends: the server held them back, which is no fault of one part."""
    held, sends = ([audit[name] for audit in audits] for name in ("held_share", "achieved_rate"))
    return None if None in held else sum(map(mul, held, sends)) / sum(sends)


def _kept(part: Part) -> Event:
    left_out = ("event", "format", "classes", "intervals", "settings")
    own = {name: value for name, value in part.result.items() if name not in left_out}
    for name in TIMES:
        if name in own:
            own[name] = {key: each for key, each in own[name].items() if key != "histogram"}
    begin, end = part.window
    return {
        "worker": part.worker,
        "begin_ns": begin,
        "end_ns": end,
        "clock_offset_ns": part.offset.ns,
        "clock_error_ns": part.offset.error_ns,
        "result": own,
    }


def _settings(events: Sequence[Event]) -> Event:
    first = events[0].get("settings") or {}
    sums = {
        name: sum(event["settings"][name] for event in events)
        for name in SETTINGS
        if isinstance(first.get(name), int)
    }
    return {**first, **sums}


def _sum(values: Any) -> Any:
    known = list(values)
    return None if None in known else sum(known)


def _sums(maps: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {
        name: sum(each.get(name, 0) for each in maps)
        for name in dict.fromkeys(k for m in maps for k in m)
    }
