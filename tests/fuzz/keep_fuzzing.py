"""Fuzz every target for some minutes, and keep the hours in docs/testing.md.

    ./iomodels test fuzz -- --minutes 60 [--target frame --target records] [--write]

The targets in C are libFuzzer's under AddressSanitizer; those of Python are tests/fuzz/readers.py.
Each gets an equal part of the minutes, on one CPU. New inputs stay in build/fuzz/tests/found.
--write adds the hours to tests/fuzz/hours.json, from which it writes the table of the page, and
copies the few inputs that reach more branches into tests/fuzz/corpus.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "harness"))

from iomodels.base.files import write_whole  # noqa: E402

BUILD = Path(os.environ.get("IOMODELS_BUILD", ROOT / "build")) / "fuzz"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
HOURS = ROOT / "tests" / "fuzz" / "hours.json"
PAGE = ROOT / "docs" / "testing.md"
IN_C = ("session", "client", "option", "options", "frame", "json", "recorder")
GROWING = tuple(name for name in IN_C if name != "session")
"""The streams of sessions have names, because the conformance suite sends them to every server."""
IN_PYTHON = ("records", "runs", "suites", "histograms")
LONGEST = 4096
"""Bytes of an input in C."""
ADDED_LEAST = 10
"""New inputs enter the sources only if they reach so many branches more."""
GRACE_S = 600.0
"""A target that still runs so long after twice its time hangs, which is a finding."""
FORMAT = 1


@dataclass
class Effort:
    """What a target has had so far. `covered` of `of` are branches in C and lines in Python."""

    cpu_s: float = 0.0
    executions: int = 0
    covered: int = 0
    of: int = 0


def measured(argv: list[str], seconds: float) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Run a program and return its CPU time in seconds. One that overruns fails with one line."""
    before, most_s = os.times(), 2 * seconds + GRACE_S
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", timeout=most_s
        )
    except subprocess.TimeoutExpired:
        line = f"hangs: it was to run for {seconds:.0f} s, and was ended after {most_s:.0f} s"
        done = subprocess.CompletedProcess(argv, 1, stdout="", stderr=line)
    after = os.times()
    used = after.children_user + after.children_system
    return used - before.children_user - before.children_system, done


def fuzz_in_c(name: str, seconds: float, seed: int) -> tuple[Effort, str]:
    """Run libFuzzer. Returns the effort, and the finding or "".

    Its own messages and those of the sanitizers go to stderr, what the target prints nowhere: a
    target that complains about each input filled the memory of this process, and Linux counts the
    memory of a parent as that of the program that it starts.
    """
    found = BUILD / "tests" / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds:.0f}", f"-seed={seed}", f"-max_len={LONGEST}"]
    options += ["-close_fd_mask=3", "-print_final_stats=1", f"-artifact_prefix={BUILD}/{name}-"]
    program = str(BUILD / "bin" / f"fuzz_{name}")
    cpu_s, done = measured([program, *options, str(found), str(CORPUS / name)], seconds)
    branches = re.search(r"Loaded 1 PC tables \((\d+) PCs\)", done.stderr)
    covered = re.findall(r" cov: (\d+) ", done.stderr)
    runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    effort = Effort(
        cpu_s,
        int(runs[1]) if runs else 0,
        int(covered[-1]) if covered else 0,
        int(branches[1]) if branches else 0,
    )
    return effort, done.stderr[-3000:] if done.returncode else ""


def fuzz_in_python(name: str, seconds: float, seed: int) -> tuple[Effort, str]:
    """Run a reader. Returns the effort, and the finding or ""."""
    argv = [sys.executable, str(Path(__file__).with_name("readers.py")), name]
    cpu_s, done = measured([*argv, f"{seconds:.0f}", str(seed)], seconds)
    if done.returncode:
        return Effort(cpu_s), done.stderr[-3000:]
    return Effort(cpu_s, **json.loads(done.stdout.splitlines()[-1])), ""


