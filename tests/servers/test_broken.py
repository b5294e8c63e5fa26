"""The suite can fail: a server with a chosen fault (broken/broken.c) meets checks of the suite.

Each check must catch its fault, and must pass the same server without the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import client
import running
import test_echo
import test_hostile
import test_life
import test_many
import test_resources
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import ProgramFailed
from running import FIXTURES, Server

CAUGHT = (AssertionError, ConnectionError, ProgramFailed)
SHORT_S = 2.0
"""Patience of a check here. It is short, so that a fault that blocks clients shows quickly."""

Check = Callable[[Server, Launcher], object]


def check_stop(server: Server, launcher: Launcher) -> None:
    with server.connect():
        test_life.test_interrupt_stops_like_the_end_of_stdin(server)


def check_leaks(server: Server, launcher: Launcher) -> None:
    test_resources.check_growth(server, launcher, 300)


FAULTS: dict[str, tuple[int, Check]] = {
    "loses a byte": (1, lambda server, launcher: test_echo.test_echo_is_byte_exact(server)),
    "answers in another order": (
        2,
        lambda server, launcher: test_echo.test_pipelined_replies_come_in_order(server),
    ),
    "leaks a handle": (3, check_leaks),
    "leaks memory": (4, check_leaks),
    "spins when idle": (
        5,
        lambda server, launcher: test_resources.test_idle_server_uses_no_cpu(server),
    ),
    "serves one client at a time": (6, lambda server, launcher: test_many.grow_to(server, (65,))),
    "is kept waiting by silent clients": (
        6,
        lambda server, launcher: test_hostile.test_silent_clients(server),
    ),
    "does not stop": (7, check_stop),
}


passed: set[Check] = set()
"""Those that the server without a fault has passed."""


@pytest.fixture
def broken(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[int], Server]]:
    """Starts the server with a fault."""
    for module in (client, running, test_life, test_many, test_resources):
        monkeypatch.setattr(module, "DEADLINE_S", SHORT_S)
    servers: list[Server] = []

    def start_one(fault: int) -> Server:
        servers.append(
            Server("broken", launcher.program(FIXTURES / "broken.exe", "--fault", fault))
        )
        return servers[-1]

    yield start_one
    for server in servers:
        server.program.stop(0.2)


NEEDS_CONSOLE = "does not stop"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(wrong, marks=pytest.mark.console if wrong == NEEDS_CONSOLE else ())
        for wrong in FAULTS
    ],
)
def test_fault_is_caught(broken: Callable[[int], Server], launcher: Launcher, wrong: str) -> None:
    """The check passes without the fault and fails with it."""
    fault, check = FAULTS[wrong]
    if check not in passed:
        check(broken(0), launcher)
        passed.add(check)
    with pytest.raises(CAUGHT):
        check(broken(fault), launcher)
