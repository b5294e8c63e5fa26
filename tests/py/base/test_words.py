"""Numbers, times and sizes as a person reads them."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.base import words

CASES: list[tuple[Callable[..., str], tuple[object, ...], str]] = [
    (words.number, (0,), "0"),
    (words.toml, (True,), "true"),
    (words.toml, ([1, "a\x1b", [False]],), "[1, 'a\\x1b', [false]]"),
    (words.toml, ({"a": {"b\x1b": 0.5}},), "{a = {b\\x1b = 0.5}}"),
    (words.toml, (date(1979, 5, 27),), "1979-05-27"),
    (words.number, (0.01234,), "0.0123"),
    (words.number, (1.0,), "1.00"),
    (words.number, (0.9996,), "1.00"),
    (words.number, (49.96,), "50.0"),
    (words.number, (999.6,), "1,000"),
    (words.number, (123456,), "123,000"),
    (words.number, (-2.5,), "−2.50"),
    (words.number, (None,), "–"),
    (words.signed, (0.4,), "+0.40"),
    (words.signed, (-1,), "−1.00"),
    (words.signed, (None,), "–"),
    (words.per_operation, (2,), "2.00"),
    (words.per_operation, (0.004,), "<0.01"),
    (words.per_operation, (0,), "0.00"),
    (words.span, ([3, 3],), "3"),
    (words.span, ([3, 2, 3],), "2–3"),
    (words.interval, (9820, 10100), "[9,820, 10,100]"),
    (words.interval, (None, None), ""),
    (words.estimate, (9940, 9820, 10100), "9,940 [9,820, 10,100]"),
    (words.estimate, (9940,), "9,940"),
    (words.ratio, (1.8, 1.6, 2.0), "1.80× [1.60, 2.00]"),
    (words.ratio, (0.0123,), "0.012×"),
    (words.ratio, (0.97, 0.949, 0.9984), "0.97× [0.95, 1.00]"),
    (words.percent, (0.95,), "95 %"),
    (words.percent, (0.9991, 2), "99.91 %"),
    (words.percent, (-0.05,), "−5 %"),
    (words.given, (0.05,), "5 %"),
    (words.given, (0.07,), "7 %"),
    (words.given, (0.125,), "12.5 %"),
    (words.share, (0.144,), "14 %"),
    (words.share, (1.234,), "123 %"),
    (words.share, (0.0151,), "1.5 %"),
    (words.share, (0.06,), "6 %"),
    (words.share, (0.00025,), "0.025 %"),
    (words.share, (0.0996,), "10 %"),
    (words.share, (0,), "0 %"),
    (words.share, (0.0476, math.floor), "4.7 %"),
    (words.share, (0.2399, math.floor), "23 %"),
    (words.share, (0.2301, math.ceil), "24 %"),
    (words.share, (0.0991, math.ceil), "10 %"),
    (words.share, (0.07, math.ceil), "7 %"),
    (words.share, (0.29, math.floor), "29 %"),
    (words.past, (0.97, 0.9), "97 %"),
    (words.past, (0.9004, 0.9), "90.04 %"),
    (words.past, (0.103, 0.1), "10.3 %"),
    (words.past, (0.9982, 0.999, 2), "99.82 %"),
    (words.past, (0.99898, 0.999, 2), "99.898 %"),
    (words.at_least, (61_899,), "61,800"),
    (words.at_least, (199.6,), "199"),
    (words.at_least, (999.7,), "999"),
    (words.at_least, (200.0,), "200"),
    (words.time, (6.71,), "6.71 ns"),
    (words.time, (999_400,), "999 µs"),
    (words.time, (999_600,), "1.00 ms"),
    (words.time, (17_400_000,), "17.4 ms"),
    (words.time, (633e6,), "633 ms"),
    (words.time, (1.5e9,), "1.50 s"),
    (words.time, (0,), "0 ns"),
    (words.time, (None,), "–"),
    (words.tick, (500,), "500 ns"),
    (words.tick, (20e3,), "20 µs"),
    (words.tick, (5e6,), "5 ms"),
    (words.tick, (999_999.9999,), "1 ms"),
    (words.tick, (1e12,), "1,000 s"),
    (words.duration, (42.4,), "42 s"),
    (words.duration, (59.6,), "1 min 00 s"),
    (words.duration, (282,), "4 min 42 s"),
    (words.duration, (7500,), "2 h 05 min"),
    (words.size, (4096,), "4,096 B"),
    (words.size, (64, 64), "64 B"),
    (words.size, (64, 4096), "64 B → 4,096 B"),
    (words.count, (1, "repeat"), "1 repeat"),
    (words.count, (3000, "repeat"), "3,000 repeats"),
    (words.part, (1, 6, "cell"), "1 of 6 cells"),
    (words.part, (1, 1, "cell"), "the only cell"),
    (words.part, (35, 770, "repeat"), "35 of 770 repeats"),
    (words.capital, ("the only cell",), "The only cell"),
    (words.listed, (["a"],), "a"),
    (words.listed, (["a", "b", "c"], "or"), "a, b or c"),
    (words.listed, (["a", "b", "c"],), "a, b and c"),
]


@pytest.mark.parametrize(
    ("function", "values", "text"), CASES, ids=lambda each: getattr(each, "__name__", None)
)
def test_a_person_reads(
    function: Callable[..., str], values: tuple[object, ...], text: str
) -> None:
    assert function(*values) == text


@given(st.floats(1e-3, 1e12))
def test_a_number_is_off_by_less_than_half_a_percent(value: float) -> None:
    assert abs(float(words.number(value).replace(",", "")) / value - 1) <= 0.0050001


@given(st.floats(1e-9, 0.2) | st.floats(-0.2, -1e-9))
def test_a_ratio_that_differs_from_one_never_reads_one(off: float) -> None:
    text = words.ratio(1 + off, 1 + off / 2, 1 + 2 * off, differs=True)
    numbers = [float(each) for each in re.findall(r"[\d.]+", text)]
    assert all((each > 1) is (off > 0) and each != 1 for each in numbers), text


@given(st.floats(1e-9, 100.0))
def test_a_share_is_rounded_the_way_that_is_asked(value: float) -> None:
    def shown(toward: Callable[[float], float]) -> float:
        return float(words.share(value, toward).removesuffix(" %").replace(",", "")) / 100

    assert shown(math.floor) <= value * (1 + 1e-6) and shown(math.ceil) >= value * (1 - 1e-6)
    assert shown(math.floor) <= shown(round) <= shown(math.ceil)
    assert shown(round) > 0 and abs(shown(round) / value - 1) <= 0.051


@given(st.floats(1e-3, 1e12))
def test_at_least_is_never_more(value: float) -> None:
    shown = float(words.at_least(value).replace(",", ""))
    assert 0.99 * value <= shown <= value * (1 + 1e-12)


@given(st.floats(1, 1e13))
def test_a_time_has_the_unit_that_suits_it(ns: float) -> None:
    digits, unit = words.time(ns).split()
    scale = dict(words.UNITS)[unit]
    assert abs(float(digits.replace(",", "")) * scale / ns - 1) <= 0.0050001
    assert unit == "s" or float(digits.replace(",", "")) < 1000


def test_words_import_nothing_of_iomodels() -> None:
    assert words.__file__
    tree = ast.parse(Path(words.__file__).read_text(encoding="utf-8"))
    names = [each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    assert names and not [name for name in names if name and name.startswith("iomodels")]
