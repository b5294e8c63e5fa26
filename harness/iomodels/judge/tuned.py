"""What a tuning found, as data: tuning.json, from which page, chart and terminal are made.

Losses and intervals are paired within rounds. A share is a change of the objective's value: −0.06
for 6 % fewer requests, 0.06 for 6 % more CPU time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import median
from typing import Any

import numpy as np

from iomodels.data.records import Record
from iomodels.judge import race, verdict
from iomodels.judge.tuning import Tuning, tuning_of
from iomodels.plan.amount import mean_of
from iomodels.plan.load import Load
from iomodels.plan.settings import rule_of_thumb

FORMAT = 1
WAIT_US = 500.0
"""The wait that a server times at its start."""
STRETCHED = 0.05
"""A wait that takes so much longer than asked is worth a note."""
LEAST_ROUNDS = 3
"""Rounds of an interval. Two rounds give one that is too wide to draw."""


def analyse(manifest: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """Return everything that page, chart and terminal show; `manifest` is a checked tune.json."""
    tuning = tuning_of(manifest, records)
    found = tuning.answer
    (connections,), (size,) = tuning.suite.connections, tuning.suite.sizes
    data: dict[str, Any] = {
        "format": FORMAT,
        **{
            key: manifest[key]
            for key in ("run", "platform", "status", "minutes", "cores", "threads_max", "command")
        },
        "objective": manifest["objective"],
        "unit": tuning.objective.unit,
        "higher_is_better": tuning.objective.higher_is_better,
        "load": {
            "connections": connections,
            "size": size,
            "depth": tuning.suite.depth,
            "words": str(load_shown(tuning.suite.load)),
        },
        "duration_ms": tuning.suite.duration_ms,
        "trials": len(records),
        "stages": [len(settings) for settings in _stages(tuning)],
        "spread": race.spread(tuning.logs, tuning.finalists),
        "answer": None,
        "half": None,
        "next_model": None,
        "rule_of_thumb": None,
        "edge": None,
        "wait": _wait(tuning),
        "dropped": manifest["dropped"],
        "absent": [*manifest["absent"], *_failed_models(tuning)],
        "notes": [],
        "settings": _settings(tuning),
    }
    return data if found is None else data | _of_answer(manifest, tuning, found)


def load_shown(load: Load) -> Load:
    """Return the load without what only sets the length of a trial."""
    return Load(tuple(pair for pair in load.options if pair[0] != "turns"), load.classes)


def _of_answer(manifest: Mapping[str, Any], tuning: Tuning, found: race.Answer) -> dict[str, Any]:
    ranked = race.ranking(tuning.stages, tuning.logs, tuning.out)
    half = race.half(tuning.entrants, found.setting, ranked)
    rival = race.rival(tuning.entrants, found.setting, ranked)
    return {
        "answer": {
            **_setting(tuning, found.setting),
            **_value(tuning, found.setting),
            "shown": found.shown,
            "loses_at_most": _at_most(tuning, found.bound),
            "more_minutes": _more_minutes(manifest, tuning, found),
        },
        "half": half if half is None else _beside(tuning, half, found.setting),
        "next_model": rival if rival is None else _beside(tuning, rival, found.setting),
        "rule_of_thumb": _rule(manifest, tuning, found.setting, ranked),
        "edge": _edge(tuning, found.setting),
        "notes": _notes(tuning, found.setting),
    }


def _setting(tuning: Tuning, place: int) -> dict[str, Any]:
    condition = tuning.conditions[place]
    return {
        "label": condition.label,
        "model": condition.model,
        "options": dict(condition.options),
        "workers": tuning.entrants[place].workers,
    }


def _value(tuning: Tuning, place: int) -> dict[str, Any]:
    """Return the geometric mean of a setting's trials with its 95 % interval."""
    logs = tuning.logs[:, place]
    alone = np.column_stack([logs, np.where(np.isnan(logs), np.nan, 0.0)])
    found = race.difference(alone, 0, 1)
    if found is None:
        return {"value": None, "low": None, "high": None, "rounds": 0}
    return _ends(tuning, found) | {"value": _unscored(tuning, found.mean)}


def _ends(tuning: Tuning, found: race.Difference) -> dict[str, Any]:
    """Return the interval of a score in the objective's unit; null with too few rounds."""
    ends = sorted(_unscored(tuning, end) for end in (found.low, found.high))
    known = found.rounds >= LEAST_ROUNDS
    return {
        "low": ends[0] if known else None,
        "high": ends[1] if known else None,
        "rounds": found.rounds,
    }


def _unscored(tuning: Tuning, score: float) -> float:
    try:
        return math.exp(score if tuning.objective.higher_is_better else -score)
    except OverflowError:
        return math.inf


def _beside(tuning: Tuning, place: int, answer: int) -> dict[str, Any]:
    """Return a setting with its difference from the answer, as shares of the answer's value."""
    found = race.difference(tuning.logs, place, answer)
    data = _setting(tuning, place)
    if found is None:
        return data | {"share": None, "low": None, "high": None, "rounds": 0}
    known = _ends(tuning, found)
    return data | {
        "share": tuning.objective.share(found.mean),
        "low": None if known["low"] is None else known["low"] - 1,
        "high": None if known["high"] is None else known["high"] - 1,
        "rounds": found.rounds,
    }


