"""A model holds as many clients as it guarantees: all connected, each answered, all closed."""

from __future__ import annotations

import resource

import pytest

from iomodels.launch.launcher import Launcher
from running import Server

# Files that the wineserver needs besides the sockets of a server.
SPARE_FILES = 200


@pytest.mark.parametrize(("holder", "clients"), [("select", 4096), ("iocp", 10_000)])
def test_clients_at_once(launcher: Launcher, holder: str, clients: int) -> None:
    """The load generator connects all, with one reply each; the server counts and drains them.

    Under Wine each accept costs the wineserver over a millisecond, so this test is slow there.
    """
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed < clients + SPARE_FILES:
        pytest.skip(
            f"the system allows {allowed} open files (ulimit -Hn), "
            f"{clients} clients need {clients + SPARE_FILES}"
        )
    with launcher.server(holder, {}) as program:
        server = Server(holder, program)
        with launcher.loadgen(
            {"port": server.port, "connections": clients, "timeout-ms": 120_000}
        ) as load:
            assert load.expect("ready", 150.0)["connections"] == clients
            counters = server.until_connections(clients)["counters"]
            assert (counters["requests"], counters["refused"], counters["failures"]) == (
                clients,
                0,
                0,
            )
            program.close_stdin()
            summary = program.expect("summary", 60.0)
            assert program.wait(10.0) == 0
            load.stop()
    assert (summary["connections"], summary["counters"]["closed"]) == (0, clients)
