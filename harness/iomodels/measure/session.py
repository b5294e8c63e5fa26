"""The common part of all measuring commands: settings, launcher, folder, stopping and resuming."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from iomodels.base.console import make_console, say, shell_word
from iomodels.base.errors import NOT_SUPPORTED, USAGE, Failure, Stopped
from iomodels.base.interrupts import Interrupted
from iomodels.cluster.actor import LOAD, SERVER
from iomodels.cluster.client import Asked
from iomodels.cluster.launcher import ClusterLauncher
from iomodels.data.records import Condition, Record, utc_now
from iomodels.launch import platform as launch
from iomodels.launch.launcher import Launcher, MachineLost
from iomodels.launch.native import is_native
from iomodels.machine import check as machine_check
from iomodels.machine import environment
from iomodels.machine.placement import Placement
from iomodels.machine.preflight import preflight
from iomodels.measure.external_server import ATTACHED, WINDOWS, ExternalLauncher, kinds_of
from iomodels.measure.load_check import load_errors
from iomodels.measure.measurement import Deadlines, load_options
from iomodels.plan.order import Measurement, is_limit, limit_of
from iomodels.plan.suite import Suite, model_errors

OVERHEAD_S = 0.4
"""Seconds per measurement to start and stop both programs (0.25 to 0.5 under Wine); a guess."""


@dataclass(frozen=True)
class Setting:
    """The settings of a measuring command besides its plan."""

    build: Path
    console: Console
    command: tuple[str, ...]  # the command line, for the manifest
    resume_command: str  # "./iomodels run --resume"; the run's name follows
    results: Path  # the default folder of runs
    placement: Placement | None = None  # None: the default of this machine
    cluster: Asked | None = None  # None: everything runs on this machine
    deadlines: Deadlines = field(default_factory=Deadlines)
    watch_s: float = machine_check.BUSY_S
    """Seconds to observe the CPU use of other programs, before the first measurement."""
    wait: bool = False
    """Whether to wait for the end of another measurement on this machine."""
    verbose: bool = False
    """Whether each measurement gets a line with its result."""
    fail_fast: bool = False
    """Whether a run ends at its first failed measurement."""
    confirm: Callable[[float], None] = lambda seconds: None
    """Gets the length of a plan in seconds before its start. Raises Failure if it is declined."""

    def say(self, line: str) -> None:
        say(self.console, line)

    def insist(self, line: str) -> None:
        """Print a line that --quiet must not hide."""
        say(make_console(stderr=True) if self.console.quiet else self.console, line)

    def end_at_failure(self, record: Record) -> None:
        """Raise FirstFailure if --fail-fast was given, and no limit explains a failed record."""
        if self.fail_fast and not record.ok and not is_limit(record.reason):
            raise FirstFailure(f"--fail-fast: {record.condition} failed: {record.reason}")


class FirstFailure(Failure):
    """The run ends here, because the user asked for its end at the first failed measurement."""


def open_launcher(
    setting: Setting, placement: Placement | None, suite: Suite | None = None
) -> Launcher:
    """Return the launcher of this machine, or that of a cluster (--cluster). Close it.

    With `suite` it is the launcher for the servers of it: external ones, or models of Linux.
    """
    strangers = (
        {each.model: each.external for each in suite.servers if each.external} if suite else {}
    )
    if setting.cluster is not None:
        if strangers:
            raise Failure("--cluster: must be omitted with an external server", exit_code=USAGE)
        return ClusterLauncher(setting.cluster, setting.say, native=bool(suite and suite.native))
    if suite and (strangers or suite.native):
        inner = _of_one_platform(setting, placement, suite)
        return ExternalLauncher(inner, strangers, setting.build) if strangers else inner
    return launch.open_launcher(setting.build, placement, setting.say)


def _of_one_platform(setting: Setting, placement: Placement | None, suite: Suite) -> Launcher:
    """Return the launcher of the only platform of a suite. Raises Failure if platforms mix."""
    if suite.native and sys.platform != "linux":
        raise Failure("--native: must be omitted, because this is not Linux", exit_code=USAGE)
    kinds = kinds_of(suite, sys.platform)
    if len(kinds) > 1:
        texts = [f"{', '.join(names)} {kind}" for kind, names in kinds.items()]
        raise Failure(
            f"suite {suite.name}: {'; '.join(texts)}; platforms never mix: "
            "choose servers of one by --models",
            exit_code=USAGE,
        )
    kind = next(iter(kinds))
    if kind == WINDOWS:
        return launch.open_launcher(setting.build, placement, setting.say)
    name = "attached" if kind == ATTACHED else None
    return launch.open_native(setting.build, placement, name)


def server_cores(launcher: Launcher) -> int:
    """Return how many CPUs the servers may use: those of their placement, else all."""
    if isinstance(launcher, ClusterLauncher):
        return launcher.cpus(SERVER)
    placement = launcher.environment().get("placement") or {}
    return len(placement.get("server_cpus") or ()) or os.cpu_count() or 1


def placed(setting: Setting, suite: Suite, launcher: Launcher) -> Suite:
    """Return the suite with numbers in place of what depends on the CPUs of both programs."""
    if any(server.per_core for server in suite.servers):
        suite = suite.on_cores(server_cores(launcher))
    found = suite.on_loadgen_cpus(_loadgen_cpus(launcher))
    if found.loadgen_threads > 1 and not suite.loadgen_threads:
        setting.say(f"the load generator has {found.loadgen_threads} threads, at most one per CPU")
    return found


def _loadgen_cpus(launcher: Launcher) -> int:
    """Return how many CPUs the load generator, or each one of a cluster, has of its own."""
    if isinstance(launcher, ClusterLauncher):
        return launcher.cpus(LOAD)
    placement = launcher.environment().get("placement") or {}
    return len(placement.get("loadgen_cpus") or ())


# ---- the folder ----


def manifest_head(
    setting: Setting, name: str, format_: int, models: Sequence[str], launcher: Launcher
) -> dict[str, Any]:
    """Return the common fields of run.json, slo.json and tune.json."""
    return {
        "format": format_,
        "run": f"{datetime.now().strftime('%Y%m%d-%H%M%S')}-{name}",
        "command": list(setting.command),
        "platform": launcher.platform,
        "environment": _environment(setting, models, launcher),
        "versions": environment.versions(),
        "git": environment.git_state(),
        "started_utc": utc_now(),
        "finished_utc": None,
        "status": "running",
    }


def _environment(setting: Setting, models: Sequence[str], launcher: Launcher) -> dict[str, Any]:
    if isinstance(launcher, ClusterLauncher):
        return launcher.conditions(models, setting.watch_s)
    native = is_native(launcher.platform)
    return environment.capture(setting.build, models, launcher.environment(), native=native)


def new_folder(out: Path, manifest: dict[str, Any]) -> Path:
    """Make a folder for a new run, unique even within a second. Its name goes into the manifest."""
    out.mkdir(parents=True, exist_ok=True)
    name, number = manifest["run"], 1
    while True:
        try:
            folder = out / str(manifest["run"])
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1
            manifest["run"] = f"{name}-{number}"


STOPPED: Mapping[type[BaseException], str] = {
    FirstFailure: "at the first failure",
    MachineLost: "by a lost machine",
}


@contextmanager
def keeping(
    setting: Setting, folder: Path, interrupted: Callable[[], None], kept: Callable[[], str]
) -> Iterator[None]:
    """Surround the measuring.

    If it ends early, `interrupted` records that, and the user reads how to resume. Raises Stopped
    for a signal, else the error itself.
    """
    try:
        yield
    except BaseException as error:
        with suppress(OSError):  # on a full disk the status stays "running", which also resumes
            interrupted()
        by_signal = isinstance(error, KeyboardInterrupt)
        cause = STOPPED.get(type(error), f"by {type(error).__name__}")
        how = "interrupted" if by_signal else f"stopped {cause}"
        beside = folder.parent.resolve() == setting.results.resolve()
        target = folder.name if beside else str(folder.resolve())
        setting.insist(f"{how}; {kept()} are kept in {folder}")
        setting.insist(f"resume with: {setting.resume_command} {shell_word(target)}")
        if isinstance(error, Interrupted):
            raise Stopped(error.signal) from None
        raise


# ---- before the first measurement ----


def check(suite: Suite, plan: Sequence[Measurement], launcher: Launcher) -> None:
    """Reject everything that would surely fail, before the first measurement."""
    errors = model_errors(suite, launcher.models())
    if errors:
        raise Failure(*errors, exit_code=USAGE)
    limits = {item.condition: limit_of(item.condition, launcher.models()) for item in plan}
    check_load(suite, [condition for condition, limit in limits.items() if not limit], launcher)
    if all(limits.values()):
        reasons = dict.fromkeys(map(str, limits.values()))
        raise Failure(
            *[f"cannot measure anything: {line}" for line in reasons], exit_code=NOT_SUPPORTED
        )
    most = max(condition.connections for condition, limit in limits.items() if not limit)
    errors = preflight(most, launcher.platform)
    if errors and not isinstance(launcher, ClusterLauncher):  # whose machines have own limits
        raise Failure(*errors)


def check_load(suite: Suite, conditions: Sequence[Condition], launcher: Launcher) -> None:
    """Ask the load generator to check the load, once per number of connections and size."""
    where = suite.load_file or f"suite {suite.name}"
    closed = [each for each in conditions if not each.rate_percent]
    for condition in (
        {(each.connections, each.size): each for each in closed}.values() if suite.load else ()
    ):
        errors = [
            f"{where}: load: at {condition.connections} connections: {line}"
            for line in suite.load.connection_errors(condition.connections)
        ]
        errors = errors or load_errors(launcher, load_options(suite, condition), where)
        if errors:
            raise Failure(*[_by_option(suite, line, where) for line in errors], exit_code=USAGE)


def _by_option(suite: Suite, line: str, where: str) -> str:
    """Name the option in an error about a word of the command line, not the suite's file."""
    found = re.fullmatch(rf"{re.escape(where)}: load\.([\w-]+)(?: = ([^:]*))?: (.*)", line)
    if not found or found[1] not in suite.load_options:
        return line
    return f"--{found[1]}{f' {found[2]}' if found[2] else ''}: {found[3]}"


