"""Ask the load generator whether it accepts a load; it alone knows its options' limits."""

from __future__ import annotations

import re
from collections.abc import Mapping

from iomodels.base.arguments import Option
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import ProgramFailed
from iomodels.plan.load import CLASS_WORDS

DESCRIBE_TIMEOUT_S = 20.0


def load_errors(launcher: Launcher, options: Mapping[str, Option], where: str) -> list[str]:
    """What the load generator says against its options, with the option named as the suite names it; empty when it takes them."""
    with launcher.loadgen({**options, "describe": True}) as program:
        program.close_stdin()
        try:
            program.expect("describe", DESCRIBE_TIMEOUT_S)
        except ProgramFailed as failure:
            if failure.program_code != 2:
                raise
            return [
                f"{where}: load.{_in_words(line)}"
                for line in failure.stderr.splitlines()
                if line.strip()
            ]
    return []


def _in_words(line: str) -> str:
    """ "loadgen: --rate 1e9: must be …" as "rate = 1e9: must be …", "loadgen: --class light: --rate=x: …" as "class.light.rate = x: …" """
    found = re.fullmatch(
        r"\S+: (?:--class ([\w-]+): )?--([^\s=:]+)(?:[ =](.*?))?: (.*)", line.strip()
    )
    if not found:
        return line.strip()
    of_class, word, value, rule = found.groups()
    return f"{f'{CLASS_WORDS}.{of_class}.' if of_class else ''}{word}{f' = {value}' if value else ''}: {rule}"
