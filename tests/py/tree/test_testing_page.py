"""docs/testing.md has the tables that its commands would write from the stored results."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from iomodels.base.files import ROOT

PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


def script(path: str) -> ModuleType:
    """Load a script of the tests, which is no module of a package."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "tests" / path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.path.append(str(ROOT / "tests" / Path(path).parent))  # for the modules next to it
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


def test_a_target_that_hangs_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    fuzzing = script("fuzz/keep_fuzzing.py")
    monkeypatch.setattr(fuzzing, "GRACE_S", 0.0)
    _, done = fuzzing.measured([sys.executable, "-c", "import time; time.sleep(600)"], 0.1)
    assert done.returncode and done.stderr.startswith("hangs: ") and "\n" not in done.stderr


def test_the_scores_of_mutants_and_the_chaos_are_the_stored_ones() -> None:
    fuzzing = script("fuzz/keep_fuzzing.py")
    for part, path in (("mutants", "mutants/mutate.py"), ("chaos", "chaos/chaos.py")):
        module = script(path)
        stored = json.loads((ROOT / "tests" / part / module.KEPT.name).read_text(encoding="utf-8"))
        assert fuzzing.with_part(PAGE, part, module.table(stored)) == PAGE


def test_each_place_can_be_changed_and_only_there() -> None:
    """Every change of a small file alters one place; texts and comments stay."""
    python, c = script("mutants/in_python.py"), script("mutants/in_c.py")
    text = '''def f(a: int = 2) -> bool:
    """1 < 2"""
    log(a)
    return a < 3 and not a == 0.5
'''
    assert [mutant.after for mutant in python.mutants("f.py", text)] == [
        *("3", "pass", "<=", "4", "or", "", "!=", "0.525"),
    ]
    text = 'int f(int a) { /* 1 < 2 */\n    if (a < 3)\n        act(a + 1, "1 < 2");\n}\n'
    changed = [mutant.apply(text) for mutant in c.mutants("f.c", text)]
    assert len(changed) == len(set(changed)) == 6
    assert all("/* 1 < 2 */" in each for each in changed)
