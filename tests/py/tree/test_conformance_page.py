"""docs/conformance.md and the sources name the same checks and models; this needs no Wine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "conformance.md"
TABLE = ROOT / "tests" / "servers" / "table.py"


def compare(page: Path) -> tuple[int, str]:
    """Compare in another process: the suite is a pytest session with its own conftest."""
    done = subprocess.run(
        [sys.executable, str(TABLE), "--check", str(page)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_page_is_of_these_sources() -> None:
    code, said = compare(PAGE)
    assert code == 0, f"{said}run: python3 tests/servers/table.py"


def test_page_has_every_model() -> None:
    head = next(
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| check |")
    )
    models = [cell.strip() for cell in head.strip("|").split("|")[2:]]
    assert models == sorted(path.stem for path in (ROOT / "servers").glob("*.c"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("`half_close_is", "`half_closed_is"),
        ("| iocp |", "| port |"),
        ("| ✓ |", "| ✗ |"),
        ("FIN", "fin"),
    ],
    ids=["renamed check", "other model", "failure", "other sentence"],
)
def test_page_that_differs_is_noticed(tmp_path: Path, old: str, new: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert old in page
    (tmp_path / "page.md").write_text(page.replace(old, new, 1), encoding="utf-8")
    code, said = compare(tmp_path / "page.md")
    assert code == 1 and said


def test_row_that_is_missing_is_noticed(tmp_path: Path) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines(keepends=True)
    row = next(number for number, line in enumerate(lines) if line.startswith("| `"))
    (tmp_path / "page.md").write_text("".join(lines[:row] + lines[row + 1 :]), encoding="utf-8")
    code, said = compare(tmp_path / "page.md")
    assert code == 1 and "missing on the page" in said
