"""The metrics that the rules of claims.toml name: one value per measurement, each above 0.

A metric is None with a reason if the record lacks it. Nothing here knows a claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from iomodels.data.records import Record, counter
from iomodels.judge import stats
from iomodels.judge.cells import connections_held
from iomodels.judge.costs import SWITCHES, WHOLE_CPU, costs_of
from iomodels.judge.stats import Measure

CLASS = " of "
"""Before the name of a class: "p99 of light"."""


@dataclass(frozen=True)
class Metric:
    """unit: "" for a number without one. less: less of it is better.

    count: a number of things, which has no noise. failed: a failed measurement has it, too.
    """

    value: Callable[[Record], Measure]
    unit: str = ""
    less: bool = False
    count: bool = False
    failed: bool = False


def metric(name: str) -> Metric:
    """Return the metric of that name. Raises ValueError for an unknown one."""
    plain, _, group = name.partition(CLASS)
    if group and plain in _OF_CLASS:
        percentile = _OF_CLASS[plain]
        return Metric(lambda record: _percentile(_class(record, group), percentile), "µs", True)
    if name not in METRICS:
        raise ValueError(f"{name}: no such metric; known: {', '.join(METRICS)}, p99 of CLASS")
    return METRICS[name]


def _result(record: Record) -> Mapping[str, Any]:
    return record.result or {}


def _class(record: Record, name: str) -> Mapping[str, Any]:
    classes = _result(record).get("classes", ())
    return next((each for each in classes if each["name"] == name), {})


def _percentile(part: Mapping[str, Any], percent: float) -> Measure:
    response = part.get("response") or {}
    count = response.get("count", 0)
    if not stats.supported(count, percent):
        return Measure(None, stats.scarce(count))
    return Measure(response[f"p{percent:g}"] / 1e3)


def _rate(record: Record) -> Measure:
    return Measure(_result(record).get("requests_per_second"), "not recorded")


def _cost(name: str) -> Callable[[Record], Measure]:
    return lambda record: costs_of([record]).typical[name]


def _switches_per_second(record: Record) -> Measure:
    per_request, rate = _cost(SWITCHES)(record), _rate(record)
    if per_request.value is None or rate.value is None:
        return per_request if per_request.value is None else rate
    return Measure(per_request.value * rate.value)


def _connects(record: Record) -> Measure:
    result = _result(record)
    if result.get("connects") is None:
        return Measure(None, "not recorded")
    return Measure(result["connects"] * 1e9 / result["window_ns"])


def _counter(name: str) -> Callable[[Record], Measure]:
    def value(record: Record) -> Measure:
        figure = counter(record, name)
        return Measure(figure.value, figure.reason)

    return value


def _busy(record: Record) -> Measure:
    """CPU time of the server over the time of all its threads: the share that they do not wait."""
    cpu, threads = counter(record, "server.cpu_ns"), counter(record, "server.threads_peak")
    if cpu.value is None or not threads.value:
        return Measure(None, cpu.reason or threads.reason)
    return Measure(cpu.value / (threads.value * _result(record)["window_ns"]))


def _held(record: Record) -> Measure:
    """Return how many connections were established, each with a reply to its first request."""
    result = _result(record)
    if record.ok and result:
        return Measure(result["connections"]["established"])
    return Measure(connections_held(record), record.reason)


METRICS = {
    "requests per second": Metric(_rate, "requests/s"),
    "CPU time per request": Metric(_cost(WHOLE_CPU), "µs", less=True),
    "context switches per request": Metric(_cost(SWITCHES), less=True),
    "context switches per second": Metric(_switches_per_second, less=True),
    "connects per second": Metric(_connects, "connects/s"),
    "p99": Metric(lambda record: _percentile(_result(record), 99), "µs", less=True),
    "non-paged pool": Metric(_counter("server.nonpaged_pool_bytes"), "bytes", less=True),
    "threads": Metric(_counter("server.threads_peak"), "threads", less=True, count=True),
    "busy share per thread": Metric(_busy),
    "clients held": Metric(_held, "clients", count=True, failed=True),
}
_OF_CLASS = {"p50": 50.0, "p99": 99.0}
