"""What the joined runs of two operating systems say, as sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from iomodels.base import words
from iomodels.judge.join import OF_THE_BEST, Compared, Joined, Ratio, Scale, Side

TWO_KERNELS = (
    "Two kernels. A ratio holds all that differs between two operating systems: kernel, drivers, "
    "compiler and settings. The tables below list what the runs share, what differs and what is "
    "not checked."
)
UNKNOWN_SPREAD = (
    "No claim: one run does not show how much another run of its platform would differ. "
    "Join two or more runs of each platform; four are useful."
)
NO_CLAIM = "no claim"
CPU_TIME = (
    "Interrupts and deferred work of the network are charged differently by both kernels, and "
    "partly to no process."
)


def headline(joined: Joined) -> str:
    """Return how often the best server of each platform is ahead of the other one."""
    scale, found = _of_best(joined)
    both = f"{joined.linux.platform} over {joined.windows.platform}"
    if not found:
        return f"{both}: no load has a result of both platforms."
    unit = "requests/s" if scale is Scale.RATE else "CPU time per request"
    start = f"{both}, best server of each, {unit}"
    if not joined.over_runs:
        low, high = min(each.ratio for each in found), max(each.ratio for each in found)
        span = words.ratio(low) if len(found) == 1 else f"{words.ratio(low)} to {words.ratio(high)}"
        return f"{start}: {span} at {words.count(len(found), 'load')}, without a claim."
    return f"{start}: {_counts(joined, scale, found)}."


def _of_best(joined: Joined) -> tuple[Scale, list[Ratio]]:
    """The ratios of the best servers, in requests per second if there are any."""
    for scale in Scale:
        found = [best for each in _on(joined, scale) if (best := each.best)]
        if found:
            return scale, found
    return Scale.RATE, []


def _on(joined: Joined, scale: Scale) -> list[Compared]:
    return [found for load in joined.loads if (found := load.on(scale))]


def _counts(joined: Joined, scale: Scale, found: Sequence[Ratio]) -> str:
    """'faster at 3 of 16 loads, not decided at 13'."""
    counted = Counter(word_of(joined, scale, each) for each in found).most_common()
    (word, number), *rest = counted
    parts = [f"{word} at {words.part(number, len(found), 'load')}"]
    return ", ".join([*parts, *(f"{word} at {number:,}" for word, number in rest)])


def word_of(joined: Joined, scale: Scale, ratio: Ratio) -> str:
    """Return the word of a ratio; no claim without two runs of both platforms."""
    if not ratio.over_runs:
        return NO_CLAIM
    return scale.text(ratio.word, joined.rule.margin)


def remarks(joined: Joined) -> list[str]:
    """Return what the reader must know besides the headline, the most important first."""
    return [
        *([] if joined.over_runs else [UNKNOWN_SPREAD]),
        *_how_sure(joined),
        *_cpu_time(joined),
        *_notes(joined),
    ]


def over_baseline(joined: Joined) -> list[tuple[str, ...]]:
    """Return per Linux server how often it has each word over the baseline, on each scale.

    There is nothing to count without a claim.
    """
    return [
        (label, *(_words_of(joined, scale, label) for scale in Scale))
        for label in (joined.linux.labels if joined.over_runs else ())
    ]


def _words_of(joined: Joined, scale: Scale, label: str) -> str:
    own = [one for each in _on(joined, scale) for one in each.ratios if one.label == label]
    return _counts(joined, scale, own) if own else words.NOTHING


def _how_sure(joined: Joined) -> Iterator[str]:
    level = words.given(joined.rule.stated)
    if joined.over_runs:
        yield (
            f"Intervals of {level} are over the runs, so they hold the spread between runs. "
            "Holm's correction covers the Linux servers of a load."
        )
        yield (
            "The same runs choose the best servers, so the interval between them has a level of "
            f"{words.given(OF_THE_BEST)}."
        )
    else:
        yield (
            f"Intervals of {level} are over the rounds within a run, without the spread between "
            "runs."
        )
    held = {
        load.key
        for load in joined.loads
        for scale in load.scales
        for ratio in scale.ratios
        if ratio.withheld
    }
    if held:
        yield (
            f"At {words.count(len(held), 'load')} a control disagrees with its twin in a run. "
            "Smaller differences are not claimed there."
        )


def _cpu_time(joined: Joined) -> Iterator[str]:
    clocks = [
        ", ".join(dict.fromkeys(source for each in entries for source in each.sources))
        for entries in (
            [each for found in _on(joined, Scale.COST) for each in found.windows],
            [each for found in _on(joined, Scale.COST) for each in found.linux],
        )
    ]
    if all(clocks):
        yield (
            "CPU time is what the operating system charges to the server: "
            f"on Windows by {clocks[0]}, on Linux by {clocks[1]}. {CPU_TIME}"
        )


def _notes(joined: Joined) -> Iterator[str]:
    for side in joined.sides:
        yield from _of_side(side)
    yield from (f"Not joined: {line}." for line in joined.missing)


def _of_side(side: Side) -> Iterator[str]:
    for summary in side.summaries:
        name = summary.run.manifest["run"]
        if summary.run.manifest["quick"]:
            yield f"Run {name} has rough results (--quick)."
        yield from (f"Run {name}: {note}." for note in summary.notes)


def without_result(joined: Joined) -> list[str]:
    """Return why a server has no result at a load in a run."""
    lines = [
        f"{load.key.connections:,} × {load.key.panel.words}, {scale.scale.value}: {reason}."
        for load in joined.loads
        for scale in load.scales
        for entry in (*scale.windows, *scale.linux)
        for reason in entry.reasons
    ]
    return list(dict.fromkeys(lines))
