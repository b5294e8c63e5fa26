"""Choose the CPUs of each program. Nothing else here affects results more (docs/decisions/0011).

The manifest records the choice. --affinity overrides it.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ON_WINDOWS = os.name == "nt"
CPUS = Path("/sys/devices/system/cpu")
ROLES = ("server", "wineserver", "loadgen")
FEWEST_CPUS_TO_HALVE = 4
NO_TASKSET = "taskset (util-linux) is not installed"
FORM = "must be none or comma-separated ROLE=CPUS, as in server=0,wineserver=0,loadgen=1-3"


@dataclass(frozen=True)
class Placement:
    """The CPUs of each program; an empty tuple pins nothing. The wineserver is the server's."""

    server_cpus: tuple[int, ...] = ()
    loadgen_cpus: tuple[int, ...] = ()
    note: str = ""
    wineserver_cpus: tuple[int, ...] = ()


LOADGEN_ALONE = Placement(note="not pinned: this harness does not start the servers")


def server_alone() -> Placement:
    """Return the placement on a machine that runs the servers only.

    Under Wine server and wineserver share a CPU there, too: on two CPUs each request costs more.
    """
    if ON_WINDOWS:
        return Placement(note="not pinned: this harness does not start the load generator")
    both = default_placement()
    note = "server and wineserver share a CPU; this harness does not start the load generator"
    return Placement(both.server_cpus, (), note, both.wineserver_cpus) if both.server_cpus else both


def default_placement(cpus: Path = CPUS) -> Placement:
    """Return the placement of this machine, for repeatable results.

    On Linux server and wineserver share a CPU; the load generator has other cores.
    """
    usable = sorted(_usable())
    if ON_WINDOWS:
        return halves(usable)
    if len(usable) < 2:
        return Placement(note="not pinned: only one usable CPU")
    if not shutil.which("taskset"):
        return Placement(note=f"not pinned: {NO_TASKSET}")
    cores = physical_cores(usable, cpus)
    server = cores[0][:1]
    if len(cores) == 1:
        return Placement(
            server,
            cores[0][-1:],
            "server and wineserver share a CPU; the load generator has a sibling on the same core",
            server,
        )
    near = [core for core in cores[1:] if _node(core[0], cpus) == _node(server[0], cpus)] or cores[
        1:
    ]
    others = near[-1:] if len(cores) < 4 else near
    words = "has another" if len(others) == 1 else f"has {len(others)} others, a core each"
    return Placement(
        server,
        tuple(core[0] for core in others),
        f"server and wineserver share a CPU, the load generator {words}",
        server,
    )


def halves(usable: Sequence[int]) -> Placement:
    """Return the placement on Windows: half of the CPUs for each program.

    Windows numbers the two threads of a core one after the other. A half of an even number of CPUs
    therefore splits no core.
    """
    if not usable:
        return Placement(
            note="not pinned: the process spans several processor groups; "
            "Windows spreads the threads"
        )
    if len(usable) < 2:
        return Placement(note="not pinned: only one usable CPU")
    if len(usable) < FEWEST_CPUS_TO_HALVE:
        return Placement(
            (usable[0],), (usable[-1],), "the server has a CPU, the load generator has another"
        )
    half = len(usable) // 4 * 2
    return Placement(
        tuple(usable[:half]),
        tuple(usable[half:]),
        "the server has the first half of the CPUs, the load generator the rest",
    )


def physical_cores(usable: Sequence[int], cpus: Path = CPUS) -> list[tuple[int, ...]]:
    """Return the usable CPUs by core, ascending; if the system hides cores, each CPU is a core."""
    cores: dict[frozenset[int], list[int]] = {}
    for cpu in usable:
        try:
            siblings = _parse_cpus(
                (cpus / f"cpu{cpu}" / "topology" / "thread_siblings_list")
                .read_text(encoding="ascii")
                .strip()
            )
        except (OSError, ValueError):
            siblings = (cpu,)
        cores.setdefault(frozenset(siblings), []).append(cpu)
    return [tuple(core) for core in cores.values()]


def _node(cpu: int, cpus: Path) -> str | None:
    """Return the NUMA node of a CPU. Memory of another node slows both ends of a connection."""
    return next((path.name for path in (cpus / f"cpu{cpu}").glob("node[0-9]*")), None)


