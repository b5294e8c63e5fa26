"""The client's connection: it meets the workers, asks them, stays in touch, and meets them again.

Every answer has a deadline. A worker that is lost costs the measurement that needed it. Before the
next one the client waits for the worker, and does without it if enough others are there.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from iomodels.base.errors import Failure
from iomodels.cluster.actor import LOAD, SERVER, Host
from iomodels.cluster.clock import Offset, now_ns, offset
from iomodels.cluster.credentials import INSTALL, Bundle
from iomodels.launch.launcher import MachineLost
from iomodels.launch.process import ProgramFailed

TOUCH_S = 1.0
ANSWER_S = 15.0
"""Seconds beyond the time of a question. Dask itself notices a dead machine after 12 s."""
START_S = 120.0
"""Seconds for a machine to get ready: the first time it warms Wine's prefix."""
GATHER_S = 20.0
"""Seconds to wait for workers at the start, and for a lost one before a run goes on without it."""
RETURN_S = 60.0
"""Seconds to wait for a machine without which the run cannot go on."""
AGAIN_S = 0.5
SLICE_S = 0.2
TRIPS = 8


@dataclass(frozen=True)
class Asked:
    """What the user asked of a cluster.

    min_load: load workers that each pair needs. expected: workers to wait for at the start.
    pairs: servers' machines that measure in parallel, each with its own load machines. where: the
    words of the command line.
    """

    bundle: Bundle
    where: str
    min_load: int = 1
    expected: int = 0
    pairs: int = 1


class Gone(ProgramFailed):
    """A machine does not answer."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: the machine does not answer: {why}", "", None)


@dataclass
class Far:
    """A worker as the client knows it."""

    name: str
    role: str
    address: str
    actor: Any
    lost: bool = False


@dataclass(frozen=True)
class Team:
    """The names of the workers of a pair of machines: a server's, and those with its load."""

    server: str
    loads: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.server, *self.loads)


