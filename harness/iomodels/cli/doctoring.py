"""`iomodels doctor`: list and end what an earlier run left behind, and explain what it found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from iomodels.base.console import say, shell_word
from iomodels.base.locks import holder_of, machine_lock
from iomodels.base.words import count
from iomodels.cli import folders
from iomodels.data.library import KINDS, MICRO, run_folders
from iomodels.data.schema import read_object
from iomodels.measure.alone import FOLDER_LOCK


def doctor(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    done = not arguments.dry_run
    found = 0
    if sys.platform == "linux":
        found += _processes(console, done) + _prefixes(console, done)
    found += _runs(console)
    holder = holder_of(machine_lock())
    if holder:
        say(console, f"a measurement runs now and is left alone: {holder}")
    say(console, count(found, "thing") + " left behind" if found else "nothing was left behind")
    return 0


def _processes(console: Console, done: bool) -> int:
    """End the processes whose harness was killed together with its guard."""
    from iomodels.launch import marks

    left = marks.left_behind()
    for mark, pids in left.items():
        for pid in pids:
            say(console, f"process {pid}: {marks.name_of(pid)}")
        say(
            console,
            f"    started by process {mark.partition('-')[0]}, which was killed with its guard; "
            + ("ended now" if done else "would be ended"),
        )
        if done:
            marks.end_all(marks.OWNER, mark)
    return sum(map(len, left.values()))


def _prefixes(console: Console, done: bool) -> int:
    """Remove the Wine prefixes of runs that were killed."""
    from iomodels.base.errors import Failure
    from iomodels.launch import wine

    try:
        found = wine.left_behind(folders.build(), remove=done)
    except Failure as error:  # without Wine there is no prefix
        say(console, f"not looked for: Wine prefixes: {error}")
        return 0
    for path in found:
        say(console, f"{path}: a Wine prefix of a run that was killed")
        say(console, "    " + ("removed with its processes" if done else "would be removed"))
    return len(found)


def _runs(console: Console) -> int:
    """Name the runs that were killed, with the command that resumes each."""
    found = 0
    for folder in run_folders(folders.RESULTS):
        for kind in KINDS:
            if kind == MICRO or not (folder / kind).is_file():
                continue
            status = read_object(folder / kind).get("status")
            if status == "running" and holder_of(folder / FOLDER_LOCK) is None:
                found += 1
                command = {"run.json": "run", "slo.json": "slo", "tune.json": "tune"}[kind]
                again = f"iomodels {command} --resume {shell_word(folder.name)}"
                say(console, f"{folder}: was killed; its measurements are kept")
                say(console, f"    resume it: {again}")
    return found
