"""What every model owes a client that follows the protocol: the right bytes, all, in order."""

from __future__ import annotations

import re
import socket
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st

from client import PAYLOAD_MAX, WORK_MAX_US, Client, Frame, assert_same, echo_frame
from running import Server, Start

BUFFER = 4096
EDGES = (0, 1, 2, 23, 24, 25, 100, 65_535, 65_536, 65_537, PAYLOAD_MAX - 1, PAYLOAD_MAX)
INTERFACE = Path(__file__).resolve().parent.parent.parent / "docs" / "interface.md"


def buffer_edges(buffer: int) -> list[int]:
    """Return payload sizes at which a frame or its payload exactly fills 1, 2 or 3 buffers, ± 1."""
    ends = [buffers * buffer - header for buffers in (1, 2, 3) for header in (0, 24, 48)]
    return sorted({size + beside for size in ends for beside in (-1, 0, 1)})


def test_echo_is_byte_exact(server: Server) -> None:
    """Payloads of 0 B to 1 MiB return unchanged, three times each, with any sequence number."""
    with server.connect() as client:
        for size in EDGES:
            for sequence in (0, 1, 2**32 - 1):
                client.check(echo_frame(size, sequence))


@pytest.mark.parametrize("buffer", ["smallest", BUFFER, "default"])
def test_echo_at_the_edges_of_the_buffer(
    start: Start, options: dict[str, dict[str, Any]], buffer: int | str
) -> None:
    """Frames that exactly fill 1, 2 or 3 buffers, ± 1 byte, are answered alone and in a row."""
    size = {"smallest": options["buffer"]["min"], "default": options["buffer"]["default"]}.get(
        str(buffer), buffer
    )
    server = start(buffer=size)
    with server.connect() as client:
        for payload in buffer_edges(int(size)):
            client.check(echo_frame(payload, payload))
        client.check(*[echo_frame(payload, payload) for payload in buffer_edges(int(size))])


def test_reply_of_another_length(start: Start) -> None:
    """A shorter reply is cut off, a longer one filled with i mod 256; the next frame is intact."""
    server = start(buffer=BUFFER)
    with server.connect() as client:
        for size in (0, 1, 100, BUFFER - 25, BUFFER, BUFFER + 1, 100_000):
            lengths = {
                0,
                1,
                size // 2,
                max(size - 1, 0),
                size + 1,
                size + 300,
                BUFFER - 24,
                BUFFER,
                70_000,
                PAYLOAD_MAX,
            }
            for length in sorted(lengths):
                client.check(
                    Frame(echo_frame(size, length).payload, reply_length=length, sequence=length),
                    echo_frame(7),
                )


def test_pipelined_replies_come_in_order(server: Server) -> None:
    """500 frames of different sizes and lengths in one go, answered in the order of asking."""
    frames = [
        Frame(
            echo_frame(i * 37 % 900, i).payload,
            reply_length=None if i % 3 else i * 53 % 1200,
            sequence=i,
        )
        for i in range(500)
    ]
    with server.connect() as client:
        client.check(*frames)


@pytest.mark.parametrize("size", [200, 33_000])
def test_replies_stay_in_order_with_many_threads(
    start: Start, options: dict[str, dict[str, Any]], size: int
) -> None:
    """Several threads may serve a connection in turn, also long replies, if there is --threads."""
    server = start(
        **({"threads": min(8, options["threads"]["max"])} if "threads" in options else {})
    )
    clients = [server.connect() for _ in range(8)]
    count = (
        100 if size == 200 else 3
    )  # what the systems' buffers hold: all wait before anybody reads
    requests = [
        [echo_frame(size + 61 * number, 1000 * number + i) for i in range(count)]
        for number in range(8)
    ]
    for client, frames in zip(clients, requests, strict=True):
        client.send(b"".join(frame.request for frame in frames))
    for client, frames in zip(clients, requests, strict=True):
        expected = b"".join(frame.reply for frame in frames)
        assert_same(client.receive(len(expected)), expected)
        client.close()


def test_many_frames_in_one_segment(server: Server) -> None:
    """50 frames of 24 + 4 bytes fit into one TCP segment; the last one ends inside a header."""
    frames = [echo_frame(4, i) for i in range(50)]
    last = echo_frame(4, 50)
    with server.connect() as client:
        client.check_segments(
            [b"".join(frame.request for frame in frames) + last.request[:13]], frames
        )
        client.check_segments([last.request[13:]], [last])


def test_one_byte_at_a_time(server: Server) -> None:
    """Each byte is sent after the server counted the last one: 32 receives, as TCP merges none."""
    frame = echo_frame(8, 77)
    with server.connect() as client:
        for count, byte in enumerate(frame.request, start=1):
            client.send(bytes([byte]))
            server.until_counted(bytes_received=count)
        assert_same(client.receive(len(frame.reply)), frame.reply)
    assert server.counters()["receives"] >= len(frame.request)


def test_one_byte_segments_in_a_row(server: Server) -> None:
    """Each byte is a segment, sent as fast as possible; one receive may return several."""
    frames = [echo_frame(150, 1), Frame(b"", reply_length=40, sequence=2), echo_frame(150, 3)]
    stream = b"".join(frame.request for frame in frames)
    with server.connect() as client:
        client.check_segments([stream[i : i + 1] for i in range(len(stream))], frames)


