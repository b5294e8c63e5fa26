"""The walk through a plan: what is measured, which loads stop at which look, and what a resume does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from iomodels.data.records import Record
from iomodels.judge.loads import JudgedLoad, Rules
from iomodels.judge.rule import SEQUENTIAL_BASELINE, SEQUENTIAL_FASTEST
from iomodels.judge.summary import planned_rounds
from iomodels.measure.rounds import DECIDED, ROUNDS, TIME, Rounds
from iomodels.plan.order import LoadKey, Measurement, make_plan
from iomodels.plan.suite import LOOKS, Suite
from made_run import Rate, make_record, noisy_rate, suite_of

RULES = Rules(SEQUENTIAL_BASELINE, SEQUENTIAL_FASTEST)
MANIFEST: dict[str, Any] = {
    "environment": {"reasons": {}, "cpus_usable": [0]},
    "statistics": RULES.to_json(),
}
CLEAR = noisy_rate({"select": 100.0, "iocp": 200.0}, 0.02)
Settled = Callable[[JudgedLoad, Rules], bool]


def never(load: JudgedLoad, rules: Rules) -> bool:
    return False


def closed_decided(load: JudgedLoad, rules: Rules) -> bool:
    return not load.key.rate_percent


def after(rounds: dict[int, int]) -> Settled:
    """The load with so many connections is decided once it has so many rounds."""
    return lambda load, rules: load.rounds >= rounds.get(load.key.connections, 1000)


class Clock:
    """Stands still, but for what each measurement takes."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def small_histograms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("made_run.REPLIES", 20)


def sequential(minutes: int = 100, **changes: Any) -> Suite:
    suite = suite_of(connections=(1, 8), sizes=(64,), rounds=LOOKS[-1])
    return replace(suite, minutes=minutes, **changes)


def walk(
    rounds: Rounds, clock: Clock, rate: Rate = CLEAR, *, each_s: float = 1.0, most: int = 10_000
) -> list[Record]:
    """Make at most so many measurements; return their records."""
    made: list[Record] = []
    for item in rounds:
        clock.now += each_s
        made.append(make_record(item, "wine-8.0", rate(item)))
        rounds.add(made[-1])
        if len(made) == most:
            break
    return made


def run(suite: Suite, rate: Rate = CLEAR, **options: Any) -> tuple[Rounds, list[Record]]:
    clock, each_s = Clock(), options.pop("measurement_s", 1.0)
    rounds = Rounds(suite, MANIFEST, clock=clock, **options)
    return rounds, walk(rounds, clock, rate, each_s=each_s)


def stops(rounds: Rounds) -> dict[tuple[int, int], tuple[int, str]]:
    """(connections, rate percent) → after how many rounds it stopped, and why."""
    found = [
        ((stop.load.connections, stop.load.rate_percent), (stop.rounds, stop.why))
        for stop in rounds.stops
    ]
    assert len(dict(found)) == len(found), "a load stops once"
    return dict(found)


def rounds_made(records: Iterable[Record]) -> dict[tuple[str, int, int], int]:
    found: dict[tuple[str, int, int], int] = {}
    for record in records:
        one = record.condition
        key = one.model, one.connections, one.rate_percent
        found[key] = found.get(key, 0) + 1
    return found


# ---- a fixed plan ----


def test_a_fixed_plan_measures_everything_whatever_is_decided_and_how_long_it_takes() -> None:
    suite = suite_of(connections=(1, 8), sizes=(64,), rounds=12)
    rounds, made = run(suite, settled=lambda load, rules: True, measurement_s=1e6)
    assert [record.index for record in made] == [item.index for item in make_plan(suite)]
    assert stops(rounds) == {(1, 0): (12, ROUNDS), (8, 0): (12, ROUNDS)}


# ---- looks ----


