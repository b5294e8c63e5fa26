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
    """Return the load generator's errors, one line each, in the words of a suite."""
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
    """Turn "loadgen: --rate 1e9: must be …" into "rate = 1e9: must be …".

    "loadgen: --class light: --rate=x: …" becomes "class.light.rate = x: …".
    """
    found = re.fullmatch(
        r"\S+: (?:--class ([\w-]+): )?--([^\s=:]+)(?:[ =](.*?))?: (.*)", line.strip()
    )
    if not found:
        return line.strip()
    of_class, word, value, rule = found.groups()
    where = f"{CLASS_WORDS}.{of_class}." if of_class else ""
    return f"{where}{word}{f' = {value}' if value else ''}: {rule}"
