"""The one error type of the package, with the exit code that the command line gives it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

FAILED = 1
"""Something was tried and failed: a measurement, a file, a program."""
USAGE = 2
"""The input is wrong; nothing was done."""
NOT_SUPPORTED = 77
"""The platform cannot do what was asked."""
INTERRUPTED = 130
"""Ctrl-C outside a measurement."""


class Failure(Exception):
    """A command cannot do its work. Each line names one reason and is ready to print.

    `exit_code` is FAILED, USAGE, NOT_SUPPORTED or INTERRUPTED. A subclass exists only where code
    must tell it apart. cli prints every Failure in one place.
    """

    def __init__(self, *lines: str, exit_code: int = FAILED) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.exit_code = exit_code


def hint(word: str, known: Iterable[str]) -> str:
    """Return advice for an unknown word: "did you mean iocp? (available: select, iocp)"."""
    choices = list(known)
    listed = f"available: {', '.join(choices) or 'none'}"
    near = difflib.get_close_matches(word, choices, n=1)
    return f"did you mean {near[0]}? ({listed})" if near else listed


class Stopped(Exception):
    """Someone asked to stop. What was measured is kept, and the user has read how to resume."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.exit_code = 128 + signal
