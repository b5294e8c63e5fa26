"""The command `laws`: observe the platform, and show what it does."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.console import Console

from iomodels.base.console import say
from iomodels.base.errors import FAILED
from iomodels.base.progress import Progress
from iomodels.cli import folders
from iomodels.cli.settings import setting_of
from iomodels.data.laws import Laws, write
from iomodels.launch import platform as launch
from iomodels.measure import laws as measure_laws
from iomodels.measure.alone import alone
from iomodels.report.laws import show

LAW_S = 0.5  # seconds per law, for the first estimate


def laws(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    from iomodels.report.law_pages import write_laws_page

    setting = setting_of(arguments, words)
    with alone(setting):
        seen = _observe_laws(setting.console)
    show(seen, console)
    folder = folders.RESULTS / "laws" / seen.platform
    say(console, f"laws: {write(seen, folder)}")
    say(console, f"page: {write_laws_page(seen, folder)}")
    return FAILED if seen.data["failed"] else 0


def _observe_laws(console: Console) -> Laws:
    """Run every law, with progress."""
    build = folders.build()
    count = len(measure_laws.programs(build))
    with (
        launch.open_launcher(build, measure_laws.NOT_PINNED, say=console.print) as launcher,
        Progress(console, count, LAW_S) as progress,
    ):
        seen = measure_laws.observe(launcher, build, progress.step)
        progress.end()
    return seen
