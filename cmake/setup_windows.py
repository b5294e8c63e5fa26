"""Setup on Windows, started by ../iomodels.cmd: Python's libraries, the build, the command.

The counterpart of setup.sh. It installs nothing on the system: libraries go into build/venv, and it
names other missing programs. Each step first checks whether it is necessary. Every failure ends in
one clear line, exit code 1.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
TEST_PARTS = ("ctest", "mypy", "py", "servers")
CMAKE_MINIMUM = (3, 25)
VS_TOOLS = {
    "msvc-arm64": "Microsoft.VisualStudio.Component.VC.Tools.ARM64",
    "clang-cl": "Microsoft.VisualStudio.Component.VC.Llvm.Clang",
}
VS_TOOLS_DEFAULT = "Microsoft.VisualStudio.Component.VC.Tools.x86.x64"
VS_CMAKE = Path("Common7/IDE/CommonExtensions/Microsoft/CMake/CMake/bin/cmake.exe")
QUESTION_S = 60.0
STAMP = "iomodels.stamp"
PRESETS = ("msvc", "msvc-arm64", "msvc-x86", "msvc-asan", "clang-cl", "mingw", "zig", "zig-arm64")

USAGE = """iomodels: benchmark and comparison suite of Windows I/O models

  iomodels setup              make a Python environment and build the programs
  iomodels setup --references also build the echo servers on other frameworks
  iomodels test [PART...]     run the tests that Windows can run, or some parts
  iomodels help               print all commands, once the Python environment is there"""
NOTES = """
--no-install (or IOMODELS_NO_INSTALL=1) makes no Python environment; it names what is missing.
IOMODELS_PRESET chooses the build: msvc, msvc-arm64, msvc-x86, msvc-asan, clang-cl, mingw, zig or
zig-arm64 (see CMakePresets.json). Without Visual Studio and MinGW-w64 it is zig, a compiler from
PyPI.
IOMODELS_BUILD names the folder with the programs, such as an unpacked archive; nothing is built."""


def say(line: str) -> None:
    print(f"iomodels: {line}", file=sys.stderr, flush=True)


def fail(line: str, code: int = 1) -> NoReturn:
    say(line)
    raise SystemExit(code)


REFERENCES_FOR = (("setup", "--references"), ("run", "frameworks"))
"""The commands that fetch and build the echo servers on other frameworks, which takes minutes."""


@dataclass(frozen=True)
class Command:
    word: str
    arguments: tuple[str, ...]
    no_install: bool


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> Command:
    """Return the first word, the other arguments, and whether installing is forbidden.

    --no-install before a "--", or its variable, forbids it; the arguments do not include it.
    """
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    rest = [word for word in words[:end] if word != "--no-install"] + words[end:]
    no_install = len(rest) < len(words) or environ.get("IOMODELS_NO_INSTALL", "0") not in ("", "0")
    if not rest:
        print(USAGE + NOTES, file=sys.stderr)
        raise SystemExit(2)
    word = "help" if rest[0] in ("-h", "--help") else rest[0]
    if word == "setup":
        rest = [each for each in rest if each not in ("--yes", "-y")]  # here nothing is asked
        if rest[1:] not in ([], ["--references"]):
            fail(f"setup takes --references only, but got: {' '.join(rest[1:])}", 2)
    return Command(word, tuple(rest[1:]), no_install)


# ---- Python ----


def project(root: Path) -> dict[str, Any]:
    """Return the table `project` of pyproject.toml."""
    with (root / "pyproject.toml").open("rb") as file:
        found: dict[str, Any] = tomllib.load(file)["project"]
    return found


def libraries(root: Path) -> tuple[list[str], str]:
    """Return what build/venv must hold, and the stamp of one that this Python made for it."""
    table = project(root)
    wanted = [*table["dependencies"], *table["optional-dependencies"]["test"]]
    text = "\n".join([sys.version, sys.executable, *wanted])
    return wanted, hashlib.sha256(text.encode()).hexdigest()


def ensure_python(root: Path, forbidden: str | None = None) -> Path:
    """Return the interpreter of build/venv, with the libraries of pyproject.toml.

    It is made again if those or this Python changed; `forbidden` is the remedy if it must not be.
    """
    folder = root / "build" / "venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted, identity = libraries(root)
    stamp = folder / STAMP
    if python.exists() and stamp.is_file() and stamp.read_text(encoding="ascii") == identity:
        return python
    if forbidden:
        fail(f"build\\venv is missing or out of date; {forbidden}")
    say("making a Python environment in build\\venv")
    log = root / "build" / "venv.log"
    logged([sys.executable, "-m", "venv", "--clear", str(folder)], root, log, "making build\\venv")
    logged(pip(python, wanted), root, log, "installing Python's libraries (pip)")
    stamp.write_text(identity, encoding="ascii")
    return python


def pip(python: Path, wanted: Sequence[str]) -> list[str]:
    words = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input")
    return [str(python), *words, *wanted]


def logged(argv: list[str], root: Path, log: Path, what: str) -> None:
    """Run argv with its output in `log`; on failure print the last lines."""
    with log.open("wb") as file:
        try:
            code = subprocess.run(
                argv, cwd=root, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False
            ).returncode
        except OSError as error:
            fail(f"{what}: {argv[0]}: {error.strerror}")
    if code != 0:
        print(
            "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]),
            file=sys.stderr,
        )
        fail(f"{what} failed with exit code {code} (whole log: {log})")


# ---- build ----


@dataclass(frozen=True)
class Toolchain:
    """`ninja`: the program to build with; None: CMake finds it."""

    preset: str
    cmake: str | None
    ninja: str | None = None

    @property
    def from_pypi(self) -> bool:
        return self.preset.startswith("zig")


def answer_of(argv: list[str]) -> str:
    """Return a program's answer to a question; "" if it cannot answer."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=QUESTION_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def visual_studio(preset: str, environ: Mapping[str, str]) -> Path | None:
    """Return the folder of Visual Studio (2022 or 2026), or its build tools, with the preset's
    compiler."""
    programs = environ.get("ProgramFiles(x86)") or environ.get("ProgramFiles") or ""
    vswhere = shutil.which("vswhere") or str(
        Path(programs) / "Microsoft Visual Studio" / "Installer" / "vswhere.exe"
    )
    asked = ("-latest", "-products", "*", "-version", "[17.0,19.0)")
    tools = ("-requires", VS_TOOLS.get(preset, VS_TOOLS_DEFAULT))
    found = answer_of([vswhere, *asked, *tools, "-property", "installationPath", "-utf8"])
    return Path(found.splitlines()[0]) if found else None


