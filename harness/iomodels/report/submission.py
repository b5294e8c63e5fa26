"""Checks that a run can be submitted: complete, valid by its schemas, reproducible, anonymous."""

from __future__ import annotations

import re
from pathlib import Path

from iomodels.data.store import MANIFEST, PACKED, load_run, stored_records
from iomodels.judge.cells import connections_held
from iomodels.plan.order import is_limit
from iomodels.report.pack import MOST_BYTES, size

WRITTEN = re.compile(
    r"run\.json|laws\.json|records\.jsonl(\.xz)?|report\.(html|md)|[\w.-]+\.(svg|png|csv)"
)
"""What this program writes into a run's folder."""
HOME = re.compile(r"(?:[A-Za-z]:(?:\\+|/)Users(?:\\+|/)|/home/)(?!runneradmin\b|runner\b)[^\\/\"]+")


def complaints(folder: Path) -> list[str]:
    """Return why this run cannot be submitted, one line per reason.

    Raises Failure if it cannot be read.
    """
    run = load_run(folder)
    manifest = run.manifest
    found = list(run.warnings)
    # a model's limit and a server that holds only so many connections are results
    failed = [
        record
        for record in run.records
        if not (record.ok or is_limit(record.reason) or connections_held(record))
    ]
    if failed:
        found.append(
            f"{len(failed)} of {len(run.records)} measurements failed; "
            "repeat them with: iomodels run --resume RUN --retry-failed"
        )
    if manifest["quick"]:
        found.append("it was measured with --quick, whose results are rough")
    git = manifest["git"]
    if git["commit"] is None:
        found.append(f"its commit is unknown: {git['reason']}")
    elif git["dirty"]:
        found.append("its sources were changed and not committed, so no one else can build them")
    if not manifest["environment"].get("binaries"):
        found.append("its environment lacks the hashes of the programs")
    foreign = sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and not WRITTEN.fullmatch(path.name)
    )
    if foreign:
        found.append(f"unexpected files: {', '.join(foreign[:5])}")
    if (folder / PACKED).exists() and size(folder) > MOST_BYTES:
        most = f"{MOST_BYTES / 1e6:g} MB"
        found.append(
            f"it has {size(folder) / 1e6:.2f} MB, at most {most} are kept; "
            "measure fewer repeats or loads, in several runs"
        )
    texts = (
        (folder / MANIFEST).read_text(encoding="utf-8"),
        stored_records(folder)[1].decode("utf-8", errors="replace"),
    )
    named = {match for text in texts for match in HOME.findall(text)}
    if named:
        found.append(
            f"it contains a user's name ({sorted(named)[0]}); measure in a folder like C:\\iomodels"
        )
    return found
