"""`iomodels runs`: what it lists, opens and removes, and the page of all runs."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import made_micro
from iomodels.cli import finishing, folders
from iomodels.cli.main import main
from iomodels.data.store import load_run
from iomodels.report import overview
from iomodels.report.pack import pack_run
from made_run import RUN, make_run, suite_of

SMALL = suite_of(connections=(1,), sizes=(64,))
DEADLINE_S = 60.0


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "results"
    made.mkdir()
    monkeypatch.setattr(folders, "RESULTS", made)
    return made


def named(folder: Path, name: str) -> Path:
    """Rename a made run, in its files too."""
    path = folder.with_name(name)
    for file in folder.glob("*.json*"):
        file.write_text(file.read_text("utf-8").replace(folder.name, name), "utf-8")
    return folder.rename(path)


def aged(folder: Path, seconds: float = 2 * overview.QUIET_S) -> Path:
    """Let the last change of a run be long ago."""
    at = time.time() - seconds
    for path in (*folder.iterdir(), folder):
        os.utime(path, (at, at))
    return folder


def _of_another_run(folder: Path) -> None:
    """Let all records name another run, which no reading command takes."""
    path = folder / "records.jsonl"
    text = path.read_text("utf-8")
    path.write_text(text.replace(json.loads(text.splitlines()[0])["run"], "another"), "utf-8")


@pytest.fixture
def every_kind(results: Path) -> dict[str, Path]:
    """A results folder with a run of each status."""
    made = {
        "packed": results / "contributed" / "wine-8.0" / RUN,
        "complete": named(make_run(results, SMALL), "20250102-000000-complete"),
    }
    pack_run(load_run(made["complete"]), made["packed"])
    made["interrupted"] = named(
        make_run(results, SMALL, measured=3, status="interrupted"), "20250103-000000-interrupted"
    )
    made["killed"] = aged(
        named(make_run(results, SMALL, measured=3, status="running"), "20250104-000000-killed")
    )
    made["running"] = named(
        make_run(results, SMALL, measured=0, status="running"), "20250105-000000-running"
    )
    made["empty"] = named(
        make_run(results, SMALL, measured=0, status="interrupted"), "20250106-000000-empty"
    )
    made["damaged"] = named(make_run(results, SMALL), "20250107-000000-damaged")
    _of_another_run(made["damaged"])
    made["micro"] = made_micro.make_run(results).path
    made["other"] = results / "laws"
    made["other"].mkdir()
    return made


def out_of(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(words) == code
    return capsys.readouterr().out


def failure(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
    return err.strip()


def rows_of(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    found = json.loads(out_of(capsys, "runs", "--json"))
    assert found["format"] == overview.FORMAT
    return {each["name"]: each for each in found["runs"]}


def test_each_run_has_its_status_its_measurements_and_its_answer(
    every_kind: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_of(capsys)
    status = {name: row["status"] for name, row in rows.items()}
    assert status == {
        RUN: "packed",
        "20250102-000000-complete": "complete",
        "20250103-000000-interrupted": "interrupted",
        "20250104-000000-killed": "interrupted",
        "20250105-000000-running": "running",
        "20250106-000000-empty": "empty",
        "20250107-000000-damaged": "damaged",
        made_micro.RUN: "complete",
    }
    assert next(iter(rows)) == "20250107-000000-damaged", "the newest is first"
    interrupted = rows["20250103-000000-interrupted"]
    assert (interrupted["measurements"], interrupted["planned"]) == (3, 6)
    assert rows["20250102-000000-complete"]["headline"].startswith("On wine-8.0: ")
    assert rows["20250106-000000-empty"]["headline"] is None
    assert "records.jsonl: line 1" in rows["20250107-000000-damaged"]["reason"]


def test_the_list_names_the_answer_of_each_run(
    every_kind: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    text = out_of(capsys, "runs")
    assert re.search(r"interrupted\s+select-vs-iocp\s+wine-8.0\s+interrupted\s+3 of 6 ", text)
    assert "no answer: nothing is measured" in text
    assert text.rstrip().endswith("index.html")


def test_without_runs_it_says_how_to_make_one(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "has no run yet; make one: iomodels run" in out_of(capsys, "runs")
    assert "There is no run yet" in (results / "index.html").read_text("utf-8")


def test_a_row_is_kept_until_its_files_change_or_its_report_is_written_again(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(results, SMALL)
    before = rows_of(capsys)[RUN]
    index = results / overview.INDEX
    index.write_text(index.read_text("utf-8").replace(before["headline"], "kept"), "utf-8")
    assert rows_of(capsys)[RUN]["headline"] == "kept"
    overview.overview(results, again=folder)
    assert rows_of(capsys)[RUN] == before
    index.write_text(index.read_text("utf-8").replace(before["headline"], "kept"), "utf-8")
    _of_another_run(folder)
    assert rows_of(capsys)[RUN]["status"] == "damaged"


@pytest.mark.parametrize("content", ["", "[]", '{"format": 0, "runs": [1]}', '{"format": 1}'])
def test_a_damaged_index_is_read_again(
    content: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(results, SMALL)
    (results / overview.INDEX).write_text(content, encoding="utf-8")
    assert rows_of(capsys)[RUN]["status"] == "complete"


# ---- prune ----


def test_prune_removes_what_is_empty_and_only_when_confirmed(
    every_kind: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["runs", "prune"])
    out, err = capsys.readouterr()
    assert ended.value.code == 2 and "20250106-000000-empty: empty" in out and "--yes" in err
    monkeypatch.setattr("iomodels.cli.listing.has_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert "nothing was removed" in out_of(capsys, "runs", "prune")
    assert all(folder.exists() for folder in every_kind.values())
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert "removed 1 run\n" in out_of(capsys, "runs", "prune")
    gone = {name for name, folder in every_kind.items() if not folder.exists()}
    assert gone == {"empty"}


def test_the_list_of_a_folder_that_cannot_be_written(
    every_kind: dict[str, Path], results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "index.html").mkdir()
    rows = rows_of(capsys)
    assert len(rows) == 8
    assert main(["runs"]) == 0
    out, err = capsys.readouterr()
    assert all(name in out for name in rows) and "index.html is not renewed: " in err


def test_prune_may_remove_interrupted_runs_but_none_that_runs_or_was_contributed(
    every_kind: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    text = out_of(capsys, "runs", "prune", "--interrupted", "--yes")
    assert "removed 3 runs" in text
    gone = {name for name, folder in every_kind.items() if not folder.exists()}
    assert gone == {"empty", "interrupted", "killed"}
    assert "nothing to remove" in out_of(capsys, "runs", "prune", "--interrupted", "--yes")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["runs", "delete"], "ACTION delete: must be one of: list, open, prune"),
        (["runs", "--yes"], "--yes: must be omitted with runs list"),
        (["runs", "open", "--json"], "--json: must be omitted with runs open"),
        (["runs", "prune", "latest"], "latest: must be omitted with runs prune"),
        (["runs", "open", "nothing"], "nothing: no such run;"),
    ],
)
def test_bad_input(
    words: list[str], message: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failure(capsys, *words).startswith(f"iomodels: {message}")


# ---- latest ----


def test_latest_skips_what_is_empty(every_kind: dict[str, Path]) -> None:
    assert folders.find_run("latest") == every_kind["damaged"]
    (every_kind["damaged"] / "records.jsonl").write_text("", encoding="utf-8")
    assert folders.find_run("latest") == every_kind["killed"]


def test_without_a_measurement_there_is_no_latest(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(results, SMALL, measured=0)
    assert failure(capsys, "report", "latest") == (
        f"iomodels: latest: no such run; all runs are empty ({RUN})"
    )


# ---- open ----


@pytest.mark.skipif(sys.platform == "win32", reason="BROWSER names no program on Windows")
def test_open_starts_the_browser_or_names_the_file(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{opened}\n', encoding="utf-8")
    browser.chmod(0o755)
    code = (
        "import sys; from pathlib import Path; from iomodels.cli import folders, main; "
        "folders.RESULTS = Path(sys.argv[1]); sys.exit(main.main(sys.argv[2:]))"
    )
    results = tmp_path / "results"
    folder = make_run(results, SMALL)
    page = folder / "report.html"

    def run(browser: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-c", code, str(results), "runs", "open", "latest"],
            env={**os.environ, "BROWSER": browser, "PATH": "/nowhere", "DISPLAY": ""},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        return done.returncode, done.stdout + done.stderr

    code_, text = run(str(browser))
    assert (code_, text) == (
        1,
        f"iomodels: {RUN}: has no page yet; write it: iomodels report latest\n",
    )
    page.write_text("<html></html>", encoding="utf-8")
    assert run(f"{browser} %s") == (0, f"opened: {page}\n")
    assert opened.read_text("utf-8").strip() == page.as_uri()
    assert run("") == (1, f"no browser could be started; open this file: {page}\n")


# ---- the page ----


class Links(HTMLParser):
    """The links of a page, and its elements that would load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a":
            self.links += [each for each in [found["href"] or ""] if not each.startswith("#")]
        elif "src" in found or "href" in found:
            self.loads.append(tag)


