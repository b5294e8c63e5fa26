"""What any echo server owes its clients: the right bytes, all, in order, and no matter who else.

These are the checks of tests/servers that need neither frames nor counters.
"""

from __future__ import annotations

import re
import time

import psutil
import pytest

from client import DEADLINE_S, Client, assert_same, echo_frame, pattern, ready, visit
from iomodels.launch.launcher import Launcher
from targets import MOST_THREADS, PAGE, Echo, Start, Target, failures, first_line, targets

MIB = 2**20
SIZES = (1, 2, 100, 16_383, 16_384, 16_385, 65_536, MIB - 1, MIB)
FACTS = re.compile(
    r"framework=\S+ version=\d+(\.\d+)+ threads=1\.\.\d+ nodelay=on "
    r"backlog=(4096|SOMAXCONN) buffer=16384( \w+=\S+)+"
)


def test_every_failure_on_the_page_has_a_check() -> None:
    """A row that names no target or no check would never be tested."""
    names = {target.name for target in targets()}
    for target, check in failures(PAGE.read_text(encoding="utf-8")):
        assert target in names and check in globals(), (target, check)


@pytest.mark.options
def test_command_line(target: Target, launcher: Launcher | None) -> None:
    """--version prints the facts in one line; a wrong option gives one line and exit code 2."""
    with target.start(launcher, "--version") as asked:
        line = first_line(asked)
        assert FACTS.fullmatch(line), line
        assert asked.wait(DEADLINE_S) == 0
    with target.start(launcher, "--threads", "0") as asked:
        assert asked.wait(DEADLINE_S) == 2
        assert asked.stderr_text().startswith(f"reference_{target.framework}: --threads 0: must be")
        assert asked.stderr_text().count("\n") == 1


def test_echo_is_byte_exact(server: Echo) -> None:
    """1 B to 1 MiB return unchanged, three times each."""
    with server.connect() as client:
        for size in SIZES:
            for seed in range(3):
                data = pattern(size, seed)
                assert_same(client.exchange([data], size), data)


def test_one_byte_segments_in_a_row(server: Echo) -> None:
    with server.connect() as client:
        data = pattern(500)
        assert_same(client.exchange([data[i : i + 1] for i in range(500)], 500), data)


def test_pipelined_requests_come_back_in_order(server: Echo) -> None:
    with server.connect() as client:
        client.check(*[echo_frame(number * 37 % 900, number) for number in range(500)])


def test_300_clients_concurrently(server: Echo) -> None:
    """All ask before the first reads; each gets its own bytes."""
    clients = [server.connect() for _ in range(300)]
    frames = [echo_frame(50 + number % 200, number) for number in range(300)]
    for client, frame in zip(clients, frames, strict=True):
        client.send(frame.request)
    for client, frame in zip(clients, frames, strict=True):
        assert_same(client.receive(len(frame.reply)), frame.reply)
        client.close()


@pytest.mark.options
def test_replies_stay_in_order_with_many_threads(target: Target, start: Start) -> None:
    """Several threads may serve a connection in turn, also long replies."""
    server = start("--threads", str(min(8, MOST_THREADS.get(target.framework or "", 8))))
    clients = [server.connect() for _ in range(8)]
    for size, count in ((200, 100), (33_000, 3)):
        requests = [
            [echo_frame(size + 61 * number, 1000 * number + i) for i in range(count)]
            for number in range(8)
        ]
        for client, frames in zip(clients, requests, strict=True):
            client.send(b"".join(frame.request for frame in frames))
        for client, frames in zip(clients, requests, strict=True):
            expected = b"".join(frame.reply for frame in frames)
            assert_same(client.receive(len(expected)), expected)
    for client in clients:
        client.close()


@pytest.mark.parametrize("size", [0, 1000, 60_000])
def test_half_close_is_answered_to_the_end(server: Echo, size: int) -> None:
    """A client that sends requests and then FIN gets every reply, then FIN."""
    frames = [echo_frame(size, number) for number in range(40)]
    expected = b"".join(frame.reply for frame in frames)
    with server.connect() as client:
        request = b"".join(frame.request for frame in frames)
        assert_same(client.exchange([request], len(expected), half_close=True), expected)
        assert client.receive(1) == b"", "the server did not end the connection"


@pytest.mark.usefixtures("bystander")
def test_reset_inside_a_request(server: Echo) -> None:
    for sent in (1, 60, 100_000):
        client = server.connect()
        client.exchange([pattern(sent)], 0)
        client.reset()


@pytest.mark.usefixtures("bystander")
def test_reset_in_the_middle_of_a_reply(server: Echo) -> None:
    """The client leaves with RST while megabytes for it are unsent."""
    client = server.connect()
    stream = memoryview(pattern(4 * MIB))
    send_what_goes(client, stream)
    client.reset()


@pytest.mark.usefixtures("bystander")
def test_300_connects_and_closes(server: Echo) -> None:
    """Eight at a time; some leave in silence, and some with RST."""
    visit(server.port, 300, 8, quiet_every=7, reset_every=5)


MEMORY_SLACK_BYTES = 32 * MIB
"""Growth allowed for four clients that never read, an eighth of what they would send.

A runtime that collects garbage keeps some MiB of it: Node.js grows by 13 MiB.
"""


@pytest.mark.usefixtures("bystander")
def test_client_that_never_reads(server: Echo) -> None:
    """The server stops reading instead of storing replies; a client that reads gets all of them."""
    clients = [server.connect() for _ in range(4)]
    stream = memoryview(pattern(65_536) * 1024)
    for client in clients:
        assert_same(client.exchange([stream[:1000]], 1000), bytes(stream[:1000]))
    before = psutil.Process(server.program.pid).memory_info().rss
    sent = [send_what_goes(client, stream) for client in clients]
    grown = psutil.Process(server.program.pid).memory_info().rss - before
    assert max(sent) < len(stream), f"the server took all {max(sent)} bytes"
    assert grown <= MEMORY_SLACK_BYTES, f"the server grew by {grown} bytes for four clients"
    assert_same(clients[0].receive(sent[0]), bytes(stream[: sent[0]]))
    for client in clients:
        client.close()


def send_what_goes(client: Client, stream: memoryview) -> int:
    """Send until nothing leaves for 0.5 s. Return the number of bytes."""
    sent = 0
    last = time.monotonic()
    while sent < len(stream) and time.monotonic() - last < 0.5:
        if ready(client.socket, False, True, 0.05)[1]:
            sent += client.socket.send(stream[sent : sent + 262_144])
            last = time.monotonic()
    return sent


def test_stops_when_stdin_closes(server: Echo) -> None:
    """It ends with exit code 0 and in silence, also with open and busy connections."""
    clients = [server.connect() for _ in range(5)]
    for client in clients:
        client.check(echo_frame(100))
    send_what_goes(clients[0], memoryview(pattern(4 * MIB)))
    server.end()
    for client in clients[1:]:
        assert client.until_closed() == b""
        client.close()
    clients[0].close()


@pytest.mark.options
def test_port_in_use(server: Echo, target: Target, launcher: Launcher | None) -> None:
    """The second server on a port says so in one line, and ends with exit code 1."""
    with target.start(launcher, *target.arguments(server.port)) as second:
        assert second.wait(DEADLINE_S) == 1
        text = second.stderr_text()
        assert text.startswith(f"reference_{target.framework}: cannot listen: "), text
        assert text.count("\n") == 1, text
    with server.connect() as client:
        client.check(echo_frame(10))
