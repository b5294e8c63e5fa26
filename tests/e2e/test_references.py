"""Each reference server that is built, and each example that can run: a few bytes, and the end.

`./iomodels test references` runs every check, and builds the servers before.
"""

from __future__ import annotations

import pytest

from client import assert_same, pattern
from iomodels.launch.platform import open_launcher
from targets import BUILD, Echo, Target, targets


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_a_reference_echoes_and_ends(target: Target) -> None:
    if missing := target.missing():
        pytest.skip(missing)
    if not target.windows:
        echo_and_end(Echo(target, target.start(None, *target.arguments(0))))
        return
    with open_launcher(BUILD) as launcher:
        echo_and_end(Echo(target, target.start(launcher, *target.arguments(0))))


def echo_and_end(server: Echo) -> None:
    with server.program, server.connect() as client:
        data = pattern(100_000)
        assert_same(client.exchange([data], len(data)), data)
        server.end()
