"""How does throughput change with the number of connections?

One panel a message size, x = connections (log2), y = requests per second: the median of the repeats as a line with its 95 %
bootstrap band (of many series a bar each, side by side, as bands would cover each other), every repeat as a faint dot. Hollow are
a cell that is not valid (harness/iomodels/judge/verdict.py) and a repeat that is left out (on the axis if it has no number at all).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iomodels.base import words
from iomodels.data.records import Condition, Record, Run
from iomodels.figures import style
from iomodels.judge import stats
from iomodels.judge.verdict import Verdict, judge_run, left_out

NAME = "throughput_by_connections"
QUESTION = "How does throughput change with the number of connections?"
TITLE = "Requests per second by number of connections"
NOTE = "Line: median of the valid repeats. Band: its 95 % bootstrap interval. Dots: single repeats."
MANY_NOTE = "Line: median of the valid repeats. Bar: its 95 % bootstrap interval. Dots: single repeats. Series side by side."
HOLLOW_NOTE = (
    " Hollow: not valid, left out of every comparison (a repeat on the axis came to no number)."
)
ASIDE = 1.045
"""Many series stand beside each other at each load, each by this factor of connections, so that their bars do not coincide."""
COLUMNS = (
    "run",
    "platform",
    "server",
    "connections",
    "size",
    "reply_size",
    "depth",
    "repeat",
    "status",
    "requests_per_second",
    "median",
    "ci95_low",
    "ci95_high",
    "repeats_ok",
    "verdict",
)


def draw(run: Run, connections: style.Numbers = (), sizes: style.Numbers = ()) -> style.Plot:
    """The figure of a run. Failure if there is nothing to draw or the run mixes platforms."""
    records = style.rates_free(run, style.chosen(run, connections, sizes))
    panels = sorted({style.panel_of(record.condition) for record in records})
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    many = len(style.looks(record.condition for record in records)) > style.MOST_BANDS
    verdicts = judge_run(run)
    hollow = any(left_out(record) or not verdicts[record.condition].valid for record in records)
    note = (MANY_NOTE if many else NOTE) + HOLLOW_NOTE * hollow
    with style.rc():
        figure, axes = style.sheet(
            run, records, (TITLE, note), columns, rows, panel_height=2.75, panels=len(panels)
        )
        for axis, load in zip(axes.flat, panels):
            _panel(
                axis,
                [record for record in records if style.panel_of(record.condition) == load],
                verdicts,
            )
        axes[0, 0].set_ylim(bottom=0)
        style.count_axis(axes.flat, sorted({record.condition.connections for record in records}))
        for axis in axes[:, 0]:
            axis.set_ylabel("requests per second")
    return style.Plot(
        NAME,
        QUESTION,
        TITLE,
        _alt(run, records),
        figure,
        COLUMNS,
        _rows(run, records),
        style.command(NAME, run, connections, sizes),
    )


def rate(record: Record) -> float | None:
    """Requests per second of a repeat; None if it has none."""
    result = style.result_of(record)
    value = result.get("requests_per_second") if result else None
    return None if value is None else float(value)


def rates(records: Sequence[Record], condition: Condition) -> list[float]:
    """Requests per second of the valid repeats of a cell."""
    found = [
        rate(record) for record in records if record.condition == condition and not left_out(record)
    ]
    return [value for value in found if value is not None]


def comparable(run: Run, records: Sequence[Record]) -> dict[Condition, list[float]]:
    """Requests per second of the cells whose verdict lets them be compared, in the order of the records."""
    verdicts = judge_run(run)
    found = {
        c: rates(records, c)
        for c in dict.fromkeys(record.condition for record in records)
        if verdicts[c].valid
    }
    return {condition: values for condition, values in found.items() if values}


def _panel(axis: Any, records: Sequence[Record], verdicts: Mapping[Condition, Verdict]) -> None:
    axis.set_title(style.size_words(style.panel_of(records[0].condition)))
    looks = style.looks(record.condition for record in records)
    for place, (label, look) in enumerate(looks.items()):
        own = [record for record in records if record.condition.label == label]
        cells = sorted(
            {record.condition for record in own}, key=lambda condition: condition.connections
        )
        points = [stats.median_estimate(rates(own, cell)) for cell in cells]
        x = [cell.connections for cell in cells]
        aside = 1.0 if len(looks) <= style.MOST_BANDS else ASIDE ** (place - (len(looks) - 1) / 2)
        axis.plot(
            [at * aside for at in x],
            _values(point.value if point else None for point in points),
            **style.line_style(look),
            zorder=3,
        )
        for at, cell, point in zip(x, cells, points):
            if point and not verdicts[cell].valid:
                axis.plot(
                    at * aside,
                    point.value,
                    look.marker,
                    markerfacecolor=style.PAPER,
                    markeredgecolor=look.colour,
                    markersize=6.5,
                    markeredgewidth=1.1,
                    zorder=4,
                )
        low, high = (
            _values(point.low if point else None for point in points),
            _values(point.high if point else None for point in points),
        )
        if len(looks) <= style.MOST_BANDS:
            axis.fill_between(x, low, high, color=look.colour, alpha=0.16, linewidth=0, zorder=1)
        else:
            axis.vlines(
                [at * aside for at in x],
                low,
                high,
                color=look.colour,
                alpha=0.55,
                linewidth=1.1,
                zorder=2,
            )
        _repeats(axis, own, look, aside)
    for limit, text in style.limits(records):
        axis.axvline(limit, color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
        axis.annotate(
            text,
            (limit, 0),
            xycoords=("data", "axes fraction"),
            xytext=(-3, 4),
            textcoords="offset points",
            rotation=90,
            ha="right",
            va="bottom",
            fontsize=6.5,
            color=style.MUTED,
        )


def _values(numbers: Iterable[float | None]) -> list[float]:
    """For matplotlib, which breaks a line at NaN: nothing is drawn across a cell without a valid repeat."""
    return [math.nan if number is None else number for number in numbers]


def _repeats(axis: Any, records: Sequence[Record], look: style.Look, aside: float) -> None:
    """The repeats of a series: faint dots where valid, else hollow, and on the axis if one never came to a number."""
    places = [
        (left_out(record) is None, record.condition.connections * aside, rate(record))
        for record in records
    ]
    good = [(at, value) for valid, at, value in places if valid and value is not None]
    bad = [(at, value or 0.0) for valid, at, value in places if not valid or value is None]
    axis.plot(
        [at for at, _ in good],
        [value for _, value in good],
        ".",
        color=look.colour,
        alpha=0.4,
        markersize=3.5,
        markeredgewidth=0,
        zorder=2,
    )
    if bad:  # matplotlib takes an empty line that is not clipped for one at the origin, and the layout fails
        axis.plot(
            [at for at, _ in bad],
            [value for _, value in bad],
            look.marker,
            markerfacecolor="none",
            markeredgecolor=look.colour,
            markersize=6.5,
            markeredgewidth=1.1,
            clip_on=False,
            zorder=4,
        )


def _rows(run: Run, records: Sequence[Record]) -> tuple[tuple[object, ...], ...]:
    verdicts = judge_run(run)
    valid = {
        condition: rates(records, condition)
        for condition in {record.condition for record in records}
    }
    medians = {condition: stats.median_estimate(values) for condition, values in valid.items()}
    rows = []
    for record in sorted(
        records,
        key=lambda one: (
            style.panel_of(one.condition),
            one.condition.label,
            one.condition.connections,
            one.repeat,
        ),
    ):
        c = record.condition
        found = medians[c]
        summary = (found.value, found.low, found.high) if found else (None, None, None)
        rows.append(
            (
                run.manifest["run"],
                record.platform,
                c.label,
                c.connections,
                c.size,
                c.reply_size,
                c.depth,
                record.repeat,
                record.status,
                rate(record),
                *summary,
                len(valid[c]),
                verdicts[c].kind.value,
            )
        )
    return tuple(rows)


def _alt(run: Run, records: Sequence[Record]) -> str:
    """What the figure shows, in words: the medians at the most connections of every panel."""
    sentences = []
    for panel in sorted({style.panel_of(record.condition) for record in records}):
        inside = [record for record in records if style.panel_of(record.condition) == panel]
        most = max(record.condition.connections for record in inside)
        cells = {
            record.condition.label: record.condition
            for record in inside
            if record.condition.connections == most
        }
        medians = {
            label: stats.median(rates(inside, cells[label]))
            for label in style.looks(cells.values())
        }
        values = [
            f"{label} {words.number(value)}"
            for label, value in medians.items()
            if value is not None
        ]
        sentences.append(
            f"{style.size_words(panel)} at {most:,} connections: {', '.join(values) or 'no valid repeat'}."
        )
    return f"Line chart on {style.platform_of(run)}: requests per second by connections, median with its 95 % interval. {' '.join(sentences)}"
