"""A lab for each file of tests that needs one; skipped with the reason if the system forbids it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import lab

LOADS = 4


def pytest_report_header() -> str:
    try:
        import distributed
    except ImportError:
        return "distributed: not installed; `./iomodels test cluster` installs it"
    return f"distributed: {distributed.__version__}"


@pytest.fixture(scope="module")
def network() -> Iterator[lab.Lab]:
    try:
        context = lab.lab(LOADS)
        made = context.__enter__()
    except lab.Missing as missing:
        pytest.skip(str(missing))
    try:
        yield made
    finally:
        context.__exit__(None, None, None)
