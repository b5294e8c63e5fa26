"""Windows: every program starts suspended, joins a job, gets its CPUs, and only then runs.

A job is a group of processes that Windows kills when its last handle closes. This process has the
only handle. No server therefore outlives it, even if it is killed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iomodels.launch.kernel32 import System, job_limits
from iomodels.launch.launcher import PlainLauncher
from iomodels.launch.process import Program
from iomodels.machine.placement import Placement


class WindowsLauncher(PlainLauncher):
    """Plain processes in a job. The interface is that of every launcher."""

    def __init__(self, programs: Path, placement: Placement, system: System) -> None:
        super().__init__(programs, programs / "loadgen.exe", placement)
        self._system = system
        self._job = system.create_job(job_limits())

    def _launch(self, role: str, argv: list[str]) -> Program:
        cpus = self.placement.server_cpus if role == "server" else self.placement.loadgen_cpus
        if role == "calibration" and cpus:
            cpus += self.placement.server_cpus

        def admit(pid: int) -> None:
            self._system.assign(self._job, pid)
            if cpus:
                self._system.set_affinity(pid, cpus)
            self._system.resume(pid)

        return Program(argv, admit=admit)

    def environment(self) -> dict[str, Any]:
        return {
            **super().environment(),
            "priority_class": "normal",
        }  # how every program is started (launch/process.py)

    def close(self) -> None:
        """Ask programs to end, then close the job, which kills the rest."""
        try:
            super().close()
        finally:
            job, self._job = self._job, 0
            if job:
                self._system.close(job)
