"""Laws: what is kept of the programs' answers."""

from __future__ import annotations

import copy
import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from iomodels.base.build import windows_programs
from iomodels.base.errors import Failure
from iomodels.base.files import ROOT
from iomodels.data.laws import COSTS, LAWS, load, of_run, write
from iomodels.judge.claim_answers import asked
from iomodels.launch import platform as launch
from iomodels.launch.process import Program
from iomodels.measure import laws
from iomodels.plan.claims import all_claims
from iomodels.report.html import write_report
from iomodels.report.laws import show
from made_run import make_run, suite_of

OTHER = {
    "claims": ["D10"],
    "verdict": "holds only when",
    "because": "handlers do not block",
    "figure": "4 | 1",
}


def answer(law: str, **changes: Any) -> dict[str, Any]:
    return {
        "event": "law",
        "format": 1,
        "law": law,
        "sentence": "It is so.",
        "platform": "fake-1.0",
        "seen": {"packets": 7},
        "claims": ["C16", "C17"],
        "verdict": "does not hold",
        "because": "first in, first out",
        "figure": "0 of 40",
        "also": [OTHER],
        **changes,
    }


class Answering:
    """A launcher whose law programs print one prepared line each, and how often one was asked."""

    def __init__(self, lines: dict[str, str]) -> None:
        self.lines = lines
        self.asked: list[str] = []

    def program(self, program: Path) -> Program:
        self.asked.append(program.stem)
        return Program(
            [sys.executable, "-c", f"print({self.lines[program.stem]!r})"], name=program.name
        )

    def environment(self) -> dict[str, Any]:
        return {"placement": None}

    def __enter__(self) -> Answering:
        return self

    def __exit__(self, *error: object) -> None:
        pass


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Answering]:
    """A build with two laws, and the launcher that starts them."""
    launcher = Answering({name: json.dumps(answer(name)) for name in ("one", "two")})
    launcher.lines["two"] = json.dumps(
        answer("two", claims=["B1"], verdict="holds", because=None, also=[])
    )
    for name in launcher.lines:
        path = windows_programs(tmp_path / "build") / "laws" / f"{name}.exe"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.setattr(launch, "open_launcher", lambda build, placement=None, say=None: launcher)
    return tmp_path / "build", launcher


def test_the_laws_are_asked_once_and_kept(built: tuple[Path, Answering], tmp_path: Path) -> None:
    build, launcher = built
    first = laws.current(build, tmp_path)
    assert first and launcher.asked == ["one", "two"] and first.platform == "fake-1.0"
    assert load(tmp_path / "laws" / "fake-1.0" / LAWS).data == first.data
    assert laws.current(build, tmp_path) == first and len(launcher.asked) == 2
    (windows_programs(build) / "laws" / "one.exe").write_text("another program")
    laws.current(build, tmp_path)
    assert len(launcher.asked) == 4
    assert laws.current(tmp_path / "nothing built", tmp_path) is None


def test_each_group_of_claims_has_its_own_verdict(
    built: tuple[Path, Answering], tmp_path: Path
) -> None:
    seen = laws.current(built[0], tmp_path)
    assert seen
    assert [(each.law, each.claims, each.words) for each in seen.judged] == [
        ("one", ("C16", "C17"), "does not hold: first in, first out"),
        ("one", ("D10",), "holds only when handlers do not block"),
        ("two", ("B1",), "holds"),
    ]
    output = io.StringIO()
    show(seen, Console(file=output, width=200))
    assert (
        "fake-1.0" in output.getvalue()
        and "1 × holds, 1 × holds only when, 1 × does not hold, 0 × not testable here"
        in output.getvalue()
    )


@pytest.mark.parametrize(
    "line",
    ["", "no JSON", json.dumps(answer("other")), json.dumps(answer("one", event="ready")), "{}"],
)
def test_a_law_that_fails_is_an_answer_too_and_is_asked_again(
    built: tuple[Path, Answering], tmp_path: Path, line: str
) -> None:
    build, launcher = built
    launcher.lines["one"] = line
    seen = laws.current(build, tmp_path)
    assert (
        seen
        and [failed["law"] for failed in seen.data["failed"]] == ["one"]
        and seen.judged[-1].verdict is None
    )
    assert seen.judged[-1].words.startswith("failed: one.exe: ")
    laws.current(build, tmp_path)
    assert launcher.asked == ["one", "two"] * 2


