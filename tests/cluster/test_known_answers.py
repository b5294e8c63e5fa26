"""Merged results of several load generators against servers whose answers are known (waits.py).

The true latencies have a gap: 20 to 60 ms for three of four requests, 180 to 220 ms for the fourth.
So p50 and p90 lie on either side of it, and an average of percentiles would not. The machine of the
tests may delay any reply by LATE_MS, and no check notices.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from iomodels.data.records import Record
from iomodels.data.store import load_run
from lab import Lab
from processes import Process

pytest.importorskip("distributed", reason="distributed is not installed")

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("IOMODELS_BUILD", ROOT / "build"))
LATE_MS = 60.0
SURE = 4.0
"""Standard deviations of a binomial count: one check of 16,000 fails by chance."""
MIXTURE = "20000..60000*3+180000..220000*1"
CONNECTIONS, RATE, SECONDS = 600, 300, 6
SUITE = """
title = "Known answers"
question = "Are they found?"
native = true
connections = [{connections}]
sizes = [64]
depth = 1
rounds = 1
warmup_ms = 1000
duration_ms = {duration_ms}

[load]
{load}

[[servers]]
model = "waits"
options = {{ {options} }}
"""


@dataclass
class Machines:
    """A cluster in the lab whose server is waits.py, and runs on it."""

    network: Lab
    folder: Path
    workers: list[Process]
    runs: int = 0

    def start(self, at: int, name: str, *words: object) -> Process:
        machine = self.network.machines[at]
        before = (*machine.argv(), "env", f"IOMODELS_BUILD={self.folder / 'build'}")
        made = Process(self.folder / f"{name}.log", *words, before=before)
        self.workers.append(made)
        return made

    def measure(self, load: str, options: str = "per-second = 0", connections: int = CONNECTIONS,
                min_load: int = 4) -> Record:  # fmt: skip
        self.runs += 1
        suite, out = self.folder / f"suite-{self.runs}.toml", self.folder / f"runs-{self.runs}"
        words = {"connections": connections, "load": load, "options": options}
        suite.write_text(SUITE.format(duration_ms=SECONDS * 1000, **words), encoding="utf-8")
        where = ("--cluster", "lab", "--min-load", min_load, "--out", out, "--no-report")
        run = self.start(0, f"run-{self.runs}", "run", suite, *where)
        assert run.ends() == 0, run.text
        (record,) = load_run(next(path for path in out.iterdir() if path.is_dir())).records
        assert record.reason is None
        return record


@pytest.fixture(scope="module")
def machines(network: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    folder = tmp_path_factory.mktemp("known")
    for where in ("linux", "bin"):
        (folder / "build" / "host" / where).mkdir(parents=True)
    shutil.copy2(
        Path(__file__).with_name("waits.py"), folder / "build" / "host" / "linux" / "waits"
    )
    shutil.copy2(BUILD / "host" / "bin" / "loadgen", folder / "build" / "host" / "bin" / "loadgen")
    made = Machines(network, folder, [])
    try:
        new = made.start(0, "new", "cluster", "new", "lab", "--host", network.desk.address)
        assert new.ends() == 0, new.text
        made.start(0, "scheduler", "cluster", "start", "lab").says("listens")
        made.start(1, "server", "worker", "lab", "--role", "server").says("joined")
        for at in range(2, len(network.machines)):
            made.start(at, f"load{at - 1}", "worker", "lab", "--role", "load").says("joined")
        yield made
    finally:
        for worker in reversed(made.workers):
            worker.close()


def counts(record: Record) -> list[tuple[float, int]]:
    """The merged histogram: upper end of each bucket in ms, and its count."""
    assert record.loadgen
    found = record.loadgen["result"]["response"]["histogram"]["counts"]
    return [(value / 1e6, count) for value, count in found]


def share(record: Record, below_ms: float) -> float:
    pairs = counts(record)
    total = sum(count for _, count in pairs)
    return sum(count for value, count in pairs if value <= below_ms) / total


def check_mixture(record: Record) -> None:
    """Three of four below the gap, one above it; no reply is earlier than its wait."""
    assert record.loadgen
    response = record.loadgen["result"]["response"]
    total = response["count"]
    assert total == sum(count for _, count in counts(record))
    assert total == pytest.approx(RATE * SECONDS, abs=CONNECTIONS / 100)
    unsure = SURE * math.sqrt(0.75 * 0.25 / total)
    assert share(record, 60 + LATE_MS) == pytest.approx(0.75, abs=unsure)
    assert response["min"] >= 19.9e6  # their clocks may differ a little
    assert 20 + 0.6 * 40 <= response["p50"] / 1e6 <= 60 + LATE_MS
    assert 180 + 0.5 * 40 <= response["p90"] / 1e6 <= 220 + LATE_MS
    assert response["p99"] / 1e6 >= 180 + 0.9 * 40


def interval(record: Record, quantile: float) -> tuple[float, float]:
    """Between which values the true quantile lies, in ms: order statistics of the counts."""
    pairs = counts(record)
    total = sum(count for _, count in pairs)
    half = SURE * math.sqrt(quantile * (1 - quantile) * total)
    ends, seen = [], 0
    for rank in (quantile * total - half, quantile * total + half):
        seen = 0
        for value, count in pairs:
            seen += count
            if seen >= rank:
                ends.append(value)
                break
        else:
            ends.append(math.inf)
    return ends[0], ends[1]


def parts(record: Record) -> list[dict[str, int]]:
    assert record.loadgen
    found: list[dict[str, int]] = [
        part["result"] for part in record.loadgen["result"]["cluster"]["parts"]
    ]
    return found


LOAD = f'rate = {RATE}\nblock-us = "{MIXTURE}"'


def test_a_machine_that_waits_longer_is_a_quarter_of_the_whole(machines: Machines) -> None:
    """Each machine alone has another p50; the merged p50 and p90 are those of all requests."""
    slow = machines.network.loads[-1].address.rpartition(".")[2]
    record = machines.measure(
        f'rate = {RATE}\nblock-us = "20000..60000"', f"slow = {slow}, slow-us = 160000"
    )
    assert len(parts(record)) == 4
    check_mixture(record)


def test_a_closed_loop_is_not_counted_twice(machines: Machines) -> None:
    """The server lets 200 replies per second out, to all four machines together."""
    record = machines.measure("", "per-second = 200", connections=40)
    assert record.loadgen and record.server
    result = record.loadgen["result"]
    assert len(parts(record)) == 4
    assert result["requests"] == sum(part["requests"] for part in parts(record))
    assert 0 < result["requests_per_second"] <= 200 * 1.05
    assert result["replies_checked"] == record.server["summary"]["counters"]["requests"]


def test_four_load_generators_and_one_agree(machines: Machines) -> None:
    """The same load by four machines, and then by the last one that is left."""
    four = machines.measure(LOAD)
    assert len(parts(four)) == 4
    for worker in machines.workers:
        if worker.log.name in ("load2.log", "load3.log", "load4.log"):
            worker.close()
    one = machines.measure(LOAD, min_load=1)
    assert len(parts(one)) == 1
    for record in (four, one):
        check_mixture(record)
    for quantile in (0.5, 0.9):
        ours, theirs = interval(four, quantile), interval(one, quantile)
        assert max(ours[0], theirs[0]) <= min(ours[1], theirs[1]) + LATE_MS, (ours, theirs)
