"""Good and bad programs: small Python children play servers and load generators."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

import psutil
import pytest

from iomodels.base.arguments import Option, arguments
from iomodels.base.errors import Failure
from iomodels.launch import process
from iomodels.launch.launcher import PlainLauncher
from iomodels.launch.platform import open_loadgen
from iomodels.launch.process import (
    LINES_PENDING_MAX,
    STDERR_KEPT_BYTES,
    Program,
    ProgramFailed,
    Server,
    exit_text,
)
from iomodels.launch.wrapper import Wrapper
from iomodels.machine.placement import Placement, pinned
from stage import PYTHON

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 20.0
SAY = """
import json, signal, sys, time
def say(event, **fields):
    print(json.dumps({"event": event, "format": 1, **fields}), flush=True)
"""
READY_THEN_WAIT = "say('ready', port=7)\nsys.stdin.read()\nsay('summary')"


def child(code: str) -> Program:
    return Program([PYTHON, "-c", SAY + code], name="child.exe")


def gone(pid: int) -> bool:
    """Whether no process of that pid lives; an unreaped zombie does not."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_the_end_of_a_program_is_told_to_everyone_who_asks() -> None:
    with child("") as program:
        for _ in range(2):
            with pytest.raises(ProgramFailed, match="ended after"):
                program.expect("ready", DEADLINE_S)


@pytest.mark.skipif(sys.platform == "win32", reason="Unix process groups")
def test_ctrl_c_in_the_terminal_is_for_the_harness_alone() -> None:
    with child(READY_THEN_WAIT) as program:
        assert os.getpgid(program.pid) == program.pid != os.getpgid(0)


def test_a_second_ctrl_c_leaves_no_program_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(program: Program, timeout_s: float = 2.0) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), child("import time; time.sleep(600)") as program:
        monkeypatch.setattr(Program, "stop", again)
    assert gone(program.pid)


def test_conversation() -> None:
    with child(
        "say('ready', port=7)\nfor line in sys.stdin: say('sample', line=line)\n"
        "say('summary')\nsys.exit(5)"
    ) as program:
        assert program.expect("ready", DEADLINE_S) == {"event": "ready", "format": 1, "port": 7}
        program.send("sample")
        assert program.expect("sample", DEADLINE_S)["line"] == "sample\n"
        program.close_stdin()
        program.expect("summary", DEADLINE_S)
        assert program.wait(DEADLINE_S) == 5
        assert program.stop() == 5
    assert gone(program.pid)


def test_windows_line_ends() -> None:
    with child(
        'sys.stdout.buffer.write(b\'{"event":"ready","format":1}\\r\\n\')\n'
        "sys.stderr.buffer.write(b'one\\r\\ntwo\\r\\n')"
    ) as program:
        program.expect("ready", DEADLINE_S)
        program.wait(DEADLINE_S)
        assert program.stderr_text() == "one\ntwo\n"


def test_unexpected_end_names_everything() -> None:
    with (
        child(
            "print('first', file=sys.stderr); print('no such file', file=sys.stderr); sys.exit(3)"
        ) as program,
        pytest.raises(ProgramFailed) as failure,
    ):
        program.expect("ready", DEADLINE_S)
    message = str(failure.value)
    assert (
        "child.exe" in message
        and "'ready'" in message
        and "exit code 3" in message
        and "no such file" in message
    )
    assert "\n" not in message and "first" not in message
    assert (failure.value.program_code, failure.value.stderr) == (3, "first\nno such file\n")


def test_end_by_a_signal_is_named() -> None:
    with child("import os; os.kill(os.getpid(), signal.SIGSEGV)") as program:
        with pytest.raises(ProgramFailed, match=r"killed by SIGSEGV.*stderr is empty") as failure:
            program.expect("ready", DEADLINE_S)
        assert failure.value.program_code == -signal.SIGSEGV
        with pytest.raises(ProgramFailed):  # and again, not a wait for what cannot come
            program.expect("ready", DEADLINE_S)


def test_a_crash_on_windows_has_the_number_that_one_can_look_up() -> None:
    assert exit_text(0xC0000005) == "exit code 0xC0000005"
    assert [exit_text(code) for code in (0, 130)] == ["exit code 0", "exit code 130"]


