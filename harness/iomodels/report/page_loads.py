"""The loads of the page's data (page_data.py): verdict, ranked lists, a tile of the load map.

The fields of a load:

    c, p    connections and panel
    w       in words
    cpu     whether CPU time is compared, not requests per second
    badge   how sure the verdict is, one of sentences.badge()
    v       the verdict; of two builds what changed
    next    command and time of what would settle it, or null
    tile    of the load map: style ("win", "likely", "open" or "none"), series, text
    views   of each baseline its ranked list, "-" stands for the fastest: rows of
            (series, ratio, low, high, ratio as text, how sure, style). A ratio is of the figures,
            so at an offered rate below 1 is better. The list begins with the best.
    value   the figure of each series as text
    rest    the series without a figure: (series, style, value, reason, how sure)
    notes   cost and stalls: sentences about them; latency: what a closed loop's mean
    tune    the command that finds the number of threads, or null
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iomodels.base import words
from iomodels.judge.ab import changes_of_load
from iomodels.judge.loads import NEW, OLD, JudgedLoad, Unable, over
from iomodels.judge.paired import Comparison, turned
from iomodels.judge.rule import Lead, Word
from iomodels.judge.summary import Summary, is_ab
from iomodels.report import remarks
from iomodels.report.ab import word_of
from iomodels.report.page_cells import rounded
from iomodels.report.sentences import difference, scale_of
from iomodels.report.shape import LoadAnswer

FASTEST = "-"
Row = tuple[int, float | None, float | None, float | None, str, str, str]
STYLES = {
    Word.FASTER: "better",
    Word.SLOWER: "worse",
    Word.EQUAL: "equal",
    Word.LIKELY_FASTER: "likely",
    Word.LIKELY_SLOWER: "likely",
    Word.NOT_DECIDED: "open",
    Word.PROVISIONAL: "open",
}


def load_data(
    summary: Summary,
    load: JudgedLoad,
    said: LoadAnswer,
    series: Sequence[str],
    panel: int,
    tunable: Sequence[str],
) -> dict[str, Any]:
    """Return one load as above. `series` has the label of each number, `tunable` those of servers
    with a number of threads."""
    builds = is_ab(summary.run.manifest)
    value = [words.number(load.figure(label)) for label in series]
    return {
        "c": load.key.connections,
        "p": panel,
        "w": said.words,
        "cpu": load.offered,
        "badge": said.badge,
        "v": said.verdict,
        "next": said.next and [said.next.command, said.next.takes],
        "tile": _tile(load, series),
        "views": _builds(summary, load, series) if builds else _views(summary, load, series),
        "value": value,
        "rest": _rest(load, series),
        "notes": {
            "cost": [text for text in [remarks.explanation(load)] if text],
            "latency": remarks.closed_loop_latency(load) or "",
            "stalls": remarks.stalls(load),
        },
        "tune": None if builds else _tune(summary, load, tunable),
    }


# ---- ranked lists ----


def _views(summary: Summary, load: JudgedLoad, series: Sequence[str]) -> dict[str, list[Row]]:
    """Return the ranked list over the fastest, and over each server with a figure."""
    if load.fastest is None:
        return {}
    margin = summary.rules.fastest.margin
    leader = load.fastest.leader
    led = [turned(one, one.other) for one in load.fastest.comparisons]
    first = _base_row(series.index(leader), _leader_words(load, margin), "base")
    views = {
        FASTEST: [
            first,
            *(_row(load, one, margin, series) for one in led),
            *_controls(load, leader, series),
        ]
    }
    for base in (leader, *load.fastest.left_out, *(one.label for one in led)):
        rows = [
            _row(load, one, summary.rules.baseline.margin, series)
            for one in over(load, base, summary.rules)
        ]
        rows.append(_base_row(series.index(base), "baseline", "base"))
        rows.sort(key=lambda row: (row[1] or 0.0) * (1 if load.offered else -1))
        views[str(series.index(base))] = [*rows, *_controls(load, base, series)]
    return views


def _base_row(number: int, how: str, style: str) -> Row:
    return (number, 1.0, None, None, "= 100 %", how, style)


def _leader_words(load: JudgedLoad, margin: float) -> str:
    lead = load.lead
    if lead is Lead.CLEAR:
        return scale_of(load).best
    if lead is Lead.EQUAL:
        return Word.EQUAL.text(margin)
    return {Lead.ALONE: "only one", Lead.LIKELY: f"likely {scale_of(load).best}"}.get(
        lead or Lead.ALONE, "first so far"
    )


def _row(load: JudgedLoad, one: Comparison, margin: float, series: Sequence[str]) -> Row:
    """A server over another one. The ratio is of their figures."""
    scale = scale_of(load)
    how = one.word.text(margin).replace("faster", scale.better).replace("slower", scale.worse)
    return (*_ratio(load, one, series), how, STYLES[one.word])


def _ratio(
    load: JudgedLoad, one: Comparison, series: Sequence[str]
) -> tuple[int, float | None, float | None, float | None, str]:
    number, differs = series.index(one.label), _differs(one)
    if load.offered:
        one = turned(one, one.other)
    text = words.change(one.ratio, one.low, one.high, differs=differs)
    return (number, rounded(one.ratio), rounded(one.low), rounded(one.high), text)


def _differs(one: Comparison) -> bool:
    return one.word not in (Word.EQUAL, Word.NOT_DECIDED, Word.PROVISIONAL)


def _controls(load: JudgedLoad, base: str, series: Sequence[str]) -> list[Row]:
    """A control is compared with its twin alone; its bar is its figure over the baseline's."""
    rows: list[Row] = []
    below = load.figure(base)
    for control in (each for each in load.controls if each.label in series):
        figure, one = load.figure(control.label), control.comparison
        number = series.index(control.label)
        if one is None or not figure or not below:
            rows.append((number, None, None, None, control.reason, "control", "control"))
            continue
        own = turned(one, one.other) if load.offered else one
        said = words.change(own.ratio, own.low, own.high)
        text = f"{said} of {control.twin}" if base != control.twin else said
        how = "control disagrees" if control.disagrees else "control"
        rows.append((number, rounded(figure / below), None, None, text, how, "control"))
    return rows


