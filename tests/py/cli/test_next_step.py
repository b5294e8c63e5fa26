"""The command that a report proposes: the real parser makes of it the run's suite, with more."""

from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iomodels.cli.measuring import suite_of_ab, suite_of_run
from iomodels.cli.registry import parsers
from iomodels.data.store import load_run
from iomodels.judge.loads import Rules
from iomodels.judge.rule import SEQUENTIAL_BASELINE, SEQUENTIAL_FASTEST
from iomodels.judge.summary import summarise, viewed
from iomodels.plan.order import Measurement, make_plan, plan_size
from iomodels.plan.suite import LOOKS, Suite
from iomodels.report import next_step
from iomodels.report.answer import answer
from iomodels.report.next_step import NextStep
from made_run import make_run, noisy_rate

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / "tests/fixtures/runs/20261121-152219-reference"
SERIES = ("iocp@old", "iocp@new")
NOISE = 0.25
MEASUREMENT_S = 1.5


def split(command: str) -> list[str]:
    """Split a line as the shell of this system does; that of Windows keeps a backslash."""
    if os.name != "nt":
        return shlex.split(command)
    return [word.replace('"', "") for word in shlex.split(command, posix=False)]


def parsed(command: str) -> argparse.Namespace:
    """Parse a proposed command as the program does. An unknown option ends the test."""
    program, *words = split(command)
    assert program == "iomodels"
    return parsers().top.parse_args(words)


def suite_of(arguments: argparse.Namespace) -> Suite:
    """The suite on a machine where the load generator has one CPU."""
    is_ab = arguments.command == "ab"
    suite = suite_of_ab(arguments, SERIES) if is_ab else suite_of_run(arguments)
    return suite.on_loadgen_cpus(1)


def made(folder: Path, command: str, *, spread: float = NOISE, **changes: Any) -> Path:
    """The run that a command would make of servers that are equal on a noisy machine."""
    status = changes.pop("status", "complete")
    manifest: dict[str, Any] = dict(changes)
    arguments = parsed(command)
    suite = suite_of(arguments)
    if suite.minutes:  # it ended at its first look
        plan = [item for item in make_plan(suite) if item.repeat < LOOKS[0]]
        rules = Rules(SEQUENTIAL_BASELINE, SEQUENTIAL_FASTEST)
        stops = {item.load: {"load": vars(item.load), "rounds": LOOKS[0], "why": "time"}
                 for item in plan}  # fmt: skip
        manifest = {"statistics": rules.to_json(), "stopped": list(stops.values()), **manifest}
    else:
        plan = list(make_plan(suite))
    equal = noisy_rate({server.label: 100.0 for server in suite.servers}, spread)

    def rate(item: Measurement) -> float | None:
        return equal(item)

    words = {"models": list(arguments.models or ()), "programs": dict.fromkeys(SERIES, "0" * 64)}
    is_ab = arguments.command == "ab"
    ab = {"ab": {"old": arguments.old, "new": arguments.new, **words}} if is_ab else {}
    more = {
        "command": split(command),
        "quick": getattr(arguments, "quick", False),
        "minutes": suite.minutes,
        "sessions": getattr(arguments, "sessions", None) or 1,
        "measured_s": MEASUREMENT_S * len(plan),
        **ab,
        **manifest,
    }
    made_of = {item.index for item in plan}
    return make_run(
        folder,
        suite,
        rate=rate,
        status=status,
        manifest=more,
        only=lambda item: item.index in made_of,
    )


def proposed(folder: Path) -> list[tuple[NextStep, Any]]:
    """(proposal, judged load) of each open load, closed loops first."""
    summary = summarise(load_run(folder))
    found = answer(summary)
    return [(each.next, load) for each, load in zip(found.loads, summary.loads) if each.next]


