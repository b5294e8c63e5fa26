"""The table of a tuning or an SLO search: Markdown as its page shows it, CSV with plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iomodels.base import words
from iomodels.figures import slo_curve, tuning
from iomodels.figures.output import csv_of
from iomodels.report.page import markdown_cell
from iomodels.report.slo_page import row_of
from iomodels.report.tuning import heads, rows

Data = Mapping[str, Any]


def tuning_table(data: Data, form: str) -> str:
    """Return all settings of a tuning.json as "md" or "csv"."""
    if form == "csv":
        return csv_of(tuning.COLUMNS, (tuning.row_of(data, each) for each in data["settings"]))
    title = f"Tuning for {data['objective']}"
    return _markdown(title, data, heads(data), rows(data))


def slo_table(data: Data, form: str) -> str:
    """Return a slo-report.json: "md" has the trials by rate, "csv" every trial."""
    if form == "csv":
        trials = (row for each in data["servers"] for row in slo_curve.trial_rows(data, each))
        return csv_of(slo_curve.COLUMNS, trials)
    percentile = f"p{data['slo']['percent']:g}"
    found = [(each["server"], *row_of(rate)) for each in data["servers"] for rate in each["rates"]]
    columns = ("server", "requests/s", "met", "unjudged", "failed", percentile)
    return _markdown(f"The highest rate for {data['slo']['words']}", data, columns, found)


def _markdown(
    title: str, data: Data, columns: Sequence[str], found: Sequence[Sequence[str]]
) -> str:
    """Return a table that names its run, its platform and what the platform does not show."""
    warning = words.warning_sentence(data["platform"])
    lines = [_line(columns), f"|---|{'--:|' * (len(columns) - 1)}", *map(_line, found)]
    named = [markdown_cell(text) for text in (title, data["platform"], data["run"])]
    start = "**{}** on {}, run {}\n\n".format(*named)
    note = f"> **Not Windows.** {markdown_cell(warning)}\n\n" if warning else ""
    return start + note + "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(markdown_cell, cells))} |"