def test_hanging_program_runs_into_the_deadline() -> None:
    with child("print('thinking', file=sys.stderr, flush=True)\ntime.sleep(1000)") as program:
        assert until(lambda: program.stderr_text() == "thinking\n")
        said = r"child.exe: no 'ready' within 0\.1 s; still running; stderr: thinking"
        with pytest.raises(ProgramFailed, match=said) as failure:
            program.expect("ready", 0.1)
        assert failure.value.program_code is None
        with pytest.raises(ProgramFailed, match=r"did not end within 0\.1 s; still running"):
            program.wait(0.1)
        started = time.monotonic()
        assert program.stop(0.2) == -signal.SIGINT
        assert time.monotonic() - started < DEADLINE_S
    assert gone(program.pid)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hello", "not a JSON object: hello"),
        ("{broken", "not a JSON object"),
        ("[1, 2]", "not a JSON object"),
        ("\\xff\\xfe", "not a JSON object"),
        ("", "not a JSON object"),
        ('{"event": "sample", "format": 1}', "expected 'ready', got"),
        ('{"format": 1}', "expected 'ready', got"),
        ('{"event": "ready", "format": 2}', "format 2"),
        ('{"event": "ready"}', "format None"),
        ("x" * 5000, "x" * 200 + "…"),
    ],
)
def test_garbage_is_a_failure(line: str, said: str) -> None:
    with (
        child(
            f"sys.stdout.buffer.write(b'{line}\\n'); sys.stdout.flush(); sys.stdin.read()"
        ) as program,
        pytest.raises(ProgramFailed) as failure,
    ):
        program.expect("ready", DEADLINE_S)
    assert (
        said in str(failure.value)
        and "\n" not in str(failure.value)
        and len(str(failure.value)) < 400
    )
    assert gone(program.pid)


def test_flood_of_stderr_neither_blocks_nor_is_kept() -> None:
    with child(
        "for i in range(100_000): sys.stderr.buffer.write(f'{i:099}\\n'.encode())\nsay('ready')"
    ) as program:
        program.expect("ready", DEADLINE_S)
        program.wait(DEADLINE_S)
        text = program.stderr_text()
    assert len(text) == STDERR_KEPT_BYTES
    assert text.endswith("99999\n")


def test_flood_of_stdout_neither_blocks_nor_is_kept() -> None:
    code = (
        "for i in range(50_000): say('sample', i=i)\n"
        "print('done', file=sys.stderr, flush=True)\nsys.stdin.read()"
    )
    with child(code) as program:
        assert until(lambda: program.stderr_text() == "done\n")  # it could write everything
        with pytest.raises(ProgramFailed, match="more than 10000 unexpected lines"):
            program.expect("sample", DEADLINE_S)
        assert program._lines.qsize() <= LINES_PENDING_MAX
        assert program.stop() == 0


def test_endless_line_is_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LINE_MAX_BYTES", 1000)
    with child(
        "sys.stdout.write('{' * 1_000_000); sys.stdout.flush(); sys.stdin.read()"
    ) as program:
        with pytest.raises(ProgramFailed, match="not a JSON object"):
            program.expect("ready", DEADLINE_S)
        assert program.stop() == 0


def test_program_that_closes_its_stdout() -> None:
    """No wait for a line that cannot come, though the program runs on."""
    with (
        child("import os\nos.close(1)\ntime.sleep(1000)") as program,
        pytest.raises(ProgramFailed, match="waiting for 'ready'; still running"),
    ):
        program.expect("ready", 1000)
    assert gone(program.pid)


def test_slow_end_is_waited_for() -> None:
    with child("say('ready'); sys.stdin.read(); time.sleep(0.5); sys.exit(4)") as program:
        program.expect("ready", DEADLINE_S)
        assert program.stop(DEADLINE_S) == 4


IGNORE = "signal.signal(signal.{0}, signal.SIG_IGN)\n"


@pytest.mark.parametrize(
    ("ignored", "ends"),
    [
        ([], "SIGINT"),
        (["SIGINT"], "SIGTERM"),
        (["SIGINT", "SIGTERM"], "SIGKILL"),
    ],
)
def test_program_that_will_not_stop(ignored: list[str], ends: str) -> None:
    """The end of stdin first, then one signal stronger than the other."""
    default = "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    with child(
        default
        + "".join(IGNORE.format(name) for name in ignored)
        + "say('ready')\ntime.sleep(1000)"
    ) as program:
        program.expect("ready", DEADLINE_S)
        assert program.stop(0.2) == -signal.Signals[ends]
    assert gone(program.pid)


def test_own_handler_of_interrupt_decides_the_exit_code() -> None:
    with child(
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(9))\nsay('ready')\ntime.sleep(1000)"
    ) as program:
        program.expect("ready", DEADLINE_S)
        assert program.stop(0.2) == 9


