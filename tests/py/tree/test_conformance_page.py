"""docs/conformance.md and the sources name the same checks and models; this needs no Wine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "conformance.md"
TABLE = ROOT / "tests" / "servers" / "table.py"


WRONG = {
    "renamed check": ("`half_close_is", "`half_closed_is"),
    "other model": ("| iocp |", "| port |"),
    "failure": ("| ✓ |", "| ✗ |"),
    "other sentence": ("FIN", "fin"),
}
"""By what is wrong: the first such text of the page, and what stands there instead."""
NO_ROW = "missing row"


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Compare the page and wrong copies of it; return the problems of each by its name.

    One other process compares all: the suite is a pytest session with its own conftest.
    """
    page = PAGE.read_text(encoding="utf-8")
    folder = tmp_path_factory.mktemp("pages")
    lines = page.splitlines(keepends=True)
    row = next(number for number, line in enumerate(lines) if line.startswith("| `"))
    texts = {NO_ROW: "".join(lines[:row] + lines[row + 1 :])}
    for name, (old, new) in WRONG.items():
        assert old in page
        texts[name] = page.replace(old, new, 1)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    pages = [PAGE, *(folder / name for name in texts)]
    done = subprocess.run(
        [sys.executable, str(TABLE), "--check", *map(str, pages)],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 1 and not done.stderr, done.stdout + done.stderr
    found: dict[str, list[str]] = {each.name: [] for each in pages}
    for line in done.stdout.splitlines():
        name, _, problem = line.partition(": ")
        found[name].append(problem)
    return found


def test_page_is_of_these_sources(problems: dict[str, list[str]]) -> None:
    assert problems[PAGE.name] == [], "run: python3 tests/servers/table.py"


def test_page_has_every_model() -> None:
    head = next(
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| check |")
    )
    models = [cell.strip() for cell in head.strip("|").split("|")[2:]]
    every = {path.stem for path in (ROOT / "servers").glob("*.c")}
    assert models == sorted(every - {"iocp_reuse"}), "Wine cannot run iocp_reuse (decision 0112)"


@pytest.mark.parametrize("wrong", WRONG)
def test_page_that_differs_is_noticed(wrong: str, problems: dict[str, list[str]]) -> None:
    assert problems[wrong]


def test_row_that_is_missing_is_noticed(problems: dict[str, list[str]]) -> None:
    assert [line for line in problems[NO_ROW] if line.startswith("missing on the page: ")]
