"""A tuning from its records alone: the next trial, failures, values, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from iomodels.base.errors import Failure
from iomodels.data.records import Record
from iomodels.judge import race
from iomodels.judge.tuned import analyse
from iomodels.judge.tuning import OBJECTIVES, Tuning, tuning_of, value_or_reason
from iomodels.plan.order import Measurement, cells
from iomodels.plan.server import Server
from made_run import make_record, offered_rate, with_counters
from made_tuning import ALL, RATES, SUITE, manifest, record_of, recorded

# ---- the next trial ----


def trials_of(data: Mapping[str, Any], fails: frozenset[tuple[int, int]] = frozenset()) -> Tuning:
    """Measure whatever comes next; the trials (place, number of its tries) in `fails` fail."""
    records: list[Record] = []
    tries: dict[int, int] = {}
    while trial := tuning_of(data, records).next_trial():
        number = tries[trial.place] = tries.get(trial.place, 0) + 1
        rate = None if (trial.place, number) in fails else RATES[trial.place]
        records.append(record_of(len(records), trial.place, trial.round, rate))
        assert len(records) < 200
    return tuning_of(data, records)


def test_each_round_has_each_setting_once_in_an_order_of_its_own() -> None:
    found = trials_of(manifest())
    rounds: dict[int, list[int]] = {}
    for place, round_, _ in found.results:
        rounds.setdefault(round_, []).append(place)
    assert list(rounds) == list(range(21))
    assert all(sorted(rounds[number]) == ALL for number in range(3))
    assert all(sorted(rounds[number]) == [2, 3, 5] for number in range(7, 21))
    assert len({tuple(rounds[number]) for number in range(3)}) == 3
    again = trials_of(manifest())
    assert again.results == found.results, "the seed decides"
    assert found.trials_missing == 0 and not found.out


def test_a_resumed_tuning_does_the_same_trials() -> None:
    data, whole = manifest(), trials_of(manifest()).records
    for done in (0, 5, 30, len(whole) - 1):
        trial = tuning_of(data, whole[:done]).next_trial()
        assert trial is not None
        expected = whole[done]
        found = tuning_of(data, whole[:done])
        assert (found.conditions[trial.place], trial.round) == (
            expected.condition, expected.repeat)  # fmt: skip


def test_a_failed_trial_is_repeated_at_the_end_of_its_round() -> None:
    found = trials_of(manifest(), frozenset({(6, 1)}))
    first = [(place, value is None) for place, round_, value in found.results if round_ == 0]
    assert first[-1] == (6, False) and (6, True) in first[:-1] and len(first) == 8
    assert not found.out and not np.isnan(found.logs[0]).any()


def test_a_setting_that_fails_twice_leaves_the_race() -> None:
    found = trials_of(manifest(), frozenset({(3, 1), (3, 3)}))
    assert found.out == {3} and 3 not in found.finalists
    assert sum(place == 3 for place, _, _ in found.results) == 3, "it gets no further trial"
    answer = found.answer
    assert answer is not None and answer.setting == 2


def test_if_all_fail_there_is_no_answer_and_no_stage() -> None:
    fails = frozenset((place, number) for place in ALL for number in (1, 2))
    found = trials_of(manifest(stages=manifest()["stages"][:1]), fails)
    assert found.out == set(ALL) and found.answer is None and found.next_stage(100) is None
    data = analyse(manifest(stages=manifest()["stages"][:1]), found.records)
    assert data["answer"] is None
    assert [each["model"] for each in data["absent"]] == ["iocp", "apc", "select"]
    assert "died with exit code 3" in data["absent"][0]["reason"]


def test_the_stages_follow_the_race_and_then_close() -> None:
    empty = tuning_of(manifest(stages=[]), [])
    assert empty.next_trial() is None
    assert empty.next_stage(60) == race.Stage(tuple(ALL), 1)
    data = manifest(stages=manifest()["stages"][:2])
    raced = tuning_of(data, recorded(data))
    assert raced.next_stage(0.0) == race.Stage((2, 3, 5), race.CLOSING_ROUNDS, closing=True)
    done = tuning_of(manifest(), recorded(manifest()))
    assert done.next_stage(0.0) is None
    assert done.next_stage(9.0) == race.Stage((0, 1, 2, 3), 2), "more budget races on"


def test_records_of_another_plan_are_refused() -> None:
    strange = make_record(Measurement(0, 0, replace(cells(SUITE)[0], model="rio")), "wine-8.0", 1.0)
    with pytest.raises(
        Failure, match=r"tune: record 0 is rio threads=1, .* no setting of this tun"
    ):
        tuning_of(manifest(), [strange])


# ---- values ----


def test_objectives_have_their_own_values_and_directions() -> None:
    costs = {"server.cpu_ns": 20_000.0, "wineserver.cpu_ns": 30_000.0}
    record = with_counters(record_of(0, 2, 0, 5000.0), costs)
    assert value_or_reason(record, OBJECTIVES["throughput"]) == (5000.0, "")
    assert value_or_reason(record, OBJECTIVES["p99"])[0] == pytest.approx(1e-3)
    assert value_or_reason(record, OBJECTIVES["cpu"]) == (pytest.approx(50), "")
    assert OBJECTIVES["throughput"].score(200.0) > OBJECTIVES["throughput"].score(100.0)
    assert OBJECTIVES["p99"].score(200.0) < OBJECTIVES["p99"].score(100.0)
    assert OBJECTIVES["throughput"].share(np.log(0.9)) == pytest.approx(-0.1)
    assert OBJECTIVES["cpu"].share(np.log(0.8)) == pytest.approx(0.25)


def test_what_has_no_value_says_why() -> None:
    failed = record_of(0, 2, 0, None)
    value, reason = value_or_reason(failed, OBJECTIVES["throughput"])
    assert value is None and "died with exit code 3" in reason
    plain = record_of(0, 2, 0, 5000.0)
    assert value_or_reason(plain, OBJECTIVES["threads"]) == (None, "not recorded")
    assert value_or_reason(plain, OBJECTIVES["cpu"])[0] is None
    starved = record_of(0, 2, 0, 5000.0)
    assert starved.loadgen
    starved.loadgen["result"]["response"]["p99"] = None
    assert value_or_reason(starved, OBJECTIVES["p99"]) == (None, "too few replies for a p99")


def test_a_setting_that_cannot_carry_the_rate_has_no_value() -> None:
    condition = replace(cells(SUITE)[2], rate_percent=50)
    measurement = Measurement(0, 0, condition)
    record = make_record(measurement, "wine-8.0", offered_rate(measurement))
    assert value_or_reason(record, OBJECTIVES["p99"])[0] is not None
    assert record.loadgen
    record.loadgen["result"]["audit"]["target_rate"] = 2 * offered_rate(measurement)
    value, reason = value_or_reason(record, OBJECTIVES["p99"])
    assert value is None and "requests/s offered were achieved" in reason


def test_simplicity_counts_threads_then_options() -> None:
    suite = replace(
        SUITE,
        servers=(
            Server("iocp", (("threads", 8), ("concurrency", 4))),
            Server("iocp", (("threads", 8),)),
            Server("tpio", (("threads", 8), ("min-threads", 8))),
            Server("threads"),
        ),
    )
    data = manifest(suite=suite.to_json(), stages=[], sizes=[4])
    known = tuning_of(data, []).entrants
    ranked = sorted(range(4), key=lambda place: known[place].simplicity)
    assert ranked == [1, 2, 0, 3], "a thread per client counts its 64 clients"
    assert [each.workers for each in known] == [8, 8, 8, None]


# ---- what it found ----


def found(data: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    data = data or manifest(**more)
    return analyse(data, recorded(data))


def test_the_answer_and_its_neighbours() -> None:
    data = found()
    answer = data["answer"]
    assert (answer["label"], answer["shown"]) == ("iocp threads=8", True)
    assert answer["low"] < answer["value"] < answer["high"] and answer["loses_at_most"] == 0.0
    assert answer["value"] == pytest.approx(4400, rel=0.01)
    assert answer["more_minutes"] is None and answer["rounds"] == 21
    half, rival = data["half"], data["next_model"]
    assert (half["label"], half["rounds"]) == ("iocp threads=4", 21)
    assert half["low"] < 4000 / 4400 - 1 < half["high"] < 0
    assert half["share"] == pytest.approx(4000 / 4400 - 1, abs=0.01)
    assert (rival["label"], rival["rounds"]) == ("apc threads=2", 17)
    assert data["spread"] == pytest.approx(0.01, rel=0.4)
    assert [row["stage"] for row in data["settings"]] == [2, 2, 2, 2, 1, 1, 1]
    assert (data["format"], data["stages"]) == (1, [7, 4])
    levels = [row["level"] for row in data["settings"]]
    assert levels == pytest.approx(RATES, rel=0.02) and levels[3] == answer["value"]
    assert data["load"]["words"] == "cpu-us 100, block-us 300"


def test_the_parts_of_a_stage_are_one_stage() -> None:
    first, *others = manifest()["stages"]
    parts = [{**first, "rounds": 1}, {**first, "rounds": 2}, *others]
    data = found(manifest(stages=parts))
    assert data["stages"] == [7, 4]
    assert [row["stage"] for row in data["settings"]] == [2, 2, 2, 2, 1, 1, 1]


def test_what_is_not_shown_says_how_many_minutes_may_show_it() -> None:
    data = manifest()
    records = recorded(data, (1000.0, 2000.0, 4350.0, 4400.0, 900.0, 1800.0, 600.0))
    shaken = []
    for each in records:
        place = cells(SUITE).index(each.condition)
        rate = 4000.0 * (1.3 if (each.repeat + place) % 2 else 1.0)
        shaken.append(record_of(each.index, place, each.repeat, rate) if place in (2, 3) else each)
    answer = analyse(data, shaken)["answer"]
    assert not answer["shown"] and answer["loses_at_most"] > 0.05
    assert answer["more_minutes"] >= 1


def test_the_rule_of_thumb_is_measured_at_the_nearest_setting() -> None:
    rule = found()["rule_of_thumb"]
    assert rule["asks"] == pytest.approx(2 * (1 + 300 / 100))
    assert (rule["label"], rule["share"]) == ("iocp threads=8", 0.0), "8 is the answer itself"
    one_core = found(cores=1)["rule_of_thumb"]
    assert (one_core["asks"], one_core["label"]) == (pytest.approx(4), "iocp threads=4")
    assert one_core["share"] == pytest.approx(-0.09, abs=0.01)


def test_a_stretched_wait_is_shown_and_moves_the_rule() -> None:
    data = manifest()
    records = recorded(data)
    for record in records:
        assert record.server
        record.server["ready"]["system"] = {"high_resolution_timer_500us_ns": 700_000}
    seen = analyse(data, records)
    assert seen["wait"] == {
        "asked_us": 300, "here_us": 500, "took_us": 700, "more_us": 200}  # fmt: skip
    assert seen["rule_of_thumb"]["asks"] == pytest.approx(2 * (1 + 500 / 100))
    assert found()["wait"] is None


@pytest.mark.parametrize(("took_us", "shown"), [(500, False), (515, False), (516, True)])
def test_a_wait_is_stretched_from_five_percent_on(took_us: int, shown: bool) -> None:
    data = manifest()
    records = recorded(data)
    for record in records:
        assert record.server
        record.server["ready"]["system"] = {"high_resolution_timer_500us_ns": took_us * 1000}
    assert (analyse(data, records)["wait"] is not None) == shown


def test_the_edge_of_the_range_is_named() -> None:
    assert found()["edge"] == {"workers": 8}
    data = manifest()
    slow = (1000.0, 2000.0, 4400.0, 3000.0, 900.0, 1800.0, 600.0)
    assert analyse(data, recorded(data, slow))["edge"] is None


def test_a_client_bound_answer_has_a_note() -> None:
    data = manifest()
    records = recorded(data)
    for record in records:
        assert record.loadgen
        record.loadgen["result"]["audit"].update(cpu_threads=[0.99], cpu_share_max=0.99)
    (note,) = analyse(data, records)["notes"]
    assert note.startswith("iocp threads=8 was client-bound")
    assert found()["notes"] == []


def test_a_failed_setting_has_its_reason() -> None:
    data = manifest()
    records = [
        replace(record_of(each.index, 6, each.repeat, None))
        if each.condition.model == "select"
        else each
        for each in recorded(data)
    ]
    seen = analyse(data, records)
    assert [each["model"] for each in seen["absent"]] == ["select"]
    assert "died with exit code 3" in seen["settings"][6]["failed"]
    assert seen["settings"][6]["value"] is None and seen["settings"][0]["failed"] is None
