"""The tables of a micro run, and the comparison of two."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from iomodels.base import words
from iomodels.base.console import say
from iomodels.base.errors import USAGE, Failure
from iomodels.base.files import write_whole
from iomodels.data.micro import BENCHMARKS, MANIFEST, Benchmark, MicroRun, load_micro_run
from iomodels.figures import output
from iomodels.figures.catalogue import micro_figures
from iomodels.judge import stats
from iomodels.report.tables_page import Link, Page, Table, html

FORMAT = 1
HEADS = ("primitive", "median", "95 %", "switches", "wineserver")


def print_table(run: MicroRun, console: Console) -> None:
    """Print every benchmark: median, half the width of its interval, counters per operation."""
    say(console, f"cost per operation on {run.platform}, {run.manifest['repetitions']} repetitions")
    if warning := words.warning(run.platform):
        say(console, warning)
    print_columns([HEADS, *map(_row, run.benchmarks)], console)


def _row(one: Benchmark) -> tuple[str, ...]:
    found = stats.median_estimate(one.times_ns)
    return (
        one.name,
        words.time(found.value if found else None),
        f"±{50 * (found.high - found.low) / found.value:.0f} %"
        if found and found.low is not None and found.high is not None
        else "–",
        words.per_operation(one.context_switches),
        words.time(one.wineserver_cpu_ns),
    )


def micro_data(run: MicroRun) -> dict[str, Any]:
    """Return every benchmark as data: times in ns per operation, counters per operation."""
    manifest = run.manifest
    copied = ("run", "platform", "native", "quick", "filter", "repetitions", "min_time_s")
    return {
        "format": FORMAT,
        **{name: manifest[name] for name in copied},
        "emulated": words.emulated(run.platform),
        "commit": manifest["git"].get("commit"),
        "benchmarks": [
            {
                "name": one.name,
                "time_ns": _measure(one.times_ns),
                "times_ns": list(one.times_ns),
                "values": dict(one.values),
                "context_switches": one.context_switches,
                "wineserver_cpu_ns": one.wineserver_cpu_ns,
                "reason": one.reason,
            }
            for one in run.benchmarks
        ],
    }


def _measure(times_ns: Sequence[float]) -> dict[str, Any] | None:
    """Return the median with its interval; None without a repetition."""
    found = stats.median_estimate(times_ns)
    return asdict(found) if found else None


def write_micro_report(run: MicroRun) -> Path:
    """Write micro.html and figures/ into the folder of a micro run; return the page."""
    figures = [(plot, output.write_svg(plot, run.path / "figures")) for plot in micro_figures(run)]
    path = run.path / "micro.html"
    write_whole(path, html(micro_page(run), figures))
    return path


def micro_page(run: MicroRun) -> Page:
    """The table of every benchmark."""
    times = words.count(run.manifest["repetitions"], "repetition")
    note = (
        "Time per operation, the median of the repetitions, with half the width of its 95 % "
        "interval. Context switches and CPU time of the wineserver per operation are counted in a "
        "run of their own."
    )
    reasons = dict.fromkeys(one.reason for one in run.benchmarks if one.reason)
    return Page(
        "What each primitive costs",
        f"{run.platform} · {times} · run {run.manifest['run']}",
        run.platform,
        f"On {run.platform}: the cost of {words.count(len(run.benchmarks), 'primitive')}.",
        (Table("Every primitive", HEADS, [_row(one) for one in run.benchmarks], note=note),),
        shlex.join(run.manifest["command"]),
        tuple(f"Unavailable: {each}." for each in reasons),
        (Link(MANIFEST, MANIFEST), Link(BENCHMARKS, BENCHMARKS)),
    )


def print_columns(rows: Sequence[Sequence[str]], console: Console) -> None:
    """Names on the left, numbers on the right. A narrow terminal wraps lines; it cuts no number."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for name, *figures in rows:
        say(
            console,
            "  ".join(
                [
                    name.ljust(widths[0]),
                    *(text.rjust(width) for text, width in zip(figures, widths[1:])),
                ]
            ),
        )


@dataclass(frozen=True)
class Compared:
    """One benchmark in two runs. The ratio is time after over time before: below 1 is faster."""

    name: str
    before_ns: float | None
    after_ns: float | None
    difference: stats.Difference


def differences(before: MicroRun, after: MicroRun) -> list[Compared]:
    """Return the shared benchmarks, each by a Mann–Whitney U test as in Google's compare.py.

    The tests are corrected for their number.
    """
    theirs = {one.name: one for one in after.benchmarks}
    pairs = [(one, theirs[one.name]) for one in before.benchmarks if one.name in theirs]
    found = stats.differences([(other.times_ns, one.times_ns) for one, other in pairs])
    return [
        Compared(one.name, stats.median(one.times_ns), stats.median(other.times_ns), difference)
        for (one, other), difference in zip(pairs, found)
    ]


def compare_micro(before: Path, after: Path, console: Console) -> None:
    """Print what differs between two micro runs.

    Raises Failure if their platforms differ or they share no benchmark.
    """
    one, two = load_micro_run(before), load_micro_run(after)
    if one.platform != two.platform:
        raise Failure(
            f"cannot compare {before} ({one.platform}) and {after} ({two.platform}): "
            "the platforms differ",
            exit_code=USAGE,
        )
    found = differences(one, two)
    if not found:
        raise Failure(
            f"cannot compare {before} and {after}: they share no benchmark", exit_code=USAGE
        )
    say(console, f"{two.path.name} over {one.path.name}, {one.platform}")
    print_columns(
        [
            ("primitive", "before", "after", "ratio", "95 % interval", "p (Holm)", "verdict"),
            *map(_cells, found),
        ],
        console,
    )
    for owner, names in (
        (one, {b.name for b in one.benchmarks} - {each.name for each in found}),
        (two, {b.name for b in two.benchmarks} - {each.name for each in found}),
    ):
        if names:
            say(console, f"only in {owner.path.name}: {', '.join(sorted(names))}")
    shown = sum(each.difference.finding is stats.Finding.SHOWN for each in found)
    say(
        console,
        f"{shown} of {len(found)} show a difference (p < {1 - stats.CONFIDENCE:.2g} "
        "after Holm's correction, and an interval without 1)",
    )
    fewest = min(one.manifest["repetitions"], two.manifest["repetitions"])
    if fewest < stats.REPEATS_FOR_A_CLAIM:
        say(
            console,
            f"{fewest} repetitions are too few to show a difference; "
            f"both runs need {stats.REPEATS_FOR_A_CLAIM} (--repetitions)",
        )


def _cells(each: Compared) -> tuple[str, ...]:
    ratio, interval = each.difference.ratio, "–"
    if ratio and ratio.low is not None and ratio.high is not None:
        interval = f"{ratio.low:.3g} … {ratio.high:.3g}"
    return (
        each.name,
        words.time(each.before_ns),
        words.time(each.after_ns),
        f"{ratio.value:.3g}" if ratio else "–",
        interval,
        "–" if each.difference.p is None else f"{each.difference.p:.2g}",
        f"{each.difference.finding.value} {each.difference.finding.words}".strip(),
    )
