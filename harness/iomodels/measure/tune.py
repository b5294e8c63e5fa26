"""`iomodels tune`: how many workers, under which cap, for a load. Measures settings in the order that harness/iomodels/judge/surface.py
chooses, and says which is best, which cannot be told from it, and what rules of thumb would have cost.

A folder of a tuning has `tune.json` (the plan and its surroundings), `records.jsonl` (one line a measurement, as in a run; the
name of its series is the load's), and what is computed from them: `surface.json`, `tune.md`, `figures/`.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from iomodels.base.console import shell_word
from iomodels.base.errors import FAILED, NOT_SUPPORTED, USAGE, Failure, hint
from iomodels.base.files import write_whole
from iomodels.base.interrupts import Interrupted, Interrupts
from iomodels.base.progress import Progress
from iomodels.data.laws import write
from iomodels.data.records import Condition, Record, utc_now
from iomodels.data.store import RECORDS, append_record, mend_records, record_from_json
from iomodels.judge import surface
from iomodels.launch import platform as launch
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import Program
from iomodels.machine import environment
from iomodels.machine.preflight import preflight, raise_open_files_limit
from iomodels.measure import laws
from iomodels.measure.measurement import measure
from iomodels.measure.run import OVERHEAD_S, Setting
from iomodels.plan.order import Measurement, is_limit, limit_of
from iomodels.plan.suite import Server, Suite

FORMAT = 1
MANIFEST = "tune.json"
KNOBS = ("threads", "concurrency", "min-threads")
"""Options of a server that a tuning chooses, where the model has them; each is at most `threads`."""
BLOCK_MAX_US = 250_000


@dataclass(frozen=True)
class Load:
    """What is asked of the server: clients, and how long a request computes and then blocks."""

    connections: int
    cpu_us: int
    block_us: int

    def __str__(self) -> str:
        return f"{self.connections}c {self.cpu_us}+{self.block_us}us"

    @property
    def words(self) -> str:
        plural = "" if self.connections == 1 else "s"
        return f"{self.connections:,} connection{plural}, handler {self.cpu_us} µs of CPU and {self.block_us} µs blocked"


@dataclass(frozen=True)
class Plan:
    """What is searched, in which way; `slo_us` is a p99 that must be kept, 0 for none."""

    model: str
    loads: tuple[Load, ...]
    objective: str
    slo_us: int
    threads_max: int
    size: int
    repeats: int  # of a setting that is tied with the best
    warmup_ms: int
    duration_ms: int
    seed: int
    loadgen_threads: int

    @property
    def suite(self) -> Suite:
        """The part of it that measuring needs."""
        return Suite(
            name=f"tune-{self.model}",
            title=f"Tuning {self.model}",
            question="How many threads?",
            servers=(Server(self.model),),
            connections=tuple(sorted({load.connections for load in self.loads})),
            sizes=(self.size,),
            depth=1,
            repeats=self.repeats,
            warmup_ms=self.warmup_ms,
            duration_ms=self.duration_ms,
            seed=self.seed,
            loadgen_threads=self.loadgen_threads,
        )

    @property
    def effort(self) -> surface.Effort:
        return surface.Effort(first=min(2, self.repeats), most=self.repeats)


def plan_from(data: Mapping[str, Any]) -> Plan:
    fields: dict[str, Any] = {**data, "loads": tuple(Load(**load) for load in data["loads"])}
    return Plan(**fields)


def loads_of(
    connections: Iterable[int], cpu_us: Iterable[int], block_percent: Iterable[int]
) -> tuple[Load, ...]:
    """Every combination. ValueError where a share of blocking has no CPU time to be a share of, or would last too long."""
    found = []
    cpus, percents = tuple(cpu_us), tuple(block_percent)
    for count in connections:
        for cpu in cpus:
            for percent in percents:
                block = round(cpu * percent / (100 - percent))
                if percent and not cpu:
                    raise ValueError(
                        f"--block-percent {percent}: of a handler with --cpu-us 0 nothing can be a share; give it CPU time"
                    )
                if block > BLOCK_MAX_US:
                    raise ValueError(
                        f"--block-percent {percent}: with --cpu-us {cpu} that blocks {block} µs, the most is {BLOCK_MAX_US}"
                    )
                found.append(Load(count, cpu, block))
    return tuple(dict.fromkeys(found))


class _Working:
    """A launcher whose load generator asks for a load's handler work; all else is the launcher's own."""

    def __init__(self, launcher: Launcher, load: Load) -> None:
        self._launcher = launcher
        self._load = load

    def __getattr__(self, name: str) -> Any:
        return getattr(self._launcher, name)

    def loadgen(self, options: Mapping[str, Any], *, windows: bool = False) -> Program:
        work = {"cpu-us": self._load.cpu_us, "block-us": self._load.block_us}
        return self._launcher.loadgen({**options, **work}, windows=windows)


# ---- settings ----


@dataclass(frozen=True)
class Knobs:
    """The options that are chosen (none for a model whose threads follow its clients) and the cores that its server has."""

    names: tuple[str, ...]
    threads_max: int
    cores: int

    def options(self, setting: surface.Setting) -> tuple[tuple[str, int], ...]:
        return tuple(zip(self.names, setting))

    def setting(self, options: Iterable[tuple[str, int]]) -> surface.Setting:
        values = dict(options)
        return tuple(values[name] for name in self.names)

    def with_threads(self, threads: int) -> surface.Setting:
        """So many workers, and a cap of one a core: what a rule of thumb about workers means."""
        named = {
            "threads": threads,
            "concurrency": min(threads, self.cores),
            "min-threads": min(threads, 1),
        }
        return tuple(named[name] for name in self.names)

    def rules(self, load: Load) -> dict[str, surface.Setting]:
        if "threads" not in self.names:
            return {}
        share = self.cores * (1 + load.block_us / load.cpu_us) if load.cpu_us else float(self.cores)
        counts = {
            "cores": self.cores,
            "2 × cores": 2 * self.cores,
            "3 × cores": 3 * self.cores,
            "cores × (1 + block / cpu)": max(1, round(share)),
        }
        return {
            name: self.with_threads(min(count, self.threads_max)) for name, count in counts.items()
        }

    def space(self, load: Load) -> surface.Space:
        axes = tuple((name, 1, self.threads_max) for name in self.names)
        return surface.Space(
            axes,
            lambda setting: tuple(min(value, setting[0]) for value in setting),
            tuple(self.rules(load).values()),
        )


def knobs_of(plan: Plan, launcher: Launcher) -> Knobs:
    """Raises Failure for a model that is not there, or not here."""
    models = launcher.models()
    if plan.model not in models:
        raise Failure(
            f"tune {plan.model}: no such server was built; {hint(plan.model, models)}",
            exit_code=USAGE,
        )
    described = {option["name"]: option for option in models[plan.model]["options"]}
    names = tuple(name for name in KNOBS if name in described)
    if "threads" in described and plan.threads_max > described["threads"]["max"]:
        raise Failure(
            f"--threads-max {plan.threads_max}: {plan.model} takes at most {described['threads']['max']}",
            exit_code=USAGE,
        )
    placement = launcher.environment().get("placement") or {}
    return Knobs(
        names, plan.threads_max, len(placement.get("server_cpus") or ()) or os.cpu_count() or 1
    )


# ---- scores ----


def value_of(record: Record, objective: str) -> float | None:
    """The objective of one repeat in its own unit; None where it failed or the platform does not tell."""
    if not record.ok or not record.loadgen or not record.server:
        return None
    result = record.loadgen["result"]
    if objective == "throughput":
        return float(result["requests_per_second"])
    if objective == "p99":
        return result["response"]["p99"] / 1e3 if result["response"]["p99"] else None
    begin, end = record.server["begin"], record.server["end"]
    parts = [
        (begin["process"].get(name), end["process"].get(name))
        for name in ("cpu_user_ns", "cpu_kernel_ns")
    ]
    if any(first is None or last is None for first, last in parts):
        return None
    used_ns = sum(last - first for first, last in parts)
    served = end["counters"]["requests"] - begin["counters"]["requests"]
    return served / used_ns * 1e9 if used_ns > 0 else None


def score_of(record: Record, plan: Plan) -> float | None:
    """More is better; None where the promise was broken."""
    value = value_of(record, plan.objective)
    if value is None:
        return None
    if plan.slo_us:
        p99 = value_of(record, "p99")
        if p99 is None or p99 > plan.slo_us:
            return None
    return 1 / value if plan.objective == "p99" else value


def scores_of(
    records: Sequence[Record], plan: Plan, knobs: Knobs, load: Load
) -> dict[surface.Setting, list[float | None]]:
    scores: dict[surface.Setting, list[float | None]] = {}
    for record in records:
        if record.condition.alias == str(load):
            scores.setdefault(knobs.setting(record.condition.options), []).append(
                score_of(record, plan)
            )
    return scores


# ---- measuring ----


def start_tune(setting: Setting, plan: Plan, *, out: Path) -> int:
    """Search into a new folder below `out`. Returns the exit code."""
    raise_open_files_limit()
    with (
        Interrupts() as interrupts,
        launch.open_launcher(setting.build, say=partial(_say, setting)) as launcher,
    ):
        knobs = _checked(plan, launcher)
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        manifest = {
            "format": FORMAT,
            "run": f"{stamp}-tune-{plan.model}",
            "plan": asdict(plan),
            "knobs": asdict(knobs),
            "command": list(setting.command),
            "platform": launcher.platform,
            "environment": environment.capture(setting.build, [plan.model], launcher.environment()),
            "versions": environment.versions(),
            "git": environment.git_state(),
            "started_utc": utc_now(),
            "finished_utc": None,
            "status": "running",
        }
        with interrupts.allowed():
            of_platform = laws.current(setting.build, setting.results, partial(_say, setting))
        folder = _new_folder(out, manifest)
        if of_platform:
            write(of_platform, folder)
        code = _search(setting, folder, manifest, plan, knobs, launcher, interrupts)
    return code or _finish(setting, folder)


def resume_tune(setting: Setting, folder: Path) -> int:
    """Go on with a search, by its own plan. Returns the exit code."""
    raise_open_files_limit()
    manifest = load_manifest(folder)
    plan = plan_from(manifest["plan"])
    with (
        Interrupts() as interrupts,
        launch.open_launcher(setting.build, say=partial(_say, setting)) as launcher,
    ):
        knobs = _checked(plan, launcher)
        now = environment.binaries(setting.build, [plan.model])
        if (launcher.platform, asdict(knobs)) != (
            manifest["platform"],
            {**manifest["knobs"], "names": tuple(manifest["knobs"]["names"])},
        ):
            raise Failure(
                f"{manifest['run']} cannot go on: it is of {manifest['platform']}, {manifest['knobs']}; this is {launcher.platform}, {asdict(knobs)}",
                exit_code=USAGE,
            )
        if now != manifest["environment"]["binaries"]:
            raise Failure(
                f"{manifest['run']} cannot go on: the programs are others than when it was begun",
                exit_code=USAGE,
            )
        mend_records(folder)
        code = _search(setting, folder, manifest, plan, knobs, launcher, interrupts)
    return code or _finish(setting, folder)


def _checked(plan: Plan, launcher: Launcher) -> Knobs:
    """The knobs, once everything is known that can be known to go wrong."""
    knobs = knobs_of(plan, launcher)
    limits = {limit_of(_condition(plan, knobs, load, ()), launcher.models()) for load in plan.loads}
    if None not in limits:
        raise Failure(
            *[f"nothing can be measured: {limit}" for limit in sorted(map(str, limits))],
            exit_code=NOT_SUPPORTED,
        )
    errors = preflight(max(load.connections for load in plan.loads), launcher.platform)
    if errors:
        raise Failure(*errors)
    return knobs


def _condition(plan: Plan, knobs: Knobs, load: Load, setting: surface.Setting) -> Condition:
    return Condition(
        plan.model, load.connections, plan.size, plan.size, 1, knobs.options(setting), str(load)
    )


def _search(
    setting: Setting,
    folder: Path,
    manifest: dict[str, Any],
    plan: Plan,
    knobs: Knobs,
    launcher: Launcher,
    interrupts: Interrupts,
) -> int:
    """Batch after batch until every load's search is over. Returns 0, or the exit code of an interruption."""
    records = load_records(folder)
    rng = random.Random(plan.seed)
    try:
        while batch := _batch(plan, knobs, records):
            _say(setting, _batch_words(plan, batch, records))
            ordered = sorted(
                batch, key=lambda each: rng.random()
            )  # a drift falls on all settings alike
            expected_s = (plan.warmup_ms + plan.duration_ms) / 1000 + OVERHEAD_S
            with Progress(setting.console, len(ordered), expected_s) as progress:
                for load, chosen in ordered:
                    interrupts.check()
                    condition = _condition(plan, knobs, load, chosen)
                    progress.begin(f"{_setting_words(knobs, chosen)}; {load.words}")
                    repeat = sum(record.condition == condition for record in records)
                    item = Measurement(len(records), repeat, condition)
                    working: Any = _Working(launcher, load)
                    record = measure(
                        working,
                        plan.suite,
                        manifest["run"],
                        item,
                        deadlines=setting.deadlines,
                        waiting=interrupts.allowed,
                    )
                    append_record(folder, record)
                    records.append(record)
                    if not record.ok and not is_limit(record.reason):
                        progress.say(f"failed: {condition}: {record.reason}")
                    progress.end()
    except BaseException as error:
        with suppress(OSError):  # on a full disk it stays "running"
            _write_manifest(folder, {**manifest, "status": "interrupted"})
        _say(
            setting,
            f"{'interrupted' if isinstance(error, KeyboardInterrupt) else 'stopped'}: {len(records)} measurements are kept in {folder}",
        )
        _say(setting, f"go on with: {setting.resume_command} {shell_word(str(folder.resolve()))}")
        if isinstance(error, Interrupted):
            return 128 + error.signal
        raise
    manifest.update(status="complete", finished_utc=utc_now())
    _write_manifest(folder, manifest)
    return 0


