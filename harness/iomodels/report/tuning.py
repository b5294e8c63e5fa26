"""The report of a tuning, from its folder alone: tuning.json, tune.md, tune.html, figures/."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.console import shell_word
from iomodels.base.files import ROOT, write_whole
from iomodels.data.searches import load_tune, search_records
from iomodels.figures import output, tuning
from iomodels.judge.race import MARGIN
from iomodels.judge.tuned import WAIT_US, analyse
from iomodels.judge.tuning import OBJECTIVES
from iomodels.plan.settings import CAP, LEAST, THREADS
from iomodels.report.page import inline_svg, template
from iomodels.report.scripted import SEARCH, scripted
from iomodels.report.search_charts import TUNING, numbers_of, tuning_charts

DATA = "tuning.json"
Data = Mapping[str, Any]


def tuning_data(folder: Path) -> dict[str, Any]:
    """Return what a tuning found; the content of tuning.json."""
    warnings: list[str] = []
    data = analyse(load_tune(folder), search_records(folder, warnings))
    return {**data, "notes": [*warnings, *data["notes"]]}


@dataclass(frozen=True)
class Report:
    """What a tuning found, as sentences and as a page. `found`: there is an answer."""

    text: str
    page: Path
    found: bool


def write_tune_report(folder: Path) -> Report:
    """Write tuning.json, the figure, tune.md and tune.html."""
    data = tuning_data(folder)
    write_whole(folder / DATA, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    shown: dict[str, Any] = _context(data)
    page: dict[str, Any] = {}
    if data["answer"]:
        plot = tuning.draw(data)
        charts = tuning_charts(data, {each["label"]: _tip(data, each) for each in data["settings"]})
        svg = inline_svg(output.write_svg(plot, folder / "figures"), plot.alt, 0)
        shown |= {"plot": plot, "page": charts, "reading": TUNING, "numbers": numbers_of(charts)}
        page = {"svg": svg, **scripted(SEARCH, charts)}
    write_whole(folder / "tune.md", template("tune.md.j2", html=False).render(shown))
    html = template("tune.html.j2", html=True).render(shown | page)
    write_whole(folder / "tune.html", html)
    text = "\n".join(answer_lines(data, _target(folder)))
    return Report(text, folder / "tune.html", data["answer"] is not None)


def _target(folder: Path) -> str:
    """Return what names a tuning on the command line: its name, or its path outside of results."""
    beside = folder.resolve().parent == (ROOT / "results").resolve()
    return folder.name if beside else str(folder)


# ---- the answer in sentences ----


def answer_lines(data: Data, target: str = "") -> list[str]:
    """Return the answer: the recommended setting, its neighbours, and what limits it.

    `target` names the tuning on the command line, if not its name.
    """
    return [*_verdict(data, target), *_neighbours(data), *_circumstances(data)]


def named(setting: Data) -> str:
    """ "iocp with 32 workers, cap 4", "events" """
    options = dict(setting["options"])
    workers = options.pop(THREADS, None)
    parts = [f"with {words.count(workers, 'worker')}"] if workers else []
    cap, least = options.pop(CAP, 0), options.pop(LEAST, 0)
    if cap:
        parts.append("no cap" if workers and cap >= workers else f"cap {cap}")
    if least:
        parts.append(f"at least {words.count(least, 'thread')}")
    parts += [f"{name} {value:,}" for name, value in options.items()]
    first = parts[0] if workers else ""
    rest = parts[1:] if workers else parts
    return ", ".join([f"{setting['model']} {first}".strip(), *rest])


def _verdict(data: Data, target: str = "") -> list[str]:
    answer = data["answer"]
    if answer is None:
        return ["No setting has a result, so there is no answer."]
    value = _amount(data, answer)
    below = "below" if data["higher_is_better"] else "above"
    most = answer["loses_at_most"]
    if sum(each["failed"] is None for each in data["settings"]) == 1:
        return [f"{named(answer)}: {value}. No other setting has a result."]
    if answer["shown"]:
        bound = f"at most {_up(most)} {below} the best" if most else "the best of all"
        return [f"{named(answer)}: {value}, {bound}."]
    limit = words.percent(MARGIN)
    known = f" It may be up to {_up(most)} {below} it." if most is not None else ""
    lines = [
        f"Best seen: {named(answer)}: {value}.",
        f"It is not shown to be within {limit} of the best.{known}",
    ]
    if answer["more_minutes"]:
        minutes = answer["more_minutes"]
        lines.append(
            f"About {words.count(minutes, 'more minute')} may show it: "
            f"iomodels tune --resume {shell_word(target or data['run'])} --minutes {minutes}"
        )
    return lines


def _amount(data: Data, answer: Data) -> str:
    """ "5,580 [5,490, 5,670] requests/s", "p99 of 12.2 ms [11.0, 13.7]", "6 threads" """
    value, low, high = answer["value"], answer["low"], answer["high"]
    if data["objective"] == "p99":
        low_ns, high_ns = (None if end is None else 1e3 * end for end in (low, high))
        return f"p99 of {words.time_estimate(1e3 * value, low_ns, high_ns)}"
    if data["objective"] == "threads":
        return words.count(round(value), "thread")
    return f"{words.estimate(value, low, high)} {data['unit']}"


def _up(share: float) -> str:
    """Return a bound in whole percent, rounded up."""
    return f"{math.ceil(100 * share - 1e-9):,} %"


def difference(data: Data, found: Data) -> str:
    """ "11 % slower [4, 18]"; a negative end means better."""
    share = found["share"]
    if share is None:
        return "never measured in the same round"
    objective = OBJECTIVES[data["objective"]]
    lost = -share if objective.higher_is_better else share
    word = objective.worse if lost >= 0 else objective.better
    if found["low"] is None:
        return f"{words.percent(abs(lost))} {word} in {words.count(found['rounds'], 'round')}"
    ends = [found["low"], found["high"]]
    if (lost < 0) is objective.higher_is_better:  # towards the word
        shown = sorted(ends)
    else:
        shown = sorted(-end for end in ends)
    brackets = ", ".join(_whole(end) for end in shown)
    return f"{words.percent(abs(lost))} {word} [{brackets}]"


def _whole(share: float) -> str:
    number = round(100 * share)
    return f"{words.MINUS}{-number:,}" if number < 0 else f"{number:,}"


def _neighbours(data: Data) -> list[str]:
    lines = []
    half, rival, rule = data["half"], data["next_model"], data["rule_of_thumb"]
    if half:
        exact = 2 * half["workers"] == data["answer"]["workers"]
        name = "Half as many workers" if exact else "Fewer workers"
        lines.append(f"{name} ({named(half)}): {difference(data, half)}.")
    if rival:
        lines.append(f"Next model: {named(rival)}, {difference(data, rival)}.")
    if rule:
        asked = (
            f"Rule of thumb cores × (1 + wait / work): {words.count(round(rule['asks']), 'worker')}"
        )
        same = rule["label"] == data["answer"]["label"]
        cost = "the answer is nearest" if same else f"{named(rule)}: {difference(data, rule)}"
        lines.append(f"{asked}; {cost}.")
    return lines


def _circumstances(data: Data) -> list[str]:
    """Return what the reader must know: the edge, waits, models that did not run, faults."""
    lines = []
    if data["edge"] and data["objective"] != "threads":
        lines.append(
            f"The answer has the highest number of workers that was tried, "
            f"{data['edge']['workers']:,}. More may be better: raise --threads-max."
        )
    wait = data["wait"]
    if wait:
        lines.append(
            f"A request blocks {words.time(1e3 * wait['here_us'])} here on average, not "
            f"{words.time(1e3 * wait['asked_us'])}: a wait of {WAIT_US:.0f} µs takes "
            f"{words.time(1e3 * wait['took_us'])}."
        )
    lines += [f"Could not run: {each['model']} ({each['reason']})." for each in data["absent"]]
    lines += [f"Not varied: {each['option']}; {each['reason']}." for each in data["dropped"]]
    return lines + [f"note: {note}" for note in data["notes"]]


# ---- the page ----


def _context(data: Data) -> dict[str, Any]:
    spread = data["spread"]
    return {
        "data": data,
        "load": _load(data),
        "verdict": _verdict(data),
        "neighbours": _neighbours(data),
        "circumstances": _circumstances(data),
        "warning": words.warning_sentence(data["platform"]),
        "plot": None,
        "page": None,
        "numbers": {},
        "ranking": _ranking(data),
        "spread": None if spread is None else words.percent(spread, 1),
        "heads": heads(data),
        "rows": rows(data),
        "failures": [each for each in data["settings"] if each["failed"]],
        "stages": words.listed([str(number) for number in data["stages"]] or ["0"]),
        "again": shlex.join(data["command"]),
    }  # fmt: skip


def _load(data: Data) -> str:
    load = data["load"]
    depth = f", depth {load['depth']}" if load["depth"] > 1 else ""
    more = f"; {load['words']}" if load["words"] else ""
    return (
        f"{words.count(load['connections'], 'connection')}, {words.size(load['size'])}{depth}{more}"
    )


def heads(data: Data) -> tuple[str, ...]:
    """Return the heads of the table of all settings."""
    return ("setting", data["unit"], "compared with the answer", "rounds", "stage", "result")


def rows(data: Data) -> list[list[str]]:
    """Return the rows of the table of all settings, as text."""
    return [_row(data, each) for each in _sorted(data)]


def _sorted(data: Data) -> list[Data]:
    """Return the settings: who stayed longest first, then by the difference from the answer."""

    def key(setting: Data) -> tuple[bool, int, float]:
        found = setting["difference"]
        share = found["share"] if found and found["share"] is not None else 0.0
        return (
            setting["failed"] is not None,
            -setting["stage"],
            -share if data["higher_is_better"] else share,
        )

    return sorted(data["settings"], key=key)


def _ranking(data: Data) -> list[dict[str, Any]]:
    """Return the best setting of each model, the best first: its bar is its level."""
    best: dict[str, Data] = {}
    for each in _sorted(data):
        if each["level"]:
            best.setdefault(each["model"], each)
    levels = {model: float(each["level"]) for model, each in best.items()}
    order = sorted(levels, key=levels.__getitem__, reverse=data["higher_is_better"])
    ranked, most = [best[model] for model in order], max(levels.values(), default=1.0)
    return [
        {
            "setting": named(each),
            "model": each["model"],
            "share": each["level"] / most,
            "value": words.number(each["level"]),
            "words": "the answer" if each["recommended"] else difference(data, each["difference"]),
        }
        for each in ranked
    ]


def _tip(data: Data, setting: Data) -> str:
    """Return what the chart says of a setting: its name, its level, its difference, its stage."""
    if setting["level"] is None:
        return ""
    lines = [named(setting), f"{words.number(setting['level'])} {data['unit']}"]
    lines += [difference(data, setting["difference"])] if _known(setting) else ["the answer"]
    return "\n".join(
        [*lines, f"{words.count(setting['rounds'], 'round')}, stage {setting['stage']}"]
    )


def _known(setting: Data) -> bool:
    """Return whether a setting has a difference from the answer."""
    found = setting["difference"]
    return found is not None and found["share"] is not None and not setting["recommended"]


def _row(data: Data, setting: Data) -> list[str]:
    mark = "answer" if setting["recommended"] else "finalist" if setting["finalist"] else ""
    return [
        named(setting),
        words.number(setting["level"]),
        difference(data, setting["difference"]) if _known(setting) else words.NOTHING,
        f"{setting['rounds']}",
        f"{setting['stage']}",
        "failed" if setting["failed"] else mark,
    ]
