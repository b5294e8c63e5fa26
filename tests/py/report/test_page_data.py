"""The data of the page: what Python computed is in it, for every baseline and in words."""

from __future__ import annotations

import base64
import json
import math
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.base import words
from iomodels.data.store import load_run
from iomodels.judge import latency, stats
from iomodels.judge.loads import over
from iomodels.judge.summary import Summary, summarise, viewed
from iomodels.plan.order import Measurement
from iomodels.plan.server import Server
from iomodels.report.answer import answer
from iomodels.report.as_data import cells_csv
from iomodels.report.page_cells import PERCENTS, bins
from iomodels.report.page_data import page_data
from iomodels.report.scripted import as_json, packed
from iomodels.report.sentences import verdict
from made_run import AB, ab_suite, make_run, noisy_rate, offered_rate, suite_of, with_everything

SERVERS = (*map(Server, ("select", "iocp", "apc")), Server("select", alias="select again"))
RATES = {"select": 5000.0, "iocp": 6000.0, "apc": 4900.0, "select again": 5000.0}


def summary_of(folder: Path, **options: Any) -> Summary:
    options.setdefault("suite", suite_of(SERVERS, (1, 64), (64,), 8))
    options.setdefault("rate", noisy_rate(RATES))
    return summarise(load_run(make_run(folder, **options)))


def data_of(summary: Summary) -> dict[str, Any]:
    return dict(json.loads(as_json(page_data(summary, answer(summary)))))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return summary_of(tmp_path_factory.mktemp("made"), enrich=with_everything)


def test_every_load_has_its_sentences(made: Summary) -> None:
    data = data_of(made)
    assert [each["label"] for each in data["series"]] == ["select", "select again", "apc", "iocp"]
    assert [each["of"] for each in data["series"]] == [None, 0, None, None]
    for load, shown in zip(made.loads, data["loads"]):
        assert shown["v"] == verdict(load, made.rules)
        assert shown["tune"] == (
            f"iomodels tune iocp --connections {load.key.connections} --size 64"
        )
    assert data["csv"] == cells_csv(made) and data["first"] in (0, 1)
    assert [each["y"] for each in data["charts"]] == ["rate"]
    assert [len(each["rows"]) for each in data["controls"]] == [2]


def test_ratios_over_each_baseline_are_the_judges(made: Summary) -> None:
    """The same as in a report whose baseline it is."""
    data = data_of(made)
    labels = [each["label"] for each in data["series"]]
    for base in ("select", "iocp", "apc"):
        again = summarise(viewed(made.run, base, None))
        for load, other, shown in zip(made.loads, again.loads, data["loads"]):
            assert over(load, base, made.rules) == other.over_baseline
            rows = {labels[row[0]]: row for row in shown["views"][str(labels.index(base))]}
            assert rows[base][4] == "= 100 %"
            for one in other.over_baseline:
                _, ratio, low, high, text, how, _ = rows[one.label]
                assert (ratio, low, high) == pytest.approx((one.ratio, one.low, one.high), rel=1e-3)
                assert how == one.word.text(made.rules.baseline.margin) and text[0] in "+−0"
            order = [row[1] for row in rows.values() if row[6] != "control"]
            assert order == sorted(order, reverse=True)


def test_the_first_view_is_over_the_fastest(made: Summary) -> None:
    data = data_of(made)
    for load, shown in zip(made.loads, data["loads"]):
        assert load.fastest
        rows = shown["views"]["-"]
        assert data["series"][rows[0][0]]["label"] == load.fastest.leader
        assert [row[1] for row in rows[1:3]] == pytest.approx(
            [1 / one.ratio for one in load.fastest.comparisons], rel=1e-3
        )
        assert rows[3][6] == "control" and shown["value"][rows[0][0]] == words.number(
            load.figure(load.fastest.leader)
        )


def test_at_an_offered_rate_a_ratio_is_of_costs(tmp_path: Path) -> None:
    suite = suite_of(connections=(16,), sizes=(64,), rounds=8)
    suite = type(suite)(**{**suite.__dict__, "rate_percents": (25, 50)})
    data = data_of(summary_of(tmp_path, suite=suite, rate=offered_rate, enrich=with_everything))
    (paced,) = [load for load in data["loads"] if load["w"].endswith("at 25 % of the lowest peak")]
    rows = paced["views"]["-"]
    assert paced["cpu"] and [row[1] for row in rows] == [1.0, 2.0] and rows[1][5] == "costlier"
    assert [(each["x"], each["y"], each["at"]) for each in data["charts"]] == [
        ("rate", "cpu", [25, 50]),
        ("rate", "p99", [25, 50]),
    ]


