"""The report of a run, written offline from its folder alone: report.html (one file that needs nothing else), report.md, figures/.

The answer comes first, then what it rests on. It works on an interrupted or empty run too, and says what is missing.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from iomodels.base import words
from iomodels.base.errors import Failure
from iomodels.base.files import PACKAGE, write_whole
from iomodels.base.words import count
from iomodels.data.laws import of_run
from iomodels.data.records import PACKED, RECORDS, Run, load_run
from iomodels.figures import catalogue, output
from iomodels.figures.palette import dark_colours
from iomodels.figures.svg import without_bare_groups
from iomodels.judge import classes
from iomodels.judge.compare import ComparedRuns
from iomodels.judge.stats import Estimate, Measure
from iomodels.judge.summary import COSTS, PERCENTS, Cell, Comparison, Summary, summarise
from iomodels.report.answer import answer, figure_words, times
from iomodels.report.publish import cells_csv, write_folder

SITTINGS = (
    "Each run is a sitting of its own: what changed on the machine between the two is in every ratio. Only repeats of both that are "
    "interleaved in one run can tell it from the programs."
)
MARKS = "~ no difference shown; ? too few repeats to tell"


@dataclass(frozen=True)
class Row:
    """A cell as the tables show it; every field is text."""

    connections: str
    server: str
    rate: str
    ratio: str
    latencies: tuple[str, ...]
    cpu: str
    costs: tuple[str, ...]
    delta: str
    verdict: str
    n: str
    left_out: str


@dataclass(frozen=True)
class Block:
    """The rows of one message size (and offered rate); `figure` is what their ratios are ratios of."""

    words: str
    figure: str
    rows: tuple[Row, ...]


def write_report(of: Path | Run) -> Path:
    """Writes figures/, report.md and report.html into the folder of a run, which may be loaded already; returns the path of report.html.

    The report of a packed run is report.html alone. Raises Failure when the folder holds no readable run. Files are replaced whole.
    """
    run = of if isinstance(of, Run) else load_run(of)
    run_dir, alone = run.path, (run.path / PACKED).exists()
    summary = summarise(run)
    plots, not_drawn = draw_figures(run)
    context = _context(summary, plots, not_drawn) | {
        "alone": alone,
        "records": PACKED if alone else RECORDS,
    }
    if alone:
        pictures = [output.svg_text(plot) for plot in plots]
    else:
        pictures = [
            output.write(plot, run_dir / "figures")[0].read_text(encoding="utf-8") for plot in plots
        ]
        write_whole(
            run_dir / "report.md",
            _environment(html=False).get_template("report.md.j2").render(context),
        )
    context["figures"] = [
        {"plot": plot, "svg": inline_svg(svg, plot.alt, place)}
        for place, (plot, svg) in enumerate(zip(plots, pictures))
    ]
    context["colours"] = dark_colours()
    write_whole(
        run_dir / "report.html",
        _environment(html=True).get_template("report.html.j2").render(context),
    )
    return run_dir / "report.html"


def write_docs(of: Path | Run, docs: Path) -> Path:
    """The report of a run as a folder for a documentation site; returns the path of its report.md. Failure if a file is in the way."""
    run = of if isinstance(of, Run) else load_run(of)
    summary = summarise(run)
    plots, not_drawn = draw_figures(run)
    context = _context(summary, plots, not_drawn) | {"data": "cells.csv"}
    files = {
        f"figures/{name}": content
        for plot in plots
        for name, content in output.contents(plot).items()
    }
    files["report.md"] = (
        _environment(html=False).get_template("report.md.j2").render(context).encode()
    )
    files["cells.csv"] = cells_csv(summary).encode()
    write_folder(docs, str(run.manifest["run"]), files)
    return docs / "report.md"


def _environment(html: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "templates"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = markdown_cell
    environment.filters["load"] = lambda condition: condition.panel.words
    return environment


def draw_figures(run: Run) -> tuple[list[output.Plot], list[tuple[str, str]]]:
    """The figures of a run, and the names of those that it has no data for, each with the reason."""
    plots: list[output.Plot] = []
    not_drawn: list[tuple[str, str]] = []
    for figure in catalogue.OF_RUNS if run.records else ():
        try:
            plots.append(figure.draw(run))
        except Failure as error:
            not_drawn.append((figure.NAME, str(error).removeprefix(f"{run.path}: ")))
    return plots, not_drawn


def _context(
    summary: Summary, plots: Sequence[output.Plot], not_drawn: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    manifest = summary.run.manifest
    return {
        "summary": summary,
        "manifest": manifest,
        "wine": words.WINE_SENTENCE if summary.emulated else None,
        "answer": answer(summary),
        "plots": plots,
        "not_drawn": not_drawn,
        "blocks": _blocks(summary),
        "load": str(summary.suite.load) if summary.suite.load else None,
        "class_blocks": _class_blocks(summary),
        "churn_rows": _churn_rows(summary),
        "percents": [f"p{percent:g}" for percent in PERCENTS],
        "costs": COSTS[1:],
        "absent": _absent(summary),
        "left_out": [
            (cell.condition, failure) for cell in summary.cells for failure in cell.failures
        ],
        "not_valid": [
            (cell.condition, str(cell.verdict)) for cell in summary.cells if not cell.verdict.valid
        ],
        "not_judged": _not_judged(summary),
        "marks": MARKS,
        "missing": [
            (cell.condition, cell.missing, cell.planned) for cell in summary.cells if cell.missing
        ],
        "conditions": _conditions(summary),
        "circumstances": _circumstances(summary.run),
        "command": shlex.join(manifest["command"]),
        "warnings": summary.notes,
        "verdicts": Counter(cell.verdict.kind.value for cell in summary.cells).most_common(),
        "data": None,
        "laws": of_run(summary.run.path),
    }


def _blocks(summary: Summary) -> list[Block]:
    return [
        Block(
            load.words,
            figure_words(load),
            tuple(_row(summary, cell) for cell in summary.cells if cell.condition.panel == load),
        )
        for load in summary.panels
    ]


def _row(summary: Summary, cell: Cell) -> Row:
    comparison = summary.comparison(cell)
    ratio = "1 (baseline)" if comparison is None else marked(comparison)
    delta = comparison.difference.delta if comparison else None
    kinds = Counter(failure.kind.value for failure in cell.failures)
    left_out = [f"{number} {kind}" for kind, number in kinds.items()] + [
        f"{cell.missing} missing"
    ] * bool(cell.missing)
    return Row(
        f"{cell.condition.connections:,}",
        cell.condition.label,
        interval(cell.rate),
        ratio,
        tuple(words.number(cell.latency_us[percent].value) for percent in PERCENTS),
        words.number(cell.costs["cpu_us"].value),
        tuple(words.number(cell.costs[name].value) for name in COSTS[1:]),
        words.signed(delta),
        cell.verdict.kind.value,
        str(cell.n),
        ", ".join(left_out) or "0",
    )


def _class_blocks(summary: Summary) -> list[tuple[str, list[tuple[str, ...]]]]:
    """A table for each panel: a row for each class of each valid cell, and one for all its connections; none of a load without classes."""
    cells = [cell for cell in summary.cells if cell.verdict.valid and summary.suite.load.classes]
    return [
        (load.words, rows)
        for load in summary.panels
        if (
            rows := [
                _class_row(cell, share)
                for cell in cells
                if cell.condition.panel == load
                for share in cell.shares
            ]
        )
    ]


def _class_row(cell: Cell, share: classes.Share) -> tuple[str, ...]:
    loop = (
        ""
        if share.name == classes.TOGETHER
        else f", {share.target_rate:,.0f}/s"
        if share.target_rate
        else ", closed"
    )
    return (
        f"{cell.condition.connections:,}",
        cell.condition.label,
        f"{share.name}: {share.connections:,}{loop}",
        _with_interval(share.rate),
        words.NOTHING if share.share.value is None else words.number(100 * share.share.value),
        *(_with_interval(measure, 1e-3) for measure in share.latency_us.values()),
        words.number(share.jain.value),
        str(cell.n),
    )


def _churn_rows(summary: Summary) -> list[tuple[str, ...]]:
    """A row for each valid cell whose connections come and go."""
    return [
        (
            f"{cell.condition.connections:,}",
            cell.condition.label,
            cell.condition.panel.words,
            _with_interval(cell.churn.rate),
            *(words.number(each.value) for each in cell.churn.latency_us.values()),
            str(cell.n),
        )
        for cell in summary.cells
        if cell.verdict.valid and cell.churn
    ]


def marked(comparison: Comparison) -> str:
    """'1.80× [1.60, 2.00]' where a difference is shown, with ~ where none is, with ? where there are too few repeats to tell."""
    return (
        f"{times(comparison.ratio)} {comparison.finding.value}".strip()
        if comparison.ratio
        else words.NOTHING
    )


def interval(estimate: Estimate | None) -> str:
    """'9,940 [9,820, 10,100]'."""
    if estimate is None:
        return words.NOTHING
    return words.estimate(estimate.value, estimate.low, estimate.high)


def _with_interval(measure: Measure, scale: float = 1) -> str:
    if measure.value is None:
        return words.NOTHING
    low, high = (None if end is None else scale * end for end in (measure.low, measure.high))
    return interval(Estimate(scale * measure.value, low, high))


def _absent(summary: Summary) -> list[str]:
    """The reasons behind every dash of the tables, each once, with the cell or the number of cells that it concerns."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for cell in summary.cells:
        for name, measure in [
            *((f"p{percent:g}", cell.latency_us[percent]) for percent in PERCENTS),
            *cell.costs.items(),
            *_of_classes(summary, cell),
        ]:
            if measure.value is None and cell.n:
                where = f"{cell.condition.label}, {count(cell.condition.connections, 'connection')} × {cell.condition.panel.words}"
                found.setdefault((name.replace("cpu_us", "CPU"), measure.reason), []).append(where)
    return [
        f"{cells[0] if len(cells) == 1 else count(len(cells), 'cell')}, {name}: {reason}"
        for (name, reason), cells in found.items()
    ]


