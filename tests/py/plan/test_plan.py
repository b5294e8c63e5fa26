from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from iomodels.data.records import Condition
from iomodels.plan.order import cells, is_limit, limit_of, make_plan, plan_size, rounds_of
from iomodels.plan.server import Server
from iomodels.plan.suite import Suite
from stage import described

names = st.sampled_from(["select", "iocp", "threads"])
servers = st.builds(
    lambda name, threads: Server(name, (("threads", threads),) if threads else ()),
    names,
    st.integers(0, 4),
)
levels = st.lists(st.integers(1, 1024), min_size=1, max_size=5, unique=True).map(tuple)
suites = st.builds(
    Suite,
    name=st.just("s"),
    title=st.just("t"),
    question=st.just("q"),
    servers=st.lists(servers, min_size=1, max_size=4, unique=True).map(tuple),
    connections=levels,
    sizes=levels,
    depth=st.integers(1, 4),
    rounds=st.integers(1, 5),
    warmup_ms=st.just(0),
    duration_ms=st.just(1),
    seed=st.integers(0, 2**32 - 1),
    loadgen_threads=st.just(1),
)


@given(suites)
def test_every_round_has_every_cell_once(suite: Suite) -> None:
    plan, every = make_plan(suite), cells(suite)
    assert (
        len(every)
        == len(set(every))
        == len(suite.servers) * len(suite.connections) * len(suite.sizes)
    )
    assert len(plan) == plan_size(suite) == len(every) * suite.rounds
    rounds = list(rounds_of(plan))
    assert [each.number for each in rounds] == list(range(suite.rounds))
    assert [item for each in rounds for item in each.items] == list(plan)
    for each in rounds:
        assert {item.repeat for item in each.items} == {each.number} and not each.fixed
        assert Counter(item.condition for item in each.items) == Counter(every)


@given(suites)
def test_in_a_round_all_servers_of_a_load_are_adjacent(suite: Suite) -> None:
    """Servers that run next to each other meet the same machine: their ratio is free of it."""
    for each in rounds_of(make_plan(suite)):
        loads = [load for load, _ in groupby(each.items, key=lambda item: item.load)]
        assert len(loads) == len(set(loads)) == len(suite.connections) * len(suite.sizes)


def test_loads_at_an_offered_rate_come_after_all_closed_loops() -> None:
    suite = replace(many(1), rate_percents=(25, 50), rate_connections=(3,), rate_sizes=(64,))
    plan, rounds = make_plan(suite), list(rounds_of(make_plan(suite)))
    closed = len(make_plan(many(1)))
    assert plan[:closed] == make_plan(many(1)), "and change nothing of them"
    assert len(plan) == plan_size(suite) == closed + 4 * 2 * 2
    assert [(each.fixed, each.number) for each in rounds] == [
        *((False, number) for number in range(4)),
        *((True, number) for number in range(4)),
    ]
    for each in rounds[4:]:
        assert {item.condition.connections for item in each.items} == {3}
        assert {item.condition.rate_percent for item in each.items} == {25, 50}
    keys = sorted({item.load for item in plan})
    assert [key.rate_percent for key in keys] == [0] * 10 + [25, 50], "closed loops sort first"


def test_the_looks_are_after_these_rounds() -> None:
    suite = replace(many(1), servers=(Server("a"),), connections=(1,), rounds=40)
    looks = [each.number + 1 for each in rounds_of(make_plan(suite)) if each.is_look]
    assert looks == [8, 12, 18, 27, 40]


@given(suites)
def test_index_is_the_place(suite: Suite) -> None:
    assert [item.index for item in make_plan(suite)] == list(range(len(make_plan(suite))))


@given(suites)
def test_same_seed_same_plan(suite: Suite) -> None:
    assert make_plan(suite) == make_plan(suite)


def many(seed: int) -> Suite:
    return Suite(
        "s", "t", "q", (Server("a"), Server("b")), tuple(range(1, 11)), (64,), 1, 4, 0, 1, seed, 1
    )


def test_the_seed_decides_the_order() -> None:
    orders = {tuple(item.condition for item in make_plan(many(seed))) for seed in range(20)}
    assert len(orders) == 20


def test_rounds_differ_in_their_loads_and_in_the_order_of_the_servers() -> None:
    """10 loads of two models: that one model is first at all of them has a likelihood of 1 in 512."""
    orders = [[item.condition for item in each.items] for each in rounds_of(make_plan(many(1)))]
    assert len({tuple(order) for order in orders}) == 4
    assert len({tuple(one.connections for one in order) for order in orders}) == 4
    for order in orders:
        assert {condition.model for condition in order[::2]} == {"a", "b"}


def test_the_order_of_a_seed_is_kept_between_versions() -> None:
    """A resumed run makes its plan again, maybe under another Python: the order of a seed stays."""
    suite = Suite("s", "t", "q", (Server("a"), Server("b")), (1, 2), (64,), 1, 2, 0, 1, 7, 1)
    order = [(item.condition.model, item.condition.connections) for item in make_plan(suite)]
    assert order == [("b", 2), ("a", 2), ("b", 1), ("a", 1), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]


def test_limits_are_known_beforehand() -> None:
    condition = Condition("one", 100, 64, 64, 1)
    assert limit_of(condition, {"one": described("one")}) is None
    assert limit_of(condition, {"one": described("one", max_conns=100)}) is None
    limit = limit_of(condition, {"one": described("one", max_conns=99, limit="64 handles")})
    assert limit == "limit: one takes at most 99 connections (64 handles)"
    assert (
        limit_of(condition, {"one": described("one", supported=False)})
        == "limit: one is not on this platform (fake-1.0); it needs Windows 8"
    )
    assert is_limit(limit)
    assert not is_limit("fake-server: died")
    assert not is_limit(None)
