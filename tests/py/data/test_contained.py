"""The folder of a stranger's run: bounded in memory and time, and no way out of it."""

from __future__ import annotations

import lzma
import os
import tracemalloc
import zlib
from pathlib import Path

import pytest

from iomodels.base.errors import Failure
from iomodels.data.contained import MOST_UNPACKED_BYTES, read_contained, unpacked
from iomodels.data.store import PACKED, RECORDS, load_run
from made_run import make_run


def bomb(path: Path, size: int) -> None:
    """Write an archive that unpacks to `size` zeros, without ever holding them."""
    compressor = lzma.LZMACompressor(lzma.FORMAT_XZ, preset=0)
    with path.open("wb") as file:
        for _ in range(size // 2**20):
            file.write(compressor.compress(bytes(2**20)))
        file.write(compressor.flush())


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused_early(tmp_path: Path) -> None:
    bomb(tmp_path / "a.xz", 64 * 2**20)
    tracemalloc.start()
    with pytest.raises(Failure, match=r"a\.xz: unpacks to more than 8,388,608 bytes"):
        unpacked(tmp_path / "a.xz", 8 * 2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_what_lies_below_the_limit_is_unpacked_whole(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    streams = lzma.compress(content[:7]) + lzma.compress(content[7:])
    (tmp_path / "a.xz").write_bytes(streams)
    assert unpacked(tmp_path / "a.xz") == content
    assert MOST_UNPACKED_BYTES > 10 * 14_261_659, "the largest run that is kept"


@pytest.mark.parametrize(("code", "mebibytes"), [(29, 96), (30, 128)])
def test_an_archive_that_needs_much_memory_is_refused(
    tmp_path: Path, code: int, mebibytes: int
) -> None:
    """The limit is 128 MiB. A dictionary of that size needs a little more."""
    archive = bytearray(lzma.compress(b"some words"))
    header = archive[12 : 12 + 4 * (archive[12] + 1) - 4]  # of the block, without its checksum
    header[header.index(b"\x21\x01") + 2] = code  # LZMA2 has one property: the dictionary's size
    archive[12 : 12 + len(header) + 4] = header + zlib.crc32(header).to_bytes(4, "little")
    (tmp_path / "a.xz").write_bytes(archive)
    if mebibytes < 128:
        assert unpacked(tmp_path / "a.xz") == b"some words"
    else:
        with pytest.raises(Failure, match=r"a\.xz: damaged: Memory usage limit"):
            unpacked(tmp_path / "a.xz")


@pytest.mark.parametrize("cut", [1, 20, 40], ids=["one", "footer", "half"])
def test_an_archive_that_is_cut_is_damaged(tmp_path: Path, cut: int) -> None:
    (tmp_path / "a.xz").write_bytes(lzma.compress(os.urandom(100))[:-cut])
    with pytest.raises(Failure, match=r"a\.xz: damaged: "):
        unpacked(tmp_path / "a.xz")


def test_files_of_a_run_are_plain_and_bounded(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(11))
    with pytest.raises(Failure, match="large: has 11 bytes; at most 10 are read"):
        read_contained(tmp_path / "large", 10)
    assert len(read_contained(tmp_path / "large", 11)) == 11
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(Failure, match="pipe: cannot be read: it is no plain file"):
            read_contained(tmp_path / "pipe", 10)


@pytest.mark.parametrize("name", [RECORDS, PACKED, "run.json", "figures", "report.md"])
def test_no_link_is_followed_out_of_the_folder(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path)
    other = tmp_path / "elsewhere"
    if (run / name).exists():
        (run / name).rename(other)
    (run / name).symlink_to(other)
    with pytest.raises(Failure, match=f"{name}: is a link, which is not followed"):
        load_run(run)
