"""Fixtures of the tests of measuring; after each test no process of its launcher may be left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

from iomodels.figures import output
from iomodels.figures.catalogue import OF_RUNS
from iomodels.launch import platform as launch
from iomodels.plan.server import Server
from iomodels.plan.suite import Suite
from iomodels.report import html, terminal
from stage import FakeLauncher, Stage

# A busy machine slows the search for examples, and a deadline would then decide a test.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def coarse_pictures() -> Iterator[None]:
    """Much of a report's time goes into pixels, and no test looks at them one by one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "PNG_DOTS", 40)
        yield


@pytest.fixture
def one_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw only the first chart of a report, for tests of something else: all take seconds."""
    monkeypatch.setattr("iomodels.figures.catalogue.OF_RUNS", OF_RUNS[:1])


@pytest.fixture
def launcher() -> Iterator[FakeLauncher]:
    fake = FakeLauncher()
    yield fake
    left = [
        program for program in fake.programs if program.running() or psutil.pid_exists(program.pid)
    ]
    for program in left:
        program.stop(0.1)
    assert not left, "a process was left behind"


@pytest.fixture
def suite() -> Suite:
    """2 models x 2 connection counts x 2 repeats = 8 measurements of no length."""
    return Suite(
        "small",
        "Small",
        "Which?",
        (Server("one"), Server("two", (("threads", 4),))),
        (1, 8),
        (64,),
        depth=1,
        rounds=2,
        warmup_ms=0,
        duration_ms=1,
        seed=5,
        loadgen_threads=2,
    )


@pytest.fixture
def stage(tmp_path: Path, launcher: FakeLauncher, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(tmp_path, launcher)
    monkeypatch.setattr(launch, "open_launcher", lambda build, placement=None, say=None: launcher)
    monkeypatch.setattr(html, "write_report", made.write_report)
    monkeypatch.setattr(terminal, "print_answer", lambda summary, console: None)
    monkeypatch.setattr(
        terminal,
        "print_tables",
        lambda summary, console: console.print(f"table of {len(summary.run.records)}"),
    )
    return made
