"""Figures in fewer bytes are the same figures: coordinates, marks, words and groups."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.figures.palette import FONTS
from iomodels.figures.svg import shortened, without_bare_groups

POINT = st.tuples(st.floats(-999, 999), st.floats(-999, 999))


def path(text: str) -> str:
    found = re.search(r' d="([^"]*)"', shortened(f'<path d="{text}"/>'))
    assert found
    return found[1]


def drawn(text: str) -> list[tuple[float, float]]:
    """Where a relative path of lines goes."""
    x = y = 0.0
    places = []
    for command, numbers in re.findall(r"([mlhv])([^a-z]*)", text):
        moves = [float(number) for number in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", numbers)]
        dx, dy = (
            (moves[0], 0.0)
            if command == "h"
            else (0.0, moves[0])
            if command == "v"
            else (moves[0], moves[1])
        )
        x, y = x + dx, y + dy
        places.append((x, y))
    return places


@given(st.lists(POINT, min_size=2, max_size=80))
def test_a_line_stays_where_it_is_however_long(points: list[tuple[float, float]]) -> None:
    text = "".join(
        f"{'L' if place else 'M'} {x:.6f} {y:.6f} \n" for place, (x, y) in enumerate(points)
    )
    for (x, y), (was_x, was_y) in zip(drawn(path(text)), points, strict=True):
        assert abs(x - was_x) <= 0.0051 and abs(y - was_y) <= 0.0051


@pytest.mark.parametrize(
    "text, short",
    [
        ("M 1 2 \nL 1 5 \nL 4 5 \nz\nM 10 10 \nL 11 12 \n", "m1 2v3h3zm9 8l1 2"),
        ("M 0 0 \nQ 1 -1 2 0 \nC 3 1 4 1 5 0.5 \n", "m0 0q1-1 2 0c1 1 2 1 3 .5"),
        ("M 0 0 A 1 1 0 0 1 2 2", "M 0 0 A 1 1 0 0 1 2 2"),
    ],
)
def test_paths(text: str, short: str) -> None:
    assert path(text) == short


def test_marks_of_one_style_share_it_and_others_keep_theirs() -> None:
    marks = [
        f'<use xlink:href="#m" x="{x}" y="2" style="fill: {colour}"/>\n'
        for x, colour in ((1, "red"), (2, "red"), (3, "blue"))
    ]
    assert shortened("".join(marks)) == (
        '<g style="fill: red">\n<use xlink:href="#m" x="1" y="2"/>\n<use xlink:href="#m" x="2" y="2"/>\n</g>\n'
        '<g style="fill: blue">\n<use xlink:href="#m" x="3" y="2"/>\n</g>\n'
    )


def test_a_text_has_its_size_and_the_picture_its_fonts() -> None:
    svg = (
        """<svg >\n<text style="font: 700 10.5px 'DejaVu Sans', 'Arial'; fill: red" x="7.123456" """
        """y="5.5" transform="rotate(-0 7.123456 5.5)">1 &amp; 2</text>\n"""
        """<text style="font: 8px 'DejaVu Sans'" transform="rotate(-90 1.234567 2)">y</text></svg>"""
    )
    assert shortened(svg) == (
        f'<svg font-family="{FONTS}" >\n'
        '<text style="font-size: 10.5px; font-weight: 700; fill: red" x="7.12" y="5.5">'
        "1 &amp; 2</text>\n"
        '<text style="font-size: 8px" transform="rotate(-90 1.23 2)">y</text></svg>'
    )


def test_only_groups_that_do_nothing_go() -> None:
    assert (
        without_bare_groups(
            '<g>\n<g class="a">\n<g>\n<path/>\n</g>\n<g class="b"/>\n</g>\n<g/>\n</g>\n'
        )
        == '<g class="a">\n<path/>\n</g>\n'
    )
