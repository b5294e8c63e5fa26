"""Write the pages that quote sources and kept runs, from their templates.

    python3 tests/pages/pages.py --write      write the pages
    python3 tests/pages/pages.py --figures    first take the figures from the kept runs (a minute)
    python3 tests/pages/pages.py --check      compare the pages with what --write would write

A template holds the text. It calls the functions of Page for each difference between two sources
and for each figure, so none of those is typed by hand.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import jinja2

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(Path(__file__).parent)]

import kept  # noqa: E402
import scale  # noqa: E402
import sources  # noqa: E402

from iomodels.base.files import write_whole  # noqa: E402
from iomodels.judge.loads import Rules  # noqa: E402
from iomodels.judge.paired import Comparison, turned  # noqa: E402
from iomodels.judge.stats import Estimate  # noqa: E402

HERE = Path(__file__).parent
PAGES = {
    ROOT / "docs" / "tour.md": HERE / "tour.template.md",
    ROOT / "docs" / "questions.md": HERE / "questions.template.md",
    ROOT / "docs" / "iocp-and-epoll.md": HERE / "iocp-and-epoll.template.md",
    ROOT / "docs" / "cluster-scale.md": HERE / "cluster-scale.template.md",
}
REQUESTS = ROOT / "docs" / "requests.md"
EXHIBITION, SIX = "all-models", "models"
TOUR_LOADS = (1, 64, 1000)
"""Connections of the rows in the tour's tables."""
NONE = "–"
COLUMNS = 100


Table = Callable[..., str]


def or_reason(table: Table) -> Table:
    """Wrap a table of Page: without a kept run it is the reason."""

    @functools.wraps(table)
    def wrapped(page: Page, *arguments: object) -> str:
        try:
            return table(page, *arguments)
        except kept.Missing as missing:
            return f"*No figure: {missing}.*"

    return wrapped


