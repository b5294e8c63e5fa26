"""House style of the figures, and how a figure is written.

One model has one colour and one marker in every figure, so that a reader learns them once. The colours are told apart by
colour-blind readers; on grey paper the marker and the dashes do it. The same data give the same bytes: no dates, no random ids.
"""

from __future__ import annotations

import csv
import io
import math
import re
import textwrap
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import Collection
from matplotlib.colors import to_rgba, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    NullFormatter,
    NullLocator,
    StrMethodFormatter,
)

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.base.files import ROOT, write_whole
from iomodels.data.records import Condition, Record, Run, counter
from iomodels.figures.svg import shortened
from iomodels.judge import stats
from iomodels.judge.verdict import left_out

CSV_FORMAT = 1
PNG_DOTS = 200
"""An inch."""
WIDTH_INCHES = 7.2
"""Two columns of a printed page; the text stays legible when the figure is set at one column and a half."""

INK, MUTED, GRID, PAPER = "#1b1f24", "#57606a", "#d5dae0", "#ffffff"
WARNING = "#9a3b00"

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "lines.linewidth": 1.7,
    "lines.markersize": 5.0,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "svg.fonttype": "path",
    "svg.hashsalt": "iomodels",
    "path.simplify": False,
}

Numbers = tuple[int, ...]
Load = tuple[int, int, int, int]
"""Message size, reply size, depth, offered rate in percent of the lowest peak: what the cells of one panel share."""
Dash = tuple[float, ...]
SOLID: Dash = ()
DASHES: tuple[Dash, ...] = (SOLID, (4, 1.5), (1.2, 1.2), (6, 1.5, 1.2, 1.5), (3, 1, 1, 1, 1, 1))


@dataclass(frozen=True)
class Look:
    """How one series is drawn; `colour_on_dark` replaces `colour` where the paper is dark."""

    colour: str
    colour_on_dark: str
    marker: str
    dash: Dash = SOLID


MODELS: dict[str, Look] = {
    "threads": Look("#4a4f55", "#b9c0c8", "s", (6, 1.5, 1.2, 1.5)),
    "select": Look("#00568f", "#58b0ee", "o"),
    "events": Look("#007d5a", "#2cc295", "^", (3, 1, 1, 1, 1, 1)),
    "apc": Look("#9c2f7b", "#e58bc9", "D", (1.2, 1.2)),
    "iocp": Look("#d55e00", "#f5904a", "v", (4, 1.5)),
    "tpio": Look("#8a6d00", "#d9b93b", "P", (5, 1.2)),
    "pool": Look("#73787e", "#9aa2ab", "p", (2, 1)),
    "wsapoll": Look("#2f86c9", "#8cc7f0", "h", (5, 1, 1, 1)),
    "event_select": Look("#5b8c2a", "#a5d66f", "<", (3, 1.5)),
    "async_select": Look("#6d5bb0", "#b4a5f0", ">", (1.2, 2)),
    "rio": Look("#b3263a", "#ff8a96", "X", (7, 1.5)),
    "afd": Look("#8c4a1f", "#d99a6c", "*", (4, 1, 2, 1)),
    "epoll": Look("#2b2f36", "#e2e6ea", "d", (2, 2)),
}
SPARE_COLOURS = (
    ("#3d6b7d", "#8fc3d6"),
    ("#7d4b6d", "#d3a1c3"),
    ("#5f6b2a", "#bcc977"),
    ("#8f4f4f", "#e0a3a3"),
)
SPARE_MARKERS = ("8", "H", "d", "*", "X", "p")
VARIANT_MARKERS = ("X", "d", "p", "*", "H")
"""For further series of one model, in its colour: none of them looks like the circle or square of the first at a glance."""
MOST_BANDS = 4
"""With more series than this, bands cover each other: a figure draws something lighter."""

LIMITS: dict[str, tuple[int, str]] = {"events": (64, "64 handles a wait")}
"""Loads at which a model changes its way of working; a figure marks one only if that model is in it."""


