"""`iomodels new-model`: the copied sources of a clone, and each name that it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from iomodels.base.errors import Failure
from iomodels.base.files import ROOT
from iomodels.cli.new_model import make_model


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("servers", "docs/models"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def test_a_model_gets_its_source_page_build_line_and_rows(clone: Path) -> None:
    changed = make_model(clone, "mine", "select")
    assert [path.relative_to(clone).as_posix() for path in changed] == [
        "servers/mine.c",
        "docs/models/mine.md",
        "servers/CMakeLists.txt",
        "servers/README.md",
        "README.md",
    ]
    source = (clone / "servers/mine.c").read_text(encoding="utf-8")
    assert source.startswith("/* mine: ") and '.name = "mine"' in source
    page = (clone / "docs/models/mine.md").read_text(encoding="utf-8")
    assert page.startswith("# mine\n") and "[servers/mine.c](../../servers/mine.c)" in page
    assert "select mine" in (clone / "servers/CMakeLists.txt").read_text(encoding="utf-8")
    assert "| [mine](../docs/models/mine.md) |" in (clone / "servers/README.md").read_text(
        encoding="utf-8"
    )
    assert "[`mine`](servers/mine.c)" in (clone / "README.md").read_text(encoding="utf-8")


def test_every_model_can_be_copied(clone: Path) -> None:
    for start in sorted(path.stem for path in (ROOT / "servers").glob("*.c")):
        make_model(clone, f"my_{start}", start)


@pytest.mark.parametrize(
    ("name", "start", "said"),
    [
        ("mine", "selekt", "did you mean select"),
        ("Mine", "select", "must be 2 to 31"),
        ("select", "iocp", "exists already"),
    ],
)
def test_a_wrong_name_changes_nothing(clone: Path, name: str, start: str, said: str) -> None:
    before = {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()}
    with pytest.raises(Failure, match=said) as caught:
        make_model(clone, name, start)
    assert caught.value.exit_code == 2
    assert before == {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()}


def test_without_sources_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="work in a clone"):
        make_model(tmp_path, "mine", "select")
