"""The report of a tuning, from its folder alone: surface.json, tune.md, figures/."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.files import write_whole
from iomodels.data.laws import Laws, of_run
from iomodels.data.records import Record
from iomodels.data.searches import TUNE_FORMAT, load_tune, search_records
from iomodels.figures import output, tuning_surface
from iomodels.judge import stats, surface
from iomodels.judge.port_model import Outcome, Port, constant, simulate
from iomodels.judge.tuning import Knobs, Load, Plan, plan_from, score_of, scores_of, value_of

SURFACE = "surface.json"
CAP_CLAIM = "B1"
UNITS = {
    "throughput": "requests per second",
    "p99": "µs at the 99th percentile",
    "efficiency": "requests per second of the server's CPU time",
}
MODEL_REQUESTS = 3000
MODEL_CORES = (4, 16, 64)


def write_tune_report(folder: Path) -> tuple[str, Path]:
    """Writes all of it; returns the answer as text, and the path of tune.md."""
    data = analyse(load_tune(folder), search_records(folder))
    data["cap_note"] = _cap_note(of_run(folder)) if "concurrency" in data["knobs"] else None
    write_whole(folder / SURFACE, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    plot = tuning_surface.draw(data)
    output.write(plot, folder / "figures")
    answer = "\n".join(
        [line for load in data["loads"] for line in _answer(data, load)]
        + [data["cap_note"]] * bool(data["cap_note"])
    )
    path = folder / "tune.md"
    write_whole(path, _markdown(data, answer, plot))
    return answer, path


def analyse(manifest: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """surface.json: everything that the report and the figure show, in the objective's own unit."""
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
    """Of the repeats that count: those that keep the promise."""
    of_load = [record for record in records if record.condition.alias == str(load)]
    chosen = [
        record
        for record in of_load
        if knobs.setting(record.condition.options) == setting and score_of(record, plan) is not None
    ]
    return [value for record in chosen if (value := value_of(record, plan.objective)) is not None]


def _estimate(values: Sequence[float]) -> dict[str, Any]:
    found = stats.median_estimate(values)
    return {
        "n": len(values),
        "value": found and found.value,
        "low": found and found.low,
        "high": found and found.high,
    }


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
    """What a rule of thumb loses: its figure over the best one's, so that 1 is nothing lost (of a p99: the best one's over its)."""
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
    """How long one worker took for a request, by what was measured with one; None where it was not."""
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
    """The model's line for the measured numbers of threads with a cap of one a core, and what it says of larger machines.

    The line is tied to the measurement where there is one worker. What a request takes there beyond its handler is CPU time; of a
    handler that blocks it is CPU time as far as it is with the same handler that does not block (`still`), and else longer blocking:
    systems round a wait up to their timer's tick.
    """
    if "threads" not in knobs.names or plan.objective == "efficiency":
        return {
            "reason": "the model has no such threads"
            if "threads" not in knobs.names
            else "the model knows no CPU time of a system"
        }
    span_us, still_us = _one_worker_us(plan, load, values), _one_worker_us(plan, load, still)
    if span_us is None:
        return {"reason": "one worker was not measured, or did not keep the promise"}
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


def _cap_note(seen: Laws | None) -> str | None:
    """What the law of the cap says of the axis `concurrency`; None where it holds or was not asked."""
    found = [each for each in seen.judged if CAP_CLAIM in each.claims] if seen else []
    if not found or found[0].verdict == "holds":
        return None
    return f"The law of the cap {found[0].words} ({found[0].figure}): differences between values of concurrency are noise here."


def _named(setting: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in setting.items()) or "its only setting"


def _interval(cell: Mapping[str, Any]) -> str:
    if cell["value"] is None:
        return "–"
    brackets = (
        ""
        if cell["low"] is None
        else f" [{words.number(cell['low'])}, {words.number(cell['high'])}]"
    )
    return words.number(cell["value"]) + brackets


