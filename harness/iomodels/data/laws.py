"""The answers of the laws, as laws.json holds them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from iomodels.base.errors import Failure
from iomodels.base.files import SCHEMAS, write_whole

FORMAT = 1
LAWS = "laws.json"
VERDICTS = ("holds", "holds only when", "does not hold", "not testable here")


@dataclass(frozen=True)
class Judged:
    """What one law said of some claims. `verdict` None: the program failed, and `because` says how."""

    law: str
    sentence: str
    claims: tuple[str, ...]
    verdict: str | None
    because: str | None
    figure: str | None

    @property
    def words(self) -> str:
        """ "holds only when handlers block", "does not hold: the cap is not honoured" """
        if self.verdict is None:
            return f"failed: {self.because}"
        separator = " " if self.verdict == "holds only when" else ": "
        return self.verdict + (f"{separator}{self.because}" if self.because else "")


@dataclass(frozen=True)
class Laws:
    """A laws.json, checked."""

    data: dict[str, Any]

    @property
    def platform(self) -> str:
        return str(self.data["platform"])

    @property
    def judged(self) -> tuple[Judged, ...]:
        """One entry for each group of claims that was judged alike, in the order of the laws."""
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
    """Raises Failure when it is not what laws.json holds."""
    _check(data, "laws")
    return Laws(data)


@cache
def _validator() -> Any:
    schema = json.loads((SCHEMAS / "laws.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _check(data: Any, what: str) -> None:
    error = next(iter(_validator().iter_errors(data)), None)
    if error:
        place = ".".join(str(step) for step in error.absolute_path) or "the top level"
        raise Failure(f"{what}: at {place}: {error.message[:200]}")


def load(path: Path) -> Laws:
    """Reads a laws.json. Raises Failure."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: cannot be read: {error}") from None
    _check(data, str(path))
    return Laws(data)


def of_run(folder: Path) -> Laws | None:
    """The laws in the folder of a run; None if it was made without."""
    path = folder / LAWS
    return load(path) if path.exists() else None


def write(laws: Laws, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LAWS
    write_whole(path, json.dumps(laws.data, indent=2, ensure_ascii=False) + "\n")
    return path
