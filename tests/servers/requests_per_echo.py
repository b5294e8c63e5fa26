"""How many requests a server sends to the wineserver for each 64-byte echo: exact, where a time under Wine is noise.

Under Wine every call on a socket, a port or an event is a request to the one process that plays the kernel, so a wasted call of
a model is a request too many. `wineserver -d1` writes a line for each request; the server has a prefix with such a
wineserver for itself. How the figure is made independent of time:

* The client sends all its frames in one go, and the server's buffer holds exactly one (--buffer): each receive finds its
  frame waiting and cannot take two, so no receive ever has to wait and every echo is one receive and one send.
* Counted is from one send to the send ECHOES later, in the middle of the stream: neither setting the connection up nor the last
  receive, which waits, is in it.
* A wait that ends by its time limit is taken off: it is the tick of a thread that looks whether to stop.
* There is one worker thread, where a model has --threads: whether a second one wakes in vain is a matter of time.

So it sees no call that is wasted only where nothing waits (a receive tried in vain), and none that a second thread makes.

As a script it prints the rows of docs/requests.md for the Wine at hand: python3 tests/servers/requests_per_echo.py [--write]
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
    "wine-8.0": {"threads": 6, "select": 8, "events": 10, "apc": 8, "iocp": 8, "tpio": 12},
    "wine-10.0": {"threads": 4, "select": 6, "events": 8, "apc": 6, "iocp": 6, "tpio": 10},
}
"""What a minimal program of each model was measured to need, by version of Wine: no server of ours may need more."""

VARYING = ("tpio",)
"""Where one thread of Wine's own fetches the completions and others serve them: when it is quick enough to wait for the next one,
it makes two requests more for it. Such a line says what an echo needs when it always is."""
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
    """A model's line of the page: whole numbers, as a request more or less among thousands is the end of the stream."""
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

Under Wine every call on a socket, a port or an event is a request to one process, the wineserver. A time measured under Wine is
noise, and says nothing about Windows; the number of requests is exact, and shows whether a model makes a call too many.

Counted for {ECHOES} echoes of {SIZE} bytes on one connection, by a worker thread, each receive finding its request waiting.
*At most*: what a minimal program of the model needs on that Wine; a test fails above it, and where a line here is no longer true.
*Up to*: the pool of Wine has a thread that fetches completions for others, and needs fewer when it does not come to wait for one.
A line is written by `python3 tests/servers/requests_per_echo.py --write` on the Wine that it names.

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
            version, models = launcher.wine.version, list(launcher.models())
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
