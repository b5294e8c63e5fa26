"""Measure the load generator's ceiling: `loadgen --calibrate` with its null target, once per run.

A rate near the ceiling describes the load generator, not the server (judge/verdict.py). The null
target is a thread of the load generator. Calibration may therefore use the server's CPUs, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iomodels.base.arguments import Option
from iomodels.base.errors import Failure
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import exit_text
from iomodels.plan.suite import Suite

POINT_MS = 400
POINT_MS_QUICK = 150
POINTS_AT_ONCE = 8  # of one --calibrate
DUE_S = 20.0


def calibrate(launcher: Launcher, suite: Suite, *, quick: bool = False) -> dict[str, Any]:
    """Return a point per size and number of connections, or {"reason": …} if it failed."""
    point_ms = POINT_MS_QUICK if quick else POINT_MS
    points: list[dict[str, Any]] = []
    try:
        for size in suite.sizes:
            for connections in _portions(suite):
                said = _ask(launcher, suite, size, connections, point_ms)
                points += [{"threads": said["threads"], **point} for point in said["points"]]
    except (Failure, KeyError, TypeError) as error:
        return {"reason": f"the load generator could not be calibrated: {error}"}
    kept = ("platform", "backend", "record_ns", "clock")
    return {
        **{name: said[name] for name in kept if name in said},
        "point_ms": point_ms,
        "points": points,
    }


def _portions(suite: Suite) -> list[Sequence[int]]:
    """Return the numbers of connections per call; those below the number of threads go alone."""
    enough = [count for count in suite.connections if count >= suite.loadgen_threads]
    portions: list[Sequence[int]] = [
        [count] for count in suite.connections if count < suite.loadgen_threads
    ]
    return portions + [
        enough[start : start + POINTS_AT_ONCE] for start in range(0, len(enough), POINTS_AT_ONCE)
    ]


def _ask(
    launcher: Launcher, suite: Suite, size: int, connections: Sequence[int], point_ms: int
) -> dict[str, Any]:
    options: dict[str, Option] = {
        "calibrate": True,
        "points": ",".join(map(str, connections)),
        "point-ms": point_ms,
        "size": size,
        "depth": suite.depth,
        "threads": min(suite.loadgen_threads, *connections),
    }
    with launcher.loadgen(options) as program:
        said = program.expect("calibration", DUE_S + len(connections) * 2 * point_ms / 1000)
        code = program.wait(DUE_S)
    if code != 0:
        raise Failure(f"{program.name}: {exit_text(code)} after its points")
    return said
