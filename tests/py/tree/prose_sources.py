"""Texts outside of Markdown pages that people read, as Markdown for test_prose.py.

Each function returns pairs (name, text). A text has one paragraph or item per message. A message of
the Python sources has the line number of its source, so that a finding names that line. A
placeholder of a format string counts as one word.
"""

from __future__ import annotations

import argparse
import ast
import html
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from iomodels.cli import registry

ROOT = Path(__file__).resolve().parents[3]
HARNESS = ROOT / "harness" / "iomodels"
TEMPLATES = HARNESS / "templates"
SHELL = (ROOT / "iomodels", ROOT / "cmake" / "setup.sh")
SPEAKERS = ("Failure", "fail", "wrong", "say")
"""Functions and errors whose texts are printed; so are those of every `raise`."""
PLACEHOLDER = "VALUE"
LEAST_WORDS = 3
"""A literal of fewer words is a name or a part of a cell."""

HTML_BLOCKS = (
    "p|li|ul|h[1-6]|t[dhr]|table|thead|tbody|caption|div|summary|details|figure|figcaption|header|"
    "footer|section|title|br|pre"
)

Source = tuple[str, str]
Nodes = Callable[[ast.Module], Iterator[ast.AST]]


def help_texts() -> list[Source]:
    """Return `iomodels help`, `iomodels --help`, and `--help` of every command."""
    known = registry.parsers()
    texts = [("iomodels help", registry.overview()), ("iomodels --help", _wide_help(known.top))]
    texts += [
        (f"iomodels {name} --help", _wide_help(parser)) for name, parser in known.commands.items()
    ]
    return [(name, _columns_as_items(text)) for name, text in texts]


def _wide_help(parser: argparse.ArgumentParser) -> str:
    """Return the help with each option on one line."""
    parser.formatter_class = partial(argparse.RawDescriptionHelpFormatter, width=1000)
    return parser.format_help()


def _columns_as_items(text: str) -> str:
    """Turn each column of an indented line into an item. The usage line is code."""
    lines = []
    for line in text.splitlines():
        if line.startswith("usage:"):
            lines.append("")
        elif line.startswith(" "):
            lines.append("- " + "\n- ".join(re.split(r"\s{2,}", line.strip())))
        else:
            lines.append(line)
    return "\n".join(lines)


def error_messages() -> list[Source]:
    """Return the texts of errors and messages in the Python sources."""
    files = [*sorted(HARNESS.rglob("*.py")), ROOT / "cmake" / "setup_windows.py"]
    return _literals(files, "messages", spoken)


def report_sentences() -> list[Source]:
    """Return the texts of report/, which writes what a run says."""
    return _literals(sorted((HARNESS / "report").glob("*.py")), "sentences", not_docstrings)


def _literals(files: list[Path], what: str, nodes: Nodes) -> list[Source]:
    found = [
        (
            f"{path.relative_to(ROOT).as_posix()}, {what}",
            python_text(path.read_text("utf-8"), nodes),
        )
        for path in files
    ]
    return [(name, text) for name, text in found if text]


def python_text(source: str, nodes: Nodes) -> str:
    """Return the literals below some nodes as items, each on its own line number if it is free."""
    placed: dict[int, list[str]] = {}
    for node in nodes(ast.parse(source)):
        for line, text in strings_in(node):
            if len(text.split()) >= LEAST_WORDS and text not in placed.get(line, []):
                placed.setdefault(line, []).append(text)
    lines: list[str] = []
    for number in sorted(placed):
        lines += [""] * (number - 1 - len(lines))
        for text in placed[number]:
            lines += ["- " + " ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
    return "\n".join(lines)


def spoken(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield each raised error and each call of a speaker."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc:
            yield node.exc
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name in SPEAKERS:
                yield node


def not_docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the module without its docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    yield tree


def strings_in(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of each string literal below a node; a placeholder is one word."""
    if isinstance(node, ast.JoinedStr):
        yield (
            node.lineno,
            "".join(
                str(part.value) if isinstance(part, ast.Constant) else PLACEHOLDER
                for part in node.values
            ),
        )
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from strings_in(part.value)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.lineno, node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from strings_in(child)


def template_texts() -> list[Source]:
    """Return the text of the report's templates."""
    return [
        (path.relative_to(ROOT).as_posix(), template_text(path.read_text(encoding="utf-8")))
        for path in sorted(TEMPLATES.glob("*.j2"))
    ]


def template_text(text: str) -> str:
    """Return a Jinja template as Markdown: an HTML block becomes a paragraph."""
    text = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", PLACEHOLDER, text, flags=re.DOTALL)
    text = re.sub(r"^[ \t]*\{%[^\n]*%\}[ \t]*$", "\n", text, flags=re.MULTILINE)
    text = re.sub(r"\{%.*?%\}", "", text)
    return html.unescape(re.sub(rf"</?(?:{HTML_BLOCKS})\b[^<>]*>", "\n\n", text))


def shell_messages() -> list[Source]:
    """Return the messages of the launcher script and of the setup, and the launcher's own help."""
    return [
        (path.relative_to(ROOT).as_posix(), shell_text(path.read_text(encoding="utf-8")))
        for path in SHELL
    ]


def shell_text(script: str) -> str:
    """Return each quoted argument of say, fail and wrong_usage, and each here-document TEXT."""
    pattern = r"\b(?:say|fail|wrong_usage) (?:'([^']*)'|\"((?:[^\"\\]|\\.)*)\")"
    quoted = re.finditer(pattern, _without_variables(script))
    items = [re.sub(r"\\(.)", r"\1", found[1] or found[2]) for found in quoted]
    pages = re.findall(r"<<'TEXT'\n(.*?)^TEXT$", script, flags=re.DOTALL | re.MULTILINE)
    return "\n\n".join([*(f"- {item}" for item in items), *map(_columns_as_items, pages)])


def _without_variables(script: str) -> str:
    """Return the script with one word for each command substitution and each variable."""
    substituted = re.sub(r"\$\((?:[^()]|\([^()]*\))*\)", PLACEHOLDER, script)
    return re.sub(r"\$\{[^{}]*\}|\$[\w*@#]+", PLACEHOLDER, substituted)
