"""What a reader does with the answer: choose a load or a baseline, follow a link, copy, print."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from conftest import Open
from runs import MODELS

LATER = "#c=256&s=64"


def ranked(page: Page) -> list[str]:
    return page.locator("#ranking tbody .name").all_inner_texts()


def ratios(page: Page) -> list[str]:
    return page.locator("#ranking .ratio").all_inner_texts()


def copied(page: Page, button: str) -> str:
    """What a click puts on the clipboard."""
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard',"
        " {value: {writeText: async (text) => { window.copied = text; }}})"
    )
    page.locator(button).click()
    page.wait_for_function("window.copied !== undefined")
    return str(page.evaluate("window.copied"))


def test_the_verdict_and_all_models_are_visible_without_scrolling(open_page: Open) -> None:
    page = open_page("full")
    boxes = [page.locator(each).bounding_box() for each in ("#verdict", "#ranking tbody")]
    assert all(box and box["y"] >= 0 and box["y"] + box["height"] <= 900 for box in boxes)
    assert set(ranked(page)) == {*MODELS, "select again"}
    bars = page.locator("#ranking .fill")
    widths = [bars.nth(at).bounding_box()["width"] for at in range(bars.count())]  # type: ignore[index]
    assert widths[:6] == sorted(widths[:6], reverse=True) and widths[5] > 20


def test_sixteen_models_are_visible_without_scrolling(open_page: Open) -> None:
    page = open_page("sixteen")
    box = page.locator("#ranking tbody").bounding_box()
    assert box and box["y"] + box["height"] <= 900 and len(ranked(page)) == 16
    colours = page.locator("#ranking .fill").evaluate_all(
        "(bars) => bars.map((each) => getComputedStyle(each).backgroundColor)"
    )
    assert len(set(colours)) == 16
    shapes = page.locator("#ranking .mark path").evaluate_all(
        "(marks) => marks.map((each) => each.getAttribute('d'))"
    )
    assert len(set(shapes)) == 16


def test_names_fit_their_tiles(open_page: Open) -> None:
    wider = "(tiles) => tiles.filter((each) => [each, ...each.children].some((part) => "
    wider += "part.scrollWidth > each.clientWidth + 1)).map((each) => each.textContent)"
    for name in ("full", "sixteen", "own"):
        assert open_page(name).locator(".tile").evaluate_all(wider) == [], name


def test_all_numbers_fit_a_wide_window(open_page: Open) -> None:
    page = open_page("full")
    table = page.locator("#numbers .scroll").first
    assert table.evaluate("(each) => each.scrollWidth - each.clientWidth") <= 0


def test_a_server_of_any_name_has_a_colour_and_a_cell(open_page: Open) -> None:
    page = open_page("own")
    assert set(ranked(page)) == {"iocp", "libuv", "my.asio-server", "тест", "two ports, batch 64"}
    page.locator("#ranking .name", has_text="my.asio-server").click()
    assert page.locator("#sheet-name").inner_text() == "my.asio-server"
    assert page.locator("#sheet-rounds circle, #sheet-rounds path").count() > 4
    page.keyboard.press("Escape")
    page.locator("[data-hide='two ports, batch 64']").click()
    again = open_page("own", page.url[page.url.index("#") :])
    pressed = again.locator(".chip[aria-pressed=false]")
    assert pressed.all_inner_texts() == ["two ports, batch 64"]


def test_the_largest_crowd_comes_first_and_names_who_cannot_hold_it(open_page: Open) -> None:
    page = open_page("crowd")
    assert page.locator("#load-words").inner_text() == "1,024 connections × 64 B, 100 active"
    assert page.locator("#ranking tr.failed .name").all_inner_texts() == ["select"]
    assert "--connections 1024 --idle 924 --size 64" in page.locator("#tune-command").inner_text()


def test_a_tile_and_an_arrow_key_choose_a_load(open_page: Open) -> None:
    page = open_page("full")
    before = page.locator("#verdict").inner_text()
    page.locator("#map label").first.click()
    assert page.locator("#load-words").inner_text() == "1 connection × 64 B"
    assert page.locator("#verdict").inner_text() != before and "c=1&" in page.url
    page.keyboard.press("ArrowRight")
    assert page.locator("#load-words").inner_text() == "8 connections × 64 B"
    assert page.locator("#connections").input_value() == "8" and "c=8&" in page.url


def test_a_baseline_changes_the_ratios_and_not_the_verdict(open_page: Open) -> None:
    page = open_page("full", LATER)
    verdict, over_fastest = page.locator("#verdict").inner_text(), ratios(page)
    page.locator("#base").select_option("tpio")
    assert page.locator("#verdict").inner_text() == verdict
    assert ratios(page) != over_fastest and "b=tpio" in page.url
    assert page.locator("#ranking thead").inner_text().count("tpio") == 1
    row = page.locator("#ranking tr", has=page.get_by_text("tpio", exact=True))
    assert "= 100 %" in row.inner_text()


def test_a_link_restores_what_its_sender_saw(open_page: Open) -> None:
    hash_ = "#c=8&s=4096&b=select&hide=tpio&view=ratio"
    page = open_page("full", hash_)
    assert page.locator("#load-words").inner_text() == "8 connections × 4,096 B"
    assert page.locator("#base").input_value() == "select"
    assert page.locator("[data-view=ratio]").get_attribute("aria-pressed") == "true"
    assert page.locator("[data-hide=tpio]").get_attribute("aria-pressed") == "false"
    for wrong in ("#c=7&s=nix&b=nix&cell=nix", "#nonsense", "#c=%"):
        assert (
            open_page("full", wrong).locator("#load-words").inner_text() == "64 connections × 64 B"
        )


def test_links_in_the_table_of_loads_lead_to_their_answer(open_page: Open) -> None:
    page = open_page("full")
    page.locator("#loads a").nth(4).click()
    assert page.locator("#load-words").inner_text() == "1,000 connections × 64 B"
    assert page.evaluate("document.activeElement.id") == "answer"


def test_the_answer_as_markdown_names_the_platform(open_page: Open) -> None:
    text = copied(open_page("full"), "#copy-answer")
    assert (
        "wine-8.0" in text and "Not Windows." in text and text.startswith("64 connections × 64 B")
    )
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 7 and len({row.count("|") for row in rows}) == 1


def test_a_csv_has_plain_numbers(open_page: Open) -> None:
    page = open_page("full")
    lines = copied(page, "#numbers [data-copy=csv]").splitlines()
    assert len(lines) == 1 + 70
    heads = lines[0].split(",")
    rate, server = heads.index("requests_per_second"), heads.index("server")
    assert all(float(line.split(",")[rate]) > 0 for line in lines[1:])
    own = copied(open_page("full", LATER), "#copy-csv").splitlines()
    assert own[0] == lines[0] and {line.split(",")[server] for line in own[1:]} >= set(MODELS)
    assert {line.split(",")[heads.index("connections")] for line in own[1:]} == {"256"}


def test_the_command_is_copied_as_it_is(open_page: Open) -> None:
    page = open_page("full")
    assert copied(page, "#copy-command") == page.locator("#command").inner_text()


def test_numbers_sort_by_value(open_page: Open) -> None:
    page = open_page("full")
    head = page.locator("#numbers thead").first.locator("button")
    for column, name in ((3, "requests/s"), (9, "p99")):
        head.nth(column).click()
        cells = page.locator(f"#numbers table >> nth=0 >> tbody td:nth-child({column + 1})")
        values = [seconds(text) for text in cells.all_inner_texts() if text != "–"]
        assert len(values) > 60 and values == sorted(values), name
        head.nth(column).click()
        values = [seconds(text) for text in cells.all_inner_texts() if text != "–"]
        assert values == sorted(values, reverse=True), name


def seconds(text: str) -> float:
    found = re.match(r"([\d,.]+)\s*(µs|ms|s)?", text)
    assert found, text
    return float(found[1].replace(",", "")) * {"µs": 1e-6, "ms": 1e-3}.get(found[2] or "", 1.0)


def test_a_failed_baseline_is_said_and_its_reason_shown(open_page: Open) -> None:
    page = open_page("failed", "#c=64&s=64")
    assert "select" not in page.locator("#base").inner_text().split("\n")
    rows = page.locator("#ranking tr.failed")
    assert rows.locator(".name").all_inner_texts() == ["select", "threads"]
    assert "died with exit code 3" in rows.first.inner_text()
    page = open_page("failed", "#c=64&s=64&b=threads")
    assert "threads has no figure at this load" in page.locator("#ranking caption").inner_text()


@pytest.mark.parametrize("name", ["full", "windows"])
def test_the_warning_is_there_once_or_not_at_all(name: str, open_page: Open) -> None:
    text = open_page(name).locator("body").inner_text()
    assert text.count("Not Windows.") == (1 if name == "full" else 0)
    assert ("wineserver" in text) == (name == "full")


def test_without_javascript_every_verdict_and_number_is_there(open_page: Open) -> None:
    page = open_page("full", java_script_enabled=False)
    text = page.locator("body").inner_text()
    assert page.locator("#loads tbody tr").count() == 10 and "JavaScript is off" in text
    assert page.locator("#numbers table >> nth=0 >> tbody tr").count() == 70
    assert page.locator("#ranking tbody tr").count() == 7 and "Copy link" not in text
    assert page.locator("#verdict").is_visible() and not page.locator("#latency").is_visible()


def test_a_printed_page_is_light_and_open(open_page: Open, tmp_path: Path) -> None:
    page = open_page("full", color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details.behind:not([open])").count() == 0
    assert len(page.pdf(path=tmp_path / "page.pdf")) > 50_000


def test_the_size_of_the_page(page_of: Callable[[str], Path]) -> None:
    assert page_of("full").stat().st_size <= 900_000
