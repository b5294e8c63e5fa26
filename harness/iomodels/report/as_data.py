"""A run as data: one JSON object (results/schema/report.schema.json), and its cells as CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from iomodels.judge.cells import Cell
from iomodels.judge.classes import Share
from iomodels.judge.loads import OLD, JudgedLoad
from iomodels.judge.paired import Comparison, turned
from iomodels.judge.rule import Rule
from iomodels.judge.stats import Measure
from iomodels.judge.summary import Summary, is_ab
from iomodels.report import ab
from iomodels.report.answer import answer
from iomodels.report.shape import Answer, Changes, LoadAnswer, Rank

FORMAT = 1


def to_json(summary: Summary) -> dict[str, Any]:
    """Return the answer and every cell as data: results/schema/report.schema.json."""
    manifest, found = summary.run.manifest, answer(summary)
    return {
        "format": FORMAT,
        "run": manifest["run"],
        "suite": manifest["suite"]["name"],
        "platform": summary.platform,
        "emulated": summary.emulated,
        "status": manifest["status"],
        "commit": manifest["git"]["commit"],
        "baseline": OLD if is_ab(manifest) else summary.baseline,
        "statistics": summary.rules.to_json(),
        "spread": summary.spread,
        "answer": _answer(found),
        "changes": found.changes and _changes(found.changes, summary),
        "warnings": list(summary.notes),
        "cells": [
            _cell(load, cell, summary.rules.baseline)
            for load in summary.loads
            for cell in load.cells
        ],
    }


def _answer(found: Answer) -> dict[str, Any]:
    return {
        "headline": found.headline,
        "shown": found.shown.words,
        "loads": [_load(each) for each in found.loads],
        "remarks": list(found.remarks),
    }


def _changes(changes: Changes, summary: Summary) -> dict[str, Any]:
    """What the new build changed. A ratio is the figure of the new build over that of the old."""
    builds = summary.run.manifest["ab"]
    return {
        "old": builds["old"],
        "new": builds["new"],
        "changes": [
            {
                "model": each.model,
                "connections": each.key.connections,
                "size": each.key.size,
                "reply_size": each.key.reply_size,
                "depth": each.key.depth,
                "rate_percent": each.key.rate_percent,
                "of": _of(each.offered),
                "old": each.old,
                "new": each.new,
                "reason": each.reason,
                "comparison": each.comparison and _change(each.comparison, each.offered, summary),
            }
            for each in changes.each
        ],
        "geometric_means": [
            {
                "of": _of(each.offered),
                "changes": each.changes,
                "comparison": _change(each.comparison, each.offered, summary),
            }
            for each in changes.means_of
        ],
    }


def _of(offered: bool) -> str:
    return "cpu_time" if offered else "requests_per_second"


def _change(one: Comparison, offered: bool, summary: Summary) -> dict[str, Any]:
    return {
        "word": ab.word_of(one, offered, summary),
        "ratio": _ratio(turned(one, one.other) if offered else one),
        "rounds": one.rounds,
        "rounds_needed": one.rounds_needed,
        "p_holm": one.p_holm,
    }


def _ratio(one: Comparison) -> dict[str, Any]:
    """JSON has no infinity, so an end beyond every number is null."""
    return {
        "value": one.ratio,
        "low": one.low,
        "high": None if one.high == math.inf else one.high,
    }


def _load(each: LoadAnswer) -> dict[str, Any]:
    return {
        "load": each.words,
        "connections": each.key.connections,
        "size": each.key.size,
        "rate_percent": each.key.rate_percent,
        "badge": each.badge,
        "leader": each.leader,
        "verdict": each.verdict,
        "next": each.next and each.next.command,
        "next_takes": each.next and each.next.takes,
        "ranking": [_rank(rank) for rank in each.ranking],
    }


def _rank(rank: Rank) -> dict[str, Any]:
    return {
        "server": rank.label,
        "value": rank.value,
        "share": rank.share,
        "words": rank.words,
        "control": rank.control,
    }


def print_json(summary: Summary) -> None:
    print(json.dumps(to_json(summary), indent=2, ensure_ascii=False))


def _cell(load: JudgedLoad, cell: Cell, rule: Rule) -> dict[str, Any]:
    condition = cell.condition
    return {
        "server": condition.label,
        "model": condition.model,
        "options": dict(condition.options),
        "connections": condition.connections,
        "size": condition.size,
        "reply_size": condition.reply_size,
        "depth": condition.depth,
        "rate_percent": condition.rate_percent,
        "verdict": cell.verdict.kind.value,
        "valid": cell.verdict.valid,
        "reasons": list(cell.verdict.reasons),
        "notes": list(cell.verdict.notes),
        "repeats": cell.n,
        "planned": cell.planned,
        "left_out": len(cell.failures),
        "missing": cell.missing,
        "requests_per_second": cell.rate and asdict(cell.rate),
        "latency_us": _percentiles(cell.latency.percentiles),
        "closed_loop": cell.latency.closed,
        "share_of_time_in_long_requests": _measure(cell.latency.long_share),
        "p99_of_time_us": _measure(cell.latency.p99_of_time),
        "per_request": {name: _measure(measure) for name, measure in cell.costs.items()},
        "jain_index": _measure(cell.shares[-1].jain),
        "classes": [_class(share) for share in cell.shares[:-1]],
        "churn": cell.churn
        and {
            "connects_per_second": _measure(cell.churn.rate),
            "connect_us": _percentiles(cell.churn.latency_us),
        },
        "comparison": _comparison(load, cell, rule),
    }


def _comparison(load: JudgedLoad, cell: Cell, rule: Rule) -> dict[str, Any] | None:
    """A ratio above 1 is good for the cell: more requests per second, or less CPU time."""
    label = cell.condition.label
    one = load.comparison(label)
    if one is None:
        return None
    return {
        "over": one.other,
        "of": _of(load.offered),
        "word": one.word.text(rule.margin),
        "ratio": _ratio(one),
        "rounds": one.rounds,
        "rounds_needed": one.rounds_needed,
        "p_holm": one.p_holm,
        "control": any(each.label == label for each in load.controls),
    }


def _class(share: Share) -> dict[str, Any]:
    return {
        "name": share.name,
        "connections": share.connections,
        "target_rate": share.target_rate,
        "requests_per_second": _measure(share.rate),
        "share": _measure(share.share),
        "jain_index": _measure(share.jain),
        "latency_us": _percentiles(share.latency_us),
    }


def _percentiles(measures: Mapping[float, Measure]) -> dict[str, Any]:
    return {f"p{percent:g}": _measure(measure) for percent, measure in measures.items()}


def _measure(measure: Measure) -> dict[str, Any]:
    """Return a value, with its interval if it has one."""
    if measure.value is None:
        return {"value": None, "reason": measure.reason}
    return {"value": measure.value} | (
        {} if measure.low is None else {"low": measure.low, "high": measure.high}
    )


COPIED = (
    *("server", "connections", "size", "reply_size", "depth", "rate_percent"),
    *("verdict", "repeats", "planned"),
)
"""The fields of a cell that are columns of the CSV as they are."""


def cells_csv(summary: Summary) -> str:
    """The cells as a table, one row each; what could not be had is an empty field."""
    rows = []
    for cell in to_json(summary)["cells"]:
        rate, comparison = cell["requests_per_second"] or {}, cell["comparison"] or {}
        ratio = comparison.get("ratio") or {}
        rows.append(
            {
                "format": FORMAT,
                "run": summary.run.manifest["run"],
                "platform": summary.platform,
                **{name: cell[name] for name in COPIED},
                "requests_per_second": rate.get("value"),
                "ci95_low": rate.get("low"),
                "ci95_high": rate.get("high"),
                **{f"{name}_us": measure["value"] for name, measure in cell["latency_us"].items()},
                **{
                    f"{name}_per_request": measure["value"]
                    for name, measure in cell["per_request"].items()
                },
                "ratio": ratio.get("value"),
                "ratio_low": ratio.get("low"),
                "ratio_high": ratio.get("high"),
                "over": comparison.get("over"),
                "word": comparison.get("word"),
            }
        )
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {
            name: float(f"{value:.9g}") if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    )
    return buffer.getvalue()