def check_same(build: Path, manifest: Mapping[str, Any], suite: Suite, launcher: Launcher) -> None:
    """Refuse to resume on another platform, or with programs that changed since the start."""
    differs = []
    if launcher.platform != manifest["platform"]:
        differs.append(f"it ran on {manifest['platform']}; this is {launcher.platform}")
    models = [server.model for server in suite.servers]
    before, now = _programs(manifest["environment"]), {}
    if isinstance(launcher, ClusterLauncher):
        there = launcher.conditions(models, 0.0)
        now = _programs(there)
        differs += _placed_differently(manifest["environment"], there)
    else:
        now = environment.binaries(build, models, native=is_native(launcher.platform))
    for name in sorted({*before, *now}):
        if name not in now:
            differs.append(f"{name} is missing from the build; rebuild the run's commit")
        elif before.get(name) != now[name]:
            differs.append(f"{name} changed since the run started; rebuild the run's commit")
    if isinstance(launcher, ExternalLauncher):
        differs += _strangers_changed(manifest.get("external") or {}, launcher.facts())
    if differs:
        raise Failure(
            *[f"cannot resume {manifest['run']}: {line}" for line in differs], exit_code=USAGE
        )


def _strangers_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return which external servers are others than when the run started."""
    return [
        f"server {name}: its {key} changed since the run started"
        for name in before
        for key in ("version", "files")
        if before[name].get(key) != (now.get(name) or {}).get(key)
    ]


def _programs(recorded: Mapping[str, Any]) -> dict[str, str]:
    """Return the hashes of a run's programs by name, of both machines if there are two."""
    found = dict(recorded.get("binaries") or {})
    there = (recorded.get("load_generator") or {}).get("binaries") or {}
    return found | {f"load generator's {name}": digest for name, digest in there.items()}


def _placed_differently(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return how the placement on the servers' machine changed since the run started."""
    placements = [(each.get("launcher") or {}).get("placement") for each in (before, now)]
    return (
        [f"the servers ran with placement {placements[0]}; now with {placements[1]}"]
        if placements[0] != placements[1]
        else []
    )
