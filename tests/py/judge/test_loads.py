"""One load: the baseline, the fastest, the control, and servers without a figure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from iomodels.judge.cells import Cell
from iomodels.judge.loads import JudgedLoad, Rules, judge_load, settled
from iomodels.judge.rule import Lead, Word
from iomodels.judge.verdict import Kind
from made_cells import cell, noisy

AGAIN = {"select again": "select"}


def judged(
    *cells: Cell, chosen: str = "select", twins: Mapping[str, str] = MappingProxyType({})
) -> JudgedLoad:
    return judge_load(cells, chosen, Rules(), twins)


def words(load: JudgedLoad) -> dict[str, Word]:
    return {one.label: one.word for one in load.over_baseline}


def test_every_server_is_held_to_the_baseline_and_the_fastest_is_named() -> None:
    load = judged(
        cell("select", noisy(100, 8, 0.02)),
        cell("iocp", noisy(130, 8, 0.02, 2)),
        cell("tpio", noisy(80, 8, 0.02, 3)),
    )
    assert words(load) == {"iocp": Word.FASTER, "tpio": Word.SLOWER}
    assert load.fastest and load.fastest.leader == "iocp" and load.lead is Lead.CLEAR
    assert settled(load, Rules())


def test_noise_widens_the_interval_and_excludes_nothing() -> None:
    load = judged(cell("select", noisy(100, 10, 0.2)), cell("iocp", noisy(200, 10, 0.2, 2)))
    assert words(load) == {"iocp": Word.FASTER}


def test_a_failed_baseline_is_replaced_by_the_fastest() -> None:
    load = judged(
        cell("select", kind=Kind.FAILED, reasons=["died"]),
        cell("iocp", noisy(130, 8, 0.02)),
        cell("tpio", noisy(80, 8, 0.02, 3)),
    )
    assert (load.chosen, load.baseline) == ("select", "iocp")
    assert words(load) == {"tpio": Word.SLOWER}
    assert [(each.label, each.limit) for each in load.unable] == [("select", False)]


def test_a_known_limit_is_told_without_its_prefix() -> None:
    reason = "limit: events takes at most 63 connections (64 handles of a wait)"
    limited = cell("events", kind=Kind.FAILED, reasons=[reason])
    [events] = judged(cell("select", noisy(100, 8, 0.02)), limited).unable
    assert events.limit
    assert events.reason == "takes at most 63 connections (64 handles of a wait)"


def test_a_server_that_cannot_hold_the_connections_is_a_result() -> None:
    load = judged(
        cell("select", kind=Kind.FAILED, reasons=["loadgen"], held=9852, connections=10_000),
        cell("iocp", noisy(130, 8, 0.02), connections=10_000),
    )
    [select] = load.unable
    assert select.limit and select.reason == "cannot hold 10,000 connections: it stopped at 9,852"
    assert load.lead is Lead.ALONE


def test_a_client_bound_server_reached_at_least_its_rate() -> None:
    fast = cell("iocp", noisy(200, 8, 0.02), kind=Kind.CLIENT_BOUND, reasons=["99 % of a CPU"])
    load = judged(cell("select", noisy(100, 8, 0.02)), fast)
    [iocp] = load.unable
    assert iocp.at_least and math.isclose(iocp.at_least, 200, rel_tol=0.05) and not iocp.limit


def test_at_an_offered_rate_a_late_load_generator_says_nothing_about_the_server() -> None:
    """Its rate was chosen: that the server reached it is no lower bound of what it can do."""
    late = cell("iocp", [877.0] * 8, kind=Kind.CLIENT_BOUND, reasons=["late"], rate_percent=25)
    paced = cell("select", [877.0] * 8, kind=Kind.RATE_BOUND, cpu_us=[9.0] * 8, rate_percent=25)
    [iocp] = judged(paced, late).unable
    assert (iocp.at_least, iocp.reason, iocp.limit) == (None, "late", False)


def test_late_sends_leave_a_load_open() -> None:
    """More rounds may give a timely median. A load without a figure is not decided."""
    late = cell("iocp", [877.0] * 8, kind=Kind.CLIENT_BOUND, reasons=["late"], rate_percent=25)
    assert not settled(judged(late), Rules())
    fast = cell("select", [877.0] * 8, cpu_us=noisy(9, 8, 0.01), rate_percent=25)
    slow = cell("tpio", [877.0] * 8, cpu_us=noisy(18, 8, 0.01, 2), rate_percent=25)
    assert settled(judged(fast, slow), Rules())
    assert not settled(judged(fast, slow, late), Rules())


def test_a_client_bound_closed_loop_is_decided_because_more_rounds_are_alike() -> None:
    fast = cell("iocp", noisy(200, 8, 0.02), kind=Kind.CLIENT_BOUND, reasons=["99 % of a CPU"])
    assert settled(judged(cell("select", noisy(100, 8, 0.02)), fast), Rules())


def test_no_server_with_a_figure_is_no_baseline_and_no_lead() -> None:
    load = judged(cell("select", kind=Kind.FAILED), cell("iocp", kind=Kind.INVALID))
    assert (load.baseline, load.fastest, load.over_baseline) == (None, None, ())


def test_the_control_is_never_ranked_and_agrees_where_the_rule_sees_no_difference() -> None:
    load = judged(
        cell("select", noisy(100, 8, 0.05)),
        cell("iocp", noisy(130, 8, 0.05, 2)),
        cell("select again", noisy(100, 8, 0.05, 3)),
        twins=AGAIN,
    )
    assert load.fastest and [one.other for one in load.fastest.comparisons] == ["select"]
    [control] = load.controls
    assert not control.disagrees and load.disagreeing is None


def test_a_control_that_disagrees_takes_every_smaller_claim() -> None:
    """It differs by 20 %: a lead of 10 % is no claim any more, one of 60 % is."""
    load = judged(
        cell("select", noisy(100, 8, 0.01)),
        cell("iocp", noisy(110, 8, 0.01, 2)),
        cell("tpio", noisy(160, 8, 0.01, 3)),
        cell("select again", noisy(120, 8, 0.01, 4)),
        twins=AGAIN,
    )
    assert load.disagreeing and 1.18 < load.disagreeing.floor < 1.25
    assert words(load) == {
        "iocp": Word.NOT_DECIDED,
        "tpio": Word.FASTER,
    }
    assert load.fastest and load.fastest.leader == "tpio" and load.lead is Lead.CLEAR


def test_a_claim_that_reaches_into_the_difference_of_the_control_is_withheld() -> None:
    """The claim's ratio is above the floor, and its interval is not: what is printed would be both."""
    load = judged(
        cell("select", noisy(100, 8, 0.01)),
        cell("iocp", noisy(125, 8, 0.05, 2)),
        cell("tpio", noisy(200, 8, 0.01, 5)),
        cell("select again", noisy(118, 8, 0.01, 4)),
        twins=AGAIN,
    )
    assert load.disagreeing
    [iocp, tpio] = load.over_baseline
    assert iocp.ratio > load.disagreeing.floor > (iocp.low or 0) > 1
    assert (iocp.word, iocp.withheld, iocp.rounds_needed) == (Word.NOT_DECIDED, True, None)
    assert (tpio.word, tpio.withheld) == (Word.FASTER, False)
    assert load.fastest
    for one in load.fastest.comparisons:
        assert one.word is not Word.FASTER or (one.low or 0) > load.disagreeing.floor


