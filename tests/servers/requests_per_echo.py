"""Count the requests that a server sends to the wineserver per 64-byte echo.

Under Wine every call on a socket, a port or an event is a request to one process, which plays the
kernel. So each wasted call of a model is one request too many. The count is exact, whereas a time
under Wine is noise. `wineserver -d1` writes a line per request, and the server has a prefix with
such a wineserver for itself. Four rules make the count independent of time:

* The client sends all frames in one go, and the server's buffer (--buffer) holds exactly one. Each
  receive finds its frame waiting and cannot take two. No receive ever waits, and every echo is one
  receive and one send.
* The count runs from one send to the send ECHOES later, in the middle of the stream. It excludes
  the set-up of the connection and the last receive, which waits.
* A wait that ends by its time limit does not count: a thread checks there whether to stop.
* A model that has --threads gets one worker thread. Time decides whether a second one wakes.

So the count misses two kinds of wasted calls: a receive that finds nothing, and those of a second
thread.

As a script it prints the rows of docs/requests.md for the installed Wine:

    python3 tests/servers/requests_per_echo.py [--write]
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "harness"))

from client import DEADLINE_S, Client, echo_frame
from iomodels.base.arguments import arguments
from iomodels.base.errors import Failure
from iomodels.base.files import write_whole
from iomodels.launch.process import Program
from iomodels.launch.wine import WineLauncher
from iomodels.machine.placement import default_placement

ROOT = Path(__file__).resolve().parents[2]

PAGE = ROOT / "docs" / "requests.md"
SIZE = 64
WARMUP = 50
ECHOES = 500
ALL = WARMUP + ECHOES + 10

LIMITS: dict[str, dict[str, int]] = {
    "wine-8.0": {
        **{"threads": 6, "select": 8, "events": 10, "apc": 8, "iocp": 8, "tpio": 12},
        **{"pool": 6, "wsapoll": 8, "event_select": 10, "iocp_tuned": 8},
    },
    "wine-10.0": {"threads": 4, "select": 6, "events": 8, "apc": 6, "iocp": 6, "tpio": 10},
}
"""Requests that a minimal program of each model needs, by version of Wine: a server's limit."""

VARYING = {"tpio": ("remove_completion", "select")}
"""Models whose completions one thread of Wine fetches for others. If that thread is early enough to
wait for the next completion, it makes these requests once more. Such a row states the largest
number."""
LEFT_OUT = ("select_pool",)
"""Models that are not counted: `select_pool` also sends datagrams to itself, so a send of its
process does not mark an echo."""
END = 0.02
"""A share of an echo that comes of cutting the stream, not of the echo."""

_LINE = re.compile(r"([0-9a-f]{4}): (?:(\w+)\((.*)|\*wakeup\* signaled=(\d+))")
_TIMEOUT = "258"


def traced_server(
    launcher: WineLauncher, model: str, options: dict[str, int | str]
) -> tuple[Program, Path]:
    """Start a server in a prefix of its own. Its wineserver, slowly, writes each request to a file.

    Returns the server and the path of that file.
    """
    trace = launcher._live / "wineserver.trace"
    if "traced" not in launcher._prefixes:
        launcher._add_prefix("traced", trace)
    program = launcher._programs / f"{model}.exe"
    return launcher._start("traced", program, arguments(options)), trace


def countable(launcher: WineLauncher) -> list[str]:
    """The models that run here, without those left out."""
    return [
        model
        for model, described in launcher.models().items()
        if described["supported"] and model not in LEFT_OUT
    ]


def count_requests(launcher: WineLauncher, model: str) -> Counter[str]:
    """Requests by their names for ECHOES echoes on one connection."""
    frames = [echo_frame(SIZE, sequence) for sequence in range(ALL)]
    options: dict[str, int | str] = {"buffer": len(frames[0].request)}
    if any(option["name"] == "threads" for option in launcher.models()[model]["options"]):
        options["threads"] = 1
    program, trace = traced_server(launcher, model, options)
    with program:
        port = program.expect("ready", DEADLINE_S)["port"]
        with Client(port) as client:
            client.check(*frames)
        program.close_stdin()
        program.expect("summary", DEADLINE_S)
        program.wait(DEADLINE_S)
    with trace.open(encoding="ascii", errors="replace") as lines:
        return _between_sends(lines, program.pid)


