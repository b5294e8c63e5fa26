"""The facts of a machine that affect results, under the same names on Linux and on Windows.

A fact is a function that returns its value or raises Unknown with the reason. It reads the system
only through a Reader, so tests can supply the answers of other machines. Nothing here changes
anything, and no fact names the machine or its user.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil

OUTPUT_TIMEOUT_S = 60.0  # Windows PowerShell starts in seconds; Defender answers later
SLEEPS = 20

Fact = Callable[[], Any]


class Unknown(Exception):
    """A fact is unavailable here; the message is the reason."""


class Reader:
    """Reads facts from files and from the output of programs."""

    def text(self, path: str) -> str:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Unknown(
                f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
            ) from None

    def texts(self, pattern: str) -> list[str]:
        """Return the contents of all matching files, sorted, without duplicates. Raises Unknown if
        empty."""
        found = sorted(
            {
                path.read_text(encoding="utf-8").strip()
                for path in Path("/").glob(pattern.lstrip("/"))
            }
        )
        if not found:
            raise Unknown(f"the system has no {pattern}")
        return found

    def output(self, *argv: str) -> str:
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=OUTPUT_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unknown(f"{argv[0]}: {error}") from None
        if done.returncode != 0:
            raise Unknown(
                f"{argv[0]}: exit code {done.returncode}: "
                f"{_first_line(done.stderr.decode('utf-8', 'replace'))}"
            )
        return done.stdout.decode("utf-8", "replace").strip()


THIS_MACHINE = Reader()


def facts(reader: Reader = THIS_MACHINE) -> dict[str, Fact]:
    """Return every fact of this machine by its name."""
    own = windows_facts(reader) if sys.platform == "win32" else linux_facts(reader)
    return portable_facts() | own


def portable_facts() -> dict[str, Fact]:
    """Return the facts that Python and psutil report on every system."""
    return {
        "system": lambda: f"{platform.system()} {platform.release()}",
        "machine": platform.machine,
        "cpus_logical": lambda: known(os.cpu_count()),
        "cpus_physical": lambda: known(psutil.cpu_count(logical=False)),
        "cpus_usable": _usable_cpus,
        "cpu_mhz": lambda: round(known(psutil.cpu_freq()).current),
        "memory_bytes": lambda: int(psutil.virtual_memory().total),
        "memory_available_bytes": lambda: int(psutil.virtual_memory().available),
        "load_average": _load_average,
        "on_battery": lambda: not known(known(psutil.sensors_battery()).power_plugged),
        "booted_utc": lambda: datetime.fromtimestamp(round(psutil.boot_time(), -1), UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        ),
        "open_files_limit": _open_files_limit,
        "sleep_1ms_us": _sleep_1ms_us,
    }


def link_of(address: str) -> dict[str, Any]:
    """Return the network interface of this address: name, MTU, speed in Mbit/s (None if
    unavailable)."""
    for name, addresses in psutil.net_if_addrs().items():
        if any(each.address == address for each in addresses):
            stats = psutil.net_if_stats()[name]
            return {"interface": name, "mtu": stats.mtu, "mbps": stats.speed or None}
    raise Unknown(f"no interface has the address {address}")


def known(value: Any, reason: str = "the system does not report it") -> Any:
    if value is None:
        raise Unknown(reason)
    return value


def _usable_cpus() -> list[int]:
    """Return the CPUs that this process may use: a container or taskset can hide some."""
    try:
        return list(psutil.Process().cpu_affinity())
    except AttributeError:
        raise Unknown("the system has no affinity of processes") from None


def _load_average() -> list[float]:
    """Return the load of 1, 5 and 15 minutes.

    On Windows psutil imitates it: it starts a thread, and answers zeros for its first 5 seconds.
    """
    if sys.platform == "win32":
        raise Unknown("Windows has none; see busy")
    return [round(load, 2) for load in psutil.getloadavg()]


def _open_files_limit() -> dict[str, int | None]:
    try:
        import resource
    except ImportError:
        raise Unknown("the system has no such limit") from None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {"soft": soft, "hard": None if hard == resource.RLIM_INFINITY else hard}


def _sleep_1ms_us() -> int:
    """Return the median time of a sleep of 1 ms: it shows the timer's tick and slack."""

    def once() -> float:
        began = time.perf_counter()
        time.sleep(0.001)
        return time.perf_counter() - began

    return round(1e6 * statistics.median(once() for _ in range(SLEEPS)))


# ---- Linux ----

CPUS = "/sys/devices/system/cpu"
TCP_SETTINGS = (
    "ipv4/tcp_congestion_control",
    "ipv4/tcp_timestamps",
    "ipv4/tcp_tw_reuse",
    "ipv4/tcp_rmem",
    "ipv4/tcp_wmem",
    "core/somaxconn",
)


