"""Single changes of a C file. Patterns find them, because clang-format lays out the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from in_python import Mutant

SWAPPED = {
    " < ": " <= ",
    " <= ": " < ",
    " > ": " >= ",
    " >= ": " > ",
    " == ": " != ",
    " != ": " == ",
    " && ": " || ",
    " || ": " && ",
    " + ": " - ",
    " - ": " + ",
    " * ": " / ",
    " / ": " * ",
    " % ": " / ",
    " += ": " -= ",
    " -= ": " += ",
    "++": "--",
    "--": "++",
    "return true;": "return false;",
    "return false;": "return true;",
    "continue;": "break;",
}
NUMBER = re.compile(r"(?<![\w.])(\d+)(?=[uU]?\b)(?![\w.]*[xX.eE])")
CALL = re.compile(r"^ +((?:\w+(?:->|\.))*\w+\([^\n]*\);)$", re.MULTILINE)
CONDITION = re.compile(r"\bif \(([^\n]*)\)(?= \{| *$)", re.MULTILINE)
QUIET = (
    "fprintf(",
    "fputs(",
    "printf(",
    "snprintf(",
    "fflush(",
    "free(",
    "return",
    "assert(",
    "sizeof",
)
"""Calls whose loss only another tool can see: the sanitizers, or a reader."""


DIRECTIVE = re.compile(r"#\s*(if|ifdef|ifndef|elif|else|endif)\b(.*)")


def without_windows(text: str) -> str:
    """Return the code with the lines as blanks that only Windows compiles."""
    hidden: list[bool] = []
    lines = []
    for line in text.splitlines(keepends=True):
        found = DIRECTIVE.match(line)
        if found and found[1] == "endif":
            hidden.pop()
        elif found and found[1].startswith("if"):
            hidden.append("_WIN32" in found[2] and found[1] != "ifndef")
        elif found:
            hidden[-1] = "_WIN32" in found[2]
        lines.append(re.sub(r"[^\n]", " ", line) if any(hidden) else line)
    return "".join(lines)


def blanked(text: str) -> str:
    """Return the code with blanks for comments, strings, the preprocessor and Windows's lines."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^ *#(?:\\\n|[^\n])*'
    return re.sub(
        pattern,
        lambda found: re.sub(r"[^\n]", " ", found[0]),
        without_windows(text),
        flags=re.DOTALL | re.MULTILINE,
    )


def places(text: str) -> Iterator[tuple[int, int, str]]:
    code = blanked(text)
    for before, after in SWAPPED.items():
        for found in re.finditer(re.escape(before), code):
            yield found.start(), found.end(), after
    for found in NUMBER.finditer(code):
        yield found.start(1), found.end(1), str(int(found[1], 0 if found[1] == "0" else 10) + 1)
    for found in CALL.finditer(code):
        if not found[1].startswith(QUIET):
            yield found.start(1), found.end(1), "(void)0;"
    for found in CONDITION.finditer(code):
        if found[1].count("(") == found[1].count(")"):
            yield found.start(1), found.end(1), f"!({text[found.start(1) : found.end(1)]})"


def mutants(path: str, text: str) -> Iterator[Mutant]:
    for begin, end, after in sorted(set(places(text))):
        yield Mutant(path, text.count("\n", 0, begin) + 1, begin, end, after)