def test_a_server_without_a_figure_has_its_reason(tmp_path: Path) -> None:
    def rate(item: Measurement) -> float | None:
        return None if item.condition.label == "apc" else noisy_rate(RATES)(item)

    data = data_of(summary_of(tmp_path, rate=rate))
    apc = [each["label"] for each in data["series"]].index("apc")
    assert apc not in data["baselines"]
    for load in data["loads"]:
        ((number, style, value, reason, how),) = load["rest"]
        assert (number, style, value, how) == (apc, "failed", words.NOTHING, "no valid figure")
        assert "died with exit code 3" in reason


def test_two_builds_are_compared_with_each_other(tmp_path: Path) -> None:
    rates = {"iocp@old": 5000.0, "iocp@new": 6000.0}
    data = data_of(
        summary_of(tmp_path, suite=ab_suite(list(rates)), rate=noisy_rate(rates), manifest=AB)
    )
    assert data["ab"] and not data["baselines"]
    (load,) = data["loads"]
    (view,) = load["views"].values()
    new, old = (data["series"][row[0]]["label"] for row in view)
    assert (new, old) == ("iocp@new", "iocp@old") and 1.1 < view[0][1] < 1.3
    assert view[0][5] == "faster" and len({str(each["look"]) for each in data["series"]}) == 1


def test_a_run_without_results_has_loads_and_reasons(tmp_path: Path) -> None:
    data = data_of(summary_of(tmp_path, measured=0, status="interrupted"))
    assert {load["badge"] for load in data["loads"]} == {"no figure"}
    assert all(not load["views"] and len(load["rest"]) == 3 for load in data["loads"])


def test_text_survives_packing() -> None:
    text = "– µs × " * 1000
    unpacked = zlib.decompress(base64.b64decode(packed(text)), -zlib.MAX_WBITS)
    assert unpacked.decode() == text and len(packed(text)) < len(text) / 10
    with pytest.raises(ValueError, match="JSON"):
        as_json({"value": math.inf})


HISTOGRAMS = st.dictionaries(
    st.integers(1, 10**10), st.integers(1, 10**6), min_size=1, max_size=40
).map(lambda found: tuple(sorted(found.items())))


@given(HISTOGRAMS)
def test_bins_hold_every_sample_and_have_no_empty_ends(histogram: stats.Histogram) -> None:
    first, *counts = bins(histogram)
    assert sum(count for count in counts if count > 0) == stats.samples(histogram)
    assert counts[0] > 0 and counts[-1] > 0
    last = first + sum(1 if count > 0 else -count for count in counts) - 1
    assert first == math.floor(8 * math.log2(histogram[0][0] / 1e3) + 1e-9) or histogram[0][0] == 1
    assert abs(last - 8 * math.log2(histogram[-1][0] / 1e3)) <= 1.000001


@given(st.lists(HISTOGRAMS, max_size=5))
def test_a_curve_is_the_percentiles_that_are_shown(rounds: list[stats.Histogram]) -> None:
    found = latency.curve(rounds, PERCENTS)
    for percent, value in zip(PERCENTS, found):
        assert latency.median_over_rounds(rounds, percent).value == value
    if len(found) < len(PERCENTS):
        assert latency.median_over_rounds(rounds, PERCENTS[len(found)]).value is None


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ((0.88, 0.81, 0.96), "−12 % [−19, −4]"),
        ((2.034, 1.78, 2.33), "2.03× [1.78, 2.33]"),
        ((1.004, None, None), "0 %"),
        ((1.9, 0.0, math.inf), "+90 % [−100, ∞]"),
    ],
)
def test_a_change_in_words(given_: tuple[float, float, float], said: str) -> None:
    assert words.change(*given_) == said


def test_what_differs_never_rounds_to_nothing() -> None:
    assert words.change(1.004, 1.001, 1.006, differs=True) == "+0.4 % [+0.1, +1]"
