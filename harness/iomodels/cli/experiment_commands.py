"""The commands that ask the platform itself: laws and claims."""

from __future__ import annotations

from iomodels.cli import values
from iomodels.cli.command import Command, Option
from iomodels.cli.options import LOUDNESS, QUIET, WAIT

LAWS = Command(
    "laws",
    "laws",
    "run the experiments on the platform",
    "measure",
    "laws:laws",
    ("experiments", "docs/laws.md"),
    (WAIT, QUIET),
)

CLAIMS = Command(
    "claims",
    "claims [OPTIONS]",
    "give published claims a verdict",
    "measure",
    "claims:claims",
    ("published claims", "docs/claims.md"),
    (
        Option("--only", "claims to answer, such as B21,C27 (default: all)", "A,B", values.names),
        Option("--native", "claims that models of Linux can answer, without Wine", flag=True),
        Option("--update-docs", "write docs/claims.md, too", flag=True),
        WAIT,
        *LOUDNESS,
    ),
    (
        ("iomodels claims", "all claims, at most 15 minutes"),
        ("iomodels claims --only B21,C27", "two of them"),
    ),
    "It runs the experiments, and a small suite where no run of a larger one is kept.\n"
    "After Ctrl-C, start it again: it measures only what is missing.",
)