def test_the_page_links_each_report_and_loads_nothing(
    every_kind: dict[str, Path], results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out_of(capsys, "runs")
    text = (results / "index.html").read_text("utf-8")
    found = Links(text)
    assert found.links == [f"contributed/wine-8.0/{RUN}/report.html"]
    assert found.loads == []
    assert all((results / link).is_file() for link in found.links)
    assert "records.jsonl: line 1" in text, "a damaged run is a row with its reason"


def test_platforms_have_sections_and_only_wine_has_a_warning(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(results, SMALL)
    named(
        make_run(results / "contributed" / "w", SMALL, platform="windows-11-26100"),
        "20250109-000000-windows",
    )
    out_of(capsys, "runs")
    text = (results / "index.html").read_text("utf-8")
    sections = re.findall(r"<section .*?</section>", text, flags=re.DOTALL)
    assert [re.search(r"<h2[^>]*>(.*?)</h2>", each)[1] for each in sections] == [  # type: ignore[index]
        "windows-11-26100",
        "wine-8.0",
    ]
    assert ["Not Windows" in each for each in sections] == [False, True]
    assert 'data-platform="wine-8.0"' in sections[1] and RUN in sections[1]


def test_a_report_renews_the_page_and_a_run_elsewhere_does_not(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = make_run(tmp_path / "elsewhere", SMALL)
    console = finishing.Console()
    finishing.renew_index(console, elsewhere)
    assert not (results / "index.html").exists()
    finishing.renew_index(console, make_run(results, SMALL))
    assert RUN in (results / "index.html").read_text("utf-8")
