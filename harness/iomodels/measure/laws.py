"""What this platform does: runs the programs of laws/, each of which lets the system answer, and keeps their answers.

The answers are kept in `laws.json`. They change only with the platform and the programs, so a run takes those that are
there if they are of both, and observes anew if not. The scheduler is what is looked at: nothing is pinned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from iomodels.base.errors import Failure
from iomodels.base.files import ROOT, write_whole
from iomodels.data.records import utc_now
from iomodels.launch import launcher as launch
from iomodels.launch.launcher import Launcher
from iomodels.machine.placement import Placement

FORMAT = 1
LAWS = "laws.json"
DEADLINE_S = 30.0
"""For one law, on a machine that does other things too; alone none takes longer than a few seconds."""
NOT_PINNED = Placement(note="not pinned: the scheduler is what is looked at")
VERDICTS = ("holds", "holds only when", "does not hold", "not testable here")


@dataclass(frozen=True)
class Judged:
    """What one law said of some claims. `verdict` None: the program failed, and `because` says how."""

    law: str
    sentence: str
    claims: tuple[str, ...]
    verdict: str | None
    because: str | None
    figure: str | None

    @property
    def words(self) -> str:
        """ "holds only when handlers block", "does not hold: the cap is not honoured" """
        if self.verdict is None:
            return f"failed: {self.because}"
        separator = " " if self.verdict == "holds only when" else ": "
        return self.verdict + (f"{separator}{self.because}" if self.because else "")


@dataclass(frozen=True)
class Laws:
    """A laws.json, checked."""

    data: dict[str, Any]

    @property
    def platform(self) -> str:
        return str(self.data["platform"])

    @property
    def judged(self) -> tuple[Judged, ...]:
        """One entry for each group of claims that was judged alike, in the order of the laws."""
        return tuple(_judged(self.data))


def _judged(data: dict[str, Any]) -> Iterator[Judged]:
    for law in data["laws"]:
        for each in (law, *law["also"]):
            yield Judged(
                law["law"],
                law["sentence"],
                tuple(each["claims"]),
                each["verdict"],
                each["because"],
                each["figure"],
            )
    for failed in data["failed"]:
        yield Judged(failed["law"], "", (), None, failed["reason"], None)


def programs(build: Path) -> tuple[Path, ...]:
    """The law programs that were built; none where only servers were."""
    return tuple(sorted((launch.windows_programs(build) / "laws").glob("*.exe")))


def observe(
    launcher: Launcher, build: Path, each: Callable[[str], None] = lambda law: None
) -> Laws:
    """Runs every law. One that fails is an answer too; that none was built is a Failure."""
    laws: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    if not programs(build):
        raise Failure(
            f"{launch.windows_programs(build) / 'laws'}: no law there; {launch.BUILD_HINT} mingw"
        )
    for program in programs(build):
        each(program.stem)
        try:
            laws.append(_ask(launcher, program))
        except Failure as error:
            failed.append({"law": program.stem, "reason": str(error)})
    platforms = {law["platform"] for law in laws}
    if len(platforms) != 1:
        raise Failure(
            f"the laws name {len(platforms)} platforms; {failed[0]['reason'] if failed else ', '.join(platforms)}"
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


def checked(data: dict[str, Any]) -> Laws:
    """Raises Failure when it is not what laws.json holds."""
    _check(data, "laws")
    return Laws(data)


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
    """The laws of this platform and these programs: those that are there, else observed now. None where none was built."""
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
        say("observing the laws of this platform (once for a build, some 15 s)")
        laws = observe(launcher, build)
    write(laws, results / "laws" / laws.platform)
    return laws


def _key(launcher: Launcher, build: Path) -> str:
    """Names this platform and these programs."""
    digest = hashlib.sha256(json.dumps(launcher.environment(), sort_keys=True).encode())
    for program in programs(build):
        digest.update(program.name.encode() + hashlib.sha256(program.read_bytes()).digest())
    return digest.hexdigest()


@cache
def _validator() -> Any:
    schema = json.loads(
        (ROOT / "results" / "schema" / "laws.schema.json").read_text(encoding="utf-8")
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _check(data: Any, what: str) -> None:
    error = next(iter(_validator().iter_errors(data)), None)
    if error:
        place = ".".join(str(step) for step in error.absolute_path) or "the top level"
        raise Failure(f"{what}: at {place}: {error.message[:200]}")


def load(path: Path) -> Laws:
    """Reads a laws.json. Raises Failure."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: cannot be read: {error}") from None
    _check(data, str(path))
    return Laws(data)


def of_run(folder: Path) -> Laws | None:
    """The laws in the folder of a run; None if it was made without."""
    path = folder / LAWS
    return load(path) if path.exists() else None


def write(laws: Laws, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LAWS
    write_whole(path, json.dumps(laws.data, indent=2, ensure_ascii=False) + "\n")
    return path


def show(laws: Laws, console: Console) -> None:
    """The table for a terminal."""
    table = Table(
        box=SIMPLE_HEAD,
        title=f"Laws of completion ports, pools and handles on {laws.platform}",
        title_justify="left",
        pad_edge=False,
    )
    for heading in ("law", "claims", "here", "what decided"):
        table.add_column(heading, overflow="fold")
    before = ""
    for each in laws.judged:
        table.add_row(
            "" if each.law == before else each.law,
            " ".join(each.claims),
            each.words,
            each.figure or "–",
        )
        before = each.law
    console.print(table, markup=False, highlight=False)
    counts = {verdict: sum(each.verdict == verdict for each in laws.judged) for verdict in VERDICTS}
    console.print(
        ", ".join(f"{count} × {verdict}" for verdict, count in counts.items()), highlight=False
    )
