"""Facts of other machines, read from given files and answers, and what `iomodels check` concludes.

Windows' answers here have the form that Microsoft documents; they were not taken from a machine.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from iomodels.base.files import ROOT
from iomodels.cli.main import main
from iomodels.data.busy import others_busy
from iomodels.machine import check, environment
from iomodels.machine import facts as machine
from iomodels.machine.environment import add_fact, answers
from iomodels.machine.facts import Reader, Unknown, linux_facts, portable_facts, windows_facts
from iomodels.machine.rules import RULES, Disturbance

CPU = "/sys/devices/system/cpu"
LINUX = {
    "/etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "/proc/cpuinfo": (
        "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu vme hypervisor sse\n"
    ),
    f"{CPU}/smt/active": "1",
    f"{CPU}/intel_pstate/no_turbo": "1",
    "/sys/devices/system/node/online": "0-1",
    "/sys/fs/cgroup/cpu.max": "150000 100000",
    "/sys/class/dmi/id/sys_vendor": "QEMU",
    "/sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
    "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999",
    "/sys/class/net/lo/mtu": "65536",
    "/proc/net/sockstat": (
        "sockets: used 297\nTCP: inuse 226 orphan 17 tw 32393 alloc 230 mem 19\nUDP: inuse 0 mem 0"
    ),
    **{f"/proc/sys/net/{name}": "1\t2" for name in machine.TCP_SETTINGS},
}
GLOBS = {
    f"{CPU}/cpu[0-9]*/topology/physical_package_id": ["0"],
    f"{CPU}/cpu[0-9]*/topology/thread_siblings_list": ["0-1", "2-3"],
    f"{CPU}/cpu[0-9]*/cpufreq/scaling_governor": ["performance", "powersave"],
}
WINDOWS: dict[str, Any] = {
    "os": "Windows 10 Pro 23H2 build 22631.3007",
    "cpu": "Some CPU",
    "cpu_packages": 1,
    "smt": True,
    "virtual_machine": False,
    "hypervisor": "Maker Inc.",
    "power_plan": "Power Scheme GUID: 381b4222-f694-41f0-9685-ff5bb260df2e  (Balanced)",
    "timer_resolution_ns": 15_625_000,
    "loopback": {"mtu": "4294967295", "congestion_provider": "CUBIC", "timestamps": "Disabled"},
    "local_port_range": [49152, 65535],
    "time_wait": 12,
    "defender": {"realtime": True, "excluded": [str(ROOT.parent).upper()]},
}


class Given(Reader):
    """A machine made of given files and one given answer of PowerShell."""

    def __init__(self, files: Mapping[str, str] = LINUX, answer: str = "") -> None:
        self.files, self.answer, self.asked = files, answer, 0

    def text(self, path: str) -> str:
        if path not in self.files:
            raise Unknown(f"{path} cannot be read: No such file or directory")
        return self.files[path].strip()

    def texts(self, pattern: str) -> list[str]:
        return GLOBS[pattern]

    def output(self, *argv: str) -> str:
        assert argv[0] == "powershell.exe" and self.answer, f"{argv[0]} was started"
        self.asked += 1
        return self.answer


def test_linux_facts() -> None:
    found = answers(linux_facts(Given()))
    reasons = found.pop("reasons")
    assert reasons == {
        "power_plan": "only Windows has power plans; see cpu_governor",
        "defender": "only Windows has Defender",
    }
    assert found.pop("timer_resolution_ns") > 0
    assert found == {
        "os": "Debian GNU/Linux 12 (bookworm)",
        "cpu": "Some CPU @ 2 GHz",
        "cpu_packages": 1,
        "cpu_siblings": ["0-1", "2-3"],
        "smt": True,
        "numa_nodes": "0-1",
        "cpu_governor": ["performance", "powersave"],
        "power_plan": None,
        "boost": False,
        "cpu_quota": 1.5,
        "virtual_machine": True,
        "hypervisor": "QEMU",
        "clock_source": "tsc",
        "local_port_range": [32768, 60999],
        "time_wait": 32393,
        "loopback": {
            "mtu": "65536",
            **{name.split("/")[1]: "1 2" for name in machine.TCP_SETTINGS},
        },
        "defender": None,
    }


def test_what_linux_does_not_tell_has_a_reason() -> None:
    found = answers(
        linux_facts(Given({"/proc/cpuinfo": "", "/proc/net/sockstat": "TCP6: inuse 4"}))
    )
    assert (
        found["reasons"]["cpu"]
        == found["reasons"]["virtual_machine"]
        == "/proc/cpuinfo does not say"
    )
    assert (
        found["reasons"]["cpu_quota"]
        == "/sys/fs/cgroup/cpu.max cannot be read: No such file or directory"
    )
    assert {name for name, value in found.items() if value is None} == set(found["reasons"])


def test_windows_facts_come_from_one_start_of_powershell() -> None:
    given = Given(answer=json.dumps({name: {"value": value} for name, value in WINDOWS.items()}))
    found = answers(windows_facts(given))
    assert given.asked == 1
    assert set(found["reasons"]) == set(machine.UNASKED) and set(found) == {
        *WINDOWS,
        *machine.UNASKED,
        "reasons",
    }
    assert found["defender"] == {
        "realtime": True,
        "excluded": True,
    }  # no path is kept: it names a user
    assert {name: found[name] for name in WINDOWS if name != "defender"} == {
        name: WINDOWS[name] for name in WINDOWS if name != "defender"
    }
    assert set(answers(linux_facts(Given()))) == set(found), "both systems have the same names"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("Windows PowerShell\n", "PowerShell's answer is not JSON"),
        ("[]", "not an object"),
        ("{}", "PowerShell gave no answer"),
        ('{"defender": {"reason": "Invalid class\\nat line 1"}}', "Invalid class"),
    ],
)
def test_what_powershell_does_not_tell_has_a_reason(answer: str, reason: str) -> None:
    found = answers(windows_facts(Given(answer=answer)))
    assert (
        found["defender"] is None
        and reason in found["reasons"]["defender"]
        and "\n" not in found["reasons"]["defender"]
    )


def test_the_powershell_script_is_whole() -> None:
    text = machine.script()
    assert (
        all(text.count(left) == text.count(right) for left, right in ("{}", "()", "[]"))
        and text.count("'") % 2 == 0
    )
    assert not re.search(r"\b(Set|New|Remove|Add)-(?!Type)", text) and "/setactive" not in text, (
        "it only asks"
    )


def test_only_an_administrator_may_read_the_exclusions_of_defender() -> None:
    hidden = {"realtime": True, "excluded": ["N/A: Must be an administrator to view exclusions"]}
    found = answers(windows_facts(Given(answer=json.dumps({"defender": {"value": hidden}}))))
    assert found["defender"] is None and "only an administrator" in found["reasons"]["defender"]


def test_no_fact_ends_a_run_however_it_fails() -> None:
    def counters_are_off() -> float:
        raise RuntimeError("PdhAddEnglishCounterW failed")

    found = answers({"load": counters_are_off, "zero": lambda: 1 // 0, "one": lambda: 1})
    add_fact(found, "busy", counters_are_off)
    off = "RuntimeError: PdhAddEnglishCounterW failed"
    assert found == {
        "load": None,
        "zero": None,
        "one": 1,
        "busy": None,
        "reasons": {
            "load": off,
            "zero": "ZeroDivisionError: integer division or modulo by zero",
            "busy": off,
        },
    }
    assert others_busy(found) is None


def test_a_fact_that_windows_does_not_know_is_no_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """psutil answers zeros there, and a battery may not report whether it is charged."""
    unsure = SimpleNamespace(power_plugged=None)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(machine.psutil, "sensors_battery", lambda: unsure, raising=False)
    asked = {name: portable_facts()[name] for name in ("load_average", "on_battery")}
    found = answers(asked)
    assert (found["load_average"], found["on_battery"]) == (None, None)
    assert found["reasons"]["load_average"] == "Windows has none; see busy"


def test_the_build_of_visual_studio_is_read_from_the_cache(tmp_path: Path) -> None:
    studio = tmp_path / "msvc"
    (studio / "CMakeFiles" / "3.31.0").mkdir(parents=True)
    (studio / "CMakeFiles" / "3.31.0" / "CMakeCCompiler.cmake").write_text(
        'set(CMAKE_C_COMPILER "C:/VC/cl.exe")\nset(CMAKE_C_COMPILER_ID "MSVC")\n'
        'set(CMAKE_C_COMPILER_VERSION "19.44.35207.1")\n',
        encoding="utf-8",
    )
    (studio / "CMakeCache.txt").write_text(
        "CMAKE_CONFIGURATION_TYPES:STRING=Debug;Release;MinSizeRel;RelWithDebInfo\n"
        "CMAKE_C_FLAGS:STRING=/DWIN32 /W3\nCMAKE_C_FLAGS_DEBUG:STRING=/Od\n"
        "CMAKE_C_FLAGS_RELWITHDEBINFO:STRING=/O2 /Ob2 /DNDEBUG\n"
        "CMAKE_EXE_LINKER_FLAGS_RELWITHDEBINFO:STRING=/debug /INCREMENTAL:NO\n",
        encoding="utf-8",
    )
    assert environment.compilers(tmp_path)["msvc"] == {
        "compiler": "C:/VC/cl.exe",
        "id": "MSVC",
        "version": "19.44.35207.1",
        "build_type": "RelWithDebInfo",
        "flags": "/DWIN32 /W3 /O2 /Ob2 /DNDEBUG /debug /INCREMENTAL:NO",
    }
    presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
    assert {
        each["configuration"] for each in presets["buildPresets"] if "configuration" in each
    } == {environment.STUDIO_CONFIGURATION}


def test_a_compiler_of_the_build_folder_does_not_name_that_folder(tmp_path: Path) -> None:
    place = tmp_path / "host" / "CMakeFiles" / "3.31.0"
    place.mkdir(parents=True)
    (tmp_path / "host" / "CMakeCache.txt").write_text("", encoding="utf-8")
    (place / "CMakeCCompiler.cmake").write_text(
        f'set(CMAKE_C_COMPILER "{tmp_path.as_posix()}/compiler/zig")\n', encoding="utf-8"
    )
    assert environment.compilers(tmp_path)["host"]["compiler"] == "compiler/zig"


def test_interrupts_are_not_counted_twice_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """psutil's `system` of Windows is kernel without idle time; it holds interrupt and dpc."""
    times = namedtuple("scputimes", "user system idle interrupt dpc")
    readings = iter([times(0, 0, 0, 0, 0), times(1, 2, 7, 0.5, 0.25)])
    own = SimpleNamespace(cpu_times=lambda: (0.0, 0.0))
    clock = iter([0.0, 10.0])
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(check.psutil, "cpu_times", lambda: next(readings))
    monkeypatch.setattr(check.psutil, "Process", lambda: own)
    monkeypatch.setattr(check.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(check.time, "sleep", lambda seconds: None)
    assert check.busy() == {"others_cpus": 0.3, "stolen_cpus": 0.0}


def test_programs_and_files_that_are_not_there(tmp_path: Path) -> None:
    for read in (
        lambda: Reader().output("no-such-program"),
        lambda: Reader().text(str(tmp_path / "none")),
        lambda: Reader().texts("/no/such/*"),
        lambda: Reader().output(sys.executable, "-c", "raise SystemExit(1)"),
    ):
        with pytest.raises(
            Unknown, match=r"no-such-program|cannot be read|the system has no|exit code 1"
        ):
            read()


@pytest.mark.skipif(os.name == "nt", reason="a link needs a privilege there")
def test_programs_of_a_linked_preset_keep_their_names(tmp_path: Path) -> None:
    elsewhere, build = tmp_path / "elsewhere", tmp_path / "build"
    (elsewhere / "bin").mkdir(parents=True)
    (elsewhere / "bin" / "one.exe").write_bytes(b"")
    build.mkdir()
    (build / "mingw").symlink_to(elsewhere)
    assert list(environment.binaries(build, ["one"])) == ["mingw/bin/one.exe"]


QUIET: dict[str, Any] = {
    "cpus_usable": [0, 1, 2, 3],
    "cpu_siblings": ["0,1", "2-3"],
    "cpu_governor": ["performance"],
    "boost": False,
    "power_plan": "Power Scheme GUID: 8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c  (High performance)",
    "on_battery": False,
    "virtual_machine": False,
    "cpu_quota": "unlimited",
    "busy": {"others_cpus": 0.01, "stolen_cpus": 0.0},
    "sleep_1ms_us": 1100,
    "clock_source": "tsc",
    "memory_bytes": 16 << 30,
    "memory_available_bytes": 8 << 30,
    "open_files_limit": {"soft": 1024, "hard": None},
    "local_port_range": [32768, 60999],
    "time_wait": 3,
    "defender": {"realtime": True, "excluded": True},
    "taskset": True,
    "may_keep_awake": True,
    "may_precede": True,
    "git": {"commit": "f", "dirty": False, "reason": None},
}


def examined(**changes: Any) -> tuple[list[Disturbance], dict[str, str], dict[str, Any]]:
    def fact(value: Any) -> Any:
        if value is None:
            raise Unknown("not told")
        return value

    return check.examine(
        {name: (lambda value=value: fact(value)) for name, value in {**QUIET, **changes}.items()}
    )


@pytest.mark.parametrize(
    ("changes", "name", "mend"),
    [
        ({"cpus_usable": [0]}, "CPUs", "two CPUs"),
        ({"cpus_usable": [2, 3]}, "SMT", "smt/control"),
        ({"cpu_governor": ["performance", "powersave"]}, "clock", "cpupower"),
        ({"boost": True}, "boost", "no_turbo"),
        ({"power_plan": WINDOWS["power_plan"]}, "power plan", "powercfg /setactive 8c5e7fda"),
        ({"on_battery": True}, "power", "charger"),
        ({"virtual_machine": True}, "hypervisor", None),
        ({"cpu_quota": 1.5}, "CPU quota", "without a CPU limit"),
        ({"busy": {"others_cpus": 0.5, "stolen_cpus": 0.0}}, "other programs", "stop"),
        ({"busy": {"others_cpus": 0.0, "stolen_cpus": 0.2}}, "stolen time", None),
        ({"sleep_1ms_us": 15_600}, "timer", None),
        ({"clock_source": "hpet"}, "clock source", "current_clocksource"),
        ({"memory_available_bytes": 1 << 30}, "memory", "stop programs that use it"),
        ({"open_files_limit": {"soft": 1024, "hard": 1024}}, "open files", "ulimit -n"),
        ({"local_port_range": [49152, 65535]}, "local ports", "port"),
        ({"time_wait": 20_000}, "TIME_WAIT", " 120"),
        (
            {"defender": {"realtime": True, "excluded": False}},
            "Defender",
            f"powershell -Command \"Add-MpPreference -ExclusionPath '{ROOT}'\" (as administrator)",
        ),
        ({"may_keep_awake": False}, "sleep", "chmod"),
        ({"may_precede": False}, "precedence", "limits.conf"),
        ({"taskset": False}, "placement", "util-linux"),
        ({"git": {"commit": "f", "dirty": True, "reason": None}}, "sources", "commit"),
    ],
)
def test_each_disturbance_is_found_with_what_mends_it(
    changes: dict[str, Any], name: str, mend: str | None
) -> None:
    assert examined()[:2] == ([], {})
    (found,), unchecked, _ = examined(**changes)
    assert found.name == name and found.effect and unchecked == {}
    assert found.mend is None if mend is None else mend in (found.mend or "")


def test_every_rule_has_a_case_and_what_cannot_be_had_is_not_checked() -> None:
    disturbing, unchecked, _ = examined(**dict.fromkeys(QUIET))
    assert disturbing == [] and set(unchecked) == {rule.__name__ for _, rule in RULES}
    assert unchecked["many_time_wait"] == "local_port_range: not told; time_wait: not told"
    assert len(RULES) == 21, "a rule needs a case above"


@pytest.mark.parametrize(("changes", "code"), [({}, 0), ({"boost": True, "defender": None}, 1)])
def test_the_command_says_what_disturbs_and_its_exit_code_whether(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    code: int,
) -> None:
    result = examined(**changes)
    monkeypatch.setattr(check, "examine", lambda: result)
    assert main(["check"]) == code
    text = capsys.readouterr().out
    assert (
        "    fix: echo 1 | sudo tee" in text and "not checked: scanned: defender: not told" in text
    ) is bool(changes)
    assert text.endswith(f"{len(result[0])} of {len(RULES)} checks found a problem\n")
    assert main(["check", "--json"]) == code
    said = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in said["disturbing"]] == [
        each.name for each in result[0]
    ] and said["environment"]["cpus_usable"] == [0, 1, 2, 3]


def test_this_machine_can_be_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "BUSY_S", 0.05)
    _, unchecked, found = check.examine()
    assert (
        found["busy"]["others_cpus"] >= 0 and found["sleep_1ms_us"] >= 1000 and found["cpus_usable"]
    )
    assert set(unchecked) <= {rule.__name__ for _, rule in RULES}
