"""The load that the load generator makes, as the server sees it, and its errors for bad options."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fake
from client import DEADLINE_S
from iomodels.launch.process import Program
from iomodels.machine.placement import pinned
from running import BUILD, Server
from test_loadgen import LoadGenerator, failed_to_start, life, loadgen

__all__ = ["loadgen"]  # the fixture
pytestmark = pytest.mark.models("iocp", because="the load generator is asked, not the model")
SHORT = {"warmup_ms": 50, "duration_ms": 300}
AUDIT = {
    "timely_share",
    "timely_reason",
    "held_share",
    "slack_ns",
    "target_rate",
    "achieved_rate",
    "due",
    "sent",
    "behind_since_ns",
    "cpu_threads",
    "cpu_share_max",
    "pacing",
    "precedence",
    "throttled",
    "throttled_reason",
    "connections_requested",
    "connections_established",
    "littles_gap",
    "littles_reason",
    "littles_n",
    "littles_lambda",
    "littles_w_ns",
    "replies_checked",
    "bytes_checked",
    "errors",
    "clock_resolution_ns",
    "clock_read_ns",
}


def check_audit(result: dict[str, Any]) -> None:
    """Every figure is there, and those that follow from others do."""
    audit = result["audit"]
    assert set(audit) >= AUDIT
    assert (audit["replies_checked"], audit["errors"]) == (
        result["replies_checked"],
        result["errors"],
    )
    assert (
        audit["connections_established"]
        == audit["connections_requested"]
        == result["connections"]["requested"]
    )
    assert (audit["timely_share"] is None) == (audit["timely_reason"] is not None)
    assert audit["clock_resolution_ns"] > 0 and audit["clock_read_ns"] > 0
    assert len(audit["cpu_threads"]) == result["settings"]["threads"]
    if audit["littles_gap"] is not None:
        products = audit["littles_lambda"] * audit["littles_w_ns"] / 1e9
        assert abs(audit["littles_gap"]) == pytest.approx(
            abs(products / audit["littles_n"] - 1), rel=0.01, abs=1e-6
        )


def test_closed_loop_audits_itself(loadgen: LoadGenerator, server: Server) -> None:
    result = life(loadgen(server.port, connections=6, depth=2, threads=2, **SHORT))["result"]
    check_audit(result)
    audit = result["audit"]
    assert (
        result["loop"] == "closed"
        and audit["timely_share"] is None
        and audit["target_rate"] is None
    )
    assert audit["littles_n"] == 12 and audit["achieved_rate"] == pytest.approx(
        result["requests_per_second"]
    )
    assert 0 < result["jain_index"] <= 1.0000001


def test_open_loop_sends_what_is_due(loadgen: LoadGenerator, server: Server) -> None:
    result = life(loadgen(server.port, connections=5, rate=400, depth=64, **SHORT))["result"]
    check_audit(result)
    audit = result["audit"]
    assert result["loop"] == "open" and audit["target_rate"] == 400
    assert audit["due"] == result["response"]["count"] == result["service"]["count"] == 400 * 0.3
    assert result["unsent"] == result["unanswered"] == 0 and 0 < audit["timely_share"] <= 1


def test_pacing(loadgen: LoadGenerator, server: Server, request: pytest.FixtureRequest) -> None:
    """Requests are due every 0.8 ms: polling never sleeps between them, waiting always does."""
    resource = pytest.importorskip(
        "resource", reason="Windows does not report how often a program slept"
    )
    sleeps = {}
    for pacing in ("poll", "wait"):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_nvcsw
        result = life(loadgen(server.port, rate=1250, depth=64, pacing=pacing, **SHORT))["result"]
        sleeps[pacing] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_nvcsw - before
        assert (result["settings"]["pacing"], result["audit"]["pacing"]) == (pacing, pacing)
        assert result["unsent"] == result["unanswered"] == 0
    if "windows" not in request.node.callspec.id:  # Wine's threads sleep for more than this
        assert 3 * sleeps["poll"] < sleeps["wait"], sleeps
        audit = result["audit"]
        assert (audit["throttled"], audit["throttled_reason"]) == (False, None), "Linux does not"


@pytest.mark.skipif(
    shutil.which("taskset") is None, reason="processors are withheld by taskset (util-linux)"
)
@pytest.mark.parametrize(("cpus", "threads"), [(1, 1), (1, 2), (2, 2)])
def test_polling_leaves_the_server_a_processor(server: Server, cpus: int, threads: int) -> None:
    """Two threads that poll on one processor would be late while the other one has its turn."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < cpus:
        pytest.skip(f"needs {cpus} processors")
    words = (
        f"--port {server.port} --connections 2 --threads {threads} --rate 100 "
        "--warmup-ms 0 --duration-ms 50"
    )
    with Program(
        [*pinned(usable[:cpus]), str(BUILD / "host" / "bin" / "loadgen"), *words.split()]
    ) as program:
        audit = life(program)["result"]["audit"]
    own_cpus = threads <= cpus and threads < (os.cpu_count() or 1)
    assert audit["pacing"] == ("poll" if own_cpus and not audit["precedence"] else "wait")
    assert own_cpus or not audit["precedence"]


