"""README tables, pages and diagrams of the models agree with --describe and the sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from iomodels.cli.looking import costs_of_models
from iomodels.launch.launcher import Launcher

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / "servers"
PAGES = ROOT / "docs" / "models"
MOST_LINES = 220

OPTION = re.compile(r"--([a-z][a-z-]*)")
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
CALL = re.compile(r"\b([A-Za-z_]\w*)\(")

# What a sequence diagram of ours may consist of; Mermaid knows more.
PARTICIPANT = re.compile(r"participant (\w+) as (\S.*)")
MESSAGE = re.compile(r"(\w+)(?:->>|-->>)(\w+): (\S.*)")
NOTE = re.compile(r"Note (?:over|left of|right of) (\w+)(?:,(\w+))?: (\S.*)")
OPENING = re.compile(r"(alt|loop|opt) \S.*")


def pages() -> list[Path]:
    return sorted(PAGES.glob("*.md"))


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", SERVERS / "README.md", *pages()]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def table(text: str, header: Sequence[str]) -> list[dict[str, str]]:
    """The rows of the one table that has this header."""
    lines = text.splitlines()
    starts = [
        i for i, line in enumerate(lines) if line.startswith("|") and cells(line) == list(header)
    ]
    assert len(starts) == 1, f"{len(starts)} tables with the header {header}"
    rows = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        assert len(cells(line)) == len(header), f"not {len(header)} cells: {line}"
        rows.append(dict(zip(header, cells(line), strict=True)))
    return rows


def option_names(described: dict[str, Any]) -> set[str]:
    return {str(option["name"]) for option in described["options"]}


def common_options() -> set[str]:
    sentence = re.search(
        r"Every model has ([^;]*);", (SERVERS / "README.md").read_text(encoding="utf-8")
    )
    assert sentence, "servers/README.md does not say which options every model has"
    return set(OPTION.findall(sentence[1]))


def guide() -> dict[str, dict[str, str]]:
    """The rows of servers/README.md's table of models, by name."""
    header = ("name", "family", "summary", "limit", "options")
    rows = table((SERVERS / "README.md").read_text(encoding="utf-8"), header)
    named = {}
    for row in rows:
        link = LINK.fullmatch(row["name"])
        assert link, f"not a link to the page: {row['name']}"
        assert (SERVERS / link[2]).resolve() == PAGES / f"{link[1]}.md", row["name"]
        named[link[1]] = row
    assert len(named) == len(rows), "a model stands in the table twice"
    return named


def diagrams(path: Path) -> Iterator[list[str]]:
    """The lines of every Mermaid block, without its fences and empty lines."""
    block: list[str] | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if block is None and line == "```mermaid":
            block = []
        elif block is not None and line == "```":
            yield block
            block = None
        elif block is not None and line.strip():
            block.append(line.strip())
    assert block is None, f"{path.name}: a diagram is not closed"


def test_every_file_is_in_the_build_and_in_the_tables(launcher: Launcher) -> None:
    models = set(launcher.models())
    assert models == {path.stem for path in SERVERS.glob("*.c")}
    assert models == set(guide())
    assert models == {path.stem for path in pages()}
    front = table((ROOT / "README.md").read_text(encoding="utf-8"), ("model", "how it waits"))
    assert models == {row["model"].split("`")[1] for row in front}


def test_common_options_are_those_of_every_model(launcher: Launcher) -> None:
    assert common_options() == set.intersection(
        *(option_names(model) for model in launcher.models().values())
    )


def test_guide_agrees_with_describe(model: str, described: dict[str, Any]) -> None:
    row = guide()[model]
    assert row["family"] == described["family"]
    assert row["summary"] == described["summary"]
    assert row["limit"] == (described["limit"] or "none")
    own = option_names(described) - common_options()
    assert set(OPTION.findall(row["options"])) == own
    assert own or row["options"] == "none"


def test_guide_has_the_table_of_costs(launcher: Launcher) -> None:
    """`iomodels models --table md` writes it."""
    text = (SERVERS / "README.md").read_text(encoding="utf-8")
    assert costs_of_models(launcher.models()) in text


