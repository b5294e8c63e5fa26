"""Estimate the cost of a plan, and print it before the start."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from iomodels.base.console import say
from iomodels.base.errors import USAGE, Failure
from iomodels.base.words import count as counted
from iomodels.base.words import duration
from iomodels.launch.launcher import Launcher
from iomodels.measure.session import OVERHEAD_S
from iomodels.plan.order import MOST_MEASUREMENTS, Measurement, limit_of, plan_size
from iomodels.plan.suite import LOOKS, Suite


def check_plan_size(suite: Suite, sessions: int = 1) -> None:
    """Reject a plan that must be a mistake. Raises Failure."""
    size = plan_size(suite)
    if size > MOST_MEASUREMENTS:
        raise Failure(
            f"suite {suite.name}: plans {size:,} measurements, "
            f"about {duration(_takes(suite, size))}; must be at most {MOST_MEASUREMENTS:,}; "
            "reduce --connections, --size or --rounds",
            exit_code=USAGE,
        )
    if suite.minutes and len(suite.servers) < 2:
        raise Failure(
            f"suite {suite.name}: --minutes needs two servers to compare and has "
            f"{len(suite.servers)}; use --rounds N",
            exit_code=USAGE,
        )
    if sessions > 1 and suite.minutes:
        raise Failure(f"--sessions {sessions}: needs a fixed plan; add --rounds N", exit_code=USAGE)
    if suite.rounds % sessions:
        raise Failure(
            f"--sessions {sessions}: must divide --rounds {suite.rounds}", exit_code=USAGE
        )


def expected_s(suite: Suite) -> float:
    """Return seconds per measurement, with starting and stopping its programs; a first guess."""
    return (suite.warmup_ms + suite.duration_ms) / 1000 + OVERHEAD_S


def _takes(suite: Suite, measurements: int) -> float:
    return measurements * expected_s(suite)


def least_s(suite: Suite) -> float:
    """Return the seconds for the least rounds of a sequential plan."""
    return _takes(suite, plan_size(suite) // suite.rounds * min(LOOKS[0], suite.rounds))


def takes_s(suite: Suite) -> float:
    """Return the expected seconds of a plan: of one that stops, those of its minutes."""
    if suite.minutes:
        return max(60.0 * suite.minutes, least_s(suite))
    return _takes(suite, plan_size(suite))


def plan_json(suite: Suite) -> dict[str, float | int]:
    """Return the size of a plan: measurements per round, rounds at most, expected seconds."""
    return {
        "measurements_per_round": plan_size(suite) // suite.rounds,
        "rounds": suite.rounds,
        "seconds": takes_s(suite),
    }


def expected_text(suite: Suite) -> str:
    """ "60 measurements, about 4 min"; "8 to 40 rounds of 18 measurements, about 5 min 00 s" """
    size = plan_size(suite)
    if not suite.minutes:
        return f"{counted(size, 'measurement')}, about {duration(takes_s(suite))}"
    of = counted(size // suite.rounds, "measurement")
    return f"{LOOKS[0]} to {suite.rounds} rounds of {of}, about {duration(takes_s(suite))}"


def say_plan(
    console: Console, suite: Suite, plan: Sequence[Measurement], launcher: Launcher
) -> None:
    """Print the measurements, their duration, and the cells that cannot be measured here."""
    console.print(
        f"[bold]{escape(suite.title)}[/bold] on {escape(launcher.platform)}: "
        f"{expected_text(suite)}, in the order of seed {suite.seed}"
    )
    if suite.minutes and least_s(suite) > 60 * suite.minutes:
        say(
            console,
            f"note: {LOOKS[0]} rounds of every load take about {duration(least_s(suite))}, more "
            f"than --minutes {suite.minutes}; all of them are still measured",
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


def print_plan(console: Console, plan: Sequence[Measurement]) -> None:
    for item in plan:
        say(console, f"{item.index:4}  round {item.repeat + 1}  {item.condition}")
