"""The verdicts on the published claims on one platform, as claims.json holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from iomodels.base.files import write_whole
from iomodels.data.laws import verdict_words
from iomodels.data.schema import as_input, check_against, read_object

FORMAT = 1
CLAIMS = "claims.json"
FOLDER = "claims"
"""Below the results folder: claims/<platform>/claims.json."""
LAW, COST, RUN, COUNT, NEEDS = PIECES = ("law", "cost", "run", "count", "needs")
"""What answers a part of a claim: a program of laws/ or of laws/costs/, a measured run, a count in
our sources, or only another machine."""


@dataclass(frozen=True)
class Piece:
    """One part of an answer. command: what repeats it. folder: of a run, below the results folder.

    A verdict is one of data/laws.py, or None with the reason in `because`.
    """

    kind: str
    name: str
    verdict: str | None
    because: str | None
    figure: str
    command: str
    folder: str | None = None


@dataclass(frozen=True)
class Answer:
    """The verdict on one claim, from all its parts. `source` is where the claim was read."""

    id: str
    sentence: str
    source: str
    verdict: str | None
    because: str | None
    figure: str
    pieces: tuple[Piece, ...] = ()

    @property
    def words(self) -> str:
        return verdict_words(self.verdict, self.because)


@dataclass(frozen=True)
class Cost:
    """What a program of laws/costs measured that no claim states.

    claims: those to which it belongs. sentence: what the program asks. command: what repeats it.
    """

    law: str
    claims: tuple[str, ...]
    sentence: str
    verdict: str | None
    because: str | None
    figure: str
    command: str

    @property
    def words(self) -> str:
        return verdict_words(self.verdict, self.because)


@dataclass(frozen=True)
class Side:
    says: str
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Headline:
    """A question on which the sources contradict each other."""

    question: str
    sides: tuple[Side, ...]


@dataclass(frozen=True)
class Verdicts:
    """A claims.json. answers: in the order of the list of claims. costs: by program."""

    platform: str
    judged_utc: str
    commit: str | None
    answers: tuple[Answer, ...]
    headlines: tuple[Headline, ...]
    costs: tuple[Cost, ...] = ()

    def answer(self, claim: str) -> Answer | None:
        return next((each for each in self.answers if each.id == claim), None)

    def with_kept(self, kept: Verdicts, order: Iterable[str]) -> Verdicts:
        """Return these verdicts and those of `kept` that are missing here; claims in that order."""
        found = {each.id: each for each in (*kept.answers, *self.answers)}
        asked = {each.law for each in self.costs}
        others = [each for each in kept.costs if each.law not in asked]
        return replace(
            self,
            answers=tuple(found[name] for name in order if name in found),
            costs=(*self.costs, *others),
        )


def write(verdicts: Verdicts, results: Path) -> Path:
    """Write results/claims/<platform>/claims.json. Returns its path."""
    data = {"format": FORMAT, **asdict(verdicts)}
    path = results / FOLDER / verdicts.platform / CLAIMS
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    check_against("claims", json.loads(text), str(path))
    write_whole(path, text)
    return path


@as_input()
def load(path: Path) -> Verdicts:
    """Read a claims.json. Raises Failure."""
    data = read_object(path)
    check_against("claims", data, str(path))
    return Verdicts(
        data["platform"],
        data["judged_utc"],
        data["commit"],
        tuple(_answer(each) for each in data["answers"]),
        tuple(
            Headline(
                each["question"],
                tuple(Side(side["says"], tuple(side["claims"])) for side in each["sides"]),
            )
            for each in data["headlines"]
        ),
        tuple(_cost(each) for each in data.get("costs", ())),
    )


def _answer(data: Mapping[str, Any]) -> Answer:
    fields: dict[str, Any] = {**data, "pieces": tuple(Piece(**each) for each in data["pieces"])}
    return Answer(**fields)


def _cost(data: Mapping[str, Any]) -> Cost:
    fields: dict[str, Any] = {**data, "claims": tuple(data["claims"])}
    return Cost(**fields)


def load_all(results: Path) -> tuple[Verdicts, ...]:
    """Return the verdicts of every platform that has some, by name."""
    return tuple(load(path) for path in sorted(results.glob(f"{FOLDER}/*/{CLAIMS}")))
