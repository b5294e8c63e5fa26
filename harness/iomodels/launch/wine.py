"""Windows programs on Linux: finds Wine, prepares a prefix once, and gives every role a warm clone of it.

A prefix is the folder that plays the Windows machine; a process `wineserver` plays its kernel. Making one takes seconds, so one
is prepared per Wine and cloned with hard links. Each role has its own, because one wineserver is one thread that all of a
prefix's programs share: a load generator in the server's prefix would compete with it. A wineserver and the services of its
prefix inherit the stderr of the first Wine program, hence both are started before anything's output is read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from iomodels.base.errors import Failure
from iomodels.launch.launcher import PlainLauncher, Program, arguments
from iomodels.machine.placement import Placement, pinned
from iomodels.machine.wakeful import Wakeful

PERSIST_S = 120
"""How long a wineserver outlives its last program: the longest that one is left behind should this process be killed."""
FRESH_S = 60.0
"""A prefix unused for longer is warmed again, well before its wineserver gives up."""
BOOT_TIMEOUT_S = 180.0
WARM_TIMEOUT_S = 60.0
LOCK_TIMEOUT_S = 2 * BOOT_TIMEOUT_S
KILL_TIMEOUT_S = 10.0
LISTEN_TIMEOUT_S = 20.0
LISTENING = 0x10000
QUIET = "-all,err+virtual"
"""Of Wine's own words only those of `virtual`, which says "failed to map the shared user data" when the loader ends with exit code 1 before
the program begins, about once in 5,000 starts: the loader lies at a fixed address, newer Linux (seen on 6.18) puts the heap anywhere in the
GiB above it, and at times on 0x7ffe0000, where Windows has that page."""
"""Bit of the column Flags in /proc/net/unix: __SO_ACCEPTCON, somebody has called listen()."""
INSTALL_HINT = (
    "install it (Debian, Ubuntu: apt install wine wine64) or set IOMODELS_WINE to a wine loader"
)


@dataclass(frozen=True)
class Wine:
    loader: Path
    server: Path
    build: str  # "wine-8.0 (Debian 8.0~repack-4)"

    @property
    def version(self) -> str:
        return self.build.split()[0]

    @property
    def key(self) -> str:
        """Names the prepared prefix: another build, or a reinstalled one, makes Wine update a prefix at its start."""
        status = self.server.stat()
        identity = f"{self.build} {self.loader} {self.server} {status.st_size} {status.st_mtime_ns}"
        return f"{self.version}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"

    def environment(self, prefix: Path) -> dict[str, str]:
        """This process's environment without what would steer Wine or give it a display; quiet, with Wine's own settings."""
        dropped = ("WINE", "DISPLAY", "WAYLAND_DISPLAY")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        wine = {"WINEPREFIX": str(prefix), "WINESERVER": str(self.server)}
        return kept | wine | {"WINEDEBUG": QUIET, "WINEDLLOVERRIDES": "mscoree,mshtml="}


def find_wine(environ: Mapping[str, str] = os.environ) -> Wine:
    """IOMODELS_WINE, else Debian's loader itself (its /usr/bin/wine is a script that talks), else what PATH has."""
    wanted = environ.get("IOMODELS_WINE")
    found = None
    for candidate in [wanted] if wanted else ["/usr/lib/wine/wine64", "wine64", "wine"]:
        found = found or shutil.which(candidate)
    if not found and wanted:
        raise Failure(
            f"IOMODELS_WINE={wanted}: no such program; it must be the path of a wine loader"
        )
    if not found:
        raise Failure(f"Wine is needed to run Windows programs here: {INSTALL_HINT}")
    loader = Path(found).absolute()
    return Wine(loader, _find_wineserver(loader, environ), _build(loader))


