"""The buckets of HdrHistogram: their values, and counts listed by bucket as in its V2 encoding.

A record lists its counts by bucket. That needs half the size of pairs of value and count, and loses
nothing. Source: HdrHistogram's AbstractHistogram (countsArrayIndex, V2 encoding).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Layout:
    """The buckets of a histogram: each doubling of the value has half of the sub-buckets."""

    lowest: int
    highest: int
    digits: int

    @cached_property
    def unit_bits(self) -> int:
        return self.lowest.bit_length() - 1

    @cached_property
    def sub_bits(self) -> int:
        return int(2 * 10**self.digits - 1).bit_length()

    @property
    def buckets(self) -> int:
        covered, count = 1 << (self.sub_bits + self.unit_bits), 1
        while covered <= self.highest:
            covered, count = 2 * covered, count + 1
        return count

    @property
    def places(self) -> int:
        """Return the length of the array of counts."""
        return (self.buckets + 1) << (self.sub_bits - 1)

    def index(self, value: int) -> int:
        """Return the index of a value in the array of counts."""
        bucket = max(0, (value >> self.unit_bits).bit_length() - self.sub_bits)
        half = 1 << (self.sub_bits - 1)
        return (bucket + 1) * half + (value >> (bucket + self.unit_bits)) - half

    def top(self, index: int) -> int:
        """Return the highest value of a bucket, which represents it in a record."""
        bucket = max(0, (index >> (self.sub_bits - 1)) - 1)
        return ((index - (bucket << (self.sub_bits - 1)) + 1) << (bucket + self.unit_bits)) - 1

    def middle(self, value: int) -> int:
        """Return the middle of a value's bucket, for the mean and the deviation."""
        bucket = max(0, (value >> self.unit_bits).bit_length() - self.sub_bits)
        width = 1 << (bucket + self.unit_bits)
        return value // width * width + width // 2


def listed(counts: Iterable[Sequence[int]], layout: Layout) -> list[int]:
    """Return ascending (value, count) pairs as counts by bucket; -n stands for n empty buckets."""
    found: list[int] = []
    expected = 0
    for value, count in counts:
        index = layout.index(value)
        if index > expected:
            found.append(expected - index)
        found.append(count)
        expected = index + 1
    return found


def pairs(counts: Sequence[int], layout: Layout) -> list[tuple[int, int]]:
    """Return the (highest value of the bucket, count) pairs from which `listed` made its list.

    Tuples, as Python's garbage collector visits each of a million lists over and over.
    """
    array = np.array(counts, dtype=np.int64)
    filled = array > 0
    index = (np.cumsum(np.where(filled, 1, -array)) - 1)[filled]
    # Layout.top() of all buckets in one step, as a report asks for millions of them
    half_bits = layout.sub_bits - 1
    bucket = np.maximum((index >> half_bits) - 1, 0)
    top = ((index - (bucket << half_bits) + 1) << (bucket + layout.unit_bits)) - 1
    return list(zip(top.tolist(), array[filled].tolist()))
