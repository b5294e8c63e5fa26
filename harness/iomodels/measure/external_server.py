"""Start and watch servers that are not ours; they take part in a run like models.

An external server knows nothing of docs/interface.md. It gets ready, echoes and is ended. Its
events come from here, and every value that only the server could know is null with a reason.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from iomodels.base.errors import USAGE, Failure
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import FORMAT, Program, ProgramFailed, Server
from iomodels.launch.tree import TreeWatch, end_all, end_group, tree_of
from iomodels.launch.watches import Watches, Watching
from iomodels.launch.wrapper import Wrapper
from iomodels.measure.probe import LOOPBACK, free_port, listener, listens, probe
from iomodels.plan.external import DELAY_MS, External, is_here
from iomodels.plan.suite import Suite

SILENT = "an external server reports nothing from inside"
RETRY_S = 0.02
STEP_S = 0.5
"""For each step of its end: Ctrl-C, SIGTERM."""
STDIN_S = 0.1
"""For the first step, the end of its stdin, which most servers ignore."""
START_S = 20.0
VERSION_S = 20.0
VERSION_MAX = 200
ENV = r"\{env:(\w+)\}"
BLOCK = 1 << 20


class ExternalServer:
    """One run of an external server. `program` is None if somebody else started it."""

    def __init__(
        self,
        name: str,
        external: External,
        program: Program | None,
        where: tuple[str, int],
        platform: str,
    ) -> None:
        self.name = name
        self.argv = list(external.command) or ["attached", f"{where[0]}:{where[1]}"]
        self.pid = program.pid if program else listener(where)
        self.wineserver_pid = program.wineserver_pid if program else None
        self._external = external
        self._program = program
        self._where = where
        self._platform = platform
        self._told = False
        self._died: ProgramFailed | None = None

    def expect(self, event: str, timeout_s: float) -> dict[str, Any]:
        """Return the event that a model would print. Raises ProgramFailed if the server died."""
        if event == "ready":
            self._await_ready(timeout_s)
            threads = {"threads": self._external.threads} if self._external.threads else {}
            return {
                "event": "ready",
                "format": FORMAT,
                "model": self.name,
                "external": True,
                "platform": self._platform,
                "host": self._where[0],
                "port": self._where[1],
                "settings": threads,
            }
        if self._died:
            raise self._died
        return {
            "event": event,
            "format": FORMAT,
            "time_ns": time.monotonic_ns(),
            "connections": None,
            "counters": None,
            "process": None,
            "reason": SILENT,
        }

    def send(self, line: str) -> None:
        """A model gets commands; a stranger's stdin is his own. Raises if he died."""
        if self._program and not self._program.running():
            raise self._failed("died")

    def close_stdin(self) -> None:
        """Note whether it still runs: from here on it may end."""
        self._told = True
        if self._program and not self._program.running():
            self._died = self._failed("died before its load was over")

    def wait(self, timeout_s: float) -> int:
        """Return its exit code; 0 for one that was told to end, whatever way it takes."""
        if self._program is None:
            if not self._told:
                raise self._failed("still runs")
        elif not self._told:
            return self._program.wait(timeout_s)
        self.stop(timeout_s)
        return 0

    def stop(self, timeout_s: float = STEP_S) -> int:
        """End it and all that it started; not one that somebody else started."""
        if self._program is None:
            return 0
        processes = tree_of(self._program.pid)
        try:
            return self._program.stop(min(timeout_s, STEP_S), stdin_s=STDIN_S)
        finally:
            end_all(processes)
            if self.wineserver_pid is None:  # else the kernel of all programs might be in it
                end_group(self._program.pid)

    def running(self) -> bool:
        return self._program is None or self._program.running()

    def stderr_text(self) -> str:
        return self._masked(self._program.stderr_text()) if self._program else ""

    def _await_ready(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        word, _, rest = self._external.ready.partition(":")
        if self._program and word == "line":
            self._await_line(rest, deadline, timeout_s)
        elif self._program and word == "delay":
            time.sleep(int(rest or DELAY_MS) / 1000)
        while True:
            try:
                socket.create_connection(self._where, max(0.1, deadline - time.monotonic())).close()
                return
            except OSError as error:
                if self._program and not self._program.running():
                    raise self._failed("ended before it was ready") from None
                if time.monotonic() > deadline or self._program is None:
                    why = error.strerror or str(error)
                    at = f"{self._where[0]}:{self._where[1]}"
                    at += f" within {timeout_s:g} s" if self._program else ""
                    raise self._failed(f"accepts no connection at {at} ({why})") from None
            time.sleep(RETRY_S)

    def _await_line(self, text: str, deadline: float, timeout_s: float) -> None:
        assert self._program
        what = f"a line with '{text}'" if text else "a line"
        while True:
            try:
                line = self._program.line(deadline - time.monotonic())
            except TimeoutError:
                raise self._failed(f"did not print {what} within {timeout_s:g} s") from None
            if line is None:
                with suppress(ProgramFailed):  # its exit code comes a moment after its last line
                    self._program.wait(STEP_S)
                raise self._failed(f"ended before it printed {what}")
            if text.encode() in line:
                return

    def _failed(self, what: str) -> ProgramFailed:
        if self._program is None:
            return ProgramFailed(f"{self.name}: {what}", "", None)
        error = self._program.failed(what, self.name)
        return ProgramFailed(
            self._masked(str(error)), self._masked(error.stderr), error.program_code
        )

    def _masked(self, text: str) -> str:
        """Put {env:NAME} back in the place of its value, which the server may have printed."""
        for name in re.findall(ENV, " ".join(self._external.command)):
            value = os.environ.get(name)
            text = text.replace(value, f"{{env:{name}}}") if value else text
        return text

    def __enter__(self) -> ExternalServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class ExternalLauncher(Wrapper):
    """A launcher with external servers; all else is the inner launcher's."""

    def __init__(self, inner: Launcher, servers: Mapping[str, External], build: Path) -> None:
        super().__init__(inner)
        self._servers = dict(servers)
        self._build = build.resolve()

    def models(self) -> dict[str, dict[str, Any]]:
        taken = [name for name in self._servers if name in self._inner.models()]
        if taken:
            raise Failure(
                f"server {taken[0]}: must differ from the names of the models", exit_code=USAGE
            )
        return self._inner.models() | {
            name: self._described(name, external) for name, external in self._servers.items()
        }

    def _described(self, name: str, external: External) -> dict[str, Any]:
        missing = external.optional and not self._program_of(external).is_file()
        return {
            "model": name,
            "platform": self.platform,
            "options": [],
            "supported": not missing,
            "since": "./iomodels setup --references" if missing else None,
            "max_conns": None,
        }

    def server(self, model: str, options: Mapping[str, int | str]) -> Server:
        external = self._servers.get(model)
        if external is None:
            return self._inner.server(model, options)
        if external.attach:
            return ExternalServer(model, external, None, external.attach, self.platform)
        port = external.port or free_port()
        executable = self._program_of(external)
        if not executable.is_file():
            raise Failure(f"{model}: {external.command[0]}: no such program", exit_code=USAGE)
        if not (external.windows_program or os.access(executable, os.X_OK)):
            raise Failure(f"{model}: {external.command[0]}: is not executable", exit_code=USAGE)
        if external.port and listens(port):
            raise Failure(f"{model}: port {port}: another program listens there already")
        words = [self._filled(word, external, port) for word in external.command[1:]]
        program = self._inner.program(executable, *words)
        return ExternalServer(model, external, program, (LOOPBACK, port), self.platform)

    def watch(self, server: Server) -> Watching:
        if not isinstance(server, ExternalServer):
            return self._inner.watch(server)
        kernel = server.wineserver_pid
        return Watches(
            {} if kernel is None else {"wineserver": kernel},
            more={"server": TreeWatch(server.pid)} if server.pid else {},
        )

    def facts(self) -> dict[str, Any]:
        """Return for run.json what each external server is: command, version, hashes of files.

        The command has its placeholders, so the values of {env:NAME} stay secret.
        """
        return {
            name: {
                **external.to_json(),
                "version": self._version(external),
                "files": self._hashes(external),
            }
            for name, external in self._servers.items()
            if self._described(name, external)["supported"]
        }

    def check(self) -> None:
        """Start each external server once, and see whether it echoes. Raises Failure."""
        for name, external in self._servers.items():
            if self._described(name, external)["supported"]:
                with self.server(name, {}) as server:
                    ready = server.expect("ready", START_S)
                    probe(name, (ready["host"], ready["port"]))
                    server.send("sample")  # raises if its program ended

    def _program_of(self, external: External) -> Path:
        word = self._filled(external.command[0], external, 0)
        return Path(shutil.which(word) or word).absolute()

    def _filled(self, word: str, external: External, port: int) -> str:
        """Replace the placeholders of a word of the command."""
        values = {
            "port": port,
            "threads": external.threads,
            "build": self._build,
            "references": self._references(external),
        }
        for name, value in values.items():
            word = word.replace(f"{{{name}}}", str(value))
        return re.sub(ENV, lambda found: _variable(found[1]), word)

    def _references(self, external: External) -> Path:
        """Return the folder of the reference servers: on Linux that of Windows or of Linux."""
        presets = (
            ("references-msvc", "references-mingw") if external.windows_program else ("references",)
        )
        folders = [self._build / preset / "bin" for preset in presets]
        return next((folder for folder in folders if folder.is_dir()), folders[-1])

    def _version(self, external: External) -> str | None:
        """Return the first line that the version command prints; None without one."""
        if not external.version:
            return None
        first = External(external.version)
        words = [self._filled(word, external, 0) for word in external.version[1:]]
        with self._inner.program(self._program_of(first), *words) as program:
            try:
                line = program.line(VERSION_S)
            except TimeoutError:
                line = None
        return (line or b"").decode("utf-8", "replace").strip()[:VERSION_MAX] or None

    def _hashes(self, external: External) -> dict[str, str]:
        """Return the SHA-256 of the program and of each file among its words, by the word."""
        found = {}
        for word in external.command:
            path = Path(self._filled(word, external, 0))
            if word == external.command[0]:
                path = self._program_of(external)
            if path.is_file():
                found[word] = _sha256(path)
        return found


WINDOWS, NATIVE, ATTACHED = "needs Windows or Wine", "is a program of Linux", "already runs"


def kinds_of(suite: Suite, system: str) -> dict[str, list[str]]:
    """Return the servers of a suite by what runs them; `system` is sys.platform.

    On Windows all may run together: an attached server on this machine is another process of the
    same system. Elsewhere nobody can tell what an attached server runs on.
    """
    found: dict[str, list[str]] = {}
    for server in suite.servers:
        external = server.external
        if external and external.attach:
            here = system == "win32" and is_here(external.attach[0])
            kind = WINDOWS if here else ATTACHED
        else:
            native = not external.windows_program if external else suite.native
            kind = NATIVE if native else WINDOWS
        found.setdefault(kind, []).append(server.model)
    return found


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise Failure(f"{{env:{name}}}: the environment has no {name}", exit_code=USAGE)
    return value


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
