"""The proof of the instrument: the load generator reports what its target did, by its stamps.

The target (tests/loadgen/target.c) reads the same clock. It stamps a request after it read the last
byte (R), and a reply before it writes the first byte (Q). Let one request be outstanding on a
connection. The client sends it after the last reply, and has its reply before the next send. So it
cannot measure less than Q - R, nor more than the next R minus the Q before. These bounds need no
tolerance for a busy machine. The time that the load generator and the way add lies between them.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from client import DEADLINE_S
from iomodels.judge import stats as ours
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import Program
from running import BUILD
from test_loadgen import LoadGenerator, life, loadgen

__all__ = ["loadgen"]  # the fixture
pytestmark = [
    pytest.mark.models("iocp", because="the load generator is asked, not a model"),
    pytest.mark.skipif(sys.platform != "linux", reason="the target is a Linux program"),
]
PROOF = BUILD / "host" / "bin" / "proof"
BUCKET = 1 / 1024  # three significant figures: a bucket is at most 1/1024 of its value wide
DELAYS_MS = (2, 2, 2, 2, 2, 2, 2, 2, 10, 40)


@dataclass(frozen=True)
class Stamps:
    """One connection: ns, by number of the request."""

    received: NDArray[np.int64]
    sent: NDArray[np.int64]
    digest: tuple[int, ...]


class Target:
    def __init__(self, *arguments: str) -> None:
        self.program = Program([str(PROOF / "target"), *arguments])
        self.port = int(self.program.expect("ready", DEADLINE_S)["port"])

    def stall(self, ms: int) -> tuple[int, int]:
        """Does nothing for so long; when it was, in ns."""
        self.program.send(f"stall {ms}")
        stalled = self.program.expect("stalled", DEADLINE_S)
        return stalled["begin_ns"], stalled["end_ns"]

    def stamps(self) -> list[Stamps]:
        self.program.close_stdin()
        count = self.program.expect("end", DEADLINE_S)["connections"]
        lines = [self.program.expect("stamps", DEADLINE_S) for _ in range(count)]
        return [
            Stamps(np.array(line["received"]), np.array(line["sent"]), tuple(line["digest"]))
            for line in lines
        ]


StartTarget = Callable[..., Target]


@pytest.fixture
def target() -> Iterator[StartTarget]:
    started: list[Target] = []

    def start(*arguments: str) -> Target:
        started.append(Target(*arguments))
        return started[-1]

    yield start
    for each in started:
        each.program.stop()


def bounds(
    stamps: list[Stamps], begin_ns: int, end_ns: int, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the least and the most that `count` latencies can be; each ascending.

    They are of requests sent in [begin, end). A closed loop sends a request between the Q before it
    and its R. If the window's edge lies between the two, it may count or not. Such requests are
    chosen so that the bounds hold in either case. The first request precedes the load.
    """
    surely: list[tuple[int, int]] = []
    perhaps: list[tuple[int, int]] = []
    for each in stamps:
        last = len(each.sent) - 1
        for i in range(1, len(each.sent)):
            low = int(each.sent[i] - each.received[i])
            complete_by = int(each.received[i + 1]) if i < last else 2**62
            high = complete_by - int(each.sent[i - 1]) if i < last else 2**62
            if begin_ns <= each.sent[i - 1] and each.received[i] < end_ns:
                surely.append((low, high))
            elif each.received[i] >= begin_ns and each.sent[i - 1] < end_ns:
                perhaps.append((low, high))
    more = count - len(surely)
    assert 0 <= more <= len(perhaps) <= 2 * len(stamps), (count, len(surely), len(perhaps))
    lows = sorted(low for low, _ in surely) + sorted(low for low, _ in perhaps)[:more]
    highs = (
        sorted(high for _, high in surely)
        + sorted((high for _, high in perhaps), reverse=True)[:more]
    )
    return np.sort(np.array(lows)), np.sort(np.array(highs))


