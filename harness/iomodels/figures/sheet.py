"""A figure with its head, above empty axes: title, conditions, warning and legend."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    NullLocator,
    StrMethodFormatter,
)

from iomodels.base import words
from iomodels.data.records import Condition, Record, Run
from iomodels.figures import palette
from iomodels.judge import stats


@dataclass(frozen=True)
class Shape:
    """What the reader of a script changes: `title` instead of the figure's own, `width` in
    inches, `stretch` of the panels' height."""

    title: str | None = None
    width: float = palette.WIDTH_INCHES
    stretch: float = 1.0


USUAL = Shape()
_shape: ContextVar[Shape] = ContextVar("shape", default=USUAL)


@contextmanager
def shaped(
    title: str | None = None, width: float = palette.WIDTH_INCHES, stretch: float = 1.0
) -> Iterator[None]:
    """Figures drawn inside have this title, width (inches) and stretch of their panels' height."""
    token = _shape.set(Shape(title, width, stretch))
    try:
        yield
    finally:
        _shape.reset(token)


class Sheet(Figure):  # type: ignore[misc]  # matplotlib has no types
    """A figure that keeps the words of its head, for a caption: conditions and how to read it."""

    notes: tuple[str, ...] = ()
    warning: str = ""


def page(
    title: str, notes: Sequence[str], platform: str, height: float, handles: Sequence[Line2D] = ()
) -> Sheet:
    """Return a figure with its head, and room of `height` inches below it.

    `notes`: the conditions, and how to read the figure. `handles`: of the legend.
    """
    shape = _shape.get()
    per_line, per_legend = int(shape.width * 16.5), shape.width * 95 / palette.WIDTH_INCHES
    lines = [
        line for note in notes for line in textwrap.wrap(note, per_line, break_on_hyphens=False)
    ]
    warning = words.warning(platform)
    legend_columns = _columns([str(handle.get_label()) for handle in handles], per_legend)
    legend_rows = math.ceil(len(handles) / legend_columns)
    header = 0.34 + 0.15 * len(lines) + 0.17 * (warning is not None) + 0.19 * legend_rows
    whole = header + height * shape.stretch
    figure = Sheet(figsize=(shape.width, whole), layout="constrained")
    figure.notes, figure.warning = tuple(notes), words.warning_sentence(platform) or ""
    FigureCanvasAgg(figure)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0.005, 0.005, 0.99, 1 - header / whole), w_pad=0.06, h_pad=0.05)
    figure.set_label(shape.title or title)
    top = _write_head(figure, [shape.title or title, *lines], warning)
    if handles:
        figure.legend(
            handles=list(handles),
            loc="upper left",
            bbox_to_anchor=(0.0, top),
            ncol=legend_columns,
            handlelength=3.6,
            columnspacing=1.6,
            borderaxespad=0.3,
        )
    return figure


def _columns(labels: Sequence[str], most: float) -> int:
    """Return how many columns of a legend fit in a line of `most` letters.

    A column is as wide as its longest label and the line before it. The legend has few empty
    places: as many columns as its rows need.
    """
    for columns in range(len(labels), 1, -1):
        rows = math.ceil(len(labels) / columns)
        parts = np.array_split(np.array([len(label) + 8 for label in labels]), columns)
        if sum(part.max() for part in parts) <= most:
            return math.ceil(len(labels) / rows)
    return 1


def _write_head(figure: Figure, lines: Sequence[str], warning: str | None) -> float:
    """Write title and conditions from the top; return where they end, as a share of the height."""
    height = float(figure.get_figheight())
    at = height - 0.07
    figure.text(0.012, at / height, lines[0], fontsize=10.5, fontweight="bold", va="top")
    at -= 0.22
    for line in lines[1:]:
        figure.text(0.012, at / height, line, fontsize=7.5, color=palette.MUTED, va="top")
        at -= 0.15
    if warning:
        style = {"fontsize": 8, "fontweight": "bold", "color": palette.WARNING, "va": "top"}
        figure.text(0.012, at / height, warning, **style)
        at -= 0.17
    return at / height


def sheet(
    run: Run,
    records: Sequence[Record],
    head: tuple[str, str],
    columns: int,
    rows: int,
    panel_height: float,
    share_y: Literal["all", "col", "row"] = "all",
    further: Sequence[Line2D] = (),
    panels: int | None = None,
    listed: Collection[str] | None = None,
    share_x: bool = True,
) -> tuple[Figure, Any]:
    """Return a figure of a run and its empty axes, shape (rows, columns).

    `head`: title, and how to read the figure. `further`: legend handles besides the run's series.
    `listed`: the series in the legend (None: all). `panels`: how many are used, row by row (None:
    all); the rest is hidden, and the panels above the rest show the numbers of the x axis.
    """
    series = palette.looks(record.condition for record in records)
    handles = [
        Line2D([], [], **each.line, label=label)
        for label, each in series.items()
        if listed is None or label in listed
    ]
    title, note = head
    notes = (subtitle(run, records), note)
    figure = page(title, notes, run.platform, panel_height * rows, [*handles, *further])
    axes: Any = figure.subplots(
        rows, columns, squeeze=False, sharex="all" if share_x else "none", sharey=share_y
    )
    for place in range(rows * columns if panels is None else panels, rows * columns):
        row, column = divmod(place, columns)
        axes[row, column].set_visible(False)
        axes[row - 1, column].tick_params(labelbottom=True)
    return figure, axes