class Client:
    """The workers of one run. Each pair may have a thread of its own; another touches them all."""

    def __init__(self, asked: Asked, say: Callable[[str], None], *, native: bool = False) -> None:
        """Meet the workers. Raises Failure: no scheduler, a wrong bundle, another version."""
        try:
            from iomodels.cluster import node
        except ImportError as error:
            raise Failure(f"--cluster: the package {error.name} is missing; {INSTALL}") from None
        self._connect = node.connect
        self._asked, self._say, self._native = asked, say, native
        self._run = secrets.token_hex(8)
        self._met: dict[str, Far] = {}
        self._names: set[str] = set()  # those that the run waits for
        self._renewing = threading.Lock()
        self.teams: list[Team] = []
        self._closed = threading.Event()
        self._dask = self._connect(asked.bundle)
        threading.Thread(target=self._touch, daemon=True).start()  # also the first while it meets
        try:
            self._gather()
        except BaseException:
            self.close()
            raise

    def server(self, pair: int) -> Far:
        return self._met[self.teams[pair].server]

    def loads(self, pair: int) -> list[Far]:
        """Return the load workers of a pair that are there. Raises Failure if none is."""
        found = [self._met[name] for name in self.teams[pair].loads]
        found = [far for far in found if not far.lost]
        if not found:
            raise Failure("no worker of the role load is left")
        return found

    def of_role(self, role: str) -> list[Far]:
        """Return the workers of a role in all pairs that are there."""
        fars = [self._met[name] for team in self.teams for name in team.names]
        return [far for far in fars if far.role == role and not far.lost]

    # ---- questions ----

    def ask(self, far: Far, what: str, *words: Any, within_s: float = 0.0) -> Any:
        return self.ask_all([(far, what, *words)], within_s=within_s)[0]

    def ask_all(self, questions: Sequence[tuple[Any, ...]], *, within_s: float = 0.0) -> list[Any]:
        """Ask (worker, what, words…) at the same time; return the answers in that order.

        Raises ProgramFailed for the first that fails, and Gone for a machine without an answer.
        """
        futures = [(far, self._tell(far, what, *words)) for far, what, *words in questions]
        deadline = time.monotonic() + within_s + ANSWER_S
        answers: dict[int, Any] = {}
        while len(answers) < len(futures):
            waiting = [index for index in range(len(futures)) if index not in answers]
            ready = [index for index in waiting if futures[index][1].done()] or waiting[:1]
            for index in ready:
                far, future = futures[index]
                try:
                    answers[index] = self._answer(far, future.result(timeout=SLICE_S))
                except TimeoutError:
                    if time.monotonic() > deadline:
                        raise self._gone(far, f"no answer within {ANSWER_S:g} s") from None
                except (OSError, ValueError, RuntimeError, AttributeError) as error:
                    raise self._gone(far, str(error)) from None
        return [answers[index] for index in range(len(futures))]

    def tell(self, far: Far, what: str, *words: Any) -> None:
        """Ask without waiting. If that fails, the next answer shows it."""
        with suppress(Gone):
            self._tell(far, what, *words)

    def offsets(self, fars: Sequence[Far]) -> list[Offset]:
        """Compare the clocks of these machines with the client's."""
        return [self._offset(far) for far in fars]

    def _offset(self, far: Far) -> Offset:
        async def trips() -> list[tuple[int, int, int]]:
            found = []
            for _ in range(TRIPS):
                asked = now_ns()
                there = await far.actor.touch()
                found.append((asked, there, now_ns()))
            return found

        try:  # in the thread of Dask: another switch of threads would lengthen each trip
            return offset(self._dask.sync(trips, callback_timeout=ANSWER_S))
        except (OSError, ValueError, RuntimeError) as error:  # TimeoutError is an OSError
            raise self._gone(far, str(error)) from None

    def _tell(self, far: Far, what: str, *words: Any) -> Any:
        try:
            return far.actor.ask(what, *words)
        except (ValueError, RuntimeError) as error:  # Dask knows that its worker is lost
            raise self._gone(far, str(error)) from None

    def _answer(self, far: Far, said: dict[str, Any]) -> Any:
        if "failed" not in said:
            return said["value"]
        far.lost = far.lost or bool(said.get("lost"))
        raise ProgramFailed(f"{far.name}: {said['failed']}", said["stderr"], said["code"])

    @staticmethod
    def _gone(far: Far, why: str) -> Gone:
        far.lost = True
        return Gone(far.name, why)

    def _touch(self) -> None:
        while not self._closed.wait(TOUCH_S):
            for far in list(self._met.values()):
                if not far.lost:
                    with suppress(Exception):  # whatever it is, the next question shows it
                        far.actor.touch()

    # ---- meeting the workers ----

    def _gather(self) -> None:
        """Meet the workers that are there, and wait for those that a run needs."""
        deadline, said = time.monotonic() + GATHER_S, self._asked.expected > 0
        while True:
            there = self._there()
            self.teams = self._teams(there)
            missing = self._missing(there)
            if not missing and len(there) >= self._asked.expected:
                break
            if time.monotonic() > deadline:
                raise Failure(f"{self._asked.bundle}: {missing or 'too few workers'} joined")
            if not said:
                self._say(f"{missing} so far; waiting {GATHER_S:g} s for more")
                said = True
            time.sleep(AGAIN_S)
        self._check_versions()
        self._names = {name for team in self.teams for name in team.names}
        for name in sorted(self._names):
            self._met[name] = self._meet(name, *there[name])

    def _teams(self, there: Mapping[str, tuple[str, str]]) -> list[Team]:
        """Share the machines: each pair has one server and an equal part of the load machines."""
        servers, loads = (
            [name for name, (each, _) in there.items() if each == role] for role in (SERVER, LOAD)
        )
        count = self._asked.pairs
        return [
            Team(server, tuple(loads[number::count]))
            for number, server in enumerate(servers[:count])
        ]

    def renew(self) -> bool:
        """Before a measurement: meet lost workers again. Returns whether any worker changed.

        Raises MachineLost if the run cannot go on without one of them.
        """
        with self._renewing:
            if self._closed.is_set():
                raise MachineLost("the run ends, so no machine is met again")
            return self._renew()

    def _renew(self) -> bool:
        started, said, changed = time.monotonic(), False, False
        while True:
            why = ""
            try:
                changed |= self._meet_again()
            except Failure as error:
                why = f": {error}"
            lost = sorted(name for name in self._names if self._met[name].lost)
            waited = time.monotonic() - started
            missing = self._missing([name for name, far in self._met.items() if not far.lost])
            if not lost or (waited > GATHER_S and not missing):
                if said:
                    self._say(f"continuing without {', '.join(lost)}" if lost else "all are back")
                self._names -= set(lost) if not missing else set()
                return changed
            if not said:
                self._say(f"{', '.join(lost)}: lost; waiting for the machine to join again")
                said = True
            if waited > RETURN_S or self._closed.is_set():
                raise MachineLost(f"{missing} came back within {RETURN_S:g} s{why}")
            time.sleep(AGAIN_S)

    def _meet_again(self) -> bool:
        try:
            there = self._there()
        except Exception:  # the scheduler is gone: its futures and actors are, too
            with suppress(Exception):
                self._dask.close(timeout=2)
            self._dask = self._connect(self._asked.bundle)
            for far in self._met.values():
                far.lost = True
            there = self._there()
        changed = False
        for name in self._met:
            far = self._met[name]
            role, address = there.get(name, (far.role, ""))
            far.lost = far.lost or address != far.address
            if far.lost and address:
                self._met[name] = self._meet(name, role, address)
                self._names.add(name)
                changed = True
        return changed

    def _there(self) -> dict[str, tuple[str, str]]:
        """Return role and address of each worker of the cluster by name."""
        info = self._dask.scheduler_info(n_workers=-1)["workers"]  # some versions omit most
        return {
            str(each["name"]): (role, address)
            for address, each in sorted(info.items(), key=lambda pair: str(pair[1]["name"]))
            for role in (SERVER, LOAD)
            if role in (each.get("resources") or {})
        }

    def _missing(self, there: Collection[str]) -> str:
        """Return what a run needs and does not have, in words; empty if nothing is missing."""
        servers = sum(team.server in there for team in self.teams)
        if servers < self._asked.pairs:
            found = f"only {servers} of {self._asked.pairs} workers" if servers else "no worker"
            return f"{found} of the role server"
        loads = min(sum(name in there for name in team.loads) for team in self.teams)
        if loads < self._asked.min_load:
            each = " for each pair" if self._asked.pairs > 1 else ""
            return f"only {loads} of {self._asked.min_load} workers of the role load{each}"
        return ""

    def _meet(self, name: str, role: str, address: str) -> Far:
        """Make the actor on a worker, and reserve its machine. Raises Failure: it is busy."""
        key = f"iomodels-{secrets.token_hex(8)}"
        future = self._dask.submit(
            Host, self._run, actor=True, workers=[address], key=key, pure=False
        )
        try:
            far = Far(name, role, address, future.result(timeout=ANSWER_S))
        except Exception as error:
            raise Failure(f"{name}: the worker does not answer: {error}") from None
        self.ask(far, "claim", self._native, within_s=START_S)
        return far

    def _check_versions(self) -> None:
        """Refuse machines with other versions: they might understand each other wrongly."""
        found = self._dask.get_versions(packages=["iomodels"])
        ours = found["client"]["packages"]
        names = {address: name for name, (_, address) in self._there().items()}
        others = {"the scheduler": found["scheduler"]["packages"]} | {
            names.get(address, address): each["packages"]
            for address, each in found["workers"].items()
        }
        wrong = [
            f"{name}: has {package} {theirs.get(package)}, this machine {ours.get(package)}; "
            "use the same version on all machines"
            for name, theirs in others.items()
            for package in ("iomodels", "distributed")
            if theirs.get(package) != ours.get(package)
        ]
        if wrong:
            raise Failure(*wrong)

    def close(self) -> None:
        """Free the machines, which ends their programs. Bounded; else their lease does it."""
        if self._closed.is_set():
            return
        self._closed.set()
        with suppress(Failure):
            self.ask_all([(far, "release") for far in self._met.values() if not far.lost])
        with suppress(Exception):
            self._dask.close(timeout=5)
