"""What a tuning found, as data: surface.json, from which the page and the figure are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from iomodels.data.records import Record
from iomodels.data.searches import TUNE_FORMAT
from iomodels.judge import stats, surface
from iomodels.judge.port_model import Outcome, Port, constant, simulate
from iomodels.judge.tuning import Knobs, Load, Plan, plan_from, score_of, scores_of, value_of

UNITS = {
    "throughput": "requests per second",
    "p99": "µs at the 99th percentile",
    "efficiency": "requests per second of the server's CPU time",
}
MODEL_REQUESTS = 3000
MODEL_CORES = (4, 16, 64)
NOTHING = {"value": None, "low": None, "high": None}
"""The estimate of a setting without results."""


def analyse(manifest: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """Return everything that the page and the figure show, in the objective's own unit."""
    plan = plan_from(manifest)
    knobs = Knobs.from_json(manifest["knobs"])
    return {
        "format": TUNE_FORMAT,
        "run": manifest["run"],
        "platform": manifest["platform"],
        "model": plan.model,
        "objective": plan.objective,
        "unit": UNITS[plan.objective],
        "slo_us": plan.slo_us or None,
        "cores": knobs.cores,
        "knobs": list(knobs.names),
        "duration_ms": plan.duration_ms,
        "command": list(manifest["command"]),
        "status": manifest["status"],
        "loads": [_analyse_load(plan, knobs, load, records) for load in plan.loads],
    }


def _analyse_load(
    plan: Plan, knobs: Knobs, load: Load, records: Sequence[Record]
) -> dict[str, Any]:
    own = [record for record in records if record.condition.alias == str(load)]
    scores = scores_of(own, plan, knobs, load)
    flat, chosen = set(surface.flat(scores)), surface.recommended(scores)
    values = {setting: _values(own, plan, knobs, setting, load) for setting in scores}
    twin = replace(load, block_us=0)
    still = {
        setting: _values(records, plan, knobs, setting, twin)
        for setting in scores_of(records, plan, knobs, twin)
    }
    rules = {
        name: {
            "setting": dict(knobs.options(setting)),
            **_cost(values, setting, surface.best(scores), plan),
        }
        for name, setting in knobs.rules(load).items()
    }
    return {
        "load": asdict(load),
        "words": load.words,
        "noise": surface.noise(scores),
        "cells": [
            _cell_of(knobs, setting, values[setting], own, setting in flat)
            for setting in sorted(scores)
        ],
        "recommended": None
        if chosen is None
        else {"setting": dict(knobs.options(chosen)), **_estimate(values[chosen])},
        "rules": rules,
        "model": _model_of(plan, knobs, load, values, still),
    }


def _values(
    records: Sequence[Record], plan: Plan, knobs: Knobs, setting: surface.Setting, load: Load
) -> list[float]:
    """Return the results of the repeats that count: those that meet the SLO."""
    of_load = [record for record in records if record.condition.alias == str(load)]
    chosen = [
        record
        for record in of_load
        if knobs.setting(record.condition.options) == setting and score_of(record, plan) is not None
    ]
    return [value for record in chosen if (value := value_of(record, plan.objective)) is not None]


def _estimate(values: Sequence[float]) -> dict[str, Any]:
    found = stats.median_estimate(values)
    return {"n": len(values), **(asdict(found) if found else NOTHING)}


def _cell_of(
    knobs: Knobs,
    setting: surface.Setting,
    values: Sequence[float],
    records: Sequence[Record],
    flat: bool,
) -> dict[str, Any]:
    own = [record for record in records if knobs.setting(record.condition.options) == setting]
    p99 = [value for record in own if (value := value_of(record, "p99")) is not None]
    out = len(own) - len(values)
    reasons = sorted({record.reason or "" for record in own if not record.ok})
    return {
        "setting": dict(knobs.options(setting)),
        **_estimate(values),
        "p99_us": stats.median(p99),
        "flat": flat,
        "left_out": out,
        "reasons": reasons,
    }


def _cost(
    values: Mapping[surface.Setting, Sequence[float]],
    setting: surface.Setting,
    best: surface.Setting | None,
    plan: Plan,
) -> dict[str, Any]:
    """Return what a rule of thumb loses: its result over the best one's, so that 1 loses nothing.

    A p99 is inverted: the best one's over the rule's.
    """
    if best is None or not values.get(setting):
        return {"ratio": None, "low": None, "high": None}
    if setting == best:
        return {"ratio": 1.0, "low": None, "high": None}
    sides = (
        (values[best], values[setting])
        if plan.objective == "p99"
        else (values[setting], values[best])
    )
    ratio = stats.ratio_estimate(*sides)
    return {
        "ratio": ratio and ratio.value,
        "low": ratio and ratio.low,
        "high": ratio and ratio.high,
    }


def _one_worker_us(
    plan: Plan, load: Load, values: Mapping[surface.Setting, Sequence[float]]
) -> float | None:
    """Return how long one worker took per request; None if one worker was not measured."""
    one = stats.median(
        [value for setting, found in values.items() if setting[:1] == (1,) for value in found]
    )
    return (
        None
        if one is None
        else 1e6 / one
        if plan.objective == "throughput"
        else one / load.connections
    )


def _model_of(
    plan: Plan,
    knobs: Knobs,
    load: Load,
    values: Mapping[surface.Setting, Sequence[float]],
    still: Mapping[surface.Setting, Sequence[float]],
) -> dict[str, Any]:
    """Return the model's line with a cap of one per core, and its results on larger machines.

    The line is tied to the measurement with one worker. What a request takes there beyond its
    handler is CPU time. A handler that blocks has as much extra CPU time as the same handler
    without blocking (`still`); the rest is longer blocking, because systems round a wait up to
    their timer's tick.
    """
    if "threads" not in knobs.names or plan.objective == "efficiency":
        return {
            "reason": "the model has no such threads"
            if "threads" not in knobs.names
            else "the model does not know a system's CPU time"
        }
    span_us, still_us = _one_worker_us(plan, load, values), _one_worker_us(plan, load, still)
    if span_us is None:
        return {"reason": "one worker was not measured, or did not meet the SLO"}
    beyond_us = max(0.0, span_us - load.cpu_us - load.block_us)
    overhead_us = (
        beyond_us if still_us is None else min(beyond_us, max(0.0, still_us - load.cpu_us))
    )
    block_us = load.block_us + beyond_us - overhead_us
    port = Port(
        knobs.cores,
        1,
        knobs.cores,
        constant(load.cpu_us + overhead_us),
        constant(block_us),
        connections=load.connections,
    )
    line = [
        {"threads": threads, "value": _modelled(replace(port, workers=threads), plan)}
        for threads in sorted({setting[0] for setting in values})
    ]
    larger = []
    for cores in MODEL_CORES:
        rules = Knobs(knobs.names, 10**6, cores).rules(load)
        many = replace(port, cores=cores, cap=cores, connections=max(load.connections, 8 * cores))
        larger.append(
            {
                "cores": cores,
                "connections": many.connections,
                "rules": {
                    name: _modelled(replace(many, workers=setting[0]), plan)
                    for name, setting in rules.items()
                },
            }
        )
    return {"overhead_us": overhead_us, "block_us": block_us, "line": line, "larger": larger}


def _modelled(port: Port, plan: Plan) -> float:
    seen: Outcome = simulate(port, requests=MODEL_REQUESTS, seed=plan.seed)
    return seen.per_second if plan.objective == "throughput" else seen.percentile_us(99)
