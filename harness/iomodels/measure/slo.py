"""`iomodels slo A,B --slo p99=5ms`: search each model's highest open-loop rate that meets the SLO.

`judge/search.py` chooses the rates and `judge/slo.py` judges each trial. This module measures a
trial like a repeat of a run: fresh server, fresh load generator. The trials of several models take
turns, so that a drift of the machine affects all of them. A record goes into records.jsonl, its
outcome into slo.json. A resumed search starts with the kept trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.errors import USAGE, Failure
from iomodels.base.interrupts import Interrupts
from iomodels.data.mending import mend_records
from iomodels.data.records import Condition, utc_now
from iomodels.data.searches import SLO_FORMAT, load_slo, write_slo
from iomodels.data.store import append_record
from iomodels.judge import stats
from iomodels.judge.ceiling import ceiling_rate
from iomodels.judge.slo import Outcome, Slo, Word, judge, least_rate
from iomodels.judge.slo_searches import Asked, SloSearches, answers_json
from iomodels.launch.launcher import Launcher
from iomodels.machine.preflight import raise_open_files_limit
from iomodels.measure.alone import alone, writing
from iomodels.measure.calibration import calibrate
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
from iomodels.plan.order import Measurement, cells, limit_of
from iomodels.plan.suite import Suite, model_errors, suite_from

OF_CEILING = 0.8
"""Largest rate of a trial, as a share of the ceiling. Beyond it the load generator is measured."""


def start_slo(
    setting: Setting,
    suite: Suite,
    slo: Slo,
    *,
    out: Path,
    low: int | None,
    high: int | None,
    most: int,
) -> Path:
    """Search into a new folder below `out`; `suite` has one cell per server. Returns the folder.

    `low` and `high` are rates in requests per second, `most` the trials of a server. Raises Failure
    for what cannot be measured.
    """
    setting.confirm(expected_s(suite) * most * len(suite.servers))
    raise_open_files_limit()
    low = low or least_rate(suite, slo)
    with (
        alone(setting),
        Interrupts() as interrupts,
        open_launcher(setting, None) as launcher,
    ):
        suite = placed(setting, replace(suite, load=suite.load.with_rate(low)), launcher)
        _check_options(suite, launcher)
        plan = [Measurement(0, 0, condition) for condition in cells(suite)]
        check(suite, plan, launcher)
        limits = {
            item.condition.label: limit_of(item.condition, launcher.models()) for item in plan
        }
        calibration = calibrate(launcher, suite)
        models = [server.model for server in suite.servers]
        manifest = {
            **manifest_head(setting, suite.name, SLO_FORMAT, models, launcher),
            "suite": suite.to_json(),
            "slo": asdict(slo),
            "range": _range(calibration, suite, slo, low, high),
            "most": most,
            "limits": {label: limit for label, limit in limits.items() if limit},
            "calibration": calibration,
            "trials": [],
            "answers": None,
        }
        folder = new_folder(out, manifest)
        _say_start(setting, manifest, slo)
        with writing(setting, folder):
            _search(setting, folder, manifest, launcher, interrupts)
    return folder


def resume_slo(setting: Setting, folder: Path, most: int | None = None) -> Path:
    """Continue an interrupted search, or one that gets more trials. Returns its folder."""
    with writing(setting, folder), alone(setting):
        return _resume(setting, folder, most)


def _resume(setting: Setting, folder: Path, most: int | None) -> Path:
    manifest = load_slo(folder)
    manifest["most"] = most or manifest["most"]
    if SloSearches.of(manifest).next() is None:
        if manifest["answers"] is None:  # killed after its last trial
            _complete(folder, manifest)
        setting.say(f"{folder}: nothing is missing")
        return folder
    raise_open_files_limit()
    with Interrupts() as interrupts, open_launcher(setting, None) as launcher:
        check_same(setting.build, manifest, _suite(manifest), launcher)
        mend_records(folder, setting.insist)
        setting.say(f"resuming {manifest['run']} after {len(manifest['trials'])} trials")
        manifest.update(answers=None, finished_utc=None)
        _search(setting, folder, manifest, launcher, interrupts)
    return folder


def _search(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    launcher: Launcher,
    interrupts: Interrupts,
) -> None:
    def interrupted() -> None:
        write_slo(folder, {**manifest, "status": "interrupted"})

    manifest["status"] = "running"
    write_slo(folder, manifest)
    searches = SloSearches.of(manifest)
    with keeping(setting, folder, interrupted, lambda: f"{len(manifest['trials'])} trials"):
        while asked := searches.next():
            interrupts.check()
            trial = _try(setting, folder, manifest, asked, launcher, interrupts)
            searches = searches.plus(trial)
    _complete(folder, manifest)


def _complete(folder: Path, manifest: dict[str, Any]) -> None:
    answers = answers_json(SloSearches.of(manifest))
    manifest.update(status="complete", finished_utc=utc_now(), answers=answers)
    write_slo(folder, manifest)


def _try(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    asked: Asked,
    launcher: Launcher,
    interrupts: Interrupts,
) -> Mapping[str, Any]:
    """Measure one trial, keep it and report it."""
    suite, index = _suite(manifest), len(manifest["trials"])
    record = measure(
        launcher,
        replace(suite, load=suite.load.with_rate(asked.rate)),
        manifest["run"],
        Measurement(index, asked.number, _condition(suite, asked.server)),
        deadlines=setting.deadlines,
        waiting=interrupts.allowed,
    )
    append_record(folder, record)
    outcome = judge(record, Slo(**manifest["slo"]))
    trial = {
        "index": index,
        "server": asked.server,
        "rate": asked.rate,
        "outcome": outcome.word.value,
        "value_ns": outcome.value_ns,
        "reason": outcome.reason,
    }
    manifest["trials"].append(trial)
    write_slo(folder, manifest)
    setting.say(
        f"[{asked.number + 1}, at most {manifest['most']}] {asked.server}: "
        f"{asked.rate:,} requests/s: {_said(outcome)}"
    )
    if setting.verbose and record.ok:
        setting.say(str(line_of(record, verbose=True)))
    return trial


def _said(outcome: Outcome) -> str:
    if outcome.word is Word.MET:
        return f"met, {words.time(outcome.value_ns)}"
    return f"{outcome.word.value}: {outcome.reason}"


def _condition(suite: Suite, label: str) -> Condition:
    return next(cell for cell in cells(suite) if cell.label == label)


def _check_options(suite: Suite, launcher: Launcher) -> None:
    """Name the command in errors about models and options: no suite's file has them."""
    errors = model_errors(suite, launcher.models())
    if errors:
        start = f"suite {suite.name}: "
        lines = [f"slo: {line.removeprefix(start)}" for line in errors]
        raise Failure(*lines, exit_code=USAGE)


