"""The pages of a tuning and of an SLO search, and the page of all runs."""

from __future__ import annotations

import pytest

from conftest import Open
from test_every_run import violations

SEARCHES = ("tuning", "slo")


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(name: str, scheme: str, open_page: Open) -> None:
    page = open_page(name, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert violations(page) == []


def test_axe_finds_no_violation_in_the_page_of_all_runs(open_page: Open) -> None:
    assert violations(open_page("index")) == []


@pytest.mark.parametrize("name", [*SEARCHES, "index"])
@pytest.mark.parametrize("width", [320, 400, 768, 1280])
def test_no_page_is_wider_than_its_window(name: str, width: int, open_page: Open) -> None:
    page = open_page(name, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("name", "charts"), [("tuning", 1), ("slo", 2)])
def test_the_answer_and_the_ranking_are_visible_and_the_charts_drawn(
    name: str, charts: int, open_page: Open
) -> None:
    page = open_page(name)
    for each in (".verdict", ".ranking"):
        box = page.locator(each).first.bounding_box()
        assert box and box["y"] + box["height"] <= 900
    assert page.locator("#charts .plot > svg[role=img]").count() == charts
    assert not page.locator("#static").is_visible()


@pytest.mark.parametrize("name", SEARCHES)
def test_the_mouse_shows_a_value(name: str, open_page: Open) -> None:
    page = open_page(name)
    chart = page.locator("#charts .plot").first
    chart.scroll_into_view_if_needed()
    before = chart.text_content() or ""
    box = chart.locator("g[data-series] path").last.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    said = (chart.text_content() or "").replace(before, "")
    assert "requests/s" in said and len(said) > len(before) / 100


@pytest.mark.parametrize("name", SEARCHES)
def test_a_chip_hides_a_series_and_the_last_one_stays(name: str, open_page: Open) -> None:
    page = open_page(name)
    chips = page.locator(".chip")

    def shown() -> set[str | None]:
        marks = page.locator("#charts [data-series]").all()
        return {each.get_attribute("data-series") for each in marks}

    everything = shown()
    assert len(everything) == chips.count() == 3
    chips.first.click()
    assert shown() == everything - {"0"} and chips.first.get_attribute("aria-pressed") == "false"
    chips.nth(1).click()
    chips.nth(2).click()
    assert shown() == {"2"}
    chips.first.click()
    assert shown() == {"0", "2"}


@pytest.mark.parametrize("name", SEARCHES)
def test_without_javascript_the_chart_is_a_picture(name: str, open_page: Open) -> None:
    page = open_page(name, java_script_enabled=False)
    assert page.locator("#static svg").is_visible() and not page.locator("#drawn").is_visible()
    assert page.locator(".verdict").is_visible() and page.locator(".ranking").is_visible()
    assert not page.locator("#theme").is_visible()


def test_settings_sort_by_value(open_page: Open) -> None:
    page = open_page("tuning")
    page.locator("table.sortable thead button").nth(1).click()
    cells = page.locator("table.sortable tbody td:nth-child(2)").all_inner_texts()
    values = [float(each.replace(",", "")) for each in cells]
    assert values == sorted(values) and len(values) == 7


def test_ticked_runs_of_one_platform_become_a_command(open_page: Open) -> None:
    page = open_page("index")
    boxes = page.locator("input[type=checkbox]")
    assert boxes.count() == 3 and "tick two or more" in page.locator("#choice").inner_text()
    wine = page.locator("tr[data-platform='wine-8.0'] input")
    windows = page.locator("tr[data-platform^=windows] input")
    wine.nth(1).check()
    assert windows.is_disabled() and "tick two or more" in page.locator("#choice").inner_text()
    wine.nth(0).check()
    order = [page.locator("tr[data-platform='wine-8.0']").nth(at) for at in (1, 0)]
    names = " ".join(each.get_attribute("data-run") or "" for each in order)
    command = page.locator("#choice code").inner_text()
    assert command == f"iomodels compare {names} --html compare.html"
    wine.nth(1).uncheck()
    wine.nth(0).uncheck()
    assert windows.is_enabled() and page.locator("#choice code").count() == 0
