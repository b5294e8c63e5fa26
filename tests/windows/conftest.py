"""The rig of these tests, or the reason why this machine has none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from making import Unavailable
from rig import Rig, open_rig


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--whole",
        action="store_true",
        help="run every test of tests/py and tests/servers that Windows can run (20 minutes)",
    )


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    try:
        made = open_rig()
    except Unavailable as reason:
        pytest.skip(f"no Python for Windows here: {reason}")
    yield made
    made.prefix.kill()
