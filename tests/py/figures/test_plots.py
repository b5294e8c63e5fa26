"""The figures of runs whose numbers are known: data, marks, metadata, the same bytes twice, and each script on its own."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest
from matplotlib.colors import to_rgb
from matplotlib.markers import MarkerStyle

from iomodels.base.errors import Failure
from iomodels.base.files import ROOT
from iomodels.base.words import WINE
from iomodels.cli.main import main
from iomodels.data.records import Record, Run
from iomodels.data.store import load_run
from iomodels.figures import (
    course_of_a_cell,
    latency_by_percentile,
    latency_by_rate,
    literature,
    memory_by_connections,
    output,
    palette,
    ratios_to_baseline,
    request_costs,
    select,
    then_versus_now,
    throughput_by_connections,
    winner_map,
)
from iomodels.figures.catalogue import OF_MICRO_RUNS, OF_RUNS
from iomodels.judge import stats
from iomodels.judge.summary import summarise
from iomodels.plan.order import Measurement
from iomodels.plan.server import Server
from made_run import (
    INTERVALS,
    RUN,
    make_run,
    noisy_rate,
    offered_rate,
    rates_by,
    suite_of,
    with_everything,
)

Draw = Callable[..., output.Plot]
DRAWS_OF_FAILURES = (throughput_by_connections.draw, latency_by_percentile.draw)
COMPARING = (ratios_to_baseline.draw, winner_map.draw, then_versus_now.draw)
DRAWS = tuple(figure.draw for figure in OF_RUNS)
NAMES = tuple(figure.NAME for figure in OF_RUNS)
ENDS = (".svg", ".png", ".csv", "-dark.svg", "-dark.png")
SMALL = suite_of(connections=(1, 64, 1024), sizes=(64,))


EVERYTHING = replace(suite_of(connections=(1, 64), sizes=(64,)), rate_percents=(25, 50))
"""A suite that every figure can be drawn of."""


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return load_run(
        make_run(
            tmp_path_factory.mktemp("everything"),
            EVERYTHING,
            rate=offered_rate,
            enrich=with_everything,
        )
    )


@cache
def drawn(function: Draw, run: Run) -> output.Plot:
    """The figure of a run, drawn once for all tests that only look at it."""
    return function(run)


def draw(function: Draw, folder: Path, **options: Any) -> output.Plot:
    options.setdefault("suite", SMALL)
    return function(load_run(make_run(folder, **options)))


def texts(plot: output.Plot) -> str:
    """Every text that the figure shows, with plain spaces."""
    from matplotlib.text import Text

    found = "\n".join(text.get_text() for text in plot.figure.findobj(Text))
    return found.replace("\N{NO-BREAK SPACE}", " ")


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


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return load_run(
        make_run(
            tmp_path_factory.mktemp("twin"), EVERYTHING, rate=offered_rate, enrich=with_everything
        )
    )


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Other rates of select, and select costs as little as iocp."""

    def cheap(record: Record) -> Record:
        full = with_everything(replace(record, condition=replace(record.condition, model="iocp")))
        return replace(full, condition=record.condition)

    def fast(measurement: Measurement) -> float:
        return offered_rate(measurement) * (3 if measurement.condition.model == "select" else 1)

    return load_run(make_run(tmp_path_factory.mktemp("other"), EVERYTHING, rate=fast, enrich=cheap))


@pytest.mark.parametrize("function", DRAWS)
def test_the_same_data_give_the_same_bytes_and_other_data_others(
    function: Draw, everything: Run, twin: Run, other: Run
) -> None:
    one, two, three = drawn(function, everything), function(twin), function(other)
    svg = output.svg_text(one)
    assert svg == output.svg_text(two) and svg != output.svg_text(three)
    assert output.png_bytes(one) == output.png_bytes(two)
    assert output.csv_text(one) == output.csv_text(two) != output.csv_text(three)


@pytest.mark.parametrize("function", DRAWS)
def test_every_figure_carries_its_conditions_and_command(
    function: Draw, everything: Run, tmp_path: Path
) -> None:
    plot = drawn(function, everything)
    shown = texts(plot)
    for words in ("wine-8.0", "n = 3 repeats", "2 s each", " loop", "load from linux-6.1", RUN):
        assert words in shown
    assert WINE in shown
    command = f"iomodels plot {plot.name} {RUN}"
    svg, png = output.svg_text(plot), output.png_bytes(plot)
    assert command in svg and command.encode() in png
    assert "<dc:date>" not in svg and b"date:create" not in png
    assert (
        str(everything.path.parent) not in svg and str(everything.path.parent).encode() not in png
    )
    ElementTree.fromstring(svg)


@pytest.mark.parametrize("function", DRAWS)
def test_numbers_of_the_x_axis_are_below_the_lowest_panel_of_each_column(
    function: Draw, everything: Run
) -> None:
    figure = drawn(function, everything).figure
    shown = [axis for axis in figure.axes if axis.get_visible()]
    lowest = {}
    for axis in shown:
        place = axis.get_subplotspec()
        lowest[place.colspan.start] = max(lowest.get(place.colspan.start, 0), place.rowspan.start)
    for axis in shown:
        place = axis.get_subplotspec()
        if place.rowspan.start == lowest[place.colspan.start]:
            assert [
                label.get_text()
                for label in axis.get_xticklabels()
                if label.get_visible() and label.get_text()
            ], axis.get_title("left")


