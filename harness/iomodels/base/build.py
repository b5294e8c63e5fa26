"""The build folder: its presets and the folder of the Windows programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

WINDOWS_PRESETS = ("msvc", "msvc-arm64", "clang-cl", "mingw")
BUILD_HINT = "build it first: cmake --workflow --preset"


def windows_programs(build: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the Windows programs below `build`.

    IOMODELS_PRESET names the preset; the setup exports the one that it built. Without it, the
    folder is the `bin` of an unpacked archive, or that of the first preset with a program.
    """
    wanted = environ.get("IOMODELS_PRESET")
    if wanted:
        return (build / wanted / "bin").resolve()
    folders = [build / "bin", *(build / preset / "bin" for preset in WINDOWS_PRESETS)]
    return next(
        (folder for folder in folders if any(folder.glob("*.exe"))), build / "mingw" / "bin"
    ).resolve()
