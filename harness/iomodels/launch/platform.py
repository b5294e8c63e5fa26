"""Choose the launcher of this platform; the only importer of wine and windows."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from iomodels.base.build import windows_programs
from iomodels.base.errors import Failure
from iomodels.launch.launcher import Launcher, PlainLauncher
from iomodels.launch.native import NativeLauncher
from iomodels.machine.placement import Placement, default_placement


def open_launcher(
    build: Path, placement: Placement | None = None, say: Callable[[str], None] = lambda line: None
) -> Launcher:
    """Return this platform's launcher for the programs below `build`.

    It starts plain processes on Windows, and Wine elsewhere. `say` gets a line before a step that
    takes seconds, such as the first Wine prefix.
    """
    placement = placement or default_placement()
    if sys.platform == "win32":
        from iomodels.launch.kernel32 import RealSystem
        from iomodels.launch.windows import WindowsLauncher

        return WindowsLauncher(windows_programs(build), placement, RealSystem())
    from iomodels.launch.wine import WineLauncher  # needs fcntl, which Windows lacks

    return WineLauncher(build.resolve(), placement, say)


def open_native(
    build: Path,
    placement: Placement | None = None,
    name: str | None = None,
    preset: str = "host",
) -> Launcher:
    """Return a launcher of programs of this system alone; `name` replaces its platform.

    `preset` names the build of the models of Linux.
    """
    placement = placement or default_placement()
    if sys.platform == "win32":
        return open_launcher(build, placement)
    return NativeLauncher(build, placement, name, preset)


def open_loadgen(build: Path, placement: Placement) -> Launcher:
    """Return a launcher for the load generator alone; it needs no Wine.

    The load generator never outlives this process, even if that is killed in mid-window.
    """
    if sys.platform == "win32":  # its job does it
        return open_launcher(build, placement)
    if sys.platform == "linux" and not shutil.which("setpriv"):
        raise Failure("setpriv is missing; install util-linux")
    ending = ("setpriv", "--pdeathsig", "KILL") if sys.platform == "linux" else ()
    loadgen = build.resolve() / "host" / "bin" / "loadgen"
    return PlainLauncher(windows_programs(build), loadgen, placement, ending)