def test_a_claim_that_is_only_likely_is_withheld_too() -> None:
    load = judged(
        cell("select", noisy(100, 8, 0.01)),
        *(cell(f"m{place}", noisy(109, 8, 0.095, place)) for place in range(2, 7)),
        cell("select again", noisy(130, 8, 0.01, 4)),
        twins=AGAIN,
    )
    alone = judged(*load.cells[:-1])
    likely = {one.label for one in alone.over_baseline if one.word is Word.LIKELY_FASTER}
    assert likely and load.disagreeing
    withheld = {one.label: one.rounds_needed for one in load.over_baseline if one.withheld}
    assert withheld == dict.fromkeys(likely)


def test_what_the_rounds_leave_open_is_not_the_controls_doing() -> None:
    load = judged(
        cell("select", noisy(100, 8, 0.1)),
        cell("iocp", noisy(100, 8, 0.1, 2)),
        cell("select again", noisy(200, 8, 0.1, 4)),
        twins=AGAIN,
    )
    [iocp] = load.over_baseline
    assert load.disagreeing and (iocp.word, iocp.withheld) == (Word.NOT_DECIDED, False)
    assert iocp.rounds_needed


def four(again: float = 100.0) -> list[Cell]:
    """iocp is first in the suite; the control is the third server a second time."""
    bases = {"iocp": 130.0, "tpio": 80.0, "select": 100.0, "select again": again}
    return [
        cell(label, noisy(base, 8, 0.02, place))
        for place, (label, base) in enumerate(bases.items())
    ]


