"""Format numbers, times and sizes for a reader: one function per kind, used everywhere.

Results have three significant digits, since repeats are not more precise. Thousands have commas,
and a minus is a real minus. NOTHING stands for a missing value. This module imports nothing of
iomodels.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence

NOTHING = "–"
"""Stands for a missing value; the reason is given elsewhere."""
MINUS = "−"
WINE = "Measured under Wine: shows that the code works, not how Windows performs"
WINE_SENTENCE = f"{WINE}."
LINUX = "Measured on Linux: no figure here says how Windows performs"
ATTACHED = "Measured on servers that already ran: it is not known what system they run on"


def emulated(platform: str) -> bool:
    """Return whether results come from Wine, which does not show how Windows performs."""
    return platform.startswith("wine")


def warning(platform: str) -> str | None:
    """Return what a reader must know of a platform that is not Windows, without a full stop."""
    known = {"wine": WINE, "linux": LINUX, "attached": ATTACHED}
    return known.get(platform.partition("-")[0])


def warning_sentence(platform: str) -> str | None:
    """The warning with its full stop; None on Windows."""
    text = warning(platform)
    return f"{text}." if text else None


def number(value: float | None) -> str:
    """'123,000', '49.9', '−0.0123': three significant digits."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    near = float(f"{value:.3g}")
    return _minus(f"{near:,.{max(0, 2 - math.floor(math.log10(abs(near))))}f}")


def at_least(value: float) -> str:
    """'61,800' for 61,899: a positive value in three significant digits, never rounded up."""
    near = float(f"{value:.3g}")
    return number(near if near <= value else near - 10.0 ** (math.floor(math.log10(value)) - 2))


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


def factor(value: float, decimals: int = 2) -> str:
    """'1.80', '0.012': a ratio."""
    return f"{value:.{decimals}f}" if value >= 0.1 else f"{value:.2g}"


def ratio(
    value: float, low: float | None = None, high: float | None = None, *, differs: bool = False
) -> str:
    """'1.80×', '1.80× [1.60, 2.00]' with its interval.

    differs: the ratio is shown not to be 1, so no number may round to 1: '0.97× [0.949, 0.998]'.
    """

    def text(each: float) -> str:
        return _apart_from_1(each) if differs else factor(each)

    brackets = "" if low is None or high is None else f" [{text(low)}, {text(high)}]"
    return f"{text(value)}×{brackets}"


def change(
    ratio_: float, low: float | None = None, high: float | None = None, *, differs: bool = False
) -> str:
    """'−12 % [−19, −4]' for a ratio of 0.88 with its interval; from twice on as ratio().

    differs: the ratio is shown not to be 1, so no number may round to 0.
    """
    if ratio_ >= 2:
        return ratio(ratio_, low, high, differs=differs)

    def text(each: float) -> str:
        return _change_text(100 * (each - 1), differs)

    brackets = "" if low is None or high is None else f" [{text(low)}, {text(high)}]"
    return f"{text(ratio_)} %{brackets}"


def _change_text(hundredths: float, differs: bool) -> str:
    if math.isinf(hundredths):
        return "∞"
    decimals = 0
    while differs and hundredths and decimals < 9 and not float(f"{hundredths:.{decimals}f}"):
        decimals += 1
    text = f"{hundredths:+,.{decimals}f}"
    return _minus(text) if float(text.replace(",", "")) else "0"


def _apart_from_1(value: float) -> str:
    decimals = 2
    while value != 1 and float(factor(value, decimals)) == 1 and decimals < 9:
        decimals += 1
    return factor(value, decimals)


def percent(share: float, decimals: int = 0) -> str:
    """'95 %' for 0.95."""
    return _minus(f"{100 * share:.{decimals}f} %")


def given(share: float) -> str:
    """'5 %', '12.5 %': a share that somebody chose, in full."""
    return f"{100 * share:g} %"


def share(value: float, toward: Callable[[float], float] = round) -> str:
    """'14 %', '1.5 %', '0.025 %': two significant digits, from 10 % on a whole number.

    `toward` is math.floor for "at least", math.ceil for "at most". A share above 0 is never '0 %'.
    """
    hundredths = 100 * value
    if hundredths == 0:
        return "0 %"
    decimals = max(0, 1 - math.floor(math.log10(abs(hundredths))))
    scaled = hundredths * 10**decimals
    whole = round(scaled)
    near = whole if abs(scaled - whole) < 1e-6 else toward(scaled)  # 100 × 0.07 exceeds 7
    text = f"{near / 10**decimals:,.{decimals}f}"
    return _minus(f"{text.rstrip('0').rstrip('.') if decimals else text} %")


def past(share: float, limit: float, decimals: int = 0) -> str:
    """'97 %', '90.04 %': as many decimals as show on which side of the limit a share is."""
    while decimals < 9 and _side(round(100 * share, decimals), 100 * limit) != _side(share, limit):
        decimals += 1
    return percent(share, decimals)


def _side(value: float, limit: float) -> int:
    return 0 if math.isclose(value, limit) else 1 if value > limit else -1


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


def part(number: int, of: int, noun: str) -> str:
    """'1 of 6 cells', 'the only cell'."""
    return f"the only {noun}" if number == of == 1 else f"{number:,} of {count(of, noun)}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def capital(text: str) -> str:
    """'The only cell': the first letter of a sentence."""
    return text[:1].upper() + text[1:]


def toml(value: object) -> str:
    """Return a value as a suite file has it: true, 'text', [1, 2], {key = 1}."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        pairs = [f"{visible(str(key))} = {toml(each)}" for key, each in value.items()]
        return f"{{{', '.join(pairs)}}}"
    return repr(value) if isinstance(value, (str, int, float)) else str(value)


def visible(text: str) -> str:
    """Return the text with its control characters escaped: a terminal would obey them."""
    return "".join(
        each if each in "\n\t" or unicodedata.category(each) != "Cc" else repr(each)[1:-1]
        for each in text
    )


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
