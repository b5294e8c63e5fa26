"""Runs on Windows and on Linux: what is refused, what is listed, and what their ratios claim."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from iomodels.base.errors import USAGE, Failure
from iomodels.data.records import Run
from iomodels.judge import join as judge
from iomodels.judge.join import Joined, Scale, join, logs_of
from iomodels.judge.join_conditions import State, conditions, of_state, sides_of
from iomodels.judge.over_runs import difference, mean_of
from iomodels.judge.rule import Word
from iomodels.judge.verdict import Kind, Verdict
from iomodels.plan.suite import Server
from made_join import LINUX, RATES, WINDOWS, Change, bare_run, runs_of, suite
from made_run import suite_of

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "proofs"))

import simulated_joins as proof

# ---- what is refused ----

OTHER_SUITE = replace(suite(LINUX), name="other")
DEEPER = replace(suite(LINUX), depth=4)
ELSEWHERE = suite(LINUX, connections=(20,))
REFUSED: tuple[tuple[list[Run], str], ...] = (
    ([bare_run(WINDOWS), bare_run("wine-8.0")], "wine-8.0, and Wine is no kernel of its own"),
    ([bare_run("wine-8.0"), bare_run(LINUX)], "wine-8.0, and Wine is no kernel of its own"),
    ([bare_run(WINDOWS), bare_run("attached")], "is on attached; join takes Windows and Linux"),
    ([bare_run(WINDOWS, 1), bare_run(WINDOWS, 2)], "all runs are on windows-11-26100; use: "),
    ([bare_run(WINDOWS), bare_run(WINDOWS), bare_run(LINUX)], "is given twice; each run counts"),
    (
        [bare_run(WINDOWS), bare_run(LINUX), bare_run("linux-6.12")],
        "one of Linux, not windows-11-26100, linux-6.1 and linux-6.12",
    ),
    (
        [bare_run(WINDOWS), bare_run(LINUX, status="interrupted")],
        "is interrupted; complete it: iomodels run --resume 20250101-030405-join",
    ),
    (
        [bare_run(WINDOWS), bare_run(LINUX, ab={})],
        "compares two builds; join takes runs of a suite",
    ),
    (
        [bare_run(WINDOWS), bare_run(LINUX, of=OTHER_SUITE)],
        "the suites are select-vs-iocp and other; use the same suite",
    ),
    ([bare_run(WINDOWS), bare_run(LINUX, of=DEEPER)], "the loads differ: depth is 1, and 4 in run"),
    ([bare_run(WINDOWS), bare_run(LINUX, of=ELSEWHERE)], "no load is in all runs"),
)


@pytest.mark.parametrize(("runs", "reason"), REFUSED, ids=[each[1][:40] for each in REFUSED])
def test_only_two_kernels_under_one_load_are_joined(runs: list[Run], reason: str) -> None:
    with pytest.raises(Failure) as found:
        sides_of(runs)
    assert found.value.exit_code == USAGE and len(found.value.lines) == 1
    assert str(found.value).startswith("cannot join: ") and reason in str(found.value)


def test_runs_are_grouped_by_platform_in_the_order_given() -> None:
    runs = [bare_run(LINUX, 1), bare_run(WINDOWS, 2), bare_run(LINUX, 3)]
    assert sides_of(runs) == ([runs[1]], [runs[0], runs[2]])


# ---- conditions ----


def found_with(change: Change, platform: str = LINUX) -> dict[tuple[str, str], State]:
    sides = [bare_run(WINDOWS, 1)], [bare_run(LINUX, 2), bare_run(LINUX, 3)]
    changed = bare_run(platform, 4, change)
    sides[platform == LINUX].append(changed)
    return {(each.group, each.name): each.state for each in conditions(*sides)}


def at(*path: str, value: Any) -> Change:
    """Return a change of one fact of an environment."""

    def change(environment: dict[str, Any]) -> None:
        for name in path[:-1]:
            environment = environment[name]
        environment[path[-1]] = value

    return change


def test_equal_machines_share_everything_that_is_recorded() -> None:
    found = found_with(lambda environment: None)
    unknown = {each for each, state in found.items() if state is State.UNKNOWN}
    assert unknown == {
        ("hardware", "identity of the machine"),
        ("hardware", "firmware"),
        ("network", "network card of the server"),
        ("network", "cables and switch"),
        ("operating system", "power"),
    }
    differs = {each for each, state in found.items() if state is State.DIFFERS}
    assert differs == {
        ("operating system", "version"),
        ("operating system", "compiler of the servers"),
    }
    assert found["hardware", "memory"] is found["hardware", "architecture"] is State.SAME


FATAL = (
    (at("cpu", value="Other CPU"), "hardware: CPU: Test CPU <1> / Test CPU <1>, Other CPU"),
    (at("cpus_logical", value=4), "hardware: CPUs: 8 / 8, 4"),
    (at("machine", value="aarch64"), "hardware: architecture: x86_64 / x86_64, aarch64"),
    (
        at("launcher", "placement", "server_cpus", value=[0]),
        "hardware: CPUs of the servers: 4 / 4, 1",
    ),
    (
        at("load_generator", "binaries", value={"host/bin/loadgen": "cd" * 32}),
        f"load generator: program: {'ab' * 6} / {'ab' * 6}, {'cd' * 6}",
    ),
    (at("load_generator", "cpu", value="Slow"), "load generator: CPU: Load CPU / Load CPU, Slow"),
    (
        at("load_generator", "link", "mbps", value=1000),
        "network: link speed, Mbit/s: 10000 / 10000, 1000",
    ),
    (at("load_generator", value=None), "load generator: machine: its own / its own, the server's"),
)


@pytest.mark.parametrize(("change", "reason"), FATAL, ids=[each[1][:34] for each in FATAL])
def test_another_machine_load_generator_or_network_is_refused(change: Change, reason: str) -> None:
    with pytest.raises(Failure) as found:
        found_with(change)
    assert found.value.exit_code == USAGE and len(found.value.lines) == 1
    assert str(found.value) == f"cannot join: other conditions on the platforms: {reason}"


def test_smaller_differences_and_missing_facts_are_listed() -> None:
    memory = ("hardware", "memory")
    assert found_with(at("memory_bytes", value=16 << 30))[memory] is State.DIFFERS
    assert found_with(at("memory_bytes", value=None))[memory] is State.UNKNOWN
    speed = ("network", "link speed, Mbit/s")
    assert found_with(at("load_generator", "link", "mbps", value=None))[speed] is State.UNKNOWN
    mtu = at("load_generator", "link", "mtu", value=9000)
    assert found_with(mtu)["network", "MTU"] is State.DIFFERS
    cpu = ("hardware", "CPU")
    assert found_with(at("cpu", value=None), WINDOWS)[cpu] is State.UNKNOWN


def test_a_load_from_the_server_itself_is_accepted_and_named() -> None:
    local = at("load_generator", value=None)
    found = conditions([bare_run(WINDOWS, 1, local)], [bare_run(LINUX, 2, local)])
    unknown = {each.name: each.why for each in of_state(found, State.UNKNOWN)}
    assert "each operating system carried the load, too" in unknown["machine"]
    assert "loopback of each operating system" in unknown["link"]
    assert not any(each.group == "load generator" for each in of_state(found, State.SAME))


# ---- statistics ----


def test_equally_many_runs_give_the_t_test_of_welch() -> None:
    one, other = [[1.0, 1.2], [1.3, 1.3], [1.1, 1.15]], [[0.9], [1.0], [0.7, 0.9]]
    found = difference(one, other, 0.95)
    means = [[sum(run) / len(run) for run in side] for side in (one, other)]
    expected = stats.ttest_ind(*means, equal_var=False)
    assert found.over_runs and found.p == pytest.approx(expected.pvalue)
    far = stats.t.ppf(0.975, expected.df) if hasattr(expected, "df") else None
    assert far is None or found.half == pytest.approx(found.mean / expected.statistic * far)


def test_fewer_runs_give_the_degrees_of_freedom() -> None:
    few, many = [[0.0], [0.3]], [[1.0], [1.1], [0.9], [1.05]]
    error = math.sqrt(0.045 / 2 + stats.tvar([1.0, 1.1, 0.9, 1.05]) / 4)
    found = difference(many, few, 0.95)
    assert found.half == pytest.approx(stats.t.ppf(0.975, 1) * error)


def test_one_run_has_the_interval_of_its_rounds() -> None:
    one, other = [[1.0, 1.2, 1.1]], [[0.9, 0.7, 0.8], [0.5, 0.6, 0.7]]
    found = difference(one, other, 0.95)
    assert not found.over_runs and found.half and found.mean == pytest.approx(1.1 - 0.7)
    expected = stats.ttest_ind(one[0], other[0], equal_var=False)
    assert difference(one, other[:1], 0.95).p == pytest.approx(expected.pvalue)
    bare = difference([[1.0]], [[0.9]], 0.95)
    assert (bare.half, bare.p, bare.ends) == (None, None, (None, None))


def test_equal_runs_have_an_interval_without_width() -> None:
    same = difference([[1.0], [1.0]], [[1.0], [1.0]], 0.95)
    assert (same.half, same.p) == (0.0, 1.0)
    assert difference([[2.0], [2.0]], [[1.0], [1.0]], 0.95).p == 0.0
    assert mean_of([[0.0], [0.0]], 0.95) == (1.0, 1.0, 1.0)


def test_the_page_has_the_rows_of_the_simulation_and_keeps_its_limits() -> None:
    """Two runs of equal servers cover more, as Welch's degrees of freedom are then low."""
    lines = proof.PAGE.read_text(encoding="utf-8").splitlines()
    begin, end = lines.index(proof.BEGIN), lines.index(proof.END)
    written = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines[begin + 3 : end]
    ]
    keys = [tuple(cells[:3]) for cells in written]
    assert keys == [
        proof.Row(runs, servers, between, 0, 0, 0, 0).key
        for runs in proof.RUNS
        for servers in proof.SERVERS
        for between in proof.BETWEEN
    ]
    for cells in written:
        coverage, false, best, within = (float(cell.removesuffix(" %")) / 100 for cell in cells[3:])
        assert coverage >= 0.93 and best >= 0.93 and false <= 0.065, cells
        assert within < 0.93 or cells[2].startswith("0 %"), "then runs would not matter"


