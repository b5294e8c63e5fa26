"""Who imports whom in a Python package, read from its sources: nothing is run.

An import inside a function counts like any other; one below `if TYPE_CHECKING:` does not count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

STARTERS = frozenset(
    {"subprocess", "socket", "multiprocessing", "ctypes", "cffi", "psutil", "pty", "asyncio"}
)
"""Modules that start, watch or reach other programs."""
OS_STARTERS = ("exec", "fork", "popen", "posix_spawn", "spawn", "startfile", "system")
"""Functions of `os` whose names begin so start programs."""

Edges = Mapping[str, frozenset[str]]


@dataclass(frozen=True, repr=False)
class Graph:
    """Module names are dotted, without the package's name: "" is its `__init__`, "a" that of a."""

    edges: Edges
    """module: modules of the package that it names in an import"""
    outside: Edges
    """module: top-level names from elsewhere, and `os.NAME` for calls that start a program"""

    def reach(self, starts: Iterable[str]) -> frozenset[str]:
        """Return every module that loading these loads: themselves and their packages included."""
        found: set[str] = set()
        waiting = list(starts)
        while waiting:
            module = waiting.pop()
            if module not in found:
                found.add(module)
                waiting += [*self.edges[module], *(up for up in around(module) if up in self.edges)]
        return frozenset(found)

    def of(self, package: str) -> frozenset[str]:
        return frozenset(module for module in self.edges if package_of(module) == package)

    def path(self, start: str, goal: str) -> str:
        """How `start` comes to load `goal`, for a message: "a → b → c"."""
        before = {start: ""}
        waiting = [start]
        for module in waiting:
            for following in sorted({*self.edges[module], *around(module)} & self.edges.keys()):
                if following not in before:
                    before[following] = module
                    waiting.append(following)
        steps = [goal]
        while steps[-1] != start:
            steps.append(before[steps[-1]])
        return " → ".join(reversed(steps))


def read(folder: Path) -> Graph:
    """The graph of the package in `folder`, which gives it its name."""
    files = {_module(path, folder): path for path in sorted(folder.rglob("*.py"))}
    edges, outside = {}, {}
    for module, path in files.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = [name for node in _executed(tree) for name in _names(node, path)]
        ours = {_known(name, folder.name, files) for name in named if _is_ours(name, folder.name)}
        edges[module] = frozenset(ours - {module})
        others = {name.partition(".")[0] for name in named if not _is_ours(name, folder.name)}
        outside[module] = frozenset(others | set(_os_starters(tree)))
    return Graph(edges, outside)


def package_of(module: str) -> str:
    """Return a module's sub-package: itself for an `__init__` or a module next to them."""
    return module.partition(".")[0]


def around(module: str) -> list[str]:
    """The packages that Python loads before a module: a.b.c has '', a and a.b."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(len(parts))] if module else []


def between_packages(edges: Edges) -> dict[str, frozenset[str]]:
    """The edges of the packages that the edges of their modules make."""
    found: dict[str, set[str]] = {}
    for module, others in edges.items():
        package = package_of(module)
        found.setdefault(package, set()).update({package_of(other) for other in others} - {package})
    return {package: frozenset(others) for package, others in found.items()}


def circles(edges: Edges) -> list[list[str]]:
    """Sets of nodes that reach each other, each sorted."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = list(edges[start])
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += edges.get(node, ())
        return found

    all_reached = {node: reached(node) for node in edges}
    found = {
        tuple(sorted(other for other in all_reached[node] if node in all_reached.get(other, ())))
        for node in edges
        if node in all_reached[node]
    }
    return sorted(list(circle) for circle in found)


def forbidden(graph: Graph, allowed: Mapping[str, Iterable[str]]) -> list[str]:
    """Return imports between sub-packages that `allowed` does not name, as "a.b → c.d"."""
    return sorted(
        f"{module} → {other}"
        for module, others in graph.edges.items()
        for other in others
        if package_of(other) not in {"", package_of(module), *allowed.get(package_of(module), ())}
    )


def starters(graph: Graph, starts: Iterable[str]) -> list[str]:
    """What is loaded with `starts` and may start a program, with the way to it."""
    first = sorted(starts)
    found = []
    for module in sorted(graph.reach(first)):
        means = sorted(
            name for name in graph.outside[module] if name in STARTERS or name.startswith("os.")
        )
        if means:
            start = next(each for each in first if module in graph.reach([each]))
            found.append(f"{graph.path(start, module)} → {', '.join(means)}")
    return found


def _module(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that only a type checker looks at."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test).split("."):
            for otherwise in node.orelse:
                yield otherwise
                yield from _executed(otherwise)
        else:
            yield node
            yield from _executed(node)


def _names(node: ast.AST, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.level or node.module is None:
            raise ValueError(f"{path}:{node.lineno}: relative import")
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
        ("import_module", "__import__")
    ):
        given = node.args[0] if node.args else None
        if not isinstance(given, ast.Constant) or not isinstance(given.value, str):
            raise ValueError(f"{path}:{node.lineno}: imports a name that is computed")
        yield given.value


def _is_ours(name: str, package: str) -> bool:
    return name.partition(".")[0] == package


def _known(name: str, package: str, files: Mapping[str, Path]) -> str:
    """The module that a dotted name lies in: itself, or the one that defines its last part."""
    inner = name.removeprefix(package).removeprefix(".")
    while inner and inner not in files:
        inner = inner.rpartition(".")[0]
    return inner


def _os_starters(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os":
            if node.attr.startswith(OS_STARTERS):
                yield f"os.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (f"os.{a.name}" for a in node.names if a.name.startswith(OS_STARTERS))
