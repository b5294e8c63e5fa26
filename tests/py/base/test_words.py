"""Numbers, times and sizes as a person reads them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.base import words

CASES: list[tuple[Callable[..., str], tuple[object, ...], str]] = [
    (words.number, (0,), "0"),
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
    (words.percent, (0.95,), "95 %"),
    (words.percent, (0.9991, 2), "99.91 %"),
    (words.percent, (-0.05,), "−5 %"),
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
    (words.listed, (["a"],), "a"),
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
