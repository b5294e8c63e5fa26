"""Measure a suite into a folder with its manifest and records; resume an interrupted run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from iomodels.base.errors import USAGE, Failure
from iomodels.base.interrupts import Interrupts
from iomodels.base.progress import Progress
from iomodels.base.words import count as counted
from iomodels.cluster.launcher import ClusterLauncher
from iomodels.data.busy import note_of_others
from iomodels.data.laws import Laws, checked, write
from iomodels.data.mending import mend_records
from iomodels.data.records import FORMAT, Record, Run, utc_now
from iomodels.data.store import PACKED, append_record, load_run, write_manifest
from iomodels.judge import rates as efficiency
from iomodels.judge.loads import Rules
from iomodels.judge.rule import SEQUENTIAL_BASELINE, SEQUENTIAL_FASTEST
from iomodels.judge.verdict import left_out
from iomodels.launch.launcher import Launcher
from iomodels.launch.native import is_native
from iomodels.machine import check as machine_check
from iomodels.machine.environment import add_fact
from iomodels.machine.placement import Placement, recorded_placement, unusable
from iomodels.machine.preflight import raise_open_files_limit
from iomodels.measure import laws
from iomodels.measure.ab import comparing_builds
from iomodels.measure.alone import alone, writing
from iomodels.measure.calibration import calibrate
from iomodels.measure.comparing import ALL_MODELS, Comparing
from iomodels.measure.external_server import ExternalLauncher
from iomodels.measure.measurement import Waiting, measure
from iomodels.measure.pairs import AllRounds, PairedRounds, check_pairs, in_parallel, rounds_of_run
from iomodels.measure.planning import check_plan_size, expected_s, print_plan, say_plan, takes_s
from iomodels.measure.session import (
    Setting,
    check,
    check_same,
    keeping,
    manifest_head,
    new_folder,
    open_launcher,
    placed,
)
from iomodels.measure.standing import line_of, standing
from iomodels.plan.fulfilment import misplaced, plan_of
from iomodels.plan.order import Measurement, is_limit, make_plan
from iomodels.plan.suite import Suite, suite_from


def start_run(
    setting: Setting,
    suite: Suite,
    *,
    quick: bool,
    out: Path,
    dry_run: bool = False,
    margin: float | None = None,
    sessions: int = 1,
    comparing: Comparing = ALL_MODELS,
) -> Path | None:
    """Measure a suite into a new folder below `out`. Returns the folder, or None for a dry run."""
    check_plan_size(suite, sessions)
    pairs = setting.cluster.pairs if setting.cluster else 1
    check_pairs(suite, pairs, sessions)
    setting.confirm(0.0 if dry_run else takes_s(suite) / pairs)
    raise_open_files_limit()
    with (
        nullcontext() if dry_run else alone(setting),
        Interrupts() as interrupts,
        _open(setting, setting.placement, comparing, suite, interrupts) as launcher,
    ):
        suite = placed(setting, suite, launcher)
        plan = make_plan(suite)
        check(suite, plan, launcher)
        say_plan(setting.console, suite, plan, launcher)
        if dry_run:
            print_plan(setting.console, plan)
            return None
        with interrupts.allowed():
            strangers = _strangers(setting, launcher)
            of_platform = _laws(setting, launcher)
        manifest = _new_manifest(setting, suite, quick, launcher, len(plan))
        manifest["statistics"] = _rules(suite, margin).to_json()
        manifest["sessions"] = sessions
        manifest |= {"pairs": pairs} if pairs > 1 else {}
        manifest |= {"external": strangers} if strangers else {}
        if comparing.kept:
            manifest["ab"] = dict(comparing.kept)
        manifest["calibration"] = calibrate(launcher, suite, quick=quick)
        if setting.cluster is None:
            add_fact(manifest["environment"], "busy", lambda: machine_check.busy(setting.watch_s))
        if note := note_of_others(manifest["environment"]):
            setting.say(f"note: {note}; see `iomodels check`")
        folder = new_folder(out, manifest)
        if of_platform:
            write(of_platform, folder)
        rounds = rounds_of_run(suite, manifest, each_s=expected_s(suite))
        with writing(setting, folder):
            _measure_rest(setting, folder, manifest, suite, rounds, launcher, interrupts)
    return folder


def resume_run(setting: Setting, folder: Path, *, retry_failed: bool) -> Path:
    """Measure the missing part of a run, by its own plan. Returns its folder."""
    raise_open_files_limit()
    with writing(setting, folder), alone(setting):
        return _resume(setting, folder, retry_failed)


def _resume(setting: Setting, folder: Path, retry_failed: bool) -> Path:
    run = load_run(folder)
    manifest = dict(run.manifest)
    suite = suite_from(manifest["suite"]["name"], manifest["suite"])
    plan = _plan_of(run, suite)
    if (folder / PACKED).exists():
        raise Failure(f"{folder}: cannot resume a packed run; resume the original", exit_code=USAGE)
    comparing = _comparing(setting, manifest)
    rounds = rounds_of_run(
        suite,
        manifest,
        run.records,
        again=_again(run) if retry_failed else (),
        spent_s=manifest.get("measured_s", 0.0),
        each_s=expected_s(suite),
    )
    if rounds.complete():
        _say_complete(setting, run)
        if manifest["status"] != "complete":  # killed after its last measurement
            _complete(folder, manifest, rounds)
        return folder
    setting = _on_its_machines(setting, manifest)
    with (
        Interrupts() as interrupts,
        _open(setting, _placement_of(manifest), comparing, suite, interrupts) as launcher,
    ):
        check_same(setting.build, manifest, suite, launcher)
        check(suite, plan, launcher)
        mend_records(folder, setting.insist)
        manifest["resumed_utc"] = [*manifest.get("resumed_utc", []), utc_now()]
        setting.say(f"resuming {manifest['run']}: {counted(len(run.records), 'measurement')} done")
        _measure_rest(setting, folder, manifest, suite, rounds, launcher, interrupts)
    return folder


def _again(run: Run) -> list[int]:
    """Return the failed and invalid measurements that no limit of the model explains."""
    return [
        record.index
        for record in run.records
        if not is_limit(record.reason) and left_out(record) is not None
    ]


def _rules(suite: Suite, margin: float | None) -> Rules:
    """Return the rules of a plan: one with looks needs corrected ones."""
    rules = Rules(SEQUENTIAL_BASELINE, SEQUENTIAL_FASTEST) if suite.minutes else Rules()
    return rules if margin is None else rules.with_margin(margin)


def _say_complete(setting: Setting, run: Run) -> None:
    failed = sum(not record.ok for record in run.records)
    again = f"; {failed} failed: --retry-failed repeats them" if failed else ""
    setting.say(f"{run.path}: nothing is missing{again}")


def _strangers(setting: Setting, launcher: Launcher) -> dict[str, Any]:
    """Return the external servers for run.json, after each has shown that it echoes."""
    if not isinstance(launcher, ExternalLauncher):
        return {}
    found = launcher.facts()
    setting.say(f"trying each external server once: {', '.join(found)}")
    launcher.check()
    return found


def _laws(setting: Setting, launcher: Launcher) -> Laws | None:
    """Return the laws of the servers' machine; None for programs of Linux, which have none."""
    if is_native(launcher.platform):
        return None
    if not isinstance(launcher, ClusterLauncher):
        return laws.current(setting.build, setting.results, setting.say)
    setting.say("observing the laws of the servers' machine (once per build, about 15 s)")
    found = launcher.laws()
    return checked(found) if found else None


