"""The build folder: its presets and the folder of the Windows programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

WINDOWS_PRESETS = ("msvc", "msvc-arm64", "clang-cl", "mingw", "zig", "zig-arm64")
BUILD_HINT = "build it first: cmake --workflow --preset"


def windows_programs(build: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the Windows programs below `build`.

    The `bin` of an unpacked archive comes first, because an archive holds one build. Next comes the
    preset that IOMODELS_PRESET names; the setup exports the one that it built. Without either it is
    the first preset with a program. A preset that is a link keeps its name.
    """
    build = build.resolve()
    wanted = environ.get("IOMODELS_PRESET")
    presets = [wanted] if wanted else [*WINDOWS_PRESETS]
    folders = [build / "bin", *(build / preset / "bin" for preset in presets)]
    return next(
        (folder for folder in folders if any(folder.glob("*.exe"))),
        build / (wanted or "mingw") / "bin",
    )
