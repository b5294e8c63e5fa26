"""docs/testing.md has the tables that its commands would write from the stored results."""

from __future__ import annotations

import importlib.util
import json
import os
import select
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


@pytest.mark.parametrize(
    "target",
    ["records", pytest.param("runs", marks=pytest.mark.thorough), "suites", "histograms"],
)
def test_a_batch_of_a_target_in_python_passes(target: str) -> None:
    effort, finding = script("fuzz/keep_fuzzing.py").fuzz_in_python(target, 0.0, 7)
    assert not finding and effort.executions >= 100 and 0 < effort.covered <= effort.of


def test_a_target_that_hangs_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    fuzzing = script("fuzz/keep_fuzzing.py")
    monkeypatch.setattr(fuzzing, "GRACE_S", 0.0)
    _, done = fuzzing.measured([sys.executable, "-c", "import time; time.sleep(600)"], 0.1)
    assert done.returncode and done.stderr.startswith("hangs: ") and "\n" not in done.stderr


def test_other_tables_are_the_stored_ones() -> None:
    fuzzing = script("fuzz/keep_fuzzing.py")
    for part, path in {
        **{"mutants": "mutants/mutate.py", "chaos": "chaos/chaos.py"},
        **{"rounds": "rounds/rounds.py", "attempts": "attempts/attempts.py"},
    }.items():
        module = script(path)
        stored = json.loads((ROOT / "tests" / part / module.KEPT.name).read_text(encoding="utf-8"))
        assert fuzzing.with_part(PAGE, part, module.table(stored)) == PAGE


@pytest.mark.skipif(os.name == "nt", reason="the rounds run where ./iomodels is a shell script")
def test_a_round_that_fails_is_counted_by_its_tests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = script("rounds/rounds.py")
    fake = tmp_path / "iomodels"
    fake.write_text(
        '#!/bin/sh\necho x >>"$0.count"\n[ "$(wc -l <"$0.count")" -ne 2 ] && exit\n'
        "echo 'FAILED tests/a.py::test_b[1] - it broke'\nexit 1\n"
    )
    fake.chmod(0o755)
    page = tmp_path / "page.md"
    page.write_text("<!-- rounds -->\n<!-- end of rounds -->\n")
    for name, value in {
        **{"ROOT": tmp_path, "LOGS": tmp_path, "PAGE": page, "KEPT": tmp_path / "kept.json"},
        "commit": lambda: "1234567",
    }.items():
        monkeypatch.setattr(rounds, name, value)
    monkeypatch.setattr(sys, "argv", ["rounds", "--count", "3", "--write"])
    assert rounds.main() == 1
    said = capsys.readouterr().out
    assert "round 2 of 3: FAILED" in said and said.endswith("2 rounds passed, 1 failed\n")
    assert "| 1234567 | py, servers | 3 | 2 |" in page.read_text()
    assert "- `tests/a.py::test_b[1]`, 1 × on 1234567" in page.read_text()
    assert [path.name for path in tmp_path.glob("round-*")] == ["round-2.log"]


@pytest.mark.skipif(os.name == "nt", reason="the rounds run where ./iomodels is a shell script")
def test_rounds_without_their_busy_process_do_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rounds = script("rounds/rounds.py")
    for name, value in {
        **{"LOGS": tmp_path, "commit": lambda: "1234567"},
        "round_of": lambda parts, log: (log.write_text("") or 0, ""),
    }.items():
        monkeypatch.setattr(rounds, name, value)
    with rounds.busy([sys.executable, "-c", "input()"]) as process:
        process.wait()
        with pytest.raises(SystemExit, match=r"busy process has ended: .*beside\.log says why"):
            next(rounds.rounds(["py"], 1, process))
    assert "EOFError" in (tmp_path / "beside.log").read_text()
    os.mkfifo(pipe := tmp_path / "pipe")
    child = "[sys.executable, '-c', 'while True: pass']"
    child = f"import subprocess, sys; subprocess.run({child}, stdout=open({str(pipe)!r}, 'wb'))"
    with rounds.busy([sys.executable, "-c", child]) as process:
        end = pipe.open("rb")
        assert next(rounds.rounds(["py"], 1, process))["passed"] == 1
        assert not select.select([end], [], [], 0)[0]
    with end:  # it is readable when nobody holds the other end
        assert select.select([end], [], [], 60)[0]


def test_every_anomaly_has_its_number() -> None:
    attempts = script("attempts/attempts.py")
    known = {**attempts.anomalies.NUMBERED, **attempts.messages.NUMBERED}
    assert list(known) == list(range(1, 36)) and len(set(known.values())) == len(known)
    for number, anomaly in known.items():
        assert (anomaly.__doc__ or "").startswith(f"No. {number}: "), anomaly.__name__
    assert sum(count for _, count in attempts.SHARES) >= 240


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
    windows = (
        "#ifdef _WIN32\n#ifndef A\nint a = 1;\n#endif\nint b = 2;\n#else\nint c = 3;\n#endif\n"
    )
    assert [mutant.line for mutant in c.mutants("f.c", windows)] == [7]


def test_a_draw_stays_nearly_the_same_if_the_sources_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mutants = script("mutants/mutate.py")
    monkeypatch.setattr(mutants, "TREE", tmp_path)
    room = mutants.Room("made", "*.py", 90, script("mutants/in_python.py").mutants)
    monkeypatch.setattr(mutants.Room, "files", lambda self: ["a.py"])
    source = "".join(f"x{number} = {number} < y\n" for number in range(50))

    def drawn(text: str, seed: int) -> list[tuple[str, str]]:
        (tmp_path / "a.py").write_text(text)
        return [mutant.words(text) for mutant, _ in mutants.draw(room, seed, 20, [])]

    first = drawn(source, 1)
    assert len(first) == 20 and drawn(source, 1) == first and drawn(source, 2) != first
    assert len({*first} - {*drawn(f"new = 1\n{source}", 1)}) <= 1


def test_a_room_that_is_drawn_again_leaves_the_scores_of_the_others() -> None:
    mutants = script("mutants/mutate.py")

    def change(room: str, fate: str) -> dict[str, str]:
        return {"room": room, "file": f"{room}.py", "before": "a", "after": "b", "fate": fate}

    first = mutants.merged({}, 1, [change("judge", "survived"), change("data", "survived")])
    second = mutants.merged(first, 2, [change("judge", "killed"), change("judge", "refused")])
    assert second["rooms"]["data"] == first["rooms"]["data"]
    assert second["rooms"]["judge"] == {
        **{"seed": 2, "drawn": 2},
        **{"killed": 1, "survived": 0, "equivalent": 0},
    }
    assert [each["room"] for each in second["survivors"]] == ["data"]
