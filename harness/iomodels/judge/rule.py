"""The words of a comparison, and the rule that chooses them.

The same rule gives the word, the interval and the bar. A record keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import Enum
from typing import Any

from iomodels.base import words

LOOKS = (8, 12, 18, 27, 40)
"""The rounds after which a sequential plan may stop a load. The SEQUENTIAL rules correct for them.
"""


class Word(Enum):
    """What one comparison says about its first server."""

    FASTER = "faster"
    SLOWER = "slower"
    EQUAL = "equal"
    LIKELY_FASTER = "likely faster"
    LIKELY_SLOWER = "likely slower"
    NOT_DECIDED = "not decided"
    PROVISIONAL = "provisional"

    def text(self, margin: float) -> str:
        """Return the word as a report prints it: "equal within 5 %" for a margin of 0.05."""
        return f"equal within {words.given(margin)}" if self is Word.EQUAL else str(self.value)

    @property
    def decides(self) -> bool:
        return self in (Word.FASTER, Word.SLOWER, Word.EQUAL)

    @property
    def turned(self) -> Word:
        """Return what the same comparison says about its second server."""
        return _TURNED.get(self, self)


_TURNED = {
    Word.FASTER: Word.SLOWER,
    Word.SLOWER: Word.FASTER,
    Word.LIKELY_FASTER: Word.LIKELY_SLOWER,
    Word.LIKELY_SLOWER: Word.LIKELY_FASTER,
}


class Lead(Enum):
    """How sure it is that the leader is the fastest."""

    CLEAR = "clear"
    LIKELY = "likely"
    EQUAL = "equal"
    NOT_DECIDED = "not decided"
    PROVISIONAL = "provisional"
    ALONE = "alone"


class Family(Enum):
    """The comparisons of one load that Holm's correction covers."""

    BASELINE = "baseline"
    ALL_PAIRS = "all pairs"


@dataclass(frozen=True)
class Rule:
    """One rule for the word, the interval and the bar.

    `alpha` is the limit of Holm's p, `confidence` the level of the interval. Looking several times,
    or choosing the fastest by the same data, costs coverage. `stated` is the remaining level, which
    sentences state. `margin` is a share of the rate.
    """

    alpha: float
    confidence: float
    stated: float = 0.95
    margin: float = 0.05
    least_rounds: int = 8
    family: Family = Family.BASELINE

    def __post_init__(self) -> None:
        for name in ("alpha", "confidence", "stated", "margin"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} must be between 0 and 1")
        if self.least_rounds < 2:
            raise ValueError(f"least_rounds {self.least_rounds} must be at least 2")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "family": self.family.value}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Rule:
        """Read what to_json() wrote. Raises ValueError for a missing, unknown or wrong field."""
        names = {each.name for each in fields(Rule)}
        if set(data) != names:
            raise ValueError(f"a rule has the fields {sorted(names)}, not {sorted(data)}")
        numbers = {name: data[name] for name in names - {"family"}}
        for name, number in numbers.items():
            if not isinstance(number, (int, float)) or isinstance(number, bool):
                raise ValueError(f"{name} {number!r} is not a number")
        return Rule(**numbers, family=Family(data["family"]))


FIXED = Rule(alpha=0.05, confidence=0.95)
FIXED_FASTEST = Rule(alpha=0.05, confidence=0.97, family=Family.ALL_PAIRS)
SEQUENTIAL_BASELINE = Rule(alpha=0.02, confidence=0.97)
SEQUENTIAL_FASTEST = Rule(alpha=0.03, confidence=0.98, family=Family.ALL_PAIRS)
