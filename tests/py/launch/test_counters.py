"""Counters from /proc, made up and real, and the table in which they meet the server's own."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest
from rich.console import Console

from iomodels.base.errors import Failure
from iomodels.data.counters import UNITS, table
from iomodels.data.records import Figure, Record, counter
from iomodels.data.store import (
    append_record,
    check_record,
    load_run,
    record_from_json,
    record_to_json,
)
from iomodels.judge.summary import summarise
from iomodels.launch.watches import TICK_NS, ProcessWatch
from iomodels.report.html import write_report
from iomodels.report.terminal import print_tables
from made_run import make_run, suite_of

PID = 70


class Tree:
    """A /proc of one process that the test writes itself."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / str(PID)
        (self.folder / "fd").mkdir(parents=True)
        for number in range(3):
            (self.folder / "fd" / str(number)).touch()
        (self.folder / "status").write_text(
            "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t1\n"
        )
        (self.folder / "smaps_rollup").write_text(
            "5-7 ---p 00 00:00 0   [rollup]\nRss: 1024 kB\n"
            "Private_Clean:  8 kB\nPrivate_Dirty:  500 kB\n"
        )
        self.totals(minor=0, major=0, user=0, kernel=0)

    def totals(self, minor: int, major: int, user: int, kernel: int) -> None:
        """The name holds what would lead a reader astray that splits at blanks."""
        (self.folder / "stat").write_text(
            f"{PID} (a b) c) S 1 1 1 0 -1 4194304 {minor} 999 {major} 999 "
            f"{user} {kernel} 999 999 20 0 1 0 5"
        )

    def thread(self, number: int, voluntary: int, involuntary: int) -> None:
        folder = self.folder / "task" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "status").write_text(
            f"Name:\tx\nvoluntary_ctxt_switches:\t{voluntary}\n"
            f"nonvoluntary_ctxt_switches:\t{involuntary}\n"
        )

    def ends(self, number: int) -> None:
        shutil.rmtree(self.folder / "task" / str(number))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture
def watch(tree: Tree) -> Iterator[ProcessWatch]:
    clock = iter((5_000, 8_000))
    watch = ProcessWatch(PID, tree.root, lambda pid: next(clock))
    yield watch
    watch.close()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")
def test_a_watch_keeps_no_file_open_after_its_end(tree: Tree) -> None:
    tree.thread(70, 100, 10)
    tree.totals(minor=7, major=1, user=3, kernel=4)
    files = Path("/proc/self/fd")
    before = sorted(each.name for each in files.iterdir())
    watch = ProcessWatch(PID, tree.root, lambda pid: 0)
    watch.begin()
    tree.thread(75, 30, 2)  # new in the window
    watch.end()
    watch.close()
    assert sorted(each.name for each in files.iterdir()) == before


def test_the_window_is_the_difference_of_its_ends(tree: Tree, watch: ProcessWatch) -> None:
    tree.thread(70, 100, 10)
    tree.thread(71, 200, 20)
    tree.totals(minor=7, major=1, user=3, kernel=4)
    watch.begin()
    tree.thread(70, 150, 11)
    tree.thread(71, 200, 20)
    tree.thread(75, 30, 2)  # new in the window: all its switches are of the window
    tree.totals(minor=17, major=4, user=5, kernel=9)
    watch.end()
    assert watch.reason is None
    assert watch.values == {
        "context_switches": 83,
        "context_switches_voluntary": 80,
        "context_switches_involuntary": 3,
        "threads": 3,
        "threads_peak": 3,
        "threads_ended": 0,
        "page_faults": 13,
        "cpu_ns": 3_000,
        "cpu_user_ns": 2 * TICK_NS,
        "cpu_kernel_ns": 5 * TICK_NS,
        "open_files": 3,
        "working_set_bytes": 1 << 20,
        "peak_working_set_bytes": 2 << 20,
        "private_bytes": 508 << 10,
    }


def test_threads_that_end_are_noticed_and_noted(tree: Tree, watch: ProcessWatch) -> None:
    for number in (70, 71, 72):
        tree.thread(number, 1000, 1000)
    watch.begin()
    tree.ends(71)
    tree.ends(72)
    tree.thread(70, 1001, 1000)
    watch.end()
    assert watch.values["context_switches"] == 1  # never less than 0 for what is gone
    assert (
        watch.values["threads"],
        watch.values["threads_peak"],
        watch.values["threads_ended"],
    ) == (1, 3, 2)
    row = table(events(), {"server": watch})["server.context_switches_voluntary"]
    assert (
        row["note"]
        == "lower bound: the switches of 2 threads that ended in the window are not in it"
    )


