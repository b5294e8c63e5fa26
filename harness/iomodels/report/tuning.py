"""The report of a tuning, from its folder alone: surface.json, tune.md, figures/."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.files import write_whole
from iomodels.data.laws import Laws, of_run
from iomodels.data.searches import load_tune, search_records
from iomodels.figures import output, tuning_surface
from iomodels.judge.tuning_surface import analyse

SURFACE = "surface.json"
CAP_CLAIM = "B1"


def write_tune_report(folder: Path) -> tuple[str, Path]:
    """Write surface.json, the figure and tune.md; return the answer and the path of tune.md."""
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


def _cap_note(seen: Laws | None) -> str | None:
    """Return what the law of the cap says of `concurrency`; None if it holds or was not asked."""
    found = [each for each in seen.judged if CAP_CLAIM in each.claims] if seen else []
    if not found or found[0].verdict == "holds":
        return None
    law = f"The law of the cap {found[0].words} ({found[0].figure})"
    return f"{law}: differences between values of concurrency are noise here."


def _named(setting: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in setting.items()) or "its only setting"


def _interval(cell: Mapping[str, Any]) -> str:
    if cell["value"] is None:
        return words.NOTHING
    return words.estimate(cell["value"], cell["low"], cell["high"])


def _answer(data: Mapping[str, Any], load: Mapping[str, Any]) -> list[str]:
    """Return what one load needs, a sentence per line."""
    where = f"{data['model']} on {data['platform']}, {load['words']}"
    if load["recommended"] is None:
        why = f" whose p99 stays within {data['slo_us']:,} µs" if data["slo_us"] else ""
        return [
            f"{where}: no setting{why} could be found among {len(load['cells'])} measured ones."
        ]
    chosen = load["recommended"]
    gives = f"gives {_interval(chosen)} {data['unit']} (n = {chosen['n']})"
    lines = [f"{where}: {_named(chosen['setting'])} {gives}."]
    tied = [cell for cell in load["cells"] if cell["flat"]]
    if len(tied) > 1:
        spans = [
            f"{name} {min(values)} to {max(values)}"
            for name in data["knobs"]
            for values in [[cell["setting"][name] for cell in tied]]
        ]
        lines.append(
            f"  {len(tied)} of {len(load['cells'])} measured settings are tied with the best "
            f"({', '.join(spans)}); this is the smallest of them."
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
        f"Platform {data['platform']}; the server has {words.count(data['cores'], 'core')}; "
        f"{data['duration_ms']} ms per measurement; run {data['run']}, {data['status']}.",
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
        "Raw data: [tune.json](tune.json), [records.jsonl](records.jsonl), "
        "[surface.json](surface.json).",
    ]
    return "\n".join(lines) + "\n"


def _noise(load: Mapping[str, Any]) -> str:
    known = load["noise"]
    return (
        "No setting was repeated, so the noise is not known."
        if known is None
        else f"Noise of one measurement: ± {words.percent(known, 1)} (one standard deviation)."
    )


def _cells(data: Mapping[str, Any], load: Mapping[str, Any]) -> list[str]:
    heads = [
        *data["knobs"],
        f"{data['unit']} [95 % CI]",
        "p99",
        "n",
        "left out",
        "tied with the best",
    ]
    lines = [f"| {' | '.join(heads)} |", "|" + "--:|" * (len(heads) - 1) + "---|"]
    for cell in load["cells"]:
        p99 = words.time(cell["p99_us"] and 1e3 * cell["p99_us"])
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
    """Return what the model says, marked as not measured."""
    model = load["model"]
    if "reason" in model:
        return [f"Model: none, {model['reason']}.", ""]
    heads = list(model["larger"][0]["rules"])
    lines = [
        "**Model**, not measured (harness/iomodels/judge/port_model.py). One worker's results give "
        f"{model['overhead_us']:.0f} µs per request besides its handler, which blocks "
        f"{model['block_us']:.0f} µs. The table shows {data['unit']} with workers by the rules of "
        "thumb and a cap of one running thread per core.",
        "",
        f"| cores | connections | {' | '.join(heads)} |",
        "|--:|--:|" + "--:|" * len(heads),
    ]
    for each in model["larger"]:
        cells = [words.number(value) for value in each["rules"].values()]
        lines.append(f"| model: {each['cores']} | {each['connections']:,} | {' | '.join(cells)} |")
    return [*lines, ""]
