"""Was the load steady while it was measured?

The course of one load: the most connections and the first message size, unless chosen. Each
series without the controls shows replies per second, and mean and longest service time, per
interval; one line is one repeat. The warm-up, which no other figure shows, is shaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, StrMethodFormatter

from iomodels.base.errors import Failure
from iomodels.base.words import count, number, tick
from iomodels.data.records import Record, Run
from iomodels.figures import palette, select, sheet
from iomodels.figures.output import Plot, Rows, command
from iomodels.judge.summary import summarise
from iomodels.judge.verdict import left_out

NAME = "course_of_a_cell"
QUESTION = "Was the load steady while it was measured?"
NOTE = (
    "A line per repeat, in intervals of {width}. Shaded: warm-up, which no other figure shows. "
    "Dotted: repeats left out."
)
COLUMNS = (
    *(*select.CELL, "repeat", "seconds", "warmup"),
    *("replies_per_second", "mean_us", "longest_us", "counts"),
)
MOST_COLUMNS = 3
MOST_INTERVALS = 60
"""Per line: more are finer than the eye sees in a panel. The data have every interval."""


@dataclass(frozen=True)
class Course:
    """One repeat, an entry per interval.

    `seconds`: the middle of each interval since the measuring window began (negative: warm-up).
    """

    record: Record
    seconds: tuple[float, ...]
    rates: tuple[float, ...]
    mean_us: tuple[float, ...]
    longest_us: tuple[float, ...]
    width_s: float
    counts: bool


def draw(run: Run, connections: select.Numbers = (), sizes: select.Numbers = ()) -> Plot:
    """Return the figure of a run. Raises Failure if no course of the load is recorded."""
    records = [
        record
        for record in select.chosen(run, connections, sizes)
        if any((record.result or {}).get("intervals", {}).get("requests", ()))
    ]
    if not records:
        raise Failure(f"{run.path}: no course of the load is recorded")
    most = max(record.condition.connections for record in records)
    load = select.panels(record.condition for record in records)[0]
    shown = (most, load)
    records = [r for r in records if (r.condition.connections, r.condition.panel) == shown]
    twins = summarise(run).twins
    records = [record for record in records if record.condition.label not in twins]
    courses = [course_of(record) for record in records]
    looks = palette.looks(record.condition for record in records)
    cells = dict.fromkeys(record.condition for record in records)
    words = f"{count(most, 'connection')} × {load.words}"
    columns = _columns(len(looks))
    blocks = math.ceil(len(looks) / columns)
    verdicts = {c.label: select.cells(run)[c].verdict.kind.value for c in cells}
    drawn = [coarser(course) for course in courses]
    note = NOTE.format(width=tick(drawn[0].width_s * 1e9))
    with palette.rc():
        figure, axes = sheet.sheet(
            run,
            records,
            (f"Course of {words}", note),
            columns,
            2 * blocks,
            panel_height=1.4,
            share_y="row",
            further=_legend(),
            listed=(),
        )
        for place, (label, look) in enumerate(looks.items()):
            block, column = divmod(place, columns)
            _column(
                axes[2 * block : 2 * block + 2, column],
                [course for course in drawn if course.record.condition.label == label],
                look,
                f"{label}: {verdicts[label]}",
            )
        for axis in axes[-2:, len(looks) - columns * (blocks - 1) :].flat:
            axis.set_visible(False)
        _axes(axes, len(looks), columns)
    again, alt = command(NAME, run, connections, sizes), _alt(run, words, courses, verdicts)
    return Plot(NAME, QUESTION, alt, figure, COLUMNS, _rows(run, courses), again)


def _columns(series: int) -> int:
    """Return the number of columns that leaves the fewest places empty."""
    if series <= MOST_COLUMNS:
        return series
    return min(range(2, MOST_COLUMNS + 1), key=lambda each: (-series % each, -each))


def course_of(record: Record) -> Course:
    intervals = (record.result or {})["intervals"]
    width, warmup = float(intervals["width_ns"]), int(intervals["warmup"])
    middles = tuple(
        (place - warmup + 0.5) * width / 1e9 for place in range(len(intervals["requests"]))
    )
    mean_us, longest_us = (
        tuple(math.nan if ns is None else ns / 1e3 for ns in intervals[name])
        for name in ("mean_ns", "max_ns")
    )
    return Course(
        record,
        middles,
        tuple(requests * 1e9 / width for requests in intervals["requests"]),
        mean_us,
        longest_us,
        width / 1e9,
        left_out(record) is None,
    )


def coarser(course: Course) -> Course:
    """Return the course in at most MOST_INTERVALS intervals.

    Neighbours are taken together, but never warm-up with window; what is left over at either end
    is dropped.
    """
    together = math.ceil(len(course.seconds) / MOST_INTERVALS)
    warmup = sum(at < 0 for at in course.seconds)
    starts = [*range(warmup % together, len(course.seconds) - together + 1, together)]

    def joined(values: Sequence[float], join: Callable[[list[float]], float]) -> tuple[float, ...]:
        groups = (
            [value for value in values[start : start + together] if not math.isnan(value)]
            for start in starts
        )
        return tuple(join(group) if group else math.nan for group in groups)

    totals = [
        0.0 if math.isnan(us) else us * rate for us, rate in zip(course.mean_us, course.rates)
    ]
    sums, rates = joined(totals, sum), joined(course.rates, sum)
    means = tuple(total / rate if rate else math.nan for total, rate in zip(sums, rates))
    return replace(
        course,
        seconds=joined(course.seconds, mean),
        rates=tuple(rate / together for rate in rates),
        mean_us=means,
        longest_us=joined(course.longest_us, max),
        width_s=course.width_s * together,
    )


def _column(axes: Sequence[Any], courses: Sequence[Course], look: palette.Look, title: str) -> None:
    rate, latency = axes
    rate.set_title(title)
    for counts in (True, False):
        own = [course for course in courses if course.counts is counts]
        line: dict[str, Any] = {
            "color": look.colour,
            "linewidth": 0.8,
            "alpha": 0.7,
            "linestyle": "-" if counts else (0, (1, 1.6)),
        }
        seconds = _joined(course.seconds for course in own)
        rate.plot(seconds, _joined(course.rates for course in own), **line)
        latency.plot(seconds, _joined(course.mean_us for course in own), **line)
        ends = _dashes(own)
        longest = [
            us for course in own for each in course.longest_us for us in (each, each, math.nan)
        ]
        dash = {"color": look.colour, "linewidth": 1.6, "alpha": 0.45}
        latency.plot(ends, longest, **dash, solid_capstyle="butt")
    start = min(course.seconds[0] - course.width_s / 2 for course in courses)
    for axis in axes:
        axis.axvspan(start, 0, color=palette.GRID, alpha=0.6, linewidth=0, zorder=0)


def _joined(repeats: Iterable[Sequence[float]]) -> list[float]:
    """All repeats as one line that breaks between them: many lines take long to draw."""
    return [value for repeat in repeats for value in (*repeat, math.nan)]


def _dashes(courses: Iterable[Course]) -> list[float]:
    """Return both ends of every interval as lines: as marks they would take most of the bytes."""
    return [
        end
        for course in courses
        for at in course.seconds
        for end in (at - course.width_s / 2, at + course.width_s / 2, math.nan)
    ]


def _legend() -> list[Line2D]:
    mean_line = {"linewidth": 0.9, "label": "mean service time"}
    longest = {"linewidth": 1.6, "alpha": 0.6, "linestyle": (0, (1, 1.5)), "label": "longest"}
    return [Line2D([], [], color=palette.MUTED, **style) for style in (mean_line, longest)]


def _axes(axes: Any, series: int, columns: int) -> None:
    for row in range(0, len(axes), 2):
        axes[row, 0].set_ylim(bottom=0)
        axes[row, 0].set_ylabel("replies per second")
        axes[row, 0].yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes[row + 1, 0].set_yscale("log")
        axes[row + 1, 0].set_ylabel("service time (log)")
        low, high = axes[row + 1, 0].get_ylim()
        subs = (1, 2, 5) if high < 100 * low else (1,)
        axes[row + 1, 0].yaxis.set_major_locator(LogLocator(10, subs=subs))
        sheet.time_axis(axes[row + 1, 0].yaxis)
    for place in range(max(0, series - columns), series):
        lowest = axes[2 * (place // columns) + 1, place % columns]
        lowest.tick_params(labelbottom=True)
        lowest.set_xlabel("seconds since the window began")


def _rows(run: Run, courses: Sequence[Course]) -> Rows:
    rows: list[tuple[object, ...]] = []
    for course in sorted(
        courses, key=lambda each: (each.record.condition.label, each.record.repeat)
    ):
        c = course.record.condition
        head = (*select.head(run, c), course.record.repeat)
        rows += [
            (*head, at, at < 0, rate, *map(_known, us), course.counts)
            for at, rate, *us in zip(
                course.seconds, course.rates, course.mean_us, course.longest_us
            )
        ]
    return tuple(rows)


def _known(us: float) -> float | None:
    return None if math.isnan(us) else us


def _alt(run: Run, words: str, courses: Sequence[Course], verdicts: Mapping[str, str]) -> str:
    told = []
    for label, verdict in verdicts.items():
        inside = [
            rate
            for course in courses
            if course.record.condition.label == label
            for at, rate in zip(course.seconds, course.rates)
            if at > 0
        ]
        rates = f"{number(min(inside))} to {number(max(inside))} replies per second"
        told.append(f"{label}: {rates}, {verdict}")
    what = f"Line charts on {run.platform}: course of {words}, interval by interval"
    return f"{what}. {'; '.join(told)}."