def test_send_to_a_program_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with child("print('gave up', file=sys.stderr); sys.exit(1)") as program:
        program.wait(DEADLINE_S)
        with pytest.raises(ProgramFailed, match=r"did not accept 'go'.*exit code 1.*gave up"):
            program.send("go")
    with child(READY_THEN_WAIT) as program:
        program.close_stdin()
        with pytest.raises(ProgramFailed, match="did not accept 'go': its stdin is closed"):
            program.send("go")
    with child("import os; os.close(0); say('ready'); time.sleep(0.5); sys.exit(3)") as program:
        program.expect("ready", DEADLINE_S)
        waits = program._await_exit
        monkeypatch.setattr(program, "_await_exit", lambda timeout_s: waits(DEADLINE_S))
        with pytest.raises(ProgramFailed, match=r"did not accept 'go'.*exit code 3"):
            program.send("go")


ALONE = """
import sys
from pathlib import Path
from iomodels.launch.platform import open_loadgen
from iomodels.machine.placement import Placement
launcher = open_loadgen(Path(sys.argv[1]), Placement())
print(launcher.loadgen({}).pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="on Windows its job ends it")
def test_a_load_generator_alone_does_not_outlive_a_killed_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "host" / "bin"
    programs.mkdir(parents=True)
    binary(programs, "loadgen", "signal.pause()")
    argv = [PYTHON, "-c", ALONE, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        loadgen = int(process.stdout.readline())
        process.kill()
    assert until(lambda: gone(loadgen))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match="setpriv is missing; install util-linux"):
        open_loadgen(tmp_path, Placement())


def test_a_wrapper_passes_on_which_load_generator_is_asked_for(tmp_path: Path) -> None:
    asked: list[bool] = []

    class Inner(PlainLauncher):
        def loadgen(self, options: Mapping[str, Option], *, windows: bool = True) -> Server:
            asked.append(windows)
            return super().loadgen(options)

    binary(tmp_path, "loadgen", "pass")
    with Wrapper(Inner(tmp_path, tmp_path / "loadgen", Placement())) as wrapper:
        wrapper.loadgen({})
        wrapper.loadgen({}, windows=True)
    assert asked == [False, True]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_no_process_is_left_by_an_exception(error: type[BaseException]) -> None:
    with pytest.raises(error), child(READY_THEN_WAIT) as program:
        program.expect("ready", DEADLINE_S)
        raise error
    assert gone(program.pid)


def test_no_program_holds_the_stdin_of_another() -> None:
    """Else the end of the first one's stdin would not be seen while the second one lives."""
    with child(READY_THEN_WAIT) as first, child(READY_THEN_WAIT) as second:
        first.expect("ready", DEADLINE_S)
        second.expect("ready", DEADLINE_S)
        first.close_stdin()
        assert first.wait(DEADLINE_S) == 0
        assert second.running()


def test_grandchild_with_the_pipes_does_not_delay_the_end() -> None:
    code = (
        "import subprocess\n"
        "sleep = subprocess.Popen(['sleep', '1000'], stdin=subprocess.DEVNULL)\n"
        "say('ready', pid=sleep.pid)"
    )
    with child(code) as program:
        grandchild = program.expect("ready", DEADLINE_S)["pid"]
        assert program.wait(DEADLINE_S) == 0
    os.kill(grandchild, signal.SIGKILL)


def test_what_cannot_be_started() -> None:
    with pytest.raises(Failure, match=r"/nowhere/server.exe: No such file"):
        Program(["/nowhere/server.exe"])


