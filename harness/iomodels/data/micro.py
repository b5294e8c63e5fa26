"""The data of a micro run: the cost of each primitive, and the counters of the harness.

A micro run is a folder with `micro.json` (results/schema/micro.schema.json) and `benchmark.json`.
The latter is Google Benchmark's own, without the names of the machine and of its folders. All times
here are nanoseconds per operation.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iomodels.base.errors import Failure
from iomodels.base.files import write_whole
from iomodels.data.schema import as_input, check_against, read_object

FORMAT = 1
MANIFEST = "micro.json"
BENCHMARKS = "benchmark.json"
UNITS_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
_SUFFIX = re.compile(
    r"/(real_time|manual_time|process_time|iterations:\d+|repeats:\d+|min_time:[\d.]+)(?=/|$)"
)


@dataclass(frozen=True)
class Benchmark:
    """The repetitions of one benchmark. `values`: the medians of its own counters, by name."""

    name: str
    times_ns: tuple[float, ...]
    values: tuple[tuple[str, float], ...]
    context_switches: float | None
    wineserver_cpu_ns: float | None
    reason: str | None  # why a counter is None

    @property
    def series(self) -> str:
        """Return the name without its parameter: "a/select/last" of "a/select/last/sockets:64"."""
        return self.name.rsplit("/", 1)[0] if self.parameter is not None else self.name

    @property
    def parameter(self) -> int | None:
        """64 of "…/sockets:64"."""
        found = re.search(r"/\w+:(\d+)$", self.name)
        return int(found[1]) if found else None


@dataclass(frozen=True)
class MicroRun:
    path: Path
    manifest: dict[str, Any]
    benchmarks: tuple[Benchmark, ...]

    @property
    def platform(self) -> str:
        return str(self.manifest["platform"])


def short_name(name: str) -> str:
    """Return Google Benchmark's name without the suffixes for how it measured."""
    return _SUFFIX.sub("", name)


def is_micro_run(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def write_micro_run(folder: Path, manifest: dict[str, Any], google: dict[str, Any]) -> None:
    """Write both files, the manifest last: a folder with a manifest is complete."""
    check_against("micro", manifest, str(folder / MANIFEST))
    write_whole(folder / BENCHMARKS, json.dumps(google, indent=2, ensure_ascii=False) + "\n")
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


@as_input()
def load_micro_run(path: Path) -> MicroRun:
    """Read and check the folder of a micro run. Raises Failure."""
    if not is_micro_run(path):
        raise Failure(f"{path}: not a micro run: it has no {MANIFEST}")
    manifest = read_object(path / MANIFEST)
    check_against("micro", manifest, str(path / MANIFEST))
    return MicroRun(
        path,
        manifest,
        benchmarks_of(read_object(path / BENCHMARKS), manifest, str(path / BENCHMARKS)),
    )


def benchmarks_of(
    google: dict[str, Any], manifest: dict[str, Any], what: str
) -> tuple[Benchmark, ...]:
    """Return the benchmarks in Google's JSON, in the order of their definition.

    Raises Failure if the JSON is damaged or of another platform.
    """
    try:
        platform = google["context"]["platform"]
        runs = [run for run in google["benchmarks"] if run["run_type"] == "iteration"]
        runs.sort(
            key=lambda run: (
                run["family_index"],
                run["per_family_instance_index"],
                run["repetition_index"],
            )
        )
        names = dict.fromkeys(str(run["name"]) for run in runs)
        repeats = {name: [run for run in runs if run["name"] == name] for name in names}
        found = tuple(
            _benchmark(name, each, manifest["counters"].get(short_name(name)))
            for name, each in repeats.items()
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Failure(
            f"{what}: Google Benchmark did not write this:  {type(error).__name__}: {error}"
        ) from None
    if platform != manifest["platform"]:
        raise Failure(
            f"{what}: measured on {platform}, but the run on {manifest['platform']}; "
            "platforms must not be mixed"
        )
    return found


def failures_of(google: dict[str, Any]) -> dict[str, str]:
    """Return name → message of the benchmarks that failed."""
    runs = google.get("benchmarks", [])
    return {
        short_name(run["name"]): str(run.get("error_message"))
        for run in runs
        if run.get("error_occurred")
    }


_KNOWN = {
    "name",
    "run_name",
    "run_type",
    "family_index",
    "per_family_instance_index",
    "repetitions",
    "repetition_index",
    "threads",
    "iterations",
    "real_time",
    "cpu_time",
    "time_unit",
    "label",
    "error_occurred",
    "error_message",
}


def _benchmark(name: str, runs: list[dict[str, Any]], counted: dict[str, Any] | None) -> Benchmark:
    values = {key: [float(run[key]) for run in runs] for key in runs[0] if key not in _KNOWN}
    counted = counted or {
        "context_switches": None,
        "wineserver_cpu_ns": None,
        "reason": "not counted in this run",
    }
    return Benchmark(
        short_name(name),
        tuple(
            float(run["real_time"]) * UNITS_NS[run["time_unit"]]
            for run in runs
            if not run.get("error_occurred")
        ),
        tuple((key, sorted(each)[len(each) // 2]) for key, each in values.items()),
        counted["context_switches"],
        counted["wineserver_cpu_ns"],
        counted["reason"],
    )
