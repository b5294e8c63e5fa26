"""Each kind of run: its page draws, fits every width, and axe-core finds no violation."""

from __future__ import annotations

import json
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from conftest import Open
from runs import RUNS

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {json.dumps(node['target'])} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("name", [name for name in RUNS if name != "many"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(name: str, scheme: str, open_page: Open) -> None:
    page = open_page(name, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert violations(page) == []
    if page.locator("#ranking .name").count():
        page.locator("#ranking .name").first.click()
        assert violations(page) == []


def test_axe_finds_no_violation_in_700_cells(open_page: Open) -> None:
    assert violations(open_page("many")) == []


@pytest.mark.parametrize("name", list(RUNS))
@pytest.mark.parametrize("width", [320, 360, 560, 768, 1024, 1280])
def test_no_page_is_wider_than_its_window(name: str, width: int, open_page: Open) -> None:
    if name == "many" and width not in (360, 1280):
        pytest.skip("two widths are enough for 700 cells")
    page = open_page(name, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", list(RUNS))
def test_every_load_can_be_chosen(name: str, open_page: Open) -> None:
    """Nothing on any load raises an error; open_page checks that."""
    page = open_page(name)
    for at in range(min(12, page.locator("#map input").count())):
        page.locator("#map label").nth(at).click()
        assert page.locator("#verdict").inner_text()
        for view in ("ratio", "value"):
            if page.locator("#load-charts").is_visible():
                page.locator(f"[data-view={view}]").click()


def test_the_theme_button(open_page: Open) -> None:
    page = open_page("full", color_scheme="light")
    shown = []
    for _ in range(3):
        page.locator("#theme").click()
        shown.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert shown[0] != shown[1] == shown[2] == "rgb(255, 255, 255)"


@pytest.mark.parametrize("name", ["join", "claims"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_tables(name: str, scheme: str, open_page: Open) -> None:
    assert violations(open_page(name, color_scheme=scheme)) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_a_join_draws_its_figures_in_the_page(width: int, open_page: Open) -> None:
    """Inline SVG follows the colours of the page; open_page checks that no file is asked for."""
    page = open_page("join", width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("figure svg").count() == page.locator("figure").count() >= 2
    assert page.locator("img").count() == 0
    box = page.locator("figure svg").first.bounding_box()
    assert box and box["width"] > 200 and box["height"] > 100


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_table_of_claims_scrolls_sideways(width: int, open_page: Open) -> None:
    page = open_page("claims", width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "all => all.filter((each) => each.scrollWidth > each.clientWidth + 1).length"
    assert page.locator(".scroll").evaluate_all(wide) == 0
    head = "getComputedStyle(document.querySelector('td[data-head=verdict]'), '::before').content"
    assert ("verdict" in page.evaluate(head)) == (width < 640)


def test_a_command_breaks_at_blanks_only(open_page: Open) -> None:
    page = open_page("builds", width=390)
    heights = "all => all.map((each) => each.getClientRects().length)"
    rows = page.locator("#again code .word").evaluate_all(heights)
    assert len(rows) > 2 and set(rows) == {1}


def test_axe_sees_a_fault(open_page: Open) -> None:
    page = open_page("one_cell")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert any(each.startswith("button-name") for each in violations(page))
