"""Prove by simulation what a tuning's answer is worth: harness/iomodels/judge/race.py at work.

    python3 tests/proofs/simulated_tunings.py            print the page
    python3 tests/proofs/simulated_tunings.py --write    write it into docs/tuning-statistics.md

It draws surfaces whose best setting is known, adds noise, and has the race itself decide.
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(Path(__file__).resolve().parent)]

from noise import DRIFT_MEMORY_S, DRIFT_SD, STALL, STALLS  # noqa: E402

from iomodels.judge import race  # noqa: E402

PAGE = ROOT / "docs/tuning-statistics.md"
TUNINGS = 2000
SEED = 16
TRIAL_S = 1.4
TWO_SPEEDS = 0.15
SPEEDS_APART = math.log(1.2)

Array = NDArray[np.float64]

# ---- the settings: six models, 52 in all ----

THREADS = (1, 2, 4, 8, 16, 32, 64)
CLIENTS = 500
GRID: tuple[tuple[str, int | None, int], ...] = (
    *(("iocp", threads, cap) for threads in THREADS for cap in (0, 1, 2, 4)),
    *(("tpio", threads, least) for threads in THREADS for least in (0, 1)),
    *(("apc", threads, 0) for threads in THREADS),
    *(("select", None, 0), ("events", None, 0), ("threads", None, 0)),
)
"""Model, workers, and the place of its second option (cap, minimum of threads)."""
ALONE = {"select": 1, "events": 8, "threads": CLIENTS}
"""Threads of the models that have no such option."""
ENTRANTS = tuple(
    race.Entrant(model, threads, (threads or ALONE[model], second))
    for model, threads, second in GRID
)
OCTAVES = np.log2([threads or ALONE[model] for model, threads, _ in GRID])
SECOND = np.array([second for _, _, second in GRID])
MODEL = np.array([model for model, _, _ in GRID])
FOLLOWS = np.array([threads is None for _, threads, _ in GRID])
"""Whether the threads follow the clients."""

# ---- surfaces: logarithms of the true scores ----


def flat(rng: np.random.Generator) -> Array:
    return rng.uniform(-0.03, 0.0, len(GRID))


def ridge(rng: np.random.Generator) -> Array:
    """32 workers are best; each octave away costs 10 %."""
    return np.where(FOLLOWS, math.log(0.7), -np.abs(OCTAVES - 5) * math.log(1 / 0.9))


def cliff(rng: np.random.Generator) -> Array:
    """In proportion to the workers up to 32; half of the second options cost 30 %."""
    rises = np.minimum(OCTAVES - 5, 0.0) * math.log(2)
    bad = np.where((SECOND == 1) | (SECOND == 2), math.log(0.7), 0.0)
    return np.where(FOLLOWS, math.log(0.5), rises + bad)


def one_winner(rng: np.random.Generator) -> Array:
    """One setting, anywhere; all others are 10 to 25 % behind."""
    logs = np.log(rng.uniform(0.75, 0.90, len(GRID)))
    logs[rng.integers(len(GRID))] = 0.0
    return logs


PEAKS = {
    "iocp": (4, 0.08, 0.0),
    "tpio": (3, 0.12, 0.03),
    "apc": (6, 0.05, 0.015),
    "select": (0, 0.0, 0.20),
    "events": (0, 0.0, 0.04),
    "threads": (0, 0.0, 0.06),
}
"""Octave of the peak, cost of an octave, and what the peak lacks."""


def models_cross(rng: np.random.Generator) -> Array:
    """Each model has its own peak: iocp at 16 workers, tpio at 8, apc at 64."""
    peak, octave, lacks = np.array([PEAKS[model] for model in MODEL]).T
    return np.log(1 - lacks) + np.log(1 - octave) * np.abs(OCTAVES - peak) - 0.01 * SECOND


def plateau(rng: np.random.Generator) -> Array:
    """Half of the settings are within 2 %, the others 10 to 40 % behind."""
    logs = np.log(rng.uniform(0.60, 0.90, len(GRID)))
    top = rng.permutation(len(GRID))[: len(GRID) // 2]
    logs[top] = rng.uniform(-0.02, 0.0, len(top))
    return logs


def smooth(rng: np.random.Generator) -> Array:
    """A hill around 16 workers; models and second options move it a little."""
    of_model = dict(zip(PEAKS, rng.uniform(-0.06, 0.0, len(PEAKS))))
    hill = -0.02 * (np.where(FOLLOWS, 3.0, OCTAVES - 4)) ** 2
    return hill - 0.015 * SECOND + np.array([of_model[model] for model in MODEL])


SURFACES: dict[str, Callable[[np.random.Generator], Array]] = {
    "flat": flat,
    "ridge": ridge,
    "cliff": cliff,
    "one winner": one_winner,
    "models cross": models_cross,
    "plateau": plateau,
    "smooth": smooth,
}


# ---- one tuning ----


class Machine:
    """Trials of one surface, with noise that follows the time.

    Drift has a memory of 7 s, some trials stall, and some settings have two speeds.
    """

    def __init__(self, rng: np.random.Generator, truth: Array, spread: float) -> None:
        self._rng, self._truth, self._spread = rng, truth, spread
        self._two_speeds = rng.random(len(truth)) < TWO_SPEEDS
        self._kept = math.exp(-TRIAL_S / DRIFT_MEMORY_S)
        self._drift = float(rng.normal(0.0, DRIFT_SD))
        self.trials = 0

    def run(self, stage: race.Stage) -> Array:
        """Return the logarithms of a stage's trials, shape (rounds, all settings)."""
        rng, shape = self._rng, (stage.rounds, len(stage.settings))
        order = rng.random(shape).argsort(axis=1)
        places = np.array(stage.settings)[order]
        values = self._truth[places] + rng.normal(0.0, self._spread, shape)
        values += STALL * (rng.random(shape) < STALLS)
        speeds = np.where(rng.random(shape) < 0.5, 0.5, -0.5) * SPEEDS_APART
        values += speeds * self._two_speeds[places]
        values += self._drifting(order.size).reshape(shape)
        logs = np.full((stage.rounds, len(self._truth)), np.nan)
        np.put_along_axis(logs, places, values, axis=1)
        self.trials += order.size
        return logs

    def _drifting(self, steps: int) -> Array:
        shocks = self._rng.normal(0.0, DRIFT_SD * math.sqrt(1 - self._kept**2), steps)
        path, _ = lfilter([1.0], [1.0, -self._kept], shocks, zi=[self._kept * self._drift])
        self._drift = float(path[-1])
        found: Array = path
        return found


