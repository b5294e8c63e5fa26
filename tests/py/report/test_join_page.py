"""The page of two operating systems, as users get it: named, complete, and without Wine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from iomodels.cli.main import main
from iomodels.data.store import write_manifest
from iomodels.figures import literature, two_systems, two_systems_ratios
from iomodels.judge.join import Scale, join
from iomodels.report.join_sentences import NO_CLAIM, TWO_KERNELS, UNKNOWN_SPREAD
from made_join import LINUX, WINDOWS, bare_run, runs_of, write_run

CHARTS = [*two_systems.NAMES.values(), *two_systems_ratios.NAMES.values()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("runs")
    return [
        str(write_run(folder, platform, number))
        for platform in (WINDOWS, LINUX)
        for number in range(2)
    ]


@pytest.fixture(scope="module")
def folder(runs: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("joined") / "page"
    assert main(["join", *runs, "--out", str(out)]) == 0
    return out


def test_the_page_is_titled_with_both_platforms_and_warns_of_two_kernels(folder: Path) -> None:
    html = (folder / "join.html").read_text(encoding="utf-8")
    assert f"<h1>{WINDOWS} and {LINUX}: select versus IOCP</h1>" in html
    assert TWO_KERNELS in html and "Not Windows" not in html
    for heading in ("What both platforms share", "What differs", "What is not checked", "Runs"):
        assert f"<h2>{heading}</h2>" in html
    assert html.count("<svg") == len(CHARTS) and html.index("<svg") < html.index("<table")
    assert "faster" in html and "more CPU time" in html and "iocp again" not in html


def test_every_chart_has_its_files_and_each_row_names_its_platform(folder: Path) -> None:
    for name in CHARTS:
        for end in ("svg", "png", "csv"):
            assert (folder / "figures" / f"{name}.{end}").stat().st_size > 100
    lines = (folder / "figures" / f"{CHARTS[0]}.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("format,platform,server,")
    assert {tuple(line.split(",")[1:3]) for line in lines[1:]} == {
        (WINDOWS, "iocp"),
        (WINDOWS, "select"),
        (LINUX, "epoll"),
        (LINUX, "select"),
    }


def test_the_markdown_has_the_tables_of_the_page(folder: Path) -> None:
    lines = (folder / "join.md").read_text(encoding="utf-8").splitlines()
    assert (
        lines[0] == f"# {WINDOWS} and {LINUX}: select versus IOCP" and f"> {TWO_KERNELS}" in lines
    )
    rows = [line for line in lines if line.startswith("| 50 | ")]
    assert [line.split(" | ")[1:3] for line in rows[:4]] == [
        [WINDOWS, "iocp"],
        [WINDOWS, "select"],
        [LINUX, "epoll"],
        [LINUX, "select"],
    ]
    widths = {line.count(" | ") for line in rows}
    assert len(widths) == 1, "a row has as many cells as the others"


def test_both_panels_of_a_row_have_one_scale() -> None:
    joined = join(runs_of(WINDOWS, 1), runs_of(LINUX, 1))
    figure = two_systems.draw(joined, Scale.RATE, "again").figure
    left, right = figure.axes
    assert left.get_ylim() == right.get_ylim() and left.get_xlim() == right.get_xlim()
    assert left.get_ylim()[0] == 0 and left.get_ylim()[1] > 13_000
    assert (left.get_title(loc="left"), right.get_title(loc="left")) == (
        "Windows, 64 B",
        "Linux, 64 B",
    )


def test_literature_is_quoted_without_invented_numbers(folder: Path) -> None:
    found = literature.iocp_and_epoll()
    assert {each.verified for each in found if each.source} == {True}
    named = [each for each in found if not each.source]
    assert len(named) == 1 and not named[0].printed and not named[0].verified
    html = (folder / "join.html").read_text(encoding="utf-8")
    for each in found:
        assert each.words in html.replace("&#39;", "'") and each.printed in html


Out = Callable[..., str]


@pytest.fixture
def out_of(capsys: pytest.CaptureFixture[str]) -> Out:
    def run(*words: str) -> str:
        capsys.readouterr()
        assert main(["join", *words]) == 0
        return capsys.readouterr().out

    return run


def test_the_terminal_says_what_is_not_checked(runs: list[str], out_of: Out) -> None:
    text = " ".join(out_of(*runs).split())
    assert TWO_KERNELS in text and "not checked: hardware: firmware" in text
    assert f"64 B · requests/s · {WINDOWS} and {LINUX}" in text


def test_one_run_each_has_ratios_and_no_claim(runs: list[str], out_of: Out) -> None:
    data = json.loads(out_of(runs[0], runs[2], "--json"))
    assert not data["over_runs"] and data["headline"].endswith("without a claim.")
    assert data["remarks"][0] == UNKNOWN_SPREAD
    ratios = [one for load in data["loads"] for scale in load["scales"] for one in scale["ratios"]]
    assert ratios and {one["word"] for one in ratios} == {NO_CLAIM}
    assert all(one["low"] < one["ratio"] < one["high"] for one in ratios)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--json", "--out", "page"], "--out: must be omitted with --json"),
        (["--baseline", "epoll"], "--baseline epoll: must be one of: iocp, select"),
    ],
)
def test_wrong_options(
    options: list[str], reason: str, runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["join", runs[0], runs[2], *options])
    assert (ended.value.code, capsys.readouterr().err) == (2, f"iomodels: {reason}\n")


def test_wine_is_refused_in_one_line(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_manifest(tmp_path, bare_run("wine-8.0").manifest)
    with pytest.raises(SystemExit) as ended:
        main(["join", runs[2], str(tmp_path)])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and error.count("\n") == 1 and "no kernel of its own" in error
