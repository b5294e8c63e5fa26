"""Frames that are cut, joined or empty: the stream decides, never the segments."""

from __future__ import annotations

import time

import pytest

from client import PAYLOAD_MAX, Client, Frame, assert_same, echo_frame, header
from running import Bystander, Server, Start

BUFFER = 4096
HEADER = 24
GREETING = 3 * 124
"""Bytes that a bystander has sent before the test."""


@pytest.mark.parametrize("cut", [1, 4, 8, 12, 16, 20, 23])
def test_header_cut_in_a_field(server: Server, cut: int) -> None:
    """The server has received a part of a header, field by field, before the rest is sent."""
    frame = Frame(echo_frame(300, cut).payload, reply_length=500, cpu_us=1, sequence=2**32 - cut)
    with server.connect() as client:
        client.send(frame.request[:cut])
        server.until_counted(bytes_received=cut)
        assert_same(client.exchange([frame.request[cut:]], len(frame.reply)), frame.reply)


@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_segment_ends_at_the_end_of_the_buffer(start: Start, beside: int) -> None:
    """The first segment fills the buffer, ± 1 byte, in the middle of a payload; then the rest."""
    server = start(buffer=BUFFER)
    frames = [echo_frame(3 * BUFFER, 5), echo_frame(10, 6)]
    stream = b"".join(frame.request for frame in frames)
    expected = b"".join(frame.reply for frame in frames)
    with server.connect() as client:
        received = client.exchange([stream[: BUFFER + beside]], 0)
        server.until_counted(bytes_received=BUFFER + beside)
        received += client.exchange([stream[BUFFER + beside :]], len(expected) - len(received))
    assert_same(received, expected)


@pytest.mark.parametrize("count", [1, 1000])
def test_frames_without_payload(server: Server, count: int) -> None:
    """A frame may be a header only. Its reply is a header, also a thousand times in a row."""
    with server.connect() as client:
        client.check(*[Frame(sequence=number) for number in range(count)])
    counters = server.until_connections(0)["counters"]
    assert (counters["requests"], counters["bytes_sent"]) == (count, count * HEADER)


def test_long_requests_with_empty_replies(server: Server) -> None:
    """Four megabytes come and four headers leave, in one go."""
    frames = [
        Frame(echo_frame(PAYLOAD_MAX, number).payload, reply_length=0, sequence=number)
        for number in range(4)
    ]
    with server.connect() as client:
        client.check(*frames)
    counters = server.until_connections(0)["counters"]
    assert counters["bytes_received"] == 4 * (PAYLOAD_MAX + HEADER)


def test_empty_requests_with_long_replies(server: Server) -> None:
    """Four headers come in one segment and four megabytes leave."""
    with server.connect() as client:
        client.check(*[Frame(reply_length=PAYLOAD_MAX, sequence=number) for number in range(4)])
    counters = server.until_connections(0)["counters"]
    assert counters["bytes_sent"] == 4 * (PAYLOAD_MAX + HEADER)


def test_long_frame_through_the_smallest_buffer(start: Start) -> None:
    """A frame of 10,000 bytes passes a buffer of 64 bytes, and so do 50 small ones after it."""
    server = start(buffer=64)
    with server.connect() as client:
        client.check(echo_frame(10_000, 1), *[echo_frame(30, number) for number in range(50)])


def test_largest_buffer(start: Start) -> None:
    """5 MiB in frames of 1 MiB pass a buffer of 16 MiB."""
    server = start(buffer=16 << 20)
    with server.connect() as client:
        client.check(*[echo_frame(PAYLOAD_MAX, number) for number in range(5)])


@pytest.mark.parametrize("size", [100, 1000, 65_536, 1 << 20])
def test_buffers_of_any_size(start: Start, size: int) -> None:
    """Small, odd and large buffers give the same bytes, and short and long replies, too."""
    server = start(buffer=size)
    frames = [
        echo_frame(0, 1),
        echo_frame(size, 2),
        Frame(echo_frame(2 * size % PAYLOAD_MAX, 3).payload, reply_length=7, sequence=3),
        Frame(b"", reply_length=size + 1 if size < PAYLOAD_MAX else PAYLOAD_MAX, sequence=4),
        echo_frame(1, 5),
    ]
    with server.connect() as client:
        for frame in frames:
            client.check(frame)
        client.check(*frames)


def test_work_of_pipelined_requests_adds_up(server: Server) -> None:
    """Six requests in one segment block for 20 ms each: their replies take at least 120 ms."""
    frames = [Frame(b"work", block_us=20_000, sequence=number) for number in range(6)]
    with server.connect() as client:
        client.check(echo_frame(4))
        begun = time.perf_counter()
        client.check(*frames)
        assert time.perf_counter() - begun >= 0.12


@pytest.mark.parametrize("cut", [1, 12, 23])
def test_malformed_header_in_two_segments(server: Server, bystander: Bystander, cut: int) -> None:
    """A bad header is found once it is whole. The reply before it arrives, and it counts once."""
    good, bad = echo_frame(300, 9), header(flags=1)
    with server.connect() as client:
        received = client.exchange([good.request + bad[:cut]], len(good.reply))
        server.until_counted(bytes_received=GREETING + len(good.request) + cut, protocol_errors=0)
        client.send(bad[cut:])
        assert_same(received + client.until_closed(), good.reply)
    bystander.check()
    assert server.until_connections(1)["counters"]["protocol_errors"] == 1


def test_two_clients_in_step(server: Server) -> None:
    """Two clients send halves of frames in turns, each half after the server has the other's."""
    clients: list[Client] = [server.connect() for _ in range(2)]
    sent = 0
    for turn in range(10):
        frames = [echo_frame(200 + turn, 10 * turn + number) for number in range(2)]
        half = len(frames[0].request) // 2
        for part in (slice(None, half), slice(half, None)):
            for client, frame in zip(clients, frames, strict=True):
                client.send(frame.request[part])
                sent += len(frame.request[part])
                server.until_counted(bytes_received=sent)
        for client, frame in zip(clients, frames, strict=True):
            assert_same(client.receive(len(frame.reply)), frame.reply)
    for client in clients:
        client.close()
