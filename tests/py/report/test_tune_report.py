"""The report of a tuning from its folder alone: sentences, page, Markdown, data and chart."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from iomodels.base.console import shell_word
from iomodels.base.words import WINE
from iomodels.cli import main as cli
from iomodels.judge.tuned import analyse
from iomodels.judge.tuning import OBJECTIVES
from iomodels.report.scripted import as_json
from iomodels.report.search_charts import tuning_charts
from iomodels.report.tuning import (
    answer_lines,
    difference,
    named,
    tuning_data,
    write_tune_report,
)
from made_tuning import RATES, folder_of, manifest, recorded


def lines(rates: Sequence[float] = RATES, **changes: Any) -> list[str]:
    data = manifest(**changes)
    return answer_lines(analyse(data, recorded(data, rates)))


def test_the_answer_names_setting_bound_and_neighbours() -> None:
    found = lines()
    number = r"\d(,\d{3})?"
    assert re.fullmatch(
        rf"iocp with 8 workers: {number} \[{number}, {number}\] requests/s, the best of all.",
        found[0],
    )
    assert re.fullmatch(
        r"Half as many workers \(iocp with 4 workers\): 9 % slower \[\d+, \d+\].", found[1]
    )
    assert re.fullmatch(r"Next model: apc with 2 workers, 59 % slower \[\d+, \d+\].", found[2])
    assert found[3] == (
        "Rule of thumb cores × (1 + wait / work): 8 workers; the answer is nearest."
    )
    assert found[4] == (
        "The answer has the highest number of workers that was tried, 8. "
        "More may be better: raise --threads-max."
    )


def test_a_simpler_setting_has_a_bound_of_its_loss() -> None:
    found = lines((1000.0, 2000.0, 4350.0, 4400.0, 900.0, 1800.0, 600.0))
    assert re.search(r"^iocp with 4 workers: .* requests/s, at most [2-4] % below the best.$",
                     found[0])  # fmt: skip
    assert found[1].startswith("Half as many workers (iocp with 2 workers): 54 % slower")


def test_what_is_unknown_is_never_called_tied() -> None:
    data = analyse(manifest(), recorded(manifest()))
    data["answer"] |= {"shown": False, "loses_at_most": 0.083, "more_minutes": 6}
    text = answer_lines(data)
    assert text[0].startswith("Best seen: iocp with 8 workers: ")
    assert text[1] == (
        "It is not shown to be within 5 % of the best. It may be up to 9 % below it."
    )
    assert text[2] == (
        "About 6 more minutes may show it: iomodels tune --resume 20250105-000000-tune --minutes 6"
    )
    assert not any("tied" in line for line in text)
    resumed = f"iomodels tune --resume {shell_word('/a b/c')} --minutes 6"
    assert answer_lines(data, "/a b/c")[2].endswith(resumed)


@pytest.mark.parametrize(
    ("objective", "ends", "words"),
    [
        ("throughput", (5580.0, 5490.0, 5670.0), "5,580 [5,490, 5,670] requests/s"),
        ("p99", (12_200.0, 11_000.0, 13_700.0), "p99 of 12.2 ms [11.0, 13.7]"),
        ("p99", (850.0, None, None), "p99 of 850 µs"),
        ("cpu", (50.0, 48.0, 52.0), "50.0 [48.0, 52.0] µs CPU per request"),
        ("threads", (6.0, 6.0, 6.0), "6 threads"),
    ],
)
def test_a_value_has_the_unit_of_the_objective(
    objective: str, ends: tuple[float | None, ...], words: str
) -> None:
    data = analyse(manifest(objective="throughput"), recorded(manifest()))
    data["answer"] |= dict(zip(("value", "low", "high"), ends))
    data |= {"objective": objective, "unit": OBJECTIVES[objective].unit, "half": None}
    data |= {"next_model": None, "rule_of_thumb": None}
    assert answer_lines(data)[0] == f"iocp with 8 workers: {words}, the best of all."
    assert any("highest number of workers" in line for line in answer_lines(data)) == (
        objective != "threads"
    )


def test_the_only_setting_with_a_result_is_called_so() -> None:
    data = analyse(manifest(), recorded(manifest()))
    for each in data["settings"]:
        each["failed"] = None if each["recommended"] else "it died"
    assert answer_lines(data)[0].endswith(" requests/s. No other setting has a result.")


def test_circumstances_are_named() -> None:
    data = manifest(
        absent=[{"model": "rio", "reason": "rio is not on this platform (wine-8.0)"}],
        dropped=[{"option": "concurrency", "reason": "the law of the cap does not hold"}],
    )
    found = analyse(data, recorded(data))
    found["wait"] = {"asked_us": 600.0, "here_us": 782.0, "took_us": 1108.0, "more_us": 608.0}
    found["notes"] = ["iocp threads=8 was client-bound (…)"]
    assert answer_lines(found)[-4:] == [
        "A request blocks 782 µs here on average, not 600 µs: a wait of 500 µs takes 1.11 ms.",
        "Could not run: rio (rio is not on this platform (wine-8.0)).",
        "Not varied: concurrency; the law of the cap does not hold.",
        "note: iocp threads=8 was client-bound (…)",
    ]


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("events", {}, "events"),
        ("iocp", {"threads": 1}, "iocp with 1 worker"),
        ("iocp", {"threads": 32, "concurrency": 4}, "iocp with 32 workers, cap 4"),
        ("iocp", {"threads": 32, "concurrency": 32}, "iocp with 32 workers, no cap"),
        ("tpio", {"threads": 8, "min-threads": 8}, "tpio with 8 workers, at least 8 threads"),
        ("events", {"buffer": 4096}, "events, buffer 4,096"),
    ],
)
def test_settings_have_names(model: str, options: dict[str, int], words: str) -> None:
    assert named({"model": model, "options": options}) == words


@pytest.mark.parametrize(
    ("objective", "share", "low", "high", "words"),
    [
        ("throughput", -0.11, -0.18, -0.04, "11 % slower [4, 18]"),
        ("throughput", 0.02, -0.03, 0.07, "2 % faster [−3, 7]"),
        ("p99", 0.5, 0.2, 0.9, "50 % higher [20, 90]"),
        ("p99", -0.1, -0.2, 0.05, "10 % lower [−5, 20]"),
        ("cpu", 0.25, 0.2, 0.3, "25 % more CPU [20, 30]"),
        ("throughput", -0.11, None, None, "11 % slower in 2 rounds"),
        ("throughput", None, None, None, "never measured in the same round"),
    ],
)
def test_differences_point_the_right_way(
    objective: str, share: float | None, low: float | None, high: float | None, words: str
) -> None:
    row = {"share": share, "low": low, "high": high, "rounds": 2}
    assert difference({"objective": objective}, row) == words


def test_page_markdown_data_and_chart_say_the_same(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    report = write_tune_report(folder)
    assert report.found
    answer, page = report.text, report.page
    markdown = (folder / "tune.md").read_text(encoding="utf-8")
    html = page.read_text(encoding="utf-8")
    first = answer.splitlines()[0]
    assert first in html and first.split(" [")[0] in markdown
    assert WINE in html and WINE in markdown
    assert html.count("<tr>") == 3 + 1 + 7 and markdown.count("\n| ") == 1 + 7
    assert "<svg" in html and "{{" not in html and "None" not in html
    data = json.loads((folder / "tuning.json").read_text(encoding="utf-8"))
    rows = (folder / "figures" / "tuning.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + len(data["settings"])
    answer_row = next(row for row in rows if ",iocp threads=8,iocp,8," in row)
    assert answer_row.endswith(",True,True,")
    value = float(answer_row.split(",")[8])
    assert value == pytest.approx(data["answer"]["value"])


def test_the_page_carries_a_point_of_each_setting_for_its_script(tmp_path: Path) -> None:
    data = tuning_data(folder_of(tmp_path))
    texts = {each["label"]: each["label"] for each in data["settings"]}
    found = json.loads(as_json(tuning_charts(data, texts)))
    (chart,) = found["charts"]
    points = {point[-1]: point for point in chart["points"]}
    assert sorted(points) == sorted(texts)
    labels = [each["label"] for each in found["series"]]
    for each in data["settings"]:
        series, x, y, low, high, style, rings, _, _ = points[each["label"]]
        assert labels[series] == each["model"] and y == each["level"]
        assert x == (each["workers"] or chart["x"]["d"][1])
        assert rings == each["finalist"] + each["recommended"] and style == "full"
        assert low is None or low <= y <= high
    assert chart["x"]["at"] == [1, 2, 4, 8] and [rule[:2] for rule in chart["rules"]] == [["x", 8]]


def test_the_page_ranks_the_best_setting_of_each_model(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    text = write_tune_report(folder).page.read_text(encoding="utf-8")
    rows = re.findall(r'<th scope="row">([^<]*)</th>.*width: ([\d.]+)%', text)
    assert [name for name, _ in rows] == ["iocp with 8 workers", "apc with 2 workers", "select"]
    assert float(rows[0][1]) == 100.0 and [float(each) for _, each in rows] == sorted(
        (float(each) for _, each in rows), reverse=True
    )


def test_the_table_alone_as_markdown_and_csv(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path)
    settings = tuning_data(folder)["settings"]
    assert cli.main(["report", str(folder), "--table", "md"]) == 0
    table = capsys.readouterr().out
    assert "wine-8.0" in table and "Not Windows" in table
    assert table.count("\n| ") == 1 + len(settings) and "| iocp with 8 workers |" in table
    assert cli.main(["report", str(folder), "--table", "csv"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 1 + len(settings) and rows[0].startswith("format,run,platform,setting")
    with pytest.raises(SystemExit) as ended:
        cli.main(["report", str(folder), "--only", "iocp"])
    assert ended.value.code == 2
    assert "is a tuning, which is always shown whole" in capsys.readouterr().err


def test_an_unfinished_tuning_has_a_report_without_an_answer(tmp_path: Path) -> None:
    report = write_tune_report(folder_of(tmp_path, [], stages=[], status="interrupted"))
    assert report.text == "No setting has a result, so there is no answer." and not report.found
    assert "interrupted" in report.page.read_text(encoding="utf-8")


def test_report_takes_a_tuning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(tmp_path)
    assert cli.main(["report", str(folder)]) == 0
    assert "iocp with 8 workers" in capsys.readouterr().out
    assert cli.main(["report", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"]["label"] == "iocp threads=8"


def test_models_without_workers_alone_have_a_chart(tmp_path: Path) -> None:
    data = manifest()
    suite = data["suite"] | {
        "servers": [{"model": "select", "options": {}}, {"model": "events", "options": {}}]
    }
    stages = [{"settings": [0, 1], "rounds": 4, "closing": False}]
    records = []
    for record in recorded(data):
        if record.condition.model == "select" and record.repeat < 3:
            records.append(record)
    folder = folder_of(tmp_path, records, suite=suite, stages=stages, sizes=[2])
    text = write_tune_report(folder).text
    assert text.startswith("select: ") and (folder / "figures" / "tuning.svg").exists()
    assert "No other setting has a result." not in text, "events just was not measured"
