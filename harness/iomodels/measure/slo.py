"""`iomodels slo MODEL --slo p99=5ms`: search the highest open-loop rate that meets the objective.

`judge/search.py` chooses the rates and `judge/slo.py` judges each trial. This module measures a
trial like a repeat of a run: fresh server, fresh load generator. Its record goes into
records.jsonl, its outcome into slo.json. A resumed search starts with the kept trials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.errors import USAGE, Failure
from iomodels.base.interrupts import Interrupts
from iomodels.data.records import utc_now
from iomodels.data.searches import SLO_FORMAT, load_slo, write_slo
from iomodels.data.store import append_record, mend_records
from iomodels.judge import stats
from iomodels.judge.ceiling import ceiling_rate
from iomodels.judge.search import Next, Range, Trial, advise
from iomodels.judge.slo import Slo, answer_of, judge, least_rate
from iomodels.launch.launcher import Launcher
from iomodels.machine.preflight import raise_open_files_limit
from iomodels.measure.calibration import calibrate
from iomodels.measure.measurement import measure
from iomodels.measure.session import (
    Setting,
    check,
    check_same,
    keeping,
    manifest_head,
    new_folder,
    open_launcher,
)
from iomodels.plan.order import Measurement, cells
from iomodels.plan.suite import Suite, suite_from

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
    step: float,
) -> Path:
    """Search into a new folder below `out`; `suite` has one cell. Returns the folder."""
    raise_open_files_limit()
    low = low or least_rate(suite, slo)
    with Interrupts() as interrupts, open_launcher(setting, None) as launcher:
        suite = replace(suite, load=suite.load.with_rate(low))
        check(suite, [Measurement(0, 0, condition) for condition in cells(suite)], launcher)
        calibration = calibrate(launcher, suite)
        models = [server.model for server in suite.servers]
        manifest = {
            **manifest_head(setting, suite.name, SLO_FORMAT, models, launcher),
            "suite": suite.to_json(),
            "slo": asdict(slo),
            "range": _range(calibration, suite, slo, low, high, step),
            "calibration": calibration,
            "trials": [],
            "answer": None,
        }
        folder = new_folder(out, manifest)
        _say_start(setting, manifest, slo)
        _search(setting, folder, manifest, launcher, interrupts)
    return folder


def resume_slo(setting: Setting, folder: Path) -> Path:
    """Continue an interrupted search. Returns its folder."""
    manifest = load_slo(folder)
    if manifest["answer"] is not None:
        setting.say(f"{folder}: nothing is missing")
        return folder
    raise_open_files_limit()
    with Interrupts() as interrupts, open_launcher(setting, None) as launcher:
        check_same(setting.build, manifest, _suite(manifest), launcher)
        mend_records(folder)
        setting.say(f"resuming {manifest['run']} after {len(manifest['trials'])} trials")
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
    with keeping(setting, folder, interrupted, lambda: f"{len(manifest['trials'])} trials"):
        while isinstance(step := advise(_trials(manifest), _range_of(manifest)), Next):
            interrupts.check()
            _try(setting, folder, manifest, step, launcher, interrupts)
    manifest.update(status="complete", finished_utc=utc_now(), answer=answer_of(manifest, step))
    write_slo(folder, manifest)


def _try(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    step: Next,
    launcher: Launcher,
    interrupts: Interrupts,
) -> None:
    """Measure one trial, keep it and report it."""
    suite, index = _suite(manifest), len(manifest["trials"])
    rate = round(_range_of(manifest).rate(step.k))
    repeat = sum(trial["k"] == step.k for trial in manifest["trials"])
    record = measure(
        launcher,
        replace(suite, load=suite.load.with_rate(rate)),
        manifest["run"],
        Measurement(index, repeat, cells(suite)[0]),
        deadlines=setting.deadlines,
        waiting=interrupts.allowed,
    )
    append_record(folder, record)
    outcome = judge(record, Slo(**manifest["slo"]))
    manifest["trials"].append(
        {"index": index, "k": step.k, "rate": rate, "why": step.why, **asdict(outcome)}
    )
    write_slo(folder, manifest)
    met = outcome.met and outcome.value_ns
    said = f"met, {words.time(met)}" if met else f"missed: {outcome.reason}"
    setting.say(
        f"[{index + 1}; about {step.left - 1} left] {step.why:7} {rate:,} requests/s: {said}"
    )


def _range(
    calibration: Mapping[str, Any], suite: Suite, slo: Slo, low: int, high: int | None, step: float
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
        raise Failure(
            f"--rate-to {high} ({note}): must be at least the lowest rate, {low}", exit_code=USAGE
        )
    return {"low": low, "high": high, "step": step, "note": note}


def _say_start(setting: Setting, manifest: Mapping[str, Any], slo: Slo) -> None:
    range_ = manifest["range"]
    setting.say(
        f"{cells(_suite(manifest))[0]}, on {manifest['platform']}: searching the highest rate "
        f"with {slo}"
    )
    setting.say(
        f"rates from {range_['low']:,} to {range_['high']:,} requests/s ({range_['note']}), "
        f"in steps of {100 * (range_['step'] - 1):g} %"
    )


def _suite(manifest: Mapping[str, Any]) -> Suite:
    return suite_from(manifest["suite"]["name"], manifest["suite"])


def _range_of(manifest: Mapping[str, Any]) -> Range:
    return Range(manifest["range"]["low"], manifest["range"]["high"], manifest["range"]["step"])


def _trials(manifest: Mapping[str, Any]) -> Sequence[Trial]:
    return [Trial(trial["k"], trial["met"]) for trial in manifest["trials"]]
