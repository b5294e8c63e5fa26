"""CPU use of other programs just before a run, as its manifest records it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BUSY_MOST = 0.05
"""CPUs that other programs may use before they count as a disturbance."""
EFFECT = "they take time from server and load generator"


def others_busy(environment: Mapping[str, Any]) -> str | None:
    """Return how many CPUs others used; None if they used few, or if it is not recorded."""
    others = (environment.get("busy") or {}).get("others_cpus") or 0.0
    return f"{others:.2f} CPUs were busy while nothing was measured" if others > BUSY_MOST else None


def note_of_others(environment: Mapping[str, Any]) -> str | None:
    """Return a note for the readers of a run; None if other programs used few CPUs.

    Of a cluster it names each worker with a busy machine.
    """
    workers = {f"{name}: ": each for name, each in (environment.get("workers") or {}).items()}
    machines = workers or {"": environment}
    found = [f"{name}{busy}" for name, each in machines.items() if (busy := others_busy(each))]
    return f"{'; '.join(found)}, just before the run: {EFFECT}" if found else None