@pytest.mark.parametrize("chosen", ["iocp", "tpio", "select"])
@pytest.mark.parametrize("again", [100.0, 150.0])
def test_a_control_belongs_to_its_twin_whatever_the_baseline(chosen: str, again: float) -> None:
    load = judged(*four(again), chosen=chosen, twins=AGAIN)
    first = judged(*four(again), chosen="select", twins=AGAIN)
    [control] = load.controls
    assert (control.label, control.twin) == ("select again", "select")
    assert control.comparison and control.comparison.other == "select"
    assert load.controls == first.controls and load.fastest == first.fastest
    assert control.disagrees is (again == 150.0)
    assert load.fastest and load.fastest.leader == "iocp"
    assert [one.other for one in load.fastest.comparisons] == ["select", "tpio"]
    assert "select again" not in {one.label for one in load.over_baseline}
    assert load.comparison("select again") == control.comparison


def test_a_control_without_a_figure_is_no_server_that_failed() -> None:
    dead = cell("select again", kind=Kind.FAILED, reasons=["died"])
    load = judged(*four()[:3], dead, twins=AGAIN)
    [control] = load.controls
    assert (control.comparison, control.reason, control.disagrees) == (None, "died", False)
    assert load.unable == () and load.figure("select again") is None
    alone = judged(
        *four()[:2], cell("select", kind=Kind.FAILED, reasons=["x"]), four()[3], twins=AGAIN
    )
    [control] = alone.controls
    assert (control.comparison, control.reason) == (None, "select has no figure")
    assert [each.label for each in alone.unable] == ["select"]
    gaps = cell("select again", [None] * 8 + [100.0] * 8)
    [control] = judged(*four()[:3], gaps, twins=AGAIN).controls
    assert control.reason == "select shares no round with it"


# ---- the figures of the ranked list ----


def near_tie() -> list[Cell]:
    """iocp has the higher median, select the higher mean logarithm: 9 of 10 rounds are a tie."""
    return [
        cell("select", [100.0, 101.0, 99.0, 100.0, 101.0, 99.0, 100.0, 101.0, 99.0, 160.0]),
        cell("iocp", [101.0, 102.0, 100.0, 101.0, 102.0, 100.0, 101.0, 102.0, 100.0, 101.0]),
    ]


def test_the_figures_are_those_of_the_ratio_though_the_medians_are_not() -> None:
    load = judged(*near_tie())
    select, iocp = (load.cell(label).rate for label in ("select", "iocp"))
    assert select and iocp and select.value < iocp.value
    assert load.fastest and load.fastest.leader == "select"
    [one] = load.fastest.comparisons
    figures = [load.figure(label) for label in ("select", "iocp")]
    assert figures[0] and figures[1] and figures[0] / figures[1] == pytest.approx(one.ratio)
    assert figures == [
        pytest.approx(statistics.geometric_mean(load.cell(label).rates))
        for label in ("select", "iocp")
    ], "every round has both"


