"""What tests of servers and load generator share: one launcher, and servers of each built model.

The build is IOMODELS_BUILD or else build/ of the repository. Collecting (--collect-only) needs no
build: the models are then the files of servers/. The conftest.py of both folders imports these
names, hooks included.
"""

from __future__ import annotations

import os
import random
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from iomodels.base.arguments import arguments
from iomodels.base.errors import Failure
from iomodels.launch.launcher import Launcher
from iomodels.launch.platform import open_launcher, open_native
from iomodels.launch.process import Program
from running import BUILD, NATIVE, PRESET, ROOT, STRICT, Bystander, Server, Start

SEED = int(os.environ.setdefault("IOMODELS_SEED", str(random.randrange(2**32))))
"""Set in the environment for pytest-xdist's worker processes, which import this module again."""
_opened: list[Launcher] = []
DESCRIBE_TIMEOUT_S = 20.0


def complain(line: str) -> None:
    print(line, file=sys.stderr)


def opened() -> Launcher:
    """One launcher for collection (which needs the models' names) and for the tests."""
    if not _opened:
        try:
            _opened.append(
                open_native(BUILD, preset=PRESET) if NATIVE else open_launcher(BUILD, say=complain)
            )
            _opened[0].models()
        except Failure as error:
            raise pytest.UsageError(str(error)) from error
    return _opened[0]


IN_FULL = ("apc", "events", "iocp", "select", "threads", "tpio")
"""Every check runs on these; on the further models only with --every-model."""
SAMPLE = (
    "test_describe",
    "test_echo_is_byte_exact",
    "test_half_close_is_answered_to_the_end",
    "test_reset_in_the_middle_of_a_reply",
    "test_unknown_option",
)
"""The checks that run on every model."""
FURTHER = (
    *("test_calls", "test_ends", "test_endurance", "test_frames", "test_reports"),
    "test_every_setting",
)
"""Modules whose checks run on two models each, which the name of the check chooses, unless
--every-model asks for all. So each model gets some of them, and the time stays short."""
SETTINGS = "iocp_tuned"
"""The model with the most options of its own: checks of `every_setting` always run on it."""


ONLY_ON_WINDOWS = ("iocp_reuse",)
"""Models whose functions Wine lacks, and for which there are no stand-ins."""


def can_run(launcher: Launcher, model: str) -> bool:
    """Whether the platform supports the model, or stand-ins do."""
    if launcher.models()[model]["supported"]:
        return True
    return not NATIVE and (STRICT / f"{model}.exe").is_file()


def pytest_unconfigure() -> None:
    while _opened:
        _opened.pop().close()


def pytest_report_header() -> str:
    models = opened().models()
    missing = [model for model in models if not can_run(opened(), model)]
    strict = [model for model in models if not models[model]["supported"] and model not in missing]
    return (
        f"random choices: IOMODELS_SEED={SEED}; with stand-ins: {', '.join(strict) or 'none'}; "
        f"not on this platform: {', '.join(missing) or 'none'}"
    )


def chosen_for_the_gate(metafunc: pytest.Metafunc, models: list[str]) -> list[str]:
    """Return the models that a check runs on without --every-model."""
    name = metafunc.function.__name__
    if models and metafunc.module.__name__ in FURTHER:
        place = zlib.crc32(name.encode()) % len(models)
        chosen = {models[place], models[(place + len(models) // 2) % len(models)]}
        return sorted(chosen | ({SETTINGS} if "every_setting" in name else set()))
    return models if name in SAMPLE else [model for model in models if model in IN_FULL]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "model" not in metafunc.fixturenames:
        return
    asked = metafunc.definition.get_closest_marker("models")
    if metafunc.config.option.collectonly:
        models = sorted({path.stem for path in (ROOT / "servers").glob("*.c")} - {*ONLY_ON_WINDOWS})
    else:
        models = list(opened().models())
    if asked:
        models = [model for model in models if model in asked.args]
    if not metafunc.config.option.collectonly and metafunc.module.__name__ != "test_exhibition":
        models = [model for model in models if can_run(opened(), model)]
        if not (NATIVE or metafunc.config.option.every_model):
            models = chosen_for_the_gate(metafunc, models)
    metafunc.parametrize("model", models)


@pytest.fixture(scope="session")
def launcher() -> Launcher:
    return opened()


@pytest.fixture(scope="session")
def seed() -> int:
    return SEED


_strict: dict[str, dict[str, Any]] = {}


def described_strictly(launcher: Launcher, model: str) -> dict[str, Any] | None:
    """What a model with stand-ins says about itself; None if the platform supports the model."""
    program = STRICT / f"{model}.exe"
    if NATIVE or launcher.models()[model]["supported"] or not program.is_file():
        return None
    if model not in _strict:
        with launcher.program(program, "--describe") as asked:
            _strict[model] = asked.expect("describe", DESCRIBE_TIMEOUT_S)
            asked.wait(DESCRIBE_TIMEOUT_S)
    return _strict[model]


def program_of(launcher: Launcher, model: str, options: dict[str, int | str]) -> Program:
    """Start a server of the model, with stand-ins where the platform lacks its functions."""
    if described_strictly(launcher, model):
        return launcher.program(STRICT / f"{model}.exe", *arguments(options))
    return launcher.server(model, options)


@pytest.fixture
def described(launcher: Launcher, model: str) -> dict[str, Any]:
    """What the model says about itself."""
    return described_strictly(launcher, model) or launcher.models()[model]


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
        server = Server(model, program_of(launcher, model, named))
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
