"""Two DLLs that fill gaps of Wine 8 below a Python for Windows, built by MinGW-w64.

Wheels made with Rust import ProcessPrng from bcryptprimitives.dll, which Wine 8 lacks. SciPy calls
complex functions that are stubs in the C library of Wine. Windows resolves names that begin with
`api-ms-win-` before it searches any folder. So the wheels import a DLL of another name, which has
those functions and forwards all others.
"""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

GCC, OBJDUMP = "x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-objdump"
MATH, OWN_MATH = "api-ms-win-crt-math-l1-1-0.dll", "api-zz-win-crt-math-l1-1-0.dll"
PRNG = """
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG); /* RtlGenRandom */
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length) {
    return SystemFunction036(bytes, (ULONG)length);
}
"""
REAL = ("creal", "cimag", "cabs", "carg")
COMPLEX = (
    *REAL,
    *("catan", "ccos", "ccosh", "cexp", "clog", "cpow", "csin", "csinh", "csqrt", "ctan"),
    *("ctanh", "casin", "cacos", "casinh", "cacosh", "catanh"),
)


def fill(system32: Path, work: Path) -> None:
    """Build both DLLs into `system32` of a prefix. Raises OSError or CalledProcessError."""
    if not (system32 / "bcryptprimitives.dll").exists():
        (work / "prng.c").write_text(PRNG, encoding="utf-8")
        _build(system32 / "bcryptprimitives.dll", work / "prng.c", "-ladvapi32")
    source, exports = math_of(_exported(system32 / "ucrtbase.dll"))
    (work / "math.c").write_text(source, encoding="utf-8")
    (work / "math.def").write_text(exports, encoding="utf-8")
    _build(system32 / OWN_MATH, work / "math.c", str(work / "math.def"), "-lm")


def rename_math(wheel: Path) -> None:
    """Let every library in a wheel import OWN_MATH; both names have the same length."""
    with zipfile.ZipFile(wheel) as archive:
        held = [(info, archive.read(info)) for info in archive.infolist()]
    if not any(MATH.encode() in data for _, data in held):
        return
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        for info, data in held:
            archive.writestr(info.filename, _renamed(data))


def unpack(wheel: Path, folder: Path) -> None:
    """Unpack a wheel without its tests, each library with the import of OWN_MATH."""
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            if info.is_dir() or "/tests/" in info.filename:
                continue
            path = folder / info.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_renamed(archive.read(info)))


def _renamed(data: bytes) -> bytes:
    return data.replace(MATH.encode(), OWN_MATH.encode())


def math_of(names: set[str]) -> tuple[str, str]:
    """Return the C source and the module definition of OWN_MATH for the exports of the C library.

    MinGW-w64 has the complex functions. A long double is a double in this ABI.
    """
    code, exports = ["#include <complex.h>"], [f"LIBRARY {OWN_MATH}", "EXPORTS"]
    for name in sorted(names | {base + end for base in COMPLEX for end in ("", "f", "l")}):
        base = name[:-1] if name[:-1] in COMPLEX and name[-1] in "fl" else name
        if base not in COMPLEX:
            exports.append(f"  {name} = ucrtbase.{name}")
            continue
        single = "f" if name == f"{base}f" else ""
        kind = "float" if single else "double"
        letters = "ab" if base == "cpow" else "a"
        takes = ", ".join(f"{kind} _Complex {letter}" for letter in letters)
        gives = kind if base in REAL else f"{kind} _Complex"
        call = f"{base}{single}({', '.join(letters)})"
        code.append(f"{gives} my_{name}({takes}) {{ return {call}; }}")
        exports.append(f"  {name} = my_{name}")
    return "\n".join(code) + "\n", "\n".join(exports) + "\n"


def _exported(library: Path) -> set[str]:
    done = subprocess.run([OBJDUMP, "-p", library], capture_output=True, text=True, check=True)
    return set(re.findall(r"^\t\[ *\d+\].*? ([A-Za-z_]\w+)$", done.stdout, re.MULTILINE))


def _build(library: Path, *arguments: str | Path) -> None:
    argv = [GCC, "-O2", "-shared", "-static", "-o", library, *arguments]
    subprocess.run(argv, capture_output=True, text=True, check=True)
