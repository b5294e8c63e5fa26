"""What a million connections need: figures of docs/cluster-scale.md, computed from measured ones.

docs/figures/cluster.json keeps what was measured. `kept` comes from the packed runs, and a test
compares their SHA-256. tests/proofs/cluster_figures.py measures the rest.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import kept

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "harness"))

from iomodels.base.files import write_whole  # noqa: E402
from iomodels.data.records import Record, counter  # noqa: E402
from iomodels.data.store import PACKED, load_run  # noqa: E402

FIGURES = ROOT / "docs" / "figures" / "cluster.json"
CROWD = "idle-crowd"
CONNECTIONS = 1_000_000
INTERVALS_S = (60, 10, 1)
"""Seconds between two requests of a connection."""
SIZE = 64
HEADER, TCP_IP, ETHERNET = 24, 52, 38
"""Bytes next to a payload: our header; IPv4 and TCP with time stamps; a frame with its gap."""
BUSY_MOST = 0.8
"""A generator's core is busy up to this share, so that its sends are timely."""
LINUX_WIDEST = 65_535 - 1_024 + 1
"""Ports of an address after `sysctl net.ipv4.ip_local_port_range="1024 65535"`."""
WINDOWS_DEFAULT, WINDOWS_WIDEST = 16_384, 55_535
"""Ports by default and after the command of docs/windows.md; documented, not measured."""


def newest() -> Path:
    """Return the newest packed run of the crowd. Raises kept.Missing."""
    runs = [path for path in kept.CONTRIBUTED.glob(f"*/*[0-9]-{CROWD}") if (path / PACKED).exists()]
    if not runs:
        raise kept.Missing(f"no run of {CROWD} is kept")
    return max(runs, key=lambda path: path.name)


def extract() -> dict[str, Any]:
    """Return what the page quotes of the packed runs. It reads one run, for some seconds."""
    folder = newest()
    run = load_run(folder)
    held = [record for record in run.records if record.status == "ok"]
    loads = sorted({record.condition.connections for record in held})
    few, many = loads[0], loads[-1]
    labels = sorted({record.condition.label for record in run.records})
    ready = [record.loadgen["ready"] for record in held if record.loadgen]
    return {
        "run": folder.relative_to(ROOT).as_posix(),
        "sha256": kept.digest(folder),
        "platform": run.manifest["platform"],
        "few": few,
        "many": many,
        "servers": {label: _server(held, label, few, many) for label in labels},
        "client_bytes": max(each["memory"]["per_connection_bytes"] for each in ready),
        "ports": min(each["limits"]["ports_per_source"] for each in ready),
        "generator": _fastest_for_many(),
    }


def _server(held: Sequence[Record], label: str, few: int, many: int) -> dict[str, Any] | None:
    """Memory of one more connection, and time of connecting all; None if it did not hold them."""
    own = [record for record in held if record.condition.label == label]
    bytes_ = [
        median(
            value
            for record in own
            if record.condition.connections == load
            and (value := counter(record, "server.private_bytes").value) is not None
        )
        for load in (few, many)
        if any(record.condition.connections == load for record in own)
    ]
    if len(bytes_) < 2:
        return None
    connect_ns = [
        record.loadgen["ready"]["connect_ns"]
        for record in own
        if record.condition.connections == many and record.loadgen
    ]
    return {
        "bytes": (bytes_[1] - bytes_[0]) / (many - few),
        "connects_per_s": many / (median(connect_ns) / 1e9),
        "buffer": own[0].server["ready"]["settings"].get("buffer") if own[0].server else None,
    }


def _fastest_for_many() -> dict[str, Any]:
    """Return the calibration of one thread with the most connections, of the newest run."""
    points = [
        (point["connections"], folder.name, folder, point)
        for folder, point in _points()
        if point["threads"] == 1 and point["size"] == SIZE and point["depth"] == 1
    ]
    _, _, folder, point = max(points, key=lambda each: each[:2])
    return {
        "run": folder.relative_to(ROOT).as_posix(),
        "connections": point["connections"],
        "rate": point["rate"],
    }


def _points() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(kept.CONTRIBUTED.glob("*/*/run.json")):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        for point in (manifest.get("calibration") or {}).get("points", ()):
            yield path.parent, point


def write() -> None:
    """Read the packed runs, and keep what the page quotes."""
    text = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {"format": 1}
    write_whole(FIGURES, json.dumps(text | {"kept": extract()}, indent=2) + "\n")


