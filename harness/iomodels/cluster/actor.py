"""The worker's side: what one machine starts for one client at a time.

A worker process has one Machine, which wraps the launcher of that machine. A client makes a Host on
each worker, an actor of Dask, and asks it. A Host passes each question to its Machine in a thread,
so that a server which is slow to start delays no other question.

The client touches each Host every second. After LEASE_S without a word the Machine ends its
program and is free for another client.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import iomodels
from iomodels.base.errors import Failure
from iomodels.base.files import below_root
from iomodels.base.locks import Held, locked, machine_lock
from iomodels.cluster.clock import now_ns
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import Program, ProgramFailed
from iomodels.launch.watches import Watching
from iomodels.machine import environment
from iomodels.machine.check import busy
from iomodels.machine.facts import Unknown, facts, link_of

LEASE_S = 6.0
STOP_S = 0.5
"""Seconds per step of ending a program."""
SERVER, LOAD = "server", "load"
TALK = ("expect", "send", "close_stdin", "wait", "stop", "stderr_text")
"""What a client may ask of a program."""
Laws = Callable[[], Mapping[str, Any] | None]


class Machine:
    """The programs of one machine, its facts, and the client that holds it."""

    def __init__(
        self,
        role: str,
        build: Path,
        launcher: Callable[[bool], Launcher],
        laws: Laws = lambda: None,
        ports: range = range(0),
    ) -> None:
        """`launcher` returns the one for programs of Linux if its argument is true.

        `ports`: those of the servers, from which a firewall lets the load machines in.
        """
        self.role = role
        self.address = "127.0.0.1"
        self._build, self._open, self._laws, self._ports = build, launcher, laws, ports
        self._native = False
        self._launchers: dict[bool, Launcher] = {}
        self._program: Program | None = None
        self._watches: Watching | None = None
        self._holder: str | None = None
        self._lock = ExitStack()
        self._claims = ExitStack()
        self._due = 0.0
        self._changing = threading.RLock()  # while a client comes or goes, or a program starts

    # ---- the client that holds the machine ----

    def claim(self, client: str, native: bool) -> None:
        """Reserve the machine for this client. Raises Failure if another one has it."""
        with self._changing:
            if self._holder not in (None, client) and not self.expired():
                raise Failure("the machine measures for another client; try again later")
            self._end()
            if self._holder != client:
                self._unlock()
                self._lock.enter_context(_lock_of_machine(client))
            self._holder, self._native = client, native
            self.touch(client)

    def touch(self, client: str) -> None:
        if client == self._holder:
            self._due = time.monotonic() + LEASE_S

    def expired(self) -> bool:
        return self._holder is not None and time.monotonic() > self._due

    def release(self) -> None:
        """End the program; the machine is then free for every client."""
        with self._changing:
            self._end()
            self._unlock()

    def end_lease(self) -> bool:
        """Release the machine if its client said nothing for too long; return whether it was so."""
        with self._changing:
            over = self.expired()
            if over:
                self.release()
            return over

    def _unlock(self) -> None:
        self._holder = None
        self._lock.close()

    def close(self) -> None:
        self.release()
        for launcher in self._launchers.values():
            launcher.close()

    def held_by(self, client: str) -> bool:
        return client == self._holder

    # ---- the answers to a client ----

    def facts(self, names: list[str], watch_s: float) -> dict[str, Any]:
        """Return what a run records of this machine. `names`: models whose programs are hashed.

        It observes for `watch_s` seconds how busy other programs are.
        """
        launcher = self._launcher
        found = environment.capture(self._build, names, launcher.environment(), native=self._native)
        if self.role == SERVER and found["binaries"]:
            found["binaries"] = _only(found["binaries"], names)
        environment.add_fact(found, "link", lambda: link_of(self.address))
        environment.add_fact(found, "busy", lambda: busy(watch_s))
        git = environment.git_state()
        found["harness"] = {"version": iomodels.__version__, "git": git}
        plain: dict[str, Any] = json.loads(json.dumps(found))  # as run.json will have it
        return plain

    def binaries(self, names: list[str]) -> dict[str, str]:
        """Return the hashes of the programs that this machine starts for a run."""
        try:
            if self.role == LOAD:
                return environment.binaries(self._build, ())
            return _only(environment.binaries(self._build, names, native=self._native), names)
        except Unknown:
            raise Failure(f"{self._build}: has no programs; build them there first") from None

    def models(self) -> tuple[str, dict[str, dict[str, Any]]]:
        """Return the platform of the servers, and the describe event of each model."""
        return self._launcher.platform, self._launcher.models()

    def cpus(self) -> int:
        """Return how many CPUs the programs may use: those they are pinned to, else all."""
        placement = self._launcher.environment().get("placement") or {}
        pinned = placement.get("server_cpus" if self.role == SERVER else "loadgen_cpus") or ()
        return len(pinned) or len(facts()["cpus_usable"]())

    def laws(self) -> Mapping[str, Any] | None:
        return self._laws()

    def start(self, name: str, options: Mapping[str, Any], hashes: Mapping[str, str]) -> Any:
        """Start a model or the load generator, after the end of the program before.

        Raises Failure if the program is not the one that the run began with.
        """
        with self._changing:
            if self._holder is None:
                raise Failure("the machine is not reserved")
            return self._start(name, options, hashes)

    def _start(self, name: str, options: Mapping[str, Any], hashes: Mapping[str, str]) -> Any:
        self._end()
        if not hashes or self.binaries([name]) != hashes:
            raise Failure(f"{name}: the program here is not the one that the run began with")
        launcher = self._launcher
        if name == "loadgen":
            program = launcher.loadgen(options)
        else:
            at: dict[str, Any] = {"host": self.address, "port": self._free_port()}
            program = launcher.server(name, {**options, **at})
            self._watches = launcher.watch(program)
        assert isinstance(program, Program), "a machine starts only programs of its own"
        self._program = program
        return {"name": program.name, "argv": below_root(program.argv), "pid": program.pid}

    def talk(self, method: str, *words: Any) -> Any:
        """Ask the program, as a launcher's user does: expect an event, send a line, stop it."""
        if method not in TALK or self._program is None:
            raise Failure(f"{method}: no program runs that could do it")
        return getattr(self._program, method)(*words)

    def watch(self, edge: str) -> None:
        """Read the processes of the server from outside, at one end of the window."""
        if self._watches:
            {"begin": self._watches.begin, "end": self._watches.end}[edge]()

    def watched(self) -> dict[str, Any]:
        roles = self._watches.roles if self._watches else {}
        return {
            role: {"values": dict(watch.values), "reason": watch.reason}
            for role, watch in roles.items()
        }

    @property
    def _launcher(self) -> Launcher:
        if self._native not in self._launchers:
            self._launchers[self._native] = self._open(self._native)
        return self._launchers[self._native]

    def _free_port(self) -> int:
        """Return a port for a server. One of a finished server may be busy for a while.

        The UDP port of the same number keeps it from other workers of this machine until the
        server's end: a server needs a moment to take the TCP port.
        """
        for port in self._ports:
            claim = socket.socket(type=socket.SOCK_DGRAM)
            with socket.socket() as probe:
                try:
                    for each in (claim, probe):
                        if os.name == "nt":
                            each.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
                        each.bind((self.address, port))
                except OSError:
                    claim.close()
                    continue
            self._claims.enter_context(claim)
            return port
        raise Failure(f"none of the ports {self._ports[0]} to {self._ports[-1]} is free")

    def _end(self) -> None:
        program, watches, self._program, self._watches = self._program, self._watches, None, None
        if program:
            program.stop(STOP_S)
        if watches:
            watches.__exit__(None, None, None)
        self._claims.close()


