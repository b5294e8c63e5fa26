"""report.html in headless Chromium: charts drawn, tables sort, three widths fit, no errors.

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
from iomodels.report.html import write_report

CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt install chromium")
WIDTHS = (360, 768, 1280)

PROBE = """<script>
window.addEventListener("load", () => {
  const scrolled = [...document.querySelectorAll(".scroll > table")];
  const report = {errors: window.probeErrors, figures: [], tables: [],
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    cut: scrolled.filter((table) =>
      table.scrollWidth > table.parentElement.clientWidth + 1).length};
  for (const svg of document.querySelectorAll("figure svg")) {
    const box = svg.getBoundingClientRect();
    report.figures.push({width: box.width, height: box.height,
      marks: svg.querySelectorAll("path, use, text").length,
      label: (svg.getAttribute("aria-label") || "").length});
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    const columns = [];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const rows = table.tBodies[0].rows;
      const read = () => [...rows].map((row) => row.cells[column].textContent.trim());
      head.querySelector("button").click();
      const up = read();
      head.querySelector("button").click();
      columns.push({up: up, down: read(), sort: head.getAttribute("aria-sort")});
    });
    report.tables.push(columns);
  }
  document.body.setAttribute("data-probe", JSON.stringify(report));
});
</script>"""
LISTEN = """<script>window.probeErrors = [];
window.addEventListener("error", (event) => window.probeErrors.push(String(event.message)));
</script>"""


def chromium(profile: Path, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-extensions",
        "--no-first-run",
        f"--user-data-dir={profile}",
        "--enable-logging=stderr",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        *options,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the run in tests/fixtures/runs, with a probe."""
    (fixture,) = (ROOT / "tests" / "fixtures" / "runs").glob("*-reference")
    folder = tmp_path_factory.mktemp("browser") / fixture.name
    shutil.copytree(fixture, folder)
    source = write_report(folder).read_text(encoding="utf-8")
    probed = folder / "probed.html"
    probed.write_text(
        source.replace("<head>", f"<head>{LISTEN}", 1).replace("</body>", f"{PROBE}</body>"),
        encoding="utf-8",
    )
    return probed


def number(text: str) -> float | None:
    """As the page's own script reads a cell."""
    found = re.match(r"([+−-]?[\d,]*\.?\d+)\s*(ns|µs|ms|s)?(?![\w/])", text)
    scale = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3}.get(found[2], 1.0) if found else 1.0
    return scale * float(found[1].replace(",", "").replace("−", "-")) if found else None


def in_order(cells: list[str], down: bool) -> bool:
    known = [cell for cell in cells if cell != "–"]
    numbers = [number(cell) for cell in known]
    if any(value is None for value in numbers):
        return True  # words: their order is the browser's
    values = [value for value in numbers if value is not None]
    return cells[: len(known)] == known and values == sorted(values, reverse=down)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_in_a_browser(width: int, page: Path, tmp_path: Path) -> None:
    done = chromium(
        tmp_path / "profile",
        page,
        f"--window-size={width},900",
        "--virtual-time-budget=5000",
        "--dump-dom",
    )
    found = re.search(r'data-probe="([^"]*)"', done.stdout)
    assert found, "the page's scripts did not come to their end"
    report: dict[str, Any] = json.loads(unescape(found[1]))
    assert report["errors"] == [] and "CONSOLE" not in done.stderr
    assert len(report["figures"]) >= 5
    for figure in report["figures"]:
        assert (
            figure["width"] > 200
            and figure["height"] > 100
            and figure["marks"] > 20
            and figure["label"] > 40
        )
    assert report["overflow"] <= 0, "the page is wider than the window"
    assert len(report["tables"]) >= 2
    assert width < 1000 or report["cut"] == 0, "a table of the page hides columns on a wide screen"
    changed = 0
    for columns in report["tables"]:
        for column in columns:
            assert (
                column["sort"] == "descending"
                and in_order(column["up"], down=False)
                and in_order(column["down"], down=True)
            )
            changed += column["up"] != column["down"]
    assert changed >= 5, "no table changed its order"


def test_pictures_at_three_widths(page: Path, tmp_path: Path) -> None:
    for width in WIDTHS:
        picture = tmp_path / f"{width}.png"
        chromium(
            tmp_path / f"profile-{width}",
            page,
            f"--window-size={width},1400",
            f"--screenshot={picture}",
            "--hide-scrollbars",
        )
        content = picture.read_bytes()
        assert (
            content[:8] == b"\x89PNG\r\n\x1a\n"
            and int.from_bytes(content[16:20], "big") == width
            and len(content) > 20_000
        )
