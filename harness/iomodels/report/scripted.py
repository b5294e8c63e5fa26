"""What a page carries for its script: the chart library and the data, compressed, and the script.

harness/page/build.mjs builds the scripts and the library. The library and the data are base64 of a
deflate stream; that is a third of their size.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

from iomodels.base.files import PACKAGE

RUN, SEARCH = "page.js", "search.js"
"""The scripts: of the page of a run, and of that of a tuning or an SLO search."""


def scripted(script: str, data: Mapping[str, Any]) -> dict[str, str]:
    """Return what script.html.j2 gets. Raises ValueError for a number that JSON does not have."""
    notices, end, library = _source("plot.js").partition("*/\n")
    return {
        "notices": notices + end,
        "library": packed(library),
        "data_block": packed(as_json(data)),
        "script": _source(script),
    }


def packed(text: str) -> str:
    """Return text as base64 of its raw deflate stream, which every browser can read."""
    made = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(made.compress(text.encode()) + made.flush()).decode()


def as_json(data: Mapping[str, Any]) -> str:
    """Return the data as compact JSON. Raises ValueError for a number that JSON does not have."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _source(name: str) -> str:
    return (PACKAGE / "templates" / name).read_text(encoding="utf-8")
