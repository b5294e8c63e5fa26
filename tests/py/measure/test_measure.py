"""One measurement with fake programs: whatever they do becomes one record in time, and none of them is left
(the launcher fixture looks for that after each test)."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace

import pytest

from iomodels.base.interrupts import Interrupted, Interrupts
from iomodels.data.records import Condition, Record
from iomodels.data.store import check_record
from iomodels.measure import measurement as measure_module
from iomodels.measure.measurement import measure
from iomodels.plan.order import Measurement
from iomodels.plan.suite import Suite
from stage import SHORT, FakeLauncher, described

ITEM = Measurement(3, 1, Condition("two", 8, 64, 64, 1, (("threads", 4),)))


def measured(
    launcher: FakeLauncher, suite: Suite, server: str = "normal", loadgen: str = "normal"
) -> Record:
    launcher.behaviour = lambda number: (server, loadgen)
    record = measure(
        launcher,
        suite,
        "run-1",
        ITEM,
        deadlines=replace(SHORT, start_s=1.0 if server == "never ready" else 5.0),
    )
    check_record(record, "the record")
    return record


def test_a_good_one(launcher: FakeLauncher, suite: Suite) -> None:
    record = measured(launcher, suite)
    assert (record.status, record.reason, record.stderr) == ("ok", None, None)
    assert (record.index, record.repeat, record.condition, record.platform) == (
        3,
        1,
        ITEM.condition,
        "fake-1.0",
    )
    assert record.server and record.loadgen
    requests = [
        record.server[event]["counters"]["requests"] for event in ("begin", "end", "summary")
    ]
    assert requests == [1000, 2000, 3000]
    assert record.loadgen["result"]["requests"] == 10
    assert launcher.started == [{"model": "two", "port": 0, "threads": 4}]


def test_the_load_generator_is_told_what_to_do(launcher: FakeLauncher, suite: Suite) -> None:
    record = measured(launcher, replace(suite, seed=9, warmup_ms=2, duration_ms=3))
    assert record.loadgen
    assert record.loadgen["argv"][-18:] == [
        "--port",
        "4711",
        "--connections",
        "8",
        "--size",
        "64",
        "--depth",
        "1",
        "--threads",
        "2",
        "--warmup-ms",
        "2",
        "--duration-ms",
        "3",
        "--seed",
        "10",
        "--timeout-ms",
        "1000",
    ]


def test_no_more_threads_than_connections(launcher: FakeLauncher, suite: Suite) -> None:
    item = replace(ITEM, condition=replace(ITEM.condition, connections=1))
    record = measure(launcher, suite, "run-1", item, deadlines=SHORT)
    assert record.loadgen and "--threads 1" in " ".join(record.loadgen["argv"])


def test_a_server_gets_room_for_its_connections(launcher: FakeLauncher, suite: Suite) -> None:
    item = replace(ITEM, condition=replace(ITEM.condition, connections=101))
    assert measure(launcher, suite, "run-1", item, deadlines=SHORT).ok
    assert launcher.started == [{"model": "two", "port": 0, "threads": 4, "max-conns": 101}]


@pytest.mark.parametrize(
    ("behaviour", "reason", "stderr"),
    [
        (
            "dies before ready",
            "fake-server: ended .* 'ready'; exit code 3",
            "fake-server: cannot listen: address in use",
        ),
        ("never ready", "fake-server: no 'ready' within 1 s", None),
        (
            "garbage",
            "fake-server: waiting for 'ready': not a JSON object: Hello, I am a server",
            None,
        ),
        ("no port", "the server's ready names no port: 'none'", None),
        ("other platform", "the server ran on fake-2.0, but this run on fake-1.0", None),
        ("dies in mid-window", "fake-server: .*exit code 3", "fake-server: assertion failed"),
        ("no summary", "fake-server: .* 'summary'; exit code 1", "fake-server: still draining"),
        ("bad exit", "server: exit code 1 after its summary", "fake-server: leaked 3 sessions"),
    ],
)
def test_servers_that_fail(
    launcher: FakeLauncher, suite: Suite, behaviour: str, reason: str, stderr: str | None
) -> None:
    record = measured(launcher, suite, server=behaviour)
    assert record.status == "failed"
    assert re.match(reason, record.reason or "")
    assert record.stderr == stderr


@pytest.mark.parametrize(
    ("behaviour", "reason", "stderr"),
    [
        (
            "dies before ready",
            "fake-loadgen: ended .* 'ready'; exit code 1",
            "fake-loadgen: cannot connect: refused",
        ),
        ("hangs", "fake-loadgen: no 'measured' within 3.004 s", None),
        ("dies in mid-window", "fake-loadgen: .* 'measured'; killed by SIGKILL", None),
        ("errors", "load generator: errors: reset 2, mismatch 1$", None),
        ("errors and exit 0", "load generator: errors: reset 2$", None),
        ("unanswered", "load generator: 5 requests were never answered", None),
        ("few connections", "load generator: established 7 of 8 connections", None),
        ("exit 5", "load generator: exit code 5 although its result has no error", None),
        ("no replies", "no reply was complete inside the measuring window", None),
        (
            "no latency",
            "an event does not follow docs/interface.md: at loadgen.result: 'response' is a required",
            None,
        ),
        (
            "wrong histogram",
            "an event does not follow docs/interface.md: response: the histogram holds 9 latencies",
            None,
        ),
    ],
)
def test_load_generators_that_fail(
    launcher: FakeLauncher, suite: Suite, behaviour: str, reason: str, stderr: str | None
) -> None:
    record = measured(launcher, suite, loadgen=behaviour)
    assert record.status == "failed"
    assert re.match(reason, record.reason or "")
    assert record.stderr == stderr
    assert record.server and record.server["ready"]


def test_a_failed_result_is_kept(launcher: FakeLauncher, suite: Suite) -> None:
    record = measured(launcher, suite, loadgen="errors")
    assert record.loadgen and record.server
    assert record.loadgen["result"]["errors"]["reset"] == 2
    assert record.server["summary"]["counters"]["requests"] == 3000


def test_the_load_generators_view_of_a_dead_server_is_kept(
    launcher: FakeLauncher, suite: Suite
) -> None:
    record = measured(launcher, suite, "dies in mid-window", "errors")
    assert record.reason and record.reason.startswith("fake-server: ")
    assert record.loadgen and record.loadgen["result"]["errors"]["reset"] == 2


def test_the_server_that_died_first_is_blamed(launcher: FakeLauncher, suite: Suite) -> None:
    record = measured(launcher, suite, "dies in mid-window", "its server dies")
    assert record.reason
    assert record.reason.startswith(
        "fake-server: died in mid-measurement, exit code 3; then fake-loadgen: ended"
    )
    assert record.stderr == "fake-server: assertion failed\nfake-loadgen: all connections closed"


def test_a_server_that_does_not_answer(launcher: FakeLauncher, suite: Suite) -> None:
    """It does not even end with its stdin: it takes a stronger signal, and the record does not wait for ever."""
    record = measured(launcher, suite, "deaf to signals", "hangs")
    assert (
        record.reason
        == "fake-loadgen: no 'measured' within 3.004 s; still running; stderr is empty"
    )


def test_limits_start_nothing(launcher: FakeLauncher, suite: Suite) -> None:
    launcher.described["two"] = described("two", max_conns=7)
    record = measured(launcher, suite)
    assert (record.status, record.reason) == ("failed", "limit: two takes at most 7 connections")
    assert launcher.programs == []


@pytest.mark.parametrize(
    ("name", "number"), [("SIGINT", signal.SIGINT), ("SIGTERM", signal.SIGTERM)]
)
def test_signals_end_it_at_once(
    launcher: FakeLauncher, suite: Suite, name: str, number: int
) -> None:
    launcher.behaviour = lambda _: ("normal", name)
    with pytest.raises(Interrupted) as caught, Interrupts() as interrupts:
        measure(launcher, suite, "run-1", ITEM, deadlines=SHORT, waiting=interrupts.allowed)
    assert caught.value.signal == number
    assert len(launcher.programs) == 2


def test_an_unexpected_error_leaves_nothing(
    launcher: FakeLauncher, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(measure_module, "_drive", broken)
    with pytest.raises(ZeroDivisionError):
        measure(launcher, suite, "run-1", ITEM, deadlines=SHORT)
    assert len(launcher.programs) == 2


def test_signals_wait_until_they_may() -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGTERM)  # here nothing happens
        with pytest.raises(Interrupted), interrupts.allowed():
            pytest.fail("must not be reached")
        signal.raise_signal(signal.SIGINT)  # and a second one never disturbs the stopping
        with pytest.raises(Interrupted):
            interrupts.check()
    with pytest.raises(KeyboardInterrupt):  # as before
        signal.raise_signal(signal.SIGINT)


def test_a_signal_after_the_last_check_is_raised_at_the_end() -> None:
    with pytest.raises(Interrupted), Interrupts():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
@pytest.mark.parametrize(("platform", "ok"), [("wine-8.0", True), ("fake-1.0", False)])
def test_a_crash_of_wine_after_the_summary_is_told_apart(
    launcher: FakeLauncher,
    suite: Suite,
    platform: str,
    ok: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A crash of ours ends with exit code 5 there; on another platform the signal is ours."""
    monkeypatch.setenv("FAKE_PLATFORM", platform)
    launcher.platform = platform
    record = measured(launcher, suite, server="dies in Wine")
    assert record.ok is ok
    assert record.server is not None
    if ok:
        assert record.server["died_in_wine"] == "killed by SIGSEGV"
    else:
        assert record.reason == "server: killed by SIGSEGV after its summary"