def test_with_missing_rounds_the_figures_still_have_the_order_of_the_ratios() -> None:
    """tpio has only fast rounds: its own mean is above the leader's, its paired ratio below."""
    fast = [100.0] * 5 + [200.0] * 5
    tpio: list[float | None] = [None] * 5 + [190.0] * 5
    load = judged(cell("select", fast), cell("iocp", [99.0, *fast[1:]]), cell("tpio", tpio))
    assert load.fastest and load.fastest.leader == "select"
    figures = [
        load.figure(label) for label in ("select", *(one.other for one in load.fastest.comparisons))
    ]
    assert figures == sorted(figures, key=lambda each: -(each or 0))
    assert figures[-1] == pytest.approx(statistics.geometric_mean(fast) * 0.95)


def test_a_figure_at_an_offered_rate_is_cpu_time_and_the_controls_is_of_its_twin() -> None:
    def paced(label: str, cpu_us: float) -> Cell:
        times = noisy(cpu_us, 8, 0.02)
        return cell(label, [100.0] * 8, kind=Kind.RATE_BOUND, cpu_us=times, rate_percent=50)

    load = judged(paced("iocp", 20), paced("select", 30), paced("select again", 33), twins=AGAIN)
    assert load.figure("iocp") == pytest.approx(20) and load.figure("select") == pytest.approx(30)
    assert load.figure("select again") == pytest.approx(33)


def test_nothing_is_decided_while_a_client_bound_server_may_beat_the_leader() -> None:
    servers = [cell("select", noisy(100, 8, 0.02)), cell("apc", noisy(150, 8, 0.02, 2))]
    for rate, lead, beating in (
        (200, Lead.NOT_DECIDED, ("iocp",)),
        (50, Lead.CLEAR, ()),
    ):
        bound = cell("iocp", noisy(rate, 8, 0.02), kind=Kind.CLIENT_BOUND, reasons=["busy"])
        load = judged(*servers, bound)
        assert (load.lead, load.beating) == (lead, beating)
        assert load.fastest and load.fastest.lead is Lead.CLEAR


def test_a_control_that_disagrees_takes_equality_too() -> None:
    load = judged(
        cell("select", noisy(100, 8, 0.005)),
        cell("iocp", noisy(100.5, 8, 0.005, 2)),
        cell("select again", noisy(110, 8, 0.005, 3)),
        twins=AGAIN,
    )
    assert words(load)["iocp"] is Word.NOT_DECIDED and load.lead is Lead.NOT_DECIDED


def test_the_controls_far_end_counts_on_either_side_of_one() -> None:
    slow = judged(
        cell("select", noisy(100, 8, 0.01)),
        cell("iocp", noisy(110, 8, 0.01, 2)),
        cell("select again", noisy(80, 8, 0.01, 3)),
        twins=AGAIN,
    )
    assert slow.disagreeing and slow.disagreeing.floor > 1.25
    assert words(slow)["iocp"] is Word.NOT_DECIDED


def test_at_an_offered_rate_less_cpu_time_is_better() -> None:
    def paced(label: str, cpu_us: list[float]) -> Cell:
        return cell(label, [100.0] * 8, kind=Kind.RATE_BOUND, cpu_us=cpu_us, rate_percent=50)

    load = judged(paced("select", noisy(30, 8, 0.02)), paced("iocp", noisy(20, 8, 0.02, 2)))
    assert words(load) == {"iocp": Word.FASTER}
    assert math.isclose(load.over_baseline[0].ratio, 1.5, rel_tol=0.03)
    missing = judged(paced("select", []), paced("iocp", noisy(20, 8, 0.02, 2)))
    assert [each.reason for each in missing.unable] == ["its CPU time per request is unavailable"]


def test_a_round_counts_only_where_both_have_it() -> None:
    rates: list[float | None] = [*noisy(130, 10, 0.02, 2)]
    rates[3] = None
    load = judged(cell("select", noisy(100, 10, 0.02)), cell("iocp", rates))
    assert load.over_baseline[0].rounds == 9
