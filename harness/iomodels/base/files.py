"""Write files as a whole, and find the folders of the project."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of the package, with its data: suites and templates."""
_CHECKOUT = PACKAGE.parents[1]
_IN_CHECKOUT = (_CHECKOUT / "CMakeLists.txt").is_file()

ROOT = _CHECKOUT if _IN_CHECKOUT else Path.cwd()
"""The parent of build/ and results/: the checkout or, for an installed package, the working folder.
"""

_DATA = ROOT / "results" if _IN_CHECKOUT else PACKAGE
SCHEMAS = _DATA / "schema"
LITERATURE = _DATA / "literature"
"""results/schema and results/literature. A wheel holds them inside the package (pyproject.toml)."""
REPLACE_S = 1.0


def below_root(argv: Sequence[str]) -> list[str]:
    """Return the arguments with paths relative to the repository: its folder may name a user."""
    return [word.replace(f"{ROOT}{os.sep}", "") for word in argv]


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add `path` to an OSError: a write to a full disk does not name its file."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def write_whole(path: Path, content: bytes | str, *, durable: bool = True) -> None:
    """Write a file as a whole: a reader sees the old or the new content, even after a crash.

    A `durable` file is on disk on return, which costs milliseconds. A chart need not be durable,
    since it can be drawn again. Text is UTF-8; its line ends stay as they are.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with naming(path), os.fdopen(handle, "wb") as stream:
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        Path(name).chmod(0o644)  # mkstemp makes it private, but others read results
        _replace(Path(name), path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _replace(new: Path, path: Path) -> None:
    """Rename `new` to `path`. Windows refuses it while a scanner or a viewer has `path` open.

    That ends soon in most cases, so it is tried again for REPLACE_S. Raises OSError.
    """
    deadline = time.monotonic() + REPLACE_S
    while True:
        try:
            new.replace(path)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
