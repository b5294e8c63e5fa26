"""Start servers and load generators, talk to them in JSON lines, and leave no process behind.

Every wait has a deadline. The stdin of every program is a pipe of this process. The end of this
process, whatever its cause, is end-of-file there, which stops a server. No other process inherits
the other end of the pipe.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from iomodels.base.arguments import Option, arguments
from iomodels.base.build import BUILD_HINT
from iomodels.base.errors import Failure
from iomodels.launch.process import Program, ProgramFailed, Server
from iomodels.launch.watches import Watches, Watching
from iomodels.machine.placement import Placement, pinned

DESCRIBE_TIMEOUT_S = 20.0
NOT_SERVERS = ("loadgen", "test_", "fuzz_")
"""Prefixes of programs next to the servers. Others must reject --describe with exit code 2."""


class MachineLost(Failure):
    """Another machine does not return. This ends the run; other failures end a measurement."""


class Launcher(Protocol):
    """Starts programs on one platform. A context manager: at its end no process is left."""

    @property
    def platform(self) -> str:
        """The platform as the servers report it: "wine-8.0", "windows-11-26100"."""

    def models(self) -> dict[str, dict[str, Any]]:
        """Each model's describe event by name. Every server binary is asked."""

    def server(self, model: str, options: Mapping[str, int | str]) -> Server:
        """Start a server. The caller then expects 'ready'."""

    def loadgen(self, options: Mapping[str, Option], *, windows: bool = False) -> Server:
        """Start the platform's load generator; with `windows` the Windows one in its prefix."""

    def program(self, executable: Path, *arguments: object) -> Program:
        """Start a program that is no model, in the way of a server."""

    def processes(self, server: Server) -> dict[str, int]:
        """Return the pids to watch in /proc by role, besides a server's own counters."""

    def watch(self, server: Server) -> Watching:
        """Watches those processes at both ends of a measuring window."""

    def environment(self) -> dict[str, Any]:
        """The part of the environment that this launcher knows, for the record."""

    def close(self) -> None: ...

    def __enter__(self) -> Launcher: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class PlainLauncher:
    """Starts programs as they are. All launchers share this code."""

    suffix = ".exe"
    """Ends the name of a server's program."""

    def __init__(
        self, programs: Path, loadgen: Path, placement: Placement, before: Sequence[str] = ()
    ) -> None:
        """`before`: words before the command of a load generator."""

        if loadgen.is_file() and not os.access(loadgen, os.X_OK):
            raise Failure(
                f"{loadgen}: must be executable; {BUILD_HINT} {loadgen.parent.parent.name}"
            )
        self.placement = placement
        self._before = before
        self._programs = programs
        self._loadgen = loadgen
        self._started: list[Program] = []
        self._models: dict[str, dict[str, Any]] | None = None

    @property
    def platform(self) -> str:
        platforms = {str(described["platform"]) for described in self.models().values()}
        if len(platforms) != 1:
            raise Failure(
                f"{self._programs}: the servers report {len(platforms)} platforms: "
                f"{', '.join(sorted(platforms))}"
            )
        return platforms.pop()

    def models(self) -> dict[str, dict[str, Any]]:
        if self._models is None:
            candidates = [
                path
                for path in sorted(self._programs.glob(f"*{self.suffix}"))
                if not path.name.startswith(NOT_SERVERS)
            ]
            found = [self._describe(path) for path in candidates]
            self._models = {str(described["model"]): described for described in found if described}
            if not self._models:
                raise Failure(
                    f"{self._programs}: no server there; {BUILD_HINT} mingw (on Windows: msvc)"
                )
        return self._models

    def server(self, model: str, options: Mapping[str, int | str]) -> Program:
        if model not in self.models():
            raise Failure(f"{model}: no such model; available: {', '.join(self.models())}")
        return self._start("server", self._programs / f"{model}{self.suffix}", arguments(options))

    def loadgen(self, options: Mapping[str, Option], *, windows: bool = False) -> Program:
        if windows:
            return self._start(
                "windows-loadgen", self._programs / "loadgen.exe", arguments(options)
            )
        role = (
            "calibration" if options.get("calibrate") else "loadgen"
        )  # calibrating: the target is the load generator's own
        return self._start(role, self._loadgen, arguments(options))

    def program(self, executable: Path, *arguments: object) -> Program:
        return self._start("server", executable, [str(argument) for argument in arguments])

    def processes(self, server: Server) -> dict[str, int]:
        return {}

    def watch(self, server: Server) -> Watching:
        return Watches(self.processes(server))

    def environment(self) -> dict[str, Any]:
        return {"placement": asdict(self.placement)}

    def close(self) -> None:
        for program in self._started:
            if program.running():
                program.stop()
        self._started.clear()

    def __enter__(self) -> Launcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _launch(self, role: str, argv: list[str]) -> Program:
        """Start argv as `role` needs it: here a native, pinned load generator."""
        cpus = self.placement.loadgen_cpus + (
            self.placement.server_cpus if role == "calibration" else ()
        )
        return Program([*self._before, *pinned(cpus), *argv], name=Path(argv[0]).name)

    def _start(self, role: str, executable: Path, options: list[str]) -> Program:
        if not executable.is_file():
            raise Failure(
                f"{executable}: no such program; {BUILD_HINT} {executable.parent.parent.name}"
            )
        program = self._launch(role, [str(executable), *options])
        self._started = [known for known in self._started if known.running()] + [program]
        return program

    def _describe(self, executable: Path) -> dict[str, Any] | None:
        """Return None if the program is no server: it rejects --describe with exit code 2."""
        with self._start("server", executable, ["--describe"]) as program:
            program.close_stdin()
            try:
                described = program.expect("describe", DESCRIBE_TIMEOUT_S)
            except ProgramFailed as failure:
                if failure.program_code == 2:
                    return None
                raise
            if described.get("model") != executable.stem:
                raise Failure(f"{executable}: describes itself as '{described.get('model')}'")
            return described
