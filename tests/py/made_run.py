"""A made-up run folder with known numbers, for tests of statistics, charts and reports."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iomodels.data.records import FORMAT, Condition, Record
from iomodels.data.store import append_record, write_manifest
from iomodels.plan.order import Measurement, make_plan
from iomodels.plan.server import Server
from iomodels.plan.suite import Suite

RUN = "20250102-030405-select-vs-iocp"
REPLIES = 20_000
WINDOW_NS = 2_000_000_000

Rate = Callable[[Measurement], float | None]
"""Requests per second of a measurement; None lets it fail."""


def usual_rate(measurement: Measurement) -> float:
    """select falls behind as connections grow, iocp does not; the repeats differ by 1 % each."""
    condition = measurement.condition
    top = 10_000.0 if condition.size == 64 else 8_000.0
    slowdown = 1.0 if condition.model != "select" else 1.0 / (1.0 + condition.connections / 1000)
    return round(top * slowdown * (1 + 0.01 * (measurement.repeat - 1)), 3)


def suite_of(
    servers: Sequence[Server] = (Server("select"), Server("iocp")),
    connections: Sequence[int] = (1, 8, 64, 256, 1024),
    sizes: Sequence[int] = (64, 4096),
    rounds: int = 3,
) -> Suite:
    return Suite(
        "select-vs-iocp",
        "select versus IOCP",
        "Which serves more requests a second?",
        tuple(servers),
        tuple(connections),
        tuple(sizes),
        depth=1,
        rounds=rounds,
        warmup_ms=500,
        duration_ms=2000,
        seed=7,
        loadgen_threads=1,
    )


AB: Mapping[str, Any] = {"ab": {"old": "a", "new": "b", "models": [], "programs": {}}}
"""What the manifest of a run of `iomodels ab` has besides."""


def ab_suite(series: Sequence[str], connections: Sequence[int] = (64,), rounds: int = 8) -> Suite:
    """The suite of a comparison of builds; a series is MODEL@old or MODEL@new."""
    return suite_of([Server(label) for label in series], connections, (64,), rounds)


def make_run(
    folder: Path,
    suite: Suite | None = None,
    *,
    rate: Rate = usual_rate,
    platform: str = "wine-8.0",
    status: str = "complete",
    measured: int | None = None,
    enrich: Callable[[Record], Record] = lambda record: record,
    manifest: Mapping[str, Any] | None = None,
    only: Callable[[Measurement], bool] = lambda item: True,
) -> Path:
    """Write folder/RUN with the first `measured` measurements of the plan; return its path.

    Each record is as `enrich` leaves it, and `manifest` adds to the manifest or replaces in it.
    `only` picks the measurements that were made.
    """
    suite = suite or suite_of()
    path = folder / RUN
    path.mkdir(parents=True)
    plan = make_plan(suite)
    write_manifest(path, {**manifest_of(suite, platform, status, len(plan)), **(manifest or {})})
    for measurement in filter(only, plan[:measured]):
        append_record(path, enrich(make_record(measurement, platform, rate(measurement))))
    return path


def manifest_of(suite: Suite, platform: str, status: str, planned: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "run": RUN,
        "suite": json.loads(json.dumps(suite.to_json())),
        "quick": False,
        "command": ["./iomodels", "run", "select-vs-iocp", "--seed", "7"],
        "seed": suite.seed,
        "rounds": suite.rounds,
        "platform": platform,
        "environment": {
            "cpu": "Test CPU <1>",
            "cpus": 2,
            "cpus_usable": [0, 1],
            "launcher": {"placement": _placement(platform)},
            "governor": None,
            "reasons": {"governor": "no cpufreq | in a VM"},
        },
        "versions": {"iomodels": "0.1.0", "wine": "wine-8.0 (Debian)"},
        "git": {
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "dirty": False,
            "reason": None,
        },
        "started_utc": "2025-01-02T03:04:05Z",
        "finished_utc": "2025-01-02T03:10:05Z" if status == "complete" else None,
        "planned": planned,
        "status": status,
    }


def _placement(platform: str) -> dict[str, list[int]]:
    wineserver = {"wineserver_cpus": [0]} if platform.startswith("wine") else {}
    return {"server_cpus": [0], **wineserver, "loadgen_cpus": [1]}


def make_record(measurement: Measurement, platform: str, rate: float | None) -> Record:
    condition = measurement.condition
    common: dict[str, Any] = {
        "format": FORMAT,
        "run": RUN,
        "index": measurement.index,
        "repeat": measurement.repeat,
        "condition": condition,
        "platform": platform,
        "started_utc": "2025-01-02T03:04:06Z",
    }
    if rate is None:
        return Record(
            **common,
            status="failed",
            reason=f"{condition.model}: died with exit code 3 | before ready",
            stderr="bind: access denied <10013>\n",
            server=None,
            loadgen=None,
        )
    return Record(
        **common,
        status="ok",
        reason=None,
        stderr=None,
        server=_server(condition, rate),
        loadgen=_loadgen(measurement, rate),
    )


def _server(condition: Condition, rate: float) -> dict[str, Any]:
    """2 receives, 1 send, 3 waits and 3 events a request; 20 + 30 µs of CPU."""
    requests = round(rate * WINDOW_NS / 1e9)

    def sample(event: str, count: int, time_ns: int) -> dict[str, Any]:
        return {
            "event": event,
            "format": 1,
            "time_ns": time_ns,
            "connections": condition.connections,
            "counters": {
                "requests": count,
                "receives": 2 * count,
                "sends": count,
                "waits": 3 * count,
                "events": 3 * count,
            },
            "process": {
                "cpu_user_ns": 20_000 * count,
                "cpu_kernel_ns": 30_000 * count,
                "working_set_bytes": 1 << 20,
            },
        }

    ready = {
        "event": "ready",
        "format": 1,
        "model": condition.model,
        "settings": {"threads": 1, **dict(condition.options)},
    }
    return {
        "argv": [f"{condition.model}.exe", "--port", "0"],
        "ready": ready,
        "begin": sample("sample", 100, 10**9),
        "end": sample("sample", 100 + requests, 10**9 + WINDOW_NS),
        "summary": sample("summary", 200 + requests, 10**10),
    }


def _loadgen(measurement: Measurement, rate: float) -> dict[str, Any]:
    counts = latencies(measurement, rate)
    alive = measurement.condition.connections
    result = {
        "event": "result",
        "format": 1,
        "platform": "linux-6.1",
        "backend": "epoll",
        "loop": "open" if measurement.condition.rate_percent else "closed",
        "settings": {"depth": 1, "threads": 1},
        "window_ns": WINDOW_NS,
        "requests": round(rate * WINDOW_NS / 1e9),
        "requests_per_second": rate,
        "replies_checked": round(rate * WINDOW_NS / 1e9),
        "bytes_sent": round(rate * WINDOW_NS / 1e9) * measurement.condition.size,
        "bytes_received": round(rate * WINDOW_NS / 1e9) * measurement.condition.reply_size,
        "connections": {"requested": alive, "established": alive, "alive": alive},
        "unanswered": 0,
        "errors": {"reset": 0, "closed": 0, "mismatch": 0, "timeout": 0, "other": 0},
        "cpu_ns": 10**9,
        "response": {
            "unit": "ns",
            "count": REPLIES,
            "min": 1,
            "max": 1,
            "mean": mean(counts),
            "p50": 1,
            "p90": 1,
            "p99": 1,
            "histogram": {
                "lowest": 1,
                "highest": max(60 * 10**9, counts[-1][0]),
                "significant_figures": 3,
                "counts": counts,
            },
        },
    }
    result["service"] = result["response"]
    result["audit"] = audit(measurement, rate, result)
    moment = {"format": 1, "time_ns": 10**9}
    return {
        "argv": ["loadgen", "--port", "4000"],
        "ready": {"event": "ready", "format": 1, "platform": "linux-6.1"},
        "measuring": {"event": "measuring", **moment},
        "measured": {"event": "measured", **moment},
        "result": result,
    }


def audit(measurement: Measurement, rate: float, result: dict[str, Any]) -> dict[str, Any]:
    """The load generator's own audit. A closed loop has no due times, so no shares of them."""
    offered = bool(measurement.condition.rate_percent)
    outstanding = measurement.condition.connections * measurement.condition.depth
    gap = 1 - rate * result["response"]["mean"] / 1e9 / outstanding
    return {
        "target_rate": rate if offered else None,
        "achieved_rate": rate,
        "timely_share": 1.0 if offered else None,
        "held_share": 0.0 if offered else None,
        "behind_since_ns": None,
        "littles_gap": 0.0 if offered else gap,
        "cpu_threads": [0.2],
        "cpu_share_max": 0.2,
        "connections_requested": measurement.condition.connections,
        "connections_established": measurement.condition.connections,
        "replies_checked": result["replies_checked"],
        "bytes_checked": 0,
        "errors": {},
        "clock_resolution_ns": 1.0,
    }


