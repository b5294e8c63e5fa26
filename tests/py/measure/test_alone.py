"""Two measurements at the same time: the second is refused with the reason, or waits."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from iomodels.base.errors import Failure
from iomodels.base.locks import locked
from iomodels.measure.alone import FOLDER_LOCK, alone, machine_lock
from iomodels.measure.run import resume_run
from stage import FakeLauncher, Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("IOMODELS_LOCKS", str(tmp_path))
    return Stage(tmp_path, FakeLauncher())


def test_a_second_measurement_on_this_machine_is_refused(stage: Stage) -> None:
    with (
        locked(machine_lock(), "iomodels run models"),
        pytest.raises(Failure, match=r"another .*process \d+.*: iomodels run models\); .*--wait"),
        alone(stage.setting),
    ):
        pass
    with alone(stage.setting):
        assert machine_lock().exists()
    assert not machine_lock().exists()


def test_a_second_measurement_can_wait(stage: Stage) -> None:
    waiting = replace(stage.setting, wait=True)
    done = threading.Event()

    def measure() -> None:
        with alone(waiting):
            done.set()

    with locked(machine_lock(), "iomodels run models"):
        thread = threading.Thread(target=measure)
        thread.start()
        while "waiting for the end of another measurement" not in stage.text:
            assert thread.is_alive()
        assert not done.is_set()
    thread.join(30)
    assert done.is_set()


def test_a_folder_is_written_by_one_process(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with (
        locked(tmp_path / "run" / FOLDER_LOCK, "iomodels run --resume run"),
        pytest.raises(Failure, match=r"run: is being written by another process \(process \d+"),
    ):
        resume_run(stage.setting, tmp_path / "run", retry_failed=False)


def test_a_folder_that_cannot_be_locked_is_named(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOMODELS_LOCKS", str(tmp_path / "nowhere"))
    said = r"nowhere.*cannot be locked: No such file"
    with pytest.raises(Failure, match=said), alone(stage.setting):
        pass
