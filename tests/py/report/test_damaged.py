"""A damaged run: one clear line and exit code 2, or a report that follows its schema.

The base is a real run. Each test damages one value, one byte or one file of it.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import lzma
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iomodels.base.files import ROOT
from iomodels.cli.main import main
from iomodels.data.store import MANIFEST, PACKED, RECORDS

FIXTURE = ROOT / "tests/fixtures/runs/20261121-152219-reference"
SCHEMA = json.loads((ROOT / "results/schema/report.schema.json").read_text(encoding="utf-8"))
CHECK = jsonschema.Draft202012Validator(SCHEMA)
MISSING = object()
DAMAGE: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "text": "x",
    "zero": 0,
    "negative": -1,
    "fraction": 0.5,
    "NaN": float("nan"),
    "infinite": float("inf"),
    "huge": 10**400,
    "large": 1e308,
    "true": True,
    "list": [],
    "object": {},
    "surrogate": "\ud800",
}
Place = tuple[str | int, ...]
"""The steps from the top of a file's data to a value."""


def _small() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The manifest and the records of one round: a closed loop and one offered rate."""
    manifest = json.loads((FIXTURE / MANIFEST).read_text(encoding="utf-8"))
    lines = (FIXTURE / RECORDS).read_text(encoding="utf-8").splitlines()
    every = [json.loads(line) for line in lines]
    kept = [
        each
        for each in every
        if each["repeat"] == 0 and each["condition"].get("rate_percent", 0) != 25
    ]
    records = [{**each, "index": index} for index, each in enumerate(kept)]
    manifest["suite"] |= {"repeats": 1, "rate_percents": [50]}
    return manifest | {"repeats": 1, "planned": len(records), "baseline": "iocp"}, records


MANIFEST_DATA, RECORD_DATA = _small()


def places(data: Any, before: Place = ()) -> Iterator[Place]:
    """Every value, of a list only the first."""
    if before:
        yield before
    if isinstance(data, dict):
        for name, value in data.items():
            yield from places(value, (*before, name))
    elif isinstance(data, list) and data:
        yield from places(data[0], (*before, 0))


def damaged(data: Any, place: Place, value: Any) -> Any:
    changed = copy.deepcopy(data)
    at = changed
    for step in place[:-1]:
        at = at[step]
    if value is MISSING:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return changed


def write(folder: Path, manifest: dict[str, Any], records: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    lines = "".join(f"{json.dumps(each)}\n" for each in records)
    (folder / RECORDS).write_text(lines, encoding="utf-8")
    return folder


def told(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command. A traceback would leave here."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(words)
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue(), err.getvalue()


def check(folder: Path) -> str | None:
    """Report and validate the run; return the line that refuses it or one of its records.

    Return None if it is read whole.
    """
    code, out, err = told("report", str(folder), "--json")
    validated, _, complaints = told("validate", str(folder))
    if code == 0:
        assert err == "" and CHECK.is_valid(json.loads(out, parse_constant=_not_json))
        assert validated in (0, 1) and all(
            line.startswith(f"iomodels: {folder}: ") for line in complaints.splitlines()
        )
        excluded = [line for line in complaints.splitlines() if "; excluded; " in line]
        return excluded[0] if excluded else None
    assert (code, out, validated, complaints) == (2, "", 2, err)
    assert err.count("\n") == 1 and len(err) < 600
    assert err.startswith(f"iomodels: {folder}") and "Traceback" not in err
    return err.strip()


def _not_json(word: str) -> None:
    raise AssertionError(f"the report has {word}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "run"


def test_the_base_is_sound(folder: Path) -> None:
    assert check(write(folder, MANIFEST_DATA, RECORD_DATA)) is None


@given(place=st.sampled_from(list(places(MANIFEST_DATA))), kind=st.sampled_from(sorted(DAMAGE)))
@settings(max_examples=60, deadline=None)
@example(("baseline",), "text")
@example(("suite", "servers"), "list")
@example(("environment", "launcher", "placement", "server_cpus"), "null")
@example(("calibration", "points", 0, "connections"), "text")
def test_a_damaged_value_of_the_manifest(folder: Path, place: Place, kind: str) -> None:
    said = check(write(folder, damaged(MANIFEST_DATA, place, DAMAGE[kind]), RECORD_DATA))
    assert said is None or MANIFEST in said or RECORDS in said


@given(
    number=st.integers(0, len(RECORD_DATA) - 1),
    place=st.sampled_from(list(places(RECORD_DATA[0]))),
    kind=st.sampled_from(sorted(DAMAGE)),
)
@settings(max_examples=120, deadline=None)
@example(0, ("loadgen", "result", "requests_per_second"), "zero")
@example(0, ("loadgen", "result", "requests"), "zero")
@example(0, ("repeat",), "huge")
@example(0, ("server", "end", "counters", "sends"), "missing")
@example(0, ("server", "begin", "counters", "waits"), "null")
@example(0, ("server", "ready", "settings"), "list")
@example(0, ("loadgen", "result", "intervals", "mean_ns", 0), "text")
@example(0, ("loadgen", "result", "window_ns"), "huge")
@example(0, ("loadgen", "result", "audit", "littles_gap"), "large")
@example(0, ("loadgen", "result", "loop"), "missing")
@example(0, ("loadgen", "result", "response", "histogram", "buckets", 0), "huge")
@example(1, ("condition", "model"), "text")
def test_a_damaged_value_of_a_record(folder: Path, number: int, place: Place, kind: str) -> None:
    records = list(RECORD_DATA)
    try:
        records[number] = damaged(records[number], place, DAMAGE[kind])
    except (KeyError, IndexError):
        return  # only the first record has this value
    said = check(write(folder, MANIFEST_DATA, records))
    assert said is None or f"{RECORDS}: line {number + 1}" in said or "record" in said


@given(
    name=st.sampled_from([MANIFEST, RECORDS]),
    where=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
)
@settings(max_examples=40, deadline=None)
def test_one_wrong_byte(folder: Path, name: str, where: float, byte: int) -> None:
    path = write(folder, MANIFEST_DATA, RECORD_DATA) / name
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] = byte
    path.write_bytes(content)
    check(folder)


# ---- what each kind of damage says ----


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (
            ("loadgen", "result", "requests_per_second"),
            0,
            "requests_per_second 0 contradicts 1125 requests in 0.3 s",
        ),
        (("loadgen", "result", "requests_per_second"), float("nan"), "not a JSON object"),
        (("loadgen", "result", "requests_per_second"), None, "None is not of type 'number'"),
        (("repeat",), 7, "repeat 7 is beyond the 1 rounds of the suite"),
        (("condition", "connections"), 17, "connections 17 is not in the suite of the run"),
        (("condition", "model"), "tpio", "server tpio is not in the suite of the run"),
        (("condition", "depth"), 2, "depth 2 is not in the suite of the run"),
        (("condition", "reply_size"), 9, "reply_size 9 is not in the suite of the run"),
        (("condition", "rate_percent"), 75, "rate_percent 75 is not in the suite of the run"),
        (("loadgen", "result", "intervals", "max_ns", 0), -1, "must hold numbers from 0, or null"),
    ],
)
def test_the_line_names_what_is_wrong(folder: Path, place: Place, value: Any, said: str) -> None:
    records = [damaged(RECORD_DATA[0], place, value), *RECORD_DATA[1:]]
    line = check(write(folder, MANIFEST_DATA, records))
    assert line and f"{RECORDS}: line 1: " in line and said in line


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("baseline",), "nix", "at baseline: nix must be one of: select, iocp"),
        (("suite", "connections"), [16, 16], "at suite.connections: must not repeat a value"),
        (("suite", "servers", 0, "model"), "iocp", "two servers have the same name"),
        (("planned",), float("inf"), "Infinity is not a number of JSON"),
        (("suite", "load"), {"rate": "fast"}, "at suite.load.rate: 'fast' is not of type 'int"),
    ],
)
def test_the_line_names_what_is_wrong_in_the_manifest(
    folder: Path, place: Place, value: Any, said: str
) -> None:
    line = check(write(folder, damaged(MANIFEST_DATA, place, value), RECORD_DATA))
    assert line and MANIFEST in line and said in line


def test_the_same_repeat_twice_is_named(folder: Path) -> None:
    records = [*RECORD_DATA[:1], {**RECORD_DATA[0], "index": 1}, *RECORD_DATA[2:]]
    line = check(write(folder, MANIFEST_DATA, records))
    assert line and "line 2: record 1 repeats record 0: " in line


def test_a_record_without_replies_is_left_out_with_its_reason(folder: Path) -> None:
    """Nothing contradicts itself in it: the repeat failed, and the report says so."""
    result = {**RECORD_DATA[0]["loadgen"]["result"], "requests": 0, "requests_per_second": 0}
    first = damaged(RECORD_DATA[0], ("loadgen", "result"), result)
    assert check(write(folder, MANIFEST_DATA, [first, *RECORD_DATA[1:]])) is None
    _, out, _ = told("report", str(folder), "--json")
    reasons = [reason for cell in json.loads(out)["cells"] for reason in cell["reasons"]]
    assert any("no reply was complete inside the measuring window" in each for each in reasons)


def test_files_that_are_no_files_of_a_run(tmp_path: Path) -> None:
    base = write(tmp_path / "base", MANIFEST_DATA, RECORD_DATA)

    def copied(name: str) -> Path:
        return Path(shutil.copytree(base, tmp_path / name))

    folder = copied("folder")
    (folder / RECORDS).unlink()
    (folder / RECORDS).mkdir()
    line = check(folder)
    assert line and "cannot be read" in line
    packed = copied("packed")
    (packed / PACKED).write_bytes(lzma.compress((packed / RECORDS).read_bytes())[:-9])
    line = check(packed)
    assert line and "remove one of them" in line
    (packed / RECORDS).unlink()
    line = check(packed)
    assert line and "damaged" in line
    deep = copied("deep")
    (deep / MANIFEST).write_text("[" * 100_000, encoding="utf-8")
    line = check(deep)
    assert line and "too deeply nested" in line
    text = copied("text")
    (text / MANIFEST).write_bytes(b'{"format": 3, "run": "\xff"}')
    line = check(text)
    assert line and "cannot be read" in line


def test_damaged_laws_are_one_line(tmp_path: Path) -> None:
    folder = write(tmp_path / "run", MANIFEST_DATA, RECORD_DATA)
    (folder / "laws.json").write_text('{"format": 1}', encoding="utf-8")
    code, _, err = told("report", str(folder))
    assert (code, err) == (0, ""), "it costs the section of the laws and nothing else"
    code, _, err = told("validate", str(folder))
    assert code == 1 and "laws.json: at the top level" in err


def test_a_complaint_shows_control_characters_as_text(tmp_path: Path) -> None:
    """A terminal would obey them, and \\x85 begins a line."""
    place = ("server", "begin", "process")
    lines = [damaged(RECORD_DATA[0], place, {"\x85\x1b[31m": []}), *RECORD_DATA[1:]]
    line = check(write(tmp_path / "run", MANIFEST_DATA, lines))
    assert line and line.isprintable() and "process.\\x85\\x1b[31m: []" in line
