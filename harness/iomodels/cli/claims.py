"""iomodels claims: answer every published claim, from what is kept and what is still missing."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from iomodels.base.build import BUILD_HINT
from iomodels.base.console import say
from iomodels.base.errors import FAILED, Failure, Stopped, hint
from iomodels.base.files import ROOT
from iomodels.base.progress import Progress
from iomodels.base.words import count, duration, listed
from iomodels.cli import folders
from iomodels.cli.command import fail
from iomodels.cli.settings import setting_of
from iomodels.data import verdicts as kept_verdicts
from iomodels.data.laws import COSTS, LAWS, Judged, Laws
from iomodels.data.records import utc_now
from iomodels.data.store import load_run
from iomodels.data.verdicts import Cost, Headline, Side, Verdicts
from iomodels.judge.claim_answers import Kept, Known, answer, asked, beyond_claims, by_claim
from iomodels.launch import platform as launch
from iomodels.launch.native import linux
from iomodels.machine.environment import git_state
from iomodels.measure import claims as measure_claims
from iomodels.measure import laws as measure_laws
from iomodels.measure.alone import alone
from iomodels.measure.planning import least_s
from iomodels.measure.session import Setting
from iomodels.plan.claims import Claim, all_claims, contradictions

LAW_S = 1.0
"""Seconds per program of laws/, for the first estimate."""
COST_S = 8.0
"""Seconds per program of laws/costs, for the first estimate."""
START_S = 15.0
"""Seconds to start a run of a suite: its calibration, and its report at the end."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    claims: tuple[Claim, ...]
    native: bool
    some: bool
    """Whether --only named the claims."""


