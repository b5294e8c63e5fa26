"""The data of the interactive page: every statistic and every sentence that its script shows.

Python computes; the script looks up and draws. The fields are short, as the page is one file:

    format    FORMAT, which the script checks
    run, platform, ab (whether two builds are compared), level ("95 %"), margin (a share)
    series    of each: label; name (the model); note (its settings); of (of a control the series
              that it is a second time, else null); look (light and dark colour, marker, dash)
    baselines the series that can be one, by number
    panels    of each: s (its name in a link), w (words), short (words for a tight place)
    loads     page_loads.py
    cells     of each load those of each series, null where there is none: page_cells.py
    percents  of the latency curves
    charts    of each: t (title), x ("connections" or "rate"), y ("rate", "cpu" or "p99"), at
              (the values of x), l (the load at each)
    controls  of each: t (title), rows of (load, ratio, low, high, text)
    first     the load to look at first
    csv       the cells as a table

A series, load or panel is named by its number. A missing value is null, and so is an end of an
interval beyond every number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from iomodels.base import words
from iomodels.data.records import Panel, Run
from iomodels.figures import palette
from iomodels.judge.loads import NEW, OLD, JudgedLoad
from iomodels.judge.summary import Summary, is_ab
from iomodels.report.as_data import cells_csv
from iomodels.report.page_cells import PERCENTS, cells_by_load, rounded
from iomodels.report.page_loads import load_data
from iomodels.report.shape import Answer

FORMAT = 1


def page_data(summary: Summary, answer: Answer) -> dict[str, Any]:
    """Return the data of the page of a run, as above."""
    looks = _looks(summary)
    series = list(looks)
    panels = list(dict.fromkeys(load.key.panel for load in summary.loads))
    shown = [each.words for each in answer.loads].index(answer.shown.words)
    rule = summary.rules.baseline
    threads = {label: threads_of(summary.run, label) for label in series}
    tunable = [label for label, number in threads.items() if number is not None]
    return {
        "format": FORMAT,
        "run": summary.run.manifest["run"],
        "platform": summary.platform,
        "ab": is_ab(summary.run.manifest),
        "level": words.given(rule.stated),
        "margin": rule.margin,
        "series": [
            _series(label, looks[label], summary, series, threads[label]) for label in series
        ],
        "baselines": [series.index(label) for label in _baselines(summary)],
        "panels": [
            {"s": _name(each), "w": each.words, "short": _short(each, panels)} for each in panels
        ],
        "loads": [
            load_data(summary, load, each, series, panels.index(load.key.panel), tunable)
            for load, each in zip(summary.loads, answer.loads)
        ],
        "cells": cells_by_load(summary, series),
        "percents": PERCENTS,
        "charts": list(_charts(summary.loads)),
        "controls": [_control(summary, label) for label in summary.twins],
        "first": shown,
        "csv": cells_csv(summary),
    }


# ---- series ----


def _looks(summary: Summary) -> dict[str, palette.Look]:
    """Return the look of each series, in order. Both builds of a model look as the model does."""
    if not is_ab(summary.run.manifest):
        return palette.looks(cell.condition for cell in summary.cells)
    return {
        label: palette.look(label.removesuffix(OLD).removesuffix(NEW)) for label in summary.labels
    }


def _series(
    label: str,
    look: palette.Look,
    summary: Summary,
    series: Sequence[str],
    threads: int | None,
) -> dict[str, Any]:
    twin = summary.twins.get(label)
    return {
        "label": label,
        "name": next(c.condition.model for c in summary.cells if c.condition.label == label),
        "note": f"control of {twin}" if twin else _settings(label, summary, threads),
        "of": None if twin is None else series.index(twin),
        "look": [look.colour, look.colour_on_dark, look.marker, list(look.dash)],
    }


def _settings(label: str, summary: Summary, threads: int | None) -> str:
    """'threads 4, concurrency 2' as the suite sets them, else '2 threads' as the server said."""
    condition = next(c.condition for c in summary.cells if c.condition.label == label)
    if condition.options:
        return ", ".join(f"{name} {value:,}" for name, value in condition.options)
    return "" if threads is None else words.count(threads, "thread")


def threads_of(run: Run, label: str) -> int | None:
    """Return the threads that a server said it has; None if it has no such setting."""
    for record in run.records:
        ready = (record.server or {}).get("ready")
        if ready and record.condition.label == label:
            found = ready.get("settings", {}).get("threads")
            return found if isinstance(found, int) else None
    return None


def _baselines(summary: Summary) -> list[str]:
    """Return the series that can be a baseline: they have a figure at some load."""
    with_figure = {
        label
        for load in summary.loads
        for label in summary.ranked
        if load.fastest and load.figure(label) is not None
    }
    return [label for label in summary.ranked if label in with_figure]


# ---- loads ----


def _name(panel: Panel) -> str:
    """'64', '64-4096d4@50': a panel in a link."""
    reply = f"-{panel.reply_size}" if panel.reply_size != panel.size else ""
    depth = f"d{panel.depth}" if panel.depth > 1 else ""
    return f"{panel.size}{reply}{depth}{f'@{panel.rate_percent}' if panel.rate_percent else ''}"


def _short(panel: Panel, panels: Sequence[Panel]) -> str:
    """The panel's words without what all panels share."""
    size = words.size(panel.size, panel.reply_size)
    if not panel.rate_percent:
        return size if len({each.depth for each in panels}) == 1 else f"{size}, {panel.depth}"
    sizes = {each[:3] for each in panels}
    return f"{panel.rate_percent} %" if len(sizes) == 1 else f"{size}, {panel.rate_percent} %"


def _charts(loads: Sequence[JudgedLoad]) -> Iterable[dict[str, Any]]:
    """Yield what to draw by connections, or by offered rate. One point alone makes no chart."""
    groups: dict[tuple[str, str], dict[int, int]] = {}
    rates = {load.key.rate_percent for load in loads if load.key.rate_percent}
    for number, load in enumerate(loads):
        key, panel = load.key, load.key.panel
        if key.rate_percent and len(rates) > 1:
            size = panel._replace(rate_percent=0).words
            title = f"{words.count(key.connections, 'connection')} × {size}"
            groups.setdefault(("rate", title), {})[key.rate_percent] = number
        else:
            groups.setdefault(("connections", panel.words), {})[key.connections] = number
    for (x, title), found in groups.items():
        at = sorted(found)
        offered = loads[found[at[0]]].offered
        for y in ("cpu", "p99") if offered else ("rate",):
            if len(at) > 1:
                yield {"t": title, "x": x, "y": y, "at": at, "l": [found[each] for each in at]}


def _control(summary: Summary, label: str) -> dict[str, Any]:
    rows = []
    for number, load in enumerate(summary.loads):
        one = next(each.comparison for each in load.controls if each.label == label)
        if one:
            ratio = (rounded(one.ratio), rounded(one.low), rounded(one.high))
            rows.append((number, *ratio, words.change(one.ratio, one.low, one.high)))
    return {"t": f"{label} ÷ {summary.twins[label]}", "rows": rows}
