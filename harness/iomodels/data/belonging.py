"""Check that a manifest is consistent, and that a record belongs to it.

A schema checks one value at a time. These checks span several: a baseline is a series of the suite,
and a record is a repeat of one of its cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iomodels.base.errors import Failure
from iomodels.data.records import Condition, Record


class Belonging:
    """The records that a manifest may have. Raises Failure, beginning with `what`, if it
    contradicts itself."""

    def __init__(self, manifest: Mapping[str, Any], what: str) -> None:
        self._manifest = manifest
        self._suite: Mapping[str, Any] = manifest["suite"]
        self._seen: dict[tuple[Condition, int], int] = {}
        series = [_series(server) for server in self._suite["servers"]]
        labels = [_labelled(each) for each in series]
        self._series = frozenset(series)
        if len(set(labels)) < len(labels):
            raise Failure(f"{what}: at suite.servers: two servers have the same name")
        for key in ("connections", "sizes"):
            if len(set(self._suite[key])) < len(self._suite[key]):
                raise Failure(f"{what}: at suite.{key}: must not repeat a value")
        baseline = manifest.get("baseline")
        if baseline is not None and baseline not in labels:
            raise Failure(f"{what}: at baseline: {baseline} must be one of: {', '.join(labels)}")

    def check(self, record: Record, what: str) -> None:
        """Raises Failure, beginning with `what`, if the record is of another run or plan."""
        self._check_run(record, what)
        condition = record.condition
        for name, value, known in (
            ("server", _of(condition), self._series),
            ("connections", condition.connections, self._suite["connections"]),
            ("size", condition.size, self._suite["sizes"]),
            ("reply_size", condition.reply_size, [self._reply_size(condition.size)]),
            ("depth", condition.depth, [self._suite["depth"]]),
            ("rate_percent", condition.rate_percent, [0, *self._suite.get("rate_percents", ())]),
        ):
            if value not in known:
                shown = condition.label if name == "server" else value
                raise Failure(f"{what}: {name} {shown} is not in the suite of the run")
        if record.repeat >= self._suite["rounds"]:
            raise Failure(
                f"{what}: repeat {record.repeat} is beyond the {self._suite['rounds']} rounds of "
                "the suite"
            )
        first = self._seen.setdefault((condition, record.repeat), record.index)
        if first != record.index:
            raise Failure(
                f"{what}: record {record.index} repeats record {first}: {condition}, "
                f"round {record.repeat + 1}"
            )

    def _check_run(self, record: Record, what: str) -> None:
        manifest = self._manifest
        if record.run != manifest["run"]:
            raise Failure(f"{what}: belongs to run {record.run}, not to {manifest['run']}")
        if record.platform != manifest["platform"]:
            raise Failure(
                f"{what}: measured on {record.platform}, but the run on {manifest['platform']}; "
                "platforms must not be mixed"
            )
        if record.index >= manifest["planned"]:
            raise Failure(
                f"{what}: index {record.index} is beyond the plan of {manifest['planned']} "
                "measurements"
            )

    def _reply_size(self, size: int) -> int:
        """The reply has the size of the request unless the load names another one."""
        given = self._suite.get("load", {}).get("reply-size", size)
        return given if isinstance(given, int) else size


Series = tuple[str, tuple[tuple[str, int], ...], str]
"""Model, options and alias."""


def _series(server: Mapping[str, Any]) -> Series:
    return server["model"], tuple(server["options"].items()), server.get("alias", "")


def _of(condition: Condition) -> Series:
    return condition.model, condition.options, condition.alias


def _labelled(series: Series) -> str:
    model, options, alias = series
    return Condition(model, 1, 1, 1, 1, options, alias).label
