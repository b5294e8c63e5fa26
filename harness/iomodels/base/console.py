"""Print lines on the terminal, quote words for its shell, open a page in the browser."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console

from iomodels.base.words import visible

UNBROKEN = 100_000
"""Columns of what is no terminal: programs read it line by line."""


def make_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """Return the console of stdout or stderr: colour and line breaks on a terminal only.

    A quiet one prints nothing.

    NO_COLOR turns colour off. On Windows, rich draws by the console's own functions if that has no
    virtual terminal processing.
    """
    stream = sys.stderr if stderr else sys.stdout
    terminal = is_terminal(stream)
    width = None if terminal or "COLUMNS" in os.environ else UNBROKEN
    return Console(
        highlight=False, stderr=stderr, force_terminal=terminal, width=width, quiet=quiet
    )


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal. One that was closed before the start is None."""
    return stream is not None and stream.isatty()


def has_terminal() -> bool:
    """Return whether a user can read a question on stderr and answer it on stdin."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def confirmed(question: str) -> bool:
    """Ask on stderr; return whether the answer is y or yes. The end of the input is a no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        print(file=sys.stderr)
    return answer.strip().lower() in ("y", "yes")


def say(console: Console, line: str) -> None:
    """Print a line without markup, and without line breaks inside names and paths."""
    console.print(visible(line), markup=False, highlight=False, soft_wrap=True)


def print_object(data: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout, for programs."""
    print(json.dumps(data, indent=2, ensure_ascii=False))


def shell_word(text: str) -> str:
    """Return `text` quoted as one word of this system's shell."""
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)


def open_page(path: Path) -> bool:
    """Open a file in the user's browser. Return whether a browser started."""
    try:
        return webbrowser.open(path.resolve().as_uri())
    except webbrowser.Error:
        return False