def check_between(latency: dict[str, Any], low: NDArray[np.int64], high: NDArray[np.int64]) -> None:
    """Every percentile lies within the target's stamps and the histogram's precision."""
    counts = ours.histogram(latency["histogram"]["counts"])
    total = len(low)
    assert latency["count"] == ours.samples(counts) == total
    for percent in (1, 10, 25, 50, 75, 80, 85, 89, 90, 91, 95, 99, 99.9, 100):
        value = ours.percentile(counts, percent)
        rank = max(1, math.floor(percent / 100 * total + 0.5)) - 1
        assert value is not None
        assert low[rank] * (1 - BUCKET) <= value <= high[rank] * (1 + BUCKET), f"p{percent:g}"
    assert low[0] <= latency["min"] * (1 + BUCKET) and latency["max"] >= low[-1] * (1 - BUCKET)


def test_known_delays_are_reported(loadgen: LoadGenerator, target: StartTarget) -> None:
    """Of ten replies eight take 2 ms, one 10 and one 40; percentiles agree with either backend."""
    server = target("--delays-us", ",".join(str(1000 * ms) for ms in DELAYS_MS))
    result = life(loadgen(server.port, connections=8, warmup_ms=200, duration_ms=1500))["result"]
    low, high = bounds(
        server.stamps(),
        result["window"]["begin_ns"],
        result["window"]["end_ns"],
        result["service"]["count"],
    )
    assert len(low) > 100
    for name in ("response", "service"):
        check_between(result[name], low, high)
        assert result[name]["p50"] >= 2_000_000 * (1 - BUCKET)
        assert result[name]["p90"] >= 10_000_000 * (1 - BUCKET) and result[name][
            "p99"
        ] >= 40_000_000 * (1 - BUCKET)
    widest = float(np.median(high - low)) / 1e6
    print(f"the floor, median of what lies between the bounds: {widest:.2f} ms")


def test_bounds_would_notice(loadgen: LoadGenerator, target: StartTarget) -> None:
    """The test rejects a report with 1 ms more or less per latency, which the bounds exclude."""
    server = target("--delays-us", "5000")
    result = life(loadgen(server.port, warmup_ms=50, duration_ms=300))["result"]
    low, high = bounds(
        server.stamps(),
        result["window"]["begin_ns"],
        result["window"]["end_ns"],
        result["service"]["count"],
    )
    check_between(result["service"], low, high)
    counts = result["service"]["histogram"]["counts"]
    for shift in (-int(low[0] * 0.9), int(high[-2] * 2)):
        moved = {
            **result["service"],
            "histogram": {"counts": [[value + shift, count] for value, count in counts]},
        }
        with pytest.raises(AssertionError):
            check_between(moved, low, high)


def stalled_run(program: Program, server: Target) -> tuple[dict[str, Any], tuple[int, int]]:
    """A run of which the target stalls a second, a third of a second into the window."""
    program.expect("ready", DEADLINE_S)
    program.send("go")
    program.expect("measuring", DEADLINE_S)
    time.sleep(0.3)  # so that what is held up was sent in the window
    stall = server.stall(1000)
    program.expect("measured", DEADLINE_S)
    result = program.expect("result", DEADLINE_S)
    assert program.wait(DEADLINE_S) == 0, program.stderr_text()
    return result, stall


def at_least(latency: dict[str, Any], ns: float) -> int:
    return sum(count for value, count in latency["histogram"]["counts"] if value >= ns)


