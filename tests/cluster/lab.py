"""Machines in network namespaces: one for the servers, one per load generator, and a switch.

Each machine has an address, ports and a loopback of its own. Only the switch connects them, and the
machine of the tests has no address there. The names carry the pid of the test run. A later run
removes what a killed one left behind: its namespaces, and the programs in them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

NETWORK = "192.0.2"
"""That of docs/cluster.md, which is reserved for examples. Only the namespaces have it."""
DESK, SERVER, FIRST_LOAD = 10, 20, 31
DELAY = Path(__file__).with_name("delay.py")
NAME = re.compile(r"iomodels-(\d+)-\d+-[a-z]+\d*")
BURST_BYTES = 65_536
LONGEST_QUEUE_MS = 50
END_S = 10.0
_serial = itertools.count(1)


class Missing(Exception):
    """The system permits no namespaces. The text is the reason."""


@dataclass(frozen=True)
class Machine:
    """One namespace: `role` is its name in the lab, `port` its socket in the switch."""

    role: str
    namespace: str
    address: str
    switch: str
    port: str

    def argv(self, *words: object) -> list[str]:
        """Return the command that runs `words` on this machine."""
        return ["ip", "netns", "exec", self.namespace, *map(str, words)]

    def cut(self) -> None:
        """Pull the cable: no packet arrives or leaves, and no program gets an error."""
        ip("-n", self.switch, "link", "set", self.port, "down")

    def join(self) -> None:
        """Put the cable back."""
        ip("-n", self.switch, "link", "set", self.port, "up")

    def limit(self, megabits: int) -> None:
        """Limit what this machine sends, in Mbit/s."""
        words = ("root", "tbf", "rate", f"{megabits}mbit", "burst", str(BURST_BYTES))
        run("tc", "-n", self.namespace, "qdisc", "replace", "dev", "cable", *words, "latency",
            f"{LONGEST_QUEUE_MS}ms")  # fmt: skip

    @contextmanager
    def delayed(self, milliseconds: float) -> Iterator[None]:
        """Delay each packet from and to this machine (delay.py)."""
        ip("-n", self.namespace, "link", "delete", "cable")
        words = (sys.executable, str(DELAY), "near", self.port, str(milliseconds))
        program = subprocess.Popen(
            ["ip", "netns", "exec", self.switch, *words], stdout=subprocess.PIPE, text=True
        )
        try:
            assert program.stdout and program.stdout.readline() == "ready\n"
            ip("-n", self.switch, "link", "set", "near", "netns", self.namespace, "name", "cable")
            self.plug()
            yield
        finally:
            program.kill()
            program.communicate()
            self.cable()

    def cable(self) -> None:
        """Lay a cable to the switch."""
        ends = ("cable", "netns", self.namespace, "type", "veth", "peer", "name", self.port)
        ip("link", "add", *ends, "netns", self.switch)
        self.plug()

    def plug(self) -> None:
        """Connect both ends of the cable."""
        ip("-n", self.switch, "link", "set", self.port, "master", "bridge", "up")
        ip("-n", self.namespace, "address", "add", f"{self.address}/24", "dev", "cable")
        ip("-n", self.namespace, "link", "set", "cable", "up")

    def pids(self) -> list[int]:
        """Return the programs that run on this machine."""
        return pids(self.namespace)


@dataclass(frozen=True)
class Lab:
    """`desk` starts the scheduler and the run; `server` and `loads` have workers."""

    desk: Machine
    server: Machine
    loads: tuple[Machine, ...]

    @property
    def machines(self) -> tuple[Machine, ...]:
        return (self.desk, self.server, *self.loads)


@contextmanager
def lab(loads: int) -> Iterator[Lab]:
    """Make the machines; remove them, and end their programs, whatever happens.

    Raises Missing without the permission or the tools.
    """
    for tool in ("ip", "tc"):
        if not shutil.which(tool):
            raise Missing(f"there is no {tool} (apt install iproute2)")
    if os.geteuid() != 0:
        raise Missing("only root may make network namespaces; run the tests as root")
    remove_leftovers()
    prefix = f"iomodels-{os.getpid()}-{next(_serial)}"
    switch = f"{prefix}-switch"
    roles = {"desk": DESK, "server": SERVER}
    roles |= {f"load{number}": FIRST_LOAD + number - 1 for number in range(1, loads + 1)}
    with ExitStack() as stack:
        try:
            _namespace(stack, switch)
            ip("-n", switch, "link", "add", "bridge", "type", "bridge")
            ip("-n", switch, "link", "set", "bridge", "up")
            made = [_machine(stack, prefix, role, number) for role, number in roles.items()]
        except OSError as error:
            raise Missing(f"network namespaces are not permitted here: {error}") from None
        yield Lab(made[0], made[1], tuple(made[2:]))


def _namespace(stack: ExitStack, name: str) -> None:
    ip("netns", "add", name)
    stack.callback(remove, name)
    ip("-n", name, "link", "set", "lo", "up")


def _machine(stack: ExitStack, prefix: str, role: str, number: int) -> Machine:
    name, switch = f"{prefix}-{role}", f"{prefix}-switch"
    made = Machine(role, name, f"{NETWORK}.{number}", switch, f"port{number}")
    _namespace(stack, name)
    made.cable()
    return made


def remove_leftovers() -> list[str]:
    """Remove the namespaces of test runs that no longer live. Returns their names."""
    gone = []
    for line in run("ip", "netns", "list").splitlines():
        name = line.split()[0]
        found = NAME.fullmatch(name)
        if found and not Path(f"/proc/{found[1]}").exists():
            remove(name)
            gone.append(name)
    return gone


def remove(name: str) -> None:
    """Kill the programs in a namespace, and remove it with its cables."""
    deadline = time.monotonic() + END_S
    while (left := pids(name)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    ip("netns", "delete", name)


def pids(namespace: str) -> list[int]:
    return [int(word) for word in run("ip", "netns", "pids", namespace).split()]


def ip(*words: str) -> str:
    return run("ip", *words)


def run(*argv: str) -> str:
    """Return what a command printed. Raises OSError with its complaint."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
