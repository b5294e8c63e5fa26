"""A page of tables in the shell of all pages: for laws, claims, micro runs and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iomodels.base import words
from iomodels.report.page import inline_svg, template

if TYPE_CHECKING:  # matplotlib takes a second to load
    from iomodels.figures.output import Plot


@dataclass(frozen=True)
class Link:
    """A text with the address that it leads to, relative to the page."""

    text: str
    address: str


@dataclass(frozen=True)
class Table:
    """`text`: the places of the columns that hold words; the others hold numbers."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[Sequence[str | Link]]
    text: tuple[int, ...] = (0,)
    note: str = ""

    @property
    def stacked(self) -> bool:
        """Whether a narrow window shows each row as lines: all columns hold words."""
        return len(self.text) == len(self.heads)


@dataclass(frozen=True)
class Page:
    """about: platform and conditions. command: what makes the page again. data: its raw data."""

    title: str
    about: str
    platform: str
    verdict: str
    tables: tuple[Table, ...]
    command: str
    remarks: tuple[str, ...] = ()
    data: tuple[Link, ...] = ()


def html(page: Page, figures: Sequence[tuple[Plot, str]] = ()) -> str:
    """Return the page, with the figures (and their SVG) below the tables."""
    drawn = [
        {"plot": plot, "svg": inline_svg(svg, plot.alt, place)}
        for place, (plot, svg) in enumerate(figures)
    ]
    return template("tables.html.j2", html=True).render(
        page=page,
        figures=drawn,
        warning=words.warning_sentence(page.platform),
    )
