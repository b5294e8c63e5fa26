"""The reader of imports, on a package made for it: it finds what the walls forbid."""

from __future__ import annotations

from pathlib import Path

import pytest

import imports

ALLOWED = {"low": (), "middle": ("low",), "high": ("low", "middle"), "aside": ("low",)}
CLEAN = {
    "__init__": "",
    "low/__init__": "",
    "low/words": "import re",
    "middle/__init__": "",
    "middle/sums": "from made.low import words\nimport math",
    "high/__init__": "",
    "high/page": "from made.middle.sums import total",
    "aside/__init__": "",
    "aside/start": "import subprocess\nfrom made.low.words import text",
}


def graph_of(folder: Path, **changed: str) -> imports.Graph:
    for name, text in {**CLEAN, **changed}.items():
        path = folder / "made" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    return imports.read(folder / "made")


def test_a_tree_within_its_walls(tmp_path: Path) -> None:
    graph = graph_of(tmp_path)
    assert graph.edges["high.page"] == {"middle.sums"}
    assert imports.forbidden(graph, ALLOWED) == []
    assert imports.circles(graph.edges) == []
    assert imports.circles(imports.between_packages(graph.edges)) == []
    assert imports.starters(graph, graph.of("high")) == []
    loaded = {"", "high", "high.page", "middle", "middle.sums", "low", "low.words"}
    assert graph.reach(graph.of("high")) == loaded


LOCAL = "def late() -> None:\n    from made.aside import start\n"


@pytest.mark.parametrize(
    "text",
    [
        "from made.aside.start import run",
        "from made.aside import start",
        "import made.aside.start",
        LOCAL,
        "class Late:\n    def run(self) -> None:\n        import made.aside.start as start\n",
        "try:\n    import made.aside.start\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('made.aside.start')",
    ],
)
def test_a_forbidden_import_is_found_wherever_it_stands(text: str, tmp_path: Path) -> None:
    graph = graph_of(tmp_path, **{"middle/sums": text})
    assert imports.forbidden(graph, ALLOWED) == ["middle.sums → aside.start"]
    way = "high.page → middle.sums → aside.start → subprocess"
    assert imports.starters(graph, graph.of("high")) == [way]


def test_what_a_package_itself_imports_is_loaded_with_its_modules(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, **{"middle/__init__": "from made.aside import start"})
    assert imports.forbidden(graph, ALLOWED) == ["middle → aside.start"]
    assert "aside.start" in graph.reach(["high.page"])
    [way] = imports.starters(graph, graph.of("high"))
    assert way == "high.page → middle.sums → middle → aside.start → subprocess"


def test_what_only_a_type_checker_reads_does_not_count(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from made.aside import start\n"
    graph = graph_of(tmp_path, **{"middle/sums": text})
    assert imports.forbidden(graph, ALLOWED) == []
    otherwise = text + "else:\n    import made.aside.start\n"
    graph = graph_of(tmp_path, **{"middle/sums": otherwise})
    assert imports.forbidden(graph, ALLOWED) == ["middle.sums → aside.start"]


def test_a_circle_of_modules_is_found_through_a_local_import(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, **{"low/words": LOCAL})
    assert imports.circles(graph.edges) == [["aside.start", "low.words"]]


def test_a_circle_through_two_packages_without_one_of_modules_is_found(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, **{"aside/other": "", "low/other": "from made.aside import other"})
    assert imports.circles(graph.edges) == []
    assert imports.circles(imports.between_packages(graph.edges)) == [["aside", "low"]]


@pytest.mark.parametrize("text", ["import os\nos.execv('a', [])", "from os import posix_spawn"])
def test_starting_by_a_function_of_the_system_is_found(text: str, tmp_path: Path) -> None:
    graph = graph_of(tmp_path, **{"low/words": text})
    assert len(imports.starters(graph, graph.of("high"))) == 1


@pytest.mark.parametrize(
    "text", ["from . import words", "import importlib\nimportlib.import_module(name)"]
)
def test_what_cannot_be_read_is_an_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"relative import|imports a name that is computed"):
        graph_of(tmp_path, **{"low/words": text})
