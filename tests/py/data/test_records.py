from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.base import files
from iomodels.base.errors import Failure
from iomodels.base.files import write_whole
from iomodels.data.mending import REMOVED, mend_records
from iomodels.data.records import FORMAT, Condition, Record
from iomodels.data.searches import search_records
from iomodels.data.store import (
    append_record,
    load_run,
    record_from_json,
    record_to_json,
    write_manifest,
)
from made_run import make_run

FAILED = Record(
    FORMAT,
    "20250102-030405-select-vs-iocp",
    0,
    0,
    Condition("a", 1, 64, 64, 1),
    "wine-8.0",
    "2025-01-02T03:04:05Z",
    "failed",
    "a.exe: died",
    "oops",
    None,
    None,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(tmp_path: Path, made: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


def lines(folder: Path) -> list[str]:
    return (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()


def change(folder: Path, number: int, **changes: Any) -> None:
    changed = lines(folder)
    changed[number] = json.dumps({**json.loads(changed[number]), **changes})
    (folder / "records.jsonl").write_text("\n".join(changed) + "\n", encoding="utf-8")


def change_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "run.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8"
    )


def test_a_run_is_read_as_it_was_written(folder: Path) -> None:
    run = load_run(folder)
    assert [record.index for record in run.records] == list(range(60))
    assert run.warnings == ()
    for line, record in zip(lines(folder), run.records):
        assert record_to_json(record) == json.loads(line)


names = st.sampled_from(["threads", "concurrency", "buffer"])
options = st.dictionaries(names, st.integers(0, 9)).map(lambda chosen: tuple(chosen.items()))
conditions = st.builds(
    Condition,
    st.sampled_from(["a", "b"]),
    st.integers(1, 99),
    st.integers(0, 99),
    st.integers(0, 99),
    st.integers(1, 9),
    options,
    st.sampled_from(["", "a again"]),
)


@given(conditions, st.text(min_size=1), st.one_of(st.none(), st.text()))
def test_json_keeps_everything(condition: Condition, reason: str, stderr: str | None) -> None:
    record = replace(FAILED, condition=condition, reason=reason, stderr=stderr)
    assert record_from_json(json.loads(json.dumps(record_to_json(record)))) == record


def test_labels() -> None:
    assert FAILED.condition.label == "a"
    assert (
        replace(FAILED.condition, options=(("threads", 4), ("buffer", 1))).label
        == "a threads=4 buffer=1"
    )
    assert replace(FAILED.condition, options=(("threads", 4),), alias="a again").label == "a again"
    assert str(FAILED.condition) == "a, 1 connection, 64 B"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"status": "fine"}, "status"),
        ({"reason": None}, "reason"),
        ({"status": "ok", "reason": None}, "server"),
        ({"index": -1}, "index"),
        ({"condition": replace(FAILED.condition, connections=0)}, "condition.connections"),
        ({"server": {"argv": ["a"], "ready": None, "begin": None, "end": None}}, "server"),
        (
            {
                "loadgen": {
                    "argv": [],
                    "ready": None,
                    "measuring": None,
                    "measured": None,
                    "result": None,
                }
            },
            "loadgen.argv",
        ),
    ],
)
def test_a_wrong_record_is_not_written(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    with pytest.raises(Failure, match=f"at {place}"):
        append_record(tmp_path, replace(FAILED, **changes))
    assert not (tmp_path / "records.jsonl").exists()


def test_a_wrong_manifest_is_not_written(folder: Path) -> None:
    before = (folder / "run.json").read_bytes()
    with pytest.raises(Failure, match="at status: 'done' is not one of"):
        write_manifest(folder, {**load_run(folder).manifest, "status": "done"})
    assert (folder / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([[5, 1], [5, 19999]], "ascend"),
        ([[5, 1], [6, 1]], "holds 2 latencies"),
        ([[5, "1"]], "pairs of whole numbers"),
        ([[5]], "pairs"),
        ([[5, 0], [6, 20000]], "be positive"),
    ],
)
def test_histograms_are_checked(folder: Path, counts: list[Any], message: str) -> None:
    loadgen = json.loads(lines(folder)[3])["loadgen"]
    histogram = loadgen["result"]["response"]["histogram"]
    del histogram["buckets"]
    histogram["counts"] = counts
    change(folder, 3, loadgen=loadgen)
    assert re.search(rf"line 4: .*{message}.*; excluded; ", load_run(folder).warnings[0])


def test_a_last_line_cut_short_is_left_out_and_announced(folder: Path) -> None:
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    run = load_run(folder)
    assert len(run.records) == 59
    assert run.warnings[0] == "records.jsonl: line 60 is incomplete and was excluded"
    assert run.warnings[1].startswith("1 of 60 measurements are missing in records.jsonl; ")


def test_a_last_line_cut_inside_a_character_is_left_out(folder: Path) -> None:
    with (folder / "records.jsonl").open("ab") as stream:
        stream.write('{"reason":"…'.encode()[:-1])
    assert load_run(folder).warnings == ("records.jsonl: line 61 is incomplete and was excluded",)


