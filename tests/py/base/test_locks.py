"""A lock between processes: who holds it, and what its end leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from iomodels.base.files import ROOT
from iomodels.base.locks import Held, holder_of, locked

HOLDER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from iomodels.base.locks import locked
with locked(Path(sys.argv[1]), "iomodels run small"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[bytes]:
    """Start a process that holds the lock until its stdin ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(ROOT / "harness")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout and holder.stdout.readline().strip() == b"held"
    return holder


def test_another_process_is_refused_and_reads_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold(path) as holder:
        said = rf"process {holder.pid}, 20.*: iomodels run small$"
        with pytest.raises(Held, match=said), locked(path, "second"):
            pass
        assert "iomodels run small" in str(holder_of(path))
    assert not path.exists() and holder_of(path) is None
    with locked(path, "third"):
        assert "third" in path.read_text(encoding="utf-8")


def test_a_killed_holder_leaves_a_file_that_means_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold(path) as holder:
        holder.kill()
    assert path.exists() and holder_of(path) is None
    with locked(path, "next"):
        pass
    assert not path.exists()


def test_a_lock_is_no_link(tmp_path: Path) -> None:
    """A link in a folder that all users share must not let this program write elsewhere."""
    target = tmp_path / "target"
    target.write_text("kept", encoding="utf-8")
    (tmp_path / "lock").symlink_to(target)
    with pytest.raises(OSError), locked(tmp_path / "lock", "x"):
        pass
    assert target.read_text(encoding="utf-8") == "kept"
