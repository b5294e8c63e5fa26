"""What is on disk outlives crashes and versions: a process that is killed while it writes, and a run of the first format."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from iomodels.base.errors import Failure
from iomodels.base.files import ROOT
from iomodels.data.records import FORMAT, append_record, load_run, mend_records
from iomodels.judge.summary import summarise
from iomodels.judge.verdict import Kind
from iomodels.plan.suite import Server
from iomodels.report.html import write_report
from made_run import make_run, suite_of

DIE_WRITING = """
import resource, signal, sys
from dataclasses import replace
from pathlib import Path
from iomodels.data.records import append_record, load_run, write_manifest

folder, what, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
run = load_run(folder)
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))  # the system writes so many bytes of a file, then kills the writer
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
    suite = suite_of([Server("select"), Server("iocp")], (1,), (64,), repeats=3)
    folder = make_run(tmp_path, suite, measured=5, status="running")
    before = (folder / "records.jsonl").read_bytes()
    die_writing(folder, "record", len(before) + 3000)
    after = (folder / "records.jsonl").read_bytes()
    assert len(after) == len(before) + 3000 and after.startswith(before), (
        "nothing was cut short: the test tests nothing"
    )
    run = load_run(folder)
    assert [record.index for record in run.records] == [0, 1, 2, 3, 4]
    assert "records.jsonl: line 6 was cut short and is left out" in run.warnings
    mend_records(folder)
    assert (folder / "records.jsonl").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of a file's size that kills")
def test_a_kill_in_mid_write_of_the_manifest_leaves_the_old_one(tmp_path: Path) -> None:
    folder = make_run(
        tmp_path, suite_of([Server("iocp")], (1,), (64,), repeats=2), measured=1, status="running"
    )
    die_writing(folder, "manifest", 500)
    assert load_run(folder).manifest["status"] == "running"
    assert load_run(folder).records


def old(folder: Path, name: str) -> Path:
    return Path(shutil.copytree(Path(__file__).parent / "data" / name, folder / name))


@pytest.mark.usefixtures("one_figure")
def test_a_run_of_the_first_format_is_read_judged_and_reported(tmp_path: Path) -> None:
    """It was measured when there was no audit and no calibration: those rules are named as not judged, and the figures stand."""
    folder = old(tmp_path, "format-1")
    summary = summarise(load_run(folder))
    assert {cell.verdict.kind for cell in summary.cells} == {Kind.UNDERPOWERED}
    assert all(
        "distance to the ceiling: no calibration of such a load recorded" in cell.verdict.not_judged
        for cell in summary.cells
    )
    (row,) = summary.comparisons
    assert row.ratio and round(row.ratio.value, 3) == round(
        summary.cells[1].rates[0] / summary.cells[0].rates[0], 3
    )
    assert "distance to the ceiling: no calibration" in write_report(folder).read_text(
        encoding="utf-8"
    )


def test_a_format_that_is_not_read_says_so(tmp_path: Path) -> None:
    folder = old(tmp_path, "format-1")
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    for number, words in (
        (
            0,
            rf"format 0 is older than this program reads \(1 to {FORMAT}\); use the iomodels that wrote it",
        ),
        (
            FORMAT + 1,
            rf"format {FORMAT + 1} is newer than this program reads \({FORMAT}\); use a newer iomodels",
        ),
    ):
        (folder / "run.json").write_text(
            json.dumps({**manifest, "format": number}), encoding="utf-8"
        )
        with pytest.raises(Failure, match=words):
            load_run(folder)
    (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    append_record(folder, load_run(folder).records[0])
    assert len(load_run(folder).records) == 2