def _parse_cpus(text: str) -> tuple[int, ...]:
    """Parse a list of CPUs as the kernel and taskset write it: "0-2,5". Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        ends = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", part)
        if not ends or int(ends[2] or ends[1]) < int(ends[1]):
            raise ValueError(part)
        found |= set(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    return tuple(sorted(found))


def parse_affinity(text: str) -> Placement:
    """Parse the value of --affinity. Raises ValueError with one line.

    A role without CPUs is not pinned; a wineserver without CPUs shares its server's.
    """
    if text == "none":
        return Placement(note="not pinned: --affinity none")
    if not ON_WINDOWS and not shutil.which("taskset"):
        raise ValueError(f"{text}: {NO_TASKSET}")
    roles = ROLES if not ON_WINDOWS else tuple(role for role in ROLES if role != "wineserver")
    chosen: dict[str, tuple[int, ...]] = {}
    for word in re.split(r",(?=[^,=]*=)", text):  # a comma separates CPUs, unless a role follows
        role, equals, cpus = word.partition("=")
        if not equals:
            raise ValueError(f"{text}: {FORM}")
        if role not in roles:
            raise ValueError(f"{text}: {role}: no such role; available: {', '.join(roles)}")
        if role in chosen:
            raise ValueError(f"{text}: names {role} twice")
        try:
            chosen[role] = _parse_cpus(cpus)
        except ValueError:
            raise ValueError(f"{text}: {role}: {FORM}") from None
    _check_usable(text, chosen)
    server, loadgen = chosen.get("server", ()), chosen.get("loadgen", ())
    shared = sorted({*server, *chosen.get("wineserver", server)} & set(loadgen))
    note = f"--affinity {text}" + (
        f"; the load generator shares CPU {', '.join(map(str, shared))} with what it measures"
        if shared
        else ""
    )
    return Placement(server, loadgen, note, () if ON_WINDOWS else chosen.get("wineserver", server))


def _check_usable(text: str, chosen: Mapping[str, Sequence[int]]) -> None:
    usable = _usable()
    if not usable:
        raise ValueError(
            f"{text}: cannot pin: the CPUs are in several processor groups (more than 64 CPUs), "
            "and an affinity mask names only one; omit --affinity"
        )
    for role, cpus in chosen.items():
        missing = [str(cpu) for cpu in cpus if cpu not in usable]
        if missing:
            there = ", ".join(map(str, sorted(usable)))
            raise ValueError(
                f"{text}: {role}: CPU {', '.join(missing[:8])} is not usable here; "
                f"available: {there}"
            )


def _usable() -> set[int]:
    """Return the CPUs that this process may use; empty if no mask can name them."""
    return set(_windows_cpus()) if ON_WINDOWS else os.sched_getaffinity(0)


def _windows_cpus() -> list[int]:
    """Return this process's CPUs, or none if the machine has several processor groups.

    A mask names CPUs of one group only. Since Windows 11, a process in several groups has the mask
    of its first group, which does not show them. ctypes has WinDLL on Windows only.
    """
    kernel32 = getattr(ctypes, "WinDLL")("kernel32", use_last_error=True)  # noqa: B009
    kernel32.GetActiveProcessorGroupCount.restype = ctypes.c_uint16
    if kernel32.GetActiveProcessorGroupCount() > 1:
        return []
    return list(psutil.Process().cpu_affinity() or [])


def unusable(placement: Placement) -> tuple[int, ...]:
    """Return the CPUs of a placement that are unavailable here."""
    return tuple(
        sorted(
            {*placement.server_cpus, *placement.wineserver_cpus, *placement.loadgen_cpus}
            - _usable()
        )
    )


def recorded_placement(recorded: Mapping[str, Any]) -> Placement:
    """Return the placement of a run from its manifest; a resumed run keeps it."""
    return Placement(
        tuple(recorded["server_cpus"]),
        tuple(recorded["loadgen_cpus"]),
        recorded["note"],
        tuple(recorded.get("wineserver_cpus") or recorded["server_cpus"]),
    )


def pinned(cpus: Sequence[int]) -> list[str]:
    """Return the words before a command that pin it to `cpus`. The pid is the program's."""
    return ["taskset", "-c", ",".join(map(str, cpus))] if cpus else []
