"""What every build of the Windows programs keeps to."""

from __future__ import annotations

import os
import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("IOMODELS_BUILD", ROOT / "build")) / "mingw" / "bin"


def test_a_program_does_not_depend_on_the_time_of_its_build() -> None:
    """A new build of the same sources is the same file, so a run can be resumed with it."""
    for name in ("iocp", "select", "loadgen"):
        image = (PROGRAMS / f"{name}.exe").read_bytes()
        (header,) = struct.unpack_from("<I", image, 0x3C)
        signature, _, _, stamp = struct.unpack_from("<4sHHI", image, header)
        assert (signature, stamp) == (b"PE\0\0", 0), name