def _of_classes(summary: Summary, cell: Cell) -> Iterator[tuple[str, Measure]]:
    """What the tables of classes and of churn show of a cell, by name."""
    for share in cell.shares if summary.suite.load.classes and cell.verdict.valid else ():
        yield from [
            (f"{share.name}, requests/s", share.rate),
            (f"{share.name}, share", share.share),
            (f"{share.name}, Jain's index", share.jain),
        ]
        yield from [
            (f"{share.name}, p{percent:g}", measure)
            for percent, measure in share.latency_us.items()
        ]
    if cell.churn and cell.verdict.valid:
        yield from [
            ("connects/s", cell.churn.rate),
            *(
                (f"connect p{percent:g}", measure)
                for percent, measure in cell.churn.latency_us.items()
            ),
        ]


def _not_judged(summary: Summary) -> list[str]:
    """The rules that could not be applied, each with the number of cells that it concerns."""
    counts = Counter(reason for cell in summary.cells for reason in cell.verdict.not_judged)
    return [
        f"{reason} ({number} of {count(len(summary.cells), 'cell')})"
        for reason, number in counts.items()
    ]


def _conditions(summary: Summary) -> list[tuple[str, str]]:
    """What was run: (name, value) with dotted names."""
    manifest = summary.run.manifest
    suite = {
        name: value
        for name, value in manifest["suite"].items()
        if name not in ("title", "question") and value != []
    }
    two = [("machines", "two: the servers on one, the load generator on the other")] * (
        "load_generator" in manifest["environment"]
    )
    return [
        ("platform", summary.platform),
        *two,
        ("run", manifest["run"]),
        ("status", manifest["status"]),
        ("started", manifest["started_utc"]),
        ("finished", manifest["finished_utc"] or f"{words.NOTHING} (it is not complete)"),
        ("commit", _commit(manifest["git"])),
        *_flat("suite", {**suite, "servers": list(summary.labels)}),
    ]


