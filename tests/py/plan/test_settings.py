"""The settings of a tuning: a grid of each model's options, and what no model has."""

from __future__ import annotations

from typing import Any

import pytest

from iomodels.plan.amount import mean_of
from iomodels.plan.load import Load
from iomodels.plan.settings import (
    Axes,
    option_errors,
    powers,
    rule_of_thumb,
    settings_of,
    usual_threads_max,
)


def model(name: str, **bounds: tuple[int, int, int]) -> dict[str, Any]:
    """Options by name: default, lowest, highest."""
    options = [
        {"name": option.replace("_", "-"), "default": default, "min": low, "max": high}
        for option, (default, low, high) in bounds.items()
    ]
    return {"model": name, "options": options}


IOCP = model("iocp", threads=(2, 1, 4096), concurrency=(0, 0, 4096), buffer=(16384, 64, 65536))
TPIO = model("tpio", threads=(2, 1, 4096), min_threads=(1, 0, 4096))
APC = model("apc", threads=(2, 1, 6))
SELECT = model("select", threads=(1, 1, 1))
EVENTS = model("events", buffer=(16384, 64, 65536))
ALL = (IOCP, TPIO, APC, SELECT, EVENTS)
AXES = Axes(cores=2, clients=100, threads_max=8, given={})


def labels(axes: Axes, *models: dict[str, Any]) -> list[str]:
    return [setting.label for setting in settings_of(models, axes)]


def test_each_model_has_its_own_grid() -> None:
    assert labels(AXES, IOCP) == [
        "iocp threads=1",
        "iocp threads=2",
        "iocp threads=4",
        "iocp threads=4 concurrency=4",
        "iocp threads=8",
        "iocp threads=8 concurrency=4",
        "iocp threads=8 concurrency=8",
    ]
    assert labels(AXES, TPIO) == [
        "tpio threads=1",
        "tpio threads=2",
        "tpio threads=2 min-threads=2",
        "tpio threads=4",
        "tpio threads=4 min-threads=4",
        "tpio threads=8",
        "tpio threads=8 min-threads=8",
    ]
    assert labels(AXES, APC) == [f"apc threads={number}" for number in (1, 2, 4, 6)]
    assert labels(AXES, SELECT, EVENTS) == ["select", "events"]


def test_an_option_that_does_nothing_here_is_not_varied() -> None:
    axes = Axes(2, 100, 8, {}, frozenset({"concurrency"}))
    assert labels(axes, IOCP) == [f"iocp threads={number}" for number in (1, 2, 4, 8)]


def test_more_workers_than_clients_are_senseless() -> None:
    assert labels(Axes(2, 3, 64, {}), APC) == [f"apc threads={number}" for number in (1, 2, 3)]


def test_given_values_replace_an_axis_or_add_one() -> None:
    axes = Axes(2, 100, 8, {"threads": (3, 5), "concurrency": (0,), "buffer": (64, 4096)})
    assert labels(axes, IOCP, APC, SELECT, EVENTS) == [
        "iocp threads=3 concurrency=0 buffer=64",
        "iocp threads=3 concurrency=0 buffer=4096",
        "iocp threads=5 concurrency=0 buffer=64",
        "iocp threads=5 concurrency=0 buffer=4096",
        "apc threads=3",
        "apc threads=5",
        "select",
        "events buffer=64",
        "events buffer=4096",
    ]


def test_an_option_that_no_model_has_is_named_and_so_is_a_wrong_value() -> None:
    assert option_errors(ALL, {"threads": (2,), "concurrency": (0, 4096)}) == []
    assert option_errors([SELECT], {"threads": (1,)}) == [
        "--options threads: no option of select; available: none"
    ]
    assert option_errors([APC, SELECT], {"concurency": (1,)}) == [
        "--options concurency: no option of apc, select; available: threads"
    ]
    assert option_errors([APC, IOCP], {"threads": (4, 7)}) == [
        "--options threads=7: must be from 1 to 6 for apc"
    ]


def test_powers_have_both_ends() -> None:
    assert powers(1, 16) == (1, 2, 4, 8, 16)
    assert powers(1, 6) == (1, 2, 4, 6) and powers(1, 1) == (1,) and powers(3, 9) == (3, 4, 8, 9)


@pytest.mark.parametrize(
    ("amount", "mean"),
    [
        (50, 50),
        ("50", 50),
        ("0*7+2000*3", 600),
        ("10..20", 15),
        ("exp:200", 200),
        ("1..3+8*3", 6.5),
    ],
)
def test_the_mean_of_an_amount(amount: int | str, mean: float) -> None:
    assert mean_of(amount) == pytest.approx(mean)


def test_the_rule_of_thumb_knows_the_real_wait() -> None:
    load = Load((("cpu-us", 50), ("block-us", "0*7+2000*3")))
    assert rule_of_thumb(2, load) == pytest.approx(2 * (1 + 600 / 50))
    assert rule_of_thumb(2, load, wait_more_us=500) == pytest.approx(2 * (1 + 750 / 50))
    assert rule_of_thumb(2, Load((("block-us", 5),))) is None, "no work"
    assert rule_of_thumb(2, Load((("cpu-us", 5),), (("a", ()),))) is None, "classes differ"


@pytest.mark.parametrize(("rule", "most"), [(None, 64), (32, 64), (33, 128), (9999, 1024)])
def test_the_usual_range_holds_twice_the_rule(rule: float | None, most: int) -> None:
    assert usual_threads_max(rule) == most
