"""What is published: one version everywhere, workflows whose names exist, links with targets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import iomodels
from iomodels.base.build import WINDOWS_PRESETS
from iomodels.plan.suite import suite_files

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_the_version_has_one_place() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "iomodels.__version__"}
    headings = re.findall(
        r"^## \[(.+?)\](?: – (\S+))?",
        (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    name, planned = headings[0]
    assert iomodels.__version__ == (planned if name == "Unreleased" else name)


BUILDS = [
    path
    for path in (ROOT / "build").glob("*/CMakeCache.txt")
    if path.parent.name in ("host", *WINDOWS_PRESETS)
]


@pytest.mark.skipif(os.name == "nt" and not BUILDS, reason="Wine runs no CMake, so none built here")
def test_a_build_has_that_version() -> None:
    assert BUILDS
    for cache in BUILDS:
        assert f"CMAKE_PROJECT_VERSION:STATIC={iomodels.__version__}\n" in cache.read_text(
            encoding="utf-8"
        ), cache


def test_dependencies_of_vcpkg_are_those_of_cmake() -> None:
    listed = json.loads((ROOT / "vcpkg.json").read_text(encoding="utf-8"))
    assert listed["dependencies"] == ["hdr-histogram"]
    assert "version" not in listed and "builtin-baseline" not in listed
    assert "find_package(hdr_histogram" in (ROOT / "cmake" / "dependencies.cmake").read_text(
        encoding="utf-8"
    )


# ---- workflows ----


def job(text: str, name: str) -> str:
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", text, re.MULTILINE)
    assert found, f"no job {name}"
    return found[1]


def test_the_linux_job_runs_the_gate_and_nothing_else() -> None:
    linux = job((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"), "linux")
    assert re.findall(r"\brun: *(.*)", linux) == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_jobs_end(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    uses = re.findall(r"uses: *(\S+)", text)
    assert (
        uses and [name for name in uses if not re.fullmatch(r"[\w./-]+@v\d+\.\d+\.\d+", name)] == []
    )
    jobs = re.findall(r"^  ([\w-]+):$", text.split("\njobs:\n")[1], re.MULTILINE)
    assert jobs and [name for name in jobs if "timeout-minutes: " not in job(text, name)] == []
    assert re.search(r"^permissions:\n  contents: read$", text, re.MULTILINE)


def test_presets_and_suites_of_the_workflows_are_there() -> None:
    presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
    kinds = {
        "cmake --preset": "configure",
        "cmake --build --preset": "build",
        "ctest --preset": "test",
        "cpack --preset": "package",
        "cmake --workflow --preset": "workflow",
    }
    named = set()
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        matrix = [
            ", ".join(
                [
                    *re.findall(r"preset: \[(.+)\]", text),
                    *re.findall(r"^ +preset: ([\w-]+)$", text, re.MULTILINE),
                ]
            )
        ]
        for command, preset in re.findall(
            r"((?:cmake|ctest|cpack)(?: --\w+)* --preset) (\$\{\{.+?\}\}|[\w-]+)", text
        ):
            for each in matrix[0].split(", ") if preset.startswith("$") else [preset]:
                known = {entry["name"] for entry in presets[f"{kinds[command]}Presets"]}
                assert each in known, f"{path.name}: {command} {each}"
                named.add(each)
        suites = {
            name for found in re.findall(r"suite: \[(.+)\]", text) for name in found.split(", ")
        }
        suites |= set(re.findall(r"(?:iomodels\.cmd|-m iomodels) run ([\w-]+)", text))
        assert suites <= set(suite_files()), path.name
    assert set(windows_presets()) <= named


def test_paths_of_the_workflows_are_there() -> None:
    """What they run from the tree: tests, scripts, and the folder that Python imports from."""
    texts = [path.read_text(encoding="utf-8") for path in WORKFLOWS]
    named = {word for text in texts for word in re.findall(r"\btests/[\w/.]+", text)}
    assert named and [name for name in sorted(named) if not (ROOT / name).exists()] == []
    roots = {word for text in texts for word in re.findall(r"PYTHONPATH: (.*)", text)}
    assert roots == {"${{ github.workspace }}/harness"}


def windows_presets() -> list[str]:
    """Those that the help of iomodels.cmd names for IOMODELS_PRESET."""
    text = (ROOT / "cmake" / "setup_windows.py").read_text(encoding="utf-8")
    found = re.search(
        r"^IOMODELS_PRESET chooses .*: ([\w\s,-]+)\s\(see CMakePresets", text, re.MULTILINE
    )
    assert found
    return re.split(r",\s| or\s", found[1])


def test_what_iomodels_cmd_may_build_it_can_also_test() -> None:
    presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
    for kind in ("configure", "build", "test"):
        assert set(windows_presets()) <= {preset["name"] for preset in presets[f"{kind}Presets"]}, (
            kind
        )
    [msvc] = [preset for preset in presets["configurePresets"] if preset["name"] == "msvc"]
    assert "generator" not in msvc, (
        "one of a certain Visual Studio, which a machine with another one does not have"
    )


def test_an_archive_holds_every_program_that_the_harness_starts(tmp_path: Path) -> None:
    """What `cmake --install` puts there is what CPack packs."""
    build = ROOT / "build" / "mingw"
    install = [
        "cmake",
        "--install",
        str(build),
        "--component",
        "programs",
        "--prefix",
        str(tmp_path),
    ]
    done = subprocess.run(install, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    here = {
        path.relative_to(tmp_path / "bin").as_posix() for path in (tmp_path / "bin").rglob("*.exe")
    }
    models = {f"{path.stem}.exe" for path in (ROOT / "servers").glob("*.c")}
    laws = {f"laws/{path.stem}.exe" for path in (ROOT / "laws").glob("*.c") if path.stem != "law"}
    costs = {f"costs/{path.stem}.exe" for path in (ROOT / "laws" / "costs").glob("*.c")}
    assert here == models | laws | costs | {"loadgen.exe"}


@pytest.mark.parametrize(
    "page",
    sorted([*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")]),
    ids=lambda page: page.name,
)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    """To a file of the tree and, where one is named, to a heading of it."""
    for target, anchor in re.findall(
        r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8")
    ):
        path = page.parent / target if target else page
        assert path.exists(), f"{target} is not there"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {
                re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings
            }, f"{target} has no heading #{anchor}"
