"""How does the objective follow the number of workers?

One panel per load, a line per cap on running threads; the model as a thin line. Drawn from the
surface.json of a tuning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator, StrMethodFormatter

from iomodels.base.words import number
from iomodels.figures import palette, select
from iomodels.figures.output import Plot
from iomodels.figures.sheet import page

NAME = "tuning_surface"
QUESTION = "How many workers does a load need?"
NOTE = (
    "Bar: 95 % interval of the median. Ring: tied with the best. "
    "Model: not measured; its cap is one running thread per core."
)
COLUMNS = (
    *("platform", "connections", "cpu_us", "block_us", "source", "setting", "n", "value"),
    *(*select.INTERVAL, "p99_us", "tied_with_best"),
)
MOST_COLUMNS = 3
MOST_TICKS = 8
Cap = int | None
"""Of one line; None for a model without such an option."""


def draw(data: Mapping[str, Any]) -> Plot:
    """Return the figure of a surface.json: its first option is x, its second tells lines apart."""
    loads = data["loads"]
    columns = min(MOST_COLUMNS, len(loads))
    rows = math.ceil(len(loads) / columns)
    caps = sorted({_cap(cell) for load in loads for cell in load["cells"]}, key=lambda c: c or 0)
    conditions = (
        f"{data['platform']} · {data['cores']} core(s) for the server · "
        f"{data['duration_ms']} ms each · run {data['run']}"
    )
    with palette.rc():
        title = f"{data['model']}: {data['unit']} by settings"
        handles = _legend(data, caps)
        figure = page(title, (conditions, NOTE), data["platform"], 2.4 * rows, handles)
        axes = figure.subplots(rows, columns, squeeze=False)
        for axis, load in zip(axes.flat, loads):
            _panel(axis, load, caps)
            first = data["knobs"][0] if data["knobs"] else "threads follow the clients"
            axis.set_xlabel(f"{first} (log scale)")
        for axis in axes[:, 0]:
            axis.set_ylabel(data["unit"])
        for axis in list(axes.flat)[len(loads) :]:
            axis.set_visible(False)
    again = f"iomodels report {data['run']}"
    return Plot(NAME, QUESTION, _alt(data), figure, COLUMNS, tuple(_rows(data)), again)


def _look(place: int) -> dict[str, Any]:
    """A colour and a marker for each cap, the same in every panel."""
    colours, markers = palette.GROUPS, palette.GROUP_MARKERS
    return {"color": colours[place % len(colours)], "marker": markers[place % len(markers)]}


def _legend(data: Mapping[str, Any], caps: Sequence[Cap]) -> list[Line2D]:
    names = [data["model"] if cap is None else f"{data['knobs'][1]} {cap}" for cap in caps]
    lines = [Line2D([], [], **_look(place), label=name) for place, name in enumerate(names)]
    return lines + [Line2D([], [], **MODEL, label="model")] * any(
        load["model"].get("line") for load in data["loads"]
    )


MODEL = {"color": palette.MUTED, "linewidth": 0.7, "linestyle": (0, (2, 2))}


def _panel(axis: Any, load: Mapping[str, Any], caps: Sequence[Cap]) -> None:
    for place, cap in enumerate(caps):
        cells = [cell for cell in load["cells"] if _cap(cell) == cap and cell["value"] is not None]
        cells.sort(key=_x)
        look = _look(place)
        axis.plot(*_points(cells), **look, linewidth=1.0, markersize=4)
        for cell in cells:
            if cell["low"] is not None:
                axis.vlines(_x(cell), cell["low"], cell["high"], color=look["color"], linewidth=0.8)
        ring = {"markerfacecolor": "none", "markeredgecolor": palette.INK, "markeredgewidth": 0.7}
        tied = [cell for cell in cells if cell["flat"]]
        axis.plot(*_points(tied), "o", markersize=9, **ring)
    line = load["model"].get("line", [])
    axis.plot([each["threads"] for each in line], [each["value"] for each in line], **MODEL)
    _x_axis(axis, [_x(cell) for cell in load["cells"]])
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_ylim(bottom=0)
    axis.set_title(load["words"].replace(", handler ", "\n"), fontsize=7.5)


def _x_axis(axis: Any, values: Sequence[int]) -> None:
    """Ticks at powers of two, which are the coarse grid, and at both ends."""
    low, high = min(values), max(values)
    powers = [2**k for k in range(high.bit_length()) if low <= 2**k <= high]
    ticks = powers[:: math.ceil(len(powers) / MOST_TICKS)]
    axis.set_xscale("log", base=2)
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.xaxis.set_minor_locator(NullLocator())


def _points(cells: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[float]]:
    return [_x(cell) for cell in cells], [cell["value"] for cell in cells]


def _x(cell: Mapping[str, Any]) -> int:
    return next(iter(cell["setting"].values()), 1)


def _cap(cell: Mapping[str, Any]) -> Cap:
    values = list(cell["setting"].values())
    return values[1] if len(values) > 1 else None


def _rows(data: Mapping[str, Any]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for load in data["loads"]:
        asked = load["load"]
        start = (data["platform"], asked["connections"], asked["cpu_us"], asked["block_us"])
        for cell in load["cells"]:
            setting = " ".join(f"{name}={value}" for name, value in cell["setting"].items())
            shown = [cell[name] for name in ("n", "value", "low", "high", "p99_us", "flat")]
            rows.append((*start, "measured", setting, *shown))
        for each in load["model"].get("line", []):
            threads, value = f"threads={each['threads']}", each["value"]
            rows.append((*start, "model", threads, None, value, None, None, None, None))
    return rows


def _alt(data: Mapping[str, Any]) -> str:
    told = []
    for load in data["loads"]:
        chosen = load["recommended"]
        best = "no valid setting"
        if chosen is not None:
            options = " ".join(f"{name}={value}" for name, value in chosen["setting"].items())
            best = f"{number(chosen['value'])} with {options or 'its only setting'}"
        told.append(f"{load['words']}: {best}")
    what = f"{data['unit']} of {data['model']} by number of threads"
    return f"Line charts on {data['platform']}: {what}. {'; '.join(told)}."
