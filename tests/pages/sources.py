"""Show how functions of two C sources differ, for pages that teach one model after another."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / "servers"
MOST_LINES = 40
"""A longer difference shows too much for one step."""


class NotFound(Exception):
    """A source lacks a function, or two functions do not differ."""


def function(source: str, name: str) -> list[str]:
    """Return the lines of a function without its comment. Raises NotFound."""
    found = re.search(rf"^\w[^\n;]*\b{re.escape(name)}\([^;{{]*\{{\n.*?^\}}$", source, re.M | re.S)
    if not found:
        raise NotFound(f"{name}(): no such function")
    return found[0].splitlines()


def functions(model: str, names: Sequence[str]) -> list[str]:
    """Return the lines of functions of a model, with an empty line between them."""
    source = (SERVERS / f"{model}.c").read_text(encoding="utf-8")
    lines: list[str] = []
    for name in names:
        lines += [*([""] if lines else []), *function(source, name)]
    return lines


def difference(old: tuple[str, Sequence[str]], new: tuple[str, Sequence[str]]) -> list[str]:
    """Return the difference between functions of two models, as a block of Markdown.

    Each side is a model and the names of its functions. Unchanged lines that no change touches are
    left out. Raises NotFound, also if the block has more than MOST_LINES lines.
    """
    heads = [
        f"{model}.c: {', '.join(f'{name}()' for name in names)}" for model, names in (old, new)
    ]
    changed = list(difflib.unified_diff(functions(*old), functions(*new), n=1, lineterm=""))[2:]
    if not changed:
        raise NotFound(f"{heads[0]} and {heads[1]} do not differ")
    body = [" ..." if line.startswith("@@") else line.rstrip() for line in changed]
    lines = [f"--- {heads[0]}", f"+++ {heads[1]}", *(body[1:] if body[0] == " ..." else body)]
    if len(lines) > MOST_LINES:
        raise NotFound(f"{heads[0]} to {heads[1]}: {len(lines)} lines; at most {MOST_LINES}")
    return ["```diff", *lines, "```"]


def excerpt(model: str, names: Sequence[str]) -> list[str]:
    """Return functions of a model as a block of Markdown. Raises NotFound as difference() does."""
    lines = functions(model, names)
    if len(lines) > MOST_LINES:
        raise NotFound(f"{model}.c: {len(lines)} lines; at most {MOST_LINES}")
    return ["```c", *lines, "```"]