def test_a_sample_agrees_with_the_page() -> None:
    runs, servers, between = proof.RUNS[1], proof.SERVERS[0], proof.BETWEEN[1]
    drawn = proof.simulate(runs, servers, between, 200)
    page = proof.PAGE.read_text(encoding="utf-8")
    [line] = [line for line in page.splitlines() if line.startswith(f"| {' | '.join(drawn.key)} |")]
    written = [
        float(cell.strip().removesuffix("%")) / 100 for cell in line.strip("|").split("|")[3:]
    ]
    for share, of_page in zip((drawn.coverage, drawn.false, drawn.best, drawn.within), written):
        error = math.sqrt(max(of_page * (1 - of_page), 0.005) * (1 / 200 + 1 / proof.JOINS))
        assert abs(share - of_page) < 4 * error


# ---- the judgement ----


@pytest.fixture(scope="module")
def three() -> Joined:
    return join(runs_of(WINDOWS, 3), runs_of(LINUX, 3))


def test_linux_servers_are_judged_over_the_windows_baseline(three: Joined) -> None:
    [load] = three.loads
    rates, costs = load.on(Scale.RATE), load.on(Scale.COST)
    assert rates and costs and three.over_runs and three.baseline == "iocp"
    assert [each.label for each in rates.windows] == ["iocp", "select"], "no control"
    assert {each.label: (each.word, each.runs) for each in rates.ratios} == {
        "epoll": (Word.FASTER, (3, 3)),
        "select": (Word.SLOWER, (3, 3)),
    }
    assert rates.best and (rates.best.label, rates.best.other) == ("epoll", "iocp")
    [epoll, _] = rates.ratios
    assert rates.best.low and epoll.low and rates.best.low < epoll.low, "the choice costs width"
    assert epoll.ratio == pytest.approx(rates.linux[0].value / rates.windows[0].value)  # type: ignore[operator]
    [cost, _] = costs.ratios
    assert cost.ratio == pytest.approx(1.5, rel=0.01) and cost.word is Word.SLOWER
    assert Scale.COST.text(cost.word, 0.05) == "more CPU time"
    assert costs.linux[0].sources == ("made up",)


