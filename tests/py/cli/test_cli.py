"""The command line: bad input is one line that names the option, the value and what is allowed; exit code 2."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from iomodels import __version__
from iomodels.base.errors import Failure
from iomodels.cli import commands as cli
from iomodels.cli.commands import main
from iomodels.launch import platform as launch
from iomodels.launch.channel import ServerHost
from iomodels.measure import run
from iomodels.plan.suite import Suite, find_suite, load_suite
from made_run import RUN, make_run
from stage import FakeLauncher


class Started(Exception):
    def __init__(self, suite: Suite, options: dict[str, Any]) -> None:
        super().__init__()
        self.suite, self.options = suite, options


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def start(setting: run.Setting, suite: Suite, **options: Any) -> int:
        raise Started(suite, {**options, "setting": setting})

    def resume(setting: run.Setting, folder: Path, **options: Any) -> int:
        raise Started(load_suite(find_suite("select-vs-iocp")), {**options, "folder": folder})

    monkeypatch.setattr(run, "start_run", start)
    monkeypatch.setattr(run, "resume_run", resume)
    monkeypatch.setattr(cli, "RESULTS", tmp_path / "results")


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
ALL = "efficiency, fairness, models, select-vs-iocp"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", SUITE, "--repeats", "0"], "iomodels: --repeats 0: must be 1 … 1000"),
        (
            ["run", SUITE, "--affinity", "gpu=0"],
            "iomodels: --affinity gpu=0: gpu: no such role; available: server, wineserver, loadgen",
        ),
        (
            ["run", SUITE, "--server-host", "lab:x"],
            "iomodels: --server-host lab:x: must be a name or an IPv4 address, and a port 1 … 65535 if it is not 9000, as in 192.0.2.10:9000",
        ),
        (
            ["run", SUITE, "--server-host", "lab"],
            "iomodels: --server-host lab:9000: needs --server-token (or IOMODELS_SERVER_TOKEN): what 'iomodels serve' printed there",
        ),
        (
            ["run", SUITE, "--server-token", "x"],
            "iomodels: --server-token: only with --server-host",
        ),
        (
            [
                "run",
                SUITE,
                "--server-host",
                "lab",
                "--server-token",
                "x",
                "--affinity",
                f"server={CPU}",
            ],
            "iomodels: --affinity: with --server-host only of the load generator; for the server give it to 'iomodels serve' there",
        ),
        (
            ["serve", "--affinity", f"loadgen={CPU}"],
            "iomodels: --affinity: here only of server and wineserver; the load generator is on the other machine",
        ),
        (
            ["serve", "--host", "lab"],
            "iomodels: --host lab: must be an IPv4 address of this machine, as in 192.0.2.10",
        ),
        (["serve", "--port", "65520"], "iomodels: --port 65520: must be 1024 … 65519"),
        (["run", SUITE, "--repeats", "x"], "iomodels: --repeats x: must be 1 … 1000"),
        (["run", SUITE, "--repeats=-1"], "iomodels: --repeats -1: must be 1 … 1000"),
        (["run", SUITE, "--repeats"], "iomodels: --repeats: expected one argument"),
        (
            ["run", SUITE, "--seed", "4294967296"],
            "iomodels: --seed 4294967296: must be 0 … 4294967295",
        ),
        (["run", SUITE, "--duration-ms", "0"], "iomodels: --duration-ms 0: must be 1 … 3600000"),
        (["run", SUITE, "--warmup-ms", "1e3"], "iomodels: --warmup-ms 1e3: must be 0 … 3600000"),
        (
            ["run", SUITE, "--connections", "1,,8"],
            "iomodels: --connections 1,,8: must be numbers 1 … 100000 with commas between them",
        ),
        (
            ["run", SUITE, "--connections", "8,8"],
            "iomodels: --connections 8,8: names a value twice",
        ),
        (
            ["run", SUITE, "--sizes", "1048577"],
            "iomodels: --sizes 1048577: must be numbers 1 … 1048576 with commas between them",
        ),
        (
            ["run", SUITE, "--models", "select,"],
            "iomodels: --models 'select,': must be names with commas between them",
        ),
        (
            ["run", SUITE, "--models", "icp"],
            f"iomodels: --models icp: not in suite {SUITE}; did you mean iocp? (available: select, iocp)",
        ),
        (
            ["run", SUITE, "--repeat", "3"],
            "iomodels: --repeat: no such option of run; did you mean --repeats?",
        ),
        (
            ["run", SUITE, "--xyzzy"],
            "iomodels: --xyzzy: no such option of run; see: iomodels run --help",
        ),
        (["run", SUITE, "again"], "iomodels: again: run does not take that"),
        (["run", SUITE, "--retry-failed"], "iomodels: --retry-failed: only with --resume RUN"),
        (
            ["run", "--resume", "latest", "--seed", "0", "--quick"],
            "iomodels: --quick, --seed: not with --resume: a run goes on with its own plan",
        ),
        (
            ["run", "select-vs-icop"],
            f"iomodels: suite select-vs-icop: not known; did you mean {SUITE}? (available: {ALL})",
        ),
        (["run", "missing.toml"], "iomodels: suite missing.toml: no such file"),
        (["run"], f"iomodels: run: no suite given; available: {ALL}"),
        (
            ["rum"],
            "iomodels: rum: no such command; did you mean run? (available: run, slo, report, compare, check, validate, pack, micro, export, plot, models, tune, suites, serve, laws)",
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
        text.replace("repeats = 10", "repeats = 0").replace("depth", "deep", 1), encoding="utf-8"
    )
    with pytest.raises(SystemExit, match="2"):
        main(["run", str(path)])
    lines = capsys.readouterr().err.splitlines()
    assert f"iomodels: {path}: repeats = 0: must be a whole number 1 … 1000" in lines
    assert len(lines) == 3 and all(line.startswith(f"iomodels: {path}: ") for line in lines)


def test_options_change_the_suite() -> None:
    suite = load_suite(find_suite(SUITE))
    assert started("run", SUITE).suite == suite
    changed = started(
        *(
            "run",
            SUITE,
            "--models",
            "iocp",
            "--connections",
            "1,64",
            "--sizes",
            "64",
            "--repeats",
            "7",
        ),
        *("--duration-ms", "500", "--warmup-ms", "0", "--seed", "0"),
    )
    assert changed.suite == replace(
        suite,
        servers=suite.servers[1:],
        connections=(1, 64),
        sizes=(64,),
        repeats=7,
        duration_ms=500,
        warmup_ms=0,
        seed=0,
    )


def test_quick() -> None:
    start = started("run", SUITE, "--quick", "--repeats", "4")
    assert start.suite == replace(load_suite(find_suite(SUITE), quick=True), repeats=4)
    assert start.options["quick"] is True and start.options["dry_run"] is False


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOMODELS_BUILD", str(tmp_path / "b"))
    start = started("run", SUITE, "--out", str(tmp_path), "--no-report", "--dry-run")
    setting = start.options["setting"]
    assert (setting.build, setting.report) == (tmp_path / "b", False)
    assert (start.options["out"], start.options["dry_run"]) == (tmp_path, True)
    assert setting.command[:3] == ("iomodels", "run", SUITE)


def test_for_programs_stdout_is_left_to_the_result() -> None:
    for words, for_programs in ((["run", SUITE], False), (["run", SUITE, "--json"], True)):
        setting = started(*words).options["setting"]
        assert (setting.json, setting.console.stderr) == (for_programs, for_programs)


@pytest.mark.parametrize(
    "given", [["--server-token", "the-token"], ["--server-token=the-token"], []]
)
def test_another_machine_is_known_by_its_token_and_no_record_is(
    monkeypatch: pytest.MonkeyPatch, given: list[str]
) -> None:
    monkeypatch.setenv("IOMODELS_SERVER_TOKEN", "" if given else "the-token")
    setting = started(
        "run", SUITE, "--server-host", "192.0.2.10:9100", *given, "--seed", "3"
    ).options["setting"]
    assert setting.server_host == ServerHost("192.0.2.10", 9100, "the-token")
    assert "the-token" not in " ".join(setting.command) and setting.command[-2:] == ("--seed", "3")
    assert setting.resume_command.endswith("run --server-host 192.0.2.10:9100 --resume")


@pytest.mark.parametrize("code_page", ["cp437", "cp1252"])
def test_a_code_page_without_a_sign_loses_no_more_than_that(
    monkeypatch: pytest.MonkeyPatch, code_page: str
) -> None:
    """As Windows has it where output goes into a file or a pipe."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, encoding=code_page))
    with pytest.raises(SystemExit):
        main(["run", SUITE, "--repeats", "3≤4"])
    sys.stderr.flush()
    known = "≤".encode(code_page, "replace").decode(code_page)
    assert (
        written.getvalue()
        .decode(code_page)
        .startswith(f"iomodels: --repeats 3{known}4: must be 1 ")
    )


def test_a_token_of_ones_own_that_is_too_short(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOMODELS_SERVER_TOKEN", "short")
    assert (
        rejected(capsys, "serve")
        == "iomodels: IOMODELS_SERVER_TOKEN: must be 16 to 128 ASCII characters without blanks, and begin with a letter or figure"
    )


def test_runs_are_found_by_name_by_path_and_as_the_latest(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    folder = make_run(results, measured=0)
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
        rejected(capsys, "report", str(tmp_path), code=1)
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
    assert re.search(r"two .* not supported .* at most 63 .* The two model; 64 handles", out)


def test_suites(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suites"]) == 0
    out = capsys.readouterr().out
    assert f"\n{SUITE}: Which serves more" in out
    assert "200 measurements, about 5 min" in out and "--quick 18 measurements" in out
    assert (
        out.startswith("efficiency: ")
        and "\nmodels: " in out
        and "700 measurements" in out
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
