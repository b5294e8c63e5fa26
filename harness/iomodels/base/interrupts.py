"""Deliver Ctrl-C (on Windows also Ctrl-Break) and SIGTERM at chosen moments.

A KeyboardInterrupt between starting a process and storing it would leave that process behind.
`Interrupts` therefore only notes a signal. It raises the signal where the code allows it: in long
waits.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]


class Interrupted(KeyboardInterrupt):
    """A signal asked this program to stop; `signal` is its number.

    `complete` is the folder of a run that has all its measurements, so only its report is missing.
    """

    def __init__(self, number: int, complete: Path | None = None) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number
        self.complete = complete


class Interrupts:
    def __init__(self) -> None:
        self.complete: Path | None = None
        self._noted: int | None = None
        self._waiting = False
        self._raised = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if number != signal.SIGINT and before is signal.SIG_IGN:
                continue  # nohup: keep ignoring it
            self._before[number] = before
            signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if kind is None and not self._raised:  # it came after the last check
            self.check()

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let signals raise Interrupted immediately. A signal noted earlier raises on entry."""
        self._waiting = True
        try:
            self.check()
            yield
        finally:
            self._waiting = False

    def check(self) -> None:
        if self._noted is not None:
            self._raised = True
            raise Interrupted(self._noted, self.complete)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        first = self._noted is None
        self._noted = self._noted or number
        if self._waiting and first:
            self.check()


class CtrlC:
    """Ctrl-C as a KeyboardInterrupt, and `noted`: a library that is being imported may turn the
    exception into another one."""

    def __init__(self) -> None:
        self.noted = False
        self._before: Any = None

    def __enter__(self) -> CtrlC:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            if self._before is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.noted = True
        raise KeyboardInterrupt