def _range(
    calibration: Mapping[str, Any], suite: Suite, slo: Slo, low: int, high: int | None
) -> dict[str, Any]:
    """Return the range: lowest rate that supports the percentile, highest safe rate. Raises
    Failure."""
    needed = least_rate(suite, slo)
    beyond = low * suite.duration_ms / 1000 * (1 - slo.percent / 100)
    if low < needed and beyond < stats.SAMPLES_BEYOND:
        raise Failure(
            (
                f"--rate-from {low}: must be at least {needed} requests/s for p{slo.percent:g} in "
                f"{suite.duration_ms} ms; raise it or --duration-ms"
            ),
            exit_code=USAGE,
        )
    note = "--rate-to"
    if high is None:
        ceiling = ceiling_rate(calibration, suite.connections[0], suite.sizes[0], suite.depth)
        if ceiling is None:
            raise Failure(
                (
                    "--rate-to: must be given; the load generator's ceiling is unavailable: "
                    f"{calibration.get('reason')}"
                ),
                exit_code=USAGE,
            )
        high = int(OF_CEILING * ceiling)
        note = f"{words.percent(OF_CEILING)} of the load generator's ceiling"
    if high < low:
        why = "" if note == "--rate-to" else f" ({note})"
        raise Failure(
            f"--rate-to {high}{why}: must be at least the lowest rate, {low}", exit_code=USAGE
        )
    return {"low": low, "high": high, "note": note}


def _say_start(setting: Setting, manifest: Mapping[str, Any], slo: Slo) -> None:
    suite, range_ = _suite(manifest), manifest["range"]
    labels = [server.label for server in suite.servers]
    setting.say(
        f"{words.listed(labels)} on {manifest['platform']}: searching the highest rate with {slo}"
    )
    setting.say(
        f"rates from {range_['low']:,} to {range_['high']:,} requests/s ({range_['note']}); "
        f"at most {manifest['most']} trials per model, "
        f"{words.duration(expected_s(suite) * manifest['most'] * len(labels))} in all"
    )
    for label, limit in manifest["limits"].items():
        setting.say(f"{label} is left out: {limit}")


def _suite(manifest: Mapping[str, Any]) -> Suite:
    return suite_from(manifest["suite"]["name"], manifest["suite"])
