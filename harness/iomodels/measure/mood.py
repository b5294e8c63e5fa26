"""The machine's mood during one measurement: its speed just before and after, and stolen time.

The server does a fixed amount of work (`spin`) on its CPU, outside the measuring window. Its
duration shows how fast the CPU was, without any influence of the model
(docs/decisions/0093-the-machines-mood.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iomodels.launch.process import Server
from iomodels.machine.facts import Unknown
from iomodels.machine.steal import stolen_ns

SPIN = "spin"
ROLES = ("server", "loadgen")


class Mood:
    """Collects the mood of one measurement. An unavailable part is None, never a failure."""

    def __init__(self, server: Server, commands: object, placement: Mapping[str, Any]) -> None:
        """`commands`: those of the server's ready event; `placement`: as in run.json."""
        self._server = server
        self._spins = isinstance(commands, list) and SPIN in commands
        self._cpus = {role: tuple(placement.get(f"{role}_cpus") or ()) for role in ROLES}
        self._stolen: dict[str, int] = {}
        self._reasons: list[str] = [] if self._spins else [f"the server has no command {SPIN}"]
        self._found: dict[str, int | None] = {}

    def spin(self, when: str, due_s: float) -> None:
        """Let the server do its fixed work; `when` is before or after. Raises ProgramFailed."""
        self._found |= {f"spin_{when}_ns": None, f"spin_{when}_fastest_ns": None}
        if self._spins:
            self._server.send(SPIN)
            event = self._server.expect(SPIN, due_s)
            self._found[f"spin_{when}_ns"] = event.get("ns")
            self._found[f"spin_{when}_fastest_ns"] = event.get("fastest_ns")

    def begin(self) -> None:
        """Read the stolen time when the window starts."""
        for role, cpus in self._cpus.items():
            try:
                self._stolen[role] = stolen_ns(cpus)
            except Unknown as error:
                self._reasons.append(f"steal of the {role}'s CPUs: {error}")

    def end(self) -> None:
        """Read it again when the window ends."""
        for role, cpus in self._cpus.items():
            begun = self._stolen.get(role)
            self._found[f"stolen_{role}_ns"] = None if begun is None else stolen_ns(cpus) - begun

    def found(self) -> dict[str, Any]:
        """Return the record's `mood`; `reason` explains its nulls, and is None without any."""
        return {**self._found, "reason": "; ".join(self._reasons) or None}
