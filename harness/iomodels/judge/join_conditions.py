"""What two platforms must share for a joined page, what differs, and what no run can show.

The facts come from the environments that the runs recorded. No fact names a machine, so equal facts
do not prove that it was the same one. Whatever makes a ratio meaningless is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

from iomodels.base import words
from iomodels.base.errors import USAGE, Failure
from iomodels.data.records import Run
from iomodels.judge.join import shared_loads

SYSTEMS = ("windows", "linux")
"""The first word of a platform that is a kernel of its own."""
MEMORY_SHARE = 0.05
"""Each system keeps some memory back before it reports the rest."""
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Windows' words for what Linux calls otherwise."""
LOAD = ("depth", "load", "active", "loadgen_threads")
"""Words of a suite that make another load."""

Facts = Mapping[str, Any]
"""The environment of a run, or its manifest."""


class State(Enum):
    """What the runs show of a condition."""

    SAME = "the same"
    DIFFERS = "differs"
    UNKNOWN = "not checked"


@dataclass(frozen=True)
class Condition:
    """A condition on both platforms. `why`: the reason why it is not checked.

    fatal: a difference makes every ratio meaningless.
    """

    group: str
    name: str
    windows: str
    linux: str
    state: State
    why: str = ""
    fatal: bool = False


@dataclass(frozen=True)
class _Fact:
    """How to read a condition from the environment of a run, and when two values are equal."""

    group: str
    name: str
    read: Callable[[Facts], Any]
    fatal: bool = False
    equal: Callable[[Any, Any], bool] = lambda a, b: bool(a == b)
    show: Callable[[Any], object] = str


