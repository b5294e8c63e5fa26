"""The answer of an SLO search in sentences: per model, and which model carries most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iomodels.base import words
from iomodels.base.console import shell_word
from iomodels.judge.search import NARROW, Kind, Ratio
from iomodels.judge.slo_searches import Found, SloSearches, slo_of

Manifest = Mapping[str, Any]


def headline(manifest: Manifest, searches: SloSearches) -> str:
    """Return the answer of all models in a sentence or two."""
    found, slo = searches.found(), slo_of(manifest)
    on = f"On {manifest['platform']}"
    first = found[0]
    if len(found) == 1:
        return f"{on}, {first.server}: {sentence(manifest, first)}"
    if first.answer.kind not in (Kind.INSIDE, Kind.AT_LEAST):
        low = words.number(manifest["range"]["low"])
        return f"{on}, no model is shown to keep {slo} at {low} requests/s, the lowest rate."
    others = [(each, searches.ratio(first.server, each.server)) for each in found[1:]]
    behind = [(each.server, ratio) for each, ratio in others if ratio.separated]
    level = [each.server for each, ratio in others if not ratio.separated and _has_rate(each)]
    rate = f"{_rate(first)} requests/s"
    if not level and behind:
        return f"{on}, {first.server} keeps {slo} at the highest rate, {rate}{_ahead(behind[0])}."
    if not level:
        return f"{on}, only {first.server} is shown to keep {slo}: {rate}."
    open_ = words.listed(level).replace(" and ", " or ")
    text = f"{on}, {first.server} came out first with {rate} at {slo}"
    return f"{text}, but the trials do not separate it from {open_}."


def _has_rate(found: Found) -> bool:
    return found.answer.kind in (Kind.INSIDE, Kind.AT_LEAST)


def _rate(found: Found) -> str:
    answer = found.answer
    if answer.kind is Kind.AT_LEAST:
        return f"at least {words.number(answer.low)}"
    return words.number(answer.rate)


def _ahead(nearest: tuple[str, Ratio]) -> str:
    """', 1.18× [1.10, 1.27] the rate of threads'; a model below the range has no ratio."""
    server, ratio = nearest
    return f", {words.ratio(ratio.value, ratio.low, ratio.high)} the rate of {server}"


def sentence(manifest: Manifest, found: Found) -> str:
    """Return the answer of one model."""
    slo, answer, range_ = slo_of(manifest), found.answer, manifest["range"]
    trials = words.count(answer.trials, "trial")
    because = f": {found.reason}" if found.reason else ""
    if answer.kind is Kind.INSIDE:
        interval = words.interval(answer.low, answer.high)
        return (
            f"{slo}: half of the trials keep it at {words.number(answer.rate)}/s {interval}"
            f"{_nine(found)}; {trials}."
        )
    if answer.kind is Kind.AT_LEAST:
        return (
            f"{slo}: half of the trials keep it at {words.number(answer.low)}/s at least"
            f"{_nine(found)}; {_end(found, range_)}; {trials}."
        )
    if answer.kind is Kind.BELOW:
        below, low = words.number(answer.high), words.number(range_["low"])
        return (
            f"{slo}: half of the trials keep it only below {below}/s; the range begins at "
            f"{low}/s{because}; {trials}."
        )
    if found.reason:
        return f"{slo} cannot be judged{because}; {trials}."
    return f"{slo}: {trials} do not show where in the range the answer lies."


def _nine(found: Found) -> str:
    safe = found.answer.safe
    return f", nine of ten at {words.number(safe)}/s at least" if safe else ""


def _end(found: Found, range_: Mapping[str, Any]) -> str:
    late = found.answer.late_from
    if late is None:
        return f"the range ends at {words.number(range_['high'])}/s ({range_['note']})"
    return f"from {words.number(late)}/s on no trial could be judged ({found.reason})"


def width_words(found: Found) -> str | None:
    """Return how wide the answer is, and what narrows it; None for a narrow one."""
    answer = found.answer
    if not answer.more or not answer.rate or not answer.low or not answer.high:
        return None
    half = (answer.high / answer.low) ** 0.5 - 1
    return (
        f"{found.server}: the interval is ± {words.percent(half)} wide. About "
        f"{words.count(answer.more, 'more trial')} may narrow it to ± {words.percent(NARROW / 2)}."
    )


def next_command(target: str, found: Sequence[Found]) -> str | None:
    """Return the command that continues the widest search; None if each is narrow.

    `target` is the run's name, or its folder where that is not among the results.
    """
    wanted = [each.answer.trials + each.answer.more for each in found if width_words(each)]
    if not wanted:
        return None
    trials = min(1000, -(-max(wanted) // 10) * 10)
    return f"iomodels slo --resume {shell_word(target)} --trials {trials}"


def answer_lines(manifest: Manifest, searches: SloSearches, target: str) -> list[str]:
    """Return what the terminal prints: the headline, each model, and what would narrow it."""
    found = searches.found()
    lines = [headline(manifest, searches)]
    if len(found) > 1:
        lines += [f"{each.server}: {sentence(manifest, each)}" for each in found]
    lines += [text for each in found if (text := width_words(each))]
    if manifest["answers"] is None:
        command = f"iomodels slo --resume {shell_word(target)}"
        return [*lines, f"the search is not complete; continue it: {command}"]
    narrower = next_command(target, found)
    return lines + ([f"to narrow it: {narrower}"] if narrower else [])
