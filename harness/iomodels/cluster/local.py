"""A cluster on this machine alone, to try one: scheduler and workers as processes of the run."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from iomodels.base.files import PACKAGE
from iomodels.cluster.actor import LOAD, SERVER
from iomodels.cluster.credentials import PORTS, Bundle, NoScheduler, greet, new_bundle
from iomodels.launch.marks import temporary_folder
from iomodels.machine.placement import default_placement

WITH_STDIN = "IOMODELS_ENDS_WITH_STDIN"
"""Set for these processes: each ends at the end of its stdin, which this process holds."""
HOST = "127.0.0.1"
START_S = 30.0
AGAIN_S = 0.2
END_S = 10.0
OWN_GROUP: dict[str, Any] = (  # Ctrl-C is for the run, which ends these
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    if os.name == "nt"
    else {"start_new_session": True}
)


@contextmanager
def cluster(number: int, say: Callable[[str], None]) -> Iterator[Bundle]:
    """Start a scheduler, a worker for servers, and `number` − 1 for load generators."""
    say(f"starting a cluster of {number} workers on this machine")
    with temporary_folder() as folder, ExitStack() as stack:
        bundle = new_bundle(folder, HOST, _free_ports(), 1)
        placement = default_placement()
        file = str(bundle.path)
        commands = [["cluster", "start", file]]
        for index in range(number):
            role = LOAD if index else SERVER
            cpus = placement.loadgen_cpus if index else placement.server_cpus
            name = f"{role}-{index}" if index else role
            pinned = ",".join(map(str, cpus)) or "none"
            commands.append(["worker", file, "--role", role, "--name", name, "--cpus", pinned])
        for words in commands:
            stack.enter_context(_process(words))
        _await_scheduler(bundle)
        yield bundle


def _await_scheduler(bundle: Bundle) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            greet(bundle)
            return
        except NoScheduler:
            if time.monotonic() > deadline:
                raise
        time.sleep(AGAIN_S)


@contextmanager
def _process(words: Sequence[str]) -> Iterator[None]:
    environment = {
        **os.environ,
        WITH_STDIN: "1",
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")])
        ),
    }
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "iomodels", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        **OWN_GROUP,
    )
    try:
        yield
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_ports() -> int:
    """Return the first of so many free ports in a row, below those that systems assign.

    The row is a random one: another cluster that starts now has not taken its ports yet.
    """
    wanted = 1 + 2 * PORTS
    rows = range(20_000, 30_000, wanted)
    for first in random.sample(rows, len(rows)):
        try:
            for port in range(first, first + wanted):
                with socket.socket() as probe:
                    probe.bind((HOST, port))
        except OSError:
            continue
        return first
    raise OSError("no row of ports is free")
