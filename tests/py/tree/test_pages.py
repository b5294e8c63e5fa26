"""docs/tour.md and docs/questions.md are those of the templates, the sources and the kept runs."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from iomodels.cli import registry

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "pages"))

import kept  # noqa: E402
import pages  # noqa: E402
import scale  # noqa: E402
import sources  # noqa: E402

TOUR, QUESTIONS = ROOT / "docs" / "tour.md", ROOT / "docs" / "questions.md"
COMMAND = re.compile(r"^```\n((?:\./iomodels|diff|python3) .*)\n```$", re.MULTILINE)
INLINE = re.compile(r"`(\./iomodels [^`]*)`")
C = """/* f(old) { is no function */
static int f(int a) {
    if (a) {
        return 1;
    }
    return 0;
}

static void g(void) {
    f(2);
}
"""


def test_pages_are_what_the_generator_writes() -> None:
    assert pages.outdated(pages.render()) == [], "run: python3 tests/pages/pages.py --write"


def test_figures_are_those_of_the_newest_kept_runs() -> None:
    """By the digest of the records, as reading them takes a minute."""
    figures = kept.Figures.read()
    runs = {suite: figures.run(suite) for suite in figures.suites}
    newest = kept.newest()
    again = "run: python3 tests/pages/pages.py --figures"
    assert {suite: run["run"] for suite, run in runs.items()} == {
        suite: folder.relative_to(ROOT).as_posix() for suite, folder in newest.items()
    }, again
    for suite, folder in newest.items():
        assert runs[suite]["sha256"] == kept.digest(folder), again


def test_figures_of_scale_are_those_of_the_newest_kept_run() -> None:
    found, folder = scale.Scale.read().kept, scale.newest()
    again = "run: python3 tests/pages/pages.py --figures"
    assert found["run"] == folder.relative_to(ROOT).as_posix(), again
    assert found["sha256"] == kept.digest(folder), again
    assert found["generator"] == scale._fastest_for_many(), again


def test_needs_of_a_million_connections_are_products() -> None:
    """Round figures: 1 KiB per connection, 10,000 connects/s, 25,000 ports, 100,000/s per core."""
    server = {"bytes": 1024.0, "connects_per_s": 10_000.0, "buffer": 1024}
    generator = {"run": "results/x", "connections": 1, "rate": 100_000}
    known = {"servers": {"a": server, "b": None}, "many": 9, "ports": 25_000, "client_bytes": 24}
    made = scale.Scale(known | {"generator": generator}, {"sockets": {"bytes_per_end": 1000}})
    assert "| `a` | 0.954 GiB | 1.88 GiB | 1.67 min |" in made.server_memory()
    assert "| `b` | did not hold 9 | – | – |" in made.server_memory()
    assert "| Linux | 25,000 | 40 |" in made.machines()
    assert "each of 16 machines holds 62,500 connections. They take 61 MiB" in made.per_machine()
    assert "| every second | 1,000,000 | 13 | 1,424 Mbit/s |" in made.rates()


def test_figures_of_the_smallest_run_are_extracted_again() -> None:
    figures = kept.Figures.read()
    folders = kept.newest()
    smallest = min(folders, key=lambda suite: (folders[suite] / kept.PACKED).stat().st_size)
    assert kept.extract(folders[smallest]) == figures.run(smallest)


def test_tour_has_a_whole_step_per_model() -> None:
    text = TOUR.read_text(encoding="utf-8")
    steps = re.split(r"^## \d+\. ", text, flags=re.MULTILINE)[1:]
    models = [step.partition(":")[0] for step in steps]
    assert sorted(models) == sorted(path.stem for path in (ROOT / "servers").glob("*.c"))
    for model, step in zip(models, steps, strict=True):
        assert "**Who owns the buffer?**" in step, model
        assert re.search(r"\*\*Question\.\*\* .*\?", step, re.DOTALL), model
        assert COMMAND.search(step), model
        block = re.search(r"^```(?:diff|c)\n(.*?)^```$", step, re.MULTILINE | re.DOTALL)
        assert block and 5 <= block[1].count("\n") <= sources.MOST_LINES, model


@pytest.mark.parametrize("page", [TOUR, QUESTIONS], ids=lambda page: str(page.stem))
def test_commands_can_be_given(page: Path) -> None:
    """Each command of the page is one that the parser takes; a file that it names is there."""
    text = page.read_text(encoding="utf-8")
    commands = [*COMMAND.findall(text), *INLINE.findall(text)]
    assert commands
    for command in commands:
        program, *words = shlex.split(command)
        if program == "./iomodels":
            registry.parsers().top.parse_args(words)
        else:
            assert all((ROOT / word).exists() for word in words if "/" in word), command


def test_every_table_of_figures_names_its_platform() -> None:
    """No figure without the words that Wine shows nothing of the speed of Windows."""
    for page in (TOUR, QUESTIONS):
        text = page.read_text(encoding="utf-8")
        for table in re.findall(r"^(?:\|.*\n)+\n(.*(?:\n.+)*)", text, re.MULTILINE):
            words = " ".join(table.split())
            assert "never how Windows performs" in words or words.startswith("*No figure"), table


def test_function_is_found_whole() -> None:
    assert sources.function(C, "f")[0] == "static int f(int a) {"
    assert len(sources.function(C, "f")) == 6
    assert sources.function(C, "g")[-1] == "}"
    with pytest.raises(sources.NotFound, match=r"h\(\)"):
        sources.function(C, "h")


def test_difference_is_short_and_not_empty() -> None:
    with pytest.raises(sources.NotFound, match="do not differ"):
        sources.difference(("select", ["close_client"]), ("wsapoll", ["close_client"]))
    with pytest.raises(sources.NotFound, match="at most 40"):
        sources.difference(("select", ["run", "serve_clients"]), ("rio", ["run", "work"]))


def test_no_figure_has_a_reason() -> None:
    page = pages.Page(kept.Figures({"runs": {}}))
    assert "no run of all-models is kept" in page.step("threads", "pool")
    assert "no run of readiness is kept" in page.rates("readiness", [64], "select")


def test_ratio_and_interval_are_those_of_the_rounds() -> None:
    """Three rounds in which one server is twice as fast: the ratio is 2 without a width."""
    servers = {
        name: {"rates": rates, "why_no_figure": None, "model": name}
        for name, rates in (("a", [100.0, 110.0, 120.0]), ("b", [200.0, 220.0, 240.0]))
    }
    load = {"connections": 64, "size": 64, "rate_percent": 0, "rounds": 3, "servers": servers}
    run = {"run": "results/x", "platform": "wine-8.0", "cpus": 2, "spread": 0.071, "loads": [load]}
    page = pages.Page(kept.Figures({"runs": {"readiness": run}}))
    text = page.rates("readiness", [64], "a")
    assert "| 64 | b | 220 [200, 240] | 2.00 [2.00, 2.00]" in text
    assert "*Wine 8.0 on 2 CPUs, 3 rounds, repeats vary by 7 %, 95 % intervals:" in text


def test_select_and_wsapoll_differ_in_their_models_only() -> None:
    """A reader of `diff servers/select.c servers/wsapoll.c` sees no other difference."""
    both = [sources.functions(model, ["close_client"]) for model in ("select", "wsapoll")]
    assert both[0] == both[1]
    block = sources.difference(("select", ["accept_clients"]), ("wsapoll", ["accept_clients"]))
    changed = [line for line in block if line[:1] in "+-" and line[:3] not in ("---", "+++")]
    assert changed == [
        "-            clients[client_count++] = client;",
        "+            clients[client_count] = client;",
        "+            watch(client_count++);",
    ]
