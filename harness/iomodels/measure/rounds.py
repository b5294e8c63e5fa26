"""Walk through the plan of a run, round by round, and stop the loads that are decided.

A fixed plan measures every round. A sequential one (a suite with `minutes`) looks after 8, 12, 18,
27 and 40 rounds. A load stops if more rounds would change no word, and the others get its time. The
rule corrects for the looks (judge/rule.py). Every load gets the least rounds, even after the end of
the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from iomodels.data.records import Record
from iomodels.judge.loads import JudgedLoad, Rules, settled
from iomodels.judge.summary import judge_records
from iomodels.plan.order import LoadKey, Measurement, Round, make_plan, rounds_of
from iomodels.plan.suite import LOOKS, Suite

DECIDED = "decided"
TIME = "time"
ROUNDS = "rounds"


@dataclass(frozen=True)
class Stop:
    """Where a load stopped, and why: decided, out of time, or at its last round."""

    load: LoadKey
    rounds: int
    why: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Rounds:
    """An iterator over the measurements to make; add() gives it each record.

    spent_s: duration of earlier segments of the run. each_s: a first guess of one measurement.
    loads: those to measure, if not all. again: indices to measure again. settled: whether more
    rounds of a load would change no word.
    next_session: the session to start later, after this one; None if there is none.
    """

    def __init__(
        self,
        suite: Suite,
        manifest: Mapping[str, Any],
        records: Iterable[Record] = (),
        *,
        again: Iterable[int] = (),
        spent_s: float = 0.0,
        each_s: float = 1.0,
        loads: Collection[LoadKey] | None = None,
        settled: Callable[[JudgedLoad, Rules], bool] = settled,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._suite = suite
        self._manifest = manifest
        self._rules = Rules.of(manifest)
        self._rounds = [
            replace(each, items=tuple(i for i in each.items if loads is None or i.load in loads))
            for each in rounds_of(make_plan(suite))
        ]
        self._records = {record.index: record for record in records}
        self._again = set(again)
        self._made = 0
        self._spent_s = spent_s
        self._each_s = each_s
        self._judge = settled
        self._clock = clock
        self._started = clock()
        self._sessions = int(manifest.get("sessions") or 1)
        self.stops: list[Stop] = []
        self.next_session: int | None = None

    @property
    def spent_s(self) -> float:
        """Seconds of measuring so far, earlier segments included."""
        return self._spent_s + self._clock() - self._started

    @property
    def each_s(self) -> float:
        """Seconds per measurement, with starting and stopping its programs."""
        taken = self._clock() - self._started
        return taken / self._made if self._made else self._each_s

    def add(self, record: Record) -> None:
        self._records[record.index] = record
        self._again.discard(record.index)
        self._made += 1

    def complete(self) -> bool:
        """Whether nothing is left to measure, in this session or a later one."""
        return next(iter(self), None) is None and self.next_session is None

    def expected(self) -> int:
        """Return how many measurements are left, as far as is known now."""
        stopped = {stop.load for stop in self.stops}
        left = [
            item
            for round_ in self._rounds
            for item in round_.items
            if self._is_missing(item) and item.load not in stopped
        ]
        if not self._suite.minutes:
            return len(left)
        least = sum(item.repeat < LOOKS[0] for item in left)
        in_time = int((60 * self._suite.minutes - self.spent_s) / self.each_s)
        return min(len(left), max(least, in_time))

    def session_of(self, number: int) -> int:
        """Return the session of a round: the rounds are split evenly."""
        return number * self._sessions // self._suite.rounds

    def _is_missing(self, item: Measurement) -> bool:
        return item.index not in self._records or item.index in self._again

    def __iter__(self) -> Iterator[Measurement]:
        self.stops = []
        self.next_session = None
        for session in range(self._sessions):
            made = False
            for fixed in (False, True):
                for item in self._phase(
                    [
                        each
                        for each in self._rounds
                        if each.fixed is fixed and self.session_of(each.number) == session
                    ]
                ):
                    made = True
                    yield item
            if made and session + 1 < self._sessions:
                self.next_session = session + 1
                return

    def _phase(self, rounds: list[Round]) -> Iterator[Measurement]:
        open_ = {item.load for round_ in rounds for item in round_.items}
        for round_ in rounds:
            todo = [item for item in round_.items if item.load in open_]
            if self._time_is_up(round_, todo):
                self._stop(open_, round_.number, TIME)
                return
            for item in todo:
                if self._is_missing(item):
                    yield item
            if self._suite.minutes and round_.is_look:
                decided = {load for load in open_ if self._settled(load, round_.number)}
                self._stop(decided, round_.number + 1, DECIDED)
                open_ -= decided
        if rounds and rounds[-1].number + 1 == self._suite.rounds:
            self._stop(open_, self._suite.rounds, ROUNDS)

    def _time_is_up(self, round_: Round, todo: list[Measurement]) -> bool:
        """Return whether this round would end after the budget.

        The budget reserves time for the least rounds of the open loops to come.
        """
        if not self._suite.minutes or not todo or round_.number < LOOKS[0]:
            return False
        later = [] if round_.fixed else [each for each in self._rounds if each.fixed]
        reserved = sum(len(each.items) for each in later if each.number < LOOKS[0])
        new = [item for item in todo if item.index not in self._records]
        needed_s = (len(new) + reserved) * self.each_s
        return bool(new) and self.spent_s + needed_s > 60 * self._suite.minutes

    def round_is_complete(self, item: Measurement) -> bool:
        """Whether all servers of the item's load are measured in its round."""
        return not any(
            self._is_missing(each)
            for round_ in self._rounds
            if round_.number == item.repeat
            for each in round_.items
            if each.load == item.load
        )

    def judged(self, load: LoadKey, number: int) -> JudgedLoad:
        """Judge a load by its rounds up to this one."""
        records = [
            each
            for each in self._records.values()
            if LoadKey.of(each.condition) == load and each.repeat <= number
        ]
        baseline = self._suite.servers[0].label
        return judge_records(self._manifest, self._suite, load, records, self._rules, baseline)

    def _settled(self, load: LoadKey, number: int) -> bool:
        """Count only rounds up to this one: a resumed run has looked at the same data."""
        return self._judge(self.judged(load, number), self._rules)

    def _stop(self, loads: Iterable[LoadKey], rounds: int, why: str) -> None:
        self.stops += [Stop(load, rounds, why) for load in sorted(loads)]
