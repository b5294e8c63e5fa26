"""The answer of a run: headline, ranked list, the next command, and the same as data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from iomodels.base.files import ROOT
from iomodels.data.records import Record
from iomodels.data.store import load_run
from iomodels.judge.summary import Summary, summarise, viewed
from iomodels.plan.load import Load
from iomodels.plan.order import Measurement
from iomodels.plan.server import Server
from iomodels.plan.suite import Suite
from iomodels.report.answer import Answer, answer
from iomodels.report.as_data import cells_csv, to_json
from made_run import (
    CLASSES,
    Rate,
    make_run,
    noisy_rate,
    suite_of,
    with_classes,
    with_counters,
)
from run_truths import check_run

SCHEMA = json.loads((ROOT / "results" / "schema" / "report.schema.json").read_text("utf-8"))
CHECK = jsonschema.Draft202012Validator(SCHEMA)
ONE = suite_of(connections=(64,), sizes=(64,), rounds=8)
THREE = suite_of([Server(each) for each in ("select", "iocp", "tpio")], (64,), (64,), 8)
FIVE = {"select": 100.0, "iocp": 110.0, "tpio": 100.0, "apc": 100.0, "events": 100.0}
CLEAR = {"select": 100.0, "iocp": 200.0, "tpio": 150.0}


def summary_of(folder: Path, suite: Suite, rate: Rate, **options: Any) -> Summary:
    summary = summarise(load_run(make_run(folder, suite, rate=rate, **options)))
    hold(summary)
    return summary


def hold(summary: Summary) -> None:
    """Every summary of these tests is valid JSON of the report and true of its rounds."""
    CHECK.validate(json.loads(json.dumps(to_json(summary), allow_nan=False)))
    check_run(summary)


def answer_of(
    folder: Path,
    suite: Suite,
    bases: Mapping[str, float],
    spread: float = 0.01,
    **options: Any,
) -> Answer:
    return answer(summary_of(folder, suite, noisy_rate(bases, spread), **options))


def answer_of_rate(folder: Path, suite: Suite, rate: Rate) -> Answer:
    return answer(summary_of(folder, suite, rate))


def by_connections(table: Mapping[int, tuple[Mapping[str, float], float]]) -> Rate:
    """connections → rates and spread."""

    def rate(item: Measurement) -> float | None:
        bases, spread = table[item.condition.connections]
        return noisy_rate(bases, spread)(item)

    return rate


def words_of(found: Answer) -> dict[str, str]:
    return {rank.label: rank.words for rank in found.shown.ranking}


# ---- one load: the headline is its verdict ----


def test_of_one_load_the_headline_is_its_verdict(tmp_path: Path) -> None:
    found = answer_of(tmp_path, THREE, CLEAR)
    assert found.headline == f"On wine-8.0: {found.shown.verdict}"
    assert found.shown.verdict.startswith("iocp is fastest with 2")
    assert (found.shown.badge, found.shown.leader) == ("clear", "iocp")
    assert found.loads == (found.shown,)


@pytest.mark.parametrize(
    ("bases", "spread", "badge", "words"),
    [
        ({"select": 100.0, "iocp": 100.2}, 0.005, "equal", "equally fast, within 5 %"),
        (FIVE, 0.05, "likely", "iocp is likely fastest with"),
        ({"select": 100.0, "iocp": 101.0}, 0.20, "not decided", "8 rounds do not separate"),
    ],
)
def test_equal_likely_and_open_have_their_sentence(
    bases: dict[str, float], spread: float, badge: str, words: str, tmp_path: Path
) -> None:
    suite = replace(ONE, servers=tuple(Server(each) for each in bases))
    found = answer_of(tmp_path, suite, bases, spread)
    assert found.shown.badge == badge and words in found.headline


def test_three_rounds_are_provisional(tmp_path: Path) -> None:
    found = answer_of(tmp_path, replace(THREE, rounds=3), CLEAR)
    assert found.shown.badge == "provisional" and "A claim needs 8." in found.headline
    assert any("so every word is provisional." in each for each in found.remarks)


def test_a_server_alone(tmp_path: Path) -> None:
    found = answer_of(tmp_path, suite_of([Server("iocp")], (64,), (64,), 8), CLEAR)
    assert found.headline.startswith("On wine-8.0: only iocp has a figure: 2")
    assert found.shown.badge == "one server" and found.shown.next is None
    assert words_of(found) == {"iocp": "first"}


@pytest.mark.parametrize("measured", [0, None])
def test_without_a_figure_there_is_no_leader(tmp_path: Path, measured: int | None) -> None:
    summary = summary_of(tmp_path, ONE, lambda item: None, measured=measured)
    found = answer(summary)
    assert found.headline == "On wine-8.0: no server has a figure at this load."
    assert not [each for each in found.remarks if "Holm" in each], "nothing is compared"
    assert (found.shown.badge, found.shown.leader, found.shown.next) == ("no figure", None, None)
    assert [rank.value for rank in found.shown.ranking] == [None, None]


def test_windows_is_named_and_not_emulated(tmp_path: Path) -> None:
    found = answer_of(tmp_path, ONE, CLEAR, platform="windows-11-26100")
    assert found.headline.startswith("On windows-11-26100: iocp is fastest")


# ---- several loads ----


def test_of_several_loads_the_headline_counts_who_leads(tmp_path: Path) -> None:
    suite = replace(THREE, connections=(1, 8, 64, 256))
    even = {"select": 100.0, "iocp": 100.2, "tpio": 50.0}
    table: dict[int, tuple[Mapping[str, float], float]] = {
        1: (even, 0.004),
        8: (CLEAR, 0.01),
        64: (CLEAR, 0.01),
        256: ({"select": 100.0, "iocp": 101.0, "tpio": 102.0}, 0.25),
    }
    found = answer(summary_of(tmp_path, suite, by_connections(table)))
    assert [load.badge for load in found.loads] == ["equal", "clear", "clear", "not decided"]
    assert found.headline == (
        "On wine-8.0: iocp is fastest at 2 of 4 loads; several are equal at 1 load; no leader "
        "is shown at 1 load; tpio is slower than the leader at 3 loads."
    )


def test_the_load_in_the_middle_is_shown_first(tmp_path: Path) -> None:
    suite = replace(ONE, connections=(1, 8, 64), sizes=(64,))
    found = answer_of(tmp_path / "odd", suite, CLEAR)
    assert found.shown.key.connections == 8 and found.shown is found.loads[1]
    suite = replace(ONE, connections=(1, 8, 64, 256))
    assert answer_of(tmp_path / "even", suite, CLEAR).shown.key.connections == 8


# ---- the ranked list ----


def test_the_best_is_first_and_each_other_row_is_a_share_of_it(tmp_path: Path) -> None:
    found = answer_of(tmp_path, THREE, CLEAR)
    ranking = found.shown.ranking
    assert [rank.label for rank in ranking] == ["iocp", "tpio", "select"]
    assert ranking[0].share == 1.0 and ranking[0].over is None and ranking[0].words == "first"
    for rank in ranking[1:]:
        assert rank.over and rank.over.label == "iocp" and rank.over.low and rank.over.high
        assert rank.value and ranking[0].value
        assert rank.share == pytest.approx(1 / rank.over.ratio)
        assert rank.share == pytest.approx(rank.value / ranking[0].value, rel=0.05)
        low, high = 1 / rank.over.high, 1 / rank.over.low
        assert rank.words == f"slower: {rank.share:.2f}× [{low:.2f}, {high:.2f}]"


def test_a_leader_by_ratio_whose_median_is_lower_has_the_longest_bar_all_the_same(
    tmp_path: Path,
) -> None:
    """No bar is longer than the first: a ratio below 1 comes from rounds that one of them lacks."""
    found = answer_of(tmp_path, ONE, {"select": 100.0, "iocp": 100.0}, 0.2)
    assert all(0 <= rank.share <= 1 for rank in found.shown.ranking)


def test_the_control_is_last_and_not_ranked(tmp_path: Path) -> None:
    servers = (Server("select", alias="select again"), Server("iocp"), Server("select"))
    suite = suite_of((servers[2], servers[0], servers[1]), (64,), (64,), 8)
    found = answer_of(tmp_path, suite, {**CLEAR, "select again": 100.0})
    assert [rank.label for rank in found.shown.ranking] == ["iocp", "select", "select again"]
    control = found.shown.ranking[-1]
    assert control.control and control.share == 0.0 and control.over is None
    assert control.words.startswith("control: 1.0") or control.words.startswith("control: 0.9")
    assert control.words.endswith(" of select")
    [sentence] = [each for each in found.remarks if each.startswith("Control")]
    assert sentence.startswith(
        "Control: select again is the program of select a second time: no difference shown at 1 load; "
    )


@pytest.mark.parametrize("again", [100.0, 150.0])
def test_another_baseline_changes_no_verdict_and_ranks_no_control(
    tmp_path: Path, again: float
) -> None:
    """iocp is not the suite's first server, and select again is still select's twin."""
    servers = (Server("select"), Server("iocp"), Server("select", alias="select again"))
    suite = suite_of(servers, (1, 64), (64,), 8)
    bases = {"select": 100.0, "iocp": 110.0, "select again": again}
    first = summary_of(tmp_path, suite, noisy_rate(bases, 0.01))
    other = summarise(viewed(first.run, "iocp", None))
    hold(other)
    assert answer(other).headline == answer(first).headline
    assert answer(other).remarks == answer(first).remarks
    for load in answer(other).loads:
        assert [rank.label for rank in load.ranking] == ["iocp", "select", "select again"]
        assert [rank.control for rank in load.ranking] == [False, False, True]
    rows = [each for each in to_json(other)["cells"] if each["server"] == "select again"]
    assert {(each["comparison"]["over"], each["comparison"]["control"]) for each in rows} == {
        ("select", True)
    }


def test_two_controls_each_have_their_sentence(tmp_path: Path) -> None:
    servers = (
        *(Server("select"), Server("iocp"), Server("select", alias="select again")),
        Server("iocp", alias="iocp again"),
    )
    suite = suite_of(servers, (64,), (64,), 8)
    bases = {"select": 100.0, "iocp": 300.0, "select again": 100.0, "iocp again": 330.0}
    found = answer_of(tmp_path, suite, bases)
    told = [each for each in found.remarks if each.startswith("Control")]
    assert [each.split("; ")[0].split(": no")[0] for each in told] == [
        "Control: select again is the program of select a second time",
        "Control: iocp again is the program of iocp a second time",
    ]
    assert "no difference shown" in told[0] and "the two differ at the only load" in told[1]
    assert "The control disagrees: iocp again and iocp are the same program" in found.headline


def test_what_a_control_excludes_is_rounded_up(tmp_path: Path) -> None:
    servers = (Server("select"), Server("select", alias="select again"))
    for seed in range(4):
        suite = replace(suite_of(servers, (64,), (64,), 8), seed=seed)
        bases = {"select": 100.0, "select again": 100.0}
        summary = summary_of(tmp_path / str(seed), suite, noisy_rate(bases, 0.03))
        [sentence] = [each for each in answer(summary).remarks if each.startswith("Control")]
        said = re.search(r"differences above ([\d.]+) % are excluded\.", sentence)
        [control] = summary.loads[0].controls
        assert said and float(said[1]) >= 100 * (control.floor - 1)


def test_a_control_without_its_twin_is_not_judged(tmp_path: Path) -> None:
    servers = (Server("select"), Server("iocp"), Server("select", alias="select again"))

    def rate(item: Measurement) -> float | None:
        bases = {**CLEAR, "select again": 100.0}
        return None if item.condition.label == "select" else noisy_rate(bases, 0.01)(item)

    found = answer_of_rate(tmp_path, suite_of(servers, (64,), (64,), 8), rate)
    assert found.headline.startswith("On wine-8.0: only iocp has a figure: 2")
    assert words_of(found)["select again"] == "control of select; select has no figure"
    assert any(each.endswith("; no load has a figure of both.") for each in found.remarks)


def test_a_near_tie_is_listed_in_the_order_of_its_figures(tmp_path: Path) -> None:
    """The medians have the other order: one fast round lifts the mean of select alone."""

    def rate(item: Measurement) -> float:
        if item.condition.model == "iocp":
            return 101.0 + 0.1 * (item.repeat % 3)
        return 160.0 if item.repeat == 7 else 100.0 + 0.1 * (item.repeat % 3)

    summary = summary_of(tmp_path, ONE, rate)
    first, second = answer(summary).shown.ranking
    assert (first.label, second.label) == ("select", "iocp")
    assert first.value and second.value and first.value > second.value
    rates = {cell.condition.label: cell.rate for cell in summary.cells}
    assert rates["select"] and rates["iocp"] and rates["select"].value < rates["iocp"].value


def test_a_run_of_one_cell_counts_in_words(tmp_path: Path) -> None:
    alone = suite_of([Server("iocp")], (64,), (64,), 1)
    remarks = answer_of_rate(tmp_path, alone, lambda item: None).remarks
    assert "The only cell is in no comparison: 1 failed." in remarks
    assert "The only repeat failed; comparisons leave it out." in remarks


def test_a_control_that_differs_is_told_in_the_verdict_and_takes_smaller_claims(
    tmp_path: Path,
) -> None:
    suite = suite_of(
        (Server("select"), Server("iocp"), Server("select", alias="select again")), (64,), (64,), 8
    )
    found = answer_of(tmp_path, suite, {"select": 100.0, "iocp": 110.0, "select again": 150.0})
    assert found.shown.badge == "not decided"
    assert "The control disagrees: select again and select are the same program" in found.headline
    assert not any("is fastest" in each for each in (found.headline, *found.remarks))
    [sentence] = [each for each in found.remarks if each.startswith("Control")]
    assert re.search(
        r"the two differ at the only load, by up to 5\d % \(95 % interval: up to 5\d %\)\. The "
        r"program is not the cause\.",
        sentence,
    )
    control = found.shown.ranking[-1]
    assert control.control and control.words.endswith(" of select; it disagrees")
    assert words_of(found)["select"].startswith("not decided, since the control disagrees: 0.9")


def test_servers_that_cannot_are_listed_with_their_reason(tmp_path: Path) -> None:
    """A limit, a fault and a busy load generator: each is a row, none ends the comparison."""
    servers = [Server(each) for each in ("select", "iocp", "events", "apc", "threads")]
    suite = suite_of(servers, (10_000,), (64,), 8)

    def rate(item: Measurement) -> float | None:
        model = item.condition.model
        bases = {"iocp": 200.0, "apc": 100.0, "threads": 300.0}
        return noisy_rate(bases, 0.01)(item) if model in bases else None

    def enrich(record: Record) -> Record:
        if record.condition.model == "select":
            return replace(record, stderr="loadgen: 148 of 10000 connections failed: refused\n")
        if record.condition.model == "threads" and record.loadgen:
            result = record.loadgen["result"]
            audit = {**result["audit"], "cpu_share_max": 0.97}
            return replace(record, loadgen={**record.loadgen, "result": {**result, "audit": audit}})
        return record

    found = answer(summary_of(tmp_path, suite, rate, enrich=enrich))
    assert [rank.label for rank in found.shown.ranking] == [
        "iocp",
        "apc",
        "select",
        "events",
        "threads",
    ]
    words = words_of(found)
    assert words["select"] == "cannot hold 10,000 connections: it stopped at 9,852"
    assert words["events"] == "events: died with exit code 3 | before ready, in 8 repeats"
    assert words["threads"].startswith("≥ 30") or words["threads"].startswith("≥ 29")
    assert "busiest thread used 97 % of a CPU" in words["threads"]
    assert {rank.value for rank in found.shown.ranking[2:]} == {None}
    assert found.headline.startswith("On wine-8.0: no winner can be named. threads reached")
    assert "select cannot hold 10,000 connections: it stopped at 9,852." in found.headline
    assert "events has no valid figure." in found.headline


def test_a_baseline_without_a_figure_is_replaced_by_the_fastest(tmp_path: Path) -> None:
    def rate(item: Measurement) -> float | None:
        return None if item.condition.model == "select" else noisy_rate(CLEAR, 0.01)(item)

    summary = summary_of(tmp_path, THREE, rate)
    rows = {cell["server"]: cell["comparison"] for cell in to_json(summary)["cells"]}
    assert rows["tpio"]["over"] == "iocp" and rows["tpio"]["word"] == "slower"
    assert rows["iocp"] is rows["select"] is None


# ---- the next command ----


def test_an_open_load_says_what_would_settle_it(tmp_path: Path) -> None:
    suite = replace(ONE, connections=(8, 64), sizes=(64, 4096), rounds=8)
    summary = summary_of(tmp_path, suite, noisy_rate({"select": 100.0, "iocp": 101.0}, 0.2))
    found = answer(summary)
    for load, judged in zip(found.loads, summary.loads):
        assert judged.fastest and load.badge == "not decided"
        [one] = judged.fastest.comparisons
        assert one.rounds_needed and one.rounds_needed > 8
        assert load.next and load.next.command == (
            f"iomodels run select-vs-iocp --connections {load.key.connections} "
            f"--size {load.key.size} --rounds {one.rounds_needed}"
        )
        assert load.next.takes == f"about {one.rounds_needed} rounds"
    data = to_json(summary)["answer"]["loads"][0]
    assert (data["next"], data["next_takes"]) == (
        found.loads[0].next and found.loads[0].next.command,
        found.loads[0].next and found.loads[0].next.takes,
    )


@pytest.mark.parametrize("bases", [CLEAR, {"select": 100.0, "iocp": 100.1}])
def test_what_is_decided_needs_no_command(bases: dict[str, float], tmp_path: Path) -> None:
    found = answer_of(tmp_path, ONE, bases, 0.004)
    assert found.shown.badge in ("clear", "equal") and found.shown.next is None


# ---- the suite's own question ----

CPU_NS = {"select": 40_000.0, "iocp": 20_000.0}


def counted(record: Record) -> Record:
    """select takes 40 µs and 8 switches, iocp half of both, 1 % more or less by repeat."""
    share = CPU_NS.get(record.condition.model, 0.0) * (1 + 0.01 * (record.repeat % 3))
    per_request = {
        "server.cpu_ns": share,
        "server.context_switches": share / 5000,
        "wineserver.cpu_ns": share / 2,
        "wineserver.context_switches": 0.0,
    }
    return with_counters(record, per_request)


def paced(item: Measurement) -> float:
    """Any closed loop is select's; at an offered rate both have the same."""
    if item.condition.rate_percent:
        return 50.0
    return noisy_rate({"select": 200.0, "iocp": 100.0}, 0.01)(item)


