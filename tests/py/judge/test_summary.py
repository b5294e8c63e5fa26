"""From records to summaries, on runs whose numbers are known."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iomodels.data.records import Record, Run
from iomodels.data.store import load_run
from iomodels.judge import stats
from iomodels.judge.summary import Cell, Summary, summarise
from iomodels.judge.verdict import Kind
from iomodels.plan.order import Measurement
from iomodels.plan.suite import Server
from iomodels.report.answer import answer
from made_run import REPLIES, make_run, rates_by, suite_of

SMALL = suite_of(connections=(1, 64), sizes=(64,))
RATES: dict[tuple[str, int], list[float | None]] = {
    ("select", 1): [100.0, 101.0, 99.0],
    ("iocp", 1): [100.0, 99.0, 101.0],
    ("select", 64): [100.0, 110.0, 90.0],
    ("iocp", 64): [300.0, None, 310.0],
}


def summary_of(
    folder: Path, rates: dict[tuple[str, int], list[float | None]] | None = None, **options: Any
) -> Summary:
    options.setdefault("suite", SMALL)
    return summarise(load_run(make_run(folder, rate=rates_by(rates or RATES), **options)))


def cell_of(summary: Summary, label: str, connections: int) -> Cell:
    return next(
        cell
        for cell in summary.cells
        if cell.condition.label == label and cell.condition.connections == connections
    )


def changed(run: Run, change: Any) -> Run:
    """The same run with every record's server side changed."""

    def edit(record: Record) -> Record:
        return replace(record, server=change(record.server)) if record.server else record

    return replace(run, records=tuple(edit(record) for record in run.records))


def test_only_valid_repeats_count_and_the_others_keep_their_reason(tmp_path: Path) -> None:
    cell = cell_of(summary_of(tmp_path), "iocp", 64)
    assert cell.rates == (300.0, 310.0) and cell.n == 2 and cell.missing == 0
    assert (
        cell.rate is not None
        and cell.rate.value == 305.0
        and (cell.rate.low, cell.rate.high) == (300.0, 310.0)
    )
    assert [(failure.repeat, failure.reason) for failure in cell.failures] == [
        (1, "iocp: died with exit code 3 | before ready")
    ]
    assert "access denied" in (cell.failures[0].stderr or "")


def test_histograms_of_the_repeats_are_merged(tmp_path: Path) -> None:
    summary = summary_of(tmp_path)
    cell = cell_of(summary, "select", 64)
    parts = [
        stats.histogram(record.loadgen["result"]["response"]["histogram"]["counts"])
        for record in summary.run.records
        if record.loadgen and record.condition == cell.condition
    ]
    assert cell.counts == stats.merge(parts) and stats.samples(cell.counts) == 3 * REPLIES
    assert cell.latency_us[50.0].value == (stats.percentile(cell.counts, 50) or 0) / 1000


def test_a_percentile_with_too_few_samples_is_none_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("made_run.REPLIES", 500)
    cell = cell_of(summary_of(tmp_path), "select", 64)
    assert cell.latency_us[99.0].value is not None
    assert cell.latency_us[99.9].value is None and "fewer than 10 of 1,500 samples" in (
        cell.latency_us[99.9].reason or ""
    )


def test_costs_are_differences_over_the_requests_between_the_samples(tmp_path: Path) -> None:
    costs = cell_of(summary_of(tmp_path), "select", 1).costs
    assert {name: measure.value for name, measure in costs.items()} == {
        "cpu_us": 50.0,
        "receives": 2.0,
        "sends": 1.0,
        "waits": 3.0,
        "events": 3.0,
    }


def test_a_null_counter_stays_null_with_a_reason(tmp_path: Path) -> None:
    def without_kernel_time(server: dict[str, Any]) -> dict[str, Any]:
        return {
            **server,
            "end": {
                **server["end"],
                "process": {**server["end"]["process"], "cpu_kernel_ns": None},
            },
        }

    run = changed(summary_of(tmp_path).run, without_kernel_time)
    cost = cell_of(summarise(run), "select", 1).costs["cpu_us"]
    assert cost.value is None and cost.reason == "cpu_kernel_ns cannot be had on this platform"


