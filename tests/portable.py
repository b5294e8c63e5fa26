"""Check the sources for other compilers without them: `python3 tests/portable.py [--tidy]`.

These are the parts `portable` and `tidy` of the tests. MSVC is not available here. So three tools
read every C file that the preset `mingw` compiles. They are Clang for the same target, cppcheck
with the sizes of Windows, and a lint for what MSVC rejects and others accept. Clang also reads
every C++ file of `micro-mingw` for 32 bits, for which no preset builds it. All warnings are errors,
with few exceptions.

`--tidy` takes minutes. It runs clang-tidy, Clang for MSVC's own target (where an enum's type is
int), and C++ for 64 bits.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 300
TARGET = "x86_64-w64-mingw32"
TARGET_32 = "i686-w64-mingw32"
TARGET_MSVC = "x86_64-pc-windows-msvc"
MINGW_HEADERS = "/usr/share/mingw-w64/include"
ROOMS = ("common", "servers", "loadgen", "laws", "microbench")

CLANG_EXCEPTIONS = {
    "bad-function-cast": "(HANDLE)_beginthreadex(...) is how Microsoft documents it",
    "cast-align": "CONTAINING_RECORD, Windows' own macro, goes through a pointer to char",
    "comma": "a rule of taste about loops in the tests",
    "declaration-after-statement": "C99",
    "padded": "the layout of our structs is nobody's interface",
    "reserved-identifier": "the names that the linker's --wrap asks for",
    "used-but-marked-unused": "how MinGW declares printf",
    "cast-qual": "argv, and a field of an interface that is not const",
    "cast-function-type-strict": "GetProcAddress gives every function the same type",
    "pre-c11-compat": "C11 is what we write",
    "switch-default": "a switch over an enum has none, so that the compiler names a missing case",
    "unsafe-buffer-usage": "C has no other buffers",
    "anon-enum-enum-conversion": "C11 has no other integer constants than enumerators",
    "format-nonliteral": "functions that pass a format on; MSVC lacks Clang's attribute for them",
    "unknown-warning-option": "older releases do not know some of the above",
}
CPP_EXCEPTIONS = {
    "c++98-compat": "C++17 is what we write",
    "c++98-compat-pedantic": "the same",
    "global-constructors": "how Google Benchmark learns of a benchmark",
    "exit-time-destructors": "the sockets that all benchmarks of a file share, and strings",
}
CPPCHECK_EXCEPTIONS = {
    "normalCheckLevelMaxBranches": "cppcheck 2.17 says how far it looks; that is no complaint",
    "nullPointerOutOfMemory": "law_require() ends the program, which cppcheck does not see",
    "memleak": "Windows owns an OVERLAPPED in use; AddressSanitizer and handle counts find leaks",
}

STATEMENT_EXPRESSION = r"\(\s*\{"
REFUSED = {
    r"__attribute__": "GNU attribute",
    r"__extension__|\b__typeof__\b|\btypeof\b|\b__auto_type\b|\b__int128\b": "GNU extension",
    STATEMENT_EXPRESSION: "GNU statement expression",
    r"\b__builtin_\w+|\b__sync_\w+|\b__atomic_\w+": "GNU built-in function",
    r"\?\s*:": "GNU conditional without its middle",
    r"\bcase\s[^:?]*\.\.\.": "GNU case range",
    r"\bgoto\s*\*": "GNU computed goto",
    r"\b(__asm__|asm)\b": "GNU inline assembly",
    r"#\s*pragma\s+GCC|#\s*include_next|#\s*warning\b": "GNU directive",
    r"\bstdatomic\.h\b|\b_Atomic\b|\batomic_\w+": "C11 atomics, which MSVC only tries out",
    r"\bthreads\.h\b|\bthrd_\w+": "C11 threads, which MSVC has since 17.8 only",
    r"\baligned_alloc\b": "C11 function that the UCRT lacks",
}
REFUSED_IN_CPP = {
    r"[{,]\s*\.\w+\s*=": "designated initializer, C++20",
    r"#\s*include\s*<(bits/|ext/|cxxabi)": "header of GNU's C++ library only",
    r"\(\s*(struct\s+)?\w+\s*\)\s*\{\s*[.\w]+[^;{}]*\}": "compound literal, which is C",
}
GNU_ONLY = {"tests/fixtures/faults/faults.c", "tests/fixtures/strict/rio.c"}
"""Built for GNU's linker, because it needs --wrap; the lint checks that the build says so too."""

