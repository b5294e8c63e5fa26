"""Measure alone: one measurement per machine at a time, and one process per folder of a run.

Two measurements share CPUs, so both would be wrong. Two processes in one folder would mix records.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from iomodels.base.errors import USAGE, Failure
from iomodels.base.locks import Held, locked, machine_lock
from iomodels.measure.session import Setting

FOLDER_LOCK = ".lock"
"""In the folder of a run while it is written."""
ASK_S = 0.5


@contextmanager
def alone(setting: Setting) -> Iterator[None]:
    """Hold the lock of this machine. With `setting.wait` wait for it. Raises Failure.

    In a cluster each worker holds the lock of its own machine.
    """
    if setting.cluster is not None:
        yield
        return
    path, said = machine_lock(), ""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(locked(path, " ".join(setting.command)))
                break
            except Held as held:
                if not setting.wait:
                    raise Failure(
                        f"another measurement runs on this machine ({held.holder}); both would be "
                        "wrong, so wait for its end; --wait does that"
                    ) from None
                if held.holder != said:
                    setting.say(f"waiting for the end of another measurement: {held.holder}")
                    said = held.holder
            except OSError as error:
                raise Failure(f"{path}: cannot be locked: {error.strerror}") from None
            time.sleep(ASK_S)
        yield


@contextmanager
def writing(setting: Setting, folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder while it is written. Raises Failure if another has it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / FOLDER_LOCK, " ".join(setting.command)))
        except Held as held:
            raise Failure(
                f"{folder}: is being written by another process ({held.holder}); "
                "wait for its end, or stop it",
                exit_code=USAGE,
            ) from None
        yield
