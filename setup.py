"""A wheel is pure Python, or it carries the programs of a build with their licences.

IOMODELS_WHEEL_PROGRAMS names a folder of Windows programs, such as build/mingw/bin; their machine
decides the platform of the wheel. IOMODELS_WHEEL_LOADGEN also names a load generator of Linux. The
wheel is then for Linux, where the servers run under Wine. cmake/wheels.py builds all wheels.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70.1
    from wheel.bdist_wheel import bdist_wheel

GIVEN = os.environ.get("IOMODELS_WHEEL_PROGRAMS")
LOADGEN = os.environ.get("IOMODELS_WHEEL_LOADGEN")
NOT_FOR_USERS = ("test_", "fuzz_")
WINDOWS_OF_MACHINE = {0x8664: "win_amd64", 0xAA64: "win_arm64", 0x014C: "win32"}
"""The platform of a wheel by the field `Machine` of a program's PE header."""
DEBIAN = Path("/usr/share/doc")
MINGW_PARTS = ("crt", "gdtoa", "math", "misc", "stdio", "winpthreads")
"""The folders of MinGW-w64 in zig whose objects a program may contain."""


def programs(folder: Path) -> list[Path]:
    """Return the servers, the load generator and the laws. Raises SystemExit if it has none."""
    found = [
        path
        for path in sorted(
            [path for under in (".", "laws", "costs") for path in folder.glob(f"{under}/*.exe")]
        )
        if not path.name.startswith(NOT_FOR_USERS)
    ]
    if not found:
        raise SystemExit(
            f"IOMODELS_WHEEL_PROGRAMS={folder}: must be a folder with programs (*.exe)"
        )
    return found


# ---- the platform ----


def platform_of(folder: Path, loadgen: Path | None) -> str:
    """Return the platform of the wheel. Raises SystemExit if the programs have no single one."""
    if loadgen:
        return linux_of(loadgen)
    machines = {machine_of(path) for path in programs(folder)}
    if len(machines) != 1 or not machines <= set(WINDOWS_OF_MACHINE):
        shown = ", ".join(f"{machine:#x}" for machine in sorted(machines))
        raise SystemExit(f"{folder}: must have programs of one machine, but has {shown}")
    return WINDOWS_OF_MACHINE[machines.pop()]


def machine_of(program: Path) -> int:
    """Return the field `Machine` of a PE header (Microsoft PE format, COFF file header); 0 of
    another file."""
    data = program.read_bytes()
    at = int.from_bytes(data[0x3C:0x40], "little")
    if data[:2] != b"MZ" or data[at : at + 4] != b"PE\0\0":
        return 0
    return int.from_bytes(data[at + 4 : at + 6], "little")


def linux_of(loadgen: Path) -> str:
    """Return the platform of a Linux x86-64 program by the newest glibc that it asks for (PEP
    600)."""
    data = loadgen.read_bytes()
    if data[:5] != b"\x7fELF\x02" or data[18:20] != b"\x3e\0":
        raise SystemExit(f"IOMODELS_WHEEL_LOADGEN={loadgen}: must be a program of Linux x86-64")
    minor = max((int(each) for each in re.findall(rb"GLIBC_2\.(\d+)", data)), default=17)
    return f"manylinux_2_{minor}_x86_64"


# ---- licences ----


def licences(folder: Path) -> dict[str, str]:
    """Return the licences of what the programs contain: name in the wheel, and text."""
    found = {f"HdrHistogram_c-{path.name}": _text(path) for path in _hdr_histogram(folder)}
    compiler = _compiler(folder)
    if compiler.name.startswith("zig"):
        found |= _of_zig(compiler.resolve().parent)
    elif "mingw32" in compiler.name:
        found |= _of_debian_mingw()
    return found  # Visual Studio links its C library at run time


def _hdr_histogram(folder: Path) -> list[Path]:
    places = (
        folder.parent.parent / "deps" / "hdr-histogram",
        folder.parent / "_deps" / "hdrhistogram-src",
    )
    found = [place / name for place in places for name in ("COPYING.txt", "LICENSE.txt")]
    found = [path for path in found if path.is_file()]
    if not found:
        raise SystemExit(f"{folder}: no licence of HdrHistogram_c in {places[0]} or {places[1]}")
    return found


def _compiler(folder: Path) -> Path:
    """Return the compiler of the build tree, as CMake found it. Raises SystemExit."""
    known = sorted((folder.parent / "CMakeFiles").glob("*/CMakeCCompiler.cmake"))
    found = (
        re.search(r'^set\(CMAKE_C_COMPILER "(.+)"\)$', _text(known[-1]), re.M) if known else None
    )
    if not found:
        raise SystemExit(f"{folder.parent}: is no build tree, so the licences are unknown")
    return Path(found[1])


def _of_zig(ziglang: Path) -> dict[str, str]:
    """zig links its own compiler-rt, and MinGW-w64, whose parts have notices in their sources."""
    mingw = ziglang / "lib" / "libc" / "mingw"
    notices = dict.fromkeys(each for part in MINGW_PARTS for each in _notices(mingw / part))
    return {
        "zig-LICENSE.txt": _text(_needed(ziglang / "LICENSE")),
        "MinGW-w64-COPYING.txt": _text(_needed(mingw / "COPYING")),
        "MinGW-w64-notices.txt": "\n\n".join(notices) + "\n",
    }


def _notices(part: Path) -> Iterator[str]:
    """Yield the first comment of each source that is a notice of copyright."""
    for path in sorted(part.rglob("*.[ch]")):
        comment = re.match(r"\s*/\*.*?\*/", _text(path), re.DOTALL)
        if comment and "opyright" in comment[0]:
            yield comment[0].strip()


def _of_debian_mingw() -> dict[str, str]:
    """GCC links libgcc, and MinGW-w64; Debian's packages hold the licences of both."""
    return {
        "MinGW-w64-copyright.txt": _text(_needed(DEBIAN / "mingw-w64-x86-64-dev" / "copyright")),
        "GCC-copyright.txt": _text(_needed(DEBIAN / "gcc-mingw-w64-base" / "copyright")),
    }


def _needed(path: Path) -> Path:
    if not path.is_file():
        raise SystemExit(f"{path}: missing; a wheel must hold the licence of what it carries")
    return path


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


# ---- the wheel ----


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
        if LOADGEN:
            native = target / "host" / "bin" / "loadgen"
            native.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(LOADGEN, native)
        (target / "licences").mkdir(parents=True, exist_ok=True)
        for name, text in licences(given).items():
            (target / "licences" / name).write_text(text, encoding="utf-8")


class Contents(Distribution):
    def has_ext_modules(self) -> bool:
        """Return whether the wheel is for one platform only."""
        return bool(GIVEN)


class Wheel(bdist_wheel):
    def get_tag(self) -> tuple[str, str, str]:
        if not GIVEN:
            return super().get_tag()
        return "py3", "none", platform_of(Path(GIVEN), Path(LOADGEN) if LOADGEN else None)


if __name__ == "__main__":
    setup(distclass=Contents, cmdclass={"build_py": WithPrograms, "bdist_wheel": Wheel})