def test_efficiency_answers_what_a_request_costs_first(tmp_path: Path) -> None:
    suite = replace(ONE, rate_percents=(25, 50))
    found = answer(summary_of(tmp_path, suite, paced, enrich=counted))
    assert found.headline == (
        "On wine-8.0, at 64 connections × 64 B at 25 % of the lowest peak, a request costs "
        "(server and wineserver): iocp 30.3 µs with 4.04 switches and select 60.5 µs with 8.08 "
        "switches."
    )
    assert found.shown.key.rate_percent == 25
    best, other = found.shown.ranking
    assert (best.label, other.label) == ("iocp", "select")
    assert best.value == pytest.approx(30.26, abs=0.01)
    assert other.value == pytest.approx(60.52, abs=0.01)
    assert other.words.startswith("costlier: 2.00× [") and other.share == pytest.approx(0.5)


def test_an_open_loop_for_the_latency_is_not_the_question(tmp_path: Path) -> None:
    """A suite that offers a rate at one of its loads asks for the rate, as select-vs-iocp does."""
    suite = replace(
        ONE, connections=(8, 64), rate_percents=(50,), rate_connections=(64,), rate_sizes=(64,)
    )
    found = answer(summary_of(tmp_path, suite, paced, enrich=counted))
    assert found.headline == (
        "On wine-8.0: select is fastest at 2 of 2 loads; iocp is slower than the leader at 2 loads."
    )
    assert found.shown.key.rate_percent == 0
    assert [load.key.rate_percent for load in found.loads] == [0, 0, 50]
    [latency] = [each for each in found.remarks if each.startswith("Response p99 at")]
    assert "at 50 % of the lowest peak, from the due time: " in latency