def _on_its_machines(setting: Setting, manifest: Mapping[str, Any]) -> Setting:
    """Return the setting for as many pairs of machines as the run had. Raises Failure."""
    several = "load_generator" in manifest["environment"]
    if several and setting.cluster is None:
        raise Failure(
            f"cannot resume {manifest['run']}: it ran on a cluster; add --cluster BUNDLE",
            exit_code=USAGE,
        )
    if setting.cluster is not None and not several:
        raise Failure(
            f"--cluster {setting.cluster.where}: must be omitted; "
            f"{manifest['run']} ran on one machine",
            exit_code=USAGE,
        )
    if setting.cluster is None:
        return setting
    return replace(setting, cluster=replace(setting.cluster, pairs=manifest.get("pairs") or 1))


def _placement_of(manifest: Mapping[str, Any]) -> Placement | None:
    """Return the placement of the run's start, which all repeats share. None: not recorded."""
    if "load_generator" in manifest["environment"]:  # a cluster, whose workers place programs
        return None
    recorded = (manifest["environment"].get("launcher") or {}).get("placement")
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
    rounds: AllRounds,
    launcher: Launcher,
    interrupts: Interrupts,
) -> None:
    """Measure the rest; run.json always holds the progress."""

    def interrupted() -> None:
        manifest.update(status="interrupted", finished_utc=None, measured_s=rounds.spent_s)
        write_manifest(folder, manifest)

    def kept() -> str:
        done = len(load_run(folder).records)
        return counted(done, "measurement") if suite.minutes else f"{done} of {_plural(manifest)}"

    manifest.update(status="running", finished_utc=None)
    write_manifest(folder, manifest)
    with keeping(setting, folder, interrupted, kept):
        _measure_all(setting, folder, manifest, suite, rounds, launcher, interrupts)
    if rounds.next_session is None:
        _complete(folder, manifest, rounds)
        interrupts.complete = folder
    else:
        interrupted()
        setting.say(
            f"session {rounds.next_session} of {manifest['sessions']} is measured. Start the next "
            f"one some hours later or after a reboot: {setting.resume_command} {manifest['run']}"
        )


