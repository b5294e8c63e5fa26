"""Options do what they say, alone and together, and every setting serves the same bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from client import Client, Frame, assert_same, echo_frame, visit
from pump import Pump
from running import Server, Start

COMMON = {"port", "max-conns", "buffer", "backlog"}
MOST = 8
"""Threads, operations or packets of a setting: enough to differ from one."""
STACK_KIB = 128


def settings(described: dict[str, Any]) -> Iterator[dict[str, int]]:
    """Yield settings: each option of the model's own at two values alone, then all together.

    A model without an option of its own has its default only.
    """
    own = [option for option in described["options"] if option["name"] not in COMMON]
    together: dict[str, int] = {}
    for option in own:
        name = option["name"].replace("-", "_")
        most = min(option["max"], STACK_KIB if option["unit"] == "KiB" else MOST)
        needs = {"threads": most} if name == "min_threads" else {}
        for value in sorted({option["min"], most} - {option["default"]}):
            yield {name: value, **needs}
        together[name] = most
    yield together


def test_every_setting_serves_the_right_bytes(start: Start, described: dict[str, Any]) -> None:
    """Pipelined, long, empty and working frames, with each option alone and with all together."""
    frames = [
        *(echo_frame(37 * number % 900, number) for number in range(100)),
        echo_frame(200_000, 100),
        Frame(b"", reply_length=100_000, sequence=101),
        Frame(b"work", cpu_us=100, block_us=100, sequence=102),
        Frame(sequence=103),
    ]
    for setting in settings(described):
        server = start(**setting)
        for _ in range(2):
            with server.connect() as client:
                client.check(*frames)
                client.check(*frames)
        server.until_connections(0)
        server.end()


def test_every_setting_answers_a_half_closed_client(
    start: Start, described: dict[str, Any]
) -> None:
    """FIN follows the requests: every reply arrives, and then the end, with each setting."""
    frames = [echo_frame(20_000, number) for number in range(20)]
    expected = b"".join(frame.reply for frame in frames)
    for setting in settings(described):
        server = start(**setting)
        with server.connect() as client:
            requests = b"".join(frame.request for frame in frames)
            assert_same(client.exchange([requests], len(expected), half_close=True), expected)
            assert client.receive(1) == b"", setting
        counters = server.until_connections(0)["counters"]
        assert (counters["requests"], counters["truncated"]) == (20, 0), setting
        server.end()


def test_every_setting_serves_a_crowd(start: Start, described: dict[str, Any]) -> None:
    """Short connections next to 66 that stay, with each setting.

    A pool serves as many clients as it has threads, so it gets fewer, and no others.
    """
    for setting in settings(described):
        server = start(**setting)
        bounded = bool(setting) and described["family"] == "blocking"
        staying: list[Client] = []
        for sequence in range(setting.get("threads", MOST) if bounded else 66):
            staying.append(server.connect())
            staying[-1].check(echo_frame(100, sequence))
        if not bounded:
            visit(server.port, 60, 10, quiet_every=7, reset_every=5)
        for sequence, client in enumerate(staying):
            client.check(echo_frame(200, sequence))
            client.close()
        assert server.until_connections(0)["counters"]["failures"] == 0, setting
        server.end()


def test_every_setting_stops_under_load(start: Start, described: dict[str, Any]) -> None:
    """stdin closes while eight clients pipeline: exit code 0 and balanced counters, each time."""
    for setting in settings(described):
        server = start(**setting)
        pumps = [Pump(server.port, [echo_frame(700, number)] * 5) for number in range(8)]
        server.until(lambda sample: sample["counters"]["requests"] >= 50, f"load with {setting}")
        counters = server.end()["counters"]
        assert counters["accepted"] == counters["closed"], setting
        for pump in pumps:
            pump.join()


def test_own_numbers_are_read_as_numbers(start: Start, described: dict[str, Any]) -> None:
    """Each setting is in force: `ready` names exactly the values that were given."""
    for setting in settings(described):
        server = start(**setting)
        given = {name.replace("_", "-"): value for name, value in setting.items()}
        assert given.items() <= server.ready["settings"].items()
        server.end()


@pytest.mark.parametrize("backlog", [200, 65_535])
def test_backlog(start: Start, backlog: int) -> None:
    """The least and the greatest backlog admit 150 clients that connect before any is served."""
    server = start(backlog=backlog)
    clients = [server.connect() for _ in range(150)]
    for sequence, client in enumerate(clients):
        client.check(echo_frame(50, sequence))
        client.close()
    assert server.until_connections(0)["counters"]["accepted"] == 150


def test_greatest_number_of_clients_may_be_asked_for(
    start: Start, options: dict[str, dict[str, Any]]
) -> None:
    """--max-conns at its upper bound: the server starts, serves and stops."""
    server = start(max_conns=options["max-conns"]["max"])
    with server.connect() as client:
        client.check(echo_frame(1000))


def test_host_is_the_only_address(start: Start) -> None:
    """--host 127.0.0.2: clients of that address are served, those of 127.0.0.1 are refused."""
    server = start(host="127.0.0.2")
    assert server.ready["host"] == "127.0.0.2"
    frame = echo_frame(100, 1)
    with socket.create_connection(("127.0.0.2", server.port), timeout=20) as client:
        client.sendall(frame.request)
        received = b""
        while len(received) < len(frame.reply):
            received += client.recv(1000) or pytest.fail("closed")
        assert_same(received, frame.reply)
    with pytest.raises(ConnectionRefusedError):
        Client(server.port)


def test_any_host_serves_every_address(start: Start) -> None:
    """--host 0.0.0.0: clients of several loopback addresses are served by one server."""
    server = start(host="0.0.0.0")
    frame = echo_frame(40, 2)
    for address in ("127.0.0.1", "127.0.0.2", "127.1.2.3"):
        with socket.create_connection((address, server.port), timeout=20) as client:
            client.sendall(frame.request)
            received = b""
            while len(received) < len(frame.reply):
                received += client.recv(1000) or pytest.fail("closed")
            assert_same(received, frame.reply)


def test_one_thread_serves_all(start: Start, described: dict[str, Any]) -> None:
    """With --threads 1, where a model has it, 30 clients are served while one request blocks."""
    names = {option["name"] for option in described["options"]}
    blocking = described["family"] == "blocking"
    server = start(**({"threads": 1} if "threads" in names and not blocking else {}))
    clients = [server.connect() for _ in range(30)]
    slow = Frame(b"slow", block_us=100_000, sequence=1)
    clients[0].send(slow.request)
    for sequence, client in enumerate(clients[1:]):
        client.check(echo_frame(100, sequence))
    assert_same(clients[0].receive(len(slow.reply)), slow.reply)
    for client in clients:
        client.close()


def test_two_servers_with_other_settings(start: Start) -> None:
    """One server refuses the second client, and the other server serves ten at that time."""
    small, large = start(max_conns=1, buffer=64), start(max_conns=100, buffer=65_536)
    stop = threading.Event()

    def ask(server: Server) -> None:
        with server.connect() as client:
            while not stop.wait(0.01):
                client.check(echo_frame(500, 3))

    with small.connect() as client:
        client.check(echo_frame(500, 1))
        threads = [threading.Thread(target=ask, args=(large,)) for _ in range(10)]
        for thread in threads:
            thread.start()
        with small.connect() as other:
            assert other.until_closed() == b""
        client.check(echo_frame(500, 2))
        large.until(lambda sample: sample["connections"] == 10, "ten are served")
        stop.set()
        for thread in threads:
            thread.join()
    assert small.until_counted(refused=1)["counters"]["accepted"] == 1
    assert large.until_connections(0)["counters"]["refused"] == 0


@pytest.mark.models("rio", because="the others do not poll")
def test_polling_thread_makes_no_call(start: Start) -> None:
    """With --polled an idle thread reads its queue and waits in no call, with and without clients.

    `waits` counts the returns of the call in which a model waits.
    """
    server = start(polled=1)
    with server.connect() as client:
        client.check(echo_frame(100, 1))
        before = server.until_connections(1)["counters"]["waits"]
        client.check(echo_frame(100, 2))
        assert server.until_counted(requests=2)["counters"]["waits"] == before
