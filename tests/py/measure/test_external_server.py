"""External servers: started, watched and ended, with good and bad strangers."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from iomodels.base.errors import Failure
from iomodels.data.counters import table
from iomodels.launch.native import NativeLauncher
from iomodels.launch.process import ProgramFailed
from iomodels.launch.tree import PsutilWatch, TreeWatch, tree_of
from iomodels.machine.placement import Placement
from iomodels.measure import probe as module
from iomodels.measure.external_server import (
    ATTACHED,
    NATIVE,
    SILENT,
    WINDOWS,
    ExternalLauncher,
    ExternalServer,
    kinds_of,
)
from iomodels.measure.probe import free_port, probe
from iomodels.plan.external import External
from iomodels.plan.server import Server, external_server
from iomodels.plan.suite import find_suite, load_suite

STRANGER = Path(__file__).resolve().parents[2] / "fixtures" / "stranger.py"

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the rig measures external servers of Windows"
)


def stranger(mode: str, **more: Any) -> External:
    return External((sys.executable, str(STRANGER), mode, "{port}"), **more)


def opened(folder: Path, external: External) -> ExternalLauncher:
    return ExternalLauncher(NativeLauncher(folder, Placement()), {"mine": external}, folder)


@pytest.fixture
def launcher(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ExternalLauncher]:
    """A launcher whose server `mine` is the stranger that the test asks for."""
    with opened(tmp_path, request.param) as found:
        yield found


def as_mine(external: External) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("launcher", [external], indirect=True)


def failure_of(launcher: ExternalLauncher, timeout_s: float = 5.0) -> str:
    with launcher.server("mine", {}) as server:
        with pytest.raises(ProgramFailed) as caught:
            server.expect("ready", timeout_s)
        return str(caught.value)


@pytest.mark.parametrize("ready", ["connect", "line", "line:listening", "delay:100"])
def test_it_is_ready_when_its_entry_says_so(tmp_path: Path, ready: str) -> None:
    late = stranger("late", ready=ready, threads=3)
    with opened(tmp_path, late) as launcher, launcher.server("mine", {}) as server:
        event = server.expect("ready", 10.0)
        probe("mine", (event["host"], event["port"]))
    assert event["model"] == "mine" and event["external"] and event["settings"] == {"threads": 3}
    assert event["platform"] == launcher.platform


@as_mine(stranger("echo"))
def test_what_only_the_server_could_know_is_null_with_a_reason(launcher: ExternalLauncher) -> None:
    with launcher.server("mine", {}) as server:
        server.expect("ready", 10.0)
        server.send("sample")
        sample = server.expect("sample", 1.0)
    assert sample["counters"] is sample["process"] is sample["connections"] is None
    assert sample["reason"] == SILENT


@as_mine(stranger("echo"))
def test_it_is_ended_and_so_are_its_children(launcher: ExternalLauncher) -> None:
    with launcher.server("mine", {}) as server:
        server.expect("ready", 10.0)
        (process,) = tree_of(server.pid)
        server.close_stdin()
        assert server.expect("summary", 1.0)["reason"] == SILENT
        assert server.wait(2.0) == 0
    assert not process.is_running()


@as_mine(stranger("child"))
def test_a_script_that_starts_the_server_leaves_nothing(launcher: ExternalLauncher) -> None:
    with launcher.server("mine", {}) as server:
        server.expect("ready", 10.0)
        processes = tree_of(server.pid)
        assert len(processes) == 2
    assert [each for each in processes if each.is_running()] == []


@as_mine(stranger("daemon", ready="line"))
def test_a_daemon_is_refused_and_leaves_nothing(launcher: ExternalLauncher) -> None:
    with launcher.server("mine", {}) as server:
        ready = server.expect("ready", 10.0)
        assert server.wait(5.0) == 0
        probe("mine", (ready["host"], ready["port"]))
        with pytest.raises(ProgramFailed, match="mine: died; exit code 0"):
            server.send("sample")
    with pytest.raises(Failure, match="refused"):
        probe("mine", (ready["host"], ready["port"]))


def test_a_secret_that_the_server_prints_is_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRANGE_WORD", "hunter2")
    mine = External((*stranger("tells").command, "{env:STRANGE_WORD}"))
    with opened(tmp_path, mine) as launcher, launcher.server("mine", {}) as server:
        with pytest.raises(ProgramFailed) as caught:
            server.expect("ready", 5.0)
        assert server.stderr_text() == "the password is {env:STRANGE_WORD}\n"
    assert str(caught.value).endswith("stderr: the password is {env:STRANGE_WORD}")
    assert caught.value.stderr == server.stderr_text()


def test_a_fixed_port_of_another_program_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = f"mine: port {port}: another program listens there already"
        mine = stranger("echo", port=port)
        with opened(tmp_path, mine) as launcher, pytest.raises(Failure, match=error):
            launcher.check()


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch(mode=0o644)
    mine = External((str(tmp_path / "notes.txt"), "{port}"))
    with opened(tmp_path, mine) as launcher, pytest.raises(Failure, match="is not executable"):
        launcher.check()


@as_mine(stranger("ends"))
def test_a_server_that_ends_early_is_named_with_its_last_words(launcher: ExternalLauncher) -> None:
    assert failure_of(launcher) == (
        "mine: ended before it was ready; exit code 7; stderr: no such device"
    )


@as_mine(stranger("never"))
def test_a_server_that_never_listens_meets_its_deadline(launcher: ExternalLauncher) -> None:
    assert "mine: accepts no connection at 127.0.0.1:" in failure_of(launcher, 0.4)


@as_mine(stranger("never", ready="line:go"))
def test_a_server_without_its_line_meets_its_deadline(launcher: ExternalLauncher) -> None:
    assert "mine: did not print a line with 'go' within 0.4 s" in failure_of(launcher, 0.4)


@as_mine(stranger("ends", ready="line"))
def test_a_server_that_ends_before_its_line_says_so(launcher: ExternalLauncher) -> None:
    assert "mine: ended before it printed a line; exit code 7" in failure_of(launcher)


@as_mine(stranger("dies"))
def test_a_server_that_dies_under_load_is_told_apart(launcher: ExternalLauncher) -> None:
    with launcher.server("mine", {}) as server:
        ready = server.expect("ready", 10.0)
        with pytest.raises(Failure, match=r"mine: (closed the connection|127\.0\.0\.1)"):
            probe("mine", (ready["host"], ready["port"]))
        assert server.wait(5.0) == 3
        with pytest.raises(ProgramFailed, match="mine: died; exit code 3"):
            server.send("sample")
        server.close_stdin()
        with pytest.raises(ProgramFailed, match="mine: died before its load was over"):
            server.expect("summary", 1.0)


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("closes", "mine: closed the connection after 0 of 88 bytes; it must send back all"),
        ("wrong", "mine: byte "),
        ("silent", "mine: sent 0 of 88 bytes back within 0.3 s; it must send back all"),
    ],
)
def test_a_server_that_does_not_echo_gets_a_clear_verdict(
    tmp_path: Path, mode: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROBE_S", 0.3)
    with opened(tmp_path, stranger(mode)) as launcher, pytest.raises(Failure) as caught:
        launcher.check()
    assert str(caught.value).startswith(error)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    error = "mine: no-such-program: no such program"
    mine = External(("no-such-program", "{port}"))
    with opened(tmp_path, mine) as launcher, pytest.raises(Failure, match=error):
        launcher.check()


def test_a_program_that_the_build_lacks_is_not_on_this_platform(tmp_path: Path) -> None:
    with opened(tmp_path, External(("{build}/references/bin/mine", "{port}"))) as launcher:
        assert launcher.models()["mine"]["supported"] is False
        launcher.check()
        assert launcher.facts() == {}


def test_the_facts_have_hashes_and_keep_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRANGE_MODE", "echo")
    command = (sys.executable, str(STRANGER), "{env:STRANGE_MODE}", "{port}")
    version = (sys.executable, str(STRANGER), "version", "0")
    with opened(tmp_path, External(command, version=version)) as launcher:
        launcher.check()
        facts = launcher.facts()["mine"]
        with launcher.server("mine", {}) as server:
            assert server.argv == list(command)
    assert facts["command"] == list(command) and facts["version"] == "stranger 1.2"
    assert set(facts["files"]) == {sys.executable, str(STRANGER)}
    assert all(len(digest) == 64 for digest in facts["files"].values())


def test_a_secret_that_is_not_set_is_named(tmp_path: Path) -> None:
    error = r"\{env:NO_SUCH_NAME\}: the environment has no NO_SUCH_NAME"
    mine = External((sys.executable, "{env:NO_SUCH_NAME}", "{port}"))
    with opened(tmp_path, mine) as launcher, pytest.raises(Failure, match=error):
        launcher.check()


def test_an_attached_server_is_found_and_left_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = ("127.0.0.1", listener.getsockname()[1])
        server = ExternalServer("mine", External(attach=where), None, where, "attached")
        assert server.expect("ready", 1.0)["port"] == where[1]
        assert server.pid == os.getpid()
        with pytest.raises(ProgramFailed, match="mine: still runs"):
            server.wait(0.1)
        server.close_stdin()
        assert server.wait(0.1) == 0 and psutil.pid_exists(os.getpid())


def test_a_server_that_is_not_there_cannot_be_attached() -> None:
    where = ("127.0.0.1", free_port())
    server = ExternalServer("mine", External(attach=where), None, where, "attached")
    with pytest.raises(ProgramFailed, match=rf"accepts no connection at 127.0.0.1:{where[1]} \("):
        server.expect("ready", 0.1)


@as_mine(stranger("child"))
def test_the_costs_of_all_its_processes_add_up(launcher: ExternalLauncher) -> None:
    with launcher.server("mine", {}) as server:
        ready = server.expect("ready", 10.0)
        watch = TreeWatch(server.pid)
        watch.begin()
        for _ in range(20):
            probe("mine", (ready["host"], ready["port"]))
        watch.end()
        ours = PsutilWatch(server.pid)
        ours.begin()
        ours.end()
        watch.close()
    assert watch.reason is None and watch.values["threads"] >= 2
    assert watch.values["cpu_ns"] > 0 and watch.values["context_switches"] >= 20
    assert ours.reason is None and ours.values["cpu_user_ns"] >= 0
    events = {
        name: {"counters": None, "process": None, "reason": SILENT} for name in ("begin", "end")
    }
    rows = table({"ready": ready, **events}, {"server": watch}, None, 10)
    assert rows["server.cpu_ns"]["per_request"] == pytest.approx(
        watch.values["cpu_ns"] / 10, rel=1e-5
    )
    assert rows["server.events_per_wait"]["reason"] == SILENT
    assert rows["server.handles"] == {"value": None, "unit": "handles", "reason": SILENT}


def test_a_process_that_ended_in_the_window_makes_the_costs_unknown() -> None:
    watch = TreeWatch(2**22 - 1)
    watch.begin()
    watch.end()
    assert watch.reason == "its process is not known" and watch.values == {}


def test_platforms_never_mix() -> None:
    suite = load_suite(find_suite("select-vs-iocp"))
    native = external_server("mine", External(("python3", "{port}")))
    windows = external_server("theirs", External(("their.exe", "{port}")))
    attached = external_server("there", External(attach=("127.0.0.1", 7000)))
    both = replace(suite, servers=(Server("iocp"), windows))
    assert set(kinds_of(both, "linux")) == {WINDOWS}
    mixed = replace(suite, servers=(Server("iocp"), native, attached))
    assert kinds_of(mixed, "linux") == {WINDOWS: ["iocp"], NATIVE: ["mine"], ATTACHED: ["there"]}
    on_windows = replace(suite, servers=(Server("iocp"), attached))
    assert set(kinds_of(on_windows, "win32")) == {WINDOWS}
    by_name = external_server("there", External(attach=("localhost", 7000)))
    on_windows = replace(suite, servers=(Server("iocp"), by_name))
    assert set(kinds_of(on_windows, "win32")) == {WINDOWS}
