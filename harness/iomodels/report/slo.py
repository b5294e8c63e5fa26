"""The answer of an SLO search as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iomodels.base import words
from iomodels.judge.slo import Slo
from iomodels.plan.order import cells
from iomodels.plan.suite import suite_from


def answer_text(manifest: Mapping[str, Any]) -> str:
    """The sentence; `manifest` is a complete slo.json."""
    suite = suite_from(manifest["suite"]["name"], manifest["suite"])
    slo, answer, low = Slo(**manifest["slo"]), manifest["answer"], manifest["range"]["low"]
    what = f"{cells(suite)[0]}, on {manifest['platform']}"
    if answer["rate"] is None and answer["open"]:
        return f"{what}: cannot judge {slo} even at {low:,.0f} requests/s: {answer['reason']}"
    if answer["rate"] is None:
        return f"{what}: does not meet {slo} even at {low:,.0f} requests/s: {answer['reason']}"
    most = f"{'at least ' if answer['open'] else ''}{answer['rate']:,} requests/s"
    text = f"{what}: {most} meet {slo} (there {words.time(answer['value_ns'])})"
    if answer["above"]:
        return f"{text}; {answer['above']['rate']:,} do not: {answer['above']['reason']}"
    return f"{text}; no higher rate was tried: {manifest['range']['note']}"