def look(model: str, variant: int = 0) -> Look:
    """The look of a model; `variant` counts further series of the same model: same colour, other marker and dashes.

    A model without a reserved look gets one from its name, the same in every figure.
    """
    base = MODELS.get(model)
    if base is None:
        number = zlib.crc32(model.encode())
        colour, on_dark = SPARE_COLOURS[number % len(SPARE_COLOURS)]
        marker = SPARE_MARKERS[number // len(SPARE_COLOURS) % len(SPARE_MARKERS)]
        base = Look(colour, on_dark, marker, DASHES[number // 64 % len(DASHES)])
    if variant == 0:
        return base
    markers = [marker for marker in VARIANT_MARKERS if marker != base.marker]
    dashes = [dash for dash in DASHES if dash != base.dash]
    return Look(
        base.colour,
        base.colour_on_dark,
        markers[(variant - 1) % len(markers)],
        dashes[(variant - 1) % len(dashes)],
    )


def looks(conditions: Iterable[Condition]) -> dict[str, Look]:
    """Series label → look, in the order in which every figure lists its series: reserved models first, then by name."""
    order = list(MODELS)
    rank = {name: place for place, name in enumerate(order)}
    series = {
        (rank.get(c.model, len(order)), c.model, len(c.options), c.options, c.label)
        for c in conditions
    }
    seen: dict[str, int] = {}
    chosen: dict[str, Look] = {}
    for _, model, _, _, label in sorted(series):
        chosen[label] = look(model, seen.get(model, 0))
        seen[model] = seen.get(model, 0) + 1
    return chosen


def dark_colours() -> dict[str, str]:
    """Every colour of the light style → its replacement on dark paper (a report may swap them)."""
    swap = {each.colour: each.colour_on_dark for each in MODELS.values()} | dict(SPARE_COLOURS)
    return swap | {
        INK: "#e6eaef",
        MUTED: "#9aa4af",
        GRID: "#333b45",
        PAPER: "#161b22",
        WARNING: "#ffb077",
    }


def platform_of(run: Run) -> str:
    """The one platform of a run: loading it has checked that no record comes from another."""
    return str(run.manifest["platform"])


def result_of(record: Record) -> dict[str, Any] | None:
    """The load generator's result event, also of a failed repeat if there is one."""
    found = record.loadgen.get("result") if record.loadgen else None
    return found if isinstance(found, dict) else None


def subtitle(run: Run, records: Sequence[Record]) -> str:
    """The conditions every figure must carry: platform, n, duration, loop, run id."""
    cells: dict[Condition, int] = {}
    results = [
        result for record in records if record.ok and (result := result_of(record)) is not None
    ]
    for record in records:
        cells[record.condition] = cells.get(record.condition, 0) + (record.ok)
    parts = [
        platform_of(run),
        f"n = {words.span(cells.values())} repeat{'' if set(cells.values()) == {1} else 's'}",
    ]
    parts += (
        [f"{words.span(round(r['window_ns'] / 1e9, 1) for r in results)} s each"] if results else []
    )
    parts += sorted({f"{result['loop']} loop" for result in results if result.get("loop")})
    parts += [
        f"load from {name}"
        for name in sorted({str(r["platform"]) for r in results if r.get("platform")})
    ]
    return " · ".join([*parts, f"run {run.manifest['run']}"])


def size_words(load: Load) -> str:
    """'64 B', '64 B → 4,096 B' where the reply has another size, with the pipelining depth and the offered rate if there is any."""
    size, reply_size, depth, percent = load
    words = f"{size:,} B" if size == reply_size else f"{size:,} B → {reply_size:,} B"
    words = words if depth == 1 else f"{words}, depth {depth}"
    return f"{words}, at {percent} % of the lowest peak" if percent else words


def chosen(run: Run, connections: Numbers, sizes: Numbers) -> tuple[Record, ...]:
    """The records with these numbers of connections and message sizes (none given: all). Failure for one the run has not."""
    for name, wanted, known in (
        ("connections", connections, {r.condition.connections for r in run.records}),
        ("sizes", sizes, {r.condition.size for r in run.records}),
    ):
        for value in wanted:
            if value not in known:
                raise Failure(
                    f"--{name} {value}: not in this run, which has {', '.join(map(str, sorted(known))) or 'none'}"
                )
    found = tuple(
        record
        for record in run.records
        if (not connections or record.condition.connections in connections)
        and (not sizes or record.condition.size in sizes)
    )
    if not found:
        raise Failure(f"{run.path}: no repeat is recorded yet, so there is nothing to draw")
    return found


def counting(records: Iterable[Record]) -> dict[Condition, list[Record]]:
    """The repeats that count, by cell; the cells that have any in order of panel, connections and series."""
    cells: dict[Condition, list[Record]] = {}
    for record in records:
        if not left_out(record):
            cells.setdefault(record.condition, []).append(record)
    return {
        cell: cells[cell]
        for cell in sorted(cells, key=lambda c: (by_rate(panel_of(c)), c.connections, c.label))
    }


@dataclass(frozen=True)
class Counted:
    """A counter in the repeats of a cell: `values` of all of them, or none and the reason if one of them has none."""

    values: tuple[float, ...]
    source: str | None
    reason: str | None
    note: str | None


def counted(records: Sequence[Record], name: str, scale: float) -> Counted:
    """The counter `name` (iomodels.data.records.counter) of each record; `scale` turns the record's unit into that of the axis."""
    figures = [counter(record, name) for record in records]
    missing = next((figure for figure in figures if figure.value is None), None)
    values = (
        ()
        if missing
        else tuple(figure.value * scale for figure in figures if figure.value is not None)
    )
    return Counted(
        values,
        figures[0].source,
        missing.reason if missing else None,
        next((figure.note for figure in figures if figure.note), None),
    )


def rates_free(run: Run, records: Sequence[Record]) -> tuple[Record, ...]:
    """The closed loops of the records: where every server serves at the same offered rate, rates say nothing. Failure if there is none."""
    found = tuple(record for record in records if not record.condition.rate_percent)
    if not found:
        raise Failure(
            f"{run.path}: every load is at an offered rate, which all servers have in common"
        )
    return found


def by_rate(load: Load) -> tuple[bool, Load]:
    """Sorts closed loops before loads at an offered rate."""
    return load[-1] > 0, load


TIMES = ("response", "service")
"""A latency runs from the moment a request was due, or from when it was sent."""


def histogram(record: Record, time: str = "response") -> stats.Histogram:
    """The latencies (ns) of a repeat, one of TIMES; empty if it has none. A closed loop sends
    when it intends to: its records of old have only one."""
    result = result_of(record) or {}
    latency = result.get(time) or result.get("latency") or {}
    return stats.histogram((latency.get("histogram") or {}).get("counts") or ())


def panel_of(condition: Condition) -> Load:
    """What must be equal for two cells to share a panel: message size, reply size, depth, offered rate."""
    return condition.size, condition.reply_size, condition.depth, condition.rate_percent


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
) -> tuple[Figure, Any]:
    """A figure with its head (title, note on how to read it), conditions and legend above empty panels; axes: (rows, columns).

    `further`: handles of what the figure draws beside the run's series, for the legend. `panels`: so many are used, row by row (all);
    the others are hidden, and the panels above them have the numbers of the x axis.
    """
    series = looks(record.condition for record in records)
    title, note = head
    lines = [
        line
        for text in (subtitle(run, records), note)
        for line in textwrap.wrap(text, width=int(WIDTH_INCHES * 16.5), break_on_hyphens=False)
    ]
    warning = words.emulated(platform_of(run))
    handles = [
        Line2D([], [], **line_style(each), label=label) for label, each in series.items()
    ] + list(further)
    legend_rows = math.ceil(sum(len(str(handle.get_label())) + 8 for handle in handles) / 95)
    header = 0.34 + 0.15 * len(lines) + 0.17 * warning + 0.19 * legend_rows
    height = header + panel_height * rows
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    FigureCanvasAgg(figure)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0.005, 0.005, 0.99, 1 - header / height), w_pad=0.06, h_pad=0.05)
    top = write_head(figure, [title, *lines], warning)
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, top),
        ncol=math.ceil(len(handles) / max(1, legend_rows)),
        handlelength=3.6,
        columnspacing=1.6,
        borderaxespad=0.3,
    )
    axes: Any = figure.subplots(rows, columns, squeeze=False, sharex="all", sharey=share_y)
    for place in range(rows * columns if panels is None else panels, rows * columns):
        row, column = divmod(place, columns)
        axes[row, column].set_visible(False)
        axes[row - 1, column].tick_params(labelbottom=True)
    return figure, axes


