"""A cell on several machines: real programs, a real scheduler, and one exact result."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import Cluster, cluster

pytest.importorskip("distributed", reason="distributed is not installed")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cell"), 3) as found:
        yield found


def test_three_load_generators_make_one_load(made: Cluster) -> None:
    run = made.run("--connections", "1,8", "--rounds", 2)
    assert run.ends() == 0, run.text
    found = run.measured
    assert [record.reason for record in found.records] == [None] * 4
    for record in found.records:
        assert record.server and record.loadgen
        result, parts = record.loadgen["result"], record.loadgen["result"]["cluster"]["parts"]
        names = [part["worker"] for part in parts]
        assert names == ["load-1", "load-2", "load-3"][: record.condition.connections]
        assert result["connections"]["established"] == record.condition.connections
        counters = record.server["summary"]["counters"]
        assert counters["accepted"] == record.condition.connections
        assert counters["requests"] == result["replies_checked"] > 0
        assert result["requests"] == sum(part["result"]["requests"] for part in parts)
        count = sum(count for _, count in result["response"]["histogram"]["counts"])
        assert count == result["response"]["count"]
        assert result["response"]["count"] == sum(p["result"]["response"]["count"] for p in parts)
        assert 0.5 < result["cluster"]["overlap"] <= 1.0
        port = record.server["ready"]["port"]
        assert port in made.bundle.server_ports
    facts = found.manifest["environment"]
    assert {name: each["role"] for name, each in facts["workers"].items()} == {
        "server": "server",
        **{f"load-{number}": "load" for number in (1, 2, 3)},
    }
    hashes = [each["binaries"] for each in facts["workers"].values() if each["role"] == "load"]
    assert hashes[0] and hashes == [hashes[0]] * 3
    assert len(found.manifest["calibration"]["points"]) == 2


def test_connections_that_send_nothing_are_split_too(made: Cluster) -> None:
    run = made.run("--idle", "4")
    assert run.ends() == 0, run.text
    (record,) = run.measured.records
    result = record.result or {}
    parts = [part["result"]["connections"]["established"] for part in result["cluster"]["parts"]]
    assert parts == [4, 2, 2] and result["settings"]["idle"] == 4


def test_a_rate_is_that_of_all_together(made: Cluster) -> None:
    run = made.run("--rate", "600")
    assert run.ends() == 0, run.text
    (record,) = run.measured.records
    audit = (record.result or {})["audit"]
    assert audit["target_rate"] == 600 and audit["due"] == 300


def test_a_second_client_hears_that_the_machines_are_busy(made: Cluster) -> None:
    first = made.run("--duration-ms", "4000")
    made.server.program("epoll")
    second = made.run()
    assert second.ends() == 1
    assert "the machine measures for another client; try again later" in second.text
    assert first.ends() == 0, first.text


def test_other_programs_are_refused_before_the_first_measurement(
    made: Cluster, tmp_path: Path
) -> None:
    """A load machine whose build differs."""
    build = tmp_path / "build"
    (build / "host" / "bin").mkdir(parents=True)
    (build / "host" / "bin" / "loadgen").write_bytes(b"another")
    os.environ["IOMODELS_BUILD"] = str(build)
    try:
        other = made.worker("load", "other")
    finally:
        del os.environ["IOMODELS_BUILD"]
    made.scheduler.says("other joined")
    run = made.run()
    assert run.ends() == 2, run.text
    assert "other: has other programs than load-1; build the same sources on all" in run.text
    assert not run.out.exists()
    other.close()
    made.scheduler.says("other left")


def test_a_name_is_taken_once(made: Cluster) -> None:
    twin = made.start("twin", "worker", made.bundle.path, "--role", "load", "--name", "load-1")
    twin.says("load-1: cannot join the cluster")
    twin.close()
