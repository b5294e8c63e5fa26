"""Many clients: concurrently, in turn, more than --max-conns, and with more than one server."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import pytest

from client import DEADLINE_S, Client, Frame, assert_same, echo_frame, visit
from iomodels.launch.launcher import Launcher
from pump import Pump
from running import Bystander, Server, Start


def ask_all(clients: list[Client], turn: int) -> None:
    """All ask before anybody reads; each gets its own bytes."""
    frames = [echo_frame(50 + number % 200, 1000 * turn + number) for number in range(len(clients))]
    for client, frame in zip(clients, frames, strict=True):
        client.send(frame.request)
    for client, frame in zip(clients, frames, strict=True):
        assert_same(client.receive(len(frame.reply)), frame.reply)


def grow_to(server: Server, sizes: tuple[int, ...]) -> None:
    """Connect up to each size in turn; the new clients get replies first, then all concurrently."""
    clients: list[Client] = []
    for turn, size in enumerate(sizes):
        while len(clients) < size:
            batch = [server.connect() for _ in range(min(50, size - len(clients)))]
            ask_all(batch, turn)
            clients += batch
        server.until_connections(size)
        ask_all(clients, turn)
    for client in clients:
        client.close()
    counters = server.until_connections(0)["counters"]
    assert counters["accepted"] == counters["closed"] == sizes[-1]
    assert counters["requests"] == sizes[-1] + sum(sizes)
    assert (counters["refused"], counters["failures"], counters["resets"]) == (0, 0, 0)


def test_more_clients_than_one_wait_can_hold(
    launcher: Launcher, model: str, server: Server
) -> None:
    """65, 129, 300 and 1,000 clients are connected concurrently, and each is answered.

    Wine asks every outstanding request of `afd` about every event: 1,000 clients that leave
    together take it 25 s, so there `afd` gets 300.
    """
    most = 300 if model == "afd" and launcher.platform.startswith("wine") else 1000
    grow_to(server, tuple(size for size in (65, 129, 300, 1000) if size <= most))


@pytest.mark.models("threads", because="asked where a client costs a thread")
def test_2000_threads(server: Server) -> None:
    """2,000 concurrent clients have a thread each, and each is answered."""
    if os.name == "posix":
        import resource

        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if files != resource.RLIM_INFINITY and files < 11_000:
            pytest.skip(
                f"2,000 threads under Wine need 11,000 file descriptors (ulimit -Hn), not {files:,}"
            )
    free = psutil.virtual_memory().available
    if free < 3 * 2**30:
        pytest.skip(
            f"2,000 threads under Wine need 3 GiB of memory, here {free / 2**30:.1f} GiB are free"
        )
    grow_to(server, (2000,))


def test_thread_of_the_last_client_stays(server: Server) -> None:
    """129 of 130 clients leave, and maybe threads too; the last one's operation must survive."""
    clients = [server.connect() for _ in range(130)]
    ask_all(clients, 0)
    for kept in (129, 64, 0):
        last = clients[kept]
        for client in clients:
            if client is not last:
                client.close()
        server.until_connections(1)
        for sequence in range(3):
            last.check(echo_frame(100, sequence))
        last.close()
        server.until_connections(0)
        clients = [server.connect() for _ in range(130)]
        ask_all(clients, kept)
    for client in clients:
        client.close()


@pytest.mark.models("tpio", because="only a thread pool ends idle threads by itself")
def test_operation_outlives_the_thread_that_started_it(start: Start) -> None:
    """The pool ends idle threads (Wine's after 5 s); receives that they started still complete.

    The clients ask again only when all idle threads have ended; one stays for the pool's objects.
    Wine completes an operation in the thread that started it. If that thread is just ending, the
    operation fails and the server closes the connection. That is a defect of Wine.
    """
    server = start(threads=4, min_threads=0)
    process = psutil.Process(server.program.pid)
    clients = [server.connect() for _ in range(4)]
    for sequence in range(2):  # four requests that block concurrently need four threads
        frame = Frame(b"block", block_us=100_000, sequence=sequence)
        for client in clients:
            client.send(frame.request)
        for client in clients:
            assert_same(client.receive(len(frame.reply)), frame.reply)
    busy = process.num_threads()
    server.until(lambda _: process.num_threads() <= busy - 3, "idle threads of the pool end")
    for client in clients:
        client.check(echo_frame(100))
        client.close()


def in_parallel(visitors: list[Callable[[], object]]) -> None:
    """Runs each in a thread; the first failure of any is raised."""
    failures: list[BaseException] = []

    def run(visitor: Callable[[], object]) -> None:
        try:
            visitor()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(visitor,), daemon=True) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * DEADLINE_S)
        assert not thread.is_alive()
    assert not failures, failures[0]


