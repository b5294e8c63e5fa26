"""Set-up on Windows: iomodels.cmd under Wine's cmd, and cmake/setup_windows.py here.

Only outside programs are fakes. No Python for Windows runs here, so each half has tests of its own.
A program that prints its arguments plays Python for the first half.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from iomodels.cli.registry import parsers

ROOT = Path(__file__).resolve().parents[3]
ARGV = ROOT / "build" / "mingw" / "bin" / "fixtures" / "argv.exe"
SCRIPT = "cmake\\setup_windows.py"

specification = importlib.util.spec_from_file_location(
    "setup_windows", ROOT / "cmake" / "setup_windows.py"
)
assert specification and specification.loader
setup_windows = importlib.util.module_from_spec(specification)
sys.modules["setup_windows"] = setup_windows  # where its dataclasses look for their module
specification.loader.exec_module(setup_windows)

# ---- iomodels.cmd ----

Cmd = Callable[..., "subprocess.CompletedProcess[str]"]


def windows_path(path: Path) -> str:
    return "Z:" + str(path).replace("/", "\\")


@pytest.fixture
def cmd(tmp_path: Path) -> Cmd:
    """Run a copy of iomodels.cmd, in a folder with an awkward name, with a typed command line.

    `python` lists the names under which a Python answers; `old` one that is too old and silent.
    """
    folder = tmp_path / "c & d (x86)!"
    folder.mkdir()
    shutil.copy(ROOT / "iomodels.cmd", folder)
    tools = tmp_path / "tools"
    tools.mkdir()

    def run(
        typed: str, python: tuple[str, ...] = ("py",), old: tuple[str, ...] = (), code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        for name in (*python, *old):
            said = windows_path(tools / "snake one.exe") if name in python else ""
            asked = windows_path(tools / f"{name}.log")
            lines = ["@echo off", f"echo %*>>{asked}", f"echo {said}" if said else "rem"]
            (tools / f"{name}.cmd").write_bytes("\r\n".join([*lines, ""]).encode())
        shutil.copy(ARGV, tools / "snake one.exe")
        outer = tmp_path / "outer.cmd"
        path = f'"PATH={windows_path(tools)};C:\\windows\\system32"'
        lines = [
            "@echo off",
            f"set {path}",
            f"set ARGV_EXIT={code}",
            f'"{windows_path(folder)}\\iomodels.cmd" {typed}',
        ]
        outer.write_bytes("\r\n".join([*lines, ""]).encode())
        argv = [str(ROOT / "cmake" / "wine-run"), "cmd.exe", "/c", windows_path(outer)]
        return subprocess.run(
            argv,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def arguments(done: subprocess.CompletedProcess[str]) -> list[str]:
    lines = done.stdout.splitlines()
    assert lines[0] == "[-P]" and lines[1].endswith(f"\\c & d (x86)!\\{SCRIPT}]"), (
        lines,
        done.stderr,
    )
    return [line[1:-1] for line in lines[2:]]


@pytest.mark.parametrize("code", [0, 77])
def test_arguments_arrive_as_they_were_typed_and_the_exit_code_comes_back(
    cmd: Cmd, code: int
) -> None:
    done = cmd(
        'run "x y" "" "a&b" "c^|d" e=f,g;h "q\\"q" "wow!" "dir\\\\" '
        '--connections 1,64 -- -k "not x"',
        code=code,
    )
    expected = [
        "run",
        "x y",
        "",
        "a&b",
        "c^|d",
        "e=f,g;h",
        'q"q',
        "wow!",
        "dir\\",
        "--connections",
        "1,64",
        "--",
        "-k",
        "not x",
    ]
    assert arguments(done) == expected
    assert done.returncode == code


def test_no_argument_is_no_argument(cmd: Cmd) -> None:
    assert arguments(cmd("")) == []


def test_without_python_one_line_says_what_to_do(cmd: Cmd) -> None:
    done = cmd("models", python=())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.split() == [
        "iomodels:",
        "needs",
        "Python",
        "3.11",
        "or",
        "newer,",
        "64-bit:",
        "https://www.python.org/downloads/windows/",
    ]


def test_a_python_that_is_too_old_or_of_32_bits_is_passed_over(cmd: Cmd, tmp_path: Path) -> None:
    done = cmd("models", python=("python",), old=("py",))
    assert arguments(done) == ["models"]
    asked = (tmp_path / "tools" / "py.log").read_text(encoding="ascii")
    question = asked[asked.index('"') + 1 : asked.rindex('"')]
    for fact, value, expected in (
        ("sys.version_info", (3, 11), f"{sys.executable}\n"),
        ("sys.version_info", (3, 10), ""),
        ("sys.maxsize", "(2**63 - 1)", f"{sys.executable}\n"),
        ("sys.maxsize", "(2**31 - 1)", ""),
    ):
        assert fact in question
        faked = question.replace(fact, str(value))
        done = subprocess.run(
            [sys.executable, "-c", faked], capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout == expected
    assert cmd("models", python=(), old=("py", "python", "python3")).returncode == 1


def test_the_command_file_has_the_line_ends_that_cmd_needs() -> None:
    text = (ROOT / "iomodels.cmd").read_bytes()
    assert text.count(b"\n") == text.count(b"\r\n") > 10


# ---- setup_windows.py ----

PYTHON = """#!/bin/sh
printf '%s\\n' "python $*" >>"$FAKE_LOG"
case "$2" in
venv) [ -z "$FAKE_VENV_FAILS" ] || { echo 'no ensurepip'; exit 1; }
      mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
