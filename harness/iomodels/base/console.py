"""Print lines on the terminal, and quote words for its shell."""

from __future__ import annotations

import os
import shlex
import subprocess

from rich.console import Console


def say(console: Console, line: str) -> None:
    """Print a line unchanged: no markup, no line breaks inside names and paths."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def shell_word(text: str) -> str:
    """Return `text` quoted as one word of this system's shell."""
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)
