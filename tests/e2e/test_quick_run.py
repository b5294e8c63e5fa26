"""The main job from end to end: real servers, load generator and report. It takes half a minute."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from iomodels.data.laws import of_run
from iomodels.data.records import Run
from iomodels.data.store import load_run
from iomodels.judge.summary import summarise
from iomodels.report.as_data import to_json
from iomodels.report.page import markdown_cell
from run_truths import check_run

ROOT = Path(__file__).resolve().parents[2]
MODELS = {"select", "iocp"}


def iomodels(
    *arguments: str, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "iomodels", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "harness")} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=check,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`run select-vs-iocp --quick`, once for all tests here."""
    out = tmp_path_factory.mktemp("runs with a space")
    done = iomodels("run", "select-vs-iocp", "--quick", "--out", str(out))
    (folder,) = out.iterdir()
    assert str(folder) in done.stdout.replace("\n", "") + done.stderr.replace("\n", "")
    return load_run(folder)


def test_every_measurement_of_the_plan_is_there_and_valid(run: Run) -> None:
    assert run.manifest["status"] == "complete" and run.warnings == ()
    assert len(run.records) == run.manifest["planned"] > 0
    assert [record.reason for record in run.records if record.status != "ok"] == []
    assert {record.condition.model for record in run.records} == MODELS
    assert len({record.platform for record in run.records}) == 1


