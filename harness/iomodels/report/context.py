"""What the templates of a report get: every table, list and sentence as text."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iomodels.base import words
from iomodels.base.words import count
from iomodels.data.laws import of_run
from iomodels.data.records import Run
from iomodels.figures.output import Plot
from iomodels.judge import classes
from iomodels.judge.stats import Estimate, Finding, Measure
from iomodels.judge.summary import COSTS, PERCENTS, Cell, Comparison, Summary
from iomodels.report.answer import answer, figure_words, times

MARKS = "; ".join(f"{each.value} {each.words}" for each in Finding if each.value)


@dataclass(frozen=True)
class Row:
    """A cell as the tables show it; every field is text."""

    connections: str
    server: str
    rate: str
    ratio: str
    latencies: tuple[str, ...]
    cpu: str
    costs: tuple[str, ...]
    delta: str
    verdict: str
    n: str
    left_out: str


@dataclass(frozen=True)
class Block:
    """The rows of one panel; `figure` is what their ratios are ratios of."""

    words: str
    figure: str
    rows: tuple[Row, ...]


def context(
    summary: Summary, plots: Sequence[Plot], not_drawn: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return what the templates get. `not_drawn`: (name, reason) of the figures without data."""
    manifest = summary.run.manifest
    return {
        "summary": summary,
        "manifest": manifest,
        "wine": words.WINE_SENTENCE if summary.emulated else None,
        "answer": answer(summary),
        "plots": plots,
        "not_drawn": not_drawn,
        "blocks": _blocks(summary),
        "load": str(summary.suite.load) if summary.suite.load else None,
        "class_blocks": _class_blocks(summary),
        "churn_rows": _churn_rows(summary),
        "percents": [f"p{percent:g}" for percent in PERCENTS],
        "costs": COSTS[1:],
        "absent": _absent(summary),
        "left_out": [
            (cell.condition, failure) for cell in summary.cells for failure in cell.failures
        ],
        "not_valid": [
            (cell.condition, str(cell.verdict)) for cell in summary.cells if not cell.verdict.valid
        ],
        "not_judged": _not_judged(summary),
        "marks": MARKS,
        "missing": [
            (cell.condition, cell.missing, cell.planned) for cell in summary.cells if cell.missing
        ],
        "conditions": _conditions(summary),
        "circumstances": _circumstances(summary.run),
        "command": shlex.join(manifest["command"]),
        "warnings": summary.notes,
        "verdicts": Counter(cell.verdict.kind.value for cell in summary.cells).most_common(),
        "data": None,
        "laws": of_run(summary.run.path),
    }


def _blocks(summary: Summary) -> list[Block]:
    return [
        Block(
            load.words,
            figure_words(load),
            tuple(row_of(summary, cell) for cell in summary.cells if cell.condition.panel == load),
        )
        for load in summary.panels
    ]


def row_of(summary: Summary, cell: Cell) -> Row:
    comparison = summary.comparison(cell)
    ratio = "1 (baseline)" if comparison is None else marked(comparison)
    delta = comparison.difference.delta if comparison else None
    kinds = Counter(failure.kind.value for failure in cell.failures)
    left_out = [f"{number} {kind}" for kind, number in kinds.items()] + [
        f"{cell.missing} missing"
    ] * bool(cell.missing)
    return Row(
        f"{cell.condition.connections:,}",
        cell.condition.label,
        _rate(cell.rate),
        ratio,
        tuple(_time(cell.latency_us[percent]) for percent in PERCENTS),
        _time(cell.costs["cpu_us"]),
        tuple(words.number(cell.costs[name].value) for name in COSTS[1:]),
        words.signed(delta),
        cell.verdict.kind.value,
        str(cell.n),
        ", ".join(left_out) or "0",
    )