pip) [ -z "$FAKE_PIP_FAILS" ] || { echo 'no such wheel'; exit 1; }
     case "$*" in *ziglang==*) cp "$FAKE_CMAKE_WHEEL" "${0%/*}/cmake" ;; esac ;;
esac
case "$3" in iomodels) exit "${FAKE_EXIT:-0}" ;; esac
"""
CMAKE = """#!/bin/sh
case "$1" in --version) echo "cmake version ${FAKE_CMAKE:-3.28.1}"; exit 0 ;; esac
printf '%s\\n' "cmake $*" >>"$FAKE_LOG"
[ "$FAKE_CMAKE_FAILS" != "$1" ] || { echo 'error C1083: no winsock2.h'; exit 3; }
"""
VSWHERE = """#!/bin/sh
printf '%s\\n' "vswhere $*" >>"$FAKE_LOG"
case "$*" in *"$FAKE_STUDIO_HAS"*) echo "$FAKE_STUDIO" ;; esac
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout below a folder with a space, and a PATH with nothing but what `install` adds."""
    root = tmp_path / "check out"
    root.mkdir()
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copy(ROOT / "CMakePresets.json", root)
    (tmp_path / "tools").mkdir()
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}")
    for name in ("IOMODELS_BUILD", "IOMODELS_PRESET", "IOMODELS_NO_INSTALL"):
        monkeypatch.delenv(name, raising=False)
    install(root, "fake-python", PYTHON)
    install(root, "cmake-of-the-wheel", CMAKE)
    monkeypatch.setenv("FAKE_CMAKE_WHEEL", str(tmp_path / "tools" / "cmake-of-the-wheel"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "tools" / "fake-python"))
    for command in ("sh", "cp", "mkdir"):
        (tmp_path / "tools" / command).symlink_to(f"/bin/{command}")
    return root


def install(root: Path, name: str, text: str = "#!/bin/sh\n") -> None:
    path = root.parent / "tools" / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def calls(root: Path) -> list[str]:
    log = root.parent / "log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def main(root: Path, *words: str) -> int:
    try:
        return int(setup_windows.main(words, dict(os.environ), root))
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code


def mingw(root: Path) -> None:
    for name, text in (
        ("cmake", CMAKE),
        ("ninja", "#!/bin/sh\n"),
        ("x86_64-w64-mingw32-gcc", "#!/bin/sh\n"),
    ):
        install(root, name, text)


def studio(root: Path, monkeypatch: pytest.MonkeyPatch, has: str) -> None:
    install(root, "vswhere", VSWHERE)
    monkeypatch.setenv("FAKE_STUDIO", str(root.parent / "Visual Studio"))
    monkeypatch.setenv("FAKE_STUDIO_HAS", has)


def test_the_first_time_all_is_made_and_the_second_time_only_the_build_looks(machine: Path) -> None:
    mingw(machine)
    assert main(machine, "setup") == 0
    first = calls(machine)
    assert first[0].startswith("python -m venv --clear ") and first[0].endswith(
        "/check out/build/venv"
    )
    assert "pip install" in first[1] and "numpy>=1.24" in first[1] and "pytest>=7.2" in first[1]
    assert first[2:] == [
        "cmake --fresh --preset mingw",
        "cmake --build --preset mingw --target programs",
    ]
    assert main(machine, "setup") == 0
    assert calls(machine) == ["cmake --build --preset mingw --target programs"]


def test_what_is_made_follows_what_it_was_made_from(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mingw(machine)
    assert main(machine, "setup") == 0
    calls(machine)
    project = machine / "pyproject.toml"
    project.write_text(
        project.read_text(encoding="utf-8").replace("numpy>=1.24", "numpy>=1.25"), encoding="utf-8"
    )
    assert main(machine, "setup") == 0
    assert any("numpy>=1.25" in line for line in calls(machine))
    presets = json.loads((machine / "CMakePresets.json").read_text(encoding="utf-8"))
    (machine / "CMakePresets.json").write_text(
        json.dumps(presets | {"vendor": {}}), encoding="utf-8"
    )
    assert main(machine, "setup") == 0
    assert calls(machine) == [
        "cmake --fresh --preset mingw",
        "cmake --build --preset mingw --target programs",
    ]


@pytest.mark.parametrize("words", [("setup", "--references"), ("run", "frameworks")])
def test_references_are_built_only_when_asked(
    machine: Path, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """The wheel of HP-Socket is fetched by its hash, and a program that is left out is named."""
    mingw(machine)
    reason = "reference_ace: not built: no sources in build/deps/ace"
    wheel = machine / "build" / "deps" / "hpsocket" / "HPSocket-0.9.3-py2.py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("HPSocket/HPSocket4C_amd64_64.dll", "a library")
    folder = machine / "build" / "references-mingw"
    folder.mkdir()
    (folder / "references.txt").write_text(f"reference_libuv: built\n{reason}\n", encoding="utf-8")
    assert main(machine, *words) == 0
    said = calls(machine)[2:]
    assert said[2].split(" -m ")[1].startswith("pip download --no-deps --require-hashes -r ")
    assert [said[0], said[3], said[4]] == [
        "cmake --fresh --preset mingw",
        "cmake --fresh --preset references-mingw",
        "cmake --build --preset references-mingw",
    ]
    assert f"iomodels: {reason}\n" in capfd.readouterr().err
    assert wheel.with_name("HPSocket4C_amd64_64.dll").read_text(encoding="utf-8") == "a library"


def test_the_harness_gets_the_arguments_and_gives_the_exit_code(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mingw(machine)
    monkeypatch.setenv("FAKE_EXIT", "77")
    assert (
        main(machine, "run", "--no-install", "select vs iocp", "--", "--no-install") == 1
    )  # no environment yet
    assert main(machine, "run", "select vs iocp", "--seed", "1") == 77
    assert calls(machine)[-1] == "python -P -m iomodels run select vs iocp --seed 1"
    assert main(machine, "run", "--no-install", "x", "--", "--no-install") == 77
    assert calls(machine)[-1] == "python -P -m iomodels run x -- --no-install"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "iomodels setup"),
        (("--no-install",), 2, "iomodels setup"),
        (
            ("test", "host"),
            2,
            "unknown part of the tests: host "
            "(one of: ctest mypy py servers; options of pytest go after --)",
        ),
        (("setup", "now"), 2, "setup takes --references only, but got: now"),
        (("models", "--no-install"), 1, "omit --no-install to make it"),
    ],
)
def test_wrong_words(
    machine: Path, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    mingw(machine)
    assert main(machine, *words) == code
    out, err = capfd.readouterr()
    assert out == "" and said in err
    assert calls(machine) == []


def test_ctrl_c_waits_until_the_harness_has_tidied_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reaches both; set-up must not end before the program whose exit code it passes on."""

    class Tidying:
        def __init__(self, *argv: object, **others: object) -> None:
            self.waits = iter([KeyboardInterrupt, KeyboardInterrupt, None])

        def wait(self) -> int:
            if interrupted := next(self.waits):
                raise interrupted
            return 130

    monkeypatch.setattr(subprocess, "Popen", Tidying)
    assert setup_windows.call(["harness"], {}) == 130


