"""What a run says besides its verdict: costs, latency, control, noise, gaps.

Each function looks at the data first, and returns None where they do not support its sentence.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from iomodels.base import words
from iomodels.judge.cells import Cell
from iomodels.judge.costs import SWITCHES, WHOLE_CPU
from iomodels.judge.loads import JudgedLoad
from iomodels.judge.rule import Word
from iomodels.judge.stats import Measure
from iomodels.judge.summary import Summary, is_ab
from iomodels.judge.verdict import Kind
from iomodels.report import questions, sentences
from iomodels.report.sentences import load_words


def all_remarks(summary: Summary, shown: JudgedLoad) -> Iterator[str]:
    """What explains the answer, then what limits it."""
    found = [
        explanation(shown),
        *questions.scalability(summary, shown),
        open_loop_latency(summary),
        closed_loop_latency(shown),
        *stalls(shown),
        *controls(summary),
        mood(summary),
        certainty(summary),
        *gaps(summary),
    ]
    yield from (sentence for sentence in found if sentence)


# ---- the suite's own question ----


def of_question(summary: Summary, shown: JudgedLoad) -> str | None:
    """The answer to a question that is not about the rate; None where it is."""
    if summary.suite.load.classes:
        return fairness(summary, shown)
    if shown.offered:
        return questions.knee(summary, shown) or efficiency(summary, shown)
    return questions.workers(summary, shown)


def fairness(summary: Summary, shown: JudgedLoad) -> str | None:
    """What each class of connections got from each server."""
    cells = _valid(shown)
    told = []
    for place, (name, _) in enumerate(summary.suite.load.classes if cells else ()):
        each = [
            f"{cell.condition.label} {_time(cell.shares[place].latency_us[50.0])} "
            f"(p99 {_time(cell.shares[place].latency_us[99.0])})"
            for cell in cells
        ]
        connections = words.count(cells[0].shares[place].connections, "connection")
        told.append(f"median response of class {name} ({connections}): {words.listed(each)}")
    if not told:
        return None
    return f"On {summary.platform}, {'; '.join(told)}."


def efficiency(summary: Summary, shown: JudgedLoad) -> str | None:
    """CPU time and switches per request of every server at one offered rate."""
    if shown.fastest is None:
        return None
    order = [shown.fastest.leader, *(one.other for one in shown.fastest.comparisons)]
    told = [
        f"{label} {words.number(shown.figure(label))} µs with "
        f"{words.number(shown.cell(label).costs[SWITCHES].value)} switches"
        for label in order
    ]
    who = "server and wineserver" if summary.emulated else "server"
    return (
        f"On {summary.platform}, at {load_words(shown.key)}, a request costs ({who}): "
        f"{words.listed(told)}."
    )


# ---- what explains the order ----


def explanation(load: JudgedLoad) -> str | None:
    """The cost that orders the servers as their rates do, if there is one.

    It counts the leader and the servers that are shown to be behind it. It is named only if their
    costs rise from each to the next slower one.
    """
    if load.fastest is None or load.offered:
        return None
    leader = load.fastest.leader
    order = [leader, *(one.other for one in load.fastest.comparisons if one.word is Word.FASTER)]
    cells = [load.cell(label) for label in order]
    for name, unit in ((WHOLE_CPU, " µs"), (SWITCHES, "")):
        costs = [cell.costs[name].value for cell in cells]
        known = [cost for cost in costs if cost is not None]
        if len(known) == len(costs) > 1 and all(one < other for one, other in pairwise(known)):
            told = [f"{label} {words.number(cost)}{unit}" for label, cost in zip(order, known)]
            what = "CPU time" if name == WHOLE_CPU else "context switches"
            return f"The order follows the {what} per request: {words.listed(told)}."
    return None


# ---- latency ----


def open_loop_latency(summary: Summary) -> str | None:
    """What a user waits for, at the highest rate that was offered."""
    offered = [load for load in summary.loads if load.offered]
    if not offered or summary.suite.load.classes:
        return None
    load = max(offered, key=lambda each: each.key)
    cells = [cell for cell in _valid(load) if cell.latency.percentiles[99.0].value is not None]
    if not cells:
        return None
    cells.sort(key=lambda cell: cell.latency.percentiles[99.0].value or 0.0)
    told = [
        f"{cell.condition.label} {_time(cell.latency.percentiles[99.0])} "
        f"(median {_time(cell.latency.percentiles[50.0])})"
        for cell in cells
    ]
    return f"Response p99 at {load_words(load.key)}, from the due time: {words.listed(told)}."


def closed_loop_latency(load: JudgedLoad) -> str | None:
    cells = [cell for cell in _valid(load) if cell.latency.closed]
    if not cells:
        return None
    return "Latencies of a closed loop are set by connections ÷ rate; they are not what a user waits for."


def stalls(load: JudgedLoad) -> list[str]:
    """Servers whose median hides where the time goes."""
    return [
        f"{cell.condition.label} spends {words.percent(cell.latency.long_share.value or 0.0)} of "
        f"its time in requests longer than 10 × p50; p99 weighted by time is "
        f"{_time(cell.latency.p99_of_time)}."
        for cell in _valid(load)
        if cell.latency.stalls
    ]


# ---- how sure ----


def controls(summary: Summary) -> list[str]:
    """What one program under two names shows of the method, for each control."""
    return [_control(summary, label, twin) for label, twin in summary.twins.items()]


def _control(summary: Summary, label: str, twin: str) -> str:
    found = [each for load in summary.loads for each in load.controls if each.label == label]
    start = f"Control: {label} is the program of {twin} a second time"
    compared = [each for each in found if each.comparison]
    judged = [
        each
        for each in compared
        if each.comparison and each.comparison.word is not Word.PROVISIONAL
    ]
    if not compared:
        return f"{start}; no load has a figure of both."
    if not judged:
        return f"{start}; too few rounds judge it."
    disagreeing = [each.comparison for each in judged if each.comparison and each.disagrees]
    if disagreeing:
        most = max(max(one.ratio, 1 / one.ratio) for one in disagreeing)
        reach = max(each.floor for each in judged if each.disagrees)
        at = words.part(len(disagreeing), len(judged), "load")
        return (
            f"{start}; the two differ at {at}, by up to {sentences.difference(most)} "
            f"({_level(summary)} interval: up to {_reached(reach)}). The program is not the cause."
        )
    loads, widest = words.count(len(judged), "load"), max(each.floor for each in judged)
    return (
        f"{start}: no difference shown at {loads}; differences above {_reached(widest)} are "
        "excluded."
    )


def _reached(ratio: float) -> str:
    """'23 %', '2.04×': the far end of an interval, never rounded down."""
    if ratio >= 2:
        return words.ratio(math.ceil(100 * ratio) / 100 if math.isfinite(ratio) else ratio)
    return words.share(ratio - 1, math.ceil)


def _level(summary: Summary) -> str:
    return words.given(summary.rules.baseline.stated)


def mood(summary: Summary) -> str | None:
    """How fast and how much the server's CPU was there around the windows."""
    moods = [record.mood for record in summary.run.records if record.mood]
    spins = [
        each[name]
        for each in moods
        for name in ("spin_before_ns", "spin_after_ns")
        if each.get(name) is not None
    ]
    if len(spins) < 2:
        return None
    low, middle, high = (float(each) for each in np.percentile(spins, (5, 50, 95)))
    told = (
        f"A fixed spin on the server's CPU around the windows took {words.time(middle)} "
        f"(5 to 95 %: {words.time(low)} to {words.time(high)})"
    )
    stolen = [
        each["stolen_server_ns"] for each in moods if each.get("stolen_server_ns") is not None
    ]
    windows = [
        record.loadgen["result"]["window_ns"]
        for record in summary.run.records
        if record.ok and record.loadgen
    ]
    if not stolen or not windows:
        return f"{told}."
    launcher = summary.run.manifest["environment"].get("launcher") or {}
    cpus = len((launcher.get("placement") or {}).get("server_cpus") or (0,))
    share = float(np.mean(stolen)) / float(np.mean(windows)) / cpus
    return f"{told}; the hypervisor took {words.percent(share, 1)} of its time."


