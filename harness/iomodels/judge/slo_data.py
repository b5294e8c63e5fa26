"""What an SLO search found, as data for its sentences, table, chart and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from iomodels.base import words
from iomodels.judge import stats
from iomodels.judge.slo import Word
from iomodels.judge.slo_searches import Found, SloSearches, slo_of
from iomodels.plan.order import cells
from iomodels.plan.suite import suite_from

FORMAT = 1
STEP = math.log(1.05)
"""Width of a row of the table: trials at rates within 5 % share one."""
POINTS = 61  # of the fitted curve
AROUND = math.log(1.5)  # how far the curve reaches beyond the trials


def slo_data(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the trials of a slo.json show so far: results/schema/slo-report.schema.json.

    Rates are in requests per second, times in ns. The servers are ranked, the highest rate first.
    """
    searches, slo = SloSearches.of(manifest), slo_of(manifest)
    suite = suite_from(manifest["suite"]["name"], manifest["suite"])
    cell = cells(suite)[0]
    found = searches.found()
    load = {name: value for name, value in suite.load.to_json().items() if name != "rate"}
    return {
        "format": FORMAT,
        "run": manifest["run"],
        "platform": manifest["platform"],
        "emulated": words.emulated(manifest["platform"]),
        "status": manifest["status"],
        "command": manifest["command"],
        "slo": {"words": str(slo), "percent": slo.percent, "limit_ns": slo.limit_ns},
        "range": manifest["range"],
        "most": searches.most,
        "connections": cell.connections,
        "size": cell.size,
        "reply_size": cell.reply_size,
        "depth": cell.depth,
        "load": load,
        "duration_ms": suite.duration_ms,
        "servers": [_server(searches, each, found[0]) for each in found],
    }


def _server(searches: SloSearches, found: Found, first: Found) -> dict[str, Any]:
    trials = searches.trials[found.server]
    ahead = None
    if found is not first and trials and searches.trials[first.server]:
        ahead = asdict(searches.ratio(first.server, found.server))
    return {
        "server": found.server,
        **asdict(found.answer),
        "kind": found.answer.kind.value,
        "counts": dict(found.counts),
        "value_ns": found.value_ns,
        "reason": found.reason,
        "first_over_it": ahead,
        "rates": _rates(trials),
        "curve": _curve(searches, found.server),
        "points": [
            {name: each[name] for name in ("rate", "outcome", "value_ns", "reason")}
            for each in trials
        ],
    }


def _rates(trials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the trials by rate, in steps of 5 %: how many met, of how many judged ones."""
    steps: dict[int, list[Mapping[str, Any]]] = {}
    for trial in trials:
        steps.setdefault(round(math.log(trial["rate"]) / STEP), []).append(trial)
    return [_rate(steps[step]) for step in sorted(steps)]


def _rate(trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    count = {word: sum(trial["outcome"] == word.value for trial in trials) for word in Word}
    values = [trial["value_ns"] for trial in trials if trial["value_ns"] is not None]
    return {
        "rate": float(np.exp(np.mean(np.log([trial["rate"] for trial in trials])))),
        "met": count[Word.MET],
        "judged": count[Word.MET] + count[Word.MISSED],
        "unjudged": count[Word.UNJUDGED],
        "failed": count[Word.FAILED],
        "value_ns": stats.median(values),
    }


def _curve(searches: SloSearches, server: str) -> list[dict[str, float]]:
    """Return the fitted chance to keep the SLO, by rate, where the search has asked."""
    asked = [math.log(trial.rate) for trial in searches.searches[server].trials]
    if not asked:
        return []
    low = max(min(asked) - AROUND, math.log(searches.range.low))
    high = min(max(asked) + AROUND, math.log(searches.range.high))
    rates = [float(rate) for rate in np.exp(np.linspace(low, high, POINTS))]
    chances = searches.searches[server].chance(rates)
    return [{"rate": rate, "chance": chance} for rate, chance in zip(rates, chances)]
