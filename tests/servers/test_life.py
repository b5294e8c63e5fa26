"""A server's life: what it says of itself, its samples, its options, and how it stops."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from client import DEADLINE_S, PAYLOAD_MAX, Client, Frame, echo_frame, visit
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import Program, ProgramFailed
from pump import Pump
from running import COUNTERS, NATIVE, Server, Start
from under_test import program_of

PROCESS = ("cpu_user_ns", "cpu_kernel_ns", "working_set_bytes", "peak_working_set_bytes")


def test_describe(described: dict[str, Any], model: str, launcher: Launcher) -> None:
    """--describe names the model, its family, its limit and its options with bounds and default."""
    assert described["model"] == model
    assert described["supported"] is True
    assert described["platform"] == launcher.platform
    assert isinstance(described["summary"], str) and described["summary"]
    assert described["family"] in ("blocking", "readiness", "completion")
    assert described["limit"] is None or isinstance(described["limit"], str)
    assert described["max_conns"] is None or described["max_conns"] > 0
    options = {option["name"]: option for option in described["options"]}
    assert len(options) == len(described["options"]), "an option is listed twice"
    assert {"port", "max-conns", "buffer", "backlog"} <= set(options)
    if model in (
        "threads",
        "events",
        "event_select",
    ):  # their clients decide how many threads there are
        assert "threads" not in options
    else:
        assert options["threads"]["min"] == 1
    assert "host" not in options
    for option in options.values():
        assert option["min"] <= option["default"] <= option["max"], option
        assert (
            isinstance(option["unit"], str) and isinstance(option["help"], str) and option["help"]
        ), option


def test_capacity(described: dict[str, Any], model: str) -> None:
    """Each model holds as many clients as it guarantees, where Windows allows it."""
    options = {option["name"]: option for option in described["options"]}
    least = {"select": 1000 if NATIVE else 4096}.get(model, 10_000)
    assert options["max-conns"]["max"] >= least
    assert options["max-conns"]["default"] >= least


def test_ready_names_the_settings_in_force(
    start: Start, described: dict[str, Any], model: str, launcher: Launcher
) -> None:
    """The ready line says where the server listens and the value of every option, given or not."""
    server = start(buffer=8192, max_conns=77)
    ready = server.ready
    assert ready["model"] == model
    assert ready["platform"] == launcher.platform
    assert ready["host"] == "127.0.0.1"
    assert 1 <= ready["port"] <= 65_535
    assert ready["pid"] > 0
    expected = {
        option["name"]: option["default"]
        for option in described["options"]
        if option["name"] != "port"
    }
    assert expected | {"buffer": 8192, "max-conns": 77} == {
        name: value for name, value in ready["settings"].items() if name != "port"
    }
    assert ready["socket"]["nodelay"] is True
    assert ready["socket"]["send_buffer"] > 0 and ready["socket"]["receive_buffer"] > 0


def test_given_port_is_used(start: Start) -> None:
    """--port N means port N."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = start(port=port)
    assert server.port == port
    with Client(port) as client:
        client.check(echo_frame(10))


def test_sample_of_an_idle_server(server: Server) -> None:
    """Every counter is there and is 0; memory is not."""
    sample = server.sample()
    assert set(COUNTERS) <= set(sample["counters"])
    assert all(isinstance(sample["counters"][name], int) for name in COUNTERS)
    assert [
        name for name in COUNTERS if sample["counters"][name] and name not in ("waits", "events")
    ] == []
    assert sample["connections"] == 0
    assert set(PROCESS) <= set(sample["process"])
    assert all(value is None or isinstance(value, int) for value in sample["process"].values())
    assert sample["process"]["working_set_bytes"] > 0
    assert sample["process"]["peak_working_set_bytes"] >= sample["process"]["working_set_bytes"]
    assert server.sample()["time_ns"] > sample["time_ns"]


