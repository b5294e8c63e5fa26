"""Files that are never seen half written, and where things are kept: in the checkout, or in the folder one works in."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
"""The package's own folder, with the data that it carries (suites, templates)."""
_CHECKOUT = PACKAGE.parents[1]
_IN_CHECKOUT = (_CHECKOUT / "CMakeLists.txt").is_file()

ROOT = _CHECKOUT if _IN_CHECKOUT else Path.cwd()
"""Below it lie build/ and results/. Installed by pip there is no checkout: it is then the folder that the program was started in."""

_DATA = ROOT / "results" if _IN_CHECKOUT else PACKAGE
SCHEMAS = _DATA / "schema"
LITERATURE = _DATA / "literature"
"""results/schema and results/literature of the sources. A wheel carries them inside the package (pyproject.toml)."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """What fails within names `path`: a write that finds the disk full does not say which file it was."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def write_whole(path: Path, content: bytes | str, *, durable: bool = True) -> None:
    """Write a file so that a reader sees the old content or all of the new one, also after a crash: when it returns the file is on disk.
    What can be made again, such as a figure, need not be `durable`, which costs milliseconds a file.

    Text is UTF-8 and keeps its line ends as they are (the same bytes on every platform).
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with naming(path), os.fdopen(handle, "wb") as stream:
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        Path(name).chmod(0o644)  # mkstemp makes it private; results are there to be read
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