REFUSED = "prlimit --rtprio=0 setpriv --bounding-set=-sys_nice"


@pytest.mark.skipif(sys.platform != "linux", reason="on Windows no user needs a permission")
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() != 0, reason="only root is permitted")
@pytest.mark.parametrize(
    ("before", "rate", "precedes"), [("", 100, True), (REFUSED, 100, False), ("", 0, False)]
)
def test_an_open_loop_precedes_others_on_its_cpu_where_it_may(
    server: Server, before: str, rate: int, precedes: bool
) -> None:
    """A closed loop never does: it could keep the CPU busy on its own."""
    if (os.cpu_count() or 1) < 2:
        pytest.skip("needs a processor for the server")
    words = f"--port {server.port} --connections 2 --rate {rate} --warmup-ms 0 --duration-ms 300"
    with Program([*before.split(), str(BUILD / "host" / "bin" / "loadgen"), *words.split()]) as it:
        it.expect("ready", DEADLINE_S)
        it.send("go")
        it.expect("measuring", DEADLINE_S)
        threads = Path(f"/proc/{it.pid}/task").iterdir()
        policies = {os.sched_getscheduler(int(each.name)) for each in threads}
        it.expect("measured", DEADLINE_S)
        audit = it.expect("result", DEADLINE_S)["audit"]
    assert audit["precedence"] is precedes
    assert policies == {os.SCHED_RR if precedes else os.SCHED_OTHER}


def test_a_rate_that_cannot_be_met_is_confessed(loadgen: LoadGenerator, server: Server) -> None:
    """Blocking 20 ms per request allows 50 of 500 per second; the result says when it fell back."""
    program = loadgen(server.port, rate=500, block_us=20_000, timeout_ms=1500, **SHORT)
    for event in ("ready", "measuring", "measured", "result"):
        if event == "measuring":
            program.send("go")
        result = program.expect(event, DEADLINE_S)
    program.wait(DEADLINE_S)
    audit = result["audit"]
    assert (
        audit["achieved_rate"] < 0.2 * audit["target_rate"] and audit["sent"] < audit["due"] == 150
    )
    assert audit["behind_since_ns"] == 0, "it was behind when the window began"
    assert audit["held_share"] > 0.5, "its sends waited for the server"
    assert result["unsent"] > 0


def test_what_was_due_before_the_window_is_not_due_in_it(
    loadgen: LoadGenerator, server: Server
) -> None:
    """The warm-up has far more sends than the run completes; the window reports only its own."""
    result = life(
        loadgen(
            server.port,
            rate=10_000,
            block_us=20_000,
            timeout_ms=1000,
            warmup_ms=200,
            duration_ms=100,
        )
    )["result"]
    assert result["audit"]["due"] == result["unsent"] == 1000 and result["audit"]["sent"] == 0


def test_what_a_broken_connection_leaves_unsent_is_behind(loadgen: LoadGenerator) -> None:
    """The server leaves at the load's fifth request, due at 20 ms; no further request is sent."""
    with fake.fake_server(fake.after(5, fake.leave)) as port:
        program = loadgen(port, rate=200, warmup_ms=0, duration_ms=300, timeout_ms=500)
        program.expect("ready", DEADLINE_S)
        program.send("go")
        for event in ("measuring", "measured", "result"):
            result = program.expect(event, DEADLINE_S)
        assert program.wait(DEADLINE_S) == 1
    assert result["errors"]["closed"] == 1 and result["unsent"] == 55
    since_ns = result["audit"]["behind_since_ns"]
    assert since_ns <= 25_000_000 and since_ns % 5_000_000 == 0, (
        "late sends before it, without a break, make it earlier"
    )


def test_idle_connections_are_held_open(loadgen: LoadGenerator, server: Server) -> None:
    program = loadgen(server.port, connections=10, idle=7, **SHORT)
    program.expect("ready", DEADLINE_S)
    server.until_connections(10)
    program.send("go")
    for event in ("measuring", "measured", "result"):
        result = program.expect(event, DEADLINE_S)
    assert program.wait(DEADLINE_S) == 0
    assert result["connections"] == {"requested": 10, "established": 10, "alive": 10}
    assert (result["classes"][0]["idle"], result["audit"]["littles_n"]) == (7, 3)
    assert server.until_connections(0)["counters"]["accepted"] == 10


