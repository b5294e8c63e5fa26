"""The system in "ready": each fact is present, or null with a reason; it shows pinning."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from iomodels.launch.launcher import Launcher
from iomodels.machine.wakeful import DEVICE, permitted

FACTS = {
    "processors": int,
    "processor_groups": int,
    "process_groups": int,
    "pinned": bool,
    "execution_throttled": bool,
    "timer_requests_ignored": bool,
    "timer_resolution_ns": int,
    "high_resolution_timer_500us_ns": int,
    "power_plan": str,
    "loopback_fast_path": bool,
}


def described() -> tuple[set[str], set[str]]:
    """What docs/interface.md says of them: their names, and those that Wine 8 does not report."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "interface.md").read_text(
        encoding="utf-8"
    )
    paragraph = re.search(r"^`system`: .*?\n\n", text, re.MULTILINE | re.DOTALL)
    untold = paragraph and re.search(
        r"\(Wine 8 does not report (.+?)\)", " ".join(paragraph[0].split())
    )
    assert paragraph and untold
    return set(re.findall(r"`(\w+)`", paragraph[0])) - {"system", "reasons"}, set(
        re.findall(r"`(\w+)`", untold[1])
    )


@pytest.mark.models("iocp", because="the facts are the kit's, of no model")
@pytest.mark.wine_hides(
    "facts that Wine lacks: power plan, throttling, the loopback short cut, a process' groups"
)
def test_the_system_is_described_and_gaps_have_reasons(launcher: Launcher, model: str) -> None:
    with launcher.server(model, {}) as server:
        ready = server.expect("ready", 20)
    system = dict(ready["system"])
    reasons = system.pop("reasons")
    assert set(system) == set(FACTS)
    assert set(reasons) == {name for name, value in system.items() if value is None}
    named, untold = described()
    assert named == set(FACTS)
    if ready["platform"].startswith("wine-8."):
        assert set(reasons) == untold
    for name, value in system.items():
        assert value is None or type(value) is FACTS[name], name
    for name in ("execution_throttled", "timer_requests_ignored", "loopback_fast_path"):
        assert not system[name], f"{name} is on, though the server had it turned off"
    assert system["processors"] >= system["processor_groups"] >= 1
    assert (
        system["high_resolution_timer_500us_ns"] is None
        or system["high_resolution_timer_500us_ns"] >= 500_000
    )
    placed = launcher.environment()["placement"]["server_cpus"]
    if placed:
        assert system["pinned"] == (len(placed) < system["processors"])
        assert ready["settings"]["threads"] == len(placed)


@pytest.mark.skipif(
    sys.platform != "linux" or not DEVICE.exists(), reason=f"the system has no {DEVICE}"
)
def test_idle_processors_are_kept_awake_beside_the_servers(launcher: Launcher) -> None:
    """The launcher holds a file open meanwhile. The record says so if that file is not writable."""
    held = any(
        entry.readlink() == DEVICE
        for entry in Path("/proc/self/fd").iterdir()
        if entry.is_symlink()
    )
    facts = launcher.environment()
    assert held == permitted() == facts["processors_kept_awake"]
    assert held or str(DEVICE) in facts["processors_sleep_because"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no wineserver")
@pytest.mark.models("iocp", because="the folder is Wine's, of no model")
def test_the_folder_of_wines_socket_goes_with_its_prefix(launcher: Launcher, model: str) -> None:
    """Debian's Wine makes one with a random name in TMPDIR, or in /tmp, and leaves it there."""
    with launcher.server(model, {}) as server:
        assert server.wineserver_pid
        environment = Path(f"/proc/{server.pid}/environ").read_bytes().split(b"\0")
        (prefix,) = (each[11:].decode() for each in environment if each.startswith(b"WINEPREFIX="))
        if not (Path(prefix) / "wineserver").exists():
            pytest.skip("this Wine keeps its socket elsewhere")
        where = Path(f"/proc/{server.wineserver_pid}/cwd").readlink()  # beside its socket
        assert where.is_relative_to(prefix)
