"""The validator asks a faster library first; it never accepts what jsonschema rejects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iomodels.base.errors import Failure
from iomodels.base.files import ROOT, SCHEMAS
from iomodels.data.schema import check_against

(FIXTURE,) = (ROOT / "tests" / "fixtures" / "runs").glob("*-reference")
RECORD = json.loads((FIXTURE / "records.jsonl").read_text(encoding="utf-8").splitlines()[0])
SCHEMA = json.loads((SCHEMAS / "record.schema.json").read_text(encoding="utf-8"))
LIBRARY = jsonschema.Draft202012Validator(SCHEMA)


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value that a schema describes: no element of a long list."""
    yield path
    if isinstance(data, dict):
        for name, value in data.items():
            yield from places(value, (*path, name))


PLACES = [path for path in places(RECORD) if path and path != ("format",)]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**70),
    st.floats(),
    st.text(max_size=2),
    st.sampled_from([[], {}, [1], {"event": "ready"}, 1e30, 5.0, "ok", "failed"]),
)


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy with another value at a place."""
    name, *rest = path
    return {**data, name: changed(data[name], tuple(rest), value) if rest else value}


def accepted(data: Any) -> bool:
    try:
        check_against("record", data, "x")
    except Failure:
        return False
    return True


KEYWORDS = {
    "$defs", "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const", "description",
    "else", "enum", "exclusiveMaximum", "exclusiveMinimum", "if", "items", "maximum", "minItems",
    "minLength", "minProperties", "minimum", "oneOf", "pattern", "properties", "required", "then",
    "title", "type",
}  # fmt: skip
"""Those that draft 7, which fastjsonschema knows, defines as draft 2020-12 does."""
NAMES = ("properties", "$defs")


def keywords(schema: Any) -> Iterator[set[str]]:
    """Yield the keywords of each part of a schema."""
    yield set(schema)
    for name, value in schema.items():
        parts = value.values() if name in NAMES else value if isinstance(value, list) else [value]
        for part in parts:
            if isinstance(part, dict) and name not in ("const", "enum"):
                yield from keywords(part)


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_both_libraries_read_a_schema_alike(path: Path) -> None:
    parts = list(keywords(json.loads(path.read_text(encoding="utf-8"))))
    assert set().union(*parts) <= KEYWORDS
    # draft 7 ignores what stands by a reference
    assert all(each <= {"$ref", "description"} for each in parts if "$ref" in each)


@given(st.sampled_from(PLACES), VALUES)
@settings(max_examples=100)
def test_a_changed_record_is_judged_as_by_the_library(path: tuple[Any, ...], value: Any) -> None:
    data = changed(RECORD, path, value)
    assert accepted(data) == LIBRARY.is_valid(data)


def test_the_first_wrong_place_is_named() -> None:
    data = changed(RECORD, ("loadgen", "result", "requests"), -1)
    with pytest.raises(Failure, match=r"at loadgen\.result\.requests: -1 is less than the minimum"):
        check_against("record", data, "x")