@pytest.mark.parametrize(
    "function", (throughput_by_connections.draw, then_versus_now.draw, course_of_a_cell.draw)
)
def test_a_panel_above_a_hidden_one_has_its_numbers(function: Draw, tmp_path: Path) -> None:
    servers = [Server(each) for each in ("select", "threads", "iocp", "tpio", "events")]
    plot = draw(
        function,
        tmp_path,
        suite=suite_of(servers, (1, 64), (64, 1024, 4096), rounds=1),
        enrich=with_everything,
    )
    shown = [axis for axis in plot.figure.axes if axis.get_visible()]
    assert len(shown) < len(plot.figure.axes)
    last = max(
        shown,
        key=lambda axis: (
            axis.get_subplotspec().colspan.start,
            axis.get_subplotspec().rowspan.start,
        ),
    )
    assert [label for label in last.get_xticklabels() if label.get_visible() and label.get_text()]


def test_the_warning_about_wine_is_only_on_wine(tmp_path: Path) -> None:
    assert "Wine" not in texts(draw(winner_map.draw, tmp_path, platform="windows-11-26100"))


def test_throughput_data_are_those_of_the_records(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path, SMALL))
    plot = throughput_by_connections.draw(run)
    rows = [dict(zip(plot.columns, row)) for row in plot.rows]
    assert len(rows) == len(run.records)
    for record in run.records:
        (row,) = [
            row
            for row in rows
            if (row["server"], row["connections"], row["repeat"])
            == (record.condition.label, record.condition.connections, record.repeat)
        ]
        assert (
            record.loadgen
            and row["requests_per_second"] == record.loadgen["result"]["requests_per_second"]
        )
        rates = [
            float(str(each["requests_per_second"]))
            for each in rows
            if (each["server"], each["connections"]) == (row["server"], row["connections"])
        ]
        found = stats.median_estimate(rates)
        assert found and (row["median"], row["ci95_low"], row["ci95_high"]) == (
            found.value,
            found.low,
            found.high,
        )


def test_the_lines_are_the_medians_and_break_where_nothing_is_valid(tmp_path: Path) -> None:
    table: dict[tuple[str, int], list[float | None]] = {
        ("select", 1): [10.0, 12.0, 20.0],
        ("select", 64): [None, None, None],
        ("select", 1024): [None, 8.0, 6.0],
        ("iocp", 1): [1.0, 2.0, 3.0],
        ("iocp", 64): [4.0, 5.0, 6.0],
        ("iocp", 1024): [7.0, 8.0, 9.0],
    }
    plot = draw(throughput_by_connections.draw, tmp_path, rate=rates_by(table))
    lines = [line for line in plot.figure.axes[0].lines if line.get_linestyle() != "None"]
    assert [
        [None if value != value else value for value in line.get_ydata()] for line in lines
    ] == [[12.0, None, 7.0], [2.0, 5.0, 8.0]]
    hollow = [line for line in plot.figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    assert sorted(
        place for line in hollow for place in zip(line.get_xdata(), line.get_ydata())
    ) == [(64, 0.0)] * 3 + [(1024, 0.0)]
    assert "Hollow: not valid" in texts(plot)


def client_bound_iocp(record: Record) -> Record:
    """The load generator was at its limit where iocp was measured; its repeats are in two camps."""
    assert record.loadgen
    if record.condition.model != "iocp":
        return record
    result = record.loadgen["result"]
    audit = {**result["audit"], "cpu_share_max": 0.95}
    return replace(record, loadgen={**record.loadgen, "result": {**result, "audit": audit}})


def camps(measurement: Measurement) -> float:
    """Repeats in two camps, which condemns no cell."""
    return 100.0 + (50 if measurement.condition.model == "iocp" else 60) * (measurement.repeat % 2)


def test_a_cell_that_is_not_valid_is_hollow(tmp_path: Path) -> None:
    """A client-bound one is; one whose repeats are in two camps is not."""

    suite = suite_of(connections=(1, 64), sizes=(64,), rounds=9)
    plot = draw(
        throughput_by_connections.draw,
        tmp_path,
        suite=suite,
        rate=camps,
        enrich=client_bound_iocp,
    )
    hollow = [
        line for line in plot.figure.axes[0].lines if line.get_markerfacecolor() == palette.PAPER
    ]
    assert sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in hollow) == [
        (1, 100.0),
        (64, 100.0),
    ]
    assert {line.get_markeredgecolor() for line in hollow} == {palette.MODELS["iocp"].colour}
    verdicts = {
        (row["server"], row["verdict"])
        for row in (dict(zip(plot.columns, row)) for row in plot.rows)
    }
    assert verdicts == {
        ("iocp", "client-bound"),
        ("select", "measured"),
    } and "Hollow: not valid" in texts(plot)


def test_latencies_of_a_cell_that_is_not_valid_have_hollow_marks(tmp_path: Path) -> None:
    plot = draw(
        latency_by_percentile.draw,
        tmp_path,
        suite=suite_of(connections=(1,), sizes=(64,), rounds=9),
        rate=camps,
        enrich=client_bound_iocp,
    )
    hollow = {
        line.get_color()
        for line in plot.figure.axes[0].lines
        if line.get_markerfacecolor() == palette.PAPER
    }
    assert hollow == {palette.MODELS["iocp"].colour} and "Hollow marks: not valid" in " ".join(
        texts(plot).split()
    )


