"""Claims judged by runs whose truth is known: machines that drift, noisy rounds, controls."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iomodels.data.records import Record, Run
from iomodels.judge import claims
from iomodels.judge.claim_contrasts import Contrast
from iomodels.judge.claim_metrics import metric
from iomodels.judge.claims import (
    DOES_NOT_HOLD,
    HOLDS,
    HOLDS_WHEN,
    NOT_TESTABLE,
    Finding,
    State,
    judge,
    together,
)
from iomodels.plan.claims import Rule, all_claims, claims_of
from iomodels.plan.order import make_plan
from iomodels.plan.server import Server
from iomodels.plan.suite import SUITES, Suite, load_suite
from made_run import make_record, manifest_of, suite_of

Truth = Callable[[str, int], float]
"""The true rate of a server at a number of connections."""
RATE = "requests per second"


def run_of(
    truth: Truth,
    *,
    servers: Sequence[Server] = (Server("iocp"), Server("select")),
    connections: Sequence[int] = (64,),
    sizes: Sequence[int] = (64,),
    rounds: int = 9,
    noise: float = 0.03,
    mood: float = 0.2,
    seed: int = 1,
    change: Callable[[Record], Record] = lambda record: record,
) -> Run:
    """A run of that truth. Each round has its own mood of the machine, and each cell its noise."""
    suite = suite_of(servers, connections, sizes, rounds)
    draw = random.Random(seed)
    moods = [exp(draw.gauss(0, mood)) for _ in range(rounds)]
    records = []
    for item in make_plan(suite):
        rate = truth(item.condition.label, item.condition.connections)
        rate *= moods[item.repeat] * exp(draw.gauss(0, noise))
        records.append(change(make_record(item, "wine-8.0", rate)))
    manifest = manifest_of(suite, "wine-8.0", "complete", len(records))
    return Run(Path("made-up"), manifest, tuple(records), ())


def compare(**changes: Any) -> Rule:
    return replace(
        Rule("compare", (RATE,), ("made",), ("iocp",), ("select",), more_than=1.05), **changes
    )


def verdict(rule: Rule, run: Run | str) -> Finding:
    return judge([(rule, run)])[0]


def ahead(factor: float) -> Truth:
    return lambda label, connections: 5000.0 * (factor if label == "iocp" else 1.0)


@pytest.mark.parametrize(
    ("factor", "noise", "expected"),
    [
        (1.3, 0.03, HOLDS),
        (0.7, 0.03, DOES_NOT_HOLD),  # the opposite
        (1.0, 0.01, DOES_NOT_HOLD),  # equal: "more" is wrong, too
        (1.05, 0.03, NOT_TESTABLE),  # the limit itself
        (1.1, 0.4, NOT_TESTABLE),  # the point is beyond the limit, its interval is not
        (0.95, 0.4, NOT_TESTABLE),
    ],
)
def test_a_ratio_decides_only_by_its_whole_interval(
    factor: float, noise: float, expected: str
) -> None:
    for seed in range(4):
        found = verdict(compare(), run_of(ahead(factor), noise=noise, seed=seed))
        assert found.verdict == expected, found
        assert ("vary too much" in (found.because or "")) == (expected == NOT_TESTABLE)


def test_a_machine_that_drifts_hides_no_difference_and_makes_none() -> None:
    """All servers of a round share the mood of the machine: the ranges overlap, the ratios don't."""
    found = verdict(compare(), run_of(ahead(1.3), mood=0.6))
    assert found.verdict == HOLDS and "iocp over select at 64 connections 1.28 [" in found.figure
    assert verdict(compare(), run_of(ahead(1.0), mood=0.6, noise=0.01)).verdict == DOES_NOT_HOLD


def test_one_round_of_luck_is_no_proof() -> None:
    def lucky(record: Record) -> Record:
        if record.repeat or record.condition.model != "iocp":
            return record
        assert record.loadgen
        result = record.loadgen["result"]
        result["requests_per_second"] *= 20
        result["audit"]["littles_gap"] = 0.0
        return record

    assert verdict(compare(), run_of(ahead(1.0), change=lucky)).verdict == NOT_TESTABLE


def test_a_load_names_its_size_if_there_are_several() -> None:
    found = verdict(compare(), run_of(ahead(1.3), sizes=(64, 4096)))
    assert "iocp over select at 64 connections, 64 B 1." in found.figure
    assert "iocp over select at 64 connections, 4,096 B 1." in found.figure


