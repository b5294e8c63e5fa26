"""Runs whose truth is known: logarithms of rates, shape (loads, rounds, servers).

Times as in the suite: a measurement takes 1.7 s, all servers of a round are adjacent and in random
order. The rounds of a load follow each other directly, as they do when only one load is still open;
that is when drift hurts most.
"""

from __future__ import annotations

import json
import lzma
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "tests/fixtures/runs/20261121-182742-models/records.jsonl.xz"

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int, int], Array]
"""(generator, loads, rounds, servers) to noise of that shape, in logarithms."""

MEASUREMENT_S = 1.7
DRIFT_SD = 0.05
DRIFT_MEMORY_S = 7.0
STALLS = 0.02
STALL = math.log(0.7)
BASELINE = "select"
CONTROL = "select again"

TRUTHS: dict[str, tuple[float, ...]] = {
    "all equal": (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "3 to 15 % slower": (1.0, 0.97, 0.94, 0.91, 0.88, 0.85),
    "one winner by 10 %": (1.0, 1.0, 1.0, 1.0, 1.0, 1.1),
    "all within 2 %": (1.0, 0.98, 0.99, 0.995, 1.01, 1.0),
    "all but one 5 % slower": (1.0, 1 / 1.05, 1 / 1.05, 1 / 1.05, 1 / 1.05, 1 / 1.05),
}
"""Rates of six servers. In the last one no server is equal to the first, but only just."""


def made(spread: float) -> Draw:
    """Noise with drift that all servers share, a spread of each measurement, and stalls."""

    def draw(rng: np.random.Generator, loads: int, rounds: int, servers: int) -> Array:
        shape = (loads, rounds, servers)
        noise = _drift(rng, loads, rounds * servers).reshape(shape)
        noise += rng.normal(0.0, spread, shape) + STALL * (rng.random(shape) < STALLS)
        return _any_order(rng, noise)

    return draw


def _drift(rng: np.random.Generator, loads: int, steps: int) -> Array:
    """AR(1) of each load, stationary from the first step on."""
    kept = math.exp(-MEASUREMENT_S / DRIFT_MEMORY_S)
    shocks = rng.normal(0.0, DRIFT_SD, (loads, steps))
    shocks[:, 1:] *= math.sqrt(1.0 - kept**2)
    for step in range(1, steps):
        shocks[:, step] += kept * shocks[:, step - 1]
    return shocks


def _any_order(rng: np.random.Generator, noise: Array) -> Array:
    """Servers in a random order in each round."""
    return np.take_along_axis(noise, rng.random(noise.shape).argsort(axis=-1), axis=-1)


def kept_rounds(rng: np.random.Generator, loads: int, rounds: int, servers: int) -> Array:
    """Whole rounds of the kept run, drawn with replacement: what they share stays shared.

    The servers of such a round were measured within two minutes.
    """
    residuals = kept_residuals()[0].reshape(-1, kept_residuals()[0].shape[-1])
    rows = residuals[rng.integers(len(residuals), size=(loads, rounds))]
    order = rng.random((loads, 1, residuals.shape[-1])).argsort(axis=-1)[..., :servers]
    return np.take_along_axis(rows, np.broadcast_to(order, (loads, rounds, servers)), axis=-1)


def kept_stretches(rng: np.random.Generator, loads: int, rounds: int, servers: int) -> Array:
    """Stretches of the kept run in the order of its measurements: servers are adjacent."""
    in_order = kept_residuals()[1]
    starts = rng.integers(len(in_order), size=(loads, 1))
    places = (starts + np.arange(rounds * servers)) % len(in_order)
    return _any_order(rng, in_order[places].reshape(loads, rounds, servers))


@cache
def kept_residuals() -> tuple[Array, Array]:
    """The logarithms of the kept run's rates less the mean of their cell.

    First by (load, round, series), then in the order of measuring. They are scaled up by what
    removing a mean of ten takes from their spread. Every measurement of that run counts.
    """
    _, logs, places = _kept_run()
    rounds = logs.shape[1]
    residuals = (logs - logs.mean(axis=1, keepdims=True)) * math.sqrt(rounds / (rounds - 1))
    return residuals, residuals.ravel()[places.ravel().argsort()]


def kept_models() -> Array:
    """The mean logarithm of the kept run's rates, by load and model; `select` is first."""
    names, logs, _ = _kept_run()
    wanted = [BASELINE, *(name for name in names if name not in (BASELINE, CONTROL))]
    means: Array = logs.mean(axis=1)[:, [names.index(name) for name in wanted]]
    return means


@cache
def _kept_run() -> tuple[list[str], Array, Array]:
    """The series; the logarithms by (load, round, series); of each its place in the run."""
    cells: dict[tuple[int, int, str], dict[int, tuple[int, float]]] = {}
    for line in lzma.decompress(KEPT.read_bytes()).splitlines():
        record = json.loads(line)
        condition, result = record["condition"], record["loadgen"]["result"]
        series = condition.get("alias") or condition["model"]
        cell = cells.setdefault((condition["connections"], condition["size"], series), {})
        cell[record["repeat"]] = (record["index"], math.log(result["requests_per_second"]))
    loads = sorted({key[:2] for key in cells})
    names = sorted({key[2] for key in cells})
    rounds = len(cells[(*loads[0], names[0])])
    table = np.array([[[cells[(*load, name)][place] for name in names] for place in range(rounds)]
                      for load in loads])  # fmt: skip
    return names, table[..., 1], table[..., 0]


def scaled(draw: Draw, spread: float) -> Draw:
    """The kept run's noise on a quieter machine: `spread` is the pooled one of its cells."""
    factor = spread / float(kept_residuals()[0].std())
    return lambda rng, loads, rounds, servers: factor * draw(rng, loads, rounds, servers)


NOISES: dict[str, Draw] = {
    "spread 3 %": made(0.03),
    "spread 5 %": made(0.05),
    "spread 10 %": made(0.10),
    "kept rounds": kept_rounds,
    "kept stretches": kept_stretches,
}
