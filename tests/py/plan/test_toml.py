"""Files of suites that are odd: each is read, or refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iomodels.base.errors import Failure
from iomodels.base.words import visible
from iomodels.plan.suite import find_suite, load_suite, suite_files

WHOLE = suite_files()["models"].read_bytes()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a = " + b"[" * 5000, "not TOML: too deeply nested"),
        (b"a = " + b"1" * 5000, "not TOML: Exceeds the limit"),
        (b"a = \xff", "not TOML: "),
        (WHOLE.replace(b'title = "', b'title = "\\u001b[31m'), "must have no control characters"),
    ],
    ids=["deep", "long", "bytes", "escape"],
)
def test_what_no_suite_holds_is_one_line(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "suite.toml"
    path.write_bytes(text)
    with pytest.raises(Failure, match=said) as refused:
        load_suite(path)
    assert refused.value.exit_code == 2 and len(refused.value.lines) == 1


def test_the_mark_that_notepad_writes_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE)
    assert load_suite(path).connections == load_suite(suite_files()["models"]).connections


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "dir.toml").mkdir()
    with pytest.raises(Failure, match=r"dir\.toml: is a folder"):
        find_suite(str(tmp_path / "dir.toml"))
    with pytest.raises(Failure, match=r"none\.toml: no such file"):
        find_suite(str(tmp_path / "none.toml"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.toml")
        with pytest.raises(Failure, match=r"pipe\.toml: is no plain file"):
            find_suite(str(tmp_path / "pipe.toml"))


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert visible("a\x1b[31m\x7f\x9b\nb\tµ") == "a\\x1b[31m\\x7f\\x9b\nb\tµ"
