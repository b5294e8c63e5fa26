"""The wheel in an empty environment holds everything; each command without a server works there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import iomodels
import made_join
import made_micro
from iomodels.cli.registry import commands, parsers
from iomodels.figures.catalogue import OF_MICRO_RUNS, OF_RUNS
from iomodels.plan.suite import suite_files

ROOT = Path(__file__).resolve().parents[3]
PACKAGED = ("harness/iomodels", "results/schema", "results/literature")
DEADLINE_S = 300.0
NEEDS_PROGRAMS = {
    "run",
    "ab",
    "slo",
    "tune",
    "cluster",
    "worker",
    "micro",
    "models",
    "laws",
    "claims",
    "new-model",
}
"""Commands that start what a build holds or need a clone; of these only --help is asked."""
DRIVER = """
import contextlib, io, json, sys
from iomodels.cli.main import main
from iomodels.figures import output
output.PNG_DOTS = 40
done = []
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
    done.append([code, out.getvalue(), err.getvalue()])
json.dump({"from": main.__code__.co_filename, "done": done}, sys.stdout)
"""
"""Runs commands in one process, with coarse pixels: libraries and fine ones take seconds."""


@dataclass(frozen=True)
class Installed:
    """The environment with the wheel in it, and an empty folder to start its commands in."""

    wheel: Path
    environment: Path
    folder: Path

    @property
    def programs(self) -> Path:
        return self.environment / ("Scripts" if os.name == "nt" else "bin")

    def start(self, *argv: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment, which sees nothing of the checkout."""
        environ = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        environ["PATH"] = os.pathsep.join([str(self.programs), environ["PATH"]])
        return subprocess.run(
            [self.programs / argv[0], *argv[1:]],
            cwd=self.folder,
            env=environ,
            input=given,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )

    def commands(self, commands: Sequence[Sequence[str]]) -> list[tuple[int, str, str]]:
        """Exit code, stdout and stderr of each."""
        done = self.start("python", "-c", DRIVER, given=json.dumps(commands))
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert Path(said["from"]).is_relative_to(self.environment), "it is that of the checkout"
        return [(int(code or 0), out, err) for code, out, err in said["done"]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built from a copy of the sources and installed by pip; neither asks the network."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in PACKAGED:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    _done([sys.executable, "-c", build, str(folder)], source)
    [wheel] = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=True, symlinks=os.name != "nt")
    _see_the_libraries_of_these_tests(environment)
    (folder / "empty").mkdir()
    made = Installed(wheel, environment, folder / "empty")
    pip = ["-m", "pip", "install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    done = made.start("python", *pip)
    assert done.returncode == 0, done.stderr
    return made


def _done(argv: Sequence[str], folder: Path) -> None:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 0, done.stderr


def _see_the_libraries_of_these_tests(environment: Path) -> None:
    """Find numpy and others where these tests have them, behind the environment's own packages."""
    [packages] = environment.rglob("site-packages")
    others = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (packages / "libraries.pth").write_text("\n".join(others) + "\n", encoding="utf-8")


def test_the_wheel_holds_every_file_of_its_packages_and_one_name(installed: Installed) -> None:
    assert installed.wheel.name.startswith(f"iomodels-{iomodels.__version__}-py3-none-any")
    with zipfile.ZipFile(installed.wheel) as archive:
        held = set(archive.namelist())
    assert {name.partition("/")[0].partition("-")[0] for name in held} == {"iomodels"}
    for folder in PACKAGED:
        there = folder.replace("results/", "iomodels/").removeprefix("harness/")
        here = {
            f"{there}/{path.relative_to(ROOT / folder).as_posix()}"
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert here and sorted(here - held) == []


def test_the_program_is_on_the_path(installed: Installed) -> None:
    assert installed.start("iomodels", "--version").stdout == f"iomodels {iomodels.__version__}\n"


def test_every_command_explains_itself_and_results_are_looked_for_here(
    installed: Installed,
) -> None:
    names = sorted(parsers().commands)
    *helps, suites, missing = installed.commands(
        [*([name, "--help"] for name in names), ["suites"], ["report", "latest"]]
    )
    for name, (code, out, _) in zip(names, helps, strict=True):
        assert (code, out.startswith(f"usage: iomodels {name}")) == (0, True)
    assert all(name in suites[1] for name in suite_files())
    code, _, err = missing
    assert code == 2 and err.startswith("iomodels: latest: ")
    assert str(installed.folder / "results") in err and err.count("\n") == 1


def test_every_command_that_needs_no_server_works_in_an_empty_folder(installed: Installed) -> None:
    """On a real run with the laws of its platform, and on a micro run."""
    [contributed] = (ROOT / "results" / "contributed").glob("*/*[0-9]-models")
    [reference] = (ROOT / "tests" / "fixtures" / "runs").glob("*-reference")
    results = installed.folder / "results"
    small = Path(shutil.copytree(reference, results / reference.name))
    shutil.copy(contributed / "laws.json", small)
    micro = made_micro.make_run(results).path
    both = [str(made_join.write_run(installed.folder, each, 0)) for each in made_join.SERVERS]
    # the report draws those of a run, so `plot` draws one of them
    figures = {OF_RUNS[0].NAME: small} | {each.NAME: micro for each in OF_MICRO_RUNS}
    asked = [
        ["suites"],
        ["help"],
        ["doctor", "--dry-run"],
        ["runs"],
        *(["completion", shell] for shell in ("bash", "zsh", "fish", "powershell")),
        ["check", "--json"],
        ["report", str(small)],
        ["report", small.name, "--json"],
        *(["plot", name, run.name, "--out", "figures"] for name, run in figures.items()),
        ["validate", small.name],
        ["export", small.name],
        ["compare", small.name, small.name],
        ["join", *both, "--out", "joined"],
        ["pack", small.name, "--out", "packed"],
    ]
    assert {words[0] for words in asked} == {
        each.name for each in commands() if each.handler
    } - NEEDS_PROGRAMS
    for words, (code, out, err) in zip(asked, installed.commands(asked), strict=True):
        # check and validate end with 1 if they find something, as in a run of changed sources
        assert code in ({0, 1} if words[0] in ("check", "validate") else {0}), (words, out, err)
        assert out or err or words[0] == "report", words
    assert "What wine-8.0 can and cannot show" in (small / "report.html").read_text(
        encoding="utf-8"
    )
    of_report = {path.name for path in (small / "figures").iterdir()}
    needs_two_loads = "winner_map"  # and the run has one
    for name in {each.NAME for each in OF_RUNS} - {needs_two_loads}:
        assert f"{name}.svg" in of_report
    drawn = {path.name for path in (installed.folder / "figures").iterdir()}
    assert {f"{name}.{ending}" for name in figures for ending in ("svg", "png", "csv")} <= drawn
    assert (installed.folder / "packed" / "report.html").is_file()
    assert list((small / "hdr").glob("*.hgrm"))
    assert "Seungmo Koo" in (installed.folder / "joined" / "join.md").read_text(encoding="utf-8")
