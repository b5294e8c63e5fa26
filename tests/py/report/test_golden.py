"""A real run under Wine, kept in tests/fixtures/runs, and what every part of the report said of it: no server is started, nothing may change unseen.

After a change that is meant, IOMODELS_WRITE_GOLDEN=1 with this file's tests writes the expected files anew; the diff is then the review.
The run (tests/fixtures/runs/reference.toml) is a short one on a busy machine: it is there for its shape (two loops, counters of two processes), not its figures.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from iomodels.base.errors import Failure
from iomodels.base.files import ROOT
from iomodels.cli.main import main
from iomodels.data.records import Run
from iomodels.data.store import load_run
from iomodels.figures.catalogue import OF_RUNS
from iomodels.judge.summary import summarise
from iomodels.report.as_data import cells_csv, to_json
from iomodels.report.html import write_report
from iomodels.report.publish import LIST, write_docs
from iomodels.report.terminal import print_answer, print_tables

(FIXTURE,) = (ROOT / "tests" / "fixtures" / "runs").glob("*-reference")
GOLDEN = ROOT / "tests" / "fixtures" / "runs" / "golden"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run with its report."""
    path = tmp_path_factory.mktemp("golden") / FIXTURE.name
    shutil.copytree(FIXTURE, path)
    write_report(path)
    return path


@pytest.fixture(scope="module")
def run() -> Run:
    return load_run(FIXTURE)


def expect(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("IOMODELS_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), (
        f"{name} is not as expected; if that is meant: IOMODELS_WRITE_GOLDEN=1"
    )


def test_the_report_as_markdown(folder: Path) -> None:
    expect("report.md", (folder / "report.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [figure.NAME for figure in OF_RUNS])
def test_the_data_of_each_figure(name: str, folder: Path) -> None:
    path = folder / "figures" / f"{name}.csv"
    drawn = f"Not drawn: {name} " in (folder / "report.md").read_text(
        encoding="utf-8"
    ) or re.search(f"[;:] {name} \\(", (folder / "report.md").read_text(encoding="utf-8"))
    assert path.exists() or drawn, "neither drawn nor named as not drawn"
    if path.exists():
        expect(f"{name}.csv", path.read_text(encoding="utf-8"))


def test_the_terminal(run: Run) -> None:
    output = io.StringIO()
    console = Console(file=output, width=80, no_color=True)
    print_answer(summarise(run), console)
    print_tables(summarise(run), console)
    assert max(map(len, output.getvalue().splitlines())) <= 80 and "\x1b" not in output.getvalue()
    expect("terminal.txt", output.getvalue())


def test_the_json_follows_its_schema(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(FIXTURE), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    schema = json.loads(
        (ROOT / "results" / "schema" / "report.schema.json").read_text(encoding="utf-8")
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(data)
    assert data == json.loads(json.dumps(to_json(summarise(run))))
    assert not (FIXTURE / "figures").exists() and not (FIXTURE / "report.md").exists(), (
        "--json writes no files"
    )
    expect("report.json", json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def test_the_cells_as_csv(run: Run) -> None:
    expect("cells.csv", cells_csv(summarise(run)))


def test_a_folder_for_a_documentation_site(tmp_path: Path) -> None:
    docs = tmp_path / "site" / "results"
    page = write_docs(FIXTURE, docs).read_text(encoding="utf-8")
    files = {
        path.relative_to(docs).as_posix(): path.read_bytes()
        for path in docs.rglob("*")
        if path.is_file()
    }
    assert set(json.loads(files[LIST])["files"]) == set(files) - {LIST}
    targets = [
        part
        for target in re.findall(r'\]\(([^)]+)\)|(?:src|srcset)="([^"]+)"', page)
        for part in target
        if part
    ]
    assert len(targets) > 10 and set(targets) <= set(files)
    assert (
        page.count("<picture>")
        == page.count("-dark.svg")
        == sum(name.endswith("-dark.svg") for name in files)
        >= 4
    )
    assert not (FIXTURE / "figures").exists()
    write_docs(FIXTURE, docs)
    assert {
        path.relative_to(docs).as_posix(): path.read_bytes()
        for path in docs.rglob("*")
        if path.is_file()
    } == files


@pytest.mark.parametrize(
    ("name", "why"),
    [("report.md", "was not written by an earlier report"), ("cells.csv", "was changed since")],
)
def test_a_foreign_or_changed_file_is_never_overwritten(
    name: str,
    why: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "iomodels.report.publish.draw_figures", lambda run, names: ([], [])
    )  # the figures are not what this is about
    if "changed" in why:
        write_docs(FIXTURE, tmp_path)
    (tmp_path / name).write_text("my own words")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit) as end:
        main(["report", str(FIXTURE), "--docs", str(tmp_path)])
    assert end.value.code and f"{name} {why}" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def broken(folder: Path, how: str) -> None:
    records, manifest = folder / "records.jsonl", folder / "run.json"
    lines = records.read_bytes().splitlines(keepends=True)
    first = json.loads(lines[0])
    if how == "another platform":
        lines[0] = json.dumps(first | {"platform": "windows-11-26100"}).encode() + b"\n"
    elif how == "another run":
        lines[0] = json.dumps(first | {"run": "20200101-000000-other"}).encode() + b"\n"
    elif how == "a newer format":
        lines[0] = json.dumps(first | {"format": 99}).encode() + b"\n"
    elif how == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text("{")
    records.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("another platform", "platforms must not be mixed"),
        ("another run", "belongs to run"),
        ("a newer format", "format 99 is not read"),
        ("no manifest", "it has no run.json"),
        ("half a manifest", "cannot be read"),
    ],
)
def test_a_broken_run_is_refused_in_one_line_that_says_why(
    how: str, words: str, tmp_path: Path
) -> None:
    folder = tmp_path / FIXTURE.name
    shutil.copytree(FIXTURE, folder)
    broken(folder, how)
    for write in (lambda: write_report(folder), lambda: write_docs(folder, tmp_path / "docs")):
        with pytest.raises(Failure, match=words) as refused:
            write()
        assert "\n" not in str(refused.value)
    assert not (folder / "report.html").exists() and not (tmp_path / "docs").exists()
