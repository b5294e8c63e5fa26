"""Rows of the table of counters, from samples at both ends of a window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from iomodels.data.counters import GROWING, PER_REQUEST, UNITS, table
from iomodels.data.schema import parse


@dataclass
class Outside:
    values: dict[str, int] = field(default_factory=dict)
    reason: str | None = None
    sources: dict[str, str] = field(default_factory=dict)


def events(first: int, last: int) -> dict[str, Any]:
    """Samples in which each counter of the process is `first` and then `last`."""
    counters = {"requests": 100, "waits": 10, "events": 20, "partial_sends": 1}
    later = {"requests": 150, "waits": 14, "events": 32, "partial_sends": 4}
    return {
        "ready": {"process_sources": {"cpu_ns": "its clock"}},
        "begin": {"counters": counters, "process": dict.fromkeys(UNITS, first)},
        "end": {"counters": later, "process": dict.fromkeys(UNITS, last)},
    }


@pytest.mark.parametrize("name", UNITS)
def test_what_grows_counts_within_the_window_and_what_does_not_is_its_last_value(name: str) -> None:
    row = table(events(1000, 1500), {})[f"server.{name}"]
    assert row["value"] == (500 if name in GROWING else 1500)
    assert row.get("per_request") == (10.0 if name in PER_REQUEST else None)
    assert row["source"] == ("its clock" if name == "cpu_ns" else "the server")


def test_the_requests_between_the_samples_divide_and_not_those_of_the_load_generator() -> None:
    rows = table(events(0, 75), {}, None, answered=5)
    assert rows["server.cpu_ns"]["per_request"] == 1.5
    assert rows["server.partial_sends"] == {
        **{"value": 3, "unit": "sends", "source": "server"},
        "per_request": 0.06,
    }
    assert rows["server.events_per_wait"]["value"] == 3.0
    assert "per_request" not in rows["server.events_per_wait"]


def test_ended_threads_are_noted_at_their_switches_only() -> None:
    rows = table(events(1, 3), {})
    assert rows["server.context_switches"]["note"].startswith("lower bound: the switches of 2 thr")
    assert "note" not in rows["server.cpu_ns"]


def test_what_is_seen_from_outside_fills_what_the_server_lacks() -> None:
    seen = events(0, 10)
    del seen["end"]["process"]["threads"], seen["end"]["process"]["cpu_ns"]
    outside = Outside({"threads": 7, "cpu_user_ns": 9}, None, {"threads": "/proc", "handles": "no"})
    rows = table(seen, {"server": outside, "wineserver": outside})
    assert rows["server.threads"] == {"value": 7, "unit": "threads", "source": "/proc"}
    assert rows["server.cpu_ns"]["value"] == 20, "user and kernel time together"
    assert rows["wineserver.threads"]["value"] == 7 and "wineserver.cpu_ns" not in rows
    assert rows["wineserver.handles"]["value"] is None


@pytest.mark.parametrize("text", [b'{"a": "\\ud800"}', b'{"\\udfff": 1}'])
def test_half_of_a_character_is_refused(text: bytes) -> None:
    """It cannot be written again, so a report of it would fail."""
    with pytest.raises(ValueError, match="surrogates not allowed"):
        parse(text)
    assert parse(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}
