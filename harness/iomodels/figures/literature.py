"""Published numbers about these models, from results/literature/, with source and conditions.

This suite measured none of them. An unknown value is absent; an unverified one is marked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iomodels.base.errors import Failure
from iomodels.base.files import LITERATURE

FORMAT = 1
BASELINE = "iocp"
CONDITIONS = ("server", "windows", "linux", "client", "conditions")
"""Keys of a study of two operating systems that say how it was made."""


@dataclass(frozen=True)
class Published:
    """Throughput of a model over that of a completion port in one publication at one load."""

    year: int | None
    source: str
    model: str
    connections: int
    ratio: float
    verified: bool


@dataclass(frozen=True)
class Finding:
    """What a study says of a completion port and epoll. `printed`: its own words, or ""."""

    study: str
    source: str
    conditions: str
    what: str
    printed: str
    words: str
    verified: bool


def iocp_and_epoll(folder: Path = LITERATURE) -> tuple[Finding, ...]:
    """Return what studies printed about a completion port and epoll on one machine.

    Raises Failure for a file that cannot be read or has another format.
    """
    return tuple(
        Finding(
            ", ".join(str(one[name]) for name in ("author", "title", "year") if name in one),
            one.get("source", ""),
            "; ".join(str(one[key]) for key in CONDITIONS if key in one),
            each["what"],
            each.get("printed", ""),
            each["words"],
            one["verified"],
        )
        for one in _load(folder / "iocp-and-epoll.toml")["study"]
        for each in one["finding"]
    )


def ratios(folder: Path = LITERATURE) -> tuple[Published, ...]:
    """Return published throughputs at known connections, over a completion port's.

    Raises Failure for a file that cannot be read or has another format.
    """
    table = _load(folder / "jones-ohlund-2002.toml")
    numbers = _load(folder / "published-numbers.toml")
    return (*_of_table(table), *(each for one in numbers["set"] for each in _of_set(one)))


def _load(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: cannot be read: {error}") from error
    if data.get("format") != FORMAT:
        raise Failure(f"{path}: format {data.get('format')}; only {FORMAT} is understood")
    return data


def _of_table(table: Mapping[str, Any]) -> list[Published]:
    """Return received bytes per second, each row over the completion port's nearest row.

    Nearest by attempted load: 46,000 goes with 50,000.
    """
    ports = [row for row in table["row"] if row["model"] == BASELINE]
    found = []
    for row in table["row"]:
        port = min(ports, key=lambda each: float(abs(each["attempted"] - row["attempted"])))
        doubtful = {"received_bytes_per_s", "connected"} & (
            {*row["unverified"]} | {*port["unverified"]}
        )
        if row["model"] != BASELINE:
            ratio = row["received_bytes_per_s"] / port["received_bytes_per_s"]
            found.append(_published(table, row["model"], row["connected"], ratio, not doubtful))
    return found


def _of_set(one: Mapping[str, Any]) -> list[Published]:
    values = one["values"]
    if BASELINE not in values or "connections" not in one:
        return []
    return [
        _published(one, model, one["connections"], value / values[BASELINE], one["verified"])
        for model, value in values.items()
        if model != BASELINE
    ]


def _published(
    of: Mapping[str, Any], model: str, connections: int, ratio: float, verified: bool
) -> Published:
    return Published(of.get("year"), of["source"], model, connections, ratio, verified)