def _circumstances(run: Run) -> list[tuple[str, str]]:
    """What it was run on, as far as it is known: machine, placement, versions, settings."""
    reasons = run.manifest["environment"]["reasons"]
    environment = {
        name: value for name, value in run.manifest["environment"].items() if name != "reasons"
    }
    rows = [*_flat("", environment, reasons), *_flat("versions", run.manifest["versions"], reasons)]
    for label, settings in _settings(run).items():
        rows += _flat(label, settings)
    return rows


def _commit(git: Mapping[str, Any]) -> str:
    if git["commit"] is None:
        return f"{words.NOTHING} ({git['reason']})"
    return f"{git['commit']}{' with local changes' if git['dirty'] else ''}"


def _settings(run: Run) -> dict[str, dict[str, Any]]:
    """What each server and the load generator said of their own settings when they were ready (the first time)."""
    found: dict[str, dict[str, Any]] = {}
    for record in run.records:
        ready = (record.server or {}).get("ready")
        if ready and record.condition.label not in found:
            found[record.condition.label] = {
                key: ready[key] for key in ("settings", "socket") if key in ready
            }
        result = record.result
        if result and "load generator" not in found:
            found["load generator"] = {
                key: result[key] for key in ("platform", "backend", "loop") if key in result
            }
    return found


