"""What the commands of a cluster do; and the cluster of a run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from iomodels.base.console import say, shell_word
from iomodels.base.errors import USAGE, Failure
from iomodels.base.files import ROOT
from iomodels.cli import folders
from iomodels.cli.cluster_commands import DAYS, HOST
from iomodels.cli.command import fail
from iomodels.cluster import credentials, local
from iomodels.cluster.actor import SERVER, Machine
from iomodels.cluster.client import Asked
from iomodels.launch import platform as launch
from iomodels.launch.launcher import Launcher
from iomodels.machine.placement import (
    FORM,
    LOADGEN_ALONE,
    Placement,
    parse_affinity,
    server_alone,
)
from iomodels.machine.preflight import raise_open_files_limit
from iomodels.measure import laws

EVERY_ADDRESS = "0.0.0.0"


def cluster(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    return {"new": _new, "start": _start}[arguments.action](arguments, console)


def _new(arguments: argparse.Namespace, console: Console) -> int:
    host, port = arguments.host or HOST, arguments.port or credentials.DEFAULT_PORT
    if host == EVERY_ADDRESS:
        fail(f"--host {host}: must be an address that the other machines can reach")
    if arguments.path.exists() and not arguments.path.is_dir():
        fail(f"{arguments.path}: must be a folder")
    bundle = credentials.new_bundle(arguments.path, host, port, arguments.days or DAYS)
    program, file = folders.program(), shell_word(str(bundle.path))
    for line in (
        f"{bundle.path}: the bundle of a new cluster, until {bundle.expires:%Y-%m-%d}",
        "Who holds it can run any program on the machines of the cluster. Copy it to the same",
        "folder of each of them:",
        f"  on {host}: {program} cluster start {file}",
        f"  on the machine of the servers: {program} worker {file} --role server",
        f"  on each machine of load generators: {program} worker {file} --role load",
        f"  on one of them: {program} run SUITE --cluster {file}",
        f"Ports {port} to {bundle.server_ports[-1]} must be open between these machines."
        if host != HOST
        else "Only this machine reaches 127.0.0.1; for others make a bundle with --host ADDRESS.",
    ):
        say(console, line)
    return 0


def _start(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.days is not None:
        fail("--days: must be used with `cluster new`")
    bundle = credentials.open_bundle(arguments.path)
    node = _node()
    host, port = arguments.host or bundle.host, arguments.port or bundle.port
    node.run(node.schedule(bundle, host, port, lambda line: say(console, line)), **_ends())
    return 0


def worker(arguments: argparse.Namespace, console: Console, words: Sequence[str]) -> int:
    if arguments.role is None:
        fail("worker: needs a role: --role server or --role load")
    placement = _placement(arguments.role, arguments.cpus)
    bundle = credentials.open_bundle(arguments.bundle)
    if arguments.print_unit:
        given = {"role": arguments.role, "cpus": arguments.cpus, "name": arguments.name}
        options = [word for name, value in given.items() if value for word in (f"--{name}", value)]
        print(_unit(arguments.print_unit, ["worker", str(bundle.path), *options]))
        return 0
    node = _node()
    raise_open_files_limit()
    build = folders.build()

    def tell(line: str) -> None:
        say(console, line)

    def opened(native: bool) -> Launcher:
        if arguments.role != SERVER:
            return launch.open_loadgen(build, placement)
        if native:
            return launch.open_native(build, placement)
        return launch.open_launcher(build, placement, tell)

    def observed() -> Any:
        found = laws.current(build, folders.RESULTS, tell)
        return found.data if found else None

    machine = Machine(arguments.role, build, opened, observed, bundle.server_ports)
    node.run(node.work(bundle, machine, arguments.name, tell), **_ends())
    return 0


def _placement(role: str, cpus: str | None) -> Placement:
    if cpus is None:
        return server_alone() if role == SERVER else LOADGEN_ALONE
    if cpus == "none":
        return Placement(note="not pinned: --cpus none")
    of = "server" if role == SERVER else "loadgen"
    try:
        found = parse_affinity(f"{of}={cpus}")
    except ValueError as error:
        text = str(error).removeprefix(f"{of}={cpus}: ")
        fail(f"--cpus {cpus}: {'must be CPUs such as 0-3,6, or none' if FORM in text else text}")
    return Placement(found.server_cpus, found.loadgen_cpus, f"--cpus {cpus}", found.wineserver_cpus)


def _node() -> Any:
    """Return cluster/node.py, which needs distributed. Raises Failure."""
    try:
        from iomodels.cluster import node
    except ImportError as error:
        raise Failure(
            f"the package {error.name} is missing; {credentials.INSTALL}", exit_code=USAGE
        ) from None
    return node


def _ends() -> dict[str, bool]:
    """A process of `--cluster local` ends with the run that started it."""
    return {"with_stdin": local.WITH_STDIN in os.environ}


@contextmanager
def asked_for(arguments: argparse.Namespace, console: Console) -> Iterator[Asked | None]:
    """The cluster of a run, and for `local:N` its processes; None without --cluster."""
    if arguments.cluster is None:
        for name in ("pairs", "min_load"):
            if getattr(arguments, name) is not None:
                fail(f"--{name.replace('_', '-')}: must be used with --cluster")
        yield None
        return
    if arguments.affinity:
        fail("--affinity: must be omitted with --cluster; give `iomodels worker` its --cpus")
    if arguments.wait:
        fail("--wait: must be omitted with --cluster, whose machines refuse a second client")
    _node()
    least, pairs = arguments.min_load or 1, arguments.pairs or 1
    if isinstance(arguments.cluster, Path):
        where = str(arguments.cluster)
        yield Asked(credentials.open_bundle(arguments.cluster), where, least, pairs=pairs)
        return
    number, where = arguments.cluster, f"local:{arguments.cluster}"
    if pairs > 1:
        fail(f"--pairs {pairs}: must be omitted with {where}, which has one server")
    if least >= number:
        fail(f"--min-load {least}: must be below {number}, as one worker of {where} has the server")
    with local.cluster(number, lambda line: say(console, line)) as bundle:
        yield Asked(bundle, where, least, expected=number)


SYSTEMD = """\
# /etc/systemd/system/iomodels-worker.service
[Unit]
Description=Worker of an iomodels cluster
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={command}
User={user}
Restart=always
RestartSec=2
LimitNOFILE=1048576

[Install]
WantedBy=multi-user.target"""
WINDOWS = """\
# In PowerShell as the user that will own the worker, as administrator:
$action = New-ScheduledTaskAction -Execute '{program}' -Argument '{words}'
$trigger = New-ScheduledTaskTrigger -AtStartup
$minute = New-TimeSpan -Minutes 1
$settings = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval $minute `
    -ExecutionTimeLimit 0
Register-ScheduledTask iomodels-worker -Action $action -Trigger $trigger -Settings $settings `
    -User $env:USERNAME -Password (Read-Host Password)
Start-ScheduledTask iomodels-worker"""


def _unit(system: str, words: Sequence[str]) -> str:
    script = ROOT / ("iomodels.cmd" if system == "windows" else "iomodels")  # of a checkout
    program = [str(script)] if script.is_file() else [sys.executable, "-P", "-m", "iomodels"]
    argv = [*program, *words]
    if system == "systemd":
        user = os.environ.get("USER", "iomodels")
        return SYSTEMD.format(command=" ".join(map(shell_word, argv)), user=user)
    quoted = " ".join(f'"{word}"' if " " in word else word for word in argv[1:])
    return WINDOWS.format(program=argv[0], words=quoted.replace("'", "''"))
