"""What a report says of classes of connections and of churn: from records whose figures are known."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from test_report import Page

from iomodels.base.files import ROOT
from iomodels.data.records import Record
from iomodels.data.store import load_run
from iomodels.figures import then_versus_now, throughput_by_connections
from iomodels.judge.classes import churn_of, shares_of
from iomodels.judge.summary import Summary, summarise
from iomodels.plan.load import Load
from iomodels.report.answer import answer
from iomodels.report.as_data import to_json
from iomodels.report.html import write_report
from made_run import CLASSES, make_run, suite_of, usual_rate, with_classes

SUITE = replace(suite_of(connections=(101,), sizes=(64,)), load=Load((), CLASSES))


def summary_of(folder: Path, **options: Any) -> Summary:
    return summarise(load_run(make_run(folder, SUITE, **{"enrich": with_classes, **options})))


def test_each_class_has_its_figures_with_intervals(tmp_path: Path) -> None:
    select, iocp = summary_of(tmp_path).cells
    heavy, light, together = iocp.shares
    assert [(each.name, each.connections, each.target_rate) for each in iocp.shares[:2]] == [
        ("heavy", 1, None),
        ("light", 100, 500.0),
    ]
    assert (light.rate.value, light.share.value, light.jain.value) == (
        pytest.approx(7500),
        pytest.approx(0.75),
        0.99,
    )
    assert (light.rate.low, light.rate.high) == (pytest.approx(7425), pytest.approx(7575)), (
        "of three repeats that differ by 1 %"
    )
    p99 = light.latency_us[99.0]
    assert (p99.value, p99.low, p99.high) == (
        pytest.approx(8080),
        pytest.approx(8000),
        pytest.approx(8160),
    ), "the median of the repeats' own"
    assert heavy.latency_us[50.0].value == pytest.approx(2020)
    assert (
        heavy.latency_us[99.0].value is None
        and heavy.latency_us[99.0].reason
        == "fewer than 10 of 500 samples lie beyond it in a repeat"
    )
    assert (together.connections, together.share.value, together.jain.value) == (101, 1.0, 0.25)
    assert select.shares[1].latency_us[50.0].value == pytest.approx(20_200)


def test_churn_has_its_rate_and_how_long_a_connect_takes(tmp_path: Path) -> None:
    churn = summary_of(tmp_path).cells[1].churn
    assert (
        churn and churn.rate.value == pytest.approx(1000) and churn.rate.low == pytest.approx(990)
    )
    assert churn.latency_us[50.0].value == pytest.approx(100, rel=1e-3) and churn.latency_us[
        99.0
    ].value == pytest.approx(900, rel=1e-3)


def test_what_the_records_lack_is_missing_with_a_reason(tmp_path: Path) -> None:
    def one_lacks(record: Record) -> Record:
        return record if record.repeat == 1 else with_classes(record)

    cell = summary_of(tmp_path, enrich=one_lacks).cells[1]
    light = cell.shares[1]
    assert [(each.value, each.reason) for each in (light.rate, light.share)] == [
        (None, "not recorded")
    ] * 2
    assert light.latency_us[50.0].value is None and light.jain.value is None
    assert cell.churn and (cell.churn.rate.value, cell.churn.rate.reason) == (None, "not recorded")
    (nothing,) = shares_of([], [])
    assert (
        (nothing.rate.value, nothing.rate.reason)
        == (None, "no valid repeat")
        == (churn_of([]).rate.value, churn_of([]).rate.reason)
    )


def test_a_load_without_classes_has_no_such_tables(tmp_path: Path) -> None:
    summary = summarise(
        load_run(make_run(tmp_path, suite_of(connections=(8,), sizes=(64,)), enrich=with_classes))
    )
    data = to_json(summary)["cells"][0]
    assert (data["classes"], data["churn"], data["jain_index"]["value"]) == ([], None, 0.25)
    assert not any("class" in each for each in (answer(summary).headline, *answer(summary).remarks))


def test_the_report_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "iomodels.figures.catalogue.OF_RUNS", (throughput_by_connections, then_versus_now)
    )
    summary = summary_of(
        tmp_path,
        rate=lambda item: (
            None if item.condition.model == "select" and item.repeat == 0 else usual_rate(item)
        ),
    )
    folder = write_report(summary.run).parent
    page, markdown = (
        Page((folder / "report.html").read_text(encoding="utf-8")),
        (folder / "report.md").read_text(encoding="utf-8"),
    )
    assert page.open == []
    for words in (
        "Who got how much",
        "Replaced connections",
        "heavy: connections 1, depth 64; light: rate 500, churn 10",
        "On wine-8.0, median response of class heavy (1 connection): select 20.3 ms (p99 unavailable)",
        "median response of class light (100 connections): select 20.3 ms (p99 81.2 ms) and iocp 2.02",
    ):
        assert words in page.text and words in markdown, words
    rows = [
        re.split(r" \| ", line.strip("| "))
        for line in markdown.replace("\\", "").splitlines()
        if line.startswith("| 101 | iocp |")
    ]
    shares = [row for row in rows if ":" in row[2]]
    assert shares == [
        [
            "101",
            "iocp",
            "heavy: 1, closed",
            "2,500 [2,480, 2,520]",
            "25.0 %",
            "2.02 ms [2.00, 2.04]",
            "–",
            "1.00",
            "3",
        ],
        [
            "101",
            "iocp",
            "light: 100, 500/s",
            "7,500 [7,420, 7,580]",
            "75.0 %",
            "2.02 ms [2.00, 2.04]",
            "8.08 ms [8.00, 8.16]",
            "0.990",
            "3",
        ],
        [
            "101",
            "iocp",
            "all together: 101",
            "10,000 [9,900, 10,100]",
            "100.0 %",
            *shares[-1][5:7],
            "0.250",
            "3",
        ],
    ]
    assert ["101", "iocp", "64 B", "1,000 [990, 1,010]", "100 µs", "900 µs", "3"] in rows
    assert "2 cells, heavy, p99: fewer than 10 of 500 samples lie beyond it in a repeat" in markdown
    assert "then_versus_now (its load is not the plain one of published numbers)" in markdown
    schema = json.loads(
        (ROOT / "results" / "schema" / "report.schema.json").read_text(encoding="utf-8")
    )
    data = to_json(summary)
    jsonschema.Draft202012Validator(schema).validate(data)
    light = data["cells"][1]["classes"][1]
    assert light["latency_us"]["p99"] == {
        "value": pytest.approx(8080),
        "low": pytest.approx(8000),
        "high": pytest.approx(8160),
    }
    assert data["cells"][1]["churn"]["connect_us"]["p50"] == {"value": pytest.approx(100, rel=1e-3)}
