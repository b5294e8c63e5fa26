"""The rooms whose sources are changed, and the tests that lie nearest to a file of theirs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import in_c
import in_python
from in_python import Mutant

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("IOMODELS_BUILD", ROOT / "build")).resolve()
WORK = BUILD / "mutants"
TREE = WORK / "tree"
ON_WINDOWS = ("net_iocp", "target_iocp", "os_windows", "system", "process_counters", "kernel32")
"""Sources for Windows alone. Their tests need Wine, minutes per change."""


@dataclass(frozen=True)
class Room:
    """Sources that one folder of tests mirrors. `goal` is the share of changes to notice."""

    name: str
    sources: str
    goal: int
    find: Callable[[str, str], Iterator[Mutant]]

    def files(self) -> list[str]:
        found = sorted(TREE.glob(self.sources))
        return [str(path.relative_to(TREE)) for path in found if path.stem not in ON_WINDOWS]


ROOMS = [
    Room("judge", "harness/iomodels/judge/*.py", 90, in_python.mutants),
    Room("data", "harness/iomodels/data/*.py", 90, in_python.mutants),
    Room("plan", "harness/iomodels/plan/*.py", 85, in_python.mutants),
    Room("launch", "harness/iomodels/launch/*.py", 85, in_python.mutants),
    Room("load generator", "loadgen/*.c", 90, in_c.mutants),
    Room("verdicts of laws", "laws/verdict/*.c", 90, in_c.mutants),
    Room("kit", "servers/kit/*.c", 85, in_c.mutants),
    Room("common", "common/*.c", 85, in_c.mutants),
]


def pytest(*arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "pytest", "-x", "-q", "--hypothesis-seed=0"),
        *("-p", "no:cacheprovider", *arguments),
    ]


def naming(module: str, folder: str) -> list[str]:
    """Return the test files in a folder that import the module."""
    package, name = module.rsplit(".", 1)
    wanted = re.compile(rf"{re.escape(module)}\b|from {re.escape(package)} import [^\n]*\b{name}\b")
    return [
        str(path.relative_to(TREE))
        for path in sorted((TREE / folder).glob("*/test_*.py"))
        if wanted.search(path.read_text(encoding="utf-8"))
    ]


def rings_in_python(path: str) -> Iterator[list[str]]:
    """Yield the commands that test a module, the nearest first."""
    package, name = Path(path).parts[2], Path(path).stem
    everywhere = naming(f"iomodels.{package}.{name}", "tests/py")
    own = f"tests/py/{package}"
    nearest = [each for each in everywhere if each.startswith(own) and "proof" not in each]
    mirror = f"{own}/test_{name}.py"
    if (TREE / mirror).exists():
        nearest = [mirror, *(each for each in nearest if each != mirror)]
    if nearest:
        yield pytest(*nearest)
    yield pytest(own, "--numprocesses=2", *(f"--ignore={each}" for each in nearest))
    others = [each for each in everywhere if not each.startswith(own)]
    kept = ["tests/py/report/test_golden.py", "tests/py/measure/test_run.py"]
    yield pytest(*dict.fromkeys([*others, *kept]), "--numprocesses=2")


def rings_in_c(path: str) -> Iterator[list[str]]:
    """Yield the commands that test the native build, under sanitizers at first. Then the servers of
    Linux and the load generator follow, of the room that changed."""
    units = ["-R", "^verdict_"] if path.startswith("laws/") else []
    yield ["ctest", "--preset", "sanitize", "--stop-on-failure", "-j", "2", *units]
    if path.startswith(("loadgen/", "common/")):
        yield pytest("tests/loadgen", "-k", "native", "--numprocesses=2")
    if path.startswith(("servers/", "common/")):
        ignored = ("system", "broken", "capacity", "endurance", "exhibition")
        skipped = [f"--ignore=tests/servers/test_{name}.py" for name in ignored]
        yield [
            "env",
            "IOMODELS_NATIVE=host",
            *pytest("tests/servers", "--numprocesses=3", *skipped),
        ]


def rings(path: str) -> list[list[str]]:
    return list(rings_in_python(path) if path.endswith(".py") else rings_in_c(path))
