"""The folders of searches, with their records: `slo.json` of an SLO search, `tune.json` of a
tuning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iomodels.base.errors import Failure
from iomodels.base.files import write_whole
from iomodels.data.records import Record
from iomodels.data.renamed import with_rounds
from iomodels.data.schema import as_input, check_against, read_object
from iomodels.data.store import RECORDS, Damaged, of_damaged, record_of_line

SLO = "slo.json"
SLO_FORMAT = 3
TUNE = "tune.json"
TUNE_FORMAT = 2


@as_input()
def load_slo(folder: Path) -> dict[str, Any]:
    """Read and check slo.json. Raises Failure."""
    path = folder / SLO
    if not path.exists():
        raise Failure(f"{folder}: not an SLO search: it has no {SLO}")
    manifest = read_object(path)
    check_against("slo", manifest, str(path))
    return with_rounds(manifest)


def write_slo(folder: Path, manifest: Mapping[str, Any]) -> None:
    check_against("slo", manifest, str(folder / SLO))
    _write(folder / SLO, manifest)


@as_input()
def load_tune(folder: Path) -> dict[str, Any]:
    """Read and check tune.json. Raises Failure."""
    path = folder / TUNE
    if not path.exists():
        raise Failure(f"{folder}: not a tuning: it has no {TUNE}")
    manifest = read_object(path)
    check_against("tune", manifest, str(path))
    return manifest


def write_tune(folder: Path, manifest: Mapping[str, Any]) -> None:
    check_against("tune", manifest, str(folder / TUNE))
    _write(folder / TUNE, manifest)


@as_input()
def search_records(folder: Path, warnings: list[str] | None = None) -> list[Record]:
    """Return the measurements of a search without damaged lines and an incomplete last one.

    `warnings` gets a line about damaged ones. Raises Failure for a record of another format.
    """
    path = folder / RECORDS
    *lines, _ = path.read_bytes().split(b"\n") if path.exists() else [b""]
    found, damaged = [], []
    for number, line in enumerate(lines, start=1):
        what = f"{path}: line {number}"
        try:
            found.append(record_of_line(line, what))
        except Damaged as error:
            damaged.append(str(error).removeprefix(f"{path}: "))
    if warnings is not None:
        warnings += of_damaged(path, damaged, "tune")
    return found


def _write(path: Path, manifest: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