def latencies(measurement: Measurement, rate: float) -> list[list[int]]:
    """REPLIES latencies with a long tail, as a sparse histogram.

    Their mean is connections ÷ rate, by Little's law. Their shape varies a little per repeat.
    """
    points = min(1000, REPLIES)
    shape = _shape(measurement.repeat, points)
    alive = measurement.condition.connections * measurement.condition.depth
    unit_ns = 1e9 * alive / rate / float(shape.mean())
    values, counts = np.unique(buckets((unit_ns * shape).astype(np.int64)), return_counts=True)
    return np.stack([values, counts * (REPLIES // points)], axis=1).tolist()


@lru_cache(maxsize=128)
def _shape(repeat: int, points: int) -> NDArray[np.float64]:
    """Latencies over their own median, ascending."""
    shares = [(point + 0.5) / points for point in range(points)]
    width = 0.35 * (1 + 0.05 * repeat)
    return np.array(
        [
            math.exp(width * NormalDist().inv_cdf(share)) * (6 if share > 0.996 else 1)
            for share in shares
        ]
    )


def mean(counts: Sequence[Sequence[int]]) -> float:
    return sum(value * count for value, count in counts) / sum(count for _, count in counts)


def buckets(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the highest values in the same buckets of HdrHistogram (three significant figures)."""
    _, bits = np.frexp(values)
    shifts = np.maximum(0, bits - 11)
    return ((values >> shifts) + 1 << shifts) - 1


def bucket(value: int) -> int:
    return int(buckets(np.array([value]))[0])


def noisy_rate(bases: Mapping[str, float], spread: float = 0.02, seed: int = 1) -> Rate:
    """Per series its rate times noise of the spread, the same numbers for the same seed."""
    return lambda item: (
        bases[item.condition.label]
        * math.exp(spread * random.Random(f"{seed} {item.condition} {item.repeat}").gauss(0.0, 1.0))
    )


def rates_by(table: Mapping[tuple[str, int], Sequence[float | None]]) -> Rate:
    """The rates of a table: (model, connections) → one for each repeat."""
    return lambda measurement: table[
        measurement.condition.model, measurement.condition.connections
    ][measurement.repeat]


PER_REQUEST = {
    "server.context_switches": 4.0,
    "server.cpu_ns": 50_000.0,
    "wineserver.context_switches": 2.0,
    "wineserver.cpu_ns": 30_000.0,
}
INTERVALS = 20
WARMUP_INTERVALS = 4


def with_counters(
    record: Record, per_request: Mapping[str, float], threads: int | None = None
) -> Record:
    """The same record with these counters per request, and this number of threads."""
    if record.loadgen is None:
        return record
    requests = record.loadgen["result"]["requests"]
    counters: dict[str, Any] = {
        name: {
            "value": value * requests,
            "unit": "ns" if name.endswith("ns") else "switches",
            "source": "made up",
            "per_request": value,
        }
        for name, value in per_request.items()
    }
    server = record.server or {}
    if threads is not None:
        server = {**server, "ready": {**server["ready"], "settings": {"threads": threads}}}
    return replace(record, counters={**(record.counters or {}), **counters}, server=server)


def with_everything(record: Record) -> Record:
    """Add what newer records have: counters, the load's course, and both times of an open loop.

    The service time is half the response time. iocp costs half as much as the others, and has 2 KiB
    per connection where they have 4.
    """
    if record.loadgen is None:
        return record
    share, connections = (
        0.5 if record.condition.model == "iocp" else 1.0,
        record.condition.connections,
    )
    result = dict(record.loadgen["result"])
    counted = with_counters(record, {name: share * each for name, each in PER_REQUEST.items()})
    counters: dict[str, Any] = {**(counted.counters or {})}
    counters["server.private_bytes"] = {
        "value": 2**21 + 4096 * share * connections,
        "unit": "bytes",
        "source": "made up",
    }
    counters["server.nonpaged_pool_bytes"] = {
        "value": None,
        "unit": "bytes",
        "reason": "Wine answers with zeros",
    }
    counters["server.threads"] = {
        "value": connections + 1 if record.condition.model == "threads" else 3,
        "unit": "threads",
        "source": "made up",
    }
    rate = result["requests_per_second"]
    width_ns = WINDOW_NS // (INTERVALS - WARMUP_INTERVALS)
    mean_ns = result["response"]["mean"]
    result["intervals"] = {
        "begin_ns": 0,
        "width_ns": width_ns,
        "warmup": WARMUP_INTERVALS,
        "requests": [round(rate * width_ns / 1e9)] * INTERVALS,
        "mean_ns": [None] + [mean_ns] * (INTERVALS - 1),
        "max_ns": [None] + [5 * mean_ns] * (INTERVALS - 1),
    }
    if record.condition.rate_percent:
        halved: dict[int, int] = {}
        for value, count in result["response"]["histogram"]["counts"]:
            halved[bucket(value // 2)] = halved.get(bucket(value // 2), 0) + count
        result["service"] = result["response"] | {
            "histogram": {
                "lowest": 1,
                "highest": result["response"]["histogram"]["highest"],
                "significant_figures": 3,
                "counts": [list(pair) for pair in sorted(halved.items())],
            }
        }
    return replace(record, counters=counters, loadgen=record.loadgen | {"result": result})


def offered_rate(measurement: Measurement) -> float:
    """At an offered rate the same for every server, whatever it could do."""
    return (
        100.0 * measurement.condition.rate_percent
        if measurement.condition.rate_percent
        else usual_rate(measurement)
    )


CLASSES = (
    ("heavy", (("connections", 1), ("depth", 64))),
    ("light", (("rate", 500), ("churn", 10))),
)
"""The [load.class.*] that `with_classes` has the records of."""


def with_classes(record: Record) -> Record:
    """Add CLASSES. heavy got a quarter of the replies, which is too few for a p99.

    light waited 2 ms (p99: 8 ms) under iocp and ten times that under others, 1 % more per repeat.
    There are a tenth as many connects as replies, of 100 µs, and one in a hundred of 900 µs.
    """
    if record.loadgen is None:
        return record
    result, connections = record.loadgen["result"], record.condition.connections
    wait_ns = (1 if record.condition.model == "iocp" else 10) * (1 + 0.01 * record.repeat) * 1e6

    def part(
        name: str, number: int, share: float, count: int, rate: float | None, jain: float
    ) -> dict[str, Any]:
        response = {
            "unit": "ns",
            "count": count,
            "p50": round(2 * wait_ns),
            "p99": round(8 * wait_ns),
        }
        return {
            "name": name,
            "loop": "open" if rate else "closed",
            "connections": number,
            "idle": 0,
            "target_rate": rate,
            "requests": round(share * result["requests"]),
            "requests_per_second": share * result["requests_per_second"],
            "response": response,
            "jain_index": jain,
        }

    classes = [
        part("heavy", 1, 0.25, 500, None, 1.0),
        part("light", connections - 1, 0.75, 1500, 500.0, 0.99),
    ]
    connect = result["response"] | {
        "count": 1000,
        "histogram": result["response"]["histogram"]
        | {"counts": [[bucket(100_000), 985], [bucket(900_000), 15]]},
    }
    return replace(
        record,
        loadgen=record.loadgen
        | {
            "result": result
            | {
                "classes": classes,
                "jain_index": 0.25,
                "connect": connect,
                "connects": result["requests"] // 10,
            }
        },
    )
