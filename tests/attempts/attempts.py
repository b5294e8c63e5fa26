"""Try to break iomodels: at least 240 seeded attempts, and every known anomaly by name.

    python3 tests/attempts/attempts.py [--seed N] [--only WORD]

An attempt fails if it ends in a traceback, hangs, loses a measurement, or leaves a process or a
file. It needs the build of `./iomodels setup`. The servers are models of Linux, which start in
milliseconds; attempts on Wine run where Wine is installed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(Path(__file__).parent)]

import anomalies  # noqa: E402
import kinds  # noqa: E402
from ground import Broken, Ground, Skipped  # noqa: E402

SHARES = (
    (kinds.wrong_option, 90),
    (kinds.malformed_suite, 40),
    (kinds.damaged_run, 64),
    (kinds.interrupted_run, 16),
    (kinds.killed_program, 16),
    (kinds.odd_surroundings, 20),
)
"""How many attempts of each kind are made: 246."""


def attempt(name: str, function: Callable[[], None]) -> str:
    """Return how one attempt ended: "held", "broke" or "skipped". Print all but the first."""
    try:
        function()
    except Skipped as why:
        print(f"skipped: {name}: {why}", flush=True)
        return "skipped"
    except Broken as why:
        print(f"BROKE: {name}: {why}", flush=True)
        return "broke"
    return "held"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=24)
    parser.add_argument("--only", default="", help="a word in the names of the attempts to make")
    given = parser.parse_args()
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="iomodels-attempts-"))
    os.environ["IOMODELS_LOCKS"] = str(folder)
    ground = Ground(ROOT, folder)
    made: dict[str, list[str]] = {"anomalies": [], "attempts": []}
    try:
        for name, anomaly in anomalies.ALL.items():
            if given.only in name:
                made["anomalies"].append(attempt(name, lambda each=anomaly: each(ground)))
        for kind, count in SHARES:
            for number in range(count):
                name = f"{kind.__name__} {number}"
                rng = random.Random(f"{given.seed} {name}")
                if given.only in name:
                    made["attempts"].append(attempt(name, lambda k=kind, r=rng: k(ground, r)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for what, outcomes in made.items():
        held, broke = outcomes.count("held"), outcomes.count("broke")
        print(f"{what}: {held} of {len(outcomes)} held, {broke} broke, seed {given.seed}")
    print(f"took {time.monotonic() - began:.0f} s")
    return int(any("broke" in outcomes for outcomes in made.values()))


if __name__ == "__main__":
    sys.exit(main())
