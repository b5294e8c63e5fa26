"""The figures that pages quote, taken from the packed runs in results/contributed.

Loading all runs takes a minute, so docs/figures/exhibition.json keeps what the pages need. It holds
the SHA-256 of the records of each run; a test compares these with the files.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "harness"))

from iomodels.base.files import write_whole  # noqa: E402
from iomodels.data.records import Record, counter  # noqa: E402
from iomodels.data.store import PACKED, load_run  # noqa: E402
from iomodels.judge.cells import Cell  # noqa: E402
from iomodels.judge.loads import JudgedLoad, Rules  # noqa: E402
from iomodels.judge.paired import Comparison, judge_pairs  # noqa: E402
from iomodels.judge.stats import Estimate, Measure, median_estimate  # noqa: E402
from iomodels.judge.summary import summarise  # noqa: E402

FIGURES = ROOT / "docs" / "figures" / "exhibition.json"
CONTRIBUTED = ROOT / "results" / "contributed"
FORMAT = 1
SUITES = (
    *("all-models", "models", "which-iocp", "iocp-tuning", "readiness", "inline-fairness"),
    *("idle-memory", "table-6-3", "iocp-vs-epoll"),
)
"""Of each the newest packed run is quoted, if there is one."""
GAUGES = ("server.private_bytes", "server.threads")


class Missing(Exception):
    """No kept run has the figure. The text says why."""


def newest() -> dict[str, Path]:
    """Return the folder of the newest packed run of each suite that has one."""
    found = {}
    for suite in SUITES:
        named = CONTRIBUTED.glob(f"*/*[0-9]-{suite}")  # a digit, as all-models ends in -models
        runs = [path for path in named if (path / PACKED).exists()]
        if runs:
            found[suite] = max(runs, key=lambda path: path.name)
    return found


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / PACKED).read_bytes()).hexdigest()


def extract(folder: Path) -> dict[str, Any]:
    """Return what the pages may quote of a run. Raises Failure for an unreadable run."""
    run = load_run(folder)
    summary = summarise(run)
    return {
        "run": folder.relative_to(ROOT).as_posix(),
        "sha256": digest(folder),
        "platform": summary.platform,
        "cpus": len(run.manifest["environment"]["cpus_usable"]),
        "spread": _short(summary.spread),
        "loads": [_load(load, run.records) for load in summary.loads],
    }


def _load(load: JudgedLoad, records: Sequence[Record]) -> dict[str, Any]:
    why = {each.label: each.reason for each in load.unable}
    return {
        "connections": load.key.connections,
        "size": load.key.size,
        "rate_percent": load.key.rate_percent,
        "rounds": load.rounds,
        "servers": {
            cell.condition.label: _cell(cell, load.rounds, why.get(cell.condition.label), records)
            for cell in load.cells
        },
    }


def _cell(cell: Cell, rounds: int, why: str | None, records: Sequence[Record]) -> dict[str, Any]:
    own = [each for each in records if each.condition == cell.condition and each.status == "ok"]
    return {
        "model": cell.condition.model,
        "why_no_figure": why,
        "rates": [_short(value) for value in cell.by_round(rounds)] if why is None else [],
        "at_least": _short(cell.rate.value) if why and cell.rate else None,
        "cpu_us": _short(cell.costs["CPU µs"].value),
        "gauges": {name.partition(".")[2]: _gauge(own, name) for name in GAUGES},
        "classes": {
            share.name: {"rate": _measure(share.rate), "p50_us": _measure(share.latency_us[50.0])}
            for share in cell.shares[:-1]
        },
    }


def _gauge(records: Sequence[Record], name: str) -> float | None:
    values = [figure.value for each in records if (figure := counter(each, name)).value is not None]
    return _short(median(values)) if values else None


def _measure(measure: Measure) -> list[float | None]:
    """Value, low and high end of the interval."""
    return [_short(measure.value), _short(measure.low), _short(measure.high)]


def _short(value: float | None) -> float | None:
    """Four digits are more than any page prints."""
    return None if value is None else float(f"{value:.5g}")


def write() -> None:
    """Read the newest runs and write FIGURES."""
    runs = {suite: extract(folder) for suite, folder in newest().items()}
    text = json.dumps({"format": FORMAT, "runs": runs}, indent=1, ensure_ascii=False)
    numbers = re.compile(r"\[[^\[\]{}]*\]")  # an array of numbers takes one line
    write_whole(FIGURES, numbers.sub(lambda found: " ".join(found[0].split()), text) + "\n")


class Figures:
    """What FIGURES holds. Every method raises Missing if no kept run has the figure."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._runs: Mapping[str, Any] = data["runs"]

    @staticmethod
    def read() -> Figures:
        return Figures(json.loads(FIGURES.read_text(encoding="utf-8")))

    @cached_property
    def suites(self) -> tuple[str, ...]:
        return tuple(self._runs)

    def run(self, suite: str) -> Mapping[str, Any]:
        if suite not in self._runs:
            raise Missing(f"no run of {suite} is kept")
        found: Mapping[str, Any] = self._runs[suite]
        return found

    def loads(self, suite: str) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self.run(suite)["loads"]
        return found

    def load(self, suite: str, connections: int) -> Mapping[str, Any]:
        """Return the load of the smallest size in a closed loop."""
        for each in self.loads(suite):
            if each["connections"] == connections and not each["rate_percent"]:
                return each
        raise Missing(f"the kept run of {suite} has no load of {connections:,} connections")

    def costs(self, suite: str, baseline: str) -> tuple[Mapping[str, Any], dict[str, Comparison]]:
        """Return the load at an offered rate, and requests per CPU second over the baseline."""
        for each in self.loads(suite):
            if each["rate_percent"]:
                rates = {
                    label: server["rates"]
                    for label, server in each["servers"].items()
                    if any(server["rates"])
                }
                pairs = [(label, baseline) for label in rates if label != baseline]
                judged = judge_pairs(rates, pairs, Rules().baseline)
                return each, {one.label: one for one in judged}
        raise Missing(f"the kept run of {suite} has no offered rate")

    def server(self, suite: str, connections: int, label: str) -> Mapping[str, Any]:
        servers = self.load(suite, connections)["servers"]
        if label not in servers:
            raise Missing(f"the kept run of {suite} has no {label}")
        found: Mapping[str, Any] = servers[label]
        return found

    def rate(self, suite: str, connections: int, label: str) -> Estimate:
        """Return requests per second: the median over the rounds, and its interval."""
        server = self.server(suite, connections, label)
        found = median_estimate([each for each in server["rates"] if each is not None])
        if found is None:
            raise Missing(server["why_no_figure"] or "never measured")
        return found

    def ratios(
        self, suite: str, connections: int, labels: Sequence[str], other: str
    ) -> dict[str, Comparison]:
        """Return the paired ratios over `other`, as one family. A label without a figure is absent.

        Raises Missing also if `other` has no figure.
        """
        self.rate(suite, connections, other)
        rates = {each: self.server(suite, connections, each)["rates"] for each in (other, *labels)}
        with_figure = {label: found for label, found in rates.items() if any(found)}
        pairs = [(each, other) for each in labels if each in with_figure]
        return {one.label: one for one in judge_pairs(with_figure, pairs, Rules().baseline)}
