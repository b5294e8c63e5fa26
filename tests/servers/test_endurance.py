"""endurance.py in short: a sound server passes, a leak and a wrong byte are found."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

import client
import endurance
from iomodels.launch.launcher import Launcher
from running import FIXTURES, Server


@pytest.fixture(autouse=True)
def short_storms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endurance, "FIRST", 60)


def test_sound_server_passes(launcher: Launcher, model: str) -> None:
    lived = endurance.live(model, launcher, 120, 3)
    assert lived.problems == []
    assert 0 < lived.slowest_stop < lived.seconds
    assert str(lived).startswith(f"{model}: 120 cycles: ") and str(lived).endswith(": passed")


@pytest.mark.parametrize(("fault", "found"), [(1, r"\d+ of \d+ bytes"), (3, "handles")])
def test_fault_is_found(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch, fault: int, found: str
) -> None:
    """A server that loses a byte, and one that leaks a handle per connection."""
    monkeypatch.setattr(client, "DEADLINE_S", 2.0)
    lived = endurance.Lived("broken", 120, 0)
    with (
        launcher.program(FIXTURES / "broken.exe", "--fault", fault) as program,
        pytest.raises(AssertionError, match=found) as caught,
    ):
        endurance.cycles(Server("broken", program), launcher, lived)
    if fault == 1:  # any of the clients may be the first to miss its byte
        came, wanted = re.findall(r"(\d+) of (\d+) bytes", str(caught.value))[0]
        assert int(wanted) - int(came) == 1


def test_what_passed_is_skipped(tmp_path: Path) -> None:
    """A model is skipped if it passed as many cycles and stops, and not after a failure."""
    lives = [
        endurance.Lived("iocp", 100, 10),
        endurance.Lived("apc", 100, 10, problems=["a wrong byte"]),
        endurance.Lived("tpio", 50, 10),
    ]
    path = tmp_path / "lived.jsonl"
    path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in lives), encoding="utf-8")
    assert endurance.done(path, 100, 10) == {"iocp"}
    assert endurance.done(None, 1, 1) == endurance.done(tmp_path / "none", 1, 1) == set()
