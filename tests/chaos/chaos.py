"""Measure a suite while its processes die, stall and lack space, at moments that a seed draws.

    ./iomodels test chaos [-- --events 200 --seed 1 --native --write]

Events kill or stop servers, load generator, wineserver and harness, delay them by many short stops,
fill the disk of the run, take descriptors away, and let the clock of the day jump. An ended harness
is resumed. Whenever it has ended, nothing that it started may be left, and each record must be
right or marked as failed. After the last event a resumed run completes its plan.

Only processes that this script started are touched: it finds them by a token in their environment.
The Wine prefix is its own. The clock jumps for these processes alone: they load libfaketime, which
adds what a file says to the time of the day.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(ROOT / "tests" / "fuzz")]

from iomodels.base.files import write_whole  # noqa: E402
from iomodels.data.records import Record, Run  # noqa: E402
from iomodels.data.store import load_run  # noqa: E402

BUILD = Path(os.environ.get("IOMODELS_BUILD", ROOT / "build")).resolve()
WORK = BUILD / "chaos"
RESULT = WORK / "result.json"
KEPT = ROOT / "tests" / "chaos" / "result.json"
PAGE = ROOT / "docs" / "testing.md"
FORMAT = 1
PAUSE_S = 0.7
"""Mean pause between two events."""
APPEARS_S = 20.0
"""How long an event waits for its victim."""
QUIET_S = 10.0
"""After the end of the harness, in which all that it started must have ended."""
HANG_S = 240.0
"""Without an event, a record or an end: then something hangs."""
LOADED_S = 3.0
"""Age of a harness that handles an interrupt."""
DISK = "8m"
SUITE = """
title = "Chaos"
question = "Does a run survive what happens to its processes?"
connections = [4, 32]
sizes = [64]
depth = 1
rounds = 10
warmup_ms = 50
duration_ms = 250
loadgen_threads = 1
seed = 1

[[servers]]
model = "{one}"

[[servers]]
model = "{other}"
"""


class Broken(Exception):
    """What chaos must not do."""


@dataclass
class Stage:
    """The run under test. `token` marks every process that belongs to it."""

    out: Path
    native: bool
    faketime: Path | None = None
    log: list[str] = field(default_factory=list)
    harness: subprocess.Popen[str] | None = None
    said: Path = WORK / "harness.txt"
    clock: Path = WORK / "clock"
    token: str = f"{os.getpid()}-{time.time_ns()}"

    def environment(self) -> dict[str, str]:
        build = WORK / "build"
        own = {
            "PYTHONPATH": str(ROOT / "harness"),
            "IOMODELS_BUILD": str(build),
            "IOMODELS_CHAOS": self.token,
        }
        return os.environ | own | (self.clock_of_our_own() if self.faketime else {})

    def clock_of_our_own(self) -> dict[str, str]:
        """Return what makes libfaketime move the clock of the day, and neither the monotonic one
        nor the times of files. It reads the file once a second."""
        return {
            "LD_PRELOAD": str(self.faketime),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def start(self, *words: str) -> None:
        with self.said.open("w", encoding="utf-8") as said:
            self.harness = subprocess.Popen(
                [sys.executable, "-P", "-m", "iomodels", "run", *words, "--no-report"],
                env=self.environment(),
                cwd=self.out,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                text=True,
                start_new_session=True,
            )

    def alive(self) -> bool:
        return self.harness is not None and self.harness.poll() is None

    def folder(self) -> Path | None:
        """Return the newest folder of a run."""
        runs = sorted(self.out.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
        return runs[-1].parent if runs else None

    def members(self) -> Iterator[tuple[str, psutil.Process]]:
        """Yield each living process of the stage with its role."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if process.environ().get("IOMODELS_CHAOS") == self.token:
                    yield role_of(process, self.harness), process

    def victim(self, role: str, rng: random.Random) -> psutil.Process | None:
        """Return a process of the role, as soon as there is one."""
        end = time.monotonic() + APPEARS_S
        while time.monotonic() < end and self.alive():
            found = [process for each, process in self.members() if each == role]
            if found:
                return rng.choice(found)
            time.sleep(0.02)
        return None


def role_of(process: psutil.Process, harness: subprocess.Popen[str] | None) -> str:
    command = process.cmdline()
    name = command[0].replace("\\", "/").rsplit("/", 1)[-1].lower() if command else ""
    if harness and process.pid == harness.pid:
        return "harness"
    if name.startswith("wineserver"):
        return "wineserver"
    if name.startswith("loadgen"):
        return "generator"
    if "--port" in command and "system32" not in command[0]:
        return "server"
    return "other"


