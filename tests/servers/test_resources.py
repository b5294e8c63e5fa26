"""What a server holds: never more than it needs, all given back, and how it copes with shortage.

A second build of each model makes chosen calls fail (faults/faults.c).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from client import DEADLINE_S, Client, echo_frame, visit
from iomodels.base.arguments import arguments
from iomodels.launch.launcher import Launcher
from iomodels.launch.prefix import fixed_layout
from iomodels.launch.process import ProgramFailed
from running import (
    FAULTY,
    NATIVE,
    ROOT,
    Bystander,
    Holding,
    Server,
    Start,
    descriptors,
)
from under_test import program_of

GROWTH_SLACK_BYTES = 768 * 1024
"""For 4,000 connections: allocators keep some. A leak would be 128 MiB (buffers) or 1 MiB."""
SPUN_S = 0.25
"""CPU time that a test uses, to see what a server uses meanwhile."""
WINE_LOSES_BYTES = {"tpio": 208}
"""Per connection, by model: Wine (8.0 and 10.0) never frees the list of completions of a TP_IO,
even if no operation used it."""


def test_storms_of_short_connections(
    server: Server, bystander: Bystander, launcher: Launcher
) -> None:
    """Three storms of 2,000 connections, 20 at a time, some silent, some with RST: nothing leaks.

    Counters balance. Handles, threads and memory are the same after the first and the third storm.
    """
    visits, asked = check_growth(server, launcher, 2000, stay=1)
    bystander.check()
    counters = server.counters()
    assert (counters["accepted"], counters["closed"]) == (visits + 1, visits)
    assert counters["requests"] == 6 + asked
    assert (counters["refused"], counters["failures"], counters["truncated"]) == (0, 0, 0)


def check_growth(server: Server, launcher: Launcher, visits: int, stay: int = 0) -> tuple[int, int]:
    """Run three storms of `visits` connections; return how many came and how many sent a request.

    Memory may rise to a level that the largest crowd sets, and then stays there; a leak continues.
    So if memory grew, up to three more storms follow, and the last three are compared.
    """
    lost_bytes = (
        2 * visits * WINE_LOSES_BYTES.get(server.model, 0)
        if launcher.platform.startswith("wine")
        else 0
    )
    slack = GROWTH_SLACK_BYTES + lost_bytes
    asked = 0
    rounds: list[Holding] = []
    while len(rounds) < 3 or (
        len(rounds) < 6 and rounds[-1].working_set_bytes > rounds[-3].working_set_bytes + slack
    ):
        asked += visit(server.port, visits, 20, quiet_every=11, reset_every=13)
        came = (len(rounds) + 1) * visits
        server.until(
            lambda sample, all=stay + came: sample["counters"]["accepted"] == all,
            f"{came} accepted",
        )
        server.until_connections(stay)
        rounds.append(at_rest(server, launcher))
    first, _, last = rounds[-3:]
    assert last.handles <= first.handles + 8, rounds
    assert last.descriptors <= first.descriptors + 8, rounds
    assert last.threads <= first.threads + 1, rounds
    assert last.working_set_bytes <= first.working_set_bytes + slack, rounds
    return came, asked


def test_everything_of_a_crowd_is_given_back(server: Server, launcher: Launcher) -> None:
    """200 clients come twice: all that they used is free after they leave, threads included."""
    holdings = []
    for _ in range(2):
        clients = [Bystander(server) for _ in range(200)]
        busy = Holding.of(server, launcher)
        for client in clients:
            client.close()
        server.until_connections(0)
        holdings.append(at_rest(server, launcher))
        assert busy.handles >= holdings[-1].handles + 200, (
            "a client without a handle: nothing is measured"
        )
    assert holdings[1].handles <= holdings[0].handles + 8, holdings
    assert holdings[1].descriptors <= holdings[0].descriptors + 8, holdings
    assert holdings[1].threads <= holdings[0].threads + 1, holdings


def at_rest(server: Server, launcher: Launcher) -> Holding:
    """Return what the server holds once that stops falling: threads and sockets end late."""
    deadline = time.monotonic() + DEADLINE_S
    now, steady = Holding.of(server, launcher), 0
    while steady < 3:
        assert time.monotonic() < deadline, f"still changing: {now}"
        time.sleep(0.05)
        before, now = now, Holding.of(server, launcher)
        steady = steady + 1 if (now.handles, now.threads) == (before.handles, before.threads) else 0
    return now


def test_idle_server_uses_no_cpu(server: Server) -> None:
    """With ten silent clients it wakes up to look whether it should stop, and for nothing else."""
    clients = [server.connect() for _ in range(10)]
    for client in clients:
        client.check(echo_frame(10))
    before = server.sample()
    began, own = time.monotonic(), time.process_time()
    while time.process_time() - own < SPUN_S:  # on a busy machine both get less in the same time
        pass
    after, took_s = server.sample(), time.monotonic() - began
    used = sum(
        after["process"][name] - before["process"][name]
        for name in ("cpu_user_ns", "cpu_kernel_ns")
    )
    assert used <= SPUN_S * 0.2e9, f"{used / 1e6:.0f} ms of CPU, as this test used {SPUN_S} s"
    assert after["counters"]["waits"] - before["counters"]["waits"] <= 200 * took_s
    for client in clients:
        client.close()


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux lets one process limit another's descriptors"
)
def test_no_more_sockets(start: Start, model: str) -> None:
    """No sockets are left: new clients wait or are closed, others are served, it recovers.

    Under Wine a socket is a descriptor of the wineserver. The test lowers the limit to a few more
    than it uses. For `threads` it is fewer, because Wine grants threads beyond its descriptors,
    and such threads never run.
    """
    if model == "io_uring":
        pytest.skip("Linux reads the limit once, when the accept starts")
    server = start()
    kernel = server.program.pid if NATIVE else server.program.wineserver_pid
    assert kernel
    fewer = not NATIVE and model in ("threads", "pool")
    inside = [Bystander(server) for _ in range(10)]
    crowd: list[Client] = []
    with descriptor_limit(kernel, descriptors(kernel) + (-10 if fewer else 25)):
        crowd = [
            server.connect() for _ in range(60)
        ]  # the system's backlog takes them, whatever the server can do
        for client in crowd:
            send_or_find_closed(client, echo_frame(10).request)
        server.until(lambda sample: sample["counters"]["failures"] > 0, "the limit is met")
        for other in inside:
            other.check()
        for client in crowd:
            client.close()
        server.until(lambda sample: sample["connections"] <= 10, "the crowd has gone")
    Bystander(server).close()
    for other in inside:
        other.check()
        other.close()
    server.until_connections(0)


def send_or_find_closed(client: Client, data: bytes) -> None:
    with suppress(ConnectionResetError, BrokenPipeError):
        client.send(data)


@contextmanager
def descriptor_limit(pid: int, limit: int) -> Iterator[None]:
    """Lowers the soft limit of open files of another process for a while."""
    import resource

    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


Faulty = Callable[..., Server | None]
"""faulty("memory:3", threads=2): a server with a fault, and options."""


@pytest.fixture
def faulty(launcher: Launcher, model: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    """Start the model with a fault. Return None if it exited with code 1 and one line instead."""
    if not (FAULTY / f"{model}.exe").is_file():
        pytest.skip("the fault-injecting build is MinGW's")
    if not launcher.models()[model]["supported"]:
        pytest.skip("no faults next to stand-ins: both replace the same calls")
    servers: list[Server] = []

    def start_one(fault: str, **options: int | str) -> Server | None:
        monkeypatch.setenv("IOMODELS_FAULT", fault)
        named = arguments({name.replace("_", "-"): value for name, value in options.items()})
        try:
            server = Server(model, launcher.program(FAULTY / f"{model}.exe", *named))
        except ProgramFailed as failure:
            assert failure.program_code == 1, f"{fault}: {failure}"
            assert "ended after" in str(failure), (
                f"{fault}: an event of a server that did not start: {failure}"
            )
            lines = failure.stderr.splitlines()
            assert lines and all(line.startswith(f"{model}: ") for line in lines), (
                f"{fault}: {failure.stderr}"
            )
            return None
        servers.append(server)
        return server

    yield start_one
    for server in servers:
        server.program.stop()


def ask_or_be_closed(server: Server, sequence: int) -> bool:
    """Return whether a new client was served. If not, the server must have closed it."""
    frame = echo_frame(100, sequence)
    try:
        with server.connect() as client:
            received = client.exchange([frame.request], len(frame.reply))
    except (ConnectionResetError, BrokenPipeError):
        return False
    assert frame.reply.startswith(received)
    return received == frame.reply


def survive(server: Server, fault: str, clients: int) -> tuple[int, int]:
    """Connect clients in turn; return how many were not served, and how many failures counted."""
    lost = sum(not ask_or_be_closed(server, sequence) for sequence in range(clients))
    what = f"{fault}: {lost} clients lost and as many failures counted"
    failures: int = server.until(lambda sample: sample["counters"]["failures"] >= lost, what)[
        "counters"
    ]["failures"]
    server.until_connections(0)
    assert ask_or_be_closed(server, 99), f"{fault}: the next client is not served"
    end_after_fault(server, fault)
    return lost, failures


def end_after_fault(server: Server, fault: str) -> None:
    """As Server.end, but the server may have said on stderr what it lacked."""
    server.program.close_stdin()
    summary = server.program.expect("summary", DEADLINE_S)
    assert server.program.wait(DEADLINE_S) == 0, f"{fault}: {server.program.stderr_text()}"
    assert summary["connections"] == 0
    assert summary["counters"]["accepted"] == summary["counters"]["closed"], fault


def fail_each_call(faulty: Faulty, kind: str, calls: Iterable[int], clients: int = 4) -> None:
    """Each numbered call fails in a server of its own: no crash, no hang, no forgotten client."""
    noticed = []
    for call in calls:
        fault = f"{kind}:{call}"
        server = faulty(fault)
        if server is None:
            noticed.append("did not start")
        else:
            lost, failures = survive(server, fault, clients)
            noticed.append(f"{failures} failures, {lost} lost")
    assert any(what != "0 failures, 0 lost" for what in noticed), (
        f"{kind}: no fault ever showed: {noticed}"
    )


def test_operations_that_end_at_once_are_counted(
    faulty: Faulty, launcher: Launcher, model: str
) -> None:
    """Single requests, then many together so that a receive finds bytes: counts match calls."""
    server = faulty("inline")
    assert server is not None
    frames = [echo_frame(3000, sequence) for sequence in range(20)]
    with server.connect() as client:
        for frame in frames:
            assert client.exchange([frame.request], len(frame.reply)) == frame.reply
        assert client.exchange(
            [frame.request for frame in frames], sum(len(frame.reply) for frame in frames)
        )
    server.until_connections(0)
    server.program.close_stdin()
    counted = server.program.expect("summary", DEADLINE_S)["counters"]["inline_completions"]
    assert server.program.wait(DEADLINE_S) == 0
    (line,) = server.program.stderr_text().splitlines()
    assert line == f"completed inline: {counted}"
    assert counted > 0 if launcher.models()[model]["family"] == "completion" else counted == 0


def test_out_of_memory(faulty: Faulty) -> None:
    """One allocation fails: no start and a reason, or one client is closed, the next is served."""
    fail_each_call(faulty, "memory", [*range(1, 9), *range(20, 24)], clients=12)


def test_thread_creation_refused(faulty: Faulty) -> None:
    """One thread cannot start: the server reports why and exits, or closes one client."""
    fail_each_call(faulty, "thread", range(1, 5))


def test_socket_creation_refused(faulty: Faulty) -> None:
    """One call for a socket fails: the server does not start and says why, or tries again."""
    fail_each_call(faulty, "socket", range(1, 5))


@pytest.mark.models("events", because="the others make no events")
def test_event_creation_refused(faulty: Faulty) -> None:
    """One event cannot be created: the server reports why and exits, or closes one client."""
    fail_each_call(faulty, "event", range(1, 6))


@pytest.mark.models("iocp", "tpio", because="the others attach sockets to nothing")
def test_attaching_a_socket_refused(faulty: Faulty) -> None:
    """Making or attaching to the port fails: no start and a reason, or one client is closed."""
    fail_each_call(faulty, "port", range(1, 6))


def test_transfer_refused(faulty: Faulty) -> None:
    """One receive or send fails (no buffers): that client is closed and counted, and freed once."""
    fail_each_call(faulty, "transfer", range(1, 7))


@pytest.mark.parametrize("kind", ["memory", "thread", "socket", "transfer"])
def test_lasting_shortage(faulty: Faulty, kind: str) -> None:
    """After six failing calls the server recovers; when all further calls fail it still stops."""
    server = faulty(f"{kind}:10-15")
    if server is not None:
        survive(server, kind, 20)
    server = faulty(f"{kind}:10-")
    if server is not None:
        crowd = [server.connect() for _ in range(20)]
        for client in crowd:
            send_or_find_closed(client, echo_frame(10).request)
        time.sleep(0.15)  # some ticks, in which it tries again
        end_after_fault(server, kind)
        for client in crowd:
            client.close()


@pytest.mark.models("events", because="the others need no further thread for the 64th client")
def test_next_group_of_64_refused(faulty: Faulty) -> None:
    """The 64th client's thread cannot start: the clients inside are served, and later the rest."""
    server = faulty("thread:3-5")
    assert server is not None
    clients = [server.connect() for _ in range(130)]
    for sequence, client in enumerate(clients):
        client.check(echo_frame(20, sequence))
    for client in clients:
        client.close()
    end_after_fault(server, "thread:3-5")


