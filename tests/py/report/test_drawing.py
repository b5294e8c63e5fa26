"""Two processes draw what one draws, and an error of either is not lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iomodels.base.errors import Failure
from iomodels.base.files import ROOT
from iomodels.data.records import Run
from iomodels.data.store import load_run
from iomodels.figures import catalogue
from iomodels.report import drawing

REFERENCE = ROOT / "tests/fixtures/runs/20261121-152219-reference"
NAMES = ("winner_map", "request_costs", "memory_by_connections", "course_of_a_cell")


@pytest.fixture(scope="module")
def run() -> Run:
    return load_run(REFERENCE)


def test_two_processes_draw_what_one_draws(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with drawing.Drawing(run, NAMES) as alone:
        expected = alone.finish()
    monkeypatch.setattr(drawing, "LARGE", 1)
    with drawing.Drawing(run, NAMES) as together:
        found = together.finish()
    assert found == expected
    assert [each.name for each in found[0]] + [name for name, _ in found[1]]
    assert all(each.svg.startswith("<?xml") and each.csv for each in found[0])


def test_a_run_without_records_has_no_figure(run: Run) -> None:
    with drawing.Drawing(replace(run, records=()), None) as nothing:
        assert nothing.finish() == ([], [])


def test_an_error_of_either_process_ends_the_report(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing figure has a reason. Anything else that a figure raises is a defect to show."""

    class Broken:
        NAME = "broken"

        @staticmethod
        def draw(of: Run) -> object:
            raise RuntimeError("a defect")

    class Without:
        NAME = "without"

        @staticmethod
        def draw(of: Run) -> object:
            raise Failure(f"{of.path}: nothing to draw")

    monkeypatch.setattr(catalogue, "OF_RUNS", (Without,))
    with drawing.Drawing(run, None) as reasons:
        assert reasons.finish() == ([], [("without", "nothing to draw")])
    monkeypatch.setattr(drawing, "LARGE", 1)
    monkeypatch.setattr(catalogue, "OF_RUNS", (Without, Broken))
    with pytest.raises(RuntimeError, match="a defect"), drawing.Drawing(run, None) as broken:
        broken.finish()
