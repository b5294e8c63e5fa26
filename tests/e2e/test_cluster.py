"""A smoke test of a cluster on this machine; `./iomodels test cluster` has all tests of it.

Skipped without Dask. Set-up does not install it, because most runs need none.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iomodels.data.store import load_run

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("distributed", reason="distributed is not installed: ./iomodels test cluster")
pytest.importorskip("cryptography", reason="cryptography is not installed: ./iomodels test cluster")


def test_two_load_generators_make_one_load(tmp_path: Path) -> None:
    words = [
        *("run", "iocp-vs-epoll", "--native", "--models", "select", "--connections", "10"),
        *("--size", "64", "--rounds", "1", "--warmup-ms", "100", "--duration-ms", "500"),
        *("--cluster", "local:3", "--no-report", "--out", str(tmp_path)),
    ]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "iomodels", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT / "harness")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    records = load_run(folder).records
    assert records
    for record in records:
        assert record.server and record.loadgen
        result = record.loadgen["result"]
        assert [part["result"]["connections"]["alive"] for part in result["cluster"]["parts"]] == [
            5,
            5,
        ]
        assert record.server["summary"]["counters"]["requests"] == result["replies_checked"] > 0
