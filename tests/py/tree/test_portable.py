"""The lint and the compiler options of tests/portable.py find what MSVC would reject."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
specification = importlib.util.spec_from_file_location("portable", ROOT / "tests" / "portable.py")
assert specification and specification.loader
portable = importlib.util.module_from_spec(specification)
specification.loader.exec_module(portable)

REFUSED = [
    "__attribute__((packed)) struct s;",
    "int a = ({ int b = 1; b; });",
    "typeof(x) y = x;",
    "int a = __builtin_popcount(b);",
    "int a = b ?: c;",
    "switch (a) { case 1 ... 5: break; }",
    "#include <stdatomic.h>",
    "static _Atomic int a;",
    "#include <threads.h>",
    "#pragma GCC diagnostic push",
    'void f(void) { __asm__("nop"); }',
    "char *p = aligned_alloc(64, 64);",
]
ALLOWED = [
    "/* __attribute__ and ({ in a comment */ int a;",
    'const char *text = "__builtin_expect /* stdatomic.h";',
    "int a = b ? 1 : c;",
    "if (a) { call((struct s){.x = 1}); }",
    "char quote = '\"'; int b;",
]


@pytest.mark.parametrize("text", REFUSED)
def test_the_lint_refuses(text: str) -> None:
    found = list(portable.refused(f"int first;\n{text}\n"))
    assert found and all(line == 2 for line, _ in found)


@pytest.mark.parametrize(
    "text", ["point p = {.x = 1};", "#include <bits/stdc++.h>", "use((struct point){1, 2});"]
)
def test_the_lint_refuses_in_cpp(text: str) -> None:
    assert [line for line, _ in portable.refused(f"int first;\n{text}\n", cpp=True)] == [2]
    assert (
        list(
            portable.refused(
                "call({1, 2}); auto p = point{1, 2};\nfor (int option : {A, B}) {\n}\n", cpp=True
            )
        )
        == []
    )


@pytest.mark.parametrize("text", ALLOWED)
def test_the_lint_allows(text: str) -> None:
    assert list(portable.refused(text)) == []


def test_no_source_holds_what_msvc_refuses() -> None:
    assert portable.lint(ROOT) == []


def test_a_fixture_of_the_gnu_linker_is_built_for_it_only(tmp_path: Path) -> None:
    fixture = tmp_path / "tests" / "fixtures" / "faults" / "faults.c"
    fixture.parent.mkdir(parents=True)
    fixture.write_text("__attribute__((constructor)) static void f(void) {}\n", encoding="utf-8")
    build = tmp_path / "tests" / "CMakeLists.txt"
    build.write_text(
        "if(MINGW)\nendif()\nadd_executable(x fixtures/faults/faults.c)\n", encoding="utf-8"
    )
    assert len(portable.lint(tmp_path)) == 1
    build.write_text(
        "if(MINGW AND X)\nadd_executable(x fixtures/faults/faults.c)\nendif()\n", encoding="utf-8"
    )
    assert portable.lint(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "int sum(int n);\n"
            "int sum(int n) {\n    int v[n];\n    v[0] = 1;\n    return v[0];\n}\n",
            "-Wvla",
        ),
        (
            "void *next(void *p);\nvoid *next(void *p) {\n    return p + 1;\n}\n",
            "-W(gnu-)?pointer-arith",
        ),
        (
            "struct s {\n    int x;\n};\nextern struct s s;\nstruct s s = {};\n",
            "-W(gnu-empty-initializer|c23-extensions)",
        ),  # before and since Clang 19
        ("int f(unsigned a);\nint f(unsigned a) {\n    return a;\n}\n", "-Wsign-conversion"),
        ("#include <unistd.h>\n", "<unistd.h>: MSVC has no such header"),
    ],
)
def test_clang_for_windows_complains(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "wrong.c"
    path.write_text(text, encoding="utf-8")
    assert re.search(complaint, portable.clang(path, [])), portable.clang(path, [])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "unsigned long f(unsigned long long a);\n"
            "unsigned long f(unsigned long long a) {\n    return a;\n}\n",
            "-Wshorten-64-to-32",
        ),
        ("struct s {\n    int x;\n};\nextern s v;\ns v = {.x = 1};\n", "-Wc++20-designator"),
    ],
)
def test_clang_for_32_bits_complains_of_cpp(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "wrong.cpp"
    path.write_text(text, encoding="utf-8")
    assert complaint in portable.clang_32(path, []), portable.clang_32(path, [])


def test_clang_for_windows_takes_the_windows_headers(tmp_path: Path) -> None:
    path = tmp_path / "right.c"
    path.write_text(
        "#include <winsock2.h>\n#include <windows.h>\nint main(void) {\n    return 0;\n}\n",
        encoding="utf-8",
    )
    assert portable.clang(path, []) == ""