@pytest.mark.wine_hides(
    "Windows needs SO_UPDATE_ACCEPT_CONTEXT before shutdown(); a test reads the source"
)
@pytest.mark.skipif(NATIVE, reason="Linux has no AcceptEx")
def test_accepted_socket_is_given_its_context(model: str) -> None:
    """A model that calls AcceptEx also sets SO_UPDATE_ACCEPT_CONTEXT on the socket."""
    source = (ROOT / "servers" / f"{model}.c").read_text(encoding="utf-8")
    assert ("accept_ex(" in source) == ("SO_UPDATE_ACCEPT_CONTEXT" in source)
    assert "accept_ex(" in source or "accept(" in source


TAKES_THE_PLACE = """#define _DEFAULT_SOURCE
#include <sys/mman.h>
__attribute__((constructor)) static void take(void)
{ mmap((void *)0x7ffe0000, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); }"""


@pytest.mark.skipif(sys.platform == "win32", reason="Wine's own way to fail")
@pytest.mark.models("iocp", because="no server has begun yet")
def test_wine_says_that_it_had_no_room(
    launcher: Launcher, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program takes the page that Windows programs need: the failure names the reason."""
    library = tmp_path / "takes.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library],
        input=TAKES_THE_PLACE,
        text=True,
        check=True,
        timeout=DEADLINE_S,
    )
    program_of(launcher, model, {}).stop()  # the wineserver runs
    monkeypatch.setenv("LD_PRELOAD", str(library))
    with pytest.raises(ProgramFailed, match="failed to map the shared user data"):
        Server(model, program_of(launcher, model, {}))


@pytest.mark.skipif(NATIVE or not fixed_layout(), reason="setarch is not there or not allowed")
@pytest.mark.models("iocp", because="no server has begun yet")
def test_no_start_of_wine_is_left_to_chance(launcher: Launcher, model: str) -> None:
    """The heap begins at one address, far from the page at 0x7ffe0000, for each start."""
    heaps = set()
    for _ in range(3):
        with program_of(launcher, model, {}) as program:
            program.expect("ready", DEADLINE_S)
            maps = Path(f"/proc/{program.pid}/maps").read_text(encoding="ascii")
            heaps.update(line.split("-")[0] for line in maps.splitlines() if "[heap]" in line)
    (heap,) = heaps
    assert int(heap, 16) < 0x7FFE0000 - (32 << 20)
