"""What the trials of an SLO search show: ratios over the first, rates by steps, the fitted curve."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import pytest

from iomodels.judge.slo_data import slo_data
from iomodels.judge.slo_searches import SloSearches
from made_slo import MS, made

CAPACITIES = {"select": 4000.0, "iocp": 12_400.0, "threads": 8000.0}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return made(CAPACITIES)


def test_each_server_is_compared_with_the_first(manifest: dict[str, Any]) -> None:
    servers, searches = slo_data(manifest)["servers"], SloSearches.of(manifest)
    assert [each["server"] for each in servers] == ["iocp", "threads", "select"]
    assert servers[0]["first_over_it"] is None
    for each in servers[1:]:
        ahead = each["first_over_it"]
        assert ahead == asdict(searches.ratio("iocp", each["server"]))
        assert ahead["value"] == pytest.approx(12_400 / CAPACITIES[each["server"]], rel=0.1)


def test_a_server_without_a_trial_is_not_compared() -> None:
    manifest = made(CAPACITIES, limits={"select": "select takes 63"})
    ahead = {each["server"]: each["first_over_it"] for each in slo_data(manifest)["servers"]}
    assert (ahead["iocp"], ahead["select"]) == (None, None) and ahead["threads"]
    nothing = made(CAPACITIES, limits=dict.fromkeys(CAPACITIES, "too many connections"))
    assert all(each["first_over_it"] is None for each in slo_data(nothing)["servers"])


def test_rates_within_five_percent_share_a_row() -> None:
    manifest = made({"iocp": 8000})
    outcomes = ("met", "missed", "unjudged", "failed")
    values = (1 * MS, 3 * MS, 50 * MS, None)
    manifest["trials"] = [
        {
            **{"index": number, "server": "iocp", "rate": rate, "reason": None},
            **{"outcome": outcome, "value_ns": value},
        }
        for number, (rate, outcome, value) in enumerate(
            [(2000, "met", MS), *zip((999, 1000, 1001, 1002), outcomes, values)]
        )
    ]
    (server,) = slo_data(manifest)["servers"]
    assert server["rates"][0] == {
        "rate": pytest.approx((999 * 1000 * 1001 * 1002) ** 0.25),
        **{"met": 1, "judged": 2, "unjudged": 1, "failed": 1, "value_ns": 3 * MS},
    }
    assert [row["judged"] for row in server["rates"]] == [2, 1]
    assert [point["rate"] for point in server["points"]] == [2000, 999, 1000, 1001, 1002]


def test_the_curve_reaches_half_as_far_again_inside_the_range(manifest: dict[str, Any]) -> None:
    searches = SloSearches.of(manifest)
    for server in slo_data(manifest)["servers"]:
        rates = [trial.rate for trial in searches.searches[server["server"]].trials]
        curve = [point["rate"] for point in server["curve"]]
        assert len(curve) == 61 and curve == sorted(curve)
        assert curve[0] == pytest.approx(max(min(rates) / 1.5, 400))
        assert curve[-1] == pytest.approx(min(max(rates) * 1.5, 50_000))
        assert math.log(curve[1] / curve[0]) == pytest.approx(math.log(curve[-1] / curve[-2]))
