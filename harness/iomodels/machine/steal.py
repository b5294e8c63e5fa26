"""The CPU time that a hypervisor stole: Linux counts it in /proc/stat, in ticks of 10 ms."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from iomodels.machine.facts import Unknown

STAT = Path("/proc/stat")
STEAL = 7  # index of the count in a line, after the name (proc(5))


def stolen_ns(cpus: Sequence[int], stat: Path = STAT) -> int:
    """Return the time in ns that was stolen from `cpus` since boot, all CPUs together.

    Raises Unknown if `cpus` is empty or the system does not count it.
    """
    if not cpus:
        raise Unknown("not pinned to CPUs of this machine")
    if sys.platform != "linux":
        raise Unknown("only Linux counts it")
    try:
        text = stat.read_text(encoding="ascii")
    except OSError:
        raise Unknown(f"the system has no {stat}") from None
    ticks = {
        int(line[1]): int(line[2].split()[STEAL])
        for line in re.finditer(r"^cpu(\d+) (.*)$", text, re.MULTILINE)
        if len(line[2].split()) > STEAL
    }
    missing = [cpu for cpu in cpus if cpu not in ticks]
    if missing:
        raise Unknown(f"{stat} does not count the steal of CPU {missing[0]}")
    return sum(ticks[cpu] for cpu in cpus) * 10**9 // os.sysconf("SC_CLK_TCK")