def test_spin(server: Server) -> None:
    """`ready` names the command; it does fixed work in parts, while the server serves clients."""
    assert server.ready["commands"] == ["sample", "spin"]
    with server.connect() as client:
        client.check(echo_frame(10))
        before = server.counters()
        server.program.send("spin")
        client.check(echo_frame(10))
        spin = server.program.expect("spin", DEADLINE_S)
        after = server.until_counted(requests=2)["counters"]
    assert 0 < spin["fastest_ns"] * spin["parts"] <= spin["ns"]
    assert before["requests"] == 1
    assert (after["accepted"], after["failures"], after["protocol_errors"]) == (1, 0, 0)


def test_counters_add_up(server: Server) -> None:
    """Requests, bytes, connections, receives and sends are what three clients have seen of them."""
    frames = [
        Frame(
            echo_frame(i * 91 % 5000, i).payload,
            reply_length=None if i % 2 else i * 57 % 7000,
            sequence=i,
        )
        for i in range(100)
    ]
    clients = [server.connect() for _ in range(3)]
    for client in clients:
        for frame in frames:
            client.check(frame)
    received = 3 * sum(len(frame.request) for frame in frames)
    sent = 3 * sum(len(frame.reply) for frame in frames)
    sample = server.until_counted(
        requests=300, bytes_received=received, bytes_sent=sent, accepted=3, closed=0
    )
    assert sample["connections"] == 3
    counters = sample["counters"]
    assert (
        counters["receives"] >= 300 and counters["sends"] >= 300
    )  # one at a time: nothing to merge
    assert counters["waits"] > 0 and counters["events"] > 0
    for client in clients:
        client.close()
    server.until_counted(closed=3)
    summary = server.end()
    assert [summary["counters"][name] for name in ("requests", "bytes_received", "bytes_sent")] == [
        300,
        received,
        sent,
    ]


def test_samples_while_under_load(server: Server) -> None:
    """Each line is one whole JSON object with counters that never go back."""
    with server.connect() as client:
        before = dict.fromkeys(COUNTERS, 0)
        for turn in range(100):
            client.send(echo_frame(500, turn).request)
            counters = server.counters()
            assert all(counters[name] >= before[name] for name in COUNTERS), (before, counters)
            before = counters
            client.receive(524)


STOP = pytest.mark.wine_hides(
    "shutdown() and closing the port wake no pending receive; servers here use CancelIoEx"
)


@STOP
@pytest.mark.parametrize("clients", [0, 10])
def test_stop_while_idle(server: Server, clients: int) -> None:
    """With no client or with ten silent ones: exit code 0, every connection closed."""
    connected = [server.connect() for _ in range(clients)]
    for client in connected:
        client.check(echo_frame(10))
    summary = server.end()
    counters = summary["counters"]
    assert counters["accepted"] == counters["closed"] == clients
    assert (counters["failures"], counters["resets"], counters["truncated"]) == (0, 0, 0), (
        "cancelled on purpose is not lost"
    )
    assert all(client.until_closed() == b"" for client in connected)


def test_stop_right_after_ready(start: Start) -> None:
    """Also with a client that has connected but never been looked at."""
    for clients in (0, 1, 1, 3):
        server = start()
        connected = [server.connect() for _ in range(clients)]
        server.end()
        for client in connected:
            client.close()


@STOP
@pytest.mark.parametrize("work_us", [0, 20_000])
def test_stop_under_load(
    server: Server, work_us: int, record_property: Callable[[str, object], None]
) -> None:
    """stdin closes while 50 clients send requests: the server exits with 0, counters balance."""
    frame = Frame(echo_frame(1000).payload, block_us=work_us)
    clients = 50
    pumps = [Pump(server.port, [frame]) for _ in range(clients)]
    least = 200 if work_us == 0 else 40
    server.until(
        lambda sample: sample["counters"]["requests"] >= least and sample["connections"] == clients,
        "load",
    )
    begun = time.monotonic()
    summary = server.end()
    record_property("stop_ms", round((time.monotonic() - begun) * 1000))
    for pump in pumps:
        pump.join()
    answered = sum(pump.answered for pump in pumps)
    counters = summary["counters"]
    assert answered >= least - clients
    assert counters["accepted"] == counters["closed"] == clients
    assert counters["requests"] >= answered
    assert counters["bytes_sent"] >= answered * len(frame.reply)
    assert counters["bytes_received"] >= (counters["requests"] - clients) * len(frame.request)
    assert (counters["protocol_errors"], counters["refused"]) == (0, 0)


