"""External servers: programs that are not ours, with the words that start them.

    [[servers]]
    name = "mine"
    command = "mine.exe --listen {port} --workers {threads}"
    threads = 4

Any echo server is enough: it sends back all that it receives (docs/own-server.md).
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iomodels.base.errors import hint
from iomodels.base.words import toml

MAX_NAME = 16  # characters: the label needs room for the mark
MARK = " (external)"
"""Ends the label of every series of an external server, so that no table lacks it."""
READY = ("connect", "line", "delay")
DELAY_MS = 1000
MAX_DELAY_MS = 60_000
MAX_THREADS = 4096
KEYS = ("name", "command", "port", "ready", "threads", "attach", "version")
NAME_RULE = (
    f"must be a name of at most {MAX_NAME} lower-case letters, digits and _ . -, "
    "which begins with a letter"
)
HOST_RULE = "must be HOST:PORT, such as 127.0.0.1:7000"


@dataclass(frozen=True)
class External:
    """How to start a server that is not ours, or where it already runs.

    command: program and arguments. `{port}`, `{threads}`, `{build}` (the folder of the build) and
    `{references}` (that of the reference servers) are replaced, and `{env:NAME}` by a variable of
    the environment, whose value no record keeps.
    port: fixed, or 0 for a free one. ready: "connect" (it accepts a connection), "line" or
    "line:TEXT" (it prints a line, one with TEXT), "delay" or "delay:MS". threads: 0 if unknown.
    attach: host and port of a server that already runs; it has no command. version: the command
    that prints the version.
    """

    command: tuple[str, ...] = ()
    port: int = 0
    ready: str = READY[0]
    threads: int = 0
    attach: tuple[str, int] | None = None
    version: tuple[str, ...] = ()

    @property
    def optional(self) -> bool:
        """Whether the build may lack it, such as a framework that nobody asked for."""
        return any("{build}" in word or "{references}" in word for word in self.command[:1])

    @property
    def windows_program(self) -> bool:
        """Whether Windows runs it: on Linux it then needs Wine."""
        return os.name == "nt" or self.command[:1][0].lower().endswith(".exe")

    def to_json(self) -> dict[str, Any]:
        if self.attach:
            return {"attach": f"{self.attach[0]}:{self.attach[1]}"}
        return {
            "command": list(self.command),
            "port": self.port,
            "ready": self.ready,
            "threads": self.threads,
            "version": list(self.version),
        }


def external_from(data: Mapping[str, Any]) -> External:
    """Return a checked entry: of a suite's file, of the command line, or of a manifest."""
    if "attach" in data:
        return External(attach=parse_host(data["attach"]))
    return External(
        words_of(data["command"]),
        data.get("port", 0),
        data.get("ready", READY[0]),
        data.get("threads", 0),
        version=words_of(data.get("version", ())),
    )


