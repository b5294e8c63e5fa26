"""The answers to the questions of particular suites: where latency bends, how many workers to have.

A run of any suite gets them if it has the data: offered rates for a curve, or one model with
several numbers of workers. Each function returns nothing where the data do not support it.
"""

from __future__ import annotations

import math

from iomodels.base import words
from iomodels.judge.cells import Cell
from iomodels.judge.knee import LOW_PERCENT, TIMES, Knee, knees
from iomodels.judge.limits import cpus_allowed
from iomodels.judge.loads import JudgedLoad
from iomodels.judge.paired import Comparison
from iomodels.judge.rule import Word
from iomodels.judge.scalability import Scalability, fit
from iomodels.judge.stats import Measure
from iomodels.judge.summary import Summary
from iomodels.report.sentences import load_words

THREADS = "threads"
LEAST_COUNTS = 3
"""Numbers of workers of one model that make a question of them."""


# ---- where latency bends ----


def knee(summary: Summary, shown: JudgedLoad) -> str | None:
    """The rate at which p99 has risen fivefold, of every server, the highest first."""
    key = shown.key
    found = {
        label: each
        for (label, connections, size), each in knees(summary.run.records).items()
        if (connections, size) == (key.connections, key.size)
    }
    bent = {label: each for label, each in found.items() if isinstance(each, Knee)}
    if not bent:
        return None
    ranked = sorted(bent.items(), key=lambda item: -item[1].rate)
    told = words.listed([f"{label} {_knee_words(each)}" for label, each in ranked])
    without = [f"{label}: {each}." for label, each in found.items() if isinstance(each, str)]
    load = f"{words.count(key.connections, 'connection')} × {words.size(key.size, key.reply_size)}"
    start = (
        f"On {summary.platform}, {load}: p99 reaches {TIMES:g} times its value at {LOW_PERCENT} % "
        f"of the lowest peak: {told}."
    )
    return " ".join([start, *without])


def _knee_words(found: Knee) -> str:
    few = f" ({words.count(found.rounds, 'round')})" if found.low is None else ""
    above = f"above {words.number(found.highest)}"
    if math.isinf(found.rate):
        return f"{above} requests/s{few}"
    interval = few
    if found.low is not None and found.high is not None:
        high = above if math.isinf(found.high) else words.number(found.high)
        interval = f" [{words.number(found.low)}, {high}]"
    return f"at {words.number(found.rate)} requests/s{interval}"


# ---- how many workers ----


def workers(summary: Summary, shown: JudgedLoad) -> str | None:
    """How two workers per core compare with one, and which number is best."""
    cells, cores = _by_workers(summary, shown), _cores(summary)
    if len(cells) < LEAST_COUNTS or cores not in cells or 2 * cores not in cells:
        return None
    if cells[cores].condition.label != shown.baseline:
        return None
    two = shown.comparison(cells[2 * cores].condition.label)
    if two is None:
        return None
    counts = {cell.condition.label: number for number, cell in cells.items()}
    over = [one for one in shown.over_baseline if one.label in counts]
    start = (
        f"On {summary.platform}, {load_words(shown.key)}: two workers per core ({2 * cores}) serve "
        f"{_ratio(two)} as many requests as one per core ({_word(two, summary)})."
    )
    best = max(over, key=lambda one: one.ratio)
    most = f"{words.count(counts[best.label], 'worker')} serve {_ratio(best)} as many."
    if best.word is Word.FASTER:
        return f"{start} The highest rate: {most}"
    if best.word is Word.PROVISIONAL and best.ratio > 1:
        return f"{start} The highest rate so far: {most}"
    return f"{start} No number of workers is shown to be faster than one per core."


def _cores(summary: Summary) -> int:
    return cpus_allowed(summary.run.manifest["environment"]) or 0


def _ratio(one: Comparison) -> str:
    return words.ratio(one.ratio, one.low, one.high)


def _word(one: Comparison, summary: Summary) -> str:
    return one.word.text(summary.rules.baseline.margin)


def _by_workers(summary: Summary, load: JudgedLoad) -> dict[int, Cell]:
    """Return the cells of the baseline's model by number of workers, if only that differs."""
    model = load.cell(load.chosen).condition.model
    own = [cell for cell in load.cells if cell.condition.model == model]
    options = [dict(cell.condition.options) for cell in own]
    rest = {tuple(sorted((n, v) for n, v in each.items() if n != THREADS)) for each in options}
    if len(rest) != 1 or any(THREADS not in each for each in options):
        return {}
    found = {each[THREADS]: cell for each, cell in zip(options, own)}
    return dict(sorted(found.items())) if len(found) == len(own) else {}


def scalability(summary: Summary, shown: JudgedLoad) -> list[str]:
    """The Universal Scalability Law over the workers of the shown load, or why it is not fitted."""
    cells = {} if shown.offered else _by_workers(summary, shown)
    if len(cells) < LEAST_COUNTS:
        return []
    rates = {
        number: cell.by_round(shown.rounds) for number, cell in cells.items() if cell.verdict.valid
    }
    found = fit(rates, cpus_allowed(summary.run.manifest["environment"]))
    law = "Universal Scalability Law over workers"
    if not isinstance(found, Scalability):
        return [f"{law}: not fitted, because {found}."]
    peak = (
        "the rate has no peak"
        if math.isinf(found.peak)
        else f"the fitted rate has its peak at {words.number(found.peak)} workers"
    )
    return [
        f"{law}: contention σ is {_measure(found.contention)}, coherency κ is "
        f"{_measure(found.coherency)}; {peak}."
    ]


def _measure(measure: Measure) -> str:
    if measure.value is None:
        return words.NOTHING
    return words.estimate(measure.value, measure.low, measure.high)
