"""The pages of the claims: what is said about I/O models on Windows, and what a platform showed.

Contradictions between the sources come first. Each platform has a section of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from iomodels.base import words
from iomodels.base.files import ROOT, write_whole
from iomodels.data.laws import VERDICTS
from iomodels.data.library import CONTRIBUTED
from iomodels.data.verdicts import (
    CLAIMS,
    COST,
    COUNT,
    LAW,
    RUN,
    Answer,
    Cost,
    Headline,
    Piece,
    Verdicts,
)
from iomodels.plan.claims import all_claims
from iomodels.report.page import code, markdown_cell
from iomodels.report.tables_page import Link, Page, Table, html

DOCS = ROOT / "docs" / "claims.md"
NOT_YET = "not yet"
TITLE = "Claims and verdicts"
DISAGREE = "Where the sources contradict each other"
ON_WINDOWS = (
    "What this platform cannot show, `iomodels.cmd claims` answers on Windows 10 or newer; the "
    "workflow `Full suite` runs it on Windows Server 2022 and 2025."
)
QUOTED = "Claims are quoted as they are published, true or not."
HEADS = ("claim", "sentence", "verdict", "what decided", "answered by", "again")
BEYOND = "What else was measured"
BEYOND_HEADS = ("statement", "belongs to", "verdict", "what decided", "answered by", "again")
Linked = Callable[[Piece], str | None]
"""The address of what answers a part, relative to the page; None without one."""


def counted(verdicts: Verdicts) -> str:
    """'wine-8.0: 96 of 96 claims are answered: 40 × holds, …'."""
    there = [each for each in verdicts.answers if each.verdict]
    counts = ", ".join(
        f"{sum(each.verdict == word for each in there)} × {word}" for word in VERDICTS
    )
    return (
        f"{verdicts.platform}: {len(there)} of {_expected(verdicts.platform)} claims are answered: "
        f"{counts}"
    )


def _of_linux(platform: str) -> bool:
    return platform.startswith("linux")


def _expected(platform: str) -> int:
    """Return how many claims the platform could answer: on Linux those with a rule for it."""
    if not _of_linux(platform):
        return len(all_claims())
    return sum(any(rule.linux for rule in claim.rules) for claim in all_claims())


# ---- Markdown ----


def markdown(platforms: Sequence[Verdicts], linked: Linked) -> str:
    """The page: headlines with a column per platform, then a section per platform."""
    lines = [
        f"# {TITLE}",
        "",
        "What articles and books say about I/O models on Windows, one sentence each. " + QUOTED,
        "`./iomodels claims` answers them; `--update-docs` writes this page. Timings vary between "
        "machines, counts do not.",
        "",
        f"## {DISAGREE}",
    ]
    for headline in platforms[0].headlines if platforms else ():
        lines += ["", f"**{_cell(headline.question)}**", "", *_headline_rows(headline, platforms)]
    for each in platforms:
        lines += ["", f"## {_cell(each.platform)}", "", *_introduction(each)]
        for title, answers in _by_source(each):
            lines += ["", f"### {title}", "", *_rule(HEADS)]
            lines += [_line(_cells(answer, linked)) for answer in answers]
        if each.costs:
            lines += ["", f"### {BEYOND}", "", *_rule(BEYOND_HEADS)]
            lines += [_line(_beyond_cells(cost, linked)) for cost in _by_claim(each.costs)]
    return "\n".join(lines) + "\n"


def _introduction(verdicts: Verdicts) -> list[str]:
    warning = words.warning_sentence(verdicts.platform)
    return [
        f"Judged {_cell(verdicts.judged_utc[:10])}. {_cell(counted(verdicts))}.",
        *([warning, ON_WINDOWS] if warning else []),
    ]


def _on_windows(verdicts: Verdicts) -> tuple[str, ...]:
    return (ON_WINDOWS.replace("`", ""),) if words.warning(verdicts.platform) else ()


def _headline_rows(headline: Headline, platforms: Sequence[Verdicts]) -> list[str]:
    named = [
        each for each in platforms if any(_of_side(each, side.claims) for side in headline.sides)
    ]
    rows = _rule(("the sources say", "claim", *(_cell(each.platform) for each in named)))
    for side in headline.sides:
        found = ["; ".join(_of_side(each, side.claims)) or words.NOTHING for each in named]
        rows.append(_line(map(_cell, (side.says, " ".join(side.claims), *found))))
    return rows


def _of_side(verdicts: Verdicts, claims: Iterable[str]) -> list[str]:
    found = [(name, verdicts.answer(name)) for name in claims]
    return [f"{name} {_plain(answer.words)}" for name, answer in found if answer]


def _by_source(verdicts: Verdicts) -> list[tuple[str, list[Answer]]]:
    """Return each source with its claims. On Linux only those that the platform answers."""
    groups: dict[str, list[Answer]] = {}
    for claim in all_claims():
        answer = verdicts.answer(claim.id)
        if answer is None and not _of_linux(verdicts.platform):
            answer = Answer(claim.id, claim.sentence, claim.source, None, None, "")
        if answer:
            groups.setdefault(f"{claim.id[0]}: {claim.source}", []).append(answer)
    return list(groups.items())


def _cells(answer: Answer, linked: Linked) -> tuple[str, ...]:
    named = [_linked(_name(piece), linked(piece)) for piece in answer.pieces]
    commands = [_command(piece.command) for piece in answer.pieces]
    return (*map(_cell, _said(answer)), _joined(named), _joined(commands))


def _said(answer: Answer) -> tuple[str, str, str, str]:
    verdict = _plain(answer.words) if answer.verdict or answer.because else NOT_YET
    return answer.id, answer.sentence, verdict, answer.figure or words.NOTHING


def _by_claim(costs: Iterable[Cost]) -> list[Cost]:
    """Return the costs in the order of the claims to which they belong."""
    order = {claim.id: place for place, claim in enumerate(all_claims())}
    return sorted(costs, key=lambda cost: (order.get(cost.claims[0], len(order)), cost.law))


def _beyond_said(cost: Cost) -> tuple[str, str, str, str]:
    return cost.sentence, " ".join(cost.claims), _plain(cost.words), cost.figure or words.NOTHING


def _beyond_cells(cost: Cost, linked: Linked) -> tuple[str, ...]:
    address = linked(Piece(COST, cost.law, cost.verdict, cost.because, cost.figure, cost.command))
    return (*map(_cell, _beyond_said(cost)), _linked(cost.law, address), _command(cost.command))


def _cell(text: str) -> str:
    return str(markdown_cell(_plain(text)))


def _plain(text: str) -> str:
    """Return a text of claims.json without the marks of code that a reason may have."""
    return text.replace("`", "")


def _linked(name: str, address: str | None) -> str:
    return f"[{_cell(name)}]({quote(address)})" if address else _cell(name)


def _command(text: str) -> str:
    """Return a span of code; a table splits its rows before it looks for code."""
    return code(text).replace("|", "\\|")


def _name(piece: Piece) -> str:
    if piece.kind == COUNT:
        return "a count in our sources"
    if piece.kind == RUN:
        run = f", {piece.folder.rpartition('/')[2]}" if piece.folder else ", no run"
        return f"suite {piece.name}{run}"
    return piece.name or "another machine"


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts)) or words.NOTHING


def _rule(heads: Sequence[str]) -> list[str]:
    return [_line(heads), "|" + "---|" * len(heads)]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


# ---- HTML ----


def page(verdicts: Verdicts) -> Page:
    """The page of one platform in the shell of all pages."""
    tables = [
        Table(
            headline.question,
            ("the sources say", "claim", "verdict"),
            [
                (side.says, " ".join(side.claims), "; ".join(_of_side(verdicts, side.claims)))
                for side in headline.sides
            ],
            (0, 1, 2),
        )
        for headline in verdicts.headlines
        if any(_of_side(verdicts, side.claims) for side in headline.sides)
    ]
    tables += [
        Table(title, HEADS, [_row(answer) for answer in answers], tuple(range(len(HEADS))))
        for title, answers in _by_source(verdicts)
    ]
    if verdicts.costs:
        rows = [(*_beyond_said(each), each.law, each.command) for each in _by_claim(verdicts.costs)]
        tables.append(Table(BEYOND, BEYOND_HEADS, rows, tuple(range(len(BEYOND_HEADS)))))
    return Page(
        TITLE,
        f"{verdicts.platform} · judged {verdicts.judged_utc}",
        verdicts.platform,
        f"On {counted(verdicts)}.",
        tuple(tables),
        "iomodels claims" + (" --native" if _of_linux(verdicts.platform) else ""),
        (QUOTED, f"{DISAGREE}: the first tables.", *_on_windows(verdicts)),
        (Link(CLAIMS, CLAIMS), Link("claims.md", "claims.md")),
    )


def _row(answer: Answer) -> tuple[str | Link, ...]:
    """One claim; a run that answers it links to its report, which has the charts."""
    name = _joined(_name(piece) for piece in answer.pieces)
    addresses = [address for piece in answer.pieces if (address := _beside(piece))]
    commands = _joined(piece.command for piece in answer.pieces)
    by: str | Link = Link(name, quote(addresses[0])) if addresses else name
    return (*_said(answer), by, commands)


def _beside(piece: Piece) -> str | None:
    """Return the address of a run's report from results/claims/PLATFORM/."""
    return f"../../{piece.folder}/report.html" if piece.folder else None


def _in_docs(piece: Piece) -> str | None:
    """Return the address in docs/: of a law's source, or of a run that the sources hold.

    A run that was packed later counts, too.
    """
    if piece.kind in (LAW, COST):
        return f"../laws/{'costs/' if piece.kind == COST else ''}{piece.name}.c"
    if not piece.folder:
        return None
    run = piece.folder.rpartition("/")[2]
    held = sorted((ROOT / "results" / CONTRIBUTED).glob(f"*/{run}/report.html"))
    return f"../{held[0].relative_to(ROOT).as_posix()}" if held else None


# ---- files ----


def write_pages(verdicts: Verdicts, folder: Path) -> Path:
    """Write claims.md and claims.html next to claims.json. Returns the path of the latter page."""
    write_whole(folder / "claims.md", markdown([verdicts], _beside))
    path = folder / "claims.html"
    write_whole(path, html(page(verdicts)))
    return path


def write_docs(platforms: Sequence[Verdicts], path: Path = DOCS) -> Path:
    write_whole(path, markdown(platforms, _in_docs))
    return path