# ---- events ----

Event = Callable[[Stage, psutil.Process, random.Random], None]


def kill(_: Stage, victim: psutil.Process, rng: random.Random) -> None:
    victim.kill()


def interrupt(_: Stage, victim: psutil.Process, rng: random.Random) -> None:
    """Interrupt a harness that has loaded its modules; before, Python itself answers."""
    time.sleep(max(0.0, LOADED_S - (time.time() - victim.create_time())))
    victim.send_signal(signal.SIGINT)


def stop(_: Stage, victim: psutil.Process, rng: random.Random) -> None:
    """Stop a process for up to two seconds: a machine that swaps, or a paused container."""
    stopped_for(victim, rng.uniform(0.05, 2.0))


def delay(_: Stage, victim: psutil.Process, rng: random.Random) -> None:
    """Stop a process many times for some milliseconds: a busy neighbour."""
    for _number in range(20):
        stopped_for(victim, rng.uniform(0.002, 0.02))
        time.sleep(rng.uniform(0.002, 0.02))


def stopped_for(victim: psutil.Process, seconds: float) -> None:
    victim.suspend()
    try:
        time.sleep(seconds)
    finally:
        victim.resume()


def fill(stage: Stage, _: psutil.Process, rng: random.Random) -> None:
    """Fill the disk of the run, for a moment."""
    path = stage.out / "filler"
    try:
        with path.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            while stream.write(bytes(1 << 16)):
                pass
        time.sleep(rng.uniform(0.3, 1.5))
    finally:
        path.unlink()


def starve(_: Stage, victim: psutil.Process, rng: random.Random) -> None:
    """Leave the harness one more descriptor than it has, for a moment."""
    soft, hard = victim.rlimit(resource.RLIMIT_NOFILE)
    victim.rlimit(resource.RLIMIT_NOFILE, (victim.num_fds() + 1, hard))
    try:
        time.sleep(rng.uniform(0.3, 1.5))
    finally:
        victim.rlimit(resource.RLIMIT_NOFILE, (soft, hard))


def jump(stage: Stage, _: psutil.Process, rng: random.Random) -> None:
    """Set the clock of the day to another time of these days, in steps down to a second."""
    seconds = rng.choice([-1, 1]) * round(10 ** rng.uniform(0, 5))
    write_whole(stage.clock, f"{seconds:+d}\n")


EVENTS: dict[str, tuple[str, Event, int]] = {
    "kill the server": ("server", kill, 6),
    "kill the load generator": ("generator", kill, 6),
    "kill the wineserver": ("wineserver", kill, 2),
    "kill the harness": ("harness", kill, 2),
    "interrupt the harness": ("harness", interrupt, 1),
    "stop the server": ("server", stop, 6),
    "stop the load generator": ("generator", stop, 6),
    "stop the wineserver": ("wineserver", stop, 3),
    "stop the harness": ("harness", stop, 4),
    "delay the server": ("server", delay, 6),
    "delay the load generator": ("generator", delay, 6),
    "fill the disk": ("harness", fill, 2),
    "take descriptors away": ("harness", starve, 2),
    "let the clock jump": ("harness", jump, 3),
}
"""Each with the role of its victim and its weight in the draw."""


def possible(stage: Stage, mounted: bool) -> list[str]:
    """Return the kinds of events that can be made here."""
    left_out = {fill: not mounted, jump: stage.faketime is None}
    return [
        name
        for name, (role, event, _) in EVENTS.items()
        if not (stage.native and role == "wineserver") and not left_out.get(event)
    ]


# ---- what must hold ----


def check_record(record: Record) -> str | None:
    """Return why a record that calls itself right is not, or None."""
    if not record.ok:
        return None if record.reason else "it failed without a reason"
    assert record.server and record.loadgen
    result, summary = record.loadgen["result"], record.server["summary"]["counters"]
    if summary["requests"] != result["replies_checked"]:
        return f"{summary['requests']} requests served, {result['replies_checked']} replies checked"
    if summary["bytes_sent"] != result["bytes_checked"]:
        return f"{summary['bytes_sent']} bytes sent, {result['bytes_checked']} checked"
    if not summary["accepted"] == summary["closed"] == record.condition.connections:
        return f"{summary['accepted']} of {record.condition.connections} connections"
    counts = result["response"]["histogram"]["counts"]
    if sum(count for _, count in counts) != result["response"]["count"]:
        return "the histogram has another count"
    return None