@STOP
def test_stop_with_clients_in_every_state(
    server: Server, record_property: Callable[[str, object], None]
) -> None:
    """The server stops with 200 clients: silent, inside a frame, not reading, busy or leaving."""
    states = [
        b"",
        header_of(100)[:7],
        header_of(100) + b"x" * 50,
        Frame(b"", reply_length=PAYLOAD_MAX).request * 8,
    ]
    clients = [server.connect() for _ in range(200)]
    for number, client in enumerate(clients):
        client.send(states[number % len(states)])
    pumps = [Pump(server.port, [echo_frame(5000, number)]) for number in range(10)]
    server.until(
        lambda sample: sample["counters"]["requests"] > 20 and sample["connections"] == 210, "load"
    )
    for client in clients[:40]:
        client.reset()
    begun = time.monotonic()
    counters = server.end()["counters"]
    record_property("stop_ms", round((time.monotonic() - begun) * 1000))
    assert counters["accepted"] == counters["closed"] == 210
    for pump in pumps:
        pump.join()
    for client in clients[40:]:
        client.close()


def header_of(size: int) -> bytes:
    return echo_frame(size).request[:24]


@STOP
def test_stop_while_clients_come_and_go(start: Start) -> None:
    """Five times: the end comes while connections are being accepted, served and closed."""
    for _ in range(5):
        server = start()
        port = server.port

        def storm(port: int = port) -> None:
            with contextlib.suppress(
                OSError, AssertionError
            ):  # the server goes while they ask: no reply, or half of one
                visit(port, 100_000, 20, quiet_every=3)

        visitors = [threading.Thread(target=storm, daemon=True) for _ in range(2)]
        for visitor in visitors:
            visitor.start()
        server.until(lambda sample: sample["counters"]["closed"] >= 50, "connections come and go")
        counters = server.end()["counters"]
        assert counters["accepted"] == counters["closed"] >= 50
        for visitor in visitors:
            visitor.join(DEADLINE_S)
            assert not visitor.is_alive()


def test_stop_frees_the_port(start: Start) -> None:
    """The next server may take the port immediately, while old connections are still closing."""
    first = start()
    with first.connect() as client:
        client.check(echo_frame(10))
        first.end()
    second = start(port=first.port)
    with second.connect() as client:
        client.check(echo_frame(10))


@STOP
@pytest.mark.console
def test_interrupt_stops_like_the_end_of_stdin(server: Server) -> None:
    """Ctrl-C ends a server with a summary and exit code 0."""
    server.program.send("sample")
    server.program.expect("sample", DEADLINE_S)
    server.program.interrupt()
    server.program.expect("summary", DEADLINE_S)
    assert server.program.wait(DEADLINE_S) == 0


def refused(program: Program) -> tuple[int | None, str]:
    """The exit code and the one line on stderr of a program that must say nothing else."""
    with program:
        with pytest.raises(ProgramFailed) as failure:
            program.expect("ready", DEADLINE_S)
        program.close_stdin()
    assert failure.value.program_code is not None, failure.value
    lines = failure.value.stderr.splitlines()
    assert len(lines) == 1, lines
    return failure.value.program_code, lines[0]


KIT = pytest.mark.models("iocp", because="the code is the kit's, the same for every model")


