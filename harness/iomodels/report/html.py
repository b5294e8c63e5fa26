"""The report of a run, from its folder alone: report.html (one file), report.md and figures/.

The answer comes first, then what it rests on. A report of an interrupted or empty run says what
is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iomodels.base.errors import Failure
from iomodels.base.files import write_whole
from iomodels.data.records import Run
from iomodels.data.store import PACKED, RECORDS, load_run
from iomodels.figures import catalogue, output
from iomodels.judge.summary import Summary, summarise
from iomodels.report.context import context
from iomodels.report.drawing import Drawing, Picture
from iomodels.report.page import inline_svg, template
from iomodels.report.page_data import page_data
from iomodels.report.run_page import run_page

STATIC = ("memory_by_connections", "course_of_a_cell", "then_versus_now")
"""The figures that the page carries as they are. It draws the others itself, from its data."""
OMITTED = ("course_of_a_cell",)
"""Of a packed run: it alone would take a twentieth of what the run may have."""
PACKED_STATIC = tuple(name for name in STATIC if name not in OMITTED)


def write_report(of: Path | Run | Summary) -> Path:
    """Write figures/, report.md and report.html into the folder of a run; return report.html.

    The report of a packed run is report.html alone. Each file is replaced whole. Raises Failure
    if the folder holds no readable run.
    """
    run = of.run if isinstance(of, Summary) else load_run(of) if isinstance(of, Path) else of
    alone = (run.path / PACKED).exists()
    with Drawing(run, PACKED_STATIC if alone else None) as drawing:
        summary = of if isinstance(of, Summary) else summarise(run)
        shown = context(summary, [], [])
        data = page_data(summary, shown["answer"])
        pictures, shown["not_drawn"] = drawing.finish()
        shown["plots"] = pictures
    shown |= {"alone": alone, "records": PACKED if alone else RECORDS}
    if alone:
        shown["omitted"] = [f"iomodels plot {name} {run.path.name}" for name in OMITTED]
    else:
        _write_figures(pictures, run.path / "figures")
        write_whole(run.path / "report.md", markdown(shown))
    shown["figures"] = [
        {"plot": picture, "svg": inline_svg(picture.svg, picture.alt, place)}
        for place, picture in enumerate(pictures)
        if picture.name in STATIC
    ]
    write_whole(run.path / "report.html", run_page(summary, shown, data))
    return run.path / "report.html"


def _write_figures(pictures: Sequence[Picture], out: Path) -> None:
    for each in pictures:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / f"{each.name}.svg", each.svg, durable=False)
        write_whole(out / f"{each.name}.csv", each.csv, durable=False)


def markdown(shown: Mapping[str, Any]) -> str:
    """Return the report as Markdown; `shown` is report.context.context()."""
    return template("report.md.j2", html=False).render(shown)


def draw_figures(
    run: Run, names: Sequence[str] | None = None
) -> tuple[list[output.Plot], list[tuple[str, str]]]:
    """Return the figures of a run, and (name, reason) of those that it has no data for.

    `names` are the wanted ones (None: all).
    """
    plots: list[output.Plot] = []
    not_drawn: list[tuple[str, str]] = []
    wanted = [each for each in catalogue.OF_RUNS if names is None or each.NAME in names]
    for figure in wanted if run.records else ():
        try:
            plots.append(figure.draw(run))
        except Failure as error:
            not_drawn.append((figure.NAME, str(error).removeprefix(f"{run.path}: ")))
    return plots, not_drawn
