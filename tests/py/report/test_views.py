"""What `report` and `compare` give besides their usual files: parts, tables, pages."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from iomodels.base.files import ROOT
from iomodels.cli import folders
from iomodels.cli.main import main
from iomodels.data.laws import load
from iomodels.data.records import Run
from iomodels.data.store import load_run
from iomodels.judge.summary import summarise, viewed
from iomodels.plan.server import Server
from iomodels.report.answer import answer
from iomodels.report.law_pages import laws_page, write_laws_page
from iomodels.report.micro import micro_page
from iomodels.report.overview import overview
from iomodels.report.publish import write_docs
from iomodels.report.tables_page import html
from made_micro import make_run as make_micro
from made_run import make_run, noisy_rate, suite_of

THREE = tuple(Server(name) for name in ("select", "events", "iocp"))
BASES = {"select": 100.0, "events": 120.0, "iocp": 150.0}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    suite = suite_of(THREE, (1, 64), (64,), 8)
    return make_run(tmp_path, suite, rate=noisy_rate(BASES))


def out_of(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def failure(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
    return err.strip().removeprefix("iomodels: ")


def renamed(folder: Path, name: str, **changes: Any) -> Path:
    """A copy of a run under another name."""
    data = json.loads((folder / "run.json").read_text("utf-8"))
    made = folder.parent / name
    made.mkdir()
    text = json.dumps({**data, "run": name, **changes})
    (made / "run.json").write_text(text, encoding="utf-8")
    records = (folder / "records.jsonl").read_text("utf-8")
    (made / "records.jsonl").write_text(records.replace(folder.name, name), encoding="utf-8")
    return made


# ---- parts ----


def test_only_some_servers_in_json_table_and_docs(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(out_of(capsys, "report", run, "--only", "iocp,select", "--json"))
    assert {cell["server"] for cell in found["cells"]} == {"iocp", "select"}
    assert "shown: select and iocp of 3 servers; words" in found["warnings"][0]
    ranked = found["answer"]["loads"][0]["ranking"]
    assert [each["server"] for each in ranked] == ["iocp", "select"]
    table = out_of(capsys, "report", run, "--only", "iocp,select", "--table", "md")
    assert "wine-8.0" in table and "Not Windows" in table and "| iocp |" in table
    assert "events" not in table
    docs = tmp_path / "docs"
    view = viewed(load_run(run), None, None, ["iocp", "select"])
    write_docs(summarise(view), docs, ["winner_map"])
    assert "events" not in (docs / "figures" / "winner_map.csv").read_text("utf-8")
    assert {path.suffix for path in (docs / "figures").iterdir()} == {".svg", ".png", ".csv", ".md"}
    assert not list((docs / "figures").glob("throughput*"))


def test_a_figure_of_the_docs_has_alt_text_caption_and_both_papers(
    run: Path, tmp_path: Path
) -> None:
    write_docs(run, tmp_path / "docs", ["ratios_to_baseline"])
    text = (tmp_path / "docs" / "figures" / "ratios_to_baseline.md").read_text("utf-8")
    assert 'srcset="ratios_to_baseline-dark.svg"' in text
    assert re.search(r'<img src="ratios_to_baseline.svg" alt="Forest plot on wine-8.0: ', text)
    caption = re.search(r"^\*(.*)\*$", text, flags=re.MULTILINE)
    assert caption and "wine-8.0" in caption[1] and "not how Windows performs" in caption[1]
    assert caption[1].replace("\\", "") in (tmp_path / "docs" / "report.md").read_text(
        "utf-8"
    ).replace("\\", "")


def test_the_table_as_csv_is_that_of_the_docs(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(csv.DictReader(io.StringIO(out_of(capsys, "report", run, "--table", "csv"))))
    assert len(rows) == 6 and {row["platform"] for row in rows} == {"wine-8.0"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "rio"], "--only rio: must be one of: select, events, iocp"),
        (["--only", "iocp,iocp"], "--only iocp,iocp: must not repeat a name"),
        (["--table", "html"], "--table html: must be one of: md, csv"),
        (["--table", "md", "--json"], "--table: must be omitted with --json"),
        (["--open", "--json"], "--open: must be omitted with --json"),
        (["--charts", "winner_map"], "--charts: must be used with --docs"),
        (["--docs", "x", "--charts", "winer_map"], "--charts winer_map: no such chart; did you"),
    ],
)
def test_bad_input(
    words: list[str], message: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failure(capsys, "report", run, *words).startswith(message)


def test_open_names_the_page_where_no_browser_starts(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = run / "report.html"
    monkeypatch.setattr("webbrowser.open", lambda address: address != page.as_uri())
    monkeypatch.setattr("iomodels.report.html.write_report", lambda summary: page)
    monkeypatch.setattr(folders, "RESULTS", run.parent / "none")
    assert out_of(capsys, "report", run, "--open").endswith(
        f"no browser could be started; open this file: {page}\n"
    )


# ---- comparisons ----


def test_three_runs_become_one_page_over_the_first(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [renamed(run, f"2025020{number}-000000-select-vs-iocp") for number in (1, 2)]
    page = tmp_path / "compare.html"
    out = out_of(capsys, "compare", run, *others, "--html", page)
    assert out == f"page: {page}\n"
    text = page.read_text("utf-8")
    assert "3 runs compared" in text and "Not Windows" in text
    assert re.search(r"B over A: 0 of \d+ cells differ. C over A: 0 of \d+ cells differ.", text)
    for word in ("B ÷ A [95 %]", "C ÷ A [95 %]", run.name, *(each.name for each in others)):
        assert word in text
    assert "src=" not in text and "http" not in text.replace("http-equiv", "")
    data = json.loads(out_of(capsys, "compare", run, *others, "--json"))
    assert [each["runs"]["b"]["run"] for each in data["pairs"]] == [each.name for each in others]


def test_runs_of_two_platforms_become_no_page(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = renamed(run, "20250201-000000-select-vs-iocp")
    windows = make_run(
        tmp_path / "w", suite_of(THREE, (1, 64), (64,), 8), platform="windows-11-26100"
    )
    page = tmp_path / "compare.html"
    with pytest.raises(SystemExit) as ended:
        main([*map(str, ("compare", run, other, windows)), "--html", str(page)])
    assert ended.value.code == 2 and not page.exists()
    assert "the runs differ in platform" in capsys.readouterr().err


# ---- other pages ----


@pytest.fixture(scope="module")
def laws() -> Any:
    return load(min((ROOT / "results" / "contributed").glob("*/*/laws.json")))


def test_laws_are_a_page_next_to_their_data(laws: Any, tmp_path: Path) -> None:
    shown = write_laws_page(laws, tmp_path).read_text("utf-8")
    assert (tmp_path / "laws.html").is_file() and 'href="laws.json"' in shown
    assert "Not Windows" in shown and laws.platform in shown
    assert len(laws_page(laws).tables[0].rows) == len(laws.judged)
    for each in laws.judged:
        assert each.law in shown


def test_a_micro_page_has_every_primitive(tmp_path: Path) -> None:
    run = make_micro(tmp_path)
    shown = html(micro_page(run))
    for one in run.benchmarks:
        assert f">{one.name}</td>" in shown
    assert "Not Windows" in shown and 'href="benchmark.json"' in shown


def test_the_list_and_the_report_give_the_same_answer(run: Path) -> None:
    loaded: Run = load_run(run)
    (row,) = overview(run.parent)
    assert row.headline == answer(summarise(loaded)).headline
