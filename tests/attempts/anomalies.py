"""Each anomaly that a user once met, by name: it must not come back."""

from __future__ import annotations

import json
import lzma
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ground import MEASURE, SHORT, Broken, Ground, Skipped

from iomodels.data.store import RECORDS, load_run
from iomodels.launch import marks

LAWS = "laws.json"


def validate_sees_missing_and_changed_data(g: Ground) -> None:
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
    run = g.measured()
    lines = (run / RECORDS).read_text("utf-8").splitlines(keepends=True)
    (run / RECORDS).write_text("".join(lines[:2]), "utf-8")
    first = g.start(["run", "--resume", str(run), "--no-report"])
    try:
        _until((run / ".lock").exists)
        second = g.do("run", "--resume", str(run), "--no-report")
    finally:
        done = g.finish(first)
    if second.code != 2 or "is being written by another process" not in second.err:
        raise Broken(f"the second: {second.code}, {second.err[:200]!r}")
    if done.code not in (0, 1) or len(load_run(run).records) != 8:
        raise Broken("the first did not complete")
    if len((run / RECORDS).read_text("utf-8").splitlines()) != 8:
        raise Broken("a measurement was written twice")


def two_runs_at_once(g: Ground) -> None:
    first = g.start([*MEASURE, *SHORT, "--out", str(g.place()), "--no-report"])
    try:
        _until((g.folder / "iomodels-measuring.lock").exists)
        second = g.do(*MEASURE, *SHORT, "--out", str(g.place()))
        waiting = g.start([*MEASURE, *SHORT, "--out", str(g.place()), "--no-report", "--wait"])
    finally:
        g.finish(first)
    if second.code != 1 or "another measurement runs on this machine" not in second.err:
        raise Broken(f"the second: {second.code}, {second.err[:200]!r}")
    waited = g.finish(waiting)
    if waited.code not in (0, 1):
        raise Broken(f"--wait: {waited.code}, {waited.err[:200]!r}")


def a_window_of_one_millisecond(g: Ground) -> None:
    out = g.place()
    words = [*MEASURE[:-2], "--connections", "8", "--rounds", "1"]
    done = g.do(*words, "--duration-ms", "1", "--warmup-ms", "0", "--out", str(out))
    run = next(out.glob("*"), None)
    if run is None:
        g.says(done, "must be a whole number from")
    elif g.do("report", str(run)).code != 0:
        raise Broken("its report cannot be written")


def a_killed_wineserver_leaves_no_service(g: Ground) -> None:
    g.wine()
    process = g.start(["run", "select-vs-iocp", *SHORT, "--out", str(g.place()), "--no-report"])
    mark = marks.mark_of(process.pid)

    def wineservers() -> list[int]:
        found = marks.processes_with(marks.OWNER, mark)
        return [pid for pid in found if "wineserver" in marks.name_of(pid)]

    _until(lambda: bool(wineservers()))
    time.sleep(2)
    for pid in wineservers():
        os.kill(pid, signal.SIGKILL)
    process.kill()
    g.finish(process)


def a_plan_of_millions(g: Ground) -> None:
    many = ",".join(map(str, range(1, 501)))
    words = ("run", "models", "--dry-run", "--connections", many, "--size", many)
    g.refused(*words, saying="must be at most 200,000")


def a_rebuild_gives_the_same_program(g: Ground) -> None:
    g.wine()
    flags = "".join(path.read_text("utf-8") for path in (g.root / "cmake").glob("*.cmake"))
    if "no-insert-timestamp" not in flags:
        raise Broken("the linker writes the time into programs")


def ctrl_c_during_micro(g: Ground) -> None:
    if not (g.root / "build/micro-host/bin/microbench").is_file():
        raise Skipped("no build of the micro-benchmarks")
    process = g.start(["micro", "--native", "--quick", "--out", str(g.place())])
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    done = g.finish(process)
    if done.code != 130:
        raise Broken(f"exit code {done.code}")
    g.says(done, "nothing is kept")


def one_damaged_line(g: Ground) -> None:
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
    g.refused(*MEASURE, "--loadgen-threads", "1024", saying="--loadgen-threads 1024: must be")