def claims(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    if arguments.update_docs and not (ROOT / "docs").is_dir():
        fail(
            "--update-docs: must be omitted without a checkout, because docs/claims.md is not here"
        )
    chosen = _chosen(arguments)
    setting = setting_of(arguments, words, "run --resume")
    try:
        verdicts, problems = _answer(setting, chosen)
    except Stopped:
        say(console, "iomodels claims measures what is still missing, if you start it again")
        raise
    return _write(console, verdicts, problems, arguments.update_docs)


def _chosen(arguments: argparse.Namespace) -> Asked:
    known = {claim.id: claim for claim in all_claims()}
    for name in arguments.only or ():
        if name not in known:
            fail(f"--only {name}: no such claim; {hint(name, known)}")
    found = tuple(known[name] for name in arguments.only or known)
    if arguments.native:
        found = tuple(claim for claim in found if asked(claim, True))
        if not found:
            fail(f"--only {','.join(arguments.only)}: --native answers none of these claims")
    return Asked(found, arguments.native, bool(arguments.only))


def _answer(setting: Setting, chosen: Asked) -> tuple[Verdicts, list[str]]:
    """Get what is missing, and judge. Returns the verdicts, and what went wrong."""
    problems: list[str] = []
    setting.say(_plan(setting.build, chosen))
    laws: Mapping[str, Judged] = {}
    costs: Sequence[Judged] = ()
    platform = linux()
    if not chosen.native:
        seen, costs = _observed(setting, chosen)
        platform, laws = seen.platform, by_claim(seen.judged)
    runs = _runs(setting, chosen, platform, problems)
    counts = [claim.count for claim in chosen.claims if claim.count]
    names = {name for count in counts for name in (count.more, *count.than)}
    known = Known(laws, by_claim(costs), runs, measure_claims.sizes(names), chosen.native)
    answers = [found for claim in chosen.claims if (found := answer(claim, known))]
    for each in answers:
        if each.verdict is None:
            problems.append(f"{each.id}: {each.because}")
    beyond = tuple(beyond_claims(costs))
    problems += [f"{each.law}: {each.because}" for each in beyond if each.verdict is None]
    return _verdicts(setting.results, platform, answers, beyond, chosen), problems


def _observed(setting: Setting, chosen: Asked) -> tuple[Laws, Sequence[Judged]]:
    """Return the laws of the platform and the verdicts of the costs that were asked for."""
    build, results = setting.build, setting.results
    laws = measure_laws.current(build, results, setting.say)
    if laws is None:
        raise Failure(f"no law was built; {BUILD_HINT} mingw")
    programs = _costs(build, chosen)
    costs = None
    if programs:
        with (
            alone(setting),
            launch.open_launcher(build, measure_laws.NOT_PINNED, setting.say) as launcher,
            Progress(setting.console, len(programs), COST_S) as progress,
        ):
            costs = measure_laws.observe_costs(
                launcher, programs, results, lambda law: progress.step(f"cost law {law}")
            )
            progress.end()
    return laws, costs.judged if costs else ()


def _costs(build: Path, chosen: Asked) -> list[Path]:
    """Return the programs of laws/costs that the claims name; all of them without --only."""
    wanted = {law for claim in chosen.claims for law in claim.programs}
    built = measure_laws.programs(build, COSTS)
    return [path for path in built if not chosen.some or path.stem in wanted]


def _runs(
    setting: Setting, chosen: Asked, platform: str, problems: list[str]
) -> dict[str, Kept | str]:
    """Return a run of each suite that the claims name, or why there is none."""
    rules = [rule for claim in chosen.claims for rule in asked(claim, chosen.native)]
    names = dict.fromkeys(suite for rule in rules for suite in rule.suites)
    found = measure_claims.kept(setting.results, platform, names, chosen.native)
    missing = dict.fromkeys(
        rule.measured for rule in rules if rule.measured and not found.keys() & set(rule.suites)
    )
    reasons: dict[str, str] = {}
    for number, name in enumerate(missing):
        left = sum(_takes_s(each, chosen.native) for each in list(missing)[number:])
        setting.say(f"[{number + 1}/{len(missing)}] suite {name}; {duration(left)} left")
        try:
            found[name] = measure_claims.measure(setting, name, chosen.native)
            _report(setting.console, found[name])
        except Failure as error:
            reasons[name] = str(error)
            problems.append(f"suite {name}: {error}")
    runs: dict[str, Kept | str] = {
        name: Kept(load_run(folder), folder.relative_to(setting.results).as_posix())
        for name, folder in found.items()
    }
    return reasons | runs


def _plan(build: Path, chosen: Asked) -> str:
    """'96 claims: at most 43 laws, 18 cost laws and 7 suites, about 11 min 20 s'.

    What is kept is not measured again, so it may take less.
    """
    rules = [rule for claim in chosen.claims for rule in asked(claim, chosen.native)]
    suites = dict.fromkeys(rule.measured for rule in rules if rule.measured)
    takes = sum(_takes_s(each, chosen.native) for each in suites)
    parts = [count(len(suites), "suite")]
    if not chosen.native:
        laws = len(measure_laws.programs(build, LAWS))
        costs = _costs(build, chosen)
        takes += LAW_S * laws + COST_S * len(costs)
        parts = [count(laws, "law"), count(len(costs), "cost law"), *parts]
    asked_for = count(len(chosen.claims), "claim")
    return f"{asked_for}: at most {listed(parts)}, about {duration(takes)}"


def _takes_s(name: str, native: bool) -> float:
    return START_S + least_s(measure_claims.suite_of(name, native))


def _report(console: Console, folder: Path) -> None:
    from iomodels.report.html import write_report  # only here: matplotlib takes a second to load

    say(console, f"report: {write_report(folder)}")


def _verdicts(
    results: Path,
    platform: str,
    answers: Iterable[kept_verdicts.Answer],
    beyond: tuple[Cost, ...],
    chosen: Asked,
) -> Verdicts:
    """Return the verdicts; those that were not asked for stay as they are kept."""
    headlines = tuple(
        Headline(each.question, tuple(Side(side.says, side.claims) for side in each.sides))
        for each in contradictions()
    )
    commit = git_state()["commit"]
    found = Verdicts(platform, utc_now(), commit, tuple(answers), headlines, beyond)
    order = [claim.id for claim in all_claims()]
    path = results / kept_verdicts.FOLDER / platform / kept_verdicts.CLAIMS
    before = kept_verdicts.load(path) if chosen.some and path.is_file() else found
    return found.with_kept(before, order)


def _write(console: Console, verdicts: Verdicts, problems: Sequence[str], docs: bool) -> int:
    from iomodels.report import claims as page

    path = kept_verdicts.write(verdicts, folders.RESULTS)
    console.print(page.counted(verdicts), highlight=False)
    say(console, f"claims: {path}")
    say(console, f"page: {page.write_pages(verdicts, path.parent)}")
    if docs:
        say(console, f"docs: {page.write_docs(kept_verdicts.load_all(folders.RESULTS))}")
    for problem in problems:
        say(console, f"failed: {problem}")
    return FAILED if problems else 0