@pytest.mark.parametrize("when", ["before", "inside"])
def test_a_process_that_is_gone_is_a_reason(tree: Tree, watch: ProcessWatch, when: str) -> None:
    tree.thread(70, 1, 1)
    if when == "inside":
        watch.begin()
    shutil.rmtree(tree.folder)
    if when == "before":
        watch.begin()
    watch.end()
    row = table(events(), {"wineserver": watch})["wineserver.cpu_ns"]
    assert row == {"value": None, "unit": "ns", "reason": "the process had ended"}


@pytest.mark.parametrize(
    ("file", "text"),
    [("stat", "70 (x) S 1"), ("task/70/status", "Name:\tx\n"), ("smaps_rollup", "")],
)
def test_what_cannot_be_read_is_a_reason(
    tree: Tree, watch: ProcessWatch, file: str, text: str
) -> None:
    tree.thread(70, 1, 1)
    (tree.folder / file).write_text(text)
    watch.begin()
    watch.end()
    rows = table(events(), {"wineserver": watch})
    assert (
        rows["wineserver.context_switches"]["value"] is None
        and "/proc" in rows["wineserver.context_switches"]["reason"]
    )


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")
def test_switches_and_faults_of_a_real_process_are_those_that_it_counts_itself() -> None:
    """The reader agrees with getrusage(2): two threads wait for each other, and memory is touched.

    The process reads its counters before and after each end of the window. So the truth lies
    between, however busy the machine is.
    """
    code = (
        "import resource, sys, threading\n"
        "def use():\n"
        "    u = resource.getrusage(resource.RUSAGE_SELF)\n"
        "    print(u.ru_nvcsw, u.ru_nivcsw, u.ru_minflt + u.ru_majflt, flush=True)\n"
        "turns = threading.Semaphore(0), threading.Semaphore(0)\n"
        "def other():\n"
        "    while True: turns[0].acquire(); turns[1].release()\n"
        "threading.Thread(target=other, daemon=True).start()\n"
        "use(); sys.stdin.readline(); use()\n"
        "for _ in range(2000): turns[0].release(); turns[1].acquire()\n"
        "kept = bytearray(8 << 20)\n"
        "use(); sys.stdin.readline(); use()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin and child.stdout
        watch = ProcessWatch(child.pid)
        before = _numbers(child.stdout)
        _until_idle(child.pid)
        watch.begin()
        child.stdin.write("go\n")
        child.stdin.flush()
        begun, ended = _numbers(child.stdout), _numbers(child.stdout)
        _until_idle(child.pid)
        watch.end()
        watch.close()
        child.stdin.write("go\n")
        child.stdin.flush()
        after = _numbers(child.stdout)
    names = ("context_switches_voluntary", "context_switches_involuntary", "page_faults")
    for name, *seen in zip(names, before, begun, ended, after, strict=True):
        assert seen[2] - seen[1] <= watch.values[name] <= seen[3] - seen[0], name
    assert ended[0] - begun[0] >= 2000
    assert (watch.values["threads"], watch.values["threads_ended"]) == (2, 0)
    assert watch.values["cpu_ns"] > 0


def _numbers(stream: IO[str]) -> list[int]:
    return [int(word) for word in stream.readline().split()]


def _until_idle(pid: int) -> None:
    """Until the process waits for its stdin: asleep, and no switch any more."""
    while True:
        states = [
            (task / "stat").read_text().rpartition(")")[2].split()[0]
            for task in Path(f"/proc/{pid}/task").iterdir()
        ]
        if set(states) == {"S"}:
            return


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")
def test_a_thread_that_has_ended_is_told_from_one_that_has_its_number() -> None:
    """An open file says when its thread ends: the list of threads may reuse a number."""
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait)
    thread.start()
    watch = ProcessWatch(os.getpid())
    watch.begin()
    number = str(thread.native_id)
    leave.set()
    thread.join()
    task = Path(f"/proc/self/task/{number}")
    while task.exists():  # join() returns before the kernel has let go of it
        pass
    watch._threads["1"] = watch._threads.pop(
        number
    )  # as if another thread had come to a number that is listed
    listdir = os.listdir
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            os,
            "listdir",
            lambda path: [*listdir(path), "1"] if str(path).endswith("task") else listdir(path),
        )
        watch.end()
    assert watch.reason is None and watch.values["threads_ended"] == 1
    watch.close()
    import resource

    assert resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw > 0


