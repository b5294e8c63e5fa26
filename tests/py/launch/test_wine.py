"""Prefixes, clones and locks: shell scripts play Wine and note each order that they get."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from iomodels.base.errors import Failure
from iomodels.launch import marks, prefix, wine
from iomodels.launch.prefix import PERSIST_S, Wine, find_wine
from iomodels.launch.wine import WineLauncher
from iomodels.machine.placement import Placement

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 20.0

Another = Callable[[float], subprocess.Popen[str]]

LOADER = """#!/bin/sh
case "$1" in
--version) echo "wine-9.9 (Fake)"; exit 0 ;;
wineboot.exe)
    echo boot >>"$FAKE_LOG"
    sleep "${FAKE_BOOT_S:-0}"
    mkdir -p "$WINEPREFIX/drive_c/windows/system32"
    echo dll >"$WINEPREFIX/drive_c/windows/system32/kernel32.dll"
    [ -n "$FAKE_BROKEN" ] && exit 1
    echo registry >"$WINEPREFIX/system.reg"
    echo wine-a1B2c3 >"$WINEPREFIX/wineserver"
    mkdir "$WINEPREFIX/wine-a1B2c3"
    ;;
cmd.exe)
    [ -s "$WINEPREFIX/pid" ] || echo "early ${WINEPREFIX##*/}" >>"$FAKE_LOG"
    echo "warm ${WINEPREFIX##*/}" >>"$FAKE_LOG"
    ;;
*.exe) program=$1; shift; exec sh "$program" "$@" ;;
esac
"""
SERVER = """#!/bin/sh
case "$1" in
-f) echo "start ${WINEPREFIX##*/} $2" >>"$FAKE_LOG"
    case "$2" in -p1) exit 0 ;; esac
    [ -z "$3" ] || echo "told $3" >&2
    sleep "${FAKE_LISTEN_S:-0}"
    echo $$ >"$WINEPREFIX/pid"
    exec "$FAKE_PYTHON" -c "$LISTEN" ;;
-k) echo "kill ${WINEPREFIX##*/}" >>"$FAKE_LOG"
    [ -f "$WINEPREFIX/pid" ] && kill "$(cat "$WINEPREFIX/pid")" ;;
esac
exit 0
"""
LISTEN = """
import socket, time
listener = socket.socket(socket.AF_UNIX)
listener.bind("")  # Linux finds a name
listener.listen()
time.sleep(300)
"""
MODEL = """
if [ "$1" = --describe ]; then
    echo '{"event":"describe","format":1,"model":"fake","platform":"wine-9.9"}'; exit
fi
printf '{"event":"ready","format":1,"prefix":"%s","debug":"%s","temporary":"%s"}\\r\\n' \\
    "$WINEPREFIX" "$WINEDEBUG" "$TMPDIR"
