"""The mean of an amount of the load generator: "64", "64..4096", "exp:200", "0*7+2000*3".

The load generator alone checks amounts (loadgen/amount.h); this module reads correct ones.
"""

from __future__ import annotations

from collections.abc import Callable

from iomodels.plan.load import Value


def mean_of(amount: Value, each: Callable[[float], float] = lambda value: value) -> float:
    """Return the mean of `each` over the parts of an amount; a range counts with its middle.

    Raises ValueError for a text that is no amount.
    """
    parts = [part.partition("*") for part in str(amount).split("+")]
    weights = [int(weight) if star else 1 for _, star, weight in parts]
    values = [each(_middle(value)) for value, _, _ in parts]
    return sum(value * weight for value, weight in zip(values, weights)) / sum(weights)


def _middle(text: str) -> float:
    if text.startswith("exp:"):
        return float(int(text.removeprefix("exp:")))
    low, dots, high = text.partition("..")
    return (int(low) + int(high)) / 2 if dots else float(int(low))
