"""What is tested: each program of references/ per platform, and the examples.

The build is IOMODELS_BUILD or else build/ of the repository, made by `iomodels setup --references`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from client import DEADLINE_S, Client
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import Program

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("IOMODELS_BUILD") or ROOT / "build").resolve()
PAGE = ROOT / "references" / "README.md"
EXAMPLES = ROOT / "references" / "examples"
FRAMEWORKS = ("libuv", "asio", "asio_coroutines", "ace", "hpsocket")
NATIVE = ("libuv", "asio", "asio_coroutines")
"""Those that also run on Linux itself."""
SET_UP = "`iomodels setup --references` builds it"
MOST_THREADS = {"libuv": 1}


@dataclass(frozen=True)
class Target:
    """`name` on the page: the program, with "on Linux" for a native build of one for Windows."""

    name: str
    argv: tuple[str, ...]
    windows: bool = False

    @property
    def framework(self) -> str | None:
        """None: an example, which has no options."""
        found = re.match(r"reference_(\w+)", self.name)
        return found[1] if found else None

    def arguments(self, port: int, *options: str) -> list[str]:
        """Return argv after the program for this port."""
        if self.framework is None:
            return [*self.argv[1:], str(port)]
        return [*self.argv[1:], "--port", str(port), *options]

    def start(self, launcher: Launcher | None, *arguments: str) -> Program:
        """Start it, a program for Windows by the launcher of this platform."""
        if self.windows:
            assert launcher
            return launcher.program(Path(self.argv[0]), *arguments)
        return Program([self.argv[0], *arguments])

    def missing(self) -> str | None:
        """Return why it cannot run here."""
        if self.framework is None:
            known = shutil.which(self.argv[0]) or Path(self.argv[0]).is_file()
            return None if known else f"{self.argv[0]} is not installed"
        if Path(self.argv[0]).is_file():
            return None
        summary = Path(self.argv[0]).parents[1] / "references.txt"
        if not summary.is_file():
            return f"no {self.argv[0]}; {SET_UP}"
        lines = summary.read_text(encoding="utf-8").splitlines()
        reasons = [line for line in lines if line.startswith(f"reference_{self.framework}:")]
        return next(iter(reasons), f"no {self.argv[0]}; {SET_UP}")


def _folder(*presets: str) -> Path:
    folders = [BUILD / preset / "bin" for preset in presets]
    return next((folder for folder in folders if folder.is_dir()), folders[-1])


def targets() -> list[Target]:
    """Return all targets of this platform."""
    windows = _folder("references-msvc", "references-mingw")
    found = [
        Target(f"reference_{name}", (str(windows / f"reference_{name}.exe"),), windows=True)
        for name in FRAMEWORKS
    ]
    if sys.platform == "linux":
        native = _folder("references")
        found += [
            Target(f"reference_{name} on Linux", (str(native / f"reference_{name}"),))
            for name in NATIVE
        ]
    return found + examples()


def examples() -> list[Target]:
    """Return the servers of references/examples that can run here."""
    return [
        Target("asyncio_echo.py", (sys.executable, str(EXAMPLES / "asyncio_echo.py"))),
        Target("node_echo.js", ("node", str(EXAMPLES / "node_echo.js"))),
    ]


class Echo:
    """A started target with its port."""

    def __init__(self, target: Target, program: Program) -> None:
        """Wait for its line "ready". The program is stopped if another one comes, or none."""
        self.target = target
        self.program = program
        line = first_line(program)
        found = re.fullmatch(r"ready port=(\d+)", line)
        if not found:
            program.stop()
            raise AssertionError(f"{target.name}: {line!r}, {program.stderr_text()}")
        self.port = int(found[1])

    def connect(self) -> Client:
        return Client(self.port)

    def end(self) -> None:
        """Close its stdin. It must end by itself, with exit code 0 and in silence."""
        self.program.close_stdin()
        assert self.program.wait(DEADLINE_S) == 0, self.program.stderr_text()
        assert self.program.stderr_text() == ""


def first_line(program: Program) -> str:
    """Return the next line of its output; "" if it ended before. Raises TimeoutError."""
    with ThreadPoolExecutor(1) as waiting:
        answer = waiting.submit(program.line)
        try:
            return (answer.result(DEADLINE_S) or b"").decode().strip()
        except TimeoutError:
            program.stop()
            raise


Start = Callable[..., Echo]


def failures(page: str) -> dict[tuple[str, str], str]:
    """Return the reason by (target, check) from the table below "What fails" of the page."""
    section = page.partition("\n## What fails\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| (.+) \|$", section, flags=re.MULTILINE)
    return {(target, check): reason for target, check, reason in rows}