def test_any_frames_in_any_segments(start: Start, seed: int) -> None:
    """Property: however a stream of frames is cut into segments, the replies are the same bytes."""
    server = start(buffer=BUFFER)
    sizes = st.one_of(
        st.integers(0, 64), st.integers(0, 3 * BUFFER), st.sampled_from(buffer_edges(BUFFER))
    )
    frames = st.lists(
        st.builds(frame_of, sizes, st.none() | sizes, st.integers(0, 2**32 - 1)),
        min_size=1,
        max_size=12,
    )
    cuts = st.lists(st.floats(0, 1), max_size=30)

    @hypothesis_seed(seed)
    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(frames, cuts)
    def check(frames: list[Frame], cuts: list[float]) -> None:
        stream = b"".join(frame.request for frame in frames)
        places = sorted({0, len(stream), *(int(cut * len(stream)) for cut in cuts)})
        with server.connect() as client:
            client.check_segments([stream[a:b] for a, b in pairwise(places)], frames)

    check()


def frame_of(size: int, reply_length: int | None, sequence: int) -> Frame:
    return Frame(
        echo_frame(size, sequence % 1000).payload, reply_length=reply_length, sequence=sequence
    )


@pytest.mark.parametrize(
    "work", [{"cpu_us": 60_000}, {"block_us": 60_000}, {"cpu_us": 40_000, "block_us": 40_000}]
)
def test_work_is_done_before_the_reply(server: Server, work: dict[str, int]) -> None:
    """The reply is never complete before the work's time has passed. There is no upper bound."""
    frame = Frame(b"work", sequence=5, **work)
    with server.connect() as client:
        client.check(echo_frame(4))
        started = time.perf_counter()  # monotonic() ticks at 16 ms on Windows
        client.check(frame)
        assert time.perf_counter() - started >= sum(work.values()) / 1e6


def test_cpu_work_uses_the_cpu_and_blocking_does_not(server: Server) -> None:
    """Requests that use 0.2 s of CPU time use less than half of it if they block instead.

    Wine counts CPU time in steps of 10 ms, and other programs may use the machine as well. So the
    test sends as many requests as it takes.
    """
    requests = 0
    with server.connect() as client:
        begin_ns = cpu_ns(server)
        while (spun_ns := cpu_ns(server) - begin_ns) < 200e6 and requests < 40:
            client.check(Frame(b"x", cpu_us=50_000))
            requests += 1
        for _ in range(requests):
            client.check(Frame(b"x", block_us=50_000))
        blocked_ns = cpu_ns(server) - begin_ns - spun_ns
    assert spun_ns >= 200e6
    assert blocked_ns < spun_ns / 2


def cpu_ns(server: Server) -> int:
    process = server.sample()["process"]
    return int(process["cpu_user_ns"] + process["cpu_kernel_ns"])


def test_work_of_a_later_request_does_not_hold_back_an_earlier_reply(server: Server) -> None:
    """An earlier reply leaves when it is ready, even if the working request is in its segment."""
    quick, slow = echo_frame(10, 1), Frame(b"slow", block_us=WORK_MAX_US, sequence=2)
    with server.connect() as client:
        started = time.monotonic()
        first = client.exchange([quick.request + slow.request], 1)
        client_saw_first_s = time.monotonic() - started
        rest = client.receive(len(quick.reply) + len(slow.reply) - len(first))
        both_s = time.monotonic() - started
    assert_same(first + rest, quick.reply + slow.reply)
    assert both_s - client_saw_first_s >= 0.2, "the first reply came with the second"


def test_ten_line_client_of_the_documentation(server: Server) -> None:
    """The client of docs/interface.md, run as it is printed there."""
    found = re.search(r"```python\n(.*?)```", INTERFACE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "docs/interface.md has no Python example"
    names: dict[str, Any] = {}
    exec(compile(found[1], str(INTERFACE), "exec"), names)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        for size in (0, 5, 10_000):
            frame = echo_frame(size, 42)
            assert_same(names["call"](connection, frame.payload, 42), frame.reply)


@pytest.mark.parametrize("size", [0, 1000, 60_000])
def test_half_close_is_answered_to_the_end(server: Server, size: int) -> None:
    """A client that sends requests and then FIN gets every reply, then FIN; none is truncated."""
    frames = [echo_frame(size, i) for i in range(40)]
    expected = b"".join(frame.reply for frame in frames)
    with server.connect() as client:
        assert_same(
            client.exchange(
                [b"".join(frame.request for frame in frames)], len(expected), half_close=True
            ),
            expected,
        )
        assert client.receive(1) == b"", "the server did not end the connection"
    counters = server.until_connections(0)["counters"]
    assert (counters["requests"], counters["truncated"], counters["closed"]) == (40, 0, 1)


def test_client_of_large_frames_beside_small_ones(server: Server) -> None:
    """A megabyte that streams through does not mix with other connections' bytes."""
    large, small = server.connect(), server.connect()
    frames = [echo_frame(PAYLOAD_MAX, i) for i in range(3)]
    stream = b"".join(frame.request for frame in frames)
    received = bytearray()
    for at in range(0, len(stream), 150_000):
        received += large.exchange([stream[at : at + 150_000]], 0)
        small.check(echo_frame(500, at))
    expected = b"".join(frame.reply for frame in frames)
    received += large.receive(len(expected) - len(received))
    assert_same(bytes(received), expected)
    large.close()
    small.close()


def test_receiving_client_is_independent_of_other_connections(server: Server) -> None:
    """Two clients whose frames differ only in content, interleaved byte for byte."""
    clients: list[Client] = [server.connect() for _ in range(2)]
    frames = [echo_frame(64, number + 1) for number in range(2)]
    for at in range(len(frames[0].request)):
        for client, frame in zip(clients, frames, strict=True):
            client.send(frame.request[at : at + 1])
    for client, frame in zip(clients, frames, strict=True):
        assert_same(client.receive(len(frame.reply)), frame.reply)
        client.close()