def test_idle_connections_send_nothing(loadgen: LoadGenerator) -> None:
    numbers: dict[int, int] = {}

    def count(connection: socket.socket, frame: bytes, number: int) -> bool:
        numbers[connection.getpeername()[1]] = number + 1
        return fake.echo(connection, frame, number)

    with fake.fake_server(count) as port:
        result = life(loadgen(port, connections=4, idle=3, **SHORT))["result"]
    assert result["jain_index"] == pytest.approx(1), (
        "the one that is active got all that the active ones get"
    )
    assert sorted(numbers.values())[:3] == [1, 1, 1] and max(numbers.values()) > 1


@pytest.mark.parametrize("close", ["rst", "fin"])
def test_churn(loadgen: LoadGenerator, server: Server, close: str) -> None:
    """Every connection ends after five replies; the result reports how long replacing them took.
    The warm-up replaces ten times as many as the window, which alone counts."""
    window = {"warmup_ms": 1000, "duration_ms": 100}
    result = life(loadgen(server.port, connections=3, churn=5, close=close, **window))["result"]
    check_audit(result)
    counters = server.until_connections(0)["counters"]
    assert abs(5 * result["connects"] - result["requests"]) <= 2 * 5 * 3, (
        "at both ends of the window"
    )
    assert counters["accepted"] >= result["connects"] + 3
    assert result["connect"]["count"] >= result["connects"] + 3
    assert counters["requests"] == result["replies_checked"]
    assert counters["accepted"] >= counters["requests"] / 5
    assert counters["failures"] == counters["truncated"] == 0
    if close == "fin":
        assert counters["resets"] == 0


@pytest.mark.parametrize("stream", ["download", "upload"])
def test_streams(loadgen: LoadGenerator, server: Server, stream: str) -> None:
    size = 200_000
    result = life(loadgen(server.port, stream=stream, size=size, connections=2, **SHORT))["result"]
    counters = server.until_connections(0)["counters"]
    there, back = (24, 24 + size) if stream == "download" else (24 + size, 24)
    assert (
        counters["bytes_received"] == counters["requests"] * there
        and counters["bytes_sent"] == counters["requests"] * back
    )
    assert result["bytes_checked"] == result["replies_checked"] * back


def test_classes_are_reported_apart(loadgen: LoadGenerator, server: Server) -> None:
    program = loadgen(
        server.port,
        **{
            "class": (
                "heavy:connections=1,size=50000",
                "light:connections=8,size=10,rate=200,depth=8",
            )
        },
        **SHORT,
    )  # type: ignore[arg-type]
    result = life(program)["result"]
    check_audit(result)
    heavy, light = result["classes"]
    assert (heavy["name"], heavy["loop"], heavy["connections"], heavy["target_rate"]) == (
        "heavy",
        "closed",
        1,
        None,
    )
    assert (light["name"], light["loop"], light["connections"], light["target_rate"]) == (
        "light",
        "open",
        8,
        200,
    )
    assert result["loop"] == "mixed" and result["connections"]["requested"] == 9
    assert heavy["requests"] + light["requests"] == result["requests"] > 0
    assert abs(heavy["bytes_received"] - heavy["requests"] * 50_024) <= 50_024, (
        "bytes are those inside the window, replies may lie across its edge"
    )
    assert light["response"]["count"] == 200 * 0.3
    assert light["jain_index"] <= 1.0000001 and result["jain_index"] < 1, (
        "heavy and light do not get the same"
    )


def test_sizes_are_drawn(loadgen: LoadGenerator, server: Server) -> None:
    """Three of four requests have 64 bytes, the fourth 1,000 to 2,000; one seed, one sequence."""
    result = life(loadgen(server.port, connections=4, size="64*3+1000..2000*1", **SHORT))["result"]
    counters = server.until_connections(0)["counters"]
    assert result["bytes_checked"] == counters["bytes_received"] == counters["bytes_sent"]
    mean = result["bytes_checked"] / result["replies_checked"] - 24
    expected, spread = 423.0, 640.0
    assert abs(mean - expected) < 5 * spread / result["replies_checked"] ** 0.5
    assert result["settings"]["size"] == "64*3+1000..2000*1"


def test_work_is_drawn(loadgen: LoadGenerator) -> None:
    seen: list[tuple[int, int]] = []

    def remember(connection: socket.socket, frame: bytes, number: int) -> bool:
        seen.append(struct.unpack("<II", frame[8:16]))
        return fake.echo(connection, frame, number)

    with fake.fake_server(remember) as port:
        life(loadgen(port, cpu_us="5..9", block_us="exp:1000", duration_ms=400, warmup_ms=0))
    assert {cpu for cpu, _ in seen} == {5, 6, 7, 8, 9}
    blocks = [block for _, block in seen]
    mean = sum(blocks) / len(blocks)
    assert abs(mean - 1000) < 5 * 1000 / len(blocks) ** 0.5 and max(blocks) <= 250_000
    assert 0.05 < sum(block > 2303 for block in blocks) / len(blocks) < 0.16, (
        "a tenth of an exponential is above 2.3 means"
    )


