"""A smoke test of the page in headless Chromium; `./iomodels test browser` has all tests of it.

Skipped without Chromium. Set-up does not install it, because half a gigabyte would serve one file.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from iomodels.base.files import ROOT
from iomodels.data.store import load_run
from iomodels.judge.summary import summarise
from iomodels.report.context import context
from iomodels.report.page_data import page_data
from iomodels.report.run_page import run_page

CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt install chromium")

LISTEN = """<script>window.probeErrors = [];
for (const name of ["error", "unhandledrejection"]) {
  window.addEventListener(name, (event) =>
    window.probeErrors.push(String(event.message ?? event.reason)));
}
</script>"""
PROBE = """<script>
const all = (query) => [...document.querySelectorAll(query)];
new MutationObserver(() => {
  const before = document.querySelector("#verdict").textContent;
  document.querySelectorAll("#map input")[1].click();
  const report = {
    errors: window.probeErrors,
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    pictures: all(".plot > svg").map((svg) =>
      [svg.getAttribute("aria-label"), svg.querySelectorAll("path, rect, text").length]),
    ranked: all("#ranking tbody tr").length,
    fold: document.querySelector("#ranking tbody").getBoundingClientRect().bottom + window.scrollY,
    changed: before !== document.querySelector("#verdict").textContent,
    hash: location.hash,
  };
  document.querySelector("#numbers thead button").click();
  report.sorted = document.querySelector("#numbers th").getAttribute("aria-sort");
  document.body.setAttribute("data-probe", JSON.stringify(report));
}).observe(document.documentElement, {attributes: true, attributeFilter: ["data-drawn"]});
</script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the run in tests/fixtures/runs, with a probe."""
    (fixture,) = (ROOT / "tests" / "fixtures" / "runs").glob("*-reference")
    summary = summarise(load_run(fixture))
    shown = context(summary, [], []) | {"alone": True, "records": "x", "figures": []}
    source = run_page(summary, shown, page_data(summary, shown["answer"]))
    probed = tmp_path_factory.mktemp("browser") / "probed.html"
    probed.write_text(
        source.replace("<head>", f"<head>{LISTEN}", 1).replace("<body>", f"<body>{PROBE}", 1),
        encoding="utf-8",
    )
    return probed


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_draws_and_answers_a_click(width: int, page: Path, tmp_path: Path) -> None:
    command = [
        *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--disable-extensions", "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}"),
        *("--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND"),
        *(f"--window-size={width},900", "--virtual-time-budget=5000", "--dump-dom", page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'data-probe="([^"]*)"', done.stdout)
    assert found, f"the page did not draw: {done.stderr[-500:]}"
    seen: dict[str, Any] = json.loads(unescape(found[1]))
    assert seen["errors"] == [] and "CONSOLE" not in done.stderr
    assert seen["overflow"] <= 0, "the page is wider than the window"
    assert len(seen["pictures"]) >= 3
    assert all(len(name) > 30 and marks > 5 for name, marks in seen["pictures"])
    assert seen["ranked"] == 2 and (width < 1000 or seen["fold"] <= 900)
    assert seen["changed"] and "c=16&s=64%4025" in seen["hash"] and seen["sorted"] == "ascending"
