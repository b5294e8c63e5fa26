"""Renamed keys: the only place that turns old names in manifests into present ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PARTS = ("suite",)
"""The parts of a manifest that have the key too."""


def with_rounds(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with `rounds`; it was called `repeats` at first."""
    parts = {name: _renamed(manifest[name]) for name in PARTS if name in manifest}
    return _renamed({**manifest, **parts})


def _renamed(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"rounds" if key == "repeats" else key: value for key, value in part.items()}