def test_a_limit_is_marked_only_for_its_model_and_inside_the_loads(tmp_path: Path) -> None:
    with_events = suite_of(
        servers=(Server("events"), Server("iocp")), connections=(1, 256), sizes=(64,)
    )
    assert "64 handles a wait" in texts(
        draw(throughput_by_connections.draw, tmp_path / "one", suite=with_events)
    )
    assert "64 handles" not in texts(
        draw(throughput_by_connections.draw, tmp_path / "two", suite=SMALL)
    )
    low = suite_of(servers=(Server("events"),), connections=(1, 64), sizes=(64,))
    assert "64 handles" not in texts(
        draw(throughput_by_connections.draw, tmp_path / "three", suite=low)
    )


def test_latency_data_follow_the_percentile_rule_and_are_cut(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path, SMALL))
    plot = latency_by_percentile.draw(run)
    rows = [dict(zip(plot.columns, row)) for row in plot.rows]
    cells = {(str(row["server"]), int(str(row["connections"]))) for row in rows}
    assert len(cells) == 6
    for server, connections in cells:
        parts = [
            select.histogram(record)
            for record in run.records
            if (record.condition.label, record.condition.connections) == (server, connections)
        ]
        merged = stats.merge(parts)
        own = [row for row in rows if (row["server"], row["connections"]) == (server, connections)]
        percents = [float(str(row["percentile"])) for row in own]
        assert {50.0, 90.0, 99.0, 99.9} <= set(percents) and all(
            stats.supported(60_000, percent) for percent in percents
        )
        assert max(percents) > 99.98
        for row, percent in zip(own, percents):
            assert row["latency_us"] == pytest.approx(
                (stats.percentile(merged, percent) or 0) / 1000
            )
            single = [(stats.percentile(part, percent) or 0) / 1000 for part in parts]
            band = (min(single), max(single)) if stats.supported(20_000, percent) else (None, None)
            assert (row["lowest_repeat_us"], row["highest_repeat_us"]) == band


def test_latency_shows_the_fewest_the_middle_and_the_most_connections_unless_told(
    tmp_path: Path,
) -> None:
    run = load_run(make_run(tmp_path, suite_of(connections=(1, 8, 64, 256, 1024), sizes=(64,))))
    titles = [axis.get_title("left") for axis in latency_by_percentile.draw(run).figure.axes]
    assert titles == ["1 conn. × 64 B", "64 conn. × 64 B", "1,024 conn. × 64 B"]
    plot = latency_by_percentile.draw(run, (8,))
    assert [axis.get_title("left") for axis in plot.figure.axes] == ["8 conn. × 64 B"]
    assert plot.command.endswith("--connections 8")


def test_an_open_loop_at_some_connections_leaves_the_other_panels_as_they_are(
    tmp_path: Path,
) -> None:
    closed = suite_of(connections=(1, 8, 64), sizes=(64,))
    suite = replace(closed, rate_percents=(50,), rate_connections=(8,), rate_sizes=(64,))
    figure = latency_by_percentile.draw(load_run(make_run(tmp_path, suite))).figure
    visible = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title("left") for axis in visible] == [
        *("1 conn. × 64 B", "8 conn. × 64 B", "64 conn. × 64 B"),
        "8 conn. × 64 B, at 50 %",
    ]
    for axis in visible:
        low, high = axis.get_ylim()
        values = [value for line in axis.lines for value in line.get_ydata()]
        assert values and low <= min(values) and max(values) <= high


@pytest.mark.parametrize("function", DRAWS_OF_FAILURES)
def test_a_run_with_failures_only_is_drawn_and_says_so(function: Draw, tmp_path: Path) -> None:
    plot = draw(function, tmp_path, rate=lambda measurement: None)
    assert "no valid repeat" in plot.alt.lower()
    assert "n = 0 repeats" in texts(plot)
    output.png_bytes(plot)


@pytest.mark.parametrize("function", COMPARING)
def test_nothing_is_compared_in_a_run_with_failures_only(function: Draw, tmp_path: Path) -> None:
    words = "no valid repeat|no load has a valid figure of two servers|a map needs two loads"
    with pytest.raises(Failure, match=words):
        draw(function, tmp_path, rate=lambda measurement: None)


@pytest.mark.parametrize("function", DRAWS)
def test_an_empty_run_is_refused_in_one_line(function: Draw, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="nothing to draw"):
        draw(function, tmp_path, measured=0, status="interrupted")


def test_every_model_has_its_own_colour_and_marker_with_enough_contrast() -> None:
    looks = list(palette.MODELS.values())
    assert {"threads", "select", "events", "apc", "iocp", "tpio"} <= set(palette.MODELS)
    assert (
        len({look.marker for look in looks}) == len({look.colour for look in looks}) == len(looks)
    )
    for look in [*looks, *(palette.look(name) for name in ("new", "newer", "newest"))]:
        assert (
            contrast(look.colour, palette.PAPER) >= 3
            and contrast(look.colour_on_dark, palette.dark_colours()[palette.PAPER]) >= 3
        )


@pytest.mark.parametrize("ink", [palette.INK, palette.MUTED, palette.WARNING])
def test_text_is_readable_on_light_and_dark(ink: str) -> None:
    dark = palette.dark_colours()
    assert contrast(ink, palette.PAPER) >= 4.5 and contrast(dark[ink], dark[palette.PAPER]) >= 4.5


