"""The report of a run, from its folder alone: report.html (one file), report.md and figures/.

The answer comes first, then what it rests on. A report of an interrupted or empty run says what
is missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.base.files import PACKAGE, write_whole
from iomodels.data.records import Run
from iomodels.data.store import PACKED, RECORDS, load_run
from iomodels.figures import catalogue, output
from iomodels.figures.palette import dark_colours
from iomodels.figures.svg import without_bare_groups
from iomodels.judge.summary import Summary, summarise
from iomodels.report.context import context


def write_report(of: Path | Run | Summary) -> Path:
    """Write figures/, report.md and report.html into the folder of a run; return report.html.

    The report of a packed run is report.html alone. Each file is replaced whole. Raises Failure
    if the folder holds no readable run.
    """
    summary = _summary(of)
    run = summary.run
    plots, not_drawn = draw_figures(run)
    alone = (run.path / PACKED).exists()
    records = {"alone": alone, "records": PACKED if alone else RECORDS}
    shown = context(summary, plots, not_drawn) | records
    if alone:
        pictures = [output.svg_text(plot) for plot in plots]
    else:
        paths = [output.write(plot, run.path / "figures")[0] for plot in plots]
        pictures = [path.read_text(encoding="utf-8") for path in paths]
        write_whole(run.path / "report.md", markdown(shown))
    shown["figures"] = [
        {"plot": plot, "svg": inline_svg(svg, plot.alt, place)}
        for place, (plot, svg) in enumerate(zip(plots, pictures, strict=True))
    ]
    shown["colours"] = dark_colours()
    page = _environment(html=True).get_template("report.html.j2").render(shown)
    write_whole(run.path / "report.html", page)
    return run.path / "report.html"


def _summary(of: Path | Run | Summary) -> Summary:
    if isinstance(of, Path):
        of = load_run(of)
    return summarise(of) if isinstance(of, Run) else of


def markdown(shown: Mapping[str, Any]) -> str:
    """Return the report as Markdown; `shown` is report.context.context()."""
    return _environment(html=False).get_template("report.md.j2").render(shown)


def _environment(html: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "templates"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = markdown_cell
    environment.filters["number"] = words.number
    return environment


def draw_figures(run: Run) -> tuple[list[output.Plot], list[tuple[str, str]]]:
    """Return the figures of a run, and (name, reason) of those that it has no data for."""
    plots: list[output.Plot] = []
    not_drawn: list[tuple[str, str]] = []
    for figure in catalogue.OF_RUNS if run.records else ():
        try:
            plots.append(figure.draw(run))
        except Failure as error:
            not_drawn.append((figure.NAME, str(error).removeprefix(f"{run.path}: ")))
    return plots, not_drawn


def inline_svg(svg: str, alt: str, place: int) -> str:
    """Return a figure as an element of an HTML page.

    It has an alt text and ids of its own, and its colours follow the page.
    """
    text = svg[svg.index("<svg") :].replace("xlink:href=", "href=")
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    used = dict.fromkeys(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    short = {name: f"f{place}-i{number}" for number, name in enumerate(used)}
    text = re.sub(
        r' id="([^"]*)"',
        lambda found: f' id="{short[found[1]]}"' if found[1] in short else "",
        text,
    )
    text = re.sub(r'(href="#|url\(#)([^")]+)', lambda found: f"{found[1]}{short[found[2]]}", text)
    looks: dict[str, str] = {}
    text = re.sub(
        r' style="([^"]*)"',
        lambda found: f' class="{looks.setdefault(found[1], f"f{place}-{len(looks)}")}"',
        text,
    )
    rules = "".join(f".{name} {{{look}}}\n" for look, name in looks.items())
    text = without_bare_groups(text).replace("</style>", f"\n{rules}</style>", 1)
    for colour in dark_colours():
        text = text.replace(colour, f"var(--c{colour[1:]})")
    box = re.search(r'viewBox="[^"]*"', text)
    head = f'<svg role="img" aria-label="{_attribute(alt)}" {box[0] if box else ""}>'
    return head + text[text.index(">") + 1 :].strip()


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def markdown_cell(text: object) -> str:
    """Return text for one cell of a Markdown table: one line, no cell borders, no HTML."""
    flat = " ".join(str(text).split())
    return re.sub(r"([\\`*_|\[\]<>])", r"\\\1", flat)
