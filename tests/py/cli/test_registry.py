"""What the registry of commands makes: handlers, help, README's table and completion scripts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import made_micro
from iomodels.cli import completion, folders, readme
from iomodels.cli.command import ALIASES, SHORT, Command
from iomodels.cli.main import handler, main
from iomodels.cli.read_commands import SHELLS
from iomodels.cli.registry import commands, overview, parsers
from iomodels.data import library
from made_run import RUN, make_run

DEADLINE_S = 60.0
EVERY = pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)


def failure(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (code, "", 1)
    return err.strip()


def test_names_are_unique_and_only_the_launcher_has_commands_of_its_own() -> None:
    names = [command.name for command in commands()]
    assert len(set(names)) == len(names)
    assert {command.name for command in commands() if not command.handler} == {"setup", "test"}


@EVERY
def test_each_command_has_a_handler_or_names_the_launcher(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    if command.handler:
        assert handler(command.name).__name__ == command.handler.partition(":")[2]
    else:
        assert f"./iomodels {command.name}" in failure(capsys, command.name)


@EVERY
def test_help_names_each_option_with_its_default_and_its_page(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", command.name]) == 0
    text = capsys.readouterr().out
    for option in command.options:
        assert (
            option.name if option.name.startswith("-") else option.metavar or option.name
        ) in text
    assert command.link is None or f"more: {command.link[1]}" in text
    assert f"iomodels {command.usage}" in overview() and command.purpose in overview()


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        ("run models -n -c 64 -s=1,2", "run models --dry-run --connections 64 --size=1,2"),
        ("run models -nc64", "run models --dry-run --connections 64"),
        ("run -nz", "run --dry-run -z"),
        ("run --model=iocp --output x", "run --models=iocp --out x"),
        ("run -- -n --model", "run -- -n --model"),
        ("run --seed -1", "run --seed -1"),
        ("micro -m iocp", "micro -m iocp"),
        ("rum -n", "rum -n"),
    ],
)
def test_other_spellings_are_recorded_by_the_name_of_the_option(typed: str, recorded: str) -> None:
    assert parsers().spelled_out(typed.split()) == recorded.split()


@EVERY
def test_every_spelling_is_in_the_help_and_means_one_option(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = [way for each in command.options if each.name.startswith("-") for way in each.spellings]
    assert len({"-h", "--help", *ways}) == len(ways) + 2
    assert main(["help", command.name]) == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"(?<![\w-]){way}(?![\w-])", text) for way in ways)


def test_spellings_belong_to_options_that_exist() -> None:
    names = {each.name for command in commands() for each in command.options}
    assert {*SHORT, *ALIASES} <= names
    assert not names & {alias for each in ALIASES.values() for alias in each}


def test_help_of_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert failure(capsys, "help", "rum").startswith(
        "iomodels: help rum: no such command; did you mean run?"
    )


# ---- README ----


def test_the_readme_has_the_table_of_the_registry(tmp_path: Path) -> None:
    text = readme.README.read_text(encoding="utf-8")
    assert readme.renewed(text) == text, "python -m iomodels.cli.readme --write"
    copy = tmp_path / "README.md"
    copy.write_text(text.replace("| `run SUITE`,", "| `ran SUITE`,"), encoding="utf-8")
    assert readme.main([], copy) == 1
    assert readme.main(["--write"], copy) == 0 and copy.read_text(encoding="utf-8") == text
    with pytest.raises(ValueError, match="must have <!-- commands -->"):
        readme.renewed("# no markers")


# ---- completion ----


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_has_every_command_option_and_name(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert script == completion.script(shell)
    for command in commands():
        assert command.name in script
        for option in command.options:
            dashed = option.name.startswith("--")
            name = f"-l {option.name[2:]}" if dashed and shell == "fish" else option.name
            assert not dashed or name in script
            assert all(word in script for word in completion.words_of(option.values) or ())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_accepts_its_script(shell: str) -> None:
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"{shell} is not installed")
    checked = subprocess.run(
        [program, "-n"],
        input=completion.script(shell),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def completed(folder: Path, *words: str) -> set[str]:
    """What bash offers for the last of these words of ./iomodels."""
    driver = """eval "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _iomodels "$1"; printf '%s\\n' "${COMPREPLY[@]}" """
    done = subprocess.run(
        ["bash", "-c", driver, "bash", completion.script("bash"), "./iomodels", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.skipif(sys.platform == "win32" or not shutil.which("bash"), reason="needs bash")
def test_bash_offers_what_fits(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    make_run(tmp_path / "results", measured=0)
    assert completed(tmp_path, "s") == {"slo", "suites", "setup"}
    assert completed(tmp_path, "run", "--re") == {"--reply-size", "--resume", "--retry-failed"}
    assert completed(tmp_path, "run", "mod") == {"models"}
    assert completed(tmp_path, "run", "-o", "res") == {"results"}
    assert completed(tmp_path, "run", "--mo") == {"--models"}
    assert "-n" in completed(tmp_path, "run", "-")
    assert completed(tmp_path, "tune", "--objective", "") == {
        "throughput",
        "p99",
        "cpu",
        "threads",
    }
    assert completed(tmp_path, "report", RUN[:4]) == {RUN}
    assert completed(tmp_path, "run", "--resume", "") == {RUN, "latest", "results"}
    assert completed(tmp_path, "plot", "winner") == {"winner_map"}
    assert completed(tmp_path, "run", "--out", "res") == {"results"}


# ---- names of runs ----


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder with one folder of each kind."""
    made = tmp_path / "results"
    made.mkdir()
    make_run(made, measured=1)
    made_micro.make_run(made)
    for name, manifest in (
        ("20250103-000000-slo", "slo.json"),
        ("20250104-000000-tune", "tune.json"),
    ):
        (made / name).mkdir()
        (made / name / manifest).write_text("{}", encoding="utf-8")
        (made / name / "records.jsonl").write_text("{}\n", encoding="utf-8")
    monkeypatch.setattr(folders, "RESULTS", made)
    return made


def test_a_run_of_another_kind_is_named_with_its_commands(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slo, tune = "20250103-000000-slo", "20250104-000000-tune"
    assert (
        failure(capsys, "run", "--resume", slo) == f"iomodels: --resume {slo}: is an slo search; "
        f"use: iomodels slo --resume {slo} / iomodels report {slo}"
    )
    assert "is a tuning; use: iomodels tune --resume" in failure(capsys, "validate", tune)
    assert "is a micro run; use: iomodels report" in failure(capsys, "export", made_micro.RUN)
    assert "is a run; use: iomodels run --resume" in failure(capsys, "slo", "--resume", RUN)


def test_latest_is_the_newest_of_the_kind_that_is_wanted(results: Path) -> None:
    assert folders.find_run("latest") == results / RUN
    assert folders.find_run("latest", library.SLO).name == "20250103-000000-slo"
    assert folders.find_run("latest", library.RUN, library.TUNE).name == "20250104-000000-tune"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "models", "--out", ""], "--out '': must not be empty"),
        (["run", "--resume", ""], "--resume '': must not be empty"),
        (["report", ""], "RUN '': must not be empty"),
        (["run", "models", "--out", "\udcff"], "--out ?: must be valid UTF-8"),
        (["run", "models", "--foo=1"], "--foo=1: no such option of run; see: iomodels run --help"),
        (
            ["run", "models", "--round=1"],
            "--round=1: no such option of run; did you mean --rounds?",
        ),
        (["-q", "run", "x"], "-q: must follow the command: iomodels run -q"),
        (["--json", "suites"], "--json: must follow the command: iomodels suites --json"),
        (["run", "models", "-nz"], "-z: no such option of run; see: iomodels run --help"),
        (["run", "models", "-o", ""], "--out '': must not be empty"),
        (["run", "models", "--json=1"], "--json: ignored explicit argument '1'"),
        (["run", "models", "-c0"], "--connections 0: must be comma-separated whole numbers"),
        (["run", "models", "--model"], "--models: expected one argument"),
        (
            ["run", "--", "models", "--dry-run"],
            "--dry-run: unexpected argument; see: iomodels run --help",
        ),
        (["run", "models", "--cpu-us", "a b"], "--cpu-us a b: must be a number, A..B, exp:MEAN or"),
        (["run", "models", "--arrivals", "x"], "--arrivals x: must be one of: constant, poisson"),
        (
            ["run", "efficiency", "--rate", "5"],
            "--rate 5: must be omitted; suite efficiency sets its own rates",
        ),
    ],
)
def test_bad_input(
    words: list[str], message: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = failure(capsys, *words).encode("ascii", "replace").decode("ascii")
    assert line.startswith(f"iomodels: {message.encode('ascii', 'replace').decode('ascii')}")


@EVERY
def test_help_shows_defaults_as_they_are_typed(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", command.name]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "(default: (" not in text
    assert ("as in the suite" in text) is (command.name == "run")
