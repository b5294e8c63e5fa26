"""Servers on another machine: the launcher that asks `iomodels serve` (measure/agent.py) there.

One connection lasts as long as the run and its servers: its end ends the servers. It carries lines
of JSON (docs/interface.md, section 5). The token itself is never sent, only a proof of it.
"""

from __future__ import annotations

import io
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import iomodels
from iomodels.base.arguments import Option
from iomodels.base.errors import Failure
from iomodels.data.counters import SOURCES
from iomodels.launch.channel import FORMAT, Channel, ServerHost, connect, proof
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import Program, Server
from iomodels.machine.facts import link_of

GREETING_S = 10.0
ANSWER_S = 120.0
"""Seconds to start a server (it may warm Wine's prefix), or to read a machine's facts (PowerShell).
"""
LAWS_S = 900.0
RECONNECT_S = 60.0
"""Seconds to call a lost agent before the run stops, resumable. The agent notices sooner."""
RETRY_S = 1.0
WAIT_SLICE_S = 0.2
CONNECTION_LOST = 255
"""Replaces an exit code that was lost with the connection; ssh uses the same."""


class HostLost(Failure):
    """The other machine does not return. This ends the run; other failures end a measurement."""


class _Input(io.RawIOBase):
    """A server's stdin: text written here is written there."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        text = bytes(data)
        self._channel.send(do="input", text=text.decode())
        return len(text)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._channel.send(do="end of input")


class RemoteProcess:
    """A server on the other machine, in the form of a subprocess.Popen.

    Its output comes from pipes, which the session fills.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._ended = threading.Event()
        (out, self._out), (err, self._err) = os.pipe(), os.pipe()
        self.stdin = _Input(channel)
        self.stdout, self.stderr = os.fdopen(out, "rb"), os.fdopen(err, "rb")
        self.pid = 0
        self.returncode: int | None = None
        self.watched: dict[str, Watched] = {}

    def output(self, text: str) -> None:
        self._write(self._out, text)

    def end(self, code: int, stderr: str, watched: Mapping[str, Mapping[str, Any]]) -> None:
        if self._ended.is_set():
            return
        self.watched = {
            role: Watched(dict(seen["values"]), seen["reason"]) for role, seen in watched.items()
        }
        self._write(self._err, stderr)
        self.returncode = code
        for pipe in (self._out, self._err):
            os.close(pipe)
        self._ended.set()

    def discard(self) -> None:
        """Never started, so its pipes have no reader."""
        self.end(CONNECTION_LOST, "", {})
        self.stdout.close()
        self.stderr.close()

    def poll(self) -> int | None:
        return self.returncode if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("a server on the other machine", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        """Kill the server there. The agent reports its end with `exit`."""
        self._channel.send(do="stop")

    def send_signal(self, signal: int) -> None:
        self.terminate()

    def kill(self) -> None:
        """Drop the connection: without it the agent keeps no server."""
        self._channel.close()

    @staticmethod
    def _write(pipe: int, text: str) -> None:
        data = text.encode()
        try:
            while data:
                data = data[os.write(pipe, data) :]
        except OSError:  # without a reader
            pass


@dataclass(frozen=True)
class Watched:
    """The agent's view of one process from outside (counters.ProcessWatch)."""

    values: dict[str, int]
    reason: str | None
    sources: Mapping[str, str] = field(default_factory=lambda: SOURCES)


class RemoteWatches(AbstractContextManager[Any]):
    """The processes behind a server, watched there. The server's end brings the counters."""

    def __init__(self, channel: Channel, process: RemoteProcess) -> None:
        self._channel = channel
        self._process = process

    @property
    def roles(self) -> Mapping[str, Watched]:
        return self._process.watched

    def begin(self) -> None:
        self._tell("begin")

    def end(self) -> None:
        self._tell("end")

    def _tell(self, edge: str) -> None:
        with suppress(OSError):  # the server's next event will be missing, which gives the reason
            self._channel.send(do="watch", edge=edge)

    def __enter__(self) -> RemoteWatches:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Session:
    """One connection to an agent that accepted the token."""

    def __init__(self, where: ServerHost) -> None:
        """Connect. Raises Failure, one clear line."""
        self.where = where
        self.channel = Channel(connect(where))
        try:
            said = self._introduce()
        except BaseException:
            self.channel.close()
            raise
        self.platform: str = said["platform"]
        self.models: dict[str, dict[str, Any]] = said["models"]
        self.lost = False
        self._process: RemoteProcess | None = None
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _introduce(self) -> dict[str, Any]:
        try:
            greeting = self.channel.receive(GREETING_S) or {}
            if greeting.get("event") == "greeting":
                theirs, ours = (
                    (greeting.get("version"), greeting.get("format")),
                    (iomodels.__version__, FORMAT),
                )
                if theirs != ours:
                    raise Failure(
                        f"{self.where}: the agent is iomodels {theirs[0]} (format {theirs[1]}), "
                        f"this is {ours[0]} (format {ours[1]}); "
                        "use the same version on both machines"
                    )
                self.channel.send(
                    do="hello", proof=proof(self.where.token, str(greeting.get("nonce")))
                )
                said = self.channel.receive(GREETING_S) or {}
                if said.get("event") == "refused":
                    raise Failure(f"{self.where}: {said.get('reason')}")
                if said.get("event") == "hello":
                    return said
        except (OSError, ValueError):  # silence, foreign lines, or the end
            pass
        raise Failure(f"{self.where}: the program there is not 'iomodels serve'")

    def start(self, model: str, options: Mapping[str, int | str]) -> Program:
        process = self._process = RemoteProcess(self.channel)
        try:
            started = self.ask("started", do="start", model=model, options=dict(options))
        except BaseException:
            process.discard()
            raise
        process.pid = started["pid"]
        return Program(started["argv"], name=started["name"], process=process)

    def watch(self, server: Server) -> RemoteWatches:
        assert self._process
        return RemoteWatches(self.channel, self._process)

    def ask(self, event: str, within_s: float = ANSWER_S, **request: Any) -> dict[str, Any]:
        """Return the answer to a request. Raises Failure if it is refused or missing."""
        try:
            self.channel.send(**request)
            said = self._answer(time.monotonic() + within_s)
        except (OSError, queue.Empty) as error:
            self.close()
            how = (
                f"no answer within {within_s:g} s" if isinstance(error, queue.Empty) else str(error)
            )
            raise Failure(f"{self.where}: {request['do']}: {how}") from None
        if said is None:
            self._answers.put(None)
            raise Failure(f"{self.where}: {request['do']}: {self._loss}")
        if said.get("event") == "refused":
            raise Failure(f"{self.where}: {said.get('reason')}")
        if said.get("event") != event:
            self.close()
            raise Failure(
                f"{self.where}: {request['do']}: expected '{event}', got '{said.get('event')}'"
            )
        return said

    def _answer(self, deadline: float) -> dict[str, Any] | None:
        """Wait in slices: on Windows Ctrl-C does not end a wait for a lock."""
        while True:
            try:
                return self._answers.get(timeout=WAIT_SLICE_S)
            except queue.Empty:
                if time.monotonic() > deadline:
                    raise

    def close(self) -> None:
        self.lost = True
        self.channel.close()

    @property
    def _loss(self) -> str:
        return f"the connection to {self.where} was lost"

    def _read(self) -> None:
        """Give a server's event to its process; everything else answers a request."""
        try:
            while message := self.channel.receive():
                event = message.get("event")
                if event == "output" and self._process:
                    self._process.output(message["text"])
                elif event == "exit" and self._process:
                    self._process.end(message["code"], message["stderr"], message["watched"])
                elif event != "output":
                    self._answers.put(message)
        except (ValueError, KeyError, TypeError):  # not our protocol any more
            pass
        self.lost = True
        self.channel.close()
        if self._process:
            self._process.end(CONNECTION_LOST, f"{self._loss}\n", {})
        self._answers.put(None)


class RemoteLauncher:
    """Servers on the other machine, load generator here. The interface is every launcher's."""

    def __init__(self, here: Launcher, where: ServerHost, say: Callable[[str], None]) -> None:
        """`here` starts the load generator, and is closed with this launcher."""
        self._here = here
        self._say = say
        self._session = Session(where)

    @property
    def platform(self) -> str:
        return self._session.platform

    def models(self) -> dict[str, dict[str, Any]]:
        return self._session.models

    def server(self, model: str, options: Mapping[str, int | str]) -> Program:
        """Start a server at a port that the agent's firewall accepts, regardless of `options`."""
        self._reconnect()
        return self._session.start(model, options)

    def loadgen(self, options: Mapping[str, Option], *, windows: bool = False) -> Program:
        there = {"host": self._session.channel.peer} if "port" in options else {}
        return self._here.loadgen({**there, **options}, windows=windows)

    def program(self, executable: Path, *arguments: object) -> Program:
        raise Failure(f"{executable.name}: {self._session.where} starts only its own servers")

    def processes(self, server: Server) -> dict[str, int]:
        return {}

    def watch(self, server: Server) -> RemoteWatches:
        return self._session.watch(server)

    def environment(self) -> dict[str, Any]:
        return self._here.environment()

    def both(self, here: Mapping[str, Any], models: Sequence[str]) -> dict[str, Any]:
        """Return the environment of both machines: the server's, and as `load_generator` that of
        `here`."""
        there = dict(
            self._session.ask("environment", do="environment", models=list(models))["environment"]
        )
        reasons = there.pop("reasons") | {
            f"load_generator.{name}": reason for name, reason in here["reasons"].items()
        }
        link = link_of(self._session.channel.own)
        if link["mbps"] is None:
            reasons["load_generator.link.mbps"] = (
                f"the system does not report the speed of {link['interface']}"
            )
        own = {name: value for name, value in here.items() if name != "reasons"}
        return {**there, "load_generator": {**own, "link": link}, "reasons": reasons}

    def laws(self) -> dict[str, Any] | None:
        """Return the laws.json of the other machine; None if it built no laws."""
        found: dict[str, Any] | None = self._session.ask("laws", LAWS_S, do="laws")["laws"]
        return found

    def close(self) -> None:
        self._session.close()
        self._here.close()

    def __enter__(self) -> RemoteLauncher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _reconnect(self) -> None:
        """Before each server: call a lost agent again, for a while."""
        if not self._session.lost:
            return
        before, where = self._session, self._session.where
        self._say(f"the connection to {where} was lost; reconnecting")
        deadline = time.monotonic() + RECONNECT_S
        while True:
            try:
                self._session = Session(where)
                break
            except Failure as error:
                if time.monotonic() > deadline:
                    raise HostLost(f"{error} (tried for {RECONNECT_S:g} s)") from None
            time.sleep(RETRY_S)
        if (self._session.platform, self._session.models) != (before.platform, before.models):
            raise HostLost(f"{where}: its platform or models changed since the run started")
