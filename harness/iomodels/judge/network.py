"""Whether the network between two machines was full, by the payload that crossed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from iomodels.base import words
from iomodels.judge.limits import NotRecorded

LINK_SHARE_MOST = 0.80
"""Of the speed of the network between two machines, in payload and frame headers alone. Ethernet,
IP and TCP have the rest to themselves."""
Result = Mapping[str, Any]
Link = Mapping[str, Any]
"""An interface: `mbps` is its speed in Mbit/s, None if the system does not report it."""


def below_link(
    results: Sequence[Result], link: Link | None, links: Mapping[str, Link | None] | None = None
) -> str | None:
    """Return why a network is full, in either direction; None if none is.

    `link` is that of the only load generator. In a cluster each one has its own, and they share
    that of the server: `links` has them by worker. Raises NotRecorded.
    """
    if links is None:
        return _below(results, link, "network") if link else None
    flows: dict[str, list[Result]] = {}
    for result in results:
        flows.setdefault(result["cluster"]["server"], []).append(result)
        for part in result["cluster"]["parts"]:
            flows.setdefault(part["worker"], []).append(part["result"])
    unknown = None
    for name, own in flows.items():
        try:
            if fault := _below(own, links.get(name) or {}, f"network of {name}"):
                return fault
        except NotRecorded as error:  # a full network of another machine decides all the same
            unknown = unknown or error
    if unknown:
        raise unknown
    return None


def _below(results: Sequence[Result], link: Link, what: str) -> str | None:
    if link.get("mbps") is None:
        raise NotRecorded(f"the speed of the {what} is unavailable")
    mbps = median(
        max(result["bytes_sent"], result["bytes_received"]) * 8e3 / result["window_ns"]
        for result in results
    )
    share = mbps / link["mbps"]
    if share <= LINK_SHARE_MOST:
        return None
    whose = what if "of" in what else f"{what}'s"
    return (
        f"payload uses {words.past(share, LINK_SHARE_MOST)} of the {whose} "
        f"{link['mbps']:,} Mbit/s (limit {100 * LINK_SHARE_MOST:.0f} %)"
    )


def links_of(environment: Mapping[str, Any]) -> dict[str, Link | None] | None:
    """Return the link of each worker of a cluster by its name; None without a cluster."""
    workers = environment.get("workers")
    return workers and {name: each.get("link") for name, each in workers.items()}