def certainty(summary: Summary) -> str | None:
    """What the rule is, and what its brackets leave out."""
    builds = is_ab(summary.run.manifest)
    rule = summary.rules.baseline if builds else summary.rules.fastest
    found = [
        one
        for load in summary.loads
        for one in (
            load.over_baseline if builds else load.fastest.comparisons if load.fastest else ()
        )
    ]
    if not found:
        return None
    rounds = sorted({one.rounds for one in found})
    number = (
        f"{rounds[0]} to {rounds[-1]} rounds"
        if len(rounds) > 1
        else words.count(rounds[0], "round")
    )
    start = f"{number}; ratios are paired within rounds"
    if rounds[-1] < rule.least_rounds:
        return f"{start}. A claim needs {rule.least_rounds}, so every word is provisional."
    sessions = {record.session for record in summary.run.records}
    scope = (
        f"they hold the spread between {len(sessions)} sessions"
        if len(sessions) > 1
        else "another day or machine can differ by more"
    )
    return (
        f"{start}, with Holm's correction over the comparisons of a load. Brackets are "
        f"{words.given(rule.stated)} intervals; {scope}."
    )


def gaps(summary: Summary) -> list[str]:
    """What the answer leaves out: invalid cells and repeats.

    The run's own notes name missing ones.
    """
    cells = summary.cells
    bad = Counter(cell.verdict.kind.value for cell in cells if not cell.verdict.valid)
    planned = sum(cell.planned for cell in cells)
    found = []
    if bad:
        kinds = ", ".join(f"{number} {kind}" for kind, number in bad.most_common())
        of = words.capital(words.part(bad.total(), len(cells), "cell"))
        found.append(f"{of} {_are(bad.total())} in no comparison: {kinds}.")
    for kind in (Kind.FAILED, Kind.INVALID):
        number = sum(each.kind is kind for cell in cells for each in cell.failures)
        if number:
            of = words.capital(words.part(number, planned, "repeat"))
            verb = "failed" if kind is Kind.FAILED else f"{_are(number)} invalid"
            them = "it" if number == 1 else "them"
            found.append(f"{of} {verb}; comparisons leave {them} out.")
    return found


# ---- words ----


def _valid(load: JudgedLoad) -> list[Cell]:
    controls = {each.label for each in load.controls}
    return [
        cell
        for cell in load.cells
        if cell.verdict.valid and cell.n and cell.condition.label not in controls
    ]


def _time(measure: Measure) -> str:
    return "unavailable" if measure.value is None else words.time(measure.value * 1e3)


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
