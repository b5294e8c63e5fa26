"""Servers that do wrong, to see whether the load generator notices."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from client import DEADLINE_S

Behaviour = Callable[[socket.socket, bytes, int], bool]
"""Answer a request frame, given with its number on the connection (from 0); False ends it."""


def echo(connection: socket.socket, frame: bytes, number: int) -> bool:
    connection.sendall(frame)
    return True


def after(first: int, fault: Behaviour) -> Behaviour:
    """Right answers, and the fault from frame number `first` on."""
    return lambda connection, frame, number: (echo if number < first else fault)(
        connection, frame, number
    )


def wrong_byte(at: int) -> Behaviour:
    """Byte `at` of the frame differs in one bit (negative: from the end)."""

    def answer(connection: socket.socket, frame: bytes, number: int) -> bool:
        changed = bytearray(frame)
        changed[at] ^= 1
        connection.sendall(changed)
        return True

    return answer


def twice(connection: socket.socket, frame: bytes, number: int) -> bool:
    connection.sendall(frame + frame)
    return True


def too_short(connection: socket.socket, frame: bytes, number: int) -> bool:
    connection.sendall(frame[:-1])
    return False


def reset(connection: socket.socket, frame: bytes, number: int) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def silence(connection: socket.socket, frame: bytes, number: int) -> bool:
    return True


def leave(connection: socket.socket, frame: bytes, number: int) -> bool:
    return False


@contextmanager
def fake_server(behaviour: Behaviour) -> Iterator[int]:
    """Serves each connection in a thread; yields the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        threading.Thread(target=_accept, args=(listener, behaviour), daemon=True).start()
        yield int(listener.getsockname()[1])
        with suppress(OSError):  # Windows refuses it, and closing ends accept() there
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, behaviour: Behaviour) -> None:
    try:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, behaviour), daemon=True).start()
    except OSError:
        pass  # the listener has been closed: the end


def _serve(connection: socket.socket, behaviour: Behaviour) -> None:
    connection.settimeout(DEADLINE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    number = 0
    try:
        with connection, connection.makefile("rb") as stream:
            while len(header := stream.read(24)) == 24:
                if not behaviour(
                    connection, header + stream.read(struct.unpack("<I", header[:4])[0]), number
                ):
                    stream.close()
                    break
                number += 1
    except OSError:
        pass  # the load generator has gone
