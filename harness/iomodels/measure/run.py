"""Measure a suite into a folder with its manifest and records; resume one that was interrupted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from iomodels.base.console import say
from iomodels.base.errors import USAGE, Failure
from iomodels.base.interrupts import Interrupts
from iomodels.base.progress import Progress
from iomodels.base.words import count as counted
from iomodels.base.words import duration
from iomodels.data.busy import note_of_others
from iomodels.data.laws import Laws, checked, write
from iomodels.data.records import FORMAT, Run, utc_now
from iomodels.data.store import PACKED, append_record, load_run, mend_records, write_manifest
from iomodels.judge import rates as efficiency
from iomodels.judge.verdict import left_out
from iomodels.launch.launcher import Launcher
from iomodels.launch.remote import RemoteLauncher
from iomodels.machine import check as machine_check
from iomodels.machine.placement import Placement, recorded_placement, unusable
from iomodels.machine.preflight import raise_open_files_limit
from iomodels.measure import laws
from iomodels.measure.calibration import calibrate
from iomodels.measure.measurement import measure
from iomodels.measure.session import (
    OVERHEAD_S,
    Setting,
    check,
    check_same,
    keeping,
    manifest_head,
    new_folder,
    open_launcher,
)
from iomodels.plan.order import Measurement, is_limit, limit_of, make_plan
from iomodels.plan.suite import Suite, suite_from


def start_run(
    setting: Setting, suite: Suite, *, quick: bool, out: Path, dry_run: bool = False
) -> Path | None:
    """Measure a suite into a new folder below `out`. Returns the folder, or None for a dry run."""
    raise_open_files_limit()
    with Interrupts() as interrupts, open_launcher(setting, setting.placement) as launcher:
        plan = make_plan(suite)
        check(suite, plan, launcher)
        _say_plan(setting.console, suite, plan, launcher)
        if dry_run:
            _print_plan(setting.console, plan)
            return None
        with interrupts.allowed():
            of_platform = _laws(setting, launcher)
        manifest = _new_manifest(setting, suite, quick, launcher, len(plan))
        manifest["calibration"] = calibrate(launcher, suite, quick=quick)
        manifest["environment"]["busy"] = machine_check.busy(setting.watch_s)
        if note := note_of_others(manifest["environment"]):
            setting.say(f"note: {note}; see `iomodels check`")
        folder = new_folder(out, manifest)
        if of_platform:
            write(of_platform, folder)
        _measure_rest(setting, folder, manifest, suite, plan, launcher, interrupts)
    return folder


def resume_run(setting: Setting, folder: Path, *, retry_failed: bool) -> Path:
    """Measure what a run lacks, by its own plan. Returns its folder."""
    raise_open_files_limit()
    run = load_run(folder)
    manifest = dict(run.manifest)
    suite = suite_from(manifest["suite"]["name"], manifest["suite"])
    plan = make_plan(suite)
    _check_plan(run, plan)
    done = {
        record.index
        for record in run.records
        if not retry_failed or is_limit(record.reason) or left_out(record) is None
    }
    todo = [item for item in plan if item.index not in done]
    if (folder / PACKED).exists():
        raise Failure(f"{folder}: cannot resume a packed run; resume the original", exit_code=USAGE)
    if not todo:
        _say_complete(setting, run)
        if manifest["status"] != "complete":  # it was killed after its last measurement
            manifest.update(status="complete", finished_utc=utc_now())
            write_manifest(folder, manifest)
        return folder
    _check_machines(setting, manifest)
    with Interrupts() as interrupts, open_launcher(setting, _placement_of(manifest)) as launcher:
        check_same(setting.build, manifest, suite, launcher)
        check(suite, plan, launcher)
        mend_records(folder)
        manifest["resumed_utc"] = [*manifest.get("resumed_utc", []), utc_now()]
        setting.say(f"resuming {manifest['run']}: {len(todo)} of {len(plan)} measurements to do")
        _measure_rest(setting, folder, manifest, suite, todo, launcher, interrupts)
    return folder


def _say_complete(setting: Setting, run: Run) -> None:
    failed = sum(not record.ok for record in run.records)
    again = f"; {failed} failed: --retry-failed repeats them" if failed else ""
    setting.say(f"{run.path}: nothing is missing{again}")


def _laws(setting: Setting, launcher: Launcher) -> Laws | None:
    """The laws of the machine that the servers run on."""
    if not isinstance(launcher, RemoteLauncher):
        return laws.current(setting.build, setting.results, setting.say)
    setting.say("observing the laws of the servers' machine (once per build, about 15 s)")
    found = launcher.laws()
    return checked(found) if found else None


def _check_machines(setting: Setting, manifest: Mapping[str, Any]) -> None:
    two = "load_generator" in manifest["environment"]
    if two and setting.server_host is None:
        raise Failure(
            (
                f"cannot resume {manifest['run']}: its servers ran on another machine; "
                "give it by --server-host"
            ),
            exit_code=USAGE,
        )
    if setting.server_host is not None and not two:
        raise Failure(
            (
                f"--server-host {setting.server_host}: must be omitted; "
                f"the servers of {manifest['run']} ran on this machine"
            ),
            exit_code=USAGE,
        )


def _placement_of(manifest: Mapping[str, Any]) -> Placement | None:
    """The placement that the run started with: its repeats must not have two. None: not recorded."""
    environment_here = manifest["environment"].get("load_generator") or manifest["environment"]
    recorded = (environment_here.get("launcher") or {}).get("placement")
    placement = recorded_placement(recorded) if recorded else None
    missing = unusable(placement) if placement else ()
    if missing:
        cpus = ", ".join(map(str, missing))
        raise Failure(
            f"cannot resume {manifest['run']}: CPU {cpus} is no longer available", exit_code=USAGE
        )
    return placement


def _measure_rest(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    suite: Suite,
    todo: Sequence[Measurement],
    launcher: Launcher,
    interrupts: Interrupts,
) -> None:
    """Measure `todo`; run.json says at every moment how far it came."""

    def status(word: str) -> None:
        finished = utc_now() if word == "complete" else None
        manifest.update(status=word, finished_utc=finished)
        write_manifest(folder, manifest)

    def kept() -> str:
        return f"{len(load_run(folder).records)} of {manifest['planned']} measurements"

    status("running")
    with keeping(setting, folder, lambda: status("interrupted"), kept):
        _measure_all(setting, folder, manifest, suite, todo, launcher, interrupts)
    status("complete")


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
    """The rate to offer in a cell. The first call settles all rates, from the closed loops measured so far."""
    if "peaks" not in manifest:
        manifest["peaks"] = efficiency.to_json(efficiency.lowest_peaks(load_run(folder).records))
        write_manifest(folder, manifest)
    return efficiency.offered_rate(manifest, item.condition)


def _check_plan(run: Run, plan: Sequence[Measurement]) -> None:
    """Refuse records of another plan: resuming would put figures under wrong names."""
    planned = run.manifest["planned"]
    if len(plan) != planned:
        raise Failure(
            f"{run.path}: cannot resume: its suite plans {len(plan)} measurements, run.json {planned}",
            exit_code=USAGE,
        )
    for record in run.records:
        item = plan[record.index]
        if (item.condition, item.repeat) != (record.condition, record.repeat):
            raise Failure(
                (
                    f"{run.path}: cannot resume: record {record.index} is {record.condition}, "
                    f"the plan has {item.condition}"
                ),
                exit_code=USAGE,
            )


def _new_manifest(
    setting: Setting, suite: Suite, quick: bool, launcher: Launcher, planned: int
) -> dict[str, Any]:
    models = [server.model for server in suite.servers]
    name = f"{suite.name}{'-quick' if quick else ''}"
    return {
        **manifest_head(setting, name, FORMAT, models, launcher),
        "suite": suite.to_json(),
        "quick": quick,
        "seed": suite.seed,
        "rounds": suite.rounds,
        "planned": planned,
    }


def _expected_s(suite: Suite) -> float:
    return (suite.warmup_ms + suite.duration_ms) / 1000 + OVERHEAD_S


def expected_text(suite: Suite) -> str:
    """ "60 measurements, about 4 min 42 s" """
    count = len(make_plan(suite))
    return f"{counted(count, 'measurement')}, about {duration(count * _expected_s(suite))}"


def _say_plan(
    console: Console, suite: Suite, plan: Sequence[Measurement], launcher: Launcher
) -> None:
    console.print(
        f"[bold]{escape(suite.title)}[/bold] on {escape(launcher.platform)}: "
        f"{expected_text(suite)}, in the order of seed {suite.seed}"
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
