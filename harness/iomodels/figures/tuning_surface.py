"""How does the objective follow the number of workers? One panel a load, a line a cap; the model as a thin line beside them.

python3 -m iomodels.figures.tuning_surface results/<run>          reads the surface.json of a tuning
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter

from iomodels.base import words
from iomodels.figures import style

QUESTION = "How many workers does a load want?"
NAME = "tuning_surface"
MOST_COLUMNS = 3
COLOURS = ("#00568f", "#d55e00", "#007d5a", "#9c2f7b", "#8a6d00", "#4a4f55", "#2f86c9", "#b3263a")
MARKERS = ("o", "v", "^", "D", "P", "s", "h", "X")


def draw(data: Mapping[str, Any]) -> style.Plot:
    """The figure of a surface.json. The first of its options is on the x axis, the second tells the lines apart."""
    loads = data["loads"]
    columns = min(MOST_COLUMNS, len(loads))
    rows = math.ceil(len(loads) / columns)
    title = f"{data['model']}: {data['unit']} by settings, {data['platform']}"
    with style.rc():
        figure = Figure(figsize=(style.WIDTH_INCHES, 0.9 + 2.6 * rows), layout="constrained")
        FigureCanvasAgg(figure)
        warning = f"\n{words.WINE}" if words.emulated(data["platform"]) else ""
        conditions = f"{data['platform']}, {data['cores']} core(s) for the server, {data['duration_ms']} ms each, run {data['run']}"
        note = "Bar: 95 % interval of the median. Ring: cannot be told from the best. Model: not measured, a cap of one a core."
        figure.suptitle(f"{title}\n{conditions}\n{note}{warning}", x=0.01, ha="left", fontsize=8)
        axes = figure.subplots(rows, columns, squeeze=False)
        for axis, load in zip(axes.flat, loads):
            _panel(axis, data, load)
        for axis in list(axes.flat)[len(loads) :]:
            axis.set_visible(False)
    return style.Plot(
        NAME,
        QUESTION,
        title,
        _alt(data),
        figure,
        _COLUMNS,
        tuple(_rows(data)),
        f"python3 -m plots.{NAME} results/{data['run']}",
    )


def _panel(axis: Any, data: Mapping[str, Any], load: Mapping[str, Any]) -> None:
    groups: dict[int | None, list[Mapping[str, Any]]] = {}
    for cell in load["cells"]:
        values = list(cell["setting"].values())
        groups.setdefault(values[1] if len(values) > 1 else None, []).append(cell)
    for place, (group, cells) in enumerate(sorted(groups.items(), key=lambda each: each[0] or 0)):
        valid = sorted(
            (_x(cell), cell["value"], cell["low"], cell["high"], cell["flat"])
            for cell in cells
            if cell["value"] is not None
        )
        if not valid:
            continue
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        label = data["model"] if group is None else f"{data['knobs'][1]} {group}"
        axis.plot(
            [each[0] for each in valid],
            [each[1] for each in valid],
            color=colour,
            marker=marker,
            linewidth=1.0,
            markersize=4,
            label=label,
        )
        for x, _, low, high, _ in valid:
            if low is not None:
                axis.plot([x, x], [low, high], color=colour, linewidth=0.8)
        tied = [each for each in valid if each[4]]
        axis.plot(
            [each[0] for each in tied],
            [each[1] for each in tied],
            linestyle="none",
            marker="o",
            markersize=9,
            markerfacecolor="none",
            markeredgecolor=style.INK,
            markeredgewidth=0.7,
        )
    line = load["model"].get("line")
    if line:
        axis.plot(
            [each["threads"] for each in line],
            [each["value"] for each in line],
            color=style.MUTED,
            linewidth=0.7,
            linestyle=(0, (2, 2)),
            label="model",
        )
    xs = sorted({_x(cell) for cell in load["cells"]})
    axis.set_xscale("log", base=2)
    axis.set_xticks(xs[:: math.ceil(len(xs) / 8)], [str(x) for x in xs[:: math.ceil(len(xs) / 8)]])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_ylim(bottom=0)
    axis.set_title(load["words"].replace(", handler ", "\n"), fontsize=7.5)
    axis.set_xlabel(
        f"{data['knobs'][0] if data['knobs'] else 'threads follow the clients'} (log scale)"
    )
    axis.set_ylabel(data["unit"])
    axis.legend(fontsize=6.5)


def _x(cell: Mapping[str, Any]) -> int:
    return next(iter(cell["setting"].values()), 1)


_COLUMNS = (
    "platform",
    "connections",
    "cpu_us",
    "block_us",
    "source",
    "setting",
    "n",
    "value",
    "ci95_low",
    "ci95_high",
    "p99_us",
    "tied_with_best",
)


def _rows(data: Mapping[str, Any]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for load in data["loads"]:
        start = (
            data["platform"],
            load["load"]["connections"],
            load["load"]["cpu_us"],
            load["load"]["block_us"],
        )
        for cell in load["cells"]:
            setting = " ".join(f"{name}={value}" for name, value in cell["setting"].items())
            rows.append(
                (
                    *start,
                    "measured",
                    setting,
                    cell["n"],
                    cell["value"],
                    cell["low"],
                    cell["high"],
                    cell["p99_us"],
                    cell["flat"],
                )
            )
        rows += [
            (
                *start,
                "model",
                f"threads={each['threads']}",
                None,
                each["value"],
                None,
                None,
                None,
                None,
            )
            for each in load["model"].get("line", [])
        ]
    return rows


def _alt(data: Mapping[str, Any]) -> str:
    told = []
    for load in data["loads"]:
        chosen = load["recommended"]
        best = (
            "no valid setting"
            if chosen is None
            else f"{words.number(chosen['value'])} with {' '.join(f'{name}={value}' for name, value in chosen['setting'].items()) or 'its only setting'}"
        )
        told.append(f"{load['words']}: {best}")
    return f"Line charts on {data['platform']}: {data['unit']} of {data['model']} by number of threads. {'; '.join(told)}."