def a_load_generator_that_is_not_executable(g: Ground) -> None:
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
    g.wine()
    began = time.monotonic()
    done = g.do("run", "select-vs-iocp", "--quick", limits="ulimit -n 64")
    if done.code != 1 or time.monotonic() - began > 10:
        raise Broken(f"exit code {done.code} after {time.monotonic() - began:.0f} s")
    g.says(done, "Wine needs 200 open files; the limit (ulimit -Hn) is 64")


def ctrl_c_in_the_first_moments(g: Ground) -> None:
    for delay in (0.15, 0.25, 0.4, 0.6):
        process = g.start(["report", "no-such-run"])
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        done = g.finish(process)
        if done.code not in (130, 2):
            raise Broken(f"after {delay} s: exit code {done.code}: {done.err[-200:]!r}")


def ctrl_c_during_the_report(g: Ground) -> None:
    process = g.start(["run", "--resume", str(g.measured())])
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    done = g.finish(process)
    if done.code == 130:
        g.says(done, "write the report: iomodels report")
    elif done.code not in (0, 1):
        raise Broken(f"exit code {done.code}: {done.err[-200:]!r}")


def deep_and_long_toml(g: Ground) -> None:
    path = g.place() / "deep.toml"
    for text in ("a = " + "[" * 5000, "a = " + "1" * 5000):
        path.write_text(text, "utf-8")
        g.refused("run", str(path), saying="not TOML")


def a_folder_whose_name_is_no_text(g: Ground) -> None:
    done = g.do(*MEASURE, "--out", b"/tmp/\xff\xfe")
    if done.code != 2:
        raise Broken(f"exit code {done.code}")
    g.says(done, "must be valid UTF-8")


def charts_by_command(g: Ground) -> None:
    done = g.do("plot", "throughput_by_connections", str(g.measured()))
    if done.code != 0:
        raise Broken(done.err[-200:])


def a_folder_of_another_kind(g: Ground) -> None:
    (folder := g.place() / "tuning").mkdir()
    (folder / "tune.json").write_text("{}", "utf-8")
    g.refused("validate", str(folder), saying="is a tuning; use: iomodels tune --resume")


def json_of_a_tuning(g: Ground) -> None:
    (folder := g.place() / "tuning").mkdir()
    (folder / "tune.json").write_text("{}", "utf-8")
    done = g.do("report", str(folder), "--json")
    if done.code != 2 or done.out:
        raise Broken(f"exit code {done.code}, {done.out[:100]!r}")


def claims_leave_the_sources_alone(g: Ground) -> None:
    g.refused("run", "claims", saying="use: iomodels claims")


def a_suite_of_notepad(g: Ground) -> None:
    from kinds import SUITE

    path = g.place() / "suite.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SUITE.encode())
    if g.do("run", str(path), "--native", "--dry-run").code != 0:
        raise Broken("is refused")


def suites_that_are_no_files(g: Ground) -> None:
    (folder := g.place() / "dir.toml").mkdir()
    g.refused("run", str(folder), saying="is a folder")
    os.mkfifo(pipe := folder / "pipe.toml")
    g.refused("run", str(pipe), saying="is no plain file")


def no_home(g: Ground) -> None:
    g.wine()
    done = g.do("models", HOME="")
    if done.code != 0:
        g.says(done, "HOME is empty")


def damaged_laws(g: Ground) -> None:
    (run := g.measured()).joinpath(LAWS).write_text("{", "utf-8")
    if g.do("report", str(run)).code != 0:
        raise Broken("there is no report")


def a_checkout_of_another_user(g: Ground) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skipped("it needs root, to become another user")
    script, user = str(g.root / "iomodels"), ["setpriv", "--reuid=65534", "--clear-groups"]
    if subprocess.run([*user, "test", "-w", str(g.root / "build")], check=False).returncode == 0:
        raise Skipped("everybody may write into this checkout")
    for words, code in ((["suites"], 0), (["models"], 1)):
        done = subprocess.run([*user, script, *words], capture_output=True, text=True, check=False)
        if done.returncode != code or (code and done.stderr.count("\n") != 1):
            raise Broken(f"{words}: {done.returncode}, {done.stderr[:200]!r}")


