"""The prose that people read is plain English: short sentences, and the terms of docs/glossary.md.

A source is a pair (name, text). `SOURCES` lists functions that return such pairs: Markdown pages,
help, messages, the report's sentences and templates, and the launcher (prose_sources.py). The text
is Markdown, of which plain paragraphs are a subset. Code blocks, block quotations, quoted words and
generated pages are not prose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import prose_sources
from iomodels.cli import registry

ROOT = Path(__file__).resolve().parents[3]
MOST_WORDS = 25
COLUMNS = 100
README_LINES = 100

GENERATED = ("docs/claims.md", "build/")
"""Pages and folders that commands write. Their words belong to their generators."""

BANNED = {
    r"\bgo(es|ing|ne)? on\b": "resume, continue",
    r"\bmend\w*": "fix",
    r"\b(be|is|was) had\b": "available",
    r"\bbeside\b": "besides, next to",
    r"\bhand(ed)? in\b": "submit",
    r"\b(under way|has ended)\b": "outstanding, complete",
    r"\bat once\b": "immediately, concurrently",
    r"\b(stood|anew|dear)\b": "established, again, expensive",
    r"\b(nobody|whoever)\b": "name the actor",
    r"\bapart\b|\btold from\b": "vary, tied",
    r"\btells?\b|\b(is|are) told\b": "report, print",
    r"\bpromises?\b": "SLO, guarantee",
    r"\bsittings?\b": "run segment",
    r"\b(time|line|page|cost)s? an? (request|run|second|model)\b": "per",
    r"; (is|are|has) [^?.]{3,60},": "if, after the main clause",
}
"""Patterns that prose must not match, and the words to use instead."""

Source = tuple[str, str]

FENCE = re.compile(r"^\s*```")
ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
RULE = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")
SENTENCE_END = re.compile(r"(?<=[.!?])[)\"”]*\s+")
ABBREVIATIONS = re.compile(r"\b(e\.g|i\.e|vs|cf|etc)\.")


def markdown_pages() -> list[Source]:
    """Return every Markdown file of the repository that a person wrote."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("[!.]*/README.md"), *(ROOT / "docs").rglob("*.md")]
    pages += (ROOT / ".github").rglob("*.md")
    names = sorted(page.relative_to(ROOT).as_posix() for page in pages)
    return [
        (name, (ROOT / name).read_text(encoding="utf-8"))
        for name in names
        if not name.startswith(GENERATED)
    ]


SOURCES: list[Callable[[], list[Source]]] = [
    markdown_pages,
    prose_sources.help_texts,
    prose_sources.error_messages,
    prose_sources.report_sentences,
    prose_sources.template_texts,
    prose_sources.shell_messages,
]
"""What is checked. Add a function here to hold further texts to the same rules."""


def sources() -> list[Source]:
    return [source for read in SOURCES for source in read()]