def branches_of(name: str, *folders: Path) -> int:
    """Return how many branches the inputs of the folders reach."""
    argv = [str(BUILD / "bin" / f"fuzz_{name}"), "-runs=0", "-close_fd_mask=3", *map(str, folders)]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=True)
    return int(re.findall(r" cov: (\d+) ", done.stderr)[-1])


def grow_corpus(name: str) -> int:
    """Add the found inputs that reach more branches than the corpus. Returns their number."""
    own, found = CORPUS / name, BUILD / "tests" / "found" / name
    if branches_of(name, own, found) < branches_of(name, own) + ADDED_LEAST:
        return 0
    argv = [str(BUILD / "bin" / f"fuzz_{name}"), "-set_cover_merge=1", "-close_fd_mask=3"]
    before = set(own.iterdir())
    subprocess.run(
        [*argv, str(own), str(found)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return len(set(own.iterdir()) - before)


def read_hours() -> dict[str, Effort]:
    stored = json.loads(HOURS.read_text(encoding="utf-8"))["targets"] if HOURS.exists() else {}
    return {name: Effort(**stored.get(name, {})) for name in (*IN_C, *IN_PYTHON)}


def add(total: Effort, effort: Effort) -> Effort:
    """Add an effort. The newest coverage replaces the older one, because sources change."""
    return Effort(
        round(total.cpu_s + effort.cpu_s, 1),
        total.executions + effort.executions,
        effort.covered or total.covered,
        effort.of or total.of,
    )


def table(hours: dict[str, Effort]) -> str:
    rows = ["| target | CPU hours | executions | covered |", "|---|--:|--:|--:|"]
    for name, effort in hours.items():
        what = "branches" if name in IN_C else "lines"
        rows.append(
            f"| {name} | {effort.cpu_s / 3600:.2f} | {effort.executions:,} "
            f"| {effort.covered:,} of {effort.of:,} {what} |"
        )
    total = sum(effort.cpu_s for effort in hours.values()) / 3600
    runs = sum(effort.executions for effort in hours.values())
    return "\n".join([*rows, f"| **all** | **{total:.2f}** | **{runs:,}** | |"])


def with_part(page: str, part: str, content: str) -> str:
    """Return the page with new content between the two marks of a part."""
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
    head, rest = page.split(begin)
    return f"{head}{begin}\n{content}\n\n{end}{rest.split(end)[1]}"


def write(hours: dict[str, Effort]) -> None:
    data = {"format": FORMAT, "targets": {name: asdict(each) for name, each in hours.items()}}
    write_whole(HOURS, json.dumps(data, indent=1) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    write_whole(PAGE, with_part(page, "fuzzing", table(hours)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--minutes", type=float, required=True, help="minutes of all targets together"
    )
    parser.add_argument("--target", action="append", choices=[*IN_C, *IN_PYTHON], default=[])
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1000 % 2**31)
    parser.add_argument("--write", action="store_true", help=f"add the hours to {HOURS.name}")
    options = parser.parse_args()
    names = options.target or [*IN_C, *IN_PYTHON]
    seconds, failed = max(1.0, options.minutes * 60 / len(names)), []
    hours = read_hours()
    for name in names:
        fuzz = fuzz_in_c if name in IN_C else fuzz_in_python
        effort, finding = fuzz(name, seconds, options.seed)
        hours[name] = add(hours[name], effort)
        print(
            f"{name}: {effort.cpu_s:.0f} s of CPU time, {effort.executions:,} executions",
            flush=True,
        )
        if finding:
            failed.append(name)
            print(f"{name}: {finding}", flush=True)
        if options.write:
            write(hours)
    if options.write and not failed:
        for name in [each for each in names if each in GROWING]:
            print(f"{name}: {grow_corpus(name)} inputs added to the corpus", flush=True)
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed, seed {options.seed}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
