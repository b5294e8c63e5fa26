"""The buckets of HdrHistogram: their number, their values, and their places in the array."""

from __future__ import annotations

import pytest

from iomodels.data.hdr import Layout

LAYOUTS = [Layout(1, 1000, 1), Layout(1, 60_000_000_000, 3), Layout(1000, 3_600_000_000, 2)]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_the_buckets_reach_the_highest_value_and_no_bucket_more(layout: Layout) -> None:
    half = layout.places // (layout.buckets + 1)
    assert layout.top(layout.places - 1) > layout.highest >= layout.top(layout.places - half - 1)
    assert layout.index(layout.highest) < layout.places


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_bucket_begins_where_the_one_before_it_ends(layout: Layout) -> None:
    for place in range(min(layout.places, 3000)):
        top = layout.top(place)
        assert layout.index(top) == place and layout.index(top + 1) == place + 1
        below = layout.top(place - 1) if place else -1
        assert layout.middle(top) == layout.middle(below + 1) == (below + 2 + top) // 2
