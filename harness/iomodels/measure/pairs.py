"""Measure a run on several pairs of machines in parallel.

A load is measured wholly by one pair, so no comparison mixes machines: the pair is a stratum of the
run. Each pair walks through its own loads in its own thread, with rounds and stops of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from iomodels.base.errors import USAGE, Failure
from iomodels.base.interrupts import Interrupts
from iomodels.data.records import Record
from iomodels.measure.rounds import Rounds, Stop
from iomodels.plan.order import LoadKey, Measurement, make_plan
from iomodels.plan.suite import Suite

WAIT_SLICE_S = 0.2
"""On Windows Ctrl-C does not end a wait for a thread."""


def loads_of(suite: Suite, pair: int, pairs: int) -> frozenset[LoadKey]:
    """Return the loads of a pair, from 0: every `pairs`-th of the suite's."""
    loads = sorted({item.load for item in make_plan(suite)})
    return frozenset(loads[pair::pairs])


def check_pairs(suite: Suite, pairs: int, sessions: int) -> None:
    """Refuse a plan whose loads depend on each other, or that has too few. Raises Failure."""
    if pairs == 1:
        return
    loads = len({item.load for item in make_plan(suite)})
    if suite.rate_percents or sessions > 1:
        why = "rates in percent of a peak" if suite.rate_percents else "several sessions"
        raise Failure(f"--pairs {pairs}: must be 1 for a run with {why}", exit_code=USAGE)
    if pairs > loads:
        raise Failure(
            f"--pairs {pairs}: must be at most {loads}, as many as the suite has loads",
            exit_code=USAGE,
        )


class PairedRounds:
    """The rounds of all pairs; to the code that completes a run they look like Rounds."""

    next_session = None

    def __init__(
        self,
        pairs: int,
        suite: Suite,
        manifest: Mapping[str, Any],
        records: Iterable[Record] = (),
        **options: Any,
    ) -> None:
        """`options`: those of Rounds."""
        kept = list(records)
        self.parts = [
            Rounds(suite, manifest, kept, loads=loads_of(suite, pair, pairs), **options)
            for pair in range(pairs)
        ]

    @property
    def spent_s(self) -> float:
        return max(part.spent_s for part in self.parts)

    @property
    def stops(self) -> list[Stop]:
        return [stop for part in self.parts for stop in part.stops]

    def expected(self) -> int:
        return sum(part.expected() for part in self.parts)

    def complete(self) -> bool:
        return all(part.complete() for part in self.parts)


AllRounds = Rounds | PairedRounds


def rounds_of_run(
    suite: Suite, manifest: Mapping[str, Any], records: Iterable[Record] = (), **options: Any
) -> AllRounds:
    """Return the rounds of a run, shared by as many pairs as its manifest says."""
    pairs = manifest.get("pairs") or 1
    if pairs == 1:
        return Rounds(suite, manifest, records, **options)
    return PairedRounds(pairs, suite, manifest, records, **options)


def in_parallel(
    rounds: PairedRounds,
    make: Callable[[int, Measurement], Record],
    keep: Callable[[int, Measurement, Record], None],
    abandon: Callable[[], None],
    interrupts: Interrupts,
) -> None:
    """Let each pair measure its rounds.

    `make` makes a record in the thread of a pair; `keep` stores it, one at a time. The first error
    or a signal ends all of them: `abandon` ends their programs, and unfinished records are dropped.
    """
    lock, stop = threading.Lock(), threading.Event()
    errors: list[BaseException] = []

    def walk(pair: int) -> None:
        try:
            for item in rounds.parts[pair]:
                if stop.is_set():
                    return
                record = make(pair, item)
                with lock:
                    if stop.is_set():
                        return
                    keep(pair, item, record)
        except BaseException as error:
            errors.append(error)
            stop.set()

    threads = [threading.Thread(target=walk, args=(pair,)) for pair in range(len(rounds.parts))]
    for thread in threads:
        thread.start()
    try:
        with interrupts.allowed():
            while any(thread.is_alive() for thread in threads) and not stop.is_set():
                for thread in threads:
                    thread.join(WAIT_SLICE_S)
    finally:
        if stop.is_set() or any(thread.is_alive() for thread in threads):
            stop.set()
            abandon()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
