"""Get the runs that the claims need: kept ones, or new ones of the small suites claims-*.

A run counts if it is complete, on this platform, not --quick, and has the servers and the load of
its suite. The newest counts. An interrupted run of claims-* is resumed, unless a program changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from iomodels.base.errors import Failure
from iomodels.base.files import ROOT
from iomodels.data.library import CONTRIBUTED, RUN
from iomodels.data.schema import read_object
from iomodels.judge.claim_answers import Size, size_of
from iomodels.measure.run import resume_run, start_run
from iomodels.measure.session import Setting
from iomodels.plan.suite import Suite, find_suite, load_suite, suite_from


def suite_of(name: str, native: bool) -> Suite:
    """Return a suite of ours, with a seed of its own."""
    suite = load_suite(find_suite(name), native=native)
    return replace(suite, seed=secrets.randbelow(2**32))


def kept(results: Path, platform: str, names: Iterable[str], native: bool) -> dict[str, Path]:
    """Return per suite the folder of the newest run that counts; nothing for the others."""
    found: dict[str, tuple[str, Path]] = {}
    suites = {name: load_suite(find_suite(name), native=native) for name in names}
    for folder, manifest in _manifests(results, platform):
        name = manifest["suite"]["name"]
        if name in suites and _counts(manifest, suites[name]) and manifest["status"] == "complete":
            found[name] = max(
                found.get(name, ("", folder)), (manifest["started_utc"], folder), key=_started
            )
    return {name: folder for name, (_, folder) in found.items()}


def _started(pair: tuple[str, Path]) -> str:
    return pair[0]


def _manifests(results: Path, platform: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each run of a suite on the platform. A damaged one counts for nothing."""
    paths = [*results.glob(f"*/{RUN}"), *results.glob(f"{CONTRIBUTED}/*/*/{RUN}")]
    for path in sorted(paths):
        try:
            manifest = read_object(path)
        except Failure:
            continue
        if manifest.get("platform") == platform and "ab" not in manifest:
            yield path.parent, manifest


def _counts(manifest: Mapping[str, Any], suite: Suite) -> bool:
    """Return whether a run asks what the suite asks. Its loads may be some of the suite's."""
    if manifest.get("quick"):
        return False
    try:
        run = suite_from(suite.name, manifest["suite"])
    except (KeyError, ValueError, TypeError):
        return False
    same = (run.load, run.depth) == (suite.load, suite.depth)
    return same and {each.label for each in suite.servers} <= {each.label for each in run.servers}


def measure(setting: Setting, name: str, native: bool) -> Path:
    """Measure a suite, or resume its interrupted run. Returns the folder of the complete run."""
    suite = suite_of(name, native)
    folder = _interrupted(setting, suite)
    if folder is not None:
        try:
            return resume_run(setting, folder, retry_failed=False)
        except Failure as error:
            setting.say(f"note: {error}; measuring {name} from the start")
    started = start_run(setting, suite, quick=False, out=setting.results)
    assert started is not None
    return started


def _interrupted(setting: Setting, suite: Suite) -> Path | None:
    """Return the newest run of the suite that is not complete, on the same kind of platform."""
    found = [
        path.parent
        for path in sorted(setting.results.glob(f"*-{suite.name}/{RUN}"))
        if (manifest := read_object(path)).get("status") != "complete"
        and _counts(manifest, suite)
        and bool(manifest["suite"].get("native")) is suite.native
    ]
    return found[-1] if found else None


def sizes(names: Iterable[str]) -> dict[str, Size]:
    """Return the size of each model's source; none for an installed package."""
    paths = {name: ROOT / "servers" / f"{name}.c" for name in names}
    return {
        name: size_of(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.is_file()
    }
