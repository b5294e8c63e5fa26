"""docs/testing.md has the tables that its commands would write from the stored results."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from iomodels.base.files import ROOT

PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


def script(path: str) -> ModuleType:
    """Load a script of the tests, which is no module of a package."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "tests" / path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return module


def test_the_hours_of_fuzzing_are_the_stored_ones() -> None:
    fuzzing = script("fuzz/keep_fuzzing.py")
    assert fuzzing.with_part(PAGE, "fuzzing", fuzzing.table(fuzzing.read_hours())) == PAGE


def test_every_target_in_c_has_a_fuzzer_and_inputs() -> None:
    fuzzing = script("fuzz/keep_fuzzing.py")
    assert {path.stem for path in (ROOT / "tests" / "fuzz").glob("*.c")} == {
        f"fuzz_{name}" for name in fuzzing.IN_C
    }
    assert all(any((fuzzing.CORPUS / name).iterdir()) for name in fuzzing.IN_C)
