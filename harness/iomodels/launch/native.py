"""Programs of this Linux as servers: models of ours and servers of the user, without Wine."""

from __future__ import annotations

import platform
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from iomodels.launch.launcher import PlainLauncher
from iomodels.launch.process import Program, Server
from iomodels.machine.placement import Placement, pinned


class NativeLauncher(PlainLauncher):
    """Plain processes on Linux; the models are those of servers/linux."""

    suffix = ""

    def __init__(
        self, build: Path, placement: Placement, name: str | None = None, preset: str = "host"
    ) -> None:
        """`name`: the platform, if it is not this Linux. `preset`: the build of the models."""
        build = build.resolve()
        note = placement.note.replace("server and wineserver share a CPU", "the server has a CPU")
        super().__init__(
            build / preset / "linux",
            build / "host" / "bin" / "loadgen",
            replace(placement, wineserver_cpus=(), note=note),
        )
        self._name = name or linux()

    @property
    def platform(self) -> str:
        return self._name

    def models(self) -> dict[str, dict[str, Any]]:
        """Return what each model says of itself; none if only the user's servers run."""
        return super().models() if any(self._programs.glob("*")) else {}

    def processes(self, server: Server) -> dict[str, int]:
        return {"server": server.pid}

    def _launch(self, role: str, argv: list[str]) -> Program:
        if role != "server":
            return super()._launch(role, argv)
        return Program([*pinned(self.placement.server_cpus), *argv], name=Path(argv[0]).name)


def is_native(platform_name: str) -> bool:
    """Return whether programs of Linux ran there, or servers that nobody knows."""
    return platform_name.partition("-")[0] in ("linux", "attached")


def linux() -> str:
    """Return the platform as the native load generator reports it (common/platform.c)."""
    digits = re.match(r"[0-9.]*", platform.release())
    return f"linux-{digits[0].rstrip('.') if digits else ''}"
