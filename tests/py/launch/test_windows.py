"""The launcher for Windows on a simulated system; the last test asks what only Windows can show."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from iomodels.base.build import windows_programs
from iomodels.base.errors import Failure
from iomodels.launch import kernel32, marks, process, windows
from iomodels.launch.kernel32 import (
    DIE_ON_UNHANDLED_EXCEPTION,
    JOB_EXTENDED_LIMITS,
    KILL_ON_JOB_CLOSE,
    PROCESS_ASSIGN,
    BasicLimits,
    ExtendedLimits,
)
from iomodels.launch.process import CREATE_SUSPENDED, Program, ProgramFailed
from iomodels.machine import cpu_sets
from iomodels.machine.placement import Placement, halves
from stage import PYTHON

ROOT = Path(__file__).resolve().parents[3]
SERVER = """#!/bin/sh
case "$1" in
--describe)
  echo '{"event":"describe","format":1,"model":"good","platform":"windows-11-26100"}'; exit 0 ;;
--deaf) trap '' INT TERM; echo '{"event":"ready","format":1}'; while :; do sleep 1; done ;;
esac
echo '{"event":"ready","format":1}'
read -r line
"""


class Simulated:
    """A job of Windows: closing its handle ends its programs. It notes the calls in their order."""

    def __init__(self, cpus: Sequence[int] = (0, 1, 2, 3), fails: str = "") -> None:
        self.cpus, self.fails = list(cpus), fails
        self.calls: list[tuple[str, object]] = []
        self.jobs: dict[int, list[int]] = {}

    def _note(self, call: str, argument: object) -> None:
        if call == self.fails:
            raise OSError(5, "Access is denied")
        self.calls.append((call, argument))

    def create_job(self, limits: ExtendedLimits) -> int:
        self._note("create_job", limits.basic.flags)
        self.jobs[77] = []
        return 77

    def assign(self, job: int, pid: int) -> None:
        self._note("assign", pid)
        self.jobs[job].append(pid)

    def close(self, handle: int) -> None:
        self._note("close", handle)
        for pid in self.jobs.pop(handle):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def set_affinity(self, pid: int, cpus: Sequence[int]) -> None:
        self._note("set_affinity", (pid, tuple(cpus)))

    def resume(self, pid: int) -> None:
        self._note("resume", pid)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "build dir" / "msvc" / "bin"
    folder.mkdir(parents=True)
    for name in ("good.exe", "loadgen.exe"):
        (folder / name).write_text(SERVER, encoding="ascii")
        (folder / name).chmod(0o755)
    return folder


def test_every_program_is_in_the_job_and_on_its_cpus_before_it_runs(programs: Path) -> None:
    system = Simulated()
    with windows.WindowsLauncher(programs, halves(system.cpus, {}), system) as launcher:
        assert launcher.platform == "windows-11-26100"
        described = system.calls[1][1]
        server, load = launcher.server("good", {}), launcher.loadgen({})
        calibrating = launcher.loadgen({"calibrate": True})  # it has its target in itself
        for program in (server, load, calibrating):
            program.expect("ready", 20)
        expected: list[tuple[str, object]] = [
            ("create_job", KILL_ON_JOB_CLOSE | DIE_ON_UNHANDLED_EXCEPTION)
        ]
        for pid, cpus in (
            (described, (0, 1)),
            (server.pid, (0, 1)),
            (load.pid, (2, 3)),
            (calibrating.pid, (2, 3, 0, 1)),
        ):
            expected += [("assign", pid), ("set_affinity", (pid, cpus)), ("resume", pid)]
        assert system.calls == expected
    assert not server.running() and not load.running()
    assert system.calls[-1] == ("close", 77)
    launcher.close()
    assert system.calls.count(("close", 77)) == 1


def test_a_program_that_will_not_end_goes_with_the_job(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = windows.WindowsLauncher(programs, Placement(), Simulated())
    program = launcher._start("server", programs / "good.exe", ["--deaf"])
    program.expect("ready", 20)

    def cannot(self: Program, timeout_s: float = 2.0) -> int:
        raise ProgramFailed("is still there", "", None)

    monkeypatch.setattr(Program, "stop", cannot)
    with pytest.raises(ProgramFailed):
        launcher.close()
    assert program.wait(20) == -signal.SIGKILL


def test_programs_are_where_affinity_says(programs: Path) -> None:
    system = Simulated()
    with windows.WindowsLauncher(programs, Placement((3,), (), "as asked"), system) as launcher:
        server, load = launcher.server("good", {}), launcher.loadgen({})
        for program in (server, load):
            program.expect("ready", 20)
        placed = {call: argument for call, argument in system.calls if call == "set_affinity"}
        assert placed == {"set_affinity": (server.pid, (3,))}
        assert all(argument != (load.pid, ()) for _, argument in system.calls)


def test_programs_are_started_as_windows_wants_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ctrl-C reaches only the harness, no priority is inherited, and a program to pin is suspended.

    The numbers are those of winbase.h.
    """
    asked: list[int] = []

    def started(argv: list[str], creationflags: int, **others: object) -> None:
        asked.append(creationflags)
        raise OSError(2, "No such file")

    for name, value in (("CREATE_NEW_PROCESS_GROUP", 0x200), ("NORMAL_PRIORITY_CLASS", 0x20)):
        monkeypatch.setattr(subprocess, name, value, raising=False)
    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setattr(sys, "platform", "win32")
    for admit in (None, lambda pid: None):
        with pytest.raises(Failure, match="cannot start"):
            Program(["server.exe"], admit=admit)
    assert asked == [0x220, 0x224]


