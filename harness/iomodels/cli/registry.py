"""Every command once, and everything made from them.

The parsers, `iomodels help`, the README's table and shell completion come from `commands()`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import iomodels
from iomodels.cli import cluster_commands, measure_commands, read_commands
from iomodels.cli.command import GROUPS, Command, Parser, spelled_out

SHELL_NOTES = """\
Each command first builds what it needs. If packages are missing, it names them and installs them
by apt-get, as root or with sudo; on Windows by pip, into build/venv. On a terminal it asks before
it uses sudo; `setup --yes` does not ask.
--no-install (anywhere, or IOMODELS_NO_INSTALL=1) never installs: it names missing packages.
IOMODELS_WINE names another Wine; on Windows, IOMODELS_PRESET names the build to use.
IOMODELS_BUILD names another build folder, or an unpacked archive of programs, which comes first.
Exit codes: 0 success, 1 failure, 2 usage, 77 not supported on this platform, 130 interrupted."""

EXAMPLES = """examples:
  iomodels run select-vs-iocp                 measure, in about six minutes, and write the report
  iomodels run select-vs-iocp --quick         rough results in under a minute
  iomodels run --resume latest                resume an interrupted run
  iomodels slo iocp --slo p99=5ms             the highest rate with a p99 of at most 5 ms
  iomodels compare RUN_A RUN_B                one run over another"""


@dataclass(frozen=True)
class Known:
    """The parser of the program, and those of its commands by name."""

    top: Parser
    commands: dict[str, Parser] = field(default_factory=dict)

    def spelled_out(self, words: Sequence[str]) -> list[str]:
        """Return the command line with the names of all options, as records keep it."""
        options = [each.options for each in commands() if each.name == words[0]]
        return [words[0], *spelled_out(words[1:], options[0])] if options else list(words)


@cache
def commands() -> tuple[Command, ...]:
    """Every command, in the order of the help."""
    return (*measure_commands.COMMANDS, *cluster_commands.COMMANDS, *read_commands.COMMANDS)


def parsers() -> Known:
    raw = argparse.RawDescriptionHelpFormatter
    top = Parser(
        prog="iomodels",
        description="Benchmark and comparison suite of Windows I/O models.",
        epilog=f"{EXAMPLES}\n\n{SHELL_NOTES}",
        formatter_class=raw,
        allow_abbrev=False,
    )
    top.add_argument(
        "-V", "--version", action="version", version=f"iomodels {iomodels.__version__}"
    )
    subparsers = top.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    known = Known(top)
    for command in commands():
        parser = subparsers.add_parser(
            command.name,
            help=command.purpose,
            description=f"{command.purpose[0].upper()}{command.purpose[1:]}.",
            epilog=command.epilog,
            formatter_class=raw,
            allow_abbrev=False,
        )
        for option in command.options:
            option.add_to(parser)
        known.commands[command.name] = parser
    return known


def overview() -> str:
    """`iomodels help`: every command by group, and what holds for all of them."""
    lines = ["iomodels: benchmark and comparison suite of Windows I/O models"]
    for group, heading in GROUPS.items():
        lines += ["", f"{heading}:"]
        for command in commands():
            if command.group == group:
                lines.append(f"  iomodels {command.usage:30} {command.purpose}")
    return "\n".join(
        [*lines, "", "options of a command: iomodels COMMAND --help", "", EXAMPLES, "", SHELL_NOTES]
    )
