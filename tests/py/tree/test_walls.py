"""The walls between the rooms (CONTRIBUTING.md): what each may include or import.

The tree is the architecture: a line that reaches into a room it must not see makes one of these fail.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

WINDOWS = {
    "winsock2.h",
    "mswsock.h",
    "ws2tcpip.h",
    "windows.h",
    "process.h",
    "psapi.h",
    "fcntl.h",
    "io.h",
}
C11 = {
    "assert.h",
    "errno.h",
    "float.h",
    "inttypes.h",
    "math.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdio.h",
    "stdarg.h",
    "stdlib.h",
    "string.h",
    "time.h",
}
POSIX = {
    "arpa/inet.h",
    "fcntl.h",
    "netinet/in.h",
    "netinet/tcp.h",
    "poll.h",
    "pthread.h",
    "sched.h",
    "sys/epoll.h",
    "sys/prctl.h",
    "sys/resource.h",
    "sys/socket.h",
    "sys/timerfd.h",
    "sys/utsname.h",
    "unistd.h",
}


def sources(room: str, *patterns: str) -> list[Path]:
    found = sorted(path for pattern in patterns for path in (ROOT / room).glob(pattern))
    assert found, f"{room}: no sources; the wall would guard nothing"
    return found


def includes(path: Path) -> Iterator[tuple[bool, str]]:
    """(whether it is a project header, its name) of every include."""
    for bracket, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        yield bracket == '"', name


def models() -> list[Path]:
    return sources("servers", "*.c")


@pytest.mark.parametrize("path", models(), ids=lambda path: path.name)
def test_a_model_sees_windows_and_the_kit_only(path: Path) -> None:
    for ours, name in includes(path):
        if ours:
            assert name in {"server.h", "readiness.h"}, f"{path.name} includes {name}"
        else:
            assert name in WINDOWS, f"{path.name} includes <{name}>"


@pytest.mark.parametrize("path", sources("servers/kit", "*.[ch]"), ids=lambda path: path.name)
def test_the_kit_knows_no_model_and_no_load_generator(path: Path) -> None:
    for ours, name in includes(path):
        if ours:
            assert name.startswith("common/") or (ROOT / "servers" / "kit" / name).exists(), (
                f"{path.name}: {name}"
            )
        else:
            assert name in WINDOWS | C11, f"{path.name} includes <{name}>"
    code = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    code = re.sub(r'"(?:[^"\\]|\\.)*"', '""', code)
    for model in (
        model.stem for model in models() if model.stem not in {"select", "threads", "events"}
    ):
        assert not re.search(rf"\b{model}\b", code), f"{path.name} names the model {model}"


def test_the_session_is_plain_c() -> None:
    for name in ("session.c", "session.h", "stats.h"):
        for ours, header in includes(ROOT / "servers" / "kit" / name):
            allowed = {"session.h", "stats.h", "common/frame.h", "common/clock.h"} if ours else C11
            assert header in allowed, f"{name} includes {header}"


@pytest.mark.parametrize("path", sources("common", "*.[ch]"), ids=lambda path: path.name)
def test_common_sees_neither_end(path: Path) -> None:
    for ours, name in includes(path):
        assert name.startswith("common/") if ours else name in WINDOWS | C11 | POSIX, (
            f"{path.name}: {name}"
        )


def test_frame_json_and_option_use_no_system() -> None:
    for name in ("frame.c", "frame.h", "json.h", "option.c", "option.h"):
        for ours, header in includes(ROOT / "common" / name):
            assert ours or header in C11, f"{name} includes <{header}>"


@pytest.mark.parametrize("path", sources("loadgen", "*.[ch]"), ids=lambda path: path.name)
def test_the_load_generator_does_not_see_the_servers(path: Path) -> None:
    for ours, name in includes(path):
        if ours:
            assert name.startswith(("common/", "loadgen/")), f"{path.name} includes {name}"
        else:
            assert name in WINDOWS | C11 | POSIX | {"hdr/hdr_histogram.h"}, (
                f"{path.name} includes <{name}>"
            )


CPP = {
    "algorithm",
    "cmath",
    "cstddef",
    "cstdint",
    "cstdio",
    "cstdlib",
    "cstring",
    "map",
    "numeric",
    "random",
    "sstream",
    "string",
    "thread",
    "unordered_map",
    "utility",
    "vector",
}


@pytest.mark.parametrize("path", sources("microbench", "*.cpp", "*.h"), ids=lambda path: path.name)
def test_a_benchmark_sees_what_it_measures_only(path: Path) -> None:
    for ours, name in includes(path):
        if ours:
            assert name.startswith("common/") or name in {
                "bench.h",
                "windows_bench.h",
                "servers/kit/session.h",
            }, f"{path.name}: {name}"
        else:
            assert name in WINDOWS | CPP | {"benchmark/benchmark.h", "hdr/hdr_histogram.h"}, (
                f"{path.name} includes <{name}>"
            )


@pytest.mark.parametrize("path", sources("laws", "*.[ch]"), ids=lambda path: path.name)
def test_the_laws_see_windows_and_common(path: Path) -> None:
    for ours, name in includes(path):
        if ours:
            assert name.startswith(("common/", "laws/")), f"{path.name} includes {name}"
        else:
            assert name in WINDOWS | C11 | {"tlhelp32.h", "wchar.h"}, (
                f"{path.name} includes <{name}>"
            )


@pytest.mark.parametrize("path", sources("laws/verdict", "*.[ch]"), ids=lambda path: path.name)
def test_the_verdicts_are_plain_c(path: Path) -> None:
    for ours, name in includes(path):
        assert name.startswith("laws/verdict/") if ours else name in C11, f"{path.name}: {name}"


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "path", sources("harness/iomodels/figures", "*.py"), ids=lambda path: path.name
)
def test_figures_launch_nothing(path: Path) -> None:
    for name in imports(path):
        if name.startswith("iomodels."):
            assert name.startswith(
                ("iomodels.base", "iomodels.data", "iomodels.judge", "iomodels.figures")
            ), f"{path.name} imports {name}"
        assert name.split(".")[0] not in {"subprocess", "socket", "multiprocessing", "psutil"}, (
            f"{path.name} imports {name}"
        )


@pytest.mark.parametrize("path", sources("harness/iomodels", "*/*.py"), ids=lambda path: path.name)
def test_the_harness_reaches_the_programs_by_argv_and_lines_only(path: Path) -> None:
    for name in imports(path):
        assert name.split(".")[0] not in {"ctypes", "cffi", "socket"} or path.name in {
            "agent.py",
            "channel.py",
            "kernel32.py",
            "placement.py",
        }, f"{path.name} imports {name}"


def test_results_hold_data_only() -> None:
    code = [
        path for path in (ROOT / "results").rglob("*") if path.suffix in {".py", ".c", ".h", ".sh"}
    ]
    assert code == []
