"""Build the wheels that carry programs: python3 cmake/wheels.py [FOLDER] (default: build/wheels).

    python3 cmake/wheels.py --programs iocp loadgen    only build these programs for Windows x64

One wheel each for Windows x64, Windows ARM64 and Linux x86-64. zig builds the Windows programs, in
the version that pyproject.toml pins. The wheel for Linux also has the native load generator, and
its servers run under Wine. It needs Linux x86-64 with the packages of `./iomodels setup`, which it
runs first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
TOOLS = BUILD / "compiler"
"""Where cmake/zig.cmake finds zig: below a folder of build/."""
SOURCES = ("harness/iomodels", "results/schema", "results/literature")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
MAKE = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
LOADGEN = BUILD / "host" / "bin" / "loadgen"


def main(out: Path) -> int:
    done(ROOT / "iomodels", "setup")
    ensure_tools()
    for preset in ("zig", "zig-arm64"):
        build(preset)
    out.mkdir(parents=True, exist_ok=True)
    make(out, {"IOMODELS_WHEEL_PROGRAMS": BUILD / "zig" / "bin"})
    make(out, {"IOMODELS_WHEEL_PROGRAMS": BUILD / "zig-arm64" / "bin"})
    make(out, {"IOMODELS_WHEEL_PROGRAMS": BUILD / "zig" / "bin", "IOMODELS_WHEEL_LOADGEN": LOADGEN})
    for wheel in sorted(out.glob("*.whl")):
        print(wheel)
    return 0


def ensure_tools() -> None:
    """Install CMake, Ninja and zig, unless they are there in the pinned versions."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    wanted = [
        *project["project"]["optional-dependencies"]["compiler"],
        *project["build-system"]["requires"],
        "wheel",
    ]
    stamp = TOOLS / "iomodels.stamp"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == "\n".join(wanted):
        return
    venv.create(TOOLS, clear=True, with_pip=True)
    done(python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)
    stamp.write_text("\n".join(wanted), encoding="utf-8")


def python() -> Path:
    return TOOLS / "bin" / "python"


def build(preset: str, targets: Sequence[str] = ("programs",)) -> None:
    """Build the programs that a user starts, without tests, or only some targets."""
    cmake = TOOLS / "bin" / "cmake"
    histogram = BUILD / "deps" / "hdr-histogram"
    given = [f"-DFETCHCONTENT_SOURCE_DIR_HDRHISTOGRAM={histogram}"] if histogram.is_dir() else []
    ninja = f"-DCMAKE_MAKE_PROGRAM={TOOLS / 'bin' / 'ninja'}"
    done(cmake, "--preset", preset, ninja, *given)
    done(cmake, "--build", "--preset", preset, "--target", *targets)


def make(out: Path, given: Mapping[str, Path]) -> None:
    """Build one wheel from a copy, because setuptools keeps the files of earlier wheels."""
    with tempfile.TemporaryDirectory() as folder:
        for name in SOURCES:
            shutil.copytree(
                ROOT / name,
                Path(folder) / name,
                ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
            )
        for name in FILES:
            shutil.copy(ROOT / name, folder)
        environ = {**os.environ, **{name: str(path) for name, path in given.items()}}
        subprocess.run([python(), "-c", MAKE, out.resolve()], cwd=folder, env=environ, check=True)


def done(*argv: str | Path) -> None:
    subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, check=True)


def only_programs(names: Sequence[str]) -> int:
    """Install zig and build these programs, without the packages of the distribution."""
    ensure_tools()
    build("zig", names)
    return 0


def run(words: Sequence[str]) -> int:
    if words[:1] == ["--programs"] and len(words) > 1:
        return only_programs(words[1:])
    if len(words) > 1 or any(word.startswith("-") for word in words):
        sys.exit("wheels: takes the folder for the wheels, or --programs and their names")
    return main(Path(words[0]) if words else BUILD / "wheels")


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        words = " ".join(map(str, error.cmd[:4]))
        sys.exit(f"wheels: {words} …: exit code {error.returncode}")
