"""A stranger's run cannot add an element to a page, a span to Markdown or a field to a CSV.

Every string that a reader accepts becomes a hostile text. The pages must have the structure that
they have with a harmless text of the same words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hostile import PIECES, TEXTS, Place, at, changed, harmless, places, structures
from hypothesis import example, given, settings
from test_damaged import MANIFEST_DATA, RECORD_DATA, write

import made_micro
import made_slo
import made_tuning
from iomodels.base.errors import Failure
from iomodels.base.files import ROOT
from iomodels.data import verdicts
from iomodels.data.laws import LAWS, load
from iomodels.data.records import Run
from iomodels.data.schema import check_against
from iomodels.data.searches import SLO, TUNE
from iomodels.data.store import RECORDS, load_run, record_of_line
from iomodels.figures import output
from iomodels.figures.catalogue import OF_RUNS
from iomodels.judge.join import join
from iomodels.judge.join_conditions import conditions, sides_of
from iomodels.judge.summary import summarise
from iomodels.report import claims, index_page, overview
from iomodels.report.context import context
from iomodels.report.html import draw_figures, markdown
from iomodels.report.join_page import write_join
from iomodels.report.law_pages import write_laws_page
from iomodels.report.micro import write_micro_report
from iomodels.report.page import inline_svg, template
from iomodels.report.page_data import page_data
from iomodels.report.publish import table_of
from iomodels.report.run_page import run_page
from iomodels.report.search_tables import slo_table, tuning_table
from iomodels.report.slo_page import slo_report_data, write_slo_report
from iomodels.report.tuning import tuning_data, write_tune_report
from made_join import LINUX, WINDOWS, runs_of

RUN = {"manifest": MANIFEST_DATA, "records": RECORD_DATA}
PROBE = "<p> & | ` $"
EVERYTHING = "".join(PIECES)
SHORT = ("$\\frac{$", '<b>&amp;]]>-->"', "'\n`<b>", "\x07\x1b[31m", "_", ' d="M q" id="g" x="1e"')
"""Texts that a chart has room for."""
Texts = Mapping[Place, str]
SIGNS_WITHOUT_A_GLYPH = pytest.mark.filterwarnings("ignore:Glyph", "ignore:The label '_")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "run"


Group = tuple[Place, ...]
"""Places that must have the same text."""


def free_groups(groups: Sequence[Group], accepts: Callable[[Texts], bool]) -> list[Group]:
    """Return the groups whose text a reader accepts, whatever it is."""
    if accepts(filled(groups, PROBE)):
        return list(groups)
    if len(groups) < 2:
        return []
    half = len(groups) // 2
    first, second = free_groups(groups[:half], accepts), free_groups(groups[half:], accepts)
    assert accepts(filled([*first, *second], PROBE)), "together they are accepted, too"
    return [*first, *second]


def filled(groups: Sequence[Group], text: str) -> dict[Place, str]:
    """Return the texts of all places: those of a group are equal, and no two groups are."""
    return {place: f"{text}{number}" for number, each in enumerate(groups) for place in each}


def by_text(data: Any, found: Sequence[Place]) -> list[Group]:
    groups: dict[str, list[Place]] = {}
    for place in found:
        groups.setdefault(at(data, place), []).append(place)
    return [tuple(group) for group in groups.values()]


def free_places(data: Any, accepts: Callable[[Any], bool]) -> list[Place]:
    """Return the places of one file that its reader accepts."""
    singles = [(place,) for place in places(data)]
    found = free_groups(singles, lambda texts: accepts(changed(data, texts)))
    return [place for group in found for place in group]


@cache
def free_of_a_run(folder: Path) -> tuple[Group, ...]:
    """Return the free texts of run.json and of the records; equal ones stay equal."""

    def manifest(data: Any) -> bool:
        return accepted(lambda: check_against("run", data, "run.json"))

    def record(data: Any) -> bool:
        return accepted(lambda: record_of_line(json.dumps(data).encode(), "line"))

    own, each = free_places(MANIFEST_DATA, manifest), free_places(RECORD_DATA[0], record)
    free: list[Place] = [("manifest", *place) for place in own]
    free += [
        ("records", number, *place)
        for number, data in enumerate(RECORD_DATA)
        for place in each
        if isinstance(at(data, place), str)
    ]
    found = free_groups(
        by_text(RUN, free), lambda texts: accepted(lambda: load_run(written(folder, texts)))
    )
    known = {place for group in found for place in group}
    assert ("manifest", "suite", "title") in known and ("manifest", "platform") in known
    assert len(known) > 400
    return tuple(found)


def accepted(read: Callable[[], object]) -> bool:
    try:
        read()
    except Failure:
        return False
    return True


def written(folder: Path, texts: Texts) -> Path:
    data = changed(RUN, texts)
    return write(folder, data["manifest"], data["records"])


def pages_of_a_run(folder: Path, texts: Texts, charts: Sequence[str]) -> dict[str, str]:
    run = load_run(written(folder, texts))
    assert len(run.records) == len(RECORD_DATA)
    summary = summarise(run)
    plots, not_drawn = draw_figures(run, charts)
    shown = context(summary, plots, not_drawn) | {"alone": False, "records": RECORDS}
    svgs = {plot.name: output.svg_text(plot) for plot in plots}
    shown["figures"] = [
        {"plot": plot, "svg": inline_svg(svgs[plot.name], plot.alt, place)}
        for place, plot in enumerate(plots)
    ]
    figure = template("figure.md.j2", html=False)
    html = run_page(summary, shown, page_data(summary, shown["answer"]))
    return {
        "report.drawn" if plots else "report.html": html,
        "report.md": markdown(shown),
        "docs.md": markdown({**shown, "data": "cells.csv"}),
        "table.md": table_of(summary, "md"),
        "cells.csv": table_of(summary, "csv"),
        **{f"{plot.name}.md": figure.render(plot=plot, place="") for plot in plots},
        **{f"{name}.svg": text for name, text in svgs.items()},
        **{f"{plot.name}.csv": output.csv_text(plot) for plot in plots},
    }


def check_run(folder: Path, text: str, charts: Sequence[str] = ()) -> None:
    free = free_of_a_run(folder)
    hostile = pages_of_a_run(folder, filled(free, text), charts)
    plain = pages_of_a_run(folder, filled(free, harmless(text)), charts)
    assert structures(hostile) == structures(plain)
    for name, page in hostile.items():
        assert not name.endswith(".md") or "\x1b" not in page, "a terminal would obey it"


def test_a_run_with_every_sign(folder: Path) -> None:
    check_run(folder, EVERYTHING)


@pytest.mark.thorough
@given(text=TEXTS)
@settings(max_examples=100, deadline=None)
@example("```")
@example("\n\n# e\n")
def test_a_run(folder: Path, text: str) -> None:
    check_run(folder, text)


@pytest.mark.thorough
@SIGNS_WITHOUT_A_GLYPH
@pytest.mark.parametrize("text", SHORT, ids=range(len(SHORT)))
def test_the_charts_of_a_run(folder: Path, text: str) -> None:
    check_run(folder, text, [chart.NAME for chart in OF_RUNS])


# ---- searches, micro runs, laws, the list of runs ----


def pages_of_slo(folder: Path) -> dict[str, str]:
    write_slo_report(folder)
    data = slo_report_data(json.loads((folder / SLO).read_text("utf-8")))
    tables = {f"table.{form}": slo_table(data, form) for form in ("md", "csv")}
    return tables | files(folder)


def pages_of_tuning(folder: Path) -> dict[str, str]:
    write_tune_report(folder)
    data = tuning_data(folder)
    tables = {f"table.{form}": tuning_table(data, form) for form in ("md", "csv")}
    return tables | files(folder)


def pages_of_micro(folder: Path) -> dict[str, str]:
    from iomodels.data.micro import load_micro_run

    write_micro_report(load_micro_run(folder))
    return files(folder)


def pages_of_laws(folder: Path) -> dict[str, str]:
    write_laws_page(load(folder / LAWS), folder)
    return files(folder)


def pages_of_claims(folder: Path) -> dict[str, str]:
    claims.write_pages(verdicts.load(folder / verdicts.CLAIMS), folder)
    return files(folder)


def files(folder: Path) -> dict[str, str]:
    """Return the pages of a folder; one of HTML may have drawings."""
    found = {}
    for path in folder.rglob("*"):
        if path.suffix in (".html", ".md", ".svg", ".csv"):
            name = path.name.replace(".html", ".drawn")
            found[name] = path.read_text("utf-8")
    assert found
    return found


def made_laws(folder: Path) -> Path:
    source = min((ROOT / "results/contributed").glob("*/*/laws.json"))
    (folder / "laws").mkdir()
    (folder / "laws" / LAWS).write_bytes(source.read_bytes())
    return folder / "laws"


def made_verdicts(folder: Path) -> Path:
    """Some answers of each kind of piece, with a cost and a contradiction."""
    found = verdicts.load(ROOT / "results" / verdicts.FOLDER / "wine-8.0" / verdicts.CLAIMS)
    kinds = {piece.kind: answer for answer in found.answers for piece in answer.pieces}
    some = replace(
        found,
        answers=tuple(dict.fromkeys(kinds.values())),
        headlines=found.headlines[:1],
        costs=found.costs[:2],
    )
    assert {"law", "run", "count", "needs"} <= {*kinds} and some.costs and some.headlines
    return verdicts.write(some, folder).parent


KINDS: dict[str, tuple[str, Callable[[Path], Path], Callable[[Path], dict[str, str]]]] = {
    "slo": (
        SLO,
        lambda folder: made_slo.folder_of(made_slo.made({"iocp": 5000.0}), folder),
        pages_of_slo,
    ),
    "tune": (TUNE, made_tuning.folder_of, pages_of_tuning),
    "micro": ("micro.json", lambda folder: made_micro.make_run(folder).path, pages_of_micro),
    "laws": (LAWS, made_laws, pages_of_laws),
    "claims": (verdicts.CLAIMS, made_verdicts, pages_of_claims),
}


@pytest.mark.thorough
@SIGNS_WITHOUT_A_GLYPH
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", (EVERYTHING, *SHORT), ids=range(len(SHORT) + 1))
def test_other_kinds_of_runs(kind: str, text: str, tmp_path: Path) -> None:
    manifest, make, pages = KINDS[kind]
    made = make(tmp_path)
    path = made / manifest
    data = json.loads(path.read_text("utf-8"))
    schema = Path(manifest).stem
    free = free_places(data, lambda each: accepted(lambda: check_against(schema, each, "")))
    groups = by_text(data, [place for place in free if at(data, place) not in BOUND])
    assert len(groups) > 3
    found = []
    for use in (text, harmless(text)):
        path.write_text(json.dumps(changed(data, filled(groups, use))), encoding="utf-8")
        found.append(structures(pages(made)))
    assert found[0] == found[1]


BOUND = {"wine-8.0", "iocp", "apc", "select"}
"""Texts that must be the same in another file or place of the run."""


@pytest.mark.thorough
@SIGNS_WITHOUT_A_GLYPH
@pytest.mark.parametrize("text", SHORT[:2], ids=range(2))
def test_joined_runs(text: str, tmp_path: Path) -> None:
    def pages(use: str, out: Path) -> dict[str, str]:
        def named(run: Run) -> Run:
            bound = ("platform", "environment", "run", "git", "suite", "status")
            manifest = json.loads(json.dumps(run.manifest))
            free = [place for place in places(manifest) if place[0] not in bound]
            free += [("suite", "title"), ("suite", "question"), ("git", "commit")]
            groups = [(place,) for place in free if isinstance(at(manifest, place), str)]
            return replace(run, manifest=changed(manifest, filled(groups, use)))

        runs = [*map(named, runs_of(WINDOWS, 2)), *map(named, runs_of(LINUX, 2))]
        windows, linux = sides_of(runs)
        joined = join(windows, linux)
        write_join(joined, conditions(windows, linux), out, f"iomodels join {use}")
        return files(out)

    found = [
        structures(pages(use, tmp_path / str(n))) for n, use in enumerate((text, harmless(text)))
    ]
    assert found[0] == found[1]


def test_the_list_of_runs() -> None:
    def page(text: str) -> str:
        row = overview.Row(
            text, text, "run", text, text, text, text, 1, 2, text, text, text, f"{text}/report.html"
        )
        return index_page.index_page([row])

    hostile, plain = page(EVERYTHING), page(harmless(EVERYTHING))
    assert structures({"index.html": hostile}) == structures({"index.html": plain})
