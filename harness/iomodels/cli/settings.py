"""The settings of a measuring command, from its options; and the question before a long plan."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from iomodels.base.console import confirmed, has_terminal, make_console
from iomodels.base.errors import Failure
from iomodels.base.words import duration
from iomodels.cli import folders
from iomodels.cli.command import fail
from iomodels.cluster.client import Asked
from iomodels.measure.session import Setting

LONG_S = 3 * 3600
"""A plan of more seconds needs a confirmation."""


def setting_of(
    arguments: argparse.Namespace,
    words: Sequence[str],
    resume: str = "",
    cluster: Asked | None = None,
) -> Setting:
    """Return the settings of the command line `words`; `resume`: the words that resume it.

    With --json all text is on stderr; with --quiet no progress and no notes are printed. The plan
    of --dry-run is a result.
    """
    options = vars(arguments)
    quiet = bool(options.get("quiet")) and not options.get("dry_run")
    if options.get("quiet") and options.get("verbose"):
        fail("--quiet: must be omitted with --verbose")
    yes = bool(options.get("yes"))
    return Setting(
        build=folders.build(),
        console=make_console(stderr=bool(options.get("json")), quiet=quiet),
        command=("iomodels", *words),
        resume_command=f"{folders.program()} {resume}",
        results=folders.RESULTS,
        placement=options.get("affinity"),
        cluster=cluster,
        wait=bool(options.get("wait")),
        verbose=bool(options.get("verbose")),
        fail_fast=bool(options.get("fail_fast")),
        confirm=lambda seconds: confirm(seconds, yes=yes),
    )


def confirm(seconds: float, *, yes: bool) -> None:
    """Ask before a plan of more than LONG_S; `yes`: the user has answered. Raises Failure."""
    if yes or seconds <= LONG_S:
        return
    takes = f"the plan takes about {duration(seconds)}"
    if not has_terminal():
        fail(f"--yes: must be given, since {takes} and no terminal can confirm it")
    if not confirmed(f"{takes}; Ctrl-C keeps finished measurements. Start it?"):
        raise Failure("nothing was measured")
