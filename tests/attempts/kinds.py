"""The kinds of attempts: each function makes one, chosen by a random generator."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from ground import MEASURE, SHORT, Broken, Ground

from iomodels.cli.registry import commands
from iomodels.data.store import MANIFEST, RECORDS, load_run
from iomodels.launch import marks

NOT_HERE = ("setup", "test", "new-model", "completion")
BAD = (
    "",
    "-1",
    "x",
    "1e3",
    "0x10",
    "1,,2",
    "9" * 40,
    "1.5.2",
    "\u202e",
    "../..",
    "a=b=c",
    "\x1b[31m",
)
SUITE = """
title = "t"
question = "q"
servers = [{model = "epoll"}, {model = "poll"}]
connections = [1, 2]
sizes = [64]
depth = 1
rounds = 2
warmup_ms = 0
duration_ms = 50
seed = 1
"""


def wrong_option(ground: Ground, rng: random.Random) -> None:
    """A wrong value for an option of numbers, names or choices: refused in one line."""
    choices = [
        (command.name, option)
        for command in commands()
        for option in command.options
        if command.name not in NOT_HERE and option.type and option.name.startswith("--")
    ]
    command, option = rng.choice(choices)
    value = rng.choice(BAD)
    needed = ["latest"] if command in ("report", "plot", "export", "pack") else []
    done = ground.do(command, *needed, f"{option.name}={value}", "--no-such-option")
    if done.code != 2 or done.err.count("\n") > 3 or "\x1b" in done.err:
        raise Broken(f"{command} {option.name}={value!r}: {done.code}, {done.err[:300]!r}")


def malformed_suite(ground: Ground, rng: random.Random) -> None:
    """One byte, one line or one value of a suite is wrong: refused, or planned as it stands."""
    text = SUITE.encode()
    lines = text.splitlines(keepends=True)
    at = rng.randrange(1, len(lines))
    key = lines[at].split(b" =")[0]
    value = rng.choice([b"[]", b'""', b"-1", b"true", b"{}", b"nan", b"[" * 4000, b"9" * 5000])
    changes: list[Callable[[], bytes]] = [
        lambda: b"".join(lines[:at] + lines[at + 1 :]),
        lambda: b"".join([*lines[:at], key + b" = " + value + b"\n", *lines[at + 1 :]]),
        lambda: b"".join([*lines[: at + 1], *lines[at:]]),
        lambda: text.replace(text[(i := rng.randrange(len(text))) : i + 1], b"\xff", 1),
        lambda: text[: rng.randrange(len(text))],
    ]
    path = ground.place() / "suite.toml"
    path.write_bytes(rng.choice(changes)())
    done = ground.do("run", str(path), "--native", "--dry-run")
    if done.code not in (0, 2) or (done.code == 2 and not done.err.startswith("iomodels: ")):
        raise Broken(f"{path.read_bytes()[:200]!r}: {done.code}, {done.err[:300]!r}")


def damaged_run(ground: Ground, rng: random.Random) -> None:
    """One file of a run is damaged: refused in one line, or reported without what is damaged."""
    run = ground.measured()
    path = run / rng.choice([MANIFEST, RECORDS, RECORDS])
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    how = rng.choice(["byte", "cut", "hole", "twice", "gone"])
    if how == "byte":
        data[at] = rng.randrange(256)
    elif how == "cut":
        del data[at:]
    elif how == "hole":
        del data[at : at + rng.randrange(1, 400)]
    elif how == "twice":
        data[at:at] = data[at : at + 100]
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(bytes(data))
    validated = ground.do("validate", str(run))
    if validated.code == 0 and bytes(data) != path.read_bytes():
        raise Broken(f"{how} in {path.name} at {at}: can be submitted")
    reported = ground.do("report", str(run), "--json")
    if reported.code not in (0, 2) or reported.err.count("\n") > 1:
        raise Broken(f"{how} in {path.name} at {at}: {reported.code}, {reported.err[:300]!r}")
    if reported.code == 0:
        json.loads(reported.out)


def interrupted_run(ground: Ground, rng: random.Random) -> None:
    """The harness gets a signal at a random moment. Resuming then completes the plan."""
    out = ground.place()
    number = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
    process = ground.start([*MEASURE, *SHORT, "--out", str(out)])
    time.sleep(rng.uniform(0.3, 4.0))
    process.send_signal(number)
    done = ground.finish(process)
    if done.code not in (0, 1, 128 + number, -number):
        raise Broken(f"{number.name}: exit code {done.code}: {done.err[-300:]!r}")
    for run in out.glob("*"):
        if (run / MANIFEST).exists():
            before = {each.index: each for each in load_run(run).records}
            ground.completes(run)
            after = {each.index: each for each in load_run(run).records}
            if any(after[index] != record for index, record in before.items()):
                raise Broken(f"{number.name}: a measurement was lost or changed")


def killed_program(ground: Ground, rng: random.Random) -> None:
    """A server or load generator is killed or stopped. The run ends, and marks what failed."""
    out = ground.place()
    process = ground.start([*MEASURE, *SHORT, "--out", str(out)])
    number = rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
    deadline = time.monotonic() + rng.uniform(1.5, 4.0)
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    with suppress(OSError):  # the harness or its program has just ended
        children = marks.processes_with(marks.OWNER, marks.mark_of(process.pid))
        if children:
            os.kill(rng.choice(children), number)
    done = ground.finish(process)
    if done.code not in (0, 1):
        raise Broken(f"{number.name} of a program: exit code {done.code}: {done.err[-300:]!r}")
    for run in out.glob("*"):
        loaded = load_run(run)
        if len(loaded.records) != loaded.manifest["planned"]:
            raise Broken(f"{len(loaded.records)} of {loaded.manifest['planned']} records")
        if not all(record.ok or record.reason for record in loaded.records):
            raise Broken("a failed measurement has no reason")


def odd_surroundings(ground: Ground, rng: random.Random) -> None:
    """Odd environments, limits and outputs: a clear end, and nothing lost."""
    limits = rng.choice(["", "ulimit -n 40", "ulimit -f 1", "umask 777", "cd /", "exec 1>&-"])
    environ = rng.choice(
        [{}, {"HOME": ""}, {"LANG": "C", "LC_ALL": "C"}, {"COLUMNS": "1"}, {"TERM": "dumb"}]
    )
    words = rng.choice([["suites"], ["runs"], ["help"], ["report", str(ground.measured())]])
    done = ground.do(*words, limits=limits, **environ)
    if done.code not in (0, 1, 2):
        raise Broken(f"{limits} {environ} {words}: exit code {done.code}: {done.err[-300:]!r}")
