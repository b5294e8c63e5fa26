"""The subject of a run: by default the models of the launcher, each with all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from iomodels.launch.launcher import Launcher


@dataclass(frozen=True)
class Comparing:
    """`launcher` may wrap the platform's (measure/ab.py). `kept` goes into run.json: a resumed run
    needs it. `series` are the models of that launcher, if it is known before."""

    launcher: Callable[[Launcher], Launcher] = lambda inner: inner
    kept: Mapping[str, Any] | None = None
    series: tuple[str, ...] = ()


ALL_MODELS = Comparing()
