"""Try a server that is not ours: whether it echoes, which port is free, and who listens."""

from __future__ import annotations

import hashlib
import socket
import struct

import psutil

from iomodels.base.errors import Failure
from iomodels.plan.external import is_here

LOOPBACK = "127.0.0.1"
PROBE_BYTES = 64
PROBE_S = 10.0


def probe(name: str, where: tuple[str, int]) -> None:
    """Send one frame and read it back. Raises Failure, which says what came instead."""
    payload = hashlib.sha256(name.encode()).digest() * (PROBE_BYTES // 32)
    sent = struct.pack("<6I", PROBE_BYTES, PROBE_BYTES, 0, 0, 0, 0) + payload
    came = b""
    at = f"{where[0]}:{where[1]}"
    try:
        with socket.create_connection(where, PROBE_S) as connection:
            connection.settimeout(PROBE_S)
            connection.sendall(sent)
            while len(came) < len(sent):
                more = connection.recv(len(sent) - len(came))
                if not more:
                    raise Failure(
                        f"{name}: closed the connection after {len(came)} of {len(sent)} bytes; "
                        "it must send back all that it receives"
                    )
                came += more
    except TimeoutError:
        raise Failure(
            f"{name}: sent {len(came)} of {len(sent)} bytes back within {PROBE_S:g} s; "
            "it must send back all that it receives"
        ) from None
    except OSError as error:
        raise Failure(f"{name}: {at}: {error.strerror or error}") from None
    wrong = next((place for place, pair in enumerate(zip(sent, came)) if pair[0] != pair[1]), None)
    if wrong is not None:
        raise Failure(
            f"{name}: byte {wrong} of its answer is {came[wrong]:#04x}, and {sent[wrong]:#04x} was "
            "sent; it must send back all that it receives"
        )


def free_port() -> int:
    """Return a port that nothing uses now."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        port: int = found.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Return whether a program of this machine has that port already."""
    try:
        socket.create_connection((LOOPBACK, port), PROBE_S).close()
    except OSError:
        return False
    return True


def listener(where: tuple[str, int]) -> int:
    """Return the process that listens there, if it is on this machine and can be seen; else 0."""
    try:
        for each in psutil.net_connections(kind="tcp"):
            listens = each.status == psutil.CONN_LISTEN and each.laddr
            if listens and each.laddr.port == where[1] and is_here(where[0]):
                return each.pid or 0
    except (psutil.Error, OSError):
        pass
    return 0
