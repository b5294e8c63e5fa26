"""Clients that reset, stay silent, never read or send garbage: no other client may notice."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from client import PAYLOAD_MAX, WORK_MAX_US, Client, Frame, assert_same, echo_frame, header, ready
from running import Bystander, Server, Start

MALFORMED = {
    f"{field}={value}": {field: value}
    for field, limit in (
        ("payload_length", PAYLOAD_MAX),
        ("reply_length", PAYLOAD_MAX),
        ("cpu_us", WORK_MAX_US),
        ("block_us", WORK_MAX_US),
        ("flags", 0),
    )
    for value in (limit + 1, 2**31 - 1, 2**31, 2**32 - 1)
}


CORPUS = Path(__file__).resolve().parent.parent / "fuzz" / "corpus" / "session"


def test_fuzz_corpus(server: Server, bystander: Bystander) -> None:
    """Each stream of the fuzz corpus, whole, byte by byte, or with FIN, ends its own connection."""
    streams = [
        path.read_bytes()[2:] for path in sorted(CORPUS.iterdir())
    ]  # the first two bytes steer the fuzzer
    assert streams
    for stream in streams:
        for segments in (
            [stream],
            [*(stream[i : i + 1] for i in range(min(30, len(stream)))), stream[30:]],
        ):
            with server.connect() as client:
                # The reset or the closed pipe: it had seen enough before the rest was sent.
                with suppress(ConnectionResetError, BrokenPipeError):
                    client.exchange(segments, 0, half_close=True)
                client.until_closed()
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert counters["closed"] == 2 * len(streams) and counters["failures"] == 0


def test_malformed_header_closes_the_connection(server: Server, bystander: Bystander) -> None:
    """A field is beyond its limit: earlier replies arrive, the connection ends, and it counts."""
    good = echo_frame(300, 9)
    for count, (fault, fields) in enumerate(MALFORMED.items(), start=1):
        with server.connect() as client:
            client.send(good.request + header(**fields))
            received = client.until_closed()
        assert received == good.reply, (
            f"{fault}: {len(received)} bytes came, {len(good.reply)} were due"
        )
        bystander.check()
        counters = server.until_connections(1)["counters"]
        assert (counters["protocol_errors"], counters["truncated"]) == (count, 0), fault


def test_limits_themselves_are_allowed(server: Server) -> None:
    """A header may have every field at its limit."""
    with server.connect() as client:
        client.check(
            Frame(
                b"",
                reply_length=PAYLOAD_MAX,
                cpu_us=WORK_MAX_US,
                block_us=WORK_MAX_US,
                sequence=2**32 - 1,
            )
        )
        client.check(Frame(echo_frame(PAYLOAD_MAX).payload, reply_length=0))
    assert server.counters()["protocol_errors"] == 0


@pytest.mark.parametrize("unread", [0, 10_000, 100_000])
def test_malformed_header_behind_large_replies(
    server: Server, bystander: Bystander, unread: int
) -> None:
    """Replies are outstanding when the error comes, and bytes follow it: the replies arrive.

    If a server only closes a socket that has unread bytes, Windows sends RST and drops its replies.
    The small receive buffer keeps some replies on the server's side until the client reads.
    """
    frames = [Frame(echo_frame(200, i).payload, reply_length=300_000, sequence=i) for i in range(2)]
    expected = b"".join(frame.reply for frame in frames)
    with Client(server.port, receive_buffer=4096) as client:
        client.send(b"".join(frame.request for frame in frames) + header(flags=1) + bytes(unread))
        server.until_counted(protocol_errors=1)
        bystander.check()
        assert_same(client.until_closed(), expected)
    bystander.check()
    server.until_connections(1)


@pytest.mark.parametrize("kind", ["noise", "http", "zero flags byte", "tls"])
def test_garbage(server: Server, bystander: Bystander, seed: int, kind: str) -> None:
    """Noise, HTTP, TLS: a protocol error, and the end of that connection only."""
    noise = bytearray(random.Random(seed).randbytes(5000))
    noise[20] |= 1  # flags are not 0, whatever the rest happens to be
    garbage = {
        "noise": bytes(noise),
        "http": b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
        "zero flags byte": b"\xff" * 20 + b"\x00" * 4,
        "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    }[kind]
    with server.connect() as client:
        client.send(garbage)
        assert client.until_closed() == b""
    bystander.check()
    assert server.until_connections(1)["counters"]["protocol_errors"] == 1


@pytest.mark.parametrize("sent", [1, 23, 24, 24 + 50])
@pytest.mark.parametrize("way", ["close", "half-close"])
def test_end_inside_a_frame_is_counted(
    server: Server, bystander: Bystander, sent: int, way: str
) -> None:
    """FIN comes inside a header, after it, or inside the payload. The reply may have begun."""
    good, cut = echo_frame(10, 1), echo_frame(100, 2)
    with server.connect() as client:
        received = client.exchange([good.request + cut.request[:sent]], len(good.reply))
        server.until_counted(
            bytes_received=3 * 124 + len(good.request) + sent
        )  # all of it, the bystander's included
        if way == "half-close":
            client.socket.shutdown(socket.SHUT_WR)
            received += client.until_closed()
        assert received.startswith(good.reply)
        assert (good.reply + cut.reply).startswith(received) and len(received) < len(
            good.reply + cut.reply
        )
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert counters["truncated"] == 1
    assert (counters["requests"], counters["protocol_errors"]) == (7, 0)  # 6 are the bystander's


def test_end_between_frames_is_no_error(server: Server) -> None:
    """A client that leaves after its replies, or sends nothing, counts as closed only."""
    with server.connect() as client:
        client.check(echo_frame(10))
    server.connect().close()
    counters = server.until(lambda sample: sample["counters"]["closed"] == 2, "2 closed")[
        "counters"
    ]
    assert (
        counters["truncated"],
        counters["resets"],
        counters["failures"],
        counters["protocol_errors"],
    ) == (0, 0, 0, 0)


@pytest.mark.wine_hides(
    "a receive after RST returns 0 bytes, as after FIN: not every reset is counted as one"
)
def test_reset_while_idle(server: Server, bystander: Bystander) -> None:
    """The connection goes, the others stay, and nothing but a reset may be counted.

    Wine 8 shows a reset that came before the receive as a plain end.
    """
    client = server.connect()
    client.check(echo_frame(10))
    client.reset()
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert counters["closed"] == 1
    assert counters["resets"] <= 1
    assert (counters["truncated"], counters["failures"], counters["protocol_errors"]) == (0, 0, 0)


def test_reset_before_the_accept(server: Server, bystander: Bystander) -> None:
    """300 clients reset immediately after they connect: none is a failure of the server."""
    for _ in range(300):
        server.connect().reset()
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert counters["failures"] == 0
    assert counters["accepted"] + counters["aborted"] <= 1 + 300


def test_reset_in_the_middle_of_a_reply(server: Server, bystander: Bystander) -> None:
    """The client requests megabytes and resets after one; the failed send counts as a reset."""
    client = server.connect()
    frame = Frame(b"", reply_length=PAYLOAD_MAX)
    client.exchange([frame.request * 40], 200_000)
    client.reset()
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert counters["closed"] == 1
    assert (counters["resets"], counters["failures"]) == (1, 0)


@pytest.mark.wine_hides(
    "a receive after RST returns 0 bytes, as after FIN: not every reset is counted as one"
)
def test_reset_inside_a_request(server: Server, bystander: Bystander) -> None:
    """It is counted as a reset or, when it looks like the end of the stream, as truncated."""
    client = server.connect()
    client.send(echo_frame(100).request[:60])
    server.until_counted(bytes_received=3 * 124 + 60)
    client.reset()
    counters = server.until_connections(1)["counters"]
    assert counters["resets"] + counters["truncated"] == 1
    assert counters["failures"] == 0


def test_slow_loris(server: Server, bystander: Bystander) -> None:
    """20 clients send a byte every few milliseconds; others are served meanwhile, all later."""
    frames = [echo_frame(60, number) for number in range(20)]
    clients = [server.connect() for _ in frames]
    for at in range(len(frames[0].request)):
        for client, frame in zip(clients, frames, strict=True):
            client.send(frame.request[at : at + 1])
        if at % 10 == 0:
            bystander.check()
        time.sleep(0.003)
    for client, frame in zip(clients, frames, strict=True):
        assert_same(client.receive(len(frame.reply)), frame.reply)
        client.close()
    assert server.until_connections(1)["counters"]["truncated"] == 0


@pytest.mark.wine_hides(
    "shutdown() and closing the port wake no pending receive; servers here use CancelIoEx"
)
def test_silent_clients(server: Server) -> None:
    """They send nothing, or part of a header: others are served, and the server still stops."""
    bystander = Bystander(server)
    silent = [server.connect() for _ in range(10)]
    for client in silent[:5]:
        client.send(b"\x05")
    server.until_connections(11)
    bystander.check()
    assert server.end()["counters"]["accepted"] == 11
    for client in silent:
        assert client.until_closed() == b""
        client.close()
    bystander.close()


MEMORY_SLACK_BYTES = 2 * 2**20
"""Growth allowed besides the buffers of connections: C library, kernel buffers, touched stacks."""


def test_client_that_never_reads(start: Start) -> None:
    """Four clients send up to 64 MiB each and read nothing; memory grows by 2 buffers each + 2 MiB.

    The server stops reading instead of storing replies: it has received at most two buffers more
    than it has sent. It serves others, and such a client gets all its replies once it reads.
    """
    buffer = 65_536
    server = start(buffer=buffer)
    bystander = Bystander(server)
    frame = echo_frame(65_536 - 24)
    stream = memoryview(frame.request * 1024)
    clients = [server.connect() for _ in range(4)]
    for (
        client
    ) in clients:  # so that each one's buffers, and its thread if it has one, are there before
        client.check(frame)
    before = server.sample()
    sent = [send_what_goes(client, stream, bystander) for client in clients]
    after = server.sample()
    grown = after["process"]["working_set_bytes"] - before["process"]["working_set_bytes"]
    stored = after["counters"]["bytes_received"] - after["counters"]["bytes_sent"]
    assert max(sent) < len(stream), (
        f"the server took all {max(sent)} bytes, though no client read its replies"
    )
    assert stored <= len(clients) * 2 * buffer, f"{stored} bytes received and not answered"
    assert grown <= len(clients) * 2 * buffer + MEMORY_SLACK_BYTES, (
        f"the server grew by {grown} bytes for four clients"
    )
    whole = sent[0] // len(frame.request)
    rest = stream[sent[0] : (whole + 1) * len(frame.request)]
    expected = frame.reply * (whole + 1)
    assert_same(clients[0].exchange([bytes(rest)], len(expected)), expected)
    for client in clients:
        client.close()
    bystander.check()
    bystander.close()


def send_what_goes(client: Client, stream: memoryview, bystander: Bystander) -> int:
    """Sends until nothing has gone for a while, with the bystander served in between."""
    sent = 0
    last = time.monotonic()
    while sent < len(stream) and time.monotonic() - last < 0.3:
        if ready(client.socket, False, True, 0.05)[1]:
            sent += client.socket.send(stream[sent : sent + 262_144])
            last = time.monotonic()
        else:
            bystander.check()
    return sent


def test_clients_that_never_read_do_not_keep_the_server_from_stopping(server: Server) -> None:
    """The server stops although three replies of 40 MiB are outstanding and unread."""
    clients = [server.connect() for _ in range(3)]
    asked = Frame(b"", reply_length=PAYLOAD_MAX).request * 40
    for client in clients:
        client.send(asked)
    server.until(
        lambda sample: sample["counters"]["bytes_sent"] > 3 * 65_536, "outstanding replies"
    )
    server.end()
    for client in clients:
        client.close()


def test_slow_reader_gets_everything(start: Start) -> None:
    """A small receive buffer makes the server's sends partial; each reply continues correctly."""
    server = start(buffer=65_536)
    client = Client(server.port, receive_buffer=4096)
    frames = [echo_frame(300_000, i) for i in range(4)]
    expected = b"".join(frame.reply for frame in frames)
    received = client.exchange([b"".join(frame.request for frame in frames)[:100_000]], 1000)
    rest = b"".join(frame.request for frame in frames)[100_000:]
    received += client.exchange([rest], len(expected) - len(received))
    assert_same(received, expected)
    client.close()
