"""Choose the CPUs of each program. Nothing else here affects results more (docs/decisions/0011).

The manifest records the choice. --affinity overrides it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iomodels.machine import cpu_sets

ON_WINDOWS = os.name == "nt"
CPUS = Path("/sys/devices/system/cpu")
ROLES = ("server", "wineserver", "loadgen")
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
        return halves(usable, cpu_sets.read())
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


def halves(usable: Sequence[int], cpus: Mapping[int, cpu_sets.Cpu]) -> Placement:
    """Return the placement on Windows: half of the cores for each program, all of one class.

    On a hybrid processor those are the fast cores. Otherwise one end would run on slower ones.
    """
    if not usable:
        return Placement(
            note="not pinned: the process spans several processor groups; "
            "Windows spreads the threads"
        )
    if len(usable) < 2:
        return Placement(note="not pinned: only one usable CPU")
    cores = cpu_sets.fast_cores(usable, cpus)
    if len(cores) == 1:
        first, *others = cores[0]
        return Placement((first,), tuple(others), "both programs share a core, a thread each")
    half = len(cores) // 2
    server, loadgen = (
        tuple(cpu for core in part for cpu in core) for part in (cores[:half], cores[half:])
    )
    idle = len(usable) - len(server) - len(loadgen)
    note = f"the server has {_cores(half)}, the load generator has {_cores(len(cores) - half)}"
    left = f"; the {idle} CPUs of another class are left to other programs" if idle else ""
    return Placement(server, loadgen, note + left)


def _cores(number: int) -> str:
    return f"{number} core{'' if number == 1 else 's'}"


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
    return set(cpu_sets.usable()) if ON_WINDOWS else os.sched_getaffinity(0)


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