MACHINE: Machine | None = None
"""That of this process; node.py sets it before the worker joins."""


class Host:
    """The actor: a client's access to one machine. Every answer is plain data."""

    def __init__(self, client: str) -> None:
        assert MACHINE
        self._machine, self._client = MACHINE, client

    async def touch(self) -> int:
        """Stay alive for a client; return the time of the programs' clock."""
        self._machine.touch(self._client)
        return now_ns()

    async def ask(self, what: str, *words: Any) -> dict[str, Any]:
        """Return {"value": …}, or {"failed": message, "stderr": …, "code": …}."""
        try:
            if what == "claim":
                words = (self._client, *words)
            elif not self._machine.held_by(self._client):
                why = "the machine heard nothing of this client for too long"
                return {"failed": why, "stderr": "", "code": None, "lost": True}
            return {"value": await asyncio.to_thread(getattr(self._machine, what), *words)}
        except ProgramFailed as error:
            return {"failed": str(error), "stderr": error.stderr, "code": error.program_code}
        except (Failure, Unknown, OSError) as error:
            return {"failed": str(error), "stderr": "", "code": None}


@contextmanager
def _lock_of_machine(client: str) -> Iterator[None]:
    """Hold the lock of this machine, alone or with other workers of the same client."""
    command = f"a run of a cluster, {client}"
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(machine_lock(), command))
        except Held as held:
            if command not in held.holder:
                raise Failure(f"another measurement runs there ({held.holder})") from None
        yield


def _only(binaries: Mapping[str, str], names: list[str]) -> dict[str, str]:
    return {path: each for path, each in binaries.items() if Path(path).stem in names}
