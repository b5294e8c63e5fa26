"""What the measuring commands do: check what the options mean together, measure, report."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from iomodels.base.console import make_console, shell_word
from iomodels.cli import finishing, folders
from iomodels.cli.cluster import asked_for
from iomodels.cli.command import fail
from iomodels.cli.measure_commands import (
    AB_DEFAULTS,
    SLO_DEFAULTS,
    TUNE_DEFAULTS,
)
from iomodels.cli.options import PASSED_ON
from iomodels.cli.settings import setting_of
from iomodels.cli.values import given
from iomodels.data.library import RUN, SLO, TUNE
from iomodels.data.store import load_run
from iomodels.judge.tuning import OBJECTIVES
from iomodels.measure import micro as measure_micro
from iomodels.measure import run as measure_run
from iomodels.measure import slo as measure_slo
from iomodels.measure import tune as measure_tune
from iomodels.measure.ab import comparing_builds
from iomodels.measure.session import Setting
from iomodels.plan.load import Load, Value
from iomodels.plan.server import Server, external_server
from iomodels.plan.suite import (
    AUTOMATIC,
    BOUNDS,
    LOOKS,
    Suite,
    find_suite,
    load_file,
    load_suite,
    suite_files,
)

WINDOW = ("depth", "warmup_ms", "duration_ms", "seed")
TUNE_TURNS = 5
"""Replies per connection in a trial of a tuning. A run has 20, which take four times as long."""


def run(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    if arguments.json and arguments.dry_run:
        fail("--json: must be omitted with --dry-run, which prints the plan as lines")
    notes = make_console(stderr=arguments.json, quiet=arguments.quiet)
    with asked_for(arguments, notes) as cluster:
        where = f"--cluster {shell_word(cluster.where)} " if cluster else ""
        setting = setting_of(arguments, words, f"run {where}--resume", cluster)
        folder = _measured_run(arguments, setting)
    if folder is None:
        return 0
    return _finished_run(arguments, console, folder)


def _finished_run(arguments: argparse.Namespace, console: Console, folder: Path) -> int:
    shown = _for_results(arguments, console)
    return finishing.run(shown, folder, report=not arguments.no_report, as_json=arguments.json)


def _for_results(arguments: argparse.Namespace, console: Console) -> Console:
    """Return where the tables of a result belong: with --json on stderr, with --quiet nowhere."""
    return make_console(stderr=True, quiet=arguments.quiet) if arguments.json else console


def _measured_run(arguments: argparse.Namespace, setting: Setting) -> Path | None:
    """Start or resume a run. Returns its folder, or None for a dry run."""
    if arguments.resume is not None:
        folder = _resumed_run(arguments)
        return measure_run.resume_run(setting, folder, retry_failed=arguments.retry_failed)
    if arguments.retry_failed:
        fail("--retry-failed: must be used with --resume RUN")
    return measure_run.start_run(
        setting,
        suite_of_run(arguments),
        quick=arguments.quick,
        out=arguments.out or folders.RESULTS,
        dry_run=arguments.dry_run,
        margin=arguments.margin,
        sessions=arguments.sessions or 1,
    )


def suite_of_run(arguments: argparse.Namespace) -> Suite:
    """Return the suite that `run` measures: the named one with the values of the command line."""
    if arguments.suite is None:
        fail(f"run: no suite given; available suites: {', '.join(suite_files())}")
    if arguments.suite == "claims":
        fail("run claims: is a command of its own; use: iomodels claims")
    suite = load_suite(find_suite(arguments.suite), quick=arguments.quick, native=arguments.native)
    _refuse_two_lengths(arguments)
    given = [*(arguments.server or ()), *(arguments.attach or ())]
    strangers = [external_server(*each) for each in given]
    if arguments.models:
        suite = suite.with_models(arguments.models, strangers)
    suite = suite.with_servers(strangers)
    values = {key: getattr(arguments, key, None) for key in BOUNDS} | {"sizes": arguments.size}
    changes: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    changes.setdefault("seed", secrets.randbelow(2**32))
    if arguments.rounds is not None:
        changes["minutes"] = 0
    elif arguments.minutes is not None:
        changes["rounds"] = LOOKS[-1]
    if suite.active and arguments.connections is not None:
        changes["active"] = _active(suite, arguments.connections)
    if arguments.rate is not None and suite.rate_percents:
        fail(f"--rate {arguments.rate}: must be omitted; suite {suite.name} sets its own rates")
    return _with_load(replace(suite, **changes), arguments)


def _refuse_two_lengths(arguments: argparse.Namespace) -> None:
    if arguments.rounds is not None and arguments.minutes is not None:
        fail("--rounds: must be omitted with --minutes, which measures until loads are decided")


def _active(suite: Suite, connections: Sequence[int]) -> tuple[int, ...]:
    """How many of the connections send, where the command line has picked some of the suite's."""
    known = dict(zip(suite.connections, suite.active))
    missing = [number for number in connections if number not in known]
    if missing:
        has = ", ".join(map(str, known))
        why = f"as suite {suite.name} has idle ones"
        fail(f"--connections {missing[0]}: must be one of {has}, {why}")
    return tuple(known[number] for number in connections)


