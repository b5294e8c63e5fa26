"""Two runs held against each other: what is refused, what is listed, and what is said of the cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iomodels.cli.main import main
from iomodels.judge.compare import MOVING
from iomodels.plan.order import Measurement
from iomodels.plan.server import Server
from made_run import make_run, suite_of

SUITE = suite_of(connections=(1, 64), sizes=(64,), rounds=9)
SMALL = suite_of([Server("iocp")], (64,), (64,), rounds=2)


def slower(item: Measurement) -> float:
    return 1000.0 + 4 * item.repeat % 9


def faster_at_64(item: Measurement) -> float:
    return (1000.0 + 2 * item.repeat % 9) * (1.5 if item.condition.connections == 64 else 1.0)


def two_runs(
    folder: Path, change: Callable[[dict[str, Any]], None] = lambda manifest: None, **options: Any
) -> list[str]:
    options.setdefault("suite", SUITE)
    a, b = (
        make_run(folder / "a", options["suite"], rate=slower),
        make_run(folder / "b", **{"rate": faster_at_64, **options}),
    )
    manifest = json.loads((b / "run.json").read_text(encoding="utf-8"))
    change(manifest)
    (b / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    return [str(a), str(b)]


def test_cells_are_compared_with_interval_effect_and_mark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other things that differ are no condition of a run: what is never twice the same, and in how many sittings it was measured."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["git"].update(commit="f" * 40)
        busy = {"others_cpus": 0.01, "stolen_cpus": 4711.0}
        manifest["environment"].update(dict.fromkeys(MOVING, 4711) | {"busy": busy})
        manifest["resumed_utc"] = ["2001-01-01T00:00:00Z"]

    assert main(["compare", *two_runs(tmp_path, change), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {(row["server"], row["connections"]): row for row in found["comparisons"]}
    assert {key: row["finding"] for key, row in rows.items()} == {
        ("select", 1): "no difference shown",
        ("iocp", 1): "no difference shown",
        ("select", 64): "difference",
        ("iocp", 64): "difference",
    }
    row = rows["iocp", 64]
    assert (
        row["cliffs_delta"] == 1.0
        and row["hodges_lehmann_ratio"] == pytest.approx(1.5, abs=0.01)
        and row["p_holm"] < 0.05
    )
    assert row["ratio"]["low"] < row["ratio"]["value"] < row["ratio"]["high"] and row["ratio"][
        "value"
    ] == pytest.approx(1.5, abs=0.01)
    assert found["differing"] == [
        {
            "group": "programs",
            "name": "git.commit",
            "a": "0123456789abcdef" * 2 + "01234567",
            "b": "f" * 40,
        }
    ]
    assert found["format"] == 1 and found["only"] == []


CHANGES: list[tuple[str, Callable[[dict[str, Any]], None], str]] = [
    (
        "machine",
        lambda m: m["environment"].update(cpu="Other CPU"),
        "cpu: Test CPU <1> / Other CPU",
    ),
    (
        "placement",
        lambda m: m["environment"]["launcher"]["placement"].update(server_cpus=[1]),
        "launcher.placement.server_cpus: [0] / [1]",
    ),
    (
        "build",
        lambda m: m["environment"].update(compilers={"mingw": {"flags": "-O0"}}),
        "compilers.mingw.flags: not recorded / -O0",
    ),
    ("load", lambda m: m["suite"].update(warmup_ms=1), "warmup_ms: 500 / 1"),
]


@pytest.mark.parametrize(("group", "change", "words"), CHANGES, ids=[each[0] for each in CHANGES])
def test_differing_conditions_are_refused_unless_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    group: str,
    change: Callable[[dict[str, Any]], None],
    words: str,
) -> None:
    runs = two_runs(tmp_path, change, suite=SMALL)
    with pytest.raises(SystemExit, match="2"):
        main(["compare", *runs])
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines() == [
        f"iomodels: the runs differ in {group}; if that is meant: --despite {group}",
        f"iomodels:   {group}: {words}",
    ]
    assert main(["compare", *runs, "--despite", group]) == 0
    assert f"differs in {group}: {words.split(': ')[0]}: A" in capsys.readouterr().out


def test_a_refusal_is_a_short_line_and_a_short_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two machines differ in dozens of facts, and flags are long: no line may be."""

    def change(manifest: dict[str, Any]) -> None:
        manifest["environment"] |= {f"fact_{number}": number for number in range(40)}
        manifest["environment"]["compilers"] = {"mingw": {"flags": "-O2 " * 200}}
        manifest["suite"]["rate_percents"] = [50]

    runs = two_runs(tmp_path, change, suite=SMALL)
    with pytest.raises(SystemExit, match="2"):
        main(["compare", *runs])
    head, *rest = capsys.readouterr().err.splitlines()
    assert head == (
        "iomodels: the runs differ in load, machine and build; "
        "if that is meant: --despite load,machine,build"
    )
    assert rest == [
        "iomodels:   load: rate_percents: none / [50]",
        *(f"iomodels:   machine: fact_{number}: not recorded / {number}" for number in range(3)),
        "iomodels:   machine: 37 more",
        "iomodels:   build: compilers.mingw.flags: not recorded / -O2 -O2 -O2 -O2 -O2 -O2 -O2 -…",
    ]
    assert max(map(len, (head, *rest))) <= 100


def test_two_platforms_are_refused_unless_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = two_runs(tmp_path, platform="windows-11-26100", suite=SMALL)
    for words in ([], ["--despite", "machine"]):
        with pytest.raises(SystemExit, match="2"):
            main(["compare", *runs, *words])
        assert "iomodels:   platform: wine-8.0 / windows-11-26100\n" in capsys.readouterr().err
    assert main(["compare", *runs, "--despite", "all"]) == 0
    out = capsys.readouterr().out
    assert "A: " in out and "on windows-11-26100" in out and "on wine-8.0" in out


def test_few_repeats_cells_not_valid_and_cells_of_one_run_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = suite_of(connections=(1, 64), sizes=(64,), rounds=3)
    broken = lambda item: None if item.condition.model == "iocp" else 1000.0  # noqa: E731
    runs = two_runs(
        tmp_path, lambda m: m["suite"].update(connections=[1, 64, 256]), suite=few, rate=broken
    )
    assert main(["compare", *runs]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "?" in text and "too few repeats" in text
    assert "no comparison: iocp, 64 connections, 64 B: run B: failed (iocp: died with" in text
    assert (
        "only in B: select, 256 connections, 64 B" in text
        and "Each run has its own conditions" in text
    )


def test_what_despite_does_not_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["compare", "a", "b", "--despite", "platfrom"])
    assert capsys.readouterr().err == (
        "iomodels: --despite platfrom: not known; did you mean platform? (available: platform, machine, placement, build, load, all)\n"
    )
