"""The environment of a run, for its manifest: machine and programs.

Unavailable values are null, and `reasons` gives the reason under the same key. Nothing here names
the machine or its user.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import iomodels
from iomodels.base.build import WINDOWS_PRESETS, windows_programs
from iomodels.base.files import ROOT
from iomodels.machine.facts import Fact, Unknown, facts

LIBRARIES = ("numpy", "scipy", "matplotlib", "rich", "jinja2", "psutil", "jsonschema")


def capture(
    build: Path, models: Iterable[str], launcher: Mapping[str, Any], *, native: bool = False
) -> dict[str, Any]:
    """Return all that may affect results. `launcher` is the launcher's own part."""
    return answers(
        {
            **facts(),
            "compilers": lambda: compilers(build),
            "binaries": lambda: binaries(build, models, native=native),
            "launcher": lambda: dict(launcher),
        }
    )


def answers(asked: Mapping[str, Fact]) -> dict[str, Any]:
    """Return the value of each fact, and under `reasons` why a value is missing.

    A fact may fail in ways that no other machine showed, and must never end a run. So every
    exception becomes a reason.
    """
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, fact in asked.items():
        try:
            values[name] = fact()
        except (Unknown, OSError) as error:
            values[name], reasons[name] = None, str(error)
        except Exception as error:
            values[name], reasons[name] = None, f"{type(error).__name__}: {error}"
    return {**values, "reasons": reasons}


def add_fact(found: dict[str, Any], name: str, fact: Fact) -> None:
    """Add a fact that is read after the others to what capture() returned."""
    late = answers({name: fact})
    found[name] = late[name]
    found["reasons"].update(late["reasons"])


def versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {
        "iomodels": iomodels.__version__,
        "python": platform.python_version(),
    }
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = None
    return found


def git_state(folder: Path = ROOT) -> dict[str, Any]:
    """Return the commit of the sources and whether they were changed since."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return {
            "commit": commit,
            "dirty": bool(_git(folder, "status", "--porcelain")),
            "reason": None,
        }
    except Unknown as error:
        return {"commit": None, "dirty": None, "reason": str(error)}


def binaries(build: Path, models: Iterable[str], *, native: bool = False) -> dict[str, str]:
    """Return the SHA-256 of the programs that a run starts, by their path below the build
    directory. `native`: the models are programs of Linux."""
    build = build.resolve()
    host, folder = build / "host", windows_programs(build)
    loadgen = folder / "loadgen.exe" if os.name == "nt" else host / "bin" / "loadgen"
    places = (host / "linux" / model if native else folder / f"{model}.exe" for model in models)
    programs = sorted([*places, loadgen])
    found = {
        path.relative_to(build).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in programs
        if path.is_file()
    }
    if not found:
        raise Unknown("the build directory has no program of ours")
    return found


def compilers(build: Path) -> dict[str, dict[str, str | None]]:
    """Return per built preset the compiler and the actual flags of one source file."""
    found: dict[str, dict[str, str | None]] = {}
    for preset in dict.fromkeys(("host", *WINDOWS_PRESETS, windows_programs(build).parent.name)):
        folder = build / preset
        if (folder / "CMakeCache.txt").exists():
            found[preset] = {
                **_compiler(folder),
                "build_type": _build_type(folder),
                "flags": _flags(folder),
            }
    if not found:
        raise Unknown("no CMakeCache.txt in the build directory")
    return found


def _compiler(folder: Path) -> dict[str, str | None]:
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted(folder.glob("CMakeFiles/*/CMakeCCompiler.cmake"))[-1:]
    )
    found = dict(re.findall(r'^set\(CMAKE_C_COMPILER(_ID|_VERSION|) "(.*)"\)$', text, re.MULTILINE))
    compiler = found.get("")
    if compiler:  # CMake writes / on each system; the folder of a build may name a user
        compiler = compiler.removeprefix(f"{folder.parent.resolve().as_posix()}/")
    return {"compiler": compiler, "id": found.get("_ID"), "version": found.get("_VERSION")}


STUDIO_CONFIGURATION = "RelWithDebInfo"
"""Visual Studio chooses it when it builds: `configuration` of its presets (CMakePresets.json)."""


def _cached(folder: Path, name: str) -> str | None:
    """Return the value of a variable of CMake's cache; None if it has none."""
    text = (folder / "CMakeCache.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{name}:\w+=(.+)$", text, re.MULTILINE)
    return found[1] if found else None


def _build_type(folder: Path) -> str | None:
    several = _cached(folder, "CMAKE_CONFIGURATION_TYPES")
    return STUDIO_CONFIGURATION if several else _cached(folder, "CMAKE_BUILD_TYPE")


def _flags(folder: Path) -> str | None:
    """Return the flags without include paths and file names.

    Visual Studio writes no compile_commands.json. Then they are those of CMake's cache, for the
    compiler and the linker, without what the project adds.
    """
    path = folder / "compile_commands.json"
    if not path.exists():
        kinds = ("CMAKE_C_FLAGS", "CMAKE_EXE_LINKER_FLAGS")
        names = [
            f"{kind}{end}" for kind in kinds for end in ("", f"_{STUDIO_CONFIGURATION.upper()}")
        ]
        return " ".join(filter(None, (_cached(folder, name) for name in names))) or None
    for entry in json.loads(path.read_text(encoding="utf-8")):
        if Path(entry["file"]).parent.name in ("servers", "loadgen"):
            words = shlex.split(entry["command"])[1:]
            return " ".join(word for word in words if re.match(r"-(?![oc]$|I|isystem|M)", word))
    return None


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except FileNotFoundError:
        raise Unknown("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise Unknown("git did not answer within 20 s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise Unknown(f"git: {lines[0] if lines else f'exit code {done.returncode}'}")
    return done.stdout.strip()
