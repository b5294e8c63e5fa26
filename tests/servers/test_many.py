"""Many clients: all at once, one after the other, more than --max-conns, and more than one server."""

from __future__ import annotations

import threading

from client import DEADLINE_S, Client, assert_same, echo_frame
from conftest import Start
from running import Bystander, Server


def test_300_clients_at_once(server: Server) -> None:
    """All connected, all asking before anybody reads; each gets its own bytes, three times."""
    clients = [server.connect() for _ in range(300)]
    server.until_connections(300)
    for turn in range(3):
        frames = [echo_frame(50 + number % 200, 1000 * turn + number) for number in range(300)]
        for client, frame in zip(clients, frames, strict=True):
            client.send(frame.request)
        for client, frame in zip(clients, frames, strict=True):
            assert_same(client.receive(len(frame.reply)), frame.reply)
    for client in clients:
        client.close()
    counters = server.until_connections(0)["counters"]
    assert (counters["accepted"], counters["closed"], counters["requests"], counters["refused"]) == (300, 300, 900, 0)


def test_1000_short_connections(server: Server, bystander: Bystander) -> None:
    """Some say nothing, some leave with RST, most ask once; the server is back where it was."""
    for number in range(1000):
        client = server.connect()
        if number % 10 == 0:
            client.close()
        elif number % 10 == 1:
            client.check(echo_frame(20, number))
            client.reset()
        else:
            client.check(echo_frame(20, number))
            client.close()
    bystander.check()
    counters = server.until(lambda sample: sample["counters"]["accepted"] == 1001, "1001 accepted")["counters"]
    counters = server.until_connections(1)["counters"]
    assert counters["closed"] == 1000
    assert counters["requests"] == 6 + 900
    assert counters["failures"] == 0


def test_storm_from_several_threads(server: Server, bystander: Bystander) -> None:
    """Connections come and go in parallel, so that accepts, requests and closes overlap inside the server."""
    failures: list[BaseException] = []

    def visit(first: int) -> None:
        try:
            for number in range(first, first + 50):
                with server.connect() as client:
                    client.check(echo_frame(30, number))
        except BaseException as error:
            failures.append(error)

    visitors = [threading.Thread(target=visit, args=(first,), daemon=True) for first in range(0, 400, 50)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(3 * DEADLINE_S)
        assert not visitor.is_alive()
    assert not failures, failures[0]
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert (counters["accepted"], counters["closed"], counters["requests"]) == (401, 400, 406)


def test_next_client_beyond_max_conns_is_refused(start: Start) -> None:
    """At once and counted; those inside are not affected, and a slot that becomes free is used again."""
    server = start(max_conns=5)
    inside = [Bystander(server) for _ in range(5)]
    for refused in (1, 2, 3):
        with server.connect() as client:
            assert client.until_closed() == b""
        server.until_counted(refused=refused)
    for other in inside:
        other.check()
    inside.pop().close()
    server.until_connections(4)
    inside.append(Bystander(server))
    with server.connect() as client:
        assert client.until_closed() == b""
    counters = server.until_counted(refused=4)["counters"]
    assert (counters["accepted"], counters["closed"]) == (6, 1)
    for other in inside:
        other.check()
        other.close()
    assert server.end()["counters"]["accepted"] == 6


def test_max_conns_of_one(start: Start) -> None:
    server = start(max_conns=1)
    for sequence in range(5):
        with server.connect() as client:
            client.check(echo_frame(10, sequence))
            with server.connect() as other:
                assert other.until_closed() == b""
        server.until_connections(0)
    counters = server.counters()
    assert (counters["accepted"], counters["refused"], counters["closed"]) == (5, 5, 5)


def test_two_servers_at_once(start: Start) -> None:
    """Each has its port, its clients and its counters."""
    servers = [start(), start()]
    assert servers[0].port != servers[1].port
    clients = [Client(server.port) for server in servers]
    for sequence in range(20):
        for client in clients:
            client.check(echo_frame(100, sequence))
    clients[0].close()
    assert servers[0].end()["counters"]["requests"] == 20
    clients[1].check(echo_frame(100, 99))
    clients[1].close()
    assert servers[1].end()["counters"]["requests"] == 21
