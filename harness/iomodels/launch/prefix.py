"""A Wine, and a prefix of it with its own wineserver."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from iomodels.base.errors import Failure
from iomodels.launch.marks import end_all, marked
from iomodels.machine.placement import pinned

PERSIST_S = 120
"""Seconds that a wineserver outlives its last program, also if this process is killed."""
FRESH_S = 60.0
"""A prefix unused for longer is warmed again, well before its wineserver gives up."""
WARM_TIMEOUT_S = 60.0
KILL_TIMEOUT_S = 10.0
LOST_S = 5.0
"""Seconds that a command still gets after its wineserver has ended."""
POLL_S = 0.5
LISTEN_TIMEOUT_S = 20.0
LISTENING = 0x10000
"""Bit of the column Flags in /proc/net/unix: __SO_ACCEPTCON, set by listen()."""
QUIET = "-all,err+virtual"
"""Wine's messages: only errors of `virtual`, such as "failed to map the shared user data".

The loader then ends with exit code 1 before the program begins; `fixed_layout` prevents it.
"""
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
        """The name of the prepared prefix. It changes with the build, since Wine updates older
        prefixes."""
        status = self.server.stat()
        identity = f"{self.build} {self.loader} {self.server} {status.st_size} {status.st_mtime_ns}"
        return f"{self.version}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"

    def environment(self, prefix: Path) -> dict[str, str]:
        """Return this process's environment with Wine's settings, quiet, without a display.

        Debian's wineserver makes a folder for its socket in TMPDIR, and leaves it there. In the
        prefix, whoever removes the prefix removes it, too.
        """
        dropped = ("WINE", "DISPLAY", "WAYLAND_DISPLAY")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        wine = {"WINEPREFIX": str(prefix), "WINESERVER": str(self.server), "TMPDIR": str(prefix)}
        quiet = {"WINEDEBUG": QUIET, "WINEDLLOVERRIDES": "mscoree,mshtml="}
        return marked(kept | wine | quiet)


def find_wine(environ: Mapping[str, str] = os.environ) -> Wine:
    """Return IOMODELS_WINE, else Debian's loader (its /usr/bin/wine is a script), else that of
    PATH."""
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
    if answer.returncode != 0 and not os.environ.get("HOME"):
        raise Failure("HOME is empty, and Wine needs it; set HOME to your home folder")
    if answer.returncode != 0 or not text.startswith("wine-"):
        raise Failure(
            f"{loader} --version: exit code {answer.returncode}, printed '{text[:80]}'; "
            "it is not a wine loader"
        )
    return text.splitlines()[0]


def _find_wineserver(loader: Path, environ: Mapping[str, str]) -> Path:
    """Return the wineserver of the loader; layouts differ between distributions."""
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
    ):  # if both exist, the second is a script that sets its own persistence
        for folder in folders:
            found = shutil.which(str(folder / name))
            if found:
                return Path(found)
    found = shutil.which("wineserver")
    if not found:
        raise Failure(
            f"{loader}: no wineserver next to it or on PATH; "
            f"set WINESERVER to it, or {INSTALL_HINT}"
        )
    return Path(found)


@cache
def fixed_layout() -> tuple[str, ...]:
    """Return the command before Wine's loader that gives each start the same address layout.

    The loader has a fixed address. Newer Linux (seen on 6.18) puts the heap anywhere in the GiB
    above it. Once in some thousands of starts it takes 0x7ffe0000, where Windows has a page that
    every program needs. A fixed layout puts the heap next to the loader. Return nothing where the
    system forbids it, as some containers do: such a start then fails with a message.
    """
    command = ("setarch", "--addr-no-randomize")
    try:
        done = subprocess.run(
            [*command, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError:
        return ()
    return () if done.returncode else command


def run_quietly(
    argv: list[str],
    environment: Mapping[str, str],
    timeout_s: float,
    lost: Callable[[], bool] = lambda: False,
) -> int | None:
    """Run a Wine command without our stdio, which services keep open. Returns its exit code.

    A command waits for ever if its wineserver was killed. It is ended some seconds after `lost`
    says so, and the answer is None. Raises Failure on timeout.
    """
    null = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            argv, env=environment, stdin=null, stdout=null, stderr=null, start_new_session=True
        )
    except OSError as error:
        raise Failure(f"{argv[0]}: cannot be started: {error.strerror}") from error
    deadline = lost_at = time.monotonic() + timeout_s
    try:
        while (now := time.monotonic()) < min(deadline, lost_at + LOST_S):
            with suppress(subprocess.TimeoutExpired):
                return process.wait(min(POLL_S, deadline - now))
            lost_at = min(lost_at, time.monotonic()) if lost() else deadline
    finally:
        process.kill()
        process.wait()
    if time.monotonic() < deadline:
        return None
    raise Failure(f"{' '.join(argv)}: did not end within {timeout_s:g} s")


class Prefix:
    """A Wine prefix and its wineserver, which is our child, so its pid and its CPU are known.

    With `trace` the wineserver writes one line per request and one per answer into that file.
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
        """Start a program; the loader turns into it, so there is one process with one pid."""
        return [*pinned(self._cpus), *fixed_layout(), str(self._wine.loader), *argv]

    def start(self) -> None:
        """Return once programs can reach the wineserver, or it ended because the prefix has
        another.

        A program that starts too early starts its own wineserver. Debian's Wine keeps the socket in
        a folder with a random name, so both wineservers continue. The program then uses the other
        one, while ours is measured and traced.
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
                    f"{self._wine.server}: does not listen after {LISTEN_TIMEOUT_S:g} s "
                    f"in {self.path}"
                )
            time.sleep(0.002)

    def run(self, argv: list[str], timeout_s: float) -> int | None:
        """Run a program to its end. Returns its exit code, or None if the wineserver was lost."""
        lost = (lambda: not self._alive()) if self._alive() else (lambda: False)
        return run_quietly(self.command(argv), self.environment, timeout_s, lost)

    def warm(self) -> None:
        """Start wineserver and services, so that a program starts in about 20 ms."""
        if self._alive() and time.monotonic() - self._used < FRESH_S:
            self._used = time.monotonic()
            return
        for _ in range(3):  # an idle wineserver may end at any moment, even here
            if not self._alive():
                self.start()
            self.run(["cmd.exe", "/c", "exit"], WARM_TIMEOUT_S)
            if self._alive():
                self._used = time.monotonic()
                return
            self.kill()
        raise Failure(f"{self._wine.server}: does not stay up in {self.path}")

    def wait(self, timeout_s: float) -> None:
        """Let the wineserver end by itself, so that it writes the registry; kill it after a
        timeout."""
        assert self._wineserver
        try:
            self._wineserver.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill this prefix's wineserver, and with it every process of the prefix."""
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
    """Return whether the process has a listening Unix socket; False if it ended."""
    try:
        held = {str(descriptor.readlink()) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    except FileNotFoundError:  # the process ended or closed a descriptor: the caller asks again
        return False
    rows = (
        line.split()
        for line in Path("/proc/net/unix")
        .read_text(encoding="utf-8", errors="replace")
        .splitlines()[1:]
    )
    return any(f"socket:[{row[6]}]" in held for row in rows if int(row[3], 16) & LISTENING)


def kill_wineserver(wine: Wine, prefix: Path) -> None:
    """Stop the wineserver of this prefix, if there is one, and every process of the prefix.

    Services of Wine outlive a wineserver that was killed, so each is ended by its number.
    """
    with suppress(Failure):  # the processes are ended in any case
        run_quietly([str(wine.server), "-k"], wine.environment(prefix), KILL_TIMEOUT_S)
    end_all("WINEPREFIX", str(prefix))
