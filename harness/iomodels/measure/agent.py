"""`iomodels serve`: start the servers of this machine for a harness on another one, nothing else.

It serves one client at a time, which must prove that it knows the token (launch/remote.py). The
client names a model and numbers for its options; the agent chooses address and port. The end of the
connection, whatever its cause, ends the server.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import iomodels
from iomodels.base.errors import Failure
from iomodels.base.interrupts import Interrupted, Interrupts
from iomodels.launch.channel import FORMAT, PORTS, SLICE_S, Channel, proof
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import Program, ProgramFailed
from iomodels.launch.remote import GREETING_S
from iomodels.launch.watches import Watching
from iomodels.machine import environment
from iomodels.measure import laws
from iomodels.measure.measurement import argv_below_root

END_S = 10.0
"""Seconds between the end of a server's output and its own end."""
STOP_S = 0.5
"""Seconds per step of killing a server. All steps fit into one step of the client."""
TOKEN_LEAST = 16
PENDING_MAX = 8

Say = Callable[[str], None]


def token_from(given: str | None) -> str:
    """Return the user's token, or a new one. Raises ValueError, one line."""
    if not given:
        return secrets.token_hex(16)
    if not re.fullmatch(rf"\w[!-~]{{{TOKEN_LEAST - 1},127}}", given, re.ASCII):
        raise ValueError(
            f"must be {TOKEN_LEAST} to 128 ASCII characters without blanks, "
            "and begin with a letter or digit"
        )
    return given


class Agent:
    def __init__(
        self,
        launcher: Launcher,
        build: Path,
        results: Path,
        host: str,
        port: int,
        token: str,
        say: Say,
    ) -> None:
        """Listen; done when this returns. Raises Failure."""
        self.ports = range(port + 1, port + 1 + PORTS)
        self.host = host
        self.token = token
        self.build, self.results = build, results
        self.launcher = launcher
        self.say = say
        self._taken = threading.Lock()
        self._sessions: list[threading.Thread] = []
        self._channels: set[Channel] = set()
        self._closed = False
        self._listener = _exclusive()
        if os.name == "posix":  # allows a new listener while connections of a former agent fade out
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((host, port))
            self._listener.listen(PENDING_MAX)
        except OSError as error:
            self._listener.close()
            raise Failure(
                f"--host {host} --port {port}: cannot listen there: {error.strerror}"
            ) from None
        self._listener.settimeout(SLICE_S)

    def serve(self, interrupts: Interrupts) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        try:
            with interrupts.allowed():
                while not self._closed:
                    try:
                        connection, _ = self._listener.accept()
                    except OSError:  # no client within the slice, or it has gone again
                        continue
                    self._sessions = [thread for thread in self._sessions if thread.is_alive()]
                    if len(self._sessions) >= PENDING_MAX:
                        connection.close()
                        continue
                    thread = threading.Thread(target=self._session, args=(connection,), daemon=True)
                    self._sessions.append(thread)
                    thread.start()
        except Interrupted:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """End every session, and with it its server."""
        self._closed = True
        with suppress(OSError):  # a listener on Windows cannot do this
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a client
        self._listener.close()
        for channel in list(self._channels):
            channel.close()
        for thread in self._sessions:
            thread.join(END_S)

    def _session(self, connection: socket.socket) -> None:
        try:
            channel = Channel(connection)
        except OSError:  # gone again
            connection.close()
            return
        self._channels.add(channel)
        try:
            self._admit(channel)
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
        ):  # the connection broke, or its content
            pass
        finally:
            self._channels.discard(channel)
            channel.close()

    def _admit(self, channel: Channel) -> None:
        nonce = secrets.token_hex(16)
        channel.send(event="greeting", format=FORMAT, version=iomodels.__version__, nonce=nonce)
        hello = channel.receive(GREETING_S) or {}
        if not hmac.compare_digest(
            str(hello.get("proof")).encode(), proof(self.token, nonce).encode()
        ):
            self.say(f"{channel.peer}: refused: wrong token")
            channel.send(
                event="refused",
                reason="wrong token; use the one that 'iomodels serve' printed at its start",
            )
            return
        if not self._taken.acquire(blocking=False):
            self.say(f"{channel.peer}: refused: it serves another client")
            channel.send(event="refused", reason="already serves another client")
            return
        try:
            self.say(f"{channel.peer}: connected")
            channel.send(
                event="hello", platform=self.launcher.platform, models=self.launcher.models()
            )
            _Session(self, channel).run()
        finally:
            self._taken.release()
            self.say(f"{channel.peer}: gone")

    def free_port(self) -> int:
        for port in self.ports:
            with _exclusive() as probe:
                try:
                    probe.bind((self.host, port))
                    return port
                except OSError:
                    continue
        raise Failure(
            f"none of the ports {self.ports[0]} to {self.ports[-1]} is free on {self.host}"
        )

    def options(self, model: str, asked: Mapping[str, Any]) -> dict[str, int | str]:
        """Return a server's arguments: numbers for the model's options, and its address. Raises
        Failure."""
        described = self.launcher.models().get(model)
        if described is None:
            raise Failure(f"{model}: the agent has no such model")
        known = {option["name"] for option in described["options"]} | {"port"}
        wrong = [
            f"{name}={value!r}"
            for name, value in asked.items()
            if name not in known or type(value) is not int
        ]
        if wrong:
            raise Failure(f"{model}: must be numbers for its own options: {', '.join(wrong)}")
        return {**asked, "host": self.host, "port": self.free_port()}


