"""What all pages share: templates, figures as elements of a page, cells of Markdown tables."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from iomodels.base import words
from iomodels.base.files import PACKAGE
from iomodels.figures.palette import dark_colours
from iomodels.figures.svg import without_bare_groups

NO_BREAK = "\u00a0"
BADGES = {
    "clear": "clear",
    "likely": "likely",
    "equal": "equal",
    "not decided": "open",
    "provisional": "open",
    "one server": "one",
    "no figure": "none",
}


def template(name: str, *, html: bool) -> Template:
    """Return a page's template. It escapes what it shows, in HTML and in Markdown.

    In Markdown the filters `code`, `fence` and `attribute` are for text in other places than prose.
    """
    return _environment(html).get_template(name)


@cache
def _environment(html: bool) -> Environment:
    """Return what renders the pages of a kind. It keeps the templates that it has compiled."""
    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "templates"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=None if html else _prose,
    )
    environment.filters["cell"] = lambda text: Markup(markdown_cell(text))
    environment.filters["cells"] = lambda texts: Markup(" | ".join(map(markdown_cell, texts)))
    environment.filters["code"] = code
    environment.filters["fence"] = _fence
    environment.filters["attribute"] = lambda text: escape(" ".join(str(text).split()))
    environment.filters["number"] = words.number
    environment.filters["badge_style"] = badge_style
    environment.globals["colours"] = dark_colours()
    environment.filters["warning"] = words.warning_sentence
    environment.filters["address"] = quote
    environment.filters["unbroken"] = unbroken
    environment.filters["command"] = command
    return environment


def unbroken(text: str) -> str:
    """Return a value that a narrow column breaks before its interval only."""
    return text.replace(" ", NO_BREAK).replace(f"{NO_BREAK}[", " [")


def command(text: str) -> Markup:
    """Return a command as HTML that breaks at blanks only, never inside an option."""
    return Markup(" ").join(Markup('<span class="word">{}</span>').format(w) for w in text.split())


def badge_style(badge: str) -> str:
    """Return the style of a badge, one of sentences.badge()."""
    return BADGES[badge]


def inline_svg(svg: str, alt: str, place: int) -> str:
    """Return a figure as an element of an HTML page.

    It has an alt text and ids of its own, and its colours follow the page.
    """
    text = svg[svg.index("<svg") :].replace("xlink:href=", "href=")
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    used = dict.fromkeys(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    short = {name: f"f{place}-i{number}" for number, name in enumerate(used)}
    text = re.sub(
        r' id="([^"]*)"',
        lambda found: f' id="{short[found[1]]}"' if found[1] in short else "",
        text,
    )
    text = re.sub(r'(href="#|url\(#)([^")]+)', lambda found: f"{found[1]}{short[found[2]]}", text)
    looks: dict[str, str] = {}
    text = re.sub(
        r' style="([^"]*)"',
        lambda found: f' class="{looks.setdefault(found[1], f"f{place}-{len(looks)}")}"',
        text,
    )
    rules = "".join(f".{name} {{{look}}}\n" for look, name in looks.items())
    text = without_bare_groups(text).replace("</style>", f"\n{rules}</style>", 1)
    for colour in dark_colours():
        text = text.replace(colour, f"var(--c{colour[1:]})")
    box = re.search(r'viewBox="[^"]*"', text)
    head = f'<svg role="img" class="drawn" aria-label="{_attribute(alt)}" {box[0] if box else ""}>'
    return head + text[text.index(">") + 1 :].strip()


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def markdown_cell(text: object) -> str:
    """Return text as one line of Markdown prose or one cell of a table.

    It has no structure of its own: neither HTML, nor emphasis, links, cell borders or blocks. A
    terminal that shows it obeys nothing in it.
    """
    flat = " ".join(words.visible(str(text)).split())
    flat = re.sub(r"([\\`*_|\[\]<>&])", r"\\\1", flat)
    return re.sub(r"^(\d*)([-+#.)](?=\s|$)|#+(?=\s|$)|~~~|[-=]+$)", r"\1\\\2", flat)


def _prose(value: object) -> object:
    """Escape a text that a Markdown template shows, unless a filter has done so."""
    return str(value) if isinstance(value, Markup) else markdown_cell(value)


def code(text: str) -> Markup:
    """Return a span of code with more backticks around it than in it."""
    flat = " ".join(words.visible(text).split())
    ticks = "`" * (_longest(flat) + 1)
    space = " " if flat.startswith("`") or flat.endswith("`") else ""
    return Markup(f"{ticks}{space}{flat}{space}{ticks}")


def _fence(text: str) -> Markup:
    """Return a block of code with longer fences than a run of backticks in it."""
    ticks = "`" * max(3, _longest(text) + 1)
    return Markup(f"{ticks}\n{words.visible(text)}\n{ticks}")


def _longest(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
