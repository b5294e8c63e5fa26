"""Measure the load generator: a benchmark, not a test. docs/loadgen.md holds the tables it prints.

The server has the first CPU, the client the last one. Tools run in turn, in a new order each time,
each in a fresh process against a fresh server. So a drift of the machine affects all alike. The
yardstick is tests/loadgen/bare_pingpong.c: the same traffic and nothing else. If sockperf is
installed (Debian's package), it is measured where its job is the same. That is one connection in
ping-pong, with its own echo server.

    python3 tests/loadgen/bench.py [--repeats 9] [--duration-ms 2000] [--pause-ms 0]
                                   [--only speed,cost,timely,scale,many] [--build build]
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "harness"))

from iomodels.judge.stats import Estimate, ratio_estimate
from iomodels.launch.process import Program
from iomodels.machine.environment import capture
from iomodels.machine.placement import pinned
from iomodels.machine.wakeful import Wakeful

ROOT = Path(__file__).resolve().parents[2]

DUE_S = 60.0
WARMUP_MS = 500
MANY = 50_000
SLACK_NS = 1_000_000  # of a timely send; --slack-us has the same default
SPARE_FILES = 200
SOCKPERF_PORT = 11_111


class Bench:
    def __init__(self, build: Path, repeats: int, duration_ms: int, pause_ms: int) -> None:
        self.programs = build / "host" / "bin"
        self.repeats = repeats
        self.duration_ms = duration_ms
        self.pause_ms = pause_ms
        usable = sorted(os.sched_getaffinity(0))
        self.server_cpu, self.client_cpu = pinned(usable[:1]), pinned(usable[-1:])
        self.apart = len(usable) > 1

    @contextmanager
    def echo(self) -> Iterator[int]:
        """A fresh epoll echo server; its port."""
        time.sleep(self.pause_ms / 1000)
        with Program([*self.server_cpu, str(self.programs / "proof" / "epoll_echo")]) as server:
            yield int(server.expect("ready", DUE_S)["port"])

    def loadgen(
        self, port: int, **options: int | str
    ) -> tuple[dict[str, Any], dict[str, Any], int]:
        """Run the load generator; return its ready, its result and its peak memory in bytes."""
        named = {"port": port, "warmup-ms": WARMUP_MS, "duration-ms": self.duration_ms} | {
            key.replace("_", "-"): value for key, value in options.items()
        }
        argv = [word for name, value in named.items() for word in (f"--{name}", str(value))]
        with Program(
            [*self.client_cpu, str(self.programs / "loadgen"), *argv, "--start-now"]
        ) as program:
            ready = program.expect("ready", DUE_S)
            program.expect("measuring", DUE_S)
            program.expect("measured", DUE_S + self.duration_ms / 1000)
            peak = _resident(program.pid)
            result = program.expect("result", DUE_S)
            if program.wait(DUE_S) != 0:
                sys.exit(f"bench: the load generator reports errors: {result['errors']}")
        return ready, result, peak

    def bare(self, port: int, connections: int) -> dict[str, Any]:
        argv = [
            str(self.programs / "proof" / "bare_pingpong"),
            "--port",
            str(port),
            "--connections",
            str(connections),
        ]
        with Program(
            [
                *self.client_cpu,
                *argv,
                "--warmup-ms",
                str(WARMUP_MS),
                "--duration-ms",
                str(self.duration_ms),
            ]
        ) as program:
            return program.expect("result", DUE_S + self.duration_ms / 1000)

    def closed(self, connections: int) -> dict[str, Any]:
        with self.echo() as port:
            return self.loadgen(port, connections=connections)[1]

    def bare_loop(self, connections: int) -> dict[str, Any]:
        with self.echo() as port:
            return self.bare(port, connections)

    def sockperf(self) -> dict[str, Any]:
        """Round trips of sockperf's TCP ping-pong with messages of the same 88 bytes."""
        where = ["--tcp", "-i", "127.0.0.1", "-p", str(SOCKPERF_PORT)]
        null = subprocess.DEVNULL
        server = subprocess.Popen(
            [*self.server_cpu, "sockperf", "server", *where], stdin=null, stdout=null, stderr=null
        )
        try:
            time.sleep(0.5)
            said = subprocess.run(
                [
                    *self.client_cpu,
                    "sockperf",
                    "ping-pong",
                    *where,
                    "-m",
                    "88",
                    "-t",
                    str(max(1, self.duration_ms // 1000)),
                    "--full-rtt",
                ],
                capture_output=True,
                text=True,
                timeout=DUE_S,
                check=True,
            ).stdout
        finally:
            server.terminate()
            server.wait(DUE_S)
        found = re.search(r"\[Valid Duration\] RunTime=([\d.]+) sec; SentMessages=(\d+)", said)
        if not found:
            sys.exit(f"bench: sockperf said nothing of its duration: {said[-300:]}")
        return {"requests_per_second": int(found[2]) / float(found[1])}

    def interleaved(
        self, tools: dict[str, Callable[[], dict[str, Any]]]
    ) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in tools}
        for repeat in range(self.repeats):
            for name in sorted(tools, reverse=repeat % 2 == 1):
                found[name].append(tools[name]())
            print(
                "  ".join(
                    f"{name} {results[-1]['requests_per_second']:,.0f}"
                    for name, results in found.items()
                ),
                file=sys.stderr,
            )
        return found

    def speed(self) -> None:
        """Print requests per second and CPU time per request, and the same of the other tools.

        On a shared machine CPU time is steadier: other programs take time but cost little CPU here.
        """
        print(
            "| connections | loadgen, requests/s | bare loop | ratio "
            "| loadgen, CPU µs | bare loop | bare ÷ loadgen | sockperf, requests/s | ratio |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        for connections in (1, 64, 1000):
            tools: dict[str, Callable[[], dict[str, Any]]] = {
                "loadgen": partial(self.closed, connections),
                "bare": partial(self.bare_loop, connections),
            }
            if connections == 1 and shutil.which("sockperf"):
                tools["sockperf"] = self.sockperf
            found = self.interleaved(tools)
            rates = {
                name: [float(result["requests_per_second"]) for result in results]
                for name, results in found.items()
            }
            costs = {
                name: [result["cpu_ns"] / result["requests"] / 1e3 for result in found[name]]
                for name in ("loadgen", "bare")
            }
            rate = {name: f"{median(values):,.0f}" for name, values in rates.items()}
            other = (
                f"{rate['sockperf']} | {ratio_text(rates['loadgen'], rates['sockperf'])}"
                if "sockperf" in rates
                else "– | –"
            )
            ratio = ratio_text(rates["loadgen"], rates["bare"])
            by_rate = f"{rate['loadgen']} | {rate['bare']} | {ratio}"
            cost = {name: f"{median(values):.2f}" for name, values in costs.items()}
            ratio = ratio_text(costs["bare"], costs["loadgen"])
            by_cost = f"{cost['loadgen']} | {cost['bare']} | {ratio}"
            print(f"| {connections:,} | {by_rate} | {by_cost} | {other} |")

    def cost(self) -> None:
        """What `loadgen --calibrate` says: the null target, and a record."""
        said = []
        for _ in range(self.repeats):  # both CPUs, as its target is a thread of its own
            with Program(
                [
                    str(self.programs / "loadgen"),
                    "--calibrate",
                    "--point-ms",
                    str(self.duration_ms // 2),
                ]
            ) as program:
                said.append(program.expect("calibration", DUE_S))
        print("| connections | null target, requests/s |\n|---|---|")
        for place, point in enumerate(said[0]["points"]):
            rate = median(each["points"][place]["rate"] for each in said)
            print(f"| {point['connections']:,} | {rate:,.0f} |")
        costs = [each["record_ns"] for each in said]
        print(
            f"\nrecording a latency: median {median(costs):.1f} ns of CPU time "
            f"({min(costs):.1f} … {max(costs):.1f})"
        )

    def timely(self) -> None:
        """Print the timely share of an open loop at half the closed rate, and the best possible."""
        rate = round(median(self.closed(64)["requests_per_second"] for _ in range(3)) / 2)
        shares: dict[str, list[float]] = {
            "poll": [],
            "wait": [],
            "a thread that only reads the clock": [],
        }
        for _ in range(self.repeats):
            for pacing in ("poll", "wait"):
                with self.echo() as port:
                    audit = self.loadgen(port, connections=64, rate=rate, depth=16, pacing=pacing)[
                        1
                    ]["audit"]
                shares[pacing].append(audit["timely_share"])
                print(
                    f"{pacing}: timely {shares[pacing][-1]:.5f}, "
                    f"achieved {audit['achieved_rate']:,.0f} of {rate:,}",
                    file=sys.stderr,
                )
            shares["a thread that only reads the clock"].append(self.present())
        print(
            f"open loop at {rate:,} requests/s, 64 connections: "
            f"timely sends (within {SLACK_NS / 1e6:.0f} ms)\n\n"
            "| pacing | median | worst | best |\n|---|---|---|---|"
        )
        for who, values in shares.items():
            print(f"| {who} | {median(values):.3%} | {min(values):.3%} | {max(values):.3%} |")

    def present(self) -> float:
        """Return the share of time at which an idle thread on the client's CPU could send in time.

        The system gave the rest to other threads.
        """
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(before)})
        begin = last = time.monotonic_ns()
        late = 0
        while last - begin < self.duration_ms * 1_000_000:
            now = time.monotonic_ns()
            late += max(0, now - last - SLACK_NS)
            last = now
        os.sched_setaffinity(0, before)
        return 1 - late / (last - begin)

    def scale(self) -> None:
        """CPU time of a request by the number of connections."""
        print(
            "| connections | closed loop, µs | open loop at 10,000/s, µs | bare loop, µs |\n"
            "|---|---|---|---|"
        )
        levels = (100, 1000, 10_000)
        found: dict[tuple[str, int], list[float]] = {}
        for _ in range(self.repeats):
            for connections in levels:
                for name, rate in (("closed", 0), ("open", 10_000)):
                    with self.echo() as port:
                        result = self.loadgen(port, connections=connections, rate=rate)[1]
                    found.setdefault((name, connections), []).append(
                        result["cpu_ns"] / result["requests"] / 1e3
                    )
                result = self.bare_loop(connections)
                found.setdefault(("bare", connections), []).append(
                    result["cpu_ns"] / result["requests"] / 1e3
                )
            print(
                "  ".join(
                    f"{name} {count} {values[-1]:.1f}" for (name, count), values in found.items()
                ),
                file=sys.stderr,
            )
        for connections in levels:
            print(
                f"| {connections:,} | "
                + " | ".join(
                    f"{median(found[name, connections]):.2f}" for name in ("closed", "open", "bare")
                )
                + " |"
            )
        for name in ("closed", "open", "bare"):
            ratio = ratio_text(found[name, 10_000], found[name, 100])
            print(f"\n{name}: 10,000 over 100 connections: × {ratio}")

    def many(self) -> None:
        """As many connections as one process may have here, most of them idle."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        count = min(MANY, hard - SPARE_FILES)
        with self.echo() as port:
            small = self.loadgen(port, connections=1, rate=1)[2]
            ready, result, peak = self.loadgen(
                port, connections=count, idle=count - 1000, rate=1000
            )
        print(
            f"{count:,} connections from one process ({ready['sources']} source addresses; "
            f"limit of open files {hard:,}), made in {ready['connect_ns'] / 1e9:.1f} s; "
            f"{ready['memory']['per_connection_bytes']} bytes each by its own account, "
            f"{(peak - small) / count:,.0f} by the process's resident memory; "
            "1,000 requests/s over 1,000 of them: "
            f"timely {result['audit']['timely_share']:.3%}, errors {sum(result['errors'].values())}"
        )


def ratio_text(above: Sequence[float], below: Sequence[float]) -> str:
    ratio: Estimate | None = ratio_estimate(above, below)
    assert ratio
    return f"{ratio.value:.2f}" + (
        f" ({ratio.low:.2f} … {ratio.high:.2f})"
        if ratio.low is not None and ratio.high is not None
        else ""
    )


def _resident(pid: int) -> int:
    """Resident memory of a process in bytes: its second figure of /proc/PID/statm, in pages."""
    return (
        int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        * resource.getpagesize()
    )


def main(argv: Sequence[str] | None = None) -> int:
    parts = ("speed", "cost", "timely", "scale", "many")
    parser = argparse.ArgumentParser(description="Measures the load generator. Linux only.")
    parser.add_argument("--repeats", type=int, default=9, metavar="N")
    parser.add_argument("--duration-ms", type=int, default=2000, metavar="N")
    parser.add_argument(
        "--pause-ms",
        type=int,
        default=0,
        metavar="N",
        help="before each measurement, for others on the machine",
    )
    parser.add_argument("--build", type=Path, default=ROOT / "build", metavar="DIR")
    parser.add_argument(
        "--only", default=",".join(parts), metavar="PART,PART", help=f"of: {', '.join(parts)}"
    )
    given = parser.parse_args(argv)
    chosen = given.only.split(",")
    wrong = [part for part in chosen if part not in parts]
    if wrong:
        parser.error(f"--only {wrong[0]}: must be of {', '.join(parts)}")
    bench = Bench(given.build.resolve(), given.repeats, given.duration_ms, given.pause_ms)
    facts = capture(given.build, [], {})
    print(
        f"{facts['cpu']}, {facts['cpus_usable']} CPUs, {facts['system']}; "
        f"{given.repeats} repeats of {given.duration_ms} ms; load average before {os.getloadavg()}"
    )
    if not bench.apart:
        print("one CPU only: server and client share it, these figures say little")
    wakeful = Wakeful()  # as in a run
    print("idle processors: " + (wakeful.reason or "kept awake"))
    for part in chosen:
        print(f"\n## {part}\n")
        getattr(bench, part)()
        sys.stdout.flush()
    wakeful.close()
    print(f"\nload average after {os.getloadavg()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
