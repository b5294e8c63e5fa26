"""The proof of the SLO search: its page is the generator's, its limits hold, a sample agrees."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "proofs"))

import simulated_searches as proof  # noqa: E402

SAMPLE = 30
"""Simulated searches of a row that a test draws again."""
SURELY = 4.0
"""Standard errors that a sample may be away."""

Rows = dict[tuple[str, ...], dict[str, str]]


def _rows(columns: Sequence[str], headings: Sequence[str]) -> Rows:
    """Return the page's table with these columns: cells by key and heading."""
    wanted = "| " + " | ".join([*columns, *headings]) + " |"
    lines = proof.PAGE.read_text(encoding="utf-8").splitlines()
    found: Rows = {}
    for line in lines[lines.index(wanted) + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        found[tuple(cells[: len(columns)])] = dict(zip(headings, cells[len(columns) :]))
    return found


def _share(cell: str) -> float:
    return float(cell.removesuffix(" %")) / 100


@pytest.fixture(scope="module")
def inside() -> Rows:
    return _rows(proof.COLUMNS, proof.HEADINGS)


def test_the_page_is_of_the_template_and_of_enough_searches() -> None:
    page = proof.PAGE.read_text(encoding="utf-8")
    assert f"is {proof.SEARCHES:,} searches" in page and proof.SEARCHES >= 1000
    for part in proof.TEXT.split("{")[:1]:
        assert page.startswith(part)
    prose = [line for line in proof.TEXT.splitlines() if line and "{" not in line]
    assert [line for line in prose if line not in page.splitlines()] == []


def test_the_page_has_the_rows_of_the_generator(inside: Rows) -> None:
    expected = [
        (proof.percent(width), name, str(proof.MOST))
        for width in proof.WIDTHS
        for name in proof.CHANGES
    ]
    assert list(inside)[: len(expected)] == expected and len(inside) == len(expected) + 2
    ends = _rows(("end", "truth"), proof.BOUND_HEADINGS)
    assert len(ends) == 2 * len(proof.ENDS)
    assert list(_rows(("truth",), proof.COMPARED_HEADINGS)) == [(name,) for name in proof.TRUTHS]


def test_the_search_keeps_its_limits(inside: Rows) -> None:
    for key, cells in inside.items():
        width = _share(key[0])
        if width <= 0.05:
            assert _share(cells["within 5 %"]) >= 0.95, key
            assert float(cells["trials"]) <= 60
        assert _share(cells["nine of ten"]) >= (0.94 if width <= 0.10 else 0.90), key
        assert _share(cells["covers"]) >= (0.94 if width <= 0.10 else 0.92), key
        assert _share(cells["silent"]) <= 0.05, key


def test_bounds_hold() -> None:
    for columns in (("end", "truth"), ("late from",)):
        for key, cells in _rows(columns, proof.BOUND_HEADINGS).items():
            assert _share(cells["true"]) >= 0.94, key


def test_equal_models_are_rarely_separated() -> None:
    for key, cells in _rows(("truth",), proof.COMPARED_HEADINGS).items():
        assert _share(cells["false"]) <= 0.05, key
        assert _share(cells["covers"]) >= 0.95, key


def test_the_former_search_was_worse(inside: Rows) -> None:
    former = _rows(("fall-off", "step"), ("within 5 %", "covers", "trials"))
    for (width, _), cells in former.items():
        now = inside[width, "3 % lapses, 10 % unjudged", "60"]
        assert _share(now["within 5 %"]) > _share(cells["within 5 %"])
        assert _share(now["covers"]) > _share(cells["covers"])


def _agree(drawn: float, written: float, sample: int) -> bool:
    likely = (drawn * sample + written * proof.SEARCHES + 1) / (sample + proof.SEARCHES + 2)
    error = math.sqrt(likely * (1 - likely) * (1 / sample + 1 / proof.SEARCHES))
    return abs(drawn - written) <= SURELY * error + 0.0005


@pytest.mark.parametrize(
    ("width", "name"),
    [(0.02, "3 % lapses, 10 % unjudged"), (0.05, "drift 3 %"), (0.10, "8 % lapses")],
)
def test_a_sample_agrees_with_the_page(inside: Rows, width: float, name: str) -> None:
    row = proof.inside(width, name, proof.MOST, SAMPLE)
    written = inside[row.key]
    shares = {
        "within 5 %": row.near,
        "silent": row.silent,
        "covers": row.covers,
        "nine of ten": row.safe,
        "wide": row.wide,
    }
    for heading, share in shares.items():
        assert _agree(share, _share(written[heading]), SAMPLE), (row.key, heading)


def test_samples_of_bounds_and_models_agree() -> None:
    late = proof.late(0.0, SAMPLE)
    written = _rows(("late from",), proof.BOUND_HEADINGS)[late.key]
    assert _agree(late.true, _share(written["true"]), SAMPLE)
    compared = proof.compare("one 20 % ahead", 10)
    written = _rows(("truth",), proof.COMPARED_HEADINGS)[compared.key]
    assert compared.found is not None
    assert _agree(compared.found, _share(written["found"]), 10)
