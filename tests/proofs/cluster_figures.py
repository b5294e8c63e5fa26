"""Measure what docs/cluster-scale.md quotes: the scheduler with many workers, and Linux' sockets.

    python3 tests/proofs/cluster_figures.py            print the figures
    python3 tests/proofs/cluster_figures.py --write    write them into docs/figures/cluster.json

It needs Dask (`build/cluster/VERSION/bin/python` has it), takes two minutes and is no test. The
workers are simulated: each is a real one with TLS and the settings of a cluster, but some processes
hold many of them. The scheduler has a process of its own, whose CPU time counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import random
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "harness"))

from iomodels.base.files import write_whole  # noqa: E402

OUT = ROOT / "docs" / "figures" / "cluster.json"
FORMAT = 1
SEED = 23
PROCESSES = 4
IDLE_S = 20.0
CALLS = 200
CELLS = 1000
CELL_S = 0.1
TRIALS = 5
SOCKETS = 8000
"""Connections, each with both ends here; 20,000 descriptors suffice."""


# ---- the scheduler ----


class Simulated:
    """The actor on each worker. It answers at once, as the one of a cluster answers a touch."""

    async def touch(self) -> int:
        return time.monotonic_ns()


def serve(bundle: Any, ready: Any) -> None:
    """Process: the scheduler of a cluster."""
    from iomodels.cluster import node

    def say(line: str) -> None:
        if "listens" in line:
            ready.set()

    asyncio.run(node.schedule(bundle, bundle.host, bundle.port, say))


def work(bundle: Any, first: int, count: int) -> None:
    """Process: some workers in one loop, until it is killed."""
    from iomodels.cluster import node

    async def all_of_them() -> None:
        with tempfile.TemporaryDirectory() as folder:
            workers = [
                node.distributed.Worker(
                    f"tls://{bundle}",
                    name=f"load-{number}",
                    nthreads=1,
                    resources={"load": 1},
                    security=node.security(bundle),
                    host=bundle.host,
                    dashboard_address=node.LOOPBACK,
                    local_directory=folder,
                    memory_limit=0,
                )
                for number in range(first, first + count)
            ]
            for worker in workers:
                await worker
                worker.http_server.stop()
            await asyncio.gather(*(worker.finished() for worker in workers))

    asyncio.run(all_of_them())


def scheduler_figures(count: int) -> dict[str, Any]:
    """Measure the scheduler with `count` workers. Times in s, CPU in s per s, memory in bytes."""
    from iomodels.cluster.credentials import new_bundle

    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        bundle = new_bundle(Path(folder), "127.0.0.1", free_port(), 1)
        ready = spawn.Event()
        processes = [spawn.Process(target=serve, args=(bundle, ready))]
        each = -(-count // PROCESSES)
        processes += [
            spawn.Process(target=work, args=(bundle, first, min(each, count - first)))
            for first in range(0, count, each)
        ]
        try:
            processes[0].start()
            if not ready.wait(60):
                raise TimeoutError("the scheduler does not listen")
            for process in processes[1:]:
                process.start()
            return asyncio.run(ask(bundle, count, psutil.Process(processes[0].pid)))
        finally:
            for process in processes:
                if process.is_alive():
                    process.kill()
                    process.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def ask(bundle: Any, count: int, scheduler: psutil.Process) -> dict[str, Any]:
    from iomodels.cluster import node

    async with node.distributed.Client(
        f"tls://{bundle}", security=node.security(bundle), asynchronous=True, timeout=30
    ) as client:
        await client.wait_for_workers(count, timeout=120)
        names = [f"load-{number}" for number in range(count)]
        await asyncio.sleep(5)
        found: dict[str, Any] = {"workers": count, "distributed": node.distributed.__version__}
        found["memory_bytes"] = scheduler.memory_info().rss
        found["idle_cpu"] = (await cpu_during(scheduler, lambda: asyncio.sleep(IDLE_S)))[0]
        found["call"] = await calls(client, names)
        found["cells"] = await cells(client, names, scheduler)
        found["held"] = await held(client, names, scheduler)
        return found


async def cpu_during(process: psutil.Process, what: Callable[[], Awaitable[Any]]) -> list[float]:
    """Return the CPU seconds per second, the CPU seconds and the seconds of it."""
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    await what()
    used, took = sum(process.cpu_times()[:2]) - before, time.monotonic() - began
    return [used / took, used, took]


async def calls(client: Any, names: list[str]) -> dict[str, float]:
    """Submit a task to one worker and await its result, one after the other."""
    chosen, took = random.Random(SEED), []
    for number in range(CALLS):
        began = time.monotonic()
        await client.submit(abs, number, workers=[chosen.choice(names)], pure=False)
        took.append(time.monotonic() - began)
    return {"median_s": statistics.median(took), "p95_s": statistics.quantiles(took, n=20)[-1]}


async def cells(client: Any, names: list[str], scheduler: psutil.Process) -> dict[str, float]:
    """Cells of CELL_S, pinned to the workers in turn."""

    async def all_of_them() -> None:
        tasks = [
            client.submit(time.sleep, CELL_S, workers=[names[at % len(names)]], pure=False)
            for at in range(CELLS)
        ]
        await client.gather(tasks)

    _, used, took = await cpu_during(scheduler, all_of_them)
    ideal = CELL_S * CELLS / len(names)
    return {
        "cells": CELLS, "cell_s": CELL_S, "took_s": took, "ideal_s": ideal, "cpu_s": used / CELLS
    }  # fmt: skip


async def held(client: Any, names: list[str], scheduler: psutil.Process) -> dict[str, float]:
    """A client that holds all machines and touches each every second, as in a run."""
    actors = await asyncio.gather(
        *(client.submit(Simulated, actor=True, workers=[name], pure=False) for name in names)
    )
    took = []

    async def touch(actor: Any, until: float) -> None:
        await asyncio.sleep(random.random())
        while time.monotonic() < until:
            began = time.monotonic()
            await actor.touch()
            took.append(time.monotonic() - began)
            await asyncio.sleep(1.0)

    until = time.monotonic() + IDLE_S
    share, *_ = await cpu_during(
        scheduler, lambda: asyncio.gather(*(touch(actor, until) for actor in actors))
    )
    return {"cpu": share, "median_s": statistics.median(took), "most_s": max(took)}


# ---- the sockets ----


def socket_figures() -> dict[str, Any]:
    """Return the kernel memory of one end of an idle connection, in bytes (/proc/slabinfo).

    It counts the kinds of objects that each end has in most trials. That removes what other
    programs change.
    """
    seen: dict[str, list[int]] = {}
    for _ in range(TRIALS):
        for name, size in kinds_of_an_end().items():
            seen.setdefault(name, []).append(size)
    objects = {name: sizes[0] for name, sizes in seen.items() if len(sizes) > TRIALS / 2}
    return {
        "kernel": f"Linux {platform.release().partition('-')[0]}",
        "connections": SOCKETS,
        "objects": objects,
        "bytes_per_end": sum(objects.values()),
    }


def kinds_of_an_end() -> dict[str, int]:
    """Return the kinds of kernel objects of which each end has one, with their bytes."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        before, ends = slabs(), []
        try:
            for _ in range(SOCKETS):
                ends.append(socket.create_connection(listener.getsockname()))
                ends.append(listener.accept()[0])
            after = slabs()
        finally:
            for end in ends:
                end.close()
    more = {name: (after[name][0] - before.get(name, (0, 0))[0]) / len(ends) for name in after}
    return {name: after[name][1] for name, count in more.items() if round(count) == 1}


def slabs() -> dict[str, tuple[int, int]]:
    """Return each kind of kernel object: how many are in use, and its bytes. Only root may."""
    lines = Path("/proc/slabinfo").read_text(encoding="ascii").splitlines()[2:]
    return {words[0]: (int(words[1]), int(words[3])) for words in map(str.split, lines)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the figures of docs/cluster-scale.md.")
    parser.add_argument("--write", action="store_true", help="write them into docs/figures")
    parser.add_argument("--workers", type=int, default=100, help="simulated workers (default: 100)")
    options = parser.parse_args()
    found = {
        "cpus": len(os.sched_getaffinity(0)),
        "sockets": socket_figures(),
        "scheduler": scheduler_figures(options.workers),
    }
    print(json.dumps(found, indent=2))
    if options.write:
        before = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {"format": FORMAT}
        write_whole(OUT, json.dumps(before | {"measured": found}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
