"""Limits of this machine that would break a run half-way: asked before anything is measured."""

from __future__ import annotations

from iomodels.machine.facts import Unknown, local_port_range

# What a process needs beside its connections: files, pipes, epoll, threads; measured at under 100 for the load
# generator. Under Wine the wineserver holds every socket of its prefix and about 200 descriptors of its own.
SPARE_FILES_NATIVE = 100
SPARE_FILES_WINE = 200
SPARE_PORTS = 200


def preflight(connections: int, platform: str) -> list[str]:
    """Why `connections` cannot all stand here, one line for each limit; empty when they can.

    Each end of a connection is in another process tree (server and wineserver; load generator), so each end
    has the whole limit for itself.
    """
    return [*_files(connections, platform), *_ports(connections)]


def raise_open_files_limit() -> None:
    """Lift the soft limit to the hard one, for this process and what it starts; needs no rights."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _files(connections: int, platform: str) -> list[str]:
    try:
        import resource
    except ImportError:
        return []
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + (SPARE_FILES_WINE if platform.startswith("wine") else SPARE_FILES_NATIVE)
    if hard == resource.RLIM_INFINITY or hard >= needed:
        return []
    return [
        f"{connections} connections need {needed} open files a process, the limit (ulimit -Hn) is {hard}: "
        f"raise it as root (ulimit -n {needed}, or LimitNOFILE / limits.conf), or ask for fewer with --connections"
    ]


def _ports(connections: int) -> list[str]:
    try:
        low, high = local_port_range()
    except Unknown:  # not Linux: the load generator says it itself when ports run out
        return []
    there = high - low + 1
    if there >= connections + SPARE_PORTS:
        return []
    return [
        f"{connections} connections need {connections + SPARE_PORTS} local ports, the range {low} … {high} has {there}: "
        f'widen it as root (sysctl -w net.ipv4.ip_local_port_range="1024 65535"), or ask for fewer with --connections'
    ]
