"""The two builds of `iomodels ab`: what a word names, and what does not match."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from iomodels.base.errors import Failure
from iomodels.measure import ab
from iomodels.measure.ab import AbLauncher, Side, comparing_builds, sides
from stage import FakeLauncher, described

SAID: list[str] = []


def made(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.exe").write_text(name, encoding="utf-8")
    return folder


def built(tmp_path: Path, *words: str) -> tuple[Side, Side]:
    old, new = words
    return sides(old, new, tmp_path / "build", SAID.append)


def test_a_folder_a_build_tree_and_a_program_are_builds(tmp_path: Path) -> None:
    plain = made(tmp_path / "plain", "iocp", "select", "loadgen")
    tree = made(tmp_path / "tree/mingw/bin", "iocp").parents[1]
    old, new = built(tmp_path, str(plain), str(tree))
    assert sorted(old.programs) == ["iocp", "select"], "the load generator is no server"
    assert sorted(new.programs) == ["iocp"]
    kept = comparing_builds(str(plain), str(plain), tmp_path, ("iocp",), SAID.append).kept
    assert kept and sorted(kept["programs"]) == ["iocp@new", "iocp@old"], "only what is compared"
    one, _ = built(tmp_path, str(plain / "iocp.exe"), str(tree))
    assert list(one.programs) == ["iocp"]


def test_two_programs_need_no_equal_names(tmp_path: Path) -> None:
    folder = made(tmp_path / "programs", "iocp", "iocp-patched")
    old, new = built(tmp_path, str(folder / "iocp.exe"), str(folder / "iocp-patched.exe"))
    assert list(old.programs) == list(new.programs) == ["iocp-patched"]
    assert old.programs["iocp-patched"].name == "iocp.exe"


def test_a_program_may_be_compared_with_itself(tmp_path: Path) -> None:
    program = str(made(tmp_path / "programs", "iocp") / "iocp.exe")
    found = comparing_builds(program, program, tmp_path, (), SAID.append)
    assert found.series == ("iocp@old", "iocp@new")
    assert found.kept and found.kept["commits"] == {"old": None, "new": None}
    assert len(set(found.kept["programs"].values())) == 1


class Describing(FakeLauncher):
    """Its programs say the model that their file holds."""

    def models_of(self, sides_: Sequence[Side]) -> dict[str, dict[str, Any]]:
        return AbLauncher(self, sides_, ()).models()


def test_builds_of_two_models_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        AbLauncher, "_describe", lambda self, path: described(path.read_text(encoding="utf-8"))
    )
    folder = made(tmp_path / "programs", "iocp", "select", "iocp2")
    (folder / "iocp2.exe").write_text("iocp", encoding="utf-8")
    same = built(tmp_path, str(folder / "iocp.exe"), str(folder / "iocp2.exe"))
    assert sorted(Describing().models_of(same)) == ["iocp2@new", "iocp2@old"]
    other = built(tmp_path, str(folder / "iocp.exe"), str(folder / "select.exe"))
    with pytest.raises(Failure, match="OLD is a build of iocp, NEW one of select") as found:
        Describing().models_of(other)
    assert found.value.exit_code == 2


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed, as under Wine")
def test_a_commit_is_exported_whole_and_no_work_tree_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()

    def git(*words: str) -> str:
        named = ["git", "-C", str(repository), "-c", "user.name=n", "-c", "user.email=e", *words]
        return subprocess.run(named, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    for content in ("first", "second"):
        (repository / "CMakeLists.txt").write_text(content, encoding="utf-8")
        git("add", "-A")
        git("commit", "--quiet", "--no-verify", "-m", content)
    monkeypatch.setattr(ab, "ROOT", repository)
    commit = git("rev-parse", "HEAD~1")
    assert ab._commit_of("HEAD~1") == commit and ab._commit_of("nowhere") is None
    ab._export(commit, tmp_path / "tree", "HEAD~1")
    exported = tmp_path / "tree/source"
    assert (exported / "CMakeLists.txt").read_text(encoding="utf-8") == "first"
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["source"]
    assert git("worktree", "list").count("\n") == 0
    with pytest.raises(Failure, match="ab HEAD~9: git archive failed: "):
        ab._export("HEAD~9", tmp_path / "other", "HEAD~9")
