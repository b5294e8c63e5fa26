"""What a report of an SLO search says: sentences, page, Markdown, JSON and chart."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from iomodels.cli import finishing
from iomodels.cli.main import main
from iomodels.data.searches import load_slo
from iomodels.judge.slo_searches import SloSearches
from iomodels.report.scripted import as_json
from iomodels.report.search_charts import slo_charts
from iomodels.report.slo import answer_lines, headline, sentence, width_words
from iomodels.report.slo_page import slo_report_data, write_slo_report
from made_slo import LATE, folder_of, made


def said(manifest: dict[str, Any]) -> list[str]:
    return answer_lines(manifest, SloSearches.of(manifest), manifest["run"])


NUMBER = r"[\d,]+"


def test_one_model_in_one_sentence() -> None:
    (line,) = said(made({"iocp": 12_400}))
    pattern = (
        rf"On wine-8\.0, iocp: p99 ≤ 5 ms: half of the trials keep it at {NUMBER}/s "
        rf"\[{NUMBER}, {NUMBER}\], nine of ten at {NUMBER}/s at least; \d+ trials\."
    )
    assert re.fullmatch(pattern, line), line


def test_several_models_are_ranked() -> None:
    lines = said(made({"select": 4000, "iocp": 12_400, "threads": 8000}))
    assert lines[0].startswith("On wine-8.0, iocp keeps p99 ≤ 5 ms at the highest rate, 12,")
    assert "the rate of threads." in lines[0]
    assert [line.partition(":")[0] for line in lines[1:4]] == ["iocp", "threads", "select"]


def test_overlapping_models_are_not_separated() -> None:
    lines = said(made({"select": 8000, "iocp": 8100, "threads": 2000}))
    assert "came out first with" in lines[0]
    assert re.search(r"do not separate it from (select|iocp)\.$", lines[0])


def test_bounds_are_never_upside_down() -> None:
    for manifest in (
        made({"iocp": 90_000}), made({"iocp": 100}), made({"iocp": 20_000}, late=9000),
    ):  # fmt: skip
        for found in SloSearches.of(manifest).found():
            ends = [found.answer.low, found.answer.rate, found.answer.high]
            known = [end for end in ends if end is not None]
            assert known == sorted(known)


def test_the_ends_of_the_range() -> None:
    (high,) = said(made({"iocp": 90_000}))
    assert "keep it at 50,000/s at least" in high
    assert "the range ends at 50,000/s (80 % of the load generator's ceiling)" in high
    (low,) = said(made({"iocp": 100}))
    assert "keep it only below 400/s; the range begins at 400/s: p99 was 50.0 ms; " in low
    lines = said(made({"iocp": 100, "apc": 90}))
    assert lines[0] == (
        "On wine-8.0, no model is shown to keep p99 ≤ 5 ms at 400 requests/s, the lowest rate."
    )


def test_a_late_load_generator_is_named() -> None:
    (line,) = said(made({"iocp": 20_000}, late=9000))
    assert re.search(rf"from {NUMBER}/s on no trial could be judged \({LATE}\)", line)


def test_a_wide_answer_says_how_wide() -> None:
    manifest = made({"iocp": 12_400}, width=0.2)
    lines = said(manifest)
    assert re.fullmatch(
        r"iocp: the interval is ± \d+ % wide\. About [\d,]+ more trials may narrow it to ± 5 %\.",
        lines[1],
    )
    assert re.fullmatch(
        r"to narrow it: iomodels slo --resume 20260101-000000-slo --trials \d+0", lines[2]
    )
    (found,) = SloSearches.of(made({"iocp": 12_400})).found()
    assert width_words(found) is None


def test_a_model_that_cannot_carry_the_load_is_named() -> None:
    manifest = made({"iocp": 8000, "select": 1}, limits={"select": "limit: select takes 63"})
    lines = said(manifest)
    assert "only iocp is shown to keep" in lines[0]
    assert "select: p99 ≤ 5 ms cannot be judged: limit: select takes 63; 0 trials." in lines


def test_an_interrupted_search_says_how_to_continue() -> None:
    manifest = made({"iocp": 8000}) | {"answers": None, "status": "interrupted"}
    assert said(manifest)[-1] == (
        "the search is not complete; continue it: iomodels slo --resume 20260101-000000-slo"
    )


def test_a_search_without_a_trial_has_a_report(tmp_path: Path) -> None:
    manifest = made({"iocp": 8000}) | {"answers": None, "status": "interrupted", "trials": []}
    page = write_slo_report(folder_of(manifest, tmp_path))
    assert "<figure>" not in page.read_text(encoding="utf-8")


# ---- the files ----


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    manifest = made({"select": 4000, "iocp": 12_400, "threads": 8000}, late=20_000)
    path = folder_of(manifest, tmp_path_factory.mktemp("slo"))
    write_slo_report(path)
    return path


def test_the_page_is_whole_and_says_the_answer(folder: Path) -> None:
    page = (folder / "slo.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>")
    assert "Not Windows." in page and "<svg role=" in page
    answer = headline(load_slo(folder), SloSearches.of(load_slo(folder)))
    assert f'<p class="verdict">{answer}</p>' in page
    shown = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)  # the licences name addresses
    assert "http://" not in shown.replace("http://www.w3.org", "") and "https://" not in shown
    assert not re.search(r"(?:src|href)=.https?:", page)
    for name in ("slo.json", "slo-report.json", "slo.md", "figures/slo_curve.csv"):
        assert f'href="{name}"' in page
        if name != "records.jsonl":
            assert (folder / name).is_file()


def test_markdown_says_the_same(folder: Path) -> None:
    text = (folder / "slo.md").read_text(encoding="utf-8")
    manifest = load_slo(folder)
    assert f"**{headline(manifest, SloSearches.of(manifest))}**".replace("[", r"\[") in (
        text.replace(r"\]", "]")
    )
    assert "| requests/s | met | unjudged | failed | p99 |" in text


def test_every_trial_is_in_the_table_and_the_chart(folder: Path) -> None:
    manifest = load_slo(folder)
    data = slo_report_data(manifest)
    for server in data["servers"]:
        own = [each for each in manifest["trials"] if each["server"] == server["server"]]
        tried = sum(row["judged"] + row["unjudged"] + row["failed"] for row in server["rates"])
        assert tried == len(own) == server["trials"]
        met = sum(row["met"] for row in server["rates"])
        assert met == sum(each["outcome"] == "met" for each in own) == server["counts"]["met"]
    rows = (folder / "figures/slo_curve.csv").read_text(encoding="utf-8").splitlines()
    assert sum(",fitted," not in row for row in rows[1:]) == len(manifest["trials"])


def test_the_page_carries_every_trial_for_its_script(folder: Path) -> None:
    data = slo_report_data(load_slo(folder))
    found = json.loads(as_json(slo_charts(data)))
    chance, trials = found["charts"]
    labels = [each["label"] for each in found["series"]]
    for number, server in enumerate(
        data["servers"][labels_of(data).index(each)] for each in labels
    ):
        points = [point for point in trials["points"] if point[0] == number]
        assert [point[1] for point in points] == [each["rate"] for each in server["points"]]
        styles = {each["outcome"]: point[5] for each, point in zip(server["points"], points)}
        assert styles["met"] == "full" and styles["missed"] == "missed"
        judged = sum(each["judged"] > 0 for each in server["rates"])
        assert sum(point[0] == number for point in chance["points"]) == judged
    assert [rule[:2] for rule in trials["rules"]] == [["y", 5000]]
    low, high = trials["y"]["d"]
    assert all(low < point[2] < high for point in trials["points"])


def labels_of(data: Mapping[str, Any]) -> list[str]:
    return [each["server"] for each in data["servers"]]


def test_the_table_alone_as_markdown_and_csv(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = slo_report_data(load_slo(folder))
    assert main(["report", str(folder), "--table", "md"]) == 0
    table = capsys.readouterr().out
    rates = sum(len(each["rates"]) for each in data["servers"])
    assert "Not Windows" in table and table.count("\n| ") == 1 + rates
    assert main(["report", str(folder), "--table", "csv"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 1 + sum(each["trials"] for each in data["servers"])


def test_json_is_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((folder / "slo-report.json").read_text(encoding="utf-8"))
    assert printed["servers"][0]["server"] == "iocp"
    assert printed["servers"][0]["first_over_it"] is None
    assert printed["servers"][1]["first_over_it"]["separated"] is True


def test_the_curve_of_the_chart_passes_the_answer(folder: Path) -> None:
    for server in slo_report_data(load_slo(folder))["servers"]:
        nearest = min(server["curve"], key=lambda each: abs(each["rate"] - server["rate"]))
        assert 0.2 < nearest["chance"] < 0.8


def test_report_takes_a_search(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "slo.html").unlink()
    assert main(["report", str(folder)]) == 0
    assert "iocp keeps p99 ≤ 5 ms at the highest rate" in capsys.readouterr().out
    assert (folder / "slo.html").is_file()


@pytest.mark.parametrize("words", [["--docs", "x"], ["--baseline", "iocp"], ["--margin", "5"]])
def test_options_of_other_reports_are_refused(
    words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", str(folder), *words])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    start = f"iomodels: {words[0]}: must be omitted; {folder} is an slo search"
    assert line.startswith(start) and len(line) > len(start)


def test_the_exit_code_says_whether_a_rate_is_shown(tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    assert finishing.slo(console, folder_of(made({"iocp": 8000}), tmp_path)) == 0
    (tmp_path / "none").mkdir()
    assert finishing.slo(console, folder_of(made({"iocp": 100}), tmp_path / "none")) == 1


def test_a_sentence_is_of_its_own_model() -> None:
    manifest = made({"select": 4000, "iocp": 12_400})
    found = {each.server: each for each in SloSearches.of(manifest).found()}
    assert "at 12," in sentence(manifest, found["iocp"])
    assert re.search(r"at (3,9|4,0|4,1)", sentence(manifest, found["select"]))