HARNESS = """
import sys
from iomodels.launch.process import Program
child = [sys.executable, "-c", sys.argv[1]]
with Program(child) as first, Program(child) as second:
    first.expect("ready", 20)
    second.expect("ready", 20)
    print(first.pid, second.pid, flush=True)
    first.expect("never", 1000)
"""


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_programs_end_with_the_harness(name: str) -> None:
    """However the harness ends. A terminal's SIGINT reaches only it, and it stops its programs."""
    with subprocess.Popen(
        [sys.executable, "-c", HARNESS, SAY + READY_THEN_WAIT],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as harness:
        assert harness.stdout
        pids = [int(pid) for pid in harness.stdout.readline().split()]
        assert len(pids) == 2 and not any(gone(pid) for pid in pids)
        os.killpg(harness.pid, signal.Signals[name])
        harness.wait(DEADLINE_S)
    assert until(lambda: all(gone(pid) for pid in pids))


def test_arguments() -> None:
    options: dict[str, int | str | bool] = {
        "threads": 2,
        "host": "127.0.0.1",
        "start-now": True,
        "quiet": False,
        "size": 0,
    }
    assert arguments(options) == [
        "--threads",
        "2",
        "--host",
        "127.0.0.1",
        "--start-now",
        "--size",
        "0",
    ]


def test_pinned_program_has_its_own_pid_and_cpu() -> None:
    cpu = max(os.sched_getaffinity(0))
    code = "import os; say('ready', pid=os.getpid(), cpus=sorted(os.sched_getaffinity(0)))"
    with Program([*pinned([cpu]), sys.executable, "-c", SAY + code]) as program:
        ready = program.expect("ready", DEADLINE_S)
    assert ready["pid"] == program.pid
    assert ready["cpus"] == [cpu]
    assert pinned([]) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no timer that sends a signal")
def test_a_signal_at_any_moment_of_a_wait_raises_what_its_handler_raises() -> None:
    """A condition of Python that a signal interrupts at its end raises RuntimeError instead."""

    class Signalled(BaseException):
        pass

    def handle(number: int, frame: object) -> None:
        raise Signalled

    def trace(frame: FrameType, event: str, argument: object) -> None:
        if frame.f_code.co_name == "_acquire_restore":
            os.kill(os.getpid(), signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        with Program([sys.executable, "-c", "input()"]) as program:
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            sys.settrace(trace)
            with pytest.raises(Signalled):
                program.line(DEADLINE_S)
            sys.settrace(None)
    finally:
        sys.settrace(None)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def binary(folder: Path, name: str, code: str) -> None:
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{SAY}{code}\n")
    path.chmod(0o755)


def describes(model: str, platform: str = "wine-0") -> str:
    return f"""
if sys.argv[1:] == ["--describe"]:
    say("describe", model="{model}", platform="{platform}")
else:
    say("ready", argv=sys.argv[1:])
    sys.stdin.read()
"""


def plain(folder: Path) -> PlainLauncher:
    return PlainLauncher(folder, folder / "loadgen", Placement())


def test_models_are_found_by_asking(tmp_path: Path) -> None:
    """Every program but the load generator and tests; exit code 2 for --describe is no server."""
    for model in ("iocp", "select"):
        binary(tmp_path, f"{model}.exe", describes(model))
    binary(tmp_path, "micro.exe", "sys.exit(2)")
    binary(tmp_path, "reads_its_input_first.exe", "sys.stdin.read()\nsys.exit(2)")
    for other in ("loadgen.exe", "test_frame.exe", "notes.txt"):
        binary(tmp_path, other, "raise SystemExit('must not be run')")
    with plain(tmp_path) as launcher:
        assert list(launcher.models()) == ["iocp", "select"]
        assert launcher.platform == "wine-0"
        with pytest.raises(Failure, match="rio: no such model; available: iocp, select"):
            launcher.server("rio", {})
        with launcher.server("iocp", {"threads": 3}) as server:
            assert server.expect("ready", DEADLINE_S)["argv"] == ["--threads", "3"]
            assert server.argv == [str(tmp_path / "iocp.exe"), "--threads", "3"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.exit('crashed')", "broken.exe: .*'describe'; exit code 1; stderr: crashed"),
        (describes("other"), "broken.exe: describes itself as 'other'"),
        ("print('hello')", "broken.exe: .*not a JSON object: hello"),
    ],
)
def test_broken_server_is_not_overlooked(tmp_path: Path, code: str, said: str) -> None:
    binary(tmp_path, "broken.exe", code)
    with plain(tmp_path) as launcher, pytest.raises(Failure, match=said):
        launcher.models()


def test_nothing_is_built(tmp_path: Path) -> None:
    with plain(tmp_path) as launcher:
        with pytest.raises(Failure, match="no server there; build it first"):
            launcher.models()
        with pytest.raises(Failure, match="loadgen: no such program; build it first"):
            launcher.loadgen({})


def test_platforms_must_agree(tmp_path: Path) -> None:
    binary(tmp_path, "a.exe", describes("a", "wine-1"))
    binary(tmp_path, "b.exe", describes("b", "wine-2"))
    with plain(tmp_path) as launcher, pytest.raises(Failure, match="2 platforms"):
        _ = launcher.platform


def test_close_stops_what_still_runs(tmp_path: Path) -> None:
    binary(tmp_path, "a.exe", describes("a"))
    binary(tmp_path, "loadgen", "say('ready', argv=sys.argv[1:])\nsys.stdin.read()")
    with plain(tmp_path) as launcher:
        programs = [
            launcher.server("a", {}),
            launcher.server("a", {}),
            launcher.loadgen({"start-now": True}),
        ]
        assert programs[2].expect("ready", DEADLINE_S)["argv"] == ["--start-now"]
        assert all(program.running() for program in programs)
    assert all(gone(program.pid) for program in programs)


def test_environment_says_what_matters(tmp_path: Path) -> None:
    environment = PlainLauncher(tmp_path, tmp_path, Placement((0,), (1,), "as asked")).environment()
    assert environment["placement"] == {
        "server_cpus": (0,),
        "loadgen_cpus": (1,),
        "note": "as asked",
        "wineserver_cpus": (),
    }
    json.dumps(environment)
