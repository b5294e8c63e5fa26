"""People run the benchmarks by hand, so a missing import from the harness would go unnoticed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "bench",
    sorted(ROOT.glob("tests/*/bench*.py")),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_bench_starts(bench: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(bench), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 and "usage:" in done.stdout, done.stderr
