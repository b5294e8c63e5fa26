"""As many clients as a model promises to hold: connected at once, each answered, all closed again."""

from __future__ import annotations

import resource

import pytest

from iomodels.launch.launcher import Launcher
from running import Server

# What the wineserver needs beside the sockets of a server.
SPARE_FILES = 200


@pytest.mark.parametrize(("holder", "clients"), [("select", 4096), ("iocp", 10_000)])
def test_clients_at_once(launcher: Launcher, holder: str, clients: int) -> None:
    """The load generator makes the connections, each answered once; the server counts and, when stopped, drains them.

    Under Wine each accept costs the wineserver a millisecond and more, so this takes its time; on Windows it does not.
    """
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed < clients + SPARE_FILES:
        pytest.skip(
            f"the system allows {allowed} open files (ulimit -Hn), {clients} clients need {clients + SPARE_FILES}"
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
