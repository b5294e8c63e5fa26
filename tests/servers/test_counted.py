"""In-process and /proc counters are compared with a program that does known amounts of work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from client import DEADLINE_S
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import Program
from iomodels.launch.watches import TICK_NS, ProcessWatch
from iomodels.launch.wine import WineLauncher
from running import FIXTURES

MB = 1 << 20
TICKS = 4 * TICK_NS
"""User and kernel time, at each end of the window: each cut to a whole tick."""


class Counted:
    """The fixture, looked at in both ways before and after it has done something."""

    def __init__(self, launcher: WineLauncher, program: Program) -> None:
        self.program = program
        self.ready = program.expect("ready", DEADLINE_S)
        self._pids = launcher.processes(program)

    def do(self, *commands: str) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        """Run `commands`; return the growth of its own counters, of /proc's and of wineserver's."""
        watches = [ProcessWatch(self._pids[role]) for role in ("server", "wineserver")]
        before = self._answer("sample")["process"]
        for watch in watches:
            watch.begin()
        for command in commands:
            self._answer(command)
        for watch in watches:
            watch.end()
            watch.close()
            assert watch.reason is None
        after = self._answer("sample")["process"]
        inside = {name: after[name] - value for name, value in before.items() if value is not None}
        return inside, watches[0].values, watches[1].values

    def _answer(self, command: str) -> dict[str, Any]:
        self.program.send(command)
        return self.program.expect("sample" if command == "sample" else "done", DEADLINE_S)


@pytest.fixture(scope="module")
def counted(launcher: Launcher) -> Iterator[Counted]:
    if not isinstance(launcher, WineLauncher):
        pytest.skip("/proc is Linux'; on Windows there is only one way to count")
    with launcher._start("server", FIXTURES / "counted.exe", []) as program:
        yield Counted(launcher, program)


def test_every_counter_lives_or_says_why_not(counted: Counted) -> None:
    sample = counted._answer("sample")["process"]
    assert sample.pop("sample_cost_ns") > 0
    sources, missing = counted.ready["process_sources"], counted.ready["process_missing"]
    assert {name for name, value in sample.items() if value is not None} == set(sources)
    assert {name for name, value in sample.items() if value is None} == set(missing)
    # Wine answers these with success and zeros: never a figure. What it fills must not be given up.
    assert {
        "context_switches",
        "handles",
        "page_faults",
        "paged_pool_bytes",
        "nonpaged_pool_bytes",
    } <= set(missing)
    assert {"cpu_user_ns", "cpu_kernel_ns", "working_set_bytes", "peak_working_set_bytes"} <= set(
        sources
    )


def test_context_switches(counted: Counted) -> None:
    """Two threads pass a turn 2 n times, which takes a switch each time on one CPU: at least 2 n.

    At most a thread waits three times per turn. It waits for the wineserver's reply to its
    SetEvent, for the reply to its wait, and for the turn. A busy machine adds involuntary switches
    only. The wineserver yields at least once per turn to the thread that it wakes.
    """
    n = 500
    inside, outside, wineserver = counted.do(f"switch {n}")
    assert "context_switches" not in inside
    assert outside["threads_ended"] == 0
    assert (
        outside["context_switches"] >= 2 * n
        and outside["context_switches_voluntary"] <= 6 * n + 100
    )
    assert wineserver["context_switches"] >= n
    assert (
        outside["context_switches"]
        == outside["context_switches_voluntary"] + outside["context_switches_involuntary"]
    )
    _, idle, _ = counted.do("switch 0")  # what asking costs by itself
    assert idle["context_switches_voluntary"] < 50


def test_cpu_time(counted: Counted) -> None:
    """The fixture spins by its thread's clock, so a busy machine makes it slower, not dearer."""
    inside, outside, _ = counted.do("spin 300")
    assert (
        -2 * TICK_NS <= outside["cpu_ns"] - 300_000_000 < 100_000_000
    )  # a thread's clock is user and kernel time in whole ticks, too
    both = (
        outside["cpu_user_ns"] + outside["cpu_kernel_ns"],
        inside["cpu_user_ns"] + inside["cpu_kernel_ns"],
    )
    assert all(abs(total - outside["cpu_ns"]) <= TICKS for total in both), (both, outside["cpu_ns"])


def test_memory_and_page_faults(counted: Counted) -> None:
    _, before, _ = counted.do()
    inside, after, _ = counted.do(f"touch {32 * MB}")
    for grown in (
        inside["working_set_bytes"],
        *(after[name] - before[name] for name in ("working_set_bytes", "private_bytes")),
    ):
        assert abs(grown - 32 * MB) < 1 * MB
    assert after["peak_working_set_bytes"] >= after["working_set_bytes"] - 1 * MB
    assert inside["peak_working_set_bytes"] >= 31 * MB
    assert (
        32 * MB // (2 * MB) <= after["page_faults"] <= 32 * MB // 4096 + 500
    )  # huge pages or small ones


def test_threads_that_come_and_go(counted: Counted) -> None:
    _, before, _ = counted.do()
    _, more, _ = counted.do("threads 5")
    assert (more["threads"], more["threads_ended"]) == (before["threads"] + 5, 0)
    _, shifted, _ = counted.do("shift", "shift")
    assert (shifted["threads"], shifted["threads_peak"]) == (more["threads"], more["threads"])
    assert (
        1 <= shifted["threads_ended"] <= 2
    )  # the second to end may be the one that began in between


def test_open_files(counted: Counted) -> None:
    """Under Wine only the wineserver knows an event's handle; a thread also has pipes here."""
    _, before, servers = counted.do()
    _, after, servers_after = counted.do("threads 4", "open 50")
    assert after["open_files"] > before["open_files"]
    assert servers_after["open_files"] >= servers["open_files"] + 4