def test_an_open_loop_shows_a_stall_in_full(loadgen: LoadGenerator, target: StartTarget) -> None:
    """All that was due in the stall waited for its end, which response times show.

    Intended times are even: rate · length in any stretch, and one less per connection at its edges.
    """
    rate, connections = 200, 4
    server = target()
    result, (begin_ns, end_ns) = stalled_run(
        loadgen(server.port, rate=rate, connections=connections, warmup_ms=100, duration_ms=1800),
        server,
    )
    window = result["window"]
    assert window["begin_ns"] <= begin_ns and result["unanswered"] == result["unsent"] == 0
    assert result["response"]["count"] == rate * 1.8, (
        "what was due in the window is all there, though it was sent and answered late"
    )
    for waited_s in (0.25, 0.5, 0.75):
        due = (min(end_ns, window["end_ns"]) - begin_ns) / 1e9 - waited_s
        assert (
            at_least(result["response"], waited_s * 1e9 * (1 - BUCKET))
            >= rate * due - connections - 1
        ), waited_s
    assert result["response"]["max"] >= (1 - connections / rate) * 1e9 - 1e6, (
        "the first that was due in the stall waited it out"
    )
    assert result["response"]["p90"] >= 0.5e9
    assert at_least(result["service"], 0.5e9) <= connections, (
        "by service time only those that were on their way had to wait"
    )
    assert result["audit"]["held_share"] > 0, "sends that waited for the server are named"


