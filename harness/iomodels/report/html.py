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
from iomodels.report.page import inline_svg, template
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
    summary = _summary(of)
    run = summary.run
    alone = (run.path / PACKED).exists()
    plots, not_drawn = draw_figures(run, PACKED_STATIC if alone else None)
    records = {"alone": alone, "records": PACKED if alone else RECORDS}
    shown = context(summary, plots, not_drawn) | records
    if alone:
        shown["omitted"] = [f"iomodels plot {name} {run.path.name}" for name in OMITTED]
        pictures = [output.svg_text(plot) for plot in plots]
    else:
        pictures = [output.write_svg(plot, run.path / "figures") for plot in plots]
        write_whole(run.path / "report.md", markdown(shown))
    shown["figures"] = [
        {"plot": plot, "svg": inline_svg(svg, plot.alt, place)}
        for place, (plot, svg) in enumerate(zip(plots, pictures, strict=True))
        if plot.name in STATIC
    ]
    write_whole(run.path / "report.html", run_page(summary, shown))
    return run.path / "report.html"


def _summary(of: Path | Run | Summary) -> Summary:
    if isinstance(of, Path):
        of = load_run(of)
    return summarise(of) if isinstance(of, Run) else of


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