def find_toolchain(environ: Mapping[str, str], machine: str) -> Toolchain:
    """Return the preset to build: IOMODELS_PRESET, Visual Studio, MinGW-w64 with Ninja, or zig.

    MinGW-w64 builds for x64. An ARM64 machine would emulate its programs, so there it must be
    asked for.
    """
    cmake = shutil.which("cmake")
    wanted = environ.get("IOMODELS_PRESET")
    native = "msvc-arm64" if machine.upper() == "ARM64" else "msvc"
    preset = wanted or native
    if preset not in PRESETS:
        fail(f"IOMODELS_PRESET={wanted}: must be one of {', '.join(PRESETS)}", 2)
    if preset.startswith("zig"):
        return Toolchain(preset, cmake)
    if preset.startswith("msvc") or preset == "clang-cl":
        studio = visual_studio(preset, environ)
        if studio:
            return Toolchain(
                preset, cmake or (str(studio / VS_CMAKE) if (studio / VS_CMAKE).exists() else None)
            )
        if wanted:
            fail(
                f"IOMODELS_PRESET={wanted}: there is no Visual Studio 2022 or 2026 "
                f"with {VS_TOOLS.get(preset, VS_TOOLS_DEFAULT)}"
            )
    missing = [name for name in ("x86_64-w64-mingw32-gcc", "ninja") if not shutil.which(name)]
    if missing and wanted:
        fail(f"IOMODELS_PRESET={wanted}: not on PATH: {', '.join(missing)}")
    if wanted:
        return Toolchain(wanted, cmake)
    if native == "msvc-arm64":
        return Toolchain("zig-arm64", cmake)
    return Toolchain("zig" if missing else "mingw", cmake)


