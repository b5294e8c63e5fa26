"""Made-up tunings: a manifest, and records whose rates are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from iomodels.data.records import Record
from iomodels.data.searches import TUNE_FORMAT, write_tune
from iomodels.data.store import append_record
from iomodels.plan.load import Load
from iomodels.plan.order import Measurement, cells
from iomodels.plan.server import Server
from iomodels.plan.suite import Suite
from made_run import make_record

SETTINGS = (
    *(Server("iocp", (("threads", threads),)) for threads in (1, 2, 4, 8)),
    *(Server("apc", (("threads", threads),)) for threads in (1, 2)),
    Server("select"),
)
RATES = (1000.0, 2000.0, 4000.0, 4400.0, 900.0, 1800.0, 600.0)
SUITE = Suite(
    name="tune",
    title="Tuning",
    question="?",
    servers=SETTINGS,
    connections=(64,),
    sizes=(64,),
    depth=1,
    rounds=1,
    warmup_ms=0,
    duration_ms=100,
    seed=7,
    loadgen_threads=1,
    load=Load((("cpu-us", 100), ("block-us", 300), ("turns", 5))),
)
ALL = list(range(len(SETTINGS)))


def manifest(**changes: Any) -> dict[str, Any]:
    stages = [
        {"settings": ALL, "rounds": 3, "closing": False},
        {"settings": [0, 1, 2, 3], "rounds": 4, "closing": False},
        {"settings": [2, 3, 5], "rounds": 14, "closing": True},
    ]
    return {
        "format": TUNE_FORMAT,
        "run": "20250105-000000-tune",
        "platform": "wine-8.0",
        "status": "complete",
        "minutes": 5,
        "cores": 2,
        "threads_max": 8,
        "command": ["iomodels", "tune"],
        "objective": "throughput",
        "sizes": [7, 4],
        "suite": SUITE.to_json(),
        "stages": stages,
        "dropped": [],
        "absent": [],
        "budget_s": 300.0,
        "measured_s": 140.0,
        "environment": {},
        "versions": {},
        "git": {},
        "started_utc": "2025-01-05T00:00:00Z",
        "finished_utc": "2025-01-05T00:06:00Z",
        **changes,
    }


def record_of(index: int, place: int, round_: int, rate: float | None) -> Record:
    measurement = Measurement(index, round_, cells(SUITE)[place])
    return make_record(measurement, "wine-8.0", rate)


def recorded(data: Mapping[str, Any], rates: Sequence[float] = RATES) -> list[Record]:
    """Return the records of the manifest's stages; each rate varies by 1 %."""
    rng = np.random.default_rng(1)
    records: list[Record] = []
    first = 0
    for stage in data["stages"]:
        for round_ in range(first, first + stage["rounds"]):
            for place in stage["settings"]:
                rate = rates[place] * float(np.exp(rng.normal(0.0, 0.01)))
                records.append(record_of(len(records), place, round_, rate))
        first += stage["rounds"]
    return records


def folder_of(place: Path, records: Sequence[Record] | None = None, **changes: Any) -> Path:
    """Write a tuning into `place`, with these records or all; return its folder."""
    data = manifest(**changes)
    folder = place / data["run"]
    folder.mkdir()
    write_tune(folder, data)
    for record in recorded(data) if records is None else records:
        append_record(folder, record)
    return folder
