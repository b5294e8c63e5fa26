"""The pages of the claims: every claim once, contradictions first, each platform apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from iomodels.base.errors import Failure
from iomodels.data import verdicts
from iomodels.data.verdicts import CLAIMS, Answer, Cost, Headline, Piece, Side, Verdicts
from iomodels.judge.claims import HOLDS, HOLDS_WHEN, NOT_TESTABLE
from iomodels.plan.claims import all_claims
from iomodels.report import claims as pages
from iomodels.report.page import markdown_cell

LAW = Piece("law", "lifo_waiters", HOLDS, None, "0 | 40", "iomodels laws")
RUN = Piece(
    "run", "models", HOLDS_WHEN, "iocp at 64 connections", "1.3 [1.2, 1.4]",
    "iomodels run models", "contributed/wine-8.0/20260101-000000-models",
)  # fmt: skip
OWN_RUN = Piece(
    "run", "claims-pool", HOLDS, None, "8 clients", "iomodels run claims-pool", "20260102-x"
)


KEEPERS = Cost(
    "order_keepers", ("B31",), "Order costs time.", HOLDS, None, "1.2 | 1.3",
    "iomodels claims --only B31",
)  # fmt: skip
WAKE_UPS = Cost(
    "wakeups", ("B11",), "Others cost less.", NOT_TESTABLE, "one core", "6 µs",
    "iomodels claims --only B11",
)  # fmt: skip


def answer(claim: str, *pieces: Piece) -> Answer:
    one = next(each for each in all_claims() if each.id == claim)
    last = pieces[-1]
    return Answer(claim, one.sentence, one.source, last.verdict, last.because, last.figure, pieces)


def made(platform: str, *answers: Answer) -> Verdicts:
    headline = Headline("Who is right?", (Side("the one", ("C16",)), Side("the other", ("B20",))))
    return Verdicts(platform, "2026-01-02T03:04:05Z", None, answers, (headline,))


def wine() -> Verdicts:
    return made("wine-8.0", answer("B20", LAW, RUN), answer("B23", OWN_RUN), answer("C16", LAW))


def rows(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if found := re.match(r"\| ([A-E]\d+) \| ", line):
            yield found[1], line


def keep(root: Path, run: str) -> None:
    """Put a packed run among the sources."""
    folder = root / "results" / "contributed" / "wine-8.0" / run
    folder.mkdir(parents=True)
    (folder / "report.html").touch()


def test_every_claim_is_on_the_page_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    keep(tmp_path, "20260101-000000-models")
    ids = [claim.id for claim in all_claims()]
    sizes = {letter: len([each for each in ids if each[0] == letter]) for letter in "ABCDE"}
    assert sizes == {"A": 7, "B": 36, "C": 31, "D": 14, "E": 8}
    assert ids == sorted(set(ids), key=lambda each: (each[0], int(each[1:])))
    text = pages.markdown([wine()], pages._in_docs)
    found = dict(rows(text))
    assert list(found) == ids == [name for name, _ in rows(text)]
    for claim in all_claims():
        assert str(markdown_cell(claim.sentence)) in found[claim.id]
        assert (pages.NOT_YET in found[claim.id]) == (claim.id not in ("B20", "B23", "C16"))
    assert "0 \\| 40 | [lifo\\_waiters](../laws/lifo_waiters.c) | `iomodels laws` |" in found["C16"]
    assert "holds only when iocp at 64 connections" in found["B20"]
    assert "](../results/contributed/wine-8.0/20260101-000000-models/report.html)" in found["B20"]
    assert "suite claims-pool, 20260102-x | `iomodels run claims-pool`" in found["B23"]
    keep(tmp_path, "20260102-x")  # packed after the claims were judged
    packed = (
        "suite claims-pool, 20260102-x](../results/contributed/wine-8.0/20260102-x/report.html)"
    )
    assert packed in dict(rows(pages.markdown([wine()], pages._in_docs)))["B23"]


def test_contradictions_come_first_and_platforms_never_mix() -> None:
    linux = made("linux-6.1", answer("B24", OWN_RUN))
    text = pages.markdown([linux, wine()], pages._in_docs)
    first, of_linux, of_wine = re.split(r"^## (?:linux-6.1|wine-8.0)$", text, flags=re.MULTILINE)
    assert pages.DISAGREE in first and "| the one | C16 | C16 holds |" in first
    assert [name for name, _ in rows(of_linux)] == ["B24"]
    assert len(list(rows(of_wine))) == len(all_claims())
    assert "3 of 96 claims are answered" in of_wine and "Not" not in first
    assert "shows that the code works, not how Windows performs" in of_wine
    assert pages.ON_WINDOWS in of_wine and pages.ON_WINDOWS not in first
    assert pages.ON_WINDOWS not in pages.markdown([made("windows-10.0.26100")], pages._in_docs)
    assert re.search(r"1 of \d+ claims are answered: 1 × holds", of_linux)


def test_the_page_next_to_the_data_links_to_the_runs(tmp_path: Path) -> None:
    path = verdicts.write(wine(), tmp_path)
    assert path == tmp_path / "claims" / "wine-8.0" / CLAIMS
    assert verdicts.load(path) == wine() and verdicts.load_all(tmp_path) == (wine(),)
    shown = pages.write_pages(wine(), path.parent).read_text("utf-8")
    assert 'href="../../20260102-x/report.html"' in shown and "Not Windows" in shown
    assert shown.index("Who is right?") < shown.index(all_claims()[0].sentence.split(",")[0])
    assert "../../20260102-x/report.html" in (path.parent / "claims.md").read_text("utf-8")
    assert pages.write_docs([wine()], tmp_path / "docs.md").read_text("utf-8").startswith("# ")


def test_some_claims_can_be_answered_again(tmp_path: Path) -> None:
    order = [claim.id for claim in all_claims()]
    before = replace(wine(), costs=(KEEPERS, WAKE_UPS))
    new = replace(made("wine-8.0", answer("C16", RUN)), costs=(replace(KEEPERS, figure="new"),))
    again = new.with_kept(before, order)
    assert [each.id for each in again.answers] == ["B20", "B23", "C16"]
    found = again.answer("C16")
    assert found and found.verdict == HOLDS_WHEN
    assert [(each.law, each.figure) for each in again.costs] == [
        ("order_keepers", "new"),
        ("wakeups", "6 µs"),
    ]


def test_what_no_claim_states_has_a_table_of_its_own(tmp_path: Path) -> None:
    made_up = replace(wine(), costs=(WAKE_UPS, KEEPERS))
    assert verdicts.load(verdicts.write(made_up, tmp_path)) == made_up
    text = pages.markdown([made_up], pages._in_docs)
    table = text.partition(f"### {pages.BEYOND}")[2]
    assert [line.split(" | ")[1] for line in table.splitlines() if "laws/costs" in line] == [
        "B11",
        "B31",
    ]
    assert (
        "| Order costs time. | B31 | holds | 1.2 \\| 1.3 | [order\\_keepers](../laws/costs/"
        "order_keepers.c) | `iomodels claims --only B31` |"
    ) in table
    assert "not testable here: one core" in table
    assert pages.BEYOND not in pages.markdown([wine()], pages._in_docs)
    html = pages.write_pages(made_up, tmp_path).read_text("utf-8")
    assert html.index("Order costs time.") > html.index(all_claims()[-1].id)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = verdicts.write(wine(), tmp_path)
    data = json.loads(path.read_text("utf-8"))
    for change in ({"format": 2}, {"answers": [{**data["answers"][0], "verdict": "perhaps"}]}):
        path.write_text(json.dumps(data | change), encoding="utf-8")
        with pytest.raises(Failure):
            verdicts.load(path)
    assert NOT_TESTABLE in pages.VERDICTS
