"""The ceiling of a load: the highest rate that the load generator itself can reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def ceiling_rate(
    calibration: Mapping[str, Any] | None, connections: int, size: int, depth: int
) -> float | None:
    """Return the load generator's requests per second at such a load; None if not calibrated.

    Between two numbers of connections it is the lower of their rates. A size that was not
    calibrated counts as the next greater one. The ceiling is thus rather too low, which makes a
    verdict careful.

    Several threads share the one thread of the null target, which then limits the rate. Such a
    point counts with the rate that its threads would reach with a target that costs nothing.
    """
    points = [
        point
        for point in (calibration or {}).get("points", ())
        if point["depth"] == depth and point["size"] >= size
    ]
    if not points:
        return None
    nearest = min(point["size"] for point in points)
    at = {int(point["connections"]): _rate(point) for point in points if point["size"] == nearest}
    below = max((count for count in at if count <= connections), default=None)
    above = min((count for count in at if count >= connections), default=None)
    if below is None or above is None:
        return None
    return min(at[below], at[above])


def _rate(point: Mapping[str, Any]) -> float:
    several = point.get("threads", 1) > 1 and point.get("ceiling")
    return float(point["ceiling"] if several else point["rate"])
