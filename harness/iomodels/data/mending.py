"""Make a file of records fit for more: a resumed run, search or tuning appends to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from iomodels.base.files import write_whole
from iomodels.base.words import count
from iomodels.data.store import RECORDS, Damaged, record_of_line

REMOVED = "records.damaged"
"""The lines that were removed from the records, as they were."""


def mend_records(folder: Path, say: Callable[[str], None]) -> None:
    """Complete an unfinished last line and remove damaged ones, which REMOVED keeps.

    `say` gets one line about them. Raises Failure for a record of another format.
    """
    path = folder / RECORDS
    if not path.exists():
        return
    data = path.read_bytes()
    lines = [line for line in data.split(b"\n") if line]
    kept = [line for line in lines if not _is_damaged(line)]
    removed = [line for line in lines if line not in set(kept)]
    if removed:
        _keep(folder / REMOVED, removed)
        number = count(len(removed), "damaged line")
        say(f"note: {number} of {RECORDS} moved to {REMOVED}; what is missing is measured again")
    mended = b"".join(line + b"\n" for line in kept)
    if mended != data:
        write_whole(path, mended)


def _keep(path: Path, lines: list[bytes]) -> None:
    """Add the lines that the file does not have: an interrupted removal is repeated."""
    before = path.read_bytes() if path.exists() else b""
    known = set(before.split(b"\n"))
    write_whole(path, before + b"".join(line + b"\n" for line in lines if line not in known))


def _is_damaged(line: bytes) -> bool:
    try:
        record_of_line(line, RECORDS)
    except Damaged:
        return True
    return False
