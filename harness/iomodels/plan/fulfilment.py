"""Compare the records of a run with its plan: each is in its place, and none is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from iomodels.data.records import Record
from iomodels.plan.order import MOST_MEASUREMENTS, LoadKey, Measurement, make_plan, plan_size
from iomodels.plan.suite import Suite


def plan_of(suite: Suite, planned: int) -> tuple[Measurement, ...]:
    """Return the plan. Raises ValueError if it has not `planned` measurements, or too many."""
    size = plan_size(suite)
    if size != planned:
        raise ValueError(f"its suite plans {size} measurements, run.json {planned}")
    if size > MOST_MEASUREMENTS:
        raise ValueError(f"it plans {size} measurements, at most {MOST_MEASUREMENTS} are read")
    return make_plan(suite)


def misplaced(records: Iterable[Record], plan: tuple[Measurement, ...]) -> str | None:
    """Return the first record that is not the measurement of its index; None if all are."""
    for record in records:
        item = plan[record.index]
        if (item.condition, item.repeat) != (record.condition, record.repeat):
            return (
                f"record {record.index} is {record.condition}, round {record.repeat + 1}, "
                f"the plan has {item.condition}, round {item.repeat + 1}"
            )
    return None


def missing(
    manifest: Mapping[str, Any], records: Iterable[Record], plan: tuple[Measurement, ...]
) -> list[Measurement]:
    """Return the measurements without a record, up to the round where each load stopped."""
    last = dict(_stops(manifest))
    present = {record.index for record in records}
    return [
        item
        for item in plan
        if item.index not in present and item.repeat < last.get(item.load, len(plan))
    ]


def _stops(manifest: Mapping[str, Any]) -> Iterator[tuple[LoadKey, int]]:
    """How many rounds each load of a complete run had."""
    for stop in manifest.get("stopped") or ():
        yield LoadKey(**stop["load"]), stop["rounds"]
