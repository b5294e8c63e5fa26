"""The proof of the judge: its page is the generator's, its limits hold, its tools are right."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from iomodels.plan.server import Server
from made_run import make_run, noisy_rate, suite_of

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "proofs"))

import judged_run  # noqa: E402
import noise  # noqa: E402
import other_methods  # noqa: E402
import simulated_runs as proof  # noqa: E402

DECISION = ROOT / "docs/decisions/0090-paired-comparisons.md"
SAMPLE = 200
"""Simulated loads of a row that a test draws again."""
SURELY = 4.0
"""Standard errors that a sample may be away."""

Row = tuple[tuple[str, ...], dict[str, float | None]]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _number(cell: str) -> float | None:
    """As in Row: a share is 0 … 1."""
    if cell == "–":
        return None
    return float(cell.removesuffix(" %")) / 100 if cell.endswith("%") else float(cell)


def _tables(path: Path) -> list[list[Row]]:
    """Every table of simulated rows: keys, and figures by heading."""
    tables: list[list[Row]] = []
    headings: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = _cells(line)
        if not line.startswith("|"):
            headings = []
        elif not headings:
            headings = cells
            tables += [[]] if tuple(cells[-len(proof.HEADINGS) :]) == proof.HEADINGS else []
        elif (
            not set(line) <= set("|- :")
            and tuple(headings[-len(proof.HEADINGS) :]) == proof.HEADINGS
        ):
            key = len(headings) - len(proof.HEADINGS)
            figures = [_number(cell) for cell in cells[key:]]
            tables[-1].append((tuple(cells[:key]), dict(zip(headings[key:], figures))))
    return tables


@pytest.fixture(scope="module")
def page() -> dict[str, list[Row]]:
    names = ("worst", "quiet", "choice", "leaders", "sessions", "plans")
    tables = _tables(proof.PAGE)
    assert len(tables) == len(names)
    return dict(zip(names, tables))


def test_the_page_has_the_rows_of_the_generator(page: dict[str, list[Row]]) -> None:
    plans = [*proof.PLANS, proof.OLD]
    noises, truths = list(noise.NOISES), list(noise.TRUTHS)
    assert [key for key, _ in page["worst"]] == [(p, n) for p in plans for n in noises]
    assert [key for key, _ in page["plans"]] == [
        (p, n, t) for p in plans for n in noises for t in truths
    ]
    assert [key for key, _ in page["quiet"]] == [
        (n, f"{100 * spread:.1f} %") for n in proof.QUIET_NOISES for spread in proof.QUIET_SPREADS
    ]
    tests = ("paired t", "signed ranks", "sign flips")
    assert [key for key, _ in page["choice"]] == [
        (test, n, t)
        for n in proof.CHOICE_NOISES for t in proof.CHOICE_TRUTHS for _ in (8, 10) for test in tests
    ]  # fmt: skip
    assert [key for key, _ in page["leaders"]] == [
        (m, n, t) for n in proof.CHOICE_NOISES for t in proof.LEADER_TRUTHS for m in proof.LEADERS
    ]
    assert [key[:2] for key, _ in page["sessions"]] == [
        (unit, str(k)) for k in proof.SESSIONS for _ in proof.BETWEEN
        for unit in ("session means", "rounds")
    ]  # fmt: skip
    assert f"{proof.LOADS:,} simulated loads" in proof.PAGE.read_text(encoding="utf-8")


def _check(figures: dict[str, float | None], name: str, low: float, high: float) -> bool:
    value = figures[name]
    return value is None or low <= value <= high


def test_the_judge_keeps_its_limits(page: dict[str, list[Row]]) -> None:
    """Fixed plans cover 95 ± 2 %; looks and the choice of the fastest may cover more."""
    for key, figures in page["plans"]:
        if key[0] == proof.OLD:
            continue
        highest = 0.97 if key[0] == "10 rounds, baseline" else 1.0
        assert _check(figures, "coverage", 0.93, highest), key
        assert _check(figures, "false", 0.0, 0.05), key
        assert _check(figures, "wrong equal", 0.0, 0.05), key


def test_a_quiet_machine_decides_nine_of_ten_in_eight_rounds(page: dict[str, list[Row]]) -> None:
    assert proof.QUIET_ROUNDS == 8 and proof.QUIET_SPREADS == (0.02, 0.03)
    for key, figures in page["quiet"]:
        assert figures["rounds"] == 8.0
        assert _check(figures, "decided", 0.90, 1.0), key
        assert _check(figures, "coverage", 0.93, 0.97), key
        assert _check(figures, "false", 0.0, 0.05), key
        assert _check(figures, "wrong equal", 0.0, 0.05), key


def test_session_means_keep_their_limits_and_rounds_do_not(page: dict[str, list[Row]]) -> None:
    for (unit, _, between), figures in page["sessions"]:
        if unit == "session means":
            assert _check(figures, "coverage", 0.93, 0.97)
        elif between != "0.0 %":
            assert not _check(figures, "coverage", 0.93, 1.0), "then sessions would not matter"


def test_the_old_method_decided_less(page: dict[str, list[Row]]) -> None:
    found = {key: figures["decided"] or 0.0 for key, figures in page["worst"]}
    for name in noise.NOISES:
        assert found[("10 rounds, baseline", name)] > 2 * found[(proof.OLD, name)]


def test_the_decision_quotes_the_page(page: dict[str, list[Row]]) -> None:
    lines = set(proof.PAGE.read_text(encoding="utf-8").splitlines())
    quoted = [line for line in DECISION.read_text(encoding="utf-8").splitlines()
              if line.startswith("|")]  # fmt: skip
    assert len(quoted) > 8
    assert [line for line in quoted if line not in lines] == []


def _agree(drawn: proof.Row, figures: dict[str, float | None]) -> None:
    """Comparisons of one load are not independent, so a load counts once."""
    shares = {"coverage": drawn.coverage, "false": drawn.false, "wrong equal": drawn.wrong_equal,
              "… in a load": drawn.wrong_in_load, "decided": drawn.decided}  # fmt: skip
    for name, share in shares.items():
        written = figures[name]
        assert (share is None) == (written is None), (drawn.key, name)
        if share is not None and written is not None:
            likely = (share * drawn.loads + written * proof.LOADS + 1) / (
                drawn.loads + proof.LOADS + 2)  # fmt: skip
            error = math.sqrt(likely * (1 - likely) * (1 / drawn.loads + 1 / proof.LOADS))
            assert abs(share - written) <= SURELY * error + 0.0005, (drawn.key, name)


@pytest.mark.parametrize(("name", "truth"), list(zip(noise.NOISES, noise.TRUTHS)))
def test_a_sample_agrees_with_the_page(page: dict[str, list[Row]], name: str, truth: str) -> None:
    written = dict(page["plans"])
    rows = list(proof.simulate(name, truth, SAMPLE))
    assert len(rows) == len(proof.PLANS) + 1
    for row in rows:
        _agree(row, written[row.key])


def test_samples_of_the_other_tables_agree(page: dict[str, list[Row]]) -> None:
    sessions = dict(page["sessions"])
    for row in proof.in_sessions(3, 0.1, SAMPLE):
        _agree(row, sessions[row.key])
    quiet = dict(page["quiet"])
    for name in proof.QUIET_NOISES:
        row = proof.quiet(name, 0.03, SAMPLE)
        _agree(row, quiet[row.key])
    leaders = dict(page["leaders"])
    for row in proof.lead("kept rounds", "all equal", SAMPLE):
        _agree(row, leaders[row.key])
    choice = {(*key, figures["rounds"]): figures for key, figures in page["choice"]}
    for row in proof.choose("kept stretches", "3 to 15 % slower", 8, SAMPLE):
        _agree(row, choice[(*row.key, 8.0)])


# ---- runs that were measured ----


def _counted(*options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(ROOT / "tests/proofs/judged_run.py"), *options]
    return subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", check=False)


def test_the_command_counts_what_the_judge_decides_of_the_kept_run() -> None:
    done = _counted(str(judged_run.KEPT), "--baseline", "select")
    _, _, *rows = [_cells(line)[1:] for line in done.stdout.splitlines()]
    assert rows == [
        ["closed loops", "models", "39 of 50", "0 of 10", "10.1 %", "10.3 %"],
        ["closed loops", "models and control", "34 of 60", "0 of 10", "10.2 %", "10.3 %"],
    ]


@pytest.mark.thorough
def test_the_page_has_the_counts_of_the_runs_as_they_are_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = proof.PAGE.read_text(encoding="utf-8")
    page = tmp_path / "statistics.md"
    damaged = text.replace("| 39 of 50 |", "| 1 of 50 |")
    assert damaged != text
    page.write_text(damaged, encoding="utf-8")
    monkeypatch.setattr(judged_run, "PAGE", page)
    judged_run.write()
    assert page.read_text(encoding="utf-8") == text, "run: tests/proofs/judged_run.py --write"
    assert "python3 tests/proofs/judged_run.py RUN" in text


def test_the_counts_of_a_quiet_run_are_those_of_its_truth(tmp_path: Path) -> None:
    """Two models differ clearly, the control is equal, and one model is close to the baseline."""
    control = Server("select", alias="select again")
    servers = [Server("select"), Server("iocp"), Server("tpio"), control]
    bases = {"select": 100.0, "iocp": 200.0, "tpio": 104.0, "select again": 100.0}
    suite = suite_of(servers, (8, 64), (64,), 8)
    folder = make_run(tmp_path, suite, rate=noisy_rate(bases, 0.02))
    alone, together = judged_run.counts(folder)
    assert (alone.family, alone.comparisons, together.comparisons) == ("models", 4, 6)
    assert alone.decided >= 2 and together.decided >= alone.decided
    assert (alone.controls, alone.different) == (2, 0) == (together.controls, together.different)
    assert alone.spread == pytest.approx(0.02, rel=0.3) and alone.half_width
    moved = make_run(tmp_path / "moved", suite, rate=noisy_rate({**bases, "select again": 150.0}))
    assert [row.different for row in judged_run.counts(moved)] == [2, 2]


def test_wrong_input_of_the_command_is_one_line() -> None:
    for options, said in (
        (["nowhere"], "nowhere: no such folder"),
        ([str(judged_run.KEPT), "--baseline", "nix"], "--baseline nix: must be one of: select,"),
        ([], "RUN: must be given, or else --write"),
    ):
        done = _counted(*options)
        assert done.returncode == 2 and said in done.stderr.splitlines()[-1]


# ---- the tools of the proof ----


def test_made_noise_is_what_it_says() -> None:
    drawn = noise.made(0.03)(np.random.default_rng(1), 4000, 4, 6)
    stalls = noise.STALLS * (1 - noise.STALLS) * noise.STALL**2
    expected = noise.DRIFT_SD**2 + 0.03**2 + stalls
    assert drawn.var() == pytest.approx(expected, rel=0.05)
    ratios = drawn[..., 1:] - drawn[..., :1]
    kept = math.exp(-noise.MEASUREMENT_S / noise.DRIFT_MEMORY_S)
    lags = [(kept**lag, 6 - lag) for lag in range(1, 6)]  # of two servers in a random order
    shared = sum(correlation * pairs for correlation, pairs in lags) / 15
    expected_ratios = 2 * (expected - noise.DRIFT_SD**2 * shared)
    assert ratios.var() == pytest.approx(expected_ratios, rel=0.05)


def test_kept_noise_is_the_kept_run() -> None:
    by_load, in_order = noise.kept_residuals()
    assert by_load.shape == (10, 10, 7)
    assert np.abs(by_load.mean(axis=1)).max() < 1e-12
    assert sorted(in_order) == sorted(by_load.ravel())
    neighbours = np.corrcoef(in_order[:-1], in_order[1:])[0, 1]
    assert neighbours > 0.2, "drift that lasts longer than a measurement is in the order"
    rng = np.random.default_rng(1)
    rounds = noise.kept_rounds(rng, 5, 9, 6)
    rows = [sorted(row) for row in by_load.reshape(-1, 7)]
    assert all(any(set(one) <= set(row) for row in rows) for one in rounds.reshape(-1, 6))
    circle = [*in_order, *in_order[:5]]
    windows = {tuple(sorted(circle[place : place + 6])) for place in range(len(in_order))}
    stretches = noise.kept_stretches(rng, 5, 9, 6).reshape(-1, 6)
    assert all(tuple(sorted(one)) in windows for one in stretches)
    assert any(tuple(one) != tuple(sorted(one)) for one in stretches)


def test_other_tests_are_those_of_scipy() -> None:
    rng = np.random.default_rng(2)
    for rounds in (8, 10):
        differences = rng.normal(0.02, 0.05, (3, 2, rounds))
        ranks, flips = other_methods.rank_p(differences), other_methods.flip_p(differences)
        for place in np.ndindex(3, 2):
            one = differences[place]
            assert ranks[place] == pytest.approx(stats.wilcoxon(one, method="exact").pvalue)
            every = stats.permutation_test((one,), np.mean, permutation_type="samples",
                                           n_resamples=np.inf)  # fmt: skip
            assert flips[place] == pytest.approx(every.pvalue)


def test_unsteady_is_what_it_was() -> None:
    rates = 1000 * np.exp(np.random.default_rng(5).normal(0, 0.07, (60, 10, 2)))
    rates[:20] *= np.linspace(1, 1.3, 10)[np.newaxis, :, np.newaxis]
    found = other_methods.steady(rates)
    assert 0.1 < found.mean() < 0.9
    for load, server in np.ndindex(60, 2):
        values = rates[load, :, server]
        spread = stats.iqr(values, scale="normal") / np.median(values)
        slope, _, low, high = stats.theilslopes(values, alpha=0.95)
        moved = 0.0 if low <= 0 <= high else abs(slope * 9 / np.median(values))
        assert found[load, server] == (spread <= 0.10 and moved <= 0.05)
