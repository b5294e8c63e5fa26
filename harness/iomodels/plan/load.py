"""The load of a suite: its `[load]` section, in the load generator's options (docs/loadgen.md).

    [load]
    rate = 2000                    # --rate 2000
    arrivals = "poisson"           # --arrivals poisson

    [load.class.heavy]             # --class heavy:connections=1,size=65536
    connections = 1
    size = 65536
    [load.class.light]             # a class without `connections` gets the rest
    rate = 1000

The load generator alone knows its words and their limits; measure/load_check.py asks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from iomodels.base.arguments import Option
from iomodels.base.words import toml

CLASS_WORDS = "class"
# Words of a suite's own keys, and words that are not a load.
SET_BY_THE_SUITE = {
    "connections": "connections = [...]",
    "size": "sizes = [...], or a class's size",
    "depth": "depth = ...",
    "threads": "loadgen_threads = ...",
    "warmup-ms": "warmup_ms = ...",
    "duration-ms": "duration_ms = ...",
    "seed": "seed = ...",
}
NOT_A_LOAD = (
    "host",
    "port",
    "timeout-ms",
    "start-now",
    "describe",
    "help",
    "calibrate",
    "points",
    "point-ms",
)

Value = int | str | bool


@dataclass(frozen=True)
class Load:
    """`options`: word and value, without classes. `classes`: name and words, in file order."""

    options: tuple[tuple[str, Value], ...] = ()
    classes: tuple[tuple[str, tuple[tuple[str, Value], ...]], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.options or self.classes)

    @property
    def rate(self) -> int:
        """Requests per second of an open loop, all classes together; 0 for a closed loop."""
        default = int(dict(self.options).get("rate", 0))
        return (
            sum(int(dict(words).get("rate", default)) for _, words in self.classes)
            if self.classes
            else default
        )

    @property
    def open(self) -> bool:
        """Whether all requests come at an offered rate."""
        default = dict(self.options).get("rate", 0)
        return all(
            dict(words).get("rate", default) != 0 for _, words in self.classes or (("all", ()),)
        )

    @property
    def churns(self) -> bool:
        """Whether connections are replaced during the load, in any class."""
        default = dict(self.options).get("churn", 0)
        return any(
            dict(words).get("churn", default) != 0 for _, words in self.classes or (("all", ()),)
        )

    @property
    def ramp_s(self) -> float:
        return int(dict(self.options).get("ramp-ms", 0)) / 1000

    def with_rate(self, rate: int) -> Load:
        others = tuple((word, value) for word, value in self.options if word != "rate")
        return Load((*others, ("rate", rate)), self.classes)

    def arguments(self, connections: int) -> dict[str, Option]:
        """Return the load generator's options for this number of connections."""
        options: dict[str, Option] = dict(self.options)
        if self.classes:
            options[CLASS_WORDS] = tuple(self._class_texts(connections))
        return options

    def _class_texts(self, connections: int) -> Iterator[str]:
        named = sum(
            int(dict(words)["connections"])
            for _, words in self.classes
            if "connections" in dict(words)
        )
        for name, words in self.classes:
            full = {"connections": connections - named} | dict(words)
            yield f"{name}:" + ",".join(f"{word}={value}" for word, value in full.items())

    def connection_errors(self, connections: int) -> list[str]:
        """Return why the classes do not divide this number of connections."""
        if not self.classes:
            return []
        sizes = [dict(words).get("connections") for _, words in self.classes]
        named, open_ = sum(int(size) for size in sizes if size is not None), sizes.count(None)
        if open_ > 1:
            return ["only one class may omit its connections; it gets those that the others leave"]
        if (open_ and named >= connections) or (not open_ and named != connections):
            wanted = "fewer than" if open_ else "exactly"
            return [
                f"its classes have {named} connections; "
                f"they must have {wanted} the suite's {connections}"
            ]
        return []

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = dict(self.options)
        return (
            {**data, CLASS_WORDS: {name: dict(words) for name, words in self.classes}}
            if self.classes
            else data
        )

    def __str__(self) -> str:
        """ "rate 2000, arrivals poisson; heavy: connections 1" """
        parts = [", ".join(f"{word} {value}" for word, value in self.options)]
        parts += [
            ": ".join(filter(None, (name, ", ".join(f"{word} {value}" for word, value in words))))
            for name, words in self.classes
        ]
        return "; ".join(part for part in parts if part)


def load_from(data: Mapping[str, Any]) -> Load:
    """Return the load of a checked table."""
    classes = tuple(
        (name, tuple(words.items())) for name, words in data.get(CLASS_WORDS, {}).items()
    )
    return Load(
        tuple((word, value) for word, value in data.items() if word != CLASS_WORDS), classes
    )


def shape_errors(data: object, where: str) -> list[str]:
    """Return one line per error in the shape of `[load]`; load_check.py checks its words."""
    if not isinstance(data, dict):
        return [f"{where} = {toml(data)}: must be a table"]
    errors = []
    for word, value in data.items():
        what = f"{where}.{word} = {toml(value)}"
        if word in SET_BY_THE_SUITE:
            errors.append(f"{what}: not here; use {SET_BY_THE_SUITE[word]}")
        elif word in NOT_A_LOAD:
            errors.append(f"{what}: the harness sets it itself")
        elif word == CLASS_WORDS:
            errors += _class_errors(value, f"{where}.{CLASS_WORDS}")
        else:
            errors += _value_errors(value, what)
    return errors


def _class_errors(classes: object, where: str) -> list[str]:
    if not (
        isinstance(classes, dict)
        and classes
        and all(isinstance(words, dict) for words in classes.values())
    ):
        return [f"{where} = {toml(classes)}: must be tables [{where}.NAME]"]
    errors = []
    for name, words in classes.items():
        for word, value in words.items():
            errors += _value_errors(value, f"{where}.{name}.{word} = {toml(value)}")
            if word == "connections" and not (type(value) is int and value > 0):
                what = f"{where}.{name}.connections = {toml(value)}"
                errors.append(f"{what}: must be a whole number of at least 1")
    return errors


def _value_errors(value: object, what: str) -> list[str]:
    if isinstance(value, (int, str)) and not (
        isinstance(value, str) and not re.fullmatch(r"[\w.:*+-]+", value)
    ):
        return []
    return [f"{what}: must be a whole number, true, false, or a text without blanks"]