def _with_load(suite: Suite, arguments: argparse.Namespace) -> Suite:
    """The suite whose load has the words of the command line."""
    words = _load_words(arguments)
    kept = tuple(pair for pair in suite.load.options if pair[0] not in dict(words))
    load = Load((*kept, *words), suite.load.classes)
    return replace(suite, load=load, load_options=tuple(dict(words)))


def _load_words(arguments: argparse.Namespace) -> tuple[tuple[str, Value], ...]:
    values = {word: getattr(arguments, word.replace("-", "_"), None) for word in PASSED_ON}
    return tuple((word, value) for word, value in values.items() if isinstance(value, (int, str)))


def _resumed_run(arguments: argparse.Namespace) -> Path:
    """The run to resume. Options that would change its plan are refused, not ignored."""
    allowed = ("retry_failed", "suite", "cluster", "min_load", "no_report", "fail_fast")
    folder = _resumed(arguments, RUN, "a run", *allowed)
    if arguments.suite is not None:
        suite = load_run(folder).manifest["suite"]["name"]
        if Path(arguments.suite).stem != suite:
            fail(f"--resume {arguments.resume}: is a run of {suite}, not of {arguments.suite}")
    return folder


def _resumed(arguments: argparse.Namespace, kind: str, what: str, *allowed: str) -> Path:
    """Return the folder to resume; exit if an option is given that is not in `allowed`."""
    others = given(arguments, "resume", "wait", "json", "quiet", "verbose", "yes", *allowed)
    if others:
        fail(f"{', '.join(others)}: must be omitted with --resume; {what} keeps its own plan")
    return folders.find_run(arguments.resume, kind, option="--resume")


