"""The report from a run's folder alone: complete, partial, failed, empty."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from matplotlib.colors import to_rgb
from rich.console import Console

from iomodels.base.errors import Failure
from iomodels.base.words import WINE
from iomodels.data.store import load_run
from iomodels.figures.catalogue import OF_RUNS
from iomodels.judge.summary import summarise
from iomodels.plan.order import Measurement
from iomodels.plan.server import Server
from iomodels.report.answer import answer
from iomodels.report.html import STATIC, write_report
from iomodels.report.page import markdown_cell
from iomodels.report.terminal import print_answer, print_tables
from made_run import RUN, make_run, suite_of, usual_rate, with_everything

DRAWN = tuple(figure for figure in OF_RUNS if figure.NAME != "latency_by_rate")
"""Of a run without offered rates."""
SMALL = suite_of(connections=(1, 64, 1024), sizes=(64, 4096))
VOID = {"meta", "link", "br", "img", "hr", "input", "path", "use", "rect", "circle", "line"}


def some_fail(measurement: Measurement) -> float | None:
    """select never works with 64 connections, iocp fails once with 1024."""
    condition = measurement.condition
    broken = (condition.model, condition.connections) == ("select", 64) or (
        (condition.model, condition.connections, measurement.repeat) == ("iocp", 1024, 1)
    )
    return None if broken else usual_rate(measurement)


class Page(HTMLParser):
    """Tags with attributes, the text outside of style and svg, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not {"style", "script", "svg"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


Report = tuple[Path, Page, str, str]
"""Folder, page, its source, and the Markdown of a run."""


def report_of(folder: Path, **options: Any) -> Report:
    options.setdefault("suite", SMALL)
    written = write_report(make_run(folder, **options))
    source = written.read_text(encoding="utf-8")
    return (
        written.parent,
        Page(source),
        source,
        written.with_suffix(".md").read_text(encoding="utf-8"),
    )


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return report_of(tmp_path_factory.mktemp("complete"), enrich=with_everything)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return report_of(tmp_path_factory.mktemp("broken"), rate=some_fail)


def test_everything_is_there_and_the_answer_comes_first(complete: Report) -> None:
    folder, page, _, markdown = complete
    assert sorted(path.name for path in (folder / "figures").iterdir()) == [
        f"{figure.NAME}{end}"
        for figure in sorted(DRAWN, key=lambda each: each.NAME)
        for end in (".csv", ".svg")
    ]
    places = [
        page.text.index(words)
        for words in (
            "Which serves more requests a second?",
            "Not Windows.",
            "On wine-8.0: too few rounds at 6 loads.",
            "iocp was fastest so far (10,000 requests/s) in 3 rounds. A claim needs 8.",
            "Who serves more, as connections grow?",
            "How long do requests take?",
            "What does a request cost?",
            "How sure is this?",
            "Latencies of a closed loop are set by connections ÷ rate",
            "All loads in words",
            "All numbers",
            "All costs of a request",
            "Left out",
            "More figures",
            "Conditions",
            "Do it again",
            "./iomodels run select-vs-iocp --seed 7",
        )
    ]
    assert places == sorted(places)
    assert page.open == []
    for words in (
        "3 rounds; ratios are paired within rounds. A claim needs 8, so every word is provisional.",
        "iomodels run select-vs-iocp --connections 64 --size 64 --rounds 8",
    ):
        assert words in page.text and words in markdown


def test_the_page_is_one_file_that_loads_nothing(complete: Report) -> None:
    _, page, source, _ = complete
    addresses = source.replace("http://www.w3.org/2000/svg", "")  # the name of SVG's elements
    addresses = re.sub(r'id="notices">.*?</script>', "", addresses, flags=re.DOTALL)
    assert "http:" not in addresses and "https:" not in addresses
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert [each.get("type") for each in scripts] == ["text/plain"] * 3 + [None]
    assert not {"link", "iframe", "object", "img", "image"} & {tag for tag, _ in page.tags}
    assert "@import" not in source and not re.search(r"url\((?!#)", source)
    for tag, attributes in page.tags:
        target = attributes.get("href") or attributes.get("xlink:href") or ""
        assert tag == "a" or target == "" or target.startswith("#")


def test_figures_have_alt_texts_and_ids_that_do_not_collide(complete: Report) -> None:
    _, page, source, markdown = complete
    figures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(figures) == len(STATIC)
    for attributes in figures:
        assert attributes["role"] == "img" and re.match(
            r"[A-Z][^:]* on wine-8\.0[.:]", attributes["aria-label"] or ""
        )
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', source))
    assert used and used <= set(ids)
    assert (
        len([alt for alt in re.findall(r"!\[([^\]]*)", markdown) if " on wine-8.0" in alt])
        == markdown.count("![")
        == len(DRAWN)
    )


def test_figures_follow_the_page_into_the_dark(complete: Report) -> None:
    _, _, source, _ = complete
    variables = set(re.findall(r"var\((--c[0-9a-f]{6})\)", source))
    pairs = dict(
        re.findall(r"(--c[0-9a-f]{6}): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\)", source)
    )
    assert variables and variables <= set(pairs)


def test_links_of_the_markdown_lead_to_files(complete: Report) -> None:
    folder, page, _, markdown = complete
    targets = re.findall(r"\]\(([^)]+)\)", markdown) + [
        str(attributes["href"])
        for tag, attributes in page.tags
        if tag == "a" and attributes["href"] != "#answer"
    ]
    assert len(targets) >= 10
    for target in targets:
        assert (folder / target).is_file(), target


def test_the_table_has_every_cell_with_its_numbers(complete: Report) -> None:
    _, _, _, markdown = complete
    rows = [
        line for line in markdown.splitlines() if re.match(r"\| [\d,]+ \| (select|iocp) \|", line)
    ]
    assert len(rows) == 2 * 12
    (row,) = [line for line in rows if line.startswith("| 1,024 | iocp") and "10,000" in line]
    fields = [field.strip() for field in row.strip("|").split("|")]
    assert fields[2:5] == [r"10,000 \[9,900, 10,100\]", r"2.02× \[2.02, 2.02\]", "provisional"]
    assert fields[5:7] == ["40.0", "3.00"], "CPU time and switches of server and wineserver"
    assert fields[10:] == ["3", "latency-bound", "0"]
    costs = "| 80.0 | 6.00 | 50.0 | 30.0 | 4.00 | 2.00 | 2.00 | 1.00 | 3.00 | 3.00 |"
    assert f"| 64 | select {costs}" in rows


def test_a_table_of_the_markdown_has_no_gap(complete: Report) -> None:
    """A blank line ends a table: what follows it is text with bars."""
    _, _, _, markdown = complete
    lines = markdown.splitlines()
    heads = [place for place, line in enumerate(lines) if re.fullmatch(r"\|[-:|]+\|", line)]
    assert len(heads) >= 7
    for place in heads:
        columns = lines[place].count("|")
        assert lines[place - 1].startswith("|") and lines[place + 1].startswith("| ")
        assert lines[place - 1].replace("\\|", "").count("|") == columns
        assert lines[place + 1].replace("\\|", "").count("|") == columns


@pytest.mark.usefixtures("one_figure")
def test_no_wine_no_banner(tmp_path: Path) -> None:
    _, page, source, markdown = report_of(tmp_path, platform="windows-11-26100")
    assert "Not Windows" not in source + markdown and "wineserver" not in page.text + markdown
    assert "On windows-11-26100: too few rounds at 6 loads." in page.text


def test_failed_repeats_are_listed_with_reason_and_stderr(broken: Report) -> None:
    _, page, source, markdown = broken
    assert "8 of 36 repeats failed; comparisons leave them out." in page.text
    for text in (page.text, markdown):
        assert "2 of 12 cells are not valid. No comparison uses such a cell" in text
        assert "2 of 12 cells are in no comparison: 2 failed." in text
        assert "select, 64 × 64 B: failed (select: died with exit code 3" in text
    assert "ceiling: no calibration of such a load recorded (10 of 12 cells)" in page.text
    assert "Only iocp has a figure: 10,000 requests/s. select has no valid figure." in page.text
    assert "select: died with exit code 3 | before ready, in 3 repeats" in page.text
    assert (
        source.count("select: died with exit code 3 | before ready") == 6 + 2 + 1
    )  # two cells have no other repeat, and one of them is in the ranked list
    assert "bind: access denied &lt;10013&gt;" in source
    table = markdown[markdown.index("## Left out") : markdown.index("## Do it again")]
    assert (
        table.count(r"died with exit code 3 \| before ready | bind: access denied \<10013\>") == 8
    )


@pytest.mark.usefixtures("one_figure")
def test_an_interrupted_run_says_what_is_missing(tmp_path: Path) -> None:
    _, page, _, markdown = report_of(tmp_path, measured=7, status="interrupted")
    assert "Never measured:" in page.text and "of 3 repeats" in page.text
    assert "the run is not complete: 7 of 36 measurements" in markdown
    assert "(it is not complete)" in page.text


def test_an_empty_run_gives_a_report_without_figures(tmp_path: Path) -> None:
    _, page, _, markdown = report_of(tmp_path, measured=0, status="interrupted")
    assert "On wine-8.0: no server has a figure at 6 loads." in page.text
    assert "the run is not complete: 0 of 36 measurements" in page.text
    assert not [tag for tag, _ in page.tags if tag == "svg"] and "![" not in markdown
    assert not (tmp_path / RUN / "figures").exists()


def test_a_run_of_failures_only_says_so(tmp_path: Path) -> None:
    _, page, _, markdown = report_of(tmp_path, rate=lambda measurement: None)
    for text in (page.text, markdown):
        assert "On wine-8.0: no server has a figure at 6 loads." in text
        assert "36 of 36 repeats failed; comparisons leave them out" in text


def test_text_from_the_records_cannot_become_markup(broken: Report) -> None:
    _, _, source, markdown = broken
    assert "Test CPU &lt;1&gt;" in source and "<1>" not in source
    assert r"Test CPU \<1\>" in markdown
    assert markdown_cell("a | b\n<c> *d*") == r"a \| b \<c\> \*d\*"


def test_conditions_are_complete_and_a_null_has_its_reason(complete: Report) -> None:
    _, page, _, _ = complete
    for words in (
        "0123456789abcdef0123456789abcdef01234567",
        "launcher.placement.server_cpus 0",
        "launcher.placement.loadgen_cpus 1",
        "suite.seed 7",
        "versions.wine wine-8.0 (Debian)",
        "governor – (no cpufreq | in a VM)",
        "select.settings.threads 1",
        "load generator.backend epoll",
    ):
        assert words in page.text


@pytest.mark.usefixtures("one_figure")
def test_writing_again_gives_the_same_bytes_and_leaves_no_scraps(tmp_path: Path) -> None:
    folder = make_run(tmp_path, SMALL)
    write_report(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_report(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not [path for path in before if path.name.startswith(".")]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"run.json"):
        write_report(tmp_path)


def printed(folder: Path, encoding: str = "utf-8", **options: Any) -> str:
    stream = io.BytesIO()
    output = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="\n")
    summary = summarise(load_run(make_run(folder, **options)))
    console = Console(file=output, width=80, no_color=True)
    print_answer(summary, console)
    print_tables(summary, console)
    output.flush()
    return stream.getvalue().decode(encoding)


def test_the_terminal_fits_80_columns_without_colour(tmp_path: Path) -> None:
    text = printed(
        tmp_path,
        suite=suite_of(
            servers=(Server("select"), Server("iocp", (("concurrency", 1), ("threads", 16)))),
            connections=(1, 1024),
            sizes=(64,),
        ),
    )
    assert max(map(len, text.splitlines())) <= 80 and "\x1b" not in text
    assert WINE in text
    (row,) = [line for line in text.splitlines() if "2.02 [2.02, 2.02] ~" in line]
    assert row.split()[0] == "1,024" and row.split()[-1] == "3"
    assert "On wine-8.0: too few rounds at 2 loads." in text


def test_the_terminal_explains_its_marks_and_only_those_that_it_has(tmp_path: Path) -> None:
    few = printed(tmp_path / "few", suite=suite_of(connections=(1, 64), sizes=(64,)))
    told = " ".join(few.split())
    assert "~: not decided, only likely, or provisional." in told
    suite = suite_of(connections=(64,), sizes=(64,), rounds=8)
    decided = printed(tmp_path / "decided", suite=suite, rate=faster)
    assert "~" not in decided and "requests/s: medians of the valid repeats." in decided


def test_every_load_has_its_verdict_wherever_the_answer_is(tmp_path: Path) -> None:
    """In the terminal, the Markdown and the page; of more than one load."""
    suite = suite_of(connections=(1, 64), sizes=(64, 4096), rounds=8)
    folder, page, _, markdown = report_of(tmp_path, suite=suite, rate=faster)
    output = io.StringIO()
    print_tables(summarise(load_run(folder)), Console(file=output, width=80))
    terminal = " ".join(output.getvalue().split())
    for load in answer(summarise(load_run(folder))).loads:
        assert f"{load.words} · {load.badge} · {load.verdict}" in terminal
        assert markdown_cell(load.verdict) in markdown and load.verdict in page.text


def test_a_note_begins_as_one(tmp_path: Path) -> None:
    text = " ".join(printed(tmp_path, suite=SMALL, measured=7, status="interrupted").split())
    assert "• Note: the run is not complete: 7 of 36 measurements" in text


def test_ratios_of_a_control_name_its_twin_where_that_is_not_the_baseline(tmp_path: Path) -> None:
    servers = [Server("iocp"), Server("select"), Server("select", alias="select again")]
    options: dict[str, Any] = {"suite": suite_of(servers, (64,), (64,), 8), "rate": faster}
    text = printed(tmp_path / "terminal", **options)
    assert "select again: a control; its ratios are over select, the same program" in text
    _, page, _, markdown = report_of(tmp_path / "page", **options)
    for shown in (page.text, markdown):
        assert re.search(r"control: [a-z0-9 %]+ \(over select\)", shown)
    assert "control: " not in text.split("requests/s: medians")[0].split("conn.")[1]


def test_a_phone_stacks_the_verdicts(complete: Report) -> None:
    """A table of three columns is unreadable at 390 pixels."""
    _, page, source, _ = complete
    assert ("table", {"class": "data loads"}) in page.tags
    narrow = source[source.index("@media (max-width: 40rem)") :]
    assert ".loads tr, .loads th, .loads td { display: block; }" in narrow


def test_the_terminal_says_the_answer_before_any_table(tmp_path: Path) -> None:
    suite = suite_of(connections=(64,), sizes=(64,), rounds=8)
    lines = printed(tmp_path, suite=suite, rate=faster).splitlines()
    assert lines[0] == WINE
    assert " ".join(lines[1:3]).startswith("On wine-8.0: iocp is fastest with 2")
    bars = [line.split() for line in lines if "█" in line]
    assert [bar[0] for bar in bars] == ["iocp", "select"]
    assert [len(bar[2]) for bar in bars] == [24, 12] and bars[0][3:] == ["first"]
    assert bars[1][3:5] == ["slower:", "0.50×"]
    (row,) = [line for line in lines if "iocp" in line and "×" not in line and "[" in line]
    assert "~" not in row, "what is decided has no tilde"
    assert row.split()[:2] == ["64", "iocp"] and row.split()[-1] == "8"


def faster(measurement: Measurement) -> float:
    noise = 1 + 0.002 * (measurement.index * 7 % 5)
    return (200.0 if measurement.condition.model == "iocp" else 100.0) * noise


def test_a_terminal_without_blocks_gets_bars_of_number_signs(tmp_path: Path) -> None:
    suite = suite_of(connections=(64,), sizes=(64,), rounds=8)
    lines = printed(tmp_path, "latin-1", suite=suite, rate=faster).splitlines()
    bars = [line.split()[2] for line in lines if "##" in line]
    assert bars == ["#" * 24, "#" * 12]


def test_the_tables_group_many_series_and_the_answer_names_the_control(tmp_path: Path) -> None:
    servers = [
        *(Server(model) for model in ("select", "threads", "events")),
        Server("select", alias="select again"),
    ]
    text = printed(tmp_path, suite=suite_of(servers, (1, 64), (64,)))
    rows = [line.split()[:1] for line in text.splitlines()]
    first = rows.index(["conn."])
    assert [row for row in rows[first + 2 :] if row in (["1"], [], ["64"])][:9] == (
        [["1"]] * 4 + [[]] + [["64"]] * 4
    )
    assert (
        "Control: select again is the program of select a second time; too few rounds judge it."
        in " ".join(text.split())
    )
    (row,) = [line for line in text.splitlines() if "control:" in line]
    assert row.startswith("select again ") and "control: 1.00× [1.00, 1.00] of" in row


def test_the_tables_show_what_is_missing(tmp_path: Path) -> None:
    text = printed(tmp_path, suite=SMALL, rate=some_fail)
    assert re.search(r"64\s+select\s+–\s.*0/3\n", text)
    assert re.search(r"1,024\s+iocp\s.*2/3\n", text)
    assert "64 connections: select has no figure; ratios are over iocp" in text


def test_a_baseline_without_a_figure_is_no_heading_of_its_load(broken: Report) -> None:
    """At 64 connections select always fails, and the others are over iocp."""
    _, _, _, markdown = broken
    rows = [line.split(" | ") for line in markdown.splitlines() if line.startswith("| 64 | iocp")]
    assert [row[3:5] for row in rows if len(row) > 12] == [["1", "baseline"]] * 2


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in to_rgb(colour)
        ]
        return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("paper", [0, 1], ids=["light", "dark"])
def test_the_page_is_readable_on_light_and_dark(paper: int, complete: Report) -> None:
    """WCAG AA: text has a contrast of 4.5."""
    _, _, source, _ = complete
    pairs = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", source)
    colours = {name: both[paper] for name, *both in pairs}
    for ink in ("ink", "muted", "link"):
        for under in ("paper", "band", "raised"):
            assert contrast(colours[ink], colours[under]) >= 4.5, (ink, under)
    for kind in ("good", "open", "bad", "same"):
        assert contrast(colours[kind], colours[f"{kind}-paper"]) >= 4.5, kind
