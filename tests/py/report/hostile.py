"""Texts that a stranger puts into a run, and the structure of a page, which they must not change."""

from __future__ import annotations

import copy
import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

from hypothesis import strategies as st
from markdown_it import MarkdownIt  # rich brings it

MARKDOWN = MarkdownIt("commonmark").enable("table")
Place = tuple[str | int, ...]
PIECES = (
    "<script>alert(1)</script>",
    "</style></script></title>",
    '"><img src=x onerror=alert(1)>',
    "' onload='x",
    "]]>",
    "-->",
    "&lt;b&gt;",
    "{{ 7 * 7 }}{% raw %}",
    "$\\frac{$",
    "\\",
    "|",
    "`",
    "```",
    "**",
    "_",
    "[a](javascript:b)",
    "![c](d)",
    "<!--",
    "~~~",
    "\n",
    "\n\n# e\n",
    "\r\n---\n",
    "\t",
    "=1+1",
    ",",
    ";",
    '"',
    ' d="M 1e q" x="0.123" style="e:f" id="g" href="#h" font: bold 3px; translate(1 2)',
    "\u202e",
    "\x07\x1b[31m",
    "ä→",
    " ",
    "f",
)
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map(lambda each: "".join(each))
"""Texts of signs that mean something in HTML, Markdown, SVG, CSV or a template."""


def harmless(text: str) -> str:
    """Return a text of the same words that means nothing anywhere."""
    return "".join(" " if sign.isspace() else "x" for sign in text)


def places(data: Any, before: Place = ()) -> Iterator[Place]:
    """Every string in the data."""
    if isinstance(data, str):
        yield before
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from places(value, (*before, name))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from places(value, (*before, number))


def changed(data: Any, texts: Mapping[Place, str]) -> Any:
    """Return the data with other texts at some places."""
    found = copy.deepcopy(data)
    for place, text in texts.items():
        at(found, place[:-1])[place[-1]] = text
    return found


def at(data: Any, place: Place) -> Any:
    """Return what is at a place; None if the data have no such place."""
    for step in place:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment",))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("declaration",))

    def unknown_decl(self, data: str) -> None:
        self.found.append(("declaration",))


def html_structure(text: str) -> list[tuple[str, ...]]:
    """Return the tags of a page in their order, with the names of their attributes."""
    tags = _Tags()
    tags.feed(text)
    tags.close()
    return tags.found


def markdown_structure(text: str) -> list[str]:
    """Return the kinds of the blocks and spans of a page in their order (CommonMark, tables)."""
    found: list[str] = []
    for block in MARKDOWN.parse(text):
        found.append(block.type)
        if block.type == "html_block":
            found += map(str, html_structure(block.content))
        for span in block.children or ():
            if span.type == "html_inline":
                found += map(str, html_structure(span.content))
            elif span.type != "text":
                found.append(span.type)
    return found


LAYOUT = {"x", "y", "d", "transform", "style", "class"}
"""Attributes of an SVG that depend on the place and the number of lines of a text."""


def svg_structure(text: str) -> set[tuple[str, ...]]:
    """Return the kinds of elements, each with the names of its attributes. The text is XML."""
    return {(each.tag, *sorted({*each.attrib} - LAYOUT)) for each in ET.fromstring(text).iter()}


def drawn_structure(text: str) -> set[tuple[str, ...]]:
    """Return the same of a page that has drawings in it."""
    return {(tag, *sorted({*attributes} - LAYOUT)) for tag, *attributes in html_structure(text)}


def csv_structure(text: str) -> list[int]:
    """Return the number of fields of each row."""
    return [len(row) for row in csv.reader(io.StringIO(text, newline=""))]


STRUCTURES: dict[str, Callable[[str], Sequence[object] | set[tuple[str, ...]]]] = {
    "html": html_structure,
    "md": markdown_structure,
    "svg": svg_structure,
    "drawn": drawn_structure,
    "csv": csv_structure,
}


def structures(pages: Mapping[str, str]) -> dict[str, Any]:
    """Return the structure of each page; the end of its name says what it is."""
    return {name: STRUCTURES[name.rpartition(".")[2]](text) for name, text in pages.items()}
