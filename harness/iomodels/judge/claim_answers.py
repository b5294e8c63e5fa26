"""Put the answer to each claim together: from laws, measured runs and counts in our sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from iomodels.data.laws import Judged
from iomodels.data.records import Run
from iomodels.data.verdicts import COST, COUNT, LAW, NEEDS, RUN, Answer, Cost, Piece
from iomodels.judge.claims import (
    DOES_NOT_HOLD,
    HOLDS,
    NOT_TESTABLE,
    Finding,
    judge,
    together,
)
from iomodels.plan.claims import CLAIMS, Claim, Count, Rule, all_claims

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


@dataclass(frozen=True)
class Kept:
    """A run and its folder, below the results folder."""

    run: Run
    folder: str


@dataclass(frozen=True)
class Size:
    """Lines of code without comments and blank lines, and functions, of one source file."""

    lines: int
    functions: int


@dataclass(frozen=True)
class Known:
    """What is known on one platform. Laws and costs: by claim.

    runs: by suite, or why there is none. sizes: of each model, by name; empty without sources.
    linux: the models are those of Linux.
    """

    laws: Mapping[str, Judged]
    costs: Mapping[str, Judged]
    runs: Mapping[str, Kept | str]
    sizes: Mapping[str, Size]
    linux: bool = False


def size_of(source: str) -> Size:
    """Count the code of a source in our layout: a function ends with } at the margin."""
    lines = [line for line in COMMENT.sub("", source).splitlines() if line.strip()]
    return Size(len(lines), lines.count("}"))


def by_claim(judged: Sequence[Judged]) -> dict[str, Judged]:
    """Return each claim's verdict.

    Raises ValueError if two programs judge the same claim, or one judges an unknown claim.
    """
    known = {claim.id for claim in all_claims()}
    found: dict[str, Judged] = {}
    for each in judged:
        for claim in each.claims:
            if claim not in known:
                raise ValueError(f"{each.law} judges {claim}, which is not in {CLAIMS.name}")
            if claim in found:
                raise ValueError(f"{claim}: judged by {found[claim].law} and {each.law}")
            found[claim] = each
    return found


def beyond_claims(judged: Sequence[Judged]) -> Iterator[Cost]:
    """Yield what programs measured that no claim states, with the claims to which it belongs.

    A failure counts only if no claim waits for the program. Raises ValueError for a program that no
    claim names.
    """
    for each in judged:
        owners = [claim for claim in all_claims() if each.law in claim.programs]
        if not owners:
            raise ValueError(f"{each.law}: no claim of {CLAIMS.name} names it")
        decides = any(each.law in claim.laws for claim in owners)
        if each.claims or (each.verdict is None and decides):
            continue
        yield Cost(
            each.law,
            tuple(claim.id for claim in owners),
            each.sentence,
            each.verdict,
            each.because,
            each.figure or "",
            f"iomodels claims --only {owners[0].id}",
        )


def asked(claim: Claim, linux: bool) -> tuple[Rule, ...]:
    """Return the rules of a claim for models of Linux, or for those of Windows."""
    return tuple(rule for rule in claim.rules if rule.linux is linux)


def answer(claim: Claim, known: Known) -> Answer | None:
    """Return the answer to a claim; None if nothing answers it on this platform."""
    pieces = _of_runs(claim, known)
    if not known.linux:
        pieces = [*_of_laws(claim, known), *_of_counts(claim, known), *pieces, *_needs(claim)]
    if not pieces:
        return None
    failed = next((piece for piece in pieces if piece.verdict is None), None)
    whole = together([_finding(piece) for piece in pieces if piece.verdict])
    return Answer(
        claim.id,
        claim.sentence,
        claim.source,
        None if failed else whole.verdict,
        failed.because if failed else whole.because,
        whole.figure,
        tuple(pieces),
    )


def _finding(piece: Piece) -> Finding:
    return Finding(piece.verdict or NOT_TESTABLE, piece.because, piece.figure)


def _of_laws(claim: Claim, known: Known) -> list[Piece]:
    pieces = []
    for kind, judged in ((LAW, known.laws), (COST, known.costs)):
        if claim.id in judged:
            one = judged[claim.id]
            command = "iomodels laws" if kind == LAW else f"iomodels claims --only {claim.id}"
            figure = one.figure or ""
            pieces.append(Piece(kind, one.law, one.verdict, one.because, figure, command))
    if claim.laws and not pieces:
        names = " and ".join(claim.laws)
        command = f"iomodels claims --only {claim.id}"
        pieces.append(Piece(LAW, names, None, f"{names} gave no verdict", "", command))
    return pieces


def _of_counts(claim: Claim, known: Known) -> list[Piece]:
    if claim.count is None:
        return []
    found = _counted(claim.count, known.sizes)
    command = f"iomodels claims --only {claim.id}"
    return [Piece(COUNT, claim.count.more, found.verdict, found.because, found.figure, command)]


def _counted(count: Count, sizes: Mapping[str, Size]) -> Finding:
    """Compare lines and functions. Where the two disagree, neither model has the longer source."""
    missing = [name for name in (count.more, *count.than) if name not in sizes]
    if missing:
        return Finding(NOT_TESTABLE, "the sources are not here: needs a checkout", "")
    own = sizes[count.more]
    others = {name: sizes[name] for name in count.than}
    longer = [each for each in others.values() if _all_more(own, each)]
    shorter = [each for each in others.values() if not _any_more(own, each)]
    figure = "lines of code and functions in our own sources: " + ", ".join(
        f"{name} {each.lines} and {each.functions}"
        for name, each in {count.more: own, **others}.items()
    )
    if len(longer) == len(others):
        return Finding(HOLDS, None, figure)
    if shorter:
        return Finding(DOES_NOT_HOLD, None, figure)
    return Finding(NOT_TESTABLE, "lines and functions disagree", figure)


def _all_more(one: Size, other: Size) -> bool:
    return one.lines > other.lines and one.functions > other.functions


def _any_more(one: Size, other: Size) -> bool:
    return one.lines > other.lines or one.functions > other.functions


def _of_runs(claim: Claim, known: Known) -> list[Piece]:
    rules = asked(claim, known.linux)
    kept = [_run_for(rule, known.runs) for rule in rules]
    findings = judge(
        [(rule, each if isinstance(each, str) else each[1].run) for rule, each in zip(rules, kept)]
    )
    native = " --native" if known.linux else ""
    pieces = []
    for rule, each, found in zip(rules, kept, findings):
        suite = rule.suites[-1] if isinstance(each, str) else each[0]
        folder = None if isinstance(each, str) else each[1].folder
        command = f"iomodels run {suite}{native}"
        pieces.append(
            Piece(RUN, suite, found.verdict, found.because, found.figure, command, folder)
        )
    return pieces


def _run_for(rule: Rule, runs: Mapping[str, Kept | str]) -> tuple[str, Kept] | str:
    """Return the first of the rule's suites that has a run, or why none has."""
    for suite in rule.suites:
        found = runs.get(suite)
        if isinstance(found, Kept):
            return suite, found
    reason = runs.get(rule.suites[-1])
    return reason if isinstance(reason, str) else f"needs a run: iomodels run {rule.suites[-1]}"


def _needs(claim: Claim) -> list[Piece]:
    if claim.needs is None:
        return []
    return [Piece(NEEDS, "", NOT_TESTABLE, claim.needs, "", f"iomodels claims --only {claim.id}")]
