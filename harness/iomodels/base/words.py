"""Format numbers, times and sizes for a reader: one function per kind, used everywhere.

Results have three significant digits, since repeats are not more precise. Thousands have commas,
and a minus is a real minus. NOTHING stands for a missing value. This module imports nothing of
iomodels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

NOTHING = "–"
"""Stands for a missing value; the reason is given elsewhere."""
MINUS = "−"
WINE = "Measured under Wine: shows that the code works, not how Windows performs"
WINE_SENTENCE = f"{WINE}."


def emulated(platform: str) -> bool:
    """Return whether results come from Wine, which does not show how Windows performs."""
    return platform.startswith("wine")


def number(value: float | None) -> str:
    """'123,000', '49.9', '−0.0123': three significant digits."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    near = float(f"{value:.3g}")
    return _minus(f"{near:,.{max(0, 2 - math.floor(math.log10(abs(near))))}f}")


def signed(value: float | None) -> str:
    """'+0.40', '−1.00'."""
    return NOTHING if value is None else _minus(f"{value:+.2f}")


def per_operation(value: float | None) -> str:
    """'2.00', '<0.01': a mean count of rare events."""
    if value is None:
        return NOTHING
    return f"{value:.2f}" if value >= 0.005 or value == 0 else "<0.01"


def span(values: Iterable[float]) -> str:
    """'3', or '2–3' if the values differ."""
    ends = sorted(set(values))
    return "–".join(f"{end:g}" for end in dict.fromkeys((ends[0], ends[-1])))


def interval(low: float | None, high: float | None) -> str:
    """'[9,820, 10,100]', or "" if an end is missing."""
    return "" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def estimate(value: float, low: float | None = None, high: float | None = None) -> str:
    """'9,940 [9,820, 10,100]'."""
    return f"{number(value)} {interval(low, high)}".strip()


def factor(value: float) -> str:
    """'1.80', '0.012': a ratio."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def ratio(value: float, low: float | None = None, high: float | None = None) -> str:
    """'1.80×', '1.80× [1.60, 2.00]' with its interval."""
    brackets = "" if low is None or high is None else f" [{factor(low)}, {factor(high)}]"
    return f"{factor(value)}×{brackets}"


def percent(share: float, decimals: int = 0) -> str:
    """'95 %' for 0.95."""
    return _minus(f"{100 * share:.{decimals}f} %")


UNITS = (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0))


def time(ns: float | None) -> str:
    """'999 µs', '1.00 ms', '17.4 ms': nanoseconds in a suitable unit, three significant digits."""
    if ns is None:
        return NOTHING
    near = float(f"{ns:.3g}")
    unit, scale = _unit(near)
    return f"{number(near / scale)} {unit}"


def time_estimate(ns: float, low: float | None = None, high: float | None = None) -> str:
    """'2.02 ms [1.98, 2.06]': the brackets have the unit of the estimate."""
    unit, scale = _unit(float(f"{ns:.3g}"))
    ends = [None if end is None else end / scale for end in (low, high)]
    return f"{number(ns / scale)} {unit} {interval(ends[0], ends[1])}".strip()


def tick(ns: float) -> str:
    """'200 µs', '5 ms': a given time, as on an axis, not a measured one."""
    unit, scale = _unit(ns * 1.001)
    return f"{ns / scale:,.6g} {unit}"


def _unit(ns: float) -> tuple[str, float]:
    return next(((unit, scale) for unit, scale in UNITS if ns >= scale), UNITS[-1])


def duration(seconds: float) -> str:
    """'42 s', '4 min 02 s', '2 h 05 min': how long a run takes."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def size(size_bytes: int, reply_bytes: int | None = None) -> str:
    """'64 B'; '64 B → 4,096 B' if the reply has another size."""
    reply = "" if reply_bytes in (None, size_bytes) else f" → {reply_bytes:,} B"
    return f"{size_bytes:,} B{reply}"


def count(number: int, noun: str) -> str:
    """'1 repeat', '3,000 repeats'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
