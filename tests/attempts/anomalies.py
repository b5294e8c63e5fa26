"""Anomalies 1 to 17: a user once lost data, a process or the way out. None may come back."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from ground import MEASURE, PLANNED, SHORT, Broken, Ground, Skipped, until
from kinds import SUITE

from iomodels.data.store import RECORDS, load_run
from iomodels.launch import marks

LAWS = "laws.json"


def validate_sees_missing_and_changed_data(g: Ground) -> None:
    """No. 1: `validate` accepted a run with missing or changed data."""

    def change(run: Path, how: str) -> None:
        path = run / RECORDS
        lines = path.read_text("utf-8").splitlines(keepends=True)
        if how == "no records":
            path.unlink()
        elif how == "half":
            path.write_text("".join(lines[:4]), "utf-8")
        elif how == "renamed":
            one, other = ("epoll", "poll") if '"model":"epoll"' in lines[0] else ("poll", "epoll")
            lines[0] = lines[0].replace(f'"model":"{one}"', f'"model":"{other}"')
            path.write_text("".join(lines), "utf-8")
        else:
            (run / LAWS).write_text('{"format":1,', "utf-8")

    for how, said in (
        ("no records", "8 of 8 measurements are missing"),
        ("half", "4 planned measurements have no record"),
        ("renamed", "record"),
        ("laws", "laws.json is damaged"),
    ):
        run = g.measured()
        change(run, how)
        done = g.do("validate", str(run))
        if done.code not in (1, 2):
            raise Broken(f"{how}: exit code {done.code}")
        g.says(done, said)


def two_resumes_of_one_run(g: Ground) -> None:
    """No. 2: Two processes resumed one run, and both wrote its measurements."""
    run = g.measured()
    lines = (run / RECORDS).read_text("utf-8").splitlines(keepends=True)
    (run / RECORDS).write_text("".join(lines[:2]), "utf-8")
    first = g.start(["run", "--resume", str(run), "--no-report"])
    try:
        until((run / ".lock").exists)
        first.send_signal(signal.SIGSTOP)  # so that it holds the run until the second has ended
        second = g.do("run", "--resume", str(run), "--no-report")
    finally:
        first.send_signal(signal.SIGCONT)
        done = g.finish(first)
    if second.code != 2 or "is being written by another process" not in second.err:
        raise Broken(f"the second: {second.code}, {second.err[:200]!r}")
    if done.code not in (0, 1) or len(load_run(run).records) != 8:
        raise Broken("the first did not complete")
    if len((run / RECORDS).read_text("utf-8").splitlines()) != 8:
        raise Broken("a measurement was written twice")


def two_runs_at_once(g: Ground) -> None:
    """No. 3: Two runs measured on the same CPUs, without a word."""
    first = g.start([*MEASURE, *SHORT, "--out", str(g.place()), "--no-report"])
    try:
        until((g.folder / "iomodels-measuring.lock").exists)
        first.send_signal(signal.SIGSTOP)
        second = g.do(*MEASURE, *SHORT, "--out", str(g.place()))
        waiting = g.start([*MEASURE, *SHORT, "--out", str(g.place()), "--no-report", "--wait"])
    finally:
        first.send_signal(signal.SIGCONT)
        g.finish(first)
    if second.code != 1 or "another measurement runs on this machine" not in second.err:
        raise Broken(f"the second: {second.code}, {second.err[:200]!r}")
    waited = g.finish(waiting)
    if waited.code not in (0, 1):
        raise Broken(f"--wait: {waited.code}, {waited.err[:200]!r}")


def a_window_of_one_millisecond(g: Ground) -> None:
    """No. 4: A window without a reply ended the report in a traceback."""
    out = g.place()
    words = [*MEASURE[:-2], "--connections", "8", "--rounds", "1"]
    done = g.do(*words, "--duration-ms", "1", "--warmup-ms", "0", "--out", str(out))
    run = next(out.glob("*"), None)
    if run is None:
        g.says(done, "must be a whole number from")
    elif g.do("report", str(run)).code != 0:
        raise Broken("its report cannot be written")


def a_killed_wineserver_leaves_no_service(g: Ground) -> None:
    """No. 5: Services of Wine outlived their wineserver by minutes."""
    g.wine()
    g.do("models")  # it prepares a prefix, so that the runs measure after a moment
    for also_the_harness in (False, True):
        words = ["run", "select-vs-iocp", *SHORT, "--out", str(g.place()), "--no-report"]
        process = g.start(words)
        until(lambda process=process: bool(_programs(process.pid, "wineserver")))
        time.sleep(2)
        for pid in _programs(process.pid, "wineserver"):
            os.kill(pid, signal.SIGKILL)
        if also_the_harness:
            process.kill()
        done = g.finish(process)
        if not also_the_harness and done.code not in (0, 1):
            raise Broken(f"exit code {done.code}: {done.err[-200:]!r}")


def _programs(harness: int, name: str) -> list[int]:
    """Return the processes of this name that a harness has started."""
    found = marks.processes_with(marks.OWNER, marks.mark_of(harness))
    return [pid for pid in found if name in marks.name_of(pid)]


def a_plan_of_millions(g: Ground) -> None:
    """No. 6: A plan of millions of cells took memory and minutes."""
    many = ",".join(map(str, range(1, 501)))
    words = ("run", "models", "--dry-run", "--connections", many, "--size", many)
    g.refused(*words, saying="must be at most 200,000")


def a_rebuild_gives_the_same_program(g: Ground) -> None:
    """No. 7: An unchanged source became another program, so its runs could not be resumed."""
    g.wine()
    found = []
    for _ in range(2):
        argv = ["cmake", "--build", str(g.root / "build/mingw"), "--target", "iocp"]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        program = g.root / "build/mingw/bin/iocp.exe"
        found.append((hashlib.sha256(program.read_bytes()).digest(), program.stat().st_mtime_ns))
        time.sleep(1.1)  # the linker would write the time in seconds
        (g.root / "servers/iocp.c").touch()
    (first, built), (second, rebuilt) = found
    if first != second or built == rebuilt:
        raise Broken("is another program" if first != second else "was not built again")


def ctrl_c_during_micro(g: Ground) -> None:
    """No. 8: Ctrl-C during the micro-benchmarks said nothing."""
    if not (g.root / "build/micro-host/bin/microbench").is_file():
        raise Skipped("no build of the micro-benchmarks")
    process = g.start(["micro", "--native", "--quick", "--out", str(g.place())])
    until(lambda: bool(_programs(process.pid, "microbench")))
    process.send_signal(signal.SIGINT)
    done = g.finish(process)
    if done.code != 130:
        raise Broken(f"exit code {done.code}")
    g.says(done, "nothing is kept")


def one_damaged_line(g: Ground) -> None:
    """No. 9: One damaged line made the whole run unreadable."""
    run = g.measured()
    lines = (run / RECORDS).read_text("utf-8").splitlines(keepends=True)
    lines[3] = lines[3][:100] + "\n"
    (run / RECORDS).write_text("".join(lines), "utf-8")
    done = g.do("report", str(run))
    if done.code != 0:
        raise Broken(f"the run cannot be read: {done.err[:200]!r}")
    g.says(done, f"iomodels run --resume {run.name}")
    g.completes(run)


def too_many_threads_of_the_load_generator(g: Ground) -> None:
    """No. 10: Too many threads were accepted, and each measurement failed."""
    g.refused(*MEASURE, "--loadgen-threads", "1024", saying="--loadgen-threads 1024: must be")
    path = g.place() / "suite.toml"
    path.write_text(f"{SUITE}loadgen_threads = 1024\n", "utf-8")
    g.refused("run", str(path), "--native", saying="loadgen_threads = 1024: must be")


def a_load_generator_that_is_not_executable(g: Ground) -> None:
    """No. 11: Each measurement failed, one by one."""
    build = g.place() / "build"
    for name in ("host/bin/loadgen", "host/linux/epoll"):
        (build / name).parent.mkdir(parents=True)
        shutil.copy2(g.root / "build" / name, build / name)
    (build / "host/bin/loadgen").chmod(0o644)
    words = ["run", "select-vs-iocp", "--native", "--models", "epoll", *SHORT]
    done = g.do(*words, "--out", str(g.place()), IOMODELS_BUILD=str(build))
    if done.code != 1 or "loadgen: must be executable" not in done.err:
        raise Broken(f"exit code {done.code}: {done.err[:200]!r}")


def few_open_files(g: Ground) -> None:
    """No. 12: Wine failed after 24 s, with another reason."""
    g.wine()
    began = time.monotonic()
    done = g.do("run", "select-vs-iocp", "--quick", limits="ulimit -n 64")
    if done.code != 1 or time.monotonic() - began > 10:
        raise Broken(f"exit code {done.code} after {time.monotonic() - began:.0f} s")
    g.says(done, "Wine needs 200 open files; the limit (ulimit -Hn) is 64")


def ctrl_c_in_the_first_moments(g: Ground) -> None:
    """No. 13: An early Ctrl-C ended in a traceback."""
    for delay in (0.15, 0.25, 0.4, 0.6):
        process = g.start(["report", "no-such-run"])
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        done = g.finish(process)
        if done.code not in (130, 2):
            raise Broken(f"after {delay} s: exit code {done.code}: {done.err[-200:]!r}")


def ctrl_c_during_the_report(g: Ground) -> None:
    """No. 14: Ctrl-C after the last measurement was lost, or did not name `report`."""
    for delay_s in (0.0, 0.1, 0.3):
        out = g.place()
        process = g.start([*MEASURE, *SHORT, "--out", str(out)])
        until(lambda out=out: _lines(out) == PLANNED)
        time.sleep(delay_s)
        process.send_signal(signal.SIGINT)
        done = g.finish(process)
        if done.code != 130:
            raise Broken(f"after {delay_s} s: exit code {done.code}: {done.err[-200:]!r}")
        g.says(done, "write the report: iomodels report")
        if len(load_run(next(out.glob("*"))).records) != PLANNED:
            raise Broken("a measurement is lost")


def _lines(out: Path) -> int:
    """Return how many measurements the run in a folder has."""
    return sum(path.read_bytes().count(b"\n") for path in out.glob(f"*/{RECORDS}"))


def deep_and_long_input(g: Ground) -> None:
    """No. 15: Deep or long input ended in a traceback."""
    path = g.place() / "deep.toml"
    for text in ("a = " + "[" * 5000, "a = " + "1" * 5000):
        path.write_text(text, "utf-8")
        g.refused("run", str(path), saying="not TOML")
    for text in ("[" * 100_000, '{"a":' * 100_000, "1" * 5000):
        run = g.measured()
        with (run / RECORDS).open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        if g.do("report", str(run), "--json").code != 0:
            raise Broken("one damaged line costs the report")


def a_folder_whose_name_is_no_text(g: Ground) -> None:
    """No. 16: The name of a folder ended in a traceback."""
    done = g.do(*MEASURE, "--out", b"/tmp/\xff\xfe")
    if done.code != 2:
        raise Broken(f"exit code {done.code}")
    g.says(done, "must be valid UTF-8")


def charts_by_command(g: Ground) -> None:
    """No. 17: Charts were scripts, which another Python could not start."""
    done = g.do("plot", "throughput_by_connections", str(g.measured()))
    if done.code != 0:
        raise Broken(done.err[-200:])


NUMBERED = {
    1: validate_sees_missing_and_changed_data,
    2: two_resumes_of_one_run,
    3: two_runs_at_once,
    4: a_window_of_one_millisecond,
    5: a_killed_wineserver_leaves_no_service,
    6: a_plan_of_millions,
    7: a_rebuild_gives_the_same_program,
    8: ctrl_c_during_micro,
    9: one_damaged_line,
    10: too_many_threads_of_the_load_generator,
    11: a_load_generator_that_is_not_executable,
    12: few_open_files,
    13: ctrl_c_in_the_first_moments,
    14: ctrl_c_during_the_report,
    15: deep_and_long_input,
    16: a_folder_whose_name_is_no_text,
    17: charts_by_command,
}
