"""How long do requests take, out to the rare slow ones?

The classic HDR figure: x = percentile, stretched as −log10(1 − q) so that every further nine is equally wide; y = latency (log).
The line is the histogram of all valid repeats merged; the band runs from the lowest to the highest repeat. Each ends
where fewer than ten samples lie beyond the percentile. One panel a number of connections (columns) and message size (rows).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from harness import stats
from harness.records import Record, Run
from harness.verdict import left_out
from plots import style

NAME = "latency_by_percentile"
QUESTION = "How long do requests take, out to the rare slow ones?"
TITLE = "Latency by percentile"
NOTE = "Line: all valid repeats together. Band: lowest to highest repeat. Cut where fewer than 10 samples lie beyond."
COLUMNS = ("run", "platform", "server", "connections", "size", "reply_size", "depth", "percentile", "latency_us", "lowest_repeat_us",
           "highest_repeat_us", "samples", "repeats_ok")
STEPS_A_NINE = 40
"""Points of the line for each further nine; whole nines are always among them."""
MOST_COLUMNS = 3

Point = tuple[float, float, float | None, float | None]
"""Percentile; latency of all repeats together, of the lowest and of the highest repeat, in µs."""


def draw(run: Run, connections: style.Numbers = (), sizes: style.Numbers = ()) -> style.Plot:
    """The figure of a run; without `connections` the fewest, the middle and the most. RunError if there is nothing to draw."""
    known = sorted({record.condition.connections for record in run.records})
    shown = connections or tuple(known if len(known) <= MOST_COLUMNS else (known[0], known[len(known) // 2], known[-1]))
    records = style.chosen(run, shown, sizes)
    columns = sorted({record.condition.connections for record in records})
    rows = sorted({style.panel_of(record.condition) for record in records})
    curves = {(panel, count): _curves([r for r in records if style.panel_of(r.condition) == panel and r.condition.connections == count])
              for panel in rows for count in columns}
    with style.rc():
        figure, axes = style.sheet(run, records, (TITLE, NOTE), len(columns), len(rows), panel_height=2.4, share_y="col")
        looks = style.looks(record.condition for record in records)
        for i, panel in enumerate(rows):
            for j, count in enumerate(columns):
                _panel(axes[i, j], curves[panel, count], looks)
                axes[i, j].set_title(f"{count:,} conn. × {style.size_words(panel)}")
        _axes(axes, max((point[0] for each in curves.values() for points in each.values() for point in points), default=90.0))
    return style.Plot(NAME, QUESTION, TITLE, _alt(run, records), figure, COLUMNS, _rows(run, records),
                      style.command(NAME, run, connections, sizes))


def histogram(record: Record) -> stats.Histogram:
    """Latencies (ns) of a repeat; empty if it has none."""
    latency = (style.result_of(record) or {}).get("latency") or {}
    return stats.histogram((latency.get("histogram") or {}).get("counts") or ())


def _grid(samples: int) -> list[float]:
    """The percentiles that so many samples support, evenly spaced on the stretched axis, from 0 % up."""
    nines = math.log10(samples / stats.SAMPLES_BEYOND) if samples > stats.SAMPLES_BEYOND else 0.0
    grid = [100 * (1 - 10 ** (-step / STEPS_A_NINE)) for step in range(1, math.floor(nines * STEPS_A_NINE + 1e-9) + 1)]
    return [percent for percent in sorted({*grid, 50.0}) if stats.supported(samples, percent)]


def _curves(records: Sequence[Record]) -> dict[str, tuple[Point, ...]]:
    """Series label → its points, from the valid repeats of one panel."""
    repeats: dict[str, list[stats.Histogram]] = {label: [] for label in style.looks(record.condition for record in records)}
    for record in records:
        if not left_out(record) and (counts := histogram(record)):
            repeats[record.condition.label].append(counts)
    return {label: _curve(histograms) for label, histograms in repeats.items()}


def _curve(histograms: Sequence[stats.Histogram]) -> tuple[Point, ...]:
    merged = stats.merge(histograms)
    grid = _grid(stats.samples(merged))
    middle = stats.percentiles(merged, grid)
    each = [(stats.samples(one), stats.percentiles(one, grid)) for one in histograms]
    points: list[Point] = []
    for place, percent in enumerate(grid):
        values = [found for count, one in each if stats.supported(count, percent) and (found := one[place]) is not None]
        low, high = (min(values) / 1e3, max(values) / 1e3) if 1 < len(values) == len(histograms) else (None, None)
        value = middle[place]
        if value is not None:
            points.append((percent, value / 1e3, low, high))
    return tuple(points)


def position(percent: float) -> float:
    """Where a percentile lies on the stretched axis: 0 % at 0, 90 % at 1, 99 % at 2 …"""
    return -math.log10(1 - percent / 100)


def duration(us: float) -> str:
    """'200 µs', '5 ms', '2 s': a tick of the latency axis."""
    for factor, unit in ((1e6, "s"), (1e3, "ms"), (1.0, "µs")):
        if us >= 0.999 * factor:
            return f"{us / factor:,.10g} {unit}"
    return f"{us * 1e3:.10g} ns"


def _panel(axis: Any, curves: dict[str, tuple[Point, ...]], looks: dict[str, style.Look]) -> None:
    for place, (label, points) in enumerate(curves.items()):
        x = [position(point[0]) for point in points]
        line = style.line_style(looks[label]) | {"markevery": (5 + 7 * place, STEPS_A_NINE // 2)}
        if points:
            axis.plot(x, [point[1] for point in points], **line, zorder=3)
        band = [(at, point[2], point[3]) for at, point in zip(x, points) if point[2] is not None]
        if band:
            alpha = 0.16 if len(looks) <= style.MOST_BANDS else 0.07
            axis.fill_between(*zip(*band), color=looks[label].colour, alpha=alpha, linewidth=0, zorder=1)
    if not any(curves.values()):
        axis.text(0.5, 0.5, "no valid repeat", transform=axis.transAxes, ha="center", va="center", color=style.MUTED)


def _axes(axes: Any, highest: float) -> None:
    """Scales and ticks: 50, 90, 99, 99.9 … as far as any line goes."""
    nines = [100 * (1 - 10.0 ** -n) for n in range(1, 10)]
    ticks = [50.0, *(percent for percent in nines if position(percent) <= position(highest) + 1e-6)]
    for axis in axes.flat:
        axis.set_yscale("log")
        axis.set_xlim(0, max(1.0, position(highest)) * 1.03)
        axis.set_xticks([position(percent) for percent in ticks], [f"{percent:.10g}" for percent in ticks])
        low, high = axis.get_ylim() if axis.lines else (1.0, 10.0)
        axis.set_ylim(low, high)
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
        axis.yaxis.set_minor_formatter(NullFormatter())
    for axis in axes[:, 0]:
        axis.set_ylabel("latency (log scale)")
    for axis in axes[-1, :]:
        axis.set_xlabel("percentile")


def _rows(run: Run, records: Sequence[Record]) -> tuple[tuple[object, ...], ...]:
    rows: list[tuple[object, ...]] = []
    cells = sorted({r.condition for r in records}, key=lambda c: (style.panel_of(c), c.connections, c.label))
    for cell in cells:
        histograms = [counts for r in records if r.condition == cell and r.ok and (counts := histogram(r))]
        head = (run.manifest["run"], style.platform_of(run), cell.label, cell.connections, cell.size, cell.reply_size, cell.depth)
        tail = (stats.samples(stats.merge(histograms)), len(histograms))
        rows += [(*head, f"{point[0]:.10g}", *point[1:], *tail) for point in _curve(histograms)]
    return tuple(rows)


def _alt(run: Run, records: Sequence[Record]) -> str:
    """What the figure shows, in words: the medians and p99 of every panel."""
    sentences = []
    for cell in sorted({r.condition for r in records}, key=lambda c: (style.panel_of(c), c.connections, c.label)):
        merged = stats.merge(histogram(r) for r in records if r.condition == cell and r.ok)
        if merged:
            p50, p99 = (duration(float(f"{(value or 0) / 1e3:.3g}")) for value in stats.percentiles(merged, (50, 99)))
            sentences.append(f"{cell.label}, {cell.connections:,} × {style.size_words(style.panel_of(cell))}: p50 {p50}, p99 {p99}.")
    return f"Line chart on {style.platform_of(run)}: latency by percentile, logarithmic. {' '.join(sentences) or 'No valid repeat.'}"


if __name__ == "__main__":
    sys.exit(style.command_line(QUESTION, draw))
