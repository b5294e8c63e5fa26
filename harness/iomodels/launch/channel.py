"""The messages between a harness and `iomodels serve`: lines of JSON over one connection."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from iomodels.base.errors import Failure

FORMAT = 1
DEFAULT_PORT = 9000
PORTS = 16
"""Ports for the servers, after the agent's own. A finished server may keep its port busy for a
while."""
LINE_MAX_BYTES = 4 * 1024 * 1024
SLICE_S = 1.0
"""Seconds to wait for the other side, which is silent during a measuring window; also to send."""
CONNECT_S = 10.0
KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""Keep-alive: idle seconds, seconds per probe, and probes until a silent peer counts as lost."""


@dataclass(frozen=True)
class ServerHost:
    """Where `iomodels serve` listens."""

    host: str
    port: int
    token: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_host(text: str) -> tuple[str, int]:
    """Parse "192.0.2.10" or "lab-server:9100". Raises ValueError, one line."""
    found = re.fullmatch(r"([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))(?::([0-9]{1,5}))?", text)
    port = int(found[2] or DEFAULT_PORT) if found else 0
    if not found or not 1 <= port <= 65535:
        raise ValueError(
            f"{text}: must be a name or an IPv4 address, optionally with a port 1 … 65535 "
            f"(default: {DEFAULT_PORT}), as in 192.0.2.10:9000"
        )
    return found[1], port


def proof(token: str, nonce: str) -> str:
    return hmac.new(token.encode(), f"iomodels {nonce}".encode(), hashlib.sha256).hexdigest()


class Channel:
    """Messages over one connection: any thread may send, one receives."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(SLICE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            # before Windows 10 1709 some are refused, and the defaults of the system remain
            with suppress(AttributeError, OSError):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._connection = connection
        self._sending = threading.Lock()
        self._rest = b""
        self.peer, self.own = str(connection.getpeername()[0]), str(connection.getsockname()[0])

    def send(self, **message: Any) -> None:
        """Send a message. Raises OSError if the other side is gone or accepts nothing."""
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        with self._sending:
            self._connection.sendall(data)

    def receive(self, within_s: float | None = None) -> dict[str, Any] | None:
        """Return the next message; None at the end of the connection.

        Raises TimeoutError, and ValueError for anything that is no message.
        """
        began = time.monotonic()
        while b"\n" not in self._rest:
            if within_s is not None and time.monotonic() - began > within_s:
                raise TimeoutError(f"no word within {within_s:g} s")
            if len(self._rest) > LINE_MAX_BYTES:
                raise ValueError("a line without an end")
            try:
                more = self._connection.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:  # reset, or closed by another thread here
                return None
            if not more:
                return None
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("not an object")
        return message

    def close(self) -> None:
        """Close the connection. This also wakes the receiving thread."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def connect(where: ServerHost) -> socket.socket:
    try:
        (address, *_) = socket.getaddrinfo(
            where.host, where.port, socket.AF_INET, socket.SOCK_STREAM
        )
    except OSError as error:
        raise Failure(f"{where}: no IPv4 address of that name: {error.strerror or error}") from None
    try:
        return socket.create_connection(address[4][:2], CONNECT_S)
    except OSError as error:
        why = error.strerror or str(error)
        raise Failure(
            f"{where}: cannot connect: {why}; start 'iomodels serve' there, "
            "and let its firewall accept this port"
        ) from None
