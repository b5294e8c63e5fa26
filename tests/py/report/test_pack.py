"""Runs that are kept with the sources: packed without loss, read like any other, and small."""

from __future__ import annotations

import json
import lzma
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodels.base.errors import Failure
from iomodels.base.files import ROOT
from iomodels.cli.main import main
from iomodels.data import hdr
from iomodels.data.records import Record
from iomodels.data.store import PACKED, RECORDS, load_run, record_to_json
from iomodels.figures.catalogue import OF_RUNS
from iomodels.judge.summary import summarise
from iomodels.plan.server import Server
from iomodels.report.as_data import to_json
from iomodels.report.pack import MOST_BYTES, pack_run, size
from iomodels.report.submission import complaints
from made_run import RUN, make_run, suite_of, with_everything

LAYOUT = hdr.Layout(1, 60_000_000_000, 3)
KEPT = sorted(path.parent for path in (ROOT / "results" / "contributed").glob("*/*/run.json"))


def newest(record: Record) -> Record:
    """A record as the present programs make it: with a course whose times have many digits."""
    record = with_everything(record)
    assert record.loadgen
    result: dict[str, Any] = dict(record.loadgen["result"])
    latency = result["response"]
    result |= {"response": {**latency, "intended": "actual"}, "connect": latency}
    return replace(record, loadgen={**record.loadgen, "result": result})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_run(
        tmp_path_factory.mktemp("made"),
        suite_of([Server("select"), Server("iocp")], (64,), (64,), rounds=2),
        enrich=newest,
    )
    laws = {
        "format": 1,
        "platform": "wine-8.0",
        "key": "a build",
        "observed_utc": "2025-01-02T03:04:00Z",
        "environment": {},
        "laws": [],
        "failed": [],
    }
    (folder / "laws.json").write_text(json.dumps(laws), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def packed_once(made: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iomodels.figures.catalogue.OF_RUNS", OF_RUNS[:1])
        pack_run(load_run(made), made.parent / "kept" / RUN)
    return made.parent / "kept" / RUN


@pytest.fixture
def packed(packed_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packed_once, tmp_path / "kept" / RUN))


@given(st.dictionaries(st.integers(0, LAYOUT.places - 1), st.integers(1, 10**12), max_size=50))
def test_a_histogram_by_its_buckets_is_the_same_histogram(buckets: dict[int, int]) -> None:
    counts = [[LAYOUT.top(index), count] for index, count in sorted(buckets.items())]
    assert all(LAYOUT.index(value) == index for (value, _), index in zip(counts, sorted(buckets)))
    listed = hdr.listed(counts, LAYOUT)
    assert hdr.pairs(listed, LAYOUT) == list(map(tuple, counts))
    assert sum(each for each in listed if each > 0) == sum(buckets.values())


def test_the_newest_format_is_read_as_it_was_told_but_for_the_digits_of_intervals(
    made: Path,
) -> None:
    suite = suite_of([Server("select"), Server("iocp")], (64,), (64,), rounds=2)
    told = {
        record.index: newest(record)
        for record in load_run(make_run(made.parent / "plain", suite)).records
    }
    lines = [json.loads(line) for line in (made / RECORDS).read_text(encoding="utf-8").splitlines()]
    assert all(
        "counts" not in line["loadgen"]["result"]["response"]["histogram"]
        and line["loadgen"]["result"]["service"] == {"same_as": "response"}
        for line in lines
    )
    for record in load_run(made).records:
        assert record.loadgen
        read, was = (
            dict(record.loadgen["result"]),
            dict(record_to_json(told[record.index], packed=False)["loadgen"]["result"]),
        )
        for time in ("response", "connect"):
            assert read[time] == was[time]
        assert read["intervals"]["requests"] == was["intervals"]["requests"]
        for name in ("mean_ns", "max_ns"):
            for ns, was_ns in zip(read["intervals"][name], was["intervals"][name]):
                assert ns is was_ns is None or ns == pytest.approx(was_ns, rel=0.005)


@pytest.mark.parametrize(
    "buckets, words",
    [
        ([5, 0], "numbers other than 0"),
        ([-3, -4, 20_000], "must be followed by a count"),
        ([20_000, -1], "must be followed by a count"),
        ([-40_000, 20_000], rf"lists 40001 of {LAYOUT.places} buckets"),
        ([19_999], "holds 19999 latencies"),
        ([True, 19_999], "numbers other than 0"),
    ],
)
def test_buckets_that_are_none_are_refused(
    made: Path, tmp_path: Path, buckets: list[int], words: str
) -> None:
    folder = Path(shutil.copytree(made, tmp_path / made.name))
    first, *others = (folder / RECORDS).read_text(encoding="utf-8").splitlines()
    line = json.loads(first)
    line["loadgen"]["result"]["response"]["histogram"]["buckets"] = buckets
    (folder / RECORDS).write_text("\n".join([json.dumps(line), *others]) + "\n", encoding="utf-8")
    pattern = f"records.jsonl: line 1: response: .*{words}.*; excluded; "
    assert re.search(pattern, load_run(folder).warnings[0])


def test_a_packed_run_says_what_the_run_says(made: Path, packed: Path) -> None:
    assert lzma.decompress((packed / PACKED).read_bytes()) == (made / RECORDS).read_bytes()
    assert sorted(path.name for path in packed.iterdir()) == [
        "laws.json",
        PACKED,
        "report.html",
        "run.json",
    ]
    assert load_run(packed).records == load_run(made).records
    assert to_json(summarise(load_run(packed))) == to_json(summarise(load_run(made)))


@pytest.mark.usefixtures("one_figure")
def test_the_report_of_a_packed_run_is_one_page_that_needs_nothing(packed: Path) -> None:
    page = (packed / "report.html").read_text(encoding="utf-8")
    assert f'href="{PACKED}"' in page and "figures/" not in page and 'id="plot"' in page
    before = page.encode()
    assert main(["report", str(packed)]) == 0
    assert (packed / "report.html").read_bytes() == before and not (packed / "figures").exists()


@pytest.mark.usefixtures("one_figure")
def test_packing_by_command(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iomodels.cli.folders.RESULTS", tmp_path)
    assert main(["pack", str(made)]) == 0
    target = tmp_path / "contributed" / "wine-8.0" / RUN
    assert f"packed: {target} (" in capsys.readouterr().out
    with pytest.raises(SystemExit) as refused:
        main(["pack", str(made)])
    assert (
        refused.value.code == 1
        and capsys.readouterr().err
        == f"iomodels: {target}: is there already; --out names another folder\n"
    )
    assert main(["report", RUN, "--json"]) == 0, "it is found by its name"
    with pytest.raises(SystemExit) as refused:
        main(["run", "--resume", RUN])
    assert "cannot resume a packed run; resume the original" in capsys.readouterr().err


def test_a_damaged_archive_says_so_in_one_line(
    packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (packed / PACKED).read_bytes()
    for content in (whole[:-20], whole[:100], b"", whole[:200] + b"?" + whole[201:]):
        (packed / PACKED).write_bytes(content)
        with pytest.raises(SystemExit) as refused:
            main(["validate", str(packed)])
        message = capsys.readouterr().err
        assert (
            refused.value.code == 2
            and message.startswith(f"iomodels: {packed / PACKED}: damaged: ")
            and message.count("\n") == 1
        )
    (packed / PACKED).write_bytes(whole)
    (packed / RECORDS).write_bytes(b"")
    with pytest.raises(
        Failure, match=r"has records.jsonl and records.jsonl.xz; remove one of them"
    ):
        load_run(packed)


def test_a_packed_run_that_is_too_large_cannot_be_handed_in(packed: Path) -> None:
    (packed / "laws.json").write_bytes(
        b" " * (MOST_BYTES + 1 - size(packed) + (packed / "laws.json").stat().st_size)
    )
    assert any("it has 2.00 MB, at most 2 MB are kept" in line for line in complaints(packed))


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param(each, marks=pytest.mark.thorough if each.name.endswith("-models") else ())
        for each in KEPT
    ],
    ids=lambda path: path.name,
)
def test_a_kept_run_can_be_handed_in_and_its_report_is_of_its_records(folder: Path) -> None:
    assert complaints(folder) == [] and size(folder) < MOST_BYTES
    run = load_run(folder)
    assert run.manifest["platform"] == folder.parent.name and run.manifest["run"] == folder.name
    page = (folder / "report.html").read_text(encoding="utf-8")
    found = to_json(summarise(run))
    told = [found["answer"]["headline"], *found["answer"]["remarks"]]
    assert f'href="{PACKED}"' in page and len(told) > 1
    platform = run.manifest["platform"]  # the page of one load says it above the sentence
    words = [escaped(each.removeprefix(f"On {platform}: ")) for each in told]
    assert [each for each in words if each not in page] == [] and f"on {platform}<" in page


def escaped(sentence: str) -> str:
    """As the page has it."""
    return (
        sentence.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace('"', "&#34;")
    )
