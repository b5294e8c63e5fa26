"""Run the programs of laws/, which observe this platform, and keep their verdicts in laws.json.

Verdicts change only with the platform and the programs. A run uses stored verdicts of both, or
observes again. Nothing is pinned, since the scheduler is the object.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from iomodels.base.build import BUILD_HINT, windows_programs
from iomodels.base.errors import Failure
from iomodels.data.laws import FORMAT, LAWS, Laws, checked, load, write
from iomodels.data.records import utc_now
from iomodels.launch import platform as launch
from iomodels.launch.launcher import Launcher
from iomodels.machine.placement import Placement

DEADLINE_S = 30.0
"""Seconds for one law on a busy machine; an idle one needs a few."""
NOT_PINNED = Placement(note="not pinned: the laws observe the scheduler")


def programs(build: Path) -> tuple[Path, ...]:
    """Return the built law programs; none if only servers were built."""
    return tuple(sorted((windows_programs(build) / "laws").glob("*.exe")))


def observe(
    launcher: Launcher, build: Path, each: Callable[[str], None] = lambda law: None
) -> Laws:
    """Run every law and keep the failed ones too. Raises Failure if no law was built."""
    laws: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    if not programs(build):
        raise Failure(f"{windows_programs(build) / 'laws'}: no law there; {BUILD_HINT} mingw")
    for program in programs(build):
        each(program.stem)
        try:
            laws.append(_ask(launcher, program))
        except Failure as error:
            failed.append({"law": program.stem, "reason": str(error)})
    platforms = {law["platform"] for law in laws}
    if len(platforms) != 1:
        raise Failure(
            f"the laws report {len(platforms)} platforms; "
            f"{failed[0]['reason'] if failed else ', '.join(platforms)}"
        )
    return checked(
        {
            "format": FORMAT,
            "platform": platforms.pop(),
            "key": _key(launcher, build),
            "observed_utc": utc_now(),
            "environment": launcher.environment(),
            "laws": laws,
            "failed": failed,
        }
    )


def _ask(launcher: Launcher, program: Path) -> dict[str, Any]:
    with launcher.program(program) as running:
        running.close_stdin()
        event = running.expect("law", DEADLINE_S)
        code = running.wait(DEADLINE_S)
    if code != 0:
        raise Failure(f"{program.name}: exit code {code} after its line")
    if event.get("law") != program.stem:
        raise Failure(f"{program.name}: calls itself '{event.get('law')}'")
    return event


def current(
    build: Path, results: Path, say: Callable[[str], None] = lambda line: None
) -> Laws | None:
    """Return the laws of this platform and these programs, stored or observed now.

    Returns None if no law was built.
    """
    if not programs(build):
        return None
    with launch.open_launcher(build, NOT_PINNED, say) as launcher:
        key = _key(launcher, build)
        for path in sorted(results.glob(f"laws/*/{LAWS}")):
            try:
                known = load(path)
            except Failure:
                continue  # of another version, or damaged: observing is cheap
            if known.data["key"] == key and not known.data["failed"]:
                return known
        say("observing the laws of this platform (once per build, about 15 s)")
        laws = observe(launcher, build)
    write(laws, results / "laws" / laws.platform)
    return laws


def _key(launcher: Launcher, build: Path) -> str:
    """Return the key of this platform and these programs."""
    digest = hashlib.sha256(json.dumps(launcher.environment(), sort_keys=True).encode())
    for program in programs(build):
        digest.update(program.name.encode() + hashlib.sha256(program.read_bytes()).digest())
    return digest.hexdigest()
