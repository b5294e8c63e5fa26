"""A run summed up: its loads in order, what is planned, how noisy it was, what a reader must know."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iomodels.base.errors import Failure
from iomodels.data.records import Record
from iomodels.data.store import load_run
from iomodels.judge.cells import Cell
from iomodels.judge.loads import over
from iomodels.judge.rule import SEQUENTIAL_BASELINE, SEQUENTIAL_FASTEST, Lead, Word
from iomodels.judge.summary import (
    Summary,
    planned_rounds,
    pooled_spread,
    sessions_of,
    summarise,
    twins_of,
    viewed,
)
from iomodels.judge.verdict import Kind
from iomodels.plan.order import LoadKey, Measurement, cells
from iomodels.plan.server import Server
from made_run import Rate, make_record, make_run, noisy_rate, rates_by, suite_of

THREE = (Server("iocp"), Server("select"), Server("iocp", (("threads", 4),)))
BASES = {"select": 100.0, "iocp": 300.0, "iocp threads=4": 310.0, "select again": 100.0}
ENVIRONMENT: dict[str, Any] = {"reasons": {}, "cpus_usable": [0]}


def summary_of(folder: Path, rate: Rate | None = None, **options: Any) -> Summary:
    options.setdefault("suite", suite_of(connections=(1, 64), sizes=(64,), rounds=8))
    return summarise(load_run(make_run(folder, rate=rate or noisy_rate(BASES), **options)))


def cell_of(summary: Summary, label: str, connections: int) -> Cell:
    return next(
        cell
        for cell in summary.cells
        if cell.condition.label == label and cell.condition.connections == connections
    )


# ---- the loads ----


def test_each_server_is_compared_with_the_first_of_the_suite(tmp_path: Path) -> None:
    suite = suite_of(THREE, (1, 64), (64,), 8)
    summary = summary_of(tmp_path, suite=suite)
    assert summary.baseline == "iocp" and summary.labels == ("iocp", "select", "iocp threads=4")
    assert [(one.label, one.other) for load in summary.loads for one in load.over_baseline] == 2 * [
        ("select", "iocp"),
        ("iocp threads=4", "iocp"),
    ]
    one = summary.comparison(cell_of(summary, "select", 64))
    assert one and one.word is Word.SLOWER and one.rounds == 8
    assert one.ratio == pytest.approx(1 / 3, rel=0.05)
    assert summary.comparison(cell_of(summary, "iocp", 64)) is None, "the baseline itself"


def test_another_baseline_and_margin_can_be_chosen(tmp_path: Path) -> None:
    rate = noisy_rate({**BASES, "iocp threads=4": BASES["iocp"]}, 0.05)
    run = summary_of(tmp_path, rate, suite=suite_of(THREE, (64,), (64,), 8)).run
    other = summarise(viewed(run, "iocp threads=4", 0.2))
    assert other.baseline == "iocp threads=4"
    assert {one.label: one.word for one in other.loads[0].over_baseline} == {
        "iocp": Word.EQUAL,
        "select": Word.SLOWER,
    }
    assert {
        one.word for one in summarise(viewed(run, "iocp threads=4", None)).loads[0].over_baseline
    } == {
        Word.NOT_DECIDED,
        Word.SLOWER,
    }
    assert other.rules.baseline.margin == other.rules.fastest.margin == 0.2
    with pytest.raises(Failure, match=r"--baseline apc: must be one of: iocp, select"):
        viewed(run, "apc", None)


FOUR = (*THREE, Server("select", alias="select again"))


def test_a_view_of_some_servers_says_what_the_whole_run_says_of_them(tmp_path: Path) -> None:
    whole = summary_of(tmp_path, noisy_rate(BASES, 0.03), suite=suite_of(FOUR, (1, 64), (64,), 8))
    view = summarise(viewed(whole.run, None, None, ["iocp threads=4", "select"]))
    assert view.labels == ("select", "iocp threads=4", "select again"), "a control comes along"
    assert view.baseline == "select", "the baseline of the run is not shown"
    assert {record.condition.label for record in view.run.records} == set(view.labels)
    other = summarise(viewed(whole.run, "select", None))
    for shown, load in zip(view.loads, other.loads, strict=True):
        assert over(shown, "iocp threads=4", view.rules) == tuple(
            one for one in over(load, "iocp threads=4", view.rules) if one.label in view.labels
        )
        assert shown.over_baseline == tuple(
            one for one in load.over_baseline if one.label in view.labels
        ), "Holm's correction covers the servers that are not shown"
        assert [control.comparison for control in shown.controls] == [
            control.comparison for control in load.controls
        ]
        assert shown.fastest and load.fastest
        (one,) = shown.fastest.comparisons
        assert {one.label, one.other} == {"iocp threads=4", "select"}
        if load.fastest.leader == "iocp threads=4":
            assert one in load.fastest.comparisons
    assert "shown: select, iocp threads=4 and select again of 4 servers; words" in view.notes[0]
    chosen = viewed(whole.run, "iocp threads=4", None)
    kept = summarise(viewed(chosen, None, None, ["select", "iocp threads=4"]))
    assert kept.baseline == "iocp threads=4", "the baseline of the run is shown"
    everything = viewed(whole.run, None, None, ["select", "iocp", "iocp threads=4"])
    assert everything.hidden is None and summarise(everything).labels == whole.labels


def test_a_disagreeing_control_withholds_claims_though_its_twin_is_not_shown(
    tmp_path: Path,
) -> None:
    rates = {**BASES, "select again": 150.0}
    whole = summary_of(tmp_path, noisy_rate(rates), suite=suite_of(FOUR, (64,), (64,), 8))
    (load,) = summarise(viewed(whole.run, None, None, ["iocp", "iocp threads=4"])).loads
    assert load.fastest and load.fastest.lead is Lead.NOT_DECIDED
    assert load.disagreeing and load.disagreeing.label == "select again", "the reason is shown"


def test_what_a_view_cannot_show_is_refused_by_name(tmp_path: Path) -> None:
    run = summary_of(tmp_path, suite=suite_of(FOUR, (64,), (64,), 8)).run
    allowed = "must be one of: iocp, select, iocp threads=4"
    for only in (["iocp", "rio"], ["select again"]):
        with pytest.raises(Failure, match=rf"^--only {only[-1]}: {allowed}$"):
            viewed(run, None, None, only)
    with pytest.raises(Failure, match=r"^--baseline iocp: must be one of: select$"):
        viewed(run, "iocp", None, ["select"])


def test_loads_are_in_order_closed_loops_first(tmp_path: Path) -> None:
    suite = replace(suite_of(connections=(64, 1), sizes=(4096, 64), rounds=1), rate_percents=(50,))
    keys = [load.key for load in summary_of(tmp_path, suite=suite).loads]
    assert keys == sorted(keys)
    assert [(key.rate_percent, key.size, key.connections) for key in keys] == [
        (percent, size, connections)
        for percent in (0, 50)
        for size in (64, 4096)
        for connections in (1, 64)
    ]


def test_missing_repeats_are_counted_and_cells_never_measured_are_there(tmp_path: Path) -> None:
    suite = suite_of(connections=(1, 64), sizes=(64,), rounds=3)
    summary = summary_of(tmp_path, suite=suite, measured=5, status="interrupted")
    assert len(summary.cells) == 4
    assert sum(cell.n + len(cell.failures) for cell in summary.cells) == 5
    assert sum(cell.missing for cell in summary.cells) == 12 - 5


def test_an_empty_run_has_loads_without_a_figure(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, measured=0, status="interrupted")
    assert [load.lead for load in summary.loads] == [None, None]
    assert {str(cell.verdict) for cell in summary.cells} == {"failed (never measured)"}
    assert summary.spread is None


def test_three_rounds_are_provisional(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, suite=suite_of(connections=(64,), sizes=(64,), rounds=3))
    assert {load.lead for load in summary.loads} == {Lead.PROVISIONAL}


def test_the_rules_are_those_that_the_run_was_made_with(tmp_path: Path) -> None:
    rules = {"baseline": SEQUENTIAL_BASELINE, "fastest": SEQUENTIAL_FASTEST}
    written = {"statistics": {name: rule.to_json() for name, rule in rules.items()}}
    summary = summary_of(tmp_path, manifest=written)
    assert summary.rules.baseline == SEQUENTIAL_BASELINE
    assert summary.rules.fastest == SEQUENTIAL_FASTEST


# ---- rounds that are planned ----


def test_a_load_that_stopped_has_as_many_rounds_as_it_ran(tmp_path: Path) -> None:
    """Its later rounds are not missing: they were not needed."""
    suite = suite_of(connections=(1, 64), sizes=(64,), rounds=12)
    loads = sorted({LoadKey.of(cell) for cell in cells(suite)})
    stops = [
        {"load": vars(key), "rounds": rounds, "why": "decided"}
        for key, rounds in zip(loads, (8, 12))
    ]

    def rate(item: Measurement) -> float | None:
        return None if item.condition.connections == 1 and item.repeat >= 8 else 100.0

    run = load_run(make_run(tmp_path, suite, rate=rate, manifest={"stopped": stops}))
    kept = [each for each in run.records if each.ok]
    summary = summarise(replace(run, records=tuple(kept)))
    assert [planned_rounds(run.manifest, suite, key) for key in loads] == [8, 12]
    assert [(cell.planned, cell.n, cell.missing) for cell in summary.cells] == [
        *([(8, 8, 0)] * 2),
        *([(12, 12, 0)] * 2),
    ]


def test_without_stops_the_suite_says_how_many_rounds_there_are() -> None:
    suite = suite_of(connections=(1, 64), sizes=(64,), rounds=12)
    one, other = sorted({LoadKey.of(cell) for cell in cells(suite)})
    stopped = {"stopped": [{"load": vars(one), "rounds": 8, "why": "time"}]}
    assert planned_rounds({}, suite, one) == planned_rounds({"stopped": []}, suite, one) == 12
    assert (planned_rounds(stopped, suite, one), planned_rounds(stopped, suite, other)) == (8, 12)


# ---- sessions ----


def of_sessions(sessions: list[int]) -> list[Record]:
    suite = suite_of(connections=(64,), sizes=(64,))
    condition = cells(suite)[0]
    return [
        replace(
            make_record(Measurement(number, number, condition), "wine-8.0", 100.0), session=session
        )
        for number, session in enumerate(sessions)
    ]


def test_the_session_of_each_round_is_known_where_there_are_several() -> None:
    assert sessions_of(of_sessions([0, 0, 0])) is None
    assert sessions_of(of_sessions([])) is None
    assert sessions_of(of_sessions([0, 0, 1, 2])) == [0, 0, 1, 2]
    gap = [each for each in of_sessions([0, 1, 1, 2]) if each.repeat != 2]
    assert len(sessions_of(gap) or ()) == 4, "each round has a place"


def test_sessions_widen_the_interval_by_what_differs_between_them(tmp_path: Path) -> None:
    """iocp leads by 5 % in one session and by 45 % in the other: rounds alone would hide that."""

    def rate(item: Measurement) -> float:
        lead = 1.05 if item.repeat < 4 else 1.45
        noise = 1 + 0.001 * (item.index % 3)
        return 100.0 * noise * (lead if item.condition.model == "iocp" else 1.0)

    def session(record: Record) -> Record:
        return replace(record, session=int(record.repeat >= 4))

    suite = suite_of(connections=(64,), sizes=(64,), rounds=8)
    one = summary_of(tmp_path / "one", rate, suite=suite).loads[0].over_baseline[0]
    two = summary_of(tmp_path / "two", rate, suite=suite, enrich=session).loads[0].over_baseline[0]
    assert one.ratio == pytest.approx(two.ratio, rel=0.01)
    assert one.half_width and two.half_width and two.half_width > 3 * one.half_width
    assert (one.word, two.word) == (Word.FASTER, Word.NOT_DECIDED)


# ---- noise ----


def test_the_spread_is_pooled_over_the_valid_closed_cells(tmp_path: Path) -> None:
    table: dict[tuple[str, int], list[float | None]] = {
        ("select", 1): [100.0, 110.0, 121.0],
        ("iocp", 1): [200.0, 200.0, 200.0],
        ("select", 64): [50.0, None, 60.0],
        ("iocp", 64): [None, None, 999.0],
    }
    suite = suite_of(connections=(1, 64), sizes=(64,), rounds=3)
    summary = summary_of(tmp_path, rates_by(table), suite=suite)
    squares, freedom = 0.0, 0
    for rates in table.values():
        logs = np.log([rate for rate in rates if rate is not None])
        squares += float(((logs - logs.mean()) ** 2).sum())
        freedom += len(logs) - 1
    assert freedom == 5 and summary.spread == pytest.approx(math.sqrt(squares / freedom))


def test_offered_rates_and_cells_in_no_comparison_say_nothing_about_the_spread(
    tmp_path: Path,
) -> None:
    suite = replace(suite_of(connections=(64,), sizes=(64,), rounds=3), rate_percents=(50,))

    def wild(item: Measurement) -> float:
        paced = bool(item.condition.rate_percent)
        return 100.0 * (1 + item.repeat * (paced or item.condition.model == "iocp"))

    def client_bound(record: Record) -> Record:
        assert record.loadgen
        if record.condition.model != "iocp":
            return record
        result = record.loadgen["result"]
        audit = {**result["audit"], "cpu_share_max": 0.99}
        return replace(record, loadgen={**record.loadgen, "result": {**result, "audit": audit}})

    summary = summary_of(tmp_path, wild, suite=suite, enrich=client_bound)
    assert {cell.verdict.kind for cell in summary.cells if cell.condition.rate_percent == 0} == {
        Kind.CLIENT_BOUND,
        Kind.MEASURED,
    }
    assert summary.spread == pytest.approx(0.0)
    assert pooled_spread([]) is None


def two_camps(distance: float) -> Rate:
    """Every cell half at one rate, half at another: the logarithms have this standard deviation."""
    step = distance * math.sqrt(7 / 8)
    return lambda item: 100.0 * math.exp(step if item.repeat % 2 else -step)


@pytest.mark.parametrize(("spread", "noted"), [(0.0999, False), (0.1001, True)])
def test_a_noisy_machine_is_noted_beyond_ten_percent(
    tmp_path: Path, spread: float, noted: bool
) -> None:
    summary = summary_of(tmp_path, two_camps(spread))
    assert summary.spread == pytest.approx(spread)
    assert bool(summary.notes) is noted
    if noted:
        assert summary.notes == (
            "the machine was noisy: repeats of one cell vary by 10.01 % (above 10 %); intervals "
            "are wide, not wrong",
        )


@pytest.mark.parametrize(
    ("busy", "noted"), [(0.05, False), (0.0501, True), (None, False), (0.4, True)]
)
def test_other_programs_are_noted_beyond_a_twentieth_of_a_cpu(
    tmp_path: Path, busy: float | None, noted: bool
) -> None:
    environment = {**ENVIRONMENT, "busy": {"others_cpus": busy}}
    notes = summary_of(tmp_path, manifest={"environment": environment}).notes
    assert bool(notes) is noted
    if noted and busy:
        assert notes[0].startswith(f"{busy:.2f} CPUs were busy")


def test_what_was_odd_on_reading_comes_first_in_the_notes(tmp_path: Path) -> None:
    run = replace(summary_of(tmp_path, two_camps(0.2)).run, warnings=("one line was cut",))
    assert summarise(run).notes[0] == "one line was cut" and len(summarise(run).notes) == 2


# ---- controls ----


def test_a_control_is_an_earlier_server_with_the_same_program_and_options() -> None:
    four = (("threads", 4),)
    swapped = (("b", 1), ("a", 2)), (("a", 2), ("b", 1))
    cases: list[tuple[tuple[Server, ...], dict[str, str]]] = [
        ((Server("select"), Server("select", alias="again")), {"again": "select"}),
        ((Server("select", alias="again"), Server("select")), {"select": "again"}),
        ((Server("iocp"), Server("iocp", four, "iocp four")), {}),
        ((Server("select"), Server("iocp", four, "x"), Server("iocp", four, "y")), {"y": "x"}),
        ((Server("m", swapped[0], "x"), Server("m", swapped[1], "y")), {"y": "x"}),
        ((Server("m"), Server("m", (), "x"), Server("m", (), "y")), {"x": "m", "y": "m"}),
    ]
    for servers, expected in cases:
        assert twins_of(suite_of(servers)) == expected, servers


def test_a_control_is_no_baseline_and_the_error_names_what_is(tmp_path: Path) -> None:
    servers = (Server("select"), Server("iocp"), Server("select", alias="select again"))
    run = summary_of(tmp_path, suite=suite_of(servers, (1,), (64,), 8)).run
    with pytest.raises(Failure) as refused:
        viewed(run, "select again", None)
    assert str(refused.value) == "--baseline select again: must be one of: select, iocp"


def test_a_control_is_judged_and_never_ranked(tmp_path: Path) -> None:
    servers = (Server("select"), Server("iocp"), Server("select", alias="select again"))
    summary = summary_of(tmp_path, suite=suite_of(servers, (1, 64), (64,), 8))
    assert summary.twins == {"select again": "select"} and summary.ranked == ("select", "iocp")
    for load in summary.loads:
        assert [one.label for one in load.over_baseline] == ["iocp"]
        [control] = load.controls
        assert control.comparison and control.comparison.label == "select again"
        assert not control.disagrees
        assert load.fastest and [one.other for one in load.fastest.comparisons] == ["select"]


def test_with_another_baseline_the_control_is_still_the_twin_of_its_own_program(
    tmp_path: Path,
) -> None:
    servers = (Server("select"), Server("iocp"), Server("select", alias="select again"))
    run = summary_of(tmp_path, suite=suite_of(servers, (1, 64), (64,), 8)).run
    summary, first = summarise(viewed(run, "iocp", None)), summarise(run)
    assert summary.ranked == first.ranked and summary.baseline == "iocp"
    for load, other in zip(summary.loads, first.loads):
        assert [one.label for one in load.over_baseline] == ["select"]
        assert load.controls == other.controls and load.fastest == other.fastest
        one = summary.comparison(load.cell("select again"))
        assert one and one.other == "select"


def test_a_summary_changes_nothing_on_disk(tmp_path: Path) -> None:
    folder = make_run(tmp_path, suite_of(connections=(1,), sizes=(64,)))
    before = (folder / "run.json").read_bytes(), (folder / "records.jsonl").read_bytes()
    summarise(load_run(folder))
    assert ((folder / "run.json").read_bytes(), (folder / "records.jsonl").read_bytes()) == before
    assert json.loads(before[0])["status"] == "complete"
