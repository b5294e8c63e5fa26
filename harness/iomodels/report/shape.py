"""The shape of an answer, which terminal, Markdown, HTML and JSON all show."""

from __future__ import annotations

from dataclasses import dataclass

from iomodels.judge.ab import Change, Mean
from iomodels.judge.paired import Comparison
from iomodels.plan.order import LoadKey
from iomodels.report.next_step import NextStep


@dataclass(frozen=True)
class Rank:
    """One row of the ranked list, the best server first.

    value: JudgedLoad.figure(), of which the ratio is; None without one.
    share: of the best server's bar, 0 … 1; the best has 1.
    over: the best server over this one; None for the best, and without a figure.
    words: what the row says, as 'slower: 0.88× [0.82, 0.94]'.
    control: another server's own program again; it is never ranked and stands last.
    """

    label: str
    value: float | None
    share: float
    over: Comparison | None
    words: str
    control: bool = False


@dataclass(frozen=True)
class LoadAnswer:
    """The answer at one load. `next`: what would settle it if it is open and more rounds would.

    offered: the figures are CPU time per request in µs, else requests per second.
    """

    key: LoadKey
    offered: bool
    words: str
    badge: str
    leader: str | None
    verdict: str
    next: NextStep | None
    ranking: tuple[Rank, ...]


@dataclass(frozen=True)
class ChangeRow:
    """A model under one load, as text: old, new, the change in percent, p and the word."""

    model: str
    connections: str
    old: str
    new: str
    change: str
    p: str
    word: str


@dataclass(frozen=True)
class ChangeTable:
    """The changes of one panel, such as '64 B, depth 4', and the unit of old and new."""

    panel: str
    unit: str
    rows: tuple[ChangeRow, ...]


@dataclass(frozen=True)
class Changes:
    """What the new build changed: as tables, and as what they are made from.

    missing: why a model has no change under a load, one line each.
    """

    tables: tuple[ChangeTable, ...]
    means: tuple[str, ...]
    missing: tuple[str, ...]
    each: tuple[Change, ...]
    means_of: tuple[Mean, ...]


@dataclass(frozen=True)
class Answer:
    """The answer of a run. `headline` sums up its loads, `shown` is the load to look at first.

    changes: of a run that compares two builds; it takes the place of the ranked list.
    """

    headline: str
    shown: LoadAnswer
    loads: tuple[LoadAnswer, ...]
    remarks: tuple[str, ...]
    changes: Changes | None = None
