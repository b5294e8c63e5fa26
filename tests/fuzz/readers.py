"""Damage what the harness reads, for a number of seconds: records, runs, suites, histograms.

    python3 tests/fuzz/readers.py TARGET SECONDS SEED

A reader accepts its input or refuses it with Failure; anything else is a finding, and the exit code
is 1. The last line on stdout is JSON: executions, lines covered, lines of the modules.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent / "harness"), str(TESTS / "py"), str(TESTS / "py" / "report")]

import test_damaged as base  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from iomodels.base.errors import Failure  # noqa: E402
from iomodels.data import hdr  # noqa: E402
from iomodels.data.store import check_record, record_of_line  # noqa: E402
from iomodels.plan.suite import load_file, load_suite, suite_files, suite_from  # noqa: E402

BATCH = 100
TRACED_BATCHES = 3
"""Tracing lines slows a batch ten times, so only the first ones count towards the coverage."""

values = [value for value in base.DAMAGE.values() if value is not base.MISSING]
anything = st.just(base.MISSING) | st.recursive(
    st.sampled_from(values) | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
places = st.sampled_from(list(base.places(base.RECORD_DATA[0])))
TOKENS = [
    "[",
    "]",
    "{",
    "}",
    '"',
    "=",
    "\n",
    "-1",
    "0",
    "99999999999999999999",
    "true",
    "[[servers]]",
]
TOKENS += ["[load]", "inf", "nan", "1979-05-27", "'''", "#", ".", "\x00", "\ufeff", "minutes = 1\n"]
edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(TOKENS)), max_size=4
)


def refused(failure: Failure, what: str) -> None:
    """Check that a refusal names the input, in lines that a terminal can show."""
    for line in str(failure).splitlines():
        assert line.startswith(what) and "Traceback" not in line, line


def records(number: int, damage: list[tuple[Any, Any]], cut: tuple[float, int]) -> None:
    """Read one line of records.jsonl. An accepted record is also valid in full."""
    data = base.RECORD_DATA[number]
    for place, value in damage:
        try:
            data = base.damaged(data, place, value)
        except (KeyError, IndexError, TypeError):
            continue  # the damage before took this place away
    line = bytearray(json.dumps(data).encode("utf-8", "surrogatepass"))
    if cut[0] < 0.3:
        line[int(cut[0] / 0.3 * (len(line) - 1))] = cut[1]
    try:
        record = record_of_line(bytes(line), "line")
    except Failure as failure:
        return refused(failure, "line")
    check_record(record, "line")


def runs(folder: Path, number: int, place: Any, value: Any) -> None:
    """Report and validate a whole run with one damaged record."""
    lines = list(base.RECORD_DATA)
    try:
        lines[number] = base.damaged(lines[number], place, value)
    except (KeyError, IndexError, TypeError):
        return
    base.check(base.write(folder, base.MANIFEST_DATA, lines))


def suites(folder: Path, name: str, changes: list[tuple[float, int, str]]) -> None:
    """Read a suite's TOML file. An accepted suite is the same when a run resumes with it."""
    text = suite_files()[name].read_text(encoding="utf-8")
    for where, length, token in changes:
        at = int(where * len(text))
        text = text[:at] + token + text[at + length :]
    path = folder / "fuzzed.toml"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        suite = load_suite(path, quick=bool(len(text) % 2))
        resumed = suite_from(suite.name, json.loads(json.dumps(suite.to_json())))
        assert resumed.to_json() == suite.to_json()
    except Failure as failure:
        refused(failure, str(path))
    try:
        load_file(path)
    except Failure as failure:
        refused(failure, str(path))


def histograms(counts: dict[int, int], digits: int, lowest: int) -> None:
    """List counts by bucket and read them again: nothing may change."""
    layout = hdr.Layout(lowest, 60_000_000_000, digits)
    held = {index % layout.places: count for index, count in counts.items()}
    pairs = [(layout.top(index), held[index]) for index in sorted(held)]
    assert [layout.index(value) for value, _ in pairs] == sorted(held)
    assert hdr.pairs(hdr.listed(pairs, layout), layout) == pairs
    for value, _ in pairs:
        bucket = layout.index(value)
        assert layout.index(layout.middle(value)) == bucket
        assert layout.index(value + 1) == bucket + 1


def targets(folder: Path) -> dict[str, tuple[Any, list[str]]]:
    """Return each target: its strategy applied to its check, and the modules it should cover."""
    number, floats, byte = (
        st.integers(0, len(base.RECORD_DATA) - 1),
        st.floats(0, 1),
        st.integers(0, 255),
    )
    damage = st.lists(st.tuples(places, anything), max_size=3)
    counts = st.dictionaries(st.integers(0, 10**6), st.integers(1, 2**62), max_size=60)
    names = st.sampled_from(sorted(suite_files()))
    where = st.just(folder)
    lowest = st.sampled_from([1, 2, 1000, 1024])
    return {
        "records": (
            given(number=number, damage=damage, cut=st.tuples(floats, byte))(records),
            ["data/store.py", "data/schema.py", "data/hdr.py"],
        ),
        "runs": (
            given(folder=where, number=number, place=places, value=anything)(runs),
            ["data/store.py", "data/belonging.py", "judge/verdict.py", "judge/summary.py"],
        ),
        "suites": (
            given(folder=where, name=names, changes=edits)(suites),
            ["plan/suite.py", "plan/load.py", "plan/server.py", "plan/amount.py"],
        ),
        "histograms": (
            given(counts=counts, digits=st.integers(1, 5), lowest=lowest)(histograms),
            ["data/hdr.py"],
        ),
    }


def lines_of(code: CodeType) -> set[int]:
    """Return the numbers of the lines in functions of a module; importing runs the others."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    own = {line for _, _, line in code.co_lines() if line} if code.co_name != "<module>" else set()
    return own.union(*map(lines_of, inner))


class Coverage:
    """Which lines of some modules ran."""

    def __init__(self, modules: list[str]) -> None:
        paths = [TESTS.parent / "harness" / "iomodels" / module for module in modules]
        self.lines = {
            (str(path), line)
            for path in paths
            for line in lines_of(compile(path.read_bytes(), str(path), "exec"))
        }
        self.files = {str(path) for path in paths}
        self.ran: set[tuple[str, int]] = set()

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in self.files:
            return None
        if event == "line":
            self.ran.add((frame.f_code.co_filename, frame.f_lineno))
        return self.trace

    def run(self, function: Callable[[], None]) -> None:
        sys.settrace(self.trace)
        try:
            function()
        finally:
            sys.settrace(None)


def main(target: str, seconds: str, first_seed: str) -> int:
    executions, batches, end = 0, 0, time.monotonic() + float(seconds)
    with TemporaryDirectory() as folder:
        check, modules = targets(Path(folder))[target]
        coverage = Coverage(modules)
        batch = settings(
            max_examples=BATCH,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )(check)
        while not batches or time.monotonic() < end:
            seed(int(first_seed) + batches)(batch)
            if batches < TRACED_BATCHES:
                coverage.run(batch)
            else:
                batch()
            batches, executions = batches + 1, executions + BATCH
    found = {
        "executions": executions,
        "covered": len(coverage.ran & coverage.lines),
        "of": len(coverage.lines),
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