def test_a_missing_last_newline_loses_nothing(folder: Path) -> None:
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes().rstrip())
    assert len(load_run(folder).records) == 60
    mend_records(folder, nothing_said)
    assert len(lines(folder)) == 60 and path.read_bytes().endswith(b"}\n")


def test_a_record_is_on_disk_before_the_next_measurement(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "records.jsonl"
    before, synced = path.stat().st_size, []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    append_record(folder, FAILED)
    assert synced == [path.stat().st_size] and synced[0] > before


def test_mending_cuts_only_what_is_not_whole(folder: Path) -> None:
    path = folder / "records.jsonl"
    whole = path.read_bytes()
    mend_records(folder, nothing_said)
    assert path.read_bytes() == whole and not (folder / REMOVED).exists()
    said: list[str] = []
    for cut in (b'{"format":1,"ru', b'{"format":1,"ru', b'{"for\xff'):
        path.write_bytes(whole + cut)
        mend_records(folder, said.append)
        assert path.read_bytes() == whole
    assert (folder / REMOVED).read_bytes() == b'{"format":1,"ru\n{"for\xff\n'
    assert said == [MOVED] * 3


MOVED = (
    "note: 1 damaged line of records.jsonl moved to records.damaged; "
    "what is missing is measured again"
)


def nothing_said(line: str) -> None:
    pytest.fail(line)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda line: line[:-20], "line 5: not a JSON object"),
        (lambda line: line.replace('"status":"ok"', '"status":"fine"'), "line 5: at status"),
        (lambda line: '{"a":' * 3000 + "1" + "}" * 3000, "line 5: not a JSON object"),
    ],
    ids=["cut", "changed", "nested"],
)
def test_a_damaged_line_costs_that_line_and_the_remedy_is_named(
    folder: Path, damage: Callable[[str], str], said: str
) -> None:
    before = load_run(folder)
    kept = lines(folder)
    kept[4] = damage(kept[4])
    (folder / "records.jsonl").write_text("\n".join(kept) + "\n", encoding="utf-8")
    run = load_run(folder)
    assert run.records == (*before.records[:4], *before.records[5:])
    first, second = run.warnings
    assert said in first and "; excluded; " in first
    remedy = f"measure again what is missing: iomodels run --resume {folder.name}"
    assert (
        remedy in first and f"1 of 60 measurements are missing in records.jsonl; {remedy}" == second
    )
    said_: list[str] = []
    mend_records(folder, said_.append)
    assert lines(folder) == [*kept[:4], *kept[5:]], "resuming can append"
    assert (folder / REMOVED).read_text("utf-8") == kept[4] + "\n" and said_ == [MOVED]


def test_records_of_a_search_are_checked_too(folder: Path) -> None:
    assert len(search_records(folder)) == 60
    path = folder / "records.jsonl"
    kept = lines(folder)
    path.write_text("\n".join(kept)[:-20], encoding="utf-8")
    assert len(search_records(folder)) == 59, "an incomplete last line is no record"
    for damaged, said in ((kept[4][:-20], "not a JSON object"), ('{"format": 3}', "required")):
        path.write_text("\n".join([*kept[:4], damaged, *kept[5:], ""]), encoding="utf-8")
        warnings: list[str] = []
        assert len(search_records(folder, warnings)) == 59 and len(warnings) == 1
        assert warnings[0].startswith("records.jsonl: line 5: ") and said in warnings[0]
        resume = f"measure again what is missing: iomodels tune --resume {folder.name}"
        assert warnings[0].endswith(f"; excluded; {resume}")
    path.write_text('{"format": 99}\n', encoding="utf-8")
    with pytest.raises(Failure, match=r"records\.jsonl: line 1: format") as found:
        search_records(folder)
    assert found.value.exit_code == 2
    path.unlink()
    assert search_records(folder) == []


def test_the_last_try_counts_and_is_announced(folder: Path) -> None:
    first = load_run(folder).records[7]
    append_record(folder, replace(first, status="failed", reason="died"))
    append_record(folder, first)
    run = load_run(folder)
    assert len(run.records) == 60 and run.records[7].ok
    assert "2 failed measurement(s) were repeated; the last repeat counts" in run.warnings


@pytest.mark.parametrize(
    ("format_", "remedy"),
    [(FORMAT + 1, "a newer iomodels"), (FORMAT - 1, "the iomodels that wrote it"), (1, "the iom")],
)
def test_other_formats_are_refused(folder: Path, format_: int, remedy: str) -> None:
    words = f"format {format_} is not read; this iomodels reads format {FORMAT}; use {remedy}"
    change(folder, 2, format=format_)
    with pytest.raises(Failure, match=f"line 3: {words}"):
        load_run(folder)
    change_manifest(folder, format=format_, status="a new word")
    with pytest.raises(Failure, match=f"run.json: {words}"):
        load_run(folder)


