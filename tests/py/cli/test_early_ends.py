"""How the program ends: Ctrl-C while it is imported, and errors that a library makes of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from iomodels.base.files import ROOT
from iomodels.cli import main as program

DEADLINE_S = 60.0
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
BLOCKED = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
if sys.argv[1] == "pending":
    os.kill(os.getpid(), signal.SIGINT)
os.execv(sys.executable, [sys.executable, "-P", "-m", "iomodels", *sys.argv[2:]])
"""
LATE = """
import os, signal, sys
class AtTheEnd:
    def __init__(self): self.kill, self.this, self.signal = os.kill, os.getpid(), signal.SIGINT
    def __del__(self): self.kill(self.this, self.signal)
sys.modules["late"] = AtTheEnd()
sys.argv = ["iomodels", *sys.argv[1:]]
from iomodels.__main__ import start
start()
"""
SWALLOWS = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    while True: pass
except KeyboardInterrupt:
    raise ImportError("C code makes this of it")
"""


def started(*words: str, path: Path | None = None) -> tuple[int, str, str]:
    paths = [str(each) for each in (path, ROOT / "harness") if each]
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    return done.returncode, done.stdout, done.stderr


@needs_signals
def test_a_signal_that_waited_for_the_program_is_one_line() -> None:
    assert started("-c", BLOCKED, "pending", "suites") == (130, "", "iomodels: interrupted\n")
    code, out, err = started("-c", BLOCKED, "none", "--version")
    assert (code, err) == (0, "") and out.startswith("iomodels ")


@needs_signals
@pytest.mark.parametrize(
    ("words", "code"), [(("--version",), 0), (("suites", "--such"), 2), (("report", "no-such"), 2)]
)
def test_a_signal_after_the_work_changes_nothing(words: tuple[str, ...], code: int) -> None:
    """Python gives signals back to the system while it ends, after its last function of ours."""
    found = started("-c", LATE, *words)
    assert found[0] == code and "interrupted" not in found[2]


@needs_signals
def test_a_library_that_swallows_the_signal_on_import_does_not_hide_it(tmp_path: Path) -> None:
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text(SWALLOWS, encoding="utf-8")
    found = started("-P", "-m", "iomodels", "suites", path=tmp_path)
    assert found == (130, "", "iomodels: interrupted\n")


@needs_signals
def test_an_error_after_the_signal_is_the_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)

    def command(*_: Any) -> int:
        exec(SWALLOWS, {})
        return 0

    monkeypatch.setattr(program, "handler", lambda name: command)
    with pytest.raises(SystemExit) as ended:
        program.main(["suites"])
    assert (ended.value.code, capsys.readouterr()) == (130, ("", "iomodels: interrupted\n"))
    assert signal.getsignal(signal.SIGINT) is before

    def broken(*_: Any) -> int:
        raise ImportError("no such module")

    monkeypatch.setattr(program, "handler", lambda name: broken)
    with pytest.raises(ImportError, match="no such module"):
        program.main(["suites"])


@needs_signals
def test_the_launcher_blocks_ctrl_c_until_the_program_has_started(tmp_path: Path) -> None:
    for name in ("iomodels", "cmake/setup.sh", "cmake/packages.debian"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    package = tmp_path / "harness" / "iomodels"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))",
        encoding="utf-8",
    )
    done = subprocess.run(
        [tmp_path / "iomodels", "check"], capture_output=True, text=True, timeout=DEADLINE_S
    )
    if "module" in done.stderr:
        pytest.skip(done.stderr.strip())  # no Python of the system with our modules
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    ("words", "unbuffered"), [(["help"], ""), (["run", "--help"], "1"), (["--version"], "")]
)
def test_a_full_disk_below_stdout_is_one_line(words: list[str], unbuffered: str) -> None:
    paths = {"PYTHONPATH": str(ROOT / "harness"), "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "iomodels", *words],
            env={**os.environ, **paths},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=DEADLINE_S,
        )
    assert (done.returncode, done.stderr) == (1, "iomodels: No space left on device\n")
