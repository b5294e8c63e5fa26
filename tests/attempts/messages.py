"""Anomalies 18 to 35: a user once read what was wrong or ugly. None may come back."""

from __future__ import annotations

import json
import lzma
import os
import shutil
import subprocess
from pathlib import Path

from ground import MEASURE, SHORT, Broken, Ground, Skipped
from kinds import SUITE

from iomodels.data.library import MICRO, SLO, TUNE
from iomodels.data.store import RECORDS

LAWS = "laws.json"


def a_folder_of_another_kind(g: Ground) -> None:
    """No. 18: A folder of another kind was no run at all."""
    for manifest, said in (
        (SLO, "is an slo search; use: iomodels slo --resume"),
        (TUNE, "is a tuning; use: iomodels tune --resume"),
        (MICRO, "is a micro run; use: iomodels report"),
    ):
        folder = g.place()
        (folder / manifest).write_text("{}", "utf-8")
        for word in ("validate", "export"):
            g.refused(word, str(folder), saying=said)


def json_of_a_tuning(g: Ground) -> None:
    """No. 19: `--json` printed prose."""
    (folder := g.place() / "tuning").mkdir()
    (folder / "tune.json").write_text("{}", "utf-8")
    done = g.do("report", str(folder), "--json")
    if done.code != 2 or done.out:
        raise Broken(f"exit code {done.code}, {done.out[:100]!r}")


def claims_leave_the_sources_alone(g: Ground) -> None:
    """No. 20: `run claims` changed a page of the sources."""
    g.refused("run", "claims", saying="use: iomodels claims")


def a_suite_of_notepad(g: Ground) -> None:
    """No. 21: A byte order mark was a syntax error."""
    path = g.place() / "suite.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SUITE.encode())
    if g.do("run", str(path), "--native", "--dry-run").code != 0:
        raise Broken("is refused")


def suites_that_are_no_files(g: Ground) -> None:
    """No. 22: A folder and a pipe were missing files."""
    (folder := g.place() / "dir.toml").mkdir()
    g.refused("run", str(folder), saying="is a folder")
    os.mkfifo(pipe := folder / "pipe.toml")
    g.refused("run", str(pipe), saying="is no plain file")


def no_home(g: Ground) -> None:
    """No. 23: Wine failed without HOME, with another reason."""
    g.wine()
    for words in (["models"], ["run", "select-vs-iocp", *SHORT, "--out", str(g.place())]):
        done = g.do(*words, HOME="")
        if done.code != 0:
            g.says(done, "HOME is empty")


def damaged_laws(g: Ground) -> None:
    """No. 24: Damaged laws took the report away."""
    (run := g.measured()).joinpath(LAWS).write_text("{", "utf-8")
    if g.do("report", str(run)).code != 0:
        raise Broken("there is no report")