def test_it_tells_since_when_it_fell_behind(loadgen: LoadGenerator, target: StartTarget) -> None:
    """It reports the due time of the first request of the late ones that last to the window's end.

    The window ends in the stall. There is one connection with one outstanding request. The client
    sends request k after the reply to the one before (Q), and before request k arrives (R). If Q is
    later than the slack allows, the send was surely late. If R is not, it was surely timely.
    """
    rate, slack_ns, warmup_ns = 50, 20_000_000, 100_000_000
    server = target()
    program = loadgen(
        server.port,
        rate=rate,
        slack_us=slack_ns // 1000,
        warmup_ms=warmup_ns // 1_000_000,
        duration_ms=900,
    )
    result, (begin_ns, stalled_until_ns) = stalled_run(program, server)
    window, (stamps,) = result["window"], server.stamps()
    assert window["begin_ns"] <= begin_ns and window["end_ns"] < stalled_until_ns
    due = (
        window["begin_ns"] - warmup_ns + np.arange(len(stamps.sent) - 1) * (10**9 // rate)
    )  # the first request is set-up's
    judged = due + slack_ns < window["end_ns"]
    late = (stamps.sent[:-1] > due + slack_ns)[judged]
    timely = (stamps.received[1:] <= due + slack_ns)[judged]
    at_the_latest = due[len(late) - int(np.argmin(late[::-1]))]
    at_the_earliest = due[len(timely) - int(np.argmax(timely[::-1]))]
    since_ns = window["begin_ns"] + result["audit"]["behind_since_ns"]
    assert max(at_the_earliest, window["begin_ns"]) <= since_ns <= at_the_latest
    assert since_ns > begin_ns - 10**9 // rate, "at the stall, not before"


def test_a_closed_loop_hides_a_stall(loadgen: LoadGenerator, target: StartTarget) -> None:
    """Coordinated omission: a second without a server leaves one late reply per connection."""
    connections = 4
    # A server that takes 5 ms: with thousands of quick replies the few late ones would hide more.
    server = target("--delays-us", "5000")
    result, _ = stalled_run(
        loadgen(server.port, connections=connections, warmup_ms=100, duration_ms=1800), server
    )
    assert 1 <= at_least(result["response"], 0.5e9) <= connections
    assert result["response"]["max"] >= 0.9e9
    assert result["response"]["p90"] < 0.5e9, (
        "the stall took more than half of the window, and the ninetieth percentile does not show it"
    )
    assert result["response"]["histogram"] == result["service"]["histogram"]


def test_both_backends_do_the_same(launcher: Launcher, target: StartTarget) -> None:
    """Both send the same bytes in the same order on every connection, with the same delays."""
    results, digests = {}, {}
    for windows in (False, True):
        server = target("--delays-us", "1000,3000")
        options: dict[str, int | str] = {
            "port": server.port,
            "connections": 5,
            "rate": 500,
            "arrivals": "poisson",
            "size": "64*3+100..2000*1",
            "seed": 7,
            "warmup-ms": 0,
            "duration-ms": 1000,
        }
        program = launcher.loadgen(options, windows=windows)
        results[windows] = life(program)["result"]
        digests[windows] = [each.digest for each in server.stamps()]
    native, iocp = results[False], results[True]
    assert (native["backend"], iocp["backend"]) == ("epoll", "iocp")
    assert sorted(digests[False]) == sorted(digests[True]), "byte for byte"
    for name in (
        "replies_checked",
        "bytes_checked",
        "errors",
        "connections",
        "unanswered",
        "unsent",
    ):
        assert native[name] == iocp[name], name
    for name in (
        "due",
        "timely_reason",
        "target_rate",
        "connections_requested",
        "connections_established",
    ):
        assert native["audit"][name] == iocp["audit"][name], name
    for result in (native, iocp):
        assert (
            result["response"]["count"]
            == result["service"]["count"]
            == result["audit"]["due"]
            > 400
        )
        assert result["service"]["min"] >= 1_000_000 * (1 - BUCKET)
        assert result["service"]["p90"] >= 3_000_000 * (1 - BUCKET)


def schedule(
    rate: int, arrivals: str, connections: int, requests: int, seed: int
) -> list[NDArray[np.int64]]:
    """When each connection's requests are due, in ns after the load begins."""
    named = {
        "rate": rate,
        "arrivals": arrivals,
        "connections": connections,
        "requests": requests,
        "seed": seed,
    }
    argv = [word for name, value in named.items() for word in (f"--{name}", str(value))]
    with Program([str(PROOF / "print_schedule"), *argv]) as program:
        return [np.array(each) for each in program.expect("schedule", DEADLINE_S)["connections"]]


@pytest.mark.parametrize("seed", [0, 1, 2, 4294967295])
def test_poisson_gaps_are_exponential(seed: int) -> None:
    """Kolmogorov-Smirnov with the requested rate and Anderson-Darling accept the gaps.

    A seed draws the schedule, so luck plays no part: the test always passes or always fails.
    """
    rate, connections = 4000, 5
    due = schedule(rate, "poisson", connections, 5000, seed)
    mean_ns = 1e9 * connections / rate
    for each in due:
        gaps = np.diff(each, prepend=0)
        assert stats.kstest(gaps, "expon", args=(0, mean_ns)).pvalue > 0.001
        found = stats.anderson(gaps, "expon")
        assert found.statistic < found.critical_values[list(found.significance_level).index(1.0)]
        assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4 / math.sqrt(len(gaps)), (
            "a gap says nothing of the next"
        )
    for one, other in pairwise(due):
        assert abs(np.corrcoef(np.diff(one), np.diff(other))[0, 1]) < 4 / math.sqrt(len(one)), (
            "nor of another connection's"
        )
    whole = np.sort(np.concatenate([each[each < min(line[-1] for line in due)] for each in due]))
    assert stats.kstest(np.diff(whole, prepend=0), "expon", args=(0, 1e9 / rate)).pvalue > 0.001, (
        "together they are Poisson at the full rate"
    )


def test_that_test_would_notice() -> None:
    gaps = np.diff(schedule(4000, "constant", 1, 5000, 1)[0])
    assert stats.kstest(gaps, "expon", args=(0, 1e9 / 4000)).pvalue < 1e-9
    near = np.diff(schedule(4400, "poisson", 1, 5000, 1)[0])  # a tenth too fast
    assert stats.kstest(near, "expon", args=(0, 1e9 / 4000)).pvalue < 0.001


@pytest.mark.parametrize(("rate", "connections"), [(1000, 1), (1000, 7), (3, 10), (1_000_000, 64)])
def test_constant_arrivals_are_staggered(rate: int, connections: int) -> None:
    """All sends together are evenly spaced: no two connections fire together."""
    due = np.sort(np.concatenate(schedule(rate, "constant", connections, 50, 1)))
    assert due[0] == 0
    assert np.abs(np.diff(due) - 1e9 / rate).max() <= 1


def test_seeds_decide_the_arrivals() -> None:
    first, again, other = (schedule(100, "poisson", 2, 20, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again))
    assert not np.array_equal(first[0], other[0]) and not np.array_equal(first[0], first[1])
