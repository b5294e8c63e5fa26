"""Check data on disk against the schemas of results/schema; the only validator of the package."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from iomodels.base.errors import Failure
from iomodels.base.files import SCHEMAS

MESSAGE_MAX = 200


@cache
def _validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check_against(name: str, data: Any, what: str) -> None:
    """Check `data` against the schema of that name.

    Raises Failure, beginning with `what`. It names the format or the first wrong place.
    """
    validator = _validator(name)
    _check_format(validator.schema["properties"]["format"]["const"], data, what)
    error = next(iter(validator.iter_errors(data)), None)
    if error is None:
        return
    if error.context:  # anyOf: report the error inside the intended alternative
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    place = ".".join(str(step) for step in error.absolute_path) or "the top level"
    message = str(error.message)
    shown = message if len(message) <= MESSAGE_MAX else message[:MESSAGE_MAX] + " …"
    raise Failure(f"{what}: at {place}: {shown}")


def _check_format(known: int, data: Any, what: str) -> None:
    given = data.get("format") if isinstance(data, dict) else None
    if not isinstance(given, int) or given == known:
        return
    remedy = "a newer iomodels" if given > known else "the iomodels that wrote it"
    raise Failure(
        f"{what}: format {given} is not read; this iomodels reads format {known}; use {remedy}"
    )


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object. Raises Failure."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise Failure(f"{path}: must be one JSON object")
    return data
