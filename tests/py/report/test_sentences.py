"""Every sentence of the answer is true of its own data: each generator meets data that refute it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_cells import cell, noisy

from iomodels.judge.cells import Cell, Latency
from iomodels.judge.costs import SWITCHES, WHOLE_CPU
from iomodels.judge.loads import JudgedLoad, Rules, judge_load
from iomodels.judge.rule import Lead
from iomodels.judge.stats import Measure
from iomodels.judge.verdict import Kind
from iomodels.report import remarks, sentences

RULES = Rules()


def judged(*cells: Cell, controls: tuple[str, ...] = ()) -> JudgedLoad:
    return judge_load(cells, cells[0].condition.label, RULES, controls)


def verdict(*cells: Cell, controls: tuple[str, ...] = ()) -> str:
    return sentences.verdict(judged(*cells, controls=controls), RULES)


def test_a_clear_winner_has_its_lead_and_the_interval_of_the_rule() -> None:
    found = verdict(
        cell("select", noisy(7000, 8, 0.02)),
        cell("iocp", noisy(8000, 8, 0.02, 2)),
        cell("tpio", noisy(5000, 8, 0.02, 3)),
    )
    assert re.fullmatch(
        r"iocp is fastest with \d,\d{3} requests/s, 1\d(\.\d)? % more than select, the next "
        r"\(95 % interval: .+ % to .+ %\)\.",
        found,
    )


def test_two_servers_have_no_next() -> None:
    found = verdict(cell("select", noisy(7000, 8, 0.02)), cell("iocp", noisy(16000, 8, 0.02, 2)))
    interval = r"\(95 % interval: 2\.\d\d× to 2\.\d\d×\)"
    assert re.search(rf"requests/s, 2\.\d\d× as many as select {interval}\.", found)


@pytest.mark.parametrize(("lead", "said"), [(1.99, "9"), (2.02, "2")])
def test_a_lead_and_its_interval_are_both_shares_or_both_ratios(lead: float, said: str) -> None:
    """Their ends are on either side of twice: '2.00× more (100 % to 2.01×)' mixes the two."""
    found = verdict(
        cell("select", noisy(100, 8, 0.03)), cell("iocp", noisy(100 * lead, 8, 0.03, 2))
    )
    assert ("×" in found) is (said == "2")
    assert ("more than select" in found) is (said == "9")


def test_equal_servers_are_equal_and_the_rest_is_behind_by_at_least_the_near_end() -> None:
    found = verdict(
        cell("select", noisy(8000, 10, 0.01)),
        cell("iocp", noisy(8010, 10, 0.01, 2)),
        cell("tpio", noisy(6000, 10, 0.01, 3)),
    )
    assert "equally fast, within 5 %" in found and "iocp" in found and "select" in found
    least = re.search(r"tpio is slower by at least (\d+) %", found)
    assert least and 20 <= int(least[1]) <= 25


def test_what_is_not_decided_says_how_many_rounds_do_not_decide_it() -> None:
    found = verdict(cell("select", noisy(8000, 10, 0.1)), cell("iocp", noisy(8100, 10, 0.1, 2)))
    assert "but 10 rounds do not separate it from" in found


def test_three_rounds_are_provisional_whatever_they_say() -> None:
    found = verdict(cell("select", [100.0] * 3), cell("iocp", [900.0] * 3))
    assert found == "iocp was fastest so far (900 requests/s) in 3 rounds. A claim needs 8."


def test_a_server_alone_and_no_server_at_all() -> None:
    dead = cell("select", kind=Kind.FAILED, reasons=["died"])
    assert verdict(dead, cell("iocp", [9.0] * 8)) == (
        "Only iocp has a figure: 9.00 requests/s. select has no valid figure."
    )
    assert verdict(dead).startswith("No server has a figure at this load.")


def test_a_limit_is_a_result_and_is_told_with_the_verdict() -> None:
    found = verdict(
        cell("select", kind=Kind.FAILED, reasons=["x"], held=9852, connections=10_000),
        cell("iocp", noisy(100, 8, 0.02), connections=10_000),
        cell("apc", noisy(60, 8, 0.02, 2), connections=10_000),
    )
    assert found.endswith("select: cannot hold 10,000 connections: stopped at 9,852.")


def test_no_winner_is_named_where_a_client_bound_server_may_be_faster() -> None:
    bound = cell("iocp", noisy(200, 8, 0.02), kind=Kind.CLIENT_BOUND, reasons=["busy"])
    found = verdict(cell("select", noisy(100, 8, 0.02)), cell("apc", noisy(150, 8, 0.02, 2)), bound)
    assert found.startswith("No winner can be named. iocp reached the limit of the load generator")
    assert "it serves at least 200 requests/s" in found.replace("201", "200").replace("199", "200")
    slow = cell("iocp", noisy(50, 8, 0.02), kind=Kind.CLIENT_BOUND, reasons=["busy"])
    told = verdict(cell("select", noisy(100, 8, 0.02)), cell("apc", noisy(150, 8, 0.02, 2)), slow)
    assert "No winner" not in told
    assert "iocp reached the limit of the load generator" in told


def test_no_load_counts_as_clear_where_a_client_bound_server_did_more() -> None:
    servers = [cell("select", noisy(100, 8, 0.02)), cell("apc", noisy(150, 8, 0.02, 2))]
    for rate, lead in ((200, Lead.NOT_DECIDED), (50, Lead.CLEAR)):
        bound = cell("iocp", noisy(rate, 8, 0.02), kind=Kind.CLIENT_BOUND, reasons=["busy"])
        load = judge_load([*servers, bound], "select")
        assert load.lead is Lead.CLEAR
        assert sentences.lead_of(load) is lead
        assert sentences.badge(load) == lead.value


def test_the_least_that_a_server_is_behind_is_never_rounded_up() -> None:
    servers = [
        cell("iocp", [1000.0, 1001.0] * 5),
        cell("select", [1001.0, 1000.0] * 5),
        cell("tpio", [952.0, 953.0] * 5),
    ]
    assert "tpio is slower by at least 4 %." in verdict(*servers)


def test_a_disagreeing_control_is_in_the_verdict() -> None:
    found = verdict(
        cell("select", noisy(100, 8, 0.01)),
        cell("iocp", noisy(105, 8, 0.01, 2)),
        cell("select again", noisy(130, 8, 0.01, 3)),
        controls=("select again",),
    )
    assert "The control disagrees: select again and select are the same program" in found
    assert "is fastest" not in found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(50, 200), min_size=2, max_size=5),
    st.sampled_from([0.005, 0.03, 0.15]),
    st.integers(3, 14),
    st.integers(0, 1000),
)
def test_whatever_the_data_the_verdict_agrees_with_the_words(
    bases: list[float], spread: float, rounds: int, seed: int
) -> None:
    """The leader of the sentence leads by the rule, and 'is fastest' means faster than all."""
    cells = [
        cell(f"m{place}", noisy(base, rounds, spread, seed + place))
        for place, base in enumerate(bases)
    ]
    load = judged(*cells)
    found = sentences.verdict(load, RULES)
    assert load.fastest
    assert (" is fastest with" in found) is (load.lead is Lead.CLEAR)
    assert ("equally fast" in found) is (load.lead is Lead.EQUAL)
    assert ("so far" in found) is (rounds < 8)
    if load.lead is Lead.CLEAR:
        assert all(one.low is not None and one.low > 1 for one in load.fastest.comparisons)


# ---- remarks ----


def explained(costs: dict[str, tuple[float, float]], spread: float = 0.01) -> str | None:
    """iocp is fastest, then apc, then select; `costs` of each: CPU µs and switches."""
    bases = {"iocp": 300.0, "apc": 200.0, "select": 100.0}
    cells = [
        cell(
            label,
            noisy(bases[label], 8, spread, place),
            costs={WHOLE_CPU: costs[label][0], SWITCHES: costs[label][1]},
        )
        for place, label in enumerate(bases)
    ]
    return remarks.explanation(judged(*cells))


def test_the_order_is_explained_by_what_was_measured() -> None:
    by_cpu = explained({"iocp": (10, 8), "apc": (20, 6), "select": (30, 6)})
    assert by_cpu == (
        "The order follows the CPU time per request: iocp 10.0 µs, apc 20.0 µs and select 30.0 µs."
    )
    by_switches = explained({"iocp": (20, 2), "apc": (10, 6), "select": (30, 8)})
    assert by_switches is not None and "context switches" in by_switches


def test_an_order_that_the_costs_refute_is_not_explained() -> None:
    """The old report always said that switches decide; at 8 to 256 connections they did not."""
    assert explained({"iocp": (20, 8), "apc": (10, 6), "select": (30, 6)}) is None


def test_an_order_that_is_not_shown_is_not_explained() -> None:
    cells = [
        cell("iocp", noisy(101, 8, 0.1), costs={WHOLE_CPU: 10, SWITCHES: 1}),
        cell("select", noisy(100, 8, 0.1, 2), costs={WHOLE_CPU: 20, SWITCHES: 2}),
    ]
    assert remarks.explanation(judged(*cells)) is None


@pytest.mark.parametrize(("share", "told"), [(0.04, 0), (0.051, 1), (0.38, 1)])
def test_a_stall_is_told_where_it_takes_more_than_a_twentieth_of_the_time(
    share: float, told: int
) -> None:
    latency = Latency(True, {50.0: Measure(37.0)}, Measure(share), Measure(4650.0))
    load = judged(cell("select", noisy(100, 8, 0.02), latency=latency))
    assert len(remarks.stalls(load)) == told
    if told:
        assert "4.65 ms" in remarks.stalls(load)[0]


def test_a_closed_loop_says_what_its_latency_is_and_an_open_one_does_not() -> None:
    closed = judged(cell("select", noisy(100, 8, 0.02)))
    assert "not what a user waits for" in (remarks.closed_loop_latency(closed) or "")
    opened = Latency(False, {}, Measure(0.0), Measure(None, "none"))
    assert remarks.closed_loop_latency(judged(cell("select", [1.0] * 8, latency=opened))) is None