def _at_most(tuning: Tuning, bound: float) -> float | None:
    """Return the bound as a share of the best value; null if there is no bound."""
    return abs(tuning.objective.share(-bound)) if math.isfinite(bound) else None


def _more_minutes(manifest: Mapping[str, Any], tuning: Tuning, found: race.Answer) -> int | None:
    """Estimate the minutes that would show it; null if it is shown, or if none can tell."""
    if found.rounds_needed is None or not tuning.records:
        return None
    each_s = float(manifest["measured_s"]) / len(tuning.records)
    trials = (found.rounds_needed - found.rounds) * len(found.finalists)
    return max(1, math.ceil(trials * each_s / 60))


def _rule(
    manifest: Mapping[str, Any], tuning: Tuning, answer: int, ranked: Sequence[int]
) -> dict[str, Any] | None:
    """Return the rule of thumb and the setting nearest to it; null without work or workers."""
    wait = _wait(tuning)
    workers = rule_of_thumb(manifest["cores"], tuning.suite.load, wait["more_us"] if wait else 0.0)
    having = [place for place in ranked if tuning.entrants[place].workers]
    own = [
        place for place in having if tuning.entrants[place].model == tuning.entrants[answer].model
    ] or having
    if workers is None or not own:
        return None

    asks = float(workers)

    def far(place: int) -> float:
        return abs(math.log((tuning.entrants[place].workers or 1) / asks))

    nearest = min(own, key=lambda place: (far(place), place != answer))
    return {"asks": workers, **_beside(tuning, nearest, answer)}


def _wait(tuning: Tuning) -> dict[str, float] | None:
    """Return how long a blocking of the load lasts here, in µs; null if as long as asked."""
    asked = tuning.suite.load.options
    blocked = dict(asked).get("block-us", 0)
    mean_us = mean_of(blocked)
    seen = [
        record.server["ready"].get("system", {}).get("high_resolution_timer_500us_ns")
        for record in tuning.records
        if record.server and record.server["ready"]
    ]
    known = [float(wait_ns) / 1e3 for wait_ns in seen if wait_ns]
    if not mean_us or not known:
        return None
    took_us = median(known)
    more_us = max(0.0, took_us - WAIT_US)
    here_us = mean_of(blocked, lambda us: us + more_us if us else 0.0)
    if here_us <= (1 + STRETCHED) * mean_us:
        return None
    return {"asked_us": mean_us, "here_us": here_us, "took_us": took_us, "more_us": more_us}


def _edge(tuning: Tuning, answer: int) -> dict[str, Any] | None:
    """Return the highest number of workers if the answer has it and more could be useful."""
    own = tuning.entrants[answer]
    tried = {each.workers or 0 for each in tuning.entrants if each.model == own.model}
    (connections,) = tuning.suite.connections
    clients = connections - int(dict(tuning.suite.load.options).get("idle", 0))
    if own.workers is None or len(tried) < 2 or own.workers < max(tried):
        return None
    return {"workers": own.workers} if own.workers < clients else None


def _notes(tuning: Tuning, answer: int) -> list[str]:
    """Return what limits the use of the answer's value: its own verdict, if that is a fault."""
    found = verdict.judge(tuning.of(answer))
    return [] if found.valid else [f"{tuning.conditions[answer].label} was {found}"]


def _failed_models(tuning: Tuning) -> list[dict[str, str]]:
    """Return the models of which every setting left the race by failing, with the last reason."""
    models = dict.fromkeys(condition.model for condition in tuning.conditions)
    found = []
    for model in models:
        places = [place for place, each in enumerate(tuning.conditions) if each.model == model]
        if all(place in tuning.out for place in places):
            found.append({"model": model, "reason": _why_out(tuning, places[-1])})
    return found


def _why_out(tuning: Tuning, place: int) -> str:
    reasons = [tuning.reason(record) for record in tuning.of(place)]
    return next(reason for reason in reversed(reasons) if reason)


def _stages(tuning: Tuning) -> list[tuple[int, ...]]:
    """Return the settings of each stage of the race; a stage may have several parts."""
    raced = [stage.settings for stage in tuning.stages if not stage.closing]
    return [settings for settings, _ in groupby(raced)]


def _settings(tuning: Tuning) -> list[dict[str, Any]]:
    """Return every setting: its stage, its value, and its difference from the answer.

    `level` is the answer's value times the paired ratio to it. Unlike `value`, it does not hold the
    drift between rounds.
    """
    found = tuning.answer
    stages = _stages(tuning)
    level = None if found is None else _value(tuning, found.setting)["value"]
    rows = []
    for place in range(len(tuning.conditions)):
        row: dict[str, Any] = {
            **_setting(tuning, place),
            **_value(tuning, place),
            "stage": sum(place in settings for settings in stages),
            "finalist": place in tuning.finalists,
            "recommended": found is not None and place == found.setting,
            "failed": _why_out(tuning, place) if place in tuning.out else None,
            "difference": None,
            "level": None,
        }
        if found is not None:
            beside = _beside(tuning, place, found.setting)
            row["difference"] = {key: beside[key] for key in ("share", "low", "high", "rounds")}
            if beside["share"] is not None:
                row["level"] = level * (1 + beside["share"])
        rows.append(row)
    return rows
