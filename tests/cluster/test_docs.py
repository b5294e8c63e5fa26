"""The commands of docs/cluster.md, word for word, each on the machine that the page names.

Options are added to a run, so that it is short. The load machines are those that the lab has.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from iomodels.cli import registry
from lab import NETWORK, Lab, Machine
from processes import Process

pytest.importorskip("distributed", reason="distributed is not installed")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cluster.md"
ROW = re.compile(r"^\| ([0-9.]+)(?: to ([0-9.]+))? \| `(\./iomodels [^`]*)` \|$", re.MULTILINE)
BLOCK = re.compile(r"^([^\n]*\S[^\n]*)\n\n```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHORT = (
    *("--models", "iocp", "--connections", "8", "--size", "64", "--rounds", "1"),
    *("--warmup-ms", "100", "--duration-ms", "3000", "--no-report", "--out", "runs"),
)


def section(title: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[tuple[list[str], list[str]]]:
    """The addresses and the words after `./iomodels` of each command of a section."""
    found = []
    for first, last, command in ROW.findall(section(title)):
        numbers = [int(end.rpartition(".")[2]) for end in (first, last or first)]
        addresses = [f"{NETWORK}.{number}" for number in range(numbers[0], numbers[1] + 1)]
        found.append((addresses, shlex.split(command)[1:]))
    return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.mark.parametrize(("title", "parts"), [("Two machines", 1), ("Ten machines", 4)])
def test_commands_of_the_page(
    network: Lab, stack: ExitStack, tmp_path: Path, title: str, parts: int
) -> None:
    machines = {machine.address: machine for machine in network.machines}
    waiting = {"cluster start": "listens", "worker": "joined"}
    ran = False
    for number, (addresses, words) in enumerate(rows(title)):
        for address in addresses:
            if address not in machines:
                assert address > max(machines), address
                continue
            run = start(machines[address], tmp_path, f"{number}-{address}", words)
            stack.callback(run.close)
            if words[0] == "run":
                assert run.ends() == 0, run.text
                ran = True
                check(tmp_path, network, parts)
            elif words[:2] == ["cluster", "new"]:
                assert run.ends() == 0, run.text
                copy_to_all(tmp_path, address, machines)
            else:
                run.says(waiting[" ".join(words[:2])] if words[0] == "cluster" else "joined")
    assert ran


def start(machine: Machine, folder: Path, name: str, words: list[str]) -> Process:
    """Start a command in the folder of its machine."""
    own = folder / machine.address
    own.mkdir(exist_ok=True)
    more = SHORT if words[0] == "run" else ()
    return Process(own / f"{name}.log", *words, *more, before=tuple(machine.argv()))


def copy_to_all(folder: Path, made: str, machines: dict[str, Machine]) -> None:
    for address in machines:
        if address != made:
            (folder / address).mkdir(exist_ok=True)
            shutil.copytree(folder / made / "lab", folder / address / "lab")


def check(folder: Path, network: Lab, parts: int) -> None:
    (records,) = folder.glob("*/runs/*/records.jsonl")
    from iomodels.data.store import load_run

    run = load_run(records.parent)
    assert [record.reason for record in run.records] == [None]
    for record in run.records:
        assert record.server and record.loadgen
        assert record.server["ready"]["host"] == network.server.address
        result = record.loadgen["result"]
        assert len(result["cluster"]["parts"]) == parts
        assert record.server["summary"]["counters"]["requests"] == result["replies_checked"] > 0
        assert result["cluster"]["overlap"] >= 0.95, result["cluster"]


def test_every_other_command_is_marked() -> None:
    """A block of commands has the words "not run here" before it, or near it."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("```") // 2 >= 4
    marked = section("Ports and firewalls") + section("As a service")
    assert marked.count("not run here") >= 3
    for _, block in blocks:
        assert block in marked


def test_the_unit_of_systemd_is_valid(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("there is no systemd-analyze")
    made = Process(tmp_path / "new.log", "cluster", "new", tmp_path / "lab")
    assert made.ends() == 0, made.text
    unit = tmp_path / "iomodels-worker.service"
    words = ("worker", tmp_path / "lab", "--role", "load", "--print-unit", "systemd")
    printed = Process(tmp_path / "unit.log", *words)
    assert printed.ends() == 0
    unit.write_text(printed.text, encoding="utf-8")
    done = subprocess.run(
        [analyze, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0 and "iomodels-worker" not in done.stderr, done.stderr


def test_the_parser_takes_every_command() -> None:
    text = PAGE.read_text(encoding="utf-8")
    commands = re.findall(r"`\./iomodels ([^`|]*)", text)
    assert len(commands) > 10
    for command in commands:
        registry.parsers().top.parse_args(shlex.split(command))