def test_a_ramp_takes_its_time(loadgen: LoadGenerator, server: Server) -> None:
    ready = life(loadgen(server.port, connections=4, ramp_ms=400, **SHORT))["ready"]
    assert ready["connect_ns"] >= 300_000_000


def test_sources(loadgen: LoadGenerator) -> None:
    addresses: set[str] = set()

    def remember(connection: socket.socket, frame: bytes, number: int) -> bool:
        addresses.add(connection.getpeername()[0])
        return fake.echo(connection, frame, number)

    with fake.fake_server(remember) as port:
        ready = life(loadgen(port, connections=6, sources=3, **SHORT))["ready"]
    assert addresses == {"127.0.0.1", "127.0.0.2", "127.0.0.3"} and ready["sources"] == 3


def test_more_connections_than_there_can_be(
    loadgen: LoadGenerator, server: Server, request: Any
) -> None:
    """Refused before anything is measured, by the limit's name and with the way to raise it."""
    if sys.platform == "win32" or "windows" in request.node.callspec.id:
        pytest.skip("Windows has no limit of open files; its ports are more than Wine tells")
    line = failed_to_start(loadgen(server.port, connections=1_000_000), 1)
    assert "1000000" in line and "ulimit" in line
    assert server.counters()["accepted"] == 0


def test_calibration(loadgen: LoadGenerator) -> None:
    program = loadgen(calibrate=True, points="1,8", point_ms=100, size=100)
    said = program.expect("calibration", DEADLINE_S)
    assert program.wait(DEADLINE_S) == 0
    assert [point["connections"] for point in said["points"]] == [1, 8]
    assert all(
        point["rate"] > 0
        and 0 < point["min_ns"] <= point["p50_ns"] <= point["p99_ns"] <= point["max_ns"]
        for point in said["points"]
    )
    for point in said["points"]:
        if not point["cpu_share_max"]:  # unavailable, or the clock of CPU time did not tick
            assert point["ceiling"] is None
        else:
            assert point["cpu_share_max"] <= 1.5
            assert point["ceiling"] == pytest.approx(
                point["rate"] / point["cpu_share_max"], rel=0.001
            )
    assert said["clock"]["resolution_ns"] > 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("option", ["--help", "--describe"])
def test_an_answer_that_cannot_be_written_is_a_failure(option: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [BUILD / "host" / "bin" / "loadgen", option],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=DEADLINE_S,
        )
    said = f"loadgen: {option}: cannot be written to standard output\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_describes_its_options(loadgen: LoadGenerator, server: Server) -> None:
    program = loadgen(describe=True)
    options = {
        option["name"]: option for option in program.expect("describe", DEADLINE_S)["options"]
    }
    assert program.wait(DEADLINE_S) == 0
    settings = life(loadgen(server.port, **SHORT))["result"]["settings"]
    assert set(settings) <= set(options)
    assert (
        options["arrivals"]["allowed"] == ["constant", "poisson"] and options["depth"]["min"] == 1
    )


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"arrivals": "poisson"}, "--arrivals"),
        ({"arrivals": "often", "rate": 5}, "often"),
        ({"rate": 100_000_001}, "100000001"),
        ({"idle": 1}, "--idle"),
        ({"size": "5..1"}, "5..1"),
        ({"size": "exp:"}, "exp:"),
        ({"size": "64*3+"}, "64*3+"),
        ({"block-us": "1..250001"}, "250001"),
        ({"close": "softly"}, "softly"),
        ({"stream": "sideways"}, "sideways"),
        ({"pacing": "never"}, "never"),
        ({"stream": "download", "reply-size": 5}, "--stream"),
        ({"sources": 65}, "65"),
        ({"class": "heavy"}, "heavy"),
        ({"class": "heavy:weight=5"}, "weight"),
        ({"class": "He avy:size=5"}, "He avy"),
        ({"class": ("a:size=5", "a:size=6")}, "a"),
        ({"class": "a:connections=2,idle=2"}, "idle"),
        ({"points": "1,,2"}, "1,,2"),
        ({"slack-us": 0}, "--slack-us"),
    ],
    ids=str,
)
def test_usage_error(loadgen: LoadGenerator, options: dict[str, int | str], named: str) -> None:
    """With --describe as well: that is how the harness asks whether a suite's load is right."""
    for more in ({"port": 1}, {"describe": True}):
        program = loadgen(**{**options, **more})
        with pytest.raises(Exception) as failure:
            program.expect("ready", DEADLINE_S)
        lines = getattr(failure.value, "stderr", "").splitlines()
        assert (getattr(failure.value, "program_code", None), len(lines)) == (2, 1), failure.value
        assert named in lines[0]