def _build(loader: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WINE")}
    try:
        answer = subprocess.run(
            [str(loader), "--version"],
            env=environment | {"WINEDEBUG": "-all"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=WARM_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{loader} --version: {error}") from error
    text = answer.stdout.decode("utf-8", "replace").strip()
    if answer.returncode != 0 or not text.startswith("wine-"):
        raise Failure(
            f"{loader} --version: exit code {answer.returncode}, said '{text[:80]}': not a wine loader"
        )
    return text.splitlines()[0]


def _find_wineserver(loader: Path, environ: Mapping[str, str]) -> Path:
    """The wineserver that belongs to the loader; layouts differ between distributions and Wine's own packages."""
    wanted = environ.get("WINESERVER")
    if wanted:
        found = shutil.which(wanted)
        if not found:
            raise Failure(f"WINESERVER={wanted}: no such program")
        return Path(found).absolute()
    folders = [
        loader.parent,
        loader.resolve().parent,
        loader.resolve().parent.parent / "lib" / "wine",
    ]
    for name in (
        "wineserver64",
        "wineserver",
    ):  # where both are, the second is a script that sets a persistence of its own
        for folder in folders:
            found = shutil.which(str(folder / name))
            if found:
                return Path(found)
    found = shutil.which("wineserver")
    if not found:
        raise Failure(
            f"{loader}: no wineserver beside it or on PATH; set WINESERVER to it, or {INSTALL_HINT}"
        )
    return Path(found)


def _quiet(argv: list[str], environment: Mapping[str, str], timeout_s: float) -> int:
    """Runs a Wine command without any of our stdio, which its services would keep open. Raises on timeout."""
    null = subprocess.DEVNULL
    try:
        done = subprocess.run(
            argv,
            env=environment,
            stdin=null,
            stdout=null,
            stderr=null,
            timeout=timeout_s,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(argv)}: did not end within {timeout_s:g} s") from None
    except OSError as error:
        raise Failure(f"{argv[0]}: cannot be started: {error.strerror}") from error
    return done.returncode


class Prefix:
    """A Wine prefix and its wineserver, which is a child of ours: its pid is known and its CPU chosen.

    With `trace` the wineserver writes a line into that file for each request that it is sent, and one for its answer.
    """

    def __init__(
        self,
        wine: Wine,
        path: Path,
        cpus: tuple[int, ...] = (),
        persist_s: int = PERSIST_S,
        trace: Path | None = None,
        wineserver_cpus: tuple[int, ...] | None = None,
    ) -> None:
        self.path = path
        self.trace = trace
        self._wine = wine
        self._cpus = cpus
        self._wineserver_cpus = cpus if wineserver_cpus is None else wineserver_cpus
        self._persist_s = persist_s
        self._wineserver: subprocess.Popen[bytes] | None = None
        self._used = 0.0

    @property
    def environment(self) -> dict[str, str]:
        return self._wine.environment(self.path)

    @property
    def wineserver_pid(self) -> int:
        assert self._wineserver
        return self._wineserver.pid

    def command(self, argv: list[str]) -> list[str]:
        """The loader turns into the Windows program: one process, one pid."""
        return [*pinned(self._cpus), str(self._wine.loader), *argv]

    def start(self) -> None:
        """Returns once programs can reach the wineserver, or it has ended because the prefix has another.

        A program that comes too early starts a wineserver of its own. Debian's Wine keeps the socket in a folder with a random
        name, so both go on: one serves the program, and ours, which would be measured and traced, serves nobody.
        """
        null = subprocess.DEVNULL
        argv = [
            *pinned(self._wineserver_cpus),
            str(self._wine.server),
            "-f",
            f"-p{self._persist_s}",
            *["-d1"] * bool(self.trace),
        ]
        with (self.trace or Path(os.devnull)).open("ab") as stderr:
            self._wineserver = subprocess.Popen(
                argv,
                env=self.environment,
                stdin=null,
                stdout=null,
                stderr=stderr,
                start_new_session=True,
            )
        deadline = time.monotonic() + LISTEN_TIMEOUT_S
        while self._alive() and not _listens(self.wineserver_pid):
            if time.monotonic() > deadline:
                raise Failure(
                    f"{self._wine.server}: does not listen after {LISTEN_TIMEOUT_S:g} s in {self.path}"
                )
            time.sleep(0.002)

    def warm(self) -> None:
        """Wineserver and services run when this returns: a program then starts in some 20 ms and inherits nothing odd."""
        if self._alive() and time.monotonic() - self._used < FRESH_S:
            self._used = time.monotonic()
            return
        for _ in range(3):  # an idle wineserver may end at any moment, even between these lines
            if not self._alive():
                self.start()
            _quiet(self.command(["cmd.exe", "/c", "exit"]), self.environment, WARM_TIMEOUT_S)
            if self._alive():
                self._used = time.monotonic()
                return
            self.kill()
        raise Failure(f"{self._wine.server}: does not stay up in {self.path}")

    def wait(self, timeout_s: float) -> None:
        """Lets the wineserver end by itself (it writes the registry then); ends it when that takes too long."""
        assert self._wineserver
        try:
            self._wineserver.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends this prefix's wineserver and with it every process of the prefix."""
        kill_wineserver(self._wine, self.path)
        if self._wineserver and self._alive():
            try:
                self._wineserver.wait(KILL_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._wineserver.kill()
                self._wineserver.wait(KILL_TIMEOUT_S)

    def _alive(self) -> bool:
        return self._wineserver is not None and self._wineserver.poll() is None


def _listens(pid: int) -> bool:
    """Whether the process holds a listening Unix socket; false when there is no such process."""
    try:
        held = {str(descriptor.readlink()) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    except FileNotFoundError:  # ended, or closed a descriptor meanwhile: the caller asks again
        return False
    rows = (
        line.split()
        for line in Path("/proc/net/unix")
        .read_text(encoding="utf-8", errors="replace")
        .splitlines()[1:]
    )
    return any(f"socket:[{row[6]}]" in held for row in rows if int(row[3], 16) & LISTENING)


def kill_wineserver(wine: Wine, prefix: Path) -> None:
    """Stops whatever wineserver serves exactly this prefix; none is fine."""
    with suppress(Failure):  # the caller falls back on the pid, where it has one
        _quiet([str(wine.server), "-k"], wine.environment(prefix), KILL_TIMEOUT_S)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock file, so that two that start at once prepare one prefix, not two halves."""
    with path.open("w") as file:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while not _lock(file):
            if time.monotonic() > deadline:
                raise Failure(f"{path}: held by another process for {LOCK_TIMEOUT_S:g} s")
            time.sleep(0.05)
        yield


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _prepare(wine: Wine, folder: Path, say: Callable[[str], None]) -> Path:
    """The prepared prefix of this Wine; the caller holds the lock. It appears under its name only when complete."""
    ready = folder / f"prefix-{wine.key}"
    if ready.is_dir():
        return ready
    for leftover in folder.glob("creating-*"):
        kill_wineserver(wine, leftover)
        shutil.rmtree(leftover)
    say(f"preparing a prefix for {wine.build} (once, some 15 s)")
    draft = folder / f"creating-{wine.key}"
    draft.mkdir()
    prefix = Prefix(wine, draft, persist_s=1)
    try:
        prefix.start()
        code = _quiet(prefix.command(["wineboot.exe", "-i"]), prefix.environment, BOOT_TIMEOUT_S)
        prefix.wait(30.0)
        missing = [
            name
            for name in ("system.reg", "drive_c/windows/system32/kernel32.dll")
            if not (draft / name).is_file()
        ]
        if code != 0 or missing:
            raise Failure(
                f"{wine.loader} wineboot -i: exit code {code}, missing: {', '.join(missing) or 'nothing'}"
            )
        draft.rename(ready)
    except BaseException:
        prefix.kill()
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return ready


def _clone(prepared: Path, clone: Path) -> None:
    """A copy by hard links. The registry is copied for real: Wine writes a hard-linked one in place, into all clones at once."""

    def copy(source: str, target: str) -> None:
        if source.endswith(".reg"):
            shutil.copy2(source, target)
        else:
            os.link(source, target)

    # "wineserver" is where Debian's Wine notes its socket folder, which may be gone by now.
    shutil.copytree(
        prepared,
        clone,
        symlinks=True,
        copy_function=copy,
        ignore=shutil.ignore_patterns("wineserver"),
    )


def _sweep(wine: Wine, folder: Path) -> None:
    """Removes what launchers left that were killed: a live folder whose lock nobody holds. The caller holds the main lock."""
    for live in folder.glob("live-*"):
        with (live / "lock").open("w") as file:
            if not _lock(file):
                continue
            for clone in live.iterdir():
                if clone.is_dir():
                    kill_wineserver(wine, clone)
            shutil.rmtree(live, ignore_errors=True)


class WineLauncher(PlainLauncher):
    """Windows programs under Wine, native load generator beside them."""

    def __init__(self, build: Path, placement: Placement, say: Callable[[str], None]) -> None:
        super().__init__(build / "mingw" / "bin", build / "host" / "bin" / "loadgen", placement)
        self.wine = find_wine()
        self._prefixes: dict[str, Prefix] = {}
        self._cleanup = ExitStack()
        self._wakeful = Wakeful()
        self._cleanup.callback(self._wakeful.close)
        folder = build / "wine"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with _locked(folder / "lock"):
                _sweep(self.wine, folder)
                self._prepared = _prepare(self.wine, folder, say)
                self._live = Path(tempfile.mkdtemp(prefix=f"live-{os.getpid()}-", dir=folder))
                self._cleanup.callback(shutil.rmtree, self._live, ignore_errors=True)
                lock = self._cleanup.enter_context((self._live / "lock").open("w"))
                _lock(lock)
            self._prefix("server")
        except BaseException:
            self.close()
            raise

    def processes(self, server: Program) -> dict[str, int]:
        """Wine's loader turns into the server, so its pid is the server's."""
        watched = {"server": server.pid}
        return (
            watched
            if server.wineserver_pid is None
            else {**watched, "wineserver": server.wineserver_pid}
        )

    def environment(self) -> dict[str, Any]:
        return {
            "wine": {"version": self.wine.version, "build": self.wine.build},
            **self._wakeful.facts,
            **super().environment(),
        }

    def traced_server(self, model: str, options: Mapping[str, int | str]) -> tuple[Program, Path]:
        """A server in a prefix of its own whose wineserver is slow, as it writes each request into the file returned."""
        program = self._start("traced", self._programs / f"{model}.exe", arguments(options))
        trace = self._prefixes["traced"].trace
        assert trace
        return program, trace

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._cleanup.close()
            self._prefixes.clear()

    def _prefix(self, role: str) -> Prefix:
        prefix = self._prefixes.get(role)
        if not prefix:
            cpus = wineserver_cpus = self.placement.loadgen_cpus
            if role in ("server", "traced"):
                cpus, wineserver_cpus = self.placement.server_cpus, self.placement.wineserver_cpus
            trace = self._live / "wineserver.trace" if role == "traced" else None
            prefix = Prefix(
                self.wine, self._live / role, cpus, trace=trace, wineserver_cpus=wineserver_cpus
            )
            _clone(self._prepared, prefix.path)
            self._cleanup.callback(prefix.kill)
            self._prefixes[role] = prefix
        prefix.warm()
        return prefix

    def _launch(self, role: str, argv: list[str]) -> Program:
        name = Path(argv[0]).name
        if role in ("loadgen", "calibration"):
            return super()._launch(role, argv)
        prefix = self._prefix(role)
        command = prefix.command(argv)
        return Program(
            command, name=name, env=prefix.environment, wineserver_pid=prefix.wineserver_pid
        )
