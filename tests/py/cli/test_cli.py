"""The command line: bad input gets one line with option, value and what is allowed; exit code 2."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from iomodels import __version__
from iomodels.base.errors import Failure
from iomodels.cli import folders
from iomodels.cli.main import main
from iomodels.launch import platform as launch
from iomodels.measure import run
from iomodels.measure.session import Setting
from iomodels.plan.suite import Suite, find_suite, load_suite
from made_run import RUN, make_run
from stage import FakeLauncher


class Started(Exception):
    def __init__(self, suite: Suite, options: dict[str, Any]) -> None:
        super().__init__()
        self.suite, self.options = suite, options


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def start(setting: Setting, suite: Suite, **options: Any) -> int:
        raise Started(suite, {**options, "setting": setting})

    def resume(setting: Setting, folder: Path, **options: Any) -> int:
        raise Started(load_suite(find_suite("select-vs-iocp")), {**options, "folder": folder})

    monkeypatch.setattr(run, "start_run", start)
    monkeypatch.setattr(run, "resume_run", resume)
    monkeypatch.setattr(folders, "RESULTS", tmp_path / "results")


def started(*words: str) -> Started:
    with pytest.raises(Started) as caught:
        main(words)
    return caught.value


def rejected(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("iomodels: ") and err.count("\n") == 1
    return err.strip()


SUITE = "select-vs-iocp"
CPU = min(psutil.Process().cpu_affinity())
ROLES = "server, loadgen" if os.name == "nt" else "server, wineserver, loadgen"
ALL = (
    "all-models, blocking-handlers, claims-churn, claims-crowd, claims-fairness, claims-handlers, "
    "claims-models, claims-pool, efficiency, fairness, frameworks, idle-crowd, idle-memory, "
    "inline-fairness, iocp-tuning, iocp-vs-epoll, load-curve, models, readiness, select-vs-iocp, "
    "table-6-3, thread-counts, which-iocp"
)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["run", SUITE, "--rounds", "0"],
            "iomodels: --rounds 0: must be a whole number from 1 to 1000",
        ),
        (
            ["run", SUITE, "--affinity", "gpu=0"],
            f"iomodels: --affinity gpu=0: gpu: no such role; available: {ROLES}",
        ),
        (
            ["run", SUITE, "--cluster", "local:1"],
            "iomodels: --cluster local:1: must be the file of a bundle, or local:2 to local:9",
        ),
        (
            ["run", SUITE, "--min-load", "2"],
            "iomodels: --min-load: must be used with --cluster",
        ),
        (
            ["run", SUITE, "--cluster", "x", "--affinity", f"server={CPU}"],
            "iomodels: --affinity: must be omitted with --cluster; "
            "give `iomodels worker` its --cpus",
        ),
        (
            ["run", SUITE, "--cluster", "x", "--wait"],
            "iomodels: --wait: must be omitted with --cluster, whose machines refuse a second "
            "client",
        ),
        (
            ["worker", "x", "--role", "load", "--cpus", "3-1"],
            "iomodels: --cpus 3-1: must be CPUs such as 0-3,6, or none",
        ),
        (
            ["cluster", "new", "x", "--host", "0.0.0.0"],
            "iomodels: --host 0.0.0.0: must be an address that the other machines can reach",
        ),
        (
            ["cluster", "new", __file__],
            f"iomodels: {__file__}: must be a folder",
        ),
        (
            ["cluster", "stop", "x"],
            "iomodels: ACTION stop: must be one of: new, start",
        ),
        (
            ["worker", "x"],
            "iomodels: worker: needs a role: --role server or --role load",
        ),
        (
            ["worker", "x", "--role", "load", "--name", "a b"],
            "iomodels: --name a b: must be 1 to 40 letters, digits, dots, dashes or underscores",
        ),
        (
            ["cluster", "new", "x", "--host", "lab"],
            "iomodels: --host lab: must be an IPv4 address of this machine, such as 192.0.2.10",
        ),
        (
            ["cluster", "new", "x", "--port", "65520"],
            "iomodels: --port 65520: must be a whole number from 1024 to 65503",
        ),
        (
            ["run", SUITE, "--rounds", "x"],
            "iomodels: --rounds x: must be a whole number from 1 to 1000",
        ),
        (
            ["run", SUITE, "--rounds=-1"],
            "iomodels: --rounds -1: must be a whole number from 1 to 1000",
        ),
        (["run", SUITE, "--rounds"], "iomodels: --rounds: expected one argument"),
        (
            ["run", SUITE, "--seed", "4294967296"],
            "iomodels: --seed 4294967296: must be a whole number from 0 to 4294967295",
        ),
        (
            ["run", SUITE, "--duration-ms", "0"],
            "iomodels: --duration-ms 0: must be a whole number from 1 to 3600000 ms",
        ),
        (
            ["run", SUITE, "--warmup-ms", "1e3"],
            "iomodels: --warmup-ms 1e3: must be a whole number from 0 to 3600000 ms",
        ),
        (
            ["run", SUITE, "--connections", "1,,8"],
            "iomodels: --connections 1,,8: must be comma-separated whole numbers from 1 to 100000",
        ),
        (
            ["run", SUITE, "--connections", "8,8"],
            "iomodels: --connections 8,8: must not repeat a value",
        ),
        (
            ["run", SUITE, "--size", "1048577"],
            "iomodels: --size 1048577: "
            "must be comma-separated whole numbers from 1 to 1048576 bytes",
        ),
        (
            ["run", SUITE, "--models", "select,"],
            "iomodels: --models select,: must be comma-separated names",
        ),
        (
            ["run", SUITE, "--rounds", "3", "--minutes", "4"],
            "iomodels: --rounds: must be omitted with --minutes, which measures until loads are "
            "decided",
        ),
        (
            ["run", SUITE, "--margin", "0"],
            "iomodels: --margin 0: must be from 0.5 to 50 percent",
        ),
        (
            ["run", SUITE, "--round", "3"],
            "iomodels: --round: no such option of run; did you mean --rounds?",
        ),
        (
            ["run", SUITE, "--xyzzy"],
            "iomodels: --xyzzy: no such option of run; see: iomodels run --help",
        ),
        (["run", SUITE, "again"], "iomodels: again: unexpected argument; see: iomodels run --help"),
        (
            ["run", SUITE, "--retry-failed"],
            "iomodels: --retry-failed: must be used with --resume RUN",
        ),
        (
            ["run", "--resume", "latest", "--seed", "0", "--quick"],
            "iomodels: --quick, --seed: must be omitted with --resume; a run keeps its own plan",
        ),
        (
            ["run", "select-vs-icop"],
            f"iomodels: suite select-vs-icop: not known; did you mean {SUITE}? (available: {ALL})",
        ),
        (["run", "missing.toml"], "iomodels: suite missing.toml: no such file"),
        (["run"], f"iomodels: run: no suite given; available suites: {ALL}"),
        (
            ["rum"],
            "iomodels: rum: no such command; did you mean run? "
            "(available: run, ab, slo, tune, micro, laws, claims, cluster, worker, report, runs, "
            "compare, plot, join, export, validate, pack, check, doctor, models, suites, "
            "setup, test, completion, help, new-model)",
        ),
        (["report"], "iomodels: the following arguments are required: RUN"),
        (["--nonsense"], "iomodels: the following arguments are required: COMMAND"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert rejected(capsys, *words) == message


def test_out_must_be_a_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert (
        rejected(capsys, "run", SUITE, "--out", str(file))
        == f"iomodels: --out {file}: must be a folder"
    )


def test_a_bad_suite_is_named_line_by_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "bad.toml"
    text = find_suite(SUITE).read_text(encoding="utf-8")
    path.write_text(
        text.replace("minutes = 5", "rounds = 0").replace("depth", "deep", 1), encoding="utf-8"
    )
    with pytest.raises(SystemExit, match="2"):
        main(["run", str(path)])
    lines = capsys.readouterr().err.splitlines()
    assert f"iomodels: {path}: rounds = 0: must be a whole number 1 … 1000" in lines
    assert len(lines) == 3 and all(line.startswith(f"iomodels: {path}: ") for line in lines)


def test_options_change_the_suite() -> None:
    suite = load_suite(find_suite(SUITE))
    assert replace(started("run", SUITE).suite, seed=suite.seed) == suite
    seeds = {started("run", SUITE).suite.seed for _ in range(4)}
    assert len(seeds) > 1, "the seed is drawn for each run"
    changed = started(
        *(
            "run",
            SUITE,
            "--models",
            "iocp",
            "--connections",
            "1,64",
            "--size",
            "64",
            "--rounds",
            "7",
        ),
        *("--duration-ms", "500", "--warmup-ms", "0", "--seed", "0"),
    )
    assert changed.suite == replace(
        suite,
        servers=suite.servers[1:],
        connections=(1, 64),
        sizes=(64,),
        rounds=7,
        minutes=0,
        duration_ms=500,
        warmup_ms=0,
        seed=0,
    )


def test_quick() -> None:
    start = started("run", SUITE, "--quick", "--rounds", "4", "--seed", "1")
    assert start.suite == replace(load_suite(find_suite(SUITE), quick=True), rounds=4)
    assert start.options["quick"] is True and start.options["dry_run"] is False


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOMODELS_BUILD", str(tmp_path / "b"))
    start = started("run", SUITE, "--out", str(tmp_path), "--no-report", "--dry-run")
    setting = start.options["setting"]
    assert setting.build == tmp_path / "b"
    assert (start.options["out"], start.options["dry_run"]) == (tmp_path, True)
    assert setting.command[:3] == ("iomodels", "run", SUITE)


def test_for_programs_stdout_is_left_to_the_result() -> None:
    for words, for_programs in ((["run", SUITE], False), (["run", SUITE, "--json"], True)):
        setting = started(*words).options["setting"]
        assert setting.console.stderr == for_programs


@pytest.mark.parametrize("code_page", ["cp437", "cp1252"])
def test_a_code_page_without_a_sign_loses_no_more_than_that(
    monkeypatch: pytest.MonkeyPatch, code_page: str
) -> None:
    """As Windows has it where output goes into a file or a pipe."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, encoding=code_page))
    with pytest.raises(SystemExit):
        main(["run", SUITE, "--rounds", "3≤4"])
    sys.stderr.flush()
    known = "≤".encode(code_page, "replace").decode(code_page)
    assert (
        written.getvalue()
        .decode(code_page)
        .startswith(f"iomodels: --rounds 3{known}4: must be a whole number from 1 ")
    )