def test_one_run_of_a_platform_claims_nothing() -> None:
    joined = join(runs_of(WINDOWS, 2), runs_of(LINUX, 1))
    [load] = joined.loads
    assert not joined.over_runs
    for scale in load.scales:
        for ratio in (*scale.ratios, scale.best):
            assert ratio and ratio.word is Word.PROVISIONAL and not ratio.over_runs
            assert ratio.low is not None and ratio.p_holm is None


def test_the_spread_between_runs_is_in_the_interval() -> None:
    """Rounds vary by 1 %, and runs by 10 %: a difference of 30 % is then not decided."""
    joined = join(runs_of(WINDOWS, 2, between=0.1), runs_of(LINUX, 2, between=0.1))
    rates = joined.loads[0].on(Scale.RATE)
    assert rates and rates.ratios[0].word in (Word.NOT_DECIDED, Word.LIKELY_FASTER)


def test_a_control_that_disagrees_withholds_smaller_claims() -> None:
    """The same program is 50 % faster under another name, so 30 % of epoll are no claim."""
    off = {**RATES, (WINDOWS, "iocp again"): 15_000.0}
    doubled = suite_of((Server("iocp"), Server("iocp", alias="iocp again")), (50,), (64,), 8)
    alone = suite_of((Server("epoll"),), (50,), (64,), 2)
    windows = runs_of(WINDOWS, 2, doubled, off, between=0.001)
    linux = runs_of(LINUX, 2, alone, between=0.001)
    for claims, joined in ((False, join(windows, linux)), (True, join(windows[:1], linux))):
        found = joined.loads[0].on(Scale.RATE)
        assert found and found.best
        for ratio in (*found.ratios, found.best):
            assert ratio.withheld is not claims
            assert ratio.word is (Word.PROVISIONAL if claims else Word.NOT_DECIDED)


