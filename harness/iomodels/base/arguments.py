"""The options of a program, as its argument vector."""

from __future__ import annotations

from collections.abc import Mapping

Option = int | str | bool | tuple[str, ...]
"""The value of a program's option: a flag is True, a tuple gives the option once for each of its texts."""


def arguments(options: Mapping[str, Option]) -> list[str]:
    """{"threads": 2, "start-now": True, "class": ("a:size=1", "b:size=2")} as argv; a flag that is False is left out."""
    argv: list[str] = []
    for name, value in options.items():
        for each in value if isinstance(value, tuple) else (value,):
            if each is not False:
                argv += [f"--{name}"] if each is True else [f"--{name}", str(each)]
    return argv
