"""The charts of a tuning and of an SLO search, as the data from which the page's script draws them.

The script (harness/page/source/search.js) draws what it finds here, and computes nothing:

    format  FORMAT, which the script checks
    series  of each: label, of (null), look (light and dark colour, marker, dash)
    charts  of each:
        t, name  title, and what a screen reader says
        x, y     axes: t (title), k ("log" or "linear"), d (both ends), at (given ticks, if any)
                 and u (the unit of ticks: "count", "time" in µs, or "percent" of a share)
        rules    of each: axis ("x" or "y"), place, words
        lines    of each: series, points (x, y)
        bars     thick level bars, of each: series, from, to, y
        points   of each: series, x, y, low, high, style ("full", "hollow" or "missed"), number of
                 rings, radius in pixels, text

A series is named by its number. Times are in µs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iomodels.base import words
from iomodels.figures import slo_curve, tuning
from iomodels.figures.palette import Look
from iomodels.judge.tuned import LEAST_ROUNDS

FORMAT = 1
WIDEST = 1.5
"""How far an axis reaches for intervals, as a multiple of the highest value."""
POINT, SMALL = 4.6, 4.0
"""Radius of a mark in pixels: alone, and among many trials."""
TUNING = (
    f"Bar: 95 % interval of the ratio to the answer. Hollow: fewer than {LEAST_ROUNDS} rounds with "
    "it. Ring: finalist. Two rings: the answer. Level line: a model without workers to set."
)
SLO = (
    "Larger marks: more trials. Line: fitted chance. Thick bar: 95 % interval of the answer. On "
    "the other chart a hollow mark is an unjudged trial, and × is a missed one."
)
"""How to read the charts."""
Data = Mapping[str, Any]
Named = Mapping[str, Look]


def tuning_charts(data: Data, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the chart of a tuning.json with an answer. `texts`: what a setting's tip says, by its
    label."""
    settings = [each for each in data["settings"] if each["level"] is not None]
    looks = tuning.looks_of(settings)
    order = list(looks)
    workers = sorted({each["workers"] for each in settings if each["workers"]})
    rule = [data["rule_of_thumb"]["asks"]] if data["rule_of_thumb"] else []
    low, high = _room([*workers, *rule] or [1], 1.35)
    most = max(each["level"] for each in settings)
    tops = [value for each in settings for value in (most, *_ends(data, each)) if value]
    chart = {
        "t": f"{data['unit']} by number of workers",
        "name": f"{data['unit']} by number of workers, a line per model.",
        "x": _axis("workers", "log", low, high, at=_powers(workers)),
        "y": _axis("", "linear", 0, 1.04 * min(max(tops), WIDEST * most)),
        "rules": [("x", each, "cores × (1 + wait / work)") for each in rule],
        "lines": [
            (order.index(model), line)
            for model in order
            for line in _model_lines(data, [s for s in settings if s["model"] == model], low, high)
        ],
        "bars": [],
        "points": [
            (
                order.index(each["model"]),
                each["workers"] or high,
                each["level"],
                *_ends(data, each),
                "full" if each["difference"]["rounds"] >= LEAST_ROUNDS else "hollow",
                each["finalist"] + each["recommended"],
                POINT,
                texts[each["label"]],
            )
            for each in settings
        ],
    }
    return _page(looks, [chart])


def _ends(data: Data, setting: Data) -> tuple[float | None, float | None]:
    """Return the ends of an interval; None without one, and for an end beyond every number."""
    low, high = tuning.ends_of(data, setting) or (None, None)
    return low, high if high is None or math.isfinite(high) else None


def _model_lines(
    data: Data, settings: Sequence[Data], low: float, high: float
) -> Iterable[list[tuple[float, float]]]:
    """Yield the line of a model through its best settings, and a level line for one that has no
    workers to set."""
    best = tuning.best_by_workers(data, settings)
    if best:
        yield list(best.items())
    for each in settings:
        if each["workers"] is None:
            yield [(low, each["level"]), (high, each["level"])]


def _powers(workers: Sequence[int]) -> list[int]:
    if not workers:
        return []
    found = [2**k for k in range(max(workers).bit_length()) if min(workers) <= 2**k]
    return found or [min(workers)]


# ---- SLO searches ----


