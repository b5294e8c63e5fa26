"""The table of commands in README.md: `python -m iomodels.cli.readme --write` replaces it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from iomodels.base.files import ROOT, write_whole
from iomodels.cli.command import Command
from iomodels.cli.registry import commands

BEGIN = "<!-- commands -->"
END = "<!-- /commands -->"
README = ROOT / "README.md"
OPTIONAL = re.compile(r" (\[|--|SHELL).*")


def table() -> str:
    """The rows, each with a link to the page about the command."""
    rows: list[list[Command]] = []
    for command in commands():
        if command.joins:
            rows[-1].append(command)
        else:
            rows.append([command])
    lines = [f"| {', '.join(map(_name, row))} | {'; '.join(map(_purpose, row))} |" for row in rows]
    return "\n".join(["| command | purpose |", "|---|---|", *lines])


def _name(command: Command) -> str:
    """The command with the words that it needs."""
    return f"`{OPTIONAL.sub('', command.usage)}`"


def _purpose(command: Command) -> str:
    text = command.short or command.purpose
    if not command.link:
        return text
    words, page = command.link
    return text.replace(words, f"[{words}]({page})", 1)


def renewed(text: str) -> str:
    """README.md with the table of now. Raises ValueError if it has no markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md: must have {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(argv: list[str], readme: Path = README) -> int:
    """With --write, write it. Without, exit code 1 if the table is out of date."""
    old = readme.read_text(encoding="utf-8")
    new = renewed(old)
    if argv == ["--write"]:
        write_whole(readme, new)
    elif new != old:
        print("iomodels: README.md: its table of commands is out of date", file=sys.stderr)
        print("write it: python -m iomodels.cli.readme --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
