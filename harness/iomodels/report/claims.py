"""The claims page: what is said about I/O models on Windows, and what one platform showed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from iomodels.base.files import PACKAGE, ROOT, write_whole
from iomodels.data.laws import Judged, Laws

CLAIMS = PACKAGE / "claims.toml"
PAGE = ROOT / "docs" / "claims.md"
NOT_YET = "not yet"


@dataclass(frozen=True)
class Claim:
    id: str
    sentence: str
    source: str


@cache
def all_claims() -> tuple[Claim, ...]:
    """Every claim, in the order of the list."""
    data = tomllib.loads(CLAIMS.read_text(encoding="utf-8"))
    return tuple(
        Claim(each["id"], each["sentence"], data["sources"][each["id"][0]])
        for each in data["claims"]
    )


def page(laws: Laws) -> str:
    """The page as Markdown: every claim, also those that no experiment has decided yet."""
    judged = {claim: each for each in laws.judged for claim in each.claims}
    known = {claim.id for claim in all_claims()}
    unknown = sorted(set(judged) - known)
    if unknown:
        raise ValueError(f"the laws judge claims that {CLAIMS.name} has not: {', '.join(unknown)}")
    decided = sum(claim.id in judged for claim in all_claims())
    emulated = (
        " Wine is not Windows: it shows what Wine does." if laws.platform.startswith("wine") else ""
    )
    lines = [
        "# Claims and verdicts",
        "",
        "What articles and books say about I/O models on Windows, one sentence each, quoted as "
        "they say it, true or not.",
        f"Verdicts are for **{laws.platform}**, observed {laws.data['observed_utc'][:10]}."
        f"{emulated}",
        f"{decided} of {len(all_claims())} claims have an experiment so far. "
        "Written by `./iomodels claims`; timings vary between machines, counts do not.",
    ]
    source = ""
    for claim in all_claims():
        if claim.source != source:
            source = claim.source
            lines += [
                "",
                f"## {claim.id[0]}: {source}",
                "",
                "| claim | sentence | verdict | what decided | experiment |",
                "|---|---|---|---|---|",
            ]
        lines.append(_row(claim, judged.get(claim.id)))
    return "\n".join(lines) + "\n"


def verdict_of(judged: Judged | None) -> tuple[str, str, str]:
    """Verdict, what decided, and the experiment."""
    if judged is None:
        return NOT_YET, "–", "–"
    return judged.words, judged.figure or "–", judged.law


def _row(claim: Claim, judged: Judged | None) -> str:
    verdict, figure, law = verdict_of(judged)
    cells = [claim.id, claim.sentence, verdict, figure]
    cells.append(law if judged is None else f"[{law}](../laws/{law}.c)")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def write_page(laws: Laws, path: Path = PAGE) -> Path:
    write_whole(path, page(laws))
    return path
