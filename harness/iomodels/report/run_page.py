"""report.html: tables and sentences that need no script, and the data from which a script draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iomodels.judge.summary import Summary
from iomodels.report.context import Row, known_costs, row_of
from iomodels.report.page import badge_style, template
from iomodels.report.page_loads import FASTEST
from iomodels.report.page_loads import Row as Ranked
from iomodels.report.scripted import RUN, scripted


@dataclass(frozen=True)
class Numbers:
    """A row of the table of all numbers; load and series by their number in the data."""

    load: int
    series: int
    panel: str
    cells: Row


def run_page(summary: Summary, shown: Mapping[str, Any], data: dict[str, Any]) -> str:
    """Return report.html. `shown` is what the templates of a report get, with its figures, and
    `data` what its script draws from (page_data)."""
    answer = shown["answer"]
    return template("report.html.j2", html=True).render(
        {
            **shown,
            "page": data,
            "ranking": _ranking(data),
            "headline": len(answer.loads) > 1 or not answer.headline.endswith(answer.shown.verdict),
            "badge_style": badge_style(answer.shown.badge),
            "by_rate": not any(chart["y"] == "rate" for chart in data["charts"]),
            "numbers": _numbers(summary, [each["label"] for each in data["series"]]),
            **scripted(RUN, data),
        }
    )


def _ranking(data: Mapping[str, Any]) -> list[tuple[Ranked, float]]:
    """Return the ranked list of the first load, and of each row the bar in percent."""
    rows = data["loads"][data["first"]]["views"].get(FASTEST, [])
    longest = max([1.0, *(row[1] or 0.0 for row in rows)])
    return [(row, 100 * (row[1] or 0.0) / longest) for row in rows]


def _numbers(summary: Summary, series: list[str]) -> list[Numbers]:
    costs = known_costs(summary)
    return [
        Numbers(
            number,
            series.index(cell.condition.label),
            cell.condition.panel.words,
            row_of(load, cell, summary, costs),
        )
        for number, load in enumerate(summary.loads)
        for cell in load.cells
    ]
