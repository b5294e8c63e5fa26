"""The commands of docs/own-server.md, as they are printed there, on a short load."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from iomodels.data.store import load_run
from targets import BUILD, ROOT, examples

PAGE = ROOT / "docs" / "own-server.md"
SHORT = "--connections 4 --size 64 --rounds 3 --duration-ms 100 --warmup-ms 30 --no-report"
RUN_S = 300


def commands() -> list[str]:
    """Return each command that starts an example, on one line."""
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"^\./iomodels run .*references/examples/.*$", text, flags=re.MULTILINE)
    return [" ".join(command.split()) for command in found]


def test_the_page_has_a_command_per_example() -> None:
    assert len(commands()) >= len(examples())
    for example in examples():
        assert any(f"references/examples/{example.name} " in command for command in commands())


@pytest.mark.skipif(sys.platform == "win32", reason="the commands of the page are for Linux")
@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_page(command: str, tmp_path: Path) -> None:
    native = BUILD / "references" / "bin" / "reference_libuv"
    if "reference_libuv" in command and not native.is_file():
        pytest.skip(f"no {native}; `iomodels setup --references` builds it")
    words = shlex.split(command)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "iomodels", *words, *SHORT.split(), "--out", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "harness"), "IOMODELS_BUILD": str(BUILD)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    run = load_run(folder)
    assert [record.reason for record in run.records if not record.ok] == []
    names = words[words.index("--models") + 1].split(",")
    assert {record.condition.label for record in run.records} == {
        f"{name} (external)" for name in names
    }