def test_a_series_looks_the_same_in_every_company_and_variants_differ() -> None:
    assert palette.look("not-yet-known") == palette.look("not-yet-known")
    assert palette.look("iocp") == palette.MODELS["iocp"]
    variant = palette.look("iocp", 1)
    assert (
        variant.colour == palette.MODELS["iocp"].colour
        and variant.marker != palette.MODELS["iocp"].marker
    )


def test_servers_of_a_user_have_looks_that_no_model_has_and_that_differ() -> None:
    names = ("asio", "libuv", "mine", "my.server", "тест")
    looks = palette.model_looks([*names, *palette.MODELS])
    assert list(looks) == [*palette.MODELS, *sorted(names)]
    assert {name: looks[name] for name in palette.MODELS} == palette.MODELS
    assert len({look.colour for look in looks.values()}) == len(looks)
    many = palette.model_looks(f"server {number}" for number in range(40))
    assert {look.colour for look in many.values()} == {each for each, _ in palette.SPARE_COLOURS}
    assert len({(look.colour, look.marker) for look in many.values()}) > 20


@pytest.mark.parametrize("function", [throughput_by_connections.draw, winner_map.draw])
def test_a_server_of_any_name_is_drawn(function: Draw, tmp_path: Path) -> None:
    servers = (Server("select"), Server("my.server"), Server("asio"))
    suite = suite_of(servers, (1, 64), (64,))
    bases = {"select": 7e3, "my.server": 9e3, "asio": 8e3}
    plot = draw(function, tmp_path, suite=suite, rate=noisy_rate(bases))
    assert "my.server" in output.svg_text(plot)


def test_the_legend_and_the_marks_of_sixteen_models_are_on_the_paper(tmp_path: Path) -> None:
    servers = [Server(name) for name in palette.MODELS]
    plot = draw(
        throughput_by_connections.draw, tmp_path, suite=suite_of(servers, (1, 64), (64,), 1)
    )
    legend = plot.figure.legends[0].get_window_extent(plot.figure.canvas.get_renderer())
    assert 0 <= legend.x0 < legend.x1 <= plot.figure.bbox.width
    (axis,) = plot.figure.axes
    low, high = axis.get_xlim()
    drawn = [x for line in axis.lines if len(line.get_xdata()) == 2 for x in line.get_xdata()]
    assert len(drawn) >= 2 * len(servers) and low < min(drawn) < max(drawn) < high


def test_every_marker_is_filled_and_the_page_has_its_shape() -> None:
    shapes = (ROOT / "harness/page/source/shapes.js").read_text(encoding="utf-8")
    own = {look.marker for look in palette.MODELS.values()} | set(palette.SPARE_MARKERS)
    for marker in own | set(palette.VARIANT_MARKERS) - {"o"}:
        look = replace(palette.MODELS["select"], marker=marker)
        assert MarkerStyle(look.mark).is_filled(), marker
        assert marker == "o" or re.search(rf'^  "?{re.escape(marker)}"?: ', shapes, re.MULTILINE)


SEVEN = suite_of(
    servers=[
        *(Server(each) for each in ("select", "threads", "events", "apc", "iocp", "tpio")),
        Server("select", alias="select again"),
    ],
    connections=(1, 64, 1024),
    sizes=(64,),
)


def test_seven_series_have_seven_looks(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path, SEVEN))
    looks = palette.looks(record.condition for record in run.records)
    assert sorted(looks) == ["apc", "events", "iocp", "select", "select again", "threads", "tpio"]
    assert (
        looks["select"] == palette.MODELS["select"]
        and looks["select again"].colour == looks["select"].colour
    )
    assert (
        len({look.marker for look in looks.values()})
        == len({look.dash for look in looks.values()}) + 1
        == 7
    )  # one dash twice
    assert len({look.colour for look in looks.values()}) == 6


def test_panels_side_by_side_find_their_places(tmp_path: Path) -> None:
    """A layout that fails is only a warning of matplotlib's, which is an error in tests."""
    plot = draw(
        throughput_by_connections.draw, tmp_path, suite=replace(SEVEN, sizes=(64, 4096), rounds=2)
    )
    left, right = (axis.get_position() for axis in plot.figure.axes)
    assert left.x0 < 0.125 and left.x1 < right.x0 and right.x1 > 0.95


def test_many_series_stand_side_by_side_without_bands(tmp_path: Path) -> None:
    plot = draw(throughput_by_connections.draw, tmp_path / "seven", suite=SEVEN)
    assert "Bar: its 95 %" in texts(plot) and "Band" not in texts(plot)
    lines = [
        line
        for line in plot.figure.axes[0].lines
        if line.get_linestyle() != "None" and len(line.get_xdata()) == len(SEVEN.connections)
    ]
    for column, count in enumerate(SEVEN.connections):
        places = [line.get_xdata()[column] for line in lines]
        assert len(set(places)) == 7 and all(0.8 < place / count < 1.25 for place in places)
    few = draw(throughput_by_connections.draw, tmp_path / "few")
    assert "Band: its 95 %" in texts(few)
    assert [
        set(line.get_xdata())
        for line in few.figure.axes[0].lines
        if line.get_linestyle() != "None" and len(line.get_xdata()) == 3
    ] == [{1, 64, 1024}] * 2


