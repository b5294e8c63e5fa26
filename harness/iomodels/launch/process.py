"""A started program: its lines, its exit, its end."""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

from iomodels.base.errors import Failure
from iomodels.launch import kernel32
from iomodels.launch.marks import marked

FORMAT = 1
STDERR_KEPT_BYTES = 16 * 1024
LINE_MAX_BYTES = 8 * 1024 * 1024
LINES_PENDING_MAX = 10_000
WAIT_SLICE_S = 0.2 if sys.platform == "win32" else 3600.0
CREATE_SUSPENDED = 0x4  # of CreateProcess
CODE_MOST = 0x7FFFFFFF
"""Greater exit codes are an NTSTATUS of Windows, which is known by its hexadecimal number."""
BLOCKED = 4551  # ERROR_SYSTEM_INTEGRITY_POLICY_VIOLATION
SMART_APP_CONTROL = (
    "Smart App Control of Windows blocks programs that were just built; "
    "see docs/windows.md, Smart App Control"
)


class ProgramFailed(Failure):
    """A program died, hung, or printed something unexpected.

    `program_code` is its exit code; None if it still runs. `stderr` is the end of its stderr.
    """

    def __init__(self, message: str, stderr: str, program_code: int | None) -> None:
        super().__init__(message)
        self.stderr = stderr
        self.program_code = program_code


class Server(Protocol):
    """A server under measurement: a Program of ours, or one of the user."""

    @property
    def name(self) -> str: ...

    @property
    def argv(self) -> list[str]: ...

    @property
    def pid(self) -> int: ...

    @property
    def wineserver_pid(self) -> int | None: ...

    def expect(self, event: str, timeout_s: float) -> dict[str, Any]: ...

    def send(self, line: str) -> None: ...

    def close_stdin(self) -> None: ...

    def wait(self, timeout_s: float) -> int: ...

    def stop(self, timeout_s: float = 2.0) -> int: ...

    def stderr_text(self) -> str: ...

    def __enter__(self) -> Server: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Program:
    """A child that prints JSON lines (docs/interface.md); as a context manager it ends it."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        wineserver_pid: int | None = None,
        admit: Callable[[int], None] | None = None,
    ) -> None:
        """Start `argv`. Messages use `name`. `wineserver_pid` is its kernel's process under Wine.

        With `admit` a Windows program starts suspended: `admit` gets its pid, pins it and resumes
        it.
        """
        self.argv = list(argv)
        self.name = name or Path(self.argv[0]).name
        self.wineserver_pid = wineserver_pid
        try:
            self._process = _spawn(self.argv, env, suspended=admit is not None)
        except OSError as error:
            blocked = getattr(error, "winerror", None) == BLOCKED
            raise Failure(
                f"{self.name}: cannot start: {self.argv[0]}: {error.strerror}"
                + (f"; {SMART_APP_CONTROL}" if blocked else "")
            ) from error
        self.pid = self._process.pid
        if admit:
            self._admit(admit)
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._stdin: IO[bytes] = self._process.stdin
        # None: end of file. A signal that raises in a wait would break the lock of a `queue.Queue`.
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._flooded = False
        self._tail = bytearray()
        self._readers = [
            threading.Thread(target=self._read_stdout, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_stderr, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _admit(self, admit: Callable[[int], None]) -> None:
        try:
            admit(self.pid)
        except OSError as error:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe:
                    pipe.close()
            raise Failure(
                f"{self.name}: started, but cannot be placed on its CPUs: {error}"
            ) from error

    def _read_stdout(self, stream: IO[bytes]) -> None:
        """Read all output, so that a full pipe never stops the program; keep few unread lines."""
        with stream:
            while line := stream.readline(LINE_MAX_BYTES):
                if self._lines.qsize() < LINES_PENDING_MAX:
                    self._lines.put(line)
                else:
                    self._flooded = True
        self._lines.put(None)

    def _read_stderr(self, stream: IO[bytes]) -> None:
        with stream:
            while chunk := os.read(stream.fileno(), 65536):
                self._tail += chunk
                del self._tail[:-STDERR_KEPT_BYTES]

    def expect(self, event: str, timeout_s: float) -> dict[str, Any]:
        """Return the next line's object. Raises ProgramFailed unless it is that event, in time."""
        return self.expect_any((event,), timeout_s)

    def expect_any(self, events: Sequence[str], timeout_s: float) -> dict[str, Any]:
        """Return the next line's object, which must be one of these events."""
        wanted = " or ".join(f"'{event}'" for event in events)
        started = time.monotonic()
        try:
            line = self._next_line(started + timeout_s)
        except queue.Empty:
            raise self._failed(f"no {wanted} within {timeout_s:g} s") from None
        if line is None:
            self._lines.put(None)  # the next call reaches the end as well
            self._await_exit(1.0)
            raise self._failed(
                f"ended after {time.monotonic() - started:.1f} s of waiting for {wanted}"
            )
        if self._flooded:
            raise self._failed(
                f"waiting for {wanted}: more than {LINES_PENDING_MAX} unexpected lines"
            )
        try:
            answer = json.loads(line)
        except ValueError:  # broken JSON or broken UTF-8
            answer = None
        if not isinstance(answer, dict):
            raise self._failed(f"waiting for {wanted}: not a JSON object: {_shorten(line)}")
        event = answer.get("event")
        if event not in events:
            raise self._failed(f"expected {wanted}, got {_shorten(line)}")
        if answer.get("format") != FORMAT:
            raise self._failed(f"'{event}' has format {answer.get('format')}; it must be {FORMAT}")
        return answer

    def line(self, within_s: float = math.inf) -> bytes | None:
        """Return the next line; None at the end of the output. Raises TimeoutError."""
        try:
            return self._next_line(time.monotonic() + within_s)
        except queue.Empty:
            raise TimeoutError from None

    def _next_line(self, deadline: float) -> bytes | None:
        """Wait in short slices: on Windows Ctrl-C does not end a wait for a lock."""
        while True:
            left = max(0.0, deadline - time.monotonic())
            wait = min(left, WAIT_SLICE_S)
            try:
                return self._lines.get(timeout=wait)
            except queue.Empty:
                if wait == left:
                    raise

    def send(self, line: str) -> None:
        """Write one line to the program's stdin."""
        try:
            self._stdin.write(line.encode() + b"\n")
            self._stdin.flush()
        except (OSError, ValueError):  # either side closed the pipe
            self._await_exit(1.0)
            raise self._failed(f"did not accept '{line}': its stdin is closed") from None

    def close_stdin(self) -> None:
        with suppress(OSError):  # unsent text without a reader
            self._stdin.close()

    def wait(self, timeout_s: float) -> int:
        """Return the exit code after the program ended by itself; negative: the killing signal."""
        if not self._await_exit(timeout_s):
            raise self._failed(f"did not end within {timeout_s:g} s")
        code: int = self._process.returncode
        return code

    def stop(self, timeout_s: float = 2.0, *, stdin_s: float | None = None) -> int:
        """End the program and return its exit code.

        The steps are end of its stdin, SIGINT, SIGTERM and SIGKILL; each gets `timeout_s`, the
        first one `stdin_s` if given.
        """
        self.close_stdin()
        steps: list[Callable[[], None] | None] = [
            None,
            self.interrupt,
            self._process.terminate,
            self._process.kill,
        ]
        for step in steps:
            try:
                if step:
                    step()
            except OSError:  # on Windows without a console there is no console event: next step
                continue
            if self._await_exit(timeout_s if step or stdin_s is None else stdin_s):
                code: int = self._process.returncode
                return code
        raise self._failed("still runs after SIGKILL")

    def interrupt(self) -> None:
        """Send the Ctrl-C of a terminal; a Windows program gets a console event, under Wine too.

        Raises OSError if that fails: on Windows without a console there is no such event.
        """
        if sys.platform == "win32":
            kernel32.send_break(self.pid)
        else:
            self._process.send_signal(signal.SIGINT)

    def running(self) -> bool:
        return self._process.poll() is None

    def stderr_text(self) -> str:
        """Return the last 16 KiB of stderr."""
        return bytes(self._tail).decode("utf-8", "replace").replace("\r\n", "\n")

    def _await_exit(self, timeout_s: float) -> bool:
        """Return whether the program ended.

        All its output was then read, unless a child of it still holds the pipe.
        """
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        drained = time.monotonic() + 1.0
        for reader in self._readers:
            reader.join(max(0.0, drained - time.monotonic()))
        return True

    def _failed(self, what: str) -> ProgramFailed:
        return self.failed(what, self.name)

    def failed(self, what: str, name: str) -> ProgramFailed:
        """Return the error of this program: `name`, what failed, how it ended, its last words."""
        code = self._process.poll()
        stderr = self.stderr_text()
        lines = [line for line in stderr.splitlines() if line.strip()]
        said = f"stderr: {_shorten(lines[-1].encode())}" if lines else "stderr is empty"
        return ProgramFailed(f"{name}: {what}; {exit_text(code)}; {said}", stderr, code)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        except BaseException:  # a second Ctrl-C
            self._process.kill()
            self._await_exit(2.0)
            raise