def test_what_is_compared_at_a_fixed_rate_has_the_wineservers_cpu_time_in_it(
    tmp_path: Path,
) -> None:
    run = summary_of(tmp_path).run
    rows: dict[str, dict[str, Any]] = {
        f"{role}.cpu_ns": {"value": 1.0, "unit": "ns", "source": "made up", "per_request": value}
        for role, value in (("server", 30_000.0), ("wineserver", 45_000.0))
    }
    cases: list[tuple[dict[str, dict[str, Any]] | None, float]] = [
        (rows, 75.0),
        ({"server.cpu_ns": rows["server.cpu_ns"]}, 50.0),
        (None, 50.0),
    ]
    for counters, expected in cases:
        counted = tuple(replace(record, counters=counters) for record in run.records)
        cell = cell_of(summarise(replace(run, records=counted)), "select", 1)
        assert cell.cpu_us == (expected,) * 3 and cell.costs["cpu_us"].value == 50.0


def test_no_request_in_the_window_is_no_division(tmp_path: Path) -> None:
    run = changed(summary_of(tmp_path).run, lambda server: {**server, "end": server["begin"]})
    cost = cell_of(summarise(run), "select", 1).costs["sends"]
    assert cost.value is None and "no request" in (cost.reason or "")


def test_each_server_is_compared_with_the_first_of_the_suite(tmp_path: Path) -> None:
    suite = suite_of(
        servers=(Server("iocp"), Server("select"), Server("iocp", (("threads", 4),))),
        connections=(1, 64),
        sizes=(64,),
    )
    summary = summary_of(tmp_path, suite=suite)
    assert summary.baseline == "iocp" and summary.labels == ("iocp", "select", "iocp threads=4")
    assert {
        (row.cell.condition.label, row.baseline.condition.label) for row in summary.comparisons
    } == {("select", "iocp"), ("iocp threads=4", "iocp")}
    row = summary.comparison(cell_of(summary, "select", 64))
    assert row is not None and row.ratio is not None and row.ratio.value == pytest.approx(100 / 305)
    assert row.difference.p is None and row.finding is stats.Finding.TOO_FEW
    assert summary.comparison(cell_of(summary, "iocp", 64)) is None


def test_missing_repeats_are_counted_and_cells_never_measured_are_there(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, measured=5, status="interrupted")
    assert len(summary.cells) == 4
    assert sum(cell.n + len(cell.failures) for cell in summary.cells) == 5
    assert sum(cell.missing for cell in summary.cells) == 12 - 5


def test_the_answer_names_the_difference_the_tie_and_the_few_repeats(tmp_path: Path) -> None:
    text = answer(summary_of(tmp_path))
    assert text[0] == (
        "On wine-8.0, iocp over select in requests per second, 64 B: too few repeats to tell: 3.05× [2.73, 3.44] at "
        "64 connections, 1.00× [0.98, 1.02] at 1 connection."
    )
    assert any(
        line.startswith("n = 2 to 3 repeats a cell")
        and "no statistical significance is claimed" in line
        for line in text
    )
    assert "1 of 12 repeats failed and is left out (the report lists the reasons)." in text


def test_the_answer_says_where_there_is_nothing_to_compare(tmp_path: Path) -> None:
    text = answer(summary_of(tmp_path, {**RATES, ("select", 64): [None, None, None]}))
    assert "no comparison at 64 connections, where select has no valid repeat" in text[0]
    assert "too few repeats to tell: 1.00× [0.98, 1.02] at 1 connection;" in text[0]


def test_slower_is_a_ratio_below_one(tmp_path: Path) -> None:
    text = answer(summary_of(tmp_path, {**RATES, ("iocp", 64): [50.0, 50.0, 50.0]}))
    assert "0.50× [0.45, 0.56] at 64 connections" in text[0]


def test_ties_everywhere(tmp_path: Path) -> None:
    text = answer(
        summary_of(
            tmp_path,
            {key: [100.0] * 9 for key in RATES},
            suite=suite_of(connections=(1, 64), sizes=(64,), rounds=9),
        )
    )
    assert text[0].endswith("64 B: no difference shown at any load from 1 to 64 connections.")