def test_each_figure_is_drawn_by_its_name(
    everything: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NAMES:
        out = tmp_path / name
        assert main(["plot", name, str(everything.path), "--out", str(out)]) == 0
        assert capsys.readouterr().out.split() == [str(out / f"{name}{end}") for end in ENDS]
        with (out / f"{name}.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert {row["format"] for row in rows} == {"1"}
        assert {row["platform"] for row in rows} - {"published"} == {"wine-8.0"}


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["latency_by_percentile", "{tmp}/nowhere"], "nowhere: no such run", 2),
        (["latency_by_percentile", "{tmp}"], "it has no run.json", 2),
        (["latency_by_percentil", "{run}"], "did you mean latency_by_percentile?", 2),
        (
            ["latency_by_percentile", "{run}", "--connections", "7"],
            "--connections 7: not in this run, which has 1, 64",
            1,
        ),
        (
            ["latency_by_percentile", "{run}", "--size", "x"],
            "--size x: must be comma-separated whole numbers",
            2,
        ),
        (["primitive_costs", "{run}"], "is a run; use: iomodels run --resume", 2),
        (["primitive_costs", "{run}", "--size", "64"], "must be omitted for", 2),
    ],
)
def test_bad_input_is_one_clear_line(
    words: list[str],
    message: str,
    code: int,
    everything: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["plot", *(word.format(tmp=tmp_path, run=everything.path) for word in words)])
    [line] = capsys.readouterr().err.splitlines()
    assert end.value.code == code and message in line
    assert not (everything.path / "figures").exists()


def two_models(rates: Callable[[str, int], float | None], rounds: int) -> dict[str, Any]:
    """Options of draw(): iocp and select at 1, 64 and 1,024 connections, `rates(model, repeat)` at all of them."""
    return {
        "suite": suite_of(connections=(1, 64, 1024), sizes=(64,), rounds=rounds),
        "rate": lambda measurement: rates(measurement.condition.model, measurement.repeat),
    }


def test_the_winner_map_names_a_winner_only_where_one_is_shown(tmp_path: Path) -> None:
    def clear(model: str, repeat: int) -> float:
        return (200.0 if model == "iocp" else 100.0) + repeat

    def equal(model: str, repeat: int) -> float:
        return 100.0 + 0.1 * ((repeat * 5 + (model == "iocp") * 3) % 9)

    def open_(model: str, repeat: int) -> float:
        return 100.0 + 10 * ((repeat * 5 + (model == "iocp") * 3) % 9)

    found = {}
    for name, rates, rounds in (
        ("clear", clear, 8),
        ("equal", equal, 9),
        ("open", open_, 9),
        ("few", clear, 3),
    ):
        plot = draw(winner_map.draw, tmp_path / name, **two_models(rates, rounds))
        found[name] = {
            (row["lead"], row["fastest"], row["next"], row["tied"]) for row in table(plot)
        }
        shown = texts(plot)
        assert ("(few rounds)" in shown) is (name == "few")
        assert ("≈" in shown) is (name in ("equal", "open", "few"))
        assert ("iocp\n1.9" in shown) is (name == "clear")
    assert found["clear"] == {("clear", "iocp", "select", "")}
    assert found["few"] == {("provisional", "iocp", "select", "select")}
    assert {lead for lead, *_ in found["equal"]} == {"equal"}
    assert {lead for lead, *_ in found["open"]} == {"not decided"}


def test_a_tile_and_a_line_are_those_of_the_answer(tmp_path: Path) -> None:
    """What is drawn is what is said: word, ratio and interval come from one rule."""
    run = load_run(make_run(tmp_path, **noisy_models()))
    summary = summarise(run)
    rows = {row["connections"]: row for row in table(winner_map.draw(run))}
    lines = {
        (row["server"], row["connections"]): row for row in table(ratios_to_baseline.draw(run))
    }
    for load in summary.loads:
        assert load.fastest
        row, near = rows[load.key.connections], load.fastest.comparisons[0]
        assert (row["lead"], row["fastest"]) == (load.lead and load.lead.value, load.fastest.leader)
        assert (row["ratio"], row["ci95_low"], row["ci95_high"]) == (
            near.ratio,
            near.low,
            near.high,
        )
        for one in load.over_baseline:
            line = lines.pop((one.label, load.key.connections))
            assert (line["ratio"], line["word"]) == (one.ratio, one.word.text(0.05))
            assert (line["ci95_low"], line["ci95_high"]) == (one.low, one.high)
            assert (line["p_holm"], line["rounds"]) == (one.p_holm, one.rounds)
    assert lines == {}, "the control makes no claim and has no line"


def noisy_models() -> dict[str, Any]:
    """Options of make_run(): three models and a control, of which not all loads are decided."""
    servers = [Server(each) for each in ("select", "iocp", "tpio")]
    servers.append(Server("select", alias="select again"))
    bases = {"select": 100.0, "iocp": 130.0, "tpio": 128.0, "select again": 100.0}
    return {
        "suite": suite_of(servers, (1, 64), (64,), 8),
        "rate": noisy_rate(bases, 0.04),
    }


