"""Windows programs on Linux: find Wine, prepare a prefix once, and give every role a warm clone.

A prefix is the folder that plays the Windows machine; a process `wineserver` plays its kernel.
Making a prefix takes seconds, so one is prepared per Wine and cloned with hard links.

Each role has its own prefix, since all programs of a prefix share one wineserver thread. A load
generator in the server's prefix would compete with it. A wineserver and its services inherit the
stderr of the first Wine program. Both are therefore started before any output is read.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from iomodels.base.build import windows_programs
from iomodels.base.errors import Failure
from iomodels.base.files import PACKAGE
from iomodels.launch.launcher import PlainLauncher
from iomodels.launch.marks import also_remove
from iomodels.launch.prefix import Prefix, Wine, find_wine, kill_wineserver
from iomodels.launch.process import Program, Server
from iomodels.machine.placement import Placement
from iomodels.machine.preflight import wine_files
from iomodels.machine.wakeful import Wakeful

BOOT_TIMEOUT_S = 180.0
LOCK_TIMEOUT_S = 2 * BOOT_TIMEOUT_S


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file, so that two concurrent starts prepare one prefix."""
    with path.open("w") as file:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while not _lock(file):
            if time.monotonic() > deadline:
                raise Failure(
                    f"{path}: another process has held this lock for {LOCK_TIMEOUT_S:g} s"
                )
            time.sleep(0.05)
        yield


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _prepare(wine: Wine, folder: Path, say: Callable[[str], None]) -> Path:
    """Return the prepared prefix of this Wine. It gets its name only when complete.

    The caller holds the lock.
    """
    ready = folder / f"prefix-{wine.key}"
    if ready.is_dir():
        return ready
    for leftover in folder.glob("creating-*"):
        kill_wineserver(wine, leftover)
        shutil.rmtree(leftover)
    say(f"preparing a prefix for {wine.build} (once, about 15 s)")
    draft = folder / f"creating-{wine.key}"
    draft.mkdir()
    prefix = Prefix(wine, draft, persist_s=1)
    try:
        prefix.start()
        code = prefix.run(["wineboot.exe", "-i"], BOOT_TIMEOUT_S)
        if code is None:
            raise Failure(f"{wine.server}: ended while it prepared a prefix; start again")
        prefix.wait(30.0)
        missing = [
            name
            for name in ("system.reg", "drive_c/windows/system32/kernel32.dll")
            if not (draft / name).is_file()
        ]
        if code != 0 or missing:
            raise Failure(
                f"{wine.loader} wineboot -i: exit code {code}, "
                f"missing: {', '.join(missing) or 'nothing'}"
            )
        draft.rename(ready)
    except BaseException:
        prefix.kill()
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return ready


def _clone(prepared: Path, clone: Path) -> None:
    """Copy a prefix by hard links. The registry is copied: Wine would write into every link."""

    def copy(source: str, target: str) -> None:
        if source.endswith(".reg"):
            shutil.copy2(source, target)
        else:
            os.link(source, target)

    # Debian's Wine notes the folder of its socket in "wineserver"; neither belongs to the clone
    try:
        shutil.copytree(
            prepared,
            clone,
            symlinks=True,
            copy_function=copy,
            ignore=shutil.ignore_patterns("wineserver", "wine-??????"),
        )
    except shutil.Error as error:  # it holds a list of (from, to, reason)
        source, _, why = error.args[0][0]
        raise Failure(f"{source}: cannot be copied into a prefix: {why}") from None


def clone_prefix(wine: Wine, folder: Path, clone: Path) -> None:
    """Make a prefix at `clone`, from the one that `folder` holds for this Wine. Raises Failure."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock"):
        prepared = _prepare(wine, folder, lambda line: None)
    _clone(prepared, clone)


def _sweep(wine: Wine, folder: Path, *, remove: bool = True) -> list[Path]:
    """Remove the folders of killed launchers: those with a free lock. Returns them.

    The caller holds the main lock.
    """
    found = []
    for live in sorted(folder.glob("live-*")):
        # a launcher that ends meanwhile removes its own folder
        with suppress(FileNotFoundError), (live / "lock").open("w") as file:
            if not _lock(file):
                continue
            found.append(live)
            if not remove:
                continue
            for clone in live.iterdir():
                if clone.is_dir():
                    kill_wineserver(wine, clone)
            shutil.rmtree(live, ignore_errors=True)
    return found


def left_behind(build: Path, *, remove: bool) -> list[Path]:
    """Return the folders of prefixes that killed launchers left; `remove` them, too."""
    folder = _folder(build)
    if not any(folder.glob("live-*")):
        return []
    with _locked(folder / "lock"):
        return _sweep(find_wine(), folder, remove=remove)


def _folder(build: Path) -> Path:
    """Return the folder for prefixes. A wheel's own folder may be read-only, so it is the user's
    cache for the programs of a wheel."""
    if build != PACKAGE / "programs":
        return build / "wine"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "iomodels" / "wine"


class WineLauncher(PlainLauncher):
    """Windows programs under Wine, with a native load generator."""

    def __init__(self, build: Path, placement: Placement, say: Callable[[str], None]) -> None:
        super().__init__(windows_programs(build), build / "host" / "bin" / "loadgen", placement)
        few = wine_files()
        if few:
            raise Failure(few)
        self.wine = find_wine()
        self._prefixes: dict[str, Prefix] = {}
        self._cleanup = ExitStack()
        self._wakeful = Wakeful()
        self._cleanup.callback(self._wakeful.close)
        folder = _folder(build)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with _locked(folder / "lock"):
                _sweep(self.wine, folder)
                self._prepared = _prepare(self.wine, folder, say)
                self._live = Path(tempfile.mkdtemp(prefix=f"live-{os.getpid()}-", dir=folder))
                self._cleanup.callback(shutil.rmtree, self._live, ignore_errors=True)
                also_remove(self._live)
                lock = self._cleanup.enter_context((self._live / "lock").open("w"))
                _lock(lock)
            self._prefix("server")
        except BaseException:
            self.close()
            raise

    def processes(self, server: Server) -> dict[str, int]:
        """Return the server's pid, which is that of Wine's loader."""
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

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._cleanup.close()

    def _prefix(self, role: str) -> Prefix:
        prefix = self._prefixes.get(role) or self._add_prefix(role)
        prefix.warm()
        return prefix

    def _add_prefix(self, role: str, trace: Path | None = None) -> Prefix:
        """Clone a prefix for a role. A Windows load generator's runs next to the native one."""
        cpus = wineserver_cpus = self.placement.loadgen_cpus
        if role != "windows-loadgen":
            cpus, wineserver_cpus = self.placement.server_cpus, self.placement.wineserver_cpus
        prefix = Prefix(
            self.wine, self._live / role, cpus, trace=trace, wineserver_cpus=wineserver_cpus
        )
        _clone(self._prepared, prefix.path)
        self._cleanup.callback(prefix.kill)
        self._prefixes[role] = prefix
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
