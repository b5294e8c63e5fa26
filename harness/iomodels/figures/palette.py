"""Colours, markers and fonts: the house style of every figure.

A model has one colour and one marker in every figure, so that a reader learns them once.
Colour-blind readers can tell the colours apart; on grey paper the markers and dashes do it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from iomodels.data.records import Condition

WIDTH_INCHES = 7.2
"""Two columns of a printed page; text stays legible at one column and a half."""
FONTS = "'DejaVu Sans', Verdana, sans-serif"
"""Of the words in an SVG, which are text. Both named fonts are equally wide."""
INK, MUTED, GRID, PAPER = "#1b1f24", "#57606a", "#d5dae0", "#ffffff"
WARNING = "#9a3b00"

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "lines.linewidth": 1.7,
    "lines.markersize": 5.0,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "svg.fonttype": "none",  # words stay words: they can be found, copied and read aloud
    "svg.hashsalt": "iomodels",
    "path.simplify": False,
}

Dash = tuple[float, ...]
SOLID: Dash = ()
DASHES: tuple[Dash, ...] = (SOLID, (4, 1.5), (1.2, 1.2), (6, 1.5, 1.2, 1.5), (3, 1, 1, 1, 1, 1))


@dataclass(frozen=True)
class Look:
    """How one series is drawn; `colour_on_dark` replaces `colour` on dark paper."""

    colour: str
    colour_on_dark: str
    marker: str
    dash: Dash = SOLID

    @property
    def line(self) -> dict[str, Any]:
        """Return keyword arguments of a matplotlib line."""
        return {
            "color": self.colour,
            "marker": self.marker,
            "linestyle": (0, self.dash) if self.dash else "-",
            "markeredgecolor": PAPER,
            "markeredgewidth": 0.5,
        }

    @property
    def second_line(self) -> dict[str, Any]:
        """Return the line of a second result of the series: thin, dotted, in its colour."""
        return {"color": self.colour, "linewidth": 1.1, "linestyle": (0, (1, 1.6))}

    @property
    def hollow(self) -> dict[str, Any]:
        """Return the mark of a cell that is not valid."""
        return {
            "markerfacecolor": PAPER,
            "markeredgecolor": self.colour,
            "markersize": 6.5,
            "markeredgewidth": 1.1,
        }


MODELS: dict[str, Look] = {
    "threads": Look("#4a4f55", "#b9c0c8", "s", (6, 1.5, 1.2, 1.5)),
    "select": Look("#00568f", "#58b0ee", "o"),
    "events": Look("#007d5a", "#2cc295", "^", (3, 1, 1, 1, 1, 1)),
    "apc": Look("#9c2f7b", "#e58bc9", "D", (1.2, 1.2)),
    "iocp": Look("#d55e00", "#f5904a", "v", (4, 1.5)),
    "tpio": Look("#8a6d00", "#d9b93b", "P", (5, 1.2)),
    "pool": Look("#73787e", "#9aa2ab", "p", (2, 1)),
    "wsapoll": Look("#2f86c9", "#8cc7f0", "h", (5, 1, 1, 1)),
    "event_select": Look("#5b8c2a", "#a5d66f", "<", (3, 1.5)),
    "async_select": Look("#6d5bb0", "#b4a5f0", ">", (1.2, 2)),
    "rio": Look("#b3263a", "#ff8a96", "X", (7, 1.5)),
    "afd": Look("#8c4a1f", "#d99a6c", "*", (4, 1, 2, 1)),
    "select_pool": Look("#1f6f8b", "#7cc4dd", "8", (2, 1, 1, 1)),
    "socket_notify": Look("#4d7c5f", "#9fd3b3", "3", (6, 1, 1, 1)),
    "iocp_reuse": Look("#a8722a", "#e8bd84", "1", (3, 2)),
    "iocp_tuned": Look("#a33c00", "#ffb38a", "2", (8, 1.5)),
    "epoll": Look("#2b2f36", "#e2e6ea", "d", (2, 2)),
}
SPARE_COLOURS = (
    ("#3d6b7d", "#8fc3d6"),
    ("#7d4b6d", "#d3a1c3"),
    ("#5f6b2a", "#bcc977"),
    ("#8f4f4f", "#e0a3a3"),
)
SPARE_MARKERS = ("8", "H", "d", "*", "X", "p")
VARIANT_MARKERS = ("X", "d", "p", "*", "H")
"""For further series of one model: none looks like a circle or square at a glance."""
GROUPS = ("#00568f", "#d55e00", "#007d5a", "#9c2f7b", "#8a6d00", "#4a4f55", "#2f86c9", "#b3263a")
"""For series that are not models; dark paper swaps them too."""
GROUP_MARKERS = ("o", "v", "^", "D", "P", "s", "h", "X")
MOST_BANDS = 4
"""With more series than this, bands cover each other: a figure draws something lighter."""
LIMITS: dict[str, tuple[int, str]] = {"events": (64, "64 handles a wait")}
"""Loads at which a model changes its way of working; a figure with the model marks them."""


def look(model: str, variant: int = 0) -> Look:
    """Return the look of a model.

    `variant` counts further series of one model: same colour, other marker and dashes. A model
    without a reserved look gets one from its name, the same in every figure.
    """
    base = MODELS.get(model)
    if base is None:
        number = zlib.crc32(model.encode())
        colour, on_dark = SPARE_COLOURS[number % len(SPARE_COLOURS)]
        marker = SPARE_MARKERS[number // len(SPARE_COLOURS) % len(SPARE_MARKERS)]
        base = Look(colour, on_dark, marker, DASHES[number // 64 % len(DASHES)])
    if variant == 0:
        return base
    markers = [marker for marker in VARIANT_MARKERS if marker != base.marker]
    dashes = [dash for dash in DASHES if dash != base.dash]
    return Look(
        base.colour,
        base.colour_on_dark,
        markers[(variant - 1) % len(markers)],
        dashes[(variant - 1) % len(dashes)],
    )


def looks(conditions: Iterable[Condition]) -> dict[str, Look]:
    """Return series label → look, in the order in which every figure lists its series.

    Models with a reserved look come first, then the others by name.
    """
    order = list(MODELS)
    rank = {name: place for place, name in enumerate(order)}
    series = {
        (rank.get(c.model, len(order)), c.model, len(c.options), c.options, c.label)
        for c in conditions
    }
    seen: dict[str, int] = {}
    chosen: dict[str, Look] = {}
    for _, model, _, _, label in sorted(series):
        chosen[label] = look(model, seen.get(model, 0))
        seen[model] = seen.get(model, 0) + 1
    return chosen


def dark_colours() -> dict[str, str]:
    """Return light colour → its replacement on dark paper (a report may swap them)."""
    swap = {each.colour: each.colour_on_dark for each in MODELS.values()} | dict(SPARE_COLOURS)
    return swap | {
        INK: "#e6eaef",
        MUTED: "#9aa4af",
        GRID: "#333b45",
        PAPER: "#161b22",
        WARNING: "#ffb077",
    }


def rc() -> Any:
    """Return the context in which figures are drawn and saved."""
    import matplotlib  # only here: a page needs the colours, and matplotlib takes a second to load

    return matplotlib.rc_context(RC)
