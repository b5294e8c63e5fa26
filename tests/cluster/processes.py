"""A cluster of real processes: scheduler, workers and runs as a user starts them, with real TLS.

The servers are models of Linux, so no Wine takes part. Each process writes a log.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from iomodels.cluster.credentials import Bundle, new_bundle
from iomodels.cluster.local import HOST, _free_ports
from iomodels.data.records import Run
from iomodels.data.store import load_run
from lab import Lab

ROOT = Path(__file__).resolve().parents[2]
SOON_S = 60.0
SUITE = """
title = "One server"
question = "Does it work?"
connections = [8]
sizes = [64]
depth = 1
rounds = 1
warmup_ms = 100
duration_ms = 500

[[servers]]
model = "iocp"

[[native_servers]]
model = "epoll"
"""


def wait_until(what: Callable[[], object], why: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + SOON_S
    while not what():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


class Process:
    """A command of iomodels, and what it wrote."""

    def __init__(self, log: Path, *words: object, before: tuple[str, ...] = ()) -> None:
        self.log = log
        self.out = log.parent
        with log.open("ab") as file:
            self.popen = subprocess.Popen(
                [*before, sys.executable, "-P", "-m", "iomodels", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=os.environ | {"PYTHONPATH": str(ROOT / "harness")},
                cwd=log.parent,
            )

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def says(self, text: str) -> None:
        """Wait until it has said this."""
        wait_until(lambda: text in self.text, lambda: f"no '{text}' in: {self.text}")

    def ends(self) -> int:
        return self.popen.wait(SOON_S * 2)

    @property
    def measured(self) -> Run:
        """The run that it measured."""
        (folder,) = self.out.iterdir()
        return load_run(folder)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.popen.pid).children(recursive=True)

    def program(self, name: str) -> psutil.Process:
        """Wait for a program of this name below the process."""
        found: list[psutil.Process] = []

        def there() -> list[psutil.Process]:
            found[:] = [each for each in self.children() if each.name() == name]
            return found

        wait_until(there, lambda: f"no {name}: {self.text}")
        return found[0]

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.popen.send_signal(number)

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGCONT)
            self.popen.terminate()
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(20)


class Cluster:
    """One server's worker and some load workers on this machine, and runs on them."""

    def __init__(self, folder: Path, loads: int, network: Lab | None, servers: int = 1) -> None:
        """With `network` each process runs on a machine of its own."""
        self.folder = folder
        self._network = network
        host = network.desk.address if network else HOST
        self.bundle: Bundle = new_bundle(folder / "lab", host, _free_ports(), 1)
        self.suite = folder / "one.toml"
        self.suite.write_text(SUITE, encoding="utf-8")
        self.runs = 0
        self._started: list[Process] = []
        self.scheduler = self.start("scheduler", "cluster", "start", self.bundle.path)
        self.scheduler.says("listens")
        names = ["server", *(f"server-{number}" for number in range(2, servers + 1))]
        self.servers = [self.worker("server", name) for name in names]
        self.server = self.servers[0]
        names += [f"load-{number}" for number in range(1, loads + 1)]
        self.loads = [self.worker("load", name) for name in names[servers:]]
        for name in names:
            self.scheduler.says(f"{name} joined")

    def start(self, log: str, *words: object) -> Process:
        made = Process(self.folder / f"{log}.log", *words, before=self._before(log))
        self._started.append(made)
        return made

    def _before(self, name: str) -> tuple[str, ...]:
        """The words that start a program on its machine of the network."""
        if self._network is None:
            return ()
        machines = {"server": self._network.server}
        machines |= {f"load-{n}": load for n, load in enumerate(self._network.loads, 1)}
        return tuple(machines.get(name, self._network.desk).argv())

    def worker(self, role: str, name: str) -> Process:
        words = ("worker", self.bundle.path, "--role", role, "--name", name, "--cpus", "none")
        return self.start(name, *words)

    def run(self, *words: object) -> Process:
        """Start a run of one server at 8 connections, unless the words say otherwise."""
        self.runs += 1
        name = f"run-{self.runs}"
        where = ("--cluster", self.bundle.path, "--out", self.folder / name)
        made = self.start(name, "run", self.suite, "--native", "--no-report", *where, *words)
        made.out = self.folder / name
        return made

    def close(self) -> None:
        for process in reversed(self._started):
            process.close()


@contextmanager
def cluster(
    folder: Path, loads: int = 2, network: Lab | None = None, servers: int = 1
) -> Iterator[Cluster]:
    made = Cluster(folder, loads, network, servers)
    try:
        yield made
    finally:
        alive = [each for each in made._started if each.popen.poll() is None]
        programs = [child for each in alive for child in each.children()]
        made.close()
        _, left = psutil.wait_procs(programs, 10)
        assert not left, f"left behind: {[each.name() for each in left]}"
