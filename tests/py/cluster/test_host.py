"""What a worker starts for a client: its own programs, for one client at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from iomodels.base.errors import Failure
from iomodels.base.locks import Held, locked, machine_lock
from iomodels.cluster import actor
from iomodels.cluster.actor import LOAD, SERVER, Host, Machine
from iomodels.launch.process import Program, ProgramFailed
from stage import FakeLauncher, Stage

SOON_S = 20.0
PORTS = range(29_900, 29_904)


@pytest.fixture
def there(stage: Stage) -> FakeLauncher:
    return stage.launcher


@pytest.fixture
def machine(stage: Stage, there: FakeLauncher) -> Iterator[Machine]:
    made = Machine(SERVER, stage.build, lambda native: there, lambda: {"laws": []}, PORTS)
    yield made
    made.close()
    assert not any(program.running() for program in there.programs)


def started(machine: Machine, model: str = "one", **options: Any) -> Any:
    machine.claim("a", False)
    return machine.start(model, options, machine.binaries([model]))


def test_a_server_is_talked_to_as_if_it_were_here(machine: Machine) -> None:
    started(machine, threads=2)
    assert machine.talk("expect", "ready", SOON_S)["port"] == 4711
    machine.watch("begin")
    machine.talk("send", "sample")
    assert machine.talk("expect", "sample", SOON_S)["counters"]["requests"] == 1000
    machine.watch("end")
    machine.talk("close_stdin")
    assert machine.talk("expect", "summary", SOON_S) and machine.talk("wait", SOON_S) == 0
    assert set(machine.watched()) == {"server"}


def test_the_machine_chooses_where_a_server_listens(machine: Machine, there: FakeLauncher) -> None:
    said = started(machine, port=0)
    assert there.started[0]["host"] == "127.0.0.1" and there.started[0]["port"] in PORTS
    assert said["argv"][-4:] == ["--port", str(there.started[0]["port"]), "--host", "127.0.0.1"]


def test_two_workers_of_a_machine_choose_different_ports(
    machine: Machine, stage: Stage, there: FakeLauncher
) -> None:
    """The servers here take no TCP port: a slow one has not taken its own yet, either."""
    other = Machine(SERVER, stage.build, lambda native: there, ports=PORTS)
    started(machine)
    started(other)
    first, second = (options["port"] for options in there.started)
    assert first != second
    machine.release()
    started(machine)
    assert there.started[2]["port"] == first
    other.close()


def test_only_the_program_that_the_run_began_with_is_started(
    machine: Machine, stage: Stage
) -> None:
    before = machine.binaries(["one"])
    (stage.build / "mingw/bin/one.exe").write_text("another", encoding="utf-8")
    machine.claim("a", False)
    with pytest.raises(Failure, match="not the one that the run began with"):
        machine.start("one", {}, before)
    assert stage.launcher.programs == []


def test_nothing_but_its_own_programs_is_started(machine: Machine, there: FakeLauncher) -> None:
    machine.claim("a", False)
    with pytest.raises(Failure, match="not the one that the run began with"):
        machine.start("../../bin/sh", {}, {})
    with pytest.raises(Failure, match="pid: no program runs that could do it"):
        machine.talk("pid")
    assert there.programs == []


def test_one_client_at_a_time(machine: Machine) -> None:
    started(machine)
    with pytest.raises(Failure, match="measures for another client"):
        machine.claim("b", False)
    machine.claim("a", False)
    machine.release()
    machine.claim("b", False)


def test_a_machine_measures_one_thing_at_a_time(machine: Machine, stage: Stage) -> None:
    refused = pytest.raises(Failure, match=r"another measurement runs there .*iomodels run models")
    with locked(machine_lock(), "iomodels run models"), refused:
        machine.claim("a", False)
    machine.claim("a", False)
    with pytest.raises(Held), locked(machine_lock(), "iomodels run models"):
        pass
    twin = Machine(LOAD, stage.build, lambda native: stage.launcher)
    twin.claim("a", False)  # another worker of the same machine, for the same client
    twin.close()
    machine.release()
    with locked(machine_lock(), "iomodels run models"):
        pass


def test_a_client_without_a_word_loses_its_server(
    machine: Machine, there: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(machine)
    assert not machine.expired()
    monkeypatch.setattr(actor, "LEASE_S", -1.0)
    machine.touch("b")
    assert not machine.expired()
    machine.touch("a")
    assert machine.expired()
    machine.claim("b", False)  # another client need not wait for the lease to be noticed
    assert not there.programs[0].running()


def test_a_client_that_ends_while_its_server_starts_leaves_none(
    machine: Machine, there: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is over before the start is complete, which no thread may then complete."""
    begun, go_on = threading.Event(), threading.Event()
    server = there.server

    def slow(model: str, options: Mapping[str, int | str]) -> Program:
        begun.set()
        go_on.wait(SOON_S)
        return server(model, options)

    monkeypatch.setattr(there, "server", slow)
    starting = threading.Thread(target=started, args=(machine,))
    starting.start()
    assert begun.wait(SOON_S)
    monkeypatch.setattr(actor, "LEASE_S", -1.0)
    machine.touch("a")
    ended: list[bool] = []
    ending = threading.Thread(target=lambda: ended.append(machine.end_lease()))
    ending.start()
    ending.join(0.3)
    go_on.set()
    for thread in (starting, ending):
        thread.join(SOON_S)
    assert ended == [True] and [each.running() for each in there.programs] == [False]
    assert not machine.end_lease()
    with pytest.raises(Failure, match="the machine is not reserved"):
        machine.start("one", {}, machine.binaries(["one"]))