def ensure_compiler(
    root: Path, python: Path, toolchain: Toolchain, forbidden: str | None
) -> Toolchain:
    """Return the toolchain with CMake, Ninja and zig in build/venv, which come from PyPI."""
    suffix = python.suffix
    found = replace(
        toolchain,
        cmake=str(python.with_name(f"cmake{suffix}")),
        ninja=str(python.with_name(f"ninja{suffix}")),
    )
    wanted = project(root)["optional-dependencies"]["compiler"]
    stamp = root / "build" / "venv" / "compiler.stamp"
    if stamp.is_file() and stamp.read_text(encoding="ascii").splitlines() == wanted:
        return found
    if forbidden:
        fail(
            "needs a C compiler: Visual Studio 2022 or 2026 (or its build tools) with C++, "
            f"MinGW-w64 and Ninja on PATH, or one from PyPI: {forbidden}"
        )
    say("no C compiler found; installing zig from PyPI into build\\venv")
    log = root / "build" / "compiler.log"
    logged(pip(python, wanted), root, log, "installing a C compiler (pip)")
    stamp.write_text("\n".join(wanted), encoding="ascii")
    return found


def check_cmake(cmake: str | None) -> str:
    need = ".".join(map(str, CMAKE_MINIMUM))
    if not cmake:
        fail(f"needs CMake {need} or newer on PATH: https://cmake.org/download/")
    found = re.search(r"version (\d+)\.(\d+)", answer_of([cmake, "--version"]))
    if not found:
        fail(f"{cmake} --version: printed no version")
    if (int(found[1]), int(found[2])) < CMAKE_MINIMUM:
        fail(
            f"needs CMake {need} or newer: {cmake} is {found[1]}.{found[2]}; "
            "https://cmake.org/download/"
        )
    return cmake


def configuration(root: Path, toolchain: Toolchain) -> str:
    """Return the inputs of a configured build tree besides the sources; CMake watches the rest."""
    presets = (root / "CMakePresets.json").read_bytes()
    return hashlib.sha256(presets + f"{root} {toolchain}".encode()).hexdigest()


def ensure_build(root: Path, toolchain: Toolchain, *, strict: bool = False) -> None:
    """Build what a run starts. `strict`, for the tests: build all, and warnings are errors."""
    preset, cmake = toolchain.preset, check_cmake(toolchain.cmake)
    folder = root / "build" / preset
    stamp, log = folder / "iomodels.stamp", root / "build" / f"{preset}.log"
    identity = configuration(root, toolchain)
    if not (stamp.is_file() and stamp.read_text(encoding="ascii") == identity):
        say(f"building {preset}")
        ninja = [f"-DCMAKE_MAKE_PROGRAM={toolchain.ninja}"] if toolchain.ninja else []
        command = [cmake, "--fresh", "--preset", preset, *ninja]
        logged(command, root, log, f"configuring {preset}")
        folder.mkdir(parents=True, exist_ok=True)
        stamp.write_text(identity, encoding="ascii")
    if strict:
        command = [cmake, "--preset", preset, "-DIOMODELS_WERROR=ON"]
        logged(command, root, log, f"configuring {preset}")
    own = [] if strict or preset.startswith(("micro-", "references-")) else ["--target", "programs"]
    logged([cmake, "--build", "--preset", preset, *own], root, log, f"building {preset}")


def ensure_references(root: Path, python: Path, toolchain: Toolchain) -> None:
    """Build the echo servers on other frameworks, and print those that are left out."""
    if toolchain.from_pypi:
        fail("--references needs Visual Studio 2022 or 2026 with C++, or MinGW-w64 and Ninja")
    fetch_hpsocket(root, python)
    family = "mingw" if toolchain.preset.startswith("mingw") else "msvc"
    built = replace(toolchain, preset=f"references-{family}")
    (root / "build" / built.preset / STAMP).unlink(missing_ok=True)  # a framework may be there now
    ensure_build(root, built)
    summary = (root / "build" / built.preset / "references.txt").read_text(encoding="utf-8")
    for line in summary.splitlines():
        if ": not built: " in line:
            say(line)


def fetch_hpsocket(root: Path, python: Path) -> None:
    """Put the DLL of the wheel that references/hpsocket.txt pins into build/deps/hpsocket."""
    folder = root / "build" / "deps" / "hpsocket"
    library = folder / "HPSocket4C_amd64_64.dll"
    if library.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    wanted = ["--no-deps", "--require-hashes", "-r", str(root / "references" / "hpsocket.txt")]
    command = [str(python), "-m", "pip", "download", *wanted, "-d", str(folder)]
    logged(command, root, root / "build" / "hpsocket.log", "fetching HP-Socket (pip)")
    with zipfile.ZipFile(next(folder.glob("HPSocket-*.whl"))) as wheel:
        library.write_bytes(wheel.read(f"HPSocket/{library.name}"))


