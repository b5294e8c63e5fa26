"""The connection of a run, in the process of the tests, with workers as a user starts them."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from typing import Any

import pytest

from iomodels.base.errors import Failure
from iomodels.cluster import client as client_module
from iomodels.cluster.actor import LEASE_S
from iomodels.cluster.client import Asked, Client, Far
from iomodels.launch.launcher import MachineLost
from processes import SUITE, Cluster, cluster

distributed = pytest.importorskip("distributed", reason="distributed is not installed")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("client")) as found:
        yield found


def met(made: Cluster, said: list[str], **asked: int) -> Client:
    return Client(Asked(made.bundle, "lab", **asked), said.append, native=True)


def test_the_first_machine_stays_reserved_while_the_last_is_met(
    made: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many machines the last is met after the lease of the first would have ended."""
    meet = Client._meet

    def slow(self: Client, name: str, role: str, address: str) -> Far:
        if name == "server":
            time.sleep(LEASE_S + 2)
        return meet(self, name, role, address)

    monkeypatch.setattr(Client, "_meet", slow)
    client = met(made, [])
    assert [client.ask(far, "cpus") > 0 for far in client.loads(0)] == [True, True]
    client.close()
    with pytest.raises(MachineLost, match="the run ends"):
        client.renew()


def test_every_worker_is_met_with_a_dask_that_lists_few(
    made: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions 2025.5 to 2026.3 return five workers unless they are asked for all."""
    everything = distributed.Client.scheduler_info

    def few(self: Any, n_workers: int = 1, **options: Any) -> Any:
        info = dict(everything(self, **options))
        listed = list(info["workers"].items())
        info["workers"] = dict(listed if n_workers < 0 else listed[:n_workers])
        return info

    monkeypatch.setattr(distributed.Client, "scheduler_info", few)
    said: list[str] = []
    client = met(made, said, min_load=2)
    assert [far.name for far in client.loads(0)] == ["load-1", "load-2"] and not said
    client.close()


def test_a_run_says_what_it_waits_for(made: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "GATHER_S", 1.0)
    said: list[str] = []
    with pytest.raises(Failure, match="only 2 of 3 workers of the role load joined"):
        met(made, said, min_load=3)
    assert said == ["only 2 of 3 workers of the role load so far; waiting 1 s for more"]


CLASSES = """
[load.class.light]
connections = 2

[load.class.heavy]
size = 256
"""


def test_classes_are_refused_before_anything_is_measured(made: Cluster) -> None:
    suite = made.folder / "classes.toml"
    suite.write_text(SUITE + CLASSES, encoding="utf-8")
    out = made.folder / "classes"
    where = ("--cluster", made.bundle.path, "--out", out)
    run = made.start("run-of-classes", "run", suite, "--native", *where)
    assert run.ends() == 2, run.text
    assert "the load has classes, which only one load generator can make" in run.text
    assert not out.exists()


def test_what_dask_forgets_to_await_prints_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    from iomodels.cluster import node

    async def fails() -> None:
        raise OSError("a stream is closed")

    async def forgets() -> None:
        task = asyncio.ensure_future(fails())
        while not task.done():
            await asyncio.sleep(0)

    assert node.SETTINGS
    asyncio.run(forgets())
    gc.collect()
    assert not caplog.records
