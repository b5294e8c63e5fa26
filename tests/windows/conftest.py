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
        help="also run what takes minutes, and every test that Windows can run (an hour)",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --whole only the smoke test is left, which the gate runs."""
    if not config.getoption("whole"):
        config.hook.pytest_deselected(items=[item for item in items if _of_whole(item)])
        items[:] = [item for item in items if not _of_whole(item)]


def _of_whole(item: pytest.Item) -> bool:
    return item.get_closest_marker("whole") is not None


@pytest.fixture(scope="session")
def rig(pytestconfig: pytest.Config) -> Iterator[Rig]:
    try:
        made = open_rig(whole=pytestconfig.getoption("whole"))
    except Unavailable as reason:
        pytest.skip(f"no Python for Windows here: {reason}")
    yield made
    made.prefix.kill()
