"""The processes of a cluster: the scheduler, the workers and the client's connection.

The only module that imports `distributed`. Its defaults suit short tasks on trusted networks, so
SETTINGS replaces them: no profiler and few wake-ups next to a measurement, every wait bounded, no
page over plain HTTP. A worker has no process that restarts it: it joins again by itself in a loop.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import dask
import distributed
from distributed import metrics
from distributed.diagnostics.plugin import SchedulerPlugin

from iomodels.base.errors import Failure
from iomodels.cluster import actor
from iomodels.cluster.actor import Machine
from iomodels.cluster.credentials import Bundle, NoScheduler, greet
from iomodels.launch.marks import temporary_folder

SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-ttl": "15s",
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.limit": "1h",
    "distributed.comm.timeouts.connect": "5s",
    "distributed.comm.timeouts.tcp": "12s",
}
dask.config.set(SETTINGS)
for _name in [*logging.root.manager.loggerDict]:  # what matters is said in our own words
    if _name.startswith(("asyncio", "distributed", "tornado")):
        logging.getLogger(_name).setLevel(logging.CRITICAL)

AGAIN_S = 1.0
JOIN_S = 20.0
LOOPBACK = "127.0.0.1:0"
Say = Callable[[str], None]

if sys.platform == "win32" and hasattr(metrics, "_WindowsTime"):
    # It waits for a tick of a coarse clock, and would spin for ever if the clock is fine.
    def _resync(clock: Any) -> float:
        clock.delta = clock.base_timer() - time.perf_counter()
        return float(clock.delta)

    metrics._WindowsTime.resync = _resync


def security(bundle: Bundle) -> Any:
    """Return TLS by the bundle for every role, and nothing without TLS."""
    roles = ("scheduler", "worker", "client")
    files = {f"tls_{role}_{part}": str(bundle.path) for role in roles for part in ("cert", "key")}
    return distributed.Security(tls_ca_file=str(bundle.path), require_encryption=True, **files)


def connect(bundle: Bundle) -> Any:
    """Return a client. Raises Failure, one sentence."""
    greet(bundle)
    try:
        return distributed.Client(f"tls://{bundle}", security=security(bundle), timeout=10)
    except OSError as error:
        raise NoScheduler(f"{bundle}: the scheduler does not answer: {error}") from None


class _Membership(SchedulerPlugin):  # type: ignore[misc]  # distributed is optional
    """Says who joins and leaves the cluster."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._names: dict[str, str] = {}

    def add_worker(self, scheduler: Any = None, worker: str = "", **_: Any) -> None:
        self._names[worker] = str(scheduler.workers[worker].name)
        self._say(f"{self._names[worker]} joined ({worker})")

    def remove_worker(self, scheduler: Any = None, worker: str = "", **_: Any) -> None:
        self._say(f"{self._names.pop(worker, worker)} left")


class _Refusals(logging.Handler):
    """Says whose connection the TLS refused."""

    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(f"refused: {record.getMessage()}")


async def schedule(bundle: Bundle, host: str, port: int, say: Say) -> None:
    """Be the scheduler until cancelled. Raises Failure if it cannot listen."""
    tcp = logging.getLogger("distributed.comm.tcp")
    tcp.setLevel(logging.WARNING)
    tcp.addHandler(_Refusals(say))
    try:
        async with distributed.Scheduler(
            host=host,
            port=port,
            protocol="tls",
            security=security(bundle),
            dashboard_address=LOOPBACK,
            plugins=[_Membership(say)],
        ) as scheduler:
            scheduler.http_server.stop()
            say(f"the scheduler listens at {host}:{port}; press Ctrl-C to stop")
            await scheduler.finished()
    except (OSError, RuntimeError) as error:  # newer versions wrap the one in the other
        reason = error.__cause__ or error
        raise Failure(f"--host {host} --port {port}: cannot listen there: {reason}") from None


async def work(bundle: Bundle, machine: Machine, name: str | None, say: Say) -> None:
    """Be a worker until cancelled; join again after every loss of the scheduler.

    Raises Failure if the bundle is refused.
    """
    actor.MACHINE = machine
    lease = asyncio.create_task(_lease(machine, say))
    said = ""
    try:
        while True:
            try:
                machine.address = await asyncio.to_thread(greet, bundle)
                await _join(bundle, machine, name or f"{machine.role}-{machine.address}", say)
                said = ""
            except NoScheduler as error:
                if said != str(error):  # once, not every second
                    said = str(error)
                    say(f"{said}; waiting for it")
            await asyncio.sleep(AGAIN_S)
    finally:
        lease.cancel()
        machine.close()


async def _join(bundle: Bundle, machine: Machine, name: str, say: Say) -> None:
    with temporary_folder() as folder:
        worker = distributed.Worker(
            f"tls://{bundle}",
            name=name,
            nthreads=1,
            resources={machine.role: 1},
            security=security(bundle),
            host=machine.address,
            port=f"{bundle.worker_ports[0]}:{bundle.worker_ports[-1]}",
            dashboard_address=LOOPBACK,
            local_directory=str(folder),
            memory_limit=0,
            death_timeout=JOIN_S,
        )
        try:
            async with worker:
                worker.http_server.stop()
                say(f"{name} joined the cluster at {bundle}; press Ctrl-C to stop")
                await worker.finished()
            say(f"{name} lost the scheduler; joining again")
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            reason = str(error.__cause__ or error) or (
                f"no answer that distributed {distributed.__version__} understands; "
                "use the same version on all machines"
            )
            if "name taken" in reason:
                reason = "another worker has this name; end it, or give another --name"
            raise NoScheduler(f"{name}: cannot join the cluster at {bundle}: {reason}") from None


async def _lease(machine: Machine, say: Say) -> None:
    while True:
        await asyncio.sleep(1.0)
        try:
            if machine.expired() and await asyncio.to_thread(machine.end_lease):
                say("the client is gone; its program was ended")
        except Failure as error:  # a program that survives SIGKILL
            say(str(error))


def run(process: Coroutine[Any, Any, None], *, with_stdin: bool = False) -> None:
    """Run a process of the cluster until Ctrl-C or SIGTERM; `with_stdin`: or end of stdin."""

    async def until_told() -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def end(*_: object) -> None:
            assert task
            loop.call_soon_threadsafe(task.cancel)

        for name in ("SIGTERM", "SIGBREAK", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
                continue  # nohup: keep ignoring it
            signal.signal(number, end)
        if with_stdin:

            def wait_for_the_end() -> None:
                sys.stdin.buffer.read()
                end()

            threading.Thread(target=wait_for_the_end, daemon=True).start()
        await process

    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(until_told())
