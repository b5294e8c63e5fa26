"""`iomodels tune`: search the workers and the concurrency value that suit a load.

`judge/surface.py` chooses the settings, `judge/tuning.py` scores them. A tuning's folder has
`tune.json`, the plan and its environment, and `records.jsonl`, one line per measurement. The series
of a record is named after the load. `report/tuning.py` computes the rest.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from iomodels.base.errors import NOT_SUPPORTED, USAGE, Failure, hint
from iomodels.base.interrupts import Interrupts
from iomodels.base.progress import Progress
from iomodels.data.laws import write
from iomodels.data.records import Condition, Record, utc_now
from iomodels.data.searches import TUNE_FORMAT, load_tune, search_records, write_tune
from iomodels.data.store import append_record, mend_records
from iomodels.judge import surface
from iomodels.judge.tuning import KNOBS, Knobs, Load, Plan, plan_from, scores_of
from iomodels.launch.launcher import Launcher
from iomodels.machine.preflight import preflight, raise_open_files_limit
from iomodels.measure import laws
from iomodels.measure.measurement import measure
from iomodels.measure.session import (
    OVERHEAD_S,
    Setting,
    check_load,
    check_same,
    keeping,
    manifest_head,
    new_folder,
    open_launcher,
)
from iomodels.plan.order import Measurement, is_limit, limit_of


def start_tune(setting: Setting, plan: Plan, *, out: Path) -> Path:
    """Search into a new folder below `out`. Returns the folder."""
    raise_open_files_limit()
    with Interrupts() as interrupts, open_launcher(setting, None) as launcher:
        knobs = _checked(plan, launcher)
        with interrupts.allowed():
            of_platform = laws.current(setting.build, setting.results, setting.say)
        head = manifest_head(setting, f"tune-{plan.model}", TUNE_FORMAT, [plan.model], launcher)
        manifest = {**head, "plan": asdict(plan), "knobs": asdict(knobs)}
        folder = new_folder(out, manifest)
        write_tune(folder, manifest)
        if of_platform:
            write(of_platform, folder)
        _search(setting, folder, manifest, plan, knobs, launcher, interrupts)
    return folder


def resume_tune(setting: Setting, folder: Path) -> Path:
    """Continue a search by its own plan. Returns its folder."""
    raise_open_files_limit()
    manifest = load_tune(folder)
    plan = plan_from(manifest)
    with Interrupts() as interrupts, open_launcher(setting, None) as launcher:
        knobs = _checked(plan, launcher)
        check_same(setting.build, manifest, plan.suite, launcher)
        before = Knobs.from_json(manifest["knobs"])
        if knobs != before:
            raise Failure(
                (
                    f"cannot resume {manifest['run']}: its settings were {before}; "
                    f"this machine has {knobs}"
                ),
                exit_code=USAGE,
            )
        mend_records(folder)
        _search(setting, folder, manifest, plan, knobs, launcher, interrupts)
    return folder


def knobs_of(plan: Plan, launcher: Launcher) -> Knobs:
    """Return the options of this model. Raises Failure if not built, or with too few threads."""
    models = launcher.models()
    if plan.model not in models:
        raise Failure(
            f"tune {plan.model}: must be a model that was built; {hint(plan.model, models)}",
            exit_code=USAGE,
        )
    described = {option["name"]: option for option in models[plan.model]["options"]}
    names = tuple(name for name in KNOBS if name in described)
    if "threads" in described and plan.threads_max > described["threads"]["max"]:
        most = described["threads"]["max"]
        raise Failure(
            f"--threads-max {plan.threads_max}: must be at most {most} for {plan.model}",
            exit_code=USAGE,
        )
    placement = launcher.environment().get("placement") or {}
    cores = len(placement.get("server_cpus") or ()) or os.cpu_count() or 1
    return Knobs(names, plan.threads_max, cores)


def _checked(plan: Plan, launcher: Launcher) -> Knobs:
    """Reject everything that would surely fail, before measuring; else return the knobs."""
    knobs = knobs_of(plan, launcher)
    conditions = {load: _condition(plan, knobs, load, ()) for load in plan.loads}
    limits = {load: limit_of(each, launcher.models()) for load, each in conditions.items()}
    if None not in limits.values():
        reasons = sorted(set(map(str, limits.values())))
        raise Failure(
            *[f"cannot measure anything: {limit}" for limit in reasons], exit_code=NOT_SUPPORTED
        )
    for load, condition in conditions.items():
        if limits[load] is None:
            check_load(plan.suite_of(load), [condition], launcher)
    errors = preflight(max(load.connections for load in plan.loads), launcher.platform)
    if errors:
        raise Failure(*errors)
    return knobs


def _condition(plan: Plan, knobs: Knobs, load: Load, setting: surface.Setting) -> Condition:
    given = dict(plan.words).get("reply-size", plan.size)
    reply = given if isinstance(given, int) else plan.size
    return Condition(
        plan.model,
        load.connections,
        plan.size,
        reply,
        plan.depth,
        knobs.options(setting),
        str(load),
    )


def _search(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    plan: Plan,
    knobs: Knobs,
    launcher: Launcher,
    interrupts: Interrupts,
) -> None:
    """Measure batch after batch until every load's search is complete."""
    records = search_records(folder)
    rng = random.Random(plan.seed)

    def interrupted() -> None:
        write_tune(folder, {**manifest, "status": "interrupted"})

    with keeping(setting, folder, interrupted, lambda: f"{len(records)} measurements"):
        while batch := _batch(plan, knobs, records):
            setting.say(_batch_words(plan, batch, records))
            # in random order, so that drift affects all settings alike
            ordered = sorted(batch, key=lambda each: rng.random())
            expected_s = (plan.warmup_ms + plan.duration_ms) / 1000 + OVERHEAD_S
            with Progress(setting.console, len(ordered), expected_s) as progress:
                for load, chosen in ordered:
                    interrupts.check()
                    progress.begin(f"{_setting_words(knobs, chosen)}; {load.words}")
                    condition = _condition(plan, knobs, load, chosen)
                    record = _measure(
                        setting, manifest, plan, load, condition, records, launcher, interrupts
                    )
                    append_record(folder, record)
                    records.append(record)
                    if not record.ok and not is_limit(record.reason):
                        progress.say(f"failed: {condition}: {record.reason}")
                    progress.end()
    manifest.update(status="complete", finished_utc=utc_now())
    write_tune(folder, manifest)


