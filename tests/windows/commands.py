"""Commands of iomodels.cmd, checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rig import Rig


def said(rig: Rig, *words: str, code: int = 0, programs: str = "", timeout_s: float = 300.0) -> str:
    """Run iomodels.cmd and return its output; it must end with this exit code."""
    done = rig.iomodels(*words, programs=programs, timeout_s=timeout_s)
    assert done.returncode == code, done.stdout[-3000:]
    assert "Traceback" not in done.stdout, done.stdout[-3000:]
    return done.stdout


def newest(results: Path, manifest: str = "run.json") -> Path:
    return max(path.parent for path in results.glob(f"*/{manifest}"))


def manifest_of(folder: Path, name: str = "run.json") -> dict[str, Any]:
    found = json.loads((folder / name).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def records_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
