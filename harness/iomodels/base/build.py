"""Where the built Windows programs are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

WINDOWS_PRESETS = ("msvc", "msvc-arm64", "clang-cl", "mingw")
BUILD_HINT = "build it first: cmake --workflow --preset"


def windows_programs(build: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the Windows binaries: that of IOMODELS_PRESET (set-up says which it built), else an unpacked archive's, else
    the first compiler's that has one."""
    wanted = environ.get("IOMODELS_PRESET")
    if wanted:
        return (build / wanted / "bin").resolve()
    folders = [build / "bin", *(build / preset / "bin" for preset in WINDOWS_PRESETS)]
    return next(
        (folder for folder in folders if any(folder.glob("*.exe"))), build / "mingw" / "bin"
    ).resolve()
