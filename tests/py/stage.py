"""A launcher of fake programs, and the surroundings of a run, for the tests of measuring."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console

from iomodels.base.arguments import Option, arguments
from iomodels.base.errors import Stopped
from iomodels.cli import finishing
from iomodels.judge.summary import Summary
from iomodels.launch.process import Program
from iomodels.launch.watches import Watches
from iomodels.measure import run
from iomodels.measure.measurement import Deadlines
from iomodels.measure.session import Setting
from iomodels.plan.suite import Suite

PYTHON = getattr(sys, "_base_executable", sys.executable) if os.name == "nt" else sys.executable
"""In a virtual environment of Windows python.exe starts another one, and both hold the pipes."""
FAKE = Path(__file__).with_name("fake_program.py")
SHORT = Deadlines(start_s=3.0, connect_s=1.0, answer_s=3.0, stop_s=3.0)


def described(model: str, **changes: Any) -> dict[str, Any]:
    options = [
        {"name": "threads", "default": 2, "min": 1, "max": 64, "unit": "threads", "help": ""},
        {
            "name": "max-conns",
            "default": 100,
            "min": 1,
            "max": 5000,
            "unit": "connections",
            "help": "",
        },
    ]
    return {
        "model": model,
        "summary": f"The {model} model.",
        "cost": "a thread per client",
        "since": "Windows 8",
        "family": "fake",
        "limit": None,
        "max_conns": None,
        "supported": True,
        "platform": "fake-1.0",
        "options": options,
        **changes,
    }


LOADGEN = "mingw/bin/loadgen.exe" if os.name == "nt" else "host/bin/loadgen"
"""The load generator of this system, below the build folder."""


class FakeLauncher:
    """`behaviour` decides how the n-th pair of programs behaves: (server, load generator)."""

    def __init__(self, behaviour: Callable[[int], tuple[str, str]] | None = None) -> None:
        self.platform = "fake-1.0"
        self.described = {model: described(model) for model in ("one", "two")}
        self.behaviour = behaviour or (lambda number: ("normal", "normal"))
        self.asked = "normal"
        self.programs: list[Program] = []
        self.started: list[dict[str, Any]] = []

    def models(self) -> dict[str, dict[str, Any]]:
        return self.described

    def server(self, model: str, options: Mapping[str, int | str]) -> Program:
        self.started.append({"model": model, **options})
        return self._start("server", self.behaviour(len(self.started) - 1)[0], options)

    def loadgen(self, options: Mapping[str, Option], *, windows: bool = False) -> Program:
        """Asked before any server was started, it is checked or calibrated: `asked`."""
        return self._start(
            "loadgen",
            self.behaviour(len(self.started) - 1)[1] if self.started else self.asked,
            options,
        )

    def program(self, executable: Path, *arguments: object) -> Program:
        return self._start(executable.stem, "law", {})

    def processes(self, server: Program) -> dict[str, int]:
        return {"server": server.pid}

    def watch(self, server: Program) -> Watches:
        return Watches(self.processes(server))

    def environment(self) -> dict[str, Any]:
        return {"placement": None}

    def close(self) -> None:
        pass

    def __enter__(self) -> FakeLauncher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self, role: str, behaviour: str, options: Mapping[str, Option]) -> Program:
        if os.name == "nt" and behaviour in ("SIGINT", "SIGTERM"):
            # a child cannot send it there, so a thread of this process does
            threading.Timer(0.5, signal.raise_signal, [getattr(signal, behaviour)]).start()
            behaviour = "hangs"
        program = Program(
            [PYTHON, str(FAKE), role, behaviour, *arguments(options)],
            name=f"fake-{role}",
        )
        self.programs.append(program)
        return program


class Stage:
    """Runs with fake programs: what they print, where they write, what report they ask for."""

    def __init__(self, folder: Path, launcher: FakeLauncher) -> None:
        self.out = folder / "runs"
        self.build = folder / "build"
        self.launcher = launcher
        self.reported: list[Path] = []
        self.report = True
        self.as_json = False
        self._output = io.StringIO()
        self.setting = Setting(
            self.build,
            Console(file=self._output, width=200),
            ("iomodels", "run", "small"),
            "iomodels run --resume",
            results=self.out,
            deadlines=SHORT,
            watch_s=0.01,
        )
        for name in ("mingw/bin/one.exe", "mingw/bin/two.exe", LOADGEN):
            path = self.build / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name, encoding="utf-8")

    @property
    def text(self) -> str:
        return self._output.getvalue()

    @property
    def folder(self) -> Path:
        (folder,) = self.out.iterdir()
        return folder

    def start(self, suite: Suite, **options: Any) -> int:
        """Measure and report as the command does. Returns its exit code."""
        all_options = {"quick": False, "out": self.out, **options}
        return self._finished(lambda: run.start_run(self.setting, suite, **all_options))

    def resume(self, **options: Any) -> int:
        all_options = {"retry_failed": False, **options}
        return self._finished(lambda: run.resume_run(self.setting, self.folder, **all_options))

    def write_report(self, summary: Summary) -> Path:
        """Note which run is reported, in place of its page."""
        self.reported.append(summary.run.path)
        return summary.run.path / "report.html"

    def without_report(self) -> None:
        self.report = False

    def _finished(self, measuring: Callable[[], Path | None]) -> int:
        try:
            folder = measuring()
        except Stopped as stopped:
            return stopped.exit_code
        console = self.setting.console
        return (
            finishing.run(console, folder, report=self.report, as_json=self.as_json)
            if folder
            else 0
        )
