"""Keep idle processors awake while servers are measured.

An idle processor sleeps and wakes late: in a virtual machine only when its host returns it. With
one connection every request has such a wait. Repeats under Wine then differed by 20 to 50 percent
(decision 0080).

Linux has one file for this. A process writes a latency into it and keeps it open. Meanwhile every
processor uses only idle states that it leaves within that latency (Linux,
Documentation/power/pm_qos_interface.rst). cyclictest and tuned do the same. The cost is the power
of processors that idle awake.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import Any

from iomodels.machine.facts import Unknown

DEVICE = Path("/dev/cpu_dma_latency")
NO_WAIT_US = 0


def permitted(device: Path = DEVICE) -> bool:
    """Return whether this user may ask for it.

    Raises Unknown if the system never asks for a permission, and OSError if there is no such file.
    """
    if sys.platform != "linux":
        raise Unknown("only Linux asks for a permission")
    device.stat()
    return os.access(device, os.W_OK)


class Wakeful:
    """Keeps processors awake until close(), or has a `reason` why the system does not allow it."""

    def __init__(self, device: Path = DEVICE) -> None:
        self._file: int | None = None
        self.reason: str | None = None
        try:
            self._file = os.open(device, os.O_WRONLY)
            os.write(self._file, struct.pack("i", NO_WAIT_US))
        except OSError as error:
            self.close()
            self.reason = f"{device}: {error.strerror}"

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def facts(self) -> dict[str, Any]:
        """Return its part of a run's environment."""
        return {"processors_kept_awake": self._file is not None} | (
            {"processors_sleep_because": self.reason} if self.reason else {}
        )
