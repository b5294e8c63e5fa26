"""Single changes of a Python file: what a slip of the keyboard or the mind would leave."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

COMPARED = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
}
COMPUTED = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "/", "%": "*"}
NUDGE = 1.05
"""A limit that is 5 % off is still a limit. Only a test at the limit notices."""


@dataclass(frozen=True)
class Mutant:
    """A change of one place: `text[begin:end]` becomes `after`. `line` counts from 1."""

    path: str
    line: int
    begin: int
    end: int
    after: str

    def apply(self, text: str) -> str:
        return text[: self.begin] + self.after + text[self.end :]

    def words(self, text: str) -> tuple[str, str]:
        """Return the line before and after the change, without indentation."""
        start = text.rfind("\n", 0, self.begin) + 1
        stop = text.find("\n", self.end)
        stop = len(text) if stop < 0 else stop
        before = text[start:stop]
        after = text[start : self.begin] + self.after + text[self.end : stop]
        return " ".join(before.split()), " ".join(after.split())


class Finder(ast.NodeVisitor):
    """Collects (begin, end, new text) of one file. Texts that people read are left alone."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0]
        for line in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.lines = text.splitlines()
        self.found: list[tuple[int, int, str]] = []

    def at(self, line: int, column: int) -> int:
        """Return the place of a column, which ast counts in bytes of UTF-8."""
        encoded = self.lines[line - 1].encode("utf-8")[:column]
        return self.starts[line - 1] + len(encoded.decode("utf-8"))

    def span(self, node: ast.AST) -> tuple[int, int]:
        begin = self.at(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        return begin, self.at(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def swap(self, left: ast.AST, right: ast.AST, table: dict[str, str]) -> None:
        """Exchange the operator between two operands."""
        begin, end = self.span(left)[1], self.span(right)[0]
        words = "|".join(sorted(map(re.escape, table), key=len, reverse=True))
        found = re.search(rf"(?<![\w<>=!*/])({words})(?![\w<>=*/])", self.text[begin:end])
        if found:
            self.found.append((begin + found.start(), begin + found.end(), table[found[0]]))

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, right in zip([node.left, *node.comparators], node.comparators):
            self.swap(left, right, COMPARED)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:]):
            self.swap(left, right, {"and": "or", "or": "and"})
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        texts = (ast.JoinedStr, ast.Constant)
        of_text = any(
            isinstance(side, ast.JoinedStr)
            or (isinstance(side, texts) and isinstance(getattr(side, "value", 0), str))
            for side in (node.left, node.right)
        )
        if not of_text:
            self.swap(node.left, node.right, COMPUTED)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        begin = self.span(node)[0]
        if isinstance(node.op, (ast.Not, ast.USub)):
            inner = self.span(node.operand)[0]
            self.found.append((begin, inner, "" if self.text[inner - 1] != "(" else "("))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        begin, end = self.span(node)
        if isinstance(value, bool):
            self.found.append((begin, end, str(not value)))
        elif isinstance(value, int):
            self.found.append((begin, end, str(value + 1)))
        elif isinstance(value, float):
            self.found.append((begin, end, repr(value * NUDGE)))

    def visit_If(self, node: ast.If) -> None:
        begin, end = self.span(node.test)
        if "\n" not in self.text[begin:end]:
            self.found.append((begin, end, f"not ({self.text[begin:end]})"))
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.found.append((*self.span(test), "True"))
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        begin, end = self.span(node.target)[1], self.span(node.value)[0]
        for sign, other in (("+=", "-="), ("-=", "+=")):
            if sign in self.text[begin:end]:
                place = begin + self.text[begin:end].index(sign)
                self.found.append((place, place + 2, other))
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.found.append((*self.span(node), "pass"))
            self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self.found.append((*self.span(node), "break"))

    def visit_Break(self, node: ast.Break) -> None:
        self.found.append((*self.span(node), "continue"))

    # ---- what is left alone ----

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Places inside a formatted text are unknown before Python 3.12."""

    def visit_Raise(self, node: ast.Raise) -> None:
        """Another text of an error is no defect of what the code decides."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:
            self.visit(part)


def mutants(path: str, text: str) -> Iterator[Mutant]:
    finder = Finder(text)
    tree = ast.parse(text)
    finder.visit(tree)
    unchanged = ast.dump(tree)
    for begin, end, after in sorted(set(finder.found)):
        mutant = Mutant(path, text.count("\n", 0, begin) + 1, begin, end, after)
        changed = mutant.apply(text)
        try:
            found = ast.parse(changed)
        except SyntaxError:
            continue
        if ast.dump(found) != unchanged:
            yield mutant
