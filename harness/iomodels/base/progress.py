"""Show the progress of a run and its time left: a bar on a terminal, else lines."""

from __future__ import annotations

import time
from types import TracebackType

from rich import progress
from rich.console import Console
from rich.markup import escape

from iomodels.base.words import duration

LINE_EVERY_S = 5.0


class Progress:
    """Show the time left: the mean time of a measurement times the number left.

    Before the first measurement ends, `expected_s` (seconds per measurement) replaces the mean.
    """

    def __init__(self, console: Console, total: int, expected_s: float) -> None:
        self._console = console
        self._total = total
        self._expected_s = expected_s
        self._done = 0
        self._begun = False
        self._started = time.monotonic()
        self._last_line = float("-inf")
        self._bar: progress.Progress | None = None
        if console.is_terminal:
            self._bar = progress.Progress(
                progress.BarColumn(bar_width=30),
                progress.MofNCompleteColumn(),
                progress.TextColumn("{task.fields[left]} left"),
                progress.TextColumn("{task.description}"),
                console=console,
                transient=True,
                auto_refresh=False,  # drawing uses CPU time, so only between measurements
            )
            self._task = self._bar.add_task("", total=total, left=duration(self.left_s()))

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def left_s(self) -> float:
        each = (time.monotonic() - self._started) / self._done if self._done else self._expected_s
        return each * (self._total - self._done)

    def expect(self, left: int) -> None:
        """Set the number of measurements left: a plan may stop early or continue."""
        self._total = self._done + left
        if self._bar:
            self._bar.update(self._task, total=self._total)

    def begin(self, what: str) -> None:
        """Show that a measurement starts."""
        self._begun = True
        left = duration(self.left_s())
        if self._bar:
            self._bar.update(
                self._task, completed=self._done, description=escape(what), left=left, refresh=True
            )
        elif time.monotonic() - self._last_line >= LINE_EVERY_S:
            self._last_line = time.monotonic()
            self._print(f"[{self._done}/{self._total}] {left} left; {what}")

    def step(self, what: str) -> None:
        """End the previous measurement, if any, and begin this one."""
        if self._begun:
            self.end()
        self.begin(what)

    def end(self) -> None:
        """Show that a measurement is complete."""
        self._done += 1
        if self._bar:
            self._bar.update(
                self._task, completed=self._done, left=duration(self.left_s()), refresh=True
            )
        elif self._done == self._total:
            took = duration(time.monotonic() - self._started)
            self._print(f"[{self._done}/{self._total}] measured in {took}")

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._print(line)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