def write_head(figure: Figure, lines: Sequence[str], warning: bool) -> float:
    """Writes title and conditions from the top; returns where they end, as a fraction of the height."""
    height = float(figure.get_figheight())
    at = height - 0.07
    figure.text(0.012, at / height, lines[0], fontsize=10.5, fontweight="bold", va="top")
    at -= 0.22
    for line in lines[1:]:
        figure.text(0.012, at / height, line, fontsize=7.5, color=MUTED, va="top")
        at -= 0.15
    if warning:
        figure.text(
            0.012, at / height, words.WINE, fontsize=8, fontweight="bold", color=WARNING, va="top"
        )
        at -= 0.17
    return at / height


def rc() -> Any:
    """Context in which figures are made and saved."""
    return matplotlib.rc_context(RC)


def count_axis(axes: Iterable[Any], counts: Sequence[int], plain_y: bool = True) -> None:
    """Connections on a log2 axis, with a tick at every measured number (every other one where they would crowd)."""
    ticks = counts[:: math.ceil(len(counts) / 8)]
    for axis in axes:
        axis.set_xscale("log", base=2)
        axis.set_xlim(min(counts) / 1.35, max(counts) * 1.35)
        axis.set_xticks(ticks, [f"{count:,}" for count in ticks])
        axis.xaxis.set_minor_locator(NullLocator())
        if plain_y:
            axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.set_xlabel("connections (log scale)")


