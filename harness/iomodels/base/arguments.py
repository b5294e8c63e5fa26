"""Turn the options of a program into its argument vector."""

from __future__ import annotations

from collections.abc import Mapping

Option = int | str | bool | tuple[str, ...]
"""An option's value: True for a flag; a tuple repeats the option for each of its texts."""


def arguments(options: Mapping[str, Option]) -> list[str]:
    """Return options as argv: {"threads": 2, "start-now": True} as --threads 2 --start-now.

    A flag that is False is left out.
    """
    argv: list[str] = []
    for name, value in options.items():
        for each in value if isinstance(value, tuple) else (value,):
            if each is not False:
                argv += [f"--{name}"] if each is True else [f"--{name}", str(each)]
    return argv
