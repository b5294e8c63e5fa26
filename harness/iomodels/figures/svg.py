"""The same picture in fewer bytes: Matplotlib writes six decimals of a point.

Coordinates are rounded to a hundredth of a point; no error grows along a line, as each place is
rounded and not each step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from iomodels.figures.palette import FONTS

HUNDREDTHS = 100
PAIRS = {"M": 1, "L": 1, "Q": 2, "C": 3}
"""Of coordinates after each command of a path that Matplotlib writes."""


def shortened(svg: str) -> str:
    """Return an SVG by Matplotlib with relative, rounded coordinates and without indents.

    A style that many marks share is given once, and so are the fonts.
    """
    text = re.sub(r' d="([^"]*)"', lambda found: f' d="{_path(found[1])}"', svg)
    text = re.sub(
        r'\b([xy])="(-?[\d.]+)"', lambda found: f'{found[1]}="{_rounded(found[2])}"', text
    )
    text = re.sub(
        r"translate\(([-\d.]+) ([-\d.]+)\)",
        lambda found: f"translate({_rounded(found[1])} {_rounded(found[2])})",
        text,
    )
    text = re.sub(r'(<use [^>]*) transform="translate\(([-\d.]+)(?: 0)?\)"/>', r'\1 x="\2"/>', text)
    text = re.sub(r' transform="rotate\(-?0 [^"]*"', "", text)
    text = re.sub(
        r"rotate\((-?\d+) ([-\d.]+) ([-\d.]+)\)",
        lambda found: f"rotate({found[1]} {_rounded(found[2])} {_rounded(found[3])})",
        text,
    )
    text = re.sub(r'font: (?:(\w+) )?([\d.]+px) [^;"]*', _font, text)
    text = text.replace("<svg ", f'<svg font-family="{FONTS}" ', 1)
    text = re.sub(r"\n\s*", "\n", text)
    return re.sub(
        r'(?:<use [^>]* style="[^"]*"/>\n){2,}', lambda found: "".join(_grouped(found[0])), text
    )


def _font(found: re.Match[str]) -> str:
    """Size and weight of a text; the family is the whole picture's."""
    return f"font-size: {found[2]}" + (f"; font-weight: {found[1]}" if found[1] else "")


def _rounded(word: str) -> str:
    return _number(_hundredths(word))


def without_bare_groups(svg: str) -> str:
    """Return an SVG without groups that have no attribute, and without empty ones.

    The former hold together what only an editor would take apart; the latter draw nothing.
    """
    kept: list[bool] = []

    def group(found: re.Match[str]) -> str:
        if found[1]:
            kept.append(bool(found[2]))
        return found[0] if (kept[-1] if found[1] else kept.pop()) else ""

    return re.sub(r"<(?:(g)( [^>]*)?|/g)>\n?", group, re.sub(r"<g\b[^>]*/>\n?", "", svg))


def _grouped(marks: str) -> Iterator[str]:
    """Marks of one style in a group that has it: what they refer to inherits it from there."""
    for found in re.finditer(
        r'((?:<use [^>]*)(?: style="([^"]*)")/>\n(?:<use [^>]* style="\2"/>\n)*)', marks
    ):
        shared = f' style="{found[2]}"'
        yield f"<g{shared}>\n{found[1].replace(shared, '')}</g>\n"


def _path(commands: str) -> str:
    """Return the commands of a path with each place relative to the one before.

    A path with a command that is not of PAIRS stays as it is.
    """
    words = commands.split()
    if any(word.isalpha() and word not in PAIRS and word != "z" for word in words):
        return commands
    text, place, x, y, start = "", 0, 0, 0, (0, 0)
    while place < len(words):
        command = words[place]
        if command == "z":
            text += "z"
            (x, y), place = start, place + 1
            continue
        end = place + 1 + 2 * PAIRS[command]
        points = [_hundredths(word) for word in words[place + 1 : end]]
        text += _step(command, [each - (y if odd % 2 else x) for odd, each in enumerate(points)])
        x, y, place = points[-2], points[-1], end
        start = (x, y) if command == "M" else start
    return text


def _step(command: str, moves: list[int]) -> str:
    if command == "L" and 0 in moves:
        return f"v{_number(moves[1])}" if moves[0] == 0 else f"h{_number(moves[0])}"
    numbers = [_number(move) for move in moves]
    return (
        command.lower()
        + numbers[0]
        + "".join(each if each.startswith("-") else f" {each}" for each in numbers[1:])
    )


def _hundredths(word: str) -> int:
    return round(float(word) * HUNDREDTHS)


def _number(hundredths: int) -> str:
    """'12.3', '-.05', '0': no digit that says nothing."""
    whole, rest = divmod(abs(hundredths), HUNDREDTHS)
    decimals = f".{rest:02}".rstrip("0").rstrip(".") if rest else ""
    digits = f"{whole if whole or not decimals else ''}{decimals}"
    return f"-{digits}" if hundredths < 0 else digits