def test_at_an_offered_rate_costs_decide_and_no_rate_is_ranked(tmp_path: Path) -> None:
    suite = replace(ONE, rate_percents=(50,))
    found = answer(summary_of(tmp_path, suite, paced, enrich=counted))
    [load] = [each for each in found.loads if each.key.rate_percent]
    assert load.verdict.startswith("iocp is cheapest with 30.3 µs of CPU time per request; select")
    assert load.next is None


def test_fairness_answers_what_each_class_got_first(tmp_path: Path) -> None:
    suite = replace(suite_of(connections=(101,), sizes=(64,), rounds=8), load=Load((), CLASSES))
    found = answer(summary_of(tmp_path, suite, lambda item: 1e4, enrich=with_classes))
    assert found.headline == (
        "On wine-8.0, median response of class heavy (1 connection): select 20.7 ms (p99 "
        "unavailable) and iocp 2.07 ms (p99 unavailable); median response of class light (100 "
        "connections): select 20.7 ms (p99 82.8 ms) and iocp 2.07 ms (p99 8.28 ms)."
    )


def test_without_the_costs_the_closed_loops_are_asked(tmp_path: Path) -> None:
    suite = replace(ONE, rate_percents=(50,))
    found = answer(summary_of(tmp_path, suite, paced))
    assert not found.shown.key.rate_percent and found.shown.leader is not None
    [offered] = [each for each in found.loads if each.key.rate_percent]
    assert offered.badge == "no figure"