def _flat(
    prefix: str, value: object, reasons: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """Nested data as rows; a null shows its reason."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), inner, reasons)
    elif value is None:
        reason = (reasons or {}).get(prefix)
        yield prefix, f"{words.NOTHING} ({reason})" if reason else words.NOTHING
    elif isinstance(value, list):
        yield (
            prefix,
            ", ".join(each if isinstance(each, str) else json.dumps(each) for each in value),
        )
    else:
        yield prefix, str(value)


def inline_svg(svg: str, alt: str, place: int) -> str:
    """The figure as an element of an HTML page: no prolog, ids of its own, an alt text, words that are text, and colours that follow the page."""
    text = (
        re.sub(r"<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    ).replace("xlink:href=", "href=")
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(
        r' id="([^"]*)"',
        lambda found: f' id="f{place}-{found[1]}"' if found[1] in used else "",
        text,
    )
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>f{place}-", text)
    looks: dict[str, str] = {}
    text = re.sub(
        r' style="([^"]*)"',
        lambda found: f' class="{looks.setdefault(found[1], f"f{place}-{len(looks)}")}"',
        text,
    )
    rules = "".join(f".{name} {{{look}}}\n" for look, name in looks.items())
    text = without_bare_groups(text).replace("</style>", f"\n{rules}</style>", 1)
    for colour in dark_colours():
        text = text.replace(colour, f"var(--c{colour[1:]})")
    box = re.search(r'viewBox="[^"]*"', text)
    head = f'<svg role="img" aria-label="{_attribute(alt)}" {box[0] if box else ""}>'
    return head + text[text.index(">") + 1 :].strip()


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def markdown_cell(text: object) -> str:
    """Any text inside one cell of a Markdown table: one line, no cell borders, no HTML."""
    flat = " ".join(str(text).split())
    return re.sub(r"([\\`*_|\[\]<>])", r"\\\1", flat)


def comparison_table(found: ComparedRuns, console: Console) -> None:
    """Prints what two runs say of each other: what differs between them, then B over A, one table a message size."""
    for letter, summary in (("A", found.a), ("B", found.b)):
        console.print(
            f"{letter}: {summary.run.manifest['run']} on {summary.platform}, commit {_commit(summary.run.manifest['git'])}",
            markup=False,
        )
    for each in found.differing:
        console.print(
            f"differs in {each.group}: {each.name}: A {each.a}, B {each.b}",
            markup=False,
            soft_wrap=True,
        )
    for load in sorted({row.cell.condition.panel for row in found.comparisons}):
        table = Table(
            box=SIMPLE_HEAD,
            title=f"{load.words}: B over A",
            title_justify="left",
            pad_edge=False,
        )
        table.add_column("conn.", justify="right", no_wrap=True)
        table.add_column("server", overflow="fold")
        for heading in ("A requests/s", "B requests/s", "B ÷ A [95 % CI]", "δ", "n"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in (row for row in found.comparisons if row.cell.condition.panel == load):
            rates = [
                words.number(cell.rate.value) if cell.rate else words.NOTHING
                for cell in (row.baseline, row.cell)
            ]
            delta = row.difference.delta
            table.add_row(
                f"{row.cell.condition.connections:,}",
                row.cell.condition.label,
                *rates,
                marked(row).replace("×", ""),
                words.signed(delta),
                words.span([row.baseline.n, row.cell.n]),
            )
        console.print(table, highlight=False)
    console.print(MARKS, highlight=False)
    for row in found.comparisons:
        if row.reason:
            console.print(f"no comparison: {row.cell.condition}: {row.reason}", markup=False)
    for letter, cell in found.only:
        console.print(f"only in {letter}: {cell}", markup=False)
    console.print(SITTINGS)


def terminal_table(run: Run, console: Console) -> None:
    """Prints the result table: one table a message size, readable in 80 columns and without colour."""
    summary = summarise(run)
    if summary.emulated:
        console.print(words.WINE, style="bold", highlight=False)
    for load in summary.panels:
        table = Table(
            box=SIMPLE_HEAD,
            title=f"{load.words} · {summary.platform}",
            title_justify="left",
            pad_edge=False,
        )
        table.add_column("conn.", justify="right", no_wrap=True)
        table.add_column("server", overflow="fold")
        for heading in (
            "requests/s",
            f"CPU × {summary.baseline} [CI]" if load[-1] else f"× {summary.baseline} [95 % CI]",
            "p50 µs",
            "p99 µs",
            "n",
        ):
            table.add_column(heading, justify="right", no_wrap=True)
        connections = None
        for cell in (cell for cell in summary.cells if cell.condition.panel == load):
            row = _row(summary, cell)
            if len(summary.labels) > 2 and connections not in (None, row.connections):
                table.add_row()  # groups of many rows are told apart by an empty one
            connections = row.connections
            rate = words.number(cell.rate.value) if cell.rate else words.NOTHING
            table.add_row(
                row.connections,
                row.server,
                rate,
                row.ratio.replace("×", ""),
                row.latencies[0],
                row.latencies[1],
                row.n if cell.n == cell.planned else f"{row.n} of {cell.planned}",
                style=None if cell.verdict.valid else "dim",
            )
        console.print(table, highlight=False)
    if summary.comparisons:
        console.print(MARKS, highlight=False)
    for sentence in answer(summary):
        console.print(f"• {sentence}", highlight=False, markup=False)
