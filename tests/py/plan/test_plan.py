from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from iomodels.data.records import Condition
from iomodels.plan.order import cells, is_limit, limit_of, make_plan
from iomodels.plan.suite import Server, Suite
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
def test_every_repeat_is_a_block_with_every_cell_once(suite: Suite) -> None:
    plan, every = make_plan(suite), cells(suite)
    assert (
        len(every)
        == len(set(every))
        == len(suite.servers) * len(suite.connections) * len(suite.sizes)
    )
    assert len(plan) == len(every) * suite.rounds
    for repeat in range(suite.rounds):
        block = plan[repeat * len(every) : (repeat + 1) * len(every)]
        assert {item.repeat for item in block} == {repeat}
        assert Counter(item.condition for item in block) == Counter(every)


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


def test_blocks_differ_and_models_mix() -> None:
    """20 cells of two models: that a block would come out model by model by chance has a likelihood of 1 in 92,378."""
    plan = make_plan(many(1))
    blocks = [[item.condition for item in plan[start : start + 20]] for start in range(0, 80, 20)]
    assert len({tuple(block) for block in blocks}) == 4
    for block in blocks:
        models = [condition.model for condition in block]
        assert models not in (sorted(models), sorted(models, reverse=True))


def test_the_order_of_a_seed_is_kept_between_versions() -> None:
    """Going on with a run makes its plan again, maybe under another Python: the order of a seed must never change."""
    suite = Suite("s", "t", "q", (Server("a"), Server("b")), (1, 2), (64,), 1, 2, 0, 1, 7, 1)
    order = [(item.condition.model, item.condition.connections) for item in make_plan(suite)]
    assert order == [("b", 2), ("a", 2), ("a", 1), ("b", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 1)]


def test_limits_are_known_beforehand() -> None:
    condition = Condition("one", 100, 64, 64, 1)
    assert limit_of(condition, {"one": described("one")}) is None
    assert limit_of(condition, {"one": described("one", max_conns=100)}) is None
    limit = limit_of(condition, {"one": described("one", max_conns=99, limit="64 handles")})
    assert limit == "limit: one takes at most 99 connections (64 handles)"
    assert (
        limit_of(condition, {"one": described("one", supported=False)})
        == "limit: one is not supported on fake-1.0"
    )
    assert is_limit(limit)
    assert not is_limit("fake-server: died")
    assert not is_limit(None)
