"""Colours, markers and fonts: the house style of every figure.

A model has one colour and one marker in every figure, so that a reader learns them once.
Colour-blind readers can tell the colours apart; on grey paper the markers and dashes do it.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
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
    "text.parse_math": False,  # a $ in a title is a $
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


STARS = {"star3": (3, 1, 180), "star4": (4, 1, 0), "star6": (6, 1, 0), "star8": (8, 1, 0)}
"""Markers that matplotlib writes as (corners, 1 for a star, angle)."""


@dataclass(frozen=True)
class Look:
    """How one series is drawn; `colour_on_dark` replaces `colour` on dark paper.

    marker: a filled marker of matplotlib, or one of STARS. An unfilled one is white on white.
    """

    colour: str
    colour_on_dark: str
    marker: str
    dash: Dash = SOLID

    @property
    def mark(self) -> str | tuple[int, int, int]:
        """Return the marker as matplotlib takes it."""
        return STARS.get(self.marker, self.marker)

    @property
    def line(self) -> dict[str, Any]:
        """Return keyword arguments of a matplotlib line."""
        return {
            "color": self.colour,
            "marker": self.mark,
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
    "pool": Look("#4c6e76", "#61a0ae", "p", (2, 1)),
    "wsapoll": Look("#2f44c1", "#778fd9", "h", (5, 1, 1, 1)),
    "event_select": Look("#436015", "#91c641", "<", (3, 1.5)),
    "async_select": Look("#692ea8", "#ab7dec", ">", (1.2, 2)),
    "rio": Look("#d95a78", "#e55e7e", "X", (7, 1.5)),
    "afd": Look("#723412", "#fcc5ab", "*", (4, 1, 2, 1)),
    "select_pool": Look("#3993a3", "#3ed5ef", "8", (2, 1, 1, 1)),
    "socket_notify": Look("#7a9523", "#90a659", "star3", (6, 1, 1, 1)),
    "iocp_reuse": Look("#ae797b", "#f0a0a4", "star4", (3, 2)),
    "iocp_tuned": Look("#441b20", "#a78b8c", "star6", (8, 1.5)),
    "epoll": Look("#13322f", "#5bf4e6", "d", (2, 2)),
}
SPARE_COLOURS = (
    ("#6e65d3", "#e2e4fe"),
    ("#836182", "#eeb6eb"),
    ("#40420a", "#dce35e"),
    ("#788165", "#c7d8a3"),
    ("#393356", "#b0a5f1"),
)
"""For servers without a reserved look, such as a user's own."""
SPARE_MARKERS = ("H", "star8", "d", "8", "*", "p")
VARIANT_MARKERS = ("X", "d", "p", "*", "H")
"""For further series of one model: none looks like a circle or square at a glance."""
GROUPS = ("#00568f", "#d55e00", "#007d5a", "#9c2f7b", "#8a6d00", "#4a4f55", "#2f44c1", "#d95a78")
"""For series that are not models; dark paper swaps them too."""
GROUP_MARKERS = ("o", "v", "^", "D", "P", "s", "h", "X")
MOST_BANDS = 4
"""With more series than this, bands cover each other: a figure draws something lighter."""
LIMITS: dict[str, tuple[int, str]] = {"events": (64, "64 handles a wait")}
"""Loads at which a model changes its way of working; a figure with the model marks them."""


def look(model: str, variant: int = 0) -> Look:
    """Return the look of a model.

    `variant` counts further series of one model. A model
    without a reserved look gets one from its name.
    """
    base = MODELS.get(model) or _spare(zlib.crc32(model.encode()))
    return variant_of(base, variant)


def variant_of(base: Look, variant: int) -> Look:
    """Return the look of a further series: same colour, other marker and dashes; 0 is the first."""
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


def _spare(number: int) -> Look:
    """Return a look that no model has; numbers that differ by one differ in colour and marker."""
    colour, on_dark = SPARE_COLOURS[number % len(SPARE_COLOURS)]
    marker = SPARE_MARKERS[number % len(SPARE_MARKERS)]
    return Look(colour, on_dark, marker, DASHES[number % len(DASHES)])


def model_looks(models: Iterable[str]) -> dict[str, Look]:
    """Return model → look, in the order in which every figure lists models.

    Models with a reserved look come first, then the others by name. If two of these would have the
    same colour, the later one gets another that is free.
    """
    order = list(MODELS)
    known = {name: place for place, name in enumerate(order)}
    chosen: dict[str, Look] = {}
    for model in sorted(set(models), key=lambda name: (known.get(name, len(order)), name)):
        taken = {each.colour for each in chosen.values()}
        number = zlib.crc32(model.encode())
        near = (look(model), *(_spare(number + step) for step in range(1, len(SPARE_COLOURS))))
        chosen[model] = next((each for each in near if each.colour not in taken), near[0])
    return chosen


def looks(conditions: Iterable[Condition]) -> dict[str, Look]:
    """Return series label → look, in the order in which every figure lists its series."""
    series = {(len(c.options), c.options, c.label, c.model) for c in conditions}
    return series_looks({label: model for _, _, label, model in sorted(series)})


def series_looks(models: Mapping[str, str]) -> dict[str, Look]:
    """Return series label → look by the model of each label, the models in the usual order."""
    of = model_looks(models.values())
    seen: Counter[str] = Counter()
    chosen: dict[str, Look] = {}
    for label in sorted(models, key=lambda each: list(of).index(models[each])):
        chosen[label] = variant_of(of[models[label]], seen[models[label]])
        seen[models[label]] += 1
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