def events(**process: int | None) -> dict[str, Any]:
    """A server's events: 100 requests, 50 waits, 80 events per window; `process` grows from 0."""
    begin = {"requests": 1000, "waits": 10, "events": 20, "partial_sends": 1}
    end = {"requests": 1100, "waits": 60, "events": 100, "partial_sends": 4}
    return {
        "ready": {
            "process_sources": {"cpu_user_ns": "GetProcessTimes"},
            "process_missing": {"cycles": "QueryProcessCycleTime: error 120"},
        },
        "begin": {
            "counters": begin,
            "process": {name: None if value is None else 0 for name, value in process.items()},
        },
        "end": {"counters": end, "process": process},
    }


def test_the_server_itself_is_believed_first_and_proc_fills_the_rest(
    tree: Tree, watch: ProcessWatch
) -> None:
    tree.thread(70, 0, 0)
    watch.begin()
    tree.thread(70, 300, 100)
    tree.totals(minor=0, major=0, user=9, kernel=9)
    watch.end()
    rows = table(
        events(cpu_user_ns=700, cycles=None, working_set_bytes=5, context_switches=None),
        {"server": watch},
    )
    assert rows["server.cpu_user_ns"] == {
        "value": 700,
        "unit": "ns",
        "source": "GetProcessTimes",
        "per_request": 7.0,
    }
    assert rows["server.cpu_kernel_ns"]["source"] == "/proc/PID/stat"
    assert rows["server.context_switches"] == {
        "value": 400,
        "unit": "switches",
        "source": "/proc/PID/task/*/status",
        "per_request": 4.0,
    }
    assert rows["server.working_set_bytes"] == {"value": 5, "unit": "bytes", "source": "the server"}
    assert rows["server.cycles"] == {
        "value": None,
        "unit": "cycles",
        "reason": "QueryProcessCycleTime: error 120",
    }
    assert rows["server.events_per_wait"]["value"] == 1.6
    assert (rows["server.partial_sends"]["value"], rows["server.partial_sends"]["per_request"]) == (
        3,
        0.03,
    )
    assert rows["server.inline_completions"]["reason"] == "the server does not count them"


def test_operations_that_end_at_once_are_a_matter_of_completion_models() -> None:
    server = events()
    (
        server["begin"]["counters"]["inline_completions"],
        server["end"]["counters"]["inline_completions"],
    ) = 5, 55
    assert table(server, {}, "completion")["server.inline_completions"] == {
        "value": 50,
        "unit": "completions",
        "source": "server",
        "per_request": 0.5,
    }
    for family in ("readiness", "blocking"):
        row = table(server, {}, family)["server.inline_completions"]
        assert row == {
            "value": None,
            "unit": "completions",
            "reason": f"a {family} model has no overlapped operations",
        }


def test_without_proc_the_server_serves_alone() -> None:
    """As on Windows: nothing replaces what only Linux reports, and notes name ended threads."""
    server = events(cpu_user_ns=700, cpu_kernel_ns=300, context_switches=50, threads_ended=1)
    rows = table(server, {})
    assert {name for name in rows if not name.startswith("server.")} == set()
    assert rows["server.cpu_ns"]["value"] == 1000 and rows["server.cpu_ns"]["per_request"] == 10.0
    assert rows["server.context_switches"]["note"].startswith(
        "lower bound: the switches of 1 thread that ended"
    )
    assert rows["server.context_switches_voluntary"]["value"] is None
    assert all(row["value"] is not None or row["reason"] for row in rows.values())
    assert {name.removeprefix("server.") for name in rows} >= set(UNITS)


def test_what_has_no_beginning_is_null_if_it_grows() -> None:
    server = events(cpu_user_ns=700, threads=3)
    server["begin"]["process"] |= {"cpu_user_ns": None, "threads": None}
    rows = table(server, {})
    assert rows["server.cpu_user_ns"]["value"] is None and rows["server.cpu_user_ns"]["reason"]
    assert rows["server.threads"]["value"] == 3


