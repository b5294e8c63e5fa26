"""Keeps idle processors from sleeping while servers are measured.

A processor without work sleeps and is woken late: in a virtual machine only when its host gives it back. With one connection there is such a
wait in every request, and repeats under Wine differed by a fifth to a half (decision 0080). Linux has one file for this: who writes a latency
into it keeps every processor in idle states that are left that soon, for as long as the file is open (Linux, Documentation/power/pm_qos_interface.rst;
cyclictest and tuned do the same). What it costs is the power of processors that idle awake.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

DEVICE = Path("/dev/cpu_dma_latency")
NO_WAIT_US = 0


def permitted(device: Path = DEVICE) -> bool:
    """Whether this user may ask for it. Raises OSError where there is nothing to ask."""
    device.stat()
    return os.access(device, os.W_OK)


class Wakeful:
    """Processors stay awake from here to close(), where the system lets them; `reason` says why it does not."""

    def __init__(self, device: Path = DEVICE) -> None:
        self._file: int | None = None
        self.reason: str | None = None
        try:
            self._file = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
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
        """For the environment of a run."""
        return {"processors_kept_awake": self._file is not None} | (
            {"processors_sleep_because": self.reason} if self.reason else {}
        )
