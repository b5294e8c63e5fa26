"""A whole run: from a suite to a folder with its manifest, its records and its report; and going on with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from iomodels.base.console import say, shell_word
from iomodels.base.errors import FAILED, NOT_SUPPORTED, USAGE, Failure
from iomodels.base.interrupts import Interrupted, Interrupts
from iomodels.base.progress import Progress
from iomodels.base.words import duration
from iomodels.data.busy import note_of_others
from iomodels.data.laws import Laws, checked, write
from iomodels.data.records import FORMAT, Condition, Record, Run, utc_now
from iomodels.data.store import PACKED, append_record, load_run, mend_records, write_manifest
from iomodels.launch import platform as launch
from iomodels.launch.channel import ServerHost
from iomodels.launch.launcher import Launcher
from iomodels.launch.remote import RemoteLauncher
from iomodels.machine import check as machine_check
from iomodels.machine import environment
from iomodels.machine.placement import LOADGEN_ALONE, Placement, recorded_placement, unusable
from iomodels.machine.preflight import preflight, raise_open_files_limit
from iomodels.measure import laws
from iomodels.measure.calibration import calibrate
from iomodels.measure.load_check import load_errors
from iomodels.measure.measurement import Deadlines, load_options, measure
from iomodels.plan.order import Measurement, is_limit, limit_of, make_plan
from iomodels.plan.suite import Suite, model_errors, suite_from

OVERHEAD_S = 0.4  # of a measurement: starting and stopping both programs (under Wine 0.25 to 0.5 s); only for the first estimate


@dataclass(frozen=True)
class Setting:
    """What every run needs to know beside its suite."""

    build: Path
    console: Console
    command: tuple[str, ...]  # the command line, for the manifest
    resume_command: str  # "./iomodels run --resume"; the run is added
    results: Path  # the default folder of runs
    report: bool = True
    json: bool = False  # the result as one JSON object on stdout; the console is then stderr
    placement: Placement | None = None  # None: the default of this machine
    server_host: ServerHost | None = None  # None: the servers run on this machine too
    deadlines: Deadlines = field(default_factory=Deadlines)
    watch_s: float = (
        machine_check.BUSY_S
    )  # for what other programs do, before the first measurement


def start_run(
    setting: Setting, suite: Suite, *, quick: bool, out: Path, dry_run: bool = False
) -> int:
    """Measure a suite into a new folder below `out`. Returns the exit code."""
    raise_open_files_limit()
    with Interrupts() as interrupts, _open_launcher(setting, setting.placement) as launcher:
        plan = make_plan(suite)
        check(suite, plan, launcher)
        _say_plan(setting.console, suite, plan, launcher)
        if dry_run:
            _print_plan(setting.console, plan)
            return 0
        with interrupts.allowed():
            of_platform = _laws(setting, launcher)
        manifest = _new_manifest(setting, suite, quick, launcher, len(plan))
        manifest["calibration"] = calibrate(launcher, suite, quick=quick)
        manifest["environment"]["busy"] = machine_check.busy(setting.watch_s)
        if note := note_of_others(manifest["environment"]):
            say(setting.console, f"note: {note}; `iomodels check` says more")
        folder = new_folder(out, manifest)
        if of_platform:
            write(of_platform, folder)
        code = _go_on(setting, folder, manifest, suite, plan, launcher, interrupts)
    return code or _finish(setting, folder, manifest)


def resume_run(setting: Setting, folder: Path, *, retry_failed: bool) -> int:
    """Measure what is missing of a run, by its own plan. Returns the exit code."""
    raise_open_files_limit()
    run = load_run(folder)
    manifest = dict(run.manifest)
    suite = suite_from(manifest["suite"]["name"], manifest["suite"])
    plan = make_plan(suite)
    _check_plan(run, plan)
    done = {
        record.index
        for record in run.records
        if not retry_failed or is_limit(record.reason) or _counts(record)
    }
    todo = [item for item in plan if item.index not in done]
    if (folder / PACKED).exists():
        raise Failure(
            f"{folder}: is packed, and a packed run is not written to: go on with the run that it was made of",
            exit_code=USAGE,
        )
    if not todo:
        failed = sum(not record.ok for record in run.records)
        again = f"; {failed} failed: --retry-failed tries them again" if failed else ""
        say(setting.console, f"{folder}: nothing is missing{again}")
        if manifest["status"] != "complete":  # it was killed after its last measurement
            manifest.update(status="complete", finished_utc=utc_now())
            write_manifest(folder, manifest)
        return _finish(setting, folder, manifest)
    _check_machines(setting, manifest)
    with Interrupts() as interrupts, _open_launcher(setting, _placement_of(manifest)) as launcher:
        check_same(setting.build, manifest, suite, launcher)
        check(suite, plan, launcher)
        mend_records(folder)
        manifest["resumed_utc"] = [*manifest.get("resumed_utc", []), utc_now()]
        say(
            setting.console,
            f"going on with {manifest['run']}: {len(todo)} of {len(plan)} measurements are left",
        )
        code = _go_on(setting, folder, manifest, suite, todo, launcher, interrupts)
    return code or _finish(setting, folder, manifest)


def _counts(record: Record) -> bool:
    from iomodels.judge.verdict import left_out  # only here: scipy takes a second to load

    return left_out(record) is None


def _open_launcher(setting: Setting, placement: Placement | None) -> Launcher:
    if setting.server_host is None:
        return launch.open_launcher(setting.build, placement, partial(say, setting.console))
    here = launch.open_loadgen(setting.build, placement or LOADGEN_ALONE)
    try:
        return RemoteLauncher(here, setting.server_host, partial(say, setting.console))
    except BaseException:
        here.close()
        raise


def _laws(setting: Setting, launcher: Launcher) -> Laws | None:
    """Of the machine that the servers run on."""
    if not isinstance(launcher, RemoteLauncher):
        return laws.current(setting.build, setting.results, partial(say, setting.console))
    say(
        setting.console,
        "asking for the laws of the servers' machine (once for a build there, some 15 s)",
    )
    found = launcher.laws()
    return checked(found) if found else None


def _check_machines(setting: Setting, manifest: Mapping[str, Any]) -> None:
    two = "load_generator" in manifest["environment"]
    if two and setting.server_host is None:
        raise Failure(
            f"{manifest['run']} cannot go on: its servers ran on another machine: --server-host names it",
            exit_code=USAGE,
        )
    if setting.server_host is not None and not two:
        raise Failure(
            f"--server-host {setting.server_host}: {manifest['run']} was begun with the servers on this machine",
            exit_code=USAGE,
        )


def _placement_of(manifest: Mapping[str, Any]) -> Placement | None:
    """What the run was begun with here: its repeats must not be of two placements. None: not recorded."""
    environment_here = manifest["environment"].get("load_generator") or manifest["environment"]
    recorded = (environment_here.get("launcher") or {}).get("placement")
    placement = recorded_placement(recorded) if recorded else None
    missing = unusable(placement) if placement else ()
    if missing:
        raise Failure(
            f"{manifest['run']} cannot go on: it ran on CPU {', '.join(map(str, missing))}, not usable now",
            exit_code=USAGE,
        )
    return placement


def _go_on(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    suite: Suite,
    todo: Sequence[Measurement],
    launcher: Launcher,
    interrupts: Interrupts,
) -> int:
    """Measure `todo`, keeping the manifest true. Returns 0, or the exit code of an interruption."""
    manifest.update(status="running", finished_utc=None)
    write_manifest(folder, manifest)
    try:
        _measure_all(setting, folder, manifest, suite, todo, launcher, interrupts)
    except BaseException as error:
        manifest.update(status="interrupted")
        with suppress(OSError):  # on a full disk it stays "running", which is gone on with as well
            write_manifest(folder, manifest)
        _say_resume(setting, folder, error)
        if isinstance(error, Interrupted):
            return 128 + error.signal
        raise
    manifest.update(status="complete", finished_utc=utc_now())
    write_manifest(folder, manifest)
    return 0


def _measure_all(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    suite: Suite,
    todo: Sequence[Measurement],
    launcher: Launcher,
    interrupts: Interrupts,
) -> None:
    with Progress(setting.console, len(todo), _expected_s(suite)) as progress:
        for item in todo:
            interrupts.check()
            progress.begin(str(item.condition))
            rate = _rate(folder, manifest, item) if item.condition.rate_percent else None
            record = measure(
                launcher,
                suite,
                manifest["run"],
                item,
                deadlines=setting.deadlines,
                waiting=interrupts.allowed,
                rate=rate,
            )
            append_record(folder, record)
            if not record.ok:
                progress.say(f"failed: {item.condition}, repeat {item.repeat + 1}: {record.reason}")
            progress.end()


def _rate(folder: Path, manifest: dict[str, Any], item: Measurement) -> int | None:
    """The rate to offer in a cell. The first one asked for settles all, from the closed loops measured so far."""
    from iomodels.judge import rates as efficiency  # only here: scipy takes a second to load

    if "peaks" not in manifest:
        manifest["peaks"] = efficiency.to_json(efficiency.lowest_peaks(load_run(folder).records))
        write_manifest(folder, manifest)
    return efficiency.offered_rate(manifest, item.condition)


def _finish(setting: Setting, folder: Path, manifest: Mapping[str, Any]) -> int:
    """Table and report from what is on disk; the exit code says whether anything failed that should not."""
    # only here: matplotlib takes a second to load
    from iomodels.report.html import write_report
    from iomodels.report.terminal import cost_table, terminal_table

    run = load_run(folder)
    terminal_table(run, setting.console)
    cost_table(run, setting.console)
    for warning in run.warnings:
        say(setting.console, f"note: {warning}")
    say(setting.console, f"measurements: {folder}")
    if setting.report:
        written = write_report(folder)
        say(setting.console, f"report: {written}")
    if setting.json:
        from iomodels.judge.summary import summarise
        from iomodels.report.publish import print_json

        print_json(summarise(run))
    failed = [record for record in run.records if not record.ok]
    if failed:
        say(
            setting.console,
            f"{len(failed)} of {manifest['planned']} measurements failed; their reasons are in the records",
        )
    return 0 if all(is_limit(record.reason) for record in failed) else FAILED


def check(suite: Suite, plan: Sequence[Measurement], launcher: Launcher) -> None:
    """Everything that can be known to go wrong before the first measurement."""
    errors = model_errors(suite, launcher.models())
    if errors:
        raise Failure(*errors, exit_code=USAGE)
    limits = {item.condition: limit_of(item.condition, launcher.models()) for item in plan}
    _check_load(suite, [condition for condition, limit in limits.items() if not limit], launcher)
    if all(limits.values()):
        raise Failure(
            *[
                f"nothing can be measured: {line}"
                for line in dict.fromkeys(map(str, limits.values()))
            ],
            exit_code=NOT_SUPPORTED,
        )
    errors = preflight(
        max(condition.connections for condition, limit in limits.items() if not limit),
        launcher.platform,
    )
    if errors:
        raise Failure(*errors)


def _check_load(suite: Suite, conditions: Sequence[Condition], launcher: Launcher) -> None:
    """The load generator is asked whether it takes the suite's load, once for each number of connections and size."""
    where = suite.load_file or f"suite {suite.name}"
    for condition in (
        {(each.connections, each.size): each for each in conditions}.values() if suite.load else ()
    ):
        errors = [
            f"{where}: load: at {condition.connections} connections: {line}"
            for line in suite.load.connection_errors(condition.connections)
        ]
        errors = errors or load_errors(launcher, load_options(suite, condition), where)
        if errors:
            raise Failure(*errors, exit_code=USAGE)


