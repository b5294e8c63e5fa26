"""The report of an SLO search, from its folder alone: HTML, Markdown, JSON and figures."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.files import write_whole
from iomodels.data.schema import check_against
from iomodels.data.searches import load_slo
from iomodels.figures import output, slo_curve
from iomodels.judge.slo_data import slo_data
from iomodels.judge.slo_searches import SloSearches
from iomodels.report.page import inline_svg, template
from iomodels.report.scripted import SEARCH, scripted
from iomodels.report.search_charts import SLO, numbers_of, slo_charts
from iomodels.report.slo import headline, next_command, sentence, width_words

DATA = "slo-report.json"
Data = Mapping[str, Any]


def slo_report_data(manifest: Data) -> dict[str, Any]:
    """Return the answer in words and as data: results/schema/slo-report.schema.json."""
    searches = SloSearches.of(manifest)
    data = slo_data(manifest)
    by_server = {each.server: each for each in searches.found()}
    servers = [
        {**each, "sentence": sentence(manifest, by_server[each["server"]])}
        for each in data.pop("servers")
    ]
    found = {**data, "headline": headline(manifest, searches), "servers": servers}
    check_against("slo-report", found, DATA)
    return found


def write_slo_report(folder: Path) -> Path:
    """Write the report of a search into its folder; return slo.html."""
    manifest = load_slo(folder)
    data = slo_report_data(manifest)
    write_whole(folder / DATA, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    shown, page = _context(manifest, data), {}
    if charts := slo_charts(data):
        plot = slo_curve.draw(data)
        svg = inline_svg(output.write_svg(plot, folder / "figures"), plot.alt, 0)
        shown |= {"plot": plot, "page": charts, "reading": SLO, "numbers": numbers_of(charts)}
        page = {"svg": svg, **scripted(SEARCH, charts)}
    write_whole(folder / "slo.md", template("slo.md.j2", html=False).render(shown))
    page = shown | page
    write_whole(folder / "slo.html", template("slo.html.j2", html=True).render(page))
    return folder / "slo.html"


def _context(manifest: Data, data: Data) -> dict[str, Any]:
    found = SloSearches.of(manifest).found()
    highest = max((_place(each) for each in data["servers"]), default=0.0)
    return {
        "data": data,
        "warning": words.warning_sentence(data["platform"]),
        "load": _load(data),
        "ranking": [_rank(each, highest) for each in data["servers"]],
        "several": len(data["servers"]) > 1,
        "widths": [text for each in found if (text := width_words(each))],
        "next": next_command(manifest["run"], found),
        "percentile": f"p{data['slo']['percent']:g}",
        "tables": [
            (each["server"], [row_of(row) for row in each["rates"]]) for each in data["servers"]
        ],
        "command": shlex.join(data["command"]),
        "plot": None,
        "page": None,
        "numbers": {},
    }


def _load(data: Data) -> str:
    depth = f", depth {data['depth']}" if data["depth"] > 1 else ""
    rest = "".join(f", {name} {value}" for name, value in data["load"].items())
    size = words.size(data["size"], data["reply_size"])
    return f"{words.count(data['connections'], 'connection')} × {size}{depth}{rest}"


def _place(server: Data) -> float:
    return float(server["rate"] or server["low"] or 0.0)


def _rank(server: Data, highest: float) -> dict[str, Any]:
    """A row of the ranked list: value in words, length of its bar, and what the row says."""
    at_least = server["rate"] is None and server["low"] is not None
    value = words.number(server["rate"] or server["low"])
    return {
        "server": server["server"],
        "value": f"≥ {value}" if at_least else value,
        "share": _place(server) / highest if highest else 0.0,
        "words": f"{_words(server)}{_compared(server)}",
    }


def _words(server: Data) -> str:
    """Return what the row adds to its value; the whole sentence where it has none."""
    if server["kind"] != "inside":
        return str(server["sentence"])
    interval = words.interval(server["low"], server["high"])
    safe = f"; nine of ten at {words.number(server['safe'])} at least" if server["safe"] else ""
    return f"{interval}{safe}; {words.count(server['trials'], 'trial')}"


def _compared(server: Data) -> str:
    ahead = server["first_over_it"]
    if not ahead or server["kind"] not in ("inside", "at least"):
        return ""
    ratio = words.ratio(1 / ahead["value"], 1 / ahead["high"], 1 / ahead["low"])
    return f"; {ratio} of the first, {'lower' if ahead['separated'] else 'not separated'}"


def row_of(rate: Data) -> tuple[str, ...]:
    """Return the trials at a rate as a row: rate, met, unjudged, failed, percentile."""
    return (
        words.number(rate["rate"]),
        f"{rate['met']} of {rate['judged']}" if rate["judged"] else words.NOTHING,
        str(rate["unjudged"]),
        str(rate["failed"]),
        words.time(rate["value_ns"]),
    )