def _builds(summary: Summary, load: JudgedLoad, series: Sequence[str]) -> dict[str, list[Row]]:
    """Return each new build over its old one."""
    rows: list[Row] = []
    for change in changes_of_load(load):
        one, old = change.comparison, series.index(change.model + OLD)
        if one is None:
            continue
        how = word_of(one, change.offered, summary)
        assert one.label == change.model + NEW
        rows.append((*_ratio(load, one, series), how, STYLES[one.word]))
        rows.append(_base_row(old, "old build", "base"))
    return {FASTEST: rows}


def _rest(load: JudgedLoad, series: Sequence[str]) -> list[tuple[int, str, str, str, str]]:
    found = [_unable(each, series) for each in load.unable]
    left_out = load.fastest.left_out if load.fastest else {}
    return found + [
        (series.index(label), "failed", words.NOTHING, reason, "no comparison")
        for label, reason in left_out.items()
    ]


def _unable(each: Unable, series: Sequence[str]) -> tuple[int, str, str, str, str]:
    number = series.index(each.label)
    if each.at_least is not None:
        return (number, "bound", f"≥ {words.at_least(each.at_least)}", each.reason, "at least")
    how = "cannot run here" if each.limit else "no valid figure"
    return (number, "failed", words.NOTHING, each.reason, how)


# ---- the load map ----


def _tile(load: JudgedLoad, series: Sequence[str]) -> tuple[str, list[int], str]:
    """Return who leads by how much; or who is open or equal."""
    if load.fastest is None:
        return ("none", [], "no figure")
    leader, lead = load.fastest.leader, load.lead
    near = [series.index(label) for label in (leader, *load.fastest.tied)]
    if lead is Lead.ALONE:
        return ("win", near[:1], "alone")
    if lead is Lead.CLEAR:
        nearest = load.fastest.comparisons[0].ratio
        sign = "+" if nearest < 2 else ""
        return ("win", near[:1], f"{sign}{difference(nearest)}")
    if lead is Lead.LIKELY:
        return ("likely", near[:1], "likely")
    words_ = {Lead.EQUAL: "equal", Lead.PROVISIONAL: "early"}
    return ("open", near, f"{len(near)} {words_.get(lead or Lead.NOT_DECIDED, 'open')}")


# ---- the number of threads ----


def _tune(summary: Summary, load: JudgedLoad, tunable: Sequence[str]) -> str | None:
    """Return the command, unless the run itself varies the threads or has a load of its own."""
    asked = any(cell.condition.options for cell in load.cells)
    if asked or load.fastest is None or load.offered or str(summary.suite.load):
        return None
    if load.key.depth > 1 or load.key.reply_size != load.key.size:
        return None
    ranked = [load.fastest.leader, *(one.other for one in load.fastest.comparisons)]
    best = next((label for label in ranked if label in tunable), None)
    if best is None:
        return None
    idle = summary.suite.idle(load.key.connections)
    crowd = f" --idle {idle}" if idle else ""
    at = f"--connections {load.key.connections}{crowd} --size {load.key.size}"
    return f"iomodels tune {load.cell(best).condition.model} {at}"