class Page:
    """What a template may call."""

    def __init__(self, figures: kept.Figures) -> None:
        self._figures = figures

    def difference(self, old: str, before: Sequence[str], new: str, after: Sequence[str]) -> str:
        """The difference between functions of two models."""
        return "\n".join(sources.difference((old, before), (new, after)))

    def excerpt(self, model: str, *names: str) -> str:
        """Functions of a model."""
        return "\n".join(sources.excerpt(model, names))

    def step(self, old: str, new: str) -> str:
        """The table of the tour: what the new model costs and gains over the old one."""
        rows = [("", f"`{old}`", f"`{new}`", "ratio"), (":--", "--:", "--:", ":--")]
        suite = self._suite_of(old, new)
        for connections in self._loads_of(suite):
            what = f"requests/s, {_connections(connections)}"
            rows.append((what, *self._pair(suite, connections, old, new)))
        rows.append(("requests to the wineserver per echo", *map(_requests, (old, new)), NONE))
        return f"{_table(rows)}\n\n{self.origin(suite)}"

    def _suite_of(self, *models: str) -> str:
        """The suite whose kept run has all these models, the six first, which have more rounds."""
        for suite in (SIX, EXHIBITION):
            try:
                for model in models:
                    self._figures.server(suite, TOUR_LOADS[1], model)
                return suite
            except kept.Missing:
                continue
        return EXHIBITION

    def _loads_of(self, suite: str) -> list[int]:
        """The tour's loads that the kept run of a suite has."""
        try:
            had = {load["connections"] for load in self._figures.loads(suite)}
        except kept.Missing:
            return []
        return [each for each in TOUR_LOADS if each in had]

    def _pair(self, suite: str, connections: int, old: str, new: str) -> tuple[str, str, str]:
        cells = [self._rate(suite, connections, each) for each in (old, new)]
        try:
            found = self._figures.ratios(suite, connections, [new], old)
        except kept.Missing:
            found = {}
        return cells[0], cells[1], _ratio(found[new]) if new in found else NONE

    def _rate(self, suite: str, connections: int, label: str) -> str:
        try:
            return _estimate(self._figures.rate(suite, connections, label))
        except kept.Missing:
            return NONE

    @or_reason
    def answers(self, suite: str, loads: Sequence[int], labels: Sequence[str], other: str) -> str:
        """A table: ratios of some servers over another one, at each load as one family."""
        rows = [
            ("", *(f"{_connections(each)}" for each in loads)),
            (":--", *(":--" for _ in loads)),
        ]
        found = {each: self._figures.ratios(suite, each, labels, other) for each in loads}
        for label in labels:
            cells = [
                _ratio(found[each][label])
                if label in found[each]
                else self.why_none(suite, each, label)
                for each in loads
            ]
            rows.append((f"`{label}` over `{other}`", *cells))
        return f"{_table(rows)}\n\n{self.origin(suite)}"

    def why_none(self, suite: str, connections: int, label: str) -> str:
        """The reason why a server has no figure."""
        try:
            self._figures.rate(suite, connections, label)
        except kept.Missing as missing:
            return str(missing)
        raise AssertionError(f"{label} has a figure in {suite}")

    @or_reason
    def rates(self, suite: str, loads: Sequence[int], baseline: str) -> str:
        """A table: each server's requests per second at each load, and their ratio to a baseline.

        A server without a figure has its reason in place of the ratio.
        """
        rows = [
            ("connections", "server", "requests/s", f"over {baseline}"),
            ("--:", ":--", "--:", ":--"),
        ]
        for connections in loads:
            labels = list(self._figures.load(suite, connections)["servers"])
            others = [each for each in labels if each != baseline]
            ratios = self._figures.ratios(suite, connections, others, baseline)
            for label in labels:
                words = _ratio(ratios[label]) if label in ratios else "1"
                if label not in ratios and label != baseline:
                    words = self.why_none(suite, connections, label)
                rate = self._rate(suite, connections, label)
                rows.append((f"{connections:,}", label, rate, words))
        return f"{_table(rows)}\n\n{self.origin(suite)}"

    @or_reason
    def costs(self, suite: str, baseline: str) -> str:
        """A table: the CPU time of a request at the offered rate, and its ratio to a baseline."""
        load, over = self._figures.costs(suite, baseline)
        rows = [("server", "CPU time of a request", f"over {baseline}"), (":--", "--:", ":--")]
        for label, server in load["servers"].items():
            words = _cost(over[label]) if label in over else "1"
            if label not in over and label != baseline:
                words = server["why_no_figure"]
            rows.append((label, f"{_three(server['cpu_us'])} µs", words))
        return f"{_table(rows)}\n\n{self.origin(suite)}"

    @or_reason
    def classes(self, suite: str, connections: int, heavy: str, light: str) -> str:
        """A table: the rate of the heavy class, and the median latency of the light one."""
        rows = [
            (
                "server",
                f"requests/s of the {heavy} client",
                f"median latency of the {light} clients",
            ),
            (":--", "--:", "--:"),
        ]
        for label, server in self._figures.load(suite, connections)["servers"].items():
            classes = server["classes"]
            rate = _interval(*classes[heavy]["rate"]) if classes else NONE
            latency = (
                _interval(*classes[light]["p50_us"], unit=" ms", scale=1e-3) if classes else NONE
            )
            rows.append((label, rate, latency))
        return f"{_table(rows)}\n\n{self.origin(suite)}"

    @or_reason
    def memory(self, suite: str, few: int, many: int) -> str:
        """A table: private memory of each server, and what one more idle connection takes."""
        rows = [
            ("server", f"{_connections(few)}", f"{_connections(many)}", "per connection"),
            (":--", "--:", "--:", "--:"),
        ]
        for label in self._figures.load(suite, few)["servers"]:
            bytes_ = [
                self._figures.server(suite, each, label)["gauges"]["private_bytes"]
                for each in (few, many)
            ]
            if None in bytes_:
                rows.append((label, NONE, NONE, NONE))
                continue
            more = (bytes_[1] - bytes_[0]) / (many - few)
            rows.append((label, *(f"{each / 2**20:.1f} MiB" for each in bytes_), _kib(more)))
        return f"{_table(rows)}\n\n{self.origin(suite)}"

    @or_reason
    def held(self, suite: str, *loads: int) -> str:
        """A table: whether each server held so many connections."""
        rows = [("server", *map(_connections, loads)), (":--", *(":--" for _ in loads))]
        for label in self._figures.load(suite, loads[0])["servers"]:
            cells = []
            for connections in loads:
                rate = self._rate(suite, connections, label)
                held = f"all; {rate} requests/s"
                cells.append(held if rate != NONE else self.why_none(suite, connections, label))
            rows.append((label, *cells))
        return f"{_table(rows)}\n\n{self.origin(suite)}"

    def origin(self, suite: str) -> str:
        """Where the figures of a table come from, and what they do not show."""
        try:
            run = self._figures.run(suite)
        except kept.Missing as missing:
            return f"*No figure: {missing}.*"
        rounds = max(load["rounds"] for load in run["loads"])
        link = f"[{run['run'].rpartition('/')[2]}](../{run['run']}/report.html)"
        spread = (
            f", repeats vary by {run['spread']:.0%}".replace("%", " %") if run["spread"] else ""
        )
        caveat = (
            "Wine proves that the code runs, never how Windows performs"
            if run["platform"].startswith("wine")
            else "no figure here says how Windows performs"
        )
        return (
            f"*{_platform(run['platform'])} on {run['cpus']} CPUs, {rounds} rounds{spread}, 95 % "
            f"intervals: {link}. {caveat[0].upper()}{caveat[1:]}.*"
        )


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _connections(number: int) -> str:
    return f"{number:,} connection{'s' * (number != 1)}"


