"""Servers on another machine: an agent on 127.0.0.1, fake programs at both ends, and all faults."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import iomodels
from iomodels.base.errors import Failure
from iomodels.base.interrupts import Interrupts
from iomodels.data.records import counter
from iomodels.data.store import load_run
from iomodels.judge import compare
from iomodels.judge.summary import summarise
from iomodels.launch import platform as launch
from iomodels.launch import remote
from iomodels.launch.channel import PORTS, Channel, ServerHost, parse_host
from iomodels.launch.process import ProgramFailed
from iomodels.launch.remote import HostLost, Session
from iomodels.machine.placement import Placement
from iomodels.measure import agent as agent_module
from iomodels.measure.agent import Agent
from iomodels.plan.suite import Suite
from iomodels.report.conditions import conditions
from stage import FakeLauncher, Stage

TOKEN = "a-token-of-the-tests"
SOON_S = 20.0


def free_ports(count: int) -> int:
    """Return the first of so many free ports in a row, out of the range that the kernel assigns."""
    for first in range(20_000, 30_000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise AssertionError("no ports are free")


class Served:
    """An agent in threads of this process, and what it said."""

    def __init__(self, launcher: FakeLauncher, folder: Path, port: int = 0) -> None:
        self.lines: list[str] = []
        (folder / "build").mkdir(exist_ok=True)
        self.agent = Agent(
            launcher,
            folder / "build",
            folder / "results",
            "127.0.0.1",
            port or free_ports(PORTS + 1),
            TOKEN,
            self.lines.append,
        )
        self.port = self.agent.ports[0] - 1
        self.where = ServerHost("127.0.0.1", self.port, TOKEN)
        self._thread = threading.Thread(target=self.agent.serve, args=(Interrupts(),))
        self._thread.start()

    def close(self) -> None:
        self.agent.close()
        self._thread.join(SOON_S)
        assert not self._thread.is_alive()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[FakeLauncher]:
    """The launcher of the servers' machine."""
    fake = FakeLauncher()
    yield fake
    left = [program for program in fake.programs if program.running()]
    for program in left:
        program.stop(0.1)
    assert not left, "a server was left behind"


@pytest.fixture
def served(there: FakeLauncher, tmp_path: Path) -> Iterator[Served]:
    made = Served(there, tmp_path)
    yield made
    made.close()


