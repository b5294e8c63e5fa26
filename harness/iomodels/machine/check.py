"""`iomodels check`: find disturbances of measurements on this machine. It changes nothing.

An unavailable fact proves nothing: the rules that need it are listed as not checked.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import psutil

from iomodels.machine import wakeful
from iomodels.machine.environment import answers, git_state
from iomodels.machine.facts import Fact, Unknown, facts
from iomodels.machine.rules import RULES, Disturbance, Facts

BUSY_S = 1.0


def examine(
    asked: Mapping[str, Fact] | None = None,
) -> tuple[list[Disturbance], dict[str, str], dict[str, Any]]:
    """Return the disturbances, the reason per unchecked rule, and the facts."""
    found = answers(
        asked
        if asked is not None
        else {
            **facts(),
            "busy": busy,
            "taskset": _taskset,
            "may_keep_awake": wakeful.permitted,
            "may_precede": _may_precede,
            "git": git_state,
        }
    )
    disturbing, unchecked = [], {}
    for needs, rule in RULES:
        missing = [name for name in needs if found.get(name) is None]
        if missing:
            unchecked[rule.__name__] = "; ".join(
                f"{name}: {found['reasons'].get(name, 'not known')}" for name in missing
            )
            continue
        result = rule(found)
        disturbing += [result] if result else []
    return disturbing, unchecked, found


def to_json(
    disturbing: list[Disturbance], unchecked: Mapping[str, str], found: Facts
) -> dict[str, Any]:
    return {
        "format": 1,
        "disturbing": [asdict(each) for each in disturbing],
        "unchecked": dict(unchecked),
        "environment": dict(found),
    }


def busy(watch_s: float = BUSY_S) -> dict[str, float]:
    """Return the CPUs used by other programs and those taken by a hypervisor, on average.

    This program sleeps meanwhile.
    """
    before, own = psutil.cpu_times(), psutil.Process().cpu_times()
    began = time.monotonic()
    time.sleep(watch_s)
    after, took = psutil.cpu_times(), time.monotonic() - began
    mine = sum(psutil.Process().cpu_times()[:2]) - sum(own[:2])
    idle = ["idle", "iowait", "steal", "guest", "guest_nice"]
    if sys.platform == "win32":
        idle += ["interrupt", "dpc"]  # parts of "system" there
    used = sum(
        getattr(after, name) - getattr(before, name) for name in after._fields if name not in idle
    )
    stolen = getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)
    return {
        "others_cpus": round(max(0.0, used - mine) / took, 3),
        "stolen_cpus": round(max(0.0, stolen) / took, 3),
    }


def _may_precede() -> bool:
    """Return whether the load generator may run before all others on its CPU (open loops)."""
    if sys.platform != "linux":
        raise Unknown("only Linux asks for a permission")
    import resource  # Windows has none

    least = os.sched_get_priority_min(os.SCHED_RR)
    return os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_RTPRIO)[0] >= least


def _taskset() -> bool:
    if sys.platform == "win32":
        raise Unknown("Windows needs none")
    return shutil.which("taskset") is not None
