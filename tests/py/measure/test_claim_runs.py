"""Which runs the claims use: kept ones, resumed ones, or new ones."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from iomodels.base.errors import Failure
from iomodels.data.library import CONTRIBUTED
from iomodels.measure import claims
from iomodels.measure.session import Setting
from made_run import AB, make_run

POOL = "claims-pool"


def place(results: Path, folder: str, name: str = POOL, **changes: Any) -> Path:
    """Write a run of a suite of ours into results/folder."""
    suite = replace(claims.suite_of(name, False), loadgen_threads=1)
    manifest = changes.pop("manifest", {})
    run = make_run(results / "new", suite, measured=1, manifest=manifest, **changes)
    there = results / folder
    there.parent.mkdir(parents=True, exist_ok=True)
    return run.rename(there)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path, Console(file=io.StringIO()), (), "iomodels run --resume", tmp_path)


def test_the_newest_complete_run_of_the_platform_counts(tmp_path: Path) -> None:
    def found() -> dict[str, Path]:
        return claims.kept(tmp_path, "wine-8.0", [POOL, "models"], False)

    assert found() == {}
    place(tmp_path, "20260101-000000-a", status="interrupted")
    place(tmp_path, "20260101-000000-b", platform="wine-10.0")
    place(tmp_path, "20260101-000000-c", manifest={"quick": True})
    place(tmp_path, "20260101-000000-d", manifest=dict(AB))
    (tmp_path / "20260101-000000-e").mkdir()
    (tmp_path / "20260101-000000-e" / "run.json").write_text("{", encoding="utf-8")
    assert found() == {}
    held = f"{CONTRIBUTED}/wine-8.0/20260101-000000-f"
    old = place(tmp_path, held, manifest={"started_utc": "2026-01-01T00:00:00Z"})
    assert found() == {POOL: old}
    new = place(tmp_path, "0-g", manifest={"started_utc": "2026-01-02T00:00:00Z"})
    place(tmp_path, "20260103-h", manifest={"started_utc": "2025-01-02T00:00:00Z"})
    assert found() == {POOL: new}


def test_a_run_with_another_load_or_without_a_server_does_not_count(tmp_path: Path) -> None:
    suite = replace(claims.suite_of("claims-churn", False), loadgen_threads=1)
    for key, value in (("load", {}), ("servers", suite.to_json()["servers"][:2])):
        changed = {"suite": {**suite.to_json(), key: value}}
        place(tmp_path, f"20260101-{key}", "claims-churn", manifest=changed)
    assert claims.kept(tmp_path, "wine-8.0", ["claims-churn"], False) == {}


def test_an_interrupted_run_is_resumed_and_else_a_new_one_made(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[object] = []

    def start(setting: Setting, suite: Any, *, quick: bool, out: Path) -> Path:
        done.append(suite.name)
        return out / "started"

    def resume(setting: Setting, folder: Path, *, retry_failed: bool) -> Path:
        done.append(folder)
        if changed:
            raise Failure("iocp.exe changed")
        return folder

    monkeypatch.setattr(claims, "start_run", start)
    monkeypatch.setattr(claims, "resume_run", resume)
    changed = False
    assert claims.measure(setting, POOL, False) == setting.results / "started"
    folder = place(setting.results, f"20260101-000000-{POOL}", status="interrupted")
    assert claims.measure(setting, POOL, False) == folder
    changed = True
    assert claims.measure(setting, POOL, False) == setting.results / "started"
    assert done == [POOL, folder, folder, POOL]


def test_the_size_of_a_model_comes_from_its_source() -> None:
    found = claims.sizes(["iocp", "no such model"])
    assert list(found) == ["iocp"] and 50 < found["iocp"].lines < 220
