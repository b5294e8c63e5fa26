"""A client of the protocol, written from docs/interface.md §1 alone: no server shares its code."""

from __future__ import annotations

import errno
import select
import selectors
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType

PAYLOAD_MAX = 1_048_576
WORK_MAX_US = 250_000
DEADLINE_S = 20.0
"""The longest wait of a client. It suits a loaded machine, because time never decides a check."""

_FILLER = bytes(range(256)) * (PAYLOAD_MAX // 256)
_PATTERN = bytes((i * 131 + (i >> 8) * 17 + 7) & 255 for i in range(65_536)) * (
    PAYLOAD_MAX // 65_536 + 1
)


def pattern(size: int, seed: int = 0) -> bytes:
    """Return payload bytes that reveal a lost, repeated or moved byte, and are not the filler."""
    start = seed * 997 % 65_536
    return (
        _PATTERN[start : start + size]
        if start + size <= len(_PATTERN)
        else (_PATTERN[start:] + _PATTERN)[:size]
    )


@dataclass(frozen=True)
class Frame:
    payload: bytes = b""
    reply_length: int | None = None  # None: as long as the payload
    cpu_us: int = 0
    block_us: int = 0
    sequence: int = 0

    @property
    def request(self) -> bytes:
        return (
            header(len(self.payload), self._reply_length, self.cpu_us, self.block_us, self.sequence)
            + self.payload
        )

    @property
    def reply(self) -> bytes:
        """What the server must answer, byte for byte."""
        length = self._reply_length
        payload = self.payload[:length] + _FILLER[len(self.payload) : length]
        return header(length, length, self.cpu_us, self.block_us, self.sequence) + payload

    @property
    def _reply_length(self) -> int:
        return len(self.payload) if self.reply_length is None else self.reply_length


def header(
    payload_length: int = 0,
    reply_length: int = 0,
    cpu_us: int = 0,
    block_us: int = 0,
    sequence: int = 0,
    flags: int = 0,
) -> bytes:
    return struct.pack("<6I", payload_length, reply_length, cpu_us, block_us, sequence, flags)


def echo_frame(size: int, sequence: int = 0) -> Frame:
    return Frame(pattern(size, sequence), sequence=sequence)


def ready(waiting: socket.socket, receive: bool, send: bool, timeout_s: float) -> tuple[bool, bool]:
    """Wait for what is requested; return whether the socket can receive, and whether it can send.

    Uses poll where available, because select() rejects descriptors above 1,023.
    """
    if not hasattr(select, "poll"):
        readable, writable, _ = select.select(
            [waiting] * receive, [waiting] * send, [], max(timeout_s, 0)
        )
        return bool(readable), bool(writable)
    poll = select.poll()
    poll.register(waiting, (select.POLLIN if receive else 0) | (select.POLLOUT if send else 0))
    happened = dict(poll.poll(max(timeout_s, 0) * 1000)).get(waiting.fileno(), 0)
    lost = bool(happened & (select.POLLERR | select.POLLHUP))
    return receive and (lost or bool(happened & select.POLLIN)), send and (
        lost or bool(happened & select.POLLOUT)
    )


def _half_close(connected: socket.socket) -> None:
    """Send the FIN. Linux calls a socket that the peer has reset "not connected"."""
    try:
        connected.shutdown(socket.SHUT_WR)
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            raise ConnectionResetError(*error.args) from error
        raise


class Client:
    """One connection. It sends while it receives, so that early replies never block it."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE_S)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def exchange(self, segments: Iterable[bytes], want: int, *, half_close: bool = False) -> bytes:
        """Send each segment in a call of its own while receiving.

        Returns once all is sent and `want` bytes have arrived, or earlier if the server closes the
        connection. With `half_close`, FIN follows the last segment immediately.
        """
        deadline = time.monotonic() + DEADLINE_S
        waiting = iter(segments)
        segment = memoryview(next(waiting, b""))
        received = bytearray()
        while segment or len(received) < want:
            readable, writable = ready(
                self.socket, len(received) < want, bool(segment), deadline - time.monotonic()
            )
            assert readable or writable, (
                f"{len(received)} of {want} bytes within {DEADLINE_S:g} s, {len(segment)} unsent"
            )
            if writable:
                segment = segment[self.socket.send(segment) :] or memoryview(next(waiting, b""))
                if half_close and not segment:
                    _half_close(self.socket)
            if readable:
                piece = self.socket.recv(262_144)
                if not piece:
                    break
                received += piece
        return bytes(received)

    def send(self, data: bytes) -> None:
        self.exchange([data], 0)

    def receive(self, want: int) -> bytes:
        return self.exchange([], want)

    def check(self, *frames: Frame) -> None:
        """Pipelines the frames and compares every byte of the replies."""
        self.check_segments([b"".join(frame.request for frame in frames)], frames)

    def check_segments(self, segments: Iterable[bytes], frames: Iterable[Frame]) -> None:
        expected = b"".join(frame.reply for frame in frames)
        assert_same(self.exchange(segments, len(expected)), expected)

    def until_closed(self) -> bytes:
        """All that still comes until the server ends the connection, whether by FIN or by RST."""
        received = bytearray()
        try:
            while True:
                piece = self.receive(1)
                if not piece:
                    return bytes(received)
                received += piece
                while ready(self.socket, True, False, 0)[0] and (
                    piece := self.socket.recv(262_144)
                ):
                    received += piece
        except ConnectionResetError:
            return bytes(received)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def visit(
    port: int, visits: int, at_once: int, *, quiet_every: int = 0, reset_every: int = 0
) -> int:
    """Make short connections, `at_once` of them at a time; return how many sent a request.

    Each sends one request, checks the reply and leaves. Every `quiet_every`-th leaves silently;
    every `reset_every`-th leaves with RST after its reply.
    """
    with selectors.DefaultSelector() as waiting:
        begun = ended = asked = 0
        deadline = time.monotonic() + 6 * DEADLINE_S
        while ended < visits:
            while begun < visits and begun - ended < at_once:
                begun += 1
                client = Client(port)
                if quiet_every and begun % quiet_every == 0:
                    client.close()
                    ended += 1
                    continue
                frame = echo_frame(20 + begun % 50, begun)
                client.send(frame.request)
                asked += 1
                waiting.register(client.socket, selectors.EVENT_READ, (client, frame, begun))
            assert time.monotonic() < deadline, (
                f"{ended} of {visits} short connections were answered in time"
            )
            for key, _ in waiting.select(DEADLINE_S) if waiting.get_map() else []:
                client, frame, number = key.data
                waiting.unregister(client.socket)
                assert_same(client.receive(len(frame.reply)), frame.reply)
                client.reset() if reset_every and number % reset_every == 0 else client.close()
                ended += 1
    return asked


def assert_same(received: bytes, expected: bytes) -> None:
    """Says where the first difference is instead of printing megabytes."""
    if received == expected:
        return
    pairs = zip(received, expected, strict=False)
    at = next(
        (i for i, (left, right) in enumerate(pairs) if left != right),
        min(len(received), len(expected)),
    )
    raise AssertionError(
        f"{len(received)} bytes came, {len(expected)} were due; first difference at byte {at}: "
        f"came {received[at : at + 16].hex()}, due {expected[at : at + 16].hex()}"
    )
