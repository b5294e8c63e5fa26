"""A wheel is pure Python, or it carries the Windows programs of a build.

IOMODELS_WHEEL_PROGRAMS=build/mingw/bin pip wheel --no-deps .
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70.1
    from wheel.bdist_wheel import bdist_wheel

GIVEN = os.environ.get("IOMODELS_WHEEL_PROGRAMS")
PLATFORM = os.environ.get("IOMODELS_WHEEL_PLATFORM", "win_amd64")
NOT_FOR_USERS = ("test_", "fuzz_")


def programs(folder: Path) -> list[Path]:
    """Return the servers, the load generator and the laws. Raises SystemExit if it has none."""
    found = [
        path
        for path in sorted([*folder.glob("*.exe"), *folder.glob("laws/*.exe")])
        if not path.name.startswith(NOT_FOR_USERS)
    ]
    if not found:
        raise SystemExit(
            f"IOMODELS_WHEEL_PROGRAMS={folder}: must be a folder with programs (*.exe)"
        )
    return found


def licences(folder: Path) -> list[Path]:
    """Return the licences of HdrHistogram_c, which the load generator contains."""
    places = (
        folder.parent.parent / "deps" / "hdr-histogram",
        folder.parent / "_deps" / "hdrhistogram-src",
    )
    found = [path for place in places for path in sorted(place.glob("*.txt"))]
    found = [path for path in found if path.name in ("COPYING.txt", "LICENSE.txt")]
    if not found:
        raise SystemExit(f"{folder}: no licence of HdrHistogram_c in {places[0]} or {places[1]}")
    return found


class WithPrograms(build_py):
    def run(self) -> None:
        super().run()
        if not GIVEN:
            return
        given = Path(GIVEN).resolve()
        target = Path(self.build_lib) / "iomodels" / "programs"
        for path in programs(given):
            there = target / "bin" / path.relative_to(given)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, there)
        for path in licences(given):
            shutil.copy(path, target / f"HdrHistogram_c-{path.name}")


class Contents(Distribution):
    def has_ext_modules(self) -> bool:
        """Return whether the wheel is for one platform only."""
        return bool(GIVEN)


class Wheel(bdist_wheel):
    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", PLATFORM) if GIVEN else super().get_tag()


setup(distclass=Contents, cmdclass={"build_py": WithPrograms, "bdist_wheel": Wheel})