def _batch(
    plan: Plan, knobs: Knobs, records: Sequence[Record]
) -> list[tuple[Load, surface.Setting]]:
    """What every load's search wants next, together: so loads are interleaved too."""
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
    later = (
        "near the best"
        if fewest == 0
        else "once more"
        if fewest < plan.effort.first
        else "once more, what is tied with the best"
    )
    return f"{later if records else 'the coarse grid'}: {len(batch)} measurement{'' if len(batch) == 1 else 's'}"


def _setting_words(knobs: Knobs, setting: surface.Setting) -> str:
    return (
        ", ".join(f"{name} {value}" for name, value in knobs.options(setting))
        or "no option to choose"
    )


# ---- the folder ----


def load_manifest(folder: Path) -> dict[str, Any]:
    """Raises Failure."""
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise Failure(
                f"{folder / MANIFEST}: format {data['format']}; only {FORMAT} is understood",
                exit_code=USAGE,
            )
        plan_from(data["plan"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"{folder}: not a tuning that can be read: {error}") from None
    manifest: dict[str, Any] = data
    return manifest


def load_records(folder: Path) -> list[Record]:
    """The measurements; a last line that was cut short is left out."""
    path = folder / RECORDS
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [
        record_from_json(json.loads(line))
        for line in text.splitlines(keepends=True)
        if line.endswith("\n")
    ]


def _write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def _new_folder(out: Path, manifest: dict[str, Any]) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    name, number = str(manifest["run"]), 1
    while (out / str(manifest["run"])).exists():
        number += 1
        manifest["run"] = f"{name}-{number}"
    folder = out / str(manifest["run"])
    folder.mkdir()
    _write_manifest(folder, manifest)
    return folder


def _finish(setting: Setting, folder: Path) -> int:
    from iomodels.report.tuning import (
        write_tune_report,
    )  # only here: matplotlib takes a second to load

    text, path = write_tune_report(folder)
    setting.console.print(text, markup=False, highlight=False, soft_wrap=True)
    _say(setting, f"report: {path}")
    return 0 if any(record.ok for record in load_records(folder)) else FAILED


def _say(setting: Setting, line: str) -> None:
    setting.console.print(line, markup=False, highlight=False, soft_wrap=True)
