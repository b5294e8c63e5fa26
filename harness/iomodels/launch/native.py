"""Programs of this Linux as servers: those of the user, and no Wine."""

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
    """Plain processes on Linux. It has no models of its own."""

    def __init__(self, build: Path, placement: Placement, name: str | None = None) -> None:
        """`name`: the platform, if it is not this Linux."""
        host = build.resolve() / "host" / "bin"
        note = placement.note.replace("server and wineserver share a CPU", "the server has a CPU")
        super().__init__(host, host / "loadgen", replace(placement, wineserver_cpus=(), note=note))
        self._name = name or linux()

    @property
    def platform(self) -> str:
        return self._name

    def models(self) -> dict[str, dict[str, Any]]:
        return {}

    def processes(self, server: Server) -> dict[str, int]:
        return {"server": server.pid}

    def _launch(self, role: str, argv: list[str]) -> Program:
        if role != "server":
            return super()._launch(role, argv)
        return Program([*pinned(self.placement.server_cpus), *argv], name=Path(argv[0]).name)


def linux() -> str:
    """Return the platform as the native load generator reports it (common/platform.c)."""
    digits = re.match(r"[0-9.]*", platform.release())
    return f"linux-{digits[0].rstrip('.') if digits else ''}"
