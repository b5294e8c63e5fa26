"""A launcher around another one: it passes on every call that a subclass does not answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from iomodels.base.arguments import Option
from iomodels.launch.launcher import Launcher
from iomodels.launch.process import Program, Server
from iomodels.launch.watches import Watching


class Wrapper:
    """The inner launcher, closed with this one."""

    def __init__(self, inner: Launcher) -> None:
        self._inner = inner

    @property
    def platform(self) -> str:
        return self._inner.platform

    def models(self) -> dict[str, dict[str, Any]]:
        return self._inner.models()

    def server(self, model: str, options: Mapping[str, int | str]) -> Server:
        return self._inner.server(model, options)

    def loadgen(self, options: Mapping[str, Option], *, windows: bool = False) -> Server:
        return self._inner.loadgen(options, windows=windows)

    def program(self, executable: Path, *words: object) -> Program:
        return self._inner.program(executable, *words)

    def processes(self, server: Server) -> dict[str, int]:
        return self._inner.processes(server)

    def watch(self, server: Server) -> Watching:
        return self._inner.watch(server)

    def environment(self) -> dict[str, Any]:
        return self._inner.environment()

    def close(self) -> None:
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
