"""Faults that need machines of their own: a cut network, another clock, full ports, other versions.

Each ends in a sentence, or the run goes on; nothing hangs, and nothing is left behind.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from iomodels.cluster.credentials import DEFAULT_PORT, PORTS
from iomodels.data.records import Run
from iomodels.data.store import load_run
from lab import Lab, Machine
from processes import SUITE, Process, wait_until

pytest.importorskip("distributed", reason="distributed is not installed")

ROOT = Path(__file__).resolve().parents[2]
CUT_S = 30.0
AHEAD_S = 100_000
"""Seconds by which the clocks of one machine are ahead."""


class Rig:
    """A cluster in the lab: scheduler and runs on the desk, the servers are models of Linux."""

    def __init__(self, network: Lab, folder: Path) -> None:
        self.network, self.folder = network, folder
        self.processes: list[Process] = []
        self.runs = 0
        (folder / "one.toml").write_text(SUITE, encoding="utf-8")
        host = network.desk.address
        new = self.start(network.desk, "new", "cluster", "new", "lab", "--host", host)
        assert new.ends() == 0, new.text

    def start(
        self, machine: Machine, log: str, *words: object, before: tuple[str, ...] = ()
    ) -> Process:
        argv = (*machine.argv(), *before)
        made = Process(self.folder / f"{log}.log", *words, before=argv)
        self.processes.append(made)
        return made

    def scheduler(self) -> Process:
        made = self.start(self.network.desk, "scheduler", "cluster", "start", "lab")
        made.says("listens")
        return made

    def worker(self, machine: Machine, role: str, *before: str, joins: bool = True) -> Process:
        made = self.start(machine, machine.role, "worker", "lab", "--role", role, before=before)
        if joins:
            made.says("joined")
        return made

    def run(self, *words: object) -> Process:
        self.runs += 1
        out = self.folder / f"runs-{self.runs}"
        where = ("--cluster", "lab", "--native", "--no-report", "--out", out)
        made = self.start(self.network.desk, f"run-{self.runs}", "run", "one.toml", *where, *words)
        made.out = out
        return made

    def measured(self, run: Process) -> Run:
        (folder,) = (path for path in run.out.iterdir() if path.is_dir())
        return load_run(folder)

    def close(self) -> None:
        for process in reversed(self.processes):
            process.close()


@pytest.fixture
def rig(network: Lab, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(network, tmp_path)
    try:
        yield made
    finally:
        for machine in network.machines:
            machine.join()
        made.close()
        left = {machine.role: machine.pids() for machine in network.machines if machine.pids()}
        assert not left, f"left behind: {left}"


@pytest.mark.parametrize("role", ["load1", "server"])
def test_a_cut_network_costs_repeats_and_the_machine_returns(rig: Rig, role: str) -> None:
    """Cut for 30 s in the first repeat: it fails with the reason, and a later one is complete."""
    network = rig.network
    rig.scheduler()
    rig.worker(network.server, "server")
    for load in network.loads[:2]:
        rig.worker(load, "load")
    run = rig.run("--duration-ms", 3000, "--rounds", 4)
    run.says("round 1: ")
    cut = next(machine for machine in network.machines if machine.role == role)
    cut.cut()
    began = time.monotonic()
    while time.monotonic() - began < CUT_S and run.popen.poll() is None:
        time.sleep(0.2)
    cut.join()
    assert run.ends() in (0, 1), run.text
    records = rig.measured(run).records
    reasons = [record.reason for record in records]
    assert any(reasons) and any(f"{role}-" in (why or "") or cut.address in (why or "")
                                for why in reasons), reasons  # fmt: skip
    assert reasons[-1] is None, reasons


def test_clocks_far_ahead_are_compared(rig: Rig) -> None:
    """All clocks since boot of one load machine are ahead by a day; the windows still overlap."""
    network = rig.network
    rig.scheduler()
    rig.worker(network.server, "server")
    rig.worker(network.loads[0], "load")
    ahead = ("unshare", "-T", "--monotonic", str(AHEAD_S), "--boottime", str(AHEAD_S))
    rig.worker(network.loads[1], "load", *ahead)
    run = rig.run("--min-load", 2, "--duration-ms", 3000)
    assert run.ends() == 0, run.text
    (record,) = rig.measured(run).records
    assert record.loadgen
    found = record.loadgen["result"]["cluster"]
    offsets = {part["worker"]: part["clock_offset_ns"] / 1e9 for part in found["parts"]}
    errors = [part["clock_error_ns"] / 1e9 for part in found["parts"]]
    one, other = (offsets[f"load-{load.address}"] for load in network.loads[:2])
    assert other - one == pytest.approx(AHEAD_S, abs=sum(errors))
    begins = [part["begin_ns"] for part in found["parts"]]
    assert abs(begins[0] - begins[1]) < 3e9, found
    assert found["overlap"] > 0


def test_a_distant_load_machine(rig: Rig) -> None:
    """One load machine is 20 ms away: its latencies and the error of its clock say so."""
    network, away_ns = rig.network, 20_000_000
    rig.scheduler()
    rig.worker(network.server, "server")
    with network.loads[1].delayed(away_ns / 1e6):
        for load in network.loads[:2]:
            rig.worker(load, "load")
        run = rig.run("--min-load", 2, "--duration-ms", 3000)
        assert run.ends() in (0, 1), run.text
        for process in reversed(rig.processes):
            process.close()
    (record,) = rig.measured(run).records
    assert record.loadgen, record.reason
    near, far = record.loadgen["result"]["cluster"]["parts"]
    assert far["worker"] == f"load-{network.loads[1].address}"
    assert far["result"]["response"]["min"] >= 2 * away_ns > near["result"]["response"]["min"]
    assert far["clock_error_ns"] >= away_ns > near["clock_error_ns"]
    merged = record.loadgen["result"]["response"]
    assert merged["min"] == near["result"]["response"]["min"]
    assert merged["max"] >= far["result"]["response"]["max"]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (10, "joined"),
        (40, "the bundle expired on"),
        (-20, "the clock of this machine says"),
    ],
)
def test_a_wrong_clock_of_the_day(rig: Rig, days: int, said: str) -> None:
    """It matters for the days of the bundle alone."""
    libfaketime = pytest.importorskip("libfaketime", reason="./iomodels test cluster installs it")
    fake = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"
    rig.scheduler()
    rig.worker(rig.network.server, "server")
    wrong = ("env", f"LD_PRELOAD={fake}", f"FAKETIME={days:+d}d", "FAKETIME_DONT_FAKE_MONOTONIC=1")
    worker = rig.worker(rig.network.loads[0], "load", *wrong, joins=False)
    worker.says(said)
    assert "Traceback" not in worker.text, worker.text
    if said == "joined":
        run = rig.run()
        assert run.ends() == 0, run.text
        assert [record.reason for record in rig.measured(run).records] == [None]
    else:
        assert worker.ends() != 0
        worker.says("set the clock" if days < 0 else "make a new one")


def test_roles_that_are_missing_are_named(rig: Rig) -> None:
    """Two load workers and no server; then two servers and no load."""
    rig.scheduler()
    workers = [rig.worker(machine, "load") for machine in rig.network.loads[:2]]
    run = rig.run()
    assert run.ends() == 1
    assert "no worker of the role server" in run.text and "Traceback" not in run.text, run.text
    for worker in workers:
        worker.close()
    for machine in rig.network.loads[2:4]:
        rig.worker(machine, "server")
    run = rig.run()
    assert run.ends() == 1
    assert "only 0 of 1 workers of the role load" in run.text, run.text


HOLD = """import socket, sys, time
held = [socket.create_server((sys.argv[1], int(port))) for port in sys.argv[2:]]
print("held", flush=True)
time.sleep(600)
"""


def hold(rig: Rig, machine: Machine, first: int) -> Process:
    """Occupy a row of ports of a machine."""
    script = rig.folder / "hold.py"
    script.write_text(HOLD, encoding="utf-8")
    ports = [str(port) for port in range(first, first + PORTS)]
    made = Process.__new__(Process)
    made.log = rig.folder / f"hold-{first}.log"
    with made.log.open("wb") as file:
        made.popen = subprocess.Popen(
            machine.argv(sys.executable, str(script), machine.address, *ports), stdout=file
        )
    rig.processes.append(made)
    made.says("held")
    return made


def test_full_ports_of_a_worker_are_named(rig: Rig) -> None:
    rig.scheduler()
    hold(rig, rig.network.loads[0], DEFAULT_PORT + 1)
    worker = rig.worker(rig.network.loads[0], "load", joins=False)
    worker.says("cannot join the cluster")
    assert "Traceback" not in worker.text, worker.text
    assert str(DEFAULT_PORT + 1) in worker.text, worker.text


def test_full_ports_of_the_servers_are_named(rig: Rig) -> None:
    rig.scheduler()
    hold(rig, rig.network.server, DEFAULT_PORT + 1 + PORTS)
    rig.worker(rig.network.server, "server")
    rig.worker(rig.network.loads[0], "load")
    run = rig.run()
    run.ends()
    assert "Traceback" not in run.text, run.text
    (record,) = rig.measured(run).records
    assert f"none of the ports {DEFAULT_PORT + 1 + PORTS} to" in (record.reason or ""), record


def test_a_scheduler_that_has_no_port_says_so(rig: Rig) -> None:
    hold(rig, rig.network.desk, DEFAULT_PORT)
    scheduler = rig.start(rig.network.desk, "scheduler", "cluster", "start", "lab")
    assert scheduler.ends() == 1
    assert "cannot listen there" in scheduler.text and "Traceback" not in scheduler.text


def test_a_worker_with_another_version_of_dask_is_refused(rig: Rig) -> None:
    """It needs the other environment of `./iomodels test cluster`."""
    here = Path(sys.prefix)
    others = [path for path in here.parent.glob("*/bin/python") if path.parents[1] != here]
    if here.parent.name != "cluster" or not others:
        pytest.skip("there is one version of Dask only: ./iomodels test cluster installs two")
    rig.scheduler()
    rig.worker(rig.network.server, "server")
    machine = rig.network.loads[0]
    log = rig.folder / "other.log"
    old, sys.executable = sys.executable, str(others[0])
    try:
        other = Process(log, "worker", "lab", "--role", "load", before=tuple(machine.argv()))
    finally:
        sys.executable = old
    rig.processes.append(other)
    wait_until(lambda: "joined" in other.text or "cannot join" in other.text, lambda: other.text)
    said = other.text
    if "joined" in said:
        run = rig.run()
        assert run.ends() == 1, run.text
        said += run.text
    assert "Traceback" not in said and "use the same version on all machines" in said, said
