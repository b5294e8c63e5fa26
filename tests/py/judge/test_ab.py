"""Two builds in one run: the change of each model, its mean, and a side that fails."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pytest
from made_cells import cell, noisy
from rich.console import Console

from iomodels.data.store import load_run
from iomodels.judge.ab import changes_of, changes_of_load, geometric_mean, settled
from iomodels.judge.cells import Cell
from iomodels.judge.loads import JudgedLoad, Rules, judge_load
from iomodels.judge.rule import Word
from iomodels.judge.summary import Summary, summarise
from iomodels.judge.verdict import Kind
from iomodels.plan.order import Measurement
from iomodels.plan.suite import Server
from iomodels.report.ab import change_words, print_changes
from made_run import Rate, make_run, noisy_rate, suite_of

RULES = Rules()
LABELS = ("iocp@old", "iocp@new", "tpio@old", "tpio@new")
BASES = {"iocp@old": 100.0, "iocp@new": 110.0, "tpio@old": 200.0, "tpio@new": 190.0}


def judged(*cells: Cell) -> JudgedLoad:
    return judge_load(cells, cells[0].condition.label, RULES)


def rates(label: str, spread: float = 0.01, rounds: int = 8) -> Cell:
    return cell(label, noisy(BASES[label], rounds, spread, LABELS.index(label)))


def summary_of(folder: Path, rate: Rate | None = None, **options: Any) -> Summary:
    suite = suite_of([Server(label) for label in LABELS], (8, 64), (64,), options.pop("rounds", 8))
    return summarise(load_run(make_run(folder, suite, rate=rate or noisy_rate(BASES), **options)))


# ---- one load ----


def test_each_model_has_its_change_new_over_old() -> None:
    iocp, tpio = changes_of_load(judged(*map(rates, LABELS)), RULES)
    assert (iocp.model, tpio.model) == ("iocp", "tpio") and iocp.reason is tpio.reason is None
    assert iocp.comparison and tpio.comparison
    assert (iocp.comparison.word, tpio.comparison.word) == (Word.FASTER, Word.SLOWER)
    assert iocp.comparison.ratio == pytest.approx(1.1, rel=0.02)
    assert iocp.old == pytest.approx(100, rel=0.02) and iocp.new == pytest.approx(110, rel=0.02)
    both = [iocp.comparison.p, tpio.comparison.p]
    corrected = [iocp.comparison.p_holm, tpio.comparison.p_holm]
    least = min(each for each in both if each is not None)
    assert min(each for each in corrected if each is not None) == pytest.approx(2 * least), (
        "the changes of a load are one family, without new over another model's old"
    )


def test_a_side_that_fails_has_its_reason_and_the_other_model_its_change() -> None:
    dead = cell("iocp@new", kind=Kind.FAILED, reasons=["died with exit code 3"])
    iocp, tpio = changes_of_load(
        judged(rates("iocp@old"), dead, rates("tpio@old"), rates("tpio@new")), RULES
    )
    assert iocp.comparison is None and iocp.new is None and iocp.old is not None
    assert iocp.reason == "iocp@new: failed (died with exit code 3)"
    assert tpio.comparison and tpio.comparison.word is Word.SLOWER


def test_builds_that_never_met_in_a_round_have_no_change() -> None:
    old = cell("iocp@old", [*noisy(100, 4, 0.01), *[None] * 4])
    new = cell("iocp@new", [*[None] * 4, *noisy(110, 4, 0.01)])
    [change] = changes_of_load(judged(old, new), RULES)
    assert (change.comparison, change.reason) == (None, "no round has both")


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


def test_the_geometric_mean_is_that_of_all_models_and_loads(tmp_path: Path) -> None:
    summary = summary_of(tmp_path)
    mean = geometric_mean(summary)
    ratios = [each.comparison.ratio for each in changes_of(summary) if each.comparison]
    assert mean and len(ratios) == 4
    assert math.log(mean.ratio) == pytest.approx(sum(map(math.log, ratios)) / 4)
    assert mean.rounds == 8 and mean.low and mean.high and mean.low < mean.ratio < mean.high


def test_a_model_with_a_failing_side_is_not_in_the_mean(tmp_path: Path) -> None:
    def rate(item: Measurement) -> float | None:
        return None if item.condition.model == "tpio@new" else noisy_rate(BASES)(item)

    summary = summary_of(tmp_path, rate)
    mean = geometric_mean(summary)
    ratios = [each.comparison.ratio for each in changes_of(summary) if each.comparison]
    assert mean and len(ratios) == 2 and mean.ratio == pytest.approx(1.1, rel=0.02)
    assert [each.reason is None for each in changes_of(summary)] == [True, False, True, False]


def test_without_any_figure_there_is_no_mean(tmp_path: Path) -> None:
    assert geometric_mean(summary_of(tmp_path, lambda item: None)) is None


# ---- what is printed ----


def printed(summary: Summary) -> str:
    output = io.StringIO()
    print_changes(summary, Console(file=output, width=100, no_color=True))
    return output.getvalue()


def test_one_line_per_model_and_load_and_the_mean(tmp_path: Path) -> None:
    text = printed(summary_of(tmp_path))
    assert "new over old on wine-8.0: requests/s, 8 rounds, 95 % intervals" in text
    lines = [line for line in text.splitlines() if "× 64 B" in line]
    assert [line.split()[:2] for line in lines] == [
        ["iocp", "8"],
        ["tpio", "8"],
        ["iocp", "64"],
        ["tpio", "64"],
    ]
    assert all("faster" in line for line in lines[::2])
    assert all("slower" in line and " −" in line for line in lines[1::2])
    [mean] = [line for line in text.splitlines() if line.strip().startswith("geometric mean")]
    assert "%" in mean and max(map(len, text.splitlines())) <= 100


def test_a_side_that_fails_is_told_in_its_line(tmp_path: Path) -> None:
    def rate(item: Measurement) -> float | None:
        return None if item.condition.model == "tpio@new" else noisy_rate(BASES)(item)

    text = " ".join(printed(summary_of(tmp_path, rate)).split())
    assert "tpio@new: failed" in text and "geometric mean" in text


def test_a_change_is_in_percent_with_its_sign() -> None:
    [change] = changes_of_load(judged(rates("iocp@old"), rates("iocp@new")), RULES)
    assert change.comparison
    text = change_words(change.comparison)
    assert text.startswith("+") and " % [+" in text and text.endswith("]")
    [slower] = changes_of_load(judged(rates("tpio@old"), rates("tpio@new")), RULES)
    assert slower.comparison and change_words(slower.comparison).startswith("−")
