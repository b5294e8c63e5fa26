"""The lab itself: its machines reach each other only by the switch, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import lab
from lab import Lab

MIB = 2**20

SEND = """import socket, sys, time
with socket.create_server(("", 7000)) as listener:
    print("ready", flush=True)
    peer, _ = listener.accept()
    peer.sendall(bytes(int(sys.argv[1])))
    peer.close()
"""


def fetch(machine: lab.Machine, address: str, timeout_s: float) -> tuple[int, float]:
    """Read from port 7000 there until the end. Returns bytes and seconds."""
    code = (
        "import socket, sys, time; began = time.monotonic()\n"
        f"peer = socket.create_connection(({address!r}, 7000), {timeout_s})\n"
        "count = 0\nwhile more := peer.recv(65536): count += len(more)\n"
        "print(count, time.monotonic() - began)"
    )
    done = subprocess.run(
        machine.argv(sys.executable, "-c", code),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise ConnectionError(done.stderr.strip().splitlines()[-1])
    count, seconds = done.stdout.split()
    return int(count), float(seconds)


def sender(machine: lab.Machine, size: int) -> subprocess.Popen[str]:
    program = subprocess.Popen(
        machine.argv(sys.executable, "-c", SEND, size), stdout=subprocess.PIPE, text=True
    )
    assert program.stdout and program.stdout.readline() == "ready\n"
    return program


def lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)  # its parent is gone
    except psutil.NoSuchProcess:
        return False


def test_machines_reach_each_other_and_nothing_else(network: Lab) -> None:
    with sender(network.server, 1000) as program:
        assert fetch(network.loads[0], network.server.address, 5)[0] == 1000
        assert program.wait(10) == 0
    for machine in network.machines:
        routes = lab.run(*machine.argv("ip", "route"))
        assert routes.startswith(f"{lab.NETWORK}.0/24 dev cable") and "default" not in routes
    with pytest.raises(ConnectionError):  # each loopback is a machine's own
        fetch(network.loads[0], "127.0.0.1", 1)


def test_a_limit_is_kept(network: Lab) -> None:
    """4 MiB at 40 Mbit/s take at least 0.8 s, whatever else the machine does."""
    network.server.limit(40)
    try:
        with sender(network.server, 4 * MIB):
            count, seconds = fetch(network.loads[0], network.server.address, 5)
    finally:
        lab.run("tc", "-n", network.server.namespace, "qdisc", "del", "dev", "cable", "root")
    assert count == 4 * MIB
    assert seconds >= (4 * MIB - lab.BURST_BYTES) * 8 / 40e6


def test_a_delay_is_kept(network: Lab) -> None:
    """A connection and its bytes need two round trips, and each passes the long cable twice."""
    load, delay_s = network.loads[0], 0.05
    with load.delayed(1000 * delay_s), sender(network.server, MIB):
        count, seconds = fetch(load, network.server.address, 10)
    assert count == MIB
    assert seconds >= 3 * delay_s  # the first bytes follow the last packet of the handshake
    with sender(network.server, 10):
        assert fetch(load, network.server.address, 10)[0] == 10


def test_a_cut_machine_is_silent_until_it_is_joined(network: Lab) -> None:
    load = network.loads[0]
    load.cut()
    try:
        with sender(network.server, 10) as program, pytest.raises(ConnectionError):
            try:
                fetch(load, network.server.address, 0.5)
            finally:
                program.kill()
    finally:
        load.join()
    with sender(network.server, 10):
        assert fetch(load, network.server.address, 10)[0] == 10


def test_the_leftover_of_a_killed_run_is_removed(network: Lab, tmp_path: Path) -> None:
    """Its namespaces and its programs; those of a run that lives stay."""
    script = (
        f"import sys, time; sys.path.insert(0, {str(Path(lab.__file__).parent)!r})\n"
        "import subprocess, lab\n"
        "with lab.lab(1) as made:\n"
        "    subprocess.Popen(made.server.argv('sleep', '300'))\n"
        "    print('ready', flush=True); time.sleep(300)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout and killed.stdout.readline() == "ready\n"
        name = f"iomodels-{killed.pid}-1-server"
        deadline = time.monotonic() + 10
        while not (asleep := lab.pids(name)):
            assert time.monotonic() < deadline
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait(10)
    gone = lab.remove_leftovers()
    assert {
        f"iomodels-{killed.pid}-1-{role}" for role in ("switch", "desk", "server", "load1")
    } <= (set(gone))
    assert not any(lives(pid) for pid in asleep)
    assert set(lab.run("ip", "netns", "list").split()) >= {
        machine.namespace for machine in network.machines
    }


def test_nothing_is_left_after_a_failure() -> None:
    before = lab.run("ip", "netns", "list")
    with pytest.raises(ZeroDivisionError), lab.lab(1) as made:
        asleep = subprocess.Popen(made.loads[0].argv("sleep", "300"))
        raise ZeroDivisionError
    assert asleep.wait(10) == -signal.SIGKILL
    assert lab.run("ip", "netns", "list") == before