def test_a_single_repeat_has_no_interval_and_claims_nothing(tmp_path: Path) -> None:
    text = answer(summary_of(tmp_path, suite=suite_of(connections=(1, 64), sizes=(64,), rounds=1)))
    assert text[0].endswith(
        "too few repeats to tell: 3.00× at 64 connections, 1.00× at 1 connection."
    )
    assert "n = 1 repeat a cell: there are no intervals, and no difference is claimed." in text


def test_ten_repeats_are_tested_and_the_table_is_corrected(tmp_path: Path) -> None:
    rates: dict[tuple[str, int], list[float | None]] = {
        key: [100.0 + 7 * step % 10 + (100 if key == ("iocp", 64) else 0) for step in range(10)]
        for key in RATES
    }
    summary = summary_of(
        tmp_path, rates, suite=suite_of(connections=(1, 64), sizes=(64,), rounds=10)
    )
    verdicts = {row.cell.condition.connections: row.finding for row in summary.comparisons}
    assert verdicts == {1: stats.Finding.NOT_SHOWN, 64: stats.Finding.SHOWN}
    row = summary.comparison(cell_of(summary, "iocp", 64))
    raw = stats.rank_test(*(cell_of(summary, label, 64).rates for label in ("iocp", "select")))
    assert row is not None and raw is not None and row.difference.p == pytest.approx(2 * raw)
    text = answer(summary)
    assert "at 64 connections; no difference shown at 1 connection." in text[0]
    assert any("Mann–Whitney" in line for line in text) and not any(
        "no statistical significance" in line for line in text
    )


def test_many_differences_are_told_in_short(tmp_path: Path) -> None:
    connections = (1, 2, 4, 8, 16, 32, 64)
    rates: dict[tuple[str, int], list[float | None]] = {
        (model, count): [100.0 * (place + 2 if model == "iocp" else 1)] * 9
        for place, count in enumerate(connections)
        for model in ("select", "iocp")
    }
    text = answer(
        summary_of(tmp_path, rates, suite=suite_of(connections=connections, sizes=(64,), rounds=9))
    )
    assert text[0].endswith(
        "8.00× [8.00, 8.00] at 64 connections; 2.00× to 7.00× at 6 lower loads (1 to 32 connections)."
    )


def test_of_many_series_less_is_told(tmp_path: Path) -> None:
    models = ("select", "threads", "events", "iocp")
    rates: dict[tuple[str, int], list[float | None]] = {
        (model, count): [100.0 * (1 if model == "select" else place + 2)] * 9
        for place, count in enumerate((1, 8, 64))
        for model in models
    }
    text = answer(
        summary_of(
            tmp_path,
            rates,
            suite=suite_of([Server(model) for model in models], (1, 8, 64), (64,), 9),
        )
    )
    assert len([line for line in text if "over select" in line]) == 3
    assert text[0].endswith(
        "4.00× [4.00, 4.00] at 64 connections; 2.00× to 3.00× at 2 lower loads (1 to 8 connections)."
    )


@pytest.mark.parametrize(
    ("measured", "words"),
    [(0, "12 of 12 planned repeats are missing"), (None, "12 of 12 repeats failed")],
)
def test_no_valid_repeat_is_no_answer(tmp_path: Path, measured: int | None, words: str) -> None:
    text = answer(
        summary_of(
            tmp_path, {key: [None] * 3 for key in RATES}, measured=measured, status="interrupted"
        )
    )
    assert text[0] == "On wine-8.0 there is no valid measurement, so there is no answer."
    assert any(words in line for line in text)


def test_one_server_alone_is_not_compared(tmp_path: Path) -> None:
    text = answer(
        summary_of(
            tmp_path, suite=suite_of(servers=(Server("select"),), connections=(1, 64), sizes=(64,))
        )
    )
    assert text[0] == "Only select was measured, so there is nothing to compare it with."


def control(folder: Path, factor: float | None, repeats: int = 9) -> Summary:
    """select, iocp, and select once more, which at 64 connections is faster by a factor; None: it always fails."""
    servers = (Server("select"), Server("iocp"), Server("select", alias="select again"))

    def rate(item: Measurement) -> float | None:
        again = bool(item.condition.alias)
        if again and factor is None:
            return None
        return (100.0 + 4 * item.repeat % 9) * (
            factor or 1.0 if again and item.condition.connections == 64 else 1.0
        )

    return summarise(
        load_run(make_run(folder, suite_of(servers, (1, 64), (64,), repeats), rate=rate))
    )


