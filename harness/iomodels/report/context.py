"""What the templates of a report get: every table, list and sentence as text."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.base.words import count
from iomodels.data.laws import Laws, of_run
from iomodels.data.records import Panel
from iomodels.figures.output import Plot
from iomodels.judge import classes
from iomodels.judge.cells import PERCENTS, Cell
from iomodels.judge.costs import COSTS, SWITCHES, WHOLE_CPU
from iomodels.judge.loads import JudgedLoad
from iomodels.judge.paired import turned
from iomodels.judge.rule import Word
from iomodels.judge.stats import Estimate, Measure
from iomodels.judge.summary import Summary, is_ab
from iomodels.report.ab import CHANGED
from iomodels.report.answer import answer
from iomodels.report.conditions import circumstances, conditions
from iomodels.report.drawing import Picture

MAIN_COSTS = (WHOLE_CPU, SWITCHES)
"""What a request costs in the main table, server and wineserver together."""
RANKED = "The first is a geometric mean over the rounds; the others follow from the ratios."
"""What the ranked list shows. The tables have medians."""


@dataclass(frozen=True)
class Row:
    """A cell as the tables show it; every field is text."""

    connections: str
    server: str
    rate: str
    ratio: str
    word: str
    latencies: tuple[str, ...]
    main_costs: tuple[str, ...]
    costs: tuple[str, ...]
    verdict: str
    n: str
    left_out: str


@dataclass(frozen=True)
class Block:
    """The rows of one panel. `figure` is what their ratios compare; `closed` says of what kind its
    latencies are."""

    words: str
    figure: str
    closed: bool
    rows: tuple[Row, ...]


def context(
    summary: Summary, plots: Sequence[Plot | Picture], not_drawn: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return what the templates get. `not_drawn`: (name, reason) of the figures without data."""
    manifest = summary.run.manifest
    rule = summary.rules.baseline
    laws, damaged = _laws(summary.run.path)
    return {
        "summary": summary,
        "manifest": manifest,
        "warning": words.warning_sentence(summary.platform),
        "wine": summary.emulated,
        "answer": answer(summary),
        "ranked": RANKED,
        "changed": CHANGED,
        "over": "the old build of the same model" if is_ab(manifest) else summary.baseline,
        "level": words.given(rule.stated),
        "margin": words.given(rule.margin),
        "plots": plots,
        "omitted": (),
        "not_drawn": not_drawn,
        "blocks": _blocks(summary),
        "load": str(summary.suite.load) if summary.suite.load else None,
        "class_blocks": _class_blocks(summary),
        "churn_rows": _churn_rows(summary),
        "percents": [f"p{percent:g}" for percent in PERCENTS],
        "main_costs": MAIN_COSTS,
        "costs": known_costs(summary),
        "absent": _absent(summary),
        "left_out": [
            (cell.condition, failure) for cell in summary.cells for failure in cell.failures
        ],
        "not_valid": [
            (cell.condition, str(cell.verdict)) for cell in summary.cells if not cell.verdict.valid
        ],
        "cell_notes": [
            (cell.condition, note) for cell in summary.cells for note in cell.verdict.notes
        ],
        "not_valid_part": _not_valid_part(summary),
        "not_judged": _not_judged(summary),
        "missing": [
            (cell.condition, cell.missing, cell.planned) for cell in summary.cells if cell.missing
        ],
        "conditions": conditions(summary),
        "circumstances": circumstances(summary.run),
        "command": shlex.join(manifest["command"]),
        "warnings": [*summary.notes, *damaged],
        "verdicts": Counter(cell.verdict.kind.value for cell in summary.cells).most_common(),
        "data": None,
        "laws": laws,
    }


def _laws(folder: Path) -> tuple[Laws | None, list[str]]:
    """Return the laws of a run; if laws.json is damaged, a note instead."""
    try:
        return of_run(folder), []
    except Failure as error:
        return None, [f"the laws of the platform are left out: {error}"]


def _blocks(summary: Summary) -> list[Block]:
    costs = known_costs(summary)
    return [
        Block(
            panel.words,
            "CPU time per request" if offered(summary, panel) else "requests per second",
            not panel.rate_percent and not summary.suite.load.rate,
            tuple(
                row_of(load, cell, summary, costs)
                for load in summary.loads
                if load.key.panel == panel
                for cell in load.cells
            ),
        )
        for panel in panels_of(summary)
    ]


def offered(summary: Summary, panel: Panel) -> bool:
    """Return whether the servers of a panel are compared at an offered rate."""
    return any(load.offered for load in summary.loads if load.key.panel == panel)


def panels_of(summary: Summary) -> list[Panel]:
    """Return the panels of a run: closed loops first, then by size."""
    return list(dict.fromkeys(load.key.panel for load in summary.loads))


def known_costs(summary: Summary) -> list[str]:
    """Return the costs that any cell of the run has, in the order of the tables."""
    return [
        name for name in COSTS if any(cell.costs[name].value is not None for cell in summary.cells)
    ]


def row_of(load: JudgedLoad, cell: Cell, summary: Summary, costs: Sequence[str] = ()) -> Row:
    label = cell.condition.label
    kinds = Counter(failure.kind.value for failure in cell.failures)
    left_out = [f"{number} {kind}" for kind, number in kinds.items()]
    left_out += [f"{cell.missing} missing"] * bool(cell.missing)
    return Row(
        f"{cell.condition.connections:,}",
        label,
        _rate(cell.rate),
        *_compared(load, label, summary),
        tuple(_time(cell.latency.percentiles[percent]) for percent in PERCENTS),
        tuple(words.number(cell.costs[name].value) for name in MAIN_COSTS),
        tuple(words.number(cell.costs[name].value) for name in costs),
        cell.verdict.kind.value,
        str(cell.n),
        ", ".join(left_out) or "0",
    )


