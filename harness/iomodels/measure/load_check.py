"""Ask the load generator whether it accepts a load; it alone knows its options' limits."""

from __future__ import annotations

import re
from collections.abc import Mapping

from iomodels.base.arguments import Option
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import ProgramFailed
from iomodels.plan.load import CLASS_WORDS, NOT_A_LOAD, SET_BY_THE_SUITE

DESCRIBE_TIMEOUT_S = 20.0
UNKNOWN = "no such option; see --help"


def load_errors(launcher: Launcher, options: Mapping[str, Option], where: str) -> list[str]:
    """Return the load generator's errors, one line each, in the words of a suite."""
    with launcher.loadgen({**options, "describe": True}) as program:
        program.close_stdin()
        try:
            program.expect("describe", DESCRIBE_TIMEOUT_S)
        except ProgramFailed as failure:
            if failure.program_code != 2:
                raise
            lines = [line for line in failure.stderr.splitlines() if line.strip()]
        else:
            return []
    errors = [f"{where}: load.{_in_words(line)}" for line in lines]
    if any(line.endswith(UNKNOWN) for line in errors):
        keys = f"available: {', '.join(_keys(launcher))}"
        errors = [line.replace(UNKNOWN, f"no such key; {keys}") for line in errors]
    return errors


def _keys(launcher: Launcher) -> list[str]:
    """Return the keys that a load may have: options of the load generator."""
    with launcher.loadgen({"describe": True}) as program:
        program.close_stdin()
        options = program.expect("describe", DESCRIBE_TIMEOUT_S)["options"]
    names = [option["name"] for option in options]
    return [name for name in names if name not in {*SET_BY_THE_SUITE, *NOT_A_LOAD}]


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
