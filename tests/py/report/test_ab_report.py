"""The report of two builds: one table per unit, its words, the same in every form."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from iomodels.base.files import ROOT
from iomodels.data.records import Record
from iomodels.data.store import load_run
from iomodels.figures import ratios_to_baseline, winner_map
from iomodels.judge.paired import Comparison
from iomodels.judge.rule import Word
from iomodels.judge.summary import Summary, summarise
from iomodels.plan.load import Load
from iomodels.plan.order import Measurement
from iomodels.report.ab import change_words
from iomodels.report.answer import answer
from iomodels.report.as_data import cells_csv, to_json
from iomodels.report.html import write_report
from iomodels.report.shape import ChangeRow, Changes, ChangeTable
from iomodels.report.terminal import print_answer, print_changes
from made_run import AB, Rate, ab_suite, make_run, noisy_rate, with_counters

SCHEMA = json.loads((ROOT / "results/schema/report.schema.json").read_text(encoding="utf-8"))
CHECK = jsonschema.Draft202012Validator(SCHEMA)
LABELS = ("iocp@old", "iocp@new", "tpio@old", "tpio@new")
BASES = {"iocp@old": 100.0, "iocp@new": 110.0, "tpio@old": 200.0, "tpio@new": 190.0}
CPU_US = {"iocp@old": 50.0, "iocp@new": 40.0, "tpio@old": 30.0, "tpio@new": 36.0}


def counted(record: Record) -> Record:
    """CPU time as in CPU_US, 1 % more or less by repeat."""
    share = 1 + 0.01 * (record.repeat % 3)
    cpu_ns = 1e3 * CPU_US[record.condition.model] * share
    return with_counters(record, {"server.cpu_ns": cpu_ns})


def summary_of(
    folder: Path,
    rate: Rate | None = None,
    labels: tuple[str, ...] = LABELS,
    connections: tuple[int, ...] = (8, 64),
    manifest: Mapping[str, Any] = AB,
    **suite: Any,
) -> Summary:
    """Every summary of these tests is also valid JSON of the report."""
    made = replace(ab_suite(labels, connections, suite.pop("rounds", 8)), **suite)
    path = make_run(folder, made, rate=rate or noisy_rate(BASES), manifest=manifest, enrich=counted)
    summary = summarise(load_run(path))
    CHECK.validate(json.loads(json.dumps(to_json(summary), allow_nan=False)))
    return summary


def paced(item: Measurement) -> float:
    return 50.0 if item.condition.rate_percent else noisy_rate(BASES)(item)


def printed(summary: Summary, width: int = 100) -> str:
    output = io.StringIO()
    print_answer(summary, Console(file=output, width=width, no_color=True))
    return output.getvalue()


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.split()[1:2] in (["iocp"], ["tpio"])]


# ---- in a closed loop: rates ----


def test_one_line_per_model_and_load_and_the_mean(tmp_path: Path) -> None:
    text = printed(summary_of(tmp_path))
    assert "64 B · requests/s · wine-8.0" in text
    assert [row[:2] for row in rows(text)] == [
        ["8", "iocp"],
        ["8", "tpio"],
        ["64", "iocp"],
        ["64", "tpio"],
    ]
    assert [row[-1] for row in rows(text)] == ["faster", "slower"] * 2
    assert all(" −" in " ".join(row) for row in rows(text)[1::2])
    headline = " ".join(text.split("conn.")[0].split())
    assert "On wine-8.0, new over old: requests/s +" in headline
    assert "in the geometric mean of 4 changes: 2 faster, 2 slower." in headline


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_with_the_longest_names_and_words(width: int, tmp_path: Path) -> None:
    name, widest = "iocp_with_a_very_long_name_of_a_patch", "−23.1 % [−26.1, −20.0]"
    row = ChangeRow(name, "100,000", "125,000", "99,000", widest, "<0.0001", "likely less CPU time")
    summary = summary_of(tmp_path, connections=(8,), rounds=1)
    changes = Changes((ChangeTable("64 B", "requests/s", (row, row)),), (), (), (), ())
    output = io.StringIO()
    print_changes(changes, summary, Console(file=output, width=width, no_color=True))
    text = output.getvalue()
    assert max(map(len, text.splitlines())) <= width and "…" not in text
    for cell in (row.connections, row.old, row.new, row.change, row.p, *row.word.split()):
        assert text.count(cell) == 2, "nothing is cut off"
    names = [line.split("100,000")[-1].split()[0] for line in text.splitlines() if widest in line]
    assert all(name.startswith(each) and len(each) > 5 for each in names)


def test_a_side_that_fails_is_told_below_its_table(tmp_path: Path) -> None:
    def rate(item: Measurement) -> float | None:
        return None if item.condition.model == "tpio@new" else noisy_rate(BASES)(item)

    text = " ".join(printed(summary_of(tmp_path, rate)).split())
    assert "no figure: tpio at 8 connections × 64 B: tpio@new: failed (" in text
    assert "in the geometric mean of 2 changes: 2 faster." in text


def test_one_change_needs_no_mean(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, labels=LABELS[:2], connections=(64,))
    headline = answer(summary).headline
    assert headline.startswith(
        "On wine-8.0, new over old: iocp at 64 connections × 64 B, requests/s +"
    )
    assert headline.endswith(": faster.") and "mean" not in headline


def test_without_figures_it_says_so(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, lambda item: None)
    assert answer(summary).headline == (
        "On wine-8.0, new over old: no model has a figure for both builds."
    )
    assert {load.badge for load in answer(summary).loads} == {"no figure"}


# ---- at an offered rate: CPU time ----


@pytest.mark.parametrize("how", ["a share of the peak", "--rate"])
def test_at_an_offered_rate_cpu_time_is_compared(how: str, tmp_path: Path) -> None:
    """All serve equal rates there, which say nothing of a build."""
    if how == "--rate":
        summary = summary_of(tmp_path, lambda item: 50.0, load=Load((("rate", 50),)))
    else:
        summary = summary_of(tmp_path, paced, rate_percents=(50,))
    text = printed(summary)
    table = text[text.index("µs of CPU time per request") :]
    assert ("64 B, at 50 requests/s · µs" in text) is (how == "--rate")
    first = rows(table)[0]
    assert first[:4] == ["8", "iocp", "50.4", "40.3"] and first[4] == "−20.0"
    assert (
        " ".join(first[-3:]) == "less CPU time" and " ".join(rows(table)[1][-3:]) == "more CPU time"
    )
    assert "faster" not in table and "slower" not in table
    flat = " ".join(text.split())
    assert "CPU time per request −2.0 %" in flat, "0.8 × 1.2 is 0.96, its root 0.98"
    assert flat.count("geometric mean of 4 changes") == (1 if how == "--rate" else 2)


def test_rates_and_costs_have_means_of_their_own(tmp_path: Path) -> None:
    data = to_json(summary_of(tmp_path, paced, rate_percents=(50,)))["changes"]
    rates, costs = data["geometric_means"]
    assert (rates["of"], costs["of"]) == ("requests_per_second", "cpu_time")
    assert rates["changes"] == costs["changes"] == 4
    assert rates["comparison"]["ratio"]["value"] == pytest.approx((1.1 * 0.95) ** 0.5, rel=0.02)
    assert costs["comparison"]["ratio"]["value"] == pytest.approx((0.8 * 1.2) ** 0.5, rel=0.001)
    assert costs["comparison"]["word"] == "less CPU time" and costs["comparison"]["rounds"] == 8


# ---- every form says the same ----


def test_json_markdown_and_html_have_the_table_of_the_terminal(
    tmp_path: Path, one_figure: None
) -> None:
    summary = summary_of(tmp_path, paced, rate_percents=(50,))
    page = write_report(summary).read_text(encoding="utf-8")
    markdown = (summary.run.path / "report.md").read_text(encoding="utf-8")
    found = answer(summary)
    assert found.changes
    for text in (page, markdown):
        flat = text.replace("\\", "").replace("&amp;", "&")
        assert found.headline in flat
        for table in found.changes.tables:
            assert table.unit in flat
            for row in table.rows:
                assert row.change in flat and row.word in flat and row.old in flat
        assert "to the old build of the same model at the same load" in " ".join(
            flat.replace("Ratio\nto", "Ratio to").split()
        )
        assert "ranked list" not in flat and "is fastest" not in flat
    data = to_json(summary)
    assert data["baseline"] == "@old"
    changes = {(each["model"], each["connections"], each["rate_percent"]): each
               for each in data["changes"]["changes"]}  # fmt: skip
    assert len(changes) == 8
    paced_iocp, closed_iocp = changes["iocp", 64, 50], changes["iocp", 64, 0]
    assert paced_iocp["comparison"]["word"] == "less CPU time"
    assert paced_iocp["comparison"]["ratio"]["value"] == pytest.approx(0.8)
    assert paced_iocp["new"] / paced_iocp["old"] == pytest.approx(0.8)
    assert closed_iocp["comparison"]["word"] == "faster"
    assert closed_iocp["new"] / closed_iocp["old"] == pytest.approx(
        closed_iocp["comparison"]["ratio"]["value"]
    )


def test_a_cell_is_compared_with_the_old_build_of_its_model(tmp_path: Path) -> None:
    summary = summary_of(tmp_path)
    over = {
        cell["server"]: (cell["comparison"] or {}).get("over") for cell in to_json(summary)["cells"]
    }
    assert over == {
        "iocp@old": None,
        "iocp@new": "iocp@old",
        "tpio@old": None,
        "tpio@new": "tpio@old",
    }
    head, *lines = cells_csv(summary).splitlines()
    place = head.split(",").index("over")
    assert {line.split(",")[place] for line in lines} == {"", "iocp@old", "tpio@old"}


def test_no_chart_names_a_fastest_build(tmp_path: Path) -> None:
    from iomodels.base.errors import Failure

    with pytest.raises(Failure, match="compares two builds of each model"):
        winner_map.draw(summary_of(tmp_path).run)


def test_the_chart_of_ratios_asks_about_builds(tmp_path: Path) -> None:
    plot = ratios_to_baseline.draw(summary_of(tmp_path, connections=(8,)).run)
    assert plot.question == "How far is each new build from the old one, and how sure is that?"
    assert [row[2:4] for row in plot.rows] == [("iocp@new", "iocp@old"), ("tpio@new", "tpio@old")]


def test_the_ranked_list_of_a_load_has_both_builds_of_each_model(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, paced, rate_percents=(50,))
    found = answer(summary)
    closed, offered = found.loads[0], found.loads[-1]
    assert [rank.label for rank in closed.ranking] == list(LABELS)
    assert [rank.words == "old" for rank in closed.ranking] == [True, False, True, False]
    assert max(rank.share for rank in closed.ranking) == 1.0
    shares = {rank.label: rank.share for rank in offered.ranking}
    assert shares["tpio@old"] == 1.0 and shares["iocp@old"] == pytest.approx(0.6)
    assert offered.offered and not closed.offered


# ---- what is open ----


def test_an_open_change_has_the_command_that_settles_it(tmp_path: Path) -> None:
    """It is a comparison of builds, at that load, and not a run of a suite named ab."""
    manifest = {**AB, "command": ["iomodels", "ab", "old", "new", "--rounds", "8", "--depth", "2"]}
    equal = dict.fromkeys(LABELS, 100.0)

    def rate(item: Measurement) -> float:
        return noisy_rate(equal, 0.2 if item.condition.connections == 64 else 0.001)(item)

    summary = summary_of(tmp_path, rate, manifest=manifest)
    found = answer(summary)
    assert [load.badge for load in found.loads] == ["equal", "not decided"]
    assert found.loads[0].next is None and found.shown is found.loads[1]
    assert found.shown.next
    assert found.shown.next.command.startswith(
        "iomodels ab old new --depth 2 --connections 64 --size 64 --rounds "
    )
    text = printed(summary)
    assert "to settle 64 connections × 64 B (about " in text and found.shown.next.command in text


# ---- numbers ----


def comparison(ratio: float, low: float | None, high: float | None, word: Word) -> Comparison:
    return Comparison("new", "old", 8, ratio, low, high, None, None, None, word, None)


@pytest.mark.parametrize(
    ("one", "offered", "text"),
    [
        (comparison(1.053, 1.012, 1.094, Word.FASTER), False, "+5.3 % [+1.2, +9.4]"),
        (comparison(0.9, 0.8, 0.99, Word.SLOWER), False, "−10.0 % [−20.0, −1.0]"),
        (comparison(1.25, 1.2, 1.3, Word.FASTER), True, "−20.0 % [−23.1, −16.7]"),
        (comparison(1.002, 1.0003, 1.004, Word.FASTER), False, "+0.2 % [+0.03, +0.4]"),
        (comparison(1.0, 0.9996, 1.0004, Word.EQUAL), False, "+0.0 % [−0.0, +0.0]"),
        (comparison(1.1, None, None, Word.PROVISIONAL), False, "+10.0 %"),
        (comparison(3.0, 0.0, float("inf"), Word.PROVISIONAL), False, "+200.0 % [−100.0, +∞]"),
        (comparison(30.0, 20.0, 40.0, Word.FASTER), False, "+2,900 % [+1,900, +3,900]"),
    ],
)
def test_a_change_is_in_percent_with_its_sign(one: Comparison, offered: bool, text: str) -> None:
    assert change_words(one, offered) == text


def test_a_p_without_evidence_in_its_digits_is_cut(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, paced, rate_percents=(50,))
    found = answer(summary)
    assert found.changes
    costs = {row.p for row in found.changes.tables[-1].rows}
    assert costs == {"<0.0001"}
    assert all(0 < float(row.p.lstrip("<")) < 0.01 for row in found.changes.tables[0].rows)