def sides_of(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Return the runs on Windows, and those on Linux, in the order given.

    Raises Failure with one line if they cannot be joined: for Wine and for unknown systems, for a
    run that is incomplete, given twice or of two builds, and for anything but two platforms.
    """
    for run in runs:
        _check_run(run)
    identities = [(run.manifest["run"], run.manifest["started_utc"], run.platform) for run in runs]
    for place, identity in enumerate(identities):
        if identity in identities[:place]:
            raise _refused(f"run {identity[0]} is given twice; each run counts once")
    platforms = list(dict.fromkeys(run.platform for run in runs))
    systems = [_system(platform) for platform in platforms]
    if len(platforms) == 1:
        raise _refused(f"all runs are on {platforms[0]}; use: iomodels compare")
    if sorted(systems) != sorted(SYSTEMS):
        listed = words.listed(platforms)
        raise _refused(f"must be one platform of Windows and one of Linux, not {listed}")
    windows, linux = ([run for run in runs if _system(run.platform) == each] for each in SYSTEMS)
    _check_loads([*windows, *linux])
    return windows, linux


def _system(platform: str) -> str:
    return platform.partition("-")[0]


def _refused(reason: str) -> Failure:
    return Failure(f"cannot join: {reason}", exit_code=USAGE)


def _check_run(run: Run) -> None:
    manifest, name = run.manifest, run.manifest["run"]
    if words.emulated(run.platform):
        raise _refused(
            f"run {name} is on {run.platform}, and Wine is no kernel of its own; "
            "join takes Windows and Linux"
        )
    if _system(run.platform) not in SYSTEMS:
        raise _refused(f"run {name} is on {run.platform}; join takes Windows and Linux")
    if "ab" in manifest:
        raise _refused(f"run {name} compares two builds; join takes runs of a suite")
    if manifest["status"] != "complete":
        raise _refused(
            f"run {name} is {manifest['status']}; complete it: iomodels run --resume {name}"
        )


def _check_loads(runs: Sequence[Run]) -> None:
    first, *others = (run.manifest["suite"] for run in runs)
    for run, suite in zip(runs[1:], others):
        if suite["name"] != first["name"]:
            raise _refused(
                f"the suites are {first['name']} and {suite['name']}; use the same suite"
            )
        for key in LOAD:
            ours, its = (each.get(key) or None for each in (first, suite))
            if ours != its:
                name = run.manifest["run"]
                raise _refused(f"the loads differ: {key} is {ours}, and {its} in run {name}")
    if not shared_loads(runs)[0]:
        raise _refused("no load is in all runs")


def conditions(windows: Sequence[Run], linux: Sequence[Run]) -> tuple[Condition, ...]:
    """Return every condition of the runs. Raises Failure if one makes a ratio meaningless."""
    manifests = [[run.manifest for run in side] for side in (windows, linux)]
    sides = [[manifest["environment"] for manifest in side] for side in manifests]
    found = [_condition(fact, sides) for fact in HARDWARE]
    found += _of_load_generator(sides)
    found += [_condition(fact, manifests) for fact in OF_RUNS]
    found += _own_settings(sides)
    found += [Condition(*each[:2], "", "", State.UNKNOWN, each[2]) for each in NEVER_RECORDED]
    fatal = [each for each in found if each.fatal and each.state is State.DIFFERS]
    if fatal:
        lines = [f"{each.group}: {each.name}: {each.windows} / {each.linux}" for each in fatal]
        raise _refused(f"other conditions on the platforms: {'; '.join(lines)}")
    return tuple(found)


def _condition(fact: _Fact, sides: Sequence[Sequence[Facts]]) -> Condition:
    """Compare a fact over all runs of both sides."""
    values = [[fact.read(each) for each in side] for side in sides]
    windows, linux = (_listed(_text(fact, value) for value in side) for side in values)
    known = [value for side in values for value in side if value is not None]
    if len(known) < sum(map(len, values)):
        why = "a run has no such fact"
        return Condition(fact.group, fact.name, windows, linux, State.UNKNOWN, why, fact.fatal)
    same = all(fact.equal(known[0], value) for value in known)
    state = State.SAME if same else State.DIFFERS
    return Condition(fact.group, fact.name, windows, linux, state, "", fact.fatal)


def _listed(values: Iterable[str]) -> str:
    """The values of the runs of a platform, each once."""
    return ", ".join(dict.fromkeys(values))


def _text(fact: _Fact, value: Any) -> str:
    return words.NOTHING if value is None else str(fact.show(value))


# ---- the facts ----


def _at(*path: str) -> Callable[[Facts], Any]:
    """Return a reader of a fact by its path; None where a part is missing or null."""

    def read(facts: Facts) -> Any:
        found: Any = facts
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return " ".join(found.split()) if isinstance(found, str) else found

    return read


def _architecture(facts: Facts) -> str | None:
    name = _at("machine")(facts)
    return None if name is None else ARCHITECTURES.get(str(name).lower(), str(name))


def _server_cpus(facts: Facts) -> int | None:
    """How many CPUs the servers may use."""
    cpus = _at("launcher", "placement", "server_cpus")(facts) or _at("cpus_usable")(facts)
    return len(cpus) if cpus else None


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= MEMORY_SHARE * max(one, other)


def _gigabytes(value: float) -> str:
    return f"{value / 1e9:.1f} GB"


def _yes(value: Any) -> str:
    return "yes" if value else "no"


HARDWARE = (
    _Fact("hardware", "CPU", _at("cpu"), fatal=True),
    _Fact("hardware", "architecture", _architecture, fatal=True),
    _Fact("hardware", "CPUs", _at("cpus_logical"), fatal=True),
    _Fact("hardware", "cores", _at("cpus_physical"), fatal=True),
    _Fact("hardware", "CPUs of the servers", _server_cpus, fatal=True),
    _Fact("hardware", "CPU packages", _at("cpu_packages")),
    _Fact("hardware", "memory", _at("memory_bytes"), equal=_near, show=_gigabytes),
    _Fact("hardware", "maker of the machine", _at("hypervisor")),
    _Fact("hardware", "virtual machine", _at("virtual_machine"), show=_yes),
)


def _program(facts: Facts) -> str | None:
    """The SHA-256 of the load generator on its own machine."""
    programs = _at("load_generator", "binaries")(facts) or {}
    found = [digest for name, digest in programs.items() if PurePosixPath(name).stem == "loadgen"]
    return str(found[0]) if found else None


def _loadgen_cpus(facts: Facts) -> int | None:
    cpus = _at("load_generator", "launcher", "placement", "loadgen_cpus")(facts)
    return len(cpus) if cpus else None


LOAD_GENERATOR = (
    _Fact("load generator", "program", _program, fatal=True, show=lambda value: value[:12]),
    _Fact("load generator", "CPU", _at("load_generator", "cpu"), fatal=True),
    _Fact("load generator", "CPUs", _at("load_generator", "cpus_logical"), fatal=True),
    _Fact("load generator", "CPUs for it", _loadgen_cpus, fatal=True),
    _Fact(
        "load generator",
        "memory",
        _at("load_generator", "memory_bytes"),
        equal=_near,
        show=_gigabytes,
    ),
    _Fact("load generator", "operating system", _at("load_generator", "os")),
    _Fact("load generator", "kernel", _at("load_generator", "system")),
    _Fact("network", "link speed, Mbit/s", _at("load_generator", "link", "mbps"), fatal=True),
    _Fact("network", "MTU", _at("load_generator", "link", "mtu")),
)
"""Of a load generator on a machine of its own. The link is that of its side."""

OF_RUNS = (
    _Fact("run", "commit", _at("git", "commit"), show=lambda value: value[:7]),
    _Fact("run", "measuring window, ms", _at("suite", "duration_ms")),
    _Fact("run", "warm-up, ms", _at("suite", "warmup_ms")),
    _Fact("run", "rounds", _at("rounds")),
)

NEVER_RECORDED = (
    ("hardware", "identity of the machine", "no fact names a machine"),
    ("hardware", "firmware", "no run records its version and settings"),
    ("network", "network card of the server", "no run records it, its driver or its offloads"),
    ("network", "cables and switch", "no run records them"),
)
"""Group and name of what no run shows, and why."""


def _of_load_generator(sides: Sequence[Sequence[Facts]]) -> Iterator[Condition]:
    group, name = "load generator", "machine"
    own = [[bool(each.get("load_generator")) for each in side] for side in sides]
    windows, linux = (
        _listed("its own" if each else "the server's" for each in side) for side in own
    )
    if len({each for side in own for each in side}) > 1:
        yield Condition(group, name, windows, linux, State.DIFFERS, fatal=True)
    elif own[0][0]:
        yield Condition(group, name, windows, linux, State.SAME)
        yield from (_condition(fact, sides) for fact in LOAD_GENERATOR)
    else:
        why = "each operating system carried the load, too, by a program of its own"
        yield Condition(group, name, windows, linux, State.UNKNOWN, why)
        why = "the load stayed within the machine, in the loopback of each operating system"
        yield Condition("network", "link", "loopback", "loopback", State.UNKNOWN, why)


def _own_settings(sides: Sequence[Sequence[Facts]]) -> Iterator[Condition]:
    """What each operating system has in its own words, so that nothing can compare it."""
    windows, linux = (side[0] for side in sides)
    group = "operating system"
    for name, one, other, state, why in (
        ("version", _at("os")(windows), _linux_version(linux), State.DIFFERS, "by design"),
        (
            "compiler of the servers",
            _compiler(windows, host=False),
            _compiler(linux, host=True),
            State.DIFFERS,
            "by design; a ratio holds what the compilers differ by",
        ),
        (
            "power",
            _at("power_plan")(windows),
            _governor(linux),
            State.UNKNOWN,
            "each operating system has settings of its own",
        ),
    ):
        yield Condition(group, name, one or words.NOTHING, other or words.NOTHING, state, why)


def _linux_version(facts: Facts) -> str | None:
    parts = [_at("os")(facts), _at("system")(facts)]
    return ", ".join(str(each) for each in parts if each) or None


def _governor(facts: Facts) -> str | None:
    names, boost = _at("cpu_governor")(facts), _at("boost")(facts)
    parts = [f"governor {', '.join(names)}"] if names else []
    parts += [] if boost is None else [f"boost {'on' if boost else 'off'}"]
    return ", ".join(parts) or None


def _compiler(facts: Facts, *, host: bool) -> str | None:
    """'GNU 12.2.0': of the native preset on Linux, of the others on Windows."""
    found = _at("compilers")(facts) or {}
    texts = [
        f"{each.get('id')} {each.get('version')}"
        for preset, each in found.items()
        if (preset == "host") is host
    ]
    return ", ".join(dict.fromkeys(texts)) or None


def of_state(found: Sequence[Condition], state: State) -> list[Condition]:
    """Return the conditions of a state, in their order."""
    return [each for each in found if each.state is state]
