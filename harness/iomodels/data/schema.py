"""Check data on disk against the schemas of results/schema; the only validator of the package."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from iomodels.base.errors import USAGE, Failure
from iomodels.base.files import SCHEMAS

MESSAGE_MAX = 200


DRAFT = jsonschema.Draft202012Validator
PLAIN = {"type", "minimum", "maximum", "minLength", "description"}
TYPES: dict[type, frozenset[str]] = {
    int: frozenset(("integer", "number")),
    float: frozenset(("number",)),
    str: frozenset(("string",)),
    bool: frozenset(("boolean",)),
    type(None): frozenset(("null",)),
}
NOTHING: frozenset[str] = frozenset()


@cache
def _validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    DRAFT.check_schema(schema)
    return QUICK(_inlined(schema, schema.get("$defs", {})))


# ---- what needs no library ----
#
# Most values of a record are numbers and words with bounds. To ask the library about each would
# take most of the time of reading a run. So what is surely valid is passed over. The library judges
# the rest, and it alone finds faults.


def _inlined(schema: Any, defs: Mapping[str, Any]) -> Any:
    """Return the schema with the definition in place of each reference to it."""
    if isinstance(schema, list):
        return [_inlined(each, defs) for each in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    if name in defs and set(schema) <= {"$ref", "description"}:
        return _inlined(defs[name], defs)
    return {key: _inlined(value, defs) for key, value in schema.items()}


def _is_plain(value: Any, schema: Any) -> bool:
    """Return whether a value without parts is surely valid: of the type, inside the bounds."""
    if not isinstance(schema, dict) or not schema.keys() <= PLAIN or "type" not in schema:
        return False
    given = schema["type"]
    if not TYPES.get(type(value), NOTHING).intersection((given,) if type(given) is str else given):
        return False
    if type(value) is str:
        return len(value) >= int(schema.get("minLength", 0))
    if type(value) in (int, float):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _properties(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[Any]:
    for name, own in properties.items() if isinstance(instance, dict) else ():
        if name in instance and not _is_plain(instance[name], own):
            yield from validator.descend(instance[name], own, path=name, schema_path=name)


def _additional(validator: Any, further: Any, instance: Any, schema: Any) -> Iterator[Any]:
    known = schema.get("properties", {})
    if isinstance(instance, dict) and "patternProperties" not in schema:
        instance = {
            name: value
            for name, value in instance.items()
            if name not in known and not _is_plain(value, further)
        }
    yield from DRAFT.VALIDATORS["additionalProperties"](validator, further, instance, schema)


QUICK = jsonschema.validators.extend(
    DRAFT, {"properties": _properties, "additionalProperties": _additional}
)


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
        data = parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Failure(f"{path}: cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise Failure(f"{path}: must be one JSON object")
    return data
