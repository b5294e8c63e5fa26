"""Count what the judge decides of a run that was measured.

    python3 tests/proofs/judged_run.py RUN                      folder of the run
    python3 tests/proofs/judged_run.py RUN --baseline SERIES    default: the run's own baseline
    python3 tests/proofs/judged_run.py --write                  write docs/statistics.md's table

It counts the comparisons with the baseline in two families of Holm's correction: as reports do, the
models alone, and with the control among them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "harness"))

from iomodels.base.errors import Failure  # noqa: E402
from iomodels.data.store import load_run  # noqa: E402
from iomodels.judge import paired  # noqa: E402
from iomodels.judge.loads import JudgedLoad  # noqa: E402
from iomodels.judge.paired import Comparison  # noqa: E402
from iomodels.judge.rule import Word  # noqa: E402
from iomodels.judge.summary import Summary, sessions_of, summarise, viewed  # noqa: E402

PAGE = ROOT / "docs/statistics.md"
KEPT = ROOT / "tests/fixtures/runs/20261121-182742-models"
HEADINGS = ("run", "loads", "family", "decided", "controls that differ", "half-width", "spread")
ALONE, WITH_CONTROL = "models", "models and control"
CLOSED, OFFERED = "closed loops", "offered rate"


@dataclass(frozen=True)
class Counts:
    """What the judge says of the comparisons of a run with its baseline.

    half_width: median, a share; None if the run has too few rounds. spread: of the rates of closed
    loops, pooled over their cells; an offered rate has none.
    """

    run: str
    loads: str
    family: str
    comparisons: int
    decided: int
    controls: int
    different: int
    half_width: float | None
    spread: float | None

    def cells(self) -> list[str]:
        return [
            *(self.run, self.loads, self.family),
            f"{self.decided} of {self.comparisons}",
            f"{self.different} of {self.controls}",
            _percent(self.half_width),
            _percent(self.spread),
        ]


def counts(folder: Path, baseline: str | None = None) -> list[Counts]:
    """Return one row per kind of load and family. Raises Failure for an unreadable run."""
    summary = summarise(viewed(load_run(folder), baseline, None))
    rows = []
    for name in (CLOSED, OFFERED):
        loads = [load for load in summary.loads if bool(load.key.rate_percent) is (name == OFFERED)]
        families = (ALONE, WITH_CONTROL) if _controls(loads) else (ALONE,)
        rows += [_counts(summary, loads, name, family) for family in families if loads]
    return rows


def _counts(summary: Summary, loads: Sequence[JudgedLoad], name: str, family: str) -> Counts:
    found = [
        one
        for load in loads
        for one in (load.over_baseline if family == ALONE else _together(summary, load))
    ]
    controls = _controls(loads)
    widths = [one.half_width for one in found if one.half_width is not None]
    return Counts(
        str(summary.run.manifest["run"]),
        name,
        family,
        len(found),
        sum(one.word.decides for one in found),
        len(controls),
        sum(one.word in (Word.FASTER, Word.SLOWER) for one in controls),
        median(widths) if widths else None,
        summary.spread if name == CLOSED else None,
    )


def _controls(loads: Sequence[JudgedLoad]) -> list[Comparison]:
    return [each.comparison for load in loads for each in load.controls if each.comparison]


def _together(summary: Summary, load: JudgedLoad) -> Sequence[Comparison]:
    """Every series of a load over the baseline, as one family."""
    values = {
        cell.condition.label: cell.by_round(load.rounds)
        for cell in load.cells
        if cell.verdict.valid and any(cell.by_round(load.rounds))
    }
    if load.baseline not in values:
        return ()
    sessions = sessions_of(summary.run.records)
    return paired.against(
        values,
        load.baseline,
        summary.rules.baseline,
        None if sessions is None else sessions[: load.rounds],
    ).comparisons


# ---- the table ----


def reference() -> Path:
    """Return the newest packed run of `models`, which the front page shows."""
    return max(ROOT.glob("results/contributed/*/*[0-9]-models"), key=lambda path: path.name)


def table(rows: Sequence[Counts]) -> str:
    lines = [list(HEADINGS), ["-"] * 3 + ["--:"] * 4, *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def of_page() -> str:
    """The table of docs/statistics.md: the kept run and the reference run."""
    return table([*counts(KEPT, "select"), *counts(reference(), "select")])


def write() -> None:
    """Replace the table of the page, whose other tables take minutes."""
    before, heading, rest = PAGE.read_text(encoding="utf-8").partition(table([]).split("\n")[0])
    _, _, after = rest.partition("\n\n")
    assert heading, f"{PAGE} has no such table"
    PAGE.write_text(f"{before}{of_page()}\n\n{after}", encoding="utf-8")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description="Count what the judge decides of a run.")
    parser.add_argument("run", nargs="?", type=Path, help="folder of a run")
    parser.add_argument("--baseline", help="series that the others are compared with")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    if options.write is (options.run is not None):
        parser.error("RUN: must be given, or else --write")
    if options.write:
        write()
        return
    try:
        print(table(counts(options.run, options.baseline)))
    except Failure as error:
        parser.error("; ".join(error.lines))


if __name__ == "__main__":
    main()
