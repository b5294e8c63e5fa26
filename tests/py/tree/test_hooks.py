"""The hooks of git, in a repository of their own: what they let pass and what they stop."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from iomodels.base.files import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")
COPIED = ("pyproject.toml", ".clang-format", "cmake/setup.sh", "cmake/packages.debian")
BODY = "package: add a function\n\nA test needs it.\n"
DEADLINE_S = 300.0


@pytest.fixture(scope="module")
def ruff() -> Path:
    """Return the pinned ruff, installed as `./iomodels test style` does it; every test needs it."""
    script = '. "$root/cmake/setup.sh"; python=$1; ensure_ruff; printf %s "$ruff"'
    environ = {**os.environ, "root": str(ROOT), "no_install": ""}
    done = subprocess.run(
        ["sh", "-c", script, "sh", sys.executable], env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout)


class Repository:
    """A repository with the hooks switched on and one commit."""

    def __init__(self, folder: Path, ruff: Path) -> None:
        self.folder = folder
        for name in COPIED:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        shutil.copytree(ROOT / ".githooks", folder / ".githooks")
        self.write(".gitignore", "/build/\n")
        self.write("harness/iomodels/__init__.py", "")
        self.write("tests/loadgen/bench.py", "")
        (folder / "build" / "tools" / "bin").mkdir(parents=True)
        (folder / "build" / "tools" / "bin" / "ruff").symlink_to(ruff)
        if (ROOT / "build" / "venv").is_dir():
            (folder / "build" / "venv").symlink_to(ROOT / "build" / "venv")
        self.git("init", "--quiet")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "first")
        self.git("config", "core.hooksPath", ".githooks")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def git(self, *words: str) -> tuple[int, str]:
        environ = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
        environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        done = subprocess.run(
            ["git", *who, *words],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        return done.returncode, done.stdout + done.stderr

    def commit(self, message: str, **files: str) -> tuple[int, str]:
        """Writes and stages the files, then commits."""
        for name, text in files.items():
            self.write(name, text)
            self.git("add", name)
        return self.git("commit", "--message", message)


@pytest.fixture
def repository(tmp_path: Path, ruff: Path) -> Repository:
    return Repository(tmp_path / "a tree", ruff)


PYTHON = "harness/iomodels/words.py"
GOOD_PYTHON = '"""Words."""\n\n\ndef twice(word: str) -> str:\n    return word * 2\n'
GOOD_C = "int main(void) {\n    return 0;\n}\n"


def test_clean_sources_are_committed(repository: Repository) -> None:
    code, text = repository.commit(BODY, **{PYTHON: GOOD_PYTHON, "loadgen/one.c": GOOD_C})
    assert code == 0, text
    assert repository.git("log", "-1", "--format=%B")[1].strip() == BODY.strip()


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        (PYTHON, "x  = 1\n", "x = 1"),
        (PYTHON, "import os\n", "F401"),
        (PYTHON, 'x: int = "a"\n', "Incompatible types in assignment"),
        ("loadgen/one.c", "int main(void) { return 0 ; }\n", "loadgen/one.c"),
    ],
    ids=["ruff format", "ruff check", "mypy", "clang-format"],
)
def test_a_finding_stops_the_commit(
    name: str, text: str, complaint: str, repository: Repository
) -> None:
    code, said = repository.commit(BODY, **{name: text})
    assert code != 0 and complaint in said and "the commit is stopped" in said
    assert repository.git("log", "--format=%s")[1] == "first\n"


def test_what_is_staged_counts_and_not_the_working_tree(repository: Repository) -> None:
    repository.write(PYTHON, "import os\n")
    repository.git("add", PYTHON)
    repository.write(PYTHON, GOOD_PYTHON)
    assert "F401" in repository.git("commit", "--message", BODY)[1]
    repository.git("add", PYTHON)
    repository.write(PYTHON, "import os\n")
    code, text = repository.git("commit", "--message", BODY)
    assert code == 0, text


def test_without_ruff_the_hook_says_so_and_downloads_nothing(repository: Repository) -> None:
    (repository.folder / "build" / "tools" / "bin" / "ruff").unlink()
    pinned = (repository.folder / "pyproject.toml").read_text(encoding="utf-8")
    repository.write("pyproject.toml", pinned.replace('["ruff==', '["ruff==99.'))
    code, text = repository.commit(BODY, **{PYTHON: GOOD_PYTHON})
    assert code != 0 and "is not installed; `./iomodels test style` without" in text


LONG = "a" * 60 + " " + "b" * 12


@pytest.mark.parametrize(
    ("message", "file", "complaint"),
    [
        ("area: do it\n\nBecause.\n", "a.sh", None),
        ("area: do it\n", "a.md", None),
        ("area: do it\n", "results/a.json", None),
        ("area: do it\n", "a.sh", "no body"),
        ("area: do it\nBecause.\n", "a.sh", "line 2 must be empty"),
        ("é" * 72 + "\n\nBecause.\n", "a.sh", None),
        (LONG + "\n\nBecause.\n", "a.sh", "the subject has 73 characters; at most 72"),
        ("area: do it\n\n" + "wörd " * 20 + "\n", "a.sh", None),
        (
            "area: do it\n\n" + "word " * 20 + "w\n",
            "a.sh",
            "line 3 has 101 characters; at most 100",
        ),
        ("area: do it\n\n" + "x" * 120 + "\n", "a.sh", None),
        ("fixup! " + LONG + "\n", "a.sh", None),
    ],
)
def test_messages(message: str, file: str, complaint: str | None, repository: Repository) -> None:
    code, text = repository.commit(message, **{file: "1\n"})
    assert (code == 0) == (complaint is None), text
    assert complaint is None or f"commit-msg: {complaint}" in text
