"""Run the programs of laws/, which observe this platform, and keep their verdicts in laws.json.

Verdicts change only with the platform and the programs. A run uses stored verdicts of both, or
observes again. Nothing is pinned, since the scheduler is the object.

The programs of laws/costs measure times and take seconds each. Only `iomodels claims` runs them.
costs.json is written after each of them, so an interrupted call runs only the missing ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from iomodels.base.build import BUILD_HINT, windows_programs
from iomodels.base.errors import Failure
from iomodels.data.laws import COSTS, FORMAT, LAWS, Laws, checked, load, write
from iomodels.data.records import utc_now
from iomodels.launch import platform as launch
from iomodels.launch.launcher import Launcher
from iomodels.machine.placement import Placement

DEADLINES_S = {LAWS: 30.0, COSTS: 60.0}
"""Seconds for one program on a busy machine; an idle one needs a second, or 20 for costs."""
NOT_PINNED = Placement(note="not pinned: the laws observe the scheduler")


def programs(build: Path, file: str = LAWS) -> tuple[Path, ...]:
    """Return the built programs whose verdicts `file` holds; none if only servers were built."""
    return tuple(sorted((windows_programs(build) / Path(file).stem).glob("*.exe")))


def observe(
    launcher: Launcher, build: Path, each: Callable[[str], None] = lambda law: None
) -> Laws:
    """Run every law and keep the failed ones too. Raises Failure if no law was built."""
    if not programs(build):
        raise Failure(f"{windows_programs(build) / 'laws'}: no law there; {BUILD_HINT} mingw")
    answers = []
    for program in programs(build):
        each(program.stem)
        answers.append(_ask(launcher, program, LAWS))
    return _gathered(answers, launcher, _key(launcher, programs(build)))


def observe_costs(
    launcher: Launcher,
    costs: Sequence[Path],
    results: Path,
    each: Callable[[str], None] = lambda law: None,
) -> Laws | None:
    """Run each of these programs that `results` has no answer of, and write each answer.

    Returns None without programs. Answers of another platform or of a changed program count for
    nothing, and neither does a failure.
    """
    found = None
    answers: list[dict[str, Any]] = []
    kept = _kept_costs(results)
    for program in costs:
        each(program.stem)
        key = _key(launcher, [program])
        answers.append(kept.get(key) or {**_ask(launcher, program, COSTS), "key": key})
        if any("event" in one for one in answers):
            found = _gathered(answers, launcher, _key(launcher, []))
            others = [law for law in kept.values() if law["law"] not in _names(answers)]
            everything = _gathered(
                answers + _of(found.platform, others), launcher, found.data["key"]
            )
            write(everything, results / "laws" / found.platform, COSTS)
    if answers and found is None:
        raise Failure(answers[0]["reason"])
    return found


def _kept_costs(results: Path) -> dict[str, dict[str, Any]]:
    """Return the answers of all costs.json, by the key of platform and program."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(results.glob(f"laws/*/{COSTS}")):
        try:
            known = load(path)
        except Failure:
            continue  # of another version, or damaged: it is observed again
        found |= {law["key"]: law for law in known.data["laws"] if "key" in law}
    return found


def _names(answers: Sequence[dict[str, Any]]) -> set[str]:
    return {each["law"] for each in answers}


def _of(platform: str, laws: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [law for law in laws if law["platform"] == platform]


def _gathered(answers: Sequence[dict[str, Any]], launcher: Launcher, key: str) -> Laws:
    """Return the answers as a file of one platform. Raises Failure if there is not exactly one."""
    laws = [answer for answer in answers if "event" in answer]
    failed = [
        {"law": each["law"], "reason": each["reason"]} for each in answers if each not in laws
    ]
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
            "key": key,
            "observed_utc": utc_now(),
            "environment": launcher.environment(),
            "laws": laws,
            "failed": failed,
        }
    )


def _ask(launcher: Launcher, program: Path, file: str) -> dict[str, Any]:
    """Return the event of a program, or {"law", "reason"} of one that failed."""
    deadline_s = DEADLINES_S[file]
    try:
        with launcher.program(program) as running:
            running.close_stdin()
            event = running.expect("law", deadline_s)
            code = running.wait(deadline_s)
        if code != 0:
            raise Failure(f"{program.name}: exit code {code} after its line")
        if event.get("law") != program.stem:
            raise Failure(f"{program.name}: calls itself '{event.get('law')}'")
    except Failure as error:
        return {"law": program.stem, "reason": str(error)}
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
        key = _key(launcher, programs(build))
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


def _key(launcher: Launcher, observers: Sequence[Path]) -> str:
    """Return the key of this platform and these programs."""
    digest = hashlib.sha256(json.dumps(launcher.environment(), sort_keys=True).encode())
    for program in observers:
        digest.update(program.name.encode() + hashlib.sha256(program.read_bytes()).digest())
    return digest.hexdigest()
