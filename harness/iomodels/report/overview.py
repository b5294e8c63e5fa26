"""The list of all runs below a results folder: what each is, how complete, and its answer.

To answer takes a second per run, so `index.json` keeps the rows. A row is read again if the files
of its run changed. Deleting index.json is safe.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.base.files import write_whole
from iomodels.data.library import (
    CONTRIBUTED,
    KINDS,
    MICRO,
    RUN,
    SLO,
    TUNE,
    is_empty,
    kind_of,
    run_folders,
)
from iomodels.data.micro import BENCHMARKS, load_micro_run
from iomodels.data.searches import load_slo, load_tune
from iomodels.data.store import PACKED, RECORDS, load_run

FORMAT = 1
INDEX = "index.json"
PAGES = {RUN: "report.html", SLO: "slo.html", TUNE: "tune.html", MICRO: "micro.html"}
"""The page of each kind of run."""
NAMES = {RUN: "run", SLO: "slo", TUNE: "tune", MICRO: "micro"}
COMPLETE, INTERRUPTED, RUNNING = "complete", "interrupted", "running"
IS_PACKED, EMPTY, DAMAGED = "packed", "empty", "damaged"
NO_ANSWER = "no answer"
QUIET_S = 3600.0
"""Seconds without a change after which a run that says it is running was killed."""


@dataclass(frozen=True)
class Row:
    """One run. `folder` and `page` are relative to the results; `page` is None until it exists.

    kind: run, slo, tune or micro. suite: of a run its suite, else what was searched. status: one of
    the constants above. measurements, planned: None if unknown. headline: None without an answer;
    `reason` then says why.
    """

    name: str
    folder: str
    kind: str | None
    suite: str | None
    platform: str | None
    started_utc: str | None
    status: str
    measurements: int | None
    planned: int | None
    headline: str | None
    reason: str | None
    commit: str | None
    page: str | None

    @property
    def started(self) -> str:
        """The start as digits, for sorting: of a damaged run that in its name, in local time."""
        text = self.started_utc or self.name
        return re.sub(r"[^0-9]", "", text)[:14]

    @property
    def contributed(self) -> bool:
        return self.folder.startswith(f"{CONTRIBUTED}/")

    @property
    def progress(self) -> str:
        """'12 of 36', '41', '–'."""
        if self.measurements is None:
            return words.NOTHING
        of = "" if self.planned is None else f" of {self.planned:,}"
        return f"{self.measurements:,}{of}"

    @property
    def answer(self) -> str:
        """The headline, or why there is none."""
        return self.headline or f"{NO_ANSWER}{f': {self.reason}' if self.reason else ''}"


def overview(results: Path, again: Path | None = None, *, keep: bool = True) -> list[Row]:
    """Return the runs below `results`, the newest first, and `keep` them in index.json.

    A damaged run is a row with its reason. `again`: a folder to read again, as its report was
    written.
    """
    known = _kept(results)
    if again is not None:
        known.pop(_place(again, results), None)
    found = [_row_of(folder, results, known) for folder in run_folders(results)]
    if keep and results.is_dir():
        kept = [{"stamp": stamp, "row": asdict(row)} for row, stamp in found if stamp is not None]
        text = json.dumps({"format": FORMAT, "runs": kept}, indent=1, ensure_ascii=False)
        write_whole(results / INDEX, f"{text}\n", durable=False)
    rows = [row for row, _ in found]
    return sorted(rows, key=lambda row: (row.started, row.name), reverse=True)


def to_json(rows: list[Row]) -> dict[str, Any]:
    return {"format": FORMAT, "runs": [asdict(row) for row in rows]}


Stamp = list[list[Any]]
"""Name, size and time of change of each file that a row depends on."""


def _row_of(
    folder: Path, results: Path, known: Mapping[str, Mapping[str, Any]]
) -> tuple[Row, Stamp | None]:
    """Return the row of a folder, and the stamp to keep it by; None for one still running."""
    place = _place(folder, results)
    stamp, kept = _stamp(folder), known.get(place)
    row = Row(**kept["row"]) if kept and kept["stamp"] == stamp else _read(folder, place)
    kind = kind_of(folder)
    page = f"{place}/{PAGES[kind]}" if kind and (folder / PAGES[kind]).is_file() else None
    return replace(row, page=page), None if row.status == RUNNING else stamp


def _place(folder: Path, results: Path) -> str:
    return folder.resolve().relative_to(results.resolve()).as_posix()


def _stamp(folder: Path) -> Stamp:
    files = [folder / name for name in (*KINDS, RECORDS, PACKED, BENCHMARKS)]
    return [
        [path.name, found.st_size, found.st_mtime_ns]
        for path in files
        if path.is_file()
        for found in [path.stat()]
    ]


def _kept(results: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of index.json by folder; none if it is damaged or has another format."""
    try:
        data = json.loads((results / INDEX).read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            return {}
        fields = set(Row.__dataclass_fields__)
        return {each["row"]["folder"]: each for each in data["runs"] if set(each["row"]) == fields}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


# ---- one run ----


def _read(folder: Path, place: str) -> Row:
    """Read a run. A damaged one keeps its name, and has the reason."""
    kind = kind_of(folder)
    row = Row(
        folder.name, place, kind and NAMES[kind], None, None, None,
        DAMAGED, None, None, None, None, None, None,
    )  # fmt: skip
    if kind is None:
        return replace(row, **_without_manifest(folder))
    try:
        return READERS[kind](folder, row)
    except Failure as error:
        return replace(row, reason=error.lines[0].removeprefix(f"{folder}{os.sep}"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return replace(row, reason=f"{type(error).__name__}: {error}")


def _without_manifest(folder: Path) -> dict[str, Any]:
    """A run that was killed before its manifest leaves an empty folder."""
    if any(folder.iterdir()):
        return {"reason": "has no manifest"}
    return {"status": RUNNING if _recent(folder) else EMPTY, "measurements": 0}


def _recent(folder: Path) -> bool:
    newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    return time.time() - newest < QUIET_S


def _head(folder: Path, row: Row, manifest: Mapping[str, Any], suite: str) -> Row:
    """Fill in what every manifest has."""
    return replace(
        row,
        suite=suite,
        platform=str(manifest["platform"]),
        started_utc=manifest["started_utc"],
        status=_status(folder, manifest.get("status", COMPLETE)),
        commit=(manifest["git"] or {}).get("commit"),
    )


def _status(folder: Path, status: str) -> str:
    if (folder / PACKED).exists():
        return IS_PACKED
    if status == RUNNING and _recent(folder):
        return RUNNING
    if is_empty(folder):
        return EMPTY
    return COMPLETE if status == COMPLETE else INTERRUPTED


def _read_run(folder: Path, row: Row) -> Row:
    """Read a run. A packed one was checked as it was packed, and every clone has some of them."""
    from iomodels.judge.summary import summarise  # only here: scipy takes a second to load
    from iomodels.report.answer import answer

    run = load_run(folder, checked=not (folder / PACKED).exists())
    row = _head(folder, row, run.manifest, run.manifest["suite"]["name"])
    if not run.records:
        planned = run.manifest["planned"]
        return replace(row, measurements=0, planned=planned, reason="nothing is measured")
    summary = summarise(run)
    planned = sum(cell.planned for cell in summary.cells)
    headline = answer(summary).headline
    return replace(row, measurements=len(run.records), planned=planned, headline=headline)


def _read_slo(folder: Path, row: Row) -> Row:
    from iomodels.report.slo_page import slo_report_data  # only here: matplotlib takes a second

    manifest = load_slo(folder)
    data = slo_report_data(manifest)
    row = _head(folder, row, manifest, f"{manifest['suite']['name']}, {data['slo']['words']}")
    trials = sum(each["trials"] for each in data["servers"])
    return replace(row, measurements=trials, headline=data["headline"] if trials else None)


def _read_tune(folder: Path, row: Row) -> Row:
    from iomodels.report.tuning import answer_lines, tuning_data

    manifest, data = load_tune(folder), tuning_data(folder)
    row = _head(folder, row, manifest, f"tune for {manifest['objective']}")
    headline = " ".join(answer_lines(data)[:1]) if data["answer"] else None
    return replace(row, measurements=data["trials"], headline=headline)


def _read_micro(folder: Path, row: Row) -> Row:
    run = load_micro_run(folder)
    row = _head(folder, row, run.manifest, "micro")
    number = len(run.benchmarks)
    said = f"On {run.platform}: the cost of {words.count(number, 'primitive')}."
    return replace(row, measurements=number, headline=said)


READERS: dict[str, Callable[[Path, Row], Row]] = {
    RUN: _read_run,
    SLO: _read_slo,
    TUNE: _read_tune,
    MICRO: _read_micro,
}
