"""Several load generators as one: the split of a load, and the merge with known answers."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iomodels.base.arguments import Option
from iomodels.base.errors import Failure
from iomodels.cluster import merge
from iomodels.cluster.clock import Offset, offset
from iomodels.data.hdr import Layout

LAYOUT = Layout(1, 60_000_000_000, 3)
LOAD: dict[str, Option] = {"connections": 10, "size": 64, "threads": 8, "seed": 7}


def latency(values: list[int]) -> dict[str, Any]:
    """What a load generator prints of these values, computed from all of them."""
    tops = sorted(LAYOUT.top(LAYOUT.index(value)) for value in values)
    middles = [LAYOUT.middle(top) for top in tops]
    mean = sum(middles) / len(tops)
    return {
        "unit": "ns",
        "intended": "actual",
        "count": len(values),
        "min": min(tops),
        "max": max(tops),
        "mean": mean,
        "stddev": (sum((each - mean) ** 2 for each in middles) / len(tops)) ** 0.5,
        "saturated": 0,
        **{
            f"p{share}": tops[max(1, int(float(share) / 100 * len(tops) + 0.5)) - 1]
            for share in ("50", "90", "99", "99.9")
        },
        "histogram": {
            "lowest": LAYOUT.lowest,
            "highest": LAYOUT.highest,
            "significant_figures": LAYOUT.digits,
            "counts": [[top, tops.count(top)] for top in sorted(set(tops))],
        },
    }


def result(values: list[int], begin_ns: int = 0, **audit: Any) -> dict[str, Any]:
    """The result of a load generator with two connections and a window of 1 s."""
    sums = {"requests": len(values), "requests_per_second": float(len(values)), "cpu_ns": 5}
    return {
        "event": "result",
        "settings": {"connections": 2, "threads": 1, "rate": 0, "pacing": "auto"},
        "window_ns": 10**9,
        "window": {"begin_ns": begin_ns, "end_ns": begin_ns + 10**9},
        **sums,
        "connections": {"requested": 2, "established": 2, "alive": 2},
        "errors": {"reset": 0},
        "jain_index": 1.0,
        "response": latency(values),
        "intervals": {
            **{"begin_ns": begin_ns, "width_ns": 10**9, "warmup": 0},
            **{"requests": [len(values)], "mean_ns": [100.0], "max_ns": [max(values)]},
        },
        "classes": [{"name": "all", "connections": 2, "idle": 0, "requests": len(values)}],
        "audit": {
            **{"warm": True, "timely_share": 1.0, "cpu_share_max": 0.1, "littles_gap": 0.0},
            **{"cpu_threads": [0.1], "errors": {"reset": 0}},
            **audit,
        },
    }


def merged(*results: dict[str, Any], offsets: tuple[Offset, ...] = ()) -> dict[str, Any]:
    clocks = offsets or (Offset(0, 0),) * len(results)
    return merge.result(
        [
            merge.Part(f"load-{number}", clock, each)
            for number, (clock, each) in enumerate(zip(clocks, results), 1)
        ]
    )


# ---- the split ----


@pytest.mark.parametrize(
    ("total", "count", "parts"), [(10, 3, [4, 3, 3]), (9, 3, [3, 3, 3]), (1, 1, [1])]
)
def test_shares_are_even_and_complete(total: int, count: int, parts: list[int]) -> None:
    assert merge.shares(total, count) == parts


def test_connections_are_split_evenly_and_no_seed_is_used_twice() -> None:
    parts = merge.split(LOAD, 3)
    assert [part["connections"] for part in parts] == [4, 3, 3]
    assert [part["threads"] for part in parts] == [4, 3, 3]
    assert parts[0]["seed"] == 7 and len({part["seed"] for part in parts}) == 3
    assert {part["turns"] for part in parts} == {0}


def test_one_load_generator_keeps_its_load() -> None:
    assert merge.split(LOAD, 1) == [LOAD]


def test_each_load_generator_has_a_connection_that_sends() -> None:
    idle = merge.split({**LOAD, "idle": 8}, 5)
    assert [(part["connections"], part["idle"]) for part in idle] == [(5, 4), (5, 4)]
    assert len(merge.split({**LOAD, "connections": 1}, 5)) == 1


def test_a_rate_is_split_and_its_window_has_a_fixed_length_anyway() -> None:
    parts = merge.split({**LOAD, "rate": 1000}, 3)
    assert [part["rate"] for part in parts] == [334, 333, 333]
    assert not any("turns" in part for part in parts)


def test_classes_need_one_load_generator() -> None:
    classes: dict[str, Option] = {**LOAD, "class": ("light:connections=1",)}
    assert merge.split(classes, 1) == [classes]
    with pytest.raises(Failure, match="classes, which only one load generator can make"):
        merge.split(classes, 2)


def test_each_number_of_connections_is_calibrated_by_those_that_share_it() -> None:
    options: dict[str, Option] = {"calibrate": True, "points": "64,1", "threads": 2}
    parts = merge.split(options, 3)
    assert [part["points"] for part in parts] == ["1,22", "21", "21"]
    events = [
        {
            "points": [
                {"connections": int(n), "rate": 10.0 * int(n)} for n in str(p["points"]).split(",")
            ]
        }
        for p in parts
    ]
    points = merge.calibration(events)["points"]
    assert [(each["connections"], each["rate"]) for each in points] == [(1, 10.0), (64, 640.0)]


# ---- the merge ----


def test_four_load_generators_have_the_percentiles_of_one_that_made_all_requests() -> None:
    random.seed(5)
    parts = [
        [int(random.lognormvariate(11, spread)) for _ in range(500)] for spread in (1, 2, 3, 4)
    ]
    every = [value for part in parts for value in part]
    found, expected = merge.latency([latency(part) for part in parts]), latency(every)
    for name in ("mean", "stddev"):
        assert found.pop(name) == pytest.approx(expected.pop(name), rel=1e-9)
    assert found == expected


LATENCIES = st.lists(st.integers(1, LAYOUT.highest), min_size=1, max_size=30)


@settings(deadline=None, max_examples=60)
@given(st.lists(LATENCIES, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_division_in_any_order_gives_the_same(
    parts: list[list[int]], order: random.Random
) -> None:
    """However the requests are divided, and whichever parts are merged first."""
    every = latency([value for part in parts for value in part])
    shuffled = [latency(part) for part in parts]
    order.shuffle(shuffled)
    cut = order.randint(1, len(shuffled))
    in_two_steps = [merge.latency(group) for group in (shuffled[:cut], shuffled[cut:]) if group]
    for found in (merge.latency(shuffled), merge.latency(in_two_steps)):
        for name, value in every.items():
            assert found[name] == (
                pytest.approx(value, rel=1e-9, abs=1e-3) if name in ("mean", "stddev") else value
            ), name


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 100_000), st.integers(1, 40))
def test_a_split_load_is_the_whole_load(busy: int, idle: int, rate: int, machines: int) -> None:
    load: dict[str, Option] = {**LOAD, "connections": busy + idle, "idle": idle, "rate": rate}
    parts = merge.split(load, machines)
    assert 1 <= len(parts) <= machines
    for name in ("connections", "idle", "rate"):
        amounts = [int(str(part[name])) for part in parts]
        assert sum(amounts) == load[name]
        assert max(amounts) - min(amounts) <= (2 if name == "connections" else 1)
    for part in parts:
        assert int(str(part["connections"])) > int(str(part["idle"]))
        assert (int(str(part["rate"])) > 0) == (rate > 0)
    assert len({part["seed"] for part in parts}) == len(parts)


def test_a_load_generator_without_a_reply_adds_nothing() -> None:
    empty = {**latency([5]), "count": 0, "min": None, "max": None}
    empty["histogram"] = {**empty["histogram"], "counts": []}
    found = merge.latency([latency([100, 200]), empty])
    assert (found["count"], found["min"], found["max"]) == (2, 100, 200)
    nothing = merge.latency([empty, empty])
    assert nothing["mean"] is None and nothing["p99"] is None


def test_one_load_generator_keeps_its_classes() -> None:
    alone = result([100] * 30)
    alone["classes"] = [
        {"name": name, "connections": 1, "idle": 0, "requests": 15} for name in ("light", "heavy")
    ]
    assert merged(alone)["classes"] == alone["classes"]


def test_counts_add_up_and_the_rate_agrees_with_the_window() -> None:
    found = merged(result([100] * 30), result([100] * 10))
    assert (found["requests"], found["requests_per_second"], found["window_ns"]) == (
        40,
        40.0,
        10**9,
    )
    assert found["connections"] == {"requested": 4, "established": 4, "alive": 4}
    assert found["settings"]["connections"] == 4 and found["classes"][0]["connections"] == 4
    assert found["cpu_ns"] == 10 and found["intervals"]["requests"] == [40]
    assert found["jain_index"] == pytest.approx(
        (2 * 15 + 2 * 5) ** 2 / (4 * (2 * 15**2 + 2 * 5**2))
    )
    assert merged(result([1]), {**result([1]), "cpu_ns": None})["cpu_ns"] is None


def test_the_worst_load_generator_is_judged() -> None:
    found = merged(
        result([100], cpu_share_max=0.95, littles_gap=0.01),
        result([100], timely_share=0.5, littles_gap=-0.3, warm=False, cpu_threads=[0.7]),
    )["audit"]
    assert (found["cpu_share_max"], found["timely_share"], found["littles_gap"]) == (
        0.95,
        0.5,
        -0.3,
    )
    assert found["warm"] is False and found["cpu_threads"] == [0.1, 0.7]


def test_a_share_of_held_sends_is_that_of_all_sends() -> None:
    one, other = {"held_share": 0.5, "achieved_rate": 100.0}, {"held_share": 0.1}
    found = merged(result([1], **one), result([1], **other, achieved_rate=300.0))
    assert found["audit"]["held_share"] == pytest.approx(0.2)
    unknown = merged(result([1], **one), result([1], held_share=None, achieved_rate=0.0))
    assert unknown["audit"]["held_share"] is None


def test_a_ceiling_that_one_does_not_know_is_unknown() -> None:
    points = [{"connections": 4, "rate": 10.0, "ceiling": ceiling} for ceiling in (20.0, None)]
    (found,) = merge.calibration([{"points": [point]} for point in points])["points"]
    assert found == {"connections": 8, "rate": 20.0, "ceiling": None}


def test_what_one_does_not_know_nobody_knows() -> None:
    assert merged(result([1]), result([1], cpu_share_max=None))["audit"]["cpu_share_max"] is None


def test_courses_of_different_widths_are_left_out() -> None:
    other = result([1])
    other["intervals"] = {**other["intervals"], "width_ns": 5}
    found = merged(result([1]), other)
    assert "intervals" not in found
    assert found["cluster"]["intervals_reason"] == (
        "the load generators have intervals of 5e-06 ms and 1000 ms, which cannot be added"
    )
    del other["intervals"]
    assert "printed no intervals" in merged(result([1]), other)["cluster"]["intervals_reason"]
    assert merged(result([1]))["cluster"]["intervals_reason"] is None


# ---- the clocks and the windows ----


def test_the_shortest_trip_gives_the_offset_and_half_of_it_the_error() -> None:
    assert offset([(0, 1050, 100), (200, 1205, 210), (300, 9000, 900)]) == Offset(1000, 5)


def test_windows_are_compared_on_the_clock_of_the_client() -> None:
    ahead = Offset(5 * 10**9, 0)
    both = merged(result([1]), result([1], 5 * 10**9 + 10**7), offsets=(Offset(0, 0), ahead))
    assert both["cluster"]["overlap"] == 0.99
    assert [part["begin_ns"] for part in both["cluster"]["parts"]] == [0, 10**7]
    assert both["window"] == {"begin_ns": 10**7, "end_ns": 10**9}
    turned = merged(result([1], 5 * 10**9 + 10**7), result([1]), offsets=(ahead, Offset(0, 0)))
    assert turned["intervals"]["begin_ns"] == 10**7


def test_the_errors_of_two_clocks_reduce_the_overlap() -> None:
    windows = [(0, 1000), (0, 1000), (0, 1000)]
    assert merge.overlap(windows, [20, 10, 30]) == 0.95
    assert merge.overlap(windows[:1], [20]) == 1.0
    assert merge.overlap([(0, 1000), (2000, 3000)], [0, 0]) == 0.0
    assert merge.overlap([(0, 500), (0, 1000)], [0, 0]) == 0.5


def test_a_part_is_kept_without_what_fills_a_record() -> None:
    (part, _) = merged(result([100]), result([100]))["cluster"]["parts"]
    assert part["worker"] == "load-1" and "histogram" not in part["result"]["response"]
    assert part["result"]["response"]["p50"] == 100 and "intervals" not in part["result"]
