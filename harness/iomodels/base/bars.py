"""Bars of a ranked list in a terminal: blocks in eighths, or # where the encoding has no blocks."""

from __future__ import annotations

EIGHTHS = "▏▎▍▌▋▊▉█"
WIDTH = 24
"""Columns of the longest bar."""


def bar(share: float, encoding: str | None, width: int = WIDTH) -> str:
    """Return a bar of `share` of `width` columns; a share above 0 is always visible."""
    if not _has_blocks(encoding):
        return "#" * max(round(width * share), share > 0)
    eighths = max(round(8 * width * share), int(share > 0))
    whole, rest = divmod(eighths, 8)
    return EIGHTHS[-1] * whole + (EIGHTHS[rest - 1] if rest else "")


def _has_blocks(encoding: str | None) -> bool:
    try:
        EIGHTHS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
