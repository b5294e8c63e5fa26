"""A made-up SLO search of servers whose capacity is known."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iomodels.base.files import write_whole
from iomodels.data.searches import SLO, SLO_FORMAT
from iomodels.judge.slo_searches import SloSearches, answers_json
from iomodels.plan.server import Server
from iomodels.plan.suite import Suite

LATE = "the load generator was late: 50.00 % of the sends were timely"
MS = 1_000_000


def made(
    capacities: Mapping[str, float], *, most: int = 60, width: float = 0.02,
    late: float | None = None, platform: str = "wine-8.0", limits: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The manifest of a search of servers that keep the SLO up to a capacity, more or less."""
    suite = Suite(
        name="slo", title="p99 ≤ 5 ms", question="Which?", sizes=(64,), depth=1, rounds=1,
        servers=tuple(Server(label) for label in capacities), connections=(64,), warmup_ms=500,
        duration_ms=3000, seed=1, loadgen_threads=1,
    )  # fmt: skip
    manifest: dict[str, Any] = {
        "format": SLO_FORMAT,
        "run": "20260101-000000-slo",
        "suite": suite.to_json(),
        "slo": {"percent": 99.0, "limit_ns": 5 * MS},
        "range": {"low": 400, "high": 50_000, "note": "80 % of the load generator's ceiling"},
        "most": most,
        "limits": dict(limits or {}),
        "command": ["iomodels", "slo", ",".join(capacities), "--slo", "p99=5ms"],
        "platform": platform,
        "environment": {},
        "versions": {},
        "git": {},
        "calibration": {},
        "started_utc": "2026-01-01T00:00:00Z",
        "finished_utc": None,
        "status": "complete",
        "trials": [],
        "answers": None,
    }
    rng = random.Random(1)
    searches = SloSearches.of(manifest)
    while asked := searches.next():
        x = (math.log(capacities[asked.server]) - math.log(asked.rate)) / width
        met = rng.random() < 0.97 / (1 + math.exp(-x))
        judged = met or late is None or asked.rate < late
        outcome = "met" if met else "missed" if judged else "unjudged"
        trial = {
            "index": len(manifest["trials"]),
            "server": asked.server,
            "rate": asked.rate,
            "outcome": outcome,
            "value_ns": MS if met else 50 * MS,
            "reason": None if met else "p99 was 50.0 ms" if judged else LATE,
        }
        manifest["trials"].append(trial)
        searches = searches.plus(trial)
    return {**manifest, "answers": answers_json(searches)}


def folder_of(manifest: dict[str, Any], tmp_path: Path) -> Path:
    folder = tmp_path / manifest["run"]
    folder.mkdir()
    write_whole(folder / SLO, json.dumps(manifest))
    return folder
