"""What is lost in a run: each fault ends in a sentence, nothing hangs, nothing is left behind."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from lab import Lab
from processes import Cluster, Process, cluster, wait_until

pytest.importorskip("distributed", reason="distributed is not installed")
LONG = ("--duration-ms", "3000", "--rounds", 3)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Cluster]:
    with cluster(tmp_path) as found:
        yield found


def measuring(made: Cluster, *words: object) -> Process:
    """Start a run of three rounds; return while its first repeat is measured."""
    run = made.run(*LONG, *words)
    made.server.program("epoll")
    wait_until(lambda: all(map(_measures, made.loads)))
    return run


def _measures(load: Process) -> bool:
    """Whether a load generator runs there that neither describes itself nor calibrates."""
    with suppress(psutil.NoSuchProcess):
        words = {word for each in load.children() for word in each.cmdline()}
        return "--connections" in words and not words & {"--calibrate", "--describe"}
    return False


def gone(program: psutil.Process) -> None:
    wait_until(lambda: not program.is_running(), lambda: f"{program} was left behind")


def reasons(run: Process) -> list[str]:
    return [record.reason or "" for record in run.measured.records]


def test_a_lost_load_machine_costs_one_repeat(made: Cluster) -> None:
    run = measuring(made)
    generator = made.loads[1].program("loadgen")
    made.loads[1].kill()
    gone(generator)
    assert run.ends() == 1, run.text
    first, *others = run.measured.records
    assert "load-2: the machine does not answer" in (first.reason or "")
    for record in others:
        (part,) = (record.result or {})["cluster"]["parts"]
        assert part["worker"] == "load-1" and record.reason is None
        assert part["result"]["connections"]["established"] == 8
    assert "load-2: lost; waiting for the machine to join again" in run.text
    assert "continuing without load-2" in run.text


def test_too_few_load_machines_end_a_run_that_can_be_resumed(made: Cluster) -> None:
    run = measuring(made, "--min-load", 2)
    made.loads[1].kill()
    assert run.ends() == 1
    assert "only 1 of 2 workers of the role load came back within 60 s" in run.text
    assert "stopped by a lost machine; " in run.text
    assert run.measured.manifest["status"] == "interrupted"
    made.worker("load", "load-2").says("joined")
    (folder,) = run.out.iterdir()
    words = ("--cluster", made.bundle.path, "--resume", folder, "--retry-failed", "--no-report")
    again = made.start("again", "run", *words)
    assert again.ends() == 0, again.text
    assert reasons(run) == [""] * 3


def test_a_server_machine_that_returns_costs_one_repeat(made: Cluster) -> None:
    run = measuring(made)
    server = made.server.program("epoll")
    made.server.kill()
    gone(server)
    made.worker("server", "server")
    assert run.ends() == 1, run.text
    assert [bool(reason) for reason in reasons(run)] == [True, False, False]


def test_a_scheduler_that_returns_costs_one_repeat(made: Cluster) -> None:
    run = measuring(made)
    made.scheduler.kill()
    made.scheduler.ends()
    made.start("scheduler-2", "cluster", "start", made.bundle.path)
    assert run.ends() == 1, run.text
    assert [bool(reason) for reason in reasons(run)] == [True, False, False]


def test_a_scheduler_that_stays_away_ends_a_run_that_can_be_resumed(made: Cluster) -> None:
    run = measuring(made)
    made.scheduler.kill()
    assert run.ends() == 1
    assert "no scheduler answers there" in run.text and "resume with:" in run.text
    made.server.says("no scheduler answers there")


def test_a_killed_run_leaves_no_server(made: Cluster) -> None:
    run = measuring(made)
    server, generator = made.server.program("epoll"), made.loads[0].program("loadgen")
    run.kill()
    gone(server)
    gone(generator)
    made.server.says("the client is gone; its program was ended")
    after = made.run()
    assert after.ends() == 0, after.text


def test_a_machine_that_stands_still_is_lost(made: Cluster) -> None:
    run = measuring(made)
    made.loads[1].kill(signal.SIGSTOP)
    assert run.ends() == 1, run.text
    assert "load-2: the machine does not answer" in reasons(run)[0]
    assert reasons(run)[2] == ""
    made.loads[1].kill(signal.SIGCONT)
    made.loads[1].says("joining again")


def test_a_machine_whose_cable_is_cut_for_30_s_joins_again(network: Lab, tmp_path: Path) -> None:
    with cluster(tmp_path, 2, network) as made:
        run = measuring(made)
        generator = made.loads[1].program("loadgen")
        network.loads[1].cut()
        started = time.monotonic()
        gone(generator)  # by its lease
        run.says("load-2: lost")
        while time.monotonic() < started + 30:
            time.sleep(0.1)
        network.loads[1].join()
        made.loads[1].says("joining again")
        assert run.ends() == 1, run.text
        assert "load-2: the machine does not answer" in reasons(run)[0]
        after = made.run()
        assert after.ends() == 0, after.text
        parts = (after.measured.records[0].result or {})["cluster"]["parts"]
        assert [part["worker"] for part in parts] == ["load-1", "load-2"]


def test_an_interrupted_run_frees_the_machines(made: Cluster) -> None:
    run = measuring(made)
    server = made.server.program("epoll")
    run.kill(signal.SIGINT)
    assert run.ends() == 130 and "resume with:" in run.text
    gone(server)
    assert "the client is gone" not in made.server.text
    after = made.run()
    assert after.ends() == 0, after.text


def test_ctrl_c_ends_a_worker_and_its_program(made: Cluster) -> None:
    run = measuring(made)
    server = made.server.program("epoll")
    made.server.kill(signal.SIGINT)
    assert made.server.ends() == 0, made.server.text
    assert not server.is_running() and "Traceback" not in made.server.text
    run.kill(signal.SIGINT)
    run.ends()


def test_processes_in_the_background_of_a_script(made: Cluster) -> None:
    """A shell lets them ignore Ctrl-C, and nohup a hang-up. SIGTERM ends them all the same."""
    ignoring = ("sh", "-c", 'trap "" INT HUP; exec "$0" "$@"')
    words = ("worker", made.bundle.path, "--role", "load", "--name")
    quiet = Process(made.folder / "quiet.log", *words, "quiet", before=ignoring)
    try:
        made.scheduler.says("quiet joined")
        quiet.kill(signal.SIGHUP)
        twin = made.start("twin", *words, "quiet")
        twin.says("another worker has this name; end it, or give another --name")
        assert quiet.popen.poll() is None and "quiet left" not in made.scheduler.text
        quiet.kill(signal.SIGTERM)
        assert quiet.ends() == 0
        twin.says("quiet joined")
        assert twin.text.count("has this name") == 1
    finally:
        quiet.popen.kill()
