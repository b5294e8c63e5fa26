"""A server under test: its process, its port, and its counters."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from client import DEADLINE_S, Client, echo_frame
from iomodels.base.build import windows_programs
from iomodels.launch.launcher import Launcher
from iomodels.launch.native import is_native
from iomodels.launch.process import Program

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("IOMODELS_BUILD") or ROOT / "build").resolve()
FIXTURES = windows_programs(BUILD) / "fixtures"
PRESET = os.environ.get("IOMODELS_NATIVE", "")
"""The preset of the models of Linux, if these run without Wine (tests/run.sh, part native)."""
NATIVE = bool(PRESET)
FAULTY = (BUILD / PRESET if NATIVE else windows_programs(BUILD)) / "faulty"
STRICT = windows_programs(BUILD) / "strict"
"""Models whose functions this platform lacks, with stand-ins that check the rules."""

COUNTERS = [
    "accepted",
    "refused",
    "closed",
    "requests",
    "bytes_received",
    "bytes_sent",
    "receives",
    "sends",
    "partial_sends",
    "waits",
    "events",
    "inline_completions",
    "protocol_errors",
    "truncated",
    "resets",
    "failures",
]


class Server:
    def __init__(self, model: str, program: Program) -> None:
        self.model = model
        self.program = program
        self.ready = program.expect("ready", DEADLINE_S)
        self.port: int = self.ready["port"]

    def connect(self) -> Client:
        return Client(self.port)

    def sample(self) -> dict[str, Any]:
        self.program.send("sample")
        return self.program.expect("sample", DEADLINE_S)

    def counters(self) -> dict[str, int]:
        counters: dict[str, int] = self.sample()["counters"]
        return counters

    def until(self, condition: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        """Return the first sample that meets the condition. Counters may lag behind clients."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition(sample := self.sample()):
            assert time.monotonic() < deadline, (
                f"{what}: not within {DEADLINE_S:g} s; last: {sample}"
            )
            time.sleep(0.002)
        return sample

    def until_counted(self, **expected: int) -> dict[str, Any]:
        return self.until(
            lambda sample: all(
                sample["counters"][name] == value for name, value in expected.items()
            ),
            f"counters {expected}",
        )

    def until_connections(self, number: int) -> dict[str, Any]:
        """Until so many are open and all others are counted as closed."""

        def settled(sample: dict[str, Any]) -> bool:
            counters = sample["counters"]
            return bool(
                sample["connections"] == counters["accepted"] - counters["closed"] == number
            )

        return self.until(settled, f"{number} connections")

    def end(self) -> dict[str, Any]:
        """Closes the server's stdin; it must end by itself, with exit code 0 and a summary."""
        self.program.close_stdin()
        summary = self.program.expect("summary", DEADLINE_S)
        assert self.program.wait(DEADLINE_S) == 0, self.program.stderr_text()
        assert self.program.stderr_text() == ""
        assert summary["connections"] == 0
        return summary


Start = Callable[..., Server]
"""start(max_conns=5): a server of the model under test."""


class Bystander:
    """A well-behaved client of the same server, which must not notice what another one does."""

    def __init__(self, server: Server) -> None:
        self._client = server.connect()
        self._sequence = 0
        self.check()

    def check(self) -> None:
        for _ in range(3):
            self._sequence += 1
            self._client.check(echo_frame(100, self._sequence))

    def close(self) -> None:
        self._client.close()


@dataclass(frozen=True)
class Holding:
    """What a server holds of the system at one moment.

    Under Wine a handle lives in the wineserver, which also has a descriptor per file or socket.
    """

    handles: int
    descriptors: int  # of the Unix process and of its wineserver; 0 on Windows
    threads: int
    working_set_bytes: int

    @staticmethod
    def of(server: Server, launcher: Launcher) -> Holding:
        return Holding(
            handles(server, launcher),
            descriptors(server.program.pid) + descriptors(server.program.wineserver_pid),
            psutil.Process(server.program.pid).num_threads(),
            server.sample()["process"]["working_set_bytes"],
        )


def handles(server: Server, launcher: Launcher) -> int:
    """Return the handles of Windows or Wine; on Linux the descriptors take their place."""
    if is_native(launcher.platform):
        return descriptors(server.program.pid)
    counter = handle_counter(launcher)
    counter.send(str(server.ready["pid"]))
    count: int = counter.expect("handles", DEADLINE_S)["count"]
    return count


@functools.cache
def handle_counter(launcher: Launcher) -> Program:
    """Runs until the launcher is closed."""
    return launcher.program(FIXTURES / "handles.exe")


def descriptors(pid: int | None) -> int:
    return (
        sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) if pid and sys.platform == "linux" else 0
    )
