"""What can be proved about other compilers without them: `python3 tests/portable.py [--tidy]`, the part `portable` of the tests.

MSVC is not here. So every C file that the preset `mingw` compiles is also read by Clang for the same target, all its warnings being
errors but for a few; by cppcheck with Windows' sizes; and by a lint that refuses what GCC and Clang take and MSVC does not.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 300
TARGET = "x86_64-w64-mingw32"

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
    "switch-default": "a switch over an enum shall not have one: the compiler then names a case that is forgotten",
    "unsafe-buffer-usage": "C has no other buffers",
    "unknown-warning-option": "older releases do not know the four above",
}
CPPCHECK_EXCEPTIONS = {
    "memleak": "an OVERLAPPED that was handed to the system is not lost; AddressSanitizer and the handle counts look for leaks",
}

REFUSED = {
    r"__attribute__": "GNU attribute",
    r"__extension__|\b__typeof__\b|\btypeof\b|\b__auto_type\b|\b__int128\b": "GNU extension of the language",
    r"\(\s*\{": "GNU statement expression",
    r"\b__builtin_\w+|\b__sync_\w+|\b__atomic_\w+": "GNU built-in function",
    r"\?\s*:": "GNU conditional without its middle",
    r"\bcase\s[^:?]*\.\.\.": "GNU case range",
    r"\bgoto\s*\*": "GNU computed goto",
    r"\b(__asm__|asm)\b": "GNU inline assembly",
    r"#\s*pragma\s+GCC|#\s*include_next|#\s*warning\b": "GNU directive",
    r"\bstdatomic\.h\b|\b_Atomic\b|\batomic_\w+": "C11 atomics, which MSVC has as an experiment only",
    r"\bthreads\.h\b|\bthrd_\w+": "C11 threads, which MSVC has since 17.8 only",
    r"\baligned_alloc\b": "C11 function that the UCRT lacks",
}
GNU_ONLY = {"tests/servers/faults/faults.c"}
"""Built where the linker is GNU's, as it stands on its --wrap; the lint looks that the build says so too."""

MSVC_HEADERS = set(
    """assert ctype errno fcntl float inttypes io limits math mswsock process psapi signal stdarg stdbool stddef stdint stdio stdlib
    string time wchar windows winsock2 ws2tcpip winternl tlhelp32 powrprof powerbase versionhelpers bcrypt mstcpip ws2ipdef iphlpapi
    timeapi mmsystem crtdbg synchapi pdh sys/stat sys/types""".split()
)
"""Headers that a file for Windows may include: MinGW also has unistd.h, pthread.h and others of which MSVC knows nothing."""


def code_of(text: str) -> str:
    """The text without comments and with empty strings; lines keep their numbers."""

    def blank(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n") if match[0].startswith("/") else match[0][0] * 2

    return re.sub(r"""/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""", blank, text, flags=re.DOTALL)


def refused(text: str) -> Iterator[tuple[int, str]]:
    """Line and reason of every construct that MSVC does not compile."""
    code = code_of(text)
    for pattern, reason in REFUSED.items():
        for match in re.finditer(pattern, code):
            yield code.count("\n", 0, match.start()) + 1, f"{match[0].strip()}: {reason}"


def lint(root: Path) -> list[str]:
    found = []
    built = (root / "tests" / "CMakeLists.txt").read_text(encoding="utf-8")
    for path in sorted(path for room in ("common", "servers", "loadgen", "laws", "tests") for path in (root / room).rglob("*.[ch]")):
        name = path.relative_to(root).as_posix()
        if name not in GNU_ONLY:
            found += [f"{name}:{line}: {reason}" for line, reason in refused(path.read_text(encoding="utf-8"))]
        elif not re.search(rf"if\(MINGW\b[^)]*\)(?:(?!endif\(\)).)*{re.escape(path.name)}", built, re.DOTALL):
            found.append(f"{name}: is for the GNU linker, and tests/CMakeLists.txt does not keep it inside if(MINGW ...)")
    return found


def compiled(build: Path) -> dict[Path, list[str]]:
    """Our C files that the preset compiles, with the options that decide what the compiler sees."""
    found: dict[Path, list[str]] = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = Path(entry["file"])
        if path.suffix == ".c" and path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "build"):
            words = shlex.split(entry["command"])
            options = [word for word in words if word.startswith(("-D", "-I"))]
            system = [pair for pair in zip(words, words[1:]) if pair[0] == "-isystem"]
            found[path] = [*options, *(word for pair in system for word in pair)]
    assert found, f"{build}: compiles none of our files"
    return found


