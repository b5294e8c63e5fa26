"""Let each server live long: many short connections, then many stops under load.

    python3 tests/servers/endurance.py                        every model that can run here
    python3 tests/servers/endurance.py --model iocp --stops 50
    python3 tests/servers/endurance.py --out lived.jsonl      skip what that file has already

A model passes if handles, descriptors, threads and memory do not grow, every byte is right, every
stop ends with exit code 0 and nothing waits longer than a client's patience. It prints one line per
model; the exit code is 1 if a model fails.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "harness"))

from client import DEADLINE_S, Client, Frame, pattern, visit
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import ProgramFailed
from running import Holding, Server, descriptors
from test_resources import GROWTH_SLACK_BYTES, WINE_LOSES_BYTES, at_rest
from under_test import can_run, opened, program_of, pytest_unconfigure

CYCLES, STOPS = 60_000, 500
STORM = 500
"""Connections that must be answered within the patience of client.visit(), 120 s."""
FIRST = 2_000
"""Connections before the first look at memory."""
THREADS = {"pool": 64}
"""Models whose threads stay: they may start so many more, if a larger crowd comes."""
FILES_PER_THREAD, BYTES_PER_THREAD = 7, 1 << 20
"""What a thread takes under Wine, in its process and in the wineserver."""
AT_A_TIME = 20
STOPPING = 4
"""Servers that are started, loaded and stopped concurrently."""
CLIENTS, FRAMES = 12, 40
WORK_EVERY = 13
"""One in so many requests of a stop blocks for a millisecond."""
_starting = threading.Lock()


@dataclass
class Lived:
    """What a model went through. Sizes are bytes, times seconds; `problems` is empty if it passed.

    handles, descriptors, threads, memory: growth from the first storm to the last.
    """

    model: str
    cycles: int
    stops: int
    seconds: float = 0.0
    handles: int = 0
    descriptors: int = 0
    threads: int = 0
    memory: int = 0
    slowest_stop: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        verdict = "; ".join(self.problems) or "passed"
        return (
            f"{self.model}: {self.cycles:,} cycles: {self.handles:+} handles, "
            f"{self.descriptors:+} descriptors, {self.threads:+} threads, "
            f"{self.memory / 1024:+,.0f} KiB; {self.stops:,} stops: slowest "
            f"{self.slowest_stop:.2f} s; {self.seconds:.0f} s: {verdict}"
        )


def cycles(server: Server, launcher: Launcher, lived: Lived) -> None:
    """Make the connections; each but the silent ones checks a reply, and every second one resets.

    Raises AssertionError for a wrong byte, a client without an answer, or growth.
    """
    _visits(server, FIRST)
    first = _after(server, launcher, FIRST)
    _visits(server, lived.cycles)
    last = _after(server, launcher, FIRST + lived.cycles)
    lived.handles = last.handles - first.handles
    lived.descriptors = last.descriptors - first.descriptors
    lived.threads = last.threads - first.threads
    lived.memory = last.working_set_bytes - first.working_set_bytes
    wine = launcher.platform.startswith("wine")
    threads = max(0, lived.threads)
    lost = lived.cycles * WINE_LOSES_BYTES.get(server.model, 0) * wine
    for grown, most, what in (
        (lived.threads, THREADS.get(server.model, 1), "threads"),
        (lived.handles, 8 + threads, "handles"),
        (lived.descriptors, 8 + FILES_PER_THREAD * threads, "descriptors"),
        (lived.memory, GROWTH_SLACK_BYTES + lost + BYTES_PER_THREAD * threads, "bytes"),
    ):
        assert grown <= most, f"{grown:+,} {what} (limit {most:,})"


def _visits(server: Server, number: int) -> None:
    made = 0
    while made < number:
        storm = min(STORM, number - made)
        visit(server.port, storm, AT_A_TIME, quiet_every=11, reset_every=2)
        made += storm


def _after(server: Server, launcher: Launcher, came: int) -> Holding:
    """Return what the server holds once all have left. Checks that it counted every one."""

    def all_counted(sample: dict[str, dict[str, int]]) -> bool:
        counters = sample["counters"]
        return counters["accepted"] + counters["aborted"] == came

    sample = server.until(all_counted, f"{came} clients counted")
    assert sample["counters"]["failures"] == sample["counters"]["refused"] == 0, sample
    server.until_connections(0)
    return at_rest(server, launcher)


def stop_under_load(model: str, launcher: Launcher, seed: int) -> float:
    """Stop a server while clients pipeline and others connect; return how long that took, in s.

    Raises AssertionError for a wrong byte, a client that stays connected, or a bad end.
    """
    draw = random.Random(seed)
    with _starting:
        server = Server(model, program_of(launcher, model, {}))
    with server.program:
        expected = []
        clients = [server.connect() for _ in range(CLIENTS)]
        for client in clients:
            frames = [_drawn(draw) for _ in range(FRAMES)]
            expected.append(b"".join(frame.reply for frame in frames))
            client.socket.send(b"".join(frame.request for frame in frames))
        least = draw.randrange(CLIENTS * FRAMES // 2)
        server.until(
            lambda sample: (
                sample["connections"] == CLIENTS and sample["counters"]["requests"] >= least
            ),
            "load",
        )
        begun = time.monotonic()
        server.program.close_stdin()
        with suppress(OSError):
            clients += [Client(server.port) for _ in range(3)]
        expected += [b""] * (len(clients) - len(expected))
        for client, replies in zip(clients, expected, strict=True):
            assert replies.startswith(client.until_closed()), f"seed {seed}: a wrong byte"
            client.close()
        summary = server.program.expect("summary", DEADLINE_S)
        assert server.program.wait(DEADLINE_S) == 0, f"seed {seed}: exit code"
        took = time.monotonic() - begun
        assert server.program.stderr_text() == "", server.program.stderr_text()
        counters = summary["counters"]
        assert summary["connections"] == 0
        assert counters["accepted"] == counters["closed"] >= CLIENTS, f"seed {seed}: {counters}"
        return took


def _drawn(draw: random.Random) -> Frame:
    number = draw.randrange(2**31)
    size = draw.choice((0, 24, 700, 2500))
    work_us = 1000 if number % WORK_EVERY == 0 else 0
    return Frame(pattern(size, number % 1000), block_us=work_us, sequence=number)


def _kept_descriptors(wineserver: int, before: int) -> int:
    """Return how many more than `before` the wineserver keeps, after what it is closing."""
    deadline = time.monotonic() + DEADLINE_S
    while (kept := descriptors(wineserver) - before) > 8 and time.monotonic() < deadline:
        time.sleep(0.1)
    return kept


def live(model: str, launcher: Launcher, cycles_: int, stops: int) -> Lived:
    """Let one model live, and return what it went through. It never raises for a bad server."""
    lived = Lived(model, cycles_, stops)
    begun = time.monotonic()
    try:
        server = Server(model, program_of(launcher, model, {}))
        with server.program:
            cycles(server, launcher, lived)
            server.end()
            wineserver = server.program.wineserver_pid
        before = descriptors(wineserver)
        with ThreadPoolExecutor(STOPPING) as pool:
            seeds = range(stops)
            times = list(pool.map(lambda seed: stop_under_load(model, launcher, seed), seeds))
        lived.slowest_stop = max(times, default=0.0)
        kept = _kept_descriptors(wineserver, before)
        assert kept <= 8, f"{kept:+} descriptors of the wineserver after stops"
    except (AssertionError, OSError, ProgramFailed) as error:
        lived.problems.append(" ".join(str(error).split()) or repr(error))
    lived.seconds = time.monotonic() - begun
    return lived


def done(path: Path | None, cycles_: int, stops: int) -> set[str]:
    """Return the models that passed as much before, by the file of an earlier run."""
    if path is None or not path.exists():
        return set()
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        row["model"]
        for row in rows
        if not row["problems"] and row["cycles"] >= cycles_ and row["stops"] >= stops
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Let each server live long.")
    parser.add_argument("--model", action="append", help="model, repeatable (default: all)")
    parser.add_argument("--cycles", type=int, default=CYCLES, help="connections (default: 60000)")
    parser.add_argument("--stops", type=int, default=STOPS, help="stops under load (default: 500)")
    parser.add_argument("--out", type=Path, help="JSON lines: what passed is skipped")
    options = parser.parse_args(arguments)
    launcher = opened()
    known = [model for model in launcher.models() if can_run(launcher, model)]
    for model in options.model or known:
        if model not in known:
            parser.error(f"--model {model}: must be one of {', '.join(known)}")
    skipped = done(options.out, options.cycles, options.stops)
    failed = False
    try:
        for model in options.model or known:
            if model in skipped:
                continue
            lived = live(model, launcher, options.cycles, options.stops)
            print(lived, flush=True)
            failed = failed or bool(lived.problems)
            if options.out:
                with options.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(lived)) + "\n")
    finally:
        pytest_unconfigure()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