def test_front_page_links_file_and_page(model: str) -> None:
    rows = table((ROOT / "README.md").read_text(encoding="utf-8"), ("model", "how it waits"))
    row = next(row for row in rows if row["model"].startswith(f"[`{model}`]"))
    assert LINK.findall(row["model"]) == [(f"`{model}`", f"servers/{model}.c")]
    assert f"(docs/models/{model}.md)" in row["how it waits"]


def test_file_is_short_and_its_head_says_cost_and_limit(model: str) -> None:
    text = (SERVERS / f"{model}.c").read_text(encoding="utf-8")
    assert text.startswith("/*"), "the file begins with a comment that says what the model is"
    head = text[: text.index("*/")]
    assert head.startswith(f"/* {model}: ")
    assert re.search(r"^ \* Cost: ", head, re.MULTILINE)
    assert re.search(r"^ \* Limit: ", head, re.MULTILINE)
    assert len(text.splitlines()) <= MOST_LINES


def test_page_has_its_sections_and_explains_the_options(
    model: str, described: dict[str, Any]
) -> None:
    text = (PAGES / f"{model}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {model}\n")
    assert f"[servers/{model}.c](../../servers/{model}.c)" in text
    assert f"Family: {described['family']}." in text
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "One request",
        "Calls",
        "What a connection holds",
        "Limits",
        "When to choose it",
        "Easily done wrong",
        "Options",
        "Under Wine",
        "Microsoft's documentation",
    ]
    explained = text[text.index("\n## Options") : text.index("\n## Under Wine")]
    own = option_names(described) - common_options()
    assert (
        set(OPTION.findall("\n".join(re.findall(r"^\| (`--\S+) ", explained, re.MULTILINE)))) == own
    )


def lines_of_diagram(lines: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Check each line's form and nesting; return (participants declared, those named, texts)."""
    declared: list[str] = []
    named: list[str] = []
    texts: list[str] = []
    depth: list[str] = []
    for line in lines:
        if match := PARTICIPANT.fullmatch(line):
            declared.append(match[1])
            assert not named, f"declared after the first message: {line}"
        elif match := MESSAGE.fullmatch(line) or NOTE.fullmatch(line):
            named.extend(name for name in match.groups()[:2] if name)
            texts.append(match[3])
        elif match := OPENING.fullmatch(line):
            depth.append(match[1])
        elif re.fullmatch(r"else \S.*", line):
            assert depth[-1:] == ["alt"], f"else outside of alt: {line}"
        else:
            assert line == "end" and depth, f"not a line of a sequence diagram: {line}"
            depth.pop()
    assert not depth, f"not ended: {depth}"
    return declared, named, texts


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.stem))
def test_diagram_is_well_formed(page: Path) -> None:
    found = list(diagrams(page))
    assert len(found) == 1, "one request, one diagram"
    assert found[0][0] == "sequenceDiagram"
    declared, named, texts = lines_of_diagram(found[0][1:])
    assert len(set(declared)) == len(declared)
    assert set(named) == set(declared)
    for text in texts:  # Mermaid reads these as a statement's end, a comment's begin or an entity
        assert not set(";#") & set(text), text


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.stem))
def test_diagram_names_only_calls_of_the_source(page: Path) -> None:
    """Whatever is written as a call is one: in the model's file, or in the kit."""
    paths = [SERVERS / f"{page.stem}.c", *sorted((SERVERS / "kit").glob("*.[ch]"))]
    source = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    words = set(re.findall(r"\w+", source))
    (lines,) = diagrams(page)
    calls = {name for text in lines_of_diagram(lines[1:])[2] for name in CALL.findall(text)}
    assert calls, "a diagram without a call"
    assert calls <= words, f"not in the source: {sorted(calls - words)}"


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_fences_are_closed_and_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert sum(line.startswith("```") for line in text.splitlines()) % 2 == 0, (
        "a fence is not closed"
    )
    for label, target in LINK.findall(text):
        if not re.match(r"https?://|#", target):
            assert (path.parent / target.partition("#")[0]).exists(), f"[{label}]({target})"
