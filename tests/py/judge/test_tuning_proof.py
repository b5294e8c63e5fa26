"""The proof of tunings: its page is the generator's, its limits hold, its noise is what it says."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "proofs"))

import noise  # noqa: E402
import simulated_tunings as proof  # noqa: E402

from iomodels.judge.race import Stage  # noqa: E402

SAMPLE = 60
"""Simulated tunings of a row that a test draws again."""
SURELY = 4.0
"""Standard errors that a sample may be away."""
SHARES = ("good", "bound wrong", "shown", "simplest")

Tables = dict[tuple[float, int], dict[str, dict[str, float]]]


@pytest.fixture(scope="module")
def page() -> Tables:
    """Every table of the page: spread and trials, surface, heading, figure."""
    tables: Tables = {}
    text = proof.PAGE.read_text(encoding="utf-8")
    for (spread, trials), part in zip(proof.PLANS, text.split("### Spread")[1:], strict=True):
        assert part.startswith(f" {100 * spread:g} %, {trials} trials\n")
        rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line[:1] == "|"]
        assert tuple(rows[0]) == ("surface", *proof.HEADINGS)
        tables[spread, trials] = {
            row[0]: {
                name: _number(cell) for name, cell in zip(proof.HEADINGS, row[1:], strict=True)
            }
            for row in rows[2:]
        }
    return tables


def _number(cell: str) -> float:
    if cell == "–":
        return math.nan
    return float(cell.removesuffix(" %")) / (100 if cell.endswith("%") else 1)


def test_the_page_is_the_generators(page: Tables) -> None:
    for rows in page.values():
        assert list(rows) == [*proof.SURFACES, proof.MEAN]
    text = proof.PAGE.read_text(encoding="utf-8")
    before = proof.TEXT.split("{tables}")[0]
    known = [line for line in before.splitlines() if line and "{" not in line]
    assert [line for line in known if line not in text.splitlines()] == []
    assert f"is\n{proof.TUNINGS:,} simulated tunings" in text


def test_a_tuning_keeps_its_limits(page: Tables) -> None:
    assert proof.TUNINGS >= 1000
    usual, noisy, twice = (page[plan] for plan in ((0.03, 210), (0.10, 210), (0.10, 420)))
    for name, figures in usual.items():
        assert figures["good"] >= 0.95 and figures["bound wrong"] <= 0.05, name
    assert noisy[proof.MEAN]["good"] >= 0.95 and noisy[proof.MEAN]["bound wrong"] <= 0.05
    for name, figures in twice.items():
        assert figures["good"] >= 0.95, name
    for rows in page.values():
        assert rows[proof.MEAN]["wrong in the end"] <= 0.05
        assert rows[proof.MEAN]["then shown"] >= 0.75, "more time must be worth the advice"
    for name, figures in usual.items():
        assert figures["wrong in the end"] <= 0.05, name


@pytest.mark.parametrize("plan", proof.PLANS)
@pytest.mark.parametrize("surface", proof.SURFACES)
def test_a_sample_agrees_with_the_page(page: Tables, plan: tuple[float, int], surface: str) -> None:
    drawn = proof.simulate(surface, *plan, SAMPLE)
    written = page[plan][surface]
    for name, share in zip(SHARES, (drawn.good, drawn.wrong, drawn.shown, drawn.simplest)):
        likely = (share * SAMPLE + written[name] * proof.TUNINGS + 1) / (SAMPLE + proof.TUNINGS + 2)
        error = math.sqrt(likely * (1 - likely) * (1 / SAMPLE + 1 / proof.TUNINGS))
        assert abs(share - written[name]) <= SURELY * error + 0.0005, name


# ---- the tools of the proof ----


def test_a_machine_has_the_noise_that_the_page_names() -> None:
    truth = np.arange(52) / 10
    machine = proof.Machine(np.random.default_rng(1), truth, 0.03)
    stage = Stage(tuple(range(1, 52)), 4000)
    logs = machine.run(stage)
    assert machine.trials == 4000 * 51 and np.isnan(logs[:, 0]).all()
    values = logs[:, 1:]
    stalls = noise.STALLS * (1 - noise.STALLS) * noise.STALL**2
    plain = noise.DRIFT_SD**2 + 0.03**2 + stalls
    deviations = values.var(axis=0)
    two_speeds = deviations > plain + proof.SPEEDS_APART**2 / 8
    assert 0.03 < two_speeds.mean() < 0.35
    assert deviations[~two_speeds].mean() == pytest.approx(plain, rel=0.05)
    assert deviations[two_speeds].mean() == pytest.approx(
        plain + proof.SPEEDS_APART**2 / 4, rel=0.05
    )
    means = values.mean(axis=0) - truth[1:] - noise.STALLS * noise.STALL
    assert np.abs(means).max() < 0.02
    rounds = values[:, ~two_speeds].mean(axis=1)
    assert abs(np.corrcoef(rounds[:-1], rounds[1:])[0, 1]) < 0.2, "a round outlasts the drift"


def test_every_surface_has_a_best_setting_and_a_bad_one() -> None:
    for name, surface in proof.SURFACES.items():
        truth = surface(np.random.default_rng(2))
        assert truth.shape == (52,) and np.isfinite(truth).all(), name
        lost = 1 - np.exp(truth - truth.max())
        assert lost.max() <= 0.03 if name == "flat" else lost.max() > 0.10, name