def a_checkout_of_another_user(g: Ground) -> None:
    """No. 25: A checkout that is read-only ended in an error of the shell."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skipped("it needs root, to become another user")
    script, user = str(g.root / "iomodels"), ["setpriv", "--reuid=65534", "--clear-groups"]
    if subprocess.run([*user, "test", "-w", str(g.root / "build")], check=False).returncode == 0:
        raise Skipped("everybody may write into this checkout")
    run = str(next((g.root / "tests/fixtures/runs").glob("*-models")))
    reading = (["suites"], ["runs"], ["help"], ["report", run, "--json"])
    for words, code in (*((words, 0) for words in reading), (["models"], 1)):
        done = subprocess.run([*user, script, *words], capture_output=True, text=True, check=False)
        if done.returncode != code or (code and done.stderr.count("\n") != 1):
            raise Broken(f"{words}: {done.returncode}, {done.stderr[-200:]!r}")


def files_that_may_not_grow(g: Ground) -> None:
    """No. 26: A limit on file sizes printed data of Python."""
    for blocks in (1, 4, 60):
        words = [*MEASURE, *SHORT, "--out", str(g.place()), "--no-report"]
        done = g.do(*words, limits=f"ulimit -f {blocks}")
        lines = done.err.splitlines()
        if "[(" in done.err or (done.code and not lines[-1].startswith("iomodels: ")):
            raise Broken(f"{blocks} blocks: exit code {done.code}: {done.err[-200:]!r}")
        if blocks == 1 and done.code == 0:
            raise Broken("a run fits into one block")


def output_into_a_pipe(g: Ground) -> None:
    """No. 27: Lines for a pipe were broken at 80 columns."""
    run = g.measured()
    wide = [len(line) for line in g.do("report", str(run)).out.splitlines()]
    narrow = g.do("report", str(run), COLUMNS="20").out
    if max(wide) <= 80 or "epoll" not in narrow:
        raise Broken("lines are broken, or tables are empty")


def control_characters(g: Ground) -> None:
    """No. 28: Control characters of titles, stdin and arguments reached the terminal."""
    done = g.refused("run", "no\x1b[31msuite", saying="no\\x1b[31msuite")
    (suite := g.place() / "suite.toml").write_text(
        SUITE.replace('title = "t"', 'title = "t\\u001b[31m\\u009b31m"'), "utf-8"
    )
    told = [done.err]
    done = g.do("run", str(suite), "--native", "--dry-run")
    told += [done.out, done.err]
    for program in (g.native("linux/epoll"), g.native("bin/loadgen")):
        for words in (["--x\x1b[31m"], ["--host", "\x1b[31m"], ["--port", "1"]):
            told += g.program([program, *words], "\x1b[31mstop\n")
    if any("\x1b" in text or "\x9b" in text for text in told):
        raise Broken("reach the terminal")


def docs_into_a_file(g: Ground) -> None:
    """No. 29: A wrong folder was noticed after 13 s of drawing."""
    file = g.place() / "README.md"
    file.touch()
    g.refused("report", str(g.measured()), "--docs", str(file), saying="must be a folder")


def empty_names(g: Ground) -> None:
    """No. 30: Empty names meant the current folder."""
    g.refused(*MEASURE, "--out", "", saying="must not be empty")
    g.refused("run", "--resume", "", saying="must not be empty")


def proposals_that_mislead(g: Ground) -> None:
    """No. 31: A correct option was proposed for itself."""
    if "did you mean" in g.refused("run", "--", "models", "--dry-run").err:
        raise Broken("proposes what was typed")
    if "did you mean" in g.refused("run", "models", "--foo=1").err:
        raise Broken("proposes another option")


def rates_the_wrong_way_round(g: Ground) -> None:
    """No. 32: Another option was blamed."""
    words = ("slo", "iocp", "--slo", "p99=5ms", "--rate-from", "100", "--rate-to", "10")
    g.refused(*words, saying="--rate-from 100: must be at most --rate-to 10")


def small_words(g: Ground) -> None:
    """No. 33: Empty values unquoted, repeated names, plurals, words of Python, a full disk."""
    g.refused("run", "models", "--models", "iocp,iocp", saying="must not repeat a name")
    g.refused("run", "models", "--models", "", saying="--models ''")
    g.refused("run", "models", "--seed", "", saying="--seed ''")
    one = [*MEASURE[:-4], "--models", "epoll", "--connections", "1", "--rounds", "1"]
    done = g.do(*one, "--dry-run")
    if "1 measurements" in done.out + done.err or done.code != 0:
        raise Broken(f"exit code {done.code}: {done.out[-200:]!r}")
    one = [*MEASURE, *SHORT[2:], "--connections", "2", "--out", str(g.place())]
    if "1 of 1 " in (done := g.do(*one)).out:
        raise Broken("a report of one load counts it")
    suite = g.place() / "suite.toml"
    suite.write_text(SUITE.replace("rounds = 2", "rounds = true"), "utf-8")
    if "True" in g.refused("run", str(suite), "--native", saying="true").err:
        raise Broken("prints a word of Python")
    suite.write_text(f"{SUITE}[load]\nfoo = 1\n", "utf-8")
    g.refused("run", str(suite), "--native", saying="arrivals")
    for program in (g.native("bin/loadgen"), g.native("linux/epoll")):
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            ended = subprocess.run(
                [program, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        if ended.returncode == 0 or ended.stderr.count("\n") != 1:
            raise Broken(f"{program.name} --help >/dev/full: {ended.returncode} {ended.stderr!r}")


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


NUMBERED = {
    18: a_folder_of_another_kind,
    19: json_of_a_tuning,
    20: claims_leave_the_sources_alone,
    21: a_suite_of_notepad,
    22: suites_that_are_no_files,
    23: no_home,
    24: damaged_laws,
    25: a_checkout_of_another_user,
    26: files_that_may_not_grow,
    27: output_into_a_pipe,
    28: control_characters,
    29: docs_into_a_file,
    30: empty_names,
    31: proposals_that_mislead,
    32: rates_the_wrong_way_round,
    33: small_words,
    34: an_archive_that_unpacks_to_gigabytes,
    35: json_stays_json,
}
