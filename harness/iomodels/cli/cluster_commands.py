"""The commands of a cluster: declared here, carried out in `cluster.py`."""

from __future__ import annotations

from iomodels.cli import values
from iomodels.cli.command import Command, Option
from iomodels.cluster.credentials import DEFAULT_PORT, PORTS

ACTIONS = ("new", "start")
ROLES = ("server", "load")
UNITS = ("systemd", "windows")
DAYS = 30
HOST = "127.0.0.1"
PORT_MOST = 65535 - 2 * PORTS

ON_RUN = (
    Option(
        "--cluster",
        "bundle of a cluster that measures; local:N starts N workers on this machine, 2 to 9",
        "BUNDLE",
        values.cluster,
        values="file",
    ),
    Option(
        "--pairs",
        "servers' machines that measure different loads in parallel, each with its share of the "
        "load machines, 1 to 100 (default: 1)",
        "N",
        values.whole(1, 100),
    ),
    Option(
        "--min-load",
        "fewest load workers, 1 to 1000; a run continues without lost ones (default: 1)",
        "N",
        values.whole(1, 1000),
    ),
)

CLUSTER = Command(
    "cluster",
    "cluster ACTION PATH",
    "prepare a cluster of machines, and start its scheduler",
    "measure",
    "cluster:cluster",
    ("a cluster", "docs/cluster.md"),
    (
        Option("ACTION", "new or start", type=values.one_of(*ACTIONS), values=ACTIONS),
        Option("PATH", "folder of a new bundle, or the bundle", type=values.path, values="file"),
        Option(
            "--days",
            f"days until a new bundle expires, 1 to 365 (default: {DAYS})",
            "N",
            values.whole(1, 365, "days"),
        ),
        Option(
            "--host",
            "IPv4 address of the scheduler's machine for all others "
            f"(default: {HOST}; start: that of the bundle)",
            "ADDRESS",
            values.address,
        ),
        Option(
            "--port",
            f"port of the scheduler, 1024 to {PORT_MOST}; workers and servers use the next "
            f"{2 * PORTS} (default: {DEFAULT_PORT}; start: that of the bundle)",
            "N",
            values.whole(1024, PORT_MOST),
        ),
    ),
    (
        ("iomodels cluster new lab --host 192.0.2.10", "makes lab/bundle.pem"),
        ("iomodels cluster start lab/bundle.pem", "on the machine with that address"),
    ),
    "Who holds the bundle can run any program on the machines of the cluster.\n"
    "Install the same versions of iomodels and distributed on all machines.",
    short="make and start a cluster",
)

WORKER = Command(
    "worker",
    "worker BUNDLE --role ROLE",
    "let a cluster start servers or load generators here",
    "measure",
    "cluster:worker",
    None,
    (
        Option("BUNDLE", "the bundle of the cluster", type=values.path, values="file"),
        Option(
            "--role",
            "server: start servers; load: start load generators",
            "ROLE",
            values.one_of(*ROLES),
            values=ROLES,
        ),
        Option(
            "--cpus",
            "CPUs of the programs, such as 0-3,6, or none (default: automatic for servers; "
            "all for load generators)",
            "CPUS",
            values.name,
        ),
        Option("--name", "name in records (default: role and address)", "NAME", values.worker),
        Option(
            "--print-unit",
            "only print how to start it with the system: for systemd, or in PowerShell",
            "SYSTEM",
            values.one_of(*UNITS),
            values=UNITS,
        ),
    ),
    (
        ("iomodels worker bundle.pem --role server", ""),
        ("iomodels worker bundle.pem --role load --cpus 2-7", ""),
    ),
    "It serves one client at a time, until Ctrl-C, and joins again after a loss.",
    joins=True,
    short="join it",
)

COMMANDS = (CLUSTER, WORKER)