def words_only(text: str) -> str:
    """Reduce markup to the words that a reader sees. Code and quotations become one word."""
    text = re.sub(r"<!--.*?-->|\{%.*?%\}|\{#.*?#\}", " ", text, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", "CODE", text, flags=re.DOTALL)
    text = re.sub(r"(`+).+?\1", "CODE", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"</?[a-z][^<>]*>", " ", text)
    text = re.sub(r"\"[^\"]*\"|“[^”]*”", "QUOTED", text)
    text = re.sub(r"\*+|(?<!\w)_+|_+(?!\w)", "", text)
    return ABBREVIATIONS.sub(lambda short: short[0].replace(".", ""), text)


def cells_of(line: str) -> list[str]:
    """Split a table row at the bars that are neither escaped nor inside code."""
    bare = re.sub(r"`[^`]*`", lambda code: code[0].replace("|", "¦"), line.strip())
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", bare.strip("|"))]


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, text) of each paragraph, heading, list item and cell outside of code."""
    gathered: list[str] = []
    begin = 0
    fenced = False
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if FENCE.match(line):
            fenced = not fenced
            line = ""
        elif fenced:
            continue
        starts_block = bool(ITEM.match(line)) or line.lstrip().startswith(("|", "#", ">"))
        if gathered and (starts_block or not line.strip()):
            yield begin, " ".join(gathered)
            gathered = []
        if line.lstrip().startswith("|"):
            if not RULE.match(line):
                yield from ((number, cell) for cell in cells_of(line))
        elif line.lstrip().startswith("#"):
            yield number, line.lstrip("# ")
        elif line.strip() and not line.lstrip().startswith(">"):
            begin = begin if gathered else number
            gathered.append(ITEM.sub("", line).strip())


def sentences(text: str) -> Iterator[tuple[int, str]]:
    for number, block in blocks(text):
        for sentence in SENTENCE_END.split(words_only(block)):
            if sentence.strip():
                yield number, sentence.strip()


def count(sentence: str) -> int:
    """Count words: a dash or an operator between spaces is none."""
    return sum(any(character.isalnum() for character in word) for word in sentence.split())


def problems(name: str, text: str) -> list[str]:
    """Return one line per sentence that is too long or uses a banned word."""
    found = []
    for number, sentence in sentences(text):
        if count(sentence) > MOST_WORDS:
            found.append(
                f"{name}:{number}: {count(sentence)} words (limit {MOST_WORDS}): {sentence}"
            )
        for pattern, instead in BANNED.items():
            if match := re.search(pattern, sentence, re.IGNORECASE):
                found.append(f"{name}:{number}: {match[0]!r}: write {instead}: {sentence}")
    return found


def layout_problems(name: str, text: str) -> list[str]:
    """Return one line per prose line that is too wide, and per row with a wrong number of cells."""
    found = []
    fenced = False
    cells = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if FENCE.match(line):
            fenced = not fenced
        if fenced:
            continue
        in_table = line.startswith("|")
        if in_table and cells and len(cells_of(line)) != cells:
            found.append(f"{name}:{number}: {len(cells_of(line))} cells (the table has {cells})")
        cells = (cells or len(cells_of(line))) if in_table else 0
        breakable = " " in re.sub(r"`[^`]*`", "", ITEM.sub("", line).strip())
        if len(line) > COLUMNS and breakable and not in_table and not line.startswith("#"):
            found.append(f"{name}:{number}: {len(line)} columns (limit {COLUMNS})")
    if fenced:
        found.append(f"{name}: a code block is not closed")
    return found


@pytest.mark.parametrize(("name", "text"), sources(), ids=[name for name, _ in sources()])
def test_prose_is_plain_english(name: str, text: str) -> None:
    found = problems(name, text)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text"), markdown_pages(), ids=[name for name, _ in markdown_pages()]
)
def test_markdown_is_wrapped_and_its_tables_are_whole(name: str, text: str) -> None:
    found = layout_problems(name, text)
    assert not found, "\n".join(found)


def test_front_page_is_short() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    wide = [line for line in lines if len(line) > COLUMNS]
    assert len(lines) <= README_LINES and not wide, (len(lines), wide)


def test_glossary_is_alphabetical_and_defines_each_term_once() -> None:
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    terms = [cells_of(line)[0].lower() for line in lines if line.startswith("| ")][1:]
    assert len(terms) > 20
    assert terms == sorted(set(terms))


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "decisions").glob("0*.md")), ids=lambda page: str(page.stem)
)
def test_decision_follows_the_template_and_is_in_the_index(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.name[:4]}: ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "Status",
        "Context",
        "Decision",
        "Consequences",
    ]
    assert f"]({page.name})" in (page.parent / "README.md").read_text(encoding="utf-8")


# ---- the checks themselves ----

SHORT = " ".join(["word"] * MOST_WORDS) + "."
LONG = "one " + SHORT
BAD_WORDS = [
    "We go on.",
    "It mends this.",
    "It cannot be had.",
    "It is beside them.",
    "Runs are handed in.",
    "It is under way.",
    "It has ended.",
    "They come at once.",
    "It stood.",
    "It is made anew.",
    "A dear call.",
    "Nobody knows.",
    "Whoever asks.",
    "They lie apart.",
    "It is told from noise.",
    "It tells.",
    "They are told.",
    "A promise.",
    "Two sittings.",
    "One line a run.",
    "It counts; is it late, it stops.",
]


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        f"{SHORT} {LONG}",
        f"- {LONG}",
        f"1. {LONG}",
        f"| a | {LONG} |",
        f"## {LONG}",
        f"{SHORT[:-1]}\nword.",
        f"```\ncode\n```\n{LONG}",
        f"**{LONG}**",
        f"> quoted\n\n{LONG}",
        f"A list:\n\n- short\n- {LONG}",
    ],
)
def test_a_long_sentence_is_found(text: str) -> None:
    assert [line for line in problems("page", text) if f"{MOST_WORDS + 1} words" in line]


@pytest.mark.parametrize(
    "text",
    [
        SHORT,
        f"{SHORT} {SHORT}",
        f"- {SHORT}\n- {SHORT}",
        f"| {SHORT} | {SHORT} |\n|---|---|\n",
        f"```\n{LONG}\n```",
        f"> {LONG}",
        SHORT.replace("word", "`one code span`", 1),
        SHORT.replace("word", "[word](some/where.md)", 1),
        f"{SHORT[:-1]} – × = .",
        f'He wrote "{LONG}"',
        f"<!-- {LONG} -->",
        SHORT.replace("word", "{{ a if b else c }}", 1),
        f"# {SHORT}\n{SHORT}\n\n{SHORT}",
    ],
)
def test_what_is_short_or_no_prose_passes(text: str) -> None:
    assert problems("page", text) == []


@pytest.mark.parametrize("words", BAD_WORDS)
@pytest.mark.parametrize("form", ["{}", "- {}", "| a | {} |", "{{{{ value }}}} {}", "**{}**"])
def test_a_banned_word_is_found(words: str, form: str) -> None:
    assert problems("page", form.format(words))


@pytest.mark.parametrize(
    "text",
    ["`go on`", 'We do not write "go on".', "```\ngo on\n```", "> go on", "We recommend it."],
)
def test_a_banned_word_is_no_problem_in_code_and_quotations(text: str) -> None:
    assert problems("page", text) == []


def test_every_ban_has_an_example() -> None:
    for pattern in BANNED:
        assert any(re.search(pattern, words, re.IGNORECASE) for words in BAD_WORDS), pattern


@pytest.mark.parametrize(
    "text",
    [
        "word " * 30,
        "- " + "word " * 30,
        "| a | b |\n|---|---|\n| c |",
        "```\nnever closed",
        "| a |\n|---|\n| b | c |",
    ],
)
def test_a_bad_layout_is_found(text: str) -> None:
    assert layout_problems("page", text)


@pytest.mark.parametrize(
    "text", ["`" + "x " * 60 + "`", "| " + "x " * 60 + " |", "```\n" + "x " * 60 + "\n```"]
)
def test_a_wide_line_that_cannot_be_wrapped_passes(text: str) -> None:
    assert layout_problems("page", text) == []


def test_every_page_is_read() -> None:
    names = {name for name, _ in markdown_pages()}
    assert {"README.md", "CHANGELOG.md", "docs/glossary.md", "servers/README.md"} <= names
    assert "docs/claims.md" not in names


def test_every_kind_of_text_is_read() -> None:
    names = {name for name, _ in sources()}
    assert {"iomodels help", "iomodels --help", "iomodels", "cmake/setup.sh"} <= names
    assert {f"iomodels {command.name} --help" for command in registry.commands()} <= names
    assert {f"harness/iomodels/templates/report.{kind}.j2" for kind in ("md", "html")} <= names
    assert "harness/iomodels/cli/main.py, messages" in names
    assert "cmake/setup_windows.py, messages" in names
    assert "harness/iomodels/report/remarks.py, sentences" in names


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (prose_sources.python_text(f'raise Failure("{LONG}")', prose_sources.spoken), 1),
        (prose_sources.python_text(f'\n\nfail([f"{{x}} {SHORT}"])', prose_sources.spoken), 3),
        (prose_sources.python_text(f'raise wrong("short", f"{LONG}")', prose_sources.spoken), 1),
        (prose_sources.python_text(f'x = ("a",\n"{LONG}")', prose_sources.not_docstrings), 2),
        (prose_sources.template_text(f"<style>x</style><p>{LONG}</p>"), 3),
        (prose_sources.template_text(f"{{% if a %}}\n{LONG}\n{{% endif %}}"), 3),
        (prose_sources.template_text(f"<li>{{{{ a | b }}}} {SHORT}</li>"), 3),
        (prose_sources.shell_text(f"say '{LONG}'"), 1),
        (prose_sources.shell_text(f'[ -f x ] || fail "$(f "$1" | g) {SHORT}"'), 1),
        (prose_sources.shell_text(f"cat <<'TEXT'\n\n{LONG}\nTEXT\n"), 2),
    ],
)
def test_a_long_sentence_is_found_outside_of_markdown(text: str, line: int) -> None:
    (found,) = problems("source", text)
    assert found.startswith(f"source:{line}: {MOST_WORDS + 1} words"), (found, text)


@pytest.mark.parametrize(
    "text",
    [
        prose_sources.python_text(f'"""{LONG}"""\nx = "{LONG}"', prose_sources.spoken),
        prose_sources.python_text(f'"""{LONG}"""', prose_sources.not_docstrings),
        prose_sources.python_text(
            f'raise Failure(f"{SHORT[:-6]} {{a + f(b, c)}}")', prose_sources.spoken
        ),
        prose_sources.template_text(f"<script>// {LONG}</script>"),
        prose_sources.template_text(f"<td>{SHORT[:-1]}</td><td>{SHORT}</td>"),
        prose_sources.shell_text(f'x="{LONG}"\nsay "{SHORT[:-6]} ${{a:-b c d}}"'),
    ],
)
def test_other_text_of_a_source_is_no_prose(text: str) -> None:
    assert problems("source", text) == []
