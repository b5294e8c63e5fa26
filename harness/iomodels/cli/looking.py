"""What the commands do that describe this machine, the models and suites, or this program."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from iomodels.base.console import make_console, print_object, say
from iomodels.base.errors import FAILED, hint
from iomodels.cli import completion as scripts
from iomodels.cli import folders, registry
from iomodels.cli.command import fail
from iomodels.launch import platform as launch
from iomodels.plan.suite import load_suite, suite_files

LIST_FORMAT = 1
"""Of `models --json` and `suites --json`."""


def check(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.machine import check as checks
    from iomodels.machine.rules import RULES

    disturbing, unchecked, found = checks.examine()
    if arguments.json:
        print_object(checks.to_json(disturbing, unchecked, found))
        return FAILED if disturbing else 0
    for each in disturbing:
        say(console, f"{each.name}: {each.found}: {each.effect}")
        say(console, f"    fix: {each.mend or 'none on this machine'}")
    for rule, reason in unchecked.items():
        say(console, f"not checked: {rule.replace('_', ' ')}: {reason}")
    say(console, f"{len(disturbing)} of {len(RULES)} checks found a problem")
    return FAILED if disturbing else 0


DESCRIBED = (
    *("model", "family", "summary", "cost", "limit", "since"),
    *("supported", "max_conns", "options"),
)
"""The fields of `--describe` that `models --json` has."""


def models(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    if arguments.json and arguments.table:
        fail("--table: must be omitted with --json")
    notes = make_console(stderr=True) if arguments.json or arguments.table else console
    with launch.open_launcher(folders.build(), say=notes.print) as launcher:
        found, platform = launcher.models(), launcher.platform
    if arguments.json:
        listed = [{key: each[key] for key in DESCRIBED} for _, each in sorted(found.items())]
        print_object({"format": LIST_FORMAT, "platform": platform, "models": listed})
        return 0
    if arguments.table:
        print(costs_of_models(found))
        return 0
    columns = ("model", "family", "here", "connections", "what it is")
    table = Table(*columns, title=f"models on {platform}", title_justify="left")
    for name, described in sorted(found.items()):
        most = described["max_conns"]
        limit = f"; {described['limit']}" if described.get("limit") else ""
        table.add_row(
            name,
            described["family"],
            "yes" if described["supported"] else f"no, needs {described['since']}",
            "no limit of its own" if most is None else f"at most {most}",
            described["summary"].rstrip(".") + limit,
        )
    console.print(table, markup=False)
    return 0


def costs_of_models(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a Markdown table of the models: what each costs, its limit, and since when it exists.

    `found`: the describe event of each model, by name.
    """
    rows = [
        f"| {name} | {each['cost']} | {each['limit'] or 'none'} | {each['since']} |"
        for name, each in sorted(found.items())
    ]
    return "\n".join(["| model | cost | limit | since |", "|---|---|---|---|", *rows])


def suites(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.measure.planning import (  # only here: scipy takes a second to load
        expected_text,
        plan_json,
    )

    found = {
        name: (load_suite(path), load_suite(path, quick=True))
        for name, path in suite_files().items()
    }
    if arguments.json:
        listed = [
            {**whole.to_json(), "plan": plan_json(whole), "quick_plan": plan_json(quick)}
            for whole, quick in found.values()
        ]
        print_object({"format": LIST_FORMAT, "suites": listed})
        return 0
    for name, (whole, quick) in found.items():
        console.print(f"[bold]{name}[/bold]: {escape(whole.question)}", soft_wrap=True)
        times = f"{expected_text(whole)}; with --quick {expected_text(quick)}"
        console.print(f"    {times}", soft_wrap=True)
    return 0


def completion(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    print(scripts.script(arguments.shell), end="")
    return 0


def help(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    known = registry.parsers()
    if arguments.topic is None:
        print(registry.overview())
        return 0
    if arguments.topic not in known.commands:
        hinted = hint(arguments.topic, known.commands)
        fail(f"help {arguments.topic}: no such command; {hinted}")
    known.commands[arguments.topic].print_help()
    return 0