def subtitle(run: Run, records: Sequence[Record]) -> str:
    """Return the conditions that every figure carries: platform, n, duration, loop, run id."""
    cells: dict[Condition, int] = {}
    for record in records:
        cells[record.condition] = cells.get(record.condition, 0) + record.ok
    results = [record.result for record in records if record.ok and record.result]
    repeats = set(cells.values())
    parts = [run.platform, f"n = {words.span(repeats)} repeat{'' if repeats == {1} else 's'}"]
    if results:
        parts += [f"{words.span(round(each['window_ns'] / 1e9, 1) for each in results)} s each"]
    parts += sorted({f"{each['loop']} loop" for each in results if each.get("loop")})
    names = sorted({str(each["platform"]) for each in results if each.get("platform")})
    parts += [f"load from {name}" for name in names]
    return " · ".join([*parts, f"run\N{NO-BREAK SPACE}{run.manifest['run']}"])


def connections_axis(axes: Iterable[Any], records: Iterable[Record], plain_y: bool = True) -> None:
    """Put connections on a log2 axis, with a tick at every measured number that has room."""
    counts = sorted({record.condition.connections for record in records})
    ticks = counts[:: math.ceil(len(counts) / 8)]
    for axis in axes:
        axis.set_xscale("log", base=2)
        axis.set_xlim(min(counts) / 1.35, max(counts) * 1.35)
        axis.set_xticks(ticks, [f"{count:,}" for count in ticks])
        axis.xaxis.set_minor_locator(NullLocator())
        if plain_y:
            axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.set_xlabel("connections (log scale)")


def time_axis(axis: Any, ns_per_unit: float = 1e3) -> None:
    """Format a logarithmic axis of times; its unit is microseconds if not stated."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: words.tick(value * ns_per_unit)))
    axis.set_minor_locator(NullLocator())


def few_decades(axis: Any) -> None:
    """Put ticks of a log x axis at 1, 2 and 5 if it spans less than two decades."""
    low, high = axis.get_xlim()
    if high < 100 * low:
        axis.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))


def plain_log(axis: Any, values: Iterable[float]) -> None:
    """Make a log y axis with plain numbers at 1, 2, 5 …; linear near 0 if a value is 0."""
    known = sorted(value for value in values if value >= 0)
    positive = [value for value in known if value > 0]
    if not positive:
        return
    if known[0] == 0:
        axis.set_yscale("symlog", linthresh=positive[0])
    else:
        axis.set_yscale("log")
        axis.set_ylim(positive[0] / 1.3, positive[-1] * 1.3)
    few = positive[-1] < 1000 * positive[0]
    axis.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if few else (1,)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.yaxis.set_minor_locator(NullLocator())


def median_line(
    axis: Any, look: palette.Look, points: Sequence[tuple[float, Sequence[float], bool]]
) -> None:
    """Draw a series: the median at each x with a bar for its 95 % interval.

    `points`: (x, values of the repeats, whether the cell is valid). A cell that is not valid is
    hollow; the line breaks at a cell without values.
    """
    found = [(at, stats.median_estimate(values), valid) for at, values, valid in points]
    axis.plot(
        [at for at, _, _ in found],
        [math.nan if each is None else each.value for _, each, _ in found],
        **look.line,
        zorder=3,
    )
    for at, each, valid in found:
        if each:
            bar(axis, look, at, each)
        if each and not valid:
            hollow(axis, look, at, each.value)


def bar(axis: Any, look: palette.Look, at: float, each: stats.Estimate) -> None:
    """Draw a 95 % interval as a thin upright bar, if there is one."""
    if each.low is not None and each.high is not None:
        axis.vlines(at, each.low, each.high, color=look.colour, alpha=0.55, linewidth=1.1, zorder=2)


def hollow(axis: Any, look: palette.Look, at: float, value: float) -> None:
    """Draw the mark of a cell that is not valid over its usual one."""
    axis.plot(at, value, marker=look.mark, linestyle="", **look.hollow, zorder=4)


def bars(axis: Any, rows: Sequence[tuple[str, palette.Look, stats.Estimate | None, bool]]) -> None:
    """Draw one load: a bar per series with its value and 95 % interval, from above to below.

    `rows`: (label, look, value, whether the cell is valid). A bar that is not valid is hollow.
    """
    most = max([(each.high or each.value) for _, _, each, _ in rows if each], default=1.0) or 1.0
    counts = most < 1000 and all(each is None or each.value.is_integer() for _, _, each, _ in rows)
    for place, (_, look, each, valid) in enumerate(rows):
        if each is None:
            axis.text(0, place, " no value", va="center", fontsize=6.5, color=palette.MUTED)
            continue
        face = look.colour if valid else palette.PAPER
        axis.barh(place, each.value, height=0.62, color=face, edgecolor=look.colour, linewidth=0.9)
        if each.low is not None and each.high is not None:
            axis.hlines(place, each.low, each.high, color=palette.INK, linewidth=1.0, zorder=3)
        end = max(each.value, each.high or 0.0)
        text = f"{each.value:,.0f}" if counts else words.number(each.value)
        axis.text(end + most * 0.015, place, text, va="center", fontsize=7)
    axis.set_yticks(range(len(rows)), [label for label, *_ in rows])
    axis.set_ylim(len(rows) - 0.45, -0.55)
    axis.set_xlim(0, most * 1.15)
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)


def note_in(axis: Any, text: str) -> None:
    """Write into the middle of an empty panel why it is empty."""
    place = {"ha": "center", "va": "center", "transform": axis.transAxes}
    axis.text(0.5, 0.5, text, color=palette.MUTED, **place)
