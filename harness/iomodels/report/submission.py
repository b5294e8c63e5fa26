"""Checks that a run can be submitted: complete, valid by its schemas, reproducible, anonymous.

Each record must be in its place of the plan, and none may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from iomodels.base.errors import Failure
from iomodels.data.laws import LAWS, of_run
from iomodels.data.records import Run
from iomodels.data.store import MANIFEST, PACKED, load_run, stored_records
from iomodels.judge.cells import connections_held
from iomodels.plan.fulfilment import misplaced, missing, plan_of
from iomodels.plan.order import is_limit
from iomodels.plan.suite import suite_from
from iomodels.report.pack import MOST_BYTES, size

WRITTEN = re.compile(
    r"run\.json|laws\.json|records\.jsonl(\.xz)?|records\.damaged|report\.(html|md)|[\w.-]+\.(svg|png|csv)"
)
"""What this program writes into a run's folder."""
HASH = re.compile(r"[0-9a-f]{64}")
HOME = re.compile(r"(?:[A-Za-z]:(?:\\+|/)Users(?:\\+|/)|/home/)(?!runneradmin\b|runner\b)[^\\/\"]+")


def complaints(folder: Path) -> list[str]:
    """Return why this run cannot be submitted, one line per reason.

    Raises Failure if it cannot be read.
    """
    run = load_run(folder)
    manifest = run.manifest
    found = [*run.warnings, *_against_plan(run), *_of_laws(run)]
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
    found += _of_hashes(manifest)
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


def _against_plan(run: Run) -> Iterator[str]:
    """Yield how the records differ from the plan that run.json holds."""
    suite = suite_from(run.manifest["suite"]["name"], run.manifest["suite"])
    try:
        plan = plan_of(suite, run.manifest["planned"])
    except ValueError as error:
        yield f"its plan contradicts itself: {error}"
        return
    if run.manifest["seed"] != suite.seed:
        yield f"its seed {run.manifest['seed']} is not that of its suite, {suite.seed}"
    wrong = misplaced(run.records, plan)
    if wrong:
        yield f"a record is not of its plan: {wrong}"
    lost = missing(run.manifest, run.records, plan)
    if lost and run.manifest["status"] == "complete":
        first = f"{lost[0].condition}, round {lost[0].repeat + 1}"
        yield f"{len(lost)} planned measurements have no record; the first is {first}"


def _of_laws(run: Run) -> Iterator[str]:
    """Yield what is wrong with laws.json, if there is one."""
    try:
        laws = of_run(run.path)
    except Failure as error:
        yield f"{LAWS} is damaged: {error}"
        return
    if laws and laws.platform != run.manifest["platform"]:
        yield f"{LAWS} is of {laws.platform}, the run of {run.manifest['platform']}"


def _of_hashes(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield which program of the run has no SHA-256."""
    hashes = manifest["environment"].get("binaries") or {}
    if not hashes:
        yield "its environment lacks the hashes of the programs"
        return
    known = {Path(name).stem for name, value in hashes.items() if HASH.fullmatch(value)}
    external = manifest.get("external") or {}
    models = {each["model"].partition("@")[0] for each in manifest["suite"]["servers"]}
    lacking = sorted(models - known - set(external))
    if lacking:
        yield f"its environment lacks the SHA-256 of {', '.join(lacking)}"
