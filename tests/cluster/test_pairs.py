"""Pairs of machines that measure the loads of one run in parallel."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import Cluster, cluster, wait_until

pytest.importorskip("distributed", reason="distributed is not installed")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Cluster]:
    with cluster(tmp_path, loads=3, servers=2) as found:
        yield found


def test_each_load_is_measured_by_one_pair_and_both_work_together(made: Cluster) -> None:
    run = made.run("--pairs", 2, "--connections", "2,4,8", "--rounds", 2)
    for server in made.servers:  # both measure at the same time
        server.program("epoll")
    assert run.ends() == 0, run.text
    pairs: dict[int, set[tuple[int, str, str]]] = {}
    for record in run.measured.records:
        assert record.reason is None
        of = (record.result or {})["cluster"]
        for part in of["parts"]:
            found = (of["pair"], of["server"], part["worker"])
            pairs.setdefault(record.condition.connections, set()).add(found)
    assert len(run.measured.records) == 6
    first = {(1, "server", "load-1"), (1, "server", "load-3")}
    assert pairs == {2: first, 4: {(2, "server-2", "load-2")}, 8: first}
    manifest = run.measured.manifest
    assert manifest["pairs"] == 2
    assert {stop["load"]["connections"]: stop["rounds"] for stop in manifest["stopped"]} == {
        2: 2,
        4: 2,
        8: 2,
    }


def test_an_interrupted_run_continues_with_its_pairs(made: Cluster) -> None:
    words = ("--connections", "2,4", "--rounds", 3, "--duration-ms", 1500)
    run = made.run("--pairs", 2, *words)
    programs = [server.program("epoll") for server in made.servers]
    run.kill(signal.SIGINT)
    assert run.ends() == 130, run.text
    for program in programs:
        wait_until(lambda program=program: not program.is_running())  # type: ignore[misc]
    (folder,) = run.out.iterdir()
    again = made.start("again", "run", "--cluster", made.bundle.path, "--resume", folder)
    assert again.ends() == 0, again.text
    assert [record.reason for record in run.measured.records] == [None] * 6


def test_pairs_that_the_plan_cannot_have_are_refused(made: Cluster) -> None:
    sessions = ("--pairs", 2, "--connections", "1,2", "--rounds", 4, "--sessions", 2)
    for words, reason in (
        (("--pairs", 2), "--pairs 2: must be at most 1, as many as the suite has loads"),
        (sessions, "several sessions"),
    ):
        run = made.run(*words)
        assert run.ends() == 2 and reason in run.text, run.text
