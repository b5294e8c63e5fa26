"""What tests of servers and load generator share: one launcher, and servers of each built model.

The build is IOMODELS_BUILD or else build/ of the repository. Collecting (--collect-only) needs no
build: the models are then the files of servers/. The conftest.py of both folders imports these
names, hooks included.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from iomodels.base.errors import Failure
from iomodels.launch.launcher import Launcher
from iomodels.launch.platform import open_launcher
from running import BUILD, ROOT, Bystander, Server, Start, start_server

SEED = int(os.environ.setdefault("IOMODELS_SEED", str(random.randrange(2**32))))
"""Set in the environment for pytest-xdist's worker processes, which import this module again."""
_opened: list[Launcher] = []


def opened() -> Launcher:
    """One launcher for collection (which needs the models' names) and for the tests."""
    if not _opened:
        try:
            _opened.append(open_launcher(BUILD, say=lambda line: print(line, file=sys.stderr)))
            _opened[0].models()
        except Failure as error:
            raise pytest.UsageError(str(error)) from error
    return _opened[0]


def pytest_unconfigure() -> None:
    while _opened:
        _opened.pop().close()


def pytest_report_header() -> str:
    return f"random choices: IOMODELS_SEED={SEED}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "model" not in metafunc.fixturenames:
        return
    if metafunc.config.option.collectonly:
        models = sorted(path.stem for path in (ROOT / "servers").glob("*.c"))
    else:
        models = list(opened().models())
    asked = metafunc.definition.get_closest_marker("models")
    chosen = [model for model in models if model in asked.args] if asked else models
    metafunc.parametrize("model", chosen)


@pytest.fixture(scope="session")
def launcher() -> Launcher:
    return opened()


@pytest.fixture(scope="session")
def seed() -> int:
    return SEED


@pytest.fixture
def described(launcher: Launcher, model: str) -> dict[str, Any]:
    """What the model says about itself."""
    return launcher.models()[model]


@pytest.fixture
def options(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The options that the model has, by name."""
    return {option["name"]: option for option in described["options"]}


@pytest.fixture
def start(launcher: Launcher, model: str) -> Iterator[Start]:
    """Return a function that starts servers (start(max_conns=5)); each must end well in the end."""
    servers: list[Server] = []

    def start_one(**options: int | str) -> Server:
        named = {name.replace("_", "-"): value for name, value in options.items()}
        server = start_server(model, lambda: launcher.server(model, named))
        servers.append(server)
        return server

    try:
        yield start_one
        for server in servers:
            if server.program.running():
                server.end()
    finally:
        for server in servers:
            server.program.stop()


@pytest.fixture
def server(start: Start) -> Server:
    return start()


@pytest.fixture
def bystander(server: Server) -> Iterator[Bystander]:
    """Another client of `server`: served before the test, and still after it."""
    other = Bystander(server)
    yield other
    other.check()
    other.close()
