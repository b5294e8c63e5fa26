"""Options that several commands share, and the words of a load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iomodels.cli import values
from iomodels.cli.command import Option
from iomodels.plan.suite import BOUNDS, MAX_CONNECTIONS, MAX_SIZE

RUN_HELP = "name or folder of the run; latest: the newest"
RUN = Option("RUN", RUN_HELP, type=values.name, values="run")
AMOUNT = "N, A..B, exp:MEAN or a mixture N*WEIGHT+N*WEIGHT"
ARRIVALS = ("constant", "poisson")

PASSED_ON = ("idle", "reply-size", "cpu-us", "block-us", "rate", "arrivals", "churn")
"""Words of a load that the load generator gets unchanged. The suite has keys for the others."""


def out(what: str, default: str = "results") -> Option:
    return Option("--out", f"{what} (default: {default})", "DIR", values.folder, values="folder")


def resume(what: str) -> Option:
    return Option(
        "--resume",
        f"{what} to continue by its own plan: name, folder or latest",
        "RUN",
        values.name,
        values="run",
    )


def as_json(instead_of: str) -> Option:
    return Option("--json", f"one JSON object instead of {instead_of}", flag=True)


def number(key: str, what: str, default: object, unit: str = "") -> Option:
    """An option of one number; `key` names its bounds in a suite."""
    low, high = BOUNDS[key]
    return Option(
        f"--{key.replace('_', '-')}",
        f"{what}, {low} to {high}{f' {unit}' if unit else ''} (default: {default})",
        "N",
        values.bounded(key, unit),
    )


def loadgen_threads(default: str) -> Option:
    """How many threads send; one per connection at most."""
    return number("loadgen_threads", "threads of the load generator", default)


QUIET = Option("--quiet", "print only results and errors: no progress, no notes", flag=True)
VERBOSE = Option("--verbose", "also print a line per measurement with its result", flag=True)
LOUDNESS = (QUIET, VERBOSE)
"""What a measuring command prints: settings.py turns both into its console."""
JSON = Option("--json", "one JSON object on stdout; all other text on stderr", flag=True)
YES = Option("--yes", "start a plan of more than 3 hours without asking", flag=True)
FAIL_FAST = Option(
    "--fail-fast",
    "end at the first failed measurement, exit code 1; --resume continues after it",
    flag=True,
)
WAIT = Option("--wait", "wait for the end of another measurement on this machine", flag=True)

MARGIN = Option(
    "--margin",
    "difference that still counts as equal, 0.5 to 50 percent (default: 5)",
    "P",
    values.margin,
)


def plan_options(default: str) -> list[Option]:
    """How long a run measures: a fixed plan, or one that stops where it is decided."""
    return [
        number("rounds", "passes over the loads, each decided at the end", default),
        number("minutes", "time for a plan that stops at decided loads", default),
        MARGIN,
    ]


def load_words(
    defaults: Mapping[str, Any], *, lists: bool, leave_out: tuple[str, ...] = ()
) -> list[Option]:
    """The words of a load. `lists`: --connections and --size take several values, one load each.

    `defaults`: the value without the option, by word; a suite's own value for the others.
    """

    def default(word: str) -> str:
        value = defaults.get(word, "as in the suite")
        several = isinstance(value, tuple)
        return f"(default: {','.join(map(str, value)) if several else value})"

    connections = values.wholes if lists else values.whole
    several = "several: one load each" if lists else "one number"
    listed = "N,N" if lists else "N"
    words = [
        Option(
            "--connections",
            f"open connections, 1 to {MAX_CONNECTIONS}, {several} {default('connections')}",
            listed,
            connections(1, MAX_CONNECTIONS),
        ),
        Option(
            "--idle",
            f"connections left idle after one reply, below --connections {default('idle')}",
            "N",
            values.whole(0, MAX_CONNECTIONS - 1),
        ),
        Option(
            "--size",
            f"payload of a request, 1 to {MAX_SIZE} bytes, {several} {default('size')}",
            listed,
            connections(1, MAX_SIZE, "bytes"),
        ),
        Option(
            "--reply-size",
            f"payload of a reply in bytes: {AMOUNT} {default('reply-size')}",
            "AMOUNT",
            values.load_word,
        ),
        Option(
            "--depth",
            f"outstanding requests per connection, 1 to 1024 {default('depth')}",
            "N",
            values.bounded("depth"),
        ),
        Option(
            "--cpu-us",
            f"CPU time of the handler in µs: {AMOUNT} {default('cpu-us')}",
            "AMOUNT",
            values.load_word,
        ),
        Option(
            "--block-us",
            f"blocking time of the handler in µs: {AMOUNT} {default('block-us')}",
            "AMOUNT",
            values.load_word,
        ),
        Option(
            "--rate",
            "rate of an open loop in requests/s, all connections together; "
            f"0: closed loop {default('rate')}",
            "N",
            values.whole(0, values.MAX_RATE, "requests/s"),
        ),
        Option(
            "--arrivals",
            f"arrivals of an open loop: {' or '.join(ARRIVALS)} {default('arrivals')}",
            "WORD",
            values.one_of(*ARRIVALS),
            values=ARRIVALS,
        ),
        Option(
            "--churn",
            f"replies per connection before it is replaced; 0: never {default('churn')}",
            "N",
            values.whole(0, 1_000_000, "replies"),
        ),
    ]
    return [word for word in words if word.name.lstrip("-") not in leave_out]
