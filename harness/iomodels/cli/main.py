"""The program: read the command line, call the command, turn errors into lines and exit codes."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from rich.console import Console

from iomodels.base.console import make_console
from iomodels.base.errors import FAILED, INTERRUPTED, USAGE, Failure, Stopped, hint
from iomodels.base.interrupts import CtrlC, Interrupted
from iomodels.cli.command import fail, near
from iomodels.cli.registry import Known, commands, parsers

Handler = Callable[[argparse.Namespace, Console, Sequence[str]], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out a command line; return its exit code. What cannot be written is an error, too."""
    try:
        try:
            return _carried_out(argv)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:  # the reader is gone
        _write_no_more()
        return FAILED
    except OSError as error:  # a full disk, a folder without permission
        if not error.filename:
            _write_no_more()
        why = error.strerror or str(error)
        fail(f"{error.filename}: {why}" if error.filename else why, code=FAILED)


def _write_no_more() -> None:
    """Drop what stdout still holds: Python would complain of it at exit."""
    with suppress(OSError, AttributeError):  # a stdout without a descriptor, or none
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _carried_out(argv: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a code page of Windows may lack a sign
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if argv is None else argv)
    known = parsers()
    if not words:
        known.top.print_help(sys.stderr)
        return USAGE
    if not words[0].startswith("-") and words[0] not in known.commands:
        fail(f"{words[0]}: no such command; {hint(words[0], known.commands)}")
    words = known.spelled_out(words)
    arguments, rest = known.top.parse_known_args(words)
    if rest:
        _unexpected(arguments.command, words, rest, known)
    return _called(handler(arguments.command), arguments, words)


def _called(command: Handler, arguments: argparse.Namespace, words: Sequence[str]) -> int:
    """Carry out a command. Its errors become lines and an exit code."""
    with CtrlC() as ctrl_c:
        try:
            return _reported(command, arguments, words)
        except Exception:
            if ctrl_c.noted:
                fail("interrupted", code=INTERRUPTED)
            raise


def _reported(command: Handler, arguments: argparse.Namespace, words: Sequence[str]) -> int:
    try:
        return command(arguments, make_console(), words)
    except KeyboardInterrupt as error:  # outside the measuring, which reports its own
        code = 128 + error.signal if isinstance(error, Interrupted) else INTERRUPTED
        fail(f"interrupted{_to_finish(error)}", code=code)
    except Stopped as stopped:
        return stopped.exit_code
    except Failure as error:
        fail(*error.lines, code=error.exit_code)


def _to_finish(error: KeyboardInterrupt) -> str:
    from iomodels.cli.folders import to_finish

    complete = error.complete if isinstance(error, Interrupted) else None
    return to_finish(complete) if complete else ""


def handler(name: str) -> Handler:
    """Return the function of a command. Its module is imported only now: some take a second."""
    (command,) = (each for each in commands() if each.name == name)
    module, _, function = command.handler.partition(":")
    found: Handler
    if module == "measuring":
        from iomodels.cli import measuring

        found = getattr(measuring, function)
    elif module == "reading":
        from iomodels.cli import reading

        found = getattr(reading, function)
    elif module == "laws":
        from iomodels.cli import laws

        found = getattr(laws, function)
    elif module == "claims":
        from iomodels.cli import claims

        found = getattr(claims, function)
    elif module == "listing":
        from iomodels.cli import listing

        found = getattr(listing, function)
    elif module == "cluster":
        from iomodels.cli import cluster

        found = getattr(cluster, function)
    elif module == "looking":
        from iomodels.cli import looking

        found = getattr(looking, function)
    elif module == "doctoring":
        from iomodels.cli import doctoring

        found = getattr(doctoring, function)
    elif module == "new_model":
        from iomodels.cli import new_model

        found = getattr(new_model, function)
    else:
        fail(f"{name}: must be given to the launcher script of a checkout: ./iomodels {name}")
    return found


def _unexpected(command: str, words: Sequence[str], rest: Sequence[str], known: Known) -> NoReturn:
    """Refuse what the command does not take, and name the option that was meant."""
    end = words.index("--") if "--" in words else len(words)
    unknown = next((word for word in rest if word.startswith("-") and word in words[:end]), None)
    if unknown is None:
        fail(f"{' '.join(rest)}: unexpected argument; see: iomodels {command} --help")
    options = [
        option for action in known.commands[command]._actions for option in action.option_strings
    ]
    if unknown.partition("=")[0] in options:  # before the command
        fail(f"{unknown}: must follow the command: iomodels {command} {unknown}")
    meant = near(unknown, options)
    advice = f"did you mean {meant}?" if meant else f"see: iomodels {command} --help"
    fail(f"{unknown}: no such option of {command}; {advice}")