def test_two_platforms_are_never_mixed(built: tuple[Path, Answering], tmp_path: Path) -> None:
    built[1].lines["one"] = json.dumps(answer("one", platform="fake-2.0"))
    with pytest.raises(Failure, match="2 platforms"):
        laws.current(built[0], tmp_path)


def test_costs_are_asked_once_per_program_even_after_an_interruption(
    built: tuple[Path, Answering], tmp_path: Path
) -> None:
    build, launcher = built
    assert laws.observe_costs(launcher, laws.programs(build, COSTS), tmp_path) is None  # type: ignore[arg-type]
    costs = windows_programs(build) / "costs"
    costs.mkdir()
    for name in ("one", "two"):
        (costs / f"{name}.exe").write_text(name)

    def interrupted(law: str) -> None:
        if law == "two":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        laws.observe_costs(launcher, laws.programs(build, COSTS), tmp_path, interrupted)  # type: ignore[arg-type]
    kept = tmp_path / "laws" / "fake-1.0" / COSTS
    assert [law["law"] for law in load(kept).data["laws"]] == launcher.asked == ["one"]
    launcher.lines["two"] = "no JSON"
    for times in (2, 3):  # what failed is asked again
        seen = laws.observe_costs(launcher, laws.programs(build, COSTS), tmp_path)  # type: ignore[arg-type]
        assert seen and [each.law for each in seen.judged] == ["one", "one", "two"]
        assert launcher.asked == ["one"] + ["two"] * (times - 1)
    (costs / "one.exe").write_text("another program")
    laws.observe_costs(launcher, laws.programs(build, COSTS), tmp_path)  # type: ignore[arg-type]
    assert launcher.asked[-2:] == ["one", "two"]


def test_a_damaged_file_is_refused(built: tuple[Path, Answering], tmp_path: Path) -> None:
    seen = laws.current(built[0], tmp_path)
    assert seen
    data = copy.deepcopy(seen.data)
    data["laws"][0]["verdict"] = "perhaps"
    (tmp_path / LAWS).write_text(json.dumps(data))
    with pytest.raises(Failure, match=r"laws.0.verdict"):
        of_run(tmp_path)


@pytest.mark.usefixtures("one_figure")
def test_the_report_shows_the_laws_of_its_run(
    built: tuple[Path, Answering], tmp_path: Path
) -> None:
    folder = make_run(tmp_path / "runs", suite_of(connections=(1,), sizes=(64,)))
    without = write_report(folder).read_text(encoding="utf-8")
    seen = laws.current(built[0], tmp_path)
    assert seen and "can and cannot show" not in without
    write(seen, folder)
    html, markdown = (
        write_report(folder).read_text(encoding="utf-8"),
        (folder / "report.md").read_text(encoding="utf-8"),
    )
    for text in (html, markdown):
        assert (
            "What fake-1.0 can and cannot show" in text
            and "does not hold: first in, first out" in text
            and "0 of 40" in text
        )


def test_every_claim_has_an_answer_and_names_the_law_that_judges_it() -> None:
    """In the sources: what a program calls itself, and which claims it judges."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((ROOT / "laws").rglob("*.c")):
        source = path.read_text(encoding="utf-8")
        if "int main(" not in source:
            continue
        assert re.search(r'law_start\(\s*argc, argv,\s+"(\w+)"', source)[1] == path.stem  # type: ignore[index]
        for ids in re.findall(r'\{"([A-E]\d[^"]*)", judge_', source):
            for claim in ids.split():
                assert claim not in found, f"{claim}: judged by {found[claim]} and {path.stem}"
                found[claim] = (path.stem,)
    assert found == {claim.id: claim.laws for claim in all_claims() if claim.laws}
    costs = {path.stem for path in (ROOT / "laws" / "costs").glob("*.c")}
    assert costs - {law for claim in all_claims() for law in claim.programs} == set()
    assert {law for claim in all_claims() for law in claim.costs} <= costs - set().union(
        *found.values()
    )
    on_windows = [replace(claim, rules=asked(claim, False)) for claim in all_claims()]
    assert len(on_windows) == 96
    assert [claim.id for claim in on_windows if not claim.answered] == []
