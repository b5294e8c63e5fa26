"""The race on made-up scores: what it measures next, whom it drops, and what it may claim."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from iomodels.judge import race
from iomodels.judge.race import Entrant, Logs, Stage

SIZES = (13, 7, 4)


def entrants(*of: tuple[str, int | None]) -> list[Entrant]:
    return [Entrant(model, workers, (workers or 0, 0)) for model, workers in of]


def test_stages_halve_or_leave_a_third_of_many_settings() -> None:
    assert race.sizes_of(52, 210) == (52, 26, 13, 7, 4)
    assert race.sizes_of(52, 129) == (52, 18, 6, 4), "fewer than 2.5 trials per setting"
    assert race.sizes_of(4, 100) == (4,) and race.sizes_of(1, 100) == (1,)


def raced(trials: int, out: frozenset[int] = frozenset()) -> tuple[list[Stage], Logs]:
    """A whole race without noise: setting 0 is the best, 12 the worst."""
    stages: list[Stage] = []
    logs = np.empty((0, 13))
    used = 0
    while stage := race.next_stage(SIZES, stages, logs, out, trials - used):
        rows = np.full((stage.rounds, 13), np.nan)
        rows[:, list(stage.settings)] = [-0.1 * place for place in stage.settings]
        logs = np.vstack([logs, rows])
        stages.append(stage)
        used += rows.size - int(np.isnan(rows).sum())
    return stages, logs


def test_each_stage_gets_its_share_and_keeps_the_best() -> None:
    stages, logs = raced(130)
    assert [(len(stage.settings), stage.rounds) for stage in stages] == [
        (13, 1), (13, 2), (7, 6), (4, 12)]  # fmt: skip
    assert [stage.settings for stage in stages] == [
        tuple(range(len(stage.settings))) for stage in stages
    ]
    assert race.ranking(stages, logs, ()) == list(range(13))


def test_a_tiny_budget_still_has_a_round_in_each_stage() -> None:
    stages, _ = raced(5)
    assert [stage.rounds for stage in stages] == [1, 1, 1]


def test_a_stage_of_few_settings_is_the_final() -> None:
    first = race.next_stage((3,), [], np.empty((0, 3)), (), 20)
    assert first == Stage((0, 1, 2), 1)
    assert race.next_stage((3,), [first], np.zeros((1, 3)), (), 17) == Stage((0, 1, 2), 5)
    assert race.next_stage((3,), [first], np.zeros((1, 3)), (), 2) is None


def test_more_budget_continues_the_final() -> None:
    stages, logs = raced(130)
    assert race.next_stage(SIZES, stages, logs, (), 3) is None
    assert race.next_stage(SIZES, stages, logs, (), 9) == Stage((0, 1, 2, 3), 2)


def test_a_setting_that_is_out_gets_no_trial_and_no_rank() -> None:
    stages, logs = raced(130, frozenset({0, 5}))
    assert stages[0].settings == tuple(place for place in range(13) if place not in (0, 5))
    assert stages[-1].settings == (1, 2, 3, 4)
    assert 0 not in race.ranking(stages, logs, {0, 5})
    assert race.next_stage(SIZES, [], logs, set(range(13)), 100) is None


def test_a_round_counts_for_a_stage_if_all_of_it_ran() -> None:
    logs = np.array([[0.0, 9.0, np.nan], [1.0, 0.0, 2.0], [1.0, 0.0, 2.0]])
    assert race.best(logs, [0, 1, 2]) == [2, 0, 1]
    assert race.best(logs, [0, 1]) == [1, 0], "the first round has both"


def test_bounds_are_those_of_student_within_rounds() -> None:
    rng = np.random.default_rng(3)
    drift = rng.normal(0.0, 5.0, (20, 1))
    logs = drift + rng.normal(0.0, 0.03, (20, 3)) + [0.0, -0.02, -0.2]
    level = 1 - 0.05 / 2
    expected = {}
    for one in range(3):
        upper = [0.0]
        for other in {0, 1, 2} - {one}:
            found = stats.ttest_rel(logs[:, other], logs[:, one], alternative="less")
            upper.append(found.confidence_interval(level).high)
        expected[one] = max(upper)
    assert race.bounds(logs, [0, 1, 2]) == pytest.approx(expected)


def test_the_simplest_good_setting_is_chosen_not_the_fastest() -> None:
    rng = np.random.default_rng(4)
    known = entrants(("iocp", 32), ("iocp", 16), ("iocp", 8))
    logs = rng.normal([0.0, -0.02, -0.10], 0.01, (12, 3))
    found = race.answer(known, logs, [0, 1, 2])
    assert (found.setting, found.shown, found.rounds_needed) == (1, True, None)
    assert 0.02 < found.bound <= race.GOOD_ENOUGH and found.rounds == 12


def test_what_is_not_shown_is_the_best_seen_and_names_the_rounds() -> None:
    logs = np.array([[0.0, 0.1], [0.1, 0.0], [0.12, 0.0], [0.0, 0.1]])
    found = race.answer(entrants(("iocp", 2), ("iocp", 1)), logs, [0, 1])
    assert not found.shown and found.bound > race.GOOD_ENOUGH
    assert found.setting == 0
    assert found.rounds_needed == math.ceil(4 * (found.bound / race.GOOD_ENOUGH) ** 2)


def test_one_round_shows_nothing_and_a_single_setting_is_its_own_best() -> None:
    found = race.answer(entrants(("iocp", 2), ("iocp", 1)), np.array([[1.0, 0.0]]), [0, 1])
    assert (found.setting, found.shown, found.bound, found.rounds_needed) == (
        0, False, math.inf, None)  # fmt: skip
    alone = race.answer(entrants(("iocp", 2)), np.array([[1.0]]), [0])
    assert alone.shown and alone.bound == 0.0


def test_closing_rounds_are_of_the_answer_half_and_the_next_model() -> None:
    known = entrants(("iocp", 8), ("iocp", 4), ("iocp", 2), ("select", None), ("events", None))
    logs = np.tile([0.0, -0.2, -0.3, -0.5, -0.4], (4, 1))
    stages = [Stage((0, 1, 2, 3, 4), 4)]
    found = race.answer(known, logs, [0, 1])
    closing = race.closing_stage(known, stages, logs, (), found)
    assert closing == Stage((0, 1, 4), race.CLOSING_ROUNDS, closing=True)
    assert race.closing_stage(known, [*stages, closing], logs, (), found) is None
    without = race.closing_stage(known, stages, logs, {1}, found)
    assert without is not None and without.settings == (0, 2, 4), "2 is at most half of 8"
    other = Stage((1, 2, 4), race.CLOSING_ROUNDS, closing=True)
    assert race.closing_stage(known, [*stages, other, other], logs, (), found) is None
    lone = entrants(("iocp", 1))
    alone = race.answer(lone, np.zeros((2, 1)), [0])
    assert race.closing_stage(lone, [Stage((0,), 2)], np.zeros((2, 1)), (), alone) is None


def test_a_difference_is_a_paired_interval() -> None:
    rng = np.random.default_rng(6)
    logs = rng.normal(0.0, 5.0, (9, 1)) + rng.normal(0.0, 0.05, (9, 2))
    logs[0, 0] = np.nan
    found = race.difference(logs, 0, 1)
    assert found is not None and found.rounds == 8
    expected = stats.ttest_rel(logs[1:, 0], logs[1:, 1]).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert race.difference(logs[:1], 0, 1) is None
    single = race.difference(logs[1:2], 0, 1)
    assert single is not None and (single.low, single.high) == (-math.inf, math.inf)


def test_the_spread_is_that_of_one_trial() -> None:
    rng = np.random.default_rng(7)
    logs = rng.normal(0.0, 5.0, (4000, 1)) + rng.normal(0.0, 0.07, (4000, 3))
    assert race.spread(logs, [0, 1, 2]) == pytest.approx(0.07, rel=0.05)
    assert race.spread(logs[:1], [0, 1, 2]) is None
