"""Hold the answer of a whole run against its rounds: headline, verdicts, ranked lists, remarks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import truths
from iomodels.judge.loads import JudgedLoad
from iomodels.judge.summary import Summary, sessions_of
from iomodels.report.answer import Answer, LoadAnswer, answer, question_loads
from truths import Load, number

NEVER = re.compile(r"(?<![\d.])0 %|\b1 of 1\b|\b1 (loads|cells|repeats)\b|None|nan|  ")
"""What no sentence may say."""
COUNTED: dict[str, Callable[[str, LoadAnswer], bool]] = {
    r"(?P<label>.+?) is (fastest|cheapest) at (?P<n>\d+) of (?P<of>\d+) loads": (
        lambda label, load: bool(re.match(rf"{re.escape(label)} is \w+ with ", load.verdict))
    ),
    r"several are equal at (?P<n>\d+) loads?": lambda _, load: " are equally " in load.verdict,
    r"a leader is likely at (?P<n>\d+) loads?": lambda _, load: (
        " is likely " in load.verdict and load.badge == "likely"
    ),
    r"no leader is shown at (?P<n>\d+) loads?": lambda _, load: bool(
        re.search(" came out |No winner", load.verdict)
    ),
    r"too few rounds at (?P<n>\d+) loads?": lambda _, load: " so far (" in load.verdict,
    r"only one server has a figure at (?P<n>\d+) loads?": lambda _, load: load.verdict.startswith(
        "Only "
    ),
    r"no server has a figure at (?P<n>\d+) loads?": lambda _, load: bool(
        re.match("No server has|(?!No winner).+? reached the limit", load.verdict)
    ),
}
"""A part of the headline over several loads, and which loads it counts, by what they say."""


def check_run(summary: Summary) -> Answer:
    """Return the answer of a run. Raise AssertionError where one of its sentences is not true."""
    found, sessions = answer(summary), sessions_of(summary.run.records)
    for load, each in zip(summary.loads, found.loads):
        truths.check(load, summary.rules, each.verdict, each.ranking, sessions)
    for text in (found.headline, *found.remarks, *summary.notes):
        assert not NEVER.search(text), text
    begins = re.compile("|".join(["[A-Z0-9]", *map(re.escape, summary.labels)]))
    assert [text for text in found.remarks if not begins.match(text)] == []
    asked = question_loads(summary)
    if len(asked) > 1 and found.headline.startswith(f"On {summary.platform}: "):
        told = [each for load, each in zip(summary.loads, found.loads) if load in asked]
        check_headline(found.headline.partition(": ")[2], told, summary, asked)
    loads = [Load(load, summary.rules, sessions) for load in summary.loads]
    for text in found.remarks:
        if text.startswith("Control: "):
            check_control(text, loads)
        if text.startswith("The order follows "):
            check_order(text, loads[found.loads.index(found.shown)])
    return found


def check_headline(
    headline: str, told: Sequence[LoadAnswer], summary: Summary, asked: Sequence[JudgedLoad]
) -> None:
    """Every load is counted once, by what its own verdict says."""
    counted = 0
    for part in headline.removesuffix(".").split("; "):
        behind = re.fullmatch(
            r"(?P<label>.+?) is (slower|costlier) than the leader at (\d+) loads", part
        )
        if behind:
            check_behind(behind["label"], int(behind[3]), summary, asked)
            continue
        for pattern, holds in COUNTED.items():
            found = re.fullmatch(pattern, part)
            if found:
                groups = found.groupdict()
                assert int(groups["n"]) == sum(
                    holds(groups.get("label", ""), each) for each in told
                )
                assert int(groups.get("of") or len(told)) == len(told)
                counted += int(groups["n"])
                break
        else:
            raise AssertionError(f"no truth is known of: {part}")
    assert counted == len(told), headline


def check_behind(label: str, count: int, summary: Summary, asked: Sequence[JudgedLoad]) -> None:
    sessions = sessions_of(summary.run.records)
    behind = 0
    for judged in asked:
        load = Load(judged, summary.rules, sessions)
        if judged.fastest and label in load.rounds and label != judged.fastest.leader:
            pair = load.pair(judged.fastest.leader, label)
            behind += bool(pair and pair.low and pair.low > load.floor)
    assert behind >= count > 1, "what is shown to be behind has an interval above the floor"


def check_control(text: str, loads: Sequence[Load]) -> None:
    """What it excludes is beyond every interval, and what it says of a difference is the worst."""
    found = re.match(r"Control: (?P<label>.+?) is the program of (?P<twin>.+?) a second time", text)
    assert found
    pairs = {
        load.load.key: (pair, control.disagrees)
        for load in loads
        for control in load.load.controls
        if control.label == found["label"] and {control.label, control.twin} <= set(load.rounds)
        if (pair := load.pair(control.label, control.twin, load.rules.baseline.confidence))
    }
    assert all(load.controls.get(found["label"]) == found["twin"] for load in loads)
    least = loads[0].rules.baseline.least_rounds
    judged = [
        (pair, differs) for pair, differs in pairs.values() if pair.low and pair.rounds >= least
    ]
    ends = [max(pair.high or 1.0, 1 / (pair.low or 1.0)) for pair, _ in judged]
    if none := re.search(r"no difference shown at (\d+) loads?; .*? above (\S+?)(×| %)", text):
        assert int(none[1]) == len(judged) and not any(differs for _, differs in judged)
        shown = number(none[2]) if none[3] == "×" else 1 + number(none[2]) / 100
        assert shown >= max(ends) - 1e-9
    elif differ := re.search(
        r"the two differ at (.+?), by up to (\S+?)(×| %) .*?: up to (\S+?)(×| %)\)", text
    ):
        different = [pair for pair, differs in judged if differs]
        assert differ[1] == (
            "the only load" if len(judged) == 1 else f"{len(different)} of {len(judged)} loads"
        )
        most = max(max(pair.ratio, 1 / pair.ratio) for pair in different)
        truths.is_by(f"{differ[2]}{differ[3]}", most)
        reach = max(max(pair.high or 1.0, 1 / (pair.low or 1.0)) for pair in different)
        truths.is_by(f"{differ[4]}{differ[5]}", reach, 0.0, 1.0)
    else:
        assert judged == [] and ("too few rounds" in text) is bool(pairs)


def check_order(text: str, load: Load) -> None:
    """The costs rise, and each server named after the leader is shown to be behind it."""
    named = re.findall(r"(?:: |, | and )(.+?) ([\d,.]+)(?: µs)?(?=,| and|\.$)", text)
    assert len(named) > 1 and load.load.fastest and named[0][0] == load.load.fastest.leader
    assert all(number(one) <= number(other) for (_, one), (_, other) in pairwise(named))
    assert all((load.led(label).low or 0.0) > load.floor for label, _ in named[1:])