def test_a_claim_that_holds_at_some_loads_names_them() -> None:
    def crossing(label: str, connections: int) -> float:
        return 5000.0 * ((0.8 if connections == 8 else 1.4) if label == "iocp" else 1.0)

    run = run_of(crossing, connections=(8, 64, 256))
    found = verdict(compare(), run)
    assert found.verdict == HOLDS_WHEN
    where = "asked of iocp over select at 64 connections; at 256 connections"
    assert found.because == f"{where}; not for iocp over select at 8 connections"
    assert found.figure.startswith(f"{RATE} (claim: > 1.05): iocp over select at 64 connections")
    assert [place.state for place in found.places] == [State.REFUTED, State.SHOWN, State.SHOWN]
    assert verdict(compare(at={"connections": (64, 256)}), run).verdict == HOLDS
    assert verdict(compare(at={"connections": (8,)}), run).verdict == DOES_NOT_HOLD
    both = Rule("both_win", (RATE,), ("made",), ("iocp", "select"))
    assert verdict(both, run).verdict == HOLDS
    assert verdict(replace(both, at={"connections": (8,)}), run).verdict == DOES_NOT_HOLD

    def edge(label: str, connections: int) -> float:
        at_the_limit = 5250.0 if label == "iocp" else 5000.0
        return crossing(label, 8) if connections == 8 else at_the_limit

    some = run_of(edge, connections=(8, 64), noise=0.05)
    assert verdict(compare(), some).verdict == NOT_TESTABLE
    everywhere = verdict(compare(everywhere=True), some)
    assert everywhere.verdict == DOES_NOT_HOLD
    assert everywhere.because == "not for iocp over select at 8 connections"
    vague = run_of(crossing, connections=(8, 64, 256), noise=0.9)
    assert {verdict(each, vague).verdict for each in (both, compare())} == {NOT_TESTABLE}


@pytest.mark.parametrize(
    ("slope", "noise", "expected"),
    [(-0.3, 0.03, HOLDS), (0.0, 0.01, DOES_NOT_HOLD), (-0.3, 0.9, NOT_TESTABLE)],
)
def test_growth_compares_a_server_with_itself(slope: float, noise: float, expected: str) -> None:
    """Select slows down as connections grow; iocp does as select's twin would."""

    def truth(label: str, connections: int) -> float:
        return 5000.0 * (connections / 8) ** (slope if label == "select" else 0.0)

    run = run_of(truth, connections=(8, 256), noise=noise)
    falls = Rule("growth", (RATE,), ("made",), ("select",), (), (8, 256), less_than=0.95)
    more_than_iocp = replace(falls, over=("iocp",))
    assert {verdict(each, run).verdict for each in (falls, more_than_iocp)} == {expected}
    assert verdict(replace(falls, between=(8, 512)), run).because == "the run has no such load"


def test_all_servers_are_ranked_or_told_apart() -> None:
    rates = {"threads": 1.0, "select": 1.4, "events": 1.8, "apc": 2.5, "iocp": 3.2}
    servers = [Server(name) for name in rates]

    def switches(record: Record) -> Record:
        per_request = 40.0 / rates[record.condition.model]
        row = {"value": 1.0, "unit": "switches", "source": "made", "per_request": per_request}
        return replace(record, counters={"server.context_switches": row})

    clear = run_of(lambda label, _: 1000 * rates[label], servers=servers, change=switches)
    vague = run_of(lambda label, _: 1000.0, servers=servers, change=switches, noise=0.3, rounds=12)
    order = Rule("order", ("context switches per request", RATE), ("made",), less_than=-0.5)
    assert verdict(order, clear).verdict == HOLDS
    assert "5 servers at 64 connections −1.00 [−1.00, −1.00]" in verdict(order, clear).figure
    assert verdict(replace(order, less_than=None, more_than=0.5), clear).verdict == DOES_NOT_HOLD
    assert verdict(order, vague).verdict == DOES_NOT_HOLD
    assert verdict(replace(order, less_than=0.0), vague).verdict == NOT_TESTABLE
    differ = Rule("differ", (RATE,), ("made",))
    assert verdict(differ, clear).verdict == HOLDS
    assert verdict(differ, vague).verdict == NOT_TESTABLE
    equal = run_of(lambda label, _: 1000.0, servers=servers, noise=0.002)
    assert verdict(differ, equal).verdict == DOES_NOT_HOLD
    first = compare(over=("all",))
    assert verdict(first, clear).verdict == HOLDS and len(verdict(first, clear).places) == 4
    behind = verdict(replace(first, of=("apc",)), clear)
    assert behind.verdict == DOES_NOT_HOLD  # one is ahead
    assert behind.because == "not for apc at 64 connections"
    alone = run_of(lambda label, _: 1000.0, servers=servers[:1])
    for rule in (differ, compare(of=("threads",), over=("all",))):
        found = verdict(rule, alone)
        assert found.verdict == NOT_TESTABLE and "fewer than two servers" in (found.because or "")


