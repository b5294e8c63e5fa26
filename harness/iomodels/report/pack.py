"""A run in the form that is kept with the sources: compressed records, and a report of one page.

`records.jsonl.xz` holds the bytes of `records.jsonl`; every command that reads a run reads it too.
Figures and report.md are left out: any machine can make them again from the records.
"""

from __future__ import annotations

import lzma
import os
import shutil
import tempfile
from pathlib import Path

from iomodels.base.errors import Failure
from iomodels.base.files import write_whole
from iomodels.data.records import Run
from iomodels.data.store import MANIFEST, PACKED, stored_records

LAWS = "laws.json"
TEXT = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0},
]
"""The filter of xz for text: lc 4 and pb 0 look at more of the byte before, and at no alignment."""
MOST_BYTES = 2_000_000
"""Of a run that is kept with the sources: a clone brings every one of them."""


def pack_run(run: Run, target: Path) -> int:
    """Write the packed run into `target`, which must not exist; return its bytes.

    The data are there whole or not at all. Raises Failure.
    """
    from iomodels.report.html import write_report  # only here: matplotlib takes a second to load

    if target.exists():
        raise Failure(f"{target}: is there already; --out names another folder")
    _, content = stored_records(run.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        write_whole(made / PACKED, lzma.compress(content, lzma.FORMAT_XZ, filters=TEXT))
        for name in (MANIFEST, LAWS):
            if (run.path / name).exists():
                write_whole(made / name, (run.path / name).read_bytes())
        if stored_records(made)[1] != content:
            raise Failure(f"{made / PACKED}: does not hold what was packed; is the disk sound?")
        made.chmod(0o777 & ~_umask())
        made.rename(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    try:
        write_report(target)  # only now, as it names its place
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return size(target)


def size(folder: Path) -> int:
    """Bytes of all files of a run."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _umask() -> int:
    """The mask of new files: a temporary folder is its owner's alone."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
