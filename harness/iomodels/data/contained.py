"""Read the files of a run that a stranger may have made: bounded, and never through a link.

A link may lead out of the folder, a pipe never ends, and a small archive may unpack to gigabytes.
"""

from __future__ import annotations

import lzma
import stat
from collections.abc import Iterator
from pathlib import Path

from iomodels.base.errors import Failure

MOST_JSON_BYTES = 64 * 2**20
MOST_UNPACKED_BYTES = 256 * 2**20
"""Twenty times the largest run that is kept with the sources."""
MOST_PLAIN_BYTES = 2 * 2**30
LZMA_MEMORY_BYTES = 128 * 2**20
"""What xz -9 needs to unpack is 65 MiB."""
STEP_BYTES = 2**20


def read_contained(path: Path, most: int) -> bytes:
    """Return the bytes of a plain file of at most `most` bytes. Raises Failure."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise Failure(f"{path}: is a link, which is not followed; copy the file itself")
        if not stat.S_ISREG(status.st_mode):
            raise Failure(f"{path}: cannot be read: it is no plain file")
        if status.st_size > most:
            raise Failure(f"{path}: has {status.st_size:,} bytes; at most {most:,} are read")
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"{path}: cannot be read: {error.strerror}") from None


def unpacked(path: Path, most: int = MOST_UNPACKED_BYTES) -> bytes:
    """Return the content of an .xz file of at most `most` bytes. Raises Failure.

    It stops at the limit, so neither memory nor time grows with what an archive claims to hold.
    """
    pieces, size = [], 0
    for piece in _pieces(path, read_contained(path, most)):
        size += len(piece)
        if size > most:
            raise Failure(f"{path}: unpacks to more than {most:,} bytes; it is not read")
        pieces.append(piece)
    return b"".join(pieces)


def _pieces(path: Path, content: bytes) -> Iterator[bytes]:
    """Yield the unpacked content of all streams of the archive, in bounded pieces."""
    if not content:
        raise Failure(f"{path}: damaged: it is empty")
    while content:
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, LZMA_MEMORY_BYTES)
        try:
            while not decompressor.eof:
                piece = decompressor.decompress(content, STEP_BYTES)
                content = b""
                if not piece and decompressor.needs_input:
                    raise Failure(f"{path}: damaged: it is cut short")
                yield piece
        except lzma.LZMAError as error:
            raise Failure(f"{path}: damaged: {error}") from None
        content = decompressor.unused_data.lstrip(b"\0")  # padding between streams


def refuse_links(folder: Path) -> None:
    """Refuse a folder of a run that holds a link. Raises Failure.

    What is written into the folder would follow a link to a folder elsewhere.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise Failure(f"{path}: is a link, which is not followed; copy what it points to")