def test_a_control_that_disagrees_withholds_what_is_within_its_reach() -> None:
    def truth(label: str, _: int) -> float:
        return 5000.0 * {"iocp": 1.2, "select": 1.0, "select again": 1.3}[label]

    servers = (Server("select"), Server("iocp"), Server("select", alias="select again"))
    run = run_of(truth, servers=servers)
    assert verdict(compare(), run).verdict == NOT_TESTABLE
    assert verdict(compare(over=("all",)), run).places[0].servers == "iocp over select"
    assert len(verdict(compare(over=("all",)), run).places) == 1  # a control is no competitor
    agreeing = run_of(lambda label, _: truth(label.removesuffix(" again"), 0), servers=servers)
    assert verdict(compare(), agreeing).verdict == HOLDS


def test_what_was_not_measured_is_never_judged() -> None:
    run = run_of(ahead(1.5), rounds=7)
    assert verdict(compare(), run).because == "7 rounds; 8 are needed"
    assert verdict(compare(), "no run of made").because == "no run of made"
    good = run_of(ahead(1.5))
    assert verdict(compare(of=("rio",)), good).because == "rio: not in the run"
    absent = verdict(compare(metrics=("context switches per request",)), good)
    assert absent.verdict == NOT_TESTABLE and "not recorded" in (absent.because or "")

    def broken(record: Record) -> Record:
        bad = record.condition.model == "select"
        return replace(record, status="failed", reason="died", loadgen=None) if bad else record

    assert "died" in (verdict(compare(), run_of(ahead(1.5), change=broken)).because or "")


def test_a_count_is_decided_by_equal_counts() -> None:
    """The pool serves eight; what fails with another number, or for another reason, is no count."""

    def held(*numbers: int | None) -> Run:
        def change(record: Record) -> Record:
            number = numbers[record.repeat]
            lost = f"loadgen: connection {number and number + 1} to 127.0.0.1:1: no reply: timeout"
            text = None if number is None else lost
            return replace(record, status="failed", reason="failed", stderr=text, loadgen=None)

        return run_of(
            ahead(1), servers=(Server("pool"),), connections=(12,), rounds=3, change=change
        )

    rule = Rule("bound", ("clients held",), ("made",), ("pool",), more_than=7.5)
    rules = (rule, replace(rule, more_than=None, less_than=8.5))
    for run, expected in (
        (held(8, 8, 8), HOLDS),
        (held(5, 5, 5), DOES_NOT_HOLD),
        (held(8, 8, 5), NOT_TESTABLE),
        (held(8, 8, None), NOT_TESTABLE),
    ):
        assert together(judge([(each, run) for each in rules])).verdict == expected
    all_held = run_of(ahead(1), servers=(Server("pool"),), connections=(12,), rounds=3)
    assert together(judge([(each, all_held) for each in rules])).verdict == DOES_NOT_HOLD


def test_at_the_limit_few_claims_get_any_verdict() -> None:
    """The truth is the limit itself: each verdict is an error, and a claim of six parts makes few."""
    rule = Rule("compare", (RATE,), ("made",), more_than=1.0)
    draws = np.random.default_rng(2).normal(0, 0.1, size=(300, 6, 8))
    wrong = 0
    for family in draws:
        placed = [
            claims._placed(Contrast("a", "b", (tuple(map(float, logs)),)), 0.05 / 6)
            for logs in family
        ]
        wrong += any(claims.state_of(each, rule) is not State.OPEN for each in placed)
    assert 0.01 <= wrong / 300 <= 0.08


