"""The client's launcher: servers on one machine of the cluster, load generators on the others.

It is a launcher like all others. The load generators are one program to its user: they share the
connections, start together when all are ready, and give one result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from iomodels.base.arguments import Option
from iomodels.base.errors import USAGE, Failure
from iomodels.cluster import merge
from iomodels.cluster.actor import LOAD, SERVER
from iomodels.cluster.client import START_S, Asked, Client, Far, Gone
from iomodels.cluster.clock import Offset, now_ns
from iomodels.data.counters import SOURCES
from iomodels.launch.launcher import MachineLost
from iomodels.launch.process import Program, ProgramFailed, Server

LAWS_S = 900.0
START_IN_NS = 500_000_000
"""From `go` to the start of the load, so that every machine has its line by then."""
LOST = 255
"""Replaces an exit code that was lost with the machine; ssh uses the same."""


class FarProgram:
    """A program on another machine, or several that are asked the same."""

    wineserver_pid = None

    def __init__(
        self, client: Client, fars: Sequence[Far], started: Sequence[Mapping[str, Any]]
    ) -> None:
        self._client, self._fars = client, list(fars)
        self.argv = list(started[0]["argv"])
        self.pid = int(started[0]["pid"])
        self.name = ", ".join(f"{far.name}: {each['name']}" for far, each in zip(fars, started))

    def expect(self, event: str, timeout_s: float) -> dict[str, Any]:
        """Return the next event, which must be this one. Raises ProgramFailed."""
        (found,) = self._all("expect", event, timeout_s, within_s=timeout_s)
        return dict(found)

    def send(self, line: str) -> None:
        for far in self._fars:
            self._client.tell(far, "talk", "send", line)

    def close_stdin(self) -> None:
        for far in self._fars:
            self._client.tell(far, "talk", "close_stdin")

    def wait(self, timeout_s: float) -> int:
        """Return the exit code, of several the first that is not 0."""
        codes = self._all("wait", timeout_s, within_s=timeout_s)
        return next((code for code in codes if code), 0)

    def stop(self, timeout_s: float = 2.0) -> int:
        """End the programs. A machine that is gone ends its own by its lease."""
        codes = []
        for far in self._fars:
            if not far.lost:
                with suppress(Gone):
                    codes.append(
                        self._client.ask(far, "talk", "stop", timeout_s, within_s=4 * timeout_s)
                    )
        return next((code for code in codes if code), 0) if codes else LOST

    def stderr_text(self) -> str:
        texts = []
        for far in self._fars:
            if not far.lost:
                with suppress(ProgramFailed):
                    texts.append(str(self._client.ask(far, "talk", "stderr_text")))
        return "\n".join(text for text in texts if text)

    def _all(self, *words: Any, within_s: float) -> list[Any]:
        questions = [(far, "talk", *words) for far in self._fars]
        return self._client.ask_all(questions, within_s=within_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(ProgramFailed):
            self.stop()


class Generators(FarProgram):
    """The load generators of a measurement, as one."""

    def __init__(
        self,
        client: Client,
        fars: Sequence[Far],
        started: Sequence[Mapping[str, Any]],
        where: Mapping[str, Any],
    ) -> None:
        """`where`: what the result says of the machines besides its parts."""
        super().__init__(client, fars, started)
        self._where = where
        self._offsets: Sequence[Offset] = ()

    def expect(self, event: str, timeout_s: float) -> dict[str, Any]:
        events = self._all("expect", event, timeout_s, within_s=timeout_s)
        if event == "ready":
            self._offsets = self._client.offsets(self._fars)
        try:
            return self._merged(event, events)
        except (KeyError, TypeError, IndexError) as error:
            raise Failure(f"'{event}' does not follow docs/interface.md: {error!r}") from error

    def send(self, line: str) -> None:
        """Pass a line to all. `go` becomes an appointment: lines take unequal times."""
        if line != "go":
            return super().send(line)
        start_ns = now_ns() + START_IN_NS
        for far, clock in zip(self._fars, self._offsets):
            self._client.tell(far, "talk", "send", f"go {max(0, start_ns + clock.ns)}")

    def _merged(self, event: str, events: list[dict[str, Any]]) -> dict[str, Any]:
        if event == "result":
            known = zip(self._fars, self._offsets, events)
            found = merge.result([merge.Part(far.name, clock, each) for far, clock, each in known])
            return {**found, "cluster": {**self._where, **found["cluster"]}}
        if event == "ready":
            return merge.ready(events)
        if event in ("measuring", "measured"):
            return merge.moment(events, self._offsets)
        return merge.calibration(events) if event == "calibration" else events[0]


@dataclass(frozen=True)
class Watched:
    """A process of the server, as its own machine saw it (counters.Watch)."""

    values: Mapping[str, int]
    reason: str | None
    sources: Mapping[str, str]


class FarWatches:
    """The processes behind a server, watched on its machine."""

    def __init__(self, client: Client, far: Far) -> None:
        self._client, self._far = client, far

    @property
    def roles(self) -> Mapping[str, Watched]:
        seen = self._client.ask(self._far, "watched")
        return {
            role: Watched(each["values"], each["reason"], SOURCES) for role, each in seen.items()
        }

    def begin(self) -> None:
        self._client.tell(self._far, "watch", "begin")

    def end(self) -> None:
        self._client.tell(self._far, "watch", "end")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class ClusterLauncher:
    """Servers and load generators of a cluster. The interface is every launcher's."""

    def __init__(self, asked: Asked, say: Callable[[str], None], *, native: bool = False) -> None:
        """Meet the machines. Raises Failure if their programs differ."""
        self.asked = asked
        self._pair = 0
        self._client = Client(asked, say, native=native)
        try:
            self._known = self._programs()
        except BaseException:
            self._client.close()
            raise

    def of_pair(self, number: int) -> Self:
        """Return the launcher of one pair of machines, from 0. This one has the first pair."""
        found = copy(self)
        found._pair = number
        return found

    @property
    def platform(self) -> str:
        return str(self._known["platform"])

    def models(self) -> dict[str, dict[str, Any]]:
        return dict(self._known["models"])

    def binaries(self, models: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the hashes of a run's programs by role."""
        return {
            SERVER: _of(self._known[SERVER], models),
            LOAD: dict(self._known[LOAD]),
        }

    def renew(self) -> None:
        """Before a measurement: meet lost machines again. Raises MachineLost."""
        if self._client.renew() and self._programs() != self._known:
            raise MachineLost("the programs of a machine changed since the run started")

    def server(self, model: str, options: Mapping[str, int | str]) -> FarProgram:
        """Start a server at a port that its machine chooses, whatever `options` say."""
        if model not in self.models():
            raise Failure(f"{model}: no such model; available: {', '.join(self.models())}")
        own = {name: value for name, value in options.items() if name != "port"}
        far = self._server
        started = self._client.ask(
            far, "start", model, own, _of(self._known[SERVER], [model]), within_s=START_S
        )
        return FarProgram(self._client, [far], [started])

    def loadgen(self, options: Mapping[str, Option], *, windows: bool = False) -> Generators:
        fars = self._client.loads(self._pair)
        each = merge.split(options, len(fars))
        if options.get("describe"):  # it checks the whole load
            each = [dict(options)]
        used = fars[: len(each)]
        started = self._client.ask_all(
            [(far, "start", "loadgen", own, self._known[LOAD]) for far, own in zip(used, each)]
        )
        where = {"pair": self._pair + 1, "server": self._server.name}
        return Generators(self._client, used, started, where)

    def program(self, executable: Path, *arguments: object) -> Program:
        raise Failure(f"{executable.name}: a cluster starts only programs of its own builds")

    def processes(self, server: Server) -> dict[str, int]:
        return {}

    def watch(self, server: Server) -> FarWatches:
        return FarWatches(self._client, self._server)

    def environment(self) -> dict[str, Any]:
        """The CPUs of the programs are those of their machines: see `conditions`."""
        return {"placement": None}

    def conditions(self, models: Sequence[str], watch_s: float) -> dict[str, Any]:
        """Return the environment of a run: that of the server's machine, and of each other one.

        `load_generator` is the first load worker, which stands for all: their programs are equal.
        `workers` has every machine by the name of its worker.
        """
        fars = [*self._client.of_role(SERVER), *self._client.of_role(LOAD)]
        questions = [
            (far, "facts", list(models) if far.role == SERVER else [], watch_s) for far in fars
        ]
        found = self._client.ask_all(questions, within_s=START_S)
        workers = {far.name: {"role": far.role, **each} for far, each in zip(fars, found)}
        there = found[0]
        load = next(each for far, each in zip(fars, found) if far.role == LOAD)
        reasons = dict(there["reasons"])
        for where, facts in {"load_generator": load, **_prefixed(workers)}.items():
            reasons |= {f"{where}.{name}": why for name, why in facts["reasons"].items()}
        return {
            **there,
            "load_generator": _without_reasons(load),
            "workers": {name: _without_reasons(facts) for name, facts in workers.items()},
            "reasons": reasons,
        }

    def cpus(self, role: str) -> int:
        """Return how many CPUs each machine of a role has for its programs, at least."""
        return int(min(self._client.ask_all([(far, "cpus") for far in self._client.of_role(role)])))

    def laws(self) -> dict[str, Any] | None:
        """Return the laws.json of the server's machine; None if it built no laws."""
        found: dict[str, Any] | None = self._client.ask(self._server, "laws", within_s=LAWS_S)
        return found

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _server(self) -> Far:
        return self._client.server(self._pair)

    def _programs(self) -> dict[str, Any]:
        """Return platform, models and hashes. Raises Failure if machines of a role differ."""
        servers, loads = self._client.of_role(SERVER), self._client.of_role(LOAD)
        platform, models = self._client.ask(servers[0], "models", within_s=START_S)
        found: dict[str, Any] = {"platform": platform, "models": models}
        for role, fars, names in ((SERVER, servers, list(models)), (LOAD, loads, [])):
            hashes = self._client.ask_all([(far, "binaries", names) for far in fars])
            others = [far.name for far, each in zip(fars, hashes) if each != hashes[0]]
            if others:
                raise Failure(
                    f"{', '.join(others)}: has other programs than {fars[0].name}; "
                    "build the same sources on all machines",
                    exit_code=USAGE,
                )
            found[role] = hashes[0]
        return found


def _of(hashes: Mapping[str, str], models: Sequence[str]) -> dict[str, str]:
    return {path: each for path, each in hashes.items() if Path(path).stem in models}


def _prefixed(workers: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {f"workers.{name}": facts for name, facts in workers.items()}


def _without_reasons(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name != "reasons"}