def linux_facts(reader: Reader) -> dict[str, Fact]:
    return {
        "os": lambda: _field(
            reader.text("/etc/os-release"), r'^PRETTY_NAME="?([^"\n]+)', "/etc/os-release"
        ),
        "cpu": lambda: _field(
            reader.text("/proc/cpuinfo"), r"^model name\s*:\s*(.+)$", "/proc/cpuinfo"
        ),
        "cpu_packages": lambda: len(reader.texts(f"{CPUS}/cpu[0-9]*/topology/physical_package_id")),
        "cpu_siblings": lambda: reader.texts(f"{CPUS}/cpu[0-9]*/topology/thread_siblings_list"),
        "smt": lambda: reader.text(f"{CPUS}/smt/active") == "1",
        "numa_nodes": lambda: reader.text("/sys/devices/system/node/online"),
        "cpu_governor": lambda: reader.texts(f"{CPUS}/cpu[0-9]*/cpufreq/scaling_governor"),
        "power_plan": lambda: _not_here("only Windows has power plans; see cpu_governor"),
        "boost": lambda: _boost(reader),
        "cpu_quota": lambda: _quota(reader),
        "virtual_machine": lambda: (
            "hypervisor"
            in _field(reader.text("/proc/cpuinfo"), r"^flags\s*:(.*)$", "/proc/cpuinfo").split()
        ),
        "hypervisor": lambda: reader.text("/sys/class/dmi/id/sys_vendor"),
        "clock_source": lambda: reader.text(
            "/sys/devices/system/clocksource/clocksource0/current_clocksource"
        ),
        "timer_resolution_ns": lambda: round(1e9 * time.clock_getres(time.CLOCK_MONOTONIC)),
        "loopback": lambda: _loopback(reader),
        "local_port_range": lambda: list(local_port_range(reader)),
        "time_wait": lambda: int(
            _field(reader.text("/proc/net/sockstat"), r"^TCP:.* tw (\d+)", "/proc/net/sockstat")
        ),
        "defender": lambda: _not_here("only Windows has Defender"),
    }


def local_port_range(reader: Reader = THIS_MACHINE) -> tuple[int, int]:
    """Return the ports that Linux gives to outgoing connections."""
    low, high = reader.text("/proc/sys/net/ipv4/ip_local_port_range").split()
    return int(low), int(high)


