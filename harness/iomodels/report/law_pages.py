"""The page laws.html, next to the laws.json that it shows."""

from __future__ import annotations

from pathlib import Path

from iomodels.base import words
from iomodels.base.files import write_whole
from iomodels.data.laws import LAWS, Judged, Laws
from iomodels.report.laws import counted
from iomodels.report.tables_page import Link, Page, Table, html


def write_laws_page(laws: Laws, folder: Path) -> Path:
    """Write laws.html next to laws.json."""
    path = folder / "laws.html"
    write_whole(path, html(laws_page(laws)))
    return path


def laws_page(laws: Laws) -> Page:
    """The verdicts, each law with its sentence."""
    failed = sum(each.verdict is None for each in laws.judged)
    return Page(
        "Laws of completion ports, pools and handles",
        f"{laws.platform} · observed {laws.data['observed_utc']}",
        laws.platform,
        f"On {laws.platform}: {counted(laws)}.",
        (
            Table(
                "Every law",
                ("law", "what it says", "claims", "here", "what decided"),
                [_row(*pair) for pair in zip(laws.judged, (None, *laws.judged))],
                (0, 1, 2, 3, 4),
            ),
        ),
        "iomodels laws",
        (f"{words.count(failed, 'experiment')} failed.",) if failed else (),
        (Link(LAWS, LAWS),),
    )


def _row(each: Judged, before: Judged | None) -> tuple[str, ...]:
    """The cells of a verdict; a law with several ones is named once."""
    named = ("", "") if before and before.law == each.law else (each.law, each.sentence)
    claims = " ".join(each.claims) or words.NOTHING
    return *named, claims, each.words, each.figure or words.NOTHING