def test_at_the_limit_of_the_network_only_costs_are_compared(three: Joined) -> None:
    cell = three.linux.summaries[0].loads[0].cells[0]
    bound = replace(cell, verdict=Verdict(Kind.NETWORK_BOUND, ("94 % of the link",)))
    assert logs_of(bound, Scale.RATE) == ([], "network-bound (94 % of the link)")
    assert logs_of(bound, Scale.COST)[0] == [math.log(value) for value in cell.cpu_us]
    failed = replace(cell, verdict=Verdict(Kind.FAILED, ("died",)))
    assert logs_of(failed, Scale.COST) == ([], "failed (died)")
    assert logs_of(replace(cell, cpu_us=()), Scale.COST)[1].endswith("is unavailable")


def test_a_server_without_a_result_has_its_reason() -> None:
    [linux] = runs_of(LINUX, 1)
    records = tuple(
        replace(each, status="failed", reason="epoll: died", loadgen=None)
        if each.condition.model == "epoll"
        else each
        for each in linux.records
    )
    found = join(runs_of(WINDOWS, 1), [replace(linux, records=records)]).loads[0].on(Scale.RATE)
    assert found and [ratio.label for ratio in found.ratios] == ["select"]
    [reason] = found.linux[0].reasons
    assert found.linux[0].value is None and "failed (epoll: died" in reason


def test_the_baseline_is_a_windows_server(three: Joined) -> None:
    sides = [[summary.run for summary in side.summaries] for side in three.sides]
    other = join(*sides, "select").loads[0].on(Scale.RATE)
    assert other and {ratio.other for ratio in other.ratios} == {"select"}
    for name in ("epoll", "iocp again"):
        with pytest.raises(ValueError, match="must be one of: iocp, select"):
            join(*sides, name)


def test_loads_of_one_run_alone_and_parts_of_a_peak_are_not_joined() -> None:
    wide = bare_run(WINDOWS, 1, of=suite(WINDOWS, connections=(20, 50)))
    offered = bare_run(LINUX, 2, of=replace(suite(LINUX), rate_percents=(50,)))
    keys, missing = judge.shared_loads([wide, offered])
    assert [(key.connections, key.rate_percent) for key in keys] == [(50, 0)]
    assert missing == (
        "20 × 64 B: not in run 20250103-030405-join",
        "rates in percent of the lowest peak: each run has peaks of its own",
    )
