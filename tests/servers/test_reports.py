"""What a server reports about itself: counters that are true, and its control channel."""

from __future__ import annotations

from typing import Any

from client import DEADLINE_S, Client, Frame, assert_same, echo_frame, visit
from iomodels.launch.launcher import Launcher
from running import COUNTERS, Server, Start
from under_test import program_of


def test_replies_that_fit_together_use_one_send(server: Server) -> None:
    """50 small frames come in few segments: there are at most as many sends as receives."""
    with server.connect() as client:
        client.check(*[echo_frame(4, number) for number in range(50)])
        counters = server.until_counted(requests=50, bytes_sent=50 * 28)["counters"]
    assert counters["sends"] <= counters["receives"] < 50


def test_every_byte_of_a_slow_reader_is_counted_once(start: Start) -> None:
    """Sends are partial or take long, and the sum of their bytes is that of the replies."""
    server = start(buffer=65_536)
    frames = [Frame(b"", reply_length=400_000, sequence=number) for number in range(4)]
    expected = b"".join(frame.reply for frame in frames)
    with Client(server.port, receive_buffer=4096) as client:
        assert_same(
            client.exchange([b"".join(frame.request for frame in frames)], len(expected)), expected
        )
        counters = server.until_counted(requests=4, bytes_sent=len(expected))["counters"]
    assert counters["sends"] >= len(expected) / 65_536
    assert counters["partial_sends"] <= counters["sends"]


def test_waits_and_events_of_single_requests(server: Server) -> None:
    """Each of 50 requests wakes the model at least once, and none without a wait."""
    with server.connect() as client:
        client.check(echo_frame(10))
        before = server.until_counted(requests=1)["counters"]
        for sequence in range(50):
            client.check(echo_frame(10, sequence))
        after = server.until_counted(requests=51)["counters"]
    assert after["events"] - before["events"] >= 50
    assert after["waits"] > before["waits"]


def test_only_completion_models_complete_inline(server: Server, described: dict[str, Any]) -> None:
    """Inline completions are operations: none in other families, at most one per operation."""
    with server.connect() as client:
        client.check(*[echo_frame(300, number) for number in range(100)])
    counters = server.until_connections(0)["counters"]
    if described["family"] == "completion":
        operations = counters["receives"] + counters["sends"] + counters["accepted"] + 300
        assert counters["inline_completions"] <= operations
    else:
        assert counters["inline_completions"] == 0


def test_summary_is_the_last_sample(server: Server) -> None:
    """After the last client has left, the summary repeats every counter of a sample but waits."""
    visit(server.port, 50, 5, reset_every=9)
    sample = server.until_connections(0)["counters"]
    summary = server.end()["counters"]
    same = [name for name in COUNTERS if name not in ("waits", "events", "inline_completions")]
    assert {name: summary[name] for name in same} == {name: sample[name] for name in same}
    assert summary["waits"] >= sample["waits"] and summary["events"] >= sample["events"]


def test_each_kind_of_end_has_its_counter(start: Start) -> None:
    """A good, a refused, a truncated and a malformed client: each counts in its own place."""
    server = start(max_conns=1)
    with server.connect() as good:
        good.check(echo_frame(10))
        with server.connect() as refused:
            assert refused.until_closed() == b""
    server.until_connections(0)
    with server.connect() as truncated:
        truncated.send(echo_frame(100).request[:50])
        server.until_counted(bytes_received=34 + 50)
    server.until_connections(0)
    with server.connect() as malformed:
        malformed.send(b"\xff" * 24)
        assert malformed.until_closed() == b""
    counters = server.until_connections(0)["counters"]
    assert (counters["accepted"], counters["closed"], counters["refused"]) == (3, 3, 1)
    assert (counters["truncated"], counters["protocol_errors"]) == (1, 1)
    assert (counters["resets"], counters["failures"], counters["aborted"]) == (0, 0, 0)


def test_connections_are_those_that_are_open(server: Server) -> None:
    """`connections` follows 40 clients as they come, and as they leave in another order."""
    clients = []
    for number in range(1, 41):
        clients.append(server.connect())
        clients[-1].check(echo_frame(10))
        assert server.sample()["connections"] == number
    for left, client in zip(range(39, -1, -1), clients[::2] + clients[1::2], strict=True):
        client.close()
        assert server.until_connections(left)["counters"]["closed"] == 40 - left


def test_many_samples_in_one_write(server: Server) -> None:
    """200 lines come together: 200 answers, in order, and the server serves meanwhile."""
    with server.connect() as client:
        server.program.send("\n".join(["sample"] * 200))
        client.check(echo_frame(1000))
        times = [server.program.expect("sample", DEADLINE_S)["time_ns"] for _ in range(200)]
    assert times == sorted(times)


def test_lines_may_end_in_cr_lf(server: Server) -> None:
    """A harness on Windows may send CR LF, and empty lines are no commands."""
    server.program.send("sample\r")
    server.program.expect("sample", DEADLINE_S)
    server.program.send("\r\n\n\r")
    server.program.send("spin\r")
    assert server.program.expect("spin", DEADLINE_S)["parts"] > 0


def test_end_of_stdin_within_a_line(server: Server) -> None:
    """stdin closes after half a command: the server stops as usual, and does not obey it."""
    with server.connect() as client:
        client.check(echo_frame(10))
        server.program._stdin.write(b"samp")
        server.program._stdin.flush()
        assert server.end()["counters"]["requests"] == 1


def test_stdin_that_is_closed_from_the_start(launcher: Launcher, model: str) -> None:
    """The server says `ready`, then `summary`, and exits with code 0."""
    with program_of(launcher, model, {}) as program:
        program.close_stdin()
        program.expect("ready", DEADLINE_S)
        assert program.expect("summary", DEADLINE_S)["connections"] == 0
        assert program.wait(DEADLINE_S) == 0
        assert program.stderr_text() == ""


def test_help_names_every_option(launcher: Launcher, model: str, described: dict[str, Any]) -> None:
    """--help lists each option of --describe with its bounds, and exits with code 0."""
    with program_of(launcher, model, {"help": True}) as program:
        assert program.wait(DEADLINE_S) == 0
        text = b" ".join(iter(program.line, None)).decode()
    for option in described["options"]:
        assert f"--{option['name']}" in text
        assert option["help"] in " ".join(text.split()), option["name"]