def test_the_control_comes_out_equal(tmp_path: Path) -> None:
    summary = control(tmp_path, 1.0)
    assert summary.labels == ("select", "iocp", "select again") and summary.controls == (
        "select again",
    )
    assert {row.cell.condition.label for row in summary.comparisons} == {"iocp", "select again"}
    text = answer(summary)
    assert (
        "Control: select again is select once more, on wine-8.0: no difference shown at 2 loads, as it must be."
        in text
    )
    assert not any("select again over select" in line for line in text)


def test_a_control_that_differs_is_a_warning(tmp_path: Path) -> None:
    (text,) = [line for line in answer(control(tmp_path, 0.5)) if line.startswith("Control")]
    assert (
        "yet it differs at 1 of 2 loads, most at 64 connections × 64 B: 0.50× [0.48, 0.52]" in text
    )
    assert "do not believe differences of this size" in text


@pytest.mark.parametrize(("factor", "repeats"), [(None, 9), (0.5, 3)])
def test_a_control_without_repeats_says_nothing(
    tmp_path: Path, factor: float | None, repeats: int
) -> None:
    (text,) = [
        line for line in answer(control(tmp_path, factor, repeats)) if line.startswith("Control")
    ]
    assert text.endswith("without 9 valid repeats of both it says nothing.")


def test_a_cell_that_is_not_valid_is_in_no_comparison_and_no_sentence(tmp_path: Path) -> None:
    """Twice the rate, but in two camps: whatever iocp does at 64 connections, it is not known well enough."""
    rates: dict[tuple[str, int], list[float | None]] = {
        key: [100.0 + 4 * step % 9 for step in range(9)] for key in RATES
    }
    rates["iocp", 64] = [200.0 if step % 2 else 300.0 for step in range(9)]
    summary = summary_of(
        tmp_path, rates, suite=suite_of(connections=(1, 64), sizes=(64,), rounds=9)
    )
    cell = cell_of(summary, "iocp", 64)
    row = summary.comparison(cell)
    assert cell.verdict.kind is Kind.UNSTEADY and cell.n == 9 and row is not None
    assert (
        row.ratio is None
        and row.difference.p is None
        and row.reason == "iocp is unsteady (the repeats spread by 25%)"
    )
    text = answer(summary)
    assert (
        "no difference shown at 1 connection; no comparison at 64 connections, where iocp is unsteady (the repeats spread by 25%)."
        in text[0]
    )
    assert "1 of 4 cells is not valid and left out: 1 unsteady (the report says why)." in text
    assert [line for line in text if line.startswith("Median latency")] == [
        line for line in text if "select" in line and "iocp" not in line
    ]


def test_other_options_are_no_control(tmp_path: Path) -> None:
    servers = (Server("iocp"), Server("iocp", (("threads", 4),), "iocp four"))
    assert summary_of(tmp_path, suite=suite_of(servers, (1, 64), (64,))).controls == ()


def test_many_servers_and_sizes_have_a_sentence_each(tmp_path: Path) -> None:
    """One of the servers is faster at the smaller size and slower at the other, one is never told apart."""

    def rate(measurement: Measurement) -> float:
        condition = measurement.condition
        factor = (2.0 if condition.size == 64 else 0.5) if condition.model == "iocp" else 1.0
        return 1000.0 * factor + (measurement.repeat * 7 + len(condition.model)) % 9

    servers = [Server(model) for model in ("select", "threads", "events", "iocp", "tpio")]
    run = load_run(make_run(tmp_path, suite_of(servers, (1, 64), (64, 4096), 9), rate=rate))
    text = answer(summarise(run))
    own = [line for line in text if " over select in requests per second: " in line]
    assert len(own) == 4 and len(text) <= 8
    (iocp,) = [line for line in own if ", iocp over" in line]
    assert re.search(
        r"higher at 2 of 4 loads, most at \d+ connections? × 64 B \(2\.0\d× \[.*\]\), lower at 2 of 4 loads, most at \d+ connections? × 4,096 B \(0\.50×",
        iocp,
    )
    assert "no difference shown at all 4 loads" in next(
        line for line in own if ", tpio over" in line
    )
