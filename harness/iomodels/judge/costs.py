"""The cost of a request: CPU time, context switches and calls, each from one source.

CPU time and switches come from the counters of a record (data/counters.py) with their source: the
ns clock of the process if there is one. On Windows the CPU time comes from cycles (`by_cycles`).
The wineserver, which is the kernel under Wine, counts with the server. Calls come from the server's
own counters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from iomodels.data.records import Record, counter
from iomodels.judge.stats import Measure

WHOLE_CPU = "CPU µs"
SWITCHES = "switches"
WHOLE = {
    WHOLE_CPU: (("server.cpu_ns", "wineserver.cpu_ns"), 1e-3),
    SWITCHES: (("server.context_switches", "wineserver.context_switches"), 1.0),
}
"""Of server and wineserver together: the counters that are added, and the unit of the table."""
PARTS = {
    "server CPU µs": ("server.cpu_ns", 1e-3),
    "wineserver CPU µs": ("wineserver.cpu_ns", 1e-3),
    "server user µs": ("server.cpu_user_ns", 1e-3),
    "server kernel µs": ("server.cpu_kernel_ns", 1e-3),
    "server switches": ("server.context_switches", 1.0),
    "voluntary": ("server.context_switches_voluntary", 1.0),
    "wineserver switches": ("wineserver.context_switches", 1.0),
    "cycles": ("server.cycles", 1.0),
    "completed inline": ("server.inline_completions", 1.0),
}
CALLS = ("receives", "sends", "waits", "events")
"""Counted by the server itself between the samples at both ends of the window."""
COSTS = (*WHOLE, *PARTS, *CALLS)
"""The costs of a request, in the order of the tables."""
TICKING = "GetProcessTimes"
"""The source of CPU times that grow by the tick of Windows, 15.6 ms: 64 samples per second."""


@dataclass(frozen=True)
class Costs:
    """Per name of COSTS the median over the repeats; None with a reason where it is unavailable.

    `cpu_us` has the whole CPU time per request of each repeat, () if any of them lacks it.
    """

    typical: Mapping[str, Measure]
    cpu_us: tuple[float, ...]


def costs_of(records: Sequence[Record]) -> Costs:
    """Return what a request cost in the valid repeats of a cell."""
    per_repeat = [_costs(record) for record in records]
    typical = {name: _typical([costs[name] for costs in per_repeat]) for name in COSTS}
    whole = [costs[WHOLE_CPU].value for costs in per_repeat]
    known = tuple(value for value in whole if value is not None)
    return Costs(typical, known if len(known) == len(whole) else ())


def _costs(record: Record) -> dict[str, Measure]:
    whole = {name: _sum(record, names, scale) for name, (names, scale) in WHOLE.items()}
    parts = {name: _per_request(record, *source) for name, source in PARTS.items()}
    return whole | parts | _calls(record)


def _sum(record: Record, names: Sequence[str], scale: float) -> Measure:
    """The server's is never left out; the wineserver counts only where there is one."""
    there = [*names[:1], *(name for name in names[1:] if name in (record.counters or {}))]
    parts = [_per_request(record, name, scale) for name in there]
    missing = next((part for part in parts if part.value is None), None)
    return missing or Measure(sum(part.value or 0.0 for part in parts))


def _per_request(record: Record, name: str, scale: float) -> Measure:
    figure = counter(record, f"{name}/request")
    return Measure(None, figure.reason) if figure.value is None else Measure(figure.value * scale)


def _calls(record: Record) -> dict[str, Measure]:
    assert record.server
    begin, end = (record.server[name]["counters"] for name in ("begin", "end"))
    if begin is None or end is None:
        return dict.fromkeys(CALLS, Measure(None, record.server["end"]["reason"]))
    requests = end["requests"] - begin["requests"]
    if requests <= 0:
        return dict.fromkeys(CALLS, Measure(None, "the server counted no request in the window"))
    return {name: _call(begin.get(name), end.get(name), requests) for name in CALLS}


def _call(begin: int | None, end: int | None, requests: int) -> Measure:
    if begin is None or end is None:
        return Measure(None, "the server does not count them")
    return Measure((end - begin) / requests)


def _typical(measures: Sequence[Measure]) -> Measure:
    """Median over the repeats; one missing value makes the median missing."""
    absent = next((measure for measure in measures if measure.value is None), None)
    if absent is not None:
        return absent
    values = [measure.value for measure in measures if measure.value is not None]
    return Measure(median(values)) if values else Measure(None, "no valid repeat")


def by_cycles(records: Sequence[Record]) -> list[Record]:
    """Return the records of a load with the CPU time of each server from its cycles, if it ticks.

    Windows counts cycles exactly, but their frequency is unknown. So all records share one scale,
    the sum of their CPU times over the sum of their cycles. Ratios are then those of cycles, and
    the ticks of all windows average out (docs/decisions/0098-cpu-time-from-cycles.md). Without
    cycles in one of the records nothing changes.
    """
    ticking = [each for each in records if counter(each, "server.cpu_ns").source == TICKING]
    cycles = [counter(each, "server.cycles").value for each in ticking]
    total = sum(value or 0.0 for value in cycles)
    if total <= 0 or any(value is None for value in cycles):
        return list(records)
    scale = sum(counter(each, "server.cpu_ns").value or 0.0 for each in ticking) / total
    finer = {id(each): _scaled(each, scale) for each in ticking}
    return [finer.get(id(each), each) for each in records]


def _scaled(record: Record, ns_per_cycle: float) -> Record:
    cycles = (record.counters or {})["server.cycles"]
    row = {name: cycles[name] * ns_per_cycle for name in ("value", "per_request") if name in cycles}
    source = f"{cycles['source']}, scaled by {TICKING}"
    row |= {"unit": "ns", "source": source}
    return replace(record, counters={**(record.counters or {}), "server.cpu_ns": row})
