"""What is on disk outlives crashes: a process that is killed while it writes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from iomodels.base.files import ROOT
from iomodels.data.busy import note_of_others
from iomodels.data.mending import mend_records
from iomodels.data.store import load_run
from iomodels.plan.server import Server
from made_run import make_run, suite_of

DIE_WRITING = """
import resource, signal, sys
from dataclasses import replace
from pathlib import Path
from iomodels.data.mending import mend_records
from iomodels.data.store import append_record, load_run, write_manifest

folder, what, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
run = load_run(folder)
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
# the kernel writes so many bytes of a file and then kills the writer
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
if what == "record":
    append_record(folder, replace(run.records[0], index=5))
else:
    write_manifest(folder, {**run.manifest, "status": "complete"})
"""


def die_writing(folder: Path, what: str, room: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIE_WRITING, str(folder), what, str(room)],
        cwd=ROOT,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGXFSZ, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of a file's size that kills")
def test_a_kill_in_mid_write_loses_the_record_under_way_and_no_other(tmp_path: Path) -> None:
    suite = suite_of([Server("select"), Server("iocp")], (1,), (64,), rounds=3)
    folder = make_run(tmp_path, suite, measured=5, status="running")
    before = (folder / "records.jsonl").read_bytes()
    die_writing(folder, "record", len(before) + 3000)
    after = (folder / "records.jsonl").read_bytes()
    assert len(after) == len(before) + 3000 and after.startswith(before), (
        "nothing was cut short: the test tests nothing"
    )
    run = load_run(folder)
    assert [record.index for record in run.records] == [0, 1, 2, 3, 4]
    assert "records.jsonl: line 6 is incomplete and was excluded" in run.warnings
    mend_records(folder, lambda line: None)
    assert (folder / "records.jsonl").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of a file's size that kills")
def test_a_kill_in_mid_write_of_the_manifest_leaves_the_old_one(tmp_path: Path) -> None:
    folder = make_run(
        tmp_path, suite_of([Server("iocp")], (1,), (64,), rounds=2), measured=1, status="running"
    )
    die_writing(folder, "manifest", 500)
    assert load_run(folder).manifest["status"] == "running"
    assert load_run(folder).records


def test_the_note_of_busy_machines_names_those_of_a_cluster() -> None:
    busy, quiet = ({"busy": {"others_cpus": cpus}} for cpus in (1.5, 0.01))
    alone = note_of_others(busy)
    assert alone and alone.startswith("1.50 CPUs were busy while nothing was measured, just before")
    several = note_of_others({**quiet, "workers": {"server": quiet, "load-1": busy}})
    assert several == f"load-1: {alone}"
    assert note_of_others({**quiet, "workers": {"server": quiet, "load-1": {"busy": None}}}) is None
