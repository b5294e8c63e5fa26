"""Prove by simulation what the answer of an SLO search (harness/iomodels/judge/search.py) is worth.

    python3 tests/proofs/simulated_searches.py            print the tables
    python3 tests/proofs/simulated_searches.py --write    write them into docs/slo.md

It draws trials of servers whose curve is known, and the search itself asks for them.
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(Path(__file__).resolve().parent)]

import former_search  # noqa: E402
from noise import DRIFT_MEMORY_S  # noqa: E402

from iomodels.judge.search import (  # noqa: E402
    MOST,
    NINE_OF_TEN,
    Answer,
    Kind,
    Range,
    Search,
    Trial,
    ratios,
)

PAGE = ROOT / "docs/slo.md"
SEARCHES = 1000
SEED = 30
RANGE = Range(400.0, 50_000.0)
TRIAL_S = 4.0
"""A window of 3 s, warm-up, and starting both programs."""
NEAR = math.log(1.05)
INSET = 0.3
"""Distance of a true answer from the ends of the range, in logarithms."""


@dataclass(frozen=True)
class Server:
    """A trial is met with (1 - lapses) · expit((c - ln rate) / width), unless it is unjudged.

    `drift` is the standard deviation of c from trial to trial, with a memory of 7 s. `late` is the
    distance from c, in logarithms, from which on the load generator is late: no miss is judged.
    """

    width: float = 0.05
    lapses: float = 0.03
    unjudged: float = 0.1
    drift: float = 0.0
    late: float | None = None


USUAL = Server()
WIDTHS = (0.02, 0.05, 0.10, 0.20)
CHANGES: dict[str, Server] = {
    "3 % lapses, 10 % unjudged": USUAL,
    "no lapses": replace(USUAL, lapses=0.0),
    "8 % lapses": replace(USUAL, lapses=0.08),
    "30 % unjudged": replace(USUAL, unjudged=0.3),
    "drift 3 %": replace(USUAL, drift=0.03),
}
LONGER = 160
ENDS = (-0.5, -0.1, -0.05, 0.0, 0.05, 0.1, 0.5)
LATE = (-0.3, -0.1, 0.0, 0.1, 0.3)
TRUTHS: dict[str, tuple[float, ...]] = {
    "all equal": (1.0, 1.0, 1.0),
    "one 5 % ahead": (1.05, 1.0, 1.0),
    "one 10 % ahead": (1.1, 1.0, 1.0),
    "one 20 % ahead": (1.2, 1.0, 1.0),
}


class Draws:
    """The trials of one server whose true answer is exp(c)."""

    def __init__(self, server: Server, c: float, rng: np.random.Generator) -> None:
        self.server, self.c, self.rng = server, c, rng
        self.moved = float(rng.normal()) * server.drift
        self.kept = math.exp(-TRIAL_S / DRIFT_MEMORY_S)

    def trial(self, rate: float) -> Trial:
        server, rng = self.server, self.rng
        shock = float(rng.normal()) * server.drift * math.sqrt(1 - self.kept**2)
        self.moved = self.kept * self.moved + shock
        x = (self.c + self.moved - math.log(rate)) / server.width
        met = bool(rng.random() < (1 - server.lapses) / (1 + math.exp(-x)))
        unjudged = bool(rng.random() < server.unjudged)
        if server.late is not None and not met and math.log(rate) >= self.c + server.late:
            unjudged = True
        return Trial(rate, None if unjudged else met)


def search(draws: Draws, most: int = MOST) -> Search:
    found = Search(RANGE)
    while (rate := found.ask(most)) is not None:
        found = found.plus(draws.trial(rate))
    return found


def generator(*key: object) -> np.random.Generator:
    """The same draws for the same row, whatever else is simulated."""
    return np.random.default_rng([SEED, zlib.crc32(repr(key).encode())])


# ---- answers inside of the range ----


@dataclass(frozen=True)
class Row:
    """What happened in some searches; shares are 0 … 1.

    near: answers within 5 % of the truth. silent: answers that are not, and ask for no more trials.
    covers: intervals that hold the truth. safe: of the rates that nine of ten keep, those that they
    keep. wide: answers that ask for more trials. The last two are medians.
    """

    key: tuple[str, ...]
    searches: int
    near: float
    silent: float
    covers: float
    safe: float
    wide: float
    half_width: float
    trials: float

    def cells(self) -> list[str]:
        shares = (self.near, self.silent, self.covers, self.safe, self.wide, self.half_width)
        return [*self.key, *map(percent, shares), f"{self.trials:g}"]


COLUMNS = ("fall-off", "trials are", "at most")
HEADINGS = ("within 5 %", "silent", "covers", "nine of ten", "wide", "half-width", "trials")


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def inside(width: float, name: str, most: int = MOST, searches: int = SEARCHES) -> Row:
    """Searches for answers at random places of the range."""
    rng = generator(width, name, most, searches)
    server = replace(CHANGES[name], width=width)
    found: list[tuple[float, Answer]] = []
    for _ in range(searches):
        c = _place(rng)
        found.append((c, search(Draws(server, c, rng), most).answer()))
    return row_of((percent(width), name, str(most)), found, width)


def _place(rng: np.random.Generator) -> float:
    return float(rng.uniform(math.log(RANGE.low) + INSET, math.log(RANGE.high) - INSET))


def row_of(key: tuple[str, ...], found: Sequence[tuple[float, Answer]], width: float) -> Row:
    """An answer without a rate counts as wrong, silent and uncovered."""
    near = [a.rate is not None and abs(math.log(a.rate) - c) <= NEAR for c, a in found]
    silent = [not ok and not a.more for ok, (_, a) in zip(near, found)]
    covers = [bool(a.low and a.high) and _holds(a, c) for c, a in found]
    safe = [(a.safe or 0.0) <= math.exp(c - width * NINE_OF_TEN) for c, a in found]
    half = [math.sqrt(a.high / a.low) - 1 for _, a in found if a.low and a.high]
    return Row(
        key,
        len(found),
        float(np.mean(near)),
        float(np.mean(silent)),
        float(np.mean(covers)),
        float(np.mean(safe)),
        float(np.mean([a.more > 0 for _, a in found])),
        float(np.median(half)),
        float(np.median([a.trials for _, a in found])),
    )


def _holds(answer: Answer, c: float) -> bool:
    """Whether the truth lies between the ends that the answer has."""
    truth = math.exp(c)
    low, high = answer.low, answer.high
    return (low is None or low <= truth * (1 + 1e-9)) and (
        high is None or truth <= high * (1 + 1e-9)
    )


def inside_rows(searches: int = SEARCHES) -> Iterator[Row]:
    for width in WIDTHS:
        for name in CHANGES:
            yield inside(width, name, MOST, searches)
    for width in WIDTHS[2:]:
        yield inside(width, "3 % lapses, 10 % unjudged", LONGER, searches)


@dataclass(frozen=True)
class Former:
    """What happened in some searches of the former method; shares are 0 … 1."""

    key: tuple[str, ...]
    near: float
    covers: float
    trials: float

    def cells(self) -> list[str]:
        return [*self.key, percent(self.near), percent(self.covers), f"{self.trials:g}"]


def former(width: float, step: float, searches: int = SEARCHES) -> Former:
    """The bisection that this search replaced, with trials of which none is unjudged."""
    rng = generator("former", width, step, searches)
    server = replace(USUAL, width=width, unjudged=0.0)
    near, covers, trials = [], [], []
    for _ in range(searches):
        c = _place(rng)
        rate, above, number = former_search.answer(Draws(server, c, rng).trial, RANGE, step)
        near.append(rate is not None and abs(math.log(rate) - c) <= NEAR)
        covers.append(None not in (rate, above) and (rate or 0) <= math.exp(c) <= (above or 0))
        trials.append(number)
    key = (percent(width), f"{100 * (step - 1):.0f} %")
    return Former(key, *(float(np.mean(each)) for each in (near, covers)), float(np.median(trials)))


# ---- answers at an end, and a late load generator ----


@dataclass(frozen=True)
class Bounds:
    """What happened in some searches whose answer may only be a bound; shares are 0 … 1.

    true: answers whose bounds hold the truth. The kinds are those of judge.search.Kind.
    """

    key: tuple[str, ...]
    searches: int
    true: float
    kinds: dict[Kind, float]
    trials: float

    def cells(self) -> list[str]:
        shares = [percent(self.kinds[kind]) for kind in Kind]
        return [*self.key, percent(self.true), *shares, f"{self.trials:g}"]


BOUND_HEADINGS = ("true", "a rate", "at least", "below", "unknown", "trials")


def at_an_end(high: bool, distance: float, searches: int = SEARCHES) -> Bounds:
    rng = generator("end", high, distance, searches)
    c = math.log(RANGE.high if high else RANGE.low) + distance
    found = [(c, search(Draws(USUAL, c, rng)).answer()) for _ in range(searches)]
    return _bounds(("highest" if high else "lowest", _signed(distance)), found)


def late(distance: float, searches: int = SEARCHES) -> Bounds:
    rng = generator("late", distance, searches)
    server, found = replace(USUAL, late=distance), []
    for _ in range(searches):
        c = _place(rng)
        found.append((c, search(Draws(server, c, rng)).answer()))
    return _bounds((_signed(distance),), found)


def _signed(distance: float) -> str:
    return f"{100 * math.expm1(distance):+.0f} %".replace("-", "−")


def _bounds(key: tuple[str, ...], found: Sequence[tuple[float, Answer]]) -> Bounds:
    kinds = {kind: float(np.mean([a.kind is kind for _, a in found])) for kind in Kind}
    true = float(np.mean([_holds(a, c) for c, a in found]))
    return Bounds(key, len(found), true, kinds, float(np.median([a.trials for _, a in found])))


# ---- several servers ----


@dataclass(frozen=True)
class Compared:
    """Searches of three servers. false: with a wrong separation. found: with the best one ahead of
    both others; None if none is. covers: intervals of a ratio that hold the truth."""

    key: tuple[str, ...]
    searches: int
    false: float
    found: float | None
    covers: float

    def cells(self) -> list[str]:
        found = "–" if self.found is None else percent(self.found)
        return [*self.key, percent(self.false), found, percent(self.covers)]


COMPARED_HEADINGS = ("false", "found", "covers")


def compare(name: str, searches: int = SEARCHES) -> Compared:
    rng = generator("compare", name, searches)
    logs = np.log(TRUTHS[name])
    false, found, covers = 0, 0, []
    for _ in range(searches):
        c = _place(rng)
        judged = ratios([search(Draws(USUAL, c + each, rng)) for each in logs])
        wrong = False
        for (one, other), ratio in judged.items():
            truth = math.exp(logs[one] - logs[other])
            covers.append(ratio.low <= truth * (1 + 1e-9) and truth <= ratio.high * (1 + 1e-9))
            wrong |= ratio.separated and (ratio.value > 1) is not (truth > 1 + 1e-9)
            wrong |= ratio.separated and abs(truth - 1) < 1e-9
        false += wrong
        found += judged[0, 1].separated and judged[0, 2].separated and not wrong
    share = found / searches if logs[0] > logs[1] else None
    return Compared((name,), searches, false / searches, share, float(np.mean(covers)))


# ---- the page ----

TEXT = (Path(__file__).resolve().parent / "slo.template.md").read_text(encoding="utf-8")


def table(
    columns: Sequence[str],
    headings: Sequence[str],
    rows: Sequence[Row | Former | Bounds | Compared],
) -> str:
    lines = [[*columns, *headings], ["-"] * len(columns) + ["--:"] * len(headings)]
    lines += [row.cells() for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(searches: int) -> str:
    return TEXT.format(
        searches=f"{searches:,}",
        most=MOST,
        inside=table(COLUMNS, HEADINGS, list(inside_rows(searches))),
        former=table(
            ("fall-off", "step"),
            ("within 5 %", "covers", "trials"),
            [former(width, step, searches) for width in WIDTHS[:3] for step in (1.05, 1.02)],
        ),
        ends=table(
            ("end", "truth"),
            BOUND_HEADINGS,
            [at_an_end(high, each, searches) for high in (False, True) for each in ENDS],
        ),
        late=table(("late from",), BOUND_HEADINGS, [late(distance, searches) for distance in LATE]),
        compared=table(("truth",), COMPARED_HEADINGS, [compare(name, searches) for name in TRUTHS]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate SLO searches.")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument(
        "--searches", type=int, default=SEARCHES, help="per row (default: %(default)s)"
    )
    options = parser.parse_args()
    text = page(options.searches)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