@pytest.fixture
def far(stage: Stage, served: Served, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Runs whose servers are the agent's."""
    monkeypatch.setattr(launch, "open_loadgen", lambda build, placement: stage.launcher)
    monkeypatch.setattr(remote, "RETRY_S", 0.05)
    stage.setting = replace(stage.setting, server_host=served.where)
    return stage


@pytest.fixture
def two(suite: Suite) -> Suite:
    """Two measurements."""
    return replace(suite, connections=(1,), rounds=1)


def wait_until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_run_whose_servers_are_on_another_machine(
    far: Stage, two: Suite, there: FakeLauncher, served: Served
) -> None:
    assert far.start(two) == 0
    run = load_run(far.folder)
    assert [record.reason for record in run.records] == [None] * 2
    assert [asked["model"] for asked in there.started] == [
        record.condition.model for record in run.records
    ]
    assert far.launcher.started == []  # no server here
    for record in run.records:
        assert record.server and record.loadgen
        assert record.loadgen["argv"][-18 - 2 : -18 + 2] == [
            "--host",
            "127.0.0.1",
            "--port",
            "4711",
        ]  # the port is that of ready
        assert {"--host", "127.0.0.1"} < set(record.server["argv"])
        asked = int(record.server["argv"][record.server["argv"].index("--port") + 1])
        assert asked in served.agent.ports
        watched = counter(record, "server.context_switches")
        assert (
            watched.value is not None and watched.source == "/proc/PID/task/*/status"
        )  # looked at over there
    wait_until(lambda: "127.0.0.1: gone" in served.lines)  # its thread sees the end a moment later
    assert served.lines == ["127.0.0.1: connected", "127.0.0.1: gone"]


def test_the_record_names_both_machines(far: Stage, two: Suite) -> None:
    far.start(two)
    run = load_run(far.folder)
    manifest = run.manifest
    facts = manifest["environment"]
    assert manifest["platform"] == "fake-1.0"
    assert facts["harness"]["version"] == iomodels.__version__ and set(facts["harness"]["git"]) == {
        "commit",
        "dirty",
        "reason",
    }
    assert set(facts["binaries"]) == {"mingw/bin/one.exe", "mingw/bin/two.exe"}
    assert set(facts["load_generator"]["binaries"]) == {"host/bin/loadgen"}
    assert (
        facts["cpus_usable"]
        and facts["load_generator"]["cpus_usable"]
        and facts["load_generator"]["launcher"] == {"placement": None}
    )
    link = facts["load_generator"]["link"]
    assert link["mtu"] > 0 and (link["mbps"] is None) == (
        "load_generator.link.mbps" in facts["reasons"]
    )
    nulls = {name for name, value in facts.items() if value is None} | {
        f"load_generator.{name}" for name, value in facts["load_generator"].items() if value is None
    }
    assert nulls <= set(facts["reasons"])
    assert ("machines", "two: the servers on one, the load generator on the other") in conditions(
        summarise(run)
    )

    # Such runs are compared by the conditions of both.
    changed = json.loads(json.dumps(run.manifest))
    own = changed["environment"]["load_generator"]
    own.update(cpu="another", load_average=[9.0, 9.0, 9.0], binaries={"host/bin/loadgen": "0"})
    found = {
        (each.group, each.name) for each in compare.differing(run, replace(run, manifest=changed))
    }
    assert found == {
        ("machine", "load_generator.cpu"),
        ("programs", "load_generator.binaries.host/bin/loadgen"),
    }


def test_what_fails_there_is_told_here(far: Stage, two: Suite, there: FakeLauncher) -> None:
    there.behaviour = lambda number: ("dies before ready" if number else "dies in mid-window", "")
    assert far.start(two) == 1
    first, second = load_run(far.folder).records
    assert "exit code 3" in (first.reason or "") and "assertion failed" in (first.stderr or "")
    assert "exit code 3" in (second.reason or "") and "address in use" in (second.stderr or "")


def test_a_lost_connection_costs_one_repeat(
    far: Stage, two: Suite, there: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = agent_module._Session._tell
    begun: list[str] = []

    def cut(self: Any, program: Any, watches: Any, word: str, request: Any) -> None:
        begun.extend([word] if request.get("edge") == "begin" else [])
        if request.get("edge") == "begin" and len(begun) == 2:
            raise OSError("cut")
        told(self, program, watches, word, request)

    monkeypatch.setattr(agent_module._Session, "_tell", cut)
    assert far.start(replace(two, rounds=2)) == 1
    failed = [record for record in load_run(far.folder).records if not record.ok]
    assert [record.index for record in failed] == [1]
    assert "was lost" in (failed[0].stderr or "") and "exit code 255" in (failed[0].reason or "")
    assert "reconnecting" in far.text and len(there.started) == 4


def test_an_agent_that_is_gone_ends_the_run_which_can_go_on(
    far: Stage,
    two: Suite,
    there: FakeLauncher,
    served: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote, "RECONNECT_S", 0.2)
    cut = {1}

    def behave(number: int) -> tuple[str, str]:
        if number in cut:
            cut.discard(number)
            threading.Thread(target=served.agent.close).start()
        return "normal", ""

    there.behaviour = behave
    with pytest.raises(
        HostLost, match=f"127.0.0.1:{served.port}: cannot connect: .*tried for 0.2 s"
    ):
        far.start(replace(two, rounds=2))
    run = load_run(far.folder)
    assert run.manifest["status"] == "interrupted" and len(run.records) in (1, 2)
    assert "stopped by HostLost" in far.text
    where, far.setting = far.setting.server_host, replace(far.setting, server_host=None)
    with pytest.raises(Failure, match="its servers ran on another machine; add --server-host"):
        far.resume()
    wait_until(lambda: not served._thread.is_alive())
    again = Served(there, tmp_path, served.port)
    try:
        far.setting = replace(far.setting, server_host=where)
        with monkeypatch.context() as patch:
            patch.setattr(there, "environment", lambda: {"placement": asdict(Placement((0,)))})
            with pytest.raises(
                Failure, match=r"cannot resume .*: the servers ran with placement None; now with "
            ):
                far.resume()
        assert far.resume(retry_failed=True) == 0
    finally:
        again.close()
    assert load_run(far.folder).manifest["status"] == "complete"


def test_a_run_of_one_machine_does_not_go_on_with_two(stage: Stage, two: Suite) -> None:
    stage.start(two)
    (stage.folder / "records.jsonl").write_bytes(
        b"".join((stage.folder / "records.jsonl").read_bytes().splitlines(keepends=True)[:-1])
    )
    stage.setting = replace(stage.setting, server_host=ServerHost("127.0.0.1", 1, TOKEN))
    with pytest.raises(
        Failure, match=r"--server-host .* must be omitted; the servers of .* ran on this machine"
    ):
        stage.resume()


def test_a_client_that_vanishes_leaves_no_server(served: Served, there: FakeLauncher) -> None:
    session = Session(served.where)
    server = session.start("one", {"threads": 2})
    assert server.expect("ready", SOON_S)["port"] == 4711
    session.close()
    (started,) = there.programs
    wait_until(lambda: not started.running() and not psutil.pid_exists(started.pid))
    assert server.wait(SOON_S) == remote.CONNECTION_LOST and "was lost" in server.stderr_text()


def test_a_server_is_talked_to_as_if_it_were_here(served: Served) -> None:
    session = Session(served.where)
    server = session.start("one", {})
    try:
        assert server.running() and server.expect("ready", SOON_S)["pid"] == server.pid
        server.send("sample")
        assert server.expect("sample", SOON_S)["counters"]["requests"] == 1000
        server.close_stdin()
        assert server.expect("summary", SOON_S)["counters"]["requests"] == 2000
        assert server.wait(SOON_S) == 0 and server.stderr_text() == ""
        with pytest.raises(ProgramFailed, match="ended after"):
            server.expect("sample", SOON_S)
    finally:
        session.close()


def test_a_server_that_will_not_end_is_ended(
    served: Served, there: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "STOP_S", 0.1)
    there.behaviour = lambda number: ("deaf to signals", "")
    session = Session(served.where)
    try:
        server = session.start("one", {})
        server.expect("ready", SOON_S)
        server.send("sample")
        server.expect("sample", SOON_S)
        server.close_stdin()
        assert (
            server.stop(1.0) == -signal.SIGTERM
        )  # it hears neither the end of its input nor SIGINT
        assert not session.lost
    finally:
        session.close()


@pytest.mark.parametrize(
    ("model", "options", "reason"),
    [
        ("three", {}, "three: the agent has no such model"),
        ("../one", {}, "the agent has no such model"),
        ("one", {"host": 0}, "one: must be numbers for its own options: host=0"),
        (
            "one",
            {"threads": "2 --host 0.0.0.0"},
            "must be numbers for its own options: threads='2 --host 0.0.0.0'",
        ),
        ("one", {"threads": True}, "must be numbers for its own options: threads=True"),
    ],
)
def test_nothing_but_its_models_is_started(
    served: Served, there: FakeLauncher, model: str, options: dict[str, Any], reason: str
) -> None:
    session = Session(served.where)
    try:
        with pytest.raises(Failure, match=reason):
            session.start(model, options)
        assert there.programs == []
    finally:
        session.close()


def refused(where: ServerHost) -> str:
    with pytest.raises(Failure) as caught:
        Session(where)
    text = str(caught.value)
    assert (
        text.startswith(f"{where.host}:{where.port}: ") and "\n" not in text and TOKEN not in text
    )
    return text.partition(": ")[2]


def test_who_does_not_know_the_token_gets_nothing(served: Served, there: FakeLauncher) -> None:
    assert (
        refused(replace(served.where, token="another-token-it-is"))
        == "wrong token; use the one that 'iomodels serve' printed at its start"
    )
    assert served.lines == ["127.0.0.1: refused: wrong token"] and TOKEN not in repr(served.where)
    with socket.create_connection(
        ("127.0.0.1", served.port)
    ) as raw:  # it continues without having introduced itself
        raw.sendall(b'{"do":"start","model":"one","options":{}}\n')
        raw.settimeout(SOON_S)
        said = b"".join(iter(lambda: raw.recv(4096), b"")).splitlines()
    assert [json.loads(line)["event"] for line in said] == [
        "greeting",
        "refused",
    ] and there.programs == []


def test_one_client_at_a_time(served: Served) -> None:
    first = Session(served.where)
    assert refused(served.where) == "already serves another client"
    first.close()
    wait_until(lambda: "127.0.0.1: gone" in served.lines)
    Session(served.where).close()


def test_who_says_nothing_keeps_nobody_waiting(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port)):
        Session(served.where).close()


@pytest.mark.parametrize("noise", [b"\xff\xfe\x00\n", b"[1]\n", b"{}\n", b'{"proof":7}\n'])
def test_noise_ends_a_connection_and_nothing_else(served: Served, noise: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        raw.sendall(noise)
        raw.settimeout(SOON_S)
        while raw.recv(4096):
            pass
    Session(served.where).close()


def test_another_version_is_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, both = iomodels.__version__, Channel.receive

    def older(self: Channel, within_s: float | None = None) -> dict[str, Any] | None:
        said = both(self, within_s)
        return {**said, "version": "0.0.9"} if said and said.get("event") == "greeting" else said

    monkeypatch.setattr(Channel, "receive", older)
    assert refused(served.where) == (
        f"the agent is iomodels 0.0.9 (format 1), this is {ours} (format 1); "
        "use the same version on both machines"
    )


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        text = refused(ServerHost("127.0.0.1", unused.getsockname()[1], TOKEN))
    assert (
        text.endswith("start 'iomodels serve' there, and let its firewall accept this port")
        and "cannot connect" in text
    )


@contextmanager
def stranger(says: bytes) -> Iterator[ServerHost]:
    """Something else that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(says)
                connection.settimeout(SOON_S)
                connection.recv(1)

        thread = threading.Thread(target=answer)
        thread.start()
        yield ServerHost("127.0.0.1", listener.getsockname()[1], TOKEN)
        thread.join(SOON_S)


@pytest.mark.parametrize("says", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b'{"event":"ready"}\n'])
def test_what_listens_is_something_else(says: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "GREETING_S", 0.2)
    with stranger(says) as where:
        assert refused(where) == "the program there is not 'iomodels serve'"


def test_a_port_that_is_taken(served: Served, there: FakeLauncher, tmp_path: Path) -> None:
    with pytest.raises(
        Failure, match=f"--host 127.0.0.1 --port {served.port}: cannot listen there: "
    ):
        Agent(there, tmp_path, tmp_path, "127.0.0.1", served.port, TOKEN, served.lines.append)
    with socket.socket() as other:
        other.bind(("127.0.0.1", served.agent.ports[0]))
        assert served.agent.free_port() == served.agent.ports[1]  # the one before is in use


def test_the_token_is_of_ones_own_or_new() -> None:
    assert agent_module.token_from("a-token-of-my-own") == "a-token-of-my-own"
    assert len(agent_module.token_from(None)) >= 32 and agent_module.token_from(
        ""
    ) != agent_module.token_from("")
    for wrong in (
        "short",
        "-begins-like-an-option",
        "with a blank in its middle",
        "ümlaute-in-seiner-mitte",
    ):
        with pytest.raises(ValueError):
            agent_module.token_from(wrong)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [("192.0.2.10", ("192.0.2.10", 9000)), ("lab-server:9100", ("lab-server", 9100))],
)
def test_where_the_servers_are(text: str, parsed: tuple[str, int]) -> None:
    assert parse_host(text) == parsed


@pytest.mark.parametrize(
    "text",
    ["", ":9000", "host:", "host:0", "host:65536", "host:http", "a b", "http://host", "::1", "-x"],
)
def test_where_no_servers_are(text: str) -> None:
    with pytest.raises(ValueError, match="must be a name or an IPv4 address"):
        parse_host(text)