def _check_plan(run: Run, plan: Sequence[Measurement]) -> None:
    """The records must be of this very plan, or going on would put figures under wrong names."""
    if len(plan) != run.manifest["planned"]:
        raise Failure(
            f"{run.path}: its suite gives {len(plan)} measurements, planned were {run.manifest['planned']}",
            exit_code=USAGE,
        )
    for record in run.records:
        item = plan[record.index]
        if (item.condition, item.repeat) != (record.condition, record.repeat):
            raise Failure(
                f"{run.path}: record {record.index} is {record.condition}, the plan has {item.condition} there",
                exit_code=USAGE,
            )


def check_same(build: Path, manifest: Mapping[str, Any], suite: Suite, launcher: Launcher) -> None:
    """A run goes on only with the platform and the programs that it was begun with."""
    differs = []
    if launcher.platform != manifest["platform"]:
        differs.append(
            f"platform: the run is of {manifest['platform']}, this is {launcher.platform}"
        )
    models = [server.model for server in suite.servers]
    before, now = _fixed(manifest["environment"]), {}
    if isinstance(launcher, RemoteLauncher):
        here = {"binaries": environment.binaries(build, ()), "reasons": {}}
        there = launcher.both(here, models)
        now = _fixed(there)
        differs += _placed_differently(manifest["environment"], there)
    else:
        now = environment.binaries(build, models)
    for name in sorted({*before, *now}):
        if name not in now:
            differs.append(f"build: {name} was there when the run was begun and is not now")
        elif before.get(name) != now[name]:
            differs.append(f"build: {name} is another program than when the run was begun")
    if differs:
        raise Failure(
            *[f"{manifest['run']} cannot go on: {line}" for line in differs], exit_code=USAGE
        )


