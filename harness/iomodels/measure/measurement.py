"""Make one measurement: a fresh server, a fresh load generator, one record.

The record contains every failure of the programs. No process is left, and every wait has a
deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from signal import SIGSEGV
from typing import Any

from iomodels.base.arguments import Option
from iomodels.base.errors import Failure
from iomodels.base.files import below_root
from iomodels.data.counters import table
from iomodels.data.records import FORMAT, Condition, Record, utc_now
from iomodels.data.store import check_record
from iomodels.judge.verdict import refusal
from iomodels.launch.launcher import Launcher, MachineLost
from iomodels.launch.process import ProgramFailed, Server, exit_text
from iomodels.launch.watches import Watching
from iomodels.measure.mood import Mood
from iomodels.plan.order import Measurement, limit_of
from iomodels.plan.suite import Suite

WINDOW_MOST = 4  # times --duration-ms: the longest window of a closed loop (loadgen/run.h)
STDERR_KEPT = 4000  # characters of each program's stderr in a failed record
SERVER_DEATH_S = 0.5  # its clients see a crash before its process ends
LOADGEN_STOP_S = 0.3  # it ignores its stdin in mid-window, so a signal must follow soon

Waiting = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Deadlines:
    """Seconds to wait beyond the natural time of a step."""

    start_s: float = 20.0  # a server until it listens
    connect_s: float = (
        10.0  # the load generator's own limit per connection and for the last replies
    )
    answer_s: float = 10.0  # an event that is due
    stop_s: float = 5.0  # from closed stdin to the end


class _Failed(Exception):
    """Why a measurement failed, and the end of its programs' stderr."""

    def __init__(self, reason: str, stderr: str) -> None:
        super().__init__(reason)
        self.stderr = stderr


@dataclass
class _Trial:
    """The data of a measurement so far; a failure keeps it."""

    server: dict[str, Any] | None = None
    loadgen: dict[str, Any] | None = None
    counters: dict[str, dict[str, Any]] | None = None
    mood: dict[str, Any] | None = None
    server_code: int | None = None
    loadgen_code: int | None = None


def measure(
    launcher: Launcher,
    suite: Suite,
    run: str,
    item: Measurement,
    *,
    deadlines: Deadlines = Deadlines(),
    waiting: Waiting = nullcontext,
    rate: int | None = None,
) -> Record:
    """Make one repeat of one cell.

    `waiting` surrounds the parts in which a signal may raise. `rate` is the offered rate of a cell
    with a fixed rate, in requests per second over all connections.
    """
    started = utc_now()
    blank = Record(
        FORMAT,
        run,
        item.index,
        item.repeat,
        item.condition,
        launcher.platform,
        started,
        "ok",
        None,
        None,
        None,
        None,
    )
    limit = limit_of(item.condition, launcher.models())
    if limit:
        return replace(blank, status="failed", reason=limit)
    if item.condition.rate_percent and rate is None:
        return replace(
            blank,
            status="failed",
            reason="no server has a peak at this load, so the rate to offer is unknown",
        )
    trial = _Trial()
    stderr = ""
    reason: str | None
    try:
        stderr = _live(launcher, suite, item, trial, deadlines, waiting, rate)
        record = replace(
            blank,
            server=trial.server,
            loadgen=trial.loadgen,
            counters=trial.counters,
            mood=trial.mood,
        )
        check_record(record, "an event does not follow docs/interface.md")
        reason = _judge(trial, launcher.platform)
        if reason is None:
            return record
    except MachineLost:
        raise
    except (_Failed, Failure) as error:  # Failure: also a process that survives SIGKILL
        reason = str(error)
        stderr = error.stderr if isinstance(error, (_Failed, ProgramFailed)) else stderr
    return replace(
        blank,
        status="failed",
        reason=reason,
        stderr=stderr or None,
        server=trial.server,
        loadgen=trial.loadgen,
    )


def _live(
    launcher: Launcher,
    suite: Suite,
    item: Measurement,
    trial: _Trial,
    deadlines: Deadlines,
    waiting: Waiting,
    rate: int | None,
) -> str:
    """Run both programs from start to end; store their events in `trial`. Returns their stderr."""
    programs: list[Server] = []
    with ExitStack() as stack:
        try:
            server = stack.enter_context(
                launcher.server(item.condition.model, _server_options(launcher, item))
            )
            programs.append(server)
            trial.server = {
                "argv": below_root(server.argv),
                **dict.fromkeys(("ready", "begin", "end", "summary")),
            }
            with waiting():
                trial.server["ready"] = server.expect("ready", deadlines.start_s)
            watches = stack.enter_context(launcher.watch(server))
            options = _loadgen_options(suite, item, trial.server["ready"], deadlines)
            loadgen = stack.enter_context(
                launcher.loadgen(options if rate is None else {**options, "rate": rate})
            )
            programs.append(loadgen)
            stack.callback(loadgen.stop, LOADGEN_STOP_S)
            trial.loadgen = {
                "argv": below_root(loadgen.argv),
                **dict.fromkeys(("ready", "measuring", "measured", "result")),
            }
            with waiting():
                mood = Mood(
                    server,
                    trial.server["ready"].get("commands"),
                    launcher.environment()["placement"] or {},
                )
                _drive(
                    server, loadgen, trial.server, trial.loadgen, suite, deadlines, watches, mood
                )
            trial.loadgen_code = loadgen.wait(deadlines.answer_s)
            mood.spin("after", deadlines.answer_s)
            trial.mood = mood.found()
            server.close_stdin()
            trial.server["summary"] = server.expect("summary", deadlines.stop_s)
            trial.server_code = server.wait(deadlines.stop_s)
            trial.counters = _counters(
                trial, watches, launcher.models()[item.condition.model].get("family")
            )
        except MachineLost:
            raise
        except Failure as error:
            raise _Failed(_blame(error, programs), _stderr(programs)) from error
    return _stderr(programs)


