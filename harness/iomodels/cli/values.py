"""The values of options: each function parses one, or says in one line what it must be."""

from __future__ import annotations

import argparse
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from iomodels.plan.external import External, parse_attached, parse_server
from iomodels.plan.load import Value
from iomodels.plan.suite import BOUNDS

if TYPE_CHECKING:
    from iomodels.judge.slo import Slo
    from iomodels.machine.placement import Placement

MAX_RATE = 100_000_000
T = TypeVar("T")


def wrong(text: str, rule: str) -> argparse.ArgumentTypeError:
    """The error of a value; an empty one is shown in quotation marks."""
    return argparse.ArgumentTypeError(f"{text or repr(text)}: {rule}")


def whole(low: int, high: int, unit: str = "") -> Callable[[str], int]:
    rule = f"must be a whole number from {low} to {high} {unit}".rstrip()

    def parse(text: str) -> int:
        if not (re.fullmatch(r"[0-9]{1,12}", text) and low <= int(text) <= high):
            raise wrong(text, rule)
        return int(text)

    return parse


def wholes(low: int, high: int, unit: str = "") -> Callable[[str], tuple[int, ...]]:
    rule = f"must be comma-separated whole numbers from {low} to {high} {unit}".rstrip()

    def parse(text: str) -> tuple[int, ...]:
        words = text.split(",")
        if not all(
            re.fullmatch(r"[0-9]{1,12}", word) and low <= int(word) <= high for word in words
        ):
            raise wrong(text, rule)
        values = tuple(int(word) for word in words)
        if len(set(values)) < len(values):
            raise wrong(text, "must not repeat a value")
        return values

    return parse


def bounded(key: str, unit: str = "") -> Callable[[str], int]:
    """A number as a suite allows it."""
    return whole(*BOUNDS[key], unit)


def several(key: str, unit: str = "") -> Callable[[str], tuple[int, ...]]:
    return wholes(*BOUNDS[key], unit)


def load_word(text: str) -> Value:
    """A word of the load generator, which checks it: a number, a range, a mixture, a name."""
    if not re.fullmatch(r"[\w.:*+-]+", text):
        raise wrong(text, "must be a number, A..B, exp:MEAN or a mixture such as 64*9+1024*1")
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else text


def margin(text: str) -> float:
    """ "5" percent as the share 0.05."""
    if not (re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", text) and 0.5 <= float(text) <= 50):
        raise wrong(text, "must be from 0.5 to 50 percent")
    return float(text) / 100


def slo(text: str) -> Slo:
    from iomodels.judge.slo import parse_slo  # only here: scipy takes a second to load

    try:
        return parse_slo(text)
    except ValueError as error:
        raise wrong(text, str(error)) from None


def server_options(text: str) -> tuple[tuple[str, int], ...]:
    pairs = [word.partition("=") for word in text.split(",")]
    if not all(name and re.fullmatch(r"[0-9]{1,10}", value) for name, _, value in pairs):
        raise wrong(text, "must be server options such as threads=4,concurrency=2")
    return tuple((name, int(value)) for name, _, value in pairs)


def option_values(text: str) -> dict[str, tuple[int, ...]]:
    """ "threads=8:16,concurrency=4" as the values of each option."""
    rule = "must be server options with their values, such as threads=8:16,concurrency=0:4"
    found: dict[str, tuple[int, ...]] = {}
    for word in text.split(","):
        name, _, listed = word.partition("=")
        numbers = listed.split(":")
        if not (
            re.fullmatch(r"[a-z-]+", name)
            and all(re.fullmatch(r"[0-9]{1,10}", number) for number in numbers)
        ):
            raise wrong(text, rule)
        if name in found or len(set(numbers)) < len(numbers):
            raise wrong(text, "must not repeat an option or a value")
        found[name] = tuple(int(number) for number in numbers)
    return found


def names(text: str) -> tuple[str, ...]:
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise wrong(text, "must be comma-separated names")
    if len(set(found)) < len(found):
        raise wrong(text, "must not repeat a name")
    return found


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise wrong(text, f"must be one of: {', '.join(words)}")
        return text

    return parse


def name(text: str) -> str:
    """The name of a run or suite."""
    if not text.strip():
        raise wrong(text, "must not be empty")
    return text


def path(text: str) -> Path:
    if not text:
        raise wrong(text, "must not be empty")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise wrong(text, "must be valid UTF-8") from None
    return Path(text)


def folder(text: str) -> Path:
    """A folder that exists or can be made."""
    found = path(text)
    if found.exists() and not found.is_dir():
        raise wrong(text, "must be a folder")
    return found


def affinity(text: str) -> Placement:
    from iomodels.machine.placement import parse_affinity

    return _checked(parse_affinity, text)


def server(text: str) -> tuple[str, External]:
    """ "mine=mine.exe --port {port}" as name and server."""
    try:
        return parse_server(text)
    except ValueError as error:
        raise wrong(text, str(error)) from None


def attached(text: str) -> tuple[str, External]:
    """ "mine=127.0.0.1:7000" as name and server."""
    try:
        return parse_attached(text)
    except ValueError as error:
        raise wrong(text, str(error)) from None


def cluster(text: str) -> Path | int:
    """The bundle of a cluster; of "local:3" the number of its workers."""
    if not text.startswith("local:"):
        return path(text)
    if not re.fullmatch(r"local:[2-9]", text):
        raise wrong(text, "must be the file of a bundle, or local:2 to local:9")
    return int(text[-1])


def worker(text: str) -> str:
    if not re.fullmatch(r"\w[\w.-]{0,39}", text, re.ASCII):
        raise wrong(text, "must be 1 to 40 letters, digits, dots, dashes or underscores")
    return text


def address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise wrong(text, "must be an IPv4 address of this machine, such as 192.0.2.10") from None


def _checked(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def given(arguments: argparse.Namespace, *except_for: str) -> list[str]:
    """The options and arguments that the user gave, as typed, without those of `except_for`."""
    found = [
        key
        for key, value in vars(arguments).items()
        if value is not None
        and value is not False
        and value != []
        and key not in ("command", *except_for)
    ]
    return [_typed(key, getattr(arguments, key)) for key in found]


def _typed(key: str, value: Any) -> str:
    if isinstance(value, list) and key not in ("server", "attach"):
        return " ".join(each if isinstance(each, str) else ",".join(each) for each in value)
    if key in ("suite", "model"):
        return value if isinstance(value, str) else ",".join(value)
    return f"--{key.replace('_', '-')}"
