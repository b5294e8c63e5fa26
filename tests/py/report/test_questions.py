"""The answers of load-curve, thread-counts and blocking-handlers, on runs with known numbers."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iomodels.data.records import Record
from iomodels.data.store import load_run
from iomodels.judge.summary import Summary, summarise
from iomodels.plan.order import Measurement
from iomodels.plan.server import Server
from iomodels.report.answer import answer
from made_run import Rate, make_run, noisy_rate, suite_of

PERCENTS = (10, 25, 40, 55, 70, 80, 90, 95)
PEAKS = {"select": 8000.0, "iocp": 10_000.0}


def curve_run(tmp_path: Path, percents: tuple[int, ...], rounds: int) -> Summary:
    """Both are offered parts of 8,000; their latency is that of a queue with their own peak."""
    suite = suite_of(connections=(64,), sizes=(64,), rounds=rounds)

    def rate(item: Measurement) -> float:
        percent = item.condition.rate_percent
        return 80.0 * percent if percent else PEAKS[item.condition.label]

    def queued(record: Record) -> Record:
        percent = record.condition.rate_percent
        if not percent or not record.loadgen:
            return record
        load = 80.0 * percent / PEAKS[record.condition.label]
        wobble = math.exp(0.02 * ((7 * record.repeat + percent) % 5 - 2))
        response = record.loadgen["result"]["response"]
        histogram = {**response["histogram"], "counts": [[int(1e6 / (1 - load) * wobble), 20_000]]}
        result = {**record.loadgen["result"], "response": {**response, "histogram": histogram}}
        return replace(record, loadgen={**record.loadgen, "result": result})

    suite = replace(suite, rate_percents=percents, rate_arrivals="poisson")
    return summarise(load_run(make_run(tmp_path, suite, rate=rate, enrich=queued)))


def test_a_load_curve_answers_with_the_knees(tmp_path: Path) -> None:
    """select bends at 85 % of its peak; iocp, whose peak is a quarter higher, does not."""
    said = answer(curve_run(tmp_path, PERCENTS, 8)).headline
    found = re.fullmatch(
        r"On wine-8\.0, 64 connections × 64 B: p99 reaches 5 times its value at 25 % of the lowest "
        r"peak: iocp above 7,600 requests/s and select at ([\d,]+) requests/s "
        r"\[([\d,]+), ([\d,]+)\]\.",
        said,
    )
    assert found, said
    middle, low, high = (float(each.replace(",", "")) for each in found.groups())
    assert low <= middle <= high and abs(middle / 6800 - 1) < 0.03


def test_few_rounds_have_a_knee_without_interval(tmp_path: Path) -> None:
    assert "requests/s (3 rounds)" in answer(curve_run(tmp_path, PERCENTS, 3)).headline


def test_few_rates_have_no_knee(tmp_path: Path) -> None:
    assert "p99 reaches" not in answer(curve_run(tmp_path, (25, 50), 8)).headline


# ---- how many workers ----


def workers_run(
    tmp_path: Path, rate: Rate, counts: tuple[int, ...] = (1, 2, 4, 8), **manifest: Any
) -> Summary:
    servers = [Server("iocp", (("threads", count),)) for count in counts]
    suite = suite_of(servers, connections=(64,), sizes=(64,), rounds=10)
    return summarise(load_run(make_run(tmp_path, suite, rate=rate, **manifest)))


def by_threads(table: dict[int, float]) -> Rate:
    return noisy_rate({f"iocp threads={n}": value for n, value in table.items()}, 0.01)


def test_two_workers_per_core_help_where_handlers_block(tmp_path: Path) -> None:
    found = answer(workers_run(tmp_path, by_threads({1: 1000, 2: 1900, 4: 3500, 8: 5000})))
    assert re.fullmatch(
        r"On wine-8\.0, 64 connections × 64 B: two workers per core \(2\) serve 1\.\d\d× "
        r"\[1\.\d\d, 1\.\d\d\] as many requests as one per core \(faster\)\. "
        r"The highest rate: 8 workers serve [45]\.\d\d× \[[\d., ]+\] as many\.",
        found.headline,
    ), found.headline


def test_two_workers_per_core_do_not_help_where_handlers_compute(tmp_path: Path) -> None:
    found = answer(workers_run(tmp_path, by_threads({1: 1000, 2: 1000, 4: 1000, 8: 990})))
    assert "as one per core (equal within 5 %)" in found.headline
    assert found.headline.endswith("No number of workers is shown to be faster than one per core.")


def test_few_rounds_name_the_highest_rate_so_far(tmp_path: Path) -> None:
    """Three rounds decide nothing, and so do not say that no number is faster."""
    table = by_threads({1: 1000, 2: 1600, 4: 2500})
    servers = [Server("iocp", (("threads", count),)) for count in (1, 2, 4)]
    suite = suite_of(servers, connections=(64,), sizes=(64,), rounds=3)
    found = answer(summarise(load_run(make_run(tmp_path, suite, rate=table))))
    assert "as one per core (provisional). The highest rate so far: 4 workers serve 2." in (
        found.headline
    )


def test_other_suites_keep_their_answer(tmp_path: Path) -> None:
    two = answer(workers_run(tmp_path / "two", by_threads({1: 1000, 2: 1900}), (1, 2)))
    assert "per core" not in two.headline
    others = answer(
        workers_run(tmp_path / "other", by_threads({3: 1e3, 5: 2e3, 7: 3e3}), (3, 5, 7))
    )
    assert "per core" not in others.headline


def test_the_law_is_refused_on_one_core(tmp_path: Path) -> None:
    found = answer(workers_run(tmp_path, by_threads({1: 1000, 2: 1900, 4: 3500, 8: 5000})))
    assert (
        "Universal Scalability Law over workers: not fitted, because the server has 1 of the 4 "
        "cores that it takes."
    ) in found.remarks


def test_the_law_is_fitted_on_enough_cores(tmp_path: Path) -> None:
    table = {n: 1000 * n / (1 + 0.05 * (n - 1) + 0.002 * n * (n - 1)) for n in (1, 2, 4, 8, 16)}
    environment = {"cpus_usable": list(range(8)), "launcher": {"placement": None}, "reasons": {}}
    found = answer(
        workers_run(
            tmp_path, by_threads(table), tuple(table), manifest={"environment": environment}
        )
    )
    (law,) = [each for each in found.remarks if each.startswith("Universal Scalability Law")]
    number = r"0\.0\d+ \[[\d.]+, [\d.]+\]"
    assert re.fullmatch(
        r"Universal Scalability Law over workers: contention σ is " + number + r", coherency κ is "
        r"0\.00\d+ \[[\d.]+, [\d.]+\]; the fitted rate has its peak at 2\d\.\d workers\.",
        law,
    ), law


@pytest.mark.parametrize("name", ["load-curve", "thread-counts", "blocking-handlers"])
def test_the_suites_ask_what_the_report_answers(name: str) -> None:
    from iomodels.plan.suite import find_suite, load_suite

    suite = load_suite(find_suite(name))
    if name == "load-curve":
        assert suite.rate_percents == PERCENTS and suite.rate_arrivals == "poisson"
        assert 25 in load_suite(find_suite(name), quick=True).rate_percents
        return
    counts = [dict(server.per_core)["threads"] for server in suite.servers if server.per_core]
    assert counts[:2] == [1, 2] and len(counts) >= 6
    assert (dict(suite.load.options).get("block-us") is None) == (name == "thread-counts")