def _compared(load: JudgedLoad, label: str, summary: Summary) -> tuple[str, str]:
    """Return ratio and word of a server over the baseline.

    At an offered rate the ratio is that of the CPU times, so below 1 is better there.
    """
    if label == load.baseline:
        return "1", "baseline"
    one = load.comparison(label)
    if one is None:
        return words.NOTHING, words.NOTHING
    word = one.word.text(summary.rules.baseline.margin)
    word += ", since the control disagrees" if one.withheld else ""
    word = f"control: {word}" if label in summary.twins else word
    word += f" (over {one.other})" if one.other != load.chosen else ""
    differs = one.word not in (Word.EQUAL, Word.NOT_DECIDED, Word.PROVISIONAL)
    if load.offered:
        one = turned(one, one.other)
        word = word.replace("faster", "less CPU time").replace("slower", "more CPU time")
    return words.ratio(one.ratio, one.low, one.high, differs=differs), word


def _class_blocks(summary: Summary) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Return (title, rows) per panel: a row for each class of each valid cell, and one for all its
    connections. A load without classes has none."""
    cells = [cell for cell in summary.cells if cell.verdict.valid and summary.suite.load.classes]
    return [
        (panel.words, rows)
        for panel in panels_of(summary)
        if (
            rows := [
                _class_row(cell, share)
                for cell in cells
                if cell.condition.panel == panel
                for share in cell.shares
            ]
        )
    ]


def _class_row(cell: Cell, share: classes.Share) -> tuple[str, ...]:
    loop = (
        ""
        if share.name == classes.TOGETHER
        else f", {share.target_rate:,.0f}/s"
        if share.target_rate
        else ", closed"
    )
    return (
        f"{cell.condition.connections:,}",
        cell.condition.label,
        f"{share.name}: {share.connections:,}{loop}",
        _rate(share.rate),
        words.NOTHING if share.share.value is None else words.percent(share.share.value, 1),
        *map(_time, share.latency_us.values()),
        words.number(share.jain.value),
        str(cell.n),
    )


def _churn_rows(summary: Summary) -> list[tuple[str, ...]]:
    """Return a row for each valid cell whose connections come and go."""
    return [
        (
            f"{cell.condition.connections:,}",
            cell.condition.label,
            cell.condition.panel.words,
            _rate(cell.churn.rate),
            *map(_time, cell.churn.latency_us.values()),
            str(cell.n),
        )
        for cell in summary.cells
        if cell.verdict.valid and cell.churn
    ]


def _rate(each: Estimate | Measure | None) -> str:
    """Return a result with its interval if it has one."""
    if each is None or each.value is None:
        return words.NOTHING
    return words.estimate(each.value, each.low, each.high)


def _time(each: Measure) -> str:
    """Return a time of so many µs with its interval if it has one."""
    if each.value is None:
        return words.NOTHING
    low, high = (None if end is None else 1e3 * end for end in (each.low, each.high))
    return words.time_estimate(1e3 * each.value, low, high)


def _absent(summary: Summary) -> list[str]:
    """Return the reasons behind the dashes of the tables, each once, with its cells."""
    found: dict[tuple[str, str | None], list[str]] = {}
    known = known_costs(summary)
    for cell in summary.cells:
        for name, measure in [
            *((f"p{percent:g}", cell.latency.percentiles[percent]) for percent in PERCENTS),
            *((name, cell.costs[name]) for name in known),
            *_of_classes(summary, cell),
        ]:
            if measure.value is None and cell.n:
                connections = count(cell.condition.connections, "connection")
                where = f"{cell.condition.label}, {connections} × {cell.condition.panel.words}"
                found.setdefault((name, measure.reason), []).append(where)
    return [
        f"{cells[0] if len(cells) == 1 else count(len(cells), 'cell')}, {name}: {reason}"
        for (name, reason), cells in found.items()
    ]


def _of_classes(summary: Summary, cell: Cell) -> Iterator[tuple[str, Measure]]:
    """Yield what the tables of classes and of churn show of a cell, by name."""
    for share in cell.shares if summary.suite.load.classes and cell.verdict.valid else ():
        yield from [
            (f"{share.name}, requests/s", share.rate),
            (f"{share.name}, share", share.share),
            (f"{share.name}, Jain's index", share.jain),
        ]
        yield from [
            (f"{share.name}, p{percent:g}", measure)
            for percent, measure in share.latency_us.items()
        ]
    if cell.churn and cell.verdict.valid:
        yield from [
            ("connects/s", cell.churn.rate),
            *(
                (f"connect p{percent:g}", measure)
                for percent, measure in cell.churn.latency_us.items()
            ),
        ]


def _not_valid_part(summary: Summary) -> str:
    """'2 of 12 cells', 'The only cell'."""
    number = sum(not cell.verdict.valid for cell in summary.cells)
    return words.capital(words.part(number, len(summary.cells), "cell"))


def _not_judged(summary: Summary) -> list[str]:
    """Return the rules that could not be applied, each with its number of cells."""
    counts = Counter(reason for cell in summary.cells for reason in cell.verdict.not_judged)
    return [
        f"{reason} ({words.part(number, len(summary.cells), 'cell')})"
        for reason, number in counts.items()
    ]