def test_runs_are_found_by_name_by_path_and_as_the_latest(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    folder = make_run(results, measured=1)
    (results / "20991231-000000-not-a-run").mkdir()
    for name in (RUN, "latest", str(folder)):
        assert started("run", "--resume", name).options == {"folder": folder, "retry_failed": False}
    assert started("run", SUITE, "--resume", RUN, "--retry-failed").options["retry_failed"] is True


def test_runs_that_are_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    results = tmp_path / "results"
    assert (
        rejected(capsys, "report", "latest")
        == f"iomodels: latest: no such run; {results} has none yet"
    )
    results.mkdir()
    make_run(results, measured=0)
    assert (
        rejected(capsys, "report", RUN[:-1])
        == f"iomodels: {RUN[:-1]}: no such run; did you mean {RUN}? (available: {RUN})"
    )
    assert (
        rejected(capsys, "report", str(tmp_path))
        == f"iomodels: {tmp_path}: not a run: it has no run.json"
    )
    assert (
        rejected(capsys, "run", "other", "--resume", RUN)
        == f"iomodels: --resume {RUN}: is a run of {SUITE}, not of other"
    )


def test_failures_of_the_launcher_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_wine(build: Path, say: Any = None) -> None:
        raise Failure("Wine is needed")

    monkeypatch.setattr(launch, "open_launcher", no_wine)
    assert rejected(capsys, "models", code=1) == "iomodels: Wine is needed"


def test_models(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, launcher: FakeLauncher
) -> None:
    launcher.described["two"].update(max_conns=63, limit="64 handles", supported=False)
    monkeypatch.setattr(launch, "open_launcher", lambda build, placement=None, say=None: launcher)
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert "models on fake-1.0" in out
    assert re.search(r"one .* yes .* no limit of its own .* The one model ", out)
    assert re.search(r"two .* no, needs Windows 8 .* at most 63 .* The two model; 64 handles", out)


def test_suites(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suites"]) == 0
    out = capsys.readouterr().out
    assert f"\n{SUITE}: Which serves more" in out
    assert "8 to 40 rounds of 18 measurements, about 5 min" in out
    assert "--quick 18 measurements" in out
    assert (
        out.startswith("all-models: ")
        and "\nmodels: " in out
        and "8 to 40 rounds of 77 measurements" in out
        and "--quick 63 measurements, about 1 min" in out
    )


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["run", "--help"], ["report", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith("usage: iomodels")
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"iomodels {__version__}\n"
    assert main([]) == 2
    assert "examples:" in capsys.readouterr().err


def test_models_may_be_outside_the_suite() -> None:
    servers = started("run", SUITE, "--models", "tpio,select").suite.servers
    assert [server.model for server in servers] == ["select", "tpio"]


def test_minutes_make_a_plan_that_stops_and_rounds_a_fixed_one() -> None:
    stopping = started("run", SUITE, "--minutes", "7").suite
    assert (stopping.minutes, stopping.rounds) == (7, 40)
    fixed = started("run", SUITE, "--rounds", "7").suite
    assert (fixed.minutes, fixed.rounds) == (0, 7)


def test_active_connections_follow_those_that_are_picked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    picked = started("run", "idle-crowd", "--connections", "10000,64").suite
    assert (picked.connections, picked.active) == ((10000, 64), (100, 64))
    with pytest.raises(SystemExit, match="2"):
        main(["run", "idle-crowd", "--connections", "7"])
    assert "--connections 7: must be one of 64, 1024, 10000" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nowhere", "nothing"], "ab nowhere: neither a program, nor a folder, nor a commit"),
        (["{tmp}", "{tmp}"], "ab {tmp}: no program (*.exe) there"),
        (
            ["{tmp}/a", "{tmp}/b"],
            "ab: {tmp}/a has a, {tmp}/b has b: they share no model",
        ),
    ],
)
def test_builds_that_cannot_be_compared(
    words: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        if words[0].endswith("/a"):
            (tmp_path / name).mkdir()
            (tmp_path / name / f"{name}.exe").write_bytes(b"")
    with pytest.raises(SystemExit, match="2"):
        main(["ab", *(word.format(tmp=tmp_path) for word in words)])
    why = " (git is not installed)" * (words[0] == "nowhere" and not shutil.which("git"))
    assert capsys.readouterr().err == f"iomodels: {line.format(tmp=tmp_path)}{why}\n"


@pytest.mark.skipif(os.name == "nt", reason="a bundle needs the package cryptography there")
@pytest.mark.parametrize("system", ["systemd", "windows"])
def test_a_unit_starts_the_worker_as_it_was_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, system: str
) -> None:
    credentials = pytest.importorskip("iomodels.cluster.credentials")
    pytest.importorskip("cryptography", reason="the package cryptography is missing")
    bundle = credentials.new_bundle(tmp_path, "127.0.0.1", 9000, 1)
    words = ["worker", f"{tmp_path}{os.sep}", "--role", "load", "--name", "load-7"]
    assert main([*words, f"--print-unit={system}"]) == 0
    said = capsys.readouterr().out
    program = folders.ROOT / ("iomodels.cmd" if system == "windows" else "iomodels")
    assert str(program) in said
    assert f"worker {bundle.path} --role load --name load-7" in said
    assert "print-unit" not in said
