"""Made-up runs of one suite on Windows and on Linux, on equal machines with one load generator."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from iomodels.data.records import Record, Run
from iomodels.data.store import append_record, write_manifest
from iomodels.plan.order import Measurement, make_plan
from iomodels.plan.suite import Server, Suite
from made_run import make_record, manifest_of, suite_of, with_counters

Rates = Mapping[tuple[str, str], float]
WINDOWS, LINUX = "windows-11-26100", "linux-6.1"
SERVERS: Mapping[str, tuple[Server, ...]] = {
    WINDOWS: (Server("iocp"), Server("select"), Server("iocp", alias="iocp again")),
    LINUX: (Server("epoll"), Server("select")),
}
RATES: Rates = {
    (WINDOWS, "iocp"): 10_000.0,
    (WINDOWS, "iocp again"): 10_000.0,
    (WINDOWS, "select"): 6_000.0,
    (LINUX, "epoll"): 13_000.0,
    (LINUX, "select"): 7_000.0,
}
CPU_NS: Rates = {
    (WINDOWS, "iocp"): 20_000.0,
    (WINDOWS, "iocp again"): 20_000.0,
    (WINDOWS, "select"): 40_000.0,
    (LINUX, "epoll"): 30_000.0,
    (LINUX, "select"): 35_000.0,
}
LOADGEN: Mapping[str, Any] = {
    "cpu": "Load CPU",
    "cpus_logical": 16,
    "memory_bytes": 64_000_000_000,
    "os": "Debian 12",
    "system": "Linux 6.1",
    "binaries": {"host/bin/loadgen": "ab" * 32},
    "launcher": {"placement": {"loadgen_cpus": list(range(16))}},
    "link": {"interface": "eth0", "mtu": 1500, "mbps": 10_000},
}
MACHINE: Mapping[str, Any] = {
    "cpu": "Test CPU <1>",
    "cpus_logical": 8,
    "cpus_physical": 4,
    "cpus_usable": list(range(8)),
    "cpu_packages": 1,
    "smt": True,
    "virtual_machine": False,
    "hypervisor": "Maker",
    "launcher": {"placement": {"server_cpus": [0, 1, 2, 3], "loadgen_cpus": []}},
    "load_generator": LOADGEN,
}
OWN: Mapping[str, Mapping[str, Any]] = {
    WINDOWS: {
        "machine": "AMD64",
        "memory_bytes": 33_900_000_000,
        "os": "Windows 11 Pro",
        "power_plan": "High performance",
        "compilers": {"msvc": {"id": "MSVC", "version": "19.40"}},
    },
    LINUX: {
        "machine": "x86_64",
        "memory_bytes": 33_300_000_000,
        "os": "Debian 12",
        "system": "Linux 6.1",
        "power_plan": None,
        "cpu_governor": ["performance"],
        "boost": True,
        "compilers": {
            "host": {"id": "GNU", "version": "12.2.0"},
            "mingw": {"id": "GNU", "version": "12.0"},
        },
    },
}

Change = Callable[[dict[str, Any]], None]
"""Change the environment of a run."""


def suite(platform: str, connections: Sequence[int] = (50,), rounds: int = 3) -> Suite:
    servers = SERVERS.get(platform, SERVERS[WINDOWS])
    return suite_of(servers, connections, (64,), rounds)


def environment_of(platform: str, change: Change = lambda environment: None) -> dict[str, Any]:
    """Return the environment of a run, as `change` leaves it."""
    found = copy.deepcopy({**MACHINE, **OWN.get(platform, OWN[LINUX]), "reasons": {}})
    change(found)
    return found


def bare_run(
    platform: str,
    number: int = 0,
    change: Change = lambda environment: None,
    of: Suite | None = None,
    **manifest: Any,
) -> Run:
    """Return a run without records, for what depends on its manifest alone."""
    more = {
        "run": f"2025010{number + 1}-030405-join",
        "started_utc": f"2025-01-0{number + 1}T03:04:05Z",
    }
    head = manifest_of(of or suite(platform), platform, "complete", 9)
    facts = {"environment": environment_of(platform, change)}
    return Run(Path(more["run"]), {**head, **facts, **more, **manifest}, (), ())


def records_of(
    platform: str, number: int, of: Suite, rates: Rates, between: float
) -> tuple[Record, ...]:
    """Return the records of a run. Its servers vary by `between` from run to run."""

    def record(item: Measurement) -> Record:
        label = item.condition.label
        of_run = random.Random(f"{platform} {number} {label}").gauss(0.0, between)
        of_round = random.Random(f"{platform} {number} {item.index}").gauss(0.0, 0.01)
        rate = rates[platform, label] * math.exp(of_run + of_round)
        cpu_ns = CPU_NS[platform, label] * (1 + 0.01 * item.repeat + 0.02 * number)
        return with_counters(make_record(item, platform, rate), {"server.cpu_ns": cpu_ns})

    return tuple(record(item) for item in make_plan(of))


def runs_of(
    platform: str,
    count: int,
    of: Suite | None = None,
    rates: Rates = RATES,
    between: float = 0.02,
) -> list[Run]:
    """Return runs of a platform that are on no disk."""
    of = of or suite(platform)
    return [
        replace(
            bare_run(platform, number, of=of),
            records=records_of(platform, number, of, rates, between),
        )
        for number in range(count)
    ]


def write_run(folder: Path, platform: str, number: int) -> Path:
    """Write a run of runs_of() into a folder of its own; return its path."""
    run = runs_of(platform, number + 1)[number]
    path = folder / f"{platform}-{number}"
    path.mkdir(parents=True)
    write_manifest(path, run.manifest)
    for record in run.records:
        append_record(path, replace(record, run=run.manifest["run"]))
    return path
