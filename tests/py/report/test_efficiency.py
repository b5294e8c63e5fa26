"""Loads at a fixed rate: when they are measured, which rate they are offered, and by what they are compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from iomodels.data.records import Condition, Record
from iomodels.data.store import load_run
from iomodels.judge import rates as efficiency
from iomodels.judge.rule import Word
from iomodels.judge.summary import summarise
from iomodels.judge.verdict import Kind
from iomodels.plan.order import Measurement, make_plan
from iomodels.plan.suite import LOOKS, Suite, find_suite, load_suite
from iomodels.report.answer import answer
from iomodels.report.html import write_report
from made_run import make_record, make_run, noisy_rate, suite_of, with_counters
from stage import FakeLauncher, Stage


def test_closed_loops_come_first_and_stay_as_they_were() -> None:
    closed = suite_of(connections=(1, 64), sizes=(64,), rounds=3)
    plan = make_plan(replace(closed, rate_percents=(25, 50)))
    before, after = plan[: len(plan) // 3], plan[len(plan) // 3 :]
    assert before == make_plan(closed)
    assert {item.condition.rate_percent for item in after} == {25, 50} and [
        item.index for item in plan
    ] == list(range(36))
    blocks = [after[start : start + 8] for start in range(0, 24, 8)]
    assert [{item.repeat for item in block} for block in blocks] == [{0}, {1}, {2}]
    assert all(len({item.condition for item in block}) == 8 for block in blocks)


def peaks_of(rates: dict[tuple[str, int], list[float | None]]) -> dict[tuple[int, int], float]:
    records: list[Record] = []
    for (model, connections), values in rates.items():
        for repeat, rate in enumerate(values):
            item = Measurement(len(records), repeat, Condition(model, connections, 64, 64, 1))
            records.append(make_record(item, "wine-8.0", rate))
    return efficiency.lowest_peaks(records)


def test_the_slowest_server_decides_and_one_without_a_peak_does_not() -> None:
    peaks = peaks_of(
        {
            ("a", 1): [100.0, 900.0, 300.0],
            ("b", 1): [400.0, 400.0],
            ("c", 1): [None, None],
            ("a", 64): [None, 50.0],
            ("b", 64): [60.0],
        }
    )
    assert peaks == {(1, 64): 300.0, (64, 64): 50.0}
    manifest = {"peaks": efficiency.to_json(peaks)}
    cell = Condition("b", 1, 64, 64, 1, rate_percent=25)
    assert efficiency.offered_rate(manifest, cell) == 75
    assert efficiency.offered_rate(manifest, replace(cell, connections=64, rate_percent=1)) == 1
    assert efficiency.offered_rate(manifest, replace(cell, connections=8)) is None


def offered(folder: Path) -> dict[str, set[str]]:
    """model → the values of --rate with which its load generators were started; "" for none."""
    found: dict[str, set[str]] = {}
    for record in load_run(folder).records:
        argv = record.loadgen["argv"] if record.loadgen else []
        rate = argv[argv.index("--rate") + 1] if "--rate" in argv else ""
        found.setdefault(f"{record.condition.model} {record.condition.rate_percent}", set()).add(
            rate
        )
    return found


def test_a_run_offers_every_server_the_same_part_of_the_lowest_peak(
    stage: Stage, launcher: FakeLauncher, suite: Suite
) -> None:
    """The programs' peak is 10,000; the run is interrupted at a fixed rate and goes on with the rate that was settled, which is on disk
    before the first of them is measured: a run may be killed as well."""
    fixed = replace(suite, connections=(8,), rate_percents=(30,), rounds=1)
    settled: dict[int, bool] = {}

    def behaviour(number: int) -> tuple[str, str]:
        settled[number] = "peaks" in json.loads(
            (stage.folder / "run.json").read_text(encoding="utf-8")
        )
        return "normal", "SIGINT" if number == 3 else "normal"

    launcher.behaviour = behaviour
    assert stage.start(fixed) == 130
    assert list(settled.values()) == [False, False, True, True]
    folder = stage.folder
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert manifest["peaks"] == [{"connections": 8, "size": 64, "requests_per_second": 10_000.0}]
    manifest["peaks"][0]["requests_per_second"] = 20_000.0
    (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    launcher.behaviour = lambda number: ("normal", "normal")
    assert stage.resume() == 0
    rates = offered(folder)
    assert rates.pop("one 0") == rates.pop("two 0") == {""}
    assert set(rates) == {"one 30", "two 30"} and set.union(*rates.values()) == {"3000", "6000"}


def test_without_a_peak_there_is_no_rate(
    stage: Stage, launcher: FakeLauncher, suite: Suite
) -> None:
    launcher.behaviour = lambda number: ("normal", "no replies")
    assert stage.start(replace(suite, connections=(8,), rate_percents=(30,), rounds=1)) == 1
    reasons = {
        record.condition.rate_percent: record.reason for record in load_run(stage.folder).records
    }
    assert reasons[30] == "no server has a peak at this load, so the rate to offer is unknown"


@pytest.mark.usefixtures("one_figure")
def test_at_a_fixed_rate_cpu_time_is_compared(tmp_path: Path) -> None:
    """iocp is twice as fast at its peak, and takes 40 % of the CPU time per request at one rate."""
    suite = replace(suite_of(connections=(64,), sizes=(64,), rounds=9), rate_percents=(50,))

    def rate(item: Measurement) -> float:
        peaks = noisy_rate({"select": 1e3, "iocp": 2e3}, 0.01)
        return 500.0 if item.condition.rate_percent else peaks(item)

    def counted(record: Record) -> Record:
        cost = 50_000.0 if record.condition.model == "select" else 20_000.0
        return with_counters(record, {"server.cpu_ns": cost * (1 + 0.001 * record.repeat)})

    run = load_run(make_run(tmp_path, suite, rate=rate, enrich=counted))
    summary = summarise(run)
    assert [load.key.rate_percent for load in summary.loads] == [0, 50]
    assert {cell.verdict.kind for cell in summary.cells if cell.condition.rate_percent} == {
        Kind.RATE_BOUND
    }
    over = {
        load.key.rate_percent: (round(one.ratio, 1), one.word)
        for load in summary.loads
        for one in load.over_baseline
    }
    assert over == {0: (2.0, Word.FASTER), 50: (2.5, Word.FASTER)}, "above 1 is good on both scales"
    closed, paced = answer(summary).loads
    assert closed.verdict.startswith("iocp is fastest with 2,0") or "1,9" in closed.verdict
    assert paced.verdict.startswith(
        "iocp is cheapest with 20.1 µs of CPU time per request; select needs 2.50× as much"
    )
    page = write_report(run.path)
    for words in (
        "64 B, at 50 % of the lowest peak: ratio of CPU time per request",
        "64 B: ratio of requests per second",
        "less CPU time",
    ):
        assert words in page.with_suffix(".md").read_text(encoding="utf-8")
    assert "less CPU time" in page.read_text(encoding="utf-8")


def test_the_suite_and_its_words(tmp_path: Path) -> None:
    from iomodels.base.errors import Failure

    suite = load_suite(find_suite("efficiency"))
    assert (
        suite.rate_percents
        and suite.rounds >= LOOKS[0]
        and len({server.model for server in suite.servers}) == 6
    )
    path = tmp_path / "bad.toml"
    path.write_text(
        find_suite("efficiency")
        .read_text(encoding="utf-8")
        .replace("rate_percents = [25, 50]", "rate_percents = [0, 50]"),
        encoding="utf-8",
    )
    with pytest.raises(
        Failure, match=r"rate_percents = \[0, 50\]: must be a list of whole numbers 1 … 95"
    ):
        load_suite(path)
