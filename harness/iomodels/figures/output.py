"""A finished figure and its files: SVG and PNG for light and dark pages, and the data as CSV.

The same data give the same bytes: no dates, no random ids.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import Collection
from matplotlib.colors import to_rgba, to_rgba_array
from matplotlib.figure import Figure

from iomodels.base.files import ROOT, write_whole
from iomodels.data.records import Run
from iomodels.figures.palette import dark_colours, rc
from iomodels.figures.select import Numbers
from iomodels.figures.sheet import Sheet
from iomodels.figures.svg import shortened

CSV_FORMAT = 1
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0 (section 2.2) does not allow."""
PNG_DOTS = 192
"""Per inch: two for each pixel that a page gives the SVG."""
Rows = tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class Plot:
    """A figure, the question it answers, its alt text and data; `command` draws it again."""

    name: str
    question: str
    alt: str
    figure: Figure
    columns: tuple[str, ...]
    rows: Rows
    command: str

    def __post_init__(self) -> None:
        """Lay the figure out once, not at each saving.

        The solver's last bits differ from time to time, so places are rounded.
        """
        engine: Any = self.figure.get_layout_engine()
        with rc():
            if engine is not None:
                engine.execute(self.figure)
            self.figure.set_layout_engine("none")
        for axis in self.figure.axes:
            left, bottom, width, height = axis.get_position().bounds
            axis.set_position((round(left, 5), round(bottom, 5), round(width, 5), round(height, 5)))

    @property
    def title(self) -> str:
        return str(self.figure.get_label())

    @property
    def caption(self) -> str:
        """Title, conditions and how to read the figure, as sentences."""
        notes = self.figure.notes if isinstance(self.figure, Sheet) else ()
        warning = self.figure.warning if isinstance(self.figure, Sheet) else ""
        parts = [part.rstrip(".") for part in (self.title, *notes, warning) if part]
        return f"{'. '.join(parts)}."


def command(name: str, run: Run, connections: Numbers, sizes: Numbers) -> str:
    """Return the command that draws this figure again."""
    filters = [
        f"--{key} {','.join(map(str, numbers))}"
        for key, numbers in (("connections", connections), ("size", sizes))
        if numbers
    ]
    path, results = run.path.resolve(), ROOT / "results"
    place = path.relative_to(results).as_posix() if path.is_relative_to(results) else path.name
    return " ".join(["iomodels plot", name, place, *filters])


Colour = tuple[float, ...]
PAINTED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


@contextmanager
def on_dark_paper(figure: Figure) -> Iterator[None]:
    """Replace every colour of the style by its twin for dark paper; restore all at the end."""
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
        for artist, state in zip(artists, before, strict=True):
            vars(artist).update(state)


def _darken(artist: Any, name: str, swap: Mapping[Colour, Colour]) -> None:
    get, put = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
    if not get or not put:
        return
    swapped = [
        (*swap.get(tuple(each[:3]), each[:3]), each[3])
        for each in to_rgba_array(get())
        if each[3] > 0  # invisible stays as it is
    ]
    if swapped:
        put(swapped if isinstance(artist, Collection) else swapped[0])


def svg_text(plot: Plot) -> str:
    """Return the figure as SVG."""
    buffer = io.BytesIO()
    metadata = {
        "Title": plot.title,
        "Description": f"{plot.alt} Made by: {plot.command}",
        "Creator": "iomodels",
        "Date": None,
    }
    with rc(), _drawn_by(FigureCanvasSVG, plot.figure, dots=72) as canvas:
        canvas.print_svg(buffer, metadata=metadata)
    return shortened(CONTROL.sub("\ufffd", buffer.getvalue().decode()))


def darkened(svg: str) -> str:
    """Return an SVG of svg_text() for dark paper."""
    swap = dark_colours()
    return re.sub("|".join(swap), lambda found: swap[found[0]], svg)


def png_bytes(plot: Plot, dark: bool = False) -> bytes:
    """Return the figure as PNG; its metadata name the command."""
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
    """Yield a canvas for one file. Figure.savefig() would draw everything twice, for layouts
    that move with the paper's edge."""
    usual, usual_dots = figure.canvas, figure.dpi
    figure.dpi = dots
    try:
        yield canvas(figure)
    finally:
        figure.dpi = usual_dots
        figure.set_canvas(usual)


def csv_text(plot: Plot) -> str:
    """Return the data behind the figure, to nine digits; a missing value is an empty field."""
    return csv_of(plot.columns, plot.rows)


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV in the form of a figure's data."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("format", *columns))
    writer.writerows(
        (CSV_FORMAT, *(float(f"{each:.9g}") if isinstance(each, float) else each for each in row))
        for row in rows
    )
    return buffer.getvalue()


def contents(plot: Plot) -> dict[str, bytes]:
    """Return the files of a figure by name, the light SVG first; those for dark pages end in
    `-dark`."""
    svg = svg_text(plot)
    return {
        f"{plot.name}.svg": svg.encode(),
        f"{plot.name}.png": png_bytes(plot),
        f"{plot.name}.csv": csv_text(plot).encode(),
        f"{plot.name}-dark.svg": darkened(svg).encode(),
        f"{plot.name}-dark.png": png_bytes(plot, dark=True),
    }


def write(plot: Plot, out: Path) -> tuple[Path, ...]:
    """Write the files of a figure into `out`, each whole or not at all.

    Returns their paths, the light SVG first.
    """
    return _written(contents(plot), out)


def write_svg(plot: Plot, out: Path) -> str:
    """Write SVG and CSV of a figure into `out`; return the SVG.

    A report needs no more, and the two PNGs take most of the time of write().
    """
    svg = svg_text(plot)
    _written({f"{plot.name}.svg": svg.encode(), f"{plot.name}.csv": csv_text(plot).encode()}, out)
    return svg


def _written(files: Mapping[str, bytes], out: Path) -> tuple[Path, ...]:
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_whole(out / name, content, durable=False)
    return tuple(out / name for name in files)
