"""Find a run by name, by folder, or as `latest`; find results, builds and this program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from iomodels.base.console import shell_word
from iomodels.base.errors import USAGE, Failure, hint
from iomodels.base.files import PACKAGE, ROOT
from iomodels.data.library import MICRO, RUN, SLO, TUNE, is_empty, kind_of, run_folders

RESULTS = ROOT / "results"

KINDS = {RUN: "a run", SLO: "an slo search", TUNE: "a tuning", MICRO: "a micro run"}
"""What a folder is, by the manifest that it has."""
USES = {
    RUN: ("run --resume", "report", "compare"),
    SLO: ("slo --resume", "report"),
    TUNE: ("tune --resume", "report"),
    MICRO: ("report", "compare"),
}
"""The commands for each kind."""


def find_run(name: str, *wanted: str, option: str = "") -> Path:
    """The folder of a run of one of the kinds `wanted` (manifests; default: a suite's run).

    `option` is the option that named it, for errors. Raises Failure.
    """
    wanted = wanted or (RUN,)
    what = f"{option} {name}" if option else name
    folder = _folder(name, wanted)
    if folder is None:
        names = _names(wanted)
        reason = hint(name, names[-5:]) if names else f"{RESULTS} has none yet"
        if name == "latest" and names:
            reason = f"all runs are empty ({', '.join(names[-5:])})"
        raise Failure(f"{what}: no such run; {reason}", exit_code=USAGE)
    kind = kind_of(folder)
    if kind and kind not in wanted:
        uses = " / ".join(f"iomodels {use} {shell_word(name)}" for use in USES[kind])
        raise Failure(f"{what}: is {KINDS[kind]}; use: {uses}", exit_code=USAGE)
    return folder


def _folder(name: str, wanted: tuple[str, ...]) -> Path | None:
    if name == "latest":  # an empty run has nothing to show, and nothing to resume
        names = [each for each in _names(wanted) if not is_empty(RESULTS / each)]
        return RESULTS / names[-1] if names else None
    if Path(name).is_dir():
        return Path(name)
    if Path(name).name != name:  # a path that leads nowhere
        return None
    places = (RESULTS / name, *sorted((RESULTS / "contributed").glob(f"*/{name}")))
    return next((place for place in places if kind_of(place)), None)


def _names(wanted: tuple[str, ...]) -> list[str]:
    """The runs of these kinds in the results folder, by name, so by time."""
    return sorted(path.parent.name for kind in wanted for path in RESULTS.glob(f"*/{kind}"))


def to_finish(folder: Path) -> str:
    """Return what a signal leaves to do after the last measurement of a run."""
    again = f"iomodels report {shell_word(str(folder))}"
    return f"; all measurements are kept; write the report: {again}"


def among_results(folder: Path) -> bool:
    """Return whether a folder is a run that the list of all runs has."""
    return folder.resolve() in [each.resolve() for each in run_folders(RESULTS)]


def build() -> Path:
    """Return the folder with the programs: IOMODELS_BUILD, the wheel's own, or build/."""
    own = PACKAGE / "programs"
    return Path(os.environ.get("IOMODELS_BUILD") or (own if own.is_dir() else ROOT / "build"))


def program() -> str:
    """What to type to start this program again, from this folder."""
    script = ROOT / ("iomodels.cmd" if os.name == "nt" else "iomodels")
    if not script.is_file():
        return f"{shell_word(sys.executable)} -m iomodels"
    return shell_word(f".{os.sep}{script.name}" if Path.cwd() == ROOT else str(script))
