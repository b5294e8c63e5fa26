"""The runs below a results folder: which folders are runs, of which kind, and which are empty."""

from __future__ import annotations

import re
from pathlib import Path

from iomodels.data import micro, searches, store

RUN, SLO, TUNE, MICRO = store.MANIFEST, searches.SLO, searches.TUNE, micro.MANIFEST
KINDS = (RUN, SLO, TUNE, MICRO)
"""The manifests that make a folder a run, a search, a tuning or a micro run."""
CONTRIBUTED = "contributed"
_NAME = re.compile(r"\d{8}-\d{6}-")


def kind_of(folder: Path) -> str | None:
    """Return the manifest of the folder; None for a folder of something else."""
    return next((kind for kind in KINDS if (folder / kind).is_file()), None)


def is_empty(folder: Path) -> bool:
    """Return whether a run holds no measurement. A micro run has its manifest last."""
    files = [folder / name for name in (store.RECORDS, store.PACKED, micro.BENCHMARKS)]
    return not any(path.is_file() and path.stat().st_size for path in files)


def run_folders(results: Path) -> list[Path]:
    """Return the folders of runs in `results` and the contributed ones, by name.

    A folder with the name of a run counts even if its manifest is missing.
    """
    own = [each for each in results.glob("*") if each.is_dir() and not each.is_symlink()]
    contributed = [each for each in (results / CONTRIBUTED).glob("*/*") if each.is_dir()]
    return sorted(
        (each for each in (*own, *contributed) if kind_of(each) or _NAME.match(each.name)),
        key=lambda each: each.name,
    )
