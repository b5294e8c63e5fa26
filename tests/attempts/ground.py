"""Where attempts are made: commands with a deadline, a run, and what must hold after each."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iomodels.data.store import load_run
from iomodels.launch import marks

DEADLINE_S = 300.0
GONE_S = 10.0
SHORT = ("--connections", "2,3", "--size", "64", "--rounds", "2", "--duration-ms", "60")
MEASURE = ("run", "select-vs-iocp", "--native", "--models", "epoll,poll", "--warmup-ms", "20")
PLANNED = 8


class Broken(Exception):
    """The attempt broke something."""


class Skipped(Exception):
    """The attempt cannot be made here."""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


class Ground:
    """A folder for attempts, and the run that they damage."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self._run: Path | None = None
        self._count = 0

    def place(self) -> Path:
        """Return a new empty folder."""
        self._count += 1
        path = self.folder / str(self._count)
        path.mkdir()
        return path

    def start(
        self,
        words: Sequence[str | bytes],
        environ: Mapping[str, str] | None = None,
        *,
        limits: str = "",
        stdout: int = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start a command; `limits` are commands of a shell before it."""
        argv: list[str | bytes] = [sys.executable, "-P", "-m", "iomodels", *words]
        if limits:
            argv = ["sh", "-c", f'{limits}\nexec "$@"', "sh", *argv]
        return subprocess.Popen(
            argv,
            env={**os.environ, "PYTHONPATH": str(self.root / "harness"), **(environ or {})},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            preexec_fn=_ordinary_signals,
        )

    def finish(self, process: subprocess.Popen[bytes]) -> Done:
        """Wait for the end of a command, and check what holds for every command."""
        try:
            out, err = process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Broken(f"hangs: {process.args!r}"[:300]) from None
        done = Done(process.returncode, _text(out), _text(err))
        if "Traceback" in done.out + done.err or "Exception ignored" in done.err:
            raise Broken(f"traceback: {done.err.strip().splitlines()[-1][:200]}")
        self.nothing_is_left()
        return done

    def do(self, *words: str | bytes, limits: str = "", **environ: str) -> Done:
        return self.finish(self.start(words, environ, limits=limits))

    def refused(self, *words: str | bytes, saying: str = "", code: int = 2) -> Done:
        """Check that a command is refused with lines that each name the program."""
        done = self.do(*words)
        lines = done.err.splitlines()
        if done.code != code or not lines:
            raise Broken(f"exit code {done.code}, not {code}: {done.err[:200]!r}")
        if not all(line.startswith("iomodels: ") for line in lines):
            raise Broken(f"a line that does not name the program: {done.err[:200]!r}")
        self.says(done, saying)
        return done

    @staticmethod
    def says(done: Done, words: str) -> None:
        if words not in done.out + done.err:
            raise Broken(f"does not say {words!r}: {(done.err or done.out)[-300:]!r}")

    def nothing_is_left(self) -> None:
        """Check that no process and no half-written file is left, after ten seconds at most."""
        deadline = time.monotonic() + GONE_S
        while left := marks.left_behind():
            if time.monotonic() > deadline:
                raise Broken(f"leaves processes: {left}")
            time.sleep(0.05)
        halves = [str(path) for path in self.folder.rglob("*.part")]
        if halves:
            raise Broken(f"leaves files: {halves}")

    def measured(self) -> Path:
        """Return a copy of a run of eight measurements, which the first call makes."""
        if self._run is None:
            out = self.place()
            done = self.do(*MEASURE, *SHORT, "--out", str(out), "--no-report")
            found = list(out.glob("*"))
            if len(found) != 1:
                raise Broken(f"no run was measured: {done.err[-300:]}")
            self._run = found[0]
        return Path(shutil.copytree(self._run, self.place() / self._run.name))

    def completes(self, run: Path) -> None:
        """Check that a run can be resumed to its end and then holds its whole plan."""
        done = self.do("run", "--resume", str(run), "--no-report")
        if done.code not in (0, 1):
            raise Broken(f"cannot be resumed: {done.err[-300:]!r}")
        loaded = load_run(run)
        if loaded.manifest["status"] != "complete" or len(loaded.records) != PLANNED:
            raise Broken(f"resumed to {len(loaded.records)} of {PLANNED}: {loaded.warnings}")

    def native(self, name: str) -> Path:
        """Return a program of Linux from the build."""
        return self.root / "build" / "host" / name

    def program(self, argv: Sequence[str | Path], stdin: str) -> tuple[str, str]:
        """Run a program to its end and return what it printed on stdout and stderr."""
        done = subprocess.run(
            argv, input=stdin.encode(), capture_output=True, timeout=DEADLINE_S, check=False
        )
        return _text(done.stdout), _text(done.stderr)

    def wine(self) -> None:
        """Skip an attempt where no Wine is installed."""
        if not (self.root / "build/mingw/bin/iocp.exe").is_file():
            raise Skipped("no build for Wine")


def until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    """Wait for a condition of a process that runs. Raises Broken after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise Broken("the first process never came so far")
        time.sleep(0.01)


def _ordinary_signals() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")
