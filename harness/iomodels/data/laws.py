"""The verdicts of the laws, as laws.json holds them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iomodels.base.files import write_whole
from iomodels.data.schema import as_input, check_against, read_object

FORMAT = 1
LAWS = "laws.json"
COSTS = "costs.json"
"""Of the programs of laws/costs, which only `iomodels claims` runs."""
VERDICTS = ("holds", "holds only when", "does not hold", "not testable here")


@dataclass(frozen=True)
class Judged:
    """A law's verdict on some claims; None if its program failed, with the reason in `because`."""

    law: str
    sentence: str
    claims: tuple[str, ...]
    verdict: str | None
    because: str | None
    figure: str | None

    @property
    def words(self) -> str:
        return verdict_words(self.verdict, self.because)


def verdict_words(verdict: str | None, because: str | None) -> str:
    """ "holds only when handlers block", "does not hold: the cap is not honoured" """
    if verdict is None:
        return f"failed: {because}"
    separator = " " if verdict == "holds only when" else ": "
    return verdict + (f"{separator}{because}" if because else "")


@dataclass(frozen=True)
class Laws:
    """A validated laws.json."""

    data: dict[str, Any]

    @property
    def platform(self) -> str:
        return str(self.data["platform"])

    @property
    def judged(self) -> tuple[Judged, ...]:
        """Return one entry per group of claims with the same verdict, in the order of the laws."""
        return tuple(_judged(self.data))


def _judged(data: dict[str, Any]) -> Iterator[Judged]:
    for law in data["laws"]:
        for each in (law, *law["also"]):
            yield Judged(
                law["law"],
                law["sentence"],
                tuple(each["claims"]),
                each["verdict"],
                each["because"],
                each["figure"],
            )
    for failed in data["failed"]:
        yield Judged(failed["law"], "", (), None, failed["reason"], None)


def checked(data: dict[str, Any]) -> Laws:
    """Check the content of a laws.json. Raises Failure."""
    check_against("laws", data, "laws")
    return Laws(data)


@as_input()
def load(path: Path) -> Laws:
    """Read a laws.json. Raises Failure."""
    data = read_object(path)
    check_against("laws", data, str(path))
    return Laws(data)


def of_run(folder: Path) -> Laws | None:
    """Return the laws in the folder of a run; None if it has none."""
    path = folder / LAWS
    return load(path) if path.exists() else None


def write(laws: Laws, folder: Path, file: str = LAWS) -> Path:
    """Write laws.json, or the file of the costs, into `folder`. Returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file
    write_whole(path, json.dumps(laws.data, indent=2, ensure_ascii=False) + "\n")
    return path
