"""The walls between the rooms (CONTRIBUTING.md): what each may include or import.

The tree is the architecture: a line that reaches into a forbidden room makes one of these fail.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import imports

ROOT = Path(__file__).resolve().parents[3]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

WINDOWS = {
    "winsock2.h",
    "winternl.h",
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


LINUX = POSIX | {"dirent.h", "limits.h", "liburing.h", "signal.h", "sys/ioctl.h", "sys/select.h"}


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
            assert name in {"server.h", "readiness.h", "newer_winsock.h"}, (
                f"{path.name} includes {name}"
            )
        else:
            assert name in WINDOWS, f"{path.name} includes <{name}>"


@pytest.mark.parametrize("path", sources("servers/linux", "*.[ch]"), ids=lambda path: path.name)
def test_a_model_of_linux_sees_linux_and_the_kit_only(path: Path) -> None:
    for ours, name in includes(path):
        if ours:
            assert name in {"server.h", "readiness.h", "provided_buffers.h"}, (
                f"{path.name} includes {name}"
            )
        else:
            assert name in LINUX | C11, f"{path.name} includes <{name}>"


@pytest.mark.parametrize(
    "path", [*models(), *sources("servers/linux", "*.c")], ids=lambda path: path.name
)
def test_a_model_asks_nothing_about_the_system(path: Path) -> None:
    """What differs between systems is in the kit, or in two files that teach one system each."""
    assert not re.search(r"^\s*#\s*if", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", sources("servers/kit", "*.[ch]"), ids=lambda path: path.name)
def test_the_kit_knows_no_model_and_no_load_generator(path: Path) -> None:
    for ours, name in includes(path):
        if ours:
            assert name.startswith("common/") or (ROOT / "servers" / "kit" / name).exists(), (
                f"{path.name}: {name}"
            )
        else:
            assert name in WINDOWS | C11 | LINUX, f"{path.name} includes <{name}>"
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


FRAMEWORKS = {"libuv": "uv.h", "asio": "asio", "asio_coroutines": "asio", "ace": "ace/"}


@pytest.mark.parametrize(
    "path", sources("references", "*.[ch]", "*.cpp"), ids=lambda path: path.name
)
def test_a_reference_sees_one_framework(path: Path) -> None:
    system = WINDOWS | C11 | POSIX | CPP | {"array", "memory", "signal.h", "system_error"}
    for ours, name in includes(path):
        if ours:
            assert name in {"reference.h", "asio.h", "common/option.h"}, f"{path.name}: {name}"
        elif name not in system:
            own = FRAMEWORKS.get(path.stem)
            assert own and name.startswith(own), f"{path.name} includes <{name}>"


@pytest.mark.parametrize(
    "path", sources("laws", "*.[ch]", "costs/*.c", "shared/*.[ch]"), ids=lambda path: path.name
)
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


# ---- the packages of Python ----

BASE = ("base",)
DATA = (*BASE, "data")
PLAN = (*DATA, "plan")
FIGURES = (*DATA, "judge")  # which brings plan
REPORT = (*PLAN, "judge", "figures")
MEASURE = (*PLAN, "judge", "machine", "launch", "cluster")
ALLOWED = {
    "__main__": ("cli",),
    "base": (),
    "data": BASE,
    "plan": DATA,
    "judge": PLAN,
    "machine": DATA,
    "launch": (*DATA, "machine"),
    "cluster": (*DATA, "machine", "launch"),
    "measure": MEASURE,
    "figures": FIGURES,
    "report": REPORT,
    "cli": (*MEASURE, "measure", "figures", "report"),
    "schema": (),
    "literature": (),
}
"""sub-package: those that its modules may name in an import"""


@pytest.fixture(scope="module")
def graph() -> imports.Graph:
    return imports.read(ROOT / "harness" / "iomodels")


def test_a_package_imports_only_what_lies_below_it(graph: imports.Graph) -> None:
    assert {imports.package_of(module) for module in graph.edges} - {""} <= ALLOWED.keys()
    assert imports.forbidden(graph, ALLOWED) == []


def test_there_is_no_circle_of_modules_or_packages(graph: imports.Graph) -> None:
    assert imports.circles(graph.edges) == []
    assert imports.circles(imports.between_packages(graph.edges)) == []


@pytest.mark.parametrize(
    ("package", "loads"),
    [("judge", {*PLAN, "judge"}), ("figures", {*PLAN, "judge", "figures"})],
    ids=["judge", "figures"],
)
def test_verdicts_and_figures_load_nothing_that_starts_a_program(
    package: str, loads: set[str], graph: imports.Graph
) -> None:
    loaded = graph.reach(graph.of(package))
    packages = {imports.package_of(module) for module in loaded}
    assert package in packages and sorted(packages - {"", *loads}) == []
    assert imports.starters(graph, graph.of(package)) == []


@pytest.mark.parametrize(("one", "other"), [("measure", "report"), ("report", "measure")])
def test_measuring_and_reporting_never_see_each_other(
    one: str, other: str, graph: imports.Graph
) -> None:
    modules, others = sorted(graph.of(one)), graph.of(other)
    assert modules and others
    seen = [(module, sorted(graph.reach([module]) & others)) for module in modules]
    assert [graph.path(module, goals[0]) for module, goals in seen if goals] == []


def test_only_seven_modules_have_a_socket_or_call_into_the_system(graph: imports.Graph) -> None:
    """Lines and argv reach servers and load generator; only these reach machines and Windows."""
    found = {
        module for module, names in graph.outside.items() if names & {"ctypes", "cffi", "socket"}
    }
    assert found == {
        "cluster.actor",
        "cluster.credentials",
        "cluster.local",
        "launch.kernel32",
        "machine.cpu_sets",
        "measure.external_server",
        "measure.probe",
    }


def test_one_module_knows_dask_and_only_a_cluster_loads_it(graph: imports.Graph) -> None:
    """Its import takes half a second, and it is optional."""
    dask = {"dask", "distributed", "tornado"}
    assert {name for name, names in graph.outside.items() if names & dask} == {"cluster.node"}
    code = "import sys; from iomodels.cli import measuring, cluster; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True
    )
    assert "iomodels.cluster.client" in done.stdout.split()
    assert not dask & set(done.stdout.split())


def test_results_hold_data_only() -> None:
    code = [
        path for path in (ROOT / "results").rglob("*") if path.suffix in {".py", ".c", ".h", ".sh"}
    ]
    assert code == []