cat >/dev/null
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a fake Wine and a build folder, in a path with a space; select this Wine."""
    folder = tmp_path / "fake wine"
    (folder / "build" / "mingw" / "bin").mkdir(parents=True)
    for name, text in (("wine", LOADER), ("wineserver", SERVER)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "build" / "mingw" / "bin" / "fake.exe").write_text(MODEL)
    monkeypatch.setenv("IOMODELS_WINE", str(folder / "wine"))
    monkeypatch.delenv("WINESERVER", raising=False)
    monkeypatch.setenv("FAKE_LOG", str(folder / "log"))
    monkeypatch.setenv("FAKE_PYTHON", sys.executable)
    monkeypatch.setenv("LISTEN", LISTEN)
    return folder


def log(fake: Path) -> list[str]:
    path = fake / "log"
    return path.read_text().splitlines() if path.exists() else []


def opened(fake: Path, say: Callable[[str], None] = lambda line: None) -> WineLauncher:
    return WineLauncher(fake / "build", Placement(), say)


def left(fake: Path) -> list[str]:
    return sorted(
        path.name
        for path in (fake / "build" / "wine").iterdir()
        if not path.name.startswith("prefix-")
    )


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_prefix_is_prepared_once_and_cloned_for_each_role(fake: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        with opened(fake, said.append) as launcher:
            assert launcher.platform == "wine-9.9"
            with launcher.server("fake", {}) as server, launcher.server("fake", {}) as again:
                ready = server.expect("ready", DEADLINE_S)
                assert ready["prefix"] == again.expect("ready", DEADLINE_S)["prefix"]
                assert (
                    ready["prefix"].endswith("/server")
                    and f"/live-{os.getpid()}-" in ready["prefix"]
                )
                assert ready["debug"] == "-all,err+virtual"
                assert ready["temporary"] == ready["prefix"]
                assert server.wineserver_pid and alive(server.wineserver_pid)
        assert not alive(server.wineserver_pid)
        assert left(fake) == ["lock"]
    assert len(said) == 1 and "wine-9.9 (Fake)" in said[0]
    assert log(fake).count("boot") == 1
    assert log(fake)[-3:] == [f"start server -p{PERSIST_S}", "warm server", "kill server"]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU: nothing to place")
def test_each_runs_where_it_is_placed(fake: Path) -> None:
    first, *_, last = sorted(os.sched_getaffinity(0))
    with (
        WineLauncher(
            fake / "build", Placement((first,), (first, last), "", (last,)), lambda line: None
        ) as launcher,
        launcher.server("fake", {}) as server,
    ):
        server.expect("ready", DEADLINE_S)
        assert server.wineserver_pid
        assert launcher.processes(server) == {
            "server": server.pid,
            "wineserver": server.wineserver_pid,
        }
        assert (
            os.sched_getaffinity(server.pid),
            os.sched_getaffinity(server.wineserver_pid),
        ) == ({first}, {last})


def test_windows_load_generator_has_a_prefix_of_its_own(fake: Path) -> None:
    programs = fake / "build" / "mingw" / "bin"
    (programs / "loadgen.exe").write_text(MODEL)
    with (
        opened(fake) as launcher,
        launcher.server("fake", {}) as server,
        launcher.loadgen({}, windows=True) as loadgen,
    ):
        prefixes = [program.expect("ready", DEADLINE_S)["prefix"] for program in (server, loadgen)]
        assert [Path(prefix).name for prefix in prefixes] == ["server", "windows-loadgen"]
        assert server.wineserver_pid != loadgen.wineserver_pid
    assert log(fake).count("boot") == 1


def test_the_wineserver_of_a_traced_prefix_writes_into_a_file(fake: Path) -> None:
    with opened(fake) as launcher, launcher.server("fake", {}) as server:
        trace = launcher._live / "wineserver.trace"
        launcher._add_prefix("traced", trace)
        with launcher._start("traced", launcher._programs / "fake.exe", []) as program:
            assert program.expect("ready", DEADLINE_S)["prefix"].endswith("/traced")
            assert program.wineserver_pid != server.wineserver_pid
            assert until(lambda: "told -d1" in trace.read_text())
    assert log(fake).count("boot") == 1
    assert not trace.exists()
    assert left(fake) == ["lock"]


def test_registry_is_copied_and_the_rest_is_linked(fake: Path) -> None:
    """Wine writes a registry file with several links in place, which would change other clones."""
    with opened(fake):
        (prepared,) = (fake / "build" / "wine").glob("prefix-*")
        (clone,) = (fake / "build" / "wine").glob("live-*/server")
        dll = Path("drive_c/windows/system32/kernel32.dll")
        assert (clone / dll).samefile(prepared / dll)
        assert (clone / "system.reg").read_text() == "registry\n"
        assert not (clone / "system.reg").samefile(prepared / "system.reg")
        assert not [*clone.glob("wineserver"), *clone.glob("wine-*")]


def test_another_build_of_wine_gets_another_prefix(fake: Path) -> None:
    with opened(fake):
        pass
    os.utime(fake / "wineserver", (1, 1))  # reinstalled
    with opened(fake):
        pass
    assert log(fake).count("boot") == 2
    assert len(list((fake / "build" / "wine").glob("prefix-*"))) == 2


def test_broken_preparation_leaves_nothing(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_BROKEN", "1")
    with pytest.raises(Failure, match=r"wineboot -i: exit code 1, missing: system\.reg"):
        opened(fake)
    assert left(fake) == ["lock"]
    assert not list((fake / "build" / "wine").glob("prefix-*"))
    monkeypatch.delenv("FAKE_BROKEN")
    with opened(fake) as launcher:
        assert "fake" in launcher.models()


OPEN = """
import sys, time
from pathlib import Path
from iomodels.machine.placement import Placement
from iomodels.launch.wine import WineLauncher
with WineLauncher(Path(sys.argv[1]), Placement(), print) as launcher:
    print("open", launcher._prefixes["server"].wineserver_pid, flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def another(fake: Path) -> Iterator[Another]:
    """Starts processes that keep a launcher open for so many seconds."""
    started: list[subprocess.Popen[str]] = []

    def start(seconds: float) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", OPEN, str(fake / "build"), str(seconds)]
        started.append(subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_those_that_start_at_once_share_one_preparation(
    fake: Path, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_BOOT_S", "0.5")
    processes = [another(0.1) for _ in range(3)]
    output = "".join(process.communicate(timeout=DEADLINE_S)[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert output.count("open") == 3 and output.count("preparing") == 1
    assert log(fake).count("boot") == 1
    assert left(fake) == ["lock"]


def wineserver_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout
    for line in process.stdout:
        if line.startswith("open"):
            return int(line.split()[1])
    raise AssertionError("did not open")


def test_a_folder_that_vanishes_while_others_are_swept(tmp_path: Path) -> None:
    """A launcher removed it at its end: the link points to a folder that is gone."""
    left = tmp_path / "live-2-left"
    left.mkdir()
    (tmp_path / "live-1-gone").symlink_to(tmp_path / "nowhere")
    assert wine._sweep(find_wine(), tmp_path) == [left]
    assert not left.exists()


def guard_of(process: subprocess.Popen[str]) -> psutil.Process:
    children = psutil.Process(process.pid).children()
    return next(each for each in children if marks.__file__ in each.cmdline())


def test_the_guard_of_a_killed_one_removes_its_folder(fake: Path, another: Another) -> None:
    killed = another(1000)
    orphan = wineserver_of(killed)
    killed.kill()
    assert until(lambda: not alive(orphan) and left(fake) == ["lock"])


def test_a_folder_that_is_gone_does_not_disturb_the_end(fake: Path) -> None:
    with opened(fake) as launcher:
        shutil.rmtree(launcher._live)
    assert left(fake) == ["lock"]


def test_what_a_killed_one_leaves_is_swept_and_the_living_is_not(
    fake: Path, another: Another
) -> None:
    killed, living = another(1000), another(1000)
    orphan, kept = wineserver_of(killed), wineserver_of(living)
    guard_of(killed).kill()
    killed.kill()
    killed.wait(DEADLINE_S)
    assert alive(orphan)  # for PERSIST_S at most: it has no programs any more
    with opened(fake):
        assert until(lambda: not alive(orphan))
        assert alive(kept)
        assert {name.split("-")[1] for name in left(fake) if name != "lock"} == {
            str(living.pid),
            str(os.getpid()),
        }
    living.send_signal(signal.SIGINT)
    living.wait(DEADLINE_S)
    assert not alive(kept)
    assert left(fake) == ["lock"]


def test_wineserver_that_has_ended_is_started_again(fake: Path) -> None:
    launcher = opened(fake)
    with launcher:
        first = launcher._prefixes["server"].wineserver_pid
        os.kill(first, signal.SIGKILL)
        assert until(lambda: not alive(first))
        with launcher.server("fake", {}) as server:
            server.expect("ready", DEADLINE_S)
            assert server.wineserver_pid not in (None, first)


def test_a_prefix_ends_its_processes_though_its_wineserver_was_killed(fake: Path) -> None:
    """Services of Wine outlive a wineserver that was killed by minutes."""
    with opened(fake) as launcher:
        prefix = launcher._prefixes["server"]
        service = subprocess.Popen(["sleep", "600"], env=prefix.environment)
        other = subprocess.Popen(["sleep", "600"])
        os.kill(prefix.wineserver_pid, signal.SIGKILL)
        prefix.kill()
        assert service.wait(DEADLINE_S) == -signal.SIGKILL
        assert other.poll() is None, "it is of no prefix"
        other.kill()
        other.wait()


def test_a_command_ends_soon_after_its_wineserver(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(Failure, match=r"did not end within 0\.1 s"):
        prefix.run_quietly(sleeper, os.environ, 0.1)
    quick = [sys.executable, "-c", "raise SystemExit(3)"]
    assert prefix.run_quietly(quick, os.environ, 60.0, lost=lambda: True) == 3
    monkeypatch.setattr(prefix, "LOST_S", 0.0)
    assert prefix.run_quietly(sleeper, os.environ, 600.0, lost=lambda: True) is None


def test_no_program_comes_before_the_wineserver_listens(
    fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does starts a wineserver of its own next to ours."""
    monkeypatch.setenv("FAKE_LISTEN_S", "0.3")
    with opened(fake) as launcher, launcher.server("fake", {}) as server:
        server.expect("ready", DEADLINE_S)
    assert "warm server" in log(fake) and "early server" not in log(fake)


def test_environment_of_a_program(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's Wine, no display; everything else stays."""
    for name in ("WINEARCH", "WINEPREFIX", "DISPLAY", "WAYLAND_DISPLAY", "KEPT"):
        monkeypatch.setenv(name, "theirs")
    environment = find_wine().environment(Path("/prefix"))
    assert environment["KEPT"] == "theirs"
    assert environment["WINEPREFIX"] == "/prefix"
    assert environment["WINESERVER"] == str(fake / "wineserver")
    assert environment["WINEDLLOVERRIDES"] == "mscoree,mshtml="
    assert not {"WINEARCH", "DISPLAY", "WAYLAND_DISPLAY"} & set(environment)


def test_environment_for_the_record(fake: Path) -> None:
    with opened(fake) as launcher:
        assert launcher.environment()["wine"] == {"version": "wine-9.9", "build": "wine-9.9 (Fake)"}


def test_chosen_wine_that_is_not_there() -> None:
    with pytest.raises(Failure, match="IOMODELS_WINE=/nowhere/wine: no such program"):
        find_wine({"IOMODELS_WINE": "/nowhere/wine"})


def test_chosen_wine_that_is_something_else() -> None:
    with pytest.raises(Failure, match=r"not a wine loader|no wineserver next to it"):
        find_wine({"IOMODELS_WINE": "/bin/true", "WINESERVER": "/bin/true"})


def test_chosen_wineserver(fake: Path) -> None:
    chosen = find_wine({"IOMODELS_WINE": str(fake / "wine"), "WINESERVER": "/bin/true"})
    assert chosen.server == Path("/bin/true")
    with pytest.raises(Failure, match="WINESERVER=/nowhere: no such program"):
        find_wine({"IOMODELS_WINE": str(fake / "wine"), "WINESERVER": "/nowhere"})


def test_no_wine_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iomodels.launch.prefix.shutil.which", lambda name: None)
    with pytest.raises(Failure, match="apt install wine"):
        find_wine({})


def test_key_names_the_version_and_the_build(fake: Path) -> None:
    wine = find_wine()
    assert wine.key.startswith("wine-9.9-")
    assert wine.key != Wine(wine.loader, wine.server, "wine-9.9 (Other)").key