def test_a_window_without_requests_has_no_figure_a_request() -> None:
    server = events(cpu_user_ns=700)
    server["end"]["counters"]["requests"] = server["begin"]["counters"]["requests"]
    assert "per_request" not in table(server, {})["server.cpu_user_ns"]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """One record of a made-up run, which is as runs were before counters: it has none."""
    return load_run(make_run(tmp_path, measured=1)).records[0]


def test_an_older_record_loads_and_says_not_recorded(record: Record) -> None:
    assert record.counters is None and "counters" not in record_to_json(record)
    assert counter(record, "server.cpu_ns") == Figure(None, "", None, "not recorded")


def test_counters_are_written_checked_and_read_back(record: Record) -> None:
    counted = replace(record, counters=table(events(cpu_user_ns=700, cycles=None), {}))
    again = record_from_json(record_to_json(counted))
    assert again == counted
    assert counter(again, "server.cpu_user_ns") == Figure(700, "ns", "GetProcessTimes", None)
    assert counter(again, "server.cpu_user_ns/request") == Figure(
        7.0, "ns/request", "GetProcessTimes", None
    )
    assert counter(again, "server.cycles/request") == Figure(
        None, "cycles/request", None, "QueryProcessCycleTime: error 120"
    )
    assert counter(again, "wineserver.cpu_ns").reason == "not recorded"
    assert counter(again, "server.events_per_wait/request").reason is not None


@pytest.mark.usefixtures("one_figure")
def test_what_a_request_costs_is_shown(tmp_path: Path) -> None:
    """Median of the repeats, server and wineserver together; an unavailable counter is a dash."""
    folder = make_run(tmp_path, suite_of(connections=(8,), sizes=(64,)))
    assert [row[4:6] for row in cost_rows(folder)] == [["–", "–"], ["–", "–"]]
    lines = (folder / "records.jsonl").read_text().splitlines()
    (folder / "records.jsonl").unlink()
    for line in lines:
        record = record_from_json(json.loads(line))
        cost = 100 * (record.repeat + 1) if record.condition.model == "iocp" else None
        rows = {
            "server.cpu_ns": entry(cost and 1000 * cost),
            "wineserver.cpu_ns": entry(cost and 2000 * cost),
            "server.context_switches": entry(cost),
            "wineserver.context_switches": entry(cost and 3 * cost),
        }
        append_record(folder, replace(record, counters=rows))
    costs = {row[1]: row[4:6] for row in cost_rows(folder)}
    assert costs == {"iocp": ["6.00", "8.00"], "select": ["–", "–"]}
    write_report(folder)
    markdown = (folder / "report.md").read_text()
    heads = "CPU µs | switches | server CPU µs | wineserver CPU µs | server switches | "
    assert f"| connections | server | {heads}wineserver switches | receives" in markdown
    assert "| 8 | iocp | 6.00 | 8.00 | 2.00 | 4.00 | 2.00 | 6.00 | 2.00 | 1.00" in markdown
    assert "| 8 | select | – | – | – | – | – | – | 2.00 | 1.00 | 3.00 | 3.00 |" in markdown
    assert "select, 8 connections × 64 B, CPU µs: not here" in markdown
    assert "What does a request cost?" in (folder / "report.html").read_text()


def cost_rows(folder: Path) -> list[list[str]]:
    """The rows of the terminal, the brackets of the ratio left out."""
    output = io.StringIO()
    print_tables(summarise(load_run(folder)), Console(file=output, width=80))
    rows = [re.sub(r" \[.*\]( ~)?", "", line).split() for line in output.getvalue().splitlines()]
    return [row for row in rows if row and row[0] == "8"]


def entry(value: int | None) -> dict[str, Any]:
    """Of 100 requests."""
    if value is None:
        return {"value": None, "unit": "ns", "reason": "not here"}
    return {"value": value, "unit": "ns", "source": "made up", "per_request": value / 100}


@pytest.mark.parametrize(
    "row",
    [
        {"value": None, "unit": "ns"},
        {"value": 1, "unit": "ns"},
        {"value": -1, "unit": "ns", "source": "x"},
        {"value": 1, "source": "x"},
        {"value": None, "unit": "ns", "reason": ""},
    ],
)
def test_a_value_without_source_or_a_null_without_reason_is_refused(
    record: Record, row: dict[str, Any]
) -> None:
    check_record(record, "it")
    with pytest.raises(Failure, match="counters"):
        check_record(replace(record, counters={"server.cpu_ns": row}), "it")