@KIT
@pytest.mark.parametrize(
    "value", ["x", "", "-1", "1.5", "0x10", " 5", "5 ", "99999999999999999999", "4294967296"]
)
@pytest.mark.parametrize("option", ["port", "threads", "max-conns", "buffer", "backlog"])
def test_bad_number(
    launcher: Launcher, model: str, described: dict[str, Any], option: str, value: str
) -> None:
    """Anything but a decimal whole number: one line with option, value and bounds; exit code 2."""
    allowed = next(known for known in described["options"] if known["name"] == option)
    code, line = refused(program_of(launcher, model, {option: value}))
    assert code == 2
    assert f"--{option}" in line and value in line
    assert str(allowed["min"]) in line and str(allowed["max"]) in line


def test_number_out_of_range(launcher: Launcher, model: str, described: dict[str, Any]) -> None:
    """One beyond each bound of each option, also of the model's own: one line; exit code 2."""
    for option in described["options"]:
        beyond = [option["max"] + 1] + ([option["min"] - 1] if option["min"] > 0 else [])
        for value in beyond:
            code, line = refused(program_of(launcher, model, {option["name"]: value}))
            assert code == 2
            assert f"--{option['name']}" in line and str(value) in line
            assert str(option["min"]) in line and str(option["max"]) in line


def test_least_values_work(start: Start, described: dict[str, Any]) -> None:
    """Every option has its smallest allowed value: an odd server, but a server."""
    least = {option["name"].replace("-", "_"): option["min"] for option in described["options"]}
    server = start(**least)
    with server.connect() as client:
        client.check(echo_frame(5000))


def test_unknown_option(launcher: Launcher, model: str, options: dict[str, Any]) -> None:
    """An unknown option, or --threads for a model without it: one line names it; exit code 2."""
    for name in ["nonsense"] + (["threads"] if "threads" not in options else []):
        code, line = refused(program_of(launcher, model, {name: 1}))
        assert code == 2 and f"--{name}" in line


@KIT
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"nonsense": 1}, "--nonsense"),
        ({"thread": 1}, "--thread"),
        ({"Threads": 1}, "--Threads"),
        ({"port": True}, "--port"),
        ({"buffer": True}, "--buffer"),
        ({"host": "localhost:80"}, "localhost:80"),
        ({"host": "999.0.0.1"}, "999.0.0.1"),
        ({"host": ""}, "--host"),
    ],
    ids=str,
)
def test_usage_error(
    launcher: Launcher, model: str, given: dict[str, int | str], named: str
) -> None:
    """Unknown options, short forms, missing values, bad hosts: one line names it; exit code 2."""
    code, line = refused(program_of(launcher, model, given))
    assert code == 2
    assert named in line


@pytest.mark.wine_hides("Linux never shares a port; on Windows SO_EXCLUSIVEADDRUSE decides")
def test_port_in_use(launcher: Launcher, model: str, server: Server) -> None:
    """A program or server owns the port: one line names it, exit code 1; the owner is unharmed."""
    with socket.create_server(("127.0.0.1", 0)) as owner:
        port = owner.getsockname()[1]
        code, line = refused(program_of(launcher, model, {"port": port}))
    assert code == 1 and str(port) in line
    code, line = refused(program_of(launcher, model, {"port": server.port}))
    assert code == 1 and str(server.port) in line
    with server.connect() as client:
        client.check(echo_frame(10))


def test_unknown_command_on_stdin(server: Server) -> None:
    """One line on stderr; the server continues."""
    server.program.send("nonsense")
    server.program.send("x" * 5000)
    sample = server.sample()
    assert sample["connections"] == 0
    with server.connect() as client:
        client.check(echo_frame(10))
    server.program.close_stdin()
    server.program.expect("summary", DEADLINE_S)
    assert server.program.wait(DEADLINE_S) == 0
    lines = server.program.stderr_text().splitlines()
    assert len(lines) == 2 and "nonsense" in lines[0]
