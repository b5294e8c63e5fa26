"""Whether a run can be taken into a collection of results: whole, as its schemas say, reproducible, and telling nobody's name."""

from __future__ import annotations

import re
from pathlib import Path

from iomodels.data.store import MANIFEST, PACKED, load_run, stored_records
from iomodels.report.pack import MOST_BYTES, size

WRITTEN = re.compile(
    r"run\.json|laws\.json|records\.jsonl(\.xz)?|report\.(html|md)|[\w.-]+\.(svg|png|csv)"
)
"""What this program writes into a run's folder."""
HOME = re.compile(r"(?:[A-Za-z]:(?:\\+|/)Users(?:\\+|/)|/home/)(?!runneradmin\b|runner\b)[^\\/\"]+")


def complaints(folder: Path) -> list[str]:
    """Why this run cannot be taken, one line for each reason. Raises Failure when it cannot even be read."""
    run = load_run(folder)
    manifest = run.manifest
    found = list(run.warnings)
    failed = [record for record in run.records if not record.ok]
    if failed:
        found.append(
            f"{len(failed)} of {len(run.records)} measurements failed; iomodels run --resume … --retry-failed tries them again"
        )
    if manifest["quick"]:
        found.append(
            "it was measured with --quick, which shows the shape of an answer and no figures"
        )
    git = manifest["git"]
    if git["commit"] is None:
        found.append(f"which sources it was measured with is not known: {git['reason']}")
    elif git["dirty"]:
        found.append("its sources were changed and not committed: nobody else has them")
    if not manifest["environment"].get("binaries"):
        found.append("the hashes of the programs that ran are not in its environment")
    foreign = sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and not WRITTEN.fullmatch(path.name)
    )
    if foreign:
        found.append(f"files that a run does not have: {', '.join(foreign[:5])}")
    if (folder / PACKED).exists() and size(folder) > MOST_BYTES:
        found.append(
            f"it is {size(folder) / 1e6:.2f} MB, kept is what has at most {MOST_BYTES / 1e6:g}: fewer repeats or loads, in several runs"
        )
    texts = (
        (folder / MANIFEST).read_text(encoding="utf-8"),
        stored_records(folder)[1].decode("utf-8"),
    )
    named = {match for text in texts for match in HOME.findall(text)}
    if named:
        found.append(
            f"it tells the name of a user ({sorted(named)[0]}): measure in a folder like C:\\iomodels"
        )
    return found
