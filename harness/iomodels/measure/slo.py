"""`iomodels slo MODEL --slo p99=5ms`: the highest rate of an open loop at which the server keeps a promise of latency.

harness/iomodels/judge/search.py says which rate to try; here each is measured like any repeat of a run (fresh server, fresh load generator), judged and
kept: the records in records.jsonl, and slo.json with the trials and the answer. Going on after Ctrl-C is giving the trials to the search.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.console import say
from iomodels.base.errors import FAILED, USAGE, Failure
from iomodels.base.files import write_whole
from iomodels.base.interrupts import Interrupted, Interrupts
from iomodels.data.records import Record, utc_now
from iomodels.data.schema import check_against
from iomodels.data.store import append_record, mend_records
from iomodels.judge import stats
from iomodels.judge.ceiling import ceiling_rate
from iomodels.judge.search import Answer, Next, Range, Trial, advise
from iomodels.launch import platform as launch
from iomodels.launch.launcher import Launcher
from iomodels.machine import environment
from iomodels.machine.preflight import raise_open_files_limit
from iomodels.measure import run
from iomodels.measure.calibration import calibrate
from iomodels.measure.measurement import measure
from iomodels.measure.run import Setting
from iomodels.plan.order import Measurement, cells
from iomodels.plan.suite import Suite, suite_from

FORMAT = 2
MANIFEST = "slo.json"
TIMELY = 0.999  # share of timely sends below which a trial says something about the load generator only (labench's rule)
SENT = 0.99  # share of what was due in the window that must have been handed over in it
OF_CEILING = (
    0.8  # of its own ceiling the load generator may be asked for, lest the search measures it
)
UNITS_NS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
LEAST_RATE = 100


@dataclass(frozen=True)
class Slo:
    """A promise: this percentile of the response times is at most so long."""

    percent: float
    limit_ns: int

    def __str__(self) -> str:
        return f"p{self.percent:g} ≤ {words.tick(self.limit_ns)}"


def parse_slo(text: str) -> Slo:
    """ "p99=5ms", "p99.9=500us". Raises ValueError with what is allowed."""
    found = re.fullmatch(r"p(\d{1,2}(?:\.\d{1,3})?)=(\d{1,6}(?:\.\d{1,3})?)(us|ms|s)", text)
    if not found or not 0 < float(found[1]) < 100 or float(found[2]) <= 0:
        raise ValueError("must be a percentile and a time as p99=5ms, p50=200us or p99.9=1s")
    return Slo(float(found[1]), round(float(found[2]) * UNITS_NS[found[3]]))


@dataclass(frozen=True)
class Outcome:
    """What a trial says. `client`: it missed because of the load generator, which is no fault of the server."""

    met: bool
    value_ns: int | None
    reason: str | None
    client: bool = False


def judge(record: Record, slo: Slo) -> Outcome:
    """Whether the server kept the promise at the rate that was offered."""
    if not record.ok or not record.loadgen:
        return Outcome(False, None, record.reason or "no reason recorded")
    result = record.loadgen["result"]
    audit, counts = result["audit"], stats.histogram(result["response"]["histogram"]["counts"])
    value = stats.percentile(counts, slo.percent)
    timely, due, sent = audit["timely_share"], audit["due"], audit["sent"]
    if timely is not None and timely < TIMELY:
        return Outcome(
            False, value, f"client-bound: only {timely:.2%} of the sends were timely", client=True
        )
    if value is None or not stats.supported(stats.samples(counts), slo.percent):
        return Outcome(
            False, value, f"{stats.samples(counts)} answers are too few for p{slo.percent:g}"
        )
    if due and sent < SENT * due:
        return Outcome(
            False, value, f"only {sent} of the {due} requests that were due could be sent"
        )
    if value > slo.limit_ns:
        return Outcome(False, value, f"p{slo.percent:g} was {words.time(value)}")
    return Outcome(True, value, None)


def least_rate(suite: Suite, slo: Slo) -> int:
    """The lowest rate whose window holds enough answers for the percentile, with a fifth to spare: Poisson arrivals vary."""
    needed = stats.SAMPLES_BEYOND / (1 - slo.percent / 100)
    return max(LEAST_RATE, math.ceil(1.2 * needed * 1000 / suite.duration_ms - 1e-6))


def start_slo(
    setting: Setting,
    suite: Suite,
    slo: Slo,
    *,
    out: Path,
    low: int | None,
    high: int | None,
    step: float,
) -> int:
    """Search into a new folder below `out`; `suite` has one cell. Returns the exit code."""
    raise_open_files_limit()
    low = low or least_rate(suite, slo)
    with (
        Interrupts() as interrupts,
        launch.open_launcher(setting.build, say=partial(say, setting.console)) as launcher,
    ):
        suite = replace(suite, load=suite.load.with_rate(low))
        run.check(suite, [Measurement(0, 0, condition) for condition in cells(suite)], launcher)
        calibration = calibrate(launcher, suite)
        manifest = _new_manifest(
            setting,
            suite,
            slo,
            launcher,
            calibration,
            _range(calibration, suite, slo, low, high, step),
        )
        folder = run.new_folder(out, manifest)
        _say_start(setting, manifest, slo)
        return _search(setting, folder, manifest, launcher, interrupts)


def resume_slo(setting: Setting, folder: Path) -> int:
    """Go on with a search that was interrupted, or say again what it found. Returns the exit code."""
    manifest = load_slo(folder)
    if manifest["answer"] is not None:
        say(setting.console, f"{folder}: nothing is missing")
        return _finish(setting, folder, manifest)
    raise_open_files_limit()
    with (
        Interrupts() as interrupts,
        launch.open_launcher(setting.build, say=partial(say, setting.console)) as launcher,
    ):
        run.check_same(setting.build, manifest, _suite(manifest), launcher)
        mend_records(folder)
        say(
            setting.console,
            f"going on with {manifest['run']}: {len(manifest['trials'])} trials are kept",
        )
        return _search(setting, folder, manifest, launcher, interrupts)


def load_slo(folder: Path) -> dict[str, Any]:
    """Read and check slo.json; raises Failure."""
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Failure(f"{folder}: not a search: it has no {MANIFEST}") from None
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: cannot be read: {error}") from None
    check_against("slo", manifest, str(path))
    return manifest


def _write(folder: Path, manifest: Mapping[str, Any]) -> None:
    check_against("slo", manifest, str(folder / MANIFEST))
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def _search(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    launcher: Launcher,
    interrupts: Interrupts,
) -> int:
    manifest["status"] = "running"
    _write(folder, manifest)
    try:
        while isinstance(step := advise(_trials(manifest), _range_of(manifest)), Next):
            interrupts.check()
            _try(setting, folder, manifest, step, launcher, interrupts)
    except BaseException as error:
        manifest["status"] = "interrupted"
        with suppress(OSError):  # on a full disk it stays "running"
            _write(folder, manifest)
        run.say_kept(setting, folder, manifest["run"], error, f"{len(manifest['trials'])} trials")
        if isinstance(error, Interrupted):
            return 128 + error.signal
        raise
    manifest.update(status="complete", finished_utc=utc_now(), answer=_answer(manifest, step))
    _write(folder, manifest)
    return _finish(setting, folder, manifest)


def _try(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    step: Next,
    launcher: Launcher,
    interrupts: Interrupts,
) -> None:
    """One trial, measured, kept and told."""
    suite, rate, index = (
        _suite(manifest),
        round(_range_of(manifest).rate(step.k)),
        len(manifest["trials"]),
    )
    condition = cells(suite)[0]
    item = Measurement(index, sum(trial["k"] == step.k for trial in manifest["trials"]), condition)
    suite = replace(suite, load=suite.load.with_rate(rate))
    record = measure(
        launcher,
        suite,
        manifest["run"],
        item,
        deadlines=setting.deadlines,
        waiting=interrupts.allowed,
    )
    append_record(folder, record)
    outcome = judge(record, Slo(**manifest["slo"]))
    manifest["trials"].append(
        {"index": index, "k": step.k, "rate": rate, "why": step.why, **asdict(outcome)}
    )
    _write(folder, manifest)
    said = (
        f"met, {words.time(outcome.value_ns)}"
        if outcome.met and outcome.value_ns
        else f"missed: {outcome.reason}"
    )
    say(
        setting.console,
        f"[{index + 1}; about {step.left - 1} left] {step.why:7} {rate:,} requests/s: {said}",
    )


def _answer(manifest: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """The answer with what stands beside it: the median of its trials, and what the next rate up missed by."""
    at = [trial for trial in manifest["trials"] if trial["k"] == answer.k and trial["met"]]
    above = [
        trial
        for trial in manifest["trials"]
        if answer.k is not None and trial["k"] == answer.k + 1 and not trial["met"]
    ]
    lowest = [trial for trial in manifest["trials"] if answer.k is None]
    return {
        "rate": at[0]["rate"] if at else None,
        "value_ns": stats.median([trial["value_ns"] for trial in at]) if at else None,
        "open": answer.open or any(trials[-1]["client"] for trials in (above, lowest) if trials),
        "above": {"rate": above[-1]["rate"], "reason": above[-1]["reason"]} if above else None,
        "reason": lowest[-1]["reason"] if lowest else None,
    }


def answer_text(manifest: Mapping[str, Any]) -> str:
    """The answer in a sentence."""
    suite, slo, answer = _suite(manifest), Slo(**manifest["slo"]), manifest["answer"]
    what = f"{cells(suite)[0]}, on {manifest['platform']}"
    if answer["rate"] is None and answer["open"]:
        return f"{what}: {slo} cannot be judged: at {manifest['range']['low']:,.0f} requests/s already: {answer['reason']}"
    if answer["rate"] is None:
        return f"{what}: {slo} is not met even at {manifest['range']['low']:,.0f} requests/s: {answer['reason']}"
    text = f"{what}: {'at least ' if answer['open'] else ''}{answer['rate']:,} requests/s meet {slo} ({words.time(answer['value_ns'])} there)"
    if answer["above"]:
        return f"{text}; {answer['above']['rate']:,} do not: {answer['above']['reason']}"
    return f"{text}; more was not asked for: {manifest['range']['note']}"


def _finish(setting: Setting, folder: Path, manifest: Mapping[str, Any]) -> int:
    say(setting.console, answer_text(manifest))
    say(setting.console, f"measurements: {folder}")
    return 0 if manifest["answer"]["rate"] is not None else FAILED


def _range(
    calibration: Mapping[str, Any], suite: Suite, slo: Slo, low: int, high: int | None, step: float
) -> dict[str, Any]:
    """From the lowest rate that the percentile allows to what the load generator can make for sure. Raises Failure."""
    needed = least_rate(suite, slo)
    if (
        low < needed
        and low * suite.duration_ms / 1000 * (1 - slo.percent / 100) < stats.SAMPLES_BEYOND
    ):
        raise Failure(
            f"--rate-from {low}: p{slo.percent:g} in {suite.duration_ms} ms needs {needed} requests/s; or measure longer (--duration-ms)",
            exit_code=USAGE,
        )
    note = "--rate-to"
    if high is None:
        ceiling = ceiling_rate(calibration, suite.connections[0], suite.sizes[0], suite.depth)
        if ceiling is None:
            raise Failure(
                f"--rate-to: is needed, as the load generator's own ceiling is not known: {calibration.get('reason')}",
                exit_code=USAGE,
            )
        high, note = (
            int(OF_CEILING * ceiling),
            f"{OF_CEILING:.0%} of what the load generator itself reaches",
        )
    if high < low:
        raise Failure(
            f"--rate-to {high} ({note}): must be at least the lowest rate, {low}", exit_code=USAGE
        )
    return {"low": low, "high": high, "step": step, "note": note}


def _new_manifest(
    setting: Setting,
    suite: Suite,
    slo: Slo,
    launcher: Launcher,
    calibration: Mapping[str, Any],
    range_: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "run": f"{datetime.now().strftime('%Y%m%d-%H%M%S')}-{suite.name}",
        "suite": suite.to_json(),
        "slo": asdict(slo),
        "range": dict(range_),
        "command": list(setting.command),
        "platform": launcher.platform,
        "environment": environment.capture(
            setting.build, [server.model for server in suite.servers], launcher.environment()
        ),
        "versions": environment.versions(),
        "git": environment.git_state(),
        "calibration": dict(calibration),
        "started_utc": utc_now(),
        "finished_utc": None,
        "status": "running",
        "trials": [],
        "answer": None,
    }


def _say_start(setting: Setting, manifest: Mapping[str, Any], slo: Slo) -> None:
    range_ = manifest["range"]
    say(
        setting.console,
        f"{cells(_suite(manifest))[0]}, on {manifest['platform']}: the highest rate with {slo}",
    )
    say(
        setting.console,
        f"rates from {range_['low']:,} to {range_['high']:,} requests/s ({range_['note']}), in steps of {range_['step'] - 1:.1%}",
    )


def _suite(manifest: Mapping[str, Any]) -> Suite:
    return suite_from(manifest["suite"]["name"], manifest["suite"])


def _range_of(manifest: Mapping[str, Any]) -> Range:
    return Range(manifest["range"]["low"], manifest["range"]["high"], manifest["range"]["step"])


def _trials(manifest: Mapping[str, Any]) -> Sequence[Trial]:
    return [Trial(trial["k"], trial["met"]) for trial in manifest["trials"]]
