"""A tuning of real servers: it is stopped in mid-race, has a report, and is resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120.0
PER_ROUND = 3
WORDS = (
    *("tune", "iocp", "select", "--connections", "4", "--cpu-us", "200", "--threads-max", "2"),
    *("--duration-ms", "200", "--warmup-ms", "50", "--options", "concurrency=0"),
)


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "iomodels", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "harness")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def stopped_after(process: subprocess.Popen[str], out: Path, trials: int) -> str:
    """Press Ctrl-C after so many trials; return what the program printed."""
    deadline = time.monotonic() + DEADLINE_S
    while done(out) < trials and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130, text
    return text


def done(out: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in out.glob("*/records.jsonl"))


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C for one process is a POSIX signal")
def test_a_tuning_is_stopped_reported_and_resumed(tmp_path: Path) -> None:
    text = stopped_after(
        start(*WORDS, "--minutes", "2", "--out", str(tmp_path)), tmp_path, 4 * PER_ROUND
    )
    (folder,) = tmp_path.iterdir()
    assert f"resume with: {sys.executable}" in text or "iomodels tune --resume" in text
    report = start("report", str(folder))
    answer, _ = report.communicate(timeout=DEADLINE_S)
    assert report.returncode == 0 and " requests/s" in answer, answer
    data = json.loads((folder / "tuning.json").read_text(encoding="utf-8"))
    assert data["status"] == "interrupted" and data["answer"]
    assert {each["label"] for each in data["settings"]} == {
        "iocp threads=1 concurrency=0",
        "iocp threads=2 concurrency=0",
        "select",
    }
    assert all(each["failed"] is None and each["rounds"] >= 3 for each in data["settings"])
    assert 0 < data["settings"][0]["value"] <= 1e6 / 200, "its handler's time allows no more"
    assert (folder / "tune.html").exists() and (folder / "figures" / "tuning.svg").exists()
    before = done(tmp_path)
    text = stopped_after(start("tune", "--resume", str(folder)), tmp_path, before + 2)
    assert f"after {before} trials" in text
    assert done(tmp_path) > before