def _platform(name: str) -> str:
    return name.replace("-", " ").capitalize()


def _requests(model: str) -> str:
    """The requests per echo that docs/requests.md states for Wine 8.0."""
    text = REQUESTS.read_text(encoding="utf-8")
    found = re.search(rf"^\| {model} \| wine-8\.0 \| ([^|]*) \|", text, re.MULTILINE)
    return found[1] if found else NONE


def _estimate(estimate: Estimate) -> str:
    return _interval(estimate.value, estimate.low, estimate.high)


def _interval(
    value: float | None,
    low: float | None,
    high: float | None,
    *,
    unit: str = "",
    scale: float = 1.0,
) -> str:
    """A value with its interval, each with three digits."""
    if value is None:
        return NONE
    ends = (
        "" if low is None or high is None else f" [{_three(low * scale)}, {_three(high * scale)}]"
    )
    return f"{_three(value * scale)}{ends}{unit}"


def _ratio(one: Comparison) -> str:
    ends = "" if one.low is None or one.high is None else f" [{one.low:.2f}, {one.high:.2f}]"
    return f"{one.ratio:.2f}{ends}, {one.word.text(Rules().baseline.margin)}"


def _cost(one: Comparison) -> str:
    """The ratio of CPU times, from a comparison of requests per CPU second."""
    words = _ratio(replace(turned(one, one.other), word=one.word))
    for speed, cost in (("faster", "less CPU time"), ("slower", "more CPU time")):
        words = words.replace(speed, cost)
    return words


def _kib(size: float) -> str:
    return f"{_three(size / 1024)} KiB"


def _three(value: float) -> str:
    """Three significant digits, without an exponent."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"


def _wrapped(text: str) -> str:
    """Wrap the paragraphs that figures made too long. Tables, code and lists stay."""
    blocks = re.split(r"(^```.*?^```$|\n\n)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        textwrap.fill(block, COLUMNS, break_long_words=False, break_on_hyphens=False)
        if block[:1] not in tuple("|#-`\n") and max(map(len, block.splitlines() or [""])) > COLUMNS
        else block
        for block in blocks
    )


def render() -> dict[Path, str]:
    """Return the text of each page."""
    page, size = Page(kept.Figures.read()), scale.Scale.read()
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    return {
        target: _wrapped(
            environment.from_string(template.read_text(encoding="utf-8")).render(
                page=page, scale=size
            )
        )
        for target, template in PAGES.items()
    }


def outdated(texts: dict[Path, str]) -> list[str]:
    """Return the names of the pages that differ from these texts."""
    return [
        path.relative_to(ROOT).as_posix()
        for path, text in texts.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the tour and the answers.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write the pages")
    what.add_argument("--figures", action="store_true", help="read the kept runs, then write")
    what.add_argument("--check", action="store_true", help="compare the pages")
    options = parser.parse_args()
    if options.figures:
        kept.write()
        scale.write()
    texts = render()
    if options.check:
        old = outdated(texts)
        for name in old:
            print(f"{name}: outdated; run python3 {Path(__file__).relative_to(ROOT)} --write")
        return bool(old)
    for path, text in texts.items():
        write_whole(path, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
