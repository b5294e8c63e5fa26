"""The settings that a tuning compares: models with their options on a grid.

A number of threads is a power of two. A concurrency value is the default (one per CPU), two per
CPU, or no limit. A minimum of threads is the default or the maximum. `--options` replaces the
values of an axis, or adds an axis.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from iomodels.base.errors import hint
from iomodels.plan.amount import mean_of
from iomodels.plan.load import Load
from iomodels.plan.server import Server

THREADS, CAP, LEAST = "threads", "concurrency", "min-threads"
PORT = "port"
USUAL_THREADS = 64
MOST_THREADS = 1024

Described = Mapping[str, Any]
"""A model's describe event."""


@dataclass(frozen=True)
class Axes:
    """What a tuning varies. `clients`: connections that send. `given`: values of --options."""

    cores: int
    clients: int
    threads_max: int
    given: Mapping[str, tuple[int, ...]]
    dropped: frozenset[str] = frozenset()
    """Options that do nothing on this platform."""


def rule_of_thumb(cores: int, load: Load, wait_more_us: float = 0.0) -> float | None:
    """Return cores × (1 + wait / work), the number of workers that many books advise.

    `wait_more_us`: how much longer each blocking lasts here than the load asks for. None: requests
    without work, or classes with different work.
    """
    words = dict(load.options)
    work_us = mean_of(words.get("cpu-us", 0))
    if load.classes or not work_us:
        return None
    wait_us = mean_of(words.get("block-us", 0), lambda us: us + wait_more_us if us else 0.0)
    return cores * (1 + wait_us / work_us)


def usual_threads_max(rule: float | None) -> int:
    """Return the default of --threads-max: 64, or twice what the rule of thumb asks for."""
    most = USUAL_THREADS
    while most < min(2 * (rule or 0), MOST_THREADS):
        most *= 2
    return most


def powers(low: int, high: int) -> tuple[int, ...]:
    """Return low, the powers of two above it, high."""
    between = [2**k for k in range(high.bit_length()) if low < 2**k < high]
    return tuple(dict.fromkeys((low, *between, high)))


def settings_of(models: Iterable[Described], axes: Axes) -> tuple[Server, ...]:
    """Return every setting of these models, each once, in the order of the models."""
    return tuple(
        dict.fromkeys(
            Server(str(model["model"]), options)
            for model in models
            for options in _options_of(model, axes)
        )
    )


def option_errors(models: Iterable[Described], given: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Return one line per option of --options that no model has, or per value out of bounds.

    A model with a single possible value does not have the option. The harness sets the port.
    """
    errors = []
    all_options = [
        (
            str(model["model"]),
            {
                each["name"]: each
                for each in model["options"]
                if each["min"] < each["max"] and each["name"] != PORT
            },
        )
        for model in models
    ]
    for name, values in given.items():
        having = [(model, options[name]) for model, options in all_options if name in options]
        if not having:
            names = ", ".join(model for model, _ in all_options)
            known = sorted({name for _, options in all_options for name in options})
            errors.append(f"--options {name}: no option of {names}; {hint(name, known)}")
        errors += [
            f"--options {name}={value}: must be from {option['min']} to {option['max']} for {model}"
            for model, option in having
            for value in values
            if not option["min"] <= value <= option["max"]
        ]
    return errors


def _by_name(model: Described) -> dict[str, Mapping[str, Any]]:
    return {option["name"]: option for option in model["options"]}


def _options_of(model: Described, axes: Axes) -> Iterator[tuple[tuple[str, int], ...]]:
    options = _by_name(model)
    others = [name for name in axes.given if name in options and name not in (THREADS, CAP, LEAST)]
    for threads in _threads(options, axes):
        of_threads = () if threads is None else ((THREADS, threads),)
        free = [_second(CAP, options, axes, threads), _second(LEAST, options, axes, threads)]
        free += [[(name, value) for value in axes.given[name]] for name in others]
        for chosen in itertools.product(*free):
            yield (*of_threads, *(pair for pair in chosen if pair is not None))


def _threads(options: Mapping[str, Any], axes: Axes) -> tuple[int | None, ...]:
    if THREADS not in options or options[THREADS]["min"] == options[THREADS]["max"]:
        return (None,)
    if THREADS in axes.given:
        return axes.given[THREADS]
    low, high = options[THREADS]["min"], options[THREADS]["max"]
    return powers(low, max(low, min(high, axes.threads_max, axes.clients)))


def _second(
    name: str, options: Mapping[str, Any], axes: Axes, threads: int | None
) -> list[tuple[str, int] | None]:
    """Return the values of a further option; None means its default."""
    if name not in options or threads is None:
        return [None]
    if name in axes.given:
        return [(name, value) for value in axes.given[name]]
    if name in axes.dropped:
        return [None]
    if name == CAP:
        caps = [cap for cap in (2 * axes.cores, threads) if axes.cores < cap <= threads]
        return [None, *((CAP, cap) for cap in dict.fromkeys(caps))]
    return [None, (LEAST, threads)] if threads > options[name]["default"] else [None]
