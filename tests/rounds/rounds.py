"""Run parts of the tests again and again beside a busy program: a test that fails once is a defect.

    ./iomodels test rounds -- --count 20 [--part servers] [--beside COMMAND] [--write]

A round runs its parts by `./iomodels test` while another process uses one CPU. The busy process is
a loop, or a command that has better use for the time, such as the fuzzer. The whole output of a
failed round stays in build/rounds. After each round --write keeps the series in rounds.json, from
which it writes the table of docs/testing.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(ROOT / "tests" / "fuzz")]

from iomodels.base.files import write_whole  # noqa: E402

LOGS = Path(os.environ.get("IOMODELS_BUILD", ROOT / "build")).resolve() / "rounds"
KEPT = ROOT / "tests" / "rounds" / "rounds.json"
PAGE = ROOT / "docs" / "testing.md"
FORMAT = 1
PARTS = ("py", "servers")
LONGEST_S = 3600.0
"""A round that takes longer hangs."""
BURN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))\n"
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::\S+)", re.MULTILINE)


@contextmanager
def busy(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a process busy. At the end it is killed with everything that it started."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / "beside.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # it ended before
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def round_of(parts: list[str], log: Path) -> tuple[int, str]:
    """Run the parts once. Returns the exit code and the output, which goes to `log`, too."""
    with log.open("wb") as file:
        try:
            code = subprocess.run(
                [ROOT / "iomodels", "test", *parts],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=LONGEST_S,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = 1
            file.write(f"\nFAILED rounds::longer than {LONGEST_S:.0f} s\n".encode())
    return code, log.read_text(encoding="utf-8", errors="replace")


def commit() -> str:
    """Return the commit of the sources, with + if they were changed since."""
    name, changed = (
        subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for words in (("rev-parse", "--short=7", "HEAD"), ("status", "--porcelain"))
    )
    return name.strip() + ("+" if changed else "")


def table(kept: dict[str, Any]) -> str:
    if not kept["series"]:
        return "No rounds are kept yet."
    rows = [
        f"| {each['commit']} | {', '.join(each['parts'])} | {each['rounds']} | "
        f"{each['passed']} | {each['seconds'] / max(1, each['rounds']):.0f} s |"
        for each in kept["series"]
    ]
    failed = [
        f"- `{name}`, {count} × on {each['commit']}"
        for each in kept["series"]
        for name, count in sorted(each["failed"].items())
    ]
    head = ["| commit | parts | rounds | passed | a round |", "|---|---|--:|--:|--:|"]
    return "\n".join(
        [*head, *rows, "", *(["Failed:", "", *failed] if failed else ["None failed."])]
    )


def keep(series: dict[str, Any], before: list[dict[str, Any]]) -> None:
    """Write the series behind those that were kept before, and all of them into the page."""
    from keep_fuzzing import with_part

    kept = {"format": FORMAT, "series": [*before, series]}
    write_whole(KEPT, json.dumps(kept, indent=1) + "\n")
    write_whole(PAGE, with_part(PAGE.read_text(encoding="utf-8"), "rounds", table(kept)))


def rounds(parts: list[str], count: int, process: subprocess.Popen[bytes]) -> Iterator[Any]:
    """Make the rounds. Yields the whole series so far after each."""
    began, at, good, failed = time.monotonic(), commit(), 0, dict[str, int]()
    for number in range(1, count + 1):
        log, start = LOGS / f"round-{number}.log", time.monotonic()
        code, text = round_of(parts, log)
        if process.poll() is not None:
            raise SystemExit(f"the busy process has ended: {LOGS / 'beside.log'} says why")
        good += code == 0
        for name in FAILED.findall(text) or ([f"exit code {code}"] if code else []):
            failed[name] = failed.get(name, 0) + 1
        said = "passed" if code == 0 else f"FAILED (see {log})"
        print(f"round {number} of {count}: {said}, {time.monotonic() - start:.0f} s", flush=True)
        if code == 0:
            log.unlink()
        seconds = round(time.monotonic() - began)
        counts = {"rounds": number, "passed": good, "failed": failed, "seconds": seconds}
        yield {"commit": at, "parts": parts, **counts}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=20, help="rounds (default: 20)")
    parser.add_argument("--part", action="append", default=[], help="a part (default: py, servers)")
    parser.add_argument("--beside", default="", help="the busy command (default: a loop)")
    parser.add_argument("--write", action="store_true", help=f"keep the rounds in {PAGE.name}")
    options = parser.parse_args()
    if options.count < 1:
        parser.error(f"--count {options.count}: must be at least 1")
    parts = options.part or list(PARTS)
    before = json.loads(KEPT.read_text(encoding="utf-8"))["series"] if KEPT.exists() else []
    command = shlex.split(options.beside) or [sys.executable, "-c", BURN]
    with busy(command) as process:
        for series in rounds(parts, options.count, process):
            if options.write:
                keep(series, before)
    print(f"{series['passed']} rounds passed, {series['rounds'] - series['passed']} failed")
    return 0 if series["passed"] == series["rounds"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