def test_a_decided_load_stops_at_its_look_and_the_others_go_on() -> None:
    rounds, made = run(sequential(), settled=after({1: 8, 8: 18}))
    assert stops(rounds) == {(1, 0): (8, DECIDED), (8, 0): (18, DECIDED)}
    assert rounds_made(made) == {
        ("select", 1, 0): 8,
        ("iocp", 1, 0): 8,
        ("select", 8, 0): 18,
        ("iocp", 8, 0): 18,
    }


@pytest.mark.parametrize(
    ("decided_after", "look"),
    [(1, 8), (8, 8), (9, 12), (12, 12), (13, 18), (19, 27), (27, 27), (28, 40), (40, 40)],
)
def test_only_looks_stop_a_load(decided_after: int, look: int) -> None:
    """The rule pays for these looks and for no others."""
    suite = sequential()
    rounds, _ = run(replace(suite, connections=(1,)), settled=after({1: decided_after}))
    assert stops(rounds) == {(1, 0): (look, DECIDED)}


def test_what_no_look_decides_stops_at_the_last_round() -> None:
    rounds, made = run(sequential(), settled=never)
    assert stops(rounds) == {(1, 0): (40, ROUNDS), (8, 0): (40, ROUNDS)}
    assert len(made) == 40 * 4


def test_the_rule_itself_decides_a_clear_load_and_leaves_a_noisy_one_open() -> None:
    def rate(item: Measurement) -> float:
        noisy = noisy_rate({"select": 100.0, "iocp": 101.0}, 0.30)
        return CLEAR(item) if item.condition.connections == 1 else noisy(item)

    rounds, _ = run(sequential(), rate)
    found = stops(rounds)
    assert found[1, 0] == (8, DECIDED)
    assert found[8, 0] == (40, ROUNDS)


def test_a_load_without_a_figure_stops_at_the_first_look() -> None:
    rounds, made = run(sequential(), lambda item: None)
    assert stops(rounds) == {(1, 0): (8, DECIDED), (8, 0): (8, DECIDED)} and len(made) == 32


# ---- time ----


def test_undecided_loads_go_on_until_the_time_is_up() -> None:
    """A round of four measurements takes 4 s: the sixteenth would end after the minute."""
    rounds, made = run(sequential(minutes=1), settled=never)
    assert stops(rounds) == {(1, 0): (15, TIME), (8, 0): (15, TIME)}
    assert len(made) == 60 and rounds.spent_s == 60.0


def test_every_load_gets_the_least_rounds_also_where_the_time_is_up_before() -> None:
    rounds, made = run(sequential(minutes=1), settled=never, measurement_s=100.0)
    assert stops(rounds) == {(1, 0): (8, TIME), (8, 0): (8, TIME)} and len(made) == 32


def test_the_time_of_a_decided_load_goes_to_the_others() -> None:
    """32 s for 8 rounds of both; then a round takes 2 s, and 14 of them fill the minute."""
    rounds, _ = run(sequential(minutes=1), settled=after({1: 8}))
    assert stops(rounds) == {(1, 0): (8, DECIDED), (8, 0): (22, TIME)}


def test_the_least_rounds_of_the_open_loops_are_reserved() -> None:
    """16 s of the minute are theirs, so the closed loops end by 44 s."""
    suite = sequential(minutes=1, rate_percents=(50,), rate_connections=(8,))
    rounds, made = run(suite, settled=never)
    assert stops(rounds) == {(1, 0): (11, TIME), (8, 0): (11, TIME), (8, 50): (8, TIME)}
    closed = [not record.condition.rate_percent for record in made]
    assert closed == sorted(closed, reverse=True), "closed loops come first"
    assert rounds.spent_s == 60.0


def test_what_the_closed_loops_leave_goes_to_the_open_ones() -> None:
    suite = sequential(minutes=1, rate_percents=(50,), rate_connections=(8,))
    rounds, _ = run(suite, settled=closed_decided)
    assert stops(rounds) == {(1, 0): (8, DECIDED), (8, 0): (8, DECIDED), (8, 50): (14, TIME)}