def _fixed(recorded: Mapping[str, Any]) -> dict[str, str]:
    """The programs of a run by name, of both machines where there are two."""
    found = dict(recorded.get("binaries") or {})
    there = (recorded.get("load_generator") or {}).get("binaries") or {}
    return found | {f"load generator's {name}": digest for name, digest in there.items()}


def _placed_differently(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of the placement on the servers' machine is another one than when the run was begun."""
    placements = [(each.get("launcher") or {}).get("placement") for each in (before, now)]
    return (
        [f"placement: the servers ran with: {placements[0]}; now with: {placements[1]}"]
        if placements[0] != placements[1]
        else []
    )


def _environment(setting: Setting, models: Sequence[str], launcher: Launcher) -> dict[str, Any]:
    if not isinstance(launcher, RemoteLauncher):
        return environment.capture(setting.build, models, launcher.environment())
    return launcher.both(environment.capture(setting.build, (), launcher.environment()), models)


def _new_manifest(
    setting: Setting, suite: Suite, quick: bool, launcher: Launcher, planned: int
) -> dict[str, Any]:
    models = [server.model for server in suite.servers]
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return {
        "format": FORMAT,
        "run": f"{stamp}-{suite.name}{'-quick' if quick else ''}",
        "suite": suite.to_json(),
        "quick": quick,
        "command": list(setting.command),
        "seed": suite.seed,
        "repeats": suite.repeats,
        "platform": launcher.platform,
        "environment": _environment(setting, models, launcher),
        "versions": environment.versions(),
        "git": environment.git_state(),
        "started_utc": utc_now(),
        "finished_utc": None,
        "planned": planned,
        "status": "running",
    }


def new_folder(out: Path, manifest: dict[str, Any]) -> Path:
    """A folder of its own, also for two runs of one second."""
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


def _expected_s(suite: Suite) -> float:
    return (suite.warmup_ms + suite.duration_ms) / 1000 + OVERHEAD_S


def expected_text(suite: Suite) -> str:
    """ "60 measurements, about 4 min 42 s" """
    count = len(make_plan(suite))
    return f"{count} measurements, about {duration(count * _expected_s(suite))}"


def _say_plan(
    console: Console, suite: Suite, plan: Sequence[Measurement], launcher: Launcher
) -> None:
    console.print(
        f"[bold]{escape(suite.title)}[/bold] on {escape(launcher.platform)}: {expected_text(suite)}, in the order of seed {suite.seed}"
    )
    if suite.load:
        say(console, f"load: {suite.load}")
    limits = {limit_of(item.condition, launcher.models()) for item in plan} - {None}
    for limit in sorted(map(str, limits)):
        cells = {
            str(item.condition)
            for item in plan
            if limit_of(item.condition, launcher.models()) == limit
        }
        say(console, f"not measured, recorded as failed: {limit}: {'; '.join(sorted(cells))}")


def _print_plan(console: Console, plan: Sequence[Measurement]) -> None:
    for item in plan:
        say(console, f"{item.index:4}  repeat {item.repeat + 1}  {item.condition}")


def _say_resume(setting: Setting, folder: Path, error: BaseException) -> None:
    run = load_run(folder)
    say_kept(
        setting,
        folder,
        run.manifest["run"],
        error,
        f"{len(run.records)} of {run.manifest['planned']} measurements",
    )


def say_kept(setting: Setting, folder: Path, name: str, error: BaseException, kept: str) -> None:
    """What an interruption leaves, and the command that goes on with it."""
    target = name if folder.parent.resolve() == setting.results.resolve() else str(folder.resolve())
    how = (
        "interrupted"
        if isinstance(error, KeyboardInterrupt)
        else f"stopped by {type(error).__name__}"
    )
    say(setting.console, f"{how}: {kept} are kept in {folder}")
    say(setting.console, f"go on with: {setting.resume_command} {shell_word(target)}")