def _plural(manifest: Mapping[str, Any]) -> str:
    return counted(manifest["planned"], "measurement")


def _complete(folder: Path, manifest: dict[str, Any], rounds: AllRounds) -> None:
    manifest.update(
        status="complete",
        finished_utc=utc_now(),
        measured_s=rounds.spent_s,
        stopped=[stop.to_json() for stop in rounds.stops],
    )
    write_manifest(folder, manifest)


def _measure_all(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    suite: Suite,
    rounds: AllRounds,
    launcher: Launcher,
    interrupts: Interrupts,
) -> None:
    with Progress(setting.console, rounds.expected(), expected_s(suite)) as progress:

        def make(pair: int, item: Measurement) -> Record:
            progress.expect(rounds.expected())
            progress.begin(f"round {item.repeat + 1}: {item.condition}")
            rate = _rate(folder, manifest, item) if item.condition.rate_percent else None
            own: Launcher = launcher
            waiting: Waiting = interrupts.allowed
            if isinstance(launcher, ClusterLauncher):
                if isinstance(rounds, PairedRounds):  # the main thread has the signals
                    own, waiting = launcher.of_pair(pair), nullcontext
                with waiting():
                    launcher.renew()
            return measure(
                own,
                suite,
                manifest["run"],
                item,
                deadlines=setting.deadlines,
                waiting=waiting,
                rate=rate,
            )

        def keep(pair: int, item: Measurement, record: Record) -> None:
            own = rounds.parts[pair] if isinstance(rounds, PairedRounds) else rounds
            record = replace(record, session=own.session_of(item.repeat))
            append_record(folder, record)
            own.add(record)
            if line := line_of(record, verbose=setting.verbose):
                progress.say(line)
            progress.end()
            if progress.live and own.round_is_complete(item):
                judged = own.judged(item.load, item.repeat)
                progress.show(standing(judged, suite, setting.console) or "")
            setting.end_at_failure(record)

        if isinstance(rounds, PairedRounds):
            in_parallel(rounds, make, keep, launcher.close, interrupts)
            return
        for item in rounds:
            interrupts.check()
            keep(0, item, make(0, item))


def _rate(folder: Path, manifest: dict[str, Any], item: Measurement) -> int | None:
    """Return the rate to offer in a cell. The first call sets all rates, from the closed loops."""
    if "peaks" not in manifest:
        manifest["peaks"] = efficiency.to_json(efficiency.lowest_peaks(load_run(folder).records))
        write_manifest(folder, manifest)
    return efficiency.offered_rate(manifest, item.condition)


def _plan_of(run: Run, suite: Suite) -> tuple[Measurement, ...]:
    """Reject records of another plan: resuming would put results under wrong names."""
    try:
        plan = plan_of(suite, run.manifest["planned"])
    except ValueError as error:
        raise Failure(f"{run.path}: cannot resume: {error}", exit_code=USAGE) from None
    wrong = misplaced(run.records, plan)
    if wrong:
        raise Failure(f"{run.path}: cannot resume: {wrong}", exit_code=USAGE)
    return plan


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
        "minutes": suite.minutes,
        "planned": planned,
    }


def _open(
    setting: Setting,
    placement: Placement | None,
    comparing: Comparing,
    suite: Suite,
    interrupts: Interrupts,
) -> Launcher:
    """Use the launcher of this run; closing it closes the platform's."""
    with interrupts.allowed() if setting.cluster else nullcontext():  # which waits for machines
        inner = open_launcher(setting, placement, suite)
    try:
        return comparing.launcher(inner)
    except BaseException:
        inner.close()
        raise


def _comparing(setting: Setting, manifest: Mapping[str, Any]) -> Comparing:
    """Resume a run of `ab` with the same two builds, which must not have changed."""
    kept = manifest.get("ab")
    if not kept:
        return ALL_MODELS
    commits = kept.get("commits") or {}
    old, new = (commits.get(side) or kept[side] for side in ("old", "new"))
    found = comparing_builds(old, new, setting.build, kept["models"], setting.say)
    if (found.kept or {})["programs"] != kept["programs"]:
        raise Failure(
            f"cannot resume {manifest['run']}: a program of {kept['old']} or {kept['new']} changed "
            "since the run started",
            exit_code=USAGE,
        )
    return found
