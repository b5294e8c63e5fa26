"""The conditions of a run as rows: what was run, on which machine, and with which settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from iomodels.base import words
from iomodels.data.records import Run
from iomodels.judge.summary import Summary


def conditions(summary: Summary) -> list[tuple[str, str]]:
    """Return what was run: (name, value) with dotted names."""
    manifest = summary.run.manifest
    suite = {
        name: value
        for name, value in manifest["suite"].items()
        if name not in ("title", "question") and value != []
    }
    machines = _machines(manifest["environment"])
    return [
        ("platform", summary.platform),
        *([("machines", machines)] if machines else []),
        ("run", manifest["run"]),
        ("status", manifest["status"]),
        ("started", manifest["started_utc"]),
        ("finished", manifest["finished_utc"] or f"{words.NOTHING} (it is not complete)"),
        ("commit", commit_words(manifest["git"])),
        *_flat("suite", {**suite, "servers": list(summary.labels)}),
        *(
            (f"external server {name}", _external(server))
            for name, server in (manifest.get("external") or {}).items()
        ),
    ]


def _machines(environment: Mapping[str, Any]) -> str:
    """Return how many machines a run had; empty for one."""
    if "load_generator" not in environment:
        return ""
    workers = environment.get("workers", {})
    loads = sum(each["role"] == "load" for each in workers.values())
    if loads < 2:
        return "two: the servers on one, the load generator on the other"
    return f"{len(workers)} workers: {loads} have load generators, the others the servers"


def _external(server: Mapping[str, Any]) -> str:
    """Return what a server of the user is: its version, command, threads and hashes."""
    if "attach" in server:
        return f"it already ran at {server['attach']}; its version and its options are not known"
    files = [f"{Path(word).name} {digest[:12]}" for word, digest in server["files"].items()]
    threads = f"{server['threads']}" if server["threads"] else "not known"
    return "; ".join(
        [
            server["version"] or "version: not known",
            f"command: {' '.join(server['command'])}",
            f"threads: {threads}",
            f"SHA-256: {', '.join(files) or 'not known'}",
        ]
    )


def circumstances(run: Run) -> list[tuple[str, str]]:
    """Return where it ran: (name, value) of machine, placement, versions and settings."""
    reasons = run.manifest["environment"]["reasons"]
    environment = {
        name: value for name, value in run.manifest["environment"].items() if name != "reasons"
    }
    rows = [*_flat("", environment, reasons), *_flat("versions", run.manifest["versions"], reasons)]
    for label, settings in _settings(run).items():
        rows += _flat(label, settings)
    return rows


def commit_words(git: Mapping[str, Any]) -> str:
    if git["commit"] is None:
        return f"{words.NOTHING} ({git['reason']})"
    return f"{git['commit']}{' with local changes' if git['dirty'] else ''}"


def _settings(run: Run) -> dict[str, dict[str, Any]]:
    """Return the settings that each program printed when it was first ready, by program."""
    found: dict[str, dict[str, Any]] = {}
    for record in run.records:
        ready = (record.server or {}).get("ready")
        if ready and record.condition.label not in found:
            found[record.condition.label] = {
                key: ready[key] for key in ("settings", "socket") if key in ready
            }
        result = record.result
        if result and "load generator" not in found:
            found["load generator"] = {
                key: result[key] for key in ("platform", "backend", "loop") if key in result
            }
    return found


def _flat(
    prefix: str, value: object, reasons: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield nested data as rows; a null shows its reason."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), inner, reasons)
    elif value is None:
        reason = (reasons or {}).get(prefix)
        yield prefix, f"{words.NOTHING} ({reason})" if reason else words.NOTHING
    elif isinstance(value, list):
        yield (
            prefix,
            ", ".join(each if isinstance(each, str) else json.dumps(each) for each in value),
        )
    else:
        yield prefix, str(value)
