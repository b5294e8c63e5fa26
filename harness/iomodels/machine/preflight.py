"""Check the limits of this machine that would break a run later, before the first measurement."""

from __future__ import annotations

from iomodels.machine.facts import Unknown, local_port_range

# Files of a process besides its connections: pipes, epoll, threads. Measured: fewer than 100 in the
# load generator. Under Wine the wineserver holds every socket of its prefix and about 200 others.
SPARE_FILES_NATIVE = 100
SPARE_FILES_WINE = 200
SPARE_PORTS = 200


def preflight(connections: int, platform: str) -> list[str]:
    """Return one line per limit that `connections` exceed.

    Each end of a connection is in another process tree (server and wineserver; load generator), so
    each end has the whole limit for itself.
    """
    return [*_files(connections, platform), *_ports(connections)]


def raise_open_files_limit() -> None:
    """Lift the soft limit to the hard one, for this process and its children; needs no rights."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wine_files() -> str | None:
    """Return why no Windows program can start here: too few open files; None if enough."""
    import resource  # only Linux has Wine

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= SPARE_FILES_WINE:
        return None
    return (
        f"Wine needs {SPARE_FILES_WINE} open files; the limit (ulimit -Hn) is {hard}. "
        f"Raise it as root (ulimit -n {SPARE_FILES_WINE}, or LimitNOFILE / limits.conf)"
    )


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
        f"{connections} connections need {needed} open files per process; "
        f"the limit (ulimit -Hn) is {hard}. Raise it as root (ulimit -n {needed}, "
        "or LimitNOFILE / limits.conf), or reduce --connections"
    ]


def _ports(connections: int) -> list[str]:
    try:
        low, high = local_port_range()
    except Unknown:  # not Linux: the load generator reports it if ports run out
        return []
    there = high - low + 1
    if there >= connections + SPARE_PORTS:
        return []
    return [
        f"{connections} connections need {connections + SPARE_PORTS} local ports; "
        f"the range {low} … {high} has {there}. Widen it as root (sysctl -w "
        'net.ipv4.ip_local_port_range="1024 65535"), or reduce --connections'
    ]
