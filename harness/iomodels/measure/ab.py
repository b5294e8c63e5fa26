"""`iomodels ab OLD NEW`: two builds of the same models, interleaved in one run.

OLD and NEW are each a program, a folder of programs, or a commit. Two separate runs cannot
distinguish a change from other differences (time, machine state). In one run, both builds of a
model run next to each other under every load.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iomodels.base.arguments import arguments
from iomodels.base.build import windows_programs
from iomodels.base.errors import FAILED, USAGE, Failure
from iomodels.base.files import ROOT
from iomodels.judge.loads import NEW, OLD
from iomodels.launch.launcher import NOT_SERVERS, Launcher
from iomodels.launch.process import Program
from iomodels.launch.wrapper import Wrapper
from iomodels.measure.comparing import Comparing

DESCRIBE_S = 20.0
BUILD_S = 900.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Side:
    """One of the two builds: its word on the command line, and each model's program."""

    suffix: str
    word: str
    programs: Mapping[str, Path]


def sides(old: str, new: str, build: Path, say: Say) -> tuple[Side, Side]:
    """Return both builds. Two programs are builds of one model, whatever their names.

    Raises Failure if a word names no build, or if the builds share no model.
    """
    programs = [_programs(word, build, say) for word in (old, new)]
    if Path(old).is_file() and Path(new).is_file():
        programs = [{Path(new).stem: path} for each in programs for path in each.values()]
    if not set(programs[0]) & set(programs[1]):
        there = ["; ".join(sorted(each)) for each in programs]
        raise Failure(
            f"ab: {old} has {there[0]}, {new} has {there[1]}: they share no model", exit_code=USAGE
        )
    return Side(OLD, old, programs[0]), Side(NEW, new, programs[1])


def comparing_builds(old: str, new: str, build: Path, models: Sequence[str], say: Say) -> Comparing:
    """Return how a run compares two builds.

    run.json keeps the words, the commits that they named, and the programs' hashes.
    """
    both = sides(old, new, build, say)
    kept = {
        "old": old,
        "new": new,
        "commits": {"old": _commit_of(old), "new": _commit_of(new)},
        "models": list(models),
        "programs": {
            model + side.suffix: hashlib.sha256(side.programs[model].read_bytes()).hexdigest()
            for side in both
            for model in _shared(both, models)
        },
    }
    series = tuple(model + side.suffix for model in _shared(both, models) for side in both)
    return Comparing(lambda inner: AbLauncher(inner, both, models), kept, series)


def _shared(both: Sequence[Side], wanted: Sequence[str]) -> list[str]:
    """Return the models to compare. Raises Failure for one that a build lacks."""
    shared = [model for model in both[0].programs if model in both[1].programs]
    unknown = [model for model in wanted if model not in shared]
    if unknown:
        raise Failure(
            f"--models {','.join(unknown)}: must be in both builds, "
            f"which share: {', '.join(shared)}",
            exit_code=USAGE,
        )
    return [model for model in shared if not wanted or model in wanted]


def _programs(word: str, build: Path, say: Say) -> dict[str, Path]:
    path = Path(word)
    if path.is_file():
        return {path.stem: path.resolve()}
    if path.is_dir():
        return _in_folder(path)
    return _in_folder(_built(word, build, say))


def _in_folder(folder: Path) -> dict[str, Path]:
    """Return the programs of a folder, or of the build in it."""
    for place in (folder, folder / "bin", *sorted(folder.glob("*/bin"))):
        found = {
            path.stem: path.resolve()
            for path in sorted(place.glob("*.exe"))
            if not path.name.startswith(NOT_SERVERS)
        }
        if found:
            return found
    raise Failure(f"ab {folder}: no program (*.exe) there", exit_code=USAGE)


def _commit_of(word: str) -> str | None:
    """Return the commit that a word names; None if it names a file or a folder, or nothing."""
    if Path(word).exists():
        return None
    return _git("rev-parse", "--verify", "--quiet", f"{word}^{{commit}}") or None