def words_of(command: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Split a command as the shell of this system would. Raises ValueError for an open quote."""
    if not isinstance(command, str):
        return tuple(command)
    if os.name == "nt":  # a backslash separates folders there
        return tuple(word.replace('"', "") for word in shlex.split(command, posix=False))
    return tuple(shlex.split(command))


def parse_host(text: str) -> tuple[str, int]:
    """Return host and port of "127.0.0.1:7000". Raises ValueError, one line."""
    found = re.fullmatch(r"([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})):([0-9]{1,5})", text)
    if not found or not 1 <= int(found[2]) <= 65535:
        raise ValueError(HOST_RULE)
    return found[1], int(found[2])


def is_here(host: str) -> bool:
    """Return whether a host is this machine by its loopback address."""
    return host.lower() == "localhost" or host.startswith("127.")


def parse_server(text: str) -> tuple[str, External]:
    """Return name and server of "NAME=COMMAND" (--server). Raises ValueError, one line."""
    name, equals, command = text.partition("=")
    if not equals:
        raise ValueError("must be NAME=COMMAND, such as mine='mine.exe --port {port}'")
    return _parsed({"name": name, "command": command})


def parse_attached(text: str) -> tuple[str, External]:
    """Return name and server of "NAME=HOST:PORT" (--attach). Raises ValueError, one line."""
    name, equals, where = text.partition("=")
    if not equals:
        raise ValueError("must be NAME=HOST:PORT, such as mine=127.0.0.1:7000")
    return _parsed({"name": name, "attach": where})


def _parsed(entry: Mapping[str, Any]) -> tuple[str, External]:
    errors = external_errors(entry, "")
    if errors:
        raise ValueError(errors[0].lstrip("."))
    return str(entry["name"]), external_from(entry)


def external_errors(entry: Mapping[str, Any], what: str) -> list[str]:
    """Return one line per error of an entry with a `name`; `what` begins each."""
    errors = [f"{what}.{key}: no such key; {hint(key, KEYS)}" for key in entry if key not in KEYS]
    name = entry.get("name")
    if not (isinstance(name, str) and re.fullmatch(rf"[a-z][a-z0-9_.-]{{0,{MAX_NAME - 1}}}", name)):
        errors.append(f"{what}.name = {toml(name)}: {NAME_RULE}")
    if ("command" in entry) is ("attach" in entry):
        errors.append(f"{what}: needs command, which starts it, or attach, where it runs")
    elif "attach" in entry:
        errors += _attach_errors(entry, what)
    else:
        errors += _command_errors(entry, what)
    return errors


def _attach_errors(entry: Mapping[str, Any], what: str) -> list[str]:
    needless = [key for key in KEYS if key in entry and key not in ("name", "attach")]
    errors = [f"{what}.{key}: must be omitted with attach" for key in needless]
    try:
        parse_host(entry["attach"] if isinstance(entry["attach"], str) else "")
    except ValueError as error:
        errors.append(f"{what}.attach = {toml(entry['attach'])}: {error}")
    return errors


def _command_errors(entry: Mapping[str, Any], what: str) -> list[str]:
    errors = []
    commands = {key: entry[key] for key in ("command", "version") if key in entry}
    for key, command in commands.items():
        if not _is_command(command):
            errors.append(
                f"{what}.{key} = {toml(command)}: must be a program with its arguments: a text, "
                "or a list of texts"
            )
    text = str(entry["command"])
    if "port" in entry and not _is_number(entry["port"], 1, 65535):
        errors.append(f"{what}.port = {toml(entry['port'])}: must be a whole number 1 … 65535")
    elif "port" not in entry and "{port}" not in text:
        errors.append(f"{what}.command: must contain {{port}}, unless port names the one it uses")
    if "threads" in entry and not _is_number(entry["threads"], 1, MAX_THREADS):
        errors.append(
            f"{what}.threads = {toml(entry['threads'])}: must be a whole number 1 … {MAX_THREADS}"
        )
    elif "threads" not in entry and "{threads}" in text:
        errors.append(f"{what}.command: contains {{threads}}, so threads must name their number")
    if "ready" in entry and not _is_ready(entry["ready"]):
        errors.append(
            f"{what}.ready = {toml(entry['ready'])}: must be connect, line, line:TEXT, delay or "
            f"delay:MS with at most {MAX_DELAY_MS} ms"
        )
    return errors


def _is_command(command: object) -> bool:
    if isinstance(command, list):
        return bool(command) and all(isinstance(word, str) and word for word in command)
    try:
        return isinstance(command, str) and bool(words_of(command))
    except ValueError:
        return False


def _is_ready(ready: object) -> bool:
    if not isinstance(ready, str):
        return False
    word, colon, rest = ready.partition(":")
    if word == "delay" and colon:
        return bool(re.fullmatch(r"[0-9]{1,5}", rest)) and int(rest) <= MAX_DELAY_MS
    return word in READY and (not colon or (word == "line" and bool(rest)))


def _is_number(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