def _between_sends(lines: Iterable[str], pid: int) -> Counter[str]:
    """Requests of a process from its send number WARMUP to the one ECHOES later."""
    threads: set[str] = set()
    counted: Counter[str] = Counter()
    sends = 0
    for line in lines:
        found = _LINE.match(line)
        if not found:
            continue
        thread, name, rest, signaled = found.groups()
        if name == "init_first_thread" and rest.startswith(f" unix_pid={pid},"):
            threads.add(thread)
        elif (
            name == "new_thread"
            and thread in threads
            and (made := re.search(r"= 0 \{ tid=([0-9a-f]{4})", rest))
        ):
            threads.add(made[1])
        if thread not in threads:
            continue
        is_request = name is not None and not rest.startswith(") = ")
        sends += is_request and name == "send_socket"
        if WARMUP < sends <= WARMUP + ECHOES:
            counted[name or "select"] += is_request
            counted["select"] -= signaled == _TIMEOUT
    assert sends == ALL, (
        f"{sends} sends of process {pid} for {ALL} echoes: a send does not mark an echo"
    )
    return +counted


def requests_per_echo(launcher: WineLauncher, model: str) -> float:
    return per_echo(count_requests(launcher, model))


def per_echo(counted: Mapping[str, int]) -> float:
    return sum(counted.values()) / ECHOES


def row(version: str, model: str, counted: Mapping[str, int]) -> str:
    """Return a model's row of the page, in whole numbers: the ends of the stream add a fraction."""
    whole = {
        name: math.ceil(count / ECHOES - END) if model in VARYING else round(count / ECHOES)
        for name, count in counted.items()
    }
    parts = sorted((-count, name) for name, count in whole.items() if count)
    names = ", ".join(f"{-count} {name}" if count < -1 else name for count, name in parts)
    total = f"up to {sum(whole.values())}" if model in VARYING else f"{sum(whole.values())}"
    return (
        f"| {model} | {version} | {total} | {LIMITS.get(version, {}).get(model, '–')} | {names} |"
    )


def rows_of(version: str, model: str, counted: Mapping[str, int]) -> set[str]:
    """Return the rows that the count agrees with: two, if the thread of VARYING never waited."""
    waited = Counter(dict.fromkeys(VARYING.get(model, ()), ECHOES))
    return {row(version, model, counted), row(version, model, waited + Counter(counted))}


def page_rows() -> dict[tuple[str, str], str]:
    """(model, version) → the line of the committed page; nothing without a page."""
    if not PAGE.exists():
        return {}
    found = re.findall(
        r"^(\| (\w+) \| (wine-\S+) \|.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {(model, version): line for line, model, version in found}


def page(rows: Mapping[tuple[str, str], str]) -> str:
    ordered = sorted(
        rows, key=lambda key: (key[0], [int(part) for part in re.findall(r"\d+", key[1])])
    )
    return HEAD + "".join(f"{rows[key]}\n" for key in ordered)


HEAD = f"""# Requests to the wineserver per echo

Under Wine every call on a socket, a port or an event is a request to one process, the wineserver.
The number of requests is exact: it shows whether a model makes a call too many. A time measured
under Wine is noise, and says nothing about Windows.

The count covers {ECHOES} echoes of {SIZE} bytes on one connection, served by one worker thread.
Each receive finds its request waiting. The columns are:

- *requests*: what an echo costs. *Up to* marks a model whose completions a thread of Wine's pool
  fetches for others. It needs fewer requests if that thread never waits for the next one.
- *at most*: what a minimal program of the model needs on that Wine. A test fails above it, and when
  a row here is out of date.

`python3 tests/servers/requests_per_echo.py --write` writes the rows of the Wine that it runs on.

| model | Wine | requests | at most | which |
|---|---|--:|--:|---|
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Requests to the wineserver per echo, for every model that was built."
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"write them into {PAGE.relative_to(ROOT)}; other Wines' lines stay",
    )
    options = parser.parse_args(argv)
    build = Path(os.environ.get("IOMODELS_BUILD") or ROOT / "build").resolve()
    try:
        with WineLauncher(
            build, default_placement(), lambda line: print(line, file=sys.stderr)
        ) as launcher:
            version, models = launcher.wine.version, countable(launcher)
            rows = {
                (model, version): row(version, model, count_requests(launcher, model))
                for model in models
            }
    except Failure as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    if options.write:
        others = {key: line for key, line in page_rows().items() if key[1] != version}
        write_whole(PAGE, page({**others, **rows}))
    else:
        print(page(rows), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
