"""Two builds in one run: the change of each model, the mean of rates and that of costs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iomodels.base.errors import Failure
from iomodels.data.store import load_run
from iomodels.judge.ab import changes_of, changes_of_load, mean_of, means_of
from iomodels.judge.cells import Cell
from iomodels.judge.loads import JudgedLoad, Rules, judge_builds, settled
from iomodels.judge.rule import FIXED, Word
from iomodels.judge.summary import Summary, summarise, viewed
from iomodels.judge.verdict import Kind
from iomodels.plan.order import Measurement
from made_cells import cell, noisy
from made_run import AB, Rate, ab_suite, make_run, noisy_rate

RULES = Rules()
LABELS = ("iocp@old", "iocp@new", "tpio@old", "tpio@new")
BASES = {"iocp@old": 100.0, "iocp@new": 110.0, "tpio@old": 200.0, "tpio@new": 190.0}


def judged(*cells: Cell) -> JudgedLoad:
    return judge_builds(cells, cells[0].condition.label, RULES)


def rates(label: str, spread: float = 0.01, rounds: int = 8) -> Cell:
    return cell(label, noisy(BASES[label], rounds, spread, LABELS.index(label)))


def costs(label: str, cpu_us: float, rounds: int = 8) -> Cell:
    """At an offered rate all serve the same, and the CPU time differs."""
    found = noisy(cpu_us, rounds, 0.01, LABELS.index(label))
    return cell(label, [50.0] * rounds, cpu_us=found, rate_percent=50, kind=Kind.RATE_BOUND)


def summary_of(folder: Path, rate: Rate | None = None, **options: Any) -> Summary:
    suite = ab_suite(LABELS, (8, 64), options.pop("rounds", 8))
    folder = make_run(folder, suite, rate=rate or noisy_rate(BASES), manifest=AB, **options)
    return summarise(load_run(folder))


# ---- one load ----


def test_each_model_has_its_change_new_over_old() -> None:
    load = judged(*map(rates, LABELS))
    iocp, tpio = changes_of_load(load)
    assert (iocp.model, tpio.model) == ("iocp", "tpio") and iocp.reason is tpio.reason is None
    assert iocp.comparison and tpio.comparison
    assert (iocp.comparison.word, tpio.comparison.word) == (Word.FASTER, Word.SLOWER)
    assert iocp.comparison.ratio == pytest.approx(1.1, rel=0.02)
    both = [iocp.comparison.p, tpio.comparison.p]
    corrected = [iocp.comparison.p_holm, tpio.comparison.p_holm]
    least = min(each for each in both if each is not None)
    assert min(each for each in corrected if each is not None) == pytest.approx(2 * least), (
        "the changes of a load are one family, without new over another model's old"
    )
    assert load.fastest is None and load.baseline is None, "a build is no rival of another model"


@pytest.mark.parametrize("offered", [False, True])
def test_the_figures_have_the_ratio_of_the_change(offered: bool) -> None:
    """They are of the rounds of both builds, whatever else one of them has."""
    old = noisy(100, 9, 0.05, 1)
    new = [None, *noisy(110, 8, 0.05, 2)]
    if offered:
        cells = (costs("iocp@old", 40.0), costs("iocp@new", 50.0))
    else:
        cells = (cell("iocp@old", old), cell("iocp@new", new))
    [change] = changes_of_load(judged(*cells))
    assert change.comparison and change.old and change.new and change.offered is offered
    own = change.old / change.new if offered else change.new / change.old
    assert own == pytest.approx(change.comparison.ratio)
    assert (change.old == pytest.approx(40.0, rel=0.02)) is offered


def test_at_an_offered_rate_less_cpu_time_is_better() -> None:
    [change] = changes_of_load(judged(costs("iocp@old", 50.0), costs("iocp@new", 40.0)))
    assert change.offered and change.comparison
    assert change.comparison.word is Word.FASTER
    assert change.comparison.ratio == pytest.approx(1.25, rel=0.02)


def test_a_side_that_fails_has_its_reason_and_the_other_model_its_change() -> None:
    dead = cell("iocp@new", kind=Kind.FAILED, reasons=["died with exit code 3"])
    iocp, tpio = changes_of_load(
        judged(rates("iocp@old"), dead, rates("tpio@old"), rates("tpio@new"))
    )
    assert iocp.comparison is None and iocp.new is None and iocp.old is not None
    assert iocp.reason == "iocp@new: failed (died with exit code 3)"
    assert tpio.comparison and tpio.comparison.word is Word.SLOWER


def test_builds_that_never_met_in_a_round_have_no_change() -> None:
    old = cell("iocp@old", [*noisy(100, 4, 0.01), *[None] * 4])
    new = cell("iocp@new", [*[None] * 4, *noisy(110, 4, 0.01)])
    [change] = changes_of_load(judged(old, new))
    assert (change.comparison, change.reason) == (None, "no round has both")
    assert change.old == pytest.approx(100, rel=0.01) and change.new


def test_without_cpu_time_an_offered_rate_has_no_change() -> None:
    paced = [cell(label, [50.0] * 8, rate_percent=50, kind=Kind.RATE_BOUND) for label in LABELS[:2]]
    [change] = changes_of_load(judged(*paced))
    assert change.comparison is None and change.reason
    assert change.reason.startswith("iocp@old: its CPU time per request is unavailable")


def test_a_load_is_settled_by_its_changes_and_not_by_which_model_is_fastest() -> None:
    """iocp and tpio are not told from each other, but each build is from the other."""
    clear = judged(*map(rates, LABELS))
    assert settled(clear, RULES)
    open_ = judged(*(rates(label, 0.3) for label in LABELS))
    assert not settled(open_, RULES)
    noisy_models = judged(
        cell("iocp@old", [100.0 * (1 + 0.5 * (place % 2)) for place in range(8)]),
        cell("iocp@new", [120.0 * (1 + 0.5 * (place % 2)) for place in range(8)]),
        cell("tpio@old", [100.0 * (1 + 0.5 * (place % 3)) for place in range(8)]),
        cell("tpio@new", [120.0 * (1 + 0.5 * (place % 3)) for place in range(8)]),
    )
    assert settled(noisy_models, RULES), "builds are paired within rounds"


# ---- a run ----


def test_the_changes_of_a_run_are_in_the_order_of_its_loads(tmp_path: Path) -> None:
    changes = changes_of(summary_of(tmp_path))
    assert [(each.key.connections, each.model) for each in changes] == [
        (8, "iocp"),
        (8, "tpio"),
        (64, "iocp"),
        (64, "tpio"),
    ]


def test_the_geometric_mean_is_that_of_all_changes(tmp_path: Path) -> None:
    summary = summary_of(tmp_path)
    [mean] = means_of(summary)
    ratios = [each.comparison.ratio for each in changes_of(summary) if each.comparison]
    assert len(ratios) == mean.changes == 4 and not mean.offered
    one = mean.comparison
    assert math.log(one.ratio) == pytest.approx(sum(map(math.log, ratios)) / 4)
    assert one.rounds == 8 and one.low and one.high and one.low < one.ratio < one.high


def test_a_model_with_a_failing_side_is_not_in_the_mean(tmp_path: Path) -> None:
    def rate(item: Measurement) -> float | None:
        return None if item.condition.model == "tpio@new" else noisy_rate(BASES)(item)

    summary = summary_of(tmp_path, rate)
    [mean] = means_of(summary)
    ratios = [each.comparison.ratio for each in changes_of(summary) if each.comparison]
    assert len(ratios) == mean.changes == 2 and mean.comparison.ratio == pytest.approx(
        1.1, rel=0.02
    )
    assert [each.reason is None for each in changes_of(summary)] == [True, False, True, False]


def test_without_any_figure_there_is_no_mean(tmp_path: Path) -> None:
    assert means_of(summary_of(tmp_path, lambda item: None)) == []


def test_the_mean_of_other_rounds_is_that_of_the_changes_shown() -> None:
    """Loads of a plan that stops have 8 to 40 rounds; the mean counts all of them."""
    logs = [[0.1 + 0.01 * place for place in range(number)] for number in (8, 12, 40)]
    mean = mean_of(logs, FIXED)
    own = [sum(each) / len(each) for each in logs]
    assert math.log(mean.ratio) == pytest.approx(sum(own) / 3) and mean.rounds == 8


@pytest.mark.parametrize("numbers", [(8, 8), (8, 8, 8, 8, 8, 8), (8, 12, 27, 40)])
def test_the_interval_of_the_mean_covers_at_least_what_it_states(numbers: tuple[int, ...]) -> None:
    """Spreads differ fourfold between the changes, as they do between one connection and many."""
    rng, runs = np.random.default_rng(20), 4000
    truth, held, false = 0.02, 0, 0
    spreads = [0.02 * 4 ** (place / (len(numbers) - 1)) for place in range(len(numbers))]
    for _ in range(runs):
        noise = [rng.normal(0.0, spread, n) for spread, n in zip(spreads, numbers)]
        found = mean_of([(truth + each).tolist() for each in noise], FIXED)
        assert found.low and found.high
        held += found.low <= math.exp(truth) <= found.high
        false += mean_of([each.tolist() for each in noise], FIXED).word in (
            Word.FASTER,
            Word.SLOWER,
        )
    assert 0.93 <= held / runs <= 0.97
    assert false / runs <= 0.06


def test_one_round_gives_no_interval_and_equal_rounds_an_exact_one() -> None:
    once = mean_of([[0.1], [0.2]], FIXED)
    assert (once.low, once.p, once.word) == (None, None, Word.PROVISIONAL)
    exact = mean_of([[0.1] * 8, [0.1] * 8], FIXED)
    assert exact.low == exact.high == exact.ratio and exact.p == 0 and exact.word is Word.FASTER
    same = mean_of([[0.0] * 8, [0.0] * 8], FIXED)
    assert same.p == 1 and same.word is Word.EQUAL


def test_a_comparison_of_builds_takes_no_baseline(tmp_path: Path) -> None:
    summary = summary_of(tmp_path)
    with pytest.raises(Failure, match="--baseline tpio@new: must be omitted") as found:
        viewed(summary.run, "tpio@new", None)
    assert found.value.exit_code == 2
    wider = summarise(viewed(summary.run, None, 0.2))
    assert {each.comparison.word for each in changes_of(wider) if each.comparison} == {
        Word.FASTER,
        Word.SLOWER,
    }
