"""One load: the baseline, the fastest, the control, and servers without a figure."""

from __future__ import annotations

import math

from made_cells import cell, noisy

from iomodels.judge.cells import Cell
from iomodels.judge.loads import JudgedLoad, Rules, judge_load, settled
from iomodels.judge.rule import Lead, Word
from iomodels.judge.verdict import Kind


def judged(*cells: Cell, chosen: str = "select", controls: tuple[str, ...] = ()) -> JudgedLoad:
    return judge_load(cells, chosen, Rules(), controls)


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


def test_a_server_that_cannot_hold_the_connections_is_a_result() -> None:
    load = judged(
        cell("select", kind=Kind.FAILED, reasons=["loadgen"], held=9852, connections=10_000),
        cell("iocp", noisy(130, 8, 0.02), connections=10_000),
    )
    [select] = load.unable
    assert select.limit and select.reason == "cannot hold 10,000 connections: stopped at 9,852"
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
        controls=("select again",),
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
        controls=("select again",),
    )
    assert load.disagreeing and 1.18 < load.disagreeing.floor < 1.25
    assert words(load) == {
        "iocp": Word.NOT_DECIDED,
        "tpio": Word.FASTER,
    }
    assert load.fastest and load.fastest.leader == "tpio" and load.lead is Lead.CLEAR


def test_a_control_that_disagrees_takes_equality_too() -> None:
    load = judged(
        cell("select", noisy(100, 8, 0.005)),
        cell("iocp", noisy(100.5, 8, 0.005, 2)),
        cell("select again", noisy(110, 8, 0.005, 3)),
        controls=("select again",),
    )
    assert words(load)["iocp"] is Word.NOT_DECIDED and load.lead is Lead.NOT_DECIDED


def test_the_controls_far_end_counts_on_either_side_of_one() -> None:
    slow = judged(
        cell("select", noisy(100, 8, 0.01)),
        cell("iocp", noisy(110, 8, 0.01, 2)),
        cell("select again", noisy(80, 8, 0.01, 3)),
        controls=("select again",),
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
