"""What a terminal and a pipe get: bars, colour, line breaks, and a live view that is replaced."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from iomodels.base.bars import WIDTH, bar
from iomodels.base.console import has_terminal, make_console, say

DEADLINE_S = 60.0
PROGRAM = """
from rich.text import Text
from iomodels.base.console import make_console, say
from iomodels.base.progress import Progress
console = make_console()
with Progress(console, 2, 1.0) as progress:
    for number in (1, 2):
        progress.begin(f"round {number}: iocp")
        progress.end()
        progress.show(Text(f"ranking {number}, provisional"))
console.print("answer", style="bold red")
console.print("word " * 60)
"""
"""A measuring command in small."""


def piped(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment_of(environment),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=True,
    )
    return done.stdout


def environment_of(changes: dict[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM")
    }
    return {**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **changes}


def on_terminal(**environment: str) -> str:
    """Run the program on a pseudo-terminal of 80 columns; return what it wrote."""
    pty = pytest.importorskip("pty", reason="needs a pseudo-terminal")
    ours, theirs = pty.openpty()
    try:
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=environment_of({"COLUMNS": "80", "LINES": "24", **environment}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux: the program has closed its end
                break
            if not part:
                break
            written += part
        assert program.wait(DEADLINE_S) == 0
    finally:
        os.close(ours)
    return written.decode("utf-8")


def test_a_pipe_gets_plain_lines_without_colour_or_breaks() -> None:
    text = piped(FORCE_COLOR="1")
    assert "\x1b" not in text and "provisional" not in text
    lines = text.splitlines()
    assert lines[0] == "[0/2] 2 s left; round 1: iocp"
    assert re.fullmatch(r"\[2/2\] measured in .*", lines[1])
    assert lines[2] == "answer" and lines[3].count("word") == 60


def test_a_terminal_gets_a_view_that_is_replaced_and_then_erased() -> None:
    text = on_terminal()
    assert "round 2: iocp" in text and "ranking 2, provisional" in text
    assert "\x1b[1A" in text, "the cursor moves up to draw over the old view"
    assert "\x1b[1;31manswer" in text
    last = text[text.rindex("provisional") :]
    assert "\x1b[2K" in last[: last.index("answer")], "the view is erased at the end"
    assert max(line.count("word") for line in text.splitlines()) < 60


def test_no_color_and_a_dumb_terminal_are_respected() -> None:
    plain = on_terminal(NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain) and "answer" in plain
    dumb = on_terminal(TERM="dumb")
    assert "\x1b" not in dumb and "[2/2] measured in" in dumb


@pytest.mark.parametrize(
    ("share", "encoding", "text"),
    [
        (1.0, "utf-8", "█" * WIDTH),
        (0.5, "utf-8", "█" * (WIDTH // 2)),
        (0.5 + 3 / (8 * WIDTH), "utf-8", "█" * (WIDTH // 2) + "▍"),
        (0.0001, "utf-8", "▏"),
        (0.0, "utf-8", ""),
        (0.5, "ascii", "#" * (WIDTH // 2)),
        (0.0001, "latin-1", "#"),
        (0.5, "cp437", "#" * (WIDTH // 2)),
        (0.5, None, "#" * (WIDTH // 2)),
        (0.5, "no-such-encoding", "#" * (WIDTH // 2)),
    ],
)
def test_a_bar_is_as_long_as_its_share(share: float, encoding: str | None, text: str) -> None:
    assert bar(share, encoding) == text


def test_a_stream_that_was_closed_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    for stderr in (False, True):
        console = make_console(stderr=stderr)
        say(console, "nobody reads this")
        assert not console.is_terminal
    assert not has_terminal()
