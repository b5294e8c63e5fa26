"""The charts: series to hide, values below the mouse, the sheet of a cell, the keyboard."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from conftest import Open
from iomodels.base import words

CHART = "#charts .plot >> nth=0"


def marks(page: Page, series: str) -> int:
    number = page.locator(f"[data-hide='{series}']").get_attribute("data-series")
    return page.locator(f".columns .plot [data-series='{number}']").count()


def point(chart: Locator) -> tuple[float, float]:
    """Where the chart's first dot is; the lines of a series are one path, its dots many."""
    box = chart.locator("g[data-series]:has(path + path) > path").first.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_chip_hides_a_series_everywhere_and_brings_it_back(open_page: Open) -> None:
    page = open_page("full")
    chip = page.locator("[data-hide=tpio]")
    before = marks(page, "tpio")
    assert before > 5
    chip.click()
    assert marks(page, "tpio") == 0 and chip.get_attribute("aria-pressed") == "false"
    assert "hide=tpio" in page.url
    chip.click()
    assert marks(page, "tpio") == before and "hide" not in page.url


def test_the_last_series_stays(open_page: Open) -> None:
    page = open_page("one_cell")
    page.locator(".chip").click()
    assert page.locator(".chip").get_attribute("aria-pressed") == "true"


def test_the_mouse_shows_a_value_and_a_click_opens_that_cell(open_page: Open) -> None:
    page = open_page("full")
    chart = page.locator(CHART)
    chart.scroll_into_view_if_needed()
    x, y = point(chart)
    page.mouse.move(x + 1, y + 1)
    tip = chart.text_content() or ""
    assert "requests/s" in tip and "1 connection × 64 B" in tip.replace("\u00a0", " ")
    page.mouse.click(x + 1, y + 1)
    assert page.locator("#sheet").is_visible()
    assert "1 connection × 64 B" in page.locator("#sheet-load").inner_text()
    name = page.locator("#sheet-name").inner_text()
    assert name in tip and f"cell={name}" in page.url


def test_escape_closes_the_sheet_and_the_focus_returns(open_page: Open) -> None:
    page = open_page("full")
    opener = page.locator("#ranking .name").nth(2)
    name = opener.inner_text()
    opener.focus()
    page.keyboard.press("Enter")
    assert page.locator("#sheet-name").inner_text() == name
    page.keyboard.press("ArrowRight")
    assert page.locator("#sheet-name").inner_text() != name
    page.keyboard.press("ArrowLeft")
    assert page.locator("#sheet-name").inner_text() == name
    page.keyboard.press("Escape")
    assert not page.locator("#sheet").is_visible() and "cell=" not in page.url
    assert page.evaluate("document.activeElement.textContent") == name


def test_a_round_shows_its_own_histogram(open_page: Open) -> None:
    page = open_page("full", "#cell=iocp")
    lines = page.locator("#sheet-histogram path").count()
    box = page.locator("#sheet-rounds circle").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "the dark line is round" in page.locator("#sheet-histogram-note").inner_text()
    assert page.locator("#sheet-histogram path").count() == lines + 1
    assert page.locator("#sheet-table tbody tr").count() == 10


def test_the_slider_reads_all_series_at_one_percentile(open_page: Open) -> None:
    page = open_page("full")
    slider = page.locator("#percentile")
    assert page.locator("#readout b").inner_text() == "p99"
    before = page.locator("#readout").inner_text()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#readout b").inner_text() == "p98"
    assert page.locator("#readout").inner_text() != before
    assert slider.get_attribute("aria-valuetext") == "98 percent"
    assert page.locator("#readout span").count() == 6


def test_every_picture_has_a_name_and_a_table(open_page: Open) -> None:
    page = open_page("full")
    pictures = page.locator(".plot > svg")
    assert pictures.count() == 6
    for at in range(pictures.count()):
        assert pictures.nth(at).get_attribute("role") == "img"
        assert len(pictures.nth(at).get_attribute("aria-label") or "") > 30
        behind = pictures.nth(at).locator("xpath=ancestor::section").locator("details.behind table")
        assert behind.first.locator("tbody tr").count() >= 7


def test_the_ratio_is_over_the_chosen_baseline(open_page: Open) -> None:
    page = open_page("full", "#b=select")
    page.locator("[data-view=ratio]").click()
    assert "Ratio to select" in page.locator("#charts-note").inner_text()
    ticks = page.locator(CHART).text_content() or ""
    assert "+50" in ticks.replace("\u00a0", " ")


def test_two_builds_have_charts_and_no_ranked_list(open_page: Open) -> None:
    page = open_page("builds")
    assert page.locator("#ranking").count() == 0 and not page.locator("#base").count()
    assert page.locator("#rank table tbody tr").count() == 4
    page.locator("[data-view=ratio]").click()
    assert "the old build" in page.locator("#charts-note").inner_text()
    page.locator("#numbers .row-name").first.click()
    assert (
        "@old"
        in page.locator("#sheet-facts").inner_text() + page.locator("#sheet-name").inner_text()
    )


def test_offered_rates_are_drawn_by_rate(open_page: Open) -> None:
    page = open_page("offered")
    titles = page.locator("#charts .plot-title").all_inner_texts()
    assert [title.rpartition(": ")[2] for title in titles] == [
        "µs of CPU per request",
        "response p99",
    ]
    page.locator("#panel").select_option("64@50")
    assert page.locator("#ranking thead").inner_text().count("µs CPU") == 1
    assert "Shorter is better" in page.locator("#ranking caption").inner_text()


def test_numbers_are_written_as_in_python(open_page: Open) -> None:
    """The few numbers that the page writes itself: axes, readings of the slider, tips."""
    page = open_page("full")
    for us in (0.5, 1.0, 17.44, 999.6, 1234.5, 45_678.0, 2_000_000.0):
        page.evaluate("(us) => { window.said = window.pageWords.time(us); }", us)
        assert str(page.evaluate("window.said")).replace("\u00a0", " ") == words.time(1e3 * us)
    for value in (0.0, 0.012345, 4.567, 99.96, 1234.5, 123_456.0, -7.5):
        page.evaluate("(value) => { window.said = window.pageWords.number(value); }", value)
        assert page.evaluate("window.said") == words.number(value)


def test_700_cells_are_drawn(open_page: Open) -> None:
    page = open_page("many")
    assert page.locator("#numbers table >> nth=0 >> tbody tr").count() == 700
    assert page.locator("#charts .plot svg").count() == 10
    took = page.evaluate("performance.getEntriesByName('drawing')[0].duration")
    print(f"drawing 700 cells: {took:.0f} ms")  # no limit here: time decides no test
