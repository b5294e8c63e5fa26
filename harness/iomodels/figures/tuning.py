"""Which model, with how many workers, serves a load best?

A line per model over the number of workers, drawn from the tuning.json of a tuning. Each point is
the answer's value times the paired ratio to it, so that the chart agrees with the sentences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator, StrMethodFormatter

from iomodels.base import words
from iomodels.figures import palette, select
from iomodels.figures.output import Plot
from iomodels.figures.sheet import page
from iomodels.judge.tuned import LEAST_ROUNDS

NAME = "tuning"
QUESTION = "Which model, with how many workers, serves this load best?"
NOTE = (
    f"Bar: 95 % interval of the ratio to the answer. Hollow: fewer than {LEAST_ROUNDS} rounds with "
    "it. Ring: finalist. Double ring: the answer. Level line: a model without workers to set."
)
COLUMNS = (
    *("run", "platform", "setting", "model", "workers", "rounds", "stage", "value"),
    *(*select.INTERVAL, "finalist", "recommended", "failed"),
)
MOST_TICKS = 12
HEIGHT_INCHES = 3.2
Setting = Mapping[str, Any]


def draw(data: Mapping[str, Any]) -> Plot:
    """Return the chart of a tuning.json with an answer."""
    shown = [each for each in data["settings"] if each["level"] is not None]
    models = looks_of(shown)
    load = data["load"]
    conditions = (
        f"{data['platform']} · {words.count(load['connections'], 'connection')} · "
        f"{words.size(load['size'])}{' · ' + load['words'] if load['words'] else ''} · "
        f"{words.count(data['cores'], 'core')} for the server · run {data['run']}"
    )
    with palette.rc():
        handles = [Line2D([], [], **models[model].line, label=model) for model in models]
        figure = page(
            f"{data['unit']} by number of workers",
            (conditions, NOTE),
            data["platform"],
            HEIGHT_INCHES,
            handles,
        )
        axis = figure.subplots()
        for model, look in models.items():
            _model(axis, data, [each for each in shown if each["model"] == model], look)
        _rule(axis, data)
        rule = [data["rule_of_thumb"]["asks"]] if data["rule_of_thumb"] else []
        _x_axis(axis, [each["workers"] for each in shown if each["workers"]], rule)
        axis.set_ylabel(data["unit"])
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.set_ylim(bottom=0)
    again = f"iomodels report {data['run']}"
    rows = tuple(row_of(data, each) for each in data["settings"])
    return Plot(NAME, QUESTION, _alt(data), figure, COLUMNS, rows, again)


def looks_of(settings: Sequence[Setting]) -> dict[str, palette.Look]:
    """Return the look of each model, in the order in which every figure lists models."""
    return palette.model_looks(each["model"] for each in settings)


def ends_of(data: Mapping[str, Any], setting: Setting) -> tuple[float, float] | None:
    """Return the ends of a setting's interval in the unit of the chart; None without one."""
    source = data["answer"] if setting["recommended"] else None
    if source is not None:
        return None if source["low"] is None else (source["low"], source["high"])
    found = setting["difference"]
    if found is None or found["low"] is None:
        return None
    value = data["answer"]["value"]
    return value * (1 + found["low"]), value * (1 + found["high"])


def _model(
    axis: Any, data: Mapping[str, Any], settings: Sequence[Setting], look: palette.Look
) -> None:
    """Draw the points of a model, and a line through the best ones by workers."""
    level = [each for each in settings if each["workers"] is None]
    for each in level:
        axis.axhline(each["level"], **{**look.line, "marker": ""}, linewidth=1.0)
    best = best_by_workers(data, settings)
    axis.plot(list(best), list(best.values()), **{**look.line, "marker": ""}, linewidth=1.0)
    for each in settings:
        if each["workers"] is not None:
            _point(axis, data, each, look)


def best_by_workers(data: Mapping[str, Any], settings: Sequence[Setting]) -> dict[int, float]:
    """Return the best level of each number of workers, in ascending order."""
    having = [each for each in settings if each["workers"] is not None]
    pick = max if data["higher_is_better"] else min
    return {
        workers: pick(each["level"] for each in having if each["workers"] == workers)
        for workers in sorted({each["workers"] for each in having})
    }


def _point(axis: Any, data: Mapping[str, Any], setting: Setting, look: palette.Look) -> None:
    x, y, ends = setting["workers"], setting["level"], ends_of(data, setting)
    sure = setting["difference"]["rounds"] >= LEAST_ROUNDS
    marker = {**look.line, "linestyle": ""} | ({} if sure else look.hollow)
    axis.plot([x], [y], **({"markersize": 5} | marker))
    if ends:
        axis.vlines(x, *ends, color=look.colour, linewidth=0.8)
    rings = setting["finalist"] + setting["recommended"]
    for size in (9, 12)[:rings]:
        axis.plot([x], [y], "o", markersize=size, markerfacecolor="none",
                  markeredgecolor=palette.INK, markeredgewidth=0.7)  # fmt: skip


def _rule(axis: Any, data: Mapping[str, Any]) -> None:
    """Draw the rule of thumb as an upright line with its formula."""
    rule = data["rule_of_thumb"]
    if rule:
        axis.axvline(rule["asks"], color=palette.MUTED, linewidth=0.7, linestyle=(0, (2, 2)))
        text = {"rotation": 90, "va": "bottom", "ha": "right", "fontsize": 7}
        place = {"xytext": (-2, 0), "textcoords": "offset points"}
        axis.annotate(
            "cores × (1 + wait / work)", (rule["asks"], 0.02), xycoords=("data", "axes fraction"),
            color=palette.MUTED, **text, **place,
        )  # fmt: skip


def _x_axis(axis: Any, workers: Sequence[int], also: Sequence[float]) -> None:
    """Ticks at the powers of two; `also` must be inside."""
    axis.set_xlabel("workers (log scale)")
    if not workers:
        axis.set_xticks([])
        return
    low, high = min(workers), max(workers)
    powers = [2**k for k in range(high.bit_length() + 1) if low <= 2**k <= high] or [low]
    ticks = powers[:: math.ceil(len(powers) / MOST_TICKS)]
    axis.set_xscale("log", base=2)
    axis.set_xlim(min([low, *also]) / 1.35, max([high, *also]) * 1.35)
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.xaxis.set_minor_locator(NullLocator())


def row_of(data: Mapping[str, Any], setting: Setting) -> tuple[object, ...]:
    """Return a setting as a row of COLUMNS."""
    ends = ends_of(data, setting) or (None, None)
    return (
        data["run"],
        data["platform"],
        setting["label"],
        setting["model"],
        setting["workers"],
        setting["rounds"],
        setting["stage"],
        setting["level"],
        *ends,
        setting["finalist"],
        setting["recommended"],
        setting["failed"],
    )


def _alt(data: Mapping[str, Any]) -> str:
    answer = data["answer"]
    kind = "recommended" if answer["shown"] else "best seen"
    return (
        f"Line chart on {data['platform']}: {data['unit']} by number of workers, a line per model. "
        f"{kind.capitalize()}: {answer['label']}, {words.number(answer['value'])}."
    )