def test_time_of_earlier_segments_counts() -> None:
    clock = Clock()
    rounds = Rounds(sequential(minutes=1), MANIFEST, settled=never, spent_s=20.0, clock=clock)
    assert len(walk(rounds, clock)) == 40 and rounds.spent_s == 60.0


def test_the_length_of_a_measurement_is_guessed_until_one_was_made() -> None:
    clock = Clock()
    rounds = Rounds(sequential(), MANIFEST, each_s=1.7, clock=clock)
    assert rounds.each_s == 1.7
    walk(rounds, clock, each_s=3.0, most=4)
    assert rounds.each_s == 3.0


# ---- resume ----


def noisy(item: Measurement) -> float:
    """Decided at the first look with one connection, later with eight."""
    lead = {1: 2.0, 8: 1.08}[item.condition.connections]
    return noisy_rate({"select": 100.0, "iocp": 100.0 * lead}, 0.07, 3)(item)


@pytest.mark.parametrize("segment", [13, 31, 32, 33, 35, 39, 40])
def test_a_resumed_run_replays_the_same_stops(segment: int) -> None:
    suite = sequential()
    whole, records = run(suite, noisy)
    assert {why for _, why in stops(whole).values()} == {DECIDED}, "or the test shows little"
    assert stops(whole)[1, 0][0] < stops(whole)[8, 0][0]
    clock = Clock()
    first = Rounds(suite, MANIFEST, clock=clock)
    made = walk(first, clock, noisy, most=segment)
    while True:
        again = Rounds(suite, MANIFEST, made, spent_s=0.0, clock=clock)
        more = walk(again, clock, noisy, most=segment)
        made += more
        if len(more) < segment:
            break
    assert [record.index for record in made] == [record.index for record in records]
    assert again.stops == whole.stops


def test_a_complete_run_has_nothing_left_and_stops_as_before() -> None:
    suite = sequential(minutes=1)
    whole, records = run(suite, settled=never)
    clock = Clock()
    again = Rounds(suite, MANIFEST, records, settled=never, spent_s=whole.spent_s, clock=clock)
    assert walk(again, clock) == [] and again.stops == whole.stops


def test_again_measures_these_once_more_and_nothing_else() -> None:
    suite = suite_of(connections=(1, 8), sizes=(64,), rounds=3)
    _, records = run(suite)
    clock = Clock()
    again = Rounds(suite, MANIFEST, records, again=[7, 2], clock=clock)
    assert [record.index for record in walk(again, clock)] == [2, 7]


def test_a_repeat_that_was_measured_again_counts_at_the_next_look() -> None:
    """Every repeat failed, so the look finds nothing to decide; measured again, it is noisy."""
    suite = replace(sequential(), connections=(8,))
    _, failed = run(suite, lambda item: None)
    clock = Clock()
    again = Rounds(suite, MANIFEST, failed, again=range(16), clock=clock)
    flat = noisy_rate({"select": 100.0, "iocp": 101.0}, 0.30)
    assert len(walk(again, clock, flat)) == 80, "each of the 40 rounds"
    assert stops(again) == {(8, 0): (40, ROUNDS)}


# ---- what is left, and what is written ----


def test_the_stops_are_what_a_report_reads_as_planned() -> None:
    suite = sequential()
    rounds, _ = run(suite, settled=after({1: 8, 8: 18}))
    manifest = json.loads(json.dumps({"stopped": [stop.to_json() for stop in rounds.stops]}))
    keys = sorted({item.load for item in make_plan(suite)})
    assert [planned_rounds(manifest, suite, key) for key in keys] == [8, 18]
    assert manifest["stopped"][0] == {"load": vars(keys[0]), "rounds": 8, "why": "decided"}
    assert LoadKey(**manifest["stopped"][0]["load"]) == keys[0]
