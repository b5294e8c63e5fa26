"""The verdict of one load in a sentence. Each says only what its comparisons carry.

docs/statistics.md says what the words of a comparison are worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from iomodels.base import words
from iomodels.judge.loads import JudgedLoad, Rules, Unable
from iomodels.judge.paired import Fastest
from iomodels.judge.rule import Lead, Rule, Word
from iomodels.plan.order import LoadKey


@dataclass(frozen=True)
class Scale:
    """What is compared: at an offered rate the CPU time per request, else requests per second.

    A ratio above 1 is good for its first server on either scale.
    """

    best: str
    worst: str
    unit: str

    def value(self, load: JudgedLoad, label: str) -> str:
        """'7,690 requests/s', '17.1 µs'."""
        measured = value_of(load, label)
        return words.number(measured) + f" {self.unit}"


RATE = Scale("fastest", "slower", "requests/s")
CPU = Scale("cheapest", "costlier", "µs of CPU time per request")


def scale_of(key: LoadKey) -> Scale:
    return CPU if key.rate_percent else RATE


def value_of(load: JudgedLoad, label: str) -> float | None:
    """Return requests per second of a server, or its CPU time per request in µs."""
    cell = load.cell(label)
    if load.key.rate_percent:
        return cell.costs["CPU µs"].value
    return cell.rate.value if cell.rate else None


def load_words(key: LoadKey) -> str:
    """'64 connections × 64 B', '64 connections × 64 B at 50 % of the lowest peak'."""
    offered = f" at {key.rate_percent} % of the lowest peak" if key.rate_percent else ""
    depth = f", depth {key.depth}" if key.depth > 1 else ""
    size = words.size(key.size, key.reply_size)
    return f"{words.count(key.connections, 'connection')} × {size}{depth}{offered}"


def badge(load: JudgedLoad) -> str:
    """'clear', 'likely', 'equal', 'not decided', 'provisional', 'one server', 'no figure'."""
    lead = lead_of(load)
    if lead is None:
        return "no figure"
    return "one server" if lead is Lead.ALONE else str(lead.value)


def lead_of(load: JudgedLoad) -> Lead | None:
    """Return how sure the leader is. Nothing is decided while a client-bound server may beat it."""
    return Lead.NOT_DECIDED if load.fastest and _beaten(load) else load.lead


def verdict(load: JudgedLoad, rules: Rules) -> str:
    """Return the verdict sentence, with what limits it."""
    bound = [each for each in load.unable if each.at_least is not None]
    if load.fastest is None:
        parts = [_bound_only(bound)] if bound else ["No server has a figure at this load."]
    elif _beaten(load):
        parts = [_no_winner(load, bound)]
    else:
        parts = [SENTENCES[load.fastest.lead](load, load.fastest, rules.fastest)]
        parts += [_bound_only(bound)] if bound else []
    parts += _unable(load.unable, told=bound)
    parts += _control(load)
    return " ".join(parts)


# ---- one sentence per lead ----


def _clear(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    scale, nearest = scale_of(load.key), fastest.comparisons[0]
    twice = nearest.ratio >= 2

    def by(ratio: float) -> str:
        return words.ratio(ratio) if twice else _share_more(ratio)

    low, high = (words.NOTHING if end is None else by(end) for end in (nearest.low, nearest.high))
    next_ = ", the next" if len(fastest.comparisons) > 1 else ""
    interval = f"({_level(rule)} interval: {low} to {high})"
    value, lead = scale.value(load, fastest.leader), by(nearest.ratio)
    if scale is CPU:
        needs = f"{lead} as much" if twice else f"{lead} more"
        than = f"{nearest.other}{next_ and next_ + ','} needs {needs} {interval}"
        return f"{fastest.leader} is cheapest with {value}; {than}."
    more = f"{lead} as many as" if twice else f"{lead} more than"
    return f"{fastest.leader} is fastest with {value}, {more} {nearest.other}{next_} {interval}."


def _likely(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    scale = scale_of(load.key)
    told = words.listed(fastest.tied)
    first = (
        f"{fastest.leader} is likely {scale.best} with {scale.value(load, fastest.leader)}. "
        f"Its lead over {told} could still be chance."
    )
    return " ".join([first, *_behind(fastest, scale)])


def _equal(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    scale, equal = scale_of(load.key), words.listed([fastest.leader, *fastest.tied])
    about = scale.value(load, fastest.leader)
    word = "cheap" if scale is CPU else "fast"
    first = f"{equal} are equally {word}, within {words.percent(rule.margin)} (about {about})."
    return " ".join([first, *_behind(fastest, scale)])


def _not_decided(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    scale = scale_of(load.key)
    open_ = [one for one in fastest.comparisons if one.word in (Word.NOT_DECIDED, Word.EQUAL)]
    apart = words.listed([one.other for one in open_]).replace(" and ", " or ")
    rounds = max(one.rounds for one in fastest.comparisons)
    first = (
        f"{fastest.leader} came out {scale.best} ({scale.value(load, fastest.leader)}), but "
        f"{words.count(rounds, 'round')} do not separate it from {apart}."
    )
    likely = [one.other for one in fastest.comparisons if one.word is Word.LIKELY_FASTER]
    told = [f"{words.listed(likely)} {_is(likely)} likely {scale.worst}."] if likely else []
    return " ".join([first, *told, *_behind(fastest, scale)])


def _provisional(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    scale = scale_of(load.key)
    rounds = max(one.rounds for one in fastest.comparisons)
    return (
        f"{fastest.leader} was {scale.best} so far ({scale.value(load, fastest.leader)}) in "
        f"{words.count(rounds, 'round')}. A claim needs {rule.least_rounds}."
    )


def _alone(load: JudgedLoad, fastest: Fastest, rule: Rule) -> str:
    return f"Only {fastest.leader} has a figure: {scale_of(load.key).value(load, fastest.leader)}."


SENTENCES = {
    Lead.CLEAR: _clear,
    Lead.LIKELY: _likely,
    Lead.EQUAL: _equal,
    Lead.NOT_DECIDED: _not_decided,
    Lead.PROVISIONAL: _provisional,
    Lead.ALONE: _alone,
}


def _behind(fastest: Fastest, scale: Scale) -> list[str]:
    """'D is slower by at least 18 %.', of the nearest server that is shown to be behind."""
    behind = [one for one in fastest.comparisons if one.word is Word.FASTER]
    if not behind:
        return []
    names = [one.other for one in behind]
    least = min(_less(one.low, scale) for one in behind if one.low is not None)
    return [f"{words.listed(names)} {_is(names)} {scale.worst} by at least {_at_least(least)}."]


# ---- what limits it ----


def _beaten(load: JudgedLoad) -> bool:
    """Whether a client-bound server reached more than the leader of the others."""
    assert load.fastest
    most = max((each.at_least or 0.0 for each in load.unable), default=0.0)
    return most > (value_of(load, load.fastest.leader) or 0.0)


def _no_winner(load: JudgedLoad, bound: Sequence[Unable]) -> str:
    assert load.fastest
    leader = load.fastest.leader
    return (
        f"No winner can be named. {_bound_only(bound)} Of the others, {leader} is first with "
        f"{scale_of(load.key).value(load, leader)}."
    )


def _bound_only(bound: Sequence[Unable]) -> str:
    names = [each.label for each in bound]
    least = min(each.at_least or 0.0 for each in bound)
    each_ = "each serves" if len(names) > 1 else "it serves"
    return (
        f"{words.listed(names)} reached the limit of the load generator, so {each_} at least "
        f"{words.number(least)} requests/s."
    )


def _unable(unable: Sequence[Unable], told: Sequence[Unable]) -> list[str]:
    """Servers that cannot carry the load, a result; and those without a valid figure, a fault."""
    cannot = [each for each in unable if each.limit]
    faults = [each.label for each in unable if not each.limit and each not in told]
    parts = [f"{each.label}: {each.reason}." for each in cannot]
    if faults:
        parts.append(
            f"{words.listed(faults)} {'have' if len(faults) > 1 else 'has'} no valid figure."
        )
    return parts


def _control(load: JudgedLoad) -> list[str]:
    worst = load.disagreeing
    if worst is None:
        return []
    one = worst.comparison
    return [
        f"The control disagrees: {one.label} and {one.other} are the same program, yet they differ "
        f"by {_more(max(one.ratio, 1 / one.ratio))}. So nothing below {_more(worst.floor)} is "
        "claimed at this load."
    ]


# ---- numbers ----


def _level(rule: Rule) -> str:
    return words.percent(rule.stated)


def _more(ratio: float | None) -> str:
    """'14 %' for 1.14; from twice on '2.03×'."""
    if ratio is None:
        return words.NOTHING
    return words.ratio(ratio) if ratio >= 2 else _share_more(ratio)


def _share_more(ratio: float) -> str:
    """'14 %' for 1.14, '1.5 %' for 1.015."""
    share = ratio - 1
    return words.percent(share, 1 if abs(share) < 0.0995 and round(1000 * share) % 10 else 0)


def _less(low: float, scale: Scale) -> float:
    """The least by which the second server is behind: its rate is lower, or its cost is higher."""
    return low - 1 if scale is CPU else 1 - 1 / low


def _at_least(share: float) -> str:
    """'4 %' for 0.047, '0.7 %' for 0.0075: rounded down, since more is not shown."""
    decimals = 0 if share >= 0.01 else 1
    scale = 10 ** (2 + decimals)
    return words.percent(math.floor(scale * share + 1e-9) / scale, decimals)


def _is(names: Sequence[str]) -> str:
    return "are" if len(names) > 1 else "is"
