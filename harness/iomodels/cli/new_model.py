"""Make the files of a new model: source, page, line of the build and rows of the tables."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from iomodels.base.console import say
from iomodels.base.errors import USAGE, Failure, hint
from iomodels.base.files import ROOT, write_whole

NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")


def new_model(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    for path in make_model(ROOT, arguments.name, vars(arguments)["from"]):
        say(console, f"written: {path.relative_to(ROOT)}")
    say(console, "next: describe the model in its head and on its page, then run")
    say(console, f"    iomodels test servers -- -k {arguments.name} --every-model")
    return 0


def make_model(root: Path, name: str, start: str) -> list[Path]:
    """Copy the model `start` as `name` in the sources below `root`; return the changed files.

    Raises Failure, and writes nothing, if a name is wrong or a file is in the way.
    """
    servers = root / "servers"
    known = sorted(path.stem for path in servers.glob("*.c"))
    if not known:
        raise Failure(f"{root}: no sources of servers there; work in a clone", exit_code=USAGE)
    if start not in known:
        raise Failure(f"--from {start}: no such model; {hint(start, known)}", exit_code=USAGE)
    if not NAME.fullmatch(name):
        allowed = "2 to 31 of a-z, 0-9 and _, a letter first"
        raise Failure(f"new-model {name}: must be {allowed}", exit_code=USAGE)
    if name in known:
        raise Failure(f"new-model {name}: servers/{name}.c exists already", exit_code=USAGE)
    source = (servers / f"{start}.c").read_text(encoding="utf-8")
    page = (root / "docs/models" / f"{start}.md").read_text(encoding="utf-8")
    changes = {
        servers / f"{name}.c": _renamed(source, start, name),
        root / "docs/models" / f"{name}.md": _renamed(page, start, name),
        servers / "CMakeLists.txt": _in_build(root, start, name),
        servers / "README.md": _with_row(servers / "README.md", f"| [{start}]", start, name),
        root / "README.md": _with_row(root / "README.md", f"| [`{start}`]", start, name),
    }
    for path, text in changes.items():
        write_whole(path, text)
    return list(changes)


def _renamed(text: str, start: str, name: str) -> str:
    """Change the name where it names the model, not where it is a word or a function."""
    changes: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
        (rf"\A/\* {start}: ", lambda found: f"/* {name}: "),
        (rf'\.name = "{start}"', lambda found: f'.name = "{name}"'),
        (rf"\A# {start}\n", lambda found: f"# {name}\n"),
        (rf"servers/{start}\.c", lambda found: f"servers/{name}.c"),
    )
    for pattern, change in changes:
        text = re.sub(pattern, change, text)
    return text


def _in_build(root: Path, start: str, name: str) -> str:
    text = (root / "servers/CMakeLists.txt").read_text(encoding="utf-8")
    changed, number = re.subn(
        rf"(foreach\(model[^)]*\b){start}\b", rf"\g<1>{start} {name}", text, count=1
    )
    if not number:
        raise Failure(f"servers/CMakeLists.txt: the list of models has no {start}")
    return changed


def _with_row(path: Path, begin: str, start: str, name: str) -> str:
    """Repeat the table row that begins with `begin`, for the new model."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if line.startswith(begin)]
    if not places:
        raise Failure(f"{path.name}: no row of a table begins with {begin}")
    row = lines[places[0]]
    row = re.sub(rf"\[(`?){start}(`?)\]", rf"[\g<1>{name}\g<2>]", row, count=1)
    row = row.replace(f"{start}.c)", f"{name}.c)").replace(f"{start}.md)", f"{name}.md)")
    lines.insert(places[0] + 1, row)
    return "".join(lines)