CTEST = """#!/bin/sh
printf '%s\\n' "ctest $*" >>"$FAKE_LOG"
exit 8
"""


def test_the_tests_run_part_by_part(machine: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mingw(machine)
    install(machine, "ctest", CTEST)
    assert main(machine, "test") == 1  # ctest's, and the other parts all the same
    assert calls(machine)[-4:] == [
        "ctest --preset mingw",
        "python -m mypy --strict",
        "python -m pytest -rs tests/py",
        "python -m pytest -rs tests/servers tests/loadgen",
    ]
    assert capfd.readouterr().err.endswith("iomodels: failed: ctest\n")
    assert main(machine, "test", "servers", "mypy", "--", "-k", "not x") == 0
    assert calls(machine)[-2:] == [
        "python -m pytest -rs tests/servers tests/loadgen -k not x",
        "python -m mypy --strict",
    ]


@pytest.mark.parametrize("word", ["check", "doctor"])
def test_what_makes_and_builds_nothing(
    machine: Path, word: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(machine, word) == 1
    assert f"{word} installs nothing; make it by: iomodels.cmd setup" in capfd.readouterr().err
    mingw(machine)
    assert main(machine, "setup") == 0
    calls(machine)
    assert main(machine, word) == 0
    assert calls(machine) == [f"python -P -m iomodels {word}"]


def test_programs_of_an_archive_need_no_compiler(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IOMODELS_BUILD", str(machine / "unpacked"))
    assert main(machine, "run", "select-vs-iocp") == 0
    assert calls(machine)[-1] == "python -P -m iomodels run select-vs-iocp"
    assert main(machine, "setup", "--no-install") == 1, "this word builds"
    assert "needs a C compiler" in capfd.readouterr().err


def test_help_needs_nothing(machine: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(machine, "help") == 0
    assert "iomodels setup" in capfd.readouterr().out
    assert not (machine / "build").exists()


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("cmake", "needs CMake 3.25 or newer on PATH"),
        ("ninja", "IOMODELS_PRESET=mingw: not on PATH: ninja"),
        ("x86_64-w64-mingw32-gcc", "IOMODELS_PRESET=mingw: not on PATH: x86_64-w64-mingw32-gcc"),
    ],
)
def test_a_missing_program_is_named(
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    missing: str,
    said: str,
) -> None:
    mingw(machine)
    monkeypatch.setenv("IOMODELS_PRESET", "mingw")
    (machine.parent / "tools" / missing).unlink()
    assert main(machine, "models") == 1
    assert said in capfd.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FAKE_CMAKE", "3.22.1", "is 3.22; https://cmake.org/download/"),
        ("FAKE_VENV_FAILS", "1", "making build\\venv failed with exit code 1 (whole log: "),
        (
            "FAKE_PIP_FAILS",
            "1",
            "no such wheel\n"
            "iomodels: installing Python's libraries (pip) failed with exit code 1 (whole log: ",
        ),
        (
            "FAKE_CMAKE_FAILS",
            "--fresh",
            "no winsock2.h\niomodels: configuring mingw failed with exit code 3 (whole log: ",
        ),
        (
            "FAKE_CMAKE_FAILS",
            "--build",
            "no winsock2.h\niomodels: building mingw failed with exit code 3 (whole log: ",
        ),
    ],
)
def test_a_step_that_fails_is_done_again_the_next_time(
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    said: str,
) -> None:
    mingw(machine)
    with monkeypatch.context() as broken:
        broken.setenv(variable, value)
        assert main(machine, "models") == 1
    assert said in capfd.readouterr().err
    assert main(machine, "models") == 0
    assert calls(machine)[-1] == "python -P -m iomodels models"