def _answer(data: Mapping[str, Any], load: Mapping[str, Any]) -> list[str]:
    """What one load wants, a sentence a line."""
    where = f"{data['model']} on {data['platform']}, {load['words']}"
    if load["recommended"] is None:
        why = f" whose p99 stays within {data['slo_us']:,} µs" if data["slo_us"] else ""
        return [
            f"{where}: no setting{why} could be found among {len(load['cells'])} measured ones."
        ]
    chosen = load["recommended"]
    lines = [
        f"{where}: {_named(chosen['setting'])} gives {_interval(chosen)} {data['unit']} (n = {chosen['n']})."
    ]
    tied = [cell for cell in load["cells"] if cell["flat"]]
    if len(tied) > 1:
        spans = [
            f"{name} {min(values)} to {max(values)}"
            for name in data["knobs"]
            for values in [[cell["setting"][name] for cell in tied]]
        ]
        lines.append(
            f"  {len(tied)} of {len(load['cells'])} measured settings cannot be told from the best ({', '.join(spans)}); this is the smallest of them."
        )
    costs = [
        f"{name} ({_named(rule['setting'])}): {_lost(rule)}" for name, rule in load["rules"].items()
    ]
    if costs:
        lines.append(f"  Rules of thumb: {'; '.join(costs)}.")
    return lines


def _lost(rule: Mapping[str, Any]) -> str:
    if rule["ratio"] is None:
        return "no valid figure"
    brackets = (
        ""
        if rule["low"] is None
        else f" [{100 * (1 - rule['high']):.0f}, {100 * (1 - rule['low']):.0f}]"
    )
    if rule["ratio"] == 1 and not brackets:
        return "the best"
    shown = rule["high"] is not None and rule["high"] < 1
    return f"{'costs' if shown else 'no cost shown:'} {100 * (1 - rule['ratio']):.0f} %{brackets}"


def _markdown(data: Mapping[str, Any], answer: str, plot: output.Plot) -> str:
    lines = [f"# Tuning {data['model']} for {data['objective']}", ""]
    if words.emulated(data["platform"]):
        lines += [f"> **Not Windows.** {words.WINE_SENTENCE}", ""]
    lines += [
        f"Platform {data['platform']}; the server has {data['cores']} core(s); {data['duration_ms']} ms a measurement; run {data['run']}, {data['status']}.",
        "",
    ]
    lines += ["```", answer, "```", "", f"![{plot.alt}](figures/{plot.name}.png)", ""]
    for load in data["loads"]:
        lines += [
            f"## {load['words']}",
            "",
            _noise(load),
            "",
            *_cells(data, load),
            "",
            *_model(data, load),
        ]
    lines += [
        "## Do it again",
        "",
        "```",
        shlex.join(data["command"]),
        "```",
        "",
        "Raw data: [tune.json](tune.json), [records.jsonl](records.jsonl), [surface.json](surface.json).",
    ]
    return "\n".join(lines) + "\n"


def _noise(load: Mapping[str, Any]) -> str:
    known = load["noise"]
    return (
        "No setting was repeated, so the noise is not known."
        if known is None
        else f"Noise of one measurement: ± {100 * known:.1f} % (one standard deviation, over all settings)."
    )


def _cells(data: Mapping[str, Any], load: Mapping[str, Any]) -> list[str]:
    heads = [
        *data["knobs"],
        f"{data['unit']} [95 % CI]",
        "p99, µs",
        "n",
        "left out",
        "tied with the best",
    ]
    lines = [f"| {' | '.join(heads)} |", "|" + "--:|" * (len(heads) - 1) + "---|"]
    for cell in load["cells"]:
        p99 = "–" if cell["p99_us"] is None else words.number(cell["p99_us"])
        row = [
            *map(str, cell["setting"].values()),
            _interval(cell),
            p99,
            str(cell["n"]),
            str(cell["left_out"]),
            "yes" if cell["flat"] else "",
        ]
        lines.append(f"| {' | '.join(row)} |")
    reasons = sorted({reason for cell in load["cells"] for reason in cell["reasons"]})
    return lines + ([""] + [f"- failed: {reason}" for reason in reasons] if reasons else [])


def _model(data: Mapping[str, Any], load: Mapping[str, Any]) -> list[str]:
    """What the model says, marked as such."""
    model = load["model"]
    if "reason" in model:
        return [f"Model: none, {model['reason']}.", ""]
    heads = list(model["larger"][0]["rules"])
    lines = [
        f"**Model**, not measured (harness/iomodels/judge/port_model.py; by what one worker does here, a request costs {model['overhead_us']:.0f} µs beside its handler, "
        f"which blocks {model['block_us']:.0f} µs): {data['unit']} with workers by the rules of thumb and a cap of one a core.",
        "",
        f"| cores | connections | {' | '.join(heads)} |",
        "|--:|--:|" + "--:|" * len(heads),
    ]
    lines += [
        f"| model: {each['cores']} | {each['connections']} | {' | '.join(words.number(value) for value in each['rules'].values())} |"
        for each in model["larger"]
    ]
    return [*lines, ""]
