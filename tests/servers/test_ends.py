"""Connections that end at odd moments: half-closed, reset or closed while something is due."""

from __future__ import annotations

import socket

import pytest

from client import PAYLOAD_MAX, Client, Frame, assert_same, echo_frame
from running import Bystander, Server, Start


def test_half_close_without_a_byte(server: Server, bystander: Bystander) -> None:
    """A client connects and sends FIN only: the server closes, and nothing is an error."""
    with server.connect() as client:
        client.socket.shutdown(socket.SHUT_WR)
        assert client.until_closed() == b""
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert (counters["accepted"], counters["closed"]) == (2, 1)
    assert counters["truncated"] == counters["resets"] == counters["failures"] == 0


@pytest.mark.parametrize(("size", "count"), [(PAYLOAD_MAX, 4), (2000, 200)])
def test_half_close_before_anything_is_read(server: Server, size: int, count: int) -> None:
    """FIN is there while most replies are unsent. The client then reads, and gets all of them."""
    frames = [Frame(b"", reply_length=size, sequence=number) for number in range(count)]
    expected = b"".join(frame.reply for frame in frames)
    with Client(server.port, receive_buffer=4096) as client:
        client.send(b"".join(frame.request for frame in frames))
        client.socket.shutdown(socket.SHUT_WR)
        server.until(lambda sample: sample["counters"]["bytes_received"] > 0, "requests came")
        assert_same(client.until_closed(), expected)
    counters = server.until_connections(0)["counters"]
    assert (counters["requests"], counters["truncated"]) == (count, 0)


@pytest.mark.parametrize("part", [1, 24, 60])
def test_half_close_behind_whole_frames(server: Server, part: int) -> None:
    """20 whole frames and a part of one, then FIN: 20 replies arrive, and one is truncated."""
    frames = [echo_frame(5000, number) for number in range(20)]
    cut = Frame(echo_frame(5000, 99).payload, reply_length=0, sequence=99)
    expected = b"".join(frame.reply for frame in frames)
    stream = b"".join(frame.request for frame in frames) + cut.request[:part]
    with server.connect() as client:
        received = client.exchange([stream], len(expected), half_close=True)
        received += client.until_closed()
    assert_same(received[: len(expected)], expected)
    assert cut.reply.startswith(received[len(expected) :])
    counters = server.until_connections(0)["counters"]
    assert (counters["requests"], counters["truncated"]) == (20, 1)


def test_many_half_closes_together(server: Server) -> None:
    """50 clients have sent requests and FIN before any reads: each gets its own replies."""
    clients = [server.connect() for _ in range(50)]
    expected = []
    for number, client in enumerate(clients):
        frames = [echo_frame(900 + number, 100 * number + turn) for turn in range(5)]
        client.send(b"".join(frame.request for frame in frames))
        client.socket.shutdown(socket.SHUT_WR)
        expected.append(b"".join(frame.reply for frame in frames))
    for client, replies in zip(clients, expected, strict=True):
        assert_same(client.until_closed(), replies)
        client.close()
    counters = server.until_connections(0)["counters"]
    assert (counters["closed"], counters["requests"], counters["truncated"]) == (50, 250, 0)


def test_reset_after_a_half_close(server: Server, bystander: Bystander) -> None:
    """FIN, and then RST while megabytes are due: one connection ends, and it counts once."""
    client = server.connect()
    client.send(Frame(b"", reply_length=PAYLOAD_MAX).request * 20)
    client.socket.shutdown(socket.SHUT_WR)
    client.receive(100_000)
    client.reset()
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert (counters["closed"], counters["resets"], counters["failures"]) == (1, 1, 0)


@pytest.mark.parametrize("work", [{"block_us": 50_000}, {"cpu_us": 50_000}], ids=str)
@pytest.mark.parametrize("way", ["reset", "close"])
def test_client_leaves_during_its_work(
    server: Server, bystander: Bystander, work: dict[str, int], way: str
) -> None:
    """The handler is at work for five clients when they leave: no failure, and all are closed."""
    clients = [server.connect() for _ in range(5)]
    frame = Frame(b"work", sequence=1, **work)
    for client in clients:
        client.send(frame.request)
    server.until_counted(bytes_received=3 * 124 + 5 * len(frame.request))
    for client in clients:
        getattr(client, way)()
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert (counters["closed"], counters["failures"]) == (5, 0)
    assert counters["truncated"] == counters["protocol_errors"] == 0


def test_client_closes_without_reading(server: Server, bystander: Bystander) -> None:
    """30 clients send requests and close at the first reply byte, so TCP resets: no failure."""
    frames = [echo_frame(3000, number) for number in range(10)]
    for _ in range(30):
        with server.connect() as client:
            client.exchange([b"".join(frame.request for frame in frames)], 1)
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert (counters["closed"], counters["failures"]) == (30, 0)


def test_slot_of_a_reset_client_is_free_again(start: Start) -> None:
    """With --max-conns 2, a client resets ten times over, and the next one takes its slot."""
    server = start(max_conns=2)
    inside = Bystander(server)
    for sequence in range(10):
        client = server.connect()
        client.check(echo_frame(100, sequence))
        client.reset()
        server.until_connections(1)
    inside.check()
    assert server.counters()["refused"] == 0
    inside.close()


def test_stop_while_it_refuses(start: Start) -> None:
    """The server is full and 30 more clients knock while it stops: it ends well.

    Those inside leave first, so one that knocks may still get a slot.
    """
    server = start(max_conns=3)
    inside = [Bystander(server) for _ in range(3)]
    knocking = [server.connect() for _ in range(30)]
    counters = server.end()["counters"]
    assert counters["accepted"] == counters["closed"] >= 3
    for client in knocking:
        assert client.until_closed() == b""
        client.close()
    for other in inside:
        other.close()


def test_stop_while_replies_are_due_to_half_closed_clients(server: Server) -> None:
    """Ten clients sent FIN and read nothing of megabytes: the server stops all the same."""
    clients = [server.connect() for _ in range(10)]
    for client in clients:
        client.send(Frame(b"", reply_length=PAYLOAD_MAX).request * 10)
        client.socket.shutdown(socket.SHUT_WR)
    server.until(lambda sample: sample["counters"]["requests"] >= 10, "replies are due")
    counters = server.end()["counters"]
    assert counters["accepted"] == counters["closed"] == 10
    for client in clients:
        client.close()
