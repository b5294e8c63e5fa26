"""How often the intervals of `iomodels join` hold the truth, in runs whose truth is known.

A run shifts each server by a normal deviate. The rounds within it have the noise of noise.py.
`python simulated_joins.py --write` writes the table into the decision page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(ROOT / "tests" / "proofs")]

import noise  # noqa: E402

from iomodels.base.files import write_whole  # noqa: E402
from iomodels.judge import over_runs  # noqa: E402
from iomodels.judge.join import OF_THE_BEST, RULE  # noqa: E402
from iomodels.judge.stats import holm  # noqa: E402

PAGE = ROOT / "docs/decisions/0121-two-kernels-are-joined-by-runs.md"
BEGIN, END = "<!-- simulated -->", "<!-- /simulated -->"
JOINS = 2000
"""Simulated joins of a row of the page."""
ROUNDS = 10
RUNS = ((2, 2), (3, 3), (4, 4), (2, 5), (6, 6))
"""Runs of Windows and of Linux."""
SERVERS = ((4, 5), (1, 7))
"""Servers of Windows and of Linux; all are equal, which makes a false claim likeliest."""
BETWEEN = ((0.0, 0.0), (0.05, 0.05), (0.02, 0.10))
"""Standard deviations of what a run shifts for each server, on Windows and on Linux."""
NOISE = "spread 5 %"
HEADINGS = ("runs", "servers", "spread between them", "coverage", "false in a load", "best",
            "within")  # fmt: skip


@dataclass(frozen=True)
class Row:
    """Shares of 0 … 1. false: a load with a wrong "faster" or "slower". best: coverage of the best
    servers. within: coverage of an interval that takes each round for a value."""

    runs: tuple[int, int]
    servers: tuple[int, int]
    between: tuple[float, float]
    coverage: float
    false: float
    best: float
    within: float

    @property
    def key(self) -> tuple[str, str, str]:
        sides = [" / ".join(str(each) for each in pair) for pair in (self.runs, self.servers)]
        return (*sides, " / ".join(f"{100 * each:.0f} %" for each in self.between))

    @property
    def cells(self) -> tuple[str, ...]:
        shares = (self.coverage, self.false, self.best, self.within)
        return (*self.key, *(f"{100 * share:.1f} %" for share in shares))


def simulate(
    runs: tuple[int, int], servers: tuple[int, int], between: tuple[float, float], joins: int
) -> Row:
    """Join simulated runs whose servers are all equal; the same numbers for the same arguments."""
    rng = np.random.default_rng([*runs, *servers, *(round(1000 * each) for each in between)])
    sides = [_side(rng, joins, *each) for each in zip(runs, servers, between)]
    held = false = best = within = 0
    for windows, linux in zip(*sides):
        found = [over_runs.difference(one, windows[0], RULE.confidence) for one in linux]
        p_holm = holm([each.p for each in found])
        held += _holds(found[0])
        false += any(not _holds(each) and (p or 0) < RULE.alpha for each, p in zip(found, p_holm))
        chosen = [max(side, key=_mean) for side in (linux, windows)]
        best += _holds(over_runs.difference(*chosen, OF_THE_BEST))
        flat = [[[each for run in server for each in run]] for server in (linux[0], windows[0])]
        within += _holds(over_runs.difference(*flat, RULE.confidence))
    return Row(runs, servers, between, *(each / joins for each in (held, false, best, within)))


def _side(
    rng: np.random.Generator, joins: int, runs: int, servers: int, between: float
) -> list[list[list[list[float]]]]:
    """Logarithms by join, server, run and round."""
    rounds = noise.NOISES[NOISE](rng, joins * runs, ROUNDS, servers)
    rounds = rounds.reshape(joins, runs, ROUNDS, servers)
    rounds += rng.normal(0.0, between, (joins, runs, 1, servers))
    return rounds.transpose(0, 3, 1, 2).tolist()  # type: ignore[no-any-return]


def _mean(logs: list[list[float]]) -> float:
    return over_runs.mean_of(logs, RULE.confidence)[0]


def _holds(found: over_runs.Difference) -> bool:
    assert found.half is not None
    return abs(found.mean) <= found.half


def rows(joins: int = JOINS) -> Iterator[Row]:
    for runs in RUNS:
        for servers in SERVERS:
            for between in BETWEEN:
                yield simulate(runs, servers, between, joins)


def table(found: Sequence[Row]) -> str:
    lines = [f"| {' | '.join(each.cells)} |" for each in found]
    head = [f"| {' | '.join(HEADINGS)} |", f"|{'--:|' * len(HEADINGS)}"]
    return "\n".join([*head, *lines])


def main(argv: list[str]) -> int:
    """Print the table; with --write, write it into the page."""
    text = table(list(rows()))
    if argv != ["--write"]:
        print(text)
        return 0
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    write_whole(PAGE, f"{before}{BEGIN}\n{text}\n{END}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
