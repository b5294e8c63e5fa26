"""Check data on disk against the schemas of results/schema; the only validator of the package."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
import jsonschema

from iomodels.base.errors import USAGE, Failure
from iomodels.base.files import SCHEMAS
from iomodels.data.contained import MOST_JSON_BYTES, read_contained

MESSAGE_MAX = 200
DRAFT = jsonschema.Draft202012Validator


@cache
def _validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    DRAFT.check_schema(schema)
    return DRAFT(schema)


@cache
def _compiled(name: str) -> Callable[[Any], Any]:
    """Return the schema as one function, which raises for what may be invalid.

    It knows drafts up to 7 and the keywords that test_schema.py allows. It takes a tenth of the
    time that jsonschema takes, but its messages say less.
    """
    compiled: Callable[[Any], Any] = fastjsonschema.compile(_validator(name).schema)
    return compiled


def _surely_valid(name: str, data: Any) -> bool:
    try:
        _compiled(name)(data)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


def check_against(name: str, data: Any, what: str) -> None:
    """Check `data` against the schema of that name.

    Raises Failure, beginning with `what`. It names the format or the first wrong place.
    """
    validator = _validator(name)
    _check_format(validator.schema["properties"]["format"]["const"], data, what)
    error = None if _surely_valid(name, data) else next(validator.iter_errors(data), None)
    if error is None:
        return
    if error.context:  # anyOf: report the error inside the intended alternative
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    place = ".".join(str(step) for step in error.absolute_path) or "the top level"
    raise Failure(f"{what}: at {place}: {_short(str(error.message))}")


def _short(text: str) -> str:
    return text if len(text) <= MESSAGE_MAX else f"{text[:MESSAGE_MAX]} …"


def _check_format(known: int, data: Any, what: str) -> None:
    given = data.get("format") if isinstance(data, dict) else None
    if not isinstance(given, int) or given == known:
        return
    remedy = "a newer iomodels" if given > known else "the iomodels that wrote it"
    raise Failure(
        f"{what}: format {_short(str(given))} is not read; this iomodels reads format {known}; "
        f"use {remedy}"
    )


@contextmanager
def as_input() -> Iterator[None]:
    """Give what fails inside the exit code of wrong input: a file that a user named is damaged."""
    try:
        yield
    except Failure as error:
        raise Failure(*error.lines, exit_code=USAGE) from None


def parse(content: bytes) -> Any:
    """Parse JSON by its standard, hence without NaN and Infinity. Raises ValueError.

    A lone surrogate is an error too, as no file can hold it.
    """
    text = content.decode("utf-8")
    try:
        data = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("too deeply nested") from None
    if "\\ud" in text.lower():
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    return data


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not a number of JSON")


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object. Raises Failure."""
    try:
        data = parse(read_contained(path, MOST_JSON_BYTES))
    except ValueError as error:
        raise Failure(f"{path}: cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise Failure(f"{path}: must be one JSON object")
    return data