def test_a_server_without_a_figure_hatches_its_tile_and_is_counted(tmp_path: Path) -> None:
    def rate(measurement: Measurement) -> float | None:
        dead = (measurement.condition.model, measurement.condition.connections) == ("tpio", 64)
        return None if dead else noisy_models()["rate"](measurement)

    plot = draw(winner_map.draw, tmp_path, **{**noisy_models(), "rate": rate})
    assert {row["connections"]: row["without_figure"] for row in table(plot)} == {1: "", 64: "tpio"}
    assert "2 of 3 have a figure" in texts(plot) and "3 of 3" not in texts(plot)
    hatched = [patch.get_hatch() for patch in plot.figure.axes[0].patches]
    assert sorted(hatch or "" for hatch in hatched) == ["", "", "/////"]


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (0.62, 2.2, 7, [0.8, 1.0, 1.2, 1.6, 2.0]),
        (0.97, 1.08, 7, [1.0, 1.05]),
        (0.02, 30.0, 4, [0.1, 1.0, 10.0]),
        (1.2, 5.0, 7, [1.0, 1.4, 2.0, 3.0, 5.0]),
        (1.0, 1.0, 7, [1.0]),
    ],
)
def test_an_axis_of_ratios_has_plain_ticks_with_room(
    low: float, high: float, most: int, ticks: list[float]
) -> None:
    assert ratios_to_baseline.ratio_ticks(low, high, most) == ticks


@pytest.mark.parametrize(
    "function", [throughput_by_connections.draw, request_costs.draw, memory_by_connections.draw]
)
def test_a_run_of_one_load_has_bars_with_their_values(function: Draw, tmp_path: Path) -> None:
    suite = suite_of([Server(each) for each in ("select", "iocp")], (64,), (64,), rounds=3)
    plot = draw(function, tmp_path, suite=suite, enrich=with_everything)
    (axis, *_) = [axis for axis in plot.figure.axes if axis.get_visible()]
    assert len(axis.patches) == 2 and axis.get_xlim()[0] == 0, "a bar per server, from 0"
    assert [label.get_text() for label in axis.get_yticklabels()] in (
        ["iocp", "select"],
        ["select", "iocp"],
    )
    assert len([text for text in axis.texts if text.get_text()]) == 2, "each bar has its value"
    assert not plot.figure.legends, "the axis names the servers"


def test_a_panel_of_one_load_is_left_out_where_others_have_several(tmp_path: Path) -> None:
    suite = replace(
        suite_of(connections=(1, 64), sizes=(64,), rounds=2),
        rate_percents=(50,),
        rate_connections=(64,),
    )
    plot = draw(memory_by_connections.draw, tmp_path, suite=suite, enrich=with_everything)
    titles = [axis.get_title("left") for axis in plot.figure.axes]
    assert titles and not any("at 50 %" in title for title in titles)
    assert any(row["rate_percent"] == 50 for row in table(plot)), "its data are still there"


def test_no_tile_is_won_where_a_client_bound_server_did_more(tmp_path: Path) -> None:
    """At 64 connections the load generator's limit hides how fast tpio is."""

    def rate(measurement: Measurement) -> float | None:
        bases = {"select": 100.0, "iocp": 130.0, "tpio": 200.0}
        return noisy_rate(bases, 0.01)(measurement)

    def bound(record: Record) -> Record:
        condition = record.condition
        if (condition.model, condition.connections) != ("tpio", 64) or not record.loadgen:
            return record
        result = record.loadgen["result"]
        audit = {**result["audit"], "cpu_share_max": 0.97}
        return replace(record, loadgen={**record.loadgen, "result": {**result, "audit": audit}})

    servers = [Server(each) for each in ("select", "iocp", "tpio")]
    options = {"suite": suite_of(servers, (1, 64), (64,), 8), "rate": rate, "enrich": bound}
    plot = draw(winner_map.draw, tmp_path, **options)
    found = {row["connections"]: (row["lead"], row["fastest"]) for row in table(plot)}
    assert found == {1: ("clear", "tpio"), 64: ("not decided", "iocp")}
    assert "iocp ≈ tpio" in texts(plot) and "64 × 64 B: not decided" in plot.alt


def test_a_map_without_valid_repeats_has_no_tile_there(tmp_path: Path) -> None:
    table: dict[tuple[str, int], list[float | None]] = {
        (model, connections): [None if connections == 64 else 5.0] * 3
        for model in ("select", "iocp")
        for connections in (1, 64, 1024)
    }
    plot = draw(winner_map.draw, tmp_path, rate=rates_by(table))
    assert {row[plot.columns.index("connections")] for row in plot.rows} == {1, 1024}


def test_ratios_are_to_the_first_server_of_the_suite(tmp_path: Path) -> None:
    plot = draw(
        ratios_to_baseline.draw,
        tmp_path,
        **two_models(lambda model, repeat: 300.0 if model == "iocp" else 200.0, 9),
    )
    rows = [dict(zip(plot.columns, row)) for row in plot.rows]
    assert {(row["server"], row["baseline"], row["word"]) for row in rows} == {
        ("iocp", "select", "faster")
    }
    assert {round(float(str(row["ratio"])), 9) for row in rows} == {1.5}
    assert "64   iocp" in texts(plot) and "~" not in texts(plot).replace("and ~:", "")
    assert "over select" in texts(plot)


def test_a_difference_that_is_not_shown_is_grey_with_a_tilde(tmp_path: Path) -> None:
    plot = draw(
        ratios_to_baseline.draw,
        tmp_path,
        **two_models(lambda model, repeat: 300.0 if model == "iocp" else 200.0, 3),
    )
    assert "\n~\n" in f"\n{texts(plot)}\n"
    assert {
        line.get_color()
        for line in plot.figure.axes[0].lines
        if line.get_marker() == palette.look("iocp").marker
    } == {palette.MUTED}


