"""Show the progress of a run and its time left: a live view on a terminal, else lines."""

from __future__ import annotations

import time
from types import TracebackType

from rich import progress
from rich.console import Console, Group, RenderableType
from rich.live import Live
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
        self._bar = progress.Progress(
            progress.BarColumn(bar_width=30),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[left]} left"),
            progress.TextColumn("{task.description}"),
            console=console,
        )
        self._task = self._bar.add_task("", total=total, left=duration(self.left_s()))
        self._below: RenderableType = ""
        self._live: Live | None = None
        if console.is_terminal and not console.is_dumb_terminal:
            # drawing uses CPU time, so only between measurements
            self._live = Live(
                get_renderable=self._view, console=console, transient=True, auto_refresh=False
            )

    @property
    def live(self) -> bool:
        """Whether the view is replaced in place, and show() has an effect."""
        return self._live is not None

    def show(self, below: RenderableType) -> None:
        """Show something below the bar until the next call."""
        self._below = below
        if self._live:
            self._live.refresh()

    def _view(self) -> RenderableType:
        return (
            Group(self._bar.get_renderable(), self._below)
            if self._below
            else self._bar.get_renderable()
        )

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def left_s(self) -> float:
        each = (time.monotonic() - self._started) / self._done if self._done else self._expected_s
        return each * (self._total - self._done)

    def expect(self, left: int) -> None:
        """Set the number of measurements left: a plan may stop early or continue."""
        self._total = self._done + left
        self._bar.update(self._task, total=self._total)

    def begin(self, what: str) -> None:
        """Show that a measurement starts."""
        self._begun = True
        left = duration(self.left_s())
        if self._live:
            self._bar.update(self._task, description=escape(what))
            self._draw(left)
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
        if self._live:
            self._draw(duration(self.left_s()))
        elif self._done == self._total:
            took = duration(time.monotonic() - self._started)
            self._print(f"[{self._done}/{self._total}] measured in {took}")

    def say(self, line: str) -> None:
        """Print a line above the live view."""
        self._print(line)

    def _draw(self, left: str) -> None:
        self._bar.update(self._task, completed=self._done, left=left)
        assert self._live
        self._live.refresh()

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