def run(*argv: str | Path) -> tuple[int, str]:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    return done.returncode, done.stdout + done.stderr


def foreign_headers(includes: str, ours: Path = ROOT) -> set[str]:
    """The headers that our files include themselves and MSVC has not, from what `clang -H` prints: dots for the depth, a path."""
    found = set()
    by_ours = [True]  # at each depth: whether the including file is ours
    for dots, name in re.findall(r"^(\.+) (.+)$", includes, re.MULTILINE):
        depth = len(dots)
        path = (ours / name).resolve()
        if by_ours[depth - 1] and not path.is_relative_to(ours):
            stem = re.sub(r".*/include/|\.h$", "", path.as_posix())
            if stem not in MSVC_HEADERS and not stem.startswith("hdr/"):
                found.add(f"<{stem}.h>")
        by_ours[depth:] = [path.is_relative_to(ours) and not path.is_relative_to(ours / "build")]
    return found


def clang(path: Path, options: list[str]) -> str:
    warnings = ["-Weverything", *(f"-Wno-{name}" for name in CLANG_EXCEPTIONS)]
    language = ["-std=c11", "-pedantic-errors", "-Werror", "-fsyntax-only", "-H"]
    code, said = run("clang", f"--target={TARGET}", *language, *warnings, *options, path)
    headers, complaints = "", ""
    for line in said.splitlines(keepends=True):
        if re.match(r"\.+ ", line):
            headers += line
        elif not line.startswith(("Multiple include guards", "/")) or re.search(r": (error|warning|note):", line):
            complaints += line
    foreign = "".join(f"{path}: {header}: MSVC has no such header\n" for header in sorted(foreign_headers(headers)))
    return (complaints if code else "") + foreign


def tidy(path: Path, options: list[str]) -> str:
    code, said = run("clang-tidy", "--quiet", "--warnings-as-errors=*", path, "--", f"--target={TARGET}", "-std=c11", *options)
    return said if code else ""


def cppcheck() -> str:
    rooms = [room for room in ("common", "servers", "loadgen", "laws") if (ROOT / room).is_dir()]
    exceptions = [f"--suppress={name}" for name in CPPCHECK_EXCEPTIONS]
    code, said = run(
        "cppcheck", "--platform=win64", "--std=c11", "--enable=warning,portability,performance", "--error-exitcode=1", "--quiet",
        "-D_WIN32=1", "-D_WIN32_WINNT=0x0602", "-I.", "-Iservers/kit", *exceptions, *rooms,
    )  # fmt: skip
    return said if code else ""


def each(check: Callable[[Path, list[str]], str], files: dict[Path, list[str]]) -> str:
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return "".join(pool.map(lambda item: check(*item), sorted(files.items())))


def main() -> int:
    files = compiled(ROOT / "build" / "mingw")
    checks: dict[str, Callable[[], str]] = {
        "lint": lambda: "".join(f"{line}\n" for line in lint(ROOT)),
        "clang": lambda: each(clang, files),
        "cppcheck": cppcheck,
    }
    if "--tidy" in sys.argv[1:]:
        checks = {"clang-tidy": lambda: each(tidy, files)}
    failed = []
    for name, check in checks.items():
        said = check()
        print(said, end="")
        if said:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}")
        return 1
    print(f"Success: no complaint of {', '.join(checks)} ({len(files)} files)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