COMMANDS = (
    "iomodels run select-vs-iocp --rounds 8 --connections 1,64 --size 64",
    "iomodels run select-vs-iocp --quick --json --no-report --yes --wait --seed=3 "
    "--connections=64,512",
    "iomodels run select-vs-iocp --models select,tpio --rounds 8 --depth 4 --size 4096 "
    "--connections 1,64",
    "iomodels run select-vs-iocp --rounds 8 --idle 16 --cpu-us exp:50 --block-us 20..30 "
    "--connections 64 --reply-size 128 --arrivals poisson --churn 7",
    "iomodels run efficiency --rounds 8 --duration-ms 700 --warmup-ms 100 --connections 64 "
    "--models select,threads",
    "iomodels run idle-crowd --rounds 8 --connections 64,1024 --models select,iocp",
    "iomodels run fairness --rounds 8",
    "iomodels run select-vs-iocp --affinity server=0,loadgen=1 --out results --rounds 8 --quick",
    "iomodels ab HEAD~1 HEAD --models iocp --rounds 8 --block-us 7 --connections 1,64",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_proposed_command_is_the_same_suite_with_more_rounds(
    command: str, tmp_path: Path
) -> None:
    arguments = parsed(command)
    suite = suite_of(arguments)
    found = proposed(made(tmp_path, command))
    assert found, "equal servers on a noisy machine are not decided"
    for step, load in found:
        again = parsed(step.command)
        new = suite_of(again)
        assert new.connections == (load.key.connections,) and new.sizes == (load.key.size,)
        assert new.rounds > load.rounds and not new.minutes
        narrowed = replace(
            new,
            connections=suite.connections,
            sizes=suite.sizes,
            active=suite.active,
            rounds=suite.rounds,
            seed=suite.seed,
        )
        assert narrowed == suite, step.command
        assert suite.idle(load.key.connections) == new.idle(load.key.connections)
        changed = {name: value for name, value in vars(again).items()
                   if value != getattr(arguments, name)}  # fmt: skip
        of_plan = {"connections", "size", "rounds", "seed"}
        assert set(changed) <= of_plan | {"json", "no_report", "yes", "wait"}
        seconds = plan_size(new) * MEASUREMENT_S
        assert step.takes.startswith(f"about {new.rounds:,} rounds, "), "and its time"
        assert str(int(seconds // 60)) in step.takes or seconds < 60 or seconds >= 3600


@pytest.mark.parametrize(
    "command",
    [
        "iomodels run select-vs-iocp --depth 2 --connections 1,8 --size 64",
        "iomodels run models --minutes 3 --models select,iocp --cpu-us 30 --size 64 "
        "--connections 8,256",
        "iomodels ab old new --connections 64",
    ],
)
def test_a_plan_that_stops_gets_more_minutes(command: str, tmp_path: Path) -> None:
    suite = suite_of(parsed(command))
    found = proposed(made(tmp_path, command))
    assert found
    for step, load in found:
        new = suite_of(parsed(step.command))
        assert "--rounds" not in step.command
        assert new.minutes > suite.minutes and new.rounds == LOOKS[-1] > load.rounds
        assert replace(
            new, connections=suite.connections, sizes=suite.sizes, minutes=suite.minutes,
            seed=suite.seed,
        ) == suite  # fmt: skip
        assert new.minutes * 60 >= plan_size(new) * MEASUREMENT_S, "its 40 rounds fit in"
        assert step.takes.endswith("; a plan of minutes ends at 40")


def test_a_load_that_had_every_round_of_such_a_plan_gets_a_fixed_one(tmp_path: Path) -> None:
    command = "iomodels run select-vs-iocp --connections 1 --size 64"
    suite = suite_of(parsed(command))
    rules = Rules(SEQUENTIAL_BASELINE, SEQUENTIAL_FASTEST)
    folder = make_run(
        tmp_path,
        suite,
        rate=noisy_rate({"select": 100.0, "iocp": 100.0}, NOISE),
        manifest={"command": split(command), "statistics": rules.to_json()},
    )
    [(step, load)] = proposed(folder)
    new = suite_of(parsed(step.command))
    assert load.rounds == LOOKS[-1] < new.rounds and not new.minutes


def test_more_sessions_of_the_same_length(tmp_path: Path) -> None:
    command = "iomodels run select-vs-iocp --rounds 12 --sessions 3 --connections 64 --size 64"
    folder = made(tmp_path, command, spread=0.04)
    [(step, _)] = proposed(folder)[:1]
    again = parsed(step.command)
    assert again.sessions > 3 and again.rounds == 4 * again.sessions


def test_too_many_rounds_or_sessions_are_not_proposed(tmp_path: Path) -> None:
    one = "iomodels run select-vs-iocp --rounds 8 --connections 64 --size 64"
    assert proposed(made(tmp_path / "rounds", one, spread=3.0)) == []
    three = "iomodels run select-vs-iocp --rounds 9 --sessions 3 --connections 64 --size 64"
    assert proposed(made(tmp_path / "sessions", three, spread=0.6)) == []


def test_the_margin_of_the_view_is_that_of_the_proposal(tmp_path: Path) -> None:
    command = "iomodels run select-vs-iocp --rounds 8 --margin 2 --connections 64 --size 64"
    statistics = Rules().with_margin(0.02).to_json()
    run = load_run(made(tmp_path, command, spread=0.03, statistics=statistics))
    own, other, usual = (
        answer(summarise(viewed(run, None, margin))).loads[0].next for margin in (None, 0.01, 0.05)
    )
    assert own and parsed(own.command).margin == 0.02
    assert other and parsed(other.command).margin == 0.01
    assert usual is None or parsed(usual.command).margin is None


def test_an_incomplete_run_is_resumed_first(tmp_path: Path) -> None:
    command = (
        "iomodels run select-vs-iocp --rounds 8 --cluster lab/bundle.pem --connections 64 --size 64"
    )
    folder = made(tmp_path, command, status="interrupted")
    for step, _ in proposed(folder):
        arguments = parsed(step.command)
        assert Path(arguments.resume) == folder and arguments.cluster == Path("lab/bundle.pem")
        assert step.takes == "the run is not complete"


def test_an_incomplete_run_among_the_results_is_resumed_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "iomodels run select-vs-iocp --rounds 8 --connections 64 --size 64"
    folder = made(tmp_path / "results", command, status="interrupted")
    monkeypatch.setattr(next_step, "ROOT", tmp_path)
    [(step, _)] = proposed(folder)[:1]
    assert step.command == f"iomodels run --resume {folder.name}"


def test_the_kept_run_has_commands_that_parse() -> None:
    found = proposed(KEPT)
    assert found
    for step, load in found:
        arguments = parsed(step.command)
        assert arguments.suite == "tests/data/reference.toml"
        assert arguments.connections == (load.key.connections,)


def test_a_command_of_another_kind_gives_no_proposal(tmp_path: Path) -> None:
    run = load_run(made(tmp_path, "iomodels run select-vs-iocp --quick --connections 1"))
    other = replace(run, manifest={**run.manifest, "command": ["python", "-c", "…"]})
    assert answer(summarise(run)).shown.next and not answer(summarise(other)).shown.next


def test_a_comparison_of_commits_names_those_that_were_compared(tmp_path: Path) -> None:
    """HEAD is another commit by then."""
    command = "iomodels ab HEAD~1 HEAD --models iocp --rounds 8 --connections 64"
    commits = {"old": "a" * 40, "new": "b" * 40}
    builds = {
        **{"old": "HEAD~1", "new": "HEAD", "models": ["iocp"]},
        **{"programs": dict.fromkeys(SERIES, "0" * 64), "commits": commits},
    }
    [(step, _)] = proposed(made(tmp_path, command, ab=builds))
    arguments = parsed(step.command)
    assert (arguments.old, arguments.new) == ("a" * 12, "b" * 12)


def test_models_choose_among_the_suites_own_servers_and_keep_a_named_one() -> None:
    """--models never drops a server that --server names, in either order."""
    for words in (
        '--models apc --server "mine=a {port}"',
        '--server "mine=a {port}" --models apc',
    ):
        suite = suite_of_run(parsed(f"iomodels run select-vs-iocp {words}"))
        assert [server.model for server in suite.servers] == ["apc", "mine"]