def _measure(
    setting: Setting,
    manifest: Mapping[str, Any],
    plan: Plan,
    load: Load,
    condition: Condition,
    records: Sequence[Record],
    launcher: Launcher,
    interrupts: Interrupts,
) -> Record:
    repeat = sum(record.condition == condition for record in records)
    return measure(
        launcher,
        plan.suite_of(load),
        manifest["run"],
        Measurement(len(records), repeat, condition),
        deadlines=setting.deadlines,
        waiting=interrupts.allowed,
    )


def _batch(
    plan: Plan, knobs: Knobs, records: Sequence[Record]
) -> list[tuple[Load, surface.Setting]]:
    """Return the next requests of all loads' searches, to be interleaved."""
    return [
        (load, chosen)
        for load in plan.loads
        for chosen in surface.next_batch(
            knobs.space(load), scores_of(records, plan, knobs, load), plan.effort
        )
    ]


def _batch_words(
    plan: Plan, batch: Sequence[tuple[Load, surface.Setting]], records: Sequence[Record]
) -> str:
    known = [
        (record.condition.alias, tuple(value for _, value in record.condition.options))
        for record in records
    ]
    fewest = min(known.count((str(load), chosen)) for load, chosen in batch)
    if not records:
        what = "coarse grid"
    elif fewest == 0:
        what = "settings near the best"
    elif fewest < plan.effort.first:
        what = "second repeats"
    else:
        what = "more repeats of settings tied with the best"
    return f"{what}: {len(batch)} measurement{'' if len(batch) == 1 else 's'}"


def _setting_words(knobs: Knobs, setting: surface.Setting) -> str:
    words = ", ".join(f"{name} {value}" for name, value in knobs.options(setting))
    return words or "no option to choose"
