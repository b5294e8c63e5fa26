"""`iomodels tune [MODEL…]`: which model, with how many threads, for a load.

`judge/race.py` chooses what is measured next. A tuning's folder has `tune.json`, its settings and
stages, and `records.jsonl`, one line per trial. `report/tuning.py` computes the rest.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.errors import USAGE, Failure, hint
from iomodels.base.interrupts import Interrupts
from iomodels.base.progress import Progress
from iomodels.data import laws as data_laws
from iomodels.data.laws import Laws
from iomodels.data.mending import mend_records
from iomodels.data.records import Record, utc_now
from iomodels.data.searches import TUNE_FORMAT, load_tune, search_records, write_tune
from iomodels.data.store import append_record
from iomodels.judge import race
from iomodels.judge.race import Stage
from iomodels.judge.tuned import load_shown
from iomodels.judge.tuning import Tuning, tuning_of
from iomodels.launch.launcher import Launcher
from iomodels.machine.preflight import raise_open_files_limit
from iomodels.measure import laws
from iomodels.measure.alone import alone, writing
from iomodels.measure.measurement import measure
from iomodels.measure.planning import expected_s
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
from iomodels.measure.standing import line_of
from iomodels.plan.order import LIMIT, Measurement, cells, limit_of
from iomodels.plan.server import Server
from iomodels.plan.settings import (
    CAP,
    THREADS,
    Axes,
    option_errors,
    rule_of_thumb,
    settings_of,
    usual_threads_max,
)
from iomodels.plan.suite import Suite

CAP_CLAIM = "B1"
"""The claim that a completion port honours its concurrency value."""


@dataclass(frozen=True)
class Asked:
    """What the user asked for. `suite` has the load and no server; no model means all of them."""

    models: tuple[str, ...]
    suite: Suite
    objective: str
    minutes: int
    threads_max: int | None
    options: Mapping[str, tuple[int, ...]]


def start_tune(setting: Setting, asked: Asked, *, out: Path) -> Path:
    """Race into a new folder below `out`. Returns the folder."""
    setting.confirm(60.0 * asked.minutes)
    raise_open_files_limit()
    with (
        alone(setting),
        Interrupts() as interrupts,
        open_launcher(setting, None) as launcher,
    ):
        asked = replace(asked, suite=placed(setting, asked.suite, launcher))
        models = _models(asked, launcher)
        absent = _absent(asked.suite, models, launcher)
        with interrupts.allowed():
            of_platform = laws.current(setting.build, setting.results, setting.say)
        dropped = _dropped(of_platform, asked.options)
        axes = _axes(asked, launcher, dropped)
        able = [launcher.models()[model] for model in models if model not in absent]
        suite = replace(asked.suite, servers=settings_of(able, axes))
        manifest = {
            **manifest_head(setting, "tune", TUNE_FORMAT, sorted(_of(suite)), launcher),
            "suite": suite.to_json(),
            "objective": asked.objective,
            "minutes": asked.minutes,
            "budget_s": 60.0 * asked.minutes,
            "measured_s": 0.0,
            "cores": axes.cores,
            "threads_max": axes.threads_max,
            "sizes": list(
                race.sizes_of(len(suite.servers), 60 * asked.minutes / expected_s(suite))
            ),
            "stages": [],
            "dropped": [{"option": name, "reason": why} for name, why in dropped.items()],
            "absent": [{"model": name, "reason": why} for name, why in absent.items()],
        }
        folder = new_folder(out, manifest)
        if of_platform:
            data_laws.write(of_platform, folder)
        _say_plan(setting, manifest, suite)
        with writing(setting, folder):
            _race(setting, folder, manifest, launcher, interrupts)
    return folder


def resume_tune(setting: Setting, folder: Path, minutes: int | None) -> Path:
    """Continue a race by its own plan, for `minutes` more if given. Returns its folder."""
    raise_open_files_limit()
    with writing(setting, folder), alone(setting):
        return _resume(setting, folder, minutes)


def _resume(setting: Setting, folder: Path, minutes: int | None) -> Path:
    manifest = load_tune(folder)
    records = search_records(folder)
    tuning = tuning_of(manifest, records)
    if minutes is not None:
        setting.confirm(60.0 * minutes)
        manifest["budget_s"] = max(manifest["budget_s"], manifest["measured_s"]) + 60.0 * minutes
    elif manifest["status"] == "complete" and tuning.next_trial() is None:
        setting.say(f"{folder}: nothing is missing; --minutes continues the race")
        return folder
    with Interrupts() as interrupts, open_launcher(setting, None) as launcher:
        check_same(setting.build, manifest, tuning.suite, launcher)
        check(tuning.suite, _one_round(tuning.suite), launcher)
        mend_records(folder, setting.insist)
        setting.say(f"resuming {manifest['run']} after {words.count(len(records), 'trial')}")
        manifest.update(status="running", finished_utc=None)
        _race(setting, folder, manifest, launcher, interrupts)
    return folder


# ---- before the first trial ----


def _models(asked: Asked, launcher: Launcher) -> list[str]:
    """Return the models to tune. Raises Failure for an unknown model, or an impossible option."""
    known = launcher.models()
    models = list(asked.models or known)
    errors = [
        f"tune {model}: no such model was built; {hint(model, known)}"
        for model in models
        if model not in known
    ]
    errors = errors or option_errors([known[model] for model in models], asked.options)
    if errors:
        raise Failure(*errors, exit_code=USAGE)
    return models


def _absent(suite: Suite, models: Sequence[str], launcher: Launcher) -> dict[str, str]:
    """Return why a model cannot run this load here.

    Raises Failure if none can, or if the load itself is wrong.
    """
    probe = replace(suite, servers=tuple(map(Server, models)))
    limits = {condition.model: limit_of(condition, launcher.models()) for condition in cells(probe)}
    absent = {model: limit.removeprefix(LIMIT).strip() for model, limit in limits.items() if limit}
    if len(absent) == len(models):
        lines = dict.fromkeys(absent.values())
        raise Failure(*[f"cannot measure anything: {line}" for line in lines], exit_code=USAGE)
    check(probe, _one_round(probe), launcher)
    return absent


def _dropped(seen: Laws | None, given: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Return the options that do nothing here by a law, with the law's words."""
    found = [each for each in seen.judged if CAP_CLAIM in each.claims] if seen else []
    if CAP in given or not found or found[0].verdict != "does not hold":
        return {}
    return {CAP: f"the law of the cap {found[0].words} ({found[0].figure})"}


