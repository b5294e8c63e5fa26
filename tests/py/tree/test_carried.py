"""What a wheel with programs says of itself: its platform, and the licences of what it carries."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
X64, ARM64 = 0x8664, 0xAA64


@pytest.fixture(scope="module")
def wheel() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_of_the_wheel", ROOT / "setup.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(path: Path, machine: int) -> Path:
    """Write the headers of a Windows program: the offset of the PE header is at 0x3c."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    path.write_bytes(header.ljust(0x80, b"\0") + b"PE\0\0" + struct.pack("<H", machine))
    return path


def native(path: Path, *symbols: str) -> Path:
    path.write_bytes(b"\x7fELF\x02".ljust(18, b"\0") + b"\x3e\0" + "\0".join(symbols).encode())
    return path


def tree(folder: Path, compiler: str) -> Path:
    """Make a build tree of this compiler, with the sources of HdrHistogram_c. Returns its bin."""
    known = folder / "preset" / "CMakeFiles" / "3.25.1" / "CMakeCCompiler.cmake"
    known.parent.mkdir(parents=True)
    known.write_text(f'set(CMAKE_C_COMPILER "{compiler}")\nset(CMAKE_C_COMPILER_ARG1 "cc")\n')
    (folder / "deps" / "hdr-histogram").mkdir(parents=True)
    (folder / "deps" / "hdr-histogram" / "COPYING.txt").write_text("CC0")
    program(folder / "preset" / "bin" / "iocp.exe", X64)
    return folder / "preset" / "bin"


@pytest.mark.parametrize(("machine", "name"), [(X64, "win_amd64"), (ARM64, "win_arm64")])
def test_the_programs_decide_the_platform(
    wheel: ModuleType, tmp_path: Path, machine: int, name: str
) -> None:
    program(tmp_path / "iocp.exe", machine)
    program(tmp_path / "laws" / "one.exe", machine)
    assert wheel.platform_of(tmp_path, None) == name


def test_programs_of_two_machines_make_no_wheel(wheel: ModuleType, tmp_path: Path) -> None:
    program(tmp_path / "iocp.exe", X64)
    program(tmp_path / "loadgen.exe", ARM64)
    with pytest.raises(SystemExit, match="one machine, but has 0x8664, 0xaa64"):
        wheel.platform_of(tmp_path, None)
    (tmp_path / "loadgen.exe").write_bytes(b"a script")
    with pytest.raises(SystemExit, match="but has 0x0, 0x8664"):
        wheel.platform_of(tmp_path, None)


def test_the_newest_symbol_decides_the_linux_that_it_needs(
    wheel: ModuleType, tmp_path: Path
) -> None:
    loadgen = native(tmp_path / "loadgen", "GLIBC_2.9", "GLIBC_2.34", "GLIBC_2.17")
    assert wheel.platform_of(tmp_path, loadgen) == "manylinux_2_34_x86_64"
    (tmp_path / "loadgen").write_text("#!/bin/sh")
    with pytest.raises(SystemExit, match="must be a program of Linux x86-64"):
        wheel.platform_of(tmp_path, loadgen)


def test_zig_brings_its_own_licence_and_those_of_mingw(wheel: ModuleType, tmp_path: Path) -> None:
    ziglang = tmp_path / "ziglang"
    sources = {
        "LICENSE": "MIT of zig",
        "lib/libc/mingw/COPYING": "ZPL",
        "lib/libc/mingw/winpthreads/thread.c": "/* Copyright of winpthreads */\nint a;",
        "lib/libc/mingw/winpthreads/sem.c": "/* Copyright of winpthreads */\nint b;",
        "lib/libc/mingw/gdtoa/gd.c": "/* no notice */ int c; /* Copyright of a part */",
    }
    for name, text in sources.items():
        (ziglang / name).parent.mkdir(parents=True, exist_ok=True)
        (ziglang / name).write_text(text)
    found = wheel.licences(tree(tmp_path / "build", str(ziglang / "zig")))
    assert found == {
        "HdrHistogram_c-COPYING.txt": "CC0",
        "zig-LICENSE.txt": "MIT of zig",
        "MinGW-w64-COPYING.txt": "ZPL",
        "MinGW-w64-notices.txt": "/* Copyright of winpthreads */\n",
    }
    (ziglang / "LICENSE").unlink()
    with pytest.raises(SystemExit, match=r"LICENSE: missing; a wheel must hold the licence"):
        wheel.licences(tmp_path / "build" / "preset" / "bin")


def test_gcc_brings_libgcc_and_mingw(
    wheel: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheel, "DEBIAN", tmp_path)
    programs = tree(tmp_path / "build", "/usr/bin/x86_64-w64-mingw32-gcc")
    with pytest.raises(SystemExit, match=r"mingw-w64-x86-64-dev.copyright: missing"):
        wheel.licences(programs)
    for package in ("mingw-w64-x86-64-dev", "gcc-mingw-w64-base"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "copyright").write_text(package)
    assert {"MinGW-w64-copyright.txt", "GCC-copyright.txt"} <= set(wheel.licences(programs))


def test_programs_without_a_build_tree_make_no_wheel(wheel: ModuleType, tmp_path: Path) -> None:
    programs = tree(tmp_path / "build", "cl.exe")
    assert set(wheel.licences(programs)) == {"HdrHistogram_c-COPYING.txt"}
    for path in programs.parent.glob("CMakeFiles/*/*"):
        path.unlink()
    with pytest.raises(SystemExit, match="is no build tree, so the licences are unknown"):
        wheel.licences(programs)
