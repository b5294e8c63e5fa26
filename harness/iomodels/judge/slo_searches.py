"""The searches of one folder, a model each: whose turn it is, and what their trials say.

Everything is a function of slo.json. Models take turns, the one with the fewest trials first. A
model leaves when its search is complete, or when it cannot be measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from iomodels.judge import stats
from iomodels.judge.search import Answer, Kind, Range, Ratio, Search, Trial, ratios
from iomodels.judge.slo import Slo, Word
from iomodels.plan.order import cells
from iomodels.plan.suite import suite_from

GIVE_UP = 3
"""Failed trials that end a search if no trial of the model has shown anything yet."""
NEAR = 1.1
"""Trials within this ratio of the answer give its typical percentile."""

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """The next trial: requests per second, and its number among the trials of its server."""

    server: str
    rate: int
    number: int


@dataclass(frozen=True)
class Found:
    """What the trials of one server say.

    counts: trials by outcome. value_ns: the median percentile of the met trials near the answer.
    reason: what stands in the way of a rate; None if nothing does.
    """

    server: str
    answer: Answer
    counts: Mapping[str, int]
    value_ns: float | None
    reason: str | None


@dataclass(frozen=True)
class SloSearches:
    """The trials of each server in the suite's order, as slo.json has them.

    limits: why a server cannot carry the load at any rate.
    """

    range: Range
    most: int
    trials: Mapping[str, tuple[Manifest, ...]]
    searches: Mapping[str, Search]
    limits: Mapping[str, str]

    @staticmethod
    def of(manifest: Manifest) -> SloSearches:
        """Return the searches of a slo.json."""
        suite = suite_from(manifest["suite"]["name"], manifest["suite"])
        range_ = Range(manifest["range"]["low"], manifest["range"]["high"])
        trials = {
            label: tuple(each for each in manifest["trials"] if each["server"] == label)
            for label in dict.fromkeys(cell.label for cell in cells(suite))
        }
        searches = {label: Search(range_, map(_trial, own)) for label, own in trials.items()}
        return SloSearches(range_, manifest["most"], trials, searches, manifest["limits"])

    def plus(self, trial: Manifest) -> SloSearches:
        """Return the searches with one more trial."""
        label = trial["server"]
        return replace(
            self,
            trials={**self.trials, label: (*self.trials[label], trial)},
            searches={**self.searches, label: self.searches[label].plus(_trial(trial))},
        )

    def next(self) -> Asked | None:
        """Return the next trial, of the server with the fewest; None if all are complete."""
        places = list(self.trials)
        turns = sorted(
            places,
            key=lambda label: (
                len(self.trials[label]),
                (places.index(label) - len(self.trials[label])) % len(places),
            ),
        )
        for label in turns:
            rate = None if self._given_up(label) else self.searches[label].ask(self.most)
            if rate is not None:
                return Asked(label, max(1, round(rate)), len(self.trials[label]))
        return None

    def _given_up(self, label: str) -> bool:
        own = self.trials[label]
        failed = len(own) >= GIVE_UP and all(each["outcome"] == Word.FAILED.value for each in own)
        return failed or label in self.limits

    def found(self) -> tuple[Found, ...]:
        """Return what each server's trials say, the highest rate first."""
        each = [self._found(label) for label in self.trials]
        return tuple(sorted(each, key=lambda one: -_place(one.answer)))

    def _found(self, label: str) -> Found:
        own, answer = self.trials[label], self.searches[label].answer()
        near = [
            each["value_ns"]
            for each in own
            if answer.rate
            and each["outcome"] == Word.MET.value
            and answer.rate / NEAR <= each["rate"] <= answer.rate * NEAR
        ]
        counts = Counter(each["outcome"] for each in own)
        by_word = {word.value: counts[word.value] for word in Word}
        reason = self.limits.get(label) or _reason(answer, own)
        return Found(label, answer, by_word, stats.median(near), reason)

    def ratio(self, above: str, below: str) -> Ratio:
        """Return the rate of one server over another's; all pairs are one family."""
        places = list(self.searches)
        one, other = places.index(above), places.index(below)
        found = ratios(list(self.searches.values()))
        if one < other:
            return found[one, other]
        turned = found[other, one]
        return Ratio(1 / turned.value, 1 / turned.high, 1 / turned.low, turned.separated)


def answers_json(searches: SloSearches) -> list[dict[str, Any]]:
    """Return the answers as slo.json keeps them."""
    return [
        {
            "server": found.server,
            **asdict(found.answer),
            "kind": found.answer.kind.value,
            "counts": dict(found.counts),
            "value_ns": found.value_ns,
            "reason": found.reason,
        }
        for found in searches.found()
    ]


def slo_of(manifest: Manifest) -> Slo:
    return Slo(**manifest["slo"])


def _reason(answer: Answer, trials: Sequence[Manifest]) -> str | None:
    """Return the reason of the last trial that stands in the way of a rate."""
    if answer.kind is Kind.INSIDE or (answer.kind is Kind.AT_LEAST and not answer.late_from):
        return None
    wanted = (Word.MISSED,) if answer.kind is Kind.BELOW else (Word.UNJUDGED, Word.FAILED)
    values = [word.value for word in wanted]
    reasons = [each["reason"] for each in trials if each["outcome"] in values]
    return reasons[-1] if reasons else None


def _place(answer: Answer) -> float:
    """Return the rate by which answers are ranked; what is unknown comes last."""
    if answer.kind is Kind.BELOW:
        return 0.0
    return answer.rate or answer.low or -1.0


def _trial(trial: Manifest) -> Trial:
    judged = trial["outcome"] in (Word.MET.value, Word.MISSED.value)
    return Trial(trial["rate"], trial["outcome"] == Word.MET.value if judged else None)
