"""What harness/page/build.mjs made is what the sources say, and nobody edited it by hand."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from iomodels.base.files import PACKAGE

PAGE = PACKAGE.parent / "page"
BUNDLE = json.loads((PAGE / "bundle.json").read_text(encoding="utf-8"))
REMEDY = "build it again: cd harness/page && npm ci --ignore-scripts && npm run build"
MOST_LINES = 400


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_bundle_is_of_these_sources() -> None:
    names = [f"source/{path.name}" for path in sorted((PAGE / "source").iterdir())]
    assert list(BUNDLE["sources"]) == ["build.mjs", "package-lock.json", *names], REMEDY
    for name, was in BUNDLE["sources"].items():
        assert digest(PAGE / name) == was, f"{name} changed; {REMEDY}"


@pytest.mark.parametrize("name", ["plot.js", "page.js", "search.js"])
def test_what_was_built_was_not_edited(name: str) -> None:
    assert digest(PACKAGE / "templates" / name) == BUNDLE["made"][name], REMEDY


def test_the_library_carries_its_licences() -> None:
    notices = (PACKAGE / "templates" / "plot.js").read_text(encoding="utf-8").partition("*/")[0]
    lock = json.loads((PAGE / "package-lock.json").read_text(encoding="utf-8"))
    version = lock["packages"]["node_modules/@observablehq/plot"]["version"]
    assert f"@observablehq/plot {version}: Copyright" in notices
    assert "Permission to use, copy, modify, and/or distribute" in notices


def test_the_lock_file_names_no_host_and_has_every_hash() -> None:
    text = (PAGE / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text and not re.search(r"https?://(?!opencollective|github|www)", text)
    packages = {name: each for name, each in json.loads(text)["packages"].items() if name}
    assert packages and all("integrity" in each for each in packages.values())


def test_modules_are_short() -> None:
    for path in [*(PAGE / "source").glob("*.js"), PAGE / "build.mjs"]:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, path.name