def test_the_priority_is_part_of_the_record(programs: Path) -> None:
    with windows.WindowsLauncher(programs, halves(range(4), {}), Simulated()) as launcher:
        assert launcher.environment()["priority_class"] == "normal" and launcher.environment()[
            "placement"
        ]["server_cpus"] == (0, 1)


def test_a_program_is_interrupted_by_the_event_that_its_own_group_gets(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C cannot be sent to one group; Ctrl-Break can."""
    with Program([str(programs / "good.exe")]) as program:
        sent: list[int] = []
        with monkeypatch.context() as patch:
            patch.setattr(kernel32, "send_break", sent.append)
            patch.setattr(sys, "platform", "win32")
            program.interrupt()
        assert sent == [program.pid]


class Kernel32:
    """What placement asks of kernel32."""

    groups = 1

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object) -> int:
            return self.groups

        setattr(self, name, call)
        return call


@pytest.mark.parametrize(("groups", "cpus"), [(1, [0, 1, 2]), (2, [])])
def test_several_processor_groups_have_no_numbers(
    monkeypatch: pytest.MonkeyPatch, groups: int, cpus: list[int]
) -> None:
    monkeypatch.setattr(ctypes, "WinDLL", lambda name, use_last_error: Kernel32(), raising=False)
    monkeypatch.setattr(Kernel32, "groups", groups)
    monkeypatch.setattr(
        psutil.Process, "cpu_affinity", lambda self: [0, 1, 2]
    )  # from Windows 11 on: of the first group
    assert cpu_sets.usable() == cpus


@pytest.mark.parametrize("fails", ["assign", "set_affinity", "resume"])
def test_a_program_that_cannot_be_placed_is_not_left_behind(programs: Path, fails: str) -> None:
    system = Simulated(fails=fails)
    launcher = windows.WindowsLauncher(programs, halves(system.cpus, {}), system)
    if sys.platform == "linux":
        marks.marked()  # the guard of this process stays, whichever test starts it
    before = {child.pid for child in psutil.Process().children()}
    with pytest.raises(
        Failure,
        match=r"good.exe: started, but cannot be placed on its CPUs: .*Access is denied",
    ):
        launcher.models()
    assert {child.pid for child in psutil.Process().children()} == before
    launcher.close()


def test_without_a_console_stopping_goes_on_with_its_next_step(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Program([str(programs / "good.exe"), "--deaf"])
    program.expect("ready", 20)

    def no_console(group: int) -> None:
        raise OSError(12, "Invalid access")

    monkeypatch.setattr(kernel32, "send_break", no_console)
    monkeypatch.setattr(sys, "platform", "win32")
    assert program.stop(0.2) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "win32", reason="asks Windows for an event of the console")
def test_on_windows_an_interrupt_ends_a_program_by_itself_or_not_at_all() -> None:
    """Without a console it is an error, and the program goes on."""
    code = 'import sys, time\nprint(\'{"event":"ready","format":1}\', flush=True)\n'
    with Program([PYTHON, "-c", f"{code}sys.stdin.read()\nsys.exit(5)"]) as program:
        program.expect("ready", 20)
        try:
            program.interrupt()
        except OSError as error:
            assert error.errno and program.running()
            program.close_stdin()
            assert program.wait(20) == 5
        else:
            assert program.wait(20) == 0xC000013A


def test_a_program_that_smart_app_control_blocks_is_named(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blocked(OSError):
        winerror = 4551

    def blocked(*arguments: object, **options: object) -> None:
        raise Blocked(22, "An Application Control policy has blocked this file")

    monkeypatch.setattr(process, "_spawn", blocked)
    with pytest.raises(Failure, match=r"has blocked this file; Smart App Control of Windows"):
        Program([str(programs / "good.exe")])


def test_waits_are_short_where_they_cannot_be_interrupted(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "WAIT_SLICE_S", 0.01)
    with Program([str(programs / "good.exe")]) as program:
        waits: list[float] = []
        lines = program._lines

        class Noting:
            def get(self, timeout: float) -> bytes | None:
                waits.append(timeout)
                return lines.get(timeout=timeout)

            def __getattr__(self, name: str) -> Any:
                return getattr(lines, name)

        program.expect("ready", 20)
        monkeypatch.setattr(program, "_lines", Noting())
        with pytest.raises(ProgramFailed, match=r"no 'sample' within 0.1 s"):
            program.expect("sample", 0.1)
        assert max(waits) <= 0.01 and sum(waits) <= 0.2


def reported(machine: str) -> bytes:
    """GetSystemCpuSetInformation's answer: "0P0 1P0 2E2" is CPU, class and core of each.

    Microsoft documents the layout, and says that a later Windows may append to an entry.
    """
    layout = "<IiIHBBBBBBIQ"  # size, type, id, group, processor, core, cache, node, class, flags, …
    given = b""
    for cpu, kind, core in machine.split():
        number, efficiency = int(cpu), "EP".index(kind)
        given += struct.pack(
            layout, 48, 0, 256 + number, 0, number, int(core), 9, 9, efficiency, 9, 0, 0
        )
        given += bytes(16)
    return given + struct.pack(layout, 32, 0, 300, 1, 0, 0, 0, 0, 7, 0, 0, 0)  # another group


@pytest.mark.parametrize(
    ("cpus", "machine", "server", "load", "note"),
    [
        ([], "", (), (), "several processor groups"),
        ([5], "", (), (), "only one usable CPU"),
        ([0, 1], "", (0,), (1,), "the server has 1 core, the load generator has 1 core"),
        ([4, 5, 6], "", (4,), (5, 6), "has 2 cores"),
        ([0, 1], "0P0 1P0", (0,), (1,), "share a core, a thread each"),
        (range(6), "0E0 1E0 2E2 3E2 4E4 5E4", (0, 1), (2, 3, 4, 5), "1 core, the load gen"),
        (range(6), "0E0 1E1 2E2 3E3 4E4 5E5", (0, 1, 2), (3, 4, 5), "has 3 cores"),
        (
            range(8),
            "0P0 1P0 2P2 3P2 4E4 5E5 6E6 7E7",
            (0, 1),
            (2, 3),
            "; the 4 CPUs of another class are left",
        ),
        (
            range(6),
            "0P0 1P0 2E2 3E3 4E4 5E5",
            (2, 3),
            (4, 5),
            "; the 2 CPUs of another class are left",
        ),
        ([1, 2, 3], "0P0 1P0 2P2 3P2", (1,), (2, 3), "has 1 core"),
    ],
)
def test_the_ends_of_the_wire_share_no_core_and_have_equal_ones(
    cpus: Sequence[int], machine: str, server: tuple[int, ...], load: tuple[int, ...], note: str
) -> None:
    placement = halves(cpus, dict(cpu_sets.parse(reported(machine))))
    assert (placement.server_cpus, placement.loadgen_cpus) == (server, load)
    assert note in placement.note


@pytest.mark.skipif(sys.platform != "win32", reason="asks Windows for its processors")
def test_on_windows_each_usable_processor_is_reported() -> None:
    found = cpu_sets.read()
    assert not found or set(psutil.Process().cpu_affinity() or []) <= set(found)


def test_structures_and_constants_are_those_of_the_windows_headers(tmp_path: Path) -> None:
    """The compiler for 64-bit Windows checks them: a wrong offset would silently change the job."""
    extended, basic = ExtendedLimits, BasicLimits
    whole, limits = (f"JOBOBJECT_{name}_LIMIT_INFORMATION" for name in ("EXTENDED", "BASIC"))
    equal = {
        f"sizeof({whole})": ctypes.sizeof(extended),
        f"offsetof({whole}, ProcessMemoryLimit)": extended.process_memory.offset,
        f"offsetof({whole}, PeakJobMemoryUsed)": extended.peak_job_memory.offset,
        f"sizeof({limits})": ctypes.sizeof(basic),
        f"offsetof({limits}, LimitFlags)": basic.flags.offset,
        f"offsetof({limits}, SchedulingClass)": basic.scheduling_class.offset,
        "JobObjectExtendedLimitInformation": JOB_EXTENDED_LIMITS,
        "JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE": KILL_ON_JOB_CLOSE,
        "JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION": DIE_ON_UNHANDLED_EXCEPTION,
        "(PROCESS_SET_QUOTA | PROCESS_TERMINATE)": PROCESS_ASSIGN,
        "CREATE_SUSPENDED": CREATE_SUSPENDED,
    }
    source = tmp_path / "same.c"
    asserts = "".join(f'_Static_assert({name} == {value}, "");\n' for name, value in equal.items())
    source.write_text(f"#include <windows.h>\n#include <stddef.h>\n{asserts}", encoding="ascii")
    subprocess.run(["x86_64-w64-mingw32-gcc", "-fsyntax-only", str(source)], check=True, timeout=60)


def test_the_programs_are_those_that_set_up_built(tmp_path: Path) -> None:
    for folder in ("mingw", "msvc", "clang-cl"):
        (tmp_path / folder / "bin").mkdir(parents=True)
    (tmp_path / "mingw" / "bin" / "iocp.exe").touch()
    assert windows_programs(tmp_path, {}) == tmp_path / "mingw" / "bin"
    (tmp_path / "clang-cl" / "bin" / "iocp.exe").touch()
    assert windows_programs(tmp_path, {}) == tmp_path / "clang-cl" / "bin"
    assert (
        windows_programs(tmp_path, {"IOMODELS_PRESET": "msvc-x86"}) == tmp_path / "msvc-x86" / "bin"
    )
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "iocp.exe").touch()  # an archive that was unpacked
    assert windows_programs(tmp_path, {}) == tmp_path / "bin"
    assert windows_programs(tmp_path, {"IOMODELS_PRESET": "msvc"}) == tmp_path / "bin"


HARNESS = """
import sys, time
from pathlib import Path
from iomodels.launch.platform import open_launcher
launcher = open_launcher(Path(sys.argv[1]))
server = launcher.server("iocp", {})
server.expect("ready", 20)
print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(
    sys.platform != "win32", reason="asks Windows itself whether a job ends its processes"
)
def test_on_windows_no_server_outlives_a_harness_that_is_killed() -> None:
    argv = [sys.executable, "-c", HARNESS, str(ROOT / "build")]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout
        server = psutil.Process(int(harness.stdout.readline()))
        harness.kill()
        server.wait(10)
