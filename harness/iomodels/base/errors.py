"""The exit codes, and the error that carries one."""

from __future__ import annotations

from collections.abc import Sequence

FAILED = 1
USAGE = 2
NOT_SUPPORTED = 77


class Refused(Exception):
    """Nothing was measured and nothing is lost: one clear line per reason."""

    def __init__(self, lines: Sequence[str], exit_code: int = USAGE) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)
        self.exit_code = exit_code