def _axes(asked: Asked, launcher: Launcher, dropped: Mapping[str, str]) -> Axes:
    placement = launcher.environment().get("placement") or {}
    cores = len(placement.get("server_cpus") or ()) or os.cpu_count() or 1
    (connections,) = asked.suite.connections
    clients = connections - int(dict(asked.suite.load.options).get("idle", 0))
    most = asked.threads_max or usual_threads_max(rule_of_thumb(cores, asked.suite.load))
    return Axes(cores, clients, most, asked.options, frozenset(dropped))


def _one_round(suite: Suite) -> list[Measurement]:
    return [Measurement(place, 0, condition) for place, condition in enumerate(cells(suite))]


def _of(suite: Suite) -> set[str]:
    return {server.model for server in suite.servers}


def _say_plan(setting: Setting, manifest: Mapping[str, Any], suite: Suite) -> None:
    trials = int(manifest["budget_s"] / expected_s(suite))
    models = words.listed(list(dict.fromkeys(server.model for server in suite.servers)))
    (connections,), (size,) = suite.connections, suite.sizes
    shown = load_shown(suite.load)
    load = f"; {shown}" if shown else ""
    setting.say(
        f"tuning {models} on {manifest['platform']} for {manifest['objective']}: "
        f"{words.count(connections, 'connection')}, {words.size(size)}{load}"
    )
    setting.say(
        f"a race of {words.count(len(suite.servers), 'setting')} for {manifest['minutes']} min, "
        f"at most {words.count(trials, 'trial')}; then closing rounds with its neighbours"
    )
    for each in manifest["absent"]:
        setting.say(f"not in the race: {each['model']}: {each['reason']}")
    for each in manifest["dropped"]:
        setting.say(f"not varied: {each['option']}: {each['reason']}")


# ---- the race ----


class Pace:
    """The time of a race: what it took so far, and how many trials the rest of the budget holds."""

    def __init__(self, manifest: Mapping[str, Any], each_s: float) -> None:
        self._before_s = float(manifest["measured_s"])
        self._each_s = each_s
        self._started = self._since = time.monotonic()
        self._trials = 0

    def count(self) -> None:
        """A trial is complete."""
        self._trials += 1

    def begin_stage(self) -> None:
        """Forget earlier trials: slow settings have left."""
        self._each_s = self.each_s
        self._since, self._trials = time.monotonic(), 0

    @property
    def spent_s(self) -> float:
        return self._before_s + time.monotonic() - self._started

    @property
    def each_s(self) -> float:
        """Seconds per trial of this stage, with starting and stopping its programs."""
        taken = time.monotonic() - self._since
        return taken / self._trials if self._trials else self._each_s

    def trials_left(self, budget_s: float) -> float:
        return max(0.0, budget_s - self.spent_s) / self.each_s


