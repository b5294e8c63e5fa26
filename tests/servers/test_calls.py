"""What options and rules make of system calls, seen by a build that notes or alters them."""

from __future__ import annotations

import pytest

from client import DEADLINE_S, echo_frame
from running import Server
from test_resources import Faulty, faulty

__all__ = ["faulty"]


def calls_of(server: Server) -> dict[str, int]:
    """End a server with the fault `calls`; return the arguments that it reports."""
    server.until_connections(0)
    server.program.close_stdin()
    server.program.expect("summary", DEADLINE_S)
    assert server.program.wait(DEADLINE_S) == 0
    (line,) = server.program.stderr_text().splitlines()
    return {name: int(value) for name, value in (part.split(": ") for part in line.split(", "))}


def test_nagle_is_off_for_each_client(faulty: Faulty) -> None:
    """TCP_NODELAY is set once per client, as `ready` says."""
    server = faulty("calls")
    assert server is not None and server.ready["socket"]["nodelay"] is True
    for sequence in range(7):
        with server.connect() as client:
            client.check(echo_frame(10, sequence))
    assert calls_of(server)["nodelay"] == 7


@pytest.mark.models("iocp", because="the others have no --concurrency")
def test_concurrency_reaches_the_port(faulty: Faulty) -> None:
    """--concurrency is the value of the port; without it, the port gets the usable CPUs."""
    server = faulty("calls", concurrency=3, threads=5)
    assert server is not None
    assert calls_of(server)["concurrency"] == 3
    server = faulty("calls", threads=1)
    assert server is not None
    assert calls_of(server)["concurrency"] >= 1


@pytest.mark.models("threads", because="the others have no --stack-kb")
def test_stack_reaches_the_thread(faulty: Faulty) -> None:
    """--stack-kb is the size that a thread is created with, in KiB."""
    server = faulty("calls", stack_kb=512)
    assert server is not None
    with server.connect() as client:
        client.check(echo_frame(10))
    assert calls_of(server)["stack"] == 512 * 1024


@pytest.mark.models("select", "select_pool", because="the others do not call select()")
def test_select_may_return_another_order(faulty: Faulty) -> None:
    """select() returns the ready sockets in reverse order: all clients are served all the same."""
    server = faulty("order")
    assert server is not None
    clients = [server.connect() for _ in range(40)]
    for turn in range(5):
        frames = [echo_frame(3000 + number, 50 * turn + number) for number in range(40)]
        for client, frame in zip(clients, frames, strict=True):
            client.send(frame.request)
        for client, frame in zip(clients, frames, strict=True):
            assert client.receive(len(frame.reply)) == frame.reply
    for client in clients:
        client.close()
    assert server.until_connections(0)["counters"]["failures"] == 0
    server.end()
