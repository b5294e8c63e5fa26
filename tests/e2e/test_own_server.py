"""A server of the user in a run: natively, among our models under Wine, and attached."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from iomodels.base.build import windows_programs
from iomodels.data.records import Run, counter
from iomodels.data.store import load_run

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("IOMODELS_BUILD") or ROOT / "build").resolve()
STRANGER = ROOT / "tests" / "fixtures" / "stranger.py"
SMALL = (
    *("run", "select-vs-iocp", "--connections", "1,8", "--size", "64", "--rounds", "3"),
    *("--duration-ms", "100", "--warmup-ms", "30"),
)


def iomodels(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "iomodels", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "harness")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def measured(out: Path, *arguments: str) -> tuple[Run, str]:
    done = iomodels(*SMALL, "--out", str(out), *arguments)
    assert done.returncode == 0, done.stderr
    (folder,) = (path for path in out.iterdir() if path.is_dir())
    return load_run(folder), done.stdout


def stranger(mode: str = "echo") -> str:
    return f"'{sys.executable}' '{STRANGER}' {mode} {{port}}"


def test_two_servers_of_linux_are_measured_without_wine(tmp_path: Path) -> None:
    both = ("--server", f"mine={stranger()}", "--server", f"theirs={stranger('child')}")
    run, printed = measured(tmp_path, *both, "--models", "mine,theirs")
    assert run.platform.startswith("linux-")
    assert [record.reason for record in run.records if not record.ok] == []
    assert {record.condition.label for record in run.records} == {
        "mine (external)",
        "theirs (external)",
    }
    for record in run.records:
        assert record.server and record.server["end"]["counters"] is None
        assert counter(record, "server.cpu_ns/request").value
        assert counter(record, "server.events_per_wait").reason
    assert "Measured on Linux" in printed and "mine (external)" in printed
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "mine (external)" in page and "Measured on Linux" in page
    assert "external server theirs" in page and f"SHA-256: {Path(sys.executable).name}" in page
    facts = run.manifest["external"]["theirs"]
    assert facts["files"][str(STRANGER)] and "{port}" in facts["command"]


def test_a_program_of_windows_runs_among_our_models(tmp_path: Path) -> None:
    """Our own server plays the stranger: an echo server whose first line says that it is ready."""
    program = windows_programs(BUILD) / "iocp.exe"
    suite = tmp_path / "own.toml"
    suite.write_text(
        "title = 'Own'\nquestion = 'Which?'\nconnections = [4]\nsizes = [64]\ndepth = 1\n"
        "rounds = 2\nwarmup_ms = 30\nduration_ms = 100\n[[servers]]\nmodel = 'select'\n"
        f"[[servers]]\nname = 'mine'\nready = 'line:ready'\nthreads = 2\n"
        f"command = ['{program}', '--port', '{{port}}', '--threads', '{{threads}}']\n",
        encoding="utf-8",
    )
    out = tmp_path / "runs"
    done = iomodels("run", str(suite), "--out", str(out), "--no-report")
    assert done.returncode == 0, done.stderr
    run = load_run(next(path for path in out.iterdir() if path.is_dir()))
    assert run.platform.startswith("wine-")
    assert [record.reason for record in run.records if not record.ok] == []
    mine = [record for record in run.records if record.condition.model == "mine"]
    assert len(mine) == 2
    for record in mine:
        assert counter(record, "wineserver.cpu_ns").value is not None
        assert counter(record, "server.threads").value


def test_a_server_that_does_not_echo_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    wrong = ("--server", f"mine={stranger('wrong')}", "--models", "mine")
    done = iomodels(*SMALL, "--out", str(tmp_path), *wrong)
    assert done.returncode == 1
    assert "iomodels: mine: byte " in done.stderr and "must send back all" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_platforms_that_would_mix_are_refused(tmp_path: Path) -> None:
    done = iomodels(*SMALL, "--out", str(tmp_path), "--server", f"mine={stranger()}")
    assert done.returncode == 2
    assert "platforms never mix: choose servers of one by --models" in done.stderr


def test_a_run_of_an_attached_server(tmp_path: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, str(STRANGER), "echo", str(port)], stdout=subprocess.PIPE
    )
    try:
        assert server.stdout
        server.stdout.readline()
        attach = ("--attach", f"mine=127.0.0.1:{port}", "--models", "mine")
        run, printed = measured(tmp_path, *attach, "--no-report")
        assert server.poll() is None
    finally:
        server.kill()
        server.wait()
    assert run.platform == "attached" and all(record.ok for record in run.records)
    assert counter(run.records[0], "server.cpu_ns").value is not None
    assert "it is not known what system they run on" in printed


def test_an_interrupted_run_keeps_its_servers(tmp_path: Path) -> None:
    """A resumed run needs the same files."""
    copy = tmp_path / "server.py"
    copy.write_bytes(STRANGER.read_bytes())
    out = tmp_path / "runs"
    command = f"mine='{sys.executable}' '{copy}' echo {{port}}"
    run, _ = measured(out, "--server", command, "--models", "mine", "--no-report")
    lines = (run.path / "records.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (run.path / "records.jsonl").write_text("".join(lines[:-1]), encoding="utf-8")
    manifest = json.loads((run.path / "run.json").read_text(encoding="utf-8"))
    manifest["status"] = "interrupted"
    (run.path / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    copy.write_text(copy.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    refused = iomodels("run", "--resume", str(run.path), "--no-report")
    assert refused.returncode == 2
    assert "server mine: its files changed since the run started" in refused.stderr
    copy.write_bytes(STRANGER.read_bytes())
    resumed = iomodels("run", "--resume", str(run.path), "--no-report")
    assert resumed.returncode == 0, resumed.stderr
    assert len(load_run(run.path).records) == len(lines)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--server", "mine"), "--server mine: must be NAME=COMMAND"),
        (("--server", "mine=a"), "--server mine=a: command: must contain {port}"),
        (("--attach", "mine=7000"), "--attach mine=7000: attach = '7000': must be HOST:PORT"),
        (("--resume", "latest", "--server", "mine=a {port}"), "--server: must be omitted with"),
    ],
)
def test_wrong_words_are_named(words: tuple[str, ...], error: str) -> None:
    done = iomodels("run", *(words if "--resume" in words else ("models", *words)))
    assert done.returncode == 2 and error in done.stderr, done.stderr