# ---- real runs ----

REAL = sorted(
    path.parent
    for place in ("tests/fixtures/runs", "results/contributed")
    for path in (ROOT / place).rglob("run.json")
)


@pytest.mark.parametrize("folder", REAL, ids=lambda path: path.name)
def test_every_sentence_about_a_real_run_is_true_of_it(folder: Path) -> None:
    """Also over a baseline that is not the suite's first server."""
    run = load_run(folder)
    summary = summarise(run)
    another = "iocp" if "iocp" in summary.ranked else summary.ranked[-1]
    other = summarise(viewed(run, another, None))
    hold(summary)
    hold(other)
    assert answer(other).headline == answer(summary).headline


# ---- remarks of a whole run ----


def test_gaps_are_told(tmp_path: Path) -> None:
    def rate(item: Measurement) -> float | None:
        dead = (item.condition.model, item.condition.connections) == ("tpio", 8)
        once = (item.condition.model, item.condition.connections, item.repeat) == ("iocp", 64, 2)
        return None if dead or once else noisy_rate(CLEAR, 0.01)(item)

    suite = replace(THREE, connections=(8, 64))
    remarks = answer(summary_of(tmp_path / "whole", suite, rate)).remarks
    assert "1 of 6 cells is in no comparison: 1 failed." in remarks
    assert "9 of 48 repeats failed; comparisons leave them out." in remarks
    cut = summary_of(tmp_path / "cut", suite, rate, measured=47)
    assert sum(cell.missing for cell in cut.cells) == 1


