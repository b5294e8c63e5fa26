"""Servers and load generator on two machines: `iomodels serve`, a real run, and a network between.

Two network namespaces stand for two machines. Each has interfaces, addresses and a loopback of its
own, and only the cable connects them. If they are not permitted, the run uses loopback, and the
test counts as skipped with the reason.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from iomodels.data.records import counter
from iomodels.data.store import load_run

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120.0
PORT = 29_000


@dataclass(frozen=True)
class Cable:
    """How a program is started on each side, and the address of the servers' one."""

    there: tuple[str, ...]
    here: tuple[str, ...]
    address: str
    missing: str | None = None  # why there are no namespaces


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


@pytest.fixture
def cable() -> Iterator[Cable]:
    if not shutil.which("ip"):
        yield Cable(
            (), (), "127.0.0.1", "there is no ip (iproute2) to make network namespaces with"
        )
        return
    names = [f"iomodels-{side}-{os.getpid()}" for side in ("a", "b")]
    addresses = ("10.213.77.1", "10.213.77.2")
    with ExitStack() as stack:
        try:
            for name in names:
                ip("netns", "add", name)
                stack.callback(ip, "netns", "del", name)
            ends = [f"io{side}{os.getpid()}" for side in ("a", "b")]
            ip(
                "link",
                "add",
                ends[0],
                "netns",
                names[0],
                "type",
                "veth",
                "peer",
                "name",
                ends[1],
                "netns",
                names[1],
            )
            for name, end, address in zip(names, ends, addresses):
                ip("-n", name, "address", "add", f"{address}/30", "dev", end)
                ip("-n", name, "link", "set", "lo", "up")
                ip("-n", name, "link", "set", end, "up")
        except OSError as error:
            yield Cable((), (), "127.0.0.1", f"network namespaces are not permitted here: {error}")
            return
        inside = [("ip", "netns", "exec", name) for name in names]
        yield Cable(inside[0], inside[1], addresses[0])


@pytest.fixture
def token(cable: Cable, tmp_path: Path) -> Iterator[str]:
    """`iomodels serve` on the one side, as a user starts it; it ends by Ctrl-C with exit code 0."""
    log = tmp_path / "serve.log"
    argv = [
        *cable.there,
        sys.executable,
        "-P",
        "-m",
        "iomodels",
        "serve",
        "--host",
        cable.address,
        "--port",
        str(PORT),
    ]
    environ = {
        name: value for name, value in os.environ.items() if name != "IOMODELS_SERVER_TOKEN"
    } | {"PYTHONPATH": str(ROOT / "harness")}
    with (
        log.open("wb") as file,
        subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environ
        ) as agent,
    ):
        try:
            deadline = time.monotonic() + DEADLINE_S
            while not (
                found := re.search(
                    r"--server-host (\S+) --server-token (\S+)\n", log.read_text(encoding="utf-8")
                )
            ):
                assert agent.poll() is None and time.monotonic() < deadline, log.read_text(
                    encoding="utf-8"
                )
                time.sleep(0.05)
            assert found[1] == f"{cable.address}:{PORT}"
            yield found[2]
            agent.send_signal(signal.SIGINT)
            assert agent.wait(DEADLINE_S) == 0, log.read_text(encoding="utf-8")
        finally:
            agent.kill()


def test_a_run_of_two_machines(cable: Cable, token: str, tmp_path: Path) -> None:
    words = [
        "run",
        "select-vs-iocp",
        "--models",
        "iocp",
        "--connections",
        "8",
        "--size",
        "64",
        "--rounds",
        "1",
        "--warmup-ms",
        "50",
        "--duration-ms",
        "200",
        "--server-host",
        f"{cable.address}:{PORT}",
        "--server-token",
        token,
        "--no-report",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*cable.here, sys.executable, "-P", "-m", "iomodels", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT / "harness")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    run = load_run(folder)
    assert [record.reason for record in run.records] == [None]
    for record in run.records:
        assert record.server and record.loadgen
        result, counters = record.loadgen["result"], record.server["summary"]["counters"]
        assert (
            counters["requests"] == result["replies_checked"] > 0
            and counters["accepted"] == record.condition.connections
        )
        assert record.server["ready"]["host"] == cable.address and record.server["ready"][
            "port"
        ] in range(PORT + 1, PORT + 17)
        assert record.loadgen["argv"][record.loadgen["argv"].index("--host") + 1] == cable.address
        assert counter(record, "server.cpu_ns").value is not None
        if record.platform.startswith("wine-"):  # the servers' machine is where /proc was read
            assert counter(record, "wineserver.context_switches/request").value
    text = json.dumps(run.manifest)
    assert token not in text and (cable.address in text)
    facts = run.manifest["environment"]
    assert run.manifest["platform"] == run.records[0].platform and facts["harness"]["git"]
    assert facts["load_generator"]["link"]["interface"].startswith("lo" if cable.missing else "io")
    assert (folder / "laws.json").is_file() and json.loads(
        (folder / "laws.json").read_text(encoding="utf-8")
    )["platform"] == run.manifest["platform"]
    if cable.missing:
        pytest.skip(f"seen over loopback only: {cable.missing}")
