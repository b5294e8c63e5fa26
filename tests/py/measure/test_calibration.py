from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.data.store import load_run
from iomodels.judge.ceiling import ceiling_rate
from iomodels.measure.calibration import calibrate
from iomodels.plan.suite import Suite
from stage import FakeLauncher, Stage


def calibration(*points: tuple[int, int, int, float]) -> dict[str, Any]:
    names = ("connections", "size", "depth", "rate")
    return {"platform": "linux", "points": [dict(zip(names, point)) for point in points]}


MADE = calibration(
    (1, 64, 1, 20_000.0),
    (64, 64, 1, 100_000.0),
    (1000, 64, 1, 80_000.0),
    (1, 4096, 1, 15_000.0),
    (64, 4096, 1, 60_000.0),
)


@pytest.mark.parametrize(
    ("connections", "size", "depth", "expected"),
    [
        (64, 64, 1, 100_000.0),
        (8, 64, 1, 20_000.0),  # between two: the lower
        (500, 64, 1, 80_000.0),
        (2000, 64, 1, None),  # beyond what was calibrated
        (64, 100, 1, 60_000.0),  # the next greater size
        (1000, 4096, 1, None),
        (64, 5000, 1, None),
        (64, 64, 2, None),
    ],
)
def test_ceiling(connections: int, size: int, depth: int, expected: float | None) -> None:
    assert ceiling_rate(MADE, connections, size, depth) == expected


def test_several_threads_share_the_null_target_so_their_ceiling_counts() -> None:
    point = {"connections": 8, "size": 64, "depth": 1, "rate": 90_000.0, "ceiling": 300_000.0}
    assert ceiling_rate({"points": [{**point, "threads": 4}]}, 8, 64, 1) == 300_000.0
    assert ceiling_rate({"points": [{**point, "threads": 1}]}, 8, 64, 1) == 90_000.0
    unknown = {**point, "threads": 4, "ceiling": None}
    assert ceiling_rate({"points": [unknown]}, 8, 64, 1) == 90_000.0


@pytest.mark.parametrize("nothing", [None, {}, {"reason": "out of memory"}])
def test_no_calibration_no_ceiling(nothing: dict[str, Any] | None) -> None:
    assert ceiling_rate(nothing, 1, 64, 1) is None


@given(
    st.lists(
        st.tuples(st.integers(1, 99), st.just(64), st.just(1), st.floats(1.0, 1e6)),
        min_size=1,
        unique_by=lambda point: point[0],
    ),
    st.integers(1, 99),
)
def test_a_ceiling_is_never_above_its_neighbours(
    points: list[tuple[int, int, int, float]], connections: int
) -> None:
    found = ceiling_rate(calibration(*points), connections, 64, 1)
    counts = [point[0] for point in points]
    assert (found is None) == (not min(counts) <= connections <= max(counts))
    if found is not None:
        around = (
            max(count for count in counts if count <= connections),
            min(count for count in counts if count >= connections),
        )
        assert found == min(point[3] for point in points if point[0] in around)


def test_a_run_is_calibrated_at_its_loads(launcher: FakeLauncher, suite: Suite) -> None:
    levels = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    found = calibrate(launcher, replace(suite, connections=levels, sizes=(64, 5000), depth=3))
    assert {(point["connections"], point["size"], point["depth"]) for point in found["points"]} == {
        (connections, size, 3) for connections in levels for size in (64, 5000)
    }
    assert {point["threads"] for point in found["points"] if point["connections"] == 1} == {1}
    assert {point["threads"] for point in found["points"] if point["connections"] == 2} == {2}
    assert ceiling_rate(found, 11, 5000, 3) == 11_000.0


def test_a_run_keeps_its_calibration(launcher: FakeLauncher, stage: Stage, suite: Suite) -> None:
    stage.start(suite)
    kept = load_run(stage.folder).manifest["calibration"]
    assert [point["rate"] for point in kept["points"]] == [1000.0, 8000.0]


def test_without_calibration_a_run_goes_on_and_says_why(
    launcher: FakeLauncher, stage: Stage, suite: Suite
) -> None:
    launcher.asked = "cannot calibrate"
    assert stage.start(suite) == 0
    kept = load_run(stage.folder).manifest["calibration"]
    assert "could not be calibrated" in kept["reason"] and "out of memory" in kept["reason"]


def test_points_of_a_load_generator_that_then_fails_are_not_believed(
    launcher: FakeLauncher, suite: Suite
) -> None:
    launcher.asked = "calibrates and fails"
    found = calibrate(launcher, suite)
    assert set(found) == {"reason"} and "exit code 1 after its points" in found["reason"]