def _race(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    launcher: Launcher,
    interrupts: Interrupts,
) -> None:
    """Measure stage after stage; tune.json always holds the stages."""
    records = search_records(folder)
    pace = Pace(manifest, expected_s(tuning_of(manifest, records).suite))

    def interrupted() -> None:
        manifest.update(status="interrupted", measured_s=pace.spent_s)
        write_tune(folder, manifest)

    write_tune(folder, manifest)
    with (
        keeping(setting, folder, interrupted, lambda: words.count(len(records), "trial")),
        Progress(setting.console, _trials_left(manifest, records, pace), pace.each_s) as progress,
    ):
        while (tuning := tuning_of(manifest, records)) and _goes_on(
            folder, manifest, tuning, pace, progress
        ):
            tuning = tuning_of(manifest, records)
            trial = tuning.next_trial()
            if trial is None:  # every setting of the new stage is out
                continue
            interrupts.check()
            condition = tuning.conditions[trial.place]
            progress.expect(_trials_left(manifest, records, pace))
            progress.begin(f"{_in_the_race(tuning)}; {condition.label}")
            record = measure(
                launcher,
                tuning.suite,
                manifest["run"],
                Measurement(_next_index(records), trial.round, condition),
                deadlines=setting.deadlines,
                waiting=interrupts.allowed,
            )
            append_record(folder, record)
            records.append(record)
            pace.count()
            progress.end()
            if setting.verbose and record.ok:
                progress.say(str(line_of(record, verbose=True)))
            _say_failure(tuning_of(manifest, records), record, progress)
    manifest.update(status="complete", finished_utc=utc_now(), measured_s=pace.spent_s)
    write_tune(folder, manifest)


def _next_index(records: Sequence[Record]) -> int:
    """Return an index that no record has; damaged lines are gone."""
    return 1 + max((record.index for record in records), default=-1)


def _goes_on(
    folder: Path, manifest: dict[str, Any], tuning: Tuning, pace: Pace, progress: Progress
) -> bool:
    """Begin the next stage if this one is complete. Returns False at the end."""
    if tuning.next_trial() is not None:
        return True
    left = pace.trials_left(manifest["budget_s"])
    if len(tuning.stages) == 1:  # now the time of a trial is known
        manifest["sizes"] = list(race.sizes_of(len(tuning.conditions), left + len(tuning.records)))
        tuning = tuning_of(manifest, tuning.records)
        if note := _few_trials(tuning, manifest["minutes"], left, pace.each_s):
            progress.say(note)
    stage = tuning.next_stage(left)
    if stage is None:
        return False
    manifest["stages"].append({**asdict(stage), "settings": list(stage.settings)})
    manifest["measured_s"] = pace.spent_s
    write_tune(folder, manifest)
    pace.begin_stage()
    progress.say(_stage_words(tuning, stage))
    return True


def _few_trials(tuning: Tuning, minutes: int, left: float, each_s: float) -> str | None:
    """Return a note if the budget is too small for the settings, and what would do."""
    alive = len(tuning.conditions) - len(tuning.out)
    trials, enough = len(tuning.records) + round(left), race.TRIALS_PER_SETTING * alive
    if trials >= enough:
        return None
    return (
        f"note: about {trials} trials of {each_s:.1f} s fit into {minutes} min; {alive} settings "
        f"need {enough} for a good answer; --minutes {math.ceil(enough * each_s / 60)} would do"
    )


def _trials_left(manifest: Mapping[str, Any], records: Sequence[Record], pace: Pace) -> int:
    """Return about how many trials are left: those of the budget, and the closing rounds."""
    tuning = tuning_of(manifest, records)
    missing = tuning.trials_missing
    if tuning.stages and tuning.stages[-1].closing:
        return missing
    closing = 3 * race.CLOSING_ROUNDS
    return max(missing, round(pace.trials_left(manifest["budget_s"]))) + closing


def _in_the_race(tuning: Tuning) -> str:
    """ "15 of 30 settings in the race" """
    stage = tuning.stages[-1]
    if stage.closing:
        return "closing rounds"
    alive = sum(place not in tuning.out for place in stage.settings)
    return f"{alive} of {len(tuning.conditions)} settings in the race"


def _say_failure(tuning: Tuning, record: Record, progress: Progress) -> None:
    reason = tuning.reason(record)
    if reason:
        gone = tuning.places[record.condition] in tuning.out
        progress.say(f"failed: {record.condition.label}: {reason}{'; it leaves the race' * gone}")


def _stage_words(tuning: Tuning, stage: Stage) -> str:
    """ "15 of 30 settings race on, 3 rounds: iocp (threads 8, 16); events" """
    rounds = words.count(stage.rounds, "round")
    if stage.closing:
        names = [tuning.conditions[place].label for place in stage.settings]
        return f"closing: {rounds} of {words.listed(names)}"
    alive, total = len(stage.settings), len(tuning.conditions)
    names_too = f": {_names(tuning, stage.settings)}" if alive < total else ""
    return f"{alive} of {total} settings in the race, {rounds}{names_too}"


def _names(tuning: Tuning, settings: Sequence[int]) -> str:
    """ "iocp (threads 8, 16, 32); events" """
    threads: dict[str, set[int]] = {}
    for place in settings:
        condition = tuning.conditions[place]
        found = threads.setdefault(condition.model, set())
        found.update(value for name, value in condition.options if name == THREADS)
    return "; ".join(
        f"{model} (threads {', '.join(map(str, sorted(found)))})" if found else model
        for model, found in threads.items()
    )