def limits(records: Sequence[Record]) -> list[tuple[int, str]]:
    """The loads to mark: limits of the models that are drawn, if loads on both sides of it were measured."""
    counts = {record.condition.connections for record in records}
    found = [
        LIMITS[model]
        for model in sorted({record.condition.model for record in records})
        if model in LIMITS
    ]
    return [(limit, words) for limit, words in found if min(counts) < limit < max(counts)]


def command(name: str, run: Run, connections: Numbers, sizes: Numbers) -> str:
    """The command that draws this figure again."""
    filters = [
        (f"--{key}", numbers)
        for key, numbers in (("connections", connections), ("sizes", sizes))
        if numbers
    ]
    words = [f"{key} {','.join(map(str, numbers))}" for key, numbers in filters]
    path = run.path.resolve()
    place = (
        path.relative_to(ROOT / "results").as_posix()
        if path.is_relative_to(ROOT / "results")
        else path.name
    )
    return " ".join(["iomodels plot", name, place, *words])


def line_style(each: Look) -> dict[str, Any]:
    """Keyword arguments of a matplotlib line for a series."""
    style: dict[str, Any] = {
        "color": each.colour,
        "marker": each.marker,
        "linestyle": (0, each.dash) if each.dash else "-",
    }
    return style | {"markeredgecolor": PAPER, "markeredgewidth": 0.5}


def second_line_style(each: Look) -> dict[str, Any]:
    """For a second figure of the same series: thin and dotted in its colour."""
    return {"color": each.colour, "linewidth": 1.1, "linestyle": (0, (1, 1.6))}


def median_line(
    axis: Any, look: Look, points: Sequence[tuple[float, Sequence[float], bool]], **line: Any
) -> None:
    """A series: the median of the repeats over each x with a bar for its 95 % interval, hollow where it is not valid. It breaks where
    there is no value. `points`: (x, the repeats' values, whether the cell is valid)."""
    found = [(at, stats.median_estimate(values), valid) for at, values, valid in points]
    axis.plot(
        [at for at, _, _ in found],
        [math.nan if each is None else each.value for _, each, _ in found],
        **(line_style(look) | line),
        zorder=3,
    )
    for at, each, valid in found:
        if each and each.low is not None and each.high is not None:
            axis.vlines(
                at, each.low, each.high, color=look.colour, alpha=0.55, linewidth=1.1, zorder=2
            )
        if each and not valid:
            axis.plot(
                at,
                each.value,
                look.marker,
                markerfacecolor=PAPER,
                markeredgecolor=look.colour,
                markersize=6.5,
                markeredgewidth=1.1,
                zorder=4,
            )


def plain_log(axis: Any, values: Iterable[float]) -> None:
    """A log y axis with plain numbers at 1, 2, 5 … and room at both ends; linear near 0 where a value is 0."""
    known = sorted(value for value in values if value >= 0)
    positive = [value for value in known if value > 0]
    if not positive:
        return
    if known[0] == 0:
        axis.set_yscale("symlog", linthresh=positive[0])
    else:
        axis.set_yscale("log")
        axis.set_ylim(positive[0] / 1.3, positive[-1] * 1.3)
    axis.yaxis.set_major_locator(
        LogLocator(10, subs=(1, 2, 5) if positive[-1] < 1000 * positive[0] else (1,))
    )
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


@dataclass(frozen=True)
class Plot:
    """A figure's name, the question it answers, alt text, picture and the data behind it; `command` makes it again."""

    name: str
    question: str
    title: str
    alt: str
    figure: Figure
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    command: str

    def __post_init__(self) -> None:
        """Lays the figure out once, not at each saving, and rounds the places: the solver's last bits differ from time to time."""
        engine: Any = self.figure.get_layout_engine()
        with rc():
            if engine is not None:
                engine.execute(self.figure)
            self.figure.set_layout_engine("none")
        for axis in self.figure.axes:
            left, bottom, width, height = axis.get_position().bounds
            axis.set_position((round(left, 5), round(bottom, 5), round(width, 5), round(height, 5)))


