"""A lock on a file: one process of this machine holds it, and others can read which one.

The end of the process releases it, whatever the cause. Its file is then left and means nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

HELD_AT = 2**30
"""The byte that Windows locks: far behind the text, which stays readable."""
NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def machine_lock() -> Path:
    """Return the lock file of this machine: in IOMODELS_LOCKS, else in the folder for temporary
    files."""
    folder = os.environ.get("IOMODELS_LOCKS") or tempfile.gettempdir()
    return Path(folder) / "iomodels-measuring.lock"


class Held(Exception):
    """Another process has the lock; `holder` is what it wrote about itself, perhaps nothing."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder or "a process that is not known"


@contextmanager
def locked(path: Path, command: str) -> Iterator[None]:
    """Hold the lock and write who holds it. The file is removed at the end.

    Raises Held at once if another process has it, and OSError.
    """
    file = _taken(path)
    try:
        with suppress(OSError):  # a file of another user can be locked, but not written
            file.truncate(0)
            file.write(f"process {os.getpid()}, {datetime.now():%Y-%m-%d %H:%M:%S}: {command}\n")
            file.flush()
        yield
    finally:
        _release(path, file)


def holder_of(path: Path) -> str | None:
    """Return who holds the lock; None if it is free or has no file."""
    try:
        file = _opened(path, create=False)
    except OSError:
        return None
    with file:
        return None if _lock(file) else _text(path)


def _taken(path: Path) -> IO[str]:
    while True:
        file = _opened(path, create=True)
        try:
            if not _lock(file):
                raise Held(_text(path))
            if _is_at(file, path):  # else its holder has just removed it
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _release(path: Path, file: IO[str]) -> None:
    if sys.platform == "win32":  # an open file cannot be removed there
        file.close()
    with suppress(OSError):
        path.unlink()
    file.close()


def _opened(path: Path, *, create: bool) -> IO[str]:
    """Open the file without following a link. One of another user is opened for reading."""
    for flags in (os.O_RDWR, os.O_RDONLY):
        with suppress(FileNotFoundError, PermissionError):
            return os.fdopen(os.open(path, flags | NO_LINK), "r+" if flags else "r")
    flags = os.O_RDWR | NO_LINK | (os.O_CREAT if create else 0)
    return os.fdopen(os.open(path, flags, 0o644), "r+")


def _lock(file: IO[str]) -> bool:
    """Take the lock if it is free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(file.fileno(), HELD_AT, os.SEEK_SET)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            os.lseek(file.fileno(), 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()[:300]
    except OSError:
        return ""
