"""The rules of `iomodels check`: each disturbance, its effect, and the command that fixes it.

A rule reads the facts of machine/facts.py. It returns a Disturbance, or None if it finds nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from iomodels.base.files import ROOT
from iomodels.data.busy import EFFECT, others_busy
from iomodels.machine import wakeful
from iomodels.machine.facts import known

STOLEN_MOST = 0.01
LONG_SLEEP_US = 2_000
FEW_PORTS = 20_000
TIME_WAIT_MOST = 0.25  # of the local ports
MEMORY_LEAST = 0.10
FILES_LEAST = 4_096
FAST_PLANS = ("8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c", "e9a42b02-d5df-448d-aa00-03f14749eb61")
"""High performance and Ultimate performance; their ids are the same on every Windows."""
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Disturbance:
    """A disturbance: what was found, its effect on results, and the command or act that fixes it.

    `mend` is None if nothing on this machine can fix it.
    """

    name: str
    found: str
    effect: str
    mend: str | None


Rule = Callable[[Facts], Disturbance | None]


def few_cpus(found: Facts) -> Disturbance | None:
    usable = len(found["cpus_usable"])
    if usable >= 2:
        return None
    return Disturbance(
        "CPUs",
        f"{usable} usable",
        "server and load generator compete for CPU time",
        "give this machine or container two CPUs or more",
    )


def shared_core(found: Facts) -> Disturbance | None:
    """Server and load generator run on the first and the last usable CPU (machine/placement.py)."""
    ends = {found["cpus_usable"][0], found["cpus_usable"][-1]}
    group = next(
        (group for group in found["cpu_siblings"] if len(ends) == 2 and ends <= _cpu_list(group)),
        None,
    )
    if group is None:
        return None
    return Disturbance(
        "SMT",
        f"CPUs {group} share a core",
        "server and load generator slow each other down",
        "echo off | sudo tee /sys/devices/system/cpu/smt/control",
    )


def slow_governor(found: Facts) -> Disturbance | None:
    slow = [each for each in found["cpu_governor"] if each != "performance"]
    return (
        Disturbance(
            "clock",
            f"governor {', '.join(slow)}",
            "the clock follows the load, so light loads look slow",
            "sudo cpupower frequency-set -g performance",
        )
        if slow
        else None
    )


def boost(found: Facts) -> Disturbance | None:
    return (
        Disturbance(
            "boost",
            "the clock may rise above its nominal rate",
            "results depend on heat and on the load of the other cores",
            "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo || "
            "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost",
        )
        if found["boost"]
        else None
    )


def slow_power_plan(found: Facts) -> Disturbance | None:
    plan = str(found["power_plan"])
    return (
        None
        if any(each in plan.casefold() for each in FAST_PLANS)
        else Disturbance(
            "power plan",
            plan,
            "the clock follows the load and cores are parked",
            f"powercfg /setactive {FAST_PLANS[0]}",
        )
    )


def on_battery(found: Facts) -> Disturbance | None:
    return (
        Disturbance("power", "on battery", "the clock is held down", "plug in the charger")
        if found["on_battery"]
        else None
    )


def virtual_machine(found: Facts) -> Disturbance | None:
    return (
        Disturbance(
            "hypervisor",
            "this is a virtual machine",
            "other guests take CPU time unseen, and every interrupt costs more",
            None,
        )
        if found["virtual_machine"]
        else None
    )


def quota(found: Facts) -> Disturbance | None:
    limit = found["cpu_quota"]
    return (
        None
        if limit == "unlimited"
        else Disturbance(
            "CPU quota",
            f"this control group may use {limit:g} CPUs",
            "its programs are stopped for the rest of each period",
            "start the container without a CPU limit",
        )
    )


def other_programs(found: Facts) -> Disturbance | None:
    others = others_busy(found)
    shown = "the Task Manager" if sys.platform == "win32" else "top"
    return (
        Disturbance("other programs", others, EFFECT, f"stop the programs that {shown} shows")
        if others
        else None
    )


def stolen(found: Facts) -> Disturbance | None:
    share = found["busy"]["stolen_cpus"]
    return (
        Disturbance(
            "stolen time",
            f"the hypervisor took {share:.2f} CPUs",
            "measurements halt meanwhile",
            None,
        )
        if share > STOLEN_MOST
        else None
    )


def coarse_timer(found: Facts) -> Disturbance | None:
    slept = found["sleep_1ms_us"]
    return (
        Disturbance(
            "timer",
            f"a sleep of 1 ms takes {slept / 1000:.1f} ms",
            "timeouts and paced sends come late",
            None,
        )
        if slept > LONG_SLEEP_US
        else None
    )


def slow_clock(found: Facts) -> Disturbance | None:
    source = found["clock_source"]
    return (
        None
        if source in ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter")
        else Disturbance(
            "clock source",
            source,
            "each reading of the clock is a system call",
            "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource",
        )
    )


def little_memory(found: Facts) -> Disturbance | None:
    share = found["memory_available_bytes"] / found["memory_bytes"]
    return (
        Disturbance(
            "memory",
            f"{share:.0%} is available",
            "the system may swap",
            "stop programs that use it",
        )
        if share < MEMORY_LEAST
        else None
    )


def few_files(found: Facts) -> Disturbance | None:
    hard = found["open_files_limit"]["hard"]
    return (
        None
        if hard is None or hard >= FILES_LEAST
        else Disturbance(
            "open files",
            f"at most {hard}",
            "loads with more connections are impossible",
            f"ulimit -n {FILES_LEAST * 16} (as root, before starting)",
        )
    )


def few_ports(found: Facts) -> Disturbance | None:
    low, high = found["local_port_range"]
    if high - low + 1 >= FEW_PORTS:
        return None
    mend = (
        'sudo sysctl -w net.ipv4.ip_local_port_range="1024 65535"'
        if sys.platform != "win32"
        else "netsh int ipv4 set dynamicport tcp start=10000 num=55535 (as administrator)"
    )
    return Disturbance("local ports", f"{low} … {high}", "churn may exhaust them", mend)


def many_time_wait(found: Facts) -> Disturbance | None:
    low, high = found["local_port_range"]
    waiting = found["time_wait"]
    return (
        Disturbance(
            "TIME_WAIT",
            f"{waiting:,} closed connections still hold a port",
            "connecting takes longer and may fail",
            "timeout 120" if sys.platform == "win32" else "sleep 120",
        )
        if waiting > TIME_WAIT_MOST * (high - low + 1)
        else None
    )


def scanned(found: Facts) -> Disturbance | None:
    defender = found["defender"]
    return (
        Disturbance(
            "Defender",
            "files here are scanned as they are used",
            "starting programs takes longer, and the scanner takes CPU time",
            f"powershell -Command \"Add-MpPreference -ExclusionPath '{ROOT}'\" (as administrator)",
        )
        if defender["realtime"] and not defender["excluded"]
        else None
    )


def not_pinned(found: Facts) -> Disturbance | None:
    return (
        None
        if found["taskset"]
        else Disturbance(
            "placement",
            "taskset is not installed",
            "no program can be pinned to a CPU",
            "sudo apt-get install util-linux",
        )
    )


def sleepy(found: Facts) -> Disturbance | None:
    return (
        None
        if found["may_keep_awake"]
        else Disturbance(
            "sleep",
            f"idle processors sleep, and this user may not write {wakeful.DEVICE}",
            "each wait ends late, by up to milliseconds in a virtual machine",
            f"sudo chmod o+w {wakeful.DEVICE} (until the next start)",
        )
    )


def late_sender(found: Facts) -> Disturbance | None:
    return (
        None
        if found["may_precede"]
        else Disturbance(
            "precedence",
            "this user may not give the load generator precedence on its CPU",
            "at an offered rate other programs delay its sends",
            'add "* - rtprio 1" to /etc/security/limits.conf, and log in again',
        )
    )


def changed_sources(found: Facts) -> Disturbance | None:
    return (
        Disturbance(
            "sources",
            "there are local changes",
            "the measured programs cannot be built again",
            "git stash, or git commit",
        )
        if known(found["git"])["dirty"]
        else None
    )


RULES: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("cpus_usable",), few_cpus),
    (("cpus_usable", "cpu_siblings"), shared_core),
    (("cpu_governor",), slow_governor),
    (("boost",), boost),
    (("power_plan",), slow_power_plan),
    (("on_battery",), on_battery),
    (("virtual_machine",), virtual_machine),
    (("cpu_quota",), quota),
    (("busy",), other_programs),
    (("busy",), stolen),
    (("sleep_1ms_us",), coarse_timer),
    (("clock_source",), slow_clock),
    (("memory_available_bytes", "memory_bytes"), little_memory),
    (("open_files_limit",), few_files),
    (("local_port_range",), few_ports),
    (("local_port_range", "time_wait"), many_time_wait),
    (("defender",), scanned),
    (("taskset",), not_pinned),
    (("may_keep_awake",), sleepy),
    (("may_precede",), late_sender),
    (("git",), changed_sources),
)
"""Each rule with the facts that it needs."""


def _cpu_list(text: str) -> set[int]:
    """Return the CPUs of "0,4" or "0-1", as Linux writes lists of CPUs."""
    found: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition("-")
        found |= set(range(int(low), int(high or low) + 1))
    return found