def ab(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    _refuse_two_lengths(arguments)
    setting = setting_of(arguments, words, "run --resume")
    wanted = arguments.models or ()
    comparing = comparing_builds(arguments.old, arguments.new, setting.build, wanted, setting.say)
    folder = measure_run.start_run(
        setting,
        suite_of_ab(arguments, comparing.series),
        quick=False,
        out=arguments.out or folders.RESULTS,
        margin=arguments.margin,
        comparing=comparing,
    )
    assert folder is not None
    return _finished_run(arguments, console, folder)


def suite_of_ab(arguments: argparse.Namespace, series: Sequence[str]) -> Suite:
    """Return the suite that `ab` measures: each series, MODEL@old and MODEL@new, at each load."""
    chosen = _chosen(arguments, AB_DEFAULTS)
    suite = Suite(
        name="ab",
        title=f"{arguments.new} over {arguments.old}",
        question="What does the new build change?",
        servers=tuple(Server(model) for model in series),
        connections=chosen["connections"],
        sizes=chosen["size"],
        depth=chosen["depth"],
        rounds=chosen.get("rounds", LOOKS[-1]),
        warmup_ms=chosen["warmup_ms"],
        duration_ms=chosen["duration_ms"],
        seed=chosen["seed"] if "seed" in chosen else secrets.randbelow(2**32),
        loadgen_threads=AUTOMATIC,
        minutes=0 if "rounds" in chosen else chosen["minutes"],
    )
    return _with_load(suite, arguments)


def slo(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    setting = setting_of(arguments, words, "slo --resume")
    shown, as_json = _for_results(arguments, console), arguments.json
    if arguments.resume is not None:
        folder = _resumed(arguments, SLO, "a search", "trials")
        folder = measure_slo.resume_slo(setting, folder, arguments.trials)
        return finishing.slo(shown, folder, as_json=as_json)
    models = _models(arguments)
    if not models or arguments.slo is None:
        fail("slo: needs a model and an SLO, such as: iomodels slo iocp --slo p99=5ms")
    low, high = arguments.rate_from, arguments.rate_to
    if low is not None and high is not None and low > high:
        fail(f"--rate-from {low}: must be at most --rate-to {high}")
    suite = _slo_suite(arguments, models)
    if suite.load.classes or "rate" in dict(suite.load.options):
        fail(
            f"--load {arguments.load}: must have no rate and no [load.class.NAME]; "
            "the search sets one rate for all connections"
        )
    folder = measure_slo.start_slo(
        setting,
        suite,
        arguments.slo,
        out=arguments.out or folders.RESULTS,
        low=low,
        high=high,
        most=_chosen(arguments, SLO_DEFAULTS)["trials"],
    )
    return finishing.slo(shown, folder, as_json=as_json)


def _slo_suite(arguments: argparse.Namespace, models: Sequence[str]) -> Suite:
    """The search as a suite of one cell per model."""
    chosen = _chosen(arguments, SLO_DEFAULTS)
    suite = Suite(
        name="-".join(["slo", *models]),
        title=str(arguments.slo),
        question="Which is the highest rate?",
        servers=tuple(Server(model, arguments.options or ()) for model in models),
        connections=(chosen["connections"],),
        sizes=(chosen["size"],),
        rounds=1,
        loadgen_threads=chosen.get("loadgen_threads", AUTOMATIC),
        **{key: chosen[key] for key in WINDOW},
        load=load_file(arguments.load) if arguments.load else Load(),
        load_file=str(arguments.load or ""),
    )
    return _with_load(suite, arguments)


def _models(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the models that the user named, in his order."""
    found = [name for names in arguments.model for name in names]
    for name in found:
        if found.count(name) > 1:
            fail(f"MODEL {name}: must not be repeated")
    return tuple(found)


def _chosen(arguments: argparse.Namespace, *defaults: dict[str, Any]) -> dict[str, Any]:
    """What the user gave, over the defaults; later ones come first."""
    found = {key: value for each in defaults for key, value in each.items()}
    values = {key: value for key, value in vars(arguments).items() if value is not None}
    return found | values


def tune(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    setting = setting_of(arguments, words, "tune --resume")
    shown, as_json = _for_results(arguments, console), arguments.json
    if arguments.resume is not None:
        folder = _resumed(arguments, TUNE, "a tuning", "minutes")
        folder = measure_tune.resume_tune(setting, folder, arguments.minutes)
        return finishing.tune(shown, folder, as_json=as_json)
    asked = _tune_asked(arguments)
    folder = measure_tune.start_tune(setting, asked, out=arguments.out or folders.RESULTS)
    return finishing.tune(shown, folder, as_json=as_json)


def _tune_asked(arguments: argparse.Namespace) -> measure_tune.Asked:
    chosen = _chosen(arguments, TUNE_DEFAULTS)
    suite = _with_load(
        Suite(
            name="tune",
            title="Tuning",
            question="Which model, with how many threads?",
            servers=(),
            connections=(chosen["connections"],),
            sizes=(chosen["size"],),
            rounds=1,
            loadgen_threads=chosen.get("loadgen_threads", AUTOMATIC),
            depth=chosen["depth"],
            warmup_ms=chosen["warmup_ms"],
            duration_ms=chosen["duration_ms"],
            seed=chosen.get("seed", secrets.randbelow(2**32)),
            load=load_file(arguments.load) if arguments.load else Load(),
            load_file=str(arguments.load or ""),
        ),
        arguments,
    )
    suite = replace(suite, load=_with_turns(suite.load))
    objective = arguments.objective or ("p99" if suite.load.rate else "throughput")
    if objective == "throughput" and suite.load.rate:
        fail("--objective throughput: must be p99, cpu or threads with a rate, which fixes it")
    if OBJECTIVES[objective].at_a_rate and not suite.load.rate:
        fail(f"--objective {objective}: must have --rate, the requests/s to serve")
    return measure_tune.Asked(
        _models(arguments),
        suite,
        objective,
        chosen["minutes"],
        arguments.threads_max,
        arguments.options or {},
    )


def _with_turns(load: Load) -> Load:
    """Return the load with short windows: many trials are better than long ones."""
    if load.rate or "turns" in dict(load.options):
        return load
    return Load((*load.options, ("turns", TUNE_TURNS)), load.classes)


def micro(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    options = measure_micro.Options(
        arguments.filter, arguments.quick, arguments.native, arguments.repetitions
    )
    setting = setting_of(arguments, words)
    try:
        folder = measure_micro.run_micro(setting, options, arguments.out or folders.RESULTS)
    except KeyboardInterrupt:
        setting.insist("nothing is kept: a micro run is written at its end")
        raise
    return finishing.micro(_for_results(arguments, console), folder, as_json=arguments.json)