@dataclass(frozen=True)
class Tuned:
    """What a tuning said, and the truth.

    `loss` and `bound` are logarithms. `half_width`: of the neighbours' differences, a share.
    `asks`: the further trials that may show the answer to be good; 0 if it is shown.
    """

    loss: float
    bound: float
    shown: bool
    simplest: bool
    trials: int
    half_width: float
    asks: int

    @property
    def wrong(self) -> bool:
        """Whether the answer loses more than the printed bound."""
        return self.loss > self.bound


class Course:
    """One tuning: its stages and scores so far."""

    def __init__(self, rng: np.random.Generator, truth: Array, spread: float, trials: int) -> None:
        self._truth = truth
        self._machine = Machine(rng, truth, spread)
        self._sizes = race.sizes_of(len(ENTRANTS), trials)
        self._stages: list[race.Stage] = []
        self._logs = np.empty((0, len(ENTRANTS)))

    def run(self, trials: int) -> Tuned:
        """Race with so many more trials, then measure the closing rounds."""
        most = self._machine.trials + trials
        while stage := race.next_stage(
            self._sizes, self._stages, self._logs, (), most - self._machine.trials
        ):
            self._measure(stage)
        finalists = self._stages[-1].settings
        found = race.answer(ENTRANTS, self._logs, finalists)
        while closing := race.closing_stage(ENTRANTS, self._stages, self._logs, (), found):
            self._measure(closing)
            found = race.answer(ENTRANTS, self._logs, finalists)
        return self._tuned(found)

    def _measure(self, stage: race.Stage) -> None:
        self._logs = np.vstack([self._logs, self._machine.run(stage)])
        self._stages.append(stage)

    def _tuned(self, found: race.Answer) -> Tuned:
        loss = self._truth.max() - self._truth
        own = ENTRANTS[found.setting].simplicity
        good = [ENTRANTS[place].simplicity for place in np.flatnonzero(loss <= race.GOOD_ENOUGH)]
        more = (found.rounds_needed or found.rounds) - found.rounds
        return Tuned(
            float(loss[found.setting]),
            found.bound,
            found.shown,
            not any(other < own for other in good),
            self._machine.trials,
            self._half_width(found.setting),
            more * len(found.finalists),
        )

    def _half_width(self, setting: int) -> float:
        """Return the mean half-width of the differences between the answer and its neighbours."""
        ranked = race.ranking(self._stages, self._logs, ())
        beside = race.half(ENTRANTS, setting, ranked), race.rival(ENTRANTS, setting, ranked)
        found = [race.difference(self._logs, one, setting) for one in beside if one is not None]
        return float(np.mean([math.expm1((each.high - each.low) / 2) for each in found if each]))