@pytest.mark.parametrize(
    ("processor", "wanted", "has", "preset"),
    [
        ("AMD64", None, "VC.Tools.x86.x64", "msvc"),
        ("ARM64", None, "VC.Tools.ARM64", "msvc-arm64"),
        ("ARM64", None, "VC.Tools.x86.x64", "zig-arm64"),
        ("ARM64", "mingw", "VC.Tools.ARM64", "mingw"),
        ("AMD64", "msvc-x86", "VC.Tools.x86.x64", "msvc-x86"),
        ("AMD64", "clang-cl", "VC.Llvm.Clang", "clang-cl"),
        ("AMD64", "mingw", "VC.Tools.x86.x64", "mingw"),
    ],
)
def test_visual_studio_comes_first(
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    processor: str,
    wanted: str | None,
    has: str,
    preset: str,
) -> None:
    mingw(machine)
    studio(machine, monkeypatch, has)
    environ = {"IOMODELS_PRESET": wanted} if wanted else {}
    assert setup_windows.find_toolchain(environ, processor).preset == preset


def test_the_cmake_of_visual_studio_serves_where_path_has_none(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio(machine, monkeypatch, "VC.Tools")
    cmake = machine.parent / "Visual Studio" / setup_windows.VS_CMAKE
    cmake.parent.mkdir(parents=True)
    cmake.write_text(CMAKE, encoding="utf-8")
    cmake.chmod(0o755)
    assert main(machine, "setup") == 0
    assert calls(machine)[-1] == "cmake --build --preset msvc --target programs"


def test_without_a_compiler_one_comes_from_pypi_once(
    machine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(machine, "setup", "--no-install") == 1
    assert "build\\venv is missing" in capfd.readouterr().err
    assert main(machine, "setup") == 0
    *_, libraries, compiler, configure, build = calls(machine)
    assert "numpy>=" in libraries and "ziglang" not in libraries
    assert all(f" {name}==" in compiler for name in ("cmake", "ninja", "ziglang"))
    ninja = machine / "build" / "venv" / "bin" / "ninja"
    assert configure == f"cmake --fresh --preset zig -DCMAKE_MAKE_PROGRAM={ninja}"
    assert build == "cmake --build --preset zig --target programs"
    assert main(machine, "setup") == 0
    assert calls(machine) == ["cmake --build --preset zig --target programs"]
    (machine / "build" / "venv" / "compiler.stamp").unlink()
    assert main(machine, "setup", "--no-install") == 1
    assert "or one from PyPI: omit --no-install" in capfd.readouterr().err


def test_on_arm_zig_builds_for_arm(machine: Path) -> None:
    assert setup_windows.find_toolchain({}, "ARM64").preset == "zig-arm64"


def test_a_wanted_compiler_that_is_missing_is_not_replaced(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    mingw(machine)
    monkeypatch.setenv("IOMODELS_PRESET", "clang-cl")
    assert main(machine, "models") == 1
    assert (
        "IOMODELS_PRESET=clang-cl: there is no Visual Studio 2022 or 2026 with"
        in capfd.readouterr().err
    )


def test_a_preset_that_windows_cannot_build_is_rejected(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    mingw(machine)
    monkeypatch.setenv("IOMODELS_PRESET", "sanitize")
    assert main(machine, "models") == 2
    assert "IOMODELS_PRESET=sanitize: must be one of msvc, msvc-arm64, " in capfd.readouterr().err


def test_the_guide_names_commands_and_presets_that_are_there() -> None:
    guide = (ROOT / "docs" / "windows.md").read_text(encoding="utf-8")
    typed = re.findall(r"iomodels\.cmd ((?:[\w.-]+ ?)+)(?:`|$)", guide, re.MULTILINE)
    assert {words.split()[0] for words in typed} >= {"run", "report", "test", "validate", "pack"}
    known = parsers()
    for words in (each.split() for each in typed):
        if words[0] == "test":
            assert setup_windows.test_parts(tuple(words[1:]))[0]
        else:
            assert known.top.parse_known_args(words)[1] == [], words
    named = set(re.findall(r"IOMODELS_PRESET=([\w-]+)", guide))
    assert named and named <= set(setup_windows.PRESETS)


def test_every_preset_that_set_up_names_is_there() -> None:
    presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
    for kind in ("configurePresets", "buildPresets", "testPresets"):
        names = {preset["name"] for preset in presets[kind]}
        assert {*setup_windows.PRESETS, *setup_windows.VS_TOOLS} <= names
    assert all(preset in setup_windows.NOTES for preset in setup_windows.PRESETS)
