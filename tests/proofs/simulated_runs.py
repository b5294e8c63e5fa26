"""Prove by simulation what the words of harness/iomodels/judge/paired.py are worth.

    python3 tests/proofs/simulated_runs.py            print the tables
    python3 tests/proofs/simulated_runs.py --write    write them into docs/statistics.md

It draws runs whose truth is known (noise.py) and has the judge itself decide about them.
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(Path(__file__).resolve().parent)]

import judged_run  # noqa: E402
from noise import NOISES, TRUTHS, Array, kept_models, made, scaled  # noqa: E402
from other_methods import Outcome, hsu, old, sign_flips, signed_ranks, uncorrected  # noqa: E402

from iomodels.judge.paired import (  # noqa: E402
    Comparison,
    Values,
    against,
    decided,
    fastest,
)
from iomodels.judge.rule import (  # noqa: E402
    FIXED,
    FIXED_FASTEST,
    LOOKS,
    SEQUENTIAL_BASELINE,
    SEQUENTIAL_FASTEST,
    Family,
    Rule,
    Word,
)

PAGE = ROOT / "docs/statistics.md"
LOADS = 4000
SEED = 20
ROUNDS = 10
SERVERS = ("A", "B", "C", "D", "E", "F")


@dataclass(frozen=True)
class Row:
    """What happened in `loads` simulated loads; shares are 0 … 1.

    `coverage`: intervals that hold the truth. `false`: loads with a wrong "faster" or "slower".
    `wrong_equal`: comparisons called equal, of those that differ by the margin or more; None if
    none does. `wrong_in_load`: loads with one of them. `decided`: comparisons called faster, slower
    or equal. The last two are medians.
    """

    key: tuple[str, ...]
    loads: int
    coverage: float
    false: float
    wrong_equal: float | None
    wrong_in_load: float | None
    decided: float
    half_width: float
    rounds: float

    def cells(self) -> list[str]:
        shares = (self.coverage, self.false, self.wrong_equal, self.wrong_in_load, self.decided,
                  self.half_width)  # fmt: skip
        return [*self.key, *(_percent(share) for share in shares), f"{self.rounds:g}"]


HEADINGS = ("coverage", "false", "wrong equal", "… in a load", "decided", "half-width", "rounds")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


# ---- the judge at work ----


@dataclass(frozen=True)
class Said:
    """What the judge said of one load, after how many rounds."""

    comparisons: tuple[Comparison, ...]
    rounds: int


Plan = Callable[[Array], Said]
"""From the logarithms of one load, shape (rounds, servers)."""


def _values(logs: Array) -> Values:
    return {name: np.exp(logs[:, place]).tolist() for place, name in enumerate(SERVERS)}


def _to_baseline(logs: Array, rule: Rule) -> tuple[Comparison, ...]:
    return against(_values(logs), SERVERS[0], rule).comparisons


def _to_fastest(logs: Array, rule: Rule) -> tuple[Comparison, ...]:
    found = fastest(_values(logs), rule)
    assert found is not None
    return found.comparisons


Judge = Callable[[Array, Rule], tuple[Comparison, ...]]


def _fixed(judge: Judge, rule: Rule) -> Plan:
    return lambda logs: Said(judge(logs[:ROUNDS], rule), ROUNDS)


def _sequential(judge: Judge, rule: Rule) -> Plan:
    def plan(logs: Array) -> Said:
        for look in LOOKS:
            comparisons = judge(logs[:look], rule)
            if decided(comparisons, rule):
                break
        return Said(comparisons, look)

    return plan


PLANS: dict[str, Plan] = {
    "10 rounds, baseline": _fixed(_to_baseline, FIXED),
    "10 rounds, fastest": _fixed(_to_fastest, FIXED_FASTEST),
    "looks, baseline": _sequential(_to_baseline, SEQUENTIAL_BASELINE),
    "looks, fastest": _sequential(_to_fastest, SEQUENTIAL_FASTEST),
}
OLD = "10 rounds, as before"


# ---- rows ----


def _generator(*key: object) -> np.random.Generator:
    """The same draws for the same row, whatever else is simulated."""
    return np.random.default_rng([SEED, zlib.crc32(repr(key).encode())])


def simulate(noise: str, truth: str, loads: int = LOADS) -> Iterator[Row]:
    """All plans, and the old method, on the same runs."""
    rng = _generator(noise, truth, loads)
    true_logs = np.log(TRUTHS[truth])
    runs = NOISES[noise](rng, loads, max(LOOKS), len(SERVERS)) + true_logs
    for name, plan in PLANS.items():
        yield _row((name, noise, truth), [plan(run) for run in runs], true_logs)
    yield of_outcome((OLD, noise, truth), old(runs[:, :ROUNDS], rng), true_logs, ROUNDS)


def _row(key: tuple[str, ...], said: Sequence[Said], true_logs: Array) -> Row:
    """Through an Outcome, so that every method is counted in the same way.

    `true_logs`: of the servers of all loads, or of each load.
    """
    table = [one.comparisons for one in said]
    place = {name: each for each, name in enumerate(SERVERS)}
    of_load = np.broadcast_to(true_logs, (len(said), len(SERVERS)))
    truth = np.array([[logs[place[c.label]] - logs[place[c.other]] for c in row]
                      for row, logs in zip(table, of_load)])  # fmt: skip
    words = np.array([[c.word.name for c in row] for row in table])
    outcome = Outcome(
        np.log([[c.low or math.nan for c in row] for row in table]),
        np.log([[c.high or math.nan for c in row] for row in table]),
        words == Word.FASTER.name,
        words == Word.SLOWER.name,
        words == Word.EQUAL.name,
    )
    return of_outcome(key, outcome, truth, float(np.median([one.rounds for one in said])))


def of_outcome(key: tuple[str, ...], said: Outcome, truth: Array, rounds: float) -> Row:
    """`truth`: logarithms of all servers, or of each comparison."""
    if truth.ndim == 1:
        truth = np.broadcast_to(truth[1:] - truth[0], said.low.shape)
    judged = ~np.isnan(said.low)
    within = (said.low - 1e-12 <= truth) & (truth <= said.high + 1e-12)
    wrong = (said.faster & (truth <= 1e-9)) | (said.slower & (truth >= -1e-9))
    differ = np.abs(truth) >= math.log1p(FIXED.margin) - 1e-9
    return Row(
        key,
        len(said.low),
        float(within[judged].mean()),
        float(wrong.any(axis=1).mean()),
        float(said.equal[differ].mean()) if differ.any() else None,
        float((said.equal & differ).any(axis=1).mean()) if differ.any() else None,
        float((said.faster | said.slower | said.equal).mean()),
        float(np.median(np.expm1((said.high - said.low)[judged] / 2.0))),
        rounds,
    )


CHOICE_NOISES = ("spread 3 %", "spread 10 %", "kept rounds", "kept stretches")
CHOICE_TRUTHS = ("all equal", "3 to 15 % slower")


def choose(noise: str, truth: str, rounds: int, loads: int = LOADS) -> Iterator[Row]:
    """The three tests of paired rounds, by the same words and on the same runs."""
    rng = _generator("choice", noise, truth, rounds, loads)
    true_logs = np.log(TRUTHS[truth])
    runs = NOISES[noise](rng, loads, rounds, len(SERVERS)) + true_logs
    key = (noise, truth)
    said = [Said(_to_baseline(run, FIXED), rounds) for run in runs]
    yield _row(("paired t", *key), said, true_logs)
    yield of_outcome(("signed ranks", *key), signed_ranks(runs, FIXED), true_logs, rounds)
    yield of_outcome(("sign flips", *key), sign_flips(runs, FIXED), true_logs, rounds)


SESSIONS = (2, 3, 4, 5, 6)
BETWEEN = (0.0, 0.05, 0.10)
ROUNDS_PER_SESSION = 8


def in_sessions(sessions: int, between: float, loads: int = LOADS) -> Iterator[Row]:
    """Equal servers whose rates each session moves on its own, judged with and without sessions."""
    rng = _generator("sessions", sessions, between, loads)
    rounds = sessions * ROUNDS_PER_SESSION
    runs = made(0.05)(rng, loads, rounds, len(SERVERS))
    moved = rng.normal(0.0, between, (loads, sessions, len(SERVERS)))
    runs += np.repeat(moved, ROUNDS_PER_SESSION, axis=1)
    of_round = np.repeat(np.arange(sessions), ROUNDS_PER_SESSION).tolist()
    true_logs = np.zeros(len(SERVERS))
    for name, given in (("session means", of_round), ("rounds", None)):
        said = [Said(against(_values(run), SERVERS[0], FIXED, given).comparisons, rounds)
                for run in runs]  # fmt: skip
        yield _row((name, str(sessions), _percent(between)), said, true_logs)


QUIET_NOISES = ("kept rounds", "kept stretches")
QUIET_SPREADS = (0.02, 0.03)
QUIET_ROUNDS = 8


def quiet(noise: str, spread: float, loads: int = LOADS) -> Row:
    """The models of the kept run on a machine that is quieter than that run's."""
    rng = _generator("quiet", noise, spread, loads)
    models = kept_models()
    true_logs = np.repeat(models, loads // len(models), axis=0)
    draw = scaled(NOISES[noise], spread)
    runs = draw(rng, loads, QUIET_ROUNDS, len(SERVERS)) + true_logs[:, np.newaxis, :]
    said = [Said(_to_baseline(run, FIXED), QUIET_ROUNDS) for run in runs]
    return _row((noise, _percent(spread)), said, true_logs)


LEADER_TRUTHS = ("all equal", "one winner by 10 %")
LEADERS = ("all pairs", "as a baseline", "Hsu")


def lead(noise: str, truth: str, loads: int = LOADS) -> Iterator[Row]:
    """Three ways to compare the fastest, which the same 10 rounds chose, with each other server."""
    rng = _generator("lead", noise, truth, loads)
    true_logs = np.log(TRUTHS[truth])
    runs = NOISES[noise](rng, loads, ROUNDS, len(SERVERS)) + true_logs
    said = [Said(_to_fastest(run, FIXED_FASTEST), ROUNDS) for run in runs]
    yield _row((LEADERS[0], noise, truth), said, true_logs)
    for name, method in zip(LEADERS[1:], (uncorrected, hsu)):
        outcome, places = method(runs, FIXED)
        in_place = true_logs[places]
        ratios = in_place[:, :1] - in_place[:, 1:]
        yield of_outcome((name, noise, truth), outcome, ratios, ROUNDS)


# ---- the page ----

TEXT = (Path(__file__).resolve().parent / "statistics.template.md").read_text(encoding="utf-8")


def table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [[*columns, *HEADINGS], ["-"] * len(columns) + ["--:"] * len(HEADINGS)]
    lines += [row.cells() for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def worst(rows: Sequence[Row]) -> list[Row]:
    """Per plan and noise over all truths: the worst of each error, the mean of what was decided."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.key[:2], []).append(row)
    return [
        Row(
            key,
            sum(row.loads for row in group),
            min(row.coverage for row in group),
            max(row.false for row in group),
            max((row.wrong_equal for row in group if row.wrong_equal is not None), default=None),
            max(
                (row.wrong_in_load for row in group if row.wrong_in_load is not None), default=None
            ),
            float(np.mean([row.decided for row in group])),
            float(np.median([row.half_width for row in group])),
            float(np.median([row.rounds for row in group])),
        )
        for key, group in groups.items()
    ]


@dataclass(frozen=True)
class Tables:
    """All rows of the page."""

    plans: list[Row]
    quiet: list[Row]
    choice: list[Row]
    leaders: list[Row]
    sessions: list[Row]


def every_row(loads: int) -> Tables:
    plans = [row for noise in NOISES for truth in TRUTHS for row in simulate(noise, truth, loads)]
    order = [*PLANS, OLD]
    plans.sort(key=lambda row: order.index(row.key[0]))  # stable: noise and truth keep their order
    return Tables(
        plans,
        [quiet(noise, spread, loads) for noise in QUIET_NOISES for spread in QUIET_SPREADS],
        [row for noise in CHOICE_NOISES for truth in CHOICE_TRUTHS for rounds in (8, ROUNDS)
         for row in choose(noise, truth, rounds, loads)],
        [row for noise in CHOICE_NOISES for truth in LEADER_TRUTHS
         for row in lead(noise, truth, loads)],
        [row for number in SESSIONS for between in BETWEEN
         for row in in_sessions(number, between, loads)],
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate runs and judge them.")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--loads", type=int, default=LOADS, help="per row (default: %(default)s)")
    options = parser.parse_args()
    if options.loads < 10 or options.loads % 10:
        parser.error(f"--loads {options.loads}: must be a multiple of 10, at least 10")
    text = page(every_row(options.loads), options.loads)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)


RULES: dict[str, Rule] = {
    "fixed, baseline": FIXED,
    "fixed, fastest": FIXED_FASTEST,
    "sequential, baseline": SEQUENTIAL_BASELINE,
    "sequential, fastest": SEQUENTIAL_FASTEST,
}


def rules() -> str:
    lines = [["plan", "Holm's p below", "over", "intervals computed at", "stated"],
             ["-", "--:", "-", "--:", "--:"]]  # fmt: skip
    for name, rule in RULES.items():
        over = "all pairs" if rule.family is Family.ALL_PAIRS else "comparisons with the baseline"
        levels = [f"{100 * level:g} %" for level in (rule.confidence, rule.stated)]
        lines.append([name, f"{rule.alpha:g}", over, *levels])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(tables: Tables, loads: int) -> str:
    return TEXT.format(
        loads=f"{loads:,}",
        least_rounds=FIXED.least_rounds,
        looks=f"{', '.join(map(str, LOOKS[:-1]))} and {LOOKS[-1]}",
        rounds_per_session=ROUNDS_PER_SESSION,
        rules=rules(),
        worst=table(("plan", "noise"), worst(tables.plans)),
        quiet_rounds=QUIET_ROUNDS,
        quiet=table(("noise", "spread"), tables.quiet),
        choice=table(("test", "noise", "truth"), tables.choice),
        leaders=table(("method", "noise", "truth"), tables.leaders),
        sessions=table(("unit", "sessions", "spread between them"), tables.sessions),
        plans=table(("plan", "noise", "truth"), tables.plans),
        runs=judged_run.of_page(),
    )


if __name__ == "__main__":
    main()
