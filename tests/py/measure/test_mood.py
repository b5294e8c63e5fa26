"""The machine's mood: what is recorded of it, and that a missing part is a reason and no failure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_measure import ITEM

from iomodels.data.records import Record
from iomodels.data.store import check_record, record_from_json, record_to_json
from iomodels.machine.facts import Unknown
from iomodels.machine.steal import stolen_ns
from iomodels.measure import mood as mood_module
from iomodels.measure.measurement import measure
from iomodels.plan.suite import Suite
from stage import SHORT, FakeLauncher

STAT = """cpu  10 0 10 100 0 0 0 99 0 0
cpu0 10 0 10 100 0 0 0 7 0 0
cpu1 10 0 10 100 0 0 0 12 0 0
cpu12 10 0 10 100 0 0 0 80 0 0
intr 5
"""


def measured(launcher: FakeLauncher, suite: Suite, server: str = "normal") -> Record:
    launcher.behaviour = lambda number: (server, "normal")
    record = measure(launcher, suite, "run-1", ITEM, deadlines=SHORT)
    assert record.ok, record.reason
    check_record(record, "the record")
    return record


def test_both_spins_and_both_steals(
    launcher: FakeLauncher, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    steal = {(0,): iter([100, 130]), (1, 2): iter([1000, 1000])}
    placement: dict[str, Any] = {"server_cpus": [0], "loadgen_cpus": [1, 2]}
    monkeypatch.setattr(launcher, "environment", lambda: {"placement": placement})
    monkeypatch.setattr(mood_module, "stolen_ns", lambda cpus: next(steal[cpus]))
    record = measured(launcher, suite)
    assert record.mood == {
        "spin_before_ns": 5_000_000,
        "spin_before_fastest_ns": 900_000,
        "spin_after_ns": 5_000_001,
        "spin_after_fastest_ns": 900_000,
        "stolen_server_ns": 30,
        "stolen_loadgen_ns": 0,
        "reason": None,
    }
    assert record_from_json(record_to_json(record)).mood == record.mood


def test_what_is_missing_has_a_reason(launcher: FakeLauncher, suite: Suite) -> None:
    """A server of someone else knows no spin, and a launcher may pin nothing."""
    mood = measured(launcher, suite, "no spin").mood
    assert mood and {value for name, value in mood.items() if name != "reason"} == {None}
    assert mood["reason"] == (
        "the server has no command spin; "
        "steal of the server's CPUs: not pinned to CPUs of this machine; "
        "steal of the loadgen's CPUs: not pinned to CPUs of this machine"
    )


def test_older_records_have_none(launcher: FakeLauncher, suite: Suite) -> None:
    older = replace(measured(launcher, suite), mood=None)
    assert "mood" not in record_to_json(older)
    assert record_from_json(record_to_json(older)).mood is None


def test_steal_is_that_of_the_cpus_asked_for(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text(STAT)
    tick_ns = stolen_ns((0,), stat) // 7
    assert 10**9 % tick_ns == 0
    assert stolen_ns((1, 12), stat) == (12 + 80) * tick_ns


def test_steal_that_is_not_counted(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    with pytest.raises(Unknown, match="the system has no"):
        stolen_ns((0,), stat)
    stat.write_text("cpu0 1 2 3 4\n")
    with pytest.raises(Unknown, match="does not count the steal of CPU 0"):
        stolen_ns((0,), stat)
    with pytest.raises(Unknown, match="not pinned"):
        stolen_ns((), stat)
