"""iomodels claims: what it gets, what it leaves out, and what it says."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iomodels.base.errors import FAILED, USAGE, Failure, Stopped
from iomodels.cli import claims, folders
from iomodels.cli.main import main
from iomodels.data import laws, verdicts
from iomodels.data.laws import Laws
from iomodels.launch import platform as launch
from iomodels.measure import claims as measure_claims
from iomodels.measure import laws as measure_laws
from iomodels.plan.claims import all_claims
from made_run import make_run

LAW = {
    "law": "lifo_waiters",
    "sentence": "It is so.",
    "claims": ["C16"],
    "verdict": "holds",
    "because": None,
    "figure": "40 of 40",
    "also": [],
}

KEEPERS = {**LAW, "law": "order_keepers", "claims": [], "figure": "1.2"}
COSTS = (Path("order_keepers.exe"), Path("wakeups.exe"))


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Results with one law and no run; the list gets each suite that is measured."""
    suites: list[str] = []
    seen = Laws({"platform": "wine-8.0", "laws": [LAW], "failed": []})

    def observe(launcher: Any, programs: list[Path], *rest: Any) -> Laws:
        asked = {path.stem for path in programs}
        return Laws(
            {
                "platform": "wine-8.0",
                "laws": [each for each in (KEEPERS,) if each["law"] in asked],
                "failed": [{"law": "wakeups", "reason": "it died"}] if "wakeups" in asked else [],
            }
        )

    def measure(setting: Any, name: str, native: bool) -> Path:
        suites.append(name)
        if name == "claims-churn":
            raise Failure("the load generator died")
        if name == "claims-fairness":
            raise Stopped(2)
        suite = replace(measure_claims.suite_of(name, native), loadgen_threads=1)
        return make_run(tmp_path / name, suite).rename(tmp_path / f"20260101-{name}")

    monkeypatch.setattr(folders, "RESULTS", tmp_path)
    monkeypatch.setattr(measure_laws, "current", lambda *arguments: seen)
    built = {laws.COSTS: COSTS, laws.LAWS: ()}
    monkeypatch.setattr(measure_laws, "programs", lambda build, file: built[file])
    monkeypatch.setattr(launch, "open_launcher", lambda *arguments: nullcontext())
    monkeypatch.setattr(measure_laws, "observe_costs", observe)
    monkeypatch.setattr(measure_claims, "measure", measure)
    monkeypatch.setattr(claims, "_report", lambda console, folder: None)
    return suites


def judged(results: Path) -> dict[str, str | None]:
    found = verdicts.load(results / "claims" / "wine-8.0" / verdicts.CLAIMS)
    return {each.id: each.verdict for each in found.answers}


def test_only_what_the_chosen_claims_need_is_measured_once(
    measured: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "--only", "C16,B23,B32"]) == 0
    assert measured == ["claims-pool"]
    assert judged(tmp_path) == {
        "B23": "does not hold",  # the made-up pool holds all clients
        "B32": judged(tmp_path)["B32"],
        "C16": "holds",
    }
    out = capsys.readouterr().out
    plan = r"3 claims: at most 0 laws, 0 cost laws and 1 suite, about \d+ s"
    assert re.search(plan, out) and out.index("3 claims: at most") < out.index("[1/1]")
    assert "[1/1] suite claims-pool" in out and "3 of 96 claims are answered" in out
    assert main(["claims", "--only", "B23"]) == 0 and measured == ["claims-pool"]
    assert len(judged(tmp_path)) == 3  # the others stay
    assert (tmp_path / "claims" / "wine-8.0" / "claims.html").is_file()


def test_what_belongs_to_a_claim_is_measured_with_it(
    measured: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "--only", "C16"]) == 0
    path = tmp_path / "claims" / "wine-8.0" / verdicts.CLAIMS
    assert verdicts.load(path).costs == ()
    assert main(["claims", "--only", "C16,B31"]) == FAILED  # no law of B31 is here
    assert [each.claims for each in verdicts.load(path).costs] == [("B31",)]
    assert main(["claims", "--only", "C16,B11"]) == FAILED
    assert [each.law for each in verdicts.load(path).costs] == ["wakeups", "order_keepers"]
    assert "failed: wakeups: it died" in capsys.readouterr().out


def test_a_suite_that_fails_leaves_the_others(
    measured: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "--only", "B35,B23"]) == FAILED
    assert measured == ["claims-churn", "claims-pool"]
    assert judged(tmp_path)["B35"] == "not testable here"
    assert "failed: suite claims-churn: the load generator died" in capsys.readouterr().out


def test_a_stop_says_how_to_go_on(
    measured: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "--only", "B25"]) == 130
    assert "measures what is still missing" in capsys.readouterr().out
    assert not (tmp_path / "claims").exists()


def test_wrong_words_are_refused(
    measured: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(claims, "ROOT", Path("nowhere"))
    for words, message in (
        (["--only", "A99"], "--only A99: no such claim"),
        (["--native", "--only", "A1"], "--native answers none"),
        (["--update-docs"], "--update-docs: must be omitted"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(["claims", *words])
        assert caught.value.code == USAGE
        assert message in capsys.readouterr().err
    assert measured == []


def test_the_estimate_stays_within_a_quarter_of_an_hour() -> None:
    """What is measured where nothing is kept, and what the laws that measure times may take."""
    rules = [rule for claim in all_claims() for rule in claim.rules]
    for native in (False, True):
        suites = {rule.measured for rule in rules if rule.linux is native and rule.measured}
        assert 60 < sum(claims._takes_s(name, native) for name in suites) < 13 * 60
    assert all(re.fullmatch(r"claims-\w+", rule.measured or "claims-x") for rule in rules)