def _class_blocks(summary: Summary) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Return (title, rows) per panel: a row for each class of each valid cell, and one for all its
    connections. A load without classes has none."""
    cells = [cell for cell in summary.cells if cell.verdict.valid and summary.suite.load.classes]
    return [
        (load.words, rows)
        for load in summary.panels
        if (
            rows := [
                _class_row(cell, share)
                for cell in cells
                if cell.condition.panel == load
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


def marked(comparison: Comparison) -> str:
    """Return '1.80× [1.60, 2.00]', with the mark of its finding (MARKS)."""
    if comparison.ratio is None:
        return words.NOTHING
    return f"{times(comparison.ratio)} {comparison.finding.value}".strip()


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
    for cell in summary.cells:
        for name, measure in [
            *((f"p{percent:g}", cell.latency_us[percent]) for percent in PERCENTS),
            *cell.costs.items(),
            *_of_classes(summary, cell),
        ]:
            if measure.value is None and cell.n:
                load = count(cell.condition.connections, "connection")
                where = f"{cell.condition.label}, {load} × {cell.condition.panel.words}"
                found.setdefault((name.replace("cpu_us", "CPU"), measure.reason), []).append(where)
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


def _not_judged(summary: Summary) -> list[str]:
    """Return the rules that could not be applied, each with its number of cells."""
    counts = Counter(reason for cell in summary.cells for reason in cell.verdict.not_judged)
    return [
        f"{reason} ({number} of {count(len(summary.cells), 'cell')})"
        for reason, number in counts.items()
    ]


def _conditions(summary: Summary) -> list[tuple[str, str]]:
    """Return what was run: (name, value) with dotted names."""
    manifest = summary.run.manifest
    suite = {
        name: value
        for name, value in manifest["suite"].items()
        if name not in ("title", "question") and value != []
    }
    two = [("machines", "two: the servers on one, the load generator on the other")] * (
        "load_generator" in manifest["environment"]
    )
    return [
        ("platform", summary.platform),
        *two,
        ("run", manifest["run"]),
        ("status", manifest["status"]),
        ("started", manifest["started_utc"]),
        ("finished", manifest["finished_utc"] or f"{words.NOTHING} (it is not complete)"),
        ("commit", commit_words(manifest["git"])),
        *_flat("suite", {**suite, "servers": list(summary.labels)}),
    ]


def _circumstances(run: Run) -> list[tuple[str, str]]:
    """Return where it ran: (name, value) of machine, placement, versions and settings."""
    reasons = run.manifest["environment"]["reasons"]
    environment = {
        name: value for name, value in run.manifest["environment"].items() if name != "reasons"
    }
    rows = [*_flat("", environment, reasons), *_flat("versions", run.manifest["versions"], reasons)]
    for label, settings in _settings(run).items():
        rows += _flat(label, settings)
    return rows


def commit_words(git: Mapping[str, Any]) -> str:
    if git["commit"] is None:
        return f"{words.NOTHING} ({git['reason']})"
    return f"{git['commit']}{' with local changes' if git['dirty'] else ''}"


def _settings(run: Run) -> dict[str, dict[str, Any]]:
    """Return the settings that each program printed when it was first ready, by program."""
    found: dict[str, dict[str, Any]] = {}
    for record in run.records:
        ready = (record.server or {}).get("ready")
        if ready and record.condition.label not in found:
            found[record.condition.label] = {
                key: ready[key] for key in ("settings", "socket") if key in ready
            }
        result = record.result
        if result and "load generator" not in found:
            found["load generator"] = {
                key: result[key] for key in ("platform", "backend", "loop") if key in result
            }
    return found


def _flat(
    prefix: str, value: object, reasons: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield nested data as rows; a null shows its reason."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), inner, reasons)
    elif value is None:
        reason = (reasons or {}).get(prefix)
        yield prefix, f"{words.NOTHING} ({reason})" if reason else words.NOTHING
    elif isinstance(value, list):
        yield (
            prefix,
            ", ".join(each if isinstance(each, str) else json.dumps(each) for each in value),
        )
    else:
        yield prefix, str(value)
