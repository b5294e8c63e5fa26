"""What a run was measured on and with, for its manifest.

Whatever cannot be had is null, and `reasons` says why under the same key: a missing figure is never a silent one.
Nothing here names the machine or its user.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

import harness
from harness.files import ROOT

LIBRARIES = ("numpy", "scipy", "matplotlib", "rich", "jinja2", "psutil", "jsonschema")


class Unknown(Exception):
    """A fact that cannot be had here; the message says why."""


def capture(build: Path, models: Iterable[str], launcher: Mapping[str, Any]) -> dict[str, Any]:
    """Everything about this machine that may move a figure. `launcher` is what the launcher says of itself."""
    probes: dict[str, Callable[[], Any]] = {
        "system": lambda: f"{platform.system()} {platform.release()}",
        "machine": platform.machine,
        "cpu": _cpu_model,
        "cpus_logical": lambda: _known(os.cpu_count(), "the system does not tell"),
        "cpus_physical": lambda: _known(psutil.cpu_count(logical=False), "the system does not tell"),
        "cpus_usable": _usable_cpus,
        "cpu_siblings": _cpu_siblings,
        "cpu_governor": _governor,
        "virtual_machine": _virtual_machine,
        "memory_bytes": lambda: int(psutil.virtual_memory().total),
        "load_average": lambda: [round(load, 2) for load in psutil.getloadavg()],
        "open_files_limit": _open_files_limit,
        "local_port_range": lambda: list(local_port_range()),
        "compilers": lambda: _compilers(build),
        "binaries": lambda: binaries(build, models),
        "launcher": lambda: dict(launcher),
    }
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, probe in probes.items():
        try:
            values[name] = probe()
        except (Unknown, OSError) as error:
            values[name], reasons[name] = None, str(error)
    return {**values, "reasons": reasons}


def versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"iomodels": harness.__version__, "python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = None
    return found


def git_state(folder: Path = ROOT) -> dict[str, Any]:
    """Commit of the sources and whether they were changed since."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain")), "reason": None}
    except Unknown as error:
        return {"commit": None, "dirty": None, "reason": str(error)}


def binaries(build: Path, models: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the programs that a run starts, by their path below the build directory."""
    servers = {f"{model}.exe" for model in models}
    loadgen = "loadgen.exe" if os.name == "nt" else "loadgen"
    places = [(build / preset / "bin", servers) for preset in ("mingw", "msvc")]
    places += [(build / preset / "bin", {loadgen}) for preset in ("host", "mingw", "msvc")]
    found = {
        path.relative_to(build).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder, names in places
        for path in sorted(folder.rglob("*"))
        if path.name in names and path.is_file()
    }
    if not found:
        raise Unknown("no program of ours was found in the build directory")
    return found


def local_port_range() -> tuple[int, int]:
    """The ports that the system gives to outgoing connections."""
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not path.exists():
        raise Unknown(f"the system has no {path}")
    low, high = path.read_text(encoding="ascii").split()
    return int(low), int(high)


def _known(value: Any, reason: str) -> Any:
    if value is None:
        raise Unknown(reason)
    return value


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1].strip()
    name = platform.processor()
    if not name:
        raise Unknown("neither /proc/cpuinfo nor the platform names it")
    return name


def _usable_cpus() -> list[int]:
    """CPUs that this process may run on: a container or taskset can leave fewer than there are."""
    if not hasattr(os, "sched_getaffinity"):
        raise Unknown("the system has no sched_getaffinity")
    return sorted(os.sched_getaffinity(0))


def _cpu_siblings() -> list[str]:
    """Groups of logical CPUs that share a core, as "0,1" or "0-1": such two do not run at full speed together."""
    files = sorted(Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/thread_siblings_list"))
    if not files:
        raise Unknown("/sys/devices/system/cpu has no topology")
    return sorted({path.read_text(encoding="ascii").strip() for path in files})


def _governor() -> list[str]:
    files = sorted(Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    if not files:
        raise Unknown("no frequency governor: the system (often a virtual machine) does not control the clock")
    return sorted({path.read_text(encoding="ascii").strip() for path in files})


def _virtual_machine() -> bool:
    """Whether the CPU says that a hypervisor runs below this system."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        raise Unknown(f"the system has no {path}")
    flags = re.search(r"^flags\s*:(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    if not flags:
        raise Unknown(f"{path} shows no CPU flags")
    return "hypervisor" in flags[1].split()


def _open_files_limit() -> dict[str, int | None]:
    try:
        import resource
    except ImportError:
        raise Unknown("the system has no such limit") from None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {"soft": soft, "hard": None if hard == resource.RLIM_INFINITY else hard}


def _compilers(build: Path) -> dict[str, dict[str, str | None]]:
    """For each preset that was built: the compiler, and the flags that a file of ours was really compiled with."""
    found: dict[str, dict[str, str | None]] = {}
    for preset in ("host", "mingw", "msvc"):
        folder = build / preset
        if (folder / "CMakeCache.txt").exists():
            found[preset] = {**_compiler(folder), "build_type": _build_type(folder), "flags": _flags(folder)}
    if not found:
        raise Unknown("no CMakeCache.txt in the build directory")
    return found


def _compiler(folder: Path) -> dict[str, str | None]:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("CMakeFiles/*/CMakeCCompiler.cmake"))[-1:])
    found = dict(re.findall(r'^set\(CMAKE_C_COMPILER(_ID|_VERSION|) "(.*)"\)$', text, re.MULTILINE))
    return {"compiler": found.get(""), "id": found.get("_ID"), "version": found.get("_VERSION")}


def _build_type(folder: Path) -> str | None:
    text = (folder / "CMakeCache.txt").read_text(encoding="utf-8")
    found = re.search(r"^CMAKE_BUILD_TYPE:\w+=(.+)$", text, re.MULTILINE)
    return found[1] if found else None


def _flags(folder: Path) -> str | None:
    """Without include paths and file names. None where CMake writes no compile_commands.json (Visual Studio)."""
    path = folder / "compile_commands.json"
    if not path.exists():
        return None
    for entry in json.loads(path.read_text(encoding="utf-8")):
        if Path(entry["file"]).parent.name in ("servers", "loadgen"):
            words = shlex.split(entry["command"])[1:]
            return " ".join(word for word in words if re.match(r"-(?![oc]$|I|isystem|M)", word))
    return None


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20, check=False)
    except FileNotFoundError:
        raise Unknown("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise Unknown("git did not answer within 20 s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise Unknown(f"git: {lines[0] if lines else f'exit code {done.returncode}'}")
    return done.stdout.strip()