def test_sessions_are_in_the_scope_of_the_brackets(tmp_path: Path) -> None:
    one = answer_of(tmp_path / "one", ONE, CLEAR).remarks
    assert any("another day or machine can differ by more" in each for each in one)
    two = answer_of(
        tmp_path / "two",
        ONE,
        CLEAR,
        enrich=lambda record: replace(record, session=record.repeat // 4),
    ).remarks
    assert any("they hold the spread between 2 sessions." in each for each in two)


# ---- as data ----


def test_the_json_says_what_the_answer_says(tmp_path: Path) -> None:
    servers = (Server("select"), Server("iocp"), Server("select", alias="select again"))
    suite = suite_of(servers, (8, 64), (64,), 8)
    bases = {**CLEAR, "select again": 100.0}
    summary = summary_of(tmp_path, suite, noisy_rate(bases, 0.01), enrich=counted)
    found, data = answer(summary), to_json(summary)
    assert data["answer"]["headline"] == found.headline
    assert data["answer"]["shown"] == found.shown.words == "8 connections × 64 B"
    assert data["answer"]["remarks"] == list(found.remarks)
    assert [load["load"] for load in data["answer"]["loads"]] == [
        "8 connections × 64 B",
        "64 connections × 64 B",
    ]
    ranks = data["answer"]["loads"][0]["ranking"]
    assert [rank["server"] for rank in ranks] == ["iocp", "select", "select again"]
    assert [rank["control"] for rank in ranks] == [False, False, True]
    assert data["statistics"]["baseline"]["family"] == "baseline"
    assert data["statistics"]["fastest"]["family"] == "all pairs"
    assert data["spread"] == summary.spread and 0 < data["spread"] < 0.02
    rows = {(cell["server"], cell["connections"]): cell for cell in data["cells"]}
    iocp, again = rows["iocp", 8]["comparison"], rows["select again", 8]["comparison"]
    assert (iocp["over"], iocp["of"], iocp["word"]) == ("select", "requests_per_second", "faster")
    assert (iocp["rounds"], iocp["rounds_needed"], iocp["control"]) == (8, None, False)
    assert iocp["ratio"]["low"] < iocp["ratio"]["value"] < iocp["ratio"]["high"]
    assert again["control"] and again["over"] == "select"
    assert rows["select", 8]["comparison"] is None
    assert rows["iocp", 8]["closed_loop"] is True and rows["iocp", 8]["notes"] == []
    assert rows["iocp", 8]["per_request"]["CPU µs"]["value"] == pytest.approx(30.3)
    assert 0 < rows["iocp", 8]["share_of_time_in_long_requests"]["value"] < 0.1
    assert (
        rows["iocp", 8]["p99_of_time_us"]["value"] > rows["iocp", 8]["latency_us"]["p50"]["value"]
    )


def test_at_an_offered_rate_a_ratio_above_one_is_less_cpu_time(tmp_path: Path) -> None:
    suite = replace(ONE, rate_percents=(50,))
    summary = summary_of(tmp_path, suite, paced, enrich=counted)
    [row] = [
        cell["comparison"]
        for cell in to_json(summary)["cells"]
        if cell["server"] == "iocp" and cell["rate_percent"]
    ]
    assert (row["of"], row["word"]) == ("cpu_time", "faster")
    assert row["ratio"]["value"] == pytest.approx(2.0)


def test_the_csv_has_the_word_of_the_json(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, THREE, noisy_rate(CLEAR, 0.01))
    head, *lines = cells_csv(summary).splitlines()
    assert head.endswith(",ratio,ratio_low,ratio_high,over,word")
    words = {line.split(",")[3]: line.split(",")[-2:] for line in lines}
    assert words == {"select": ["", ""], "iocp": ["select", "faster"], "tpio": ["select", "faster"]}


def test_the_schema_refuses_the_old_shape(tmp_path: Path) -> None:
    data = to_json(summary_of(tmp_path, ONE, noisy_rate(CLEAR, 0.01)))
    for change in (
        {"answer": ["iocp is faster"]},
        {"statistics": {}},
        {"cells": [{**data["cells"][1], "comparison": {"finding": "difference"}}]},
        {"cells": [{**data["cells"][1], "verdict": "unsteady"}]},
    ):
        assert not CHECK.is_valid({**data, **change}), change


def test_a_rate_of_the_suite_itself_compares_cpu_time_and_never_the_equal_rates(
    tmp_path: Path,
) -> None:
    """Every server reaches the rate that is offered: that says nothing of the servers."""
    suite = replace(ONE, load=Load((("rate", 5000), ("arrivals", "poisson"))))
    summary = summary_of(tmp_path, suite, lambda measurement: 5000.0, enrich=counted)
    assert all(load.offered for load in summary.loads)
    verdict = answer(summary).shown.verdict
    assert verdict.startswith("iocp is cheapest with") and "requests/s" not in verdict