def test_a_fresh_server_ends_the_one_before(machine: Machine, there: FakeLauncher) -> None:
    started(machine)
    started(machine, "two")
    assert [program.running() for program in there.programs] == [False, True]


def asked(host: Host, what: str, *words: Any) -> dict[str, Any]:
    return asyncio.run(host.ask(what, *words))


def test_answers_are_plain_data(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "MACHINE", machine)
    host, other = Host("a"), Host("b")
    assert asked(host, "models")["lost"] is True
    assert asked(host, "claim", False) == {"value": None}
    assert "another client" in asked(other, "claim", False)["failed"]
    assert asked(host, "models")["value"][0] == "fake-1.0"
    assert asked(host, "laws") == {"value": {"laws": []}}
    assert asked(host, "start", "three", {}, {})["code"] is None
    assert asked(host, "start", "one", {}, machine.binaries(["one"]))["value"]["pid"] > 0
    assert asyncio.run(host.touch()) > 0


def test_the_end_of_a_program_keeps_code_and_last_words(
    machine: Machine, there: FakeLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "MACHINE", machine)
    there.behaviour = lambda number: ("dies before ready", "")
    started(machine)
    said = asked(Host("a"), "talk", "expect", "ready", SOON_S)
    assert said["code"] == 3 and "address in use" in said["stderr"]
    with pytest.raises(ProgramFailed):
        machine.talk("expect", "ready", SOON_S)


def test_a_machine_without_a_build_says_so(stage: Stage, tmp_path: Path) -> None:
    for role in (SERVER, LOAD):
        machine = Machine(role, tmp_path / "none", lambda native: stage.launcher)
        with pytest.raises(Failure, match="none: has no programs; build them there first"):
            machine.binaries(["one"] if role == SERVER else [])


def test_a_load_machine_knows_its_load_generator_alone(stage: Stage) -> None:
    machine = Machine(LOAD, stage.build, lambda native: stage.launcher)
    assert [Path(path).stem for path in machine.binaries([])] == ["loadgen"]
    found = machine.facts([], 0.01)
    assert found["link"]["interface"] and set(found["harness"]) == {"version", "git"}
    assert {name for name, value in found.items() if value is None} <= set(found["reasons"])
    assert machine.cpus() >= 1
    machine.close()