def test_published_numbers_stand_beside_the_run_as_ratios(tmp_path: Path) -> None:
    plot = draw(
        then_versus_now.draw,
        tmp_path,
        **two_models(lambda model, repeat: 300.0 if model == "iocp" else 150.0, 3),
    )
    rows = [dict(zip(plot.columns, row)) for row in plot.rows]
    assert {row["ratio"] for row in rows if row["platform"] == "wine-8.0"} == {0.5}
    published = [row for row in rows if row["platform"] == "published"]
    assert len(published) == len(literature.ratios()) == 14
    hollow = [line for line in plot.figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == sum(not row["verified"] for row in published) == 6


def test_there_is_nothing_to_overlay_without_a_completion_port(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="compares with iocp"):
        draw(
            then_versus_now.draw,
            tmp_path,
            suite=suite_of(
                servers=(Server("select"), Server("events")), connections=(1,), sizes=(64,)
            ),
        )


@pytest.mark.parametrize(
    "text, message", [("format = 2", "format 2"), ("no toml", "cannot be read")]
)
def test_literature_of_another_format_is_refused(text: str, message: str, tmp_path: Path) -> None:
    for name in ("jones-ohlund-2002.toml", "published-numbers.toml"):
        (tmp_path / name).write_text(text)
    with pytest.raises(Failure, match=message):
        literature.ratios(tmp_path)


@pytest.mark.parametrize("function", DRAWS)
def test_dark_twin_has_no_light_colour_and_leaves_the_light_one_alone(
    function: Draw, everything: Run
) -> None:
    plot = drawn(function, everything)
    light = output.svg_text(plot)
    dark, swapped = output.darkened(light), palette.dark_colours()
    assert swapped[palette.PAPER] in dark and swapped[palette.INK] in dark
    assert not [colour for colour in swapped if colour in dark and colour not in swapped.values()]
    image = matplotlib.image.imread(io.BytesIO(output.png_bytes(plot, dark=True)))
    assert tuple(image[0, 0, :3]) == pytest.approx(to_rgb(swapped[palette.PAPER]), abs=0.01)
    assert output.svg_text(plot) == light


def table(plot: output.Plot, **wanted: object) -> list[dict[str, object]]:
    """The rows of a figure's data with these values."""
    rows = [dict(zip(plot.columns, row)) for row in plot.rows]
    assert all(len(row) == len(plot.columns) for row in plot.rows)
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


@pytest.mark.parametrize("function", DRAWS)
def test_every_row_has_every_column(function: Draw, everything: Run) -> None:
    assert table(drawn(function, everything))


def test_costs_are_told_by_process_with_the_reason_of_a_gap(
    everything: Run, tmp_path: Path
) -> None:
    plot = drawn(request_costs.draw, everything)
    for process, counter, cost in (
        ("server", "context_switches", 4.0),
        ("wineserver", "context_switches", 2.0),
        ("server", "cpu_ns", 50.0),
        ("wineserver", "cpu_ns", 30.0),
    ):
        for server, factor in (("select", 1.0), ("iocp", 0.5)):
            rows = table(plot, process=process, cost=counter, server=server)
            assert len(rows) == 2 * 3 and {row["median"] for row in rows} == {cost * factor}
    levels = [
        line
        for axis in plot.figure.axes
        for line in axis.lines
        if line.get_color() == palette.MUTED
    ]
    assert len(levels) == 2 * 2 * 3 and {line.get_ydata()[0] for line in levels} == {
        1,
        2,
    }  # two lines, two processes, three loads

    def no_switches(record: Record) -> Record:
        full = with_everything(record)
        row = {"value": None, "unit": "switches", "reason": "no such counter"}
        return replace(full, counters={**(full.counters or {}), "server.context_switches": row})

    gap = draw(request_costs.draw, tmp_path, enrich=no_switches)
    rows = table(gap, process="server", cost="context_switches")
    assert {(row["median"], row["reason"]) for row in rows} == {
        (None, "no such counter")
    } and "unavailable here" in texts(gap)


def test_memory_of_a_connection_is_the_slope(everything: Run) -> None:
    plot = drawn(memory_by_connections.draw, everything)
    assert {
        round(1024 * float(str(row["per_connection"])), 6)
        for row in table(plot, server="select", gauge="private memory, MiB")
    } == {4.0}
    assert "KiB per connection: select 4.00, iocp 2.00" in texts(plot)
    assert not table(plot, gauge="non-paged pool, KiB") and {
        row["median"] for row in table(plot, gauge="threads")
    } == {3.0}


def test_the_rate_of_a_latency_is_the_achieved_one(tmp_path: Path) -> None:
    def short(record: Record) -> Record:
        full = with_everything(record)
        if record.loadgen is None or not record.condition.rate_percent:
            return full
        result = full.loadgen["result"] if full.loadgen else {}
        audit = {**result["audit"], "target_rate": 2 * result["requests_per_second"]}
        return replace(full, loadgen={**record.loadgen, "result": {**result, "audit": audit}})

    met = draw(
        latency_by_rate.draw,
        tmp_path / "met",
        suite=EVERYTHING,
        rate=offered_rate,
        enrich=with_everything,
    )
    rows = table(met, server="iocp", connections=64, time="response", percentile=99.0)
    assert [(row["rate_percent"], row["achieved_per_second"]) for row in rows] == [
        (25, 2500.0),
        (50, 5000.0),
    ]
    (service,) = table(
        met, server="iocp", connections=64, time="service", percentile=99.0, rate_percent=25
    )
    assert float(str(service["latency_us"])) == pytest.approx(
        float(str(rows[0]["latency_us"])) / 2, rel=0.01
    )
    assert "Dotted: service time" in texts(met)
    with pytest.raises(
        Failure, match="no load was offered at 2 or more rates"
    ):  # repeats that missed their rate do not count
        draw(
            latency_by_rate.draw,
            tmp_path / "missed",
            suite=EVERYTHING,
            rate=offered_rate,
            enrich=short,
        )


def test_service_time_is_drawn_only_where_it_differs(everything: Run, tmp_path: Path) -> None:
    both = drawn(latency_by_percentile.draw, everything)
    assert {row["rate_percent"] for row in table(both, time="service")} == {
        25,
        50,
    } and "Dotted: service time" in texts(both)
    closed = draw(latency_by_percentile.draw, tmp_path)
    assert not table(closed, time="service") and "Dotted" not in texts(closed)


def test_the_course_shades_the_warm_up_and_names_the_verdict(everything: Run) -> None:
    plot = drawn(course_of_a_cell.draw, everything)
    own = table(plot, server="iocp", repeat=0)
    assert len(own) == INTERVALS and [row["warmup"] for row in own].index(False) == 4
    assert own[0]["mean_us"] is None and {row["replies_per_second"] for row in own} == {9904.0}
    assert "iocp: latency-bound" in texts(plot)
    shades = [patch for axis in plot.figure.axes for patch in axis.patches]
    corners = [
        shade.get_patch_transform().transform_path(shade.get_path()).vertices for shade in shades
    ]  # a polygon; since matplotlib 3.9 a rectangle
    assert len(shades) == 4 and {max(each[:, 0]) for each in corners} == {0.0}


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (request_costs.draw, "no counter of switches"),
        (memory_by_connections.draw, "no memory and no threads"),
        (latency_by_rate.draw, "2 or more rates"),
        (course_of_a_cell.draw, "no course of the load"),
    ],
)
def test_what_was_not_recorded_is_said(function: Draw, words: str, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=words):
        draw(function, tmp_path)