def slo_charts(data: Data) -> dict[str, Any] | None:
    """Return the charts of a slo-report.json: chance and percentile by rate. None if no trial."""
    servers = {each["server"]: each for each in data["servers"] if each["points"]}
    if not servers:
        return None
    looks = slo_curve.looks_of(list(servers))
    ordered = [servers[label] for label in looks]
    percentile = f"p{data['slo']['percent']:g}"
    limit = data["slo"]["limit_ns"] / 1e3
    rates = [point["rate"] for each in ordered for point in (*each["points"], *each["curve"])]
    times = [
        point["value_ns"] / 1e3
        for each in ordered
        for point in each["points"]
        if point["value_ns"] is not None
    ]
    x = _axis("offered requests/s", "log", *_room(rates, 1.05))
    what = data["slo"]["words"]
    chance = {
        "t": f"Share of trials that keep {what}",
        "name": f"Share of trials that keep {what}, by offered rate, with fitted curves.",
        "x": x,
        "y": _axis("", "linear", -0.04, 1.04, "percent", [0, 0.25, 0.5, 0.75, 1]),
        "rules": [("y", 0.5, "")],
        "lines": [
            (number, [(each["rate"], each["chance"]) for each in server["curve"]])
            for number, server in enumerate(ordered)
        ],
        "bars": [
            (number, server["low"], server["high"], 0.5)
            for number, server in enumerate(ordered)
            if server["low"] and server["high"]
        ],
        "points": [
            point for number, server in enumerate(ordered) for point in _shares(number, server)
        ],
    }
    trials = {
        "t": f"{percentile} of each trial",
        "name": f"{percentile} of each trial, by offered rate, and the limit of {what}.",
        "x": x,
        "y": _axis("", "log", *_room([*times, limit], 1.15), unit="time"),
        "rules": [("y", limit, what)],
        "lines": [],
        "bars": [],
        "points": [
            point
            for number, server in enumerate(ordered)
            for point in _trials(number, server, percentile)
        ],
    }
    return _page(looks, [chance, trials])


def _shares(number: int, server: Data) -> Iterable[tuple[object, ...]]:
    """Yield the share of trials that met the SLO at each rate; larger marks stand for more."""
    for each in server["rates"]:
        if each["judged"]:
            text = (
                f"{server['server']}\n{words.number(each['rate'])} requests/s\n"
                f"{each['met']} of {words.count(each['judged'], 'trial')} met it"
            )
            radius = round(2 + 1.3 * math.sqrt(each["judged"]), 1)
            share = each["met"] / each["judged"]
            yield (number, each["rate"], share, None, None, "full", 0, radius, text)


STYLES = {"met": "full", "missed": "missed"}


def _trials(number: int, server: Data, percentile: str) -> Iterable[tuple[object, ...]]:
    for each in server["points"]:
        if each["value_ns"] is None:
            continue
        style = STYLES.get(each["outcome"], "hollow")
        because = f": {each['reason']}" if each["reason"] else ""
        text = (
            f"{server['server']}\n{words.number(each['rate'])} requests/s\n"
            f"{percentile} {words.time(each['value_ns'])}\n{each['outcome']}{because}"
        )
        value = each["value_ns"] / 1e3
        yield (number, each["rate"], value, None, None, style, 0, SMALL, text)


# ---- of both ----


def _axis(
    title: str,
    kind: str,
    low: float,
    high: float,
    unit: str = "count",
    at: Sequence[float] = (),
) -> dict[str, Any]:
    axis: dict[str, Any] = {"t": title, "k": kind, "d": (low, high), "u": unit}
    return axis | {"at": list(at)} if at else axis


def _room(values: Sequence[float], factor: float) -> tuple[float, float]:
    return min(values) / factor, max(values) * factor


def _page(looks: Named, charts: Sequence[Data]) -> dict[str, Any]:
    series = [
        {
            "label": label,
            "of": None,
            "look": [look.colour, look.colour_on_dark, look.marker, list(look.dash)],
        }
        for label, look in looks.items()
    ]
    return {"format": FORMAT, "series": series, "charts": list(charts)}


def numbers_of(charts: Data) -> dict[str, int]:
    """Return the number of each series by its label."""
    return {each["label"]: number for number, each in enumerate(charts["series"])}