def test_storm_beside_requests(server: Server, bystander: Bystander) -> None:
    """Accepts, requests and closes overlap: long-lived clients work while others come and go."""

    def stay() -> None:
        with server.connect() as client:
            for number in range(100):
                client.check(echo_frame(2000, number))

    in_parallel(
        [stay, stay, stay, lambda: visit(server.port, 200, 8), lambda: visit(server.port, 200, 8)]
    )
    bystander.check()
    counters = server.until_connections(1)["counters"]
    assert (counters["accepted"], counters["closed"], counters["requests"]) == (404, 403, 706)


def few_threads(described: dict[str, Any]) -> dict[str, int]:
    """One thread, if the model has --threads and does not need a thread per client."""
    names = {option["name"] for option in described["options"]}
    return {"threads": 1} if "threads" in names and described["family"] != "blocking" else {}


def test_busy_clients_do_not_keep_others_out(start: Start, described: dict[str, Any]) -> None:
    """Eight clients always have requests waiting, on one thread if possible; 20 more get served."""
    server = start(**few_threads(described))
    pumps = [Pump(server.port, [echo_frame(500, number) for number in range(20)]) for _ in range(8)]
    server.until(lambda sample: sample["counters"]["requests"] > 160, "load")
    for sequence in range(20):
        with server.connect() as client:
            client.check(echo_frame(100, sequence))
    for pump in pumps:
        pump.leave()
    assert server.until_connections(0)["counters"]["closed"] == 28


def test_newcomers_wait_few_turns(
    start: Start, described: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    """60 newcomers are served before each of ten busy clients gets 20 more turns.

    Each of the ten always has a request that blocks for 20 ms, on one thread if the model has
    --threads. With one accept per pass they would get 60 turns.
    """
    server = start(**few_threads(described))
    pumps = [Pump(server.port, [Frame(b"slow", block_us=20_000)]) for _ in range(10)]
    server.until(
        lambda sample: sample["connections"] == 10 and sample["counters"]["requests"] >= 10, "load"
    )
    before = server.counters()["requests"]
    newcomers = [server.connect() for _ in range(60)]
    ask_all(newcomers, 0)
    turns = (server.counters()["requests"] - before - len(newcomers)) / len(pumps)
    record_property("turns_each", turns)
    assert turns <= 20, (
        f"each of {len(pumps)} busy clients had {turns} turns before {len(newcomers)} others"
    )
    for pump in pumps:
        pump.leave()


def test_next_client_beyond_max_conns_is_refused(start: Start) -> None:
    """It is refused immediately and counted; those inside are served, and a free slot is reused."""
    server = start(max_conns=5)
    inside = [Bystander(server) for _ in range(5)]
    for refused in (1, 2, 3):
        with server.connect() as client:
            assert client.until_closed() == b""
        server.until_counted(refused=refused)
    for other in inside:
        other.check()
    inside.pop().close()
    server.until_connections(4)
    inside.append(Bystander(server))
    with server.connect() as client:
        assert client.until_closed() == b""
    counters = server.until_counted(refused=4)["counters"]
    assert (counters["accepted"], counters["closed"]) == (6, 1)
    for other in inside:
        other.check()
        other.close()
    assert server.end()["counters"]["accepted"] == 6


def test_crowd_beyond_max_conns(start: Start) -> None:
    """100 clients connect where 70 may stay: 70 are served, 30 are refused, and none waits."""
    server = start(max_conns=70)
    clients = [server.connect() for _ in range(100)]
    server.until_counted(accepted=70, refused=30)
    served = 0
    for client in clients:
        frame = echo_frame(20, served)
        with suppress(ConnectionResetError, BrokenPipeError):  # closed before it asked
            served += client.exchange([frame.request], len(frame.reply)) == frame.reply
        client.close()
    assert served == 70
    server.until_connections(0)


def test_max_conns_of_one(start: Start) -> None:
    """One client is served at a time, five times over; another one is refused each time."""
    server = start(max_conns=1)
    for sequence in range(5):
        with server.connect() as client:
            client.check(echo_frame(10, sequence))
            with server.connect() as other:
                assert other.until_closed() == b""
        server.until_connections(0)
    counters = server.counters()
    assert (counters["accepted"], counters["refused"], counters["closed"]) == (5, 5, 5)


def test_two_servers_at_once(start: Start) -> None:
    """Each has its port, its clients and its counters."""
    servers = [start(), start()]
    assert servers[0].port != servers[1].port
    clients = [Client(server.port) for server in servers]
    for sequence in range(20):
        for client in clients:
            client.check(echo_frame(100, sequence))
    clients[0].close()
    assert servers[0].end()["counters"]["requests"] == 20
    clients[1].check(echo_frame(100, 99))
    clients[1].close()
    assert servers[1].end()["counters"]["requests"] == 21
