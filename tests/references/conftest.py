"""The checks of test_conformance.py run on every target. What the page says fails must fail."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from client import echo_frame
from iomodels.launch.launcher import Launcher
from iomodels.launch.platform import open_launcher
from targets import BUILD, PAGE, Echo, Start, Target, failures, targets

_opened: list[Launcher] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" not in metafunc.fixturenames:
        return
    found = targets()
    if metafunc.definition.get_closest_marker("options"):
        found = [target for target in found if target.framework]
    fails = failures(PAGE.read_text(encoding="utf-8"))
    check = metafunc.definition.originalname
    parameters = []
    for target in found:
        marks = []
        if missing := target.missing():
            marks.append(pytest.mark.skip(reason=missing))
        elif reason := fails.get((target.name, check)):
            marks.append(pytest.mark.xfail(reason=reason, strict=True))
        parameters.append(pytest.param(target, marks=marks, id=target.name.replace(" ", "-")))
    metafunc.parametrize("target", parameters)


def pytest_unconfigure() -> None:
    while _opened:
        _opened.pop().close()


@pytest.fixture
def launcher(target: Target) -> Launcher | None:
    """Return the one launcher of this session; None for a target that needs none."""
    if not target.windows:
        return None
    if not _opened:
        _opened.append(open_launcher(BUILD, say=lambda line: print(line, file=sys.stderr)))
    return _opened[0]


@pytest.fixture
def start(target: Target, launcher: Launcher | None) -> Iterator[Start]:
    """Return a function that starts the target: start("--threads", "2", port=0)."""
    servers: list[Echo] = []

    def start_one(*options: str, port: int = 0) -> Echo:
        program = target.start(launcher, *target.arguments(port, *options))
        servers.append(Echo(target, program))
        return servers[-1]

    yield start_one
    for server in servers:
        server.program.stop()


@pytest.fixture
def server(start: Start) -> Echo:
    return start()


@pytest.fixture
def bystander(server: Echo) -> Iterator[None]:
    """Another client, which is served before the test, and still after it."""
    with server.connect() as client:
        client.check(echo_frame(100, 1))
        yield
        client.check(echo_frame(100, 2))
