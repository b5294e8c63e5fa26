"""`iomodels validate RUN`: a made-up run that could be handed in, and each thing that would spoil it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iomodels.cli.main import main
from iomodels.data.store import MANIFEST, RECORDS
from iomodels.report.submission import complaints
from made_run import make_run

Change = Callable[[dict[str, Any]], None]


def edit(run: Path, change: Change) -> None:
    path = run / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def give_binaries(manifest: dict[str, Any]) -> None:
    manifest["environment"]["binaries"] = {
        "msvc/bin/iocp.exe": "0" * 64,
        "msvc/bin/select.exe": "1" * 64,
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    made = make_run(tmp_path)
    edit(made, give_binaries)
    (made / "report.html").touch()
    return made


def test_a_good_run_is_taken(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert complaints(run) == []
    assert main(["validate", str(run)]) == 0
    assert "can be submitted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda manifest: manifest.update(quick=True), "--quick"),
        (lambda manifest: manifest["git"].update(dirty=True), "changed and not committed"),
        (
            lambda manifest: manifest["git"].update(commit=None, dirty=None, reason="no git"),
            "commit is unknown: no git",
        ),
        (lambda manifest: manifest["environment"].update(binaries=None), "hashes of the programs"),
        (
            lambda manifest: manifest["environment"]["binaries"].pop("msvc/bin/iocp.exe"),
            "lacks the SHA-256 of iocp",
        ),
        (
            lambda manifest: manifest["environment"]["binaries"].update(
                {"msvc/bin/select.exe": "?"}
            ),
            "lacks the SHA-256 of select",
        ),
        (lambda manifest: manifest.update(seed=8), "its seed 8 is not that of its suite, 7"),
        (
            lambda manifest: manifest["environment"].update(place="C:\\Users\\Alice\\iomodels"),
            "(C:\\\\Users\\\\Alice)",
        ),
        (
            lambda manifest: manifest["environment"].update(place="/home/bob/iomodels"),
            "(/home/bob)",
        ),
    ],
)
def test_what_spoils_a_run_is_named(
    run: Path, change: Change, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(run, change)
    [found] = complaints(run)
    assert said in found
    assert main(["validate", str(run)]) == 1
    assert said in capsys.readouterr().err


def keep(run: Path, choose: Callable[[list[str]], list[str]]) -> None:
    path = run / RECORDS
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(choose(lines)), encoding="utf-8")


def swap_conditions(lines: list[str]) -> list[str]:
    """Each of the first two records says that it is the other: all counts stay right."""
    one, two = json.loads(lines[0]), json.loads(lines[1])
    one["condition"], two["condition"] = two["condition"], one["condition"]
    one["repeat"], two["repeat"] = two["repeat"], one["repeat"]
    return [json.dumps(one) + "\n", json.dumps(two) + "\n", *lines[2:]]


@pytest.mark.parametrize(
    ("choose", "said"),
    [
        (lambda lines: [], "60 of 60 measurements are missing"),
        (lambda lines: lines[:30], "30 planned measurements have no record"),
        (lambda lines: [*lines[:4], lines[5][:50] + "\n", *lines[5:]], "line 5: not a JSON object"),
        (swap_conditions, "a record is not of its plan: record 0"),
    ],
)
def test_records_that_are_not_those_of_the_plan_are_refused(
    run: Path, choose: Callable[[list[str]], list[str]], said: str
) -> None:
    keep(run, choose)
    assert any(said in line for line in complaints(run))


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "laws.json is damaged"), (json.dumps({"format": 1}), "laws.json is damaged")],
)
def test_damaged_laws_are_refused_and_cost_only_their_section(
    run: Path, content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "laws.json").write_text(content, encoding="utf-8")
    [found] = complaints(run)
    assert said in found
    assert main(["report", str(run)]) == 0
    assert "laws of the platform are left out" in (run / "report.md").read_text(encoding="utf-8")


def test_files_that_are_not_of_a_run_are_refused(run: Path) -> None:
    (run / "setup.exe").touch()
    assert complaints(run) == ["unexpected files: setup.exe"]


def test_an_unfinished_run_and_failed_measurements_are_refused(tmp_path: Path) -> None:
    half = make_run(tmp_path / "half", status="interrupted", measured=3)
    assert any("not complete: 3 of" in line for line in complaints(half))
    failing = make_run(tmp_path / "failing", rate=lambda measurement: None)
    assert any("measurements failed" in line for line in complaints(failing))


def test_a_server_that_holds_only_so_many_connections_is_a_result(tmp_path: Path) -> None:
    said = "loadgen: connection 4951 to 127.0.0.1:1: no reply to its first request: timeout"
    limited = make_run(
        tmp_path,
        rate=lambda measurement: None,
        enrich=lambda record: replace(record, stderr=said),
    )
    assert not any("measurements failed" in line for line in complaints(limited))


def test_a_damaged_run_is_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (run / RECORDS).open("ab") as stream:
        stream.write(b'{"format": 3}\n')
    assert main(["validate", str(run)]) == 1
    assert "records.jsonl: line 61: at the top level" in capsys.readouterr().err