MSVC_HEADERS = {
    "assert",
    "ctype",
    "errno",
    "fcntl",
    "float",
    "inttypes",
    "io",
    "limits",
    "math",
    "mswsock",
    "process",
    "psapi",
    "signal",
    "stdarg",
    "stdbool",
    "stddef",
    "stdint",
    "stdio",
    "stdlib",
    "string",
    "time",
    "wchar",
    "windows",
    "winsock2",
    "ws2tcpip",
    "winternl",
    "tlhelp32",
    "powrprof",
    "powerbase",
    "versionhelpers",
    "bcrypt",
    "mstcpip",
    "ws2ipdef",
    "iphlpapi",
    "timeapi",
    "mmsystem",
    "crtdbg",
    "synchapi",
    "pdh",
    "sys/stat",
    "sys/types",
}
"""Headers that a file for Windows may include; MinGW has unistd.h and others that MSVC lacks."""


def code_of(text: str) -> str:
    """The text without comments and with empty strings; lines keep their numbers."""

    def blank(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n") if match[0].startswith("/") else match[0][0] * 2

    return re.sub(
        r"""/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""",
        blank,
        text,
        flags=re.DOTALL,
    )


def refused(text: str, cpp: bool = False) -> Iterator[tuple[int, str]]:
    """Line and reason of every construct that MSVC does not compile."""
    code = code_of(text)
    patterns = {**REFUSED, **REFUSED_IN_CPP} if cpp else REFUSED
    for pattern, reason in patterns.items():
        if cpp and pattern == STATEMENT_EXPRESSION:
            continue  # here an argument in braces; Clang's warnings distinguish the two
        for match in re.finditer(pattern, code):
            yield code.count("\n", 0, match.start()) + 1, f"{match[0].strip()}: {reason}"


def lint(root: Path) -> list[str]:
    found = []
    built = (root / "tests" / "CMakeLists.txt").read_text(encoding="utf-8")
    for path in sorted(
        path
        for room in (*ROOMS, "tests")
        for ending in ("*.[ch]", "*.cpp")
        for path in (root / room).rglob(ending)
    ):
        name = path.relative_to(root).as_posix()
        cpp = name.startswith("microbench/")
        if name not in GNU_ONLY:
            found += [
                f"{name}:{line}: {reason}"
                for line, reason in refused(path.read_text(encoding="utf-8"), cpp)
            ]
        elif not re.search(
            rf"if\(MINGW\b[^)]*\)(?:(?!endif\(\)).)*{re.escape(path.name)}", built, re.DOTALL
        ):
            found.append(
                f"{name}: is for the GNU linker; tests/CMakeLists.txt must keep it in if(MINGW ...)"
            )
    return found


def compiled(build: Path, ending: str = ".c") -> dict[Path, list[str]]:
    """Our files that the preset compiles, with the options that decide what the compiler sees."""
    found: dict[Path, list[str]] = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = Path(entry["file"])
        if (
            path.suffix == ending
            and path.is_relative_to(ROOT)
            and not path.is_relative_to(ROOT / "build")
        ):
            words = shlex.split(entry["command"])
            options = [word for word in words if word.startswith(("-D", "-I"))]
            system = [pair for pair in pairwise(words) if pair[0] == "-isystem"]
            library = cpp_library(words[0]) if ending == ".cpp" else ()
            found[path] = [*options, *library, *(word for pair in system for word in pair)]
    assert found, f"{build}: compiles none of our files"
    return found


@cache
def cpp_library(compiler: str) -> tuple[str, ...]:
    """The options that give Clang the C++ library of a cross-compiler, which it would not find."""
    _, said = run(compiler, "-E", "-v", "-x", "c++", os.devnull)
    folders = [
        folder for folder in re.findall(r"^ (/\S+)$", said, re.MULTILINE) if "/c++" in folder
    ]
    assert folders, f"{compiler} does not tell where its C++ library is"
    return ("-nostdinc++", *(word for folder in folders for word in ("-isystem", folder)))


def run(*argv: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    return done.returncode, done.stdout + done.stderr


def foreign_headers(includes: str, ours: Path = ROOT) -> set[str]:
    """Return headers that our files include and MSVC lacks, from `clang -H` (dots, path)."""
    found = set()
    by_ours = [True]  # at each depth: whether the including file is ours
    for dots, name in re.findall(r"^(\.+) (.+)$", includes, re.MULTILINE):
        depth = len(dots)
        path = (ours / name).resolve()
        if by_ours[depth - 1] and not path.is_relative_to(ours):
            stem = re.sub(r".*/include/|\.h$", "", path.as_posix())
            if stem not in MSVC_HEADERS and not re.match(r"hdr/|benchmark/|c\+\+/\w+$", stem):
                found.add(f"<{stem}.h>")
        by_ours[depth:] = [path.is_relative_to(ours) and not path.is_relative_to(ours / "build")]
    return found


def clang(path: Path, options: list[str], target: str = TARGET) -> str:
    cpp = path.suffix == ".cpp"
    warnings = [
        "-Weverything",
        *(f"-Wno-{name}" for name in CLANG_EXCEPTIONS | (CPP_EXCEPTIONS if cpp else {})),
    ]
    language = [
        "-std=c++17" if cpp else "-std=c11",
        "-pedantic-errors",
        "-Werror",
        "-fsyntax-only",
        "-H",
    ]
    code, said = run("clang", f"--target={target}", *language, *warnings, *options, path)
    headers, complaints = "", ""
    for line in said.splitlines(keepends=True):
        if re.match(r"\.+ ", line):
            headers += line
        elif not line.startswith(("Multiple include guards", "/")) or re.search(
            r": (error|warning|note):", line
        ):
            complaints += line
    foreign = "".join(
        f"{path}: {header}: MSVC has no such header\n"
        for header in sorted(foreign_headers(headers))
    )
    return (complaints if code else "") + foreign


def clang_32(path: Path, options: list[str]) -> str:
    return clang(path, [*options, "-isystem", MINGW_HEADERS], TARGET_32)


def clang_msvc(path: Path, options: list[str]) -> str:
    """With MinGW's headers, which Clang understands only if it does not pose as MSVC."""
    return clang(path, ["-fno-ms-compatibility", *options, "-isystem", MINGW_HEADERS], TARGET_MSVC)


def tidy(path: Path, options: list[str]) -> str:
    code, said = run(
        "clang-tidy",
        "--quiet",
        "--warnings-as-errors=*",
        path,
        "--",
        f"--target={TARGET}",
        "-std=c11",
        *options,
    )
    return said if code else ""


def cppcheck() -> str:
    exceptions = [f"--suppress={name}" for name in CPPCHECK_EXCEPTIONS]
    code, said = run(
        "cppcheck",
        "--platform=win64",
        "--std=c11",
        "--std=c++17",
        "--enable=warning,portability,performance",
        "--error-exitcode=1",
        "--quiet",
        "-D_WIN32=1",
        "-D_WIN32_WINNT=0x0602",
        "-I.",
        "-Iservers/kit",
        *exceptions,
        *ROOMS,
    )
    return said if code else ""


def each(check: Callable[[Path, list[str]], str], files: dict[Path, list[str]]) -> str:
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return "".join(pool.map(lambda item: check(*item), sorted(files.items())))


def main() -> int:
    files = compiled(ROOT / "build" / "mingw")
    cpp = compiled(ROOT / "build" / "micro-mingw", ".cpp")
    checks: dict[str, Callable[[], str]] = {
        "lint": lambda: "".join(f"{line}\n" for line in lint(ROOT)),
        "clang": lambda: each(clang, files),
        "clang for C++, 32 bits": lambda: each(clang_32, cpp),
        "cppcheck": cppcheck,
    }
    if "--tidy" in sys.argv[1:]:
        checks = {
            "clang-tidy": lambda: each(tidy, files),
            "clang for MSVC's target": lambda: each(clang_msvc, files),
            "clang for C++, 64 bits": lambda: each(clang, cpp),
        }
    failed = []
    for name, check in checks.items():
        said = check()
        print(said, end="")
        if said:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}")
        return 1
    print(
        f"Success: no complaint of {', '.join(checks)} ({len(files)} files of C, {len(cpp)} of C++)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