def _spawn(
    argv: list[str], env: Mapping[str, str] | None, *, suspended: bool
) -> subprocess.Popen[bytes]:
    """Use a process group of its own: Ctrl-C reaches the harness, which stops programs in order.

    Windows programs inherit a low priority class, so the normal one is set explicitly.
    """
    pipe = subprocess.PIPE
    if sys.platform == "win32":
        flags = (
            subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.NORMAL_PRIORITY_CLASS
            | (CREATE_SUSPENDED if suspended else 0)
        )
        return subprocess.Popen(
            argv, stdin=pipe, stdout=pipe, stderr=pipe, env=env, creationflags=flags
        )
    if sys.platform == "linux":
        env = marked(env)
    return subprocess.Popen(
        argv, stdin=pipe, stdout=pipe, stderr=pipe, env=env, close_fds=True, start_new_session=True
    )


def _shorten(text: bytes, limit: int = 200) -> str:
    shown = text[:limit].decode("utf-8", "backslashreplace").rstrip()
    return shown + ("…" if len(text) > limit else "")


def exit_text(code: int | None) -> str:
    """Return 'exit code 2', 'killed by SIGKILL', 'exit code 0xC0000005' (a crash on Windows)."""
    if code is None:
        return "still running"
    if code < 0:
        known = -code in list(signal.Signals)
        return f"killed by {signal.Signals(-code).name if known else f'signal {-code}'}"
    return f"exit code 0x{code:08X}" if code > CODE_MOST else f"exit code {code}"