@pytest.mark.parametrize("replies", [0, 5])
def test_a_course_of_one_interval(replies: int, tmp_path: Path) -> None:
    """A window of a millisecond is one interval, perhaps without a reply."""

    def short(record: Record) -> Record:
        record = with_everything(record)
        assert record.loadgen
        ns = 1000 if replies else None
        course = {"begin_ns": 1, "width_ns": 10_000_000, "warmup": 0}
        found = {**course, "requests": [replies], "mean_ns": [ns], "max_ns": [ns]}
        result = {**record.loadgen["result"], "intervals": found}
        return replace(record, loadgen={**record.loadgen, "result": result})

    run = load_run(make_run(tmp_path, suite_of(connections=(1,), sizes=(64,)), enrich=short))
    if replies:
        assert course_of_a_cell.draw(run).rows
    else:
        with pytest.raises(Failure, match="no course of the load"):
            course_of_a_cell.draw(run)


SCRIPTS = sorted((ROOT / "plots").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_short_and_says_what_to_change(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert 10 <= len(text.splitlines()) <= 30
    for words in ("TITLE = None  # change", "WIDTH, STRETCH = ", "OUT = Path("):
        assert words in text
    assert f"[{script.name}]({script.name})" in (ROOT / "plots" / "README.md").read_text("utf-8")


def test_there_is_a_script_for_every_figure() -> None:
    assert {script.stem for script in SCRIPTS} == {
        figure.NAME for figure in (*OF_RUNS, *OF_MICRO_RUNS)
    }


@pytest.mark.parametrize("name", ["throughput_by_connections", "ratios_to_baseline"])
def test_a_user_copies_a_script_and_changes_it(name: str, everything: Run, tmp_path: Path) -> None:
    text = (ROOT / "plots" / f"{name}.py").read_text(encoding="utf-8")
    for before, after in (
        ("CONNECTIONS = ()", "CONNECTIONS = (64,)"),
        ("TITLE = None", 'TITLE = "Mine"'),
        ("WIDTH, STRETCH = 7.2, 1.0", "WIDTH, STRETCH = 5.0, 1.5"),
        ('OUT = Path("figures")', 'OUT = Path("mine")'),
        ("Path(__file__).resolve().parents[1]", f"Path({str(ROOT)!r})"),
    ):
        assert before in text
        text = text.replace(before, after)
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    words = [sys.executable, f"{name}.py", str(everything.path)]
    printed = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert printed.stderr == ""
    assert printed.stdout.split() == [str(Path("mine") / f"{name}{end}") for end in ENDS]
    svg = (tmp_path / "mine" / f"{name}.svg").read_text(encoding="utf-8")
    assert 'width="360pt"' in svg and ">Mine</text>" in svg
    rows = list(csv.DictReader((tmp_path / "mine" / f"{name}.csv").open(encoding="utf-8")))
    assert {row["connections"] for row in rows} == {"64"}