# ---- rows ----

PLANS = ((0.03, 210), (0.10, 210), (0.10, 420))
"""Spread of one trial, and trials of the race. 210 take five minutes, four per setting."""
MEAN = "mean of all"
HEADINGS = (
    "good", "95 % lose at most", "bound wrong", "shown", "then shown", "wrong in the end",
    "simplest", "half-width", "trials",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What happened in `tunings` simulated tunings; shares are 0 … 1.

    `good`: the answer loses at most 5 % to the true best. `loses`: 95 % of the answers lose at most
    this. `wrong`: the answer loses more than the printed bound. `shown`: the bound is at most 5 %.
    `later`: of those not shown, what the further trials that they ask for show; NaN if all are
    shown. `wrong_at_last`: the same as `wrong`, after those trials. `simplest`: no good setting is
    simpler.
    `half_width`: median, of the neighbours' differences. `trials`: mean, closing rounds included.
    """

    surface: str
    tunings: int
    good: float
    loses: float
    wrong: float
    shown: float
    later: float
    wrong_at_last: float
    simplest: float
    half_width: float
    trials: float

    def cells(self) -> list[str]:
        shares = (self.good, self.loses, self.wrong, self.shown, self.later, self.wrong_at_last,
                  self.simplest, self.half_width)  # fmt: skip
        return [self.surface, *map(_percent, shares), f"{self.trials:.0f}"]


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def simulate(surface: str, spread: float, trials: int, tunings: int) -> Row:
    """Tune the same surface again and again; the draws of a row depend on nothing else."""
    key = repr((surface, spread, trials))
    rng = np.random.default_rng([SEED, zlib.crc32(key.encode())])
    found, later, last = [], [], []
    for _ in range(tunings):
        course = Course(rng, SURFACES[surface](rng), spread, trials)
        found.append(course.run(trials))
        if not found[-1].shown:
            later.append(course.run(found[-1].asks))
        last.append(found[-1] if found[-1].shown else later[-1])
    losses = np.array([each.loss for each in found])
    return Row(
        surface,
        tunings,
        float(np.mean(losses <= race.GOOD_ENOUGH)),
        -math.expm1(-float(np.quantile(losses, 0.95))),
        float(np.mean([each.wrong for each in found])),
        float(np.mean([each.shown for each in found])),
        float(np.mean([each.shown for each in later])) if later else math.nan,
        float(np.mean([each.wrong for each in last])),
        float(np.mean([each.simplest for each in found])),
        float(np.median([each.half_width for each in found])),
        float(np.mean([each.trials for each in found])),
    )


def simulate_all(spread: float, trials: int, tunings: int) -> list[Row]:
    """All surfaces, and their mean as the last row."""
    rows = [simulate(surface, spread, trials, tunings) for surface in SURFACES]
    numbers = np.nanmean([astuple(row)[2:] for row in rows], axis=0)
    return [*rows, Row(MEAN, tunings * len(rows), *map(float, numbers))]


# ---- the page ----

TEXT = (Path(__file__).resolve().parent / "tuning.template.md").read_text(encoding="utf-8")


def table(rows: Sequence[Row]) -> str:
    lines = [["surface", *HEADINGS], ["-", *["--:"] * len(HEADINGS)]]
    lines += [row.cells() for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(tunings: int) -> str:
    parts = [
        f"### Spread {100 * spread:g} %, {trials} trials\n\n"
        f"{table(simulate_all(spread, trials, tunings))}"
        for spread, trials in PLANS
    ]
    return TEXT.format(
        tunings=f"{tunings:,}",
        settings=len(ENTRANTS),
        finalists=race.FINALISTS,
        closing=race.CLOSING_ROUNDS,
        tables="\n\n".join(parts),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate tunings.")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument(
        "--tunings", type=int, default=TUNINGS, help="per row (default: %(default)s)"
    )
    options = parser.parse_args()
    if options.tunings < 1:
        parser.error(f"--tunings {options.tunings}: must be at least 1")
    text = page(options.tunings)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