def files_that_may_not_grow(g: Ground) -> None:
    done = g.do(*MEASURE, *SHORT, "--out", str(g.place()), limits="ulimit -f 1")
    if done.code == 0 or "[(" in done.err:
        raise Broken(f"exit code {done.code}: {done.err[-200:]!r}")


def output_into_a_pipe(g: Ground) -> None:
    run = g.measured()
    wide = [len(line) for line in g.do("report", str(run)).out.splitlines()]
    narrow = g.do("report", str(run), COLUMNS="20").out
    if max(wide) <= 80 or "epoll" not in narrow:
        raise Broken("lines are broken, or tables are empty")


def control_characters(g: Ground) -> None:
    done = g.refused("run", "no\x1b[31msuite", saying="no\\x1b[31msuite")
    if "\x1b" in done.err:
        raise Broken("reach the terminal")


def docs_into_a_file(g: Ground) -> None:
    file = g.place() / "README.md"
    file.touch()
    g.refused("report", str(g.measured()), "--docs", str(file), saying="must be a folder")


def empty_names(g: Ground) -> None:
    g.refused(*MEASURE, "--out", "", saying="must not be empty")
    g.refused("run", "--resume", "", saying="must not be empty")


def proposals_that_mislead(g: Ground) -> None:
    if "did you mean" in g.refused("run", "--", "models", "--dry-run").err:
        raise Broken("proposes what was typed")
    if "did you mean" in g.refused("run", "models", "--foo=1").err:
        raise Broken("proposes another option")


def rates_the_wrong_way_round(g: Ground) -> None:
    words = ("slo", "iocp", "--slo", "p99=5ms", "--rate-from", "100", "--rate-to", "10")
    g.refused(*words, saying="--rate-from 100: must be at most --rate-to 10")


def small_words(g: Ground) -> None:
    g.refused("run", "models", "--models", "iocp,iocp", saying="must not repeat a name")
    g.refused("run", "models", "--models", "", saying="--models ''")
    g.refused("run", "models", "--seed", "", saying="--seed ''")


def an_archive_that_unpacks_to_gigabytes(g: Ground) -> None:
    """No. 34: half a megabyte once took 6 GB of memory."""
    run = g.measured()
    (run / RECORDS).unlink()
    compressor = lzma.LZMACompressor(lzma.FORMAT_XZ, preset=0)
    with (run / f"{RECORDS}.xz").open("wb") as file:
        for _ in range(300):
            file.write(compressor.compress(bytes(2**20)))
        file.write(compressor.flush())
    g.refused("validate", str(run), saying="unpacks to more than 268,435,456 bytes")


def json_stays_json(g: Ground) -> None:
    """No. 35: what a program reads is one object."""
    json.loads(g.do("report", str(g.measured()), "--json").out)


def _until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise Broken("the first process never came so far")
        time.sleep(0.01)


ALL: dict[str, Callable[[Ground], None]] = {
    f"anomaly {number}: {each.__name__}": each
    for number, each in enumerate(
        (
            validate_sees_missing_and_changed_data,
            two_resumes_of_one_run,
            two_runs_at_once,
            a_window_of_one_millisecond,
            a_killed_wineserver_leaves_no_service,
            a_plan_of_millions,
            a_rebuild_gives_the_same_program,
            ctrl_c_during_micro,
            one_damaged_line,
            too_many_threads_of_the_load_generator,
            a_load_generator_that_is_not_executable,
            few_open_files,
            ctrl_c_in_the_first_moments,
            ctrl_c_during_the_report,
            deep_and_long_toml,
            a_folder_whose_name_is_no_text,
            charts_by_command,
            a_folder_of_another_kind,
            json_of_a_tuning,
            claims_leave_the_sources_alone,
            a_suite_of_notepad,
            suites_that_are_no_files,
            no_home,
            damaged_laws,
            a_checkout_of_another_user,
            files_that_may_not_grow,
            output_into_a_pipe,
            control_characters,
            docs_into_a_file,
            empty_names,
            proposals_that_mislead,
            rates_the_wrong_way_round,
            small_words,
            an_archive_that_unpacks_to_gigabytes,
            json_stays_json,
        ),
        start=1,
    )
}
