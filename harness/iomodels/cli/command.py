"""A command: options, arguments, examples and handler; and a parser with errors of one line."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from iomodels.base.errors import USAGE
from iomodels.base.words import visible

GROUPS = {
    "measure": "measure",
    "read": "read results",
    "submit": "submit results",
    "look": "look around",
    "build": "build and help",
}
"""The groups of commands, in the order of the help; the value is the heading."""


SHORT = {
    "--connections": "-c",
    "--dry-run": "-n",
    "--fail-fast": "-x",
    "--json": "-j",
    "--models": "-m",
    "--out": "-o",
    "--quiet": "-q",
    "--resume": "-r",
    "--size": "-s",
    "--verbose": "-v",
    "--wait": "-w",
    "--yes": "-y",
}
"""The short form of an option, the same for every command that has the option."""
ALIASES = {
    "--connections": ("--connection",),
    "--models": ("--model",),
    "--out": ("--output",),
    "--size": ("--sizes",),
}
"""Other names that users try, the same for every command that has the option."""


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line: "iomodels: --rounds 0: must be a whole number from 1"."""

    def error(self, message: str) -> NoReturn:
        message = re.sub(r"^(argument )\S*?(--[a-z-]+)\S*: ", r"\1\2: ", message)  # -o/--out/…
        message = re.sub(r"^argument (\S+): (?=expected|not allowed|ignored)", r"\1: ", message)
        fail(re.sub(r"^argument (\S+): ", r"\1 ", message))


def fail(*lines: str, code: int = USAGE) -> NoReturn:
    """Print one line per reason on stderr, and exit."""
    complain(*lines)
    raise SystemExit(code)


def complain(*lines: str) -> None:
    """Print lines on stderr, with control characters as text: they may be a stranger's."""
    for line in lines:
        print(f"iomodels: {visible(line)}", file=sys.stderr)


@dataclass(frozen=True)
class Option:
    """One option or, if `name` has no dashes, one argument.

    `help` is a noun phrase with unit, range and default. `values` is what a shell completes: "run",
    "suite", "model", "chart", "folder", "file", "command", or the words themselves.
    """

    name: str
    help: str
    metavar: str = ""
    type: Callable[[str], Any] | None = None
    default: Any = None
    values: str | tuple[str, ...] = ()
    optional: bool = False
    many: bool = False  # an argument that may be given several times, or not at all
    flag: bool = False
    repeat: bool = False  # an option that may be given several times

    @property
    def key(self) -> str:
        """Its name among the parsed arguments."""
        return self.name.lstrip("-").lower().replace("-", "_")

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every way to type the option: the short form, the name and its aliases."""
        short = (SHORT[self.name],) if self.name in SHORT else ()
        return (*short, self.name, *ALIASES.get(self.name, ()))

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        text = self.help.replace("%", "%%")
        if self.flag:
            parser.add_argument(*self.spellings, dest=self.key, action="store_true", help=text)
            return
        more: dict[str, Any] = {"type": self.type} if self.type else {}
        if self.optional or self.many:
            more["nargs"] = "*" if self.many else "?"
        more |= {"action": "append"} if self.repeat else {}
        metavar = self.metavar or (None if self.name.startswith("-") else self.name)
        more |= {"metavar": metavar, "default": self.default, "help": text}
        if self.name.startswith("-"):
            parser.add_argument(*self.spellings, dest=self.key, **more)
        else:
            parser.add_argument(self.key, **more)


@dataclass(frozen=True)
class Command:
    """`purpose` is an imperative without a full stop.

    `link`: a word of it, and the page that the README links it to. `handler` names
    "module:function" of this package; empty for what only the launcher script does.
    """

    name: str
    usage: str
    purpose: str
    group: str
    handler: str = ""
    link: tuple[str, str] | None = None
    options: tuple[Option, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    notes: str = ""
    joins: bool = False  # the row of the command before, in the README
    short: str = ""  # the purpose there, if that row has little room

    @property
    def epilog(self) -> str:
        width = max((len(command) for command, what in self.examples if what), default=0)
        lines = [f"  {command:{width}}  {what}".rstrip() for command, what in self.examples]
        parts = ["\n".join(["examples:", *lines])] if lines else []
        parts += [self.notes] if self.notes else []
        parts += [f"more: {self.link[1]}"] if self.link else []
        return "\n\n".join(parts)


def spelled_out(words: Sequence[str], options: Iterable[Option]) -> list[str]:
    """Return the command line with the name of each option in place of its other spellings.

    "-nc64" becomes "--dry-run --connections 64". What is no option of these stays as it is typed.
    """
    known = {way: option for option in options for way in option.spellings}
    found: list[str] = []
    for place, word in enumerate(words):
        if word == "--":
            return [*found, *words[place:]]
        name, equals, value = word.partition("=")
        if name in known:
            found.append(known[name].name + equals + value)
        elif re.match(r"-[a-z]", word):
            found += _letters(word, known)
        else:
            found.append(word)
    return found


def _letters(word: str, known: Mapping[str, Option]) -> list[str]:
    """Return the options of "-nc64": flags, then perhaps one with its value. Unknown ones stay."""
    found: list[str] = []
    for place, letter in enumerate(word[1:], start=1):
        option = known.get(f"-{letter}")
        if option is None:
            return [*found, f"-{word[place:]}"]
        found.append(option.name)
        if not option.flag:
            value = word[place + 1 :].removeprefix("=")
            return [*found, value] if value else found
    return found


def near(word: str, known: Iterable[str]) -> str | None:
    """The known option that a mistyped one means. The dashes do not count as likeness."""
    names = {name.lstrip("-"): name for name in known}
    found = difflib.get_close_matches(word.split("=")[0].lstrip("-"), names, n=1)
    return names[found[0]] if found else None