def check_folder(stage: Stage) -> Run | None:
    """Read the run, and check each record. None: it did not get as far as a folder."""
    folder = stage.folder()
    if folder is None:
        return None
    run = load_run(folder)
    for record in run.records:
        wrong = check_record(record)
        if wrong:
            raise Broken(f"{folder.name}: record {record.index} is wrong: {wrong}")
    return run


def settle(stage: Stage) -> float:
    """Check what an ended harness leaves. Returns how long its last process took to end."""
    assert stage.harness
    begin, left = time.monotonic(), ["?"]
    while left and time.monotonic() < begin + QUIET_S:
        roles = ("server", "generator", "harness")
        left = [f"{role} {process.pid}" for role, process in stage.members() if role in roles]
        time.sleep(0.05 if left else 0)
    said = stage.said.read_text(encoding="utf-8", errors="replace")
    stage.log.append(f"exit code {stage.harness.returncode}: {(said.strip() or '-')[-300:]}")
    if left:
        raise Broken(f"left after {QUIET_S:.0f} s: {', '.join(left)}")
    if "Traceback" in said:
        raise Broken(f"a traceback: {said[-2000:]}")
    check_folder(stage)
    return time.monotonic() - begin


def wait_for_end(stage: Stage, least: Callable[[], int]) -> None:
    """Wait until the harness has ended. Raises Broken if it makes no record for HANG_S."""
    seen, since = -1, time.monotonic()
    while stage.alive():
        now = least()
        if now != seen:
            seen, since = now, time.monotonic()
        if time.monotonic() > since + HANG_S:
            raise Broken(
                f"hangs: no record for {HANG_S:.0f} s; it printed: {stage.said.read_text()}"
            )
        time.sleep(0.2)


def size_of_records(stage: Stage) -> int:
    folder = stage.folder()
    path = folder / "records.jsonl" if folder else None
    return path.stat().st_size if path and path.exists() else 0


# ---- the course of it ----


@dataclass
class Course:
    """What happened: events by kind, starts of the harness, runs, records."""

    events: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    runs: int = 0
    ended: list[str] = field(default_factory=list)
    longest_s: float = 0.0


def begin(stage: Stage, course: Course, suite: Path) -> None:
    """Resume the run if it is unfinished, else start another."""
    folder = stage.folder()
    unfinished = folder and load_run(folder).manifest["status"] != "complete"
    course.starts += 1
    if unfinished:
        stage.start("--resume", str(folder), "--retry-failed")
    else:
        course.runs += 1
        native = ["--native"] if stage.native else []
        stage.start(str(suite), *native, "--out", str(stage.out), "--seed", str(course.runs))


def disturb(stage: Stage, course: Course, kinds: list[str], rng: random.Random) -> None:
    kind = rng.choices(kinds, [EVENTS[each][2] for each in kinds])[0]
    role, event, _ = EVENTS[kind]
    victim = stage.victim(role, rng)
    if victim is None:
        return  # the harness ended meanwhile
    time.sleep(rng.uniform(0, 0.3))
    with contextlib.suppress(psutil.NoSuchProcess):
        event(stage, victim, rng)
        course.events[kind] += 1


def make_chaos(stage: Stage, suite: Path, events: int, seed: int, mounted: bool) -> Course:
    rng, course, kinds = random.Random(seed), Course(), possible(stage, mounted)
    last, since = 0, time.monotonic()
    while course.events.total() < events:
        if not stage.alive():
            if stage.harness:
                course.longest_s = max(course.longest_s, settle(stage))
            begin(stage, course, suite)
        time.sleep(min(3.0, rng.expovariate(1 / PAUSE_S)))
        disturb(stage, course, kinds, rng)
        if course.events.total() > last:
            last, since = course.events.total(), time.monotonic()
        if time.monotonic() > since + HANG_S:
            raise Broken(f"hangs: no victim for {HANG_S:.0f} s: {stage.said.read_text()[-500:]}")
    wait_for_end(stage, lambda: size_of_records(stage))
    course.longest_s = max(course.longest_s, settle(stage))
    return course