class _Session:
    """Handle the requests of an accepted client, in order."""

    def __init__(self, agent: Agent, channel: Channel) -> None:
        self._agent = agent
        self._channel = channel
        self._program: Program | None = None
        self._watches: Watching | None = None
        self._pump: threading.Thread | None = None

    def run(self) -> None:
        try:
            while request := self._channel.receive():
                try:
                    self._do(request)
                except Failure as error:
                    self._channel.send(event="refused", reason=str(error))
        finally:
            # first, so that the client does not mistake this for an end of its own
            self._channel.close()
            self._end()

    def _do(self, request: Mapping[str, Any]) -> None:
        word = request["do"]
        if word == "start":
            self._start(request["model"], request["options"])
        elif word == "environment":
            self._channel.send(
                event="environment", environment=self._environment(request["models"])
            )
        elif word == "laws":
            found = laws.current(self._agent.build, self._agent.results, self._agent.say)
            self._channel.send(event="laws", laws=found.data if found else None)
        elif self._program and self._watches:
            self._tell(self._program, self._watches, word, request)

    def _tell(
        self, program: Program, watches: Watching, word: str, request: Mapping[str, Any]
    ) -> None:
        """Act on a server that may have ended meanwhile; its `exit` then reports that."""
        if word == "watch":
            {"begin": watches.begin, "end": watches.end}[request["edge"]]()
        elif word == "end of input":
            program.close_stdin()
        elif word == "stop":
            program.stop(STOP_S)
        elif word == "input":
            with suppress(ProgramFailed):
                program.send(request["text"].rstrip("\n"))

    def _start(self, model: str, options: Mapping[str, Any]) -> None:
        self._end()
        program = self._agent.launcher.server(model, self._agent.options(model, options))
        assert isinstance(program, Program), "an agent starts only models"
        self._program, self._watches = program, self._agent.launcher.watch(program)
        self._channel.send(
            event="started", name=program.name, argv=argv_below_root(program.argv), pid=program.pid
        )
        self._pump = threading.Thread(
            target=self._forward, args=(program, self._watches), daemon=True
        )
        self._pump.start()

    def _forward(self, program: Program, watches: Watching) -> None:
        """Forward the server's output; at its end, forward counters and exit code."""
        try:
            while (line := program.line()) is not None:
                self._channel.send(event="output", text=line.decode("utf-8", "backslashreplace"))
            try:
                code = program.wait(END_S)
            except ProgramFailed:
                code = program.stop()
            seen = {
                role: {"values": watch.values, "reason": watch.reason}
                for role, watch in watches.roles.items()
            }
            self._channel.send(event="exit", code=code, stderr=program.stderr_text(), watched=seen)
        except (
            OSError,
            Failure,
        ):  # no client is left to read it, or the server cannot be killed
            self._channel.close()

    def _end(self) -> None:
        """End the server and all of its processes."""
        if self._program:
            try:
                self._program.stop()
            except Failure as error:
                self._agent.say(str(error))
        if self._pump:
            self._pump.join(END_S)
        if self._watches:
            self._watches.__exit__(None, None, None)
        self._program = self._watches = self._pump = None

    def _environment(self, models: list[str]) -> dict[str, Any]:
        """Return the environment of the servers' machine. It needs no load generator."""
        agent = self._agent
        facts = environment.capture(
            agent.build, [str(model) for model in models], agent.launcher.environment()
        )
        if facts["binaries"]:
            facts["binaries"] = {
                name: digest
                for name, digest in facts["binaries"].items()
                if Path(name).stem != "loadgen"
            }
        return {
            **facts,
            "harness": {"version": iomodels.__version__, "git": environment.git_state()},
        }


def _exclusive() -> socket.socket:
    """Return a socket with exclusive use of its port, like the servers' own."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    return made