def test_repeats_are_interleaved(run: Run) -> None:
    """Each block of one repeat holds every cell once; the models alternate within it."""
    cells = len({record.condition for record in run.records})
    for repeat in range(len(run.records) // cells):
        block = run.records[repeat * cells : (repeat + 1) * cells]
        assert len({record.condition for record in block}) == cells
        models = [record.condition.model for record in block]
        assert models != sorted(models) and models != sorted(models, reverse=True)


def test_both_ends_count_the_same(run: Run) -> None:
    """Server and load generator count the same requests, bytes and connections."""
    for record in run.records:
        assert record.server is not None and record.loadgen is not None
        result, counters = record.loadgen["result"], record.server["summary"]["counters"]
        assert counters["requests"] == result["replies_checked"] > result["requests"] > 0
        assert counters["bytes_sent"] == result["bytes_checked"]
        assert counters["accepted"] == counters["closed"] == record.condition.connections
        assert (
            sum(count for _, count in result["response"]["histogram"]["counts"])
            == result["requests"]
        )
        begin, end = record.server["begin"]["counters"], record.server["end"]["counters"]
        assert end["requests"] - begin["requests"] > 0


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [
            value or ""
            for name, value in attrs
            if name in {"src", "srcset"} or (name == "href" and tag == "link")
        ]

    def handle_data(self, data: str) -> None:
        self.text += " " + data.strip()


def headline(run: Run) -> str:
    """The sentence that answers the question of the suite."""
    sentence = str(to_json(summarise(run))["answer"]["headline"])
    assert sentence.startswith(f"On {run.records[0].platform}: ")
    return sentence


def verdicts(run: Run) -> list[str]:
    """The verdict of each load, as data gives it."""
    return [str(load["verdict"]) for load in to_json(summarise(run))["answer"]["loads"]]


def test_every_sentence_is_true_of_its_own_rounds(run: Run) -> None:
    """Read back from the records, whatever this machine measured."""
    assert verdicts(run) == [load.verdict for load in check_run(summarise(run)).loads]


def test_every_verdict_is_in_terminal_markdown_and_page(run: Run) -> None:
    terminal = " ".join(iomodels("report", str(run.path)).stdout.split())
    page = " ".join(Page((run.path / "report.html").read_text(encoding="utf-8")).text.split())
    markdown = (run.path / "report.md").read_text(encoding="utf-8")
    assert len(verdicts(run)) > 1
    for verdict in verdicts(run):
        assert verdict in terminal and verdict in page and markdown_cell(verdict) in markdown


def test_the_report_answers_and_stands_alone(run: Run) -> None:
    page = Page((run.path / "report.html").read_text(encoding="utf-8"))
    assert [target for target in page.loads if not target.startswith("data:")] == []
    assert page.tags.count("svg") >= 2 and "table" in page.tags
    platform = run.records[0].platform
    text = " ".join(page.text.split())
    assert platform in page.text and headline(run) in text
    if platform.startswith("wine"):
        assert "not how Windows performs" in " ".join(page.text.split())


def test_report_md_and_figures_are_written(run: Run) -> None:
    assert headline(run) in (run.path / "report.md").read_text(encoding="utf-8")
    for suffix in ("svg", "csv"):
        assert len(list((run.path / "figures").glob(f"*.{suffix}"))) >= 2
    with (run.path / "figures" / "throughput_by_connections.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert len(rows) >= len({record.condition for record in run.records})


def test_the_report_is_made_again_from_the_records_alone(run: Run, tmp_path: Path) -> None:
    """On a machine without Wine, binaries or this run's place: only its data go along."""
    copy = tmp_path / run.path.name
    copy.mkdir()
    for name in ("run.json", "records.jsonl", "laws.json"):
        (copy / name).write_bytes((run.path / name).read_bytes())
    iomodels(
        "report",
        str(copy),
        PATH="/nowhere",
        IOMODELS_WINE="/nowhere/wine",
        IOMODELS_BUILD="/nowhere",
    )
    again, first = (
        (copy / "report.md").read_text(encoding="utf-8"),
        (run.path / "report.md").read_text(encoding="utf-8"),
    )
    assert again == first
    figure = Path("figures") / "throughput_by_connections.svg"
    assert (copy / figure).read_bytes() == (run.path / figure).read_bytes()


def test_the_record_tells_how_it_was_made(run: Run) -> None:
    manifest = json.loads((run.path / "run.json").read_text(encoding="utf-8"))
    assert isinstance(manifest["seed"], int) and manifest["environment"] and manifest["versions"]
    for record in run.records:
        assert record.server is not None and record.loadgen is not None
        assert (
            record.server["argv"] and str(record.server["ready"]["port"]) in record.loadgen["argv"]
        )


ASKED = {
    "exactly_once": {"packets": 1000, "workers": 8},
    "fifo_packets": {"packets": 1000, "missing": 0},
    "lifo_waiters": {"workers": 8, "spaced_packets": 40, "burst_packets": 24},
    "running_takes_next": {"packets": 400, "workers": 8},
    "switch_cost": {"switches": 16000},
    "thread_creation": {"requests": 100},
    "pool_work_kinds": {"asked": 30},
    "alertable_wait": {"operations": 4},
    "last_port": {"rounds": 3},
    "call_returns": {"calls": 10},
}
"""How often some experiments ask; no platform changes that."""


def test_an_experiment_asks_as_often_as_it_says(run: Run) -> None:
    seen = of_run(run.path)
    assert seen
    counted = {each["law"]: each["seen"] for each in seen.data["laws"]}
    assert {law: {name: counted[law][name] for name in ASKED[law]} for law in ASKED} == ASKED
    lifo = counted["lifo_waiters"]
    assert lifo["newest"] + lifo["oldest"] <= lifo["spaced_packets"]
    assert lifo["burst_newest"] <= lifo["burst_packets"]


def test_the_run_knows_what_its_platform_does(run: Run) -> None:
    """The laws were observed, all of them; under Wine with the answers that are known of it."""
    seen = of_run(run.path)
    assert seen and seen.platform == run.manifest["platform"] and seen.data["failed"] == []
    assert len(seen.data["laws"]) == len(
        [
            path
            for path in (ROOT / "laws").glob("*.c")
            if "int main(" in path.read_text(encoding="utf-8")
        ]
    )
    verdicts = {claim: each.verdict for each in seen.judged for claim in each.claims}
    assert verdicts["B17"] == verdicts["C12"] == verdicts["C9"] == verdicts["D6"] == "holds"
    if seen.platform.startswith("wine-"):
        assert (
            verdicts["B1"] == verdicts["B3"] == verdicts["B29"] == "does not hold"
        )  # no Wine honours the cap
        assert (
            verdicts["C19"] == verdicts["B22"] == "not testable here"
        )  # without a cap there is nothing to free or to count
        newest_first = int(seen.platform.removeprefix("wine-").split(".")[0]) >= 10
        assert verdicts["C16"] == verdicts["C17"] == ("holds" if newest_first else "does not hold")
    assert f"What {seen.platform} can and cannot show" in (run.path / "report.html").read_text(
        encoding="utf-8"
    )
