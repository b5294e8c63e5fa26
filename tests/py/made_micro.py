"""A made-up micro run: what Google Benchmark would have written, with known times."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iomodels.data.micro import MicroRun, load_micro_run, write_micro_run

RUN = "20250102-030405-micro"
LINEAR = {f"readiness/select/last/sockets:{n}": 5000.0 + 20.0 * n for n in (1, 16, 256, 4096)}
TIMES = {
    "event/set_then_wait": 1500.0,
    "clock/read": 25.0,
    "memory/load/bytes:16384": 1.5,
    **LINEAR,
}


def google_json(
    times: Mapping[str, float], repetitions: int = 10, platform: str = "wine-8.0"
) -> dict[str, Any]:
    """Google Benchmark's JSON: each repetition of a benchmark takes 1 % longer, in µs."""
    runs = [
        {
            "name": f"{name}/real_time",
            "run_name": f"{name}/real_time",
            "run_type": "iteration",
            "family_index": family,
            "per_family_instance_index": 0,
            "repetitions": repetitions,
            "repetition_index": repetition,
            "threads": 1,
            "iterations": 100,
            "real_time": time * (1 + 0.01 * repetition) / 1000,
            "cpu_time": 0.0,
            "time_unit": "us",
        }
        for family, (name, time) in enumerate(times.items())
        for repetition in range(repetitions)
    ]
    aggregates = [
        {**run, "name": run["name"] + "_mean", "run_type": "aggregate"}
        for run in runs[::repetitions]
    ]
    return {
        "context": {"platform": platform, "library_build_type": "release"},
        "benchmarks": runs + aggregates,
    }


def make_run(
    folder: Path,
    times: Mapping[str, float] = TIMES,
    repetitions: int = 10,
    platform: str = "wine-8.0",
) -> MicroRun:
    path = folder / RUN
    path.mkdir(parents=True)
    manifest = {
        "format": 1,
        "run": RUN,
        "platform": platform,
        "native": False,
        "quick": False,
        "filter": None,
        "repetitions": repetitions,
        "min_time_s": 0.05,
        "command": ["iomodels", "micro"],
        "environment": {},
        "versions": {},
        "git": {},
        "started_utc": "2025-01-02T03:04:05Z",
        "finished_utc": "2025-01-02T03:05:05Z",
        "counters": {
            "clock/read": {
                "iterations": 100,
                "context_switches": 0.0,
                "wineserver_cpu_ns": 1.5,
                "reason": None,
            }
        },
    }
    write_micro_run(path, manifest, google_json(times, repetitions, platform))
    return load_micro_run(path)