def _built(word: str, build: Path, say: Say) -> Path:
    """Build the servers of a commit into a folder of its own, once; return the folder."""
    commit = _commit_of(word)
    if not commit:
        why = "" if shutil.which("git") else " (git is not installed)"
        what = f"neither a program, nor a folder, nor a commit{why}"
        raise Failure(f"ab {word}: {what}", exit_code=USAGE)
    tree = build / "ab" / commit[:12]
    if not any((tree / "out" / "bin").glob("*.exe")):
        say(f"building the servers of {word} ({commit[:12]}), which may take minutes")
        if not (tree / "source").is_dir():
            _export(commit, tree, word)
        preset = _preset(build)
        dependency = build / "deps" / "hdr-histogram"
        sources = [f"-DFETCHCONTENT_SOURCE_DIR_HDRHISTOGRAM={dependency}"] * dependency.is_dir()
        source = ["-S", str(tree / "source"), "-B", str(tree / "out")]
        _run(["cmake", *source, "--preset", preset, *sources], word, tree / "source")
        _run(["cmake", "--build", str(tree / "out")], word)
    return tree / "out"


def _export(commit: str, tree: Path, word: str) -> None:
    """Write the sources of a commit into tree/source, whole or not at all. Raises Failure."""
    argv = ["git", "-C", str(ROOT), "archive", "--format=tar", commit]
    done = subprocess.run(argv, capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode("utf-8", errors="replace").strip()
        raise Failure(f"ab {word}: git archive failed: {reason}", exit_code=FAILED)
    tree.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=tree, prefix=".source."))
    # from Python 3.12 on a call without a filter warns; older ones may lack it
    safe: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(made, **safe)
    made.rename(tree / "source")


def _preset(build: Path) -> str:
    """Return the preset of this checkout's programs: both builds need the same compiler."""
    return windows_programs(build).parent.name


def _git(*words: str) -> str:
    """Return the answer of git, or "" if it refuses or is not installed."""
    if not shutil.which("git"):
        return ""
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _run(argv: Sequence[str], word: str, folder: Path | None = None) -> None:
    if not shutil.which(argv[0]):
        raise Failure(f"ab {word}: {argv[0]} is not installed", exit_code=FAILED)
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    if done.returncode:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-1:]
        reason = last[0] if last else "no output"
        raise Failure(f"ab {word}: {argv[0]} failed: {reason}", exit_code=FAILED)


def _check_same_models(described: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises Failure if a program of one build is another model than the other's."""
    for series, new in described.items():
        old = described.get(series.removesuffix(NEW) + OLD)
        if series.endswith(NEW) and old and old.get("model") != new.get("model"):
            raise Failure(
                f"ab: OLD is a build of {old.get('model')}, NEW one of {new.get('model')}; "
                "iomodels run compares two models",
                exit_code=USAGE,
            )


class AbLauncher(Wrapper):
    """A launcher with models MODEL@old and MODEL@new; all else is the inner launcher's."""

    def __init__(self, inner: Launcher, both: Sequence[Side], wanted: Sequence[str]) -> None:
        super().__init__(inner)
        self._programs = {
            model + side.suffix: side.programs[model]
            for model in _shared(both, wanted)
            for side in both
        }
        self._models: dict[str, dict[str, Any]] | None = None

    def models(self) -> dict[str, dict[str, Any]]:
        if self._models is None:
            found = {name: self._describe(path) for name, path in self._programs.items()}
            both = {model.partition("@")[0] for model, each in found.items() if each is None}
            _check_same_models({model: each for model, each in found.items() if each})
            self._models = {
                model: each
                for model, each in found.items()
                if each is not None and model.partition("@")[0] not in both
            }
            if not self._models:
                raise Failure("ab: no program of both builds is a server", exit_code=USAGE)
        return self._models

    def _describe(self, path: Path) -> dict[str, Any] | None:
        with self._inner.program(path, "--describe") as program:
            program.close_stdin()
            try:
                return program.expect("describe", DESCRIBE_S)
            except Failure:
                return None

    def server(self, model: str, options: Mapping[str, int | str]) -> Program:
        return self._inner.program(self._programs[model], *arguments(options))