def test_a_claim_of_several_parts_needs_all_of_them() -> None:
    parts = {word: Finding(word, None, word) for word in (HOLDS, DOES_NOT_HOLD, NOT_TESTABLE)}
    some = Finding(HOLDS_WHEN, "at 64 connections", "1.3")
    assert together([parts[HOLDS], parts[HOLDS]]).verdict == HOLDS
    assert together([parts[HOLDS], some]).because == "at 64 connections"
    assert together([some, parts[NOT_TESTABLE]]).verdict == NOT_TESTABLE
    assert together([parts[NOT_TESTABLE], parts[DOES_NOT_HOLD]]).verdict == DOES_NOT_HOLD


# ---- the metrics ----


def test_metrics_read_a_record() -> None:
    run = run_of(ahead(1.0), noise=0, mood=0, rounds=1)
    record = run.records[0]
    assert record.loadgen and record.server
    result = record.loadgen["result"]
    result |= {"connects": 50, "window_ns": 10**9, "requests_per_second": 2000.0}
    result["classes"] = [{"name": "light", "response": {"count": 2000, "p99": 5000}}]
    rows = {
        "server.cpu_ns": (3e8, 150_000.0),
        "wineserver.cpu_ns": (1e8, 50_000.0),
        "server.context_switches": (8000.0, 4.0),
        "server.threads_peak": (3.0, None),
        "server.nonpaged_pool_bytes": (1e6, None),
    }
    record = replace(
        record,
        counters={
            name: {"value": value, "unit": "-", "source": "made", "per_request": each}
            for name, (value, each) in rows.items()
        },
    )
    expected: Mapping[str, float | None] = {
        RATE: 2000.0,
        "CPU time per request": 200.0,
        "context switches per request": 4.0,
        "context switches per second": 8000.0,
        "connects per second": 50.0,
        "p99 of light": 5.0,
        "p99 of heavy": None,
        "non-paged pool": 1e6,
        "threads": 3.0,
        "busy share per thread": 0.1,
        "clients held": 64.0,
    }
    for name, value in expected.items():
        measure = metric(name).value(record)
        assert measure.value == (None if value is None else pytest.approx(value)), name
        assert measure.value is not None or measure.reason
    with pytest.raises(ValueError, match="no such metric"):
        metric("beauty")


# ---- the list ----


def test_the_list_is_read_strictly() -> None:
    good: dict[str, Any] = {"compare": RATE, "of": ["a"], "over": ["b"], "suites": ["models"]}
    for rule, message in (
        ({**good}, "needs one of"),
        ({**good, "more_than": 1, "less_than": 2}, "needs one of"),
        ({**good, "more_than": 1, "colour": 1}, "colour: no such key"),
        ({"of": ["a"], "suites": ["models"]}, "a rule is one of"),
        ({"growth": RATE, "of": ["a"], "suites": ["m"], "more_than": 1}, "between: missing"),
        ({**good, "more_than": 1, "at": {"sides": [1]}}, "sides: no such key"),
    ):
        data = {"sources": {"A": "x"}, "claims": [{"id": "A1", "sentence": "s", "rules": [rule]}]}
        with pytest.raises(ValueError, match=message):
            claims_of(data)
    with pytest.raises(ValueError, match="law: no such key"):
        claims_of({"sources": {"A": "x"}, "claims": [{"id": "A1", "sentence": "s", "law": "x"}]})


def test_rules_ask_for_what_their_suites_have() -> None:
    """Servers, loads and metrics exist, so no rule stays silent for a wrong word."""
    for claim in all_claims():
        for rule in claim.rules:
            for name in rule.metrics:
                metric(name)
            for suite in map(_suite(rule.linux), rule.suites):
                labels = {server.label for server in suite.servers}
                where = f"{claim.id} in {suite.name}"
                assert {*rule.of, *rule.over} <= labels | {"all"}, where
                asked = {*rule.at.get("connections", ()), *(rule.between or ())}
                assert asked <= set(suite.connections), where
                assert set(rule.at.get("percent", ())) <= set(suite.rate_percents), where
                classes = {name for name, _ in suite.load.classes}
                groups = {name.partition(" of ")[2] for name in rule.metrics if " of " in name}
                assert groups <= classes, where


def _suite(linux: bool) -> Callable[[str], Suite]:
    return lambda name: load_suite(SUITES / f"{name}.toml", native=linux)


def test_ratios_are_those_of_logarithms() -> None:
    placed = claims._placed(Contrast("a", "b", ((log(2.0),) * 8,)), 0.05)
    assert placed.value == pytest.approx(2.0) and placed.low == pytest.approx(2.0)
