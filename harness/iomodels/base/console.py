"""Print lines on the terminal, quote words for its shell, open a page in the browser."""

from __future__ import annotations

import os
import shlex
import subprocess
import webbrowser
from pathlib import Path

from rich.console import Console


def say(console: Console, line: str) -> None:
    """Print a line unchanged: no markup, no line breaks inside names and paths."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def shell_word(text: str) -> str:
    """Return `text` quoted as one word of this system's shell."""
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)


def open_page(path: Path) -> bool:
    """Open a file in the user's browser. Return whether a browser started."""
    try:
        return webbrowser.open(path.resolve().as_uri())
    except webbrowser.Error:
        return False
