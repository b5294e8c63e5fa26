"""An open file that holds the latency keeps idle processors awake; records say if it is denied."""

from __future__ import annotations

from pathlib import Path

import pytest

from iomodels.machine.wakeful import Wakeful, permitted


def files_open(path: Path) -> int:
    return sum(
        entry.readlink() == path for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()
    )


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_the_latency_holds_until_it_is_closed(tmp_path: Path) -> None:
    device = tmp_path / "cpu_dma_latency"
    device.touch()
    assert permitted(device)
    wakeful = Wakeful(device)
    assert wakeful.facts == {"processors_kept_awake": True}
    assert device.read_bytes() == bytes(4) and files_open(device) == 1
    wakeful.close()
    wakeful.close()
    assert files_open(device) == 0


def test_where_there_is_no_such_device_it_says_so(tmp_path: Path) -> None:
    device = tmp_path / "none"
    wakeful = Wakeful(device)
    assert wakeful.facts == {
        "processors_kept_awake": False,
        "processors_sleep_because": f"{device}: No such file or directory",
    }
    with pytest.raises(OSError):
        permitted(device)
