"""Which CPUs run what: chosen by the topology, said by --affinity, kept by a resumed run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import pytest

from iomodels.machine import placement
from iomodels.machine.placement import (
    Placement,
    default_placement,
    parse_affinity,
    physical_cores,
    recorded_placement,
    unusable,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32",
    reason="how programs are placed under Linux; Windows' answers are simulated here",
)


@pytest.fixture(autouse=True)
def taskset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if it were installed, wherever this runs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "taskset").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder / "taskset"


def machine(folder: Path, cores: str, nodes: str = "") -> Path:
    """Make a /sys/devices/system/cpu: "0,4 1,5" is 2 cores of 2 threads, "0,1|2,3" 2 nodes."""
    for core in cores.split():
        for cpu in core.split(","):
            (folder / f"cpu{cpu}" / "topology").mkdir(parents=True)
            (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(core + "\n")
    for number, node in enumerate(nodes.split("|") if nodes else []):
        for cpu in node.split(","):
            (folder / f"cpu{cpu}" / f"node{number}").mkdir()
    return folder


def usable(monkeypatch: pytest.MonkeyPatch, *cpus: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(cpus))


@pytest.mark.parametrize(
    ("cpus", "cores", "nodes", "server", "loadgen"),
    [
        ((3,), "3", "", (), ()),
        ((0, 1), "0 1", "", (0,), (1,)),
        ((2, 5), "2 5", "", (2,), (5,)),  # a container's share
        ((0, 1), "0,1", "", (0,), (1,)),  # two threads of one core: better than one
        (
            (0, 1, 2, 3),
            "0,1 2,3",
            "",
            (0,),
            (2,),
        ),  # neighbours in number are siblings: never the server's
        ((0, 1, 2, 3), "0,2 1,3", "", (0,), (1,)),
        ((0, 1, 2), "0 1 2", "", (0,), (2,)),
        ((0, 1, 2, 3), "0 1 2 3", "", (0,), (1, 2, 3)),
        ((0, 1, 2, 3, 4, 5, 6, 7), "0,4 1,5 2,6 3,7", "", (0,), (1, 2, 3)),
        ((0, 1, 2, 3), "0 1 2 3", "0,1|2,3", (0,), (1,)),  # near memory before many cores
        ((0, 2), "0 2", "0|2", (0,), (2,)),  # only the other node has one
        ((1, 4, 5), "0,4 1,5", "", (1,), (4,)),
    ],
)
def test_default(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cpus: tuple[int, ...],
    cores: str,
    nodes: str,
    server: tuple[int, ...],
    loadgen: tuple[int, ...],
) -> None:
    usable(monkeypatch, *cpus)
    placement = default_placement(machine(tmp_path, cores, nodes))
    assert (placement.server_cpus, placement.wineserver_cpus, placement.loadgen_cpus) == (
        server,
        server,
        loadgen,
    )
    assert placement.note


def test_a_system_that_tells_no_topology(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usable(monkeypatch, 0, 1)
    assert physical_cores([0, 1], tmp_path) == [(0,), (1,)]
    assert default_placement(tmp_path).loadgen_cpus == (1,)


def test_no_placement_without_taskset(monkeypatch: pytest.MonkeyPatch, taskset: Path) -> None:
    usable(monkeypatch, 0, 1)
    taskset.unlink()
    assert default_placement() == Placement(
        note="not pinned: taskset (util-linux) is not installed"
    )
    with pytest.raises(ValueError, match=r"^loadgen=1: taskset \(util-linux\) is not installed$"):
        parse_affinity("loadgen=1")


@pytest.mark.parametrize(
    ("text", "server", "wineserver", "loadgen"),
    [
        ("none", (), (), ()),
        ("server=0,loadgen=1", (0,), (0,), (1,)),
        ("server=0,wineserver=4,loadgen=1-3,5", (0,), (4,), (1, 2, 3, 5)),
        ("loadgen=1,server=4,5", (4, 5), (4, 5), (1,)),
        ("loadgen=1", (), (), (1,)),
    ],
)
def test_affinity(
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    server: tuple[int, ...],
    wineserver: tuple[int, ...],
    loadgen: tuple[int, ...],
) -> None:
    usable(monkeypatch, *range(6))
    placement = parse_affinity(text)
    assert (placement.server_cpus, placement.wineserver_cpus, placement.loadgen_cpus) == (
        server,
        wineserver,
        loadgen,
    )
    assert text in placement.note and "shares" not in placement.note


def test_an_overlap_is_allowed_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    usable(monkeypatch, 0, 1)
    note = parse_affinity("server=0,wineserver=1,loadgen=0-1").note
    assert note == (
        "--affinity server=0,wineserver=1,loadgen=0-1; "
        "the load generator shares CPU 0, 1 with what it measures"
    )


FORM = "must be none or comma-separated ROLE=CPUS, as in server=0,wineserver=0,loadgen=1-3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", FORM),
        ("0", FORM),
        ("server", FORM),
        ("server=", f"server: {FORM}"),
        ("server=0,,loadgen=1", f"server: {FORM}"),
        ("server=2-1", f"server: {FORM}"),
        ("server=-1", f"server: {FORM}"),
        ("server=0x1", f"server: {FORM}"),
        ("server=0;loadgen=1", f"server: {FORM}"),
        ("client=0", "client: no such role; available: server, wineserver, loadgen"),
        ("server=0,server=1", "names server twice"),
        ("server=0,loadgen=2", "loadgen: CPU 2 is not usable here; available: 0, 1"),
        (
            "loadgen=0-99999",
            "loadgen: CPU 2, 3, 4, 5, 6, 7, 8, 9 is not usable here; available: 0, 1",
        ),
    ],
)
def test_wrong_affinity(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    usable(monkeypatch, 0, 1)
    with pytest.raises(ValueError) as caught:
        parse_affinity(text)
    assert str(caught.value) == f"{text}: {message}"


def test_a_run_goes_on_with_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    usable(monkeypatch, 0, 1)
    placement = Placement((0,), (1,), "so", (1,))
    assert recorded_placement({**asdict(placement), "server_cpus": [0]}) == placement
    assert recorded_placement(
        {"server_cpus": [0], "loadgen_cpus": [1], "note": "older"}
    ).wineserver_cpus == (0,)
    assert unusable(placement) == () and unusable(Placement((7,), (1,), "", (8,))) == (7, 8)


class Windows:
    """The CPUs that Windows would name."""

    cpus: ClassVar[list[int]] = []


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch, taskset: Path) -> type[Windows]:
    taskset.unlink()
    monkeypatch.setattr(placement, "ON_WINDOWS", True)
    monkeypatch.setattr(placement.cpu_sets, "usable", lambda: Windows.cpus)
    monkeypatch.setattr(Windows, "cpus", list(range(8)))
    return Windows


def test_affinity_on_windows(windows: type[Windows]) -> None:
    chosen = parse_affinity("server=0-3,loadgen=4-7")
    assert (chosen.server_cpus, chosen.wineserver_cpus, chosen.loadgen_cpus) == (
        (0, 1, 2, 3),
        (),
        (4, 5, 6, 7),
    )
    assert parse_affinity("none") == Placement(note="not pinned: --affinity none")
    assert unusable(chosen) == ()
    windows.cpus = [0, 1, 2, 3]
    assert unusable(chosen) == (4, 5, 6, 7)


@pytest.mark.parametrize(
    ("cpus", "text", "message"),
    [
        (range(4), "server=0,wineserver=1", "wineserver: no such role; available: server, loadgen"),
        (range(4), "server=4", "server: CPU 4 is not usable here; available: 0, 1, 2, 3"),
        (
            (),
            "server=0",
            "cannot pin: the CPUs are in several processor groups (more than 64 CPUs), "
            "and an affinity mask names only one; omit --affinity",
        ),
    ],
)
def test_wrong_affinity_on_windows(
    windows: type[Windows], cpus: Sequence[int], text: str, message: str
) -> None:
    windows.cpus = list(cpus)
    with pytest.raises(ValueError) as caught:
        parse_affinity(text)
    assert str(caught.value) == f"{text}: {message}"
