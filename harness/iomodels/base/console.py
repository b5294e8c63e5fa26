"""Print lines on the terminal, quote words for its shell, open a page in the browser."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import webbrowser
from pathlib import Path

from rich.console import Console

from iomodels.base.words import visible

UNBROKEN = 100_000
"""Columns of what is no terminal: programs read it line by line."""


def make_console(*, stderr: bool = False) -> Console:
    """Return the console of stdout or stderr: colour and line breaks on a terminal only.

    NO_COLOR turns colour off. On Windows, rich draws by the console's own functions if that has no
    virtual terminal processing.
    """
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    width = None if terminal or "COLUMNS" in os.environ else UNBROKEN
    return Console(highlight=False, stderr=stderr, force_terminal=terminal, width=width)


def say(console: Console, line: str) -> None:
    """Print a line without markup, and without line breaks inside names and paths."""
    console.print(visible(line), markup=False, highlight=False, soft_wrap=True)


def shell_word(text: str) -> str:
    """Return `text` quoted as one word of this system's shell."""
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)


def open_page(path: Path) -> bool:
    """Open a file in the user's browser. Return whether a browser started."""
    try:
        return webbrowser.open(path.resolve().as_uri())
    except webbrowser.Error:
        return False