def with_service(record: Record, *, service_count: int) -> Record:
    """Return the record as an open loop's; its service time has one bucket of `service_count`."""
    assert record.loadgen
    latency = record.loadgen["result"]["response"]
    counts = [(100, service_count)]
    service = {
        **latency,
        "count": service_count,
        "histogram": {**latency["histogram"], "counts": counts},
    }
    result = {
        key: value
        for key, value in record.loadgen["result"].items()
        if key not in ("response", "service")
    }
    names = (
        "timely_share",
        "held_share",
        "target_rate",
        "achieved_rate",
        "behind_since_ns",
        "cpu_share_max",
        "littles_gap",
    )
    numbers = (
        "connections_requested",
        "connections_established",
        "replies_checked",
        "bytes_checked",
        "clock_resolution_ns",
    )
    audit = dict.fromkeys(names) | dict.fromkeys(numbers, 1) | {"cpu_threads": [0.5], "errors": {}}
    response = {**(service if service_count == 7 else latency), "intended": "schedule"}
    return replace(
        record,
        loadgen={
            **record.loadgen,
            "result": {**result, "response": response, "service": service, "audit": audit},
        },
    )


@pytest.mark.parametrize("count", [7, 8])
def test_both_times_are_kept_and_equal_ones_stored_once(folder: Path, count: int) -> None:
    record = with_service(load_run(folder).records[0], service_count=count)
    append_record(folder, record)
    stored = json.loads(lines(folder)[-1])["loadgen"]["result"]
    assert (stored["service"] == {"same_as": "response"}) == (count == 7)
    read = load_run(folder).records[0].loadgen
    assert read and record.loadgen
    for name in ("response", "service", "audit"):
        assert read["result"][name] == record.loadgen["result"][name]


@pytest.mark.parametrize("name", ["response", "service", "audit"])
def test_a_record_needs_them(folder: Path, name: str) -> None:
    record = with_service(load_run(folder).records[0], service_count=8)
    assert record.loadgen
    del record.loadgen["result"][name]
    with pytest.raises(Failure, match=f"at loadgen.result: '{name}' is a required property"):
        append_record(folder, record)


def test_platforms_are_never_mixed(folder: Path) -> None:
    change(folder, 2, platform="wine-10.0")
    with pytest.raises(Failure, match=r"line 3: measured on wine-10.0, but the run on wine-8.0"):
        load_run(folder)


def test_records_of_another_run_are_refused(folder: Path) -> None:
    change(folder, 2, run="20240101-000000-other")
    with pytest.raises(Failure, match="line 3: belongs to run 20240101-000000-other"):
        load_run(folder)
    change(folder, 2, run="20250102-030405-select-vs-iocp", index=60)
    with pytest.raises(Failure, match="index 60 is beyond the plan of 60"):
        load_run(folder)


def test_unfinished_runs_say_so(folder: Path) -> None:
    change_manifest(folder, status="interrupted")
    assert load_run(folder).warnings == ("the run is not complete: 60 of 60 measurements",)


def test_what_is_no_run(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(Failure, match="nowhere: no such folder") as found:
        load_run(tmp_path / "nowhere")
    assert found.value.exit_code == 2, "wrong input"
    with pytest.raises(Failure, match=r"not a run: it has no run.json"):
        load_run(tmp_path)
    (folder / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(Failure, match=r"run.json: cannot be read"):
        load_run(folder)
    (folder / "run.json").write_text('{"format": 3}', encoding="utf-8")
    with pytest.raises(
        Failure, match=r"run.json: at the top level: '[a-z]+' is a required property"
    ):
        load_run(folder)


def test_a_run_interrupted_at_once_has_no_records(folder: Path) -> None:
    (folder / "records.jsonl").unlink()
    assert load_run(folder).records == ()


def test_write_whole_keeps_the_old_file_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_whole(path, "old\n")

    def broken(source: str, target: Path) -> None:
        raise OSError("disk on fire")

    monkeypatch.setattr(files.os, "replace", broken)
    with pytest.raises(OSError, match="disk on fire"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("system", "refusals", "written"), [("win32", 3, True), ("linux", 1, False)]
)
def test_a_scanner_that_holds_the_file_delays_its_replacement_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, refusals: int, written: bool
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    left = iter([True] * refusals)
    real = os.replace

    def held(source: str, target: Path) -> None:
        if next(left, False):
            raise PermissionError(13, "The process cannot access the file")
        real(source, target)

    monkeypatch.setattr(files.os, "replace", held)
    monkeypatch.setattr(sys, "platform", system)
    with nullcontext() if written else pytest.raises(PermissionError):
        write_whole(path, b"new")
    assert path.read_bytes() == (b"new" if written else b"old")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_held_for_ever_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(source: str, target: Path) -> None:
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(files.os, "replace", held)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(files, "REPLACE_S", 0.05)
    with pytest.raises(PermissionError):
        write_whole(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == []
