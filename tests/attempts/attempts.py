"""Try to break iomodels: at least 240 seeded attempts, and every known anomaly by name.

    ./iomodels test attempts [-- --seed N --only WORD --write]

An attempt fails if it ends in a traceback, hangs, loses a measurement, or leaves a process or a
file. It needs the build of `./iomodels setup`. The servers are models of Linux, which start in
milliseconds; attempts on Wine run where Wine is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(Path(__file__).parent)]

import anomalies  # noqa: E402
import kinds  # noqa: E402
import messages  # noqa: E402
from ground import Broken, Ground, Skipped  # noqa: E402

from iomodels.base.files import write_whole  # noqa: E402

ANOMALIES = "anomalies"
KEPT = ROOT / "tests" / "attempts" / "counts.json"
PAGE = ROOT / "docs" / "testing.md"

SHARES = (
    (kinds.wrong_option, 90),
    (kinds.malformed_suite, 40),
    (kinds.damaged_run, 64),
    (kinds.interrupted_run, 16),
    (kinds.killed_program, 16),
    (kinds.odd_surroundings, 20),
)
"""How many attempts of each kind are made: 246."""
OUTCOMES = ("held", "broke", "skipped")


def attempt(name: str, function: Callable[[], None]) -> str:
    """Return how one attempt ended: one of OUTCOMES. Print all but the first."""
    try:
        function()
    except Skipped as why:
        print(f"skipped: {name}: {why}", flush=True)
        return "skipped"
    except Broken as why:
        print(f"BROKE: {name}: {why}", flush=True)
        return "broke"
    except Exception as error:  # the attempts after it must still be made
        print(f"BROKE: {name}: {type(error).__name__}: {error}"[:400], flush=True)
        return "broke"
    return "held"


def make(ground: Ground, seed: int, only: str) -> dict[str, list[str]]:
    """Make the attempts whose names contain a word. Returns the outcomes of each kind."""
    made: dict[str, list[str]] = {ANOMALIES: [], **{kind.__name__: [] for kind, _ in SHARES}}
    for number, anomaly in {**anomalies.NUMBERED, **messages.NUMBERED}.items():
        name = f"anomaly {number}: {anomaly.__name__}"
        if only in name:
            made[ANOMALIES].append(attempt(name, lambda each=anomaly: each(ground)))
    for kind, count in SHARES:
        for number in range(count):
            name = f"{kind.__name__} {number}"
            rng = random.Random(f"{seed} {name}")
            if only in name:
                outcome = attempt(name, lambda each=kind, rng=rng: each(ground, rng))
                made[kind.__name__].append(outcome)
    return {kind: outcomes for kind, outcomes in made.items() if outcomes}


def table(found: dict[str, Any]) -> str:
    rows = ["| kind | made | held | broke | skipped |", "|---|--:|--:|--:|--:|"]
    for kind, counts in found["kinds"].items():
        words = kind.replace("_", " ")
        cells = [words, sum(counts.values()), *(counts[outcome] for outcome in OUTCOMES)]
        rows.append(f"| {' | '.join(map(str, cells))} |")
    command = f"`./iomodels test attempts -- --seed {found['seed']} --write`"
    head = f"{command} took {found['seconds'] / 60:.0f} min. With `--only KIND` it writes one row."
    return "\n".join([head, "", *rows])


def write(found: dict[str, Any]) -> None:
    """Keep the counts in the sources and in the page. One kind alone replaces its row."""
    if len(found["kinds"]) == 1:
        before = json.loads(KEPT.read_text(encoding="utf-8"))
        if before["seed"] != found["seed"]:
            raise SystemExit(f"attempts: --seed {found['seed']}: must be {before['seed']}, as kept")
        found = before | {"kinds": before["kinds"] | found["kinds"]}
    sys.path.append(str(ROOT / "tests" / "fuzz"))
    from keep_fuzzing import with_part

    write_whole(KEPT, json.dumps(found, indent=1) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    write_whole(PAGE, with_part(page, "attempts", table(found)))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=24)
    parser.add_argument("--only", default="", help="a word in the names of the attempts to make")
    parser.add_argument("--write", action="store_true", help=f"keep the counts in {PAGE.name}")
    given = parser.parse_args()
    if given.write and given.only not in ("", "anomaly", *(kind.__name__ for kind, _ in SHARES)):
        parser.error(f"--only {given.only}: must be a kind with --write")
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="iomodels-attempts-"))
    os.environ["IOMODELS_LOCKS"] = str(folder)
    try:
        made = make(Ground(ROOT, folder), given.seed, given.only)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    kinds_made = {
        kind: {outcome: outcomes.count(outcome) for outcome in OUTCOMES}
        for kind, outcomes in made.items()
    }
    seconds = round(time.monotonic() - began)
    found = {"format": 1, "seed": given.seed, "seconds": seconds, "kinds": kinds_made}
    known = [kinds_made.get(ANOMALIES, {})]
    seeded = [counts for kind, counts in kinds_made.items() if kind != ANOMALIES]
    for what, each in ((ANOMALIES, known), ("attempts", seeded)):
        held, broke, skipped = (sum(counts.get(word, 0) for counts in each) for word in OUTCOMES)
        print(f"{what}: {held} held, {broke} broke, {skipped} skipped, seed {given.seed}")
    print(f"took {seconds} s")
    if given.write:
        write(found)
    return int(any(counts["broke"] for counts in kinds_made.values()))


if __name__ == "__main__":
    sys.exit(main())
