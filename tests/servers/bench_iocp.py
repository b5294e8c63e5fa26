"""How much of a bare completion port's speed `iocp` keeps: a benchmark, not a test.

tests/fixtures/minimal/minimal_iocp.c only echoes. The difference is the price of frames, counters
and an orderly stop. The two are measured in turn, each time in a fresh process under the same load.
So a drift of the machine affects both alike. The server and the wineserver have one CPU, the load
generator has another.

    python3 tests/servers/bench_iocp.py [--repeats 9] [--connections 64] [--size 64]
                                        [--duration-ms 2000]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "harness"))

from client import DEADLINE_S
from iomodels.base.build import windows_programs
from iomodels.base.errors import Failure
from iomodels.judge.stats import ratio_estimate
from iomodels.launch.launcher import Launcher
from iomodels.launch.platform import open_launcher
from iomodels.launch.process import Program
from running import BUILD

MINIMAL = windows_programs(BUILD) / "minimal" / "minimal_iocp.exe"
WARMUP_MS = 500


def rate(launcher: Launcher, start: Callable[[], Program], load: argparse.Namespace) -> float:
    """Replies a second of a fresh server."""
    with start() as server:
        options: dict[str, int | str | bool] = {
            "port": server.expect("ready", DEADLINE_S)["port"],
            "connections": load.connections,
            "size": load.size,
            "warmup-ms": WARMUP_MS,
            "duration-ms": load.duration_ms,
            "start-now": True,
        }
        with launcher.loadgen(options) as loadgen:
            for event in ("ready", "measuring", "measured"):
                loadgen.expect(event, DEADLINE_S + load.duration_ms / 1000)
            result = loadgen.expect("result", DEADLINE_S)
            if loadgen.wait(DEADLINE_S) != 0:
                raise Failure(
                    f"{server.name}: the load generator reports errors: {result['errors']}"
                )
    return float(result["requests_per_second"])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Measures `iocp` (one worker) against a bare echo server on a completion port."
    )
    for name, default in (("repeats", 9), ("connections", 64), ("size", 64), ("duration-ms", 2000)):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"default: {default}"
        )
    load = parser.parse_args(argv)
    rates: dict[str, list[float]] = {"iocp": [], "minimal_iocp": []}
    try:
        with open_launcher(BUILD, say=lambda line: print(line, file=sys.stderr)) as launcher:
            starts = {
                "iocp": lambda: launcher.server("iocp", {"threads": 1}),
                "minimal_iocp": lambda: launcher.program(MINIMAL),
            }
            for repeat in range(load.repeats):
                for name in sorted(starts, reverse=repeat % 2 == 1):  # neither is always the first
                    rates[name].append(rate(launcher, starts[name], load))
                print(
                    "  ".join(f"{name} {values[-1]:,.0f}" for name, values in rates.items()),
                    file=sys.stderr,
                )
            where = f"{launcher.platform}, {launcher.environment()['placement']['note']}"
    except Failure as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(
        f"{load.connections} connections × {load.size} B, "
        f"{load.repeats} repeats of {load.duration_ms} ms; {where}"
    )
    for name, values in rates.items():
        low, high = min(values), max(values)
        print(f"{name:12} {median(values):9,.0f} replies/s, median of {low:,.0f} … {high:,.0f}")
    ratio = ratio_estimate(rates["iocp"], rates["minimal_iocp"])
    pairs = [mine / bare for mine, bare in zip(rates["iocp"], rates["minimal_iocp"], strict=True)]
    if ratio:
        interval = (
            ""
            if ratio.low is None or ratio.high is None
            else f", 95 % interval {ratio.low:.3f} … {ratio.high:.3f}"
        )
        single = f"of single pairs {min(pairs):.3f} … {max(pairs):.3f}"
        print(f"ratio        {ratio.value:9.3f}{interval}; {single}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