Colour = tuple[float, ...]
PAINTED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


@contextmanager
def on_dark_paper(figure: Figure) -> Iterator[None]:
    """Every colour of the style is replaced by its twin for dark paper; at the end all are as they were."""
    swap: dict[Colour, Colour] = {
        to_rgba(light)[:3]: to_rgba(dark)[:3] for light, dark in dark_colours().items()
    }
    artists = figure.findobj()
    before = [dict(vars(artist)) for artist in artists]
    for artist in artists:
        for name in PAINTED:
            _darken(artist, name, swap)
    try:
        yield
    finally:
        for artist, state in zip(artists, before):
            vars(artist).update(state)


def _darken(artist: Any, name: str, swap: Mapping[Colour, Colour]) -> None:
    get, put = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
    if not get or not put:
        return
    colours = to_rgba_array(get())
    swapped = [
        (*swap.get(tuple(each[:3]), each[:3]), each[3]) for each in colours if each[3] > 0
    ]  # invisible stays as it is
    if swapped:
        put(swapped if isinstance(artist, Collection) else swapped[0])


def svg_text(plot: Plot) -> str:
    """The figure as SVG: the same bytes for the same data."""
    buffer = io.BytesIO()
    metadata = {
        "Title": plot.title,
        "Description": f"{plot.alt} Made by: {plot.command}",
        "Creator": "iomodels",
        "Date": None,
    }
    with rc(), _drawn_by(FigureCanvasSVG, plot.figure, dots=72) as canvas:
        canvas.print_svg(buffer, metadata=metadata)
    return shortened(buffer.getvalue().decode())


def darkened(svg: str) -> str:
    """An SVG of svg_text() for dark paper."""
    swap = dark_colours()
    return re.sub("|".join(swap), lambda found: swap[found[0]], svg)


def png_bytes(plot: Plot, dark: bool = False) -> bytes:
    """The figure as PNG; its metadata name the command."""
    buffer = io.BytesIO()
    metadata = {
        "Title": plot.title,
        "Description": plot.alt,
        "Command": plot.command,
        "Software": "iomodels",
    }
    with (
        rc(),
        on_dark_paper(plot.figure) if dark else nullcontext(),
        _drawn_by(FigureCanvasAgg, plot.figure, PNG_DOTS) as canvas,
    ):
        canvas.print_png(buffer, metadata=metadata)
    return buffer.getvalue()


@contextmanager
def _drawn_by(canvas: Callable[[Figure], Any], figure: Figure, dots: int) -> Iterator[Any]:
    """A canvas of its own for one file: Figure.savefig() draws everything twice, for layouts that move with the paper's edge."""
    usual, usual_dots = figure.canvas, figure.dpi
    figure.dpi = dots
    try:
        yield canvas(figure)
    finally:
        figure.dpi = usual_dots
        figure.set_canvas(usual)


def csv_text(plot: Plot) -> str:
    """The data behind the figure, to nine digits; what could not be had is an empty field."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("format", *plot.columns))
    writer.writerows(
        (CSV_FORMAT, *(float(f"{each:.9g}") if isinstance(each, float) else each for each in row))
        for row in plot.rows
    )
    return buffer.getvalue()


def contents(plot: Plot) -> dict[str, bytes]:
    """The files of a figure: NAME.svg, .png and .csv, and NAME-dark.svg and .png for dark pages; the light SVG first."""
    svg = svg_text(plot)
    return {
        f"{plot.name}.svg": svg.encode(),
        f"{plot.name}.png": png_bytes(plot),
        f"{plot.name}.csv": csv_text(plot).encode(),
        f"{plot.name}-dark.svg": darkened(svg).encode(),
        f"{plot.name}-dark.png": png_bytes(plot, dark=True),
    }


def write(plot: Plot, out: Path) -> tuple[Path, ...]:
    """Writes the files of a figure into `out`, each whole or not at all; returns their paths, the light SVG first."""
    out.mkdir(parents=True, exist_ok=True)
    files = contents(plot)
    for name, content in files.items():
        write_whole(out / name, content, durable=False)
    return tuple(out / name for name in files)