# ---- the user's command ----


def call(argv: list[str], environ: Mapping[str, str], folder: Path | None = None) -> int:
    """Run a program and wait for it: Ctrl-C reaches it too, and it then cleans up."""
    process = subprocess.Popen(argv, cwd=folder, env=environ)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def run_harness(python: Path, words: list[str], environ: Mapping[str, str]) -> int:
    """Run the harness. -P: a user's directory named like one of our modules must not shadow it."""
    return call([str(python), "-P", "-m", "iomodels", *words], {**environ, "PYTHONUTF8": "1"})


def test_parts(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the named parts, else all; and pytest's options, after "--"."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for word in arguments[:end]:
        if word not in TEST_PARTS:
            fail(
                f"unknown part of the tests: {word} (one of: {' '.join(TEST_PARTS)}; "
                "options of pytest go after --)",
                2,
            )
    return arguments[:end] or TEST_PARTS, arguments[end + 1 :]


def test(
    root: Path,
    python: Path,
    toolchain: Toolchain,
    arguments: tuple[str, ...],
    environ: Mapping[str, str],
) -> int:
    """Run each part, also after a failed one.

    Tests that Windows cannot run are skipped with their reason (tests/conftest.py).
    """
    chosen, options = test_parts(arguments)
    ctest = str(
        Path(check_cmake(toolchain.cmake)).with_name("ctest.exe" if os.name == "nt" else "ctest")
    )
    pytest = [str(python), "-m", "pytest", "-rs"]
    parts = {
        "ctest": [ctest, "--preset", toolchain.preset],
        "mypy": [str(python), "-m", "mypy", "--strict"],
        "py": [*pytest, "tests/py", *options],
        "servers": [*pytest, "tests/servers", "tests/loadgen", *options],
    }
    failed = [name for name in chosen if call(parts[name], environ, root) != 0]
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def print_help(root: Path, arguments: tuple[str, ...], environ: Mapping[str, str]) -> int:
    """Print the harness's help; without its environment only that of this script."""
    python = root / "build" / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(USAGE + NOTES)
        return 0
    return run_harness(
        python, ["help", *arguments], {**environ, "PYTHONPATH": str(root / "harness")}
    )


def main(argv: Sequence[str], environ: Mapping[str, str], root: Path = ROOT) -> int:
    command = parse(argv, environ)
    if command.word == "help":
        return print_help(root, command.arguments, environ)
    if command.word == "test":
        test_parts(command.arguments)  # report a wrong part before building anything
    (root / "build").mkdir(exist_ok=True)
    harness = [command.word, *command.arguments]
    if command.word in ("check", "doctor"):  # these install and build nothing
        return run_harness(
            ensure_python(root, f"{command.word} installs nothing; make it by: iomodels.cmd setup"),
            harness,
            {**environ, "PYTHONPATH": str(root / "harness")},
        )
    forbidden = "omit --no-install to make it" if command.no_install else None
    python = ensure_python(root, forbidden)
    if environ.get("IOMODELS_BUILD") and command.word not in ("setup", "test", "micro"):
        return run_harness(python, harness, {**environ, "PYTHONPATH": str(root / "harness")})
    toolchain = find_toolchain(environ, platform.machine())
    if toolchain.from_pypi:
        toolchain = ensure_compiler(root, python, toolchain, forbidden)
    toolchain = replace(toolchain, cmake=check_cmake(toolchain.cmake))
    micro = "micro-mingw" if toolchain.preset.startswith("mingw") else "micro-msvc"
    built = replace(toolchain, preset=micro) if command.word == "micro" else toolchain
    ensure_build(root, built, strict=command.word == "test")
    environ = {**environ, "PYTHONPATH": str(root / "harness"), "IOMODELS_PRESET": toolchain.preset}
    if (command.word, *command.arguments[:1]) in REFERENCES_FOR:
        ensure_references(root, python, toolchain)
    if command.word == "setup":
        say("ready")
        return 0
    if command.word == "test":
        return test(root, python, toolchain, command.arguments, environ)
    return run_harness(python, harness, environ)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ))
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)
