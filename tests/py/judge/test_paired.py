"""Comparisons within rounds: against scipy, at their edges, and on the kept run."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from iomodels.data.store import load_run
from iomodels.judge import paired, verdict
from iomodels.judge.paired import (
    Comparison,
    Judged,
    Values,
    against,
    all_pairs,
    decided,
    fastest,
    holm,
    word_of,
)
from iomodels.judge.rule import (
    FIXED,
    FIXED_FASTEST,
    SEQUENTIAL_BASELINE,
    SEQUENTIAL_FASTEST,
    Family,
    Lead,
    Rule,
    Word,
)
from iomodels.judge.summary import summarise

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / "tests/fixtures/runs/20261121-182742-models"
BASELINE, CONTROL = "select", "select again"


def _noisy(rates: Mapping[str, float], spread: float, rounds: int, seed: int = 3) -> Values:
    rng = np.random.default_rng(seed)
    return {label: (rate * np.exp(rng.normal(0, spread, rounds))).tolist()
            for label, rate in rates.items()}  # fmt: skip


def _one(judged: Judged) -> Comparison:
    (only,) = judged.comparisons
    return only


def _alternating(ratio: float, deviation: float, rounds: int = 10) -> Values:
    """B over A: the ratio times or over e^deviation in turn, so mean and spread are known."""
    return {"A": [100.0] * rounds,
            "B": [100 * ratio * math.exp(deviation * (-1) ** place) for place in range(rounds)]}  # fmt: skip


# ---- the numbers ----


def test_ratio_interval_and_p_are_those_of_the_paired_t_test() -> None:
    values = _noisy({"A": 1000, "B": 1080, "C": 900, "D": 990}, 0.05, 9)
    judged = against(values, "A")
    tests = [stats.ttest_rel(np.log(values[label]), np.log(values["A"])) for label in "BCD"]
    for one, test in zip(judged.comparisons, tests):
        logs = np.log(values[one.label]) - np.log(values["A"])
        low, high = stats.t.interval(0.95, 8, logs.mean(), stats.sem(logs))
        assert (one.rounds, one.other) == (9, "A")
        assert one.p == pytest.approx(test.pvalue)
        assert one.ratio == pytest.approx(np.exp(logs.mean()))
        assert (one.low, one.high) == pytest.approx((np.exp(low), np.exp(high)))
        assert one.half_width == pytest.approx(np.exp((high - low) / 2) - 1)
    corrected = holm([float(test.pvalue) for test in tests])
    assert [one.p_holm for one in judged.comparisons] == pytest.approx(corrected)


def test_holm_by_hand() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == [0.03, None, 0.06, 0.06]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_only_rounds_that_have_both_count() -> None:
    values = {"A": [100.0, None, 100, 100], "B": [110.0, 500, None, 110]}
    one = _one(against(values, "A"))
    assert (one.rounds, one.ratio) == (2, pytest.approx(1.1))


def test_what_all_servers_of_a_round_share_does_not_matter() -> None:
    values = _noisy({"A": 1000, "B": 1050}, 0.03, 12)
    moods = np.random.default_rng(9).uniform(0.2, 5.0, 12)
    moved = {label: (np.array(rates) * moods).tolist() for label, rates in values.items()}
    plain, shared = _one(against(values, "A")), _one(against(moved, "A"))
    assert shared.ratio == pytest.approx(plain.ratio)
    assert shared.p == pytest.approx(plain.p)
    assert shared.word is plain.word


@given(st.lists(st.tuples(*[st.one_of(st.none(), st.floats(1e-9, 1e99))] * 3), max_size=14))
def test_turning_the_baseline_round_turns_everything(
    rounds: list[tuple[float | None, ...]],
) -> None:
    values = {label: [each[place] for each in rounds] for place, label in enumerate("ABC")}
    over = {one.label: one for one in against(values, "A", FIXED_FASTEST).comparisons}
    under = {one.other: one for one in all_pairs(values).comparisons if one.label == "A"}
    assert over.keys() == under.keys()
    for label, one in over.items():
        other = under[label]
        assert one.ratio * other.ratio == pytest.approx(1.0)
        turned = fastest(values)
        assert turned is not None and all(each.ratio > 0 for each in turned.comparisons)
        assert (one.p, one.p_holm) == pytest.approx((other.p, other.p_holm))
        assert one.rounds_needed == other.rounds_needed
        assert {one.word, other.word} in (
            {Word.FASTER, Word.SLOWER}, {Word.LIKELY_FASTER, Word.LIKELY_SLOWER},
            {Word.EQUAL}, {Word.NOT_DECIDED}, {Word.PROVISIONAL})  # fmt: skip
        if one.low is not None and one.high is not None and other.low is not None:
            assert one.low <= one.ratio <= one.high
            assert other.low == pytest.approx(1 / one.high)


# ---- the words ----


def test_the_word_at_each_limit() -> None:
    """An interval that ends at 1 does not leave 1 out; p at alpha is not below it."""
    equal = math.log1p(FIXED.margin)
    above = math.nextafter(0.1, 1.0)
    for mean, half, p, rounds, word in (
        (above, 0.1, 0.04, 8, Word.FASTER),
        (-above, 0.1, 0.04, 8, Word.SLOWER),
        (0.1, 0.1, 0.04, 8, Word.NOT_DECIDED),
        (-0.1, 0.1, 0.04, 8, Word.NOT_DECIDED),
        (above, 0.1, 0.05, 8, Word.LIKELY_FASTER),
        (-above, 0.1, 0.05, 8, Word.LIKELY_SLOWER),
        (above, 0.1, 0.04, 7, Word.PROVISIONAL),
        (above, None, 0.04, 8, Word.PROVISIONAL),
        (above, 0.1, None, 8, Word.PROVISIONAL),
        (0.0, equal, 0.9, 8, Word.EQUAL),
        (0.0, math.nextafter(equal, 1.0), 0.9, 8, Word.NOT_DECIDED),
        (equal / 4, equal / 2, 0.9, 8, Word.EQUAL),
        (equal / 2, equal, 0.9, 8, Word.NOT_DECIDED),
    ):
        assert word_of(mean, half, p, rounds, FIXED) is word, (mean, half, p, rounds)


@pytest.mark.parametrize(
    ("ratio", "deviation", "word"),
    [
        (1.10, 0.05, Word.FASTER),
        (0.90, 0.05, Word.SLOWER),
        (1.00, 0.02, Word.EQUAL),
        (1.02, 0.01, Word.FASTER),
        (1.00, 0.20, Word.NOT_DECIDED),
    ],
)
def test_words(ratio: float, deviation: float, word: Word) -> None:
    one = _one(against(_alternating(ratio, deviation), "A"))
    assert one.word is word
    assert (one.rounds_needed is None) == word.decides


@pytest.mark.parametrize(("ratio", "word"), [(1.1, Word.LIKELY_FASTER), (0.9, Word.LIKELY_SLOWER)])
def test_likely_is_what_holm_does_not_bear_out(ratio: float, word: Word) -> None:
    values = dict(_alternating(ratio, 0.12))
    assert _one(against(values, "A")).word in (Word.FASTER, Word.SLOWER)
    crowd = values | {f"C{place}": _alternating(1, 0.2)["B"] for place in range(4)}
    one = against(crowd, "A").comparisons[0]
    assert one.word is word
    assert one.p is not None and one.p < 0.05 <= (one.p_holm or 0)


def test_the_margin_is_a_matter_of_the_rule() -> None:
    values = _alternating(1.0, 0.08)
    assert _one(against(values, "A")).word is Word.NOT_DECIDED
    wide = replace(FIXED, margin=0.1)
    assert _one(against(values, "A", wide)).word is Word.EQUAL
    assert Word.EQUAL.text(wide.margin) == "equal within 10 %"
    assert Word.EQUAL.text(0.025) == "equal within 2.5 %"
    assert Word.LIKELY_FASTER.text(0.05) == "likely faster"


def test_the_margin_is_as_wide_in_both_directions() -> None:
    for ratio in (1.045, 1 / 1.045):
        strict = replace(FIXED, alpha=1e-30)  # so that no difference is shown
        assert _one(against(_alternating(ratio, 0.001), "A", strict)).word is Word.EQUAL
        assert _one(against(_alternating(ratio**1.2, 0.001), "A", strict)).word in (
            Word.LIKELY_FASTER, Word.LIKELY_SLOWER)  # fmt: skip


# ---- few rounds, no rounds, no spread ----


def test_one_round_has_a_ratio_and_nothing_else() -> None:
    one = _one(against({"A": [100.0], "B": [130.0]}, "A"))
    assert one.ratio == pytest.approx(1.3)
    assert (one.low, one.high, one.half_width, one.p, one.p_holm) == (None,) * 5
    assert (one.word, one.rounds_needed) == (Word.PROVISIONAL, 8)


@pytest.mark.parametrize("rounds", [2, 3, 7])
def test_too_few_rounds_are_provisional_however_clear(rounds: int) -> None:
    one = _one(against(_noisy({"A": 100, "B": 300}, 0.001, rounds), "A"))
    assert one.word is Word.PROVISIONAL
    assert one.low is not None and one.low > 2.5
    assert one.rounds_needed == 8
    assert not decided([one], FIXED)


def test_one_of_the_servers_with_few_rounds_does_not_spoil_the_others() -> None:
    values = dict(_noisy({"A": 100, "B": 150, "C": 150}, 0.02, 10))
    values["C"] = [*values["C"][:1], *[None] * 9]
    words = {one.label: one.word for one in against(values, "A").comparisons}
    assert words == {"B": Word.FASTER, "C": Word.PROVISIONAL}


def test_a_server_without_values_is_left_out_with_a_reason() -> None:
    values: Values = {"A": [100.0, 100], "B": [None, None], "C": [None, None]}
    assert against(values, "A") == Judged((), {"B": "no valid round", "C": "no valid round"})
    assert against(values, "B").left_out == {
        "A": "no round has both it and B", "B": "no valid round", "C": "no valid round"}  # fmt: skip


def test_servers_that_share_no_round_are_left_out_with_a_reason() -> None:
    values: Values = {"A": [100.0, None, 90], "B": [None, 100, None], "C": [50, None, 45]}
    judged = against(values, "A")
    assert [one.label for one in judged.comparisons] == ["C"]
    assert judged.left_out == {"B": "no round has both it and A"}
    assert all_pairs(values).left_out == {"B": "no round has both it and another server"}
    found = fastest(values)
    assert found is not None
    assert (found.leader, found.left_out) == ("A", {"B": "no round has both it and A"})


def test_nothing_to_compare() -> None:
    assert against({"A": [1.0]}, "A") == Judged((), {})
    assert against({"A": []}, "A").left_out == {"A": "no valid round"}
    assert decided([], FIXED)
    assert fastest({}) is None
    assert fastest({"A": [None]}) is None


@pytest.mark.parametrize(
    ("faster", "word"), [(50.0000000001, Word.EQUAL), (50.000001, Word.FASTER)]
)
def test_what_no_clock_can_measure_is_no_difference(faster: float, word: Word) -> None:
    judged = against({"a": [50.0] * 10, "b": [faster] * 10}, "a")
    assert judged.comparisons[0].word is word


def test_equal_values_are_decided() -> None:
    same = _one(against({"A": [100.0] * 8, "B": [100.0] * 8}, "A"))
    assert (same.ratio, same.low, same.high, same.p) == (1.0, 1.0, 1.0, 1.0)
    assert (same.word, same.half_width) == (Word.EQUAL, 0.0)
    twice = _one(against({"A": [100.0] * 8, "B": [200.0] * 8}, "A"))
    assert (twice.word, twice.p, twice.low) == (Word.FASTER, 0.0, pytest.approx(2.0))
    assert decided([same, twice], FIXED)
    few = _one(against({"A": [100.0] * 3, "B": [100.0] * 3}, "A"))
    assert (few.word, few.rounds_needed) == (Word.PROVISIONAL, 8)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf, -math.inf, 1e-300, 1e300])
def test_a_rate_that_cannot_be_is_named(rate: float) -> None:
    with pytest.raises(ValueError, match=re.escape(f"B, round 2: {rate} must be a posit")):
        against({"A": [1.0, 1.0], "B": [1.0, rate]}, "A")
    with pytest.raises(ValueError, match="B, round 2"):
        fastest({"A": [1.0, 1.0], "B": [1.0, rate]})


def test_rounds_that_do_not_match_are_named() -> None:
    with pytest.raises(ValueError, match="the same rounds, not A 1, B 2"):
        against({"A": [1.0], "B": [1.0, 2.0]}, "A")
    with pytest.raises(ValueError, match="each of 1 rounds needs a session, but 3 are given"):
        against({"A": [1.0], "B": [1.0]}, "A", sessions=[1, 2, 3])
    with pytest.raises(ValueError, match="baseline C is not among the servers A, B"):
        against({"A": [1.0], "B": [1.0]}, "C")


def test_the_fastest_is_not_judged_by_a_rule_of_one_baseline() -> None:
    with pytest.raises(ValueError, match="covers them"):
        fastest({"A": [1.0], "B": [1.0]}, FIXED)


# ---- when to stop ----


def test_a_load_stops_when_each_comparison_is_decided_or_narrow() -> None:
    narrow = _one(against(_alternating(1.035, 0.06), "A", replace(FIXED, alpha=1e-6)))
    assert not narrow.word.decides
    assert narrow.half_width is not None and narrow.half_width < 0.05
    wide = _one(against(_alternating(1.0, 0.2), "A"))
    clear = _one(against(_alternating(1.5, 0.2), "A"))
    assert decided([narrow], FIXED) and decided([clear], FIXED)
    assert not decided([narrow, wide, clear], FIXED)


def test_an_interval_as_narrow_as_asked_is_enough() -> None:
    half = paired._half_width(0.03, 9, 0.05)
    assert paired._units_needed(0.03, 0.05, half) == 9
    assert paired._units_needed(0.03, 0.05, math.nextafter(half, 0)) == 10


def test_rounds_needed_are_those_that_give_the_margin() -> None:
    one = _one(against(_alternating(1.0, 0.1, 10), "A"))
    needed = one.rounds_needed
    spread = 0.1 * math.sqrt(10 / 9)
    assert needed is not None

    def half(rounds: int) -> float:
        return float(stats.t.ppf(0.975, rounds - 1)) * spread / math.sqrt(rounds)

    assert half(needed) <= math.log(1.05) < half(needed - 1)


def test_what_is_narrow_but_open_needs_more_rounds_than_it_has() -> None:
    one = _one(against(_alternating(1.025, 0.055, 12), "A"))
    assert one.half_width is not None and one.half_width < 0.05
    assert one.word is Word.NOT_DECIDED
    assert one.rounds_needed is not None and 12 < one.rounds_needed < 50
    longer = _one(against(_alternating(1.025, 0.055, one.rounds_needed + 1), "A"))
    assert longer.word.decides


# ---- the fastest ----


def test_a_clear_winner() -> None:
    found = fastest(_noisy({"A": 100, "B": 140, "C": 90}, 0.02, 10))
    assert found is not None
    assert (found.leader, found.lead, found.tied) == ("B", Lead.CLEAR, ())
    assert [one.other for one in found.comparisons] == ["A", "C"]
    assert all(one.label == "B" and one.ratio > 1 for one in found.comparisons)


def test_equals_in_front_of_a_slower_one() -> None:
    found = fastest(_noisy({"A": 100, "B": 100, "C": 70}, 0.01, 12))
    assert found is not None
    assert found.lead is Lead.EQUAL
    assert {found.leader, *found.tied} == {"A", "B"}


def test_a_lead_that_noise_could_make() -> None:
    found = fastest(_noisy({"A": 100, "B": 101, "C": 60}, 0.12, 10))
    assert found is not None
    assert found.lead is Lead.NOT_DECIDED
    assert {found.leader, *found.tied} == {"A", "B"}


def test_a_likely_winner() -> None:
    swing = np.array([0.1, -0.1] * 5)
    values = {"A": [100.0] * 10, "B": (110 * np.exp(swing)).tolist(), "C": [60.0] * 10}
    found = fastest(values, replace(FIXED_FASTEST, alpha=0.001))
    assert found is not None
    assert (found.leader, found.lead, found.tied) == ("B", Lead.LIKELY, ("A",))
    assert [one.word for one in found.comparisons] == [Word.LIKELY_FASTER, Word.FASTER]


def test_who_is_ahead_of_every_other_leads_whatever_they_did_without_it() -> None:
    """B was slow where A was missing, so the mean of C's logarithms is higher than that of A's."""
    gone: list[float | None] = [None] * 8
    values: dict[str, list[float | None]] = {
        "A": [*[101.0, 102.0] * 4, *gone],
        "B": [*[100.0, 100.5] * 4, *[50.0, 50.1] * 4],
        "C": [*[100.0, 100.5] * 4, *[100.0, 100.1] * 4],
    }
    found = fastest(values)
    assert found is not None and found.leader == "A"
    assert all(one.ratio > 1 for one in found.comparisons)


def test_few_rounds_name_a_leader_provisionally() -> None:
    found = fastest(_noisy({"A": 100, "B": 200}, 0.01, 3))
    assert found is not None
    assert (found.leader, found.lead) == ("B", Lead.PROVISIONAL)


def test_a_server_alone() -> None:
    found = fastest({"A": [None, None], "B": [5.0, 6.0]})
    assert found is not None
    assert (found.leader, found.lead, found.left_out) == ("B", Lead.ALONE, {"A": "no valid round"})


# ---- sessions ----


def test_sessions_are_judged_by_their_means() -> None:
    rng = np.random.default_rng(4)
    logs = np.repeat(rng.normal(0.05, 0.1, 4), 6) + rng.normal(0, 0.02, 24)
    values = {"A": [100.0] * 24, "B": (100 * np.exp(logs)).tolist()}
    sessions = np.repeat(["mon", "tue", "wed", "thu"], 6).tolist()
    one = _one(against(values, "A", sessions=sessions))
    means = logs.reshape(4, 6).mean(axis=1)
    assert one.p == pytest.approx(stats.ttest_1samp(means, 0).pvalue)
    assert (one.rounds, one.ratio) == (24, pytest.approx(np.exp(means.mean())))
    blind = _one(against(values, "A"))
    assert (one.half_width or 0) > 2 * (blind.half_width or 1)
    assert one.rounds_needed is not None and one.rounds_needed % 6 == 0


def test_one_session_is_a_run_like_any_other() -> None:
    values = _noisy({"A": 100, "B": 120}, 0.05, 10)
    assert against(values, "A", sessions=[7] * 10) == against(values, "A")


def test_a_pair_that_only_one_of_the_sessions_has_stays_provisional() -> None:
    values = dict(_noisy({"A": 100, "B": 150}, 0.01, 20))
    values["B"] = [*values["B"][:10], *[None] * 10]
    one = _one(against(values, "A", sessions=[1] * 10 + [2] * 10))
    assert (one.rounds, one.low, one.word) == (10, None, Word.PROVISIONAL)


# ---- the rule ----


@pytest.mark.parametrize(
    "rule", [FIXED, FIXED_FASTEST, SEQUENTIAL_BASELINE, replace(SEQUENTIAL_FASTEST, margin=0.1)]
)
def test_a_rule_travels_as_data(rule: Rule) -> None:
    assert Rule.from_json(rule.to_json()) == rule


@pytest.mark.parametrize(
    "change",
    [{"alpha": 0}, {"margin": 1.0}, {"confidence": 95}, {"least_rounds": 1}, {"alpha": "0.05"},
     {"family": "none"}, {"stated": None}, {"colour": 1}, {"margin": float("nan")}],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Rule.from_json({**FIXED.to_json(), **change})
    with pytest.raises(ValueError, match="fields"):
        Rule.from_json({"alpha": 0.05})


def test_presets_are_those_that_the_proofs_are_about() -> None:
    assert (FIXED.alpha, FIXED.confidence, FIXED.family) == (0.05, 0.95, Family.BASELINE)
    assert (SEQUENTIAL_BASELINE.alpha, SEQUENTIAL_BASELINE.confidence) == (0.02, 0.97)
    assert (SEQUENTIAL_FASTEST.alpha, SEQUENTIAL_FASTEST.confidence) == (0.03, 0.98)
    assert SEQUENTIAL_FASTEST.family is FIXED_FASTEST.family is Family.ALL_PAIRS


# ---- the kept run ----


@pytest.fixture(scope="module")
def kept_loads() -> list[Values]:
    """Its ten loads. Only what is at fault is None: a failed, invalid or client-bound value."""
    run = load_run(KEPT)
    faults = {verdict.Kind.FAILED, verdict.Kind.INVALID, verdict.Kind.CLIENT_BOUND,
              verdict.Kind.NETWORK_BOUND}  # fmt: skip
    kinds = {cell.condition: cell.verdict.kind for cell in summarise(run).cells}
    rounds = max(record.repeat for record in run.records) + 1
    loads: dict[tuple[int, int], dict[str, list[float | None]]] = {}
    for record in run.records:
        condition = record.condition
        load = loads.setdefault((condition.connections, condition.size), {})
        values = load.setdefault(condition.label, [None] * rounds)
        if kinds[condition] not in faults and not verdict.left_out(record) and record.loadgen:
            values[record.repeat] = record.loadgen["result"]["requests_per_second"]
    return [{BASELINE: load[BASELINE], **load} for load in loads.values()]


def test_the_kept_run_is_decided(kept_loads: list[Values]) -> None:
    """34 of 60 with the control in the family, which the reports said of 14 before."""
    found = [one for load in kept_loads for one in against(load, BASELINE, FIXED).comparisons]
    assert len(found) == 60
    assert sum(one.word.decides for one in found) >= 34
    controls = Counter(one.word for one in found if one.label == CONTROL)
    assert sum(controls.values()) == 10
    assert not controls[Word.FASTER] and not controls[Word.SLOWER]


def test_the_kept_run_without_the_control_in_the_family(kept_loads: list[Values]) -> None:
    decided_models, called = 0, 0
    for load in kept_loads:
        models = {label: rates for label, rates in load.items() if label != CONTROL}
        decided_models += sum(one.word.decides for one in against(models, BASELINE).comparisons)
        twin = {label: load[label] for label in (BASELINE, CONTROL)}
        called += _one(against(twin, BASELINE)).word in (Word.FASTER, Word.SLOWER)
    assert decided_models >= 39
    assert called == 0