@dataclass(frozen=True)
class Scale:
    """What the template may call."""

    kept: dict[str, Any]
    measured: dict[str, Any]

    @staticmethod
    def read() -> Scale:
        found = json.loads(FIGURES.read_text(encoding="utf-8"))
        return Scale(found["kept"], found["measured"])

    @property
    def connections(self) -> str:
        return f"{CONNECTIONS:,}"

    @property
    def size(self) -> int:
        return SIZE

    def units(self) -> str:
        """A table: what one connection, address or core takes or gives."""
        generator, sockets = self.kept["generator"], self.measured["sockets"]
        buffer = self.kept["servers"]["iocp"]["buffer"]
        crowd = f"{self.kept['many']:,} connections under {_named(self.kept['platform'])}"
        rows = [
            ("of one", "measured", "where"),
            (":--", "--:", ":--"),
            *(
                (f"connection of `{label}`, memory of the server", kib(each["bytes"]), crowd)
                for label, each in self.kept["servers"].items()
                if each
            ),
            ("… of it the buffer (`--buffer`)", kib(buffer), "the default"),
            ("connection, memory of the load generator", f"{self.kept['client_bytes']} B", crowd),
            (
                "connection, memory of a kernel at each end",
                kib(sockets["bytes_per_end"]),
                f"{sockets['connections']:,} idle connections, {sockets['kernel']}",
            ),
            ("address, ports by default", f"{self.kept['ports']:,}", "Linux"),
            (
                "core of a load generator",
                f"{three(generator['rate'])} requests/s",
                f"{generator['connections']:,} connections, {SIZE} bytes",
            ),
        ]  # fmt: skip
        return table(rows)

    def server_memory(self) -> str:
        """A table: memory of the server's machine and time to connect, for each model."""
        kernel = CONNECTIONS * self.measured["sockets"]["bytes_per_end"]
        rows = [
            ("server", "its own memory", "with Linux' sockets", "time to connect"),
            (":--", "--:", "--:", "--:"),
        ]
        for label, each in self.kept["servers"].items():
            if each is None:
                rows.append((f"`{label}`", f"did not hold {self.kept['many']:,}", "–", "–"))
                continue
            own = CONNECTIONS * each["bytes"]
            minutes = CONNECTIONS / each["connects_per_s"] / 60
            rows.append((f"`{label}`", gib(own), gib(own + kernel), f"{three(minutes)} min"))
        return table(rows)

    def machines(self) -> str:
        """A table: load machines by the ports of their one address."""
        rows = [
            ("load machines with", "ports per address", "machines"),
            (":--", "--:", "--:"),
        ]
        for name, ports in (
            ("Linux", self.kept["ports"]),
            ("Linux, widest range", LINUX_WIDEST),
            ("Windows (documented)", WINDOWS_DEFAULT),
            ("Windows, widest range (documented)", WINDOWS_WIDEST),
        ):
            rows.append((name, f"{ports:,}", f"{by_ports(ports)}"))
        return table(rows)

    def rates(self) -> str:
        """A table: cores of the generators, and the network, by the rate of all connections."""
        core = self.kept["generator"]["rate"] * BUSY_MOST
        wire_bits = 8 * (SIZE + HEADER + TCP_IP + ETHERNET)
        rows = [
            ("each connection sends", "requests/s", "generator cores", "network, each way"),
            (":--", "--:", "--:", "--:"),
        ]
        for interval in INTERVALS_S:
            rate = CONNECTIONS / interval
            words = "every second" if interval == 1 else f"every {interval} s"
            megabits = rate * wire_bits / 1e6
            cores = f"{math.ceil(rate / core)}"
            rows.append((words, f"{three(rate)}", cores, f"{megabits:,.0f} Mbit/s"))
        return table(rows)

    def per_machine(self) -> str:
        """A sentence: what one of the load machines needs."""
        machines = by_ports(LINUX_WIDEST)
        each = math.ceil(CONNECTIONS / machines)
        bytes_ = each * (self.kept["client_bytes"] + self.measured["sockets"]["bytes_per_end"])
        return (
            f"With the widest range of Linux, each of {machines} machines holds {each:,} "
            f"connections. They take {bytes_ / 2**20:,.0f} MiB there, and as many file descriptors."
        )

    def scheduler(self) -> str:
        """A table: the scheduler of Dask with simulated workers."""
        found = self.measured["scheduler"]
        call, cells, held = found["call"], found["cells"], found["held"]
        rows = [
            (f"with {found['workers']} workers", "measured"),
            (":--", "--:"),
            ("idle, CPU of the scheduler", percent(found["idle_cpu"])),
            ("memory of the scheduler", f"{found['memory_bytes'] / 2**20:.0f} MiB"),
            ("a call and its answer, median", ms(call["median_s"])),
            ("… 95 % of them within", ms(call["p95_s"])),
            (
                f"{cells['cells']:,} pinned cells of {ms(cells['cell_s'])}, ideal "
                f"{three(cells['ideal_s'])} s",
                f"{three(cells['took_s'])} s",
            ),
            ("… CPU of the scheduler per cell", ms(cells["cpu_s"])),
            ("a client that touches every worker each second, CPU", percent(held["cpu"])),
            ("… a touch and its answer, median", ms(held["median_s"])),
        ]
        return table(rows)

    def about_the_scheduler(self) -> str:
        found = self.measured["scheduler"]
        return (
            f"Dask distributed {found['distributed']} with TLS; scheduler, workers and client "
            f"share {self.measured['cpus']} CPUs with other programs, which slow each call"
        )


def by_ports(ports: int) -> int:
    return math.ceil(CONNECTIONS / ports)


def table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def three(value: float) -> str:
    """Three significant digits, without an exponent."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"


def kib(size: float) -> str:
    return f"{three(size / 2**10)} KiB"


def gib(size: float) -> str:
    return f"{three(size / 2**30)} GiB"


def ms(seconds: float) -> str:
    return f"{three(seconds * 1000)} ms"


def percent(share: float) -> str:
    return f"{three(share * 100)} %"


def _named(platform: str) -> str:
    return platform.replace("-", " ").capitalize()