def complete(stage: Stage) -> Run:
    """Resume without chaos: the plan is completed, and every measurement is good."""
    for _ in range(3):
        run = check_folder(stage)
        if run and run.manifest["status"] == "complete" and all(each.ok for each in run.records):
            return run
        stage.start("--resume", str(stage.folder()), "--retry-failed")
        wait_for_end(stage, lambda: size_of_records(stage))
        settle(stage)
    run = check_folder(stage)
    if run is None or len(run.records) != run.manifest["planned"]:
        raise Broken(f"a resumed run does not complete its plan: {stage.log[-1]}")
    failed = [f"{each.index}: {each.reason}" for each in run.records if not each.ok]
    if failed:
        raise Broken(f"measurements fail without chaos: {failed}")
    return run


@contextlib.contextmanager
def disk(path: Path, wanted: bool) -> Iterator[bool]:
    """Mount a small file system for the run; needs root. Yields whether there is one."""
    path.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(path)]
    mounted = wanted and subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(path)], check=True)


def end_all(stage: Stage) -> None:
    """End what is left, by id."""
    for _, process in list(stage.members()):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def find_faketime() -> Path | None:
    """Return the library that `./iomodels test chaos` has installed, or None."""
    found = BUILD / "faketime/libfaketime/vendor/libfaketime/src/libfaketime.so.1"
    return found if found.is_file() else None


def prepare() -> None:
    """Make a build folder whose Wine prefix is our own, and whose programs are those of BUILD."""
    write_whole(WORK / "clock", "+0\n")
    for part in ("mingw/bin", "host/bin", "host/linux"):
        copy = WORK / "build" / part
        shutil.rmtree(copy, ignore_errors=True)
        if (BUILD / part).is_dir():
            shutil.copytree(BUILD / part, copy, copy_function=os.link)


def run_stage(options: argparse.Namespace) -> dict[str, Any]:
    prepare()
    began = time.monotonic()
    out = WORK / f"runs-{os.getpid()}"
    one, other = ("select", "epoll") if options.native else ("select", "iocp")
    suite = WORK / "chaos.toml"
    suite.write_text(SUITE.format(one=one, other=other), encoding="utf-8")
    with disk(out, options.disk) as mounted:
        stage = Stage(out, options.native, find_faketime())
        try:
            course = make_chaos(stage, suite, options.events, options.seed, mounted)
            run = complete(stage)
        finally:
            end_all(stage)
            write_whole(WORK / "log.txt", "\n".join(stage.log) + "\n")
    return {
        "format": FORMAT,
        "seed": options.seed,
        "platform": run.platform,
        "seconds": round(time.monotonic() - began),
        "events": dict(course.events),
        "disk": mounted,
        "clock": stage.faketime is not None,
        "starts": course.starts,
        "runs": course.runs,
        "longest_end_s": round(course.longest_s, 1),
        "records_of_the_last_run": len(run.records),
    }


def table(found: dict[str, Any]) -> str:
    native = " --native" if found["platform"].startswith("linux") else ""
    total = sum(found["events"].values())
    command = f"./iomodels test chaos -- --events {total} --seed {found['seed']}{native} --write"
    rows = [f"| {kind} | {count} |" for kind, count in sorted(found["events"].items())]
    return "\n".join(
        [
            f"`{command}`, on {found['platform']}:",
            "",
            "| event | times |",
            "|---|--:|",
            *rows,
            f"| **all**, in {found['seconds'] / 60:.0f} min | **{total}** |",
            "",
            f"The harness started {found['starts']} times for {found['runs']} runs. Nothing hung,",
            f"no record was wrong, and nothing was left {found['longest_end_s']} s after an end.",
            f"The last run has all {found['records_of_the_last_run']} measurements of its plan.",
        ]
    )


def write(found: dict[str, Any]) -> None:
    from keep_fuzzing import with_part

    write_whole(KEPT, json.dumps(found, indent=1) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    write_whole(PAGE, with_part(page, "chaos", table(found)))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=200, help="events (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="draws the events (default: 1)")
    parser.add_argument("--native", action="store_true", help="models of Linux, without Wine")
    parser.add_argument("--no-disk", dest="disk", action="store_false", help="mount no file system")
    parser.add_argument("--write", action="store_true", help=f"keep the result in {PAGE.name}")
    options = parser.parse_args()
    if options.events < 1:
        parser.error(f"--events {options.events}: must be at least 1")
    try:
        found = run_stage(options)
    except Broken as broken:
        print(f"chaos: seed {options.seed}: {broken}\n0 passed, 1 failed (see {WORK / 'log.txt'})")
        return 1
    write_whole(RESULT, json.dumps(found, indent=1) + "\n")
    print(json.dumps(found))
    if options.write:
        write(found)
    print(f"{sum(found['events'].values())} events passed, 0 failed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
