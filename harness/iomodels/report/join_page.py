"""Runs of two operating systems on one page, as HTML and Markdown, and as data.

It is the only page of two platforms. Its title names both, and every table and chart does, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.base.files import write_whole
from iomodels.figures import literature, output, two_systems, two_systems_ratios
from iomodels.judge.join import OF_THE_BEST, Entry, Joined, JoinedLoad, Ratio, Scale
from iomodels.judge.join_conditions import Condition, State, of_state
from iomodels.report import join_sentences
from iomodels.report.conditions import commit_words
from iomodels.report.page import inline_svg, template
from iomodels.report.tables_page import Link, Page, Table

FORMAT = 1
HTML, MARKDOWN = "join.html", "join.md"
TITLES = {
    State.SAME: "What both platforms share",
    State.DIFFERS: "What differs",
    State.UNKNOWN: "What is not checked",
}


def write_join(joined: Joined, found: Sequence[Condition], out: Path, command: str) -> list[Path]:
    """Write join.html, join.md and figures/ into a folder. Each file is replaced whole."""
    page = join_page(joined, found, command)
    out.mkdir(parents=True, exist_ok=True)
    plots = list(_plots(joined, command))
    for plot in plots:
        output.write(plot, out / "figures")
    drawn = [
        {"plot": plot, "svg": inline_svg(output.svg_text(plot), plot.alt, place)}
        for place, plot in enumerate(plots)
    ]
    shown = {"page": page, "two_kernels": join_sentences.TWO_KERNELS, "figures": drawn}
    html = template("join.html.j2", html=True).render(**shown, warning=None)
    write_whole(out / HTML, html)
    write_whole(out / MARKDOWN, template("join.md.j2", html=False).render(**shown))
    return [out / HTML, out / MARKDOWN]


def _plots(joined: Joined, command: str) -> Iterator[output.Plot]:
    for figure in (two_systems, two_systems_ratios):
        for scale in Scale:
            try:
                yield figure.draw(joined, scale, command)
            except Failure:  # no load has such a result; the tables say why
                continue


def join_page(joined: Joined, found: Sequence[Condition], command: str) -> Page:
    suite = joined.windows.summaries[0].suite
    return Page(
        f"{joined.windows.platform} and {joined.linux.platform}: {suite.title}",
        suite.question,
        joined.windows.platform,
        join_sentences.headline(joined),
        (
            *_overview(joined),
            *_best(joined),
            *_results(joined),
            *_literature(),
            *(_conditions(joined, found, state) for state in State if of_state(found, state)),
            _runs(joined),
        ),
        command,
        (*join_sentences.remarks(joined), *join_sentences.without_result(joined)),
    )


# ---- results ----


def _overview(joined: Joined) -> Iterator[Table]:
    """How often each Linux server has each word."""
    rows = join_sentences.over_baseline(joined)
    if rows:
        title = f"{joined.linux.platform} over {joined.baseline} on {joined.windows.platform}"
        yield Table(title, ("server", *(scale.value for scale in Scale)), rows, (0, 1, 2))


def _best(joined: Joined) -> Iterator[Table]:
    """One table per scale: the best Linux server over the best Windows server of each load."""
    for scale in Scale:
        rows = [
            (
                load.key.panel.words,
                f"{load.key.connections:,}",
                best.other,
                best.label,
                _ratio(best),
                join_sentences.word_of(joined, scale, best),
            )
            for load in joined.loads
            if (found := load.on(scale)) and (best := found.best)
        ]
        if rows:
            level = words.given(OF_THE_BEST if joined.over_runs else joined.rule.stated)
            heads = (
                *("size", "connections", f"best on {joined.windows.platform}"),
                *(f"best on {joined.linux.platform}", f"Linux ÷ Windows [{level}]", "how sure"),
            )
            yield Table(f"Best server of each: {scale.value}", heads, rows, (0, 2, 3, 5))


def _results(joined: Joined) -> Iterator[Table]:
    """One table per scale and panel: every server of both platforms."""
    level = words.given(joined.rule.stated)
    heads = (
        *("connections", "platform", "server", "{unit}", f"÷ {joined.baseline} [{level}]"),
        *("how sure", "runs", "rounds"),
    )
    for scale in Scale:
        loads = [load for load in joined.loads if load.on(scale)]
        for panel in dict.fromkeys(load.key.panel for load in loads):
            rows = [
                row
                for load in loads
                if load.key.panel == panel
                for row in _rows(joined, load, scale)
            ]
            named = tuple(scale.value if head == "{unit}" else head for head in heads)
            title = f"{panel.words}: {scale.value}"
            yield Table(title, named, rows, (1, 2, 5), _note(joined))


def _note(joined: Joined) -> str:
    """How to read a table of results."""
    what = "over the runs" if joined.over_runs else "over the rounds of one run"
    return (
        f"Geometric means {what}. Ratios are over {joined.baseline} on {joined.windows.platform} "
        "at the same load."
    )


def _rows(joined: Joined, load: JoinedLoad, scale: Scale) -> Iterator[tuple[str, ...]]:
    found = load.on(scale)
    assert found
    ratios = {ratio.label: ratio for ratio in found.ratios}
    for side, entries in zip(joined.sides, (found.windows, found.linux)):
        for entry in entries:
            ratio = ratios.get(entry.label) if side is joined.linux else None
            yield (
                f"{load.key.connections:,}",
                side.platform,
                entry.label,
                words.number(entry.value),
                _ratio(ratio) if ratio else _baseline(joined, entry, side is joined.windows),
                join_sentences.word_of(joined, scale, ratio) if ratio else "",
                f"{entry.runs:,}",
                f"{entry.rounds:,}",
            )


def _baseline(joined: Joined, entry: Entry, windows: bool) -> str:
    return "baseline" if windows and entry.label == joined.baseline else words.NOTHING


def _ratio(ratio: Ratio) -> str:
    return words.ratio(ratio.ratio, ratio.low, ratio.high, differs=ratio.word.decides)


# ---- what is known besides ----


def _literature() -> Iterator[Table]:
    found = literature.iocp_and_epoll()
    rows: list[tuple[str | Link, ...]] = [
        (
            Link(each.study, each.source) if each.source else each.study,
            each.what,
            f"“{each.printed}”" if each.printed else words.NOTHING,
            each.words,
        )
        for each in found
    ]
    conditions = dict.fromkeys(f"{each.study}: {each.conditions}" for each in found)
    heads = ("study", "of what", "printed", "in words")
    note = f"No result of this suite. {'. '.join(conditions)}."
    yield Table("Literature: IOCP and epoll on one machine", heads, rows, (0, 1, 2, 3), note)


def _conditions(joined: Joined, found: Sequence[Condition], state: State) -> Table:
    heads = ("part", "condition", joined.windows.platform, joined.linux.platform, "note")
    rows = [
        (each.group, each.name, each.windows or words.NOTHING, each.linux or words.NOTHING,
         each.why)
        for each in of_state(found, state)
    ]  # fmt: skip
    return Table(TITLES[state], heads, rows, (0, 1, 2, 3, 4))


def _runs(joined: Joined) -> Table:
    rows = [
        (
            side.platform,
            manifest["run"],
            manifest["started_utc"],
            commit_words(manifest["git"]),
            words.duration(manifest["measured_s"]) if "measured_s" in manifest else words.NOTHING,
        )
        for side in joined.sides
        for summary in side.summaries
        for manifest in [summary.run.manifest]
    ]
    heads = ("platform", "run", "started", "commit", "measured for")
    return Table("Runs", heads, rows, (0, 1, 2, 3))


# ---- as data ----


def join_data(joined: Joined, found: Sequence[Condition]) -> dict[str, Any]:
    """Return everything as data; the words are those of the page."""
    return {
        "format": FORMAT,
        "warning": join_sentences.TWO_KERNELS,
        "headline": join_sentences.headline(joined),
        "platforms": {
            "windows": joined.windows.platform,
            "linux": joined.linux.platform,
        },
        "runs": {
            each: [summary.run.manifest["run"] for summary in side.summaries]
            for each, side in zip(("windows", "linux"), joined.sides)
        },
        "over_runs": joined.over_runs,
        "baseline": joined.baseline,
        "conditions": [{**asdict(each), "state": each.state.value} for each in found],
        "loads": [_load_data(joined, load) for load in joined.loads],
        "remarks": [*join_sentences.remarks(joined), *join_sentences.without_result(joined)],
    }


def _load_data(joined: Joined, load: JoinedLoad) -> dict[str, Any]:
    return {
        "connections": load.key.connections,
        "size": load.key.size,
        "reply_size": load.key.reply_size,
        "depth": load.key.depth,
        "scales": [
            {
                "unit": found.scale.value,
                "windows": [_entry_data(each) for each in found.windows],
                "linux": [_entry_data(each) for each in found.linux],
                "ratios": [_ratio_data(joined, found.scale, each) for each in found.ratios],
                "best": found.best and _ratio_data(joined, found.scale, found.best),
            }
            for found in load.scales
        ],
    }


def _entry_data(entry: Entry) -> dict[str, Any]:
    numbers = {name: getattr(entry, name) for name in ("value", "low", "high", "runs", "rounds")}
    return {"server": entry.label, **numbers, "reasons": list(entry.reasons)}


def _ratio_data(joined: Joined, scale: Scale, ratio: Ratio) -> dict[str, Any]:
    numbers = {name: _finite(getattr(ratio, name)) for name in ("ratio", "low", "high", "p_holm")}
    word = join_sentences.word_of(joined, scale, ratio)
    return {"server": ratio.label, "over": ratio.other, **numbers, "word": word}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
