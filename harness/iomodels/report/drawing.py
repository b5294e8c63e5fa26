"""The figures of a run, drawn by two processes: matplotlib uses one CPU, and a large run has many.

A second process begins with the first figure, and this one later with the last, until they meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from iomodels.base.errors import Failure
from iomodels.data.records import Run
from iomodels.figures import catalogue, output

LARGE = 300
"""Records of a run. To start a process for fewer takes longer than it saves."""
LONGEST = ("request_costs", "latency_by_percentile")
"""Drawn first, so that neither process waits for the other to finish one of them."""


@dataclass(frozen=True)
class Picture:
    """What a report shows of a figure: its words and its files, without the figure."""

    name: str
    question: str
    alt: str
    title: str
    caption: str
    command: str
    svg: str
    csv: str

    @staticmethod
    def of(plot: output.Plot) -> Picture:
        return Picture(
            plot.name,
            plot.question,
            plot.alt,
            plot.title,
            plot.caption,
            plot.command,
            output.svg_text(plot),
            output.csv_text(plot),
        )


class Drawing:
    """The wanted figures of a run (names; None: all), from the moment on that it is made."""

    def __init__(self, run: Run, names: Sequence[str] | None) -> None:
        wanted = [each for each in catalogue.OF_RUNS if names is None or each.NAME in names]
        self._run = run
        self._figures: dict[str, Any] = {each.NAME: each for each in wanted if run.records}
        self._pool: ProcessPoolExecutor | None = None
        self._begun: dict[str, Future[Picture | str]] = {}
        if len(run.records) >= LARGE and len(self._figures) > 1:
            self._pool = ProcessPoolExecutor(1, initializer=_receive, initargs=(run,))
            first = [name for name in LONGEST if name in self._figures]
            order = dict.fromkeys([*first, *self._figures])
            self._begun = {name: self._pool.submit(_draw_there, name) for name in order}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def finish(self) -> tuple[list[Picture], list[tuple[str, str]]]:
        """Return the figures in the order of the report, and (name, reason) of those without data.

        Raises whatever else a figure raises.
        """
        found: dict[str, Picture | str] = {}
        for name in reversed(self._begun or self._figures):
            begun = self._begun.get(name)
            if begun is None or begun.cancel():
                found[name] = _draw(self._run, self._figures[name])
        for name, begun in self._begun.items():
            if not begun.cancelled():
                found[name] = begun.result()
        ordered = [(name, found[name]) for name in self._figures]
        return (
            [each for _, each in ordered if isinstance(each, Picture)],
            [(name, each) for name, each in ordered if isinstance(each, str)],
        )


def _draw(run: Run, figure: Any) -> Picture | str:
    """Return the picture, or the reason why the run has no data for it."""
    try:
        return Picture.of(figure.draw(run))
    except Failure as error:
        return str(error).removeprefix(f"{run.path}: ")


_received: list[Run] = []
"""Of the second process: its run."""


def _receive(run: Run) -> None:
    _received.append(run)


def _draw_there(name: str) -> Picture | str:
    (run,) = _received
    return _draw(run, next(each for each in catalogue.OF_RUNS if name == each.NAME))
