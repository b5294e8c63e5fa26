"""At which rate does each model begin to miss the SLO?

Two panels over the offered rate. Above: the share of trials that met the SLO, in steps of 5 %, and
the fitted curve; a thick bar is the interval of the answer. Below: the percentile of each trial,
and the limit. Drawn from the data of judge/slo_data.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter

from iomodels.base import words
from iomodels.figures import palette, sheet
from iomodels.figures.output import Plot

NAME = "slo_curve"
QUESTION = "At which rate does each model begin to miss the SLO?"
NOTE = (
    "Above: share of trials that met it (larger marks: more trials) and fitted chance; thick bar: "
    "95 % interval of the answer. Below: one mark per trial; hollow: unjudged, ×: missed."
)
COLUMNS = (
    *("run", "platform", "server", "rate", "outcome", "value_ns", "limit_ns", "fitted_chance"),
)
HEIGHT_INCHES = 4.6
Data = Mapping[str, Any]


def draw(data: Data) -> Plot:
    """Return the chart of a search with at least one trial."""
    looks = {each["server"]: each for each in data["servers"] if each["points"]}
    styles = looks_of(list(looks))
    with palette.rc():
        figure = sheet.page(
            f"Trials that keep {data['slo']['words']}, by offered rate",
            (_conditions(data), NOTE),
            data["platform"],
            HEIGHT_INCHES,
            [Line2D([], [], **styles[label].line, label=label) for label in styles],
        )
        above, below = figure.subplots(2, 1, sharex=True)
        for label, look in styles.items():
            _chance(above, looks[label], look)
            _percentiles(below, looks[label], look)
        _axes(above, below, data)
    again = f"iomodels report {data['run']}"
    return Plot(NAME, QUESTION, _alt(data), figure, COLUMNS, tuple(_rows(data)), again)


def looks_of(labels: list[str]) -> dict[str, palette.Look]:
    """Return the look of each series, in the order in which every figure lists its series."""
    return palette.series_looks({label: label.split(" ")[0] for label in sorted(labels)})


def _conditions(data: Data) -> str:
    load = " · ".join(f"{name} {value}" for name, value in data["load"].items())
    parts = [
        data["platform"],
        f"{words.count(data['connections'], 'connection')} × "
        f"{words.size(data['size'], data['reply_size'])}",
        *([load] if load else []),
        f"{data['duration_ms'] / 1000:g} s each",
        f"run {data['run']}",
    ]
    return " · ".join(parts)


def _chance(axis: Any, server: Data, look: palette.Look) -> None:
    curve = server["curve"]
    axis.plot(
        [each["rate"] for each in curve],
        [each["chance"] for each in curve],
        **{**look.line, "marker": ""},
        zorder=2,
    )
    for each in server["rates"]:
        if each["judged"]:
            size = 3.0 + 2.0 * math.sqrt(each["judged"])
            mark = {**look.line, "linestyle": "", "markersize": size}
            axis.plot(each["rate"], each["met"] / each["judged"], **mark, alpha=0.75, zorder=3)
    if server["low"] and server["high"]:
        axis.hlines(0.5, server["low"], server["high"], color=look.colour, linewidth=5, alpha=0.5)


def _percentiles(axis: Any, server: Data, look: palette.Look) -> None:
    for each in server["points"]:
        if each["value_ns"] is None:
            continue
        if each["outcome"] == "missed":
            style = {"color": look.colour, "markersize": 5.5, "markeredgewidth": 1.4}
            axis.plot(each["rate"], each["value_ns"], "x", **style, zorder=3)
        elif each["outcome"] == "met":
            style = {**look.line, "linestyle": "", "markersize": 4.5}
            axis.plot(each["rate"], each["value_ns"], **style, zorder=3)
        else:
            sheet.hollow(axis, look, each["rate"], each["value_ns"])


def _axes(above: Any, below: Any, data: Data) -> None:
    limit = data["slo"]["limit_ns"]
    above.axhline(0.5, color=palette.MUTED, linewidth=0.7, linestyle=(0, (2, 2)))
    above.set_ylim(-0.04, 1.04)
    above.yaxis.set_major_formatter(PercentFormatter(1.0))
    above.set_ylabel("trials that met it")
    below.axhline(limit, color=palette.WARNING, linewidth=1.0)
    below.set_yscale("log")
    below.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    sheet.time_axis(below.yaxis, 1.0)
    below.set_ylabel(f"p{data['slo']['percent']:g} (log scale)")
    below.set_xscale("log")
    below.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    below.xaxis.set_minor_locator(NullLocator())
    below.set_xlabel("offered requests per second (log scale)")


def _rows(data: Data) -> Iterator[tuple[object, ...]]:
    """Yield the trials of each server, then the points of its fitted curve."""
    for server in data["servers"]:
        yield from trial_rows(data, server)
        head = (data["run"], data["platform"], server["server"])
        limit = data["slo"]["limit_ns"]
        for each in server["curve"]:
            yield (*head, each["rate"], "fitted", None, limit, each["chance"])


def trial_rows(data: Data, server: Data) -> Iterator[tuple[object, ...]]:
    """Yield each trial of a server as a row of COLUMNS."""
    head, limit = (data["run"], data["platform"], server["server"]), data["slo"]["limit_ns"]
    for each in server["points"]:
        yield (*head, each["rate"], each["outcome"], each["value_ns"], limit, None)


def _alt(data: Data) -> str:
    shown = []
    for server in data["servers"]:
        if server["rate"]:
            ends = words.estimate(server["rate"], server["low"], server["high"])
            shown.append(f"{server['server']} at {ends} requests per second")
        elif server["low"]:
            shown.append(f"{server['server']} at {words.number(server['low'])} at least")
        else:
            shown.append(f"{server['server']} without a rate")
    return (
        f"Share of trials that keep {data['slo']['words']} by offered rate on {data['platform']}, "
        f"and their percentiles. Half of the trials keep it: {'; '.join(shown)}."
    )
