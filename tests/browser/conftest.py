"""Pages in a real browser: Chromium, driven by Playwright, without a network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from runs import OTHERS, RUNS, write_page

CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
WITHOUT_SCRIPT = ("index", "join", "claims")
"""Pages that draw nothing after they are loaded."""
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "no chromium here; `./iomodels test browser` installs it"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the page of one of RUNS or OTHERS, written once."""
    written: dict[str, Path] = {}

    def find(name: str) -> Path:
        if name not in written:
            folder = tmp_path_factory.mktemp(name)
            other = OTHERS.get(name)
            written[name] = other(folder) if other else write_page(RUNS[name], folder)
        return written[name]

    return find


@pytest.fixture
def open_page(browser: Browser, page_of: Callable[[str], Path]) -> Iterator[Open]:
    """Open the page of one of RUNS or OTHERS. At the end: no error, no request but for the file."""
    contexts: list[Any] = []
    faults: list[str] = []

    def open_(
        name: str, hash_: str = "", width: int = 1280, height: int = 900, **more: Any
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        page = context.new_page()
        address = page_of(name).as_uri()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.split("#")[0] == address else faults.append(request.url)
            ),
        )
        page.goto(address + hash_)
        if more.get("java_script_enabled", True) and name not in WITHOUT_SCRIPT:
            page.wait_for_selector("html[data-drawn]", state="attached")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []
