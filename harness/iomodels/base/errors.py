"""The one error type of the package, with the exit code that the command line gives it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

FAILED = 1
"""A measurement, a file or a program failed."""
USAGE = 2
"""The input is wrong; the command did nothing."""
NOT_SUPPORTED = 77
"""The platform cannot do what the user asked."""
INTERRUPTED = 130
"""Ctrl-C outside a measurement."""


class Failure(Exception):
    """A command cannot do its work. Each line gives one reason and is ready to print.

    `exit_code` is FAILED, USAGE, NOT_SUPPORTED or INTERRUPTED. A subclass exists only if code must
    distinguish it. cli prints every Failure in one place.
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
    """The user asked to stop. The measurements are kept, and the user has read how to resume."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.exit_code = 128 + signal