def _field(text: str, pattern: str, where: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise Unknown(f"{where} does not say")
    return found[1].strip()


def _boost(reader: Reader) -> bool:
    """Return whether the clock may rise above its nominal rate if heat and neighbours allow it."""
    try:
        return reader.text(f"{CPUS}/intel_pstate/no_turbo") == "0"
    except Unknown:
        return reader.text(f"{CPUS}/cpufreq/boost") == "1"


def _quota(reader: Reader) -> float | str:
    """Return the CPUs that the control group may use on average, or "unlimited"."""
    quota, period = reader.text("/sys/fs/cgroup/cpu.max").split()
    return "unlimited" if quota == "max" else int(quota) / int(period)


def _loopback(reader: Reader) -> dict[str, str]:
    settings = {
        name.split("/")[1]: " ".join(reader.text(f"/proc/sys/net/{name}").split())
        for name in TCP_SETTINGS
    }
    return {"mtu": reader.text("/sys/class/net/lo/mtu"), **settings}


def _not_here(reason: str) -> Any:
    raise Unknown(reason)


# ---- Windows ----

QUESTIONS = {
    # ProductName of the registry is "Windows 10" on Windows 11, too
    "os": "$v = Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion'; "
    "$c = (Get-CimInstance Win32_OperatingSystem).Caption -replace '^Microsoft ', ''; "
    '"$($c.Trim()) $($v.DisplayVersion) build $($v.CurrentBuildNumber).$($v.UBR)"',
    "cpu": "(Get-CimInstance Win32_Processor | Select-Object -First 1).Name.Trim()",
    "cpu_packages": "@(Get-CimInstance Win32_Processor).Count",
    "smt": "$p = Get-CimInstance Win32_Processor | Select-Object -First 1; "
    "$p.NumberOfLogicalProcessors -gt $p.NumberOfCores",
    "power_plan": "(powercfg /getactivescheme) -join ' '",
    "virtual_machine": "(Get-CimInstance Win32_ComputerSystem).HypervisorPresent",
    "hypervisor": "(Get-CimInstance Win32_ComputerSystem).Manufacturer",
    "timer_resolution_ns": "$t = Add-Type -PassThru -Name Timer -Namespace Iomodels "
    '-MemberDefinition \'[DllImport("ntdll.dll")] public static extern int '
    "NtQueryTimerResolution(out uint max, out uint min, out uint now);'; "
    "$a = $b = $c = [uint32]0; "
    "[void]$t::NtQueryTimerResolution([ref]$a, [ref]$b, [ref]$c); $c * 100",
    "loopback": "$i = Get-NetIPInterface -AddressFamily IPv4 | "
    "Where-Object InterfaceAlias -like 'Loopback*'; "
    '$s = Get-NetTCPSetting -SettingName Internet; @{ mtu = "$($i.NlMtu)"; '
    'congestion_provider = "$($s.CongestionProvider)"; timestamps = "$($s.Timestamps)" }',
    "local_port_range": "$s = Get-NetTCPSetting -SettingName Internet; "
    "@($s.DynamicPortRangeStartPort, "
    "($s.DynamicPortRangeStartPort + $s.DynamicPortRangeNumberOfPorts - 1))",
    "time_wait": "@(Get-NetTCPConnection -State TimeWait -ErrorAction SilentlyContinue).Count",
    "defender": "@{ realtime = (Get-MpComputerStatus).RealTimeProtectionEnabled; "
    "excluded = @((Get-MpPreference).ExclusionPath) }",
}
"""The question to Windows PowerShell 5.1 per fact. Each fails on its own: without Defender all
others are still answered."""
UNASKED = {
    "cpu_siblings": "not read on Windows; see cpus_physical",
    "numa_nodes": "not read on Windows",
    "cpu_governor": "only Linux has governors; see power_plan",
    "boost": "Windows does not report it",
    "cpu_quota": "only Linux has control groups",
    "clock_source": "Windows does not report it",
}
POWERSHELL = ("powershell.exe", "-NoProfile", "-NonInteractive", "-Command")


def windows_facts(reader: Reader) -> dict[str, Fact]:
    """Return the facts of Windows. The first one starts PowerShell, which answers all questions."""
    answers: dict[str, Any] = {}

    def fact(name: str) -> Any:
        if not answers:
            answers.update(_ask(reader))
        answer = answers.get(name)
        if not isinstance(answer, Mapping) or answer.get("value") is None:
            raise Unknown(
                _first_line(str((answer or {}).get("reason") or "PowerShell gave no answer"))
            )
        return _without_paths(answer["value"]) if name == "defender" else answer["value"]

    asked: dict[str, Fact] = {name: partial(fact, name) for name in QUESTIONS}
    return asked | {name: partial(_not_here, reason) for name, reason in UNASKED.items()}


def script() -> str:
    """Return one PowerShell script that answers every question as JSON.

    The answers are name → {"value": …} or {"reason": …}.
    """
    asked = "; ".join(
        f"$r['{name}'] = Ask {{ {question} }}" for name, question in QUESTIONS.items()
    )
    return (
        "$ErrorActionPreference = 'Stop'; [Console]::OutputEncoding = [Text.Encoding]::UTF8; "
        "function Ask($block) { try { @{ value = (& $block) } } "
        f'catch {{ @{{ reason = "$_" }} }} }}; $r = @{{}}; {asked}; '
        "$r | ConvertTo-Json -Depth 4 -Compress"
    )


def _ask(reader: Reader) -> dict[str, Any]:
    try:
        found = json.loads(reader.output(*POWERSHELL, script()))
    except ValueError as error:
        return _unknown(f"PowerShell's answer is not JSON: {error}")
    except Unknown as error:
        return _unknown(str(error))
    return found if isinstance(found, dict) else _unknown("PowerShell's answer is not an object")


def _unknown(reason: str) -> dict[str, Any]:
    return {question: {"reason": reason} for question in QUESTIONS}


def _without_paths(defender: Mapping[str, Any]) -> dict[str, bool]:
    """Return whether files are scanned on use, and whether this repository is excluded.

    The paths themselves are omitted, since they name users. Raises Unknown if files are scanned and
    this user may not read the exclusions; Defender then answers "N/A: Must be an administrator …".
    """
    from iomodels.base.files import ROOT

    here = str(ROOT).casefold()
    paths = [str(path) for path in defender.get("excluded") or () if path]
    if defender["realtime"] and any(path.startswith("N/A:") for path in paths):
        raise Unknown("only an administrator may read the exclusions of Defender")
    covered = [path.casefold().rstrip("\\/") for path in paths]
    return {
        "realtime": bool(defender["realtime"]),
        "excluded": any(
            here == path or here.startswith((f"{path}\\", f"{path}/")) for path in covered
        ),
    }


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].strip() if lines else "no message"