def _drive(
    server: Server,
    loadgen: Server,
    seen: dict[str, Any],
    load: dict[str, Any],
    suite: Suite,
    deadlines: Deadlines,
    watches: Watching,
    mood: Mood,
) -> None:
    """Run the measuring window, with a sample of the server's counters at each end."""
    due = deadlines.answer_s
    load["ready"] = loadgen.expect("ready", suite.load.ramp_s + 2 * deadlines.connect_s + due)
    mood.spin("before", due)
    loadgen.send("go")
    warmup_s = suite.warmup_ms / 1000 + deadlines.connect_s
    load["measuring"] = loadgen.expect("measuring", warmup_s + due)
    server.send("sample")
    watches.begin()
    mood.begin()
    seen["begin"] = server.expect("sample", due)
    load["measured"] = loadgen.expect("measured", WINDOW_MOST * suite.duration_ms / 1000 + due)
    try:
        server.send("sample")
        watches.end()
        mood.end()
        seen["end"] = server.expect("sample", due)
    except ProgramFailed:  # the record keeps the load generator's view
        load["result"] = loadgen.expect("result", 1.5 * deadlines.connect_s + due)
        raise
    load["result"] = loadgen.expect("result", 1.5 * deadlines.connect_s + due)


def _counters(trial: _Trial, watches: Watching, family: str | None) -> dict[str, dict[str, Any]]:
    assert trial.server and trial.loadgen
    try:
        return table(trial.server, watches.roles, family, trial.loadgen["result"]["requests"])
    except (KeyError, TypeError) as error:
        raise Failure(f"a sample does not follow docs/interface.md: {error!r}") from error


def _server_options(launcher: Launcher, item: Measurement) -> dict[str, int | str]:
    """Return the suite's options, with room for all connections if the default is too small."""
    options: dict[str, int | str] = {"port": 0, **dict(item.condition.options)}
    described = {
        option["name"]: option for option in launcher.models()[item.condition.model]["options"]
    }
    room = described.get("max-conns", {}).get("default")
    if room is not None and room < item.condition.connections:
        options.setdefault("max-conns", item.condition.connections)
    return options


def _loadgen_options(
    suite: Suite, item: Measurement, ready: dict[str, Any], deadlines: Deadlines
) -> dict[str, Option]:
    port = ready.get("port")
    if not isinstance(port, int):
        raise Failure(f"the server's ready names no port: {port!r}")
    timeout_ms = round(deadlines.connect_s * 1000)
    return {
        **({"host": ready["host"]} if "host" in ready else {}),
        "port": port,
        **load_options(suite, item.condition),
        "seed": (suite.seed + item.repeat) % 2**32,
        "timeout-ms": timeout_ms,
    }


def load_options(suite: Suite, condition: Condition) -> dict[str, Option]:
    """Return the load generator's options for the load of a cell."""
    return {
        "connections": condition.connections,
        "size": condition.size,
        "depth": condition.depth,
        "threads": min(suite.loadgen_threads, condition.connections),
        "warmup-ms": suite.warmup_ms,
        "duration-ms": suite.duration_ms,
        **suite.load.arguments(condition.connections),
        **({"idle": suite.idle(condition.connections)} if suite.active else {}),
        **({"arrivals": suite.rate_arrivals} if condition.rate_percent else {}),
    }


def _judge(trial: _Trial, platform: str) -> str | None:
    """Return why a completed measurement with correct events does not count; None if it does."""
    assert trial.server and trial.loadgen
    ran_on = trial.server["ready"].get("platform")
    result = trial.loadgen["result"]
    if ran_on != platform:
        return f"the server ran on {ran_on}, but this run on {platform}"
    refused = refusal(result)
    if refused:
        return refused
    if trial.loadgen_code != 0:
        return f"load generator: {exit_text(trial.loadgen_code)} although its result has no error"
    if trial.server_code != 0 and not _dies_in_wine(trial, platform):
        return f"server: {exit_text(trial.server_code)} after its summary"
    return None


def _dies_in_wine(trial: _Trial, platform: str) -> bool:
    """Return whether the server's end was a crash of Wine and not one of ours.

    Wine 8 dies by signal 11 in the exit of a thread, in about one of 900 ends. Wine turns a crash
    of a Windows program into an exception, so that one ends with exit code 5, never by the signal.
    Nothing is lost: the summary is the last act of a server. The record keeps the fact.
    """
    if not platform.startswith("wine") or trial.server_code != -SIGSEGV:
        return False
    assert trial.server
    trial.server["died_in_wine"] = exit_text(trial.server_code)
    return True


def _blame(error: Failure, programs: list[Server]) -> str:
    """Return the reason of a failure; blame a server that died before the load generator failed."""
    if len(programs) < 2 or str(error).startswith(f"{programs[0].name}:"):
        return str(error)
    try:
        code = programs[0].wait(SERVER_DEATH_S)
    except ProgramFailed:  # it lives
        return str(error)
    return f"{programs[0].name}: died in mid-measurement, {exit_text(code)}; then {error}"


def _stderr(programs: list[Server]) -> str:
    texts = {program.name: program.stderr_text().strip()[-STDERR_KEPT:] for program in programs}
    return "\n".join(f"{name}: {text}" for name, text in texts.items() if text)
